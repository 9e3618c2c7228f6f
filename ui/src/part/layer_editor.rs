//! What the selected layer shows and where it is, for its creator to set.

use footlight_protocol::scene::{Colour, MAX_TEXT, Place, Source};
use leptos::html::Textarea;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{HtmlInputElement, InputEvent};

use crate::composing::Composing;
use crate::part::layer_effects::{LayerEffects, can_be_cut};
use crate::part::layers::layer_name;
use crate::part::live_fields::LiveFields;
use crate::part::overlay_editor::OverlayFields;
use crate::store::frame;
use crate::store::scenes::{self, GROUND, INK, fitting_text};
use crate::words::use_words;

/// The cells that a layer can be put into: columns, rows, and their words.
const CELLS: [(u8, u8, &str); 9] = [
    (0, 0, "layers.top_left"),
    (1, 0, "layers.top"),
    (2, 0, "layers.top_right"),
    (0, 1, "layers.left"),
    (1, 1, "layers.centre"),
    (2, 1, "layers.right"),
    (0, 2, "layers.bottom_left"),
    (1, 2, "layers.bottom"),
    (2, 2, "layers.bottom_right"),
];

/// A side of a place, to read and to set: its field, its words, and itself.
type Side = (&'static str, &'static str, fn(&mut Place) -> &mut f32);
const SIDES: [Side; 4] = [
    ("layer-x", "layers.x", |place| &mut place.x),
    ("layer-y", "layers.y", |place| &mut place.y),
    ("layer-width", "layers.width", |place| &mut place.width),
    ("layer-height", "layers.height", |place| &mut place.height),
];

#[component]
pub fn LayerEditor() -> impl IntoView {
    let (composing, words) = (Composing::get(), use_words());
    // Another layer or another kind has other fields; the same keeps them, and what is typed in them.
    let edited = Memo::new(move |_| {
        let at = composing.selected().get()?;
        let part = |source: &Source| match source {
            Source::Overlay { overlay } => Some(std::mem::discriminant(&overlay.shows)),
            _ => None,
        };
        let layer = composing.layer(at)?;
        Some((at, std::mem::discriminant(&layer.source), part(&layer.source)))
    });
    let fields = move |at: usize| {
        let layer = Memo::new(move |_| composing.layer(at));
        let source = Memo::new(move |_| layer.get().map(|layer| layer.source));
        let name = move || source.get().map(|source| layer_name(words, &source));
        let own = match source.get_untracked() {
            Some(Source::Text { .. }) => view! { <TextFields at source /> }.into_any(),
            Some(Source::Colour { .. }) => {
                let colour = move || match source.get() {
                    Some(Source::Colour { colour }) => colour,
                    _ => INK,
                };
                let set = move |new: Colour| {
                    composing.change(at, |layer| {
                        if let Source::Colour { colour } = &mut layer.source {
                            *colour = new;
                        }
                    });
                };
                view! { <ColourField id="layer-colour" says="layers.colour" colour set /> }.into_any()
            }
            Some(
                Source::Camera
                | Source::OtherCamera { .. }
                | Source::Screen { .. }
                | Source::Window { .. }
                | Source::Media { .. },
            ) => view! { <LiveFields at source /> }.into_any(),
            Some(Source::Overlay { .. }) => view! { <OverlayFields at source /> }.into_any(),
            Some(Source::Image { .. }) | None => ().into_any(),
        };
        let effects = source.get_untracked().filter(can_be_cut).map(|source| {
            view! { <LayerEffects at colours=source.is_live() || source == Source::Camera /> }
        });
        view! {
            <div id="layer-editor" class="layer-editor" role="group" aria-labelledby="layer-editor-title">
                <h3 id="layer-editor-title">{name}</h3>
                {own}
                <Opacity at />
                <Placement at />
                {effects}
            </div>
        }
    };
    move || edited.get().map(|(at, ..)| fields(at))
}

#[component]
fn TextFields(at: usize, source: Memo<Option<Source>>) -> impl IntoView {
    let (composing, words) = (Composing::get(), use_words());
    let read = move || match source.get() {
        Some(Source::Text { text, colour, ground }) => (text, colour, ground),
        _ => (String::new(), INK, None),
    };
    let text = Memo::new(move |_| read().0);
    let area = NodeRef::<Textarea>::new();
    // Only what comes from elsewhere: to set what is typed would break into the next word of an input method.
    Effect::new(move |_| {
        let (Some(area), text) = (area.get(), text.get()) else { return };
        if fitting_text(&area.value()) != text {
            area.set_value(&text);
        }
    });
    let hear = move |text: String| composing.type_into(at, fitting_text(&text));
    let ground = move || read().2;
    let set_ground = move |new: Option<Colour>| {
        composing.change(at, |layer| {
            if let Source::Text { ground, .. } = &mut layer.source {
                *ground = new;
            }
        });
    };
    let set_colour = move |new: Colour| {
        composing.change(at, |layer| {
            if let Source::Text { colour, .. } = &mut layer.source {
                *colour = new;
            }
        });
    };
    view! {
        <textarea
            id="layer-text"
            rows="2"
            maxlength=MAX_TEXT.to_string()
            aria-label=words.say("layers.text")
            node_ref=area
            on:input=move |event| {
                // Half a word of an input method is not for viewers.
                if !event.dyn_ref::<InputEvent>().is_some_and(InputEvent::is_composing) {
                    hear(event_target_value(&event));
                }
            }
            on:compositionend=move |event| hear(event_target_value(&event))
        ></textarea>
        <div class="layer-line">
            <ColourField id="layer-colour" says="layers.text_colour" colour=move || read().1 set=set_colour />
            <label class="layer-check">
                <input
                    id="layer-ground"
                    type="checkbox"
                    prop:checked=move || ground().is_some()
                    on:change=move |event| set_ground(event_target_checked(&event).then_some(GROUND))
                />
                <span>{words.say("layers.ground")}</span>
            </label>
            <Show when=move || ground().is_some()>
                <ColourField
                    id="layer-ground-colour"
                    says="layers.ground_colour"
                    colour=move || ground().unwrap_or(GROUND)
                    set=move |colour| set_ground(Some(colour))
                    bare=true
                />
            </Show>
        </div>
    }
}

#[component]
fn ColourField(
    id: &'static str,
    says: &'static str,
    colour: impl Fn() -> Colour + Send + Sync + 'static,
    set: impl Fn(Colour) + 'static,
    /// Its words are for screen readers only: what stands beside it says it.
    #[prop(optional)]
    bare: bool,
) -> impl IntoView {
    let words = use_words();
    view! {
        <label class="layer-colour">
            <input
                id=id
                type="color"
                title=words.say(says)
                prop:value=move || String::from(colour())
                on:input=move |event| {
                    if let Ok(colour) = event_target_value(&event).parse() {
                        set(colour);
                    }
                }
            />
            <span class:hidden=bare>{words.say(says)}</span>
        </label>
    }
}

#[component]
fn Opacity(at: usize) -> impl IntoView {
    let (composing, words) = (Composing::get(), use_words());
    let percent =
        Memo::new(move |_| composing.layer(at).map_or(100, |layer| (layer.opacity * 100.0).round() as u32));
    view! {
        <label class="layer-opacity">
            <span>{words.say("layers.opacity")}</span>
            <input
                id="layer-opacity"
                type="range"
                min="0"
                max="100"
                prop:value=move || percent.get().to_string()
                on:input=move |event| {
                    if let Ok(percent) = event_target_value(&event).parse::<f32>() {
                        composing.change(at, |layer| layer.opacity = (percent / 100.0).clamp(0.0, 1.0));
                    }
                }
            />
            <output for="layer-opacity">{move || format!("{}%", percent.get())}</output>
        </label>
    }
}

#[component]
fn Placement(at: usize) -> impl IntoView {
    let (composing, words) = (Composing::get(), use_words());
    let place = Memo::new(move |_| composing.layer(at).map_or(Place::WHOLE, |layer| layer.place));
    let locked = Memo::new(move |_| composing.layer(at).is_some_and(|layer| layer.locked));
    let put = move |place: Place| composing.edit(|scenes| scenes::put(scenes, at, place));
    let percent = |share: f32| ((share * 1_000.0).round() / 10.0).to_string();
    let cells = CELLS
        .map(|(column, row, says)| {
            let is = move || place.with(|place| frame::at_cell(*place, column, row) == *place);
            view! {
                <button
                    type="button"
                    data-cell=format!("{column}-{row}")
                    aria-label=words.say(says)
                    title=words.say(says)
                    aria-pressed=move || is().to_string()
                    disabled=move || locked.get()
                    on:click=move |_| put(frame::at_cell(place.get_untracked(), column, row))
                ></button>
            }
        })
        .collect_view();
    let sides = SIDES
        .map(|(id, says, side)| {
            let share = move |mut place: Place| *side(&mut place);
            let change = move |event: web_sys::Event| {
                let mut new = place.get_untracked();
                let field: HtmlInputElement = event_target(&event);
                if let Ok(percent) = field.value().parse::<f32>() {
                    *side(&mut new) = percent / 100.0;
                    put(new);
                }
                // What came of it, also where that is what it was.
                field.set_value(&percent(share(place.get_untracked())));
            };
            view! {
                <label>
                    <span>{words.say(says)}</span>
                    <input
                        id=id
                        type="number"
                        step="any"
                        prop:value=move || percent(share(place.get()))
                        disabled=move || locked.get()
                        on:change=change
                    />
                </label>
            }
        })
        .collect_view();
    view! {
        <div class="layer-placement">
            <div class="layer-cells" role="group" aria-label=words.say("layers.position")>
                {cells}
            </div>
            <div class="layer-sides">{sides}</div>
        </div>
        <button
            id="layer-fill"
            type="button"
            class="secondary"
            disabled=move || locked.get()
            on:click=move |_| put(Place::WHOLE)
        >
            {words.say("layers.fill")}
        </button>
        <Show when=move || locked.get()>
            <p class="layer-locked">{words.say("layers.locked_text")}</p>
        </Show>
    }
}
