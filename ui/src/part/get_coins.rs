//! Where a viewer gets coins: a pack, how it is paid, and the word that it was.

use footlight_protocol::Failure;
use footlight_protocol::coin::{Checkout, CoinAsk, MAX_REFERENCE, MAX_WAITING, Outcome, Pack, TopUp, Watch};
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::api::Relay;
use crate::browser;
use crate::part::icon::Icon;
use crate::part::modal::modal;
use crate::seat::Seat;
use crate::words::{Words, use_words};

/// The dialog, while `open`.
#[component]
pub fn GetCoins(open: RwSignal<bool>) -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let till = seat.till();
    let dialog = modal(move || open.get());
    let chosen = RwSignal::new(None::<Pack>);
    // Kept over a change of pack.
    let reference = RwSignal::new(String::new());
    let watch = Memo::new(move |_| till.with(|till| till.shop.offer.watch));
    let packs = Memo::new(move |_| till.with(|till| till.shop.offer.packs.clone()));
    // One that is not offered any more is not chosen any more.
    let pack = Memo::new(move |_| chosen.get().filter(|pack| packs.with(|packs| packs.contains(pack))));
    view! {
        <dialog
            id="get-coins"
            class="dialog get-coins"
            node_ref=dialog
            aria-labelledby="get-coins-title"
            on:close=move |_| open.set(false)
        >
            <header class="get-coins-head">
                <h2 id="get-coins-title">{words.say("coins.title")}</h2>
                <button
                    type="button"
                    class="quiet square"
                    aria-label=words.say("common.close")
                    on:click=move |_| open.set(false)
                >
                    {Icon::Close.view()}
                </button>
            </header>
            {move || {
                watch
                    .get()
                    .map(|Watch { coins, minutes, most_a_day }| {
                        let said = move || {
                            let (coins, minutes, most) = (coins.to_string(), minutes.to_string(), most_a_day.to_string());
                            words.fill("coins.watch", &[("n", &coins), ("minutes", &minutes), ("most", &most)])
                        };
                        view! { <p class="watch-reward">{Icon::Eye.view()} <span>{said}</span></p> }
                    })
            }}
            <div class="packs" role="radiogroup" aria-label=words.say("coins.packs")>
                <For each=move || packs.get() key=Pack::clone let:offer>
                    {
                        let (coins, price) = (offer.coins, offer.clone());
                        let is_here = offer.clone();
                        let here = move || pack.with(|pack| pack.as_ref() == Some(&is_here));
                        view! {
                            <button
                                type="button"
                                role="radio"
                                class="pack"
                                aria-checked=move || here().to_string()
                                on:click=move |_| chosen.set(Some(offer.clone()))
                            >
                                <span class="coins">{Icon::Coin.view()} {coins}</span>
                                <span class="pack-price">{move || price_text(words, &price)}</span>
                            </button>
                        }
                    }
                </For>
            </div>
            {move || {
                pack.get()
                    .map(|pack| {
                        let by_card = pack.clone();
                        view! {
                            <Pay pack reference />
                            <Card pack=by_card />
                        }
                    })
            }}
            <Waiting />
        </dialog>
    }
}

/// How the pack is paid.
#[component]
fn Pay(pack: Pack, reference: RwSignal<String>) -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let till = seat.till();
    let shop = Memo::new(move |_| till.with(|till| till.shop.clone()));
    let picture = move || {
        let name = shop.with(|shop| shop.picture.clone())?;
        let room = use_context::<Relay>()?;
        Some(format!("{}?v={name}", room.path("/payment")))
    };
    let text = move || shop.with(|shop| shop.offer.text.clone());
    let taken = Memo::new(move |_| till.with(|till| till.taken));
    // It stays until the relay has taken it.
    Effect::new(move |before: Option<u32>| {
        let taken = taken.get();
        if before.is_some_and(|before| before != taken) {
            reference.set(String::new());
        }
        taken
    });
    let waiting = Memo::new(move |_| till.with(|till| till.waiting().count()));
    let named = Memo::new(move |_| seat.room().with(|room| !room.name().is_empty()));
    let asking = Memo::new(move |_| till.with(|till| till.is_asking()));
    let ready = Memo::new(move |_| named.get() && !asking.get() && waiting.get() < MAX_WAITING);
    let amount = pack.clone();
    let send = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if ready.get_untracked() {
            let reference = reference.get_untracked().trim().to_owned();
            seat.ask_coins(CoinAsk::TopUp { pack: pack.clone(), reference });
        }
    };
    let hint = move || {
        if !named.get() {
            Some(words.get("gift.name_first").to_owned())
        } else if let Some(failure) = till.with(|till| till.failure.clone()) {
            Some(words.failure(&failure))
        } else if waiting.get() >= MAX_WAITING {
            Some(words.get("coins.enough").to_owned())
        } else {
            None
        }
    };
    view! {
        <Show when=move || shop.with(|shop| shop.by_hand())>
            <form class="pay" on:submit=send.clone()>
                {move || {
                    picture().map(|source| view! { <img class="pay-picture" src=source alt=words.get("coins.picture") /> })
                }}
                <div class="pay-words">
                    <p class="pay-amount">
                        {let amount = amount.clone();
                        move || words.fill("coins.pay", &[("price", &price_text(words, &amount))])}
                    </p>
                    <p class="pay-text">{text}</p>
                </div>
                <label class="pay-reference">
                    <span>{words.say("coins.reference")}</span>
                    <input
                        id="pay-reference"
                        type="text"
                        maxlength=(2 * MAX_REFERENCE).to_string()
                        placeholder=words.say("coins.reference_hint")
                        prop:value=move || reference.get()
                        on:input=move |event| reference.set(event_target_value(&event))
                    />
                </label>
                <button id="pay-sent" type="submit" class="primary" disabled=move || !ready.get()>
                    {words.say("coins.paid")}
                </button>
                <p class="pay-hint" role="status">{hint}</p>
            </form>
        </Show>
    }
}

/// The way to the page of the payment service. It opens beside this one: the broadcast goes on here.
#[component]
fn Card(pack: Pack) -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let (card, by_hand) = (Memo::new(move |_| seat.till().with(|till| till.shop.card)), move || {
        seat.till().with(|till| till.shop.by_hand())
    });
    let page = RwSignal::new(None::<String>);
    let failure = RwSignal::new(None::<Failure>);
    let busy = RwSignal::new(false);
    // The same order however often it is asked for from here.
    let nonce = browser::nonce_text();
    let relay = use_context::<Relay>();
    let price = pack.clone();
    let ask = move |_| {
        let token = seat.room().with_untracked(|room| room.token.clone());
        let (Some(token), Some(relay), Ok(nonce)) = (token, relay.clone(), nonce.parse()) else { return };
        let order = Checkout { nonce, pack: pack.clone() };
        busy.set(true);
        failure.set(None);
        spawn_local(async move {
            match relay.checkout(token, &order).await {
                Ok(made) => drop(page.try_set(Some(made.url))),
                Err(why) => drop(failure.try_set(Some(why))),
            }
            busy.try_set(false);
        });
    };
    view! {
        <Show when=move || card.get()>
            <div class="pay-card">
                <Show when=by_hand>
                    <p class="pay-or">{words.say("coins.or")}</p>
                </Show>
                {
                    let (ask, price) = (ask.clone(), price.clone());
                    move || match page.get() {
                        Some(url) => {
                            view! {
                                <a id="card-page" class="primary" href=url target="_blank" rel="noopener noreferrer">
                                    {words.say("coins.card_open")}
                                </a>
                                <p class="pay-hint">{words.say("coins.card_text")}</p>
                            }
                                .into_any()
                        }
                        None => {
                            let price = price.clone();
                            view! {
                                <button
                                    id="card-pay"
                                    type="button"
                                    class="secondary"
                                    disabled=move || busy.get()
                                    on:click=ask.clone()
                                >
                                    {move || words.fill("coins.card", &[("price", &price_text(words, &price))])}
                                </button>
                            }
                                .into_any()
                        }
                    }
                }
                <p class="pay-hint" role="alert">{move || failure.get().map(|failure| words.failure(&failure))}</p>
            </div>
        </Show>
    }
}

/// What this person waits for.
#[component]
fn Waiting() -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let waiting = Memo::new(move |_| seat.till().with(|till| till.waiting().cloned().collect::<Vec<_>>()));
    view! {
        <Show when=move || !waiting.with(Vec::is_empty)>
            <section class="my-top-ups" aria-label=words.say("coins.waiting")>
                <h3>{words.say("coins.waiting")}</h3>
                <ul>
                    <For each=move || waiting.get() key=|top_up| top_up.id.clone() let:top_up>
                        <li>
                            {Icon::Clock.view()} <span class="coins">{Icon::Coin.view()} {top_up.pack.coins}</span>
                            <span class="my-top-up-reference">{top_up.reference}</span>
                        </li>
                    </For>
                </ul>
                <p>{words.say("coins.waiting_text")}</p>
            </section>
        </Show>
    }
}

/// What became of this person's requests, above the composer until it was read.
#[component]
pub fn CoinNotices() -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let decided = Memo::new(move |_| {
        let theirs = !seat.owns().get();
        seat.till().with(|till| till.decided().filter(|_| theirs).cloned().collect::<Vec<TopUp>>())
    });
    view! {
        <div class="coin-notices" role="status">
            <For each=move || decided.get() key=|top_up| top_up.id.clone() let:top_up>
                {
                    let id = top_up.id.clone();
                    let coins = top_up.pack.coins.to_string();
                    let (icon, key, reason) = match top_up.outcome {
                        Outcome::Declined { reason } => (Icon::Warning, "coins.declined", reason),
                        Outcome::GivenBack => (Icon::Warning, "coins.given_back", String::new()),
                        _ => (Icon::Check, "coins.approved", String::new()),
                    };
                    view! {
                        <p class="coin-notice" class:declined={key != "coins.approved"}>
                            {icon.view()}
                            <span>
                                {move || words.fill(key, &[("n", &coins)])}
                                {(!reason.is_empty()).then(|| view! { " "<q>{reason}</q> })}
                            </span>
                            <button
                                type="button"
                                class="quiet square"
                                aria-label=words.say("common.dismiss")
                                title=words.say("common.dismiss")
                                on:click=move |_| {
                                    seat.ask_coins(CoinAsk::Read { top_up: id.clone() });
                                }
                            >
                                {Icon::Close.view()}
                            </button>
                        </p>
                    }
                }
            </For>
        </div>
    }
}

/// What a pack costs, as the page's language writes money.
pub fn price_text(words: Words, pack: &Pack) -> String {
    browser::money(pack.amount, &pack.currency, words.language().tag())
}
