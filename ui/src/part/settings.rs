//! The creator's settings, a part under the other: what is kept on this computer, what is between broadcasts, what the room takes and offers, how the window
//! is and obeys. A few letters leave those in sight that have them.

use leptos::html::Input;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::Element;

use crate::acting::Acting;
use crate::browser;
use crate::part::card_field::CardField;
use crate::part::diagnostics_field::DiagnosticsField;
use crate::part::emote_field::EmoteField;
use crate::part::gift_list::GiftList;
use crate::part::goal_field::GoalField;
use crate::part::icon::Icon;
use crate::part::invites::Invites;
use crate::part::key_field::KeyField;
use crate::part::keys::StreamKeys;
use crate::part::modal::modal;
use crate::part::offer_field::OfferField;
use crate::part::overlay_field::OverlayField;
use crate::part::recorder_field::RecorderField;
use crate::part::rules_field::RulesField;
use crate::part::terms_field::TermsField;
use crate::part::window_field::WindowField;
use crate::store::palette;
use crate::words::use_words;

/// The parts, and their titles.
pub const PAGES: [(&str, &str); 14] = [
    ("recorder", "recorder.settings"),
    ("card", "card.settings"),
    ("rules", "rules.title"),
    ("emotes", "emotes.title"),
    ("gifts", "gifts.title"),
    ("goal", "goal.title"),
    ("terms", "terms.title"),
    ("offer", "offer.title"),
    ("overlay", "overlay.title"),
    ("invites", "invite.title"),
    ("stream-keys", "key.title"),
    ("window", "window.title"),
    ("keys", "keyboard.title"),
    ("diagnostics", "diagnostics.title"),
];

/// The part that an entry of the palette means.
pub fn page(id: &str) -> Option<&'static str> {
    let name = id.strip_prefix("page:")?;
    PAGES.iter().map(|(page, _)| *page).find(|page| *page == name)
}

#[component]
pub fn Settings() -> impl IntoView {
    let (acting, words) = (Acting::get(), use_words());
    let open = acting.settings;
    let dialog = modal(move || open.get());
    let query = RwSignal::new(String::new());
    let none = RwSignal::new(false);
    let field = NodeRef::<Input>::new();
    // After the texts are in the language that is searched.
    Effect::new(move |_| {
        words.language();
        let (query, is_open) = (query.get(), open.get());
        if let Some(dialog) = dialog.get().filter(|_| is_open) {
            request_animation_frame(move || none.set(!sift(&dialog, &query)));
        }
    });
    Effect::new(move |_| {
        if let (true, Some(page)) = (open.get(), acting.page.get()) {
            acting.page.set(None);
            query.set(String::new());
            request_animation_frame(move || request_animation_frame(move || show(page)));
        }
    });
    view! {
        <dialog
            id="settings"
            class="dialog settings"
            node_ref=dialog
            autofocus
            aria-labelledby="settings-title"
            on:close=move |_| {
                // It may have been opened again meanwhile.
                if !dialog.get_untracked().is_some_and(|dialog| dialog.open()) {
                    open.set(false);
                    query.set(String::new());
                }
            }
        >
            <header class="settings-head">
                <h2 id="settings-title">{words.say("settings.title")}</h2>
                <div class="settings-search" role="search">
                    {Icon::Search.view()}
                    <input
                        id="settings-query"
                        type="text"
                        node_ref=field
                        aria-label=words.say("settings.search")
                        placeholder=words.say("settings.search")
                        autocomplete="off"
                        spellcheck="false"
                        prop:value=move || query.get()
                        on:input=move |event| query.set(event_target_value(&event))
                        on:keydown=move |event| {
                            // The first one empties the field, the next closes the dialog.
                            if event.key() == "Escape" && !query.with_untracked(String::is_empty) {
                                event.prevent_default();
                                query.set(String::new());
                            }
                        }
                    />
                </div>
                <button
                    id="settings-close"
                    type="button"
                    class="quiet square"
                    aria-label=words.say("common.close")
                    on:click=move |_| open.set(false)
                >
                    {Icon::Close.view()}
                </button>
            </header>
            <p class="settings-none" role="status">
                {move || none.get().then(|| words.fill("settings.none", &[("q", query.get().trim())]))}
            </p>
            <div class="settings-page" data-page="recorder"><RecorderField /></div>
            <div class="settings-page" data-page="card"><CardField /></div>
            <div class="settings-page" data-page="rules"><RulesField /></div>
            <div class="settings-page" data-page="emotes"><EmoteField /></div>
            <div class="settings-page" data-page="gifts"><GiftList /></div>
            <div class="settings-page" data-page="goal"><GoalField /></div>
            <div class="settings-page" data-page="terms"><TermsField /></div>
            <div class="settings-page" data-page="offer"><OfferField /></div>
            <div class="settings-page" data-page="overlay"><OverlayField /></div>
            <div class="settings-page" data-page="invites"><Invites open /></div>
            <div class="settings-page" data-page="stream-keys"><StreamKeys open /></div>
            <div class="settings-page" data-page="window"><WindowField /></div>
            <div class="settings-page" data-page="keys"><KeyField /></div>
            <div class="settings-page" data-page="diagnostics"><DiagnosticsField /></div>
        </dialog>
    }
}

/// Brings a part into sight, with the keyboard at its first control.
fn show(page: &str) {
    let part = format!("#settings [data-page=\"{page}\"]");
    browser::scroll_to_top(&part);
    browser::focus_in(&format!("{part} :is(input, select, button, textarea):not(:disabled)"));
}

/// Leaves those parts in sight that say what is looked for, and of their rows those that do, where the part's title does not.
/// Whether anything is left.
fn sift(dialog: &Element, query: &str) -> bool {
    let mut any = false;
    for part in all(dialog, ".settings-page") {
        let title = part.query_selector("h3").ok().flatten().map(|title| text(&title)).unwrap_or_default();
        let whole = palette::says(&title, query);
        let mut shown = palette::says(&text(&part), query);
        let rows = all(&part, "[data-row]");
        let fits: Vec<bool> = rows.iter().map(|row| palette::says(&text(row), query)).collect();
        let some = fits.contains(&true);
        shown |= some;
        for (row, fits) in rows.iter().zip(fits) {
            hide(row, some && !whole && !fits);
        }
        hide(&part, !shown);
        any |= shown;
    }
    any
}

fn all(within: &Element, selector: &str) -> Vec<Element> {
    let Ok(found) = within.query_selector_all(selector) else { return Vec::new() };
    (0..found.length()).filter_map(|at| found.get(at)?.dyn_into().ok()).collect()
}

/// What an element says, with what its fields ask for and its buttons are called.
fn text(element: &Element) -> String {
    let mut text = element.text_content().unwrap_or_default();
    for one in all(element, "[placeholder], [aria-label]") {
        for name in ["placeholder", "aria-label"] {
            text.extend(one.get_attribute(name).map(|said| format!(" {said}")));
        }
    }
    text
}

fn hide(element: &Element, hidden: bool) {
    let _ = if hidden { element.set_attribute("hidden", "") } else { element.remove_attribute("hidden") };
}
