//! How the window itself is: its language, its look, the size of its texts, its place among others.

use footlight_protocol::studio::TextSize;
use leptos::prelude::*;

use crate::acting::Acting;
use crate::desk::Desk;
use crate::words::use_words;

const SIZES: [(TextSize, &str); 3] = [
    (TextSize::Normal, "window.text_normal"),
    (TextSize::Large, "window.text_large"),
    (TextSize::Larger, "window.text_larger"),
];

#[component]
pub fn WindowField() -> impl IntoView {
    let (desk, acting, words) = (Desk::get(), Acting::get(), use_words());
    let preferences = desk.preferences();
    let size = Memo::new(move |_| preferences.with(|preferences| preferences.text));
    let compact = Memo::new(move |_| preferences.with(|preferences| preferences.compact));
    let on_top = Memo::new(move |_| preferences.with(|preferences| preferences.on_top));
    let check = move |id: &'static str, on: Memo<bool>, says: &'static str, act: &'static str| {
        view! {
            <label class="rules-check" data-row="">
                <input id=id type="checkbox" prop:checked=move || on.get() on:change=move |_| acting.act(act) />
                <span>{words.say(says)}</span>
            </label>
        }
    };
    view! {
        <section class="window-field" aria-labelledby="window-title">
            <h3 id="window-title">{words.say("window.title")}</h3>
            <label class="window-size" data-row="">
                <span>{words.say("window.text")}</span>
                <select
                    id="text-size"
                    prop:value=move || size.get().name()
                    on:change=move |event| {
                        let text = TextSize::of(&event_target_value(&event));
                        acting.prefer(|preferences| preferences.text = text);
                    }
                >
                    {SIZES
                        .map(|(one, says)| {
                            view! {
                                <option value=one.name() selected=move || size.get() == one>
                                    {words.say(says)}
                                </option>
                            }
                        })
                        .collect_view()}
                </select>
            </label>
            {check("window-compact", compact, "keys.compact", "compact")}
            {check("window-on-top", on_top, "keys.on_top", "on-top")}
        </section>
    }
}
