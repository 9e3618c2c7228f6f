//! The message that stands above the chat.

use footlight_protocol::room::Action;
use leptos::prelude::*;

use crate::emotes::known_now;
use crate::part::icon::Icon;
use crate::part::message::name_view;
use crate::part::speech::speech_view;
use crate::seat::Seat;
use crate::store::speech::pieces;
use crate::words::use_words;

#[component]
pub fn PinnedLine() -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let pinned = Memo::new(move |_| seat.room().with(|room| room.pinned.clone()));
    let moderates = seat.moderates();
    move || {
        pinned.get().map(|pinned| {
            view! {
                <aside id="pinned" class="pinned" aria-label=words.say("pin.title")>
                    {Icon::Pin.view()}
                    <p class="message-line">
                        {name_view(words, &pinned.by)} <span class="message-text">{speech_view(&pieces(&pinned.text, "", &known_now()))}</span>
                    </p>
                    <Show when=move || moderates.get()>
                        <button
                            type="button"
                            class="tool"
                            title=words.say("pin.take_down")
                            aria-label=words.say("pin.take_down")
                            on:click=move |_| seat.act(Action::Unpin {})
                        >
                            {Icon::Close.view()}
                        </button>
                    </Show>
                </aside>
            }
        })
    }
}
