//! The chat: the log, what there is to say about the connection, and the composer.

use leptos::prelude::*;

use crate::part::answer::Answering;
use crate::part::composer::Composer;
use crate::part::get_coins::CoinNotices;
use crate::part::givers::Givers;
use crate::part::goal::GoalBar;
use crate::part::log::Log;
use crate::part::packets::Packets;
use crate::part::person_card::PersonCard;
use crate::part::pinned::PinnedLine;
use crate::part::report::{Accused, ReportDialog};
use crate::part::strip::Strip;
use crate::seat::Seat;
use crate::words::use_words;

#[component]
pub fn Chat() -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let away = seat.away();
    Answering::provide();
    Accused::provide();
    view! {
        <section class="chat" aria-label=words.say("chat.title")>
            <Givers />
            <GoalBar />
            <Strip />
            <Packets />
            <PinnedLine />
            <Log />
            <Show when=move || away.get()>
                <p class="chat-notice" role="status">
                    <span class="spinner" aria-hidden="true"></span>
                    {words.say("chat.reconnecting")}
                </p>
            </Show>
            <CoinNotices />
            <Composer />
            <PersonCard />
            <ReportDialog />
        </section>
    }
}
