//! What can be done with coins besides gifts, each a page of the tray: a message that stands above the chat, a red packet,
//! a membership.

use footlight_protocol::Nonce;
use footlight_protocol::room::{MAX_TEXT, UnixMillis};
use footlight_protocol::spend::{MAX_PACKET, MAX_TAKERS, Spend, TIERS};
use leptos::prelude::*;

use crate::part::icon::Icon;
use crate::seat::Seat;
use crate::words::use_words;

/// How long a red packet is open, in minutes.
const MINUTES: [u32; 4] = [1, 3, 5, 10];
/// How many draw, as people like it.
const TAKERS: [u32; 4] = [5, 10, 20, 50];

/// What somebody has for it, and whether anything can be sent now.
fn purse(seat: Seat) -> (Memo<u64>, Memo<bool>) {
    let room = seat.room();
    let coins = Memo::new(move |_| room.with(|room| room.coins.unwrap_or(0)));
    let ready = Memo::new(move |_| {
        let named = room.with(|room| !room.name().is_empty());
        named && !seat.away().get() && seat.closed().get().is_none()
    });
    (coins, ready)
}

/// Runs when the request of that nonce was carried out.
fn when_done(seat: Seat, sent: RwSignal<Option<Nonce>>, then: impl Fn() + 'static) {
    let answered = Memo::new(move |_| seat.room().with(|room| room.spend.answered.clone()));
    Effect::new(move |_| {
        let Some((nonce, done)) = answered.get() else { return };
        if sent.get_untracked().as_ref() == Some(&nonce) {
            sent.set(None);
            if done {
                then();
            }
        }
    });
}

#[component]
pub fn PaidForm(text: RwSignal<String>) -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let (coins, ready) = purse(seat);
    let (at, sent) = (RwSignal::new(0_usize), RwSignal::new(None));
    let cost = Memo::new(move |_| TIERS[at.get().min(TIERS.len() - 1)].0);
    let length = Memo::new(move |_| text.with(|text| text.trim().chars().count()));
    let enough = move || coins.get() >= cost.get();
    let can = Memo::new(move |_| {
        ready.get() && enough() && (1..=MAX_TEXT).contains(&length.get()) && sent.with(Option::is_none)
    });
    when_done(seat, sent, move || text.set(String::new()));
    let send = move |_| {
        if can.get_untracked() {
            let text = text.with_untracked(|text| text.trim().replace(['\r', '\n'], " "));
            sent.set(seat.spend(Spend::Say { text, coins: cost.get_untracked() }));
        }
    };
    let long = move |seconds: u32| match seconds {
        0..60 => words.fill("time.seconds", &[("n", &seconds.to_string())]),
        _ => words.fill("time.minutes", &[("n", &(seconds / 60).to_string())]),
    };
    view! {
        <p class="gift-hint">{words.say("paid.text")}</p>
        <div class="tiers" role="radiogroup" aria-label=words.say("paid.title")>
            {TIERS
                .into_iter()
                .enumerate()
                .map(|(n, (price, seconds))| {
                    view! {
                        <button
                            type="button"
                            role="radio"
                            class=format!("tier tier-{}", n + 1)
                            aria-checked=move || (at.get() == n).to_string()
                            on:click=move |_| at.set(n)
                        >
                            <span class="coins">{Icon::Coin.view()} {price}</span>
                            <span>{move || long(seconds)}</span>
                        </button>
                    }
                })
                .collect_view()}
        </div>
        <textarea
            id="paid-text"
            rows="2"
            aria-label=words.say("paid.message")
            placeholder=words.say("paid.message")
            prop:value=move || text.get()
            on:input=move |event| text.set(event_target_value(&event))
        ></textarea>
        <button id="paid-send" type="button" class="primary gift-send" disabled=move || !can.get() on:click=send>
            {words.say("gift.send")} <span class="coins">{Icon::Coin.view()} {cost}</span>
        </button>
        <Hint enough=Signal::derive(enough) />
    }
}

#[component]
pub fn PacketForm() -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let (coins, ready) = purse(seat);
    let (amount, takers) = (RwSignal::new("100".to_owned()), RwSignal::new(TAKERS[1]));
    let (minutes, sent) = (RwSignal::new(MINUTES[1]), RwSignal::new(None));
    let cost = Memo::new(move |_| amount.with(|amount| amount.trim().parse::<u64>().unwrap_or(0)));
    // The creator's are new coins.
    let enough = move || seat.owns().get() || coins.get() >= cost.get();
    let fits = move || (u64::from(takers.get())..=MAX_PACKET).contains(&cost.get());
    let can = Memo::new(move |_| ready.get() && enough() && fits() && sent.with(Option::is_none));
    when_done(seat, sent, || {});
    let send = move |_| {
        if can.get_untracked() {
            let (coins, takers) = (cost.get_untracked(), takers.get_untracked());
            let seconds = minutes.get_untracked() * 60;
            sent.set(seat.spend(Spend::Packet { coins, takers, seconds }));
        }
    };
    view! {
        <p class="gift-hint">{words.say("packet.text")}</p>
        <label class="spend-row">
            <span>{words.say("packet.coins")}</span>
            <input
                id="packet-coins"
                type="number"
                min="1"
                max=MAX_PACKET.to_string()
                prop:value=move || amount.get()
                on:input=move |event| amount.set(event_target_value(&event))
            />
        </label>
        <div class="spend-row">
            <span>{words.say("packet.takers")}</span>
            <div class="gift-counts" role="radiogroup" aria-label=words.say("packet.takers")>
                {TAKERS.into_iter().filter(|n| *n <= MAX_TAKERS).map(|n| choice(takers, n, n.to_string())).collect_view()}
            </div>
        </div>
        <div class="spend-row">
            <span>{words.say("packet.minutes")}</span>
            <div class="gift-counts" role="radiogroup" aria-label=words.say("packet.minutes")>
                {MINUTES.map(|n| choice(minutes, n, n.to_string())).collect_view()}
            </div>
        </div>
        <button id="packet-send" type="button" class="primary gift-send" disabled=move || !can.get() on:click=send>
            {words.say("packet.send")} <span class="coins">{Icon::Coin.view()} {cost}</span>
        </button>
        <Hint enough=Signal::derive(enough) />
    }
}

fn choice(of: RwSignal<u32>, n: u32, says: String) -> impl IntoView {
    view! {
        <button
            type="button"
            role="radio"
            class="gift-count"
            aria-checked=move || (of.get() == n).to_string()
            on:click=move |_| of.set(n)
        >
            {says}
        </button>
    }
}

#[component]
pub fn MemberForm() -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let (coins, ready) = purse(seat);
    let sent = RwSignal::new(None);
    let cost = Memo::new(move |_| seat.room().with(|room| u64::from(room.spend.terms.membership)));
    let until = Memo::new(move |_| seat.room().with(|room| room.spend.member_until));
    let enough = move || coins.get() >= cost.get();
    let can = Memo::new(move |_| ready.get() && enough() && cost.get() > 0 && sent.with(Option::is_none));
    when_done(seat, sent, || {});
    let send = move |_| {
        if can.get_untracked() {
            sent.set(seat.spend(Spend::Member {}));
        }
    };
    view! {
        <p class="member-card">
            {Icon::Star.view()}
            <span>
                {move || match until.get() {
                    Some(until) => words.fill("member.until", &[("date", &day(until))]),
                    None => words.get("member.text").to_owned(),
                }}
            </span>
        </p>
        <button id="member-send" type="button" class="primary gift-send" disabled=move || !can.get() on:click=send>
            {move || words.get(if until.get().is_some() { "member.longer" } else { "member.join" })}
            <span class="coins">{Icon::Coin.view()} {cost}</span>
        </button>
        <Hint enough=Signal::derive(enough) />
    }
}

/// Why nothing can be sent.
#[component]
fn Hint(enough: Signal<bool>) -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let hint = move || {
        if seat.room().with(|room| room.name().is_empty()) {
            Some(words.get("gift.name_first"))
        } else if !enough.get() {
            Some(words.get("gift.too_few"))
        } else {
            None
        }
    };
    view! { <p class="gift-hint" role="status">{hint}</p> }
}

fn day(at: UnixMillis) -> String {
    let date = js_sys::Date::new(&(at as f64).into());
    format!("{}-{:02}-{:02}", date.get_full_year(), date.get_month() + 1, date.get_date())
}
