//! The room's earlier broadcasts, for those who come while it is not live.

use std::time::Duration;

use footlight_protocol::replay::Line;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::api::Relay;
use crate::browser;
use crate::part::icon::Icon;
use crate::store::i18n;
use crate::words::use_words;

/// Broadcasts that are shown before somebody wants more.
const FIRST: usize = 6;
/// A broadcast that has just ended is written down within this time.
const WRITTEN: Duration = Duration::from_secs(5);

#[component]
pub fn Replays() -> impl IntoView {
    let (relay, words) = (expect_context::<Relay>(), use_words());
    let lines = RwSignal::new(Vec::<Line>::new());
    let all = RwSignal::new(false);
    spawn_local(async move {
        for pause in [None, Some(WRITTEN)] {
            if let Some(pause) = pause {
                browser::sleep(pause).await;
            }
            // Without an answer there is nothing to offer, and nothing is missing.
            if let Ok(found) = relay.replays().await
                && lines.try_with_untracked(|lines| *lines != found) == Some(true)
            {
                lines.try_set(found);
            }
        }
    });
    // Few and seldom new: drawn as a whole, which is less to download than to compare.
    move || {
        let lines = lines.get();
        let (count, most) = (lines.len(), if all.get() { lines.len() } else { FIRST });
        (count > 0).then(|| {
            let more = (count > most).then(|| {
                view! {
                    <button type="button" class="secondary" on:click=move |_| all.set(true)>
                        {move || words.fill("replays.more", &[("n", &count.to_string())])}
                    </button>
                }
            });
            view! {
                <section class="replays" aria-labelledby="replays-title">
                    <h2 id="replays-title">{words.say("replays.title")}</h2>
                    <ul class="replay-list">{lines.into_iter().take(most).map(tile).collect_view()}</ul>
                    {more}
                </section>
            }
            .into_any()
        })
    }
}

fn tile(line: Line) -> AnyView {
    let words = use_words();
    let began = line.began_ms as f64;
    let day = move || {
        let parts = [("day", "numeric"), ("month", "short"), ("year", "numeric")];
        browser::moment(began, words.language().tag(), &parts)
    };
    let time = move || browser::moment(began, words.language().tag(), &[("timeStyle", "short")]);
    let (title, poster) = (line.title.clone(), line.poster.clone());
    view! {
        <li>
            <a class="tile" href=format!("/{}/replay/{}", line.room, line.id)>
                <span class="tile-picture">
                    {Icon::Film.view()}
                    // The first picture of a video that does not play: browsers show it where a time is named.
                    {poster
                        .map(|poster| {
                            view! {
                                <video muted playsinline preload="auto" tabindex="-1" src=format!("{poster}#t=0.001")></video>
                            }
                        })}
                    <span class="tile-length">{i18n::clock(line.duration_ms / 1_000)}</span>
                </span>
                <span class="tile-title">
                    {move || title.clone().unwrap_or_else(day)}
                </span>
                <span class="tile-when">
                    {
                        let titled = line.title.is_some();
                        move || if titled { format!("{} · {}", day(), time()) } else { time() }
                    }
                </span>
            </a>
        </li>
    }
    .into_any()
}
