//! Two quick touches of the picture like it, with a heart where the finger was.

use leptos::html::Div;
use leptos::prelude::*;
use web_sys::PointerEvent;

use crate::liking::Liking;

/// The second touch comes within this, in milliseconds, and …
const WITHIN_MS: f64 = 320.0;
/// … so near, in pixels.
const NEAR: f64 = 40.0;

#[component]
pub fn Taps() -> impl IntoView {
    let liking = Liking::get();
    let place = NodeRef::<Div>::new();
    let last = StoredValue::new((f64::NEG_INFINITY, 0.0, 0.0));
    let tap = move |event: PointerEvent| {
        if event.pointer_type() != "touch" {
            return;
        }
        let Some(place) = place.get_untracked() else { return };
        let (at, x, y) = (event.time_stamp(), f64::from(event.client_x()), f64::from(event.client_y()));
        let (before, was_x, was_y) = last.get_value();
        last.set_value((at, x, y));
        if at - before < WITHIN_MS && (x - was_x).hypot(y - was_y) < NEAR {
            let frame = place.get_bounding_client_rect();
            let share = ((x - frame.left()) / frame.width(), (y - frame.top()) / frame.height());
            liking.like(Some(share));
        }
    };
    view! { <div class="taps" node_ref=place on:pointerup=tap aria-hidden="true"></div> }
}
