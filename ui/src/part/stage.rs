//! The viewer's stage: the video, its sound, and what stands over it while it does not play.

use leptos::html::{Canvas, Div, Video};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::CanvasRenderingContext2d;

use crate::part::boards::Boards;
use crate::part::icon::Icon;
use crate::store::playback::Status;
use crate::viewing::Viewing;
use crate::words::use_words;

#[component]
pub fn Stage(endpoint: String, token: Option<String>, chat_open: RwSignal<bool>) -> impl IntoView {
    let (viewing, words) = (Viewing::get(), use_words());
    let stage = NodeRef::<Div>::new();
    let video = NodeRef::<Video>::new();
    let freeze = NodeRef::<Canvas>::new();
    let silent = RwSignal::new(true);
    let volume = RwSignal::new(1.0_f64);

    let attached = StoredValue::new(false);
    Effect::new(move |_| {
        let Some(video) = video.get() else { return };
        if !attached.get_value() {
            attached.set_value(true);
            // The attribute does not do it for an element that a script makes.
            video.set_muted(true);
            viewing.attach(video, endpoint.clone(), token.clone());
        }
    });
    // The last frame stays while a new session replaces the old one.
    Effect::new(move |played: Option<bool>| {
        let playing = viewing.status().get() == Status::Playing;
        if played == Some(true)
            && !playing
            && let (Some(video), Some(freeze)) = (video.get_untracked(), freeze.get_untracked())
        {
            let (width, height) = (video.video_width(), video.video_height());
            if let Ok(Some(context)) = freeze.get_context("2d")
                && width > 0
            {
                freeze.set_width(width);
                freeze.set_height(height);
                let context: CanvasRenderingContext2d = context.unchecked_into();
                let _ = context.draw_image_with_html_video_element(&video, 0.0, 0.0);
            }
        }
        playing
    });
    let sound = move |on: bool| {
        if let Some(video) = video.get_untracked() {
            video.set_muted(!on);
            if on && video.volume() == 0.0 {
                video.set_volume(1.0);
                volume.set(1.0);
            }
            silent.set(!on);
        }
        viewing.play();
    };
    let set_volume = move |value: f64| {
        if let Some(video) = video.get_untracked() {
            video.set_volume(value);
            video.set_muted(value == 0.0);
            silent.set(value == 0.0);
            volume.set(value);
        }
    };
    let full = move |_| {
        if document().fullscreen_element().is_some() {
            document().exit_fullscreen();
        } else if let Some(stage) = stage.get_untracked() {
            let _ = stage.request_fullscreen();
        }
    };
    let heard = RwSignal::new(false);
    let invite = move || {
        let playing = viewing.status().get() == Status::Playing;
        viewing.needs_touch().get() || (playing && silent.get() && !heard.get())
    };
    let sound_says = move || words.get(if silent.get() { "stage.sound_on" } else { "stage.sound_off" });
    view! {
        <div class="stage" node_ref=stage>
            <video id="video" node_ref=video autoplay playsinline aria-label=words.say("stage.video")></video>
            <canvas class="freeze" node_ref=freeze aria-hidden="true"></canvas>
            <Boards />
            <Show when=invite>
                <button
                    id="unmute"
                    type="button"
                    class="unmute"
                    on:click=move |_| {
                        heard.set(true);
                        sound(true);
                    }
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
                    on:click=move |_| {
                        heard.set(true);
                        sound(silent.get_untracked());
                    }
                >
                    {move || if silent.get() { Icon::SoundOff.view() } else { Icon::Sound.view() }}
                </button>
                <input
                    class="volume"
                    type="range"
                    min="0"
                    max="1"
                    step="0.05"
                    aria-label=words.say("stage.volume")
                    prop:value=move || if silent.get() { 0.0 } else { volume.get() }
                    on:input=move |event| {
                        heard.set(true);
                        set_volume(event_target_value(&event).parse().unwrap_or(1.0));
                    }
                />
                <span class="gap"></span>
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
