//! What stands over a replay while it does not play: it loads, it waits for a touch, it is over, it cannot be had.

use leptos::prelude::*;

use crate::part::icon::{Icon, Mark};
use crate::replaying::Replaying;
use crate::store::replay::{Status, Why};
use crate::words::{Words, use_words};

#[component]
pub fn ReplayBoards() -> impl IntoView {
    let (replaying, words) = (Replaying::get(), use_words());
    move || match replaying.status().get() {
        Status::Playing => ().into_any(),
        Status::Loading => view! {
            <div class="board connecting" role="status">
                <span class="spinner big" aria-hidden="true"></span>
                <p>{words.say("replay.loading")}</p>
            </div>
        }
        .into_any(),
        Status::Waiting => view! {
            <div class="waits" role="status">
                <span class="spinner big" aria-hidden="true"></span>
                <span class="hidden">{words.say("replay.loading")}</span>
            </div>
        }
        .into_any(),
        Status::Paused => big(replaying, words, Icon::Play, "replay.play"),
        Status::Ended => big(replaying, words, Icon::Replay, "replay.again"),
        Status::Failed(why) => failed(replaying, words, &why),
    }
}

/// The one thing to do, in the middle.
fn big(replaying: Replaying, words: Words, icon: Icon, says: &'static str) -> AnyView {
    view! {
        <button
            type="button"
            class="big-play"
            aria-label=words.say(says)
            on:click=move |_| replaying.toggle()
        >
            {icon.view()}
        </button>
    }
    .into_any()
}

fn failed(replaying: Replaying, words: Words, why: &Why) -> AnyView {
    let room = format!("/{}", replaying.room());
    let on_air = *why == Why::OnAir;
    let (title, text) = match why {
        Why::Missing => ("replay.missing", words.get("replay.missing_text").to_owned()),
        Why::OnAir => ("replay.on_air", words.get("replay.on_air_text").to_owned()),
        Why::Broken => ("replay.broken", words.get("replay.broken_text").to_owned()),
        Why::Unreachable => ("replay.broken", words.get("why.unreachable").to_owned()),
        Why::Refused(failure) => ("replay.broken", words.failure(failure)),
    };
    let again = matches!(why, Why::Unreachable);
    let icon = match why {
        Why::OnAir => view! { <Mark /> }.into_any(),
        Why::Missing => Icon::Film.view(),
        _ => Icon::Warning.view(),
    };
    view! {
        <div class="board failed" role="alert">
            {icon} <h1>{words.say(title)}</h1> <p>{text}</p>
            {again.then(|| view! { <p class="retry">{words.say("watch.retry_now")}</p> })}
            <a class="secondary" href=room>
                {words.say(if on_air { "replay.watch_live" } else { "replay.to_room" })}
            </a>
        </div>
    }
    .into_any()
}
