//! What is done to what the selected layer shows: cut, fitted, turned over, a colour made clear, colours changed.

use footlight_protocol::scene::effects::{Crop, Effects, Fit, GAMMA, Grade, Key, MOST_FACTOR};
use footlight_protocol::scene::{Colour, Source};
use leptos::prelude::*;
use web_sys::HtmlInputElement;

use crate::composing::Composing;
use crate::words::use_words;

/// An edge of a crop: its field, its words, and itself.
type Edge = (&'static str, &'static str, fn(&mut Crop) -> &mut f32);
const EDGES: [Edge; 4] = [
    ("layer-crop-left", "effects.crop_left", |crop| &mut crop.left),
    ("layer-crop-top", "effects.crop_top", |crop| &mut crop.top),
    ("layer-crop-right", "effects.crop_right", |crop| &mut crop.right),
    ("layer-crop-bottom", "effects.crop_bottom", |crop| &mut crop.bottom),
];

const FITS: [(&str, Fit, &str); 3] = [
    ("contain", Fit::Contain, "effects.contain"),
    ("cover", Fit::Cover, "effects.cover"),
    ("stretch", Fit::Stretch, "effects.stretch"),
];

/// Whether a layer of this kind has edges that can be cut: what is written or a colour has none.
pub fn can_be_cut(source: &Source) -> bool {
    source.is_live() || matches!(source, Source::Camera | Source::Image { .. })
}

/// Changes the effects of a layer.
type Change = fn(&mut Effects, f32);

#[component]
pub fn LayerEffects(
    at: usize,
    /// Its colours can be changed.
    colours: bool,
) -> impl IntoView {
    let composing = Composing::get();
    let effects =
        Memo::new(move |_| composing.layer(at).map_or_else(Effects::default, |layer| layer.effects));
    view! {
        <Shape at effects />
        {colours.then(|| view! { <Keyed at effects /> <Graded at effects /> })}
    }
}

#[component]
fn Shape(at: usize, effects: Memo<Effects>) -> impl IntoView {
    let (composing, words) = (Composing::get(), use_words());
    let change = move |to: &dyn Fn(&mut Effects)| composing.change(at, |layer| to(&mut layer.effects));
    let fit = move || effects.with(|effects| effects.fit);
    let choose_fit = move |event: web_sys::Event| {
        let chosen = event_target_value(&event);
        if let Some((_, fit, _)) = FITS.iter().find(|(value, ..)| *value == chosen) {
            change(&|effects| effects.fit = *fit);
        }
    };
    let fits = FITS
        .map(|(value, own, says)| {
            view! { <option value=value selected=move || fit() == own>{words.say(says)}</option> }
        })
        .collect_view();
    let percent = |share: f32| ((share * 1_000.0).round() / 10.0).to_string();
    let edges = EDGES
        .map(|(id, says, edge)| {
            let read = move || *edge(&mut effects.with(|effects| effects.crop));
            let set = move |event: web_sys::Event| {
                let field: HtmlInputElement = event_target(&event);
                if let Ok(value) = field.value().parse::<f32>() {
                    change(&|effects| {
                        *edge(&mut effects.crop) = value / 100.0;
                        effects.crop = effects.crop.kept();
                    });
                }
                // What came of it, also where that is what it was.
                field.set_value(&percent(untrack(read)));
            };
            view! {
                <label>
                    <span>{words.say(says)}</span>
                    <input id=id type="number" step="any" prop:value=move || percent(read()) on:change=set />
                </label>
            }
        })
        .collect_view();
    let used = move || {
        effects
            .with(|effects| Effects { key: None, grade: Grade::default(), ..*effects } != Effects::default())
    };
    view! {
        <details id="layer-shape" class="layer-effects">
            <summary class:used=used>{words.say("effects.shape")}</summary>
            <label class="layer-field">
                <span>{words.say("effects.fit")}</span>
                <select id="layer-fit" on:change=choose_fit>{fits}</select>
            </label>
            <div class="layer-line">
                <label class="layer-check">
                    <input
                        id="layer-mirrored"
                        type="checkbox"
                        prop:checked=move || effects.with(|effects| effects.mirrored)
                        on:change=move |event| {
                            let on = event_target_checked(&event);
                            change(&|effects| effects.mirrored = on);
                        }
                    />
                    <span>{words.say("effects.mirrored")}</span>
                </label>
                <label class="layer-check">
                    <input
                        id="layer-upended"
                        type="checkbox"
                        prop:checked=move || effects.with(|effects| effects.upended)
                        on:change=move |event| {
                            let on = event_target_checked(&event);
                            change(&|effects| effects.upended = on);
                        }
                    />
                    <span>{words.say("effects.upended")}</span>
                </label>
            </div>
            <div class="layer-sides" role="group" aria-label=words.say("effects.crop")>
                {edges}
            </div>
            <p class="layer-locked">{words.say("effects.crop_text")}</p>
        </details>
    }
}

#[component]
fn Keyed(at: usize, effects: Memo<Effects>) -> impl IntoView {
    let (composing, words) = (Composing::get(), use_words());
    let key = move || effects.with(|effects| effects.key);
    let on = Memo::new(move |_| key().is_some());
    let set_colour = move |event: web_sys::Event| {
        if let Ok(colour) = event_target_value(&event).parse::<Colour>() {
            composing.change(at, |layer| {
                if let Some(key) = &mut layer.effects.key {
                    key.colour = colour;
                }
            });
        }
    };
    view! {
        <details id="layer-key-part" class="layer-effects">
            <summary class:used=move || on.get()>{words.say("effects.key")}</summary>
            <label class="layer-check">
                <input
                    id="layer-key"
                    type="checkbox"
                    prop:checked=move || on.get()
                    on:change=move |event| {
                        let on = event_target_checked(&event);
                        composing.change(at, |layer| layer.effects.key = on.then(Key::default));
                    }
                />
                <span>{words.say("effects.key_on")}</span>
            </label>
            <Show when=move || on.get()>
                <label class="layer-colour">
                    <input
                        id="layer-key-colour"
                        type="color"
                        prop:value=move || String::from(key().unwrap_or_default().colour)
                        on:input=set_colour
                    />
                    <span>{words.say("effects.key_colour")}</span>
                </label>
                <Slide
                    at
                    id="layer-key-similarity"
                    says="effects.similarity"
                    range=(0.0, 1.0)
                    value=Signal::derive(move || key().unwrap_or_default().similarity)
                    set=|effects, value| {
                        if let Some(key) = &mut effects.key {
                            key.similarity = value;
                        }
                    }
                />
                <Slide
                    at
                    id="layer-key-smoothness"
                    says="effects.smoothness"
                    range=(0.0, 1.0)
                    value=Signal::derive(move || key().unwrap_or_default().smoothness)
                    set=|effects, value| {
                        if let Some(key) = &mut effects.key {
                            key.smoothness = value;
                        }
                    }
                />
            </Show>
        </details>
    }
}

#[component]
fn Graded(at: usize, effects: Memo<Effects>) -> impl IntoView {
    let (composing, words) = (Composing::get(), use_words());
    let grade = move || effects.with(|effects| effects.grade);
    let used = Memo::new(move |_| grade() != Grade::default());
    view! {
        <details id="layer-grade" class="layer-effects">
            <summary class:used=move || used.get()>{words.say("effects.grade")}</summary>
            <Slide
                at
                id="layer-brightness"
                says="effects.brightness"
                range=(-1.0, 1.0)
                value=Signal::derive(move || grade().brightness)
                set=|effects, value| effects.grade.brightness = value
            />
            <Slide
                at
                id="layer-contrast"
                says="effects.contrast"
                range=(0.0, MOST_FACTOR)
                value=Signal::derive(move || grade().contrast)
                set=|effects, value| effects.grade.contrast = value
            />
            <Slide
                at
                id="layer-saturation"
                says="effects.saturation"
                range=(0.0, MOST_FACTOR)
                value=Signal::derive(move || grade().saturation)
                set=|effects, value| effects.grade.saturation = value
            />
            <Slide
                at
                id="layer-gamma"
                says="effects.gamma"
                range=GAMMA
                value=Signal::derive(move || grade().gamma)
                set=|effects, value| effects.grade.gamma = value
            />
            <button
                id="layer-grade-reset"
                type="button"
                class="secondary"
                disabled=move || !used.get()
                on:click=move |_| composing.change(at, |layer| layer.effects.grade = Grade::default())
            >
                {words.say("effects.reset")}
            </button>
        </details>
    }
}

/// A number that is slid.
#[component]
fn Slide(
    at: usize,
    id: &'static str,
    says: &'static str,
    range: (f32, f32),
    value: Signal<f32>,
    set: Change,
) -> impl IntoView {
    let (composing, words) = (Composing::get(), use_words());
    let slid = move |event: web_sys::Event| {
        if let Ok(value) = event_target_value(&event).parse::<f32>() {
            composing.change(at, |layer| set(&mut layer.effects, value.clamp(range.0, range.1)));
        }
    };
    view! {
        <label class="layer-opacity">
            <span>{words.say(says)}</span>
            <input
                id=id
                type="range"
                min=range.0.to_string()
                max=range.1.to_string()
                step="0.01"
                prop:value=move || value.get().to_string()
                on:input=slid
            />
            <output for=id>{move || format!("{:.2}", value.get())}</output>
        </label>
    }
}
