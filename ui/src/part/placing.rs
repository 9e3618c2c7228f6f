//! Layers in the preview under the hand: clicked, dragged, scaled or with Alt cut at their corners, moved by the arrow keys.

use footlight_protocol::scene::Place;
use footlight_protocol::scene::effects::Crop;
use leptos::html::Div;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent, PointerEvent};

use crate::composing::Composing;
use crate::part::layer_effects::can_be_cut;
use crate::store::frame::{self, Grip, Lines, Manner};
use crate::store::scenes;
use crate::words::use_words;

/// A hand that moves less, in pixels, only clicks.
const STILL: f64 = 3.0;
/// The corners by their names in the page.
const CORNERS: [(&str, bool, bool); 4] =
    [("nw", false, false), ("ne", true, false), ("sw", false, true), ("se", true, true)];

/// What the hand holds.
#[derive(Debug, Clone, Copy)]
struct Drag {
    at: usize,
    grip: Grip,
    from: Place,
    /// What was cut when it began, where the corner cuts instead of scaling.
    cuts: Option<Crop>,
    /// Where in the window it began.
    start: (f64, f64),
    /// It was selected already: a click means what lies before it.
    again: bool,
    moves: bool,
}

/// Lies over a picture of that shape: width by height.
#[component]
pub fn Placing(#[prop(into)] shape: Signal<f64>) -> impl IntoView {
    let (composing, words) = (Composing::get(), use_words());
    let field = NodeRef::<Div>::new();
    let drag = StoredValue::new(None::<Drag>);
    let lines = RwSignal::new(Lines::default());
    let hovered = RwSignal::new(None::<usize>);

    let point = move |event: &PointerEvent| {
        let frame = field.get_untracked()?.get_bounding_client_rect();
        let share = |at: f64, start: f64, size: f64| ((at - start) / size.max(1.0)) as f32;
        let (x, y) = (f64::from(event.client_x()), f64::from(event.client_y()));
        Some((share(x, frame.left(), frame.width()), share(y, frame.top(), frame.height())))
    };
    let hit = move |at: (f32, f32)| {
        composing.scenes().with_untracked(|scenes| frame::hit(scenes::layers(scenes), at))
    };
    let held = move |at: usize| {
        untrack(|| composing.layer(at)).filter(|layer| !layer.locked).map(|layer| layer.place)
    };
    let down = move |event: PointerEvent| {
        let (Some(at), Some(field)) = (point(&event), field.get_untracked()) else { return };
        if event.button() != 0 || drag.with_value(Option::is_some) {
            return;
        }
        // Before anything else: what is typed in a field belongs to the layer that was selected until now.
        let _ = field.focus();
        let selected = composing.selected().get_untracked();
        let mine = selected.and_then(|one| Some((one, held(one)?)));
        let corner = corner_of(&event);
        let taken = match (mine, corner) {
            (Some((one, place)), Some(corner)) => Some((one, corner, place, false)),
            (Some((one, place)), None) if frame::holds(&place, at) => Some((one, Grip::Whole, place, true)),
            _ => {
                let one = hit(at);
                composing.select(one);
                one.and_then(|one| Some((one, Grip::Whole, held(one)?, false)))
            }
        };
        if let Some((at, grip, from, again)) = taken {
            let _ = field.set_pointer_capture(event.pointer_id());
            let start = (f64::from(event.client_x()), f64::from(event.client_y()));
            let cuts = untrack(|| composing.layer(at))
                .filter(|layer| event.alt_key() && grip != Grip::Whole && can_be_cut(&layer.source))
                .map(|layer| layer.effects.crop);
            drag.set_value(Some(Drag { at, grip, from, cuts, start, again, moves: false }));
        }
    };
    let moved = move |event: PointerEvent| {
        let Some(mut now) = drag.get_value() else {
            return hovered.set(point(&event).and_then(hit));
        };
        let Some(field) = field.get_untracked() else { return };
        let by = (f64::from(event.client_x()) - now.start.0, f64::from(event.client_y()) - now.start.1);
        if !now.moves && by.0.hypot(by.1) < STILL {
            return;
        }
        now.moves = true;
        drag.set_value(Some(now));
        let size = field.get_bounding_client_rect();
        let by = ((by.0 / size.width().max(1.0)) as f32, (by.1 / size.height().max(1.0)) as f32);
        if let (Some(crop), Grip::Corner { right, lower }) = (now.cuts, now.grip) {
            let (place, crop) = frame::cut(now.from, crop, (right, lower), by);
            return composing.change(now.at, |layer| (layer.place, layer.effects.crop) = (place, crop));
        }
        let manner = Manner { snaps: !event.ctrl_key() && !event.meta_key(), free: event.shift_key() };
        let (place, on) = frame::dragged(now.from, now.grip, by, manner);
        composing.edit(|scenes| scenes::put(scenes, now.at, place));
        lines.set(on);
    };
    let end = move || {
        lines.set(Lines::default());
        drag.try_update_value(Option::take).flatten()
    };
    let up = move |event: PointerEvent| {
        if end().is_some_and(|drag| drag.again && !drag.moves) {
            composing.select(point(&event).and_then(hit));
        }
    };
    let back = move || {
        let drag = end();
        if let Some(drag) = drag {
            composing.edit(|scenes| {
                scenes::put(scenes, drag.at, drag.from);
                if let Some(crop) = drag.cuts {
                    scenes::change(scenes, drag.at, |layer| layer.effects.crop = crop);
                }
            });
        }
        drag.is_some()
    };
    let keys = move |event: KeyboardEvent| {
        let Some(at) = composing.selected().get_untracked() else { return };
        let step = if event.shift_key() { frame::STRIDE } else { frame::STEP };
        let (dx, dy) = match event.key().as_str() {
            "ArrowLeft" => (-step, 0.0),
            "ArrowRight" => (step, 0.0),
            "ArrowUp" => (0.0, -step),
            "ArrowDown" => (0.0, step),
            "Escape" => {
                if !back() {
                    composing.select(None);
                }
                return;
            }
            "Delete" | "Backspace" => {
                end();
                if held(at).is_some() {
                    composing.remove(at);
                }
                return event.prevent_default();
            }
            _ => return,
        };
        event.prevent_default();
        if let Some(place) = held(at) {
            let place = Place { x: place.x + dx, y: place.y + dy, ..place };
            composing.edit(|scenes| scenes::put(scenes, at, place));
        }
    };
    let outline = move || {
        let at = hovered.get().filter(|at| composing.selected().get() != Some(*at))?;
        let place = Memo::new(move |_| composing.layer(at).map_or(Place::WHOLE, |layer| layer.place));
        let [x, y, width, height] = sides(place);
        Some(view! {
            <div
                class="placing-hover"
                style=("--x", x)
                style=("--y", y)
                style=("--w", width)
                style=("--h", height)
            ></div>
        })
    };
    view! {
        <div
            id="placing"
            class="placing"
            class:can-move=move || hovered.get().is_some()
            style=("--shape", move || shape.get().to_string())
            role="application"
            tabindex="0"
            aria-label=words.say("placing.label")
            node_ref=field
            on:pointerdown=down
            on:pointermove=moved
            on:pointerup=up
            on:pointercancel=move |_| {
                back();
            }
            on:pointerleave=move |_| hovered.set(None)
            on:keydown=keys
        >
            {outline}
            <Frame />
            {move || {
                lines.get().x.map(|x| view! { <span class="placing-line upright" style:left=percent(x)></span> })
            }}
            {move || {
                lines.get().y.map(|y| view! { <span class="placing-line level" style:top=percent(y)></span> })
            }}
        </div>
    }
}

/// The selected layer's frame, with the corners that it is scaled at.
#[component]
fn Frame() -> impl IntoView {
    let composing = Composing::get();
    let layer = Memo::new(move |_| composing.selected().get().and_then(|at| composing.layer(at)));
    let there = Memo::new(move |_| layer.with(Option::is_some));
    let locked = Memo::new(move |_| layer.with(|layer| layer.as_ref().is_some_and(|layer| layer.locked)));
    let place =
        Memo::new(move |_| layer.with(|layer| layer.as_ref().map_or(Place::WHOLE, |layer| layer.place)));
    view! {
        <Show when=move || there.get()>
            {
                let [x, y, width, height] = sides(place);
                view! {
                    <div
                        class="placing-selected"
                        style=("--x", x)
                        style=("--y", y)
                        style=("--w", width)
                        style=("--h", height)
                    >
                        <div
                            id="placing-frame"
                            class="placing-frame"
                            class:locked=move || locked.get()
                            data-layer=move || composing.selected().get().map(|at| at.to_string())
                        ></div>
                        <Show when=move || !locked.get()>
                            {CORNERS
                                .map(|(name, ..)| view! { <span class="placing-corner" data-corner=name></span> })
                                .collect_view()}
                        </Show>
                    </div>
                }
            }
        </Show>
    }
}

/// A place for the style sheet, side by side: the page's policy takes no `style` attribute as a whole.
fn sides(place: Memo<Place>) -> [Signal<String>; 4] {
    let side = |of: fn(&Place) -> f32| Signal::derive(move || percent(place.with(of)));
    [side(|place| place.x), side(|place| place.y), side(|place| place.width), side(|place| place.height)]
}

fn percent(share: f32) -> String {
    format!("{:.3}%", share * 100.0)
}

/// The corner that the pointer is on.
fn corner_of(event: &PointerEvent) -> Option<Grip> {
    let name = event.target()?.dyn_into::<Element>().ok()?.get_attribute("data-corner")?;
    let corner = CORNERS.into_iter().find(|(corner, ..)| *corner == name)?;
    Some(Grip::Corner { right: corner.1, lower: corner.2 })
}
