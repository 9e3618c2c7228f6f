//! What is kept on this computer, live or not: the button that records, the last seconds, and what the disk has left.
//! What is kept for viewers is another thing: [`super::recording`].

use leptos::prelude::*;

use crate::acting::Acting;
use crate::desk::Desk;
use crate::part::icon::Icon;
use crate::seat::Seat;
use crate::store::i18n;
use crate::store::recorder::{self, Left, Shown, Trouble};
use crate::words::use_words;

#[component]
pub fn RecorderRow() -> impl IntoView {
    let (acting, desk, seat, words) = (Acting::get(), Desk::get(), Seat::get(), use_words());
    let look = move |read: fn(&footlight_protocol::record::Recorder) -> Shown| {
        desk.snapshot().with(|snapshot| read(&snapshot.recorder))
    };
    let shown = Memo::new(move |_| look(recorder::shown));
    let replay = Memo::new(move |_| desk.snapshot().with(|snapshot| recorder::replay(&snapshot.recorder)));
    let meter = Memo::new(move |_| desk.snapshot().with(|snapshot| recorder::meter(&snapshot.recorder)));
    let found =
        Memo::new(move |_| desk.snapshot().with(|snapshot| recorder::found(&snapshot.recorder).cloned()));
    let on = move || shown.get() != Shown::Off;
    let label = move || match shown.get() {
        Shown::Off => words.get("recorder.record").to_owned(),
        Shown::Recording { since } => {
            let seconds = ((seat.now().get() - since as f64) / 1_000.0).max(0.0) as u64;
            i18n::long_clock(seconds)
        }
    };
    let left = move |left: Left| match left {
        Left::Hours(n) => words.fill("recorder.left_hours", &[("n", &n.to_string())]),
        Left::Minutes(n) => words.fill("recorder.left_minutes", &[("n", &n.to_string())]),
    };
    view! {
        <div class="recorder" data-state=move || if on() { "on" } else { "off" }>
            <button
                id="record"
                type="button"
                class="secondary record-local"
                aria-pressed=move || on().to_string()
                aria-label=words.say("recorder.title")
                title=move || {
                    let hint = words.get(if on() { "recorder.stop_hint" } else { "recorder.hint" });
                    acting.titled(hint, "record")
                }
                on:click=move |_| desk.toggle_recording()
            >
                <span class="record-dot" aria-hidden="true"></span>
                <span class="record-says">{label}</span>
            </button>
            {move || {
                replay
                    .get()
                    .map(|(held, whole)| {
                        let n = move || held.to_string();
                        view! {
                            <button
                                id="save-replay"
                                type="button"
                                class="secondary"
                                data-whole=whole.to_string()
                                disabled=held == 0
                                title=words.say("recorder.save_hint")
                                on:click=move |_| desk.save_replay()
                            >
                                {Icon::Back.view()}
                                {move || words.fill("recorder.save", &[("n", &n())])}
                            </button>
                        }
                    })
            }}
            <span class="recorder-more">
                {move || {
                    meter
                        .get()
                        .map(|(time, little)| {
                            view! {
                                <span
                                    id="disk-left"
                                    class="disk-left"
                                    class:little=little
                                    title=words.say("recorder.left_hint")
                                >
                                    {move || left(time)}
                                </span>
                            }
                        })
                }}
                {move || {
                    found
                        .get()
                        .map(|saved| {
                            view! {
                                <button
                                    id="show-recording"
                                    type="button"
                                    data-name=saved.name.clone()
                                    title=saved.name
                                    on:click=move |_| desk.show_recordings()
                                >
                                    {words.say("recorder.show")}
                                </button>
                            }
                        })
                }}
            </span>
        </div>
    }
}

/// What went wrong with it, until the creator has seen it or it is better.
#[component]
pub fn RecorderNotes() -> impl IntoView {
    let (desk, words) = (Desk::get(), use_words());
    let trouble = Memo::new(move |_| desk.snapshot().with(|snapshot| recorder::trouble(&snapshot.recorder)));
    let seen = RwSignal::new(None::<Trouble>);
    move || {
        let trouble = trouble.get();
        let unseen = trouble.filter(|trouble| seen.get().as_ref() != Some(trouble))?;
        let (title, text) = match &unseen {
            Trouble::Stopped(failure) => {
                let failure = failure.clone();
                ("recorder.stopped", Signal::derive(move || words.failure(&failure)))
            }
            Trouble::Gaps(_) => {
                ("recorder.slow", Signal::derive(move || words.get("recorder.slow_text").to_owned()))
            }
        };
        Some(view! {
            <div class="notes" role="status">
                <section id="recorder-note" class="note trouble">
                    {Icon::Warning.view()}
                    <div>
                        <h2>{words.say(title)}</h2>
                        <p>{text}</p>
                    </div>
                    <button
                        type="button"
                        class="quiet square"
                        aria-label=words.say("common.dismiss")
                        on:click=move |_| seen.set(Some(unseen.clone()))
                    >
                        {Icon::Close.view()}
                    </button>
                </section>
            </div>
        })
    }
}
