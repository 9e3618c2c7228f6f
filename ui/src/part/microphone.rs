//! The microphone: which one, how loud, and whether anybody hears it.

use leptos::prelude::*;

use crate::desk::Desk;
use crate::part::icon::Icon;
use crate::part::meter::MeterBar;
use crate::part::picker::{Lost, Picker};
use crate::words::use_words;

#[component]
pub fn Microphone() -> impl IntoView {
    let (desk, words) = (Desk::get(), use_words());
    let devices = Memo::new(move |_| desk.snapshot().with(|snapshot| snapshot.microphones.clone()));
    let chosen = Memo::new(move |_| desk.snapshot().with(|snapshot| snapshot.microphone.clone()));
    let state = Memo::new(move |_| desk.snapshot().with(|snapshot| snapshot.microphone_state.clone()));
    let muted = Memo::new(move |_| desk.snapshot().with(|snapshot| snapshot.muted));
    let says = move || words.get(if muted.get() { "microphone.unmute" } else { "microphone.mute" });
    view! {
        <div class="source sound" class:muted=move || muted.get()>
            <Picker
                id="microphone"
                label="microphone.title"
                icon=Icon::Microphone
                devices
                chosen
                stand_in=("tone", "microphone.tone")
                none_found="microphone.none_found"
                on_pick=move |id| desk.pick_microphone(id)
            />
            <div class="microphone-row">
                <button
                    id="mute"
                    type="button"
                    class="mute square"
                    aria-pressed=move || muted.get().to_string()
                    aria-label=says
                    title=says
                    on:click=move |_| desk.set_muted(!muted.get_untracked())
                >
                    {move || if muted.get() { Icon::MicrophoneOff.view() } else { Icon::Microphone.view() }}
                </button>
                <div class="meter-place">
                    <MeterBar />
                    <Show when=move || muted.get()>
                        <p class="muted-note">{words.say("microphone.muted")}</p>
                    </Show>
                </div>
            </div>
            <Lost state chosen />
        </div>
    }
}
