//! Sound on and off, and the volume.

use leptos::prelude::*;

use crate::part::icon::Icon;
use crate::words::use_words;

/// `sound`: whether it is muted, and the volume from 0 to 1; `on_sound` wants it so.
#[component]
pub fn SoundControl(sound: ReadSignal<(bool, f64)>, on_sound: Callback<(bool, f64)>) -> impl IntoView {
    let words = use_words();
    let silent = move || sound.get().0;
    let says = move || words.get(if silent() { "stage.sound_on" } else { "stage.sound_off" });
    view! {
        <button
            id="sound"
            type="button"
            class="control"
            aria-label=says
            title=says
            on:click=move |_| {
                let (muted, volume) = sound.get_untracked();
                on_sound.run((!muted, if muted && volume == 0.0 { 1.0 } else { volume }));
            }
        >
            {move || if silent() { Icon::SoundOff.view() } else { Icon::Sound.view() }}
        </button>
        <input
            class="volume"
            type="range"
            min="0"
            max="1"
            step="0.05"
            aria-label=words.say("stage.volume")
            prop:value=move || if silent() { 0.0 } else { sound.get().1 }
            on:input=move |event| {
                let volume = event_target_value(&event).parse().unwrap_or(1.0);
                on_sound.run((volume == 0.0, volume));
            }
        />
    }
}
