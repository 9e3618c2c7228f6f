//! What had been said until the picture that is on the screen.

use std::sync::Arc;

use leptos::prelude::*;

use crate::emotes::known_now;
use crate::part::answer::quote_view;
use crate::part::end::End;
use crate::part::icon::Icon;
use crate::part::message::name_view;
use crate::part::speech::speech_view;
use crate::replaying::Replaying;
use crate::store::i18n;
use crate::store::replay::{Said, Status};
use crate::store::speech::pieces;
use crate::words::use_words;

#[component]
pub fn TalkLog() -> impl IntoView {
    let (replaying, words) = (Replaying::get(), use_words());
    let end = End::new();
    let rows = move || {
        replaying.known().track();
        replaying.lines(replaying.said().get())
    };
    Effect::new(move |before: Option<usize>| {
        let said = replaying.said().get();
        // Whoever goes back sees what was the newest then.
        if end.is_here() || before.is_some_and(|before| said < before) {
            end.go();
        }
        said
    });
    let empty = Memo::new(move |_| {
        let loaded = !matches!(replaying.status().get(), Status::Loading | Status::Failed(_));
        (loaded && replaying.said().get() == 0).then(|| replaying.known().get() == 0)
    });
    view! {
        <div class="log-frame">
            <div
                id="talk"
                class="log talk"
                role="log"
                aria-live="off"
                aria-label=words.say("chat.log")
                tabindex="0"
                node_ref=end.frame
                on:scroll=move |_| {
                    end.look();
                }
            >
                <For each=rows key=|said| said.id let:said>
                    <Row said />
                </For>
            </div>
            {move || {
                empty
                    .get()
                    .map(|never| {
                        view! {
                            <div class="log-empty">
                                {Icon::Chat.view()}
                                <strong>{words.say(if never { "replay.talk_none" } else { "replay.talk_later" })}</strong>
                                <Show when=move || !never>
                                    <span>{words.say("replay.talk_later_text")}</span>
                                </Show>
                            </div>
                        }
                    })
            }}
            <Show when=move || { replaying.said().get() > 0 && !end.here().get() }>
                <button type="button" class="new-messages" on:click=move |_| end.go()>
                    {words.say("replay.talk_follow")}
                </button>
            </Show>
        </div>
    }
}

#[component]
fn Row(said: Arc<Said>) -> impl IntoView {
    let words = use_words();
    view! {
        <div class="message" data-message-id=said.id.0.to_string() data-at-ms=said.at_ms.to_string()>
            {said.quote.as_deref().map(|quote| quote_view(words, quote))}
            <p class="message-line">
                <time class="talk-time">{i18n::clock(said.at_ms / 1_000)}</time>
                {name_view(words, &said.by)} <span class="message-text">{speech_view(&pieces(&said.text, "", &known_now()))}</span>
            </p>
        </div>
    }
}
