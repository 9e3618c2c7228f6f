//! The viewer's stage: the video, its sound, and what stands over it while it does not play.

use leptos::html::Div;
use leptos::prelude::*;

use crate::part::boards::Boards;
use crate::part::card::Card;
use crate::part::danmaku::Danmaku;
use crate::part::danmaku_menu::DanmakuMenu;
use crate::part::full::FullControl;
use crate::part::gift_cards::GiftCards;
use crate::part::icon::Icon;
use crate::part::like::LikeControl;
use crate::part::sound::SoundControl;
use crate::part::sound_only::SoundOnly;
use crate::part::taps::Taps;
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
    let loud = move |_| {
        let (_, volume) = viewing.sound().get_untracked();
        viewing.set_sound(false, if volume == 0.0 { 1.0 } else { volume });
        viewing.play();
    };
    let invite = move || {
        let playing = viewing.status().get() == Status::Playing;
        viewing.needs_touch().get() || (playing && viewing.silenced().get())
    };
    view! {
        <div class="stage" node_ref=stage>
            <div class="screens" node_ref=screens>
                {(0..SCREENS)
                    .map(|_| {
                        view! { <video class="screen" autoplay playsinline aria-label=words.say("stage.video")></video> }
                    })
                    .collect_view()}
            </div>
            <Danmaku />
            <Taps />
            <SoundOnly />
            <Card />
            <GiftCards />
            <Boards />
            <Show when=invite>
                <button
                    id="unmute"
                    type="button"
                    class="unmute"
                    on:click=loud
                >
                    {Icon::SoundOff.view()}
                    {move || {
                        words.get(if viewing.needs_touch().get() { "stage.tap_play" } else { "stage.tap_sound" })
                    }}
                </button>
            </Show>
            <div class="controls">
                <SoundControl
                    sound=viewing.sound()
                    on_sound=Callback::new(move |(muted, volume)| {
                        viewing.set_sound(muted, volume);
                        viewing.play();
                    })
                />
                <span class="gap"></span>
                <WayMenu />
                <DanmakuMenu />
                <LikeControl />
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
                <FullControl stage />
            </div>
        </div>
    }
}
