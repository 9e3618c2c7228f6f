//! Following a room: the button with how many do, the number alone for the creator, and the line that says who began to.

use std::sync::Arc;

use leptos::prelude::*;

use crate::following::follow;
use crate::part::icon::Icon;
use crate::part::message::shown_name;
use crate::seat::Seat;
use crate::store::i18n::Language;
use crate::store::room::Newcomer;
use crate::store::sky::short;
use crate::words::{Words, use_words};

#[component]
pub fn FollowButton() -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let room = seat.room();
    let on = Memo::new(move |_| room.with(|room| room.following.is_on()));
    let followers = Memo::new(move |_| room.with(|room| room.following.followers));
    let is_here = Memo::new(move |_| room.with(|room| room.me.is_some()) && seat.closed().get().is_none());
    let failed = Memo::new(move |_| room.with(|room| room.following.refused(f64::NEG_INFINITY).is_some()));
    // Only while there is one does it follow the clock.
    let refusal = Memo::new(move |_| {
        let now = failed.get().then(|| seat.now().get())?;
        room.with(|room| room.following.refused(now).cloned())
    });
    view! {
        <span class="follow-place">
            <button
                id="follow"
                type="button"
                class="follow"
                aria-pressed=move || on.get().to_string()
                aria-label=move || words.fill("follow.button", &[("n", &followers.get().to_string())])
                title=move || words.get(if on.get() { "follow.stop" } else { "follow.begin" })
                disabled=move || !is_here.get()
                on:click=move |_| follow(seat, !on.get_untracked())
            >
                {move || if on.get() { Icon::Check.view() } else { Icon::Bell.view() }}
                <span class="follow-word">
                    {move || words.get(if on.get() { "follow.on" } else { "follow.off" })}
                </span>
                <span id="followers" class="follow-count">{move || number(words, followers.get())}</span>
            </button>
            <span class="follow-why" role="status">{move || refusal.get().map(|failure| words.failure(&failure))}</span>
        </span>
    }
}

/// How many follow, for those who do not ask themselves whether they should.
#[component]
pub fn Followers() -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let followers = Memo::new(move |_| seat.room().with(|room| room.following.followers));
    let said = move || said(words, followers.get());
    view! {
        <span class="viewers" title=said>
            {Icon::Bell.view()}
            <span id="followers">{move || short(followers.get(), words.language() == Language::Chinese)}</span>
            <span class="hidden">{said}</span>
        </span>
    }
}

/// Somebody follows since a moment ago.
#[component]
pub fn NewcomerLine(newcomer: Arc<Newcomer>) -> impl IntoView {
    let words = use_words();
    let name = shown_name(&newcomer.user);
    let followers = newcomer.followers;
    view! {
        <p class="message-notice" data-newcomer=newcomer.user.id.to_string()>
            {Icon::Bell.view()}
            <span>
                {move || words.fill("notice.followed", &[("name", &name), ("count", &said(words, followers))])}
            </span>
        </p>
    }
}

fn said(words: Words, followers: u64) -> String {
    words.count("follow.one", "follow.many", u32::try_from(followers).unwrap_or(u32::MAX))
}

/// Nothing before the first.
fn number(words: Words, followers: u64) -> String {
    if followers == 0 { String::new() } else { short(followers, words.language() == Language::Chinese) }
}
