//! What is beside the picture on the viewer page: the chat, and for those who moderate what waits for them.

use leptos::prelude::*;
use web_sys::KeyboardEvent;

use crate::browser;
use crate::part::chat::Chat;
use crate::part::held::HeldList;
use crate::part::shield::{self, ShieldButton};
use crate::part::toast::Toasts;
use crate::seat::Seat;
use crate::words::use_words;

/// Whether a moderator looks at what waits instead of at the chat.
#[derive(Clone, Copy)]
pub struct Looking(RwSignal<bool>);

impl Looking {
    pub fn provide() -> Self {
        let looking = Self(RwSignal::new(false));
        provide_context(looking);
        looking
    }

    /// A key of those who moderate, the same as in the studio; says whether it was one.
    pub fn key(self, seat: Seat, event: &KeyboardEvent) -> bool {
        if !seat.moderates().get_untracked() {
            return false;
        }
        match event.key().to_lowercase().as_str() {
            "u" => seat.take_back(None),
            "s" if event.shift_key() => shield::toggle(seat),
            "h" => {
                self.0.set(true);
                request_animation_frame(|| browser::focus_in("#held [data-held], #held button"));
            }
            "c" => {
                self.0.set(false);
                request_animation_frame(|| browser::focus("chat-input"));
            }
            _ => return false,
        }
        true
    }
}

#[component]
pub fn Side() -> impl IntoView {
    let (seat, words, Looking(wanted)) = (Seat::get(), use_words(), expect_context::<Looking>());
    let moderates = seat.moderates();
    let open = Memo::new(move |_| seat.room().with(|room| room.guard.open()));
    // Whoever does not moderate any more is back at the chat.
    let looks = Memo::new(move |_| moderates.get() && wanted.get());
    view! {
        <Show when=move || moderates.get()>
            <header class="side-head">
                <div class="tabs" role="tablist" aria-label=words.say("moderate.title")>
                    <button
                        id="tab-chat"
                        type="button"
                        role="tab"
                        aria-selected=move || (!looks.get()).to_string()
                        aria-controls="side-chat"
                        on:click=move |_| wanted.set(false)
                    >
                        {words.say("chat.title")}
                    </button>
                    <button
                        id="tab-held"
                        type="button"
                        role="tab"
                        aria-selected=move || looks.get().to_string()
                        aria-controls="held"
                        on:click=move |_| wanted.set(true)
                    >
                        {words.say("held.title")}
                        <Show when=move || { open.get() > 0 }>
                            <span class="tab-count">{open}</span>
                        </Show>
                    </button>
                </div>
                <span class="gap"></span>
                <ShieldButton />
            </header>
        </Show>
        <div id="side-chat" class="side-pane" class:hidden-pane=looks>
            <Chat />
        </div>
        <Show when=move || looks.get()>
            <HeldList />
        </Show>
        <Show when=move || moderates.get()>
            <Toasts />
        </Show>
    }
}
