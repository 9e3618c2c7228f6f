//! Lines of the log about coins that are no gifts: a red packet was put up, somebody became a member.

use footlight_protocol::room::Member;
use leptos::prelude::*;

use crate::part::icon::Icon;
use crate::part::message::name_view;
use crate::part::refund::Refund;
use crate::words::use_words;

#[component]
pub fn PacketLine(by: Member, takers: u32, coins: u64) -> impl IntoView {
    let words = use_words();
    let text = move || words.count("packet.put_one", "packet.put_many", takers);
    view! {
        <div class="message gift" data-user=by.id.to_string()>
            <span class="gift-icon" aria-hidden="true">"🧧"</span>
            <p class="message-line">
                {name_view(words, &by)} <span class="message-text">{text}</span>
                {(coins > 0).then(|| view! { <span class="coins">{Icon::Coin.view()} {coins}</span> })}
            </p>
        </div>
    }
}

#[component]
pub fn MemberLine(by: Member, months: u32, coins: u64, entry: u64) -> impl IntoView {
    let words = use_words();
    let text = move || {
        if months > 1 {
            words.fill("member.stayed", &[("n", &months.to_string())])
        } else {
            words.get("member.became").to_owned()
        }
    };
    view! {
        <div class="message gift" data-entry=entry.to_string() data-user=by.id.to_string()>
            <span class="gift-icon member-icon" aria-hidden="true">{Icon::Star.view()}</span>
            <p class="message-line">
                {name_view(words, &by)} <span class="message-text">{text}</span>
                {(coins > 0).then(|| view! { <span class="coins">{Icon::Coin.view()} {coins}</span> })}
            </p>
            <Refund entry says="paid.refund" />
        </div>
    }
}
