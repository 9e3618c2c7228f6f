//! How viewers get coins, for the creator to say: packs with their prices, how to pay, and the picture that a payer scans.

use footlight_protocol::Failure;
use footlight_protocol::coin::{
    CoinAsk, MAX_AMOUNT, MAX_PACK_COINS, MAX_PACKS, MAX_PAY_TEXT, MAX_WATCH_A_DAY, MAX_WATCH_COINS,
    MAX_WATCH_MINUTES, Offer, Pack, Watch, amount_text, parse_amount,
};
use leptos::prelude::*;
use leptos::task::spawn_local;
use web_sys::{File, Url};

use crate::api::Relay;
use crate::desk::Desk;
use crate::part::icon::Icon;
use crate::part::upload::Upload;
use crate::seat::Seat;
use crate::words::use_words;

/// Those that a creator finds in the list; what was set otherwise stands there too.
const CURRENCIES: [&str; 12] =
    ["cny", "usd", "eur", "gbp", "jpy", "hkd", "twd", "krw", "sgd", "aud", "cad", "inr"];

/// A pack as it is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Typed {
    number: u32,
    coins: String,
    price: String,
}

/// What is typed and not saved.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Draft {
    /// One for all packs.
    currency: String,
    packs: Vec<Typed>,
    next: u32,
    text: String,
    /// Whether watching gives coins; how many, for how many minutes, and how many a day.
    rewards: bool,
    watch: [String; 3],
}

impl Draft {
    fn of(offer: &Offer, usual: &str) -> Self {
        let currency = offer.packs.first().map_or(usual, |pack| pack.currency.as_str()).to_owned();
        let typed = |(number, pack): (u32, &Pack)| Typed {
            number,
            coins: pack.coins.to_string(),
            price: amount_text(pack.amount, &pack.currency),
        };
        let packs: Vec<Typed> = (0..).zip(&offer.packs).map(typed).collect();
        let watch = offer.watch.unwrap_or(Watch { coins: 5, minutes: 10, most_a_day: 60 });
        Self {
            currency,
            next: packs.len() as u32,
            packs,
            text: offer.text.clone(),
            rewards: offer.watch.is_some(),
            watch: [watch.coins, watch.minutes, watch.most_a_day].map(|number| number.to_string()),
        }
    }

    /// `None` where it makes no sense.
    fn offer(&self) -> Option<Offer> {
        let currency = self.currency.parse().ok()?;
        let pack = |typed: &Typed| {
            let coins =
                typed.coins.trim().parse().ok().filter(|coins| (1..=MAX_PACK_COINS).contains(coins))?;
            let amount = parse_amount(&typed.price, &currency);
            let amount = amount.filter(|amount| (1..=MAX_AMOUNT).contains(amount))?;
            Some(Pack { coins, amount, currency: currency.clone() })
        };
        let packs: Vec<Pack> = self.packs.iter().map(pack).collect::<Option<_>>()?;
        let unlike = packs.iter().enumerate().all(|(at, pack)| !packs[..at].contains(pack));
        let short = self.text.trim().chars().count() <= MAX_PAY_TEXT;
        let watch = if self.rewards { Some(self.watched()?) } else { None };
        (unlike && short).then(|| Offer { packs, text: self.text.trim().to_owned(), watch })
    }

    fn watched(&self) -> Option<Watch> {
        let number = |at: usize, most: u32| {
            let number: Option<u32> = self.watch[at].trim().parse().ok();
            number.filter(|number| (1..=most).contains(number))
        };
        let (coins, minutes) = (number(0, MAX_WATCH_COINS)?, number(1, MAX_WATCH_MINUTES)?);
        let most_a_day = number(2, MAX_WATCH_A_DAY).filter(|most| *most >= coins)?;
        Some(Watch { coins, minutes, most_a_day })
    }
}

#[component]
pub fn OfferField() -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let till = seat.till();
    let kept = Memo::new(move |_| till.with(|till| till.shop.offer.clone()));
    let draft = RwSignal::new(None::<Draft>);
    let usual = move || if words.language().tag().starts_with("zh") { "cny" } else { "usd" };
    let shown =
        Memo::new(move |_| draft.get().unwrap_or_else(|| kept.with(|offer| Draft::of(offer, usual()))));
    let changed = Memo::new(move |_| {
        draft.with(|draft| {
            draft.as_ref().is_some_and(|draft| kept.with(|kept| draft.offer().as_ref() != Some(kept)))
        })
    });
    let saving = Memo::new(move |_| {
        till.with(|till| till.pending().iter().any(|(_, ask)| matches!(ask, CoinAsk::SetOffer { .. })))
    });
    let failure = Memo::new(move |_| till.with(|till| till.failure.clone()));
    // What was typed is what the room offers now: nothing is left to save.
    Effect::new(move |before: Option<bool>| {
        let saving = saving.get();
        if before == Some(true) && !saving && failure.with_untracked(Option::is_none) {
            draft.set(None);
        }
        saving
    });
    let edit = move |change: &dyn Fn(&mut Draft)| {
        let mut typed = shown.get_untracked();
        change(&mut typed);
        draft.set(Some(typed));
    };
    let save = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if let (true, Some(offer)) = (changed.get_untracked(), shown.get_untracked().offer()) {
            seat.ask_coins(CoinAsk::SetOffer { offer });
        }
    };
    let add = move |_| {
        edit(&|draft| {
            draft.packs.push(Typed { number: draft.next, coins: String::new(), price: String::new() });
            draft.next += 1;
        });
    };
    let numbers = Memo::new(move |_| {
        shown.with(|draft| draft.packs.iter().map(|typed| typed.number).collect::<Vec<_>>())
    });
    let valid = Memo::new(move |_| shown.with(|draft| draft.offer().is_some()));
    let currencies = move || {
        let now = shown.with(|draft| draft.currency.clone());
        let mut list: Vec<String> = CURRENCIES.map(str::to_owned).to_vec();
        if !list.contains(&now) {
            list.push(now);
        }
        list
    };
    view! {
        <form class="gift-list offer" on:submit=save>
            <h3>{words.say("offer.title")}</h3>
            <p>{words.say("offer.text")}</p>
            <label class="offer-currency">
                <span>{words.say("offer.currency")}</span>
                <select
                    id="offer-currency"
                    on:change=move |event| {
                        let code = event_target_value(&event);
                        edit(&|draft| draft.currency.clone_from(&code));
                    }
                >
                    {move || {
                        currencies()
                            .into_iter()
                            .map(|code| {
                                let (value, of) = (code.clone(), code.clone());
                                let here = move || shown.with(|draft| draft.currency == of);
                                view! { <option value=value selected=here>{code.to_uppercase()}</option> }
                            })
                            .collect_view()
                    }}
                </select>
            </label>
            <ul>
                <For each=move || numbers.get() key=|number| *number let:number>
                    {
                        let typed = Memo::new(move |_| {
                            shown
                                .with(|draft| {
                                    draft.packs.iter().find(|typed| typed.number == number).cloned()
                                })
                        });
                        let change = move |change: &dyn Fn(&mut Typed)| {
                            edit(&|draft| {
                                draft.packs.iter_mut().filter(|typed| typed.number == number).for_each(change);
                            });
                        };
                        view! {
                            <li class="offer-row">
                                <label class="gift-row-price">
                                    {Icon::Coin.view()}
                                    <input
                                        class="offer-coins"
                                        type="text"
                                        inputmode="numeric"
                                        maxlength="9"
                                        aria-label=words.say("offer.coins")
                                        placeholder=words.say("offer.coins")
                                        prop:value=move || typed.get().map(|typed| typed.coins)
                                        on:input=move |event| {
                                            let text = event_target_value(&event);
                                            change(&|typed| typed.coins.clone_from(&text));
                                        }
                                    />
                                </label>
                                <input
                                    class="offer-price"
                                    type="text"
                                    inputmode="decimal"
                                    maxlength="12"
                                    aria-label=words.say("offer.price")
                                    placeholder=words.say("offer.price")
                                    prop:value=move || typed.get().map(|typed| typed.price)
                                    on:input=move |event| {
                                        let text = event_target_value(&event);
                                        change(&|typed| typed.price.clone_from(&text));
                                    }
                                />
                                <button
                                    type="button"
                                    class="quiet square"
                                    title=words.say("offer.remove")
                                    aria-label=words.say("offer.remove")
                                    on:click=move |_| edit(&|draft| draft.packs.retain(|typed| typed.number != number))
                                >
                                    {Icon::Trash.view()}
                                </button>
                            </li>
                        }
                    }
                </For>
            </ul>
            <button
                id="offer-add"
                type="button"
                class="quiet"
                disabled=move || numbers.with(|numbers| numbers.len() >= MAX_PACKS)
                on:click=add
            >
                {words.say("offer.add")}
            </button>
            <label class="offer-how">
                <span>{words.say("offer.how")}</span>
                <textarea
                    id="offer-how"
                    rows="3"
                    maxlength=(2 * MAX_PAY_TEXT).to_string()
                    placeholder=words.say("offer.how_hint")
                    prop:value=move || shown.with(|draft| draft.text.clone())
                    on:input=move |event| {
                        let text = event_target_value(&event);
                        edit(&|draft| draft.text.clone_from(&text));
                    }
                ></textarea>
            </label>
            <PaymentPicture />
            <label class="offer-watch">
                <input
                    id="offer-watch"
                    type="checkbox"
                    prop:checked=move || shown.with(|draft| draft.rewards)
                    on:change=move |event| {
                        let on = event_target_checked(&event);
                        edit(&|draft| draft.rewards = on);
                    }
                />
                <span>{words.say("offer.watch")}</span>
            </label>
            <Show when=move || shown.with(|draft| draft.rewards)>
                <div class="offer-watch-numbers">
                    {["offer.watch_coins", "offer.watch_minutes", "offer.watch_most"]
                        .into_iter()
                        .enumerate()
                        .map(|(at, key)| {
                            view! {
                                <label>
                                    <span>{words.say(key)}</span>
                                    <input
                                        type="text"
                                        inputmode="numeric"
                                        maxlength="7"
                                        prop:value=move || shown.with(|draft| draft.watch[at].clone())
                                        on:input=move |event| {
                                            let text = event_target_value(&event);
                                            edit(&|draft| draft.watch[at].clone_from(&text));
                                        }
                                    />
                                </label>
                            }
                        })
                        .collect_view()}
                </div>
            </Show>
            <p class="key-failure" role="alert">
                {move || failure.get().map(|failure| words.failure(&failure))}
            </p>
            <div class="gift-list-buttons">
                <span class="gap"></span>
                <Show when=move || changed.get()>
                    <button type="button" class="quiet" on:click=move |_| draft.set(None)>
                        {words.say("gifts.undo")}
                    </button>
                </Show>
                <button
                    id="offer-save"
                    type="submit"
                    class="secondary"
                    disabled=move || !changed.get() || !valid.get() || saving.get()
                >
                    {words.say("name.save_only")}
                </button>
            </div>
        </form>
    }
}

/// The picture that a payer scans: it is set and taken away at once.
#[component]
fn PaymentPicture() -> impl IntoView {
    let (desk, seat, words) = (Desk::get(), Seat::get(), use_words());
    let name = Memo::new(move |_| seat.till().with(|till| till.shop.picture.clone()));
    let failure = RwSignal::new(None::<Failure>);
    let busy = RwSignal::new(false);
    // The picture under an address of this page's own.
    let source = RwSignal::new(None::<String>);
    let relay = move || desk.access().with_untracked(|access| access.as_ref().map(Relay::owned));
    let forget = move || {
        if let Some(old) = source.try_update(Option::take).flatten() {
            let _ = Url::revoke_object_url(&old);
        }
    };
    Effect::new(move |_| {
        let (Some(_), Some(relay)) = (name.get(), relay()) else { return forget() };
        spawn_local(async move {
            let loaded = relay.payment_picture().await.ok();
            forget();
            source.try_set(loaded);
        });
    });
    on_cleanup(forget);
    let upload = move |files: Vec<File>| {
        let Some(relay) = relay() else { return };
        busy.set(true);
        failure.set(None);
        spawn_local(async move {
            let done = relay.set_payment_picture(&files[0]).await;
            failure.try_set(done.err());
            busy.try_set(false);
        });
    };
    let remove = move |_| {
        let Some(relay) = relay() else { return };
        busy.set(true);
        failure.set(None);
        spawn_local(async move {
            failure.try_set(relay.remove_payment_picture().await.err());
            busy.try_set(false);
        });
    };
    view! {
        <div class="offer-picture">
            {move || source.get().map(|source| view! { <img src=source alt=words.get("coins.picture") /> })}
            <div>
                <Upload id="offer-picture" disabled=busy chosen=upload>
                    {move || words.get(if name.with(Option::is_some) { "offer.picture_other" } else { "offer.picture" })}
                </Upload>
                <Show when=move || name.with(Option::is_some)>
                    <button
                        id="offer-picture-remove"
                        type="button"
                        class="quiet"
                        disabled=move || busy.get()
                        on:click=remove
                    >
                        {words.say("offer.picture_remove")}
                    </button>
                </Show>
                <p>{words.say("offer.picture_text")}</p>
                <p class="key-failure" role="alert">
                    {move || failure.get().map(|failure| words.failure(&failure))}
                </p>
            </div>
        </div>
    }
}
