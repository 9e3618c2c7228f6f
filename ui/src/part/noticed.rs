//! What a person is told when a moderator acted upon a message of theirs: why, what was done, and what would be next.

use footlight_protocol::report::{Notice, Step};
use leptos::prelude::*;

use crate::part::icon::Icon;
use crate::part::report::ground_key;
use crate::part::reports::step_key;
use crate::seat::Seat;
use crate::words::use_words;

#[component]
pub fn NoticeLine() -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let notice = Memo::new(move |_| seat.room().with(|room| room.notice));
    move || {
        notice.get().map(|Notice { ground, step, next }| {
            let says = move || {
                let gone = match ground {
                    Some(ground) => {
                        words.fill("notice_to.gone_for", &[("why", words.get(ground_key(ground)))])
                    }
                    None => words.get("notice_to.gone").to_owned(),
                };
                let next = words.fill("notice_to.next", &[("step", words.get(step_key(next)))]);
                if step == Step::Ban { gone } else { format!("{gone} {next}") }
            };
            view! {
                <div id="notice" class="noticed" role="alert">
                    {Icon::Warning.view()}
                    <p>{says}</p>
                    <button
                        type="button"
                        class="tool"
                        title=words.say("common.close")
                        aria-label=words.say("common.close")
                        on:click=move |_| seat.notice_seen()
                    >
                        {Icon::Close.view()}
                    </button>
                </div>
            }
        })
    }
}
