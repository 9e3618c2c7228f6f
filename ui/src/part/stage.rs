//! The viewer's stage: the video, its sound, and what stands over it while it does not play.

use leptos::html::Div;
use leptos::prelude::*;

use crate::part::boards::Boards;
use crate::part::card::Card;
use crate::part::icon::Icon;
use crate::part::sound_only::SoundOnly;
use crate::part::way_menu::WayMenu;
use crate::player::Routes;
use crate::store::playback::Status;
use crate::viewing::Viewing;
use crate::words::use_words;

/// Elements to play on: one is seen, and at most two others make ready behind it.
const SCREENS: usize = 3;

#[component]
pub fn Stage(routes: Routes, token: Option<String>, chat_open: RwSignal<bool>) -> impl IntoView {
    let (viewing, words) = (Viewing::get(), use_words());
    let stage = NodeRef::<Div>::new();
    let screens = NodeRef::<Div>::new();

    let attached = StoredValue::new(false);
    Effect::new(move |_| {
        let Some(screens) = screens.get() else { return };
        if !attached.get_value() {
            attached.set_value(true);
            viewing.attach(screens.into(), routes.clone(), token.clone());
        }
    });
    let silent = move || viewing.sound().get().0;
    let sound = move |on: bool| {
        let (_, volume) = viewing.sound().get_untracked();
        viewing.set_sound(!on, if on && volume == 0.0 { 1.0 } else { volume });
        viewing.play();
    };
    let full = move |_| {
        if document().fullscreen_element().is_some() {
            document().exit_fullscreen();
        } else if let Some(stage) = stage.get_untracked() {
            let _ = stage.request_fullscreen();
        }
    };
    let invite = move || {
        let playing = viewing.status().get() == Status::Playing;
        viewing.needs_touch().get() || (playing && viewing.silenced().get())
    };
    let sound_says = move || words.get(if silent() { "stage.sound_on" } else { "stage.sound_off" });
    view! {
        <div class="stage" node_ref=stage>
            <div class="screens" node_ref=screens>
                {(0..SCREENS)
                    .map(|_| {
                        view! { <video class="screen" autoplay playsinline aria-label=words.say("stage.video")></video> }
                    })
                    .collect_view()}
            </div>
            <SoundOnly />
            <Card />
            <Boards />
            <Show when=invite>
                <button
                    id="unmute"
                    type="button"
                    class="unmute"
                    on:click=move |_| sound(true)
                >
                    {Icon::SoundOff.view()}
                    {move || {
                        words.get(if viewing.needs_touch().get() { "stage.tap_play" } else { "stage.tap_sound" })
                    }}
                </button>
            </Show>
            <div class="controls">
                <button
                    id="sound"
                    type="button"
                    class="control"
                    aria-label=sound_says
                    title=sound_says
                    on:click=move |_| sound(viewing.sound().get_untracked().0)
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
                    prop:value=move || if silent() { 0.0 } else { viewing.sound().get().1 }
                    on:input=move |event| {
                        let volume = event_target_value(&event).parse().unwrap_or(1.0);
                        viewing.set_sound(volume == 0.0, volume);
                        viewing.play();
                    }
                />
                <span class="gap"></span>
                <WayMenu />
                <button
                    type="button"
                    class="control chat-toggle"
                    aria-label=words.say("stage.chat")
                    title=words.say("stage.chat")
                    aria-expanded=move || chat_open.get().to_string()
                    on:click=move |_| chat_open.update(|open| *open = !*open)
                >
                    {Icon::Chat.view()}
                </button>
                <button
                    id="full"
                    type="button"
                    class="control"
                    aria-label=words.say("stage.full")
                    title=words.say("stage.full")
                    on:click=full
                >
                    {Icon::Full.view()}
                </button>
            </div>
        </div>
    }
}
