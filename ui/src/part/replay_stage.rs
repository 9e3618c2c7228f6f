//! The stage of a replay: the video, the comments over it, and what it is played with.

use std::time::Duration;

use leptos::html::{Div, Video};
use leptos::prelude::*;
use web_sys::PointerEvent;

use crate::part::danmaku::Danmaku;
use crate::part::danmaku_menu::DanmakuMenu;
use crate::part::full::{FullControl, turn_full};
use crate::part::icon::Icon;
use crate::part::replay_boards::ReplayBoards;
use crate::part::scrub::Scrub;
use crate::part::sound::SoundControl;
use crate::replaying::Replaying;
use crate::store::i18n;
use crate::store::replay::{ShowEvent, Status};
use crate::words::use_words;

/// The controls go when nothing has moved for so long.
const IDLE: Duration = Duration::from_millis(2_500);

#[component]
pub fn ReplayStage(stage: NodeRef<Div>, chat_open: RwSignal<bool>) -> impl IntoView {
    let (replaying, words) = (Replaying::get(), use_words());
    let video = NodeRef::<Video>::new();
    let attached = StoredValue::new(false);
    Effect::new(move |_| {
        let Some(video) = video.get() else { return };
        if !attached.get_value() {
            attached.set_value(true);
            replaying.attach(video);
        }
    });

    let idle = RwSignal::new(false);
    let timer = StoredValue::new(None::<TimeoutHandle>);
    let wake = move || {
        idle.set(false);
        if let Some(before) = timer.try_update_value(Option::take).flatten() {
            before.clear();
        }
        let rest = move || {
            idle.try_set(true);
        };
        timer.set_value(set_timeout_with_handle(rest, IDLE).ok());
    };
    // A finger that wakes the controls does not stop the video by it.
    let asleep = StoredValue::new(false);
    let touched = move |event: PointerEvent| {
        asleep.set_value(event.pointer_type() != "mouse" && idle.get_untracked());
        wake();
    };
    let press = move |_| {
        if !asleep.get_value() {
            replaying.toggle();
        }
    };
    let playing = Memo::new(move |_| matches!(replaying.status().get(), Status::Playing | Status::Waiting));
    let play_says = move || {
        words.get(match (playing.get(), replaying.status().get()) {
            (true, _) => "replay.pause",
            (false, Status::Ended) => "replay.again",
            (false, _) => "replay.play",
        })
    };
    let clock = |ms: u64| i18n::clock(ms / 1_000);
    view! {
        <div
            class="stage"
            class:idle=move || idle.get() && playing.get()
            node_ref=stage
            on:pointermove=move |_| wake()
            on:pointerdown=touched
            on:keydown=move |_| wake()
        >
            <video
                id="video"
                class="screen shown"
                playsinline
                preload="auto"
                aria-label=words.say("replay.video")
                node_ref=video
                on:click=press
                on:dblclick=move |_| turn_full(stage)
                on:loadedmetadata=move |_| replaying.measured()
                on:seeked=move |_| replaying.landed()
                on:playing=move |_| replaying.hear(ShowEvent::Moves)
                on:waiting=move |_| replaying.hear(ShowEvent::Waits)
                on:pause=move |_| replaying.stopped()
                on:ended=move |_| replaying.hear(ShowEvent::PartEnded)
                on:error=move |_| replaying.hear(ShowEvent::Broke)
            ></video>
            <Danmaku />
            <ReplayBoards />
            <div class="controls rows">
                <Scrub />
                <div class="control-row">
                    <button
                        id="play"
                        type="button"
                        class="control"
                        aria-label=play_says
                        title=play_says
                        on:click=move |_| replaying.toggle()
                    >
                        {move || match (playing.get(), replaying.status().get()) {
                            (true, _) => Icon::Pause.view(),
                            (false, Status::Ended) => Icon::Replay.view(),
                            (false, _) => Icon::Play.view(),
                        }}
                    </button>
                    <SoundControl
                        sound=replaying.sound()
                        on_sound=Callback::new(move |(muted, volume)| replaying.set_sound(muted, volume))
                    />
                    <span class="control-time">
                        <time id="at">{move || clock(replaying.at_ms().get())}</time>
                        <span>" / " {move || clock(replaying.duration_ms().get())}</span>
                    </span>
                    <span class="gap"></span>
                    <DanmakuMenu />
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
        </div>
    }
}
