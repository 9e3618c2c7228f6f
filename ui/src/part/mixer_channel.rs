//! One channel of the mixer: its meter over its fader, and what is pressed beside it.

use footlight_protocol::mixer::{ChannelId, FADER_MAX_DB, FADER_MIN_DB};
use leptos::html::Input;
use leptos::prelude::*;

use crate::acting::Acting;
use crate::desk::Desk;
use crate::mixing::Mixing;
use crate::part::icon::Icon;
use crate::part::meter::MeterBar;
use crate::store::mixer;
use crate::words::use_words;

#[component]
pub fn ChannelStrip(id: ChannelId, open: RwSignal<Option<ChannelId>>) -> impl IntoView {
    let (desk, mixing, words) = (Desk::get(), Mixing::get(), use_words());
    let silence = mixing.silence(id);
    let meter = match id {
        ChannelId::Microphone => "meter",
        ChannelId::Desktop => "meter-desktop",
    };
    // Whose creator holds the key sees that it is heard.
    let talks = Memo::new(move |_| {
        let asks = mixing.mixer().with(|mixer| mixer.push_to_talk);
        id == ChannelId::Microphone && asks && silence.with(Option::is_none)
    });
    let note =
        move || silence.get().and_then(|silence| mixer::silence(id, silence)).map(|key| words.get(key));
    view! {
        <div
            class="strip"
            class:silent=move || silence.with(Option::is_some)
            class:talking=talks
            role="group"
            aria-label=words.say(mixer::name(id))
        >
            <div class="strip-level">
                <div class="strip-meter">
                    <MeterBar id=meter shown=desk.meter_of(id) />
                    <p class="strip-note" role="status">
                        {note}
                    </p>
                </div>
                <Fader id />
            </div>
            <Acts id open />
        </div>
    }
}

#[component]
fn Fader(id: ChannelId) -> impl IntoView {
    let (mixing, words) = (Mixing::get(), use_words());
    let db = Memo::new(move |_| mixing.mixer().with(|mixer| mixer.channel(id).fader_db));
    let fader = NodeRef::<Input>::new();
    Effect::new(move |_| {
        let db = db.get();
        if let Some(fader) = fader.get() {
            fader.set_value(&db.to_string());
        }
    });
    let text = move || mixer::fader_text(db.get());
    let share = move || format!("{:.4}", (db.get() - FADER_MIN_DB) / (FADER_MAX_DB - FADER_MIN_DB));
    let set = move |db: f32| mixing.change(id, |channel| channel.fader_db = db);
    view! {
        <div class="strip-fader">
            <input
                type="range"
                data-fader=""
                min=FADER_MIN_DB.to_string()
                max=FADER_MAX_DB.to_string()
                step="1"
                node_ref=fader
                aria-label=words.say("mixer.fader")
                aria-valuetext=text
                title=words.say("mixer.fader_title")
                style:--at=share
                on:input=move |event| {
                    if let Some(db) = mixer::fader(&event_target_value(&event)) {
                        set(db);
                    }
                }
                on:dblclick=move |_| set(0.0)
            />
            <span class="strip-db" aria-hidden="true">
                {text}
            </span>
        </div>
    }
}

/// Mute, solo, listen, and what else there is.
#[component]
fn Acts(id: ChannelId, open: RwSignal<Option<ChannelId>>) -> impl IntoView {
    let (mixing, words) = (Mixing::get(), use_words());
    let channel = mixing.channel(id);
    let solo = Memo::new(move |_| channel.with(|channel| channel.solo));
    let listens = Memo::new(move |_| channel.with(|channel| channel.monitor));
    let filtered = Memo::new(move |_| {
        channel.with(|channel| channel.denoise || channel.gate.on || channel.compressor.on)
    });
    // Who listened to what the computer plays would have it play that once more.
    let listening = (id == ChannelId::Microphone).then(|| {
        view! {
            <button
                type="button"
                class="strip-act"
                data-act="monitor"
                aria-pressed=move || listens.get().to_string()
                aria-label=words.say("mixer.listen")
                title=words.say("mixer.listen_title")
                on:click=move |_| mixing.change(id, |channel| channel.monitor = !channel.monitor)
            >
                {Icon::Headphones.view()}
            </button>
        }
    });
    view! {
        <div class="strip-acts">
            <Mute id class="strip-act mute" />
            <button
                type="button"
                class="strip-act solo"
                data-act="solo"
                aria-pressed=move || solo.get().to_string()
                title=words.say("mixer.solo_title")
                on:click=move |_| mixing.change(id, |channel| channel.solo = !channel.solo)
            >
                {words.say("mixer.solo")}
            </button>
            {listening}
            <button
                type="button"
                class="strip-act more"
                class:in-use=filtered
                data-act="more"
                aria-haspopup="dialog"
                aria-label=words.say("mixer.more")
                title=words.say("mixer.more")
                on:click=move |_| open.set(Some(id))
            >
                {Icon::More.view()}
            </button>
        </div>
    }
}

/// The microphone's, where there is no mixer beside it.
#[component]
pub fn MuteButton() -> impl IntoView {
    view! { <Mute id=ChannelId::Microphone class="secondary square mute-alone" /> }
}

#[component]
fn Mute(id: ChannelId, class: &'static str) -> impl IntoView {
    let (mixing, acting, words) = (Mixing::get(), Acting::get(), use_words());
    let channel = mixing.channel(id);
    let muted = Memo::new(move |_| channel.with(|channel| channel.muted));
    let (element, icons, mutes) = match id {
        ChannelId::Microphone => {
            ("mute", [Icon::Microphone, Icon::MicrophoneOff], ["microphone.mute", "microphone.unmute"])
        }
        ChannelId::Desktop => ("mute-desktop", [Icon::Sound, Icon::SoundOff], ["mixer.mute", "mixer.unmute"]),
    };
    let muting = move || words.get(mutes[usize::from(muted.get())]);
    view! {
        <button
            id=element
            type="button"
            class=class
            data-act="mute"
            aria-pressed=move || muted.get().to_string()
            aria-label=muting
            aria-keyshortcuts=move || acting.shortcut(element)
            title=move || acting.titled(muting(), element)
            on:click=move |_| mixing.change(id, |channel| channel.muted = !channel.muted)
        >
            {move || icons[usize::from(muted.get())].view()}
        </button>
    }
}
