//! After a broadcast: what it was like, in numbers and lines.

use std::time::Duration;

use footlight_protocol::room::ServerMessage;
use leptos::prelude::*;

use crate::browser;
use crate::desk::Desk;
use crate::part::copy::CopyButton;
use crate::part::modal::modal;
use crate::seat::Seat;
use crate::store::i18n;
use crate::store::room::RoomEvent;
use crate::store::summary::{Line, MOST_PEOPLE, Summary, polyline};
use crate::words::{Words, use_words};

/// How often it is looked at: a second, which the lines count in.
const LOOK: Duration = Duration::from_secs(1);
/// Who was on air for less, in seconds, tried something out.
const SHORTEST: u64 = 5;
/// Units of a chart's box.
const CHART: (f32, f32) = (300.0, 64.0);

/// The broadcast that runs, or the last one.
#[derive(Clone, Copy)]
pub struct Counting {
    now: RwSignal<Option<Summary>>,
    /// The last one, until the creator has seen it.
    over: RwSignal<Option<Summary>>,
}

impl Counting {
    /// Takes note of what happens in the room.
    pub fn hear(self, event: &RoomEvent) {
        let RoomEvent::Server(said) = event else { return };
        let events = match said {
            ServerMessage::Event { event } => std::slice::from_ref(event),
            ServerMessage::Welcome { resumed: true, history, .. } => &history[..],
            _ => return,
        };
        if self.now.with_untracked(Option::is_some) {
            self.now.update(|now| {
                let Some(now) = now else { return };
                events.iter().for_each(|event| now.hear(event.seq, event.at as f64, &event.kind));
            });
        }
    }
}

/// Follows the broadcasts, for the components below.
pub fn provide() -> Counting {
    let (desk, seat) = (Desk::get(), Seat::get());
    let counting = Counting { now: RwSignal::new(None), over: RwSignal::new(None) };
    provide_context(counting);
    let since = Memo::new(move |_| desk.snapshot().with(|snapshot| snapshot.phase.since()));
    let idle = Memo::new(move |_| desk.snapshot().with(|snapshot| !snapshot.phase.on_air()));
    Effect::new(move |_| {
        if let Some(since) = since.get() {
            counting.over.set(None);
            counting.now.set(Some(Summary::begin(since as f64)));
        }
    });
    Effect::new(move |_| {
        if idle.get()
            && let Some(summary) = counting.now.try_update(Option::take).flatten()
            && summary.seconds() >= SHORTEST
        {
            counting.over.set(Some(summary));
        }
    });
    let look = move || {
        if since.try_get_untracked().flatten().is_none() {
            return;
        }
        let viewers = seat.room().with_untracked(|room| room.presence.viewers);
        let health = desk.snapshot().with_untracked(|snapshot| snapshot.health);
        counting.now.update(|now| {
            if let Some(now) = now {
                now.look(viewers, &health, browser::now_ms());
            }
        });
    };
    if let Ok(timer) = set_interval_with_handle(look, LOOK) {
        on_cleanup(move || timer.clear());
    }
    counting
}

/// Opens by itself when a broadcast is over.
#[component]
pub fn SummaryDialog() -> impl IntoView {
    let (counting, words) = (expect_context::<Counting>(), use_words());
    let over = counting.over;
    let dialog = modal(move || over.with(Option::is_some));
    let close = move || over.set(None);
    let text = Signal::derive(move || {
        over.with(|over| over.as_ref().map(|over| as_text(words, over))).unwrap_or_default()
    });
    view! {
        <dialog
            id="summary"
            class="dialog summary"
            node_ref=dialog
            aria-labelledby="summary-title"
            on:close=move |_| close()
        >
            {move || over.get().map(|summary| view! { <Board summary /> })}
            <div class="dialog-buttons">
                <CopyButton id="summary-copy" text field=NodeRef::new() />
                <button id="summary-close" type="button" class="primary" autofocus on:click=move |_| close()>
                    {words.say("common.close")}
                </button>
            </div>
        </dialog>
    }
}

#[component]
fn Board(summary: Summary) -> impl IntoView {
    let words = use_words();
    let figures = figures(words, &summary);
    let liveliest = summary.liveliest().map(|(minute, said)| {
        let at = i18n::long_clock(minute * 60);
        words.fill("summary.liveliest", &[("at", &at), ("n", &said.to_string())])
    });
    let lost = words.fill("summary.lost", &[("n", &format!("{:.2}", summary.lost_percent()))]);
    let rate = format!("{:.1}", summary.rate.highest() / 1_000.0);
    view! {
        <h2 id="summary-title">{words.fill("summary.title", &[("time", &i18n::long_clock(summary.seconds()))])}</h2>
        <dl class="summary-figures">
            {figures
                .into_iter()
                .map(|(name, key, value)| {
                    view! {
                        <div data-figure=name>
                            <dt>{words.get(key)}</dt>
                            <dd>{value}</dd>
                        </div>
                    }
                })
                .collect_view()}
        </dl>
        <Chart title=words.get("summary.viewers") line=summary.viewers.clone() most=summary.peak.to_string() />
        <Chart title=words.get("summary.rate") line=summary.rate.clone() most=format!("{rate} Mbit/s") />
        <Show when={
            let some = summary.lost_total > 0;
            move || some
        }>
            <Chart title=words.get("summary.lost_line") line=summary.lost.clone() most=String::new() />
        </Show>
        <p class="summary-note">{lost}</p>
        {liveliest.map(|text| view! { <p class="summary-note">{text}</p> })}
    }
}

/// Names, keys of their words, and values of the figures that are shown.
fn figures(words: Words, summary: &Summary) -> Vec<(&'static str, &'static str, String)> {
    let people = summary.people();
    let people = if people < MOST_PEOPLE {
        people.to_string()
    } else {
        words.fill("summary.more_than", &[("n", &people.to_string())])
    };
    vec![
        ("peak", "summary.peak", summary.peak.to_string()),
        ("people", "summary.people", people),
        ("messages", "summary.messages", summary.messages.to_string()),
        ("gifts", "summary.gifts", summary.gifts.to_string()),
        ("coins", "summary.coins", summary.coins.to_string()),
        ("members", "summary.members", summary.members.to_string()),
    ]
}

/// For the clipboard.
fn as_text(words: Words, summary: &Summary) -> String {
    let title = words.fill("summary.title", &[("time", &i18n::long_clock(summary.seconds()))]);
    let lines =
        figures(words, summary).into_iter().map(|(_, key, value)| format!("{}: {value}", words.get(key)));
    std::iter::once(title).chain(lines).collect::<Vec<_>>().join("\n")
}

/// One line over the broadcast's time.
#[component]
fn Chart(title: &'static str, line: Line, most: String) -> impl IntoView {
    let (width, height) = CHART;
    let points = polyline(&line, CHART);
    let area = format!("0,{height} {points} {width},{height}");
    view! {
        <figure class="chart">
            <figcaption>
                <span>{title}</span>
                <span class="chart-most">{most}</span>
            </figcaption>
            <svg viewBox=format!("0 0 {width} {height}") preserveAspectRatio="none" aria-hidden="true">
                <polygon class="chart-area" points=area />
                <polyline class="chart-line" points=points />
            </svg>
        </figure>
    }
}
