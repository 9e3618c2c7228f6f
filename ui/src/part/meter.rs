//! A meter: loudness of a channel or of the sum, with its hanging peak.

use leptos::prelude::*;

use crate::store::meter::{self, FLOOR_DB, Meter};
use crate::words::use_words;

#[component]
pub fn MeterBar(id: &'static str, shown: ReadSignal<Meter>) -> impl IntoView {
    let words = use_words();
    let share = |db: f32| format!("{:.3}", meter::place(db));
    view! {
        <div
            id=id
            class="meter"
            class:clipped=move || shown.with(Meter::clipped)
            role="meter"
            aria-label=words.say("microphone.meter")
            aria-valuemin=FLOOR_DB.to_string()
            aria-valuemax="0"
            aria-valuenow=move || shown.with(|meter| format!("{:.0}", meter.level.peak_db.clamp(FLOOR_DB, 0.0)))
            data-peak-db=move || shown.with(|meter| format!("{:.1}", meter.level.peak_db))
            style:--peak=move || shown.with(|meter| share(meter.fill.peak_db))
            style:--rms=move || shown.with(|meter| share(meter.fill.rms_db))
            style:--held=move || shown.with(|meter| share(meter.held_db))
        >
            <span class="meter-peak"></span>
            <span class="meter-rms"></span>
            <span class="meter-held"></span>
        </div>
    }
}
