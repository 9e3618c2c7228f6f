//! What an overlay shows and how it looks, for its creator to set.

use footlight_protocol::Language;
use footlight_protocol::overlay::Control;
use footlight_protocol::scene::{
    MAX_LEADERS, MAX_LINES, MAX_PICTURE, MAX_TEXT, MAX_TITLE, Overlay, Part, SCALES, Source,
};
use leptos::prelude::*;
use leptos::task::spawn_local;
use web_sys::{File, HtmlInputElement};

use crate::browser;
use crate::composing::Composing;
use crate::desk::Desk;
use crate::part::icon::Icon;
use crate::part::upload::Upload;
use crate::pictures::{self, NotKept};
use crate::seat::Seat;
use crate::store::burned::{MINUTES, THEMES, until};
use crate::store::room::Link;
use crate::words::use_words;

/// Minutes that a countdown may take: a day.
const MOST_MINUTES: u64 = 24 * 60;

/// An overlay of the shown scene, by its layer.
#[derive(Clone, Copy)]
struct Edited {
    composing: Composing,
    at: usize,
    overlay: Memo<Option<Overlay>>,
}

impl Edited {
    fn get<R>(self, read: impl Fn(&Overlay) -> R, none: R) -> R {
        self.overlay.with(|overlay| overlay.as_ref().map(read)).unwrap_or(none)
    }

    fn change(self, change: impl FnOnce(&mut Overlay)) {
        self.composing.change(self.at, |layer| {
            if let Source::Overlay { overlay } = &mut layer.source {
                change(overlay);
            }
        });
    }

    /// The same for what is typed: it is shown when nothing more is.
    fn write(self, change: impl FnOnce(&mut Overlay)) {
        self.composing.write(self.at, |layer| {
            if let Source::Overlay { overlay } = &mut layer.source {
                change(overlay);
            }
        });
    }
}

#[component]
pub fn OverlayFields(at: usize, source: Memo<Option<Source>>) -> impl IntoView {
    let overlay = Memo::new(move |_| match source.get() {
        Some(Source::Overlay { overlay }) => Some(overlay),
        _ => None,
    });
    let edited = Edited { composing: Composing::get(), at, overlay };
    let own = match overlay.get_untracked().map(|overlay| overlay.shows) {
        Some(Part::Alerts { .. }) => view! { <AlertFields edited /> }.into_any(),
        Some(Part::Chat { .. }) => {
            view! { <Amount id="overlay-lines" says="burned.lines" most=MAX_LINES.into() edited /> <Note says="burned.chat_text" /> }
                .into_any()
        }
        Some(Part::Goal {}) => view! { <Note says="burned.goal_text" /> }.into_any(),
        Some(Part::Leaders { .. }) => {
            view! { <Amount id="overlay-lines" says="burned.many" most=MAX_LEADERS.into() edited /> <Note says="burned.leaders_text" /> }
                .into_any()
        }
        Some(Part::Ticker { .. }) => {
            view! { <Words id="overlay-text" says="burned.text" most=MAX_TEXT edited title=false /> }.into_any()
        }
        Some(Part::Countdown { .. }) => view! { <CountdownFields edited /> }.into_any(),
        Some(Part::Card { .. }) => view! { <CardFields edited /> }.into_any(),
        None => ().into_any(),
    };
    view! {
        <div class="overlay-fields">
            {own}
            <Look edited />
        </div>
    }
}

#[component]
fn Note(says: &'static str) -> impl IntoView {
    let words = use_words();
    view! { <p class="overlay-note">{words.say(says)}</p> }
}

#[component]
fn Look(edited: Edited) -> impl IntoView {
    let words = use_words();
    let theme = move || edited.get(|overlay| overlay.theme, Default::default());
    let scale = move || edited.get(|overlay| overlay.scale, 100);
    let language = move || edited.get(|overlay| overlay.language, Language::default());
    view! {
        <div class="overlay-looks" role="radiogroup" aria-label=words.say("burned.theme")>
            {THEMES
                .map(|(one, id, says)| {
                    view! {
                        <button
                            type="button"
                            role="radio"
                            class=format!("overlay-look {id}")
                            data-theme=id
                            aria-checked=move || (theme() == one).to_string()
                            on:click=move |_| edited.change(|overlay| overlay.theme = one)
                        >
                            <span class="overlay-swatch" aria-hidden="true">"Aa"</span>
                            <span>{words.say(says)}</span>
                        </button>
                    }
                })
                .collect_view()}
        </div>
        <label class="layer-opacity">
            <span>{words.say("burned.scale")}</span>
            <input
                id="overlay-scale"
                type="range"
                min=SCALES.0.to_string()
                max=SCALES.1.to_string()
                step="5"
                prop:value=move || scale().to_string()
                on:input=move |event| {
                    if let Ok(scale) = event_target_value(&event).parse::<u16>() {
                        edited.change(|overlay| overlay.scale = scale.clamp(SCALES.0, SCALES.1));
                    }
                }
            />
            <output for="overlay-scale">{move || format!("{}%", scale())}</output>
        </label>
        <label class="overlay-row">
            <span>{words.say("language.title")}</span>
            <select
                id="overlay-language"
                class="small"
                prop:value=move || language().tag()
                on:change=move |event| {
                    let language = Language::of(&event_target_value(&event));
                    edited.change(|overlay| overlay.language = language);
                }
            >
                {Language::ALL
                    .map(|one| {
                        view! {
                            <option value=one.tag() lang=one.tag() selected=move || language() == one>
                                {one.name()}
                            </option>
                        }
                    })
                    .collect_view()}
            </select>
        </label>
    }
}

#[component]
fn AlertFields(edited: Edited) -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let away = Memo::new(move |_| seat.room().with(|room| room.link != Link::Open));
    let least = move || {
        let read = |overlay: &Overlay| match overlay.shows {
            Part::Alerts { least } => least,
            _ => 0,
        };
        edited.get(read, 0)
    };
    let set = move |event: web_sys::Event| {
        let field: HtmlInputElement = event_target(&event);
        if let Ok(new) = field.value().parse::<u64>() {
            edited.change(|overlay| overlay.shows = Part::Alerts { least: new });
        }
        field.set_value(&untrack(least).to_string());
    };
    view! {
        <label class="overlay-row">
            <span>{words.say("burned.least")}</span>
            <input id="overlay-least" type="number" min="0" step="1" prop:value=move || least().to_string() on:change=set />
        </label>
        <button
            id="overlay-layer-test"
            type="button"
            class="secondary"
            disabled=away
            on:click=move |_| seat.control_overlay(Control::Test)
        >
            {Icon::Gift.view()}
            <span>{words.say("burned.test")}</span>
        </button>
        <Note says="burned.alerts_text" />
    }
}

/// How many lines or places.
#[component]
fn Amount(id: &'static str, says: &'static str, most: u32, edited: Edited) -> impl IntoView {
    let words = use_words();
    let read = |overlay: &Overlay| match overlay.shows {
        Part::Chat { lines: many } | Part::Leaders { many } => many,
        _ => 1,
    };
    let many = move || edited.get(read, 1);
    view! {
        <label class="layer-opacity">
            <span>{words.say(says)}</span>
            <input
                id=id
                type="range"
                min="1"
                max=most.to_string()
                prop:value=move || many().to_string()
                on:input=move |event| {
                    let Ok(new) = event_target_value(&event).parse::<u8>() else { return };
                    edited
                        .change(|overlay| {
                            if let Part::Chat { lines: many } | Part::Leaders { many } = &mut overlay.shows {
                                *many = new;
                            }
                        });
                }
            />
            <output for=id>{move || many().to_string()}</output>
        </label>
    }
}

/// A text of the overlay, or its title.
fn text_of(overlay: &mut Overlay, of_title: bool) -> Option<&mut String> {
    match &mut overlay.shows {
        Part::Card { title, .. } if of_title => Some(title),
        Part::Ticker { text } | Part::Countdown { text, .. } | Part::Card { text, .. } => Some(text),
        _ => None,
    }
}

#[component]
fn Words(id: &'static str, says: &'static str, most: usize, edited: Edited, title: bool) -> impl IntoView {
    let words = use_words();
    let read =
        move |overlay: &Overlay| text_of(&mut overlay.clone(), title).map(std::mem::take).unwrap_or_default();
    let text = Memo::new(move |_| edited.get(read, String::new()));
    let hear = move |event: web_sys::Event| {
        let new: String = event_target_value(&event).chars().take(most).collect();
        edited.write(|overlay| {
            if let Some(text) = text_of(overlay, title) {
                *text = new;
            }
        });
    };
    view! {
        <label class="overlay-text">
            <span>{words.say(says)}</span>
            <input id=id maxlength=most.to_string() prop:value=text on:input=hear />
        </label>
    }
}

#[component]
fn CountdownFields(edited: Edited) -> impl IntoView {
    let words = use_words();
    let minutes = RwSignal::new(MINUTES);
    let start = move |_| {
        let until = until(browser::now_ms() as u64, minutes.get_untracked());
        edited.change(|overlay| {
            if let Part::Countdown { until: end, .. } = &mut overlay.shows {
                *end = until;
            }
        });
    };
    view! {
        <Words id="overlay-text" says="burned.countdown_for" most=MAX_TITLE edited title=false />
        <div class="overlay-row">
            <label class="overlay-minutes">
                <input
                    id="overlay-minutes"
                    type="number"
                    min="1"
                    max=MOST_MINUTES.to_string()
                    prop:value=move || minutes.get().to_string()
                    on:change=move |event| {
                        let given = event_target_value(&event).parse().unwrap_or(MINUTES);
                        minutes.set(given.clamp(1, MOST_MINUTES));
                    }
                />
                <span>{words.say("burned.minutes")}</span>
            </label>
            <button id="overlay-start" type="button" class="secondary" on:click=start>
                {Icon::Clock.view()}
                <span>{words.say("burned.start")}</span>
            </button>
        </div>
    }
}

#[component]
fn CardFields(edited: Edited) -> impl IntoView {
    let (desk, words) = (Desk::get(), use_words());
    let busy = RwSignal::new(false);
    let wrong = RwSignal::new(None::<&'static str>);
    let has = move || edited.get(|overlay| overlay.picture().is_some(), false);
    let set = move |new: Option<String>| {
        edited.change(|overlay| {
            if let Part::Card { picture, .. } = &mut overlay.shows {
                *picture = new;
            }
        });
    };
    let choose = move |files: Vec<File>| {
        wrong.set(None);
        busy.set(true);
        spawn_local(async move {
            let kept = pictures::keep(&files[0]).await;
            // The editor may be of another layer by the time that the picture has been read.
            if busy.try_set(false).is_some() {
                return;
            }
            match kept {
                Ok(picture) => set(Some(picture)),
                Err(NotKept::Odd(key)) => {
                    wrong.try_set(Some(key));
                }
                Err(NotKept::Failed(failure)) => desk.fail(failure),
            }
        });
    };
    view! {
        <Words id="overlay-text" says="burned.card_title" most=MAX_TITLE edited title=true />
        <Words id="overlay-card-text" says="burned.card_text" most=MAX_TEXT edited title=false />
        <div class="overlay-row">
            <Upload id="overlay-picture" disabled=busy chosen=choose>
                {Icon::Picture.view()}
                <span>{words.say("layers.image")}</span>
            </Upload>
            <Show when=has>
                <button id="overlay-no-picture" type="button" class="secondary" on:click=move |_| set(None)>
                    {Icon::Trash.view()}
                    <span>{words.say("burned.no_picture")}</span>
                </button>
            </Show>
        </div>
        <p class="key-failure" role="alert">
            {move || {
                let mb = (MAX_PICTURE >> 20).to_string();
                wrong.get().map(|key| words.fill(key, &[("mb", &mb)]))
            }}
        </p>
    }
}
