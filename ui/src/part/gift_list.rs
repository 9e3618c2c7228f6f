//! What the room offers, for its creator to edit: each gift a row, saved together.

use footlight_protocol::gift::{Gift, MAX_GIFT_NAME, MAX_GIFTS, MAX_ICON, MAX_PRICE, Show as Much};
use leptos::prelude::*;

use crate::browser;
use crate::part::icon::Icon;
use crate::seat::Seat;
use crate::words::use_words;

/// How much is made of a gift, and the words for it.
const MUCH: [(Much, &str); 3] =
    [(Much::Small, "gifts.small"), (Much::Medium, "gifts.medium"), (Much::Grand, "gifts.grand")];

#[component]
pub fn GiftList() -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let kept = Memo::new(move |_| seat.room().with(|room| room.gifts.clone()));
    let draft = RwSignal::new(None::<Vec<Gift>>);
    let rows = Memo::new(move |_| draft.get().unwrap_or_else(|| kept.get()));
    let changed = Memo::new(move |_| rows.with(|rows| kept.with(|kept| rows != kept)));
    let valid = Memo::new(move |_| {
        rows.with(|rows| {
            rows.iter().all(|gift| {
                let named = !gift.name.trim().is_empty() || words.gift(gift) != gift.id.as_str();
                named && !gift.icon.trim().is_empty() && (1..=MAX_PRICE).contains(&gift.price)
            })
        })
    });
    // What the room offers now is what was typed: nothing is left to save.
    Effect::new(move |_| {
        if !changed.get() && draft.with_untracked(Option::is_some) {
            draft.set(None);
        }
    });
    let edit = move |change: &dyn Fn(&mut Vec<Gift>)| {
        let mut gifts = rows.get_untracked();
        change(&mut gifts);
        draft.set(Some(gifts));
    };
    let add = move |_| {
        let id = format!("own-{:x}", browser::now_ms() as u64);
        let Ok(id) = id.parse() else { return };
        let gift = Gift {
            id,
            name: String::new(),
            icon: "🎁".to_owned(),
            price: 10,
            show: Much::Small,
            per_hour: None,
        };
        edit(&|gifts| gifts.push(gift.clone()));
    };
    let save = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if changed.get_untracked() && valid.get_untracked() {
            seat.set_gifts(rows.get_untracked());
        }
    };
    let ids =
        Memo::new(move |_| rows.with(|rows| rows.iter().map(|gift| gift.id.clone()).collect::<Vec<_>>()));
    view! {
        <form class="gift-list" on:submit=save>
            <h3>{words.say("gifts.title")}</h3>
            <p>{words.say("gifts.text")}</p>
            <ul>
                <For each=move || ids.get() key=|id| id.clone() let:id>
                    {
                        let (of, shown) = (id.clone(), id.to_string());
                        let gift = Memo::new(move |_| {
                            rows.with(|rows| rows.iter().find(|gift| gift.id == of).cloned())
                        });
                        let of = id.clone();
                        let change = move |change: &dyn Fn(&mut Gift)| {
                            edit(&|gifts| {
                                gifts.iter_mut().filter(|gift| gift.id == of).for_each(change);
                            });
                        };
                        let (icon, name, price, show) =
                            (change.clone(), change.clone(), change.clone(), change);
                        view! {
                            <li class="gift-row" data-gift=shown>
                                <input
                                    class="gift-row-icon"
                                    type="text"
                                    maxlength=(2 * MAX_ICON).to_string()
                                    aria-label=words.say("gifts.icon")
                                    prop:value=move || gift.with(|gift| gift.as_ref().map(|gift| gift.icon.clone()))
                                    on:input=move |event| {
                                        let text = event_target_value(&event);
                                        icon(&|gift| gift.icon.clone_from(&text));
                                    }
                                />
                                <input
                                    class="gift-row-name"
                                    type="text"
                                    maxlength=MAX_GIFT_NAME.to_string()
                                    aria-label=words.say("gifts.name")
                                    placeholder=move || gift.with(|gift| gift.as_ref().map(|gift| words.gift(&Gift { name: String::new(), ..gift.clone() })).filter(|ours| !ours.starts_with("own-"))).unwrap_or_else(|| words.get("gifts.name").to_owned())
                                    prop:value=move || gift.with(|gift| gift.as_ref().map(|gift| gift.name.clone()))
                                    on:input=move |event| {
                                        let text = event_target_value(&event);
                                        name(&|gift| gift.name.clone_from(&text));
                                    }
                                />
                                <label class="gift-row-price">
                                    {Icon::Coin.view()}
                                    <input
                                        type="number"
                                        min="1"
                                        max=MAX_PRICE.to_string()
                                        aria-label=words.say("gifts.price")
                                        prop:value=move || gift.with(|gift| gift.as_ref().map(|gift| gift.price.to_string()))
                                        on:input=move |event| {
                                            let coins = event_target_value(&event).parse().unwrap_or(0);
                                            price(&|gift| gift.price = coins);
                                        }
                                    />
                                </label>
                                <select
                                    aria-label=words.say("gifts.show")
                                    on:change=move |event| {
                                        let at = event_target_value(&event).parse::<usize>().unwrap_or(0);
                                        if let Some((much, _)) = MUCH.get(at) {
                                            show(&|gift| gift.show = *much);
                                        }
                                    }
                                >
                                    {MUCH
                                        .into_iter()
                                        .enumerate()
                                        .map(|(at, (much, key))| {
                                            let here = move || {
                                                gift.with(|gift| gift.as_ref().is_some_and(|gift| gift.show == much))
                                            };
                                            view! {
                                                <option value=at.to_string() selected=here>
                                                    {words.say(key)}
                                                </option>
                                            }
                                        })
                                        .collect_view()}
                                </select>
                                <button
                                    type="button"
                                    class="quiet square"
                                    title=words.say("gifts.remove")
                                    aria-label=words.say("gifts.remove")
                                    on:click=move |_| edit(&|gifts| gifts.retain(|gift| gift.id != id))
                                >
                                    {Icon::Trash.view()}
                                </button>
                            </li>
                        }
                    }
                </For>
            </ul>
            <div class="gift-list-buttons">
                <button
                    type="button"
                    class="quiet"
                    disabled=move || rows.with(|rows| rows.len() >= MAX_GIFTS)
                    on:click=add
                >
                    {words.say("gifts.add")}
                </button>
                <span class="gap"></span>
                <Show when=move || changed.get()>
                    <button type="button" class="quiet" on:click=move |_| draft.set(None)>
                        {words.say("gifts.undo")}
                    </button>
                </Show>
                <button
                    id="gifts-save"
                    type="submit"
                    class="secondary"
                    disabled=move || !changed.get() || !valid.get()
                >
                    {words.say("name.save_only")}
                </button>
            </div>
        </form>
    }
}
