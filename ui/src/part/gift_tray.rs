//! What can be done with coins, what one has, and doing it. Stays open, so that a run of gifts is a matter of pressing
//! again.

use footlight_protocol::GiftId;
use footlight_protocol::gift::Gift;
use leptos::html::Div;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::Node;

use crate::browser;
use crate::part::get_coins::GetCoins;
use crate::part::icon::Icon;
use crate::part::spend_forms::{MemberForm, PacketForm, PaidForm};
use crate::seat::Seat;
use crate::words::use_words;

/// How many at once: numbers that mean something in one of the two languages.
const COUNTS: [u32; 4] = [1, 10, 66, 188];

/// The pages of the tray.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Page {
    Gifts,
    Message,
    Packet,
    Member,
}

impl Page {
    fn says(self) -> &'static str {
        match self {
            Self::Gifts => "gift.title",
            Self::Message => "paid.tab",
            Self::Packet => "packet.tab",
            Self::Member => "member.tab",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Gifts => "gifts",
            Self::Message => "message",
            Self::Packet => "packet",
            Self::Member => "member",
        }
    }
}

/// The button beside the composer, and the tray that it opens.
#[component]
pub fn GiftTray() -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let room = seat.room();
    let gifts = Memo::new(move |_| room.with(|room| room.gifts.clone()));
    let coins = Memo::new(move |_| room.with(|room| room.coins.unwrap_or(0)));
    // The creator gives nothing to themselves.
    let pages = Memo::new(move |_| {
        if seat.owns().get() {
            return vec![Page::Packet];
        }
        let any = gifts.with(|gifts| !gifts.is_empty());
        let member = room.with(|room| room.spend.terms.membership > 0);
        let pages = [(Page::Gifts, any), (Page::Message, true), (Page::Packet, true), (Page::Member, member)];
        pages.into_iter().filter_map(|(page, there)| there.then_some(page)).collect()
    });
    let turned = RwSignal::new(None::<Page>);
    let page = Memo::new(move |_| {
        pages.with(|pages| {
            let turned = turned.get().filter(|page| pages.contains(page));
            turned.or(pages.first().copied()).unwrap_or(Page::Packet)
        })
    });
    // What was typed for a paid message outlives the tray.
    let draft = RwSignal::new(String::new());
    let open = RwSignal::new(false);
    // Whether the creator says how coins are had, and whether somebody looks at it.
    let sold = Memo::new(move |_| {
        let sells = seat.till().with(|till| till.shop.sells() || till.shop.offer.watch.is_some());
        sells && !seat.owns().get()
    });
    let getting = RwSignal::new(false);
    let root = NodeRef::<Div>::new();
    let outside = window_event_listener(leptos::ev::pointerdown, move |event| {
        let target = event.target().and_then(|target| target.dyn_into::<Node>().ok());
        if open.get_untracked() && !root.get_untracked().is_some_and(|root| root.contains(target.as_ref())) {
            open.set(false);
        }
    });
    on_cleanup(move || outside.remove());
    view! {
        <div
            class="gift-tray"
            node_ref=root
            on:keydown=move |event| {
                if event.key() == "Escape" && open.get_untracked() {
                    event.prevent_default();
                    open.set(false);
                    browser::focus("gift-open");
                }
            }
        >
            <button
                id="gift-open"
                type="button"
                class="gift-open"
                aria-label=words.say("gift.title")
                title=words.say("gift.title")
                aria-expanded=move || open.get().to_string()
                aria-controls="gifts"
                on:click=move |_| open.update(|open| *open = !*open)
            >
                {Icon::Gift.view()}
            </button>
            <GetCoins open=getting />
            <Show when=move || open.get()>
                <section id="gifts" class="gifts" aria-label=words.say("gift.title")>
                    <header class="gifts-head">
                        <h3>{words.say("gift.title")}</h3>
                        <span class="gap"></span>
                        <Show when=move || sold.get()>
                            <button
                                id="coins-get"
                                type="button"
                                class="quiet coins-get"
                                on:click=move |_| {
                                    open.set(false);
                                    getting.set(true);
                                }
                            >
                                {words.say("coins.get")}
                            </button>
                        </Show>
                        <Show when=move || !seat.owns().get()>
                            <span id="coins" class="coins" title=words.say("gift.coins")>
                                {Icon::Coin.view()} {coins}
                            </span>
                        </Show>
                    </header>
                    <Show when=move || { pages.with(|pages| pages.len() > 1) }>
                        <div class="givers-tabs tray-tabs" role="tablist">
                            <For each=move || pages.get() key=|page| *page let:one>
                                <button
                                    type="button"
                                    role="tab"
                                    data-page=one.name()
                                    aria-selected=move || (page.get() == one).to_string()
                                    on:click=move |_| turned.set(Some(one))
                                >
                                    {words.say(one.says())}
                                </button>
                            </For>
                        </div>
                    </Show>
                    {move || match page.get() {
                        Page::Gifts => view! { <Gifts gifts sold /> }.into_any(),
                        Page::Message => view! { <PaidForm text=draft /> }.into_any(),
                        Page::Packet => view! { <PacketForm /> }.into_any(),
                        Page::Member => view! { <MemberForm /> }.into_any(),
                    }}
                </section>
            </Show>
        </div>
    }
}

#[component]
fn Gifts(gifts: Memo<Vec<Gift>>, sold: Memo<bool>) -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let room = seat.room();
    let coins = Memo::new(move |_| room.with(|room| room.coins.unwrap_or(0)));
    let chosen = RwSignal::new(None::<GiftId>);
    let count = RwSignal::new(COUNTS[0]);
    // The one that was chosen, or the first: what it is and costs now.
    let gift = Memo::new(move |_| {
        gifts.with(|gifts| {
            let chosen = chosen.with(|chosen| gifts.iter().find(|gift| Some(&gift.id) == chosen.as_ref()));
            chosen.or(gifts.first()).cloned()
        })
    });
    let cost =
        Memo::new(move |_| gift.get().map_or(0, |gift| u64::from(gift.price) * u64::from(count.get())));
    let enough = move || coins.get() >= cost.get();
    let ready = Memo::new(move |_| {
        let named = room.with(|room| !room.name().is_empty());
        gift.with(Option::is_some) && enough() && named && !seat.away().get() && seat.closed().get().is_none()
    });
    let send = move |_| {
        if let (true, Some(gift)) = (ready.get_untracked(), gift.get_untracked()) {
            seat.send_gift(gift.id, count.get_untracked());
        }
    };
    let hint = move || {
        if room.with(|room| room.name().is_empty()) {
            Some(words.get("gift.name_first"))
        } else if !enough() {
            Some(words.get(if sold.get() { "coins.too_few" } else { "gift.too_few" }))
        } else {
            None
        }
    };
    view! {
        <div class="gift-grid" role="radiogroup" aria-label=words.say("gift.title")>
            <For each=move || gifts.get() key=Gift::clone let:offer>
                <Cell offer gift chosen />
            </For>
        </div>
        <div class="gift-counts" role="radiogroup" aria-label=words.say("gift.count")>
            {COUNTS
                .map(|n| {
                    view! {
                        <button
                            type="button"
                            role="radio"
                            class="gift-count"
                            aria-checked=move || (count.get() == n).to_string()
                            on:click=move |_| count.set(n)
                        >
                            {format!("×{n}")}
                        </button>
                    }
                })
                .collect_view()}
        </div>
        <button id="gift-send" type="button" class="primary gift-send" disabled=move || !ready.get() on:click=send>
            {words.say("gift.send")}
            <span class="coins">{Icon::Coin.view()} {cost}</span>
        </button>
        <p class="gift-hint" role="status">{hint}</p>
    }
}

#[component]
fn Cell(offer: Gift, gift: Memo<Option<Gift>>, chosen: RwSignal<Option<GiftId>>) -> impl IntoView {
    let words = use_words();
    let id = offer.id.clone();
    let here = {
        let id = id.clone();
        Memo::new(move |_| gift.with(|gift| gift.as_ref().is_some_and(|gift| gift.id == id)))
    };
    let (icon, price) = (offer.icon.clone(), offer.price);
    view! {
        <button
            type="button"
            role="radio"
            class="gift-cell"
            data-gift=id.to_string()
            aria-checked=move || here.get().to_string()
            on:click=move |_| chosen.set(Some(id.clone()))
        >
            <span class="gift-icon" aria-hidden="true">{icon}</span>
            <span class="gift-name">{move || words.gift(&offer)}</span>
            <span class="coins">{Icon::Coin.view()} {price}</span>
        </button>
    }
}
