//! Language and theme.

use leptos::prelude::*;

use crate::part::icon::Icon;
use crate::store::i18n::Language;
use crate::words::use_words;

/// Names of the themes as they are kept, and their texts. Empty follows the system.
const THEMES: [(&str, &str); 3] = [("", "theme.system"), ("light", "theme.light"), ("dark", "theme.dark")];

#[component]
pub fn LanguageChoice(on_choose: impl Fn(Language) + Copy + Send + Sync + 'static) -> impl IntoView {
    let words = use_words();
    view! {
        <span class="language">
        {Icon::Globe.view()}
        <select
            id="language"
            class="small"
            aria-label=words.say("language.title")
            title=words.say("language.title")
            prop:value=move || words.language().tag()
            on:change=move |event| on_choose(Language::of(&event_target_value(&event)))
        >
            {Language::ALL
                .map(|language| {
                    view! {
                        <option
                            value=language.tag()
                            lang=language.tag()
                            selected=move || words.language() == language
                        >
                            {language.name()}
                        </option>
                    }
                })
                .collect_view()}
        </select>
        </span>
    }
}

#[component]
pub fn ThemeChoice(
    theme: Signal<String>,
    on_choose: impl Fn(String) + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let words = use_words();
    view! {
        <select
            id="theme"
            class="small"
            aria-label=words.say("theme.title")
            title=words.say("theme.title")
            prop:value=move || theme.get()
            on:change=move |event| on_choose(event_target_value(&event))
        >
            {THEMES
                .map(|(name, key)| {
                    view! { <option value=name selected=move || theme.get() == name>{words.say(key)}</option> }
                })
                .collect_view()}
        </select>
    }
}
