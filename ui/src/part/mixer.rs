//! The sound: the microphone, what the computer plays, and what viewers hear of both.

use footlight_protocol::mixer::ChannelId;
use footlight_protocol::studio::SourceState;
use leptos::html::Input;
use leptos::prelude::*;

use crate::desk::Desk;
use crate::mixing::Mixing;
use crate::part::icon::Icon;
use crate::part::meter::MeterBar;
use crate::part::mixer_channel::ChannelStrip;
use crate::part::mixer_filters::Filters;
use crate::part::picker::{Lost, Picker};
use crate::words::use_words;

#[component]
pub fn MixerCard() -> impl IntoView {
    let (mixing, words) = (Mixing::get(), use_words());
    let desktop = Memo::new(move |_| mixing.mixer().with(|mixer| mixer.desktop.on));
    // Whose filters are open.
    let open = RwSignal::new(None::<ChannelId>);
    view! {
        <div id="mixer" class="mixer" role="group" aria-label=words.say("mixer.title")>
            <Microphone open />
            <Desktop on=desktop open />
            <Show when=move || desktop.get()>
                <Sum />
            </Show>
        </div>
        <Filters open />
    }
}

#[component]
fn Microphone(open: RwSignal<Option<ChannelId>>) -> impl IntoView {
    let desk = Desk::get();
    let devices = Memo::new(move |_| desk.snapshot().with(|snapshot| snapshot.microphones.clone()));
    let chosen = Memo::new(move |_| desk.snapshot().with(|snapshot| snapshot.microphone.clone()));
    let state = Memo::new(move |_| desk.snapshot().with(|snapshot| snapshot.microphone_state.clone()));
    view! {
        <div class="source" data-channel="microphone">
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
            <ChannelStrip id=ChannelId::Microphone open />
            <Lost state chosen />
        </div>
    }
}

/// What the computer plays; off until its creator wants viewers to hear it.
#[component]
fn Desktop(on: Memo<bool>, open: RwSignal<Option<ChannelId>>) -> impl IntoView {
    let (desk, mixing, words) = (Desk::get(), Mixing::get(), use_words());
    let state = Memo::new(move |_| desk.snapshot().with(|snapshot| snapshot.desktop_state.clone()));
    // What is listened to is played, and recorded with the rest.
    let twice = Memo::new(move |_| mixing.mixer().with(|mixer| mixer.microphone.monitor));
    let says = move || {
        words.get(match (on.get(), twice.get()) {
            (false, _) => "mixer.desktop_off",
            (true, false) => "mixer.desktop_on",
            (true, true) => "mixer.desktop_twice",
        })
    };
    let switch = NodeRef::<Input>::new();
    // Shows what is, also after a switch that was refused.
    Effect::new(move |_| {
        desk.failure().track();
        let on = on.get();
        if let Some(switch) = switch.get() {
            switch.set_checked(on);
        }
    });
    let failure = move || match state.get() {
        SourceState::Lost { failure } if on.get() => Some(view! {
            <p class="lost" role="alert">
                {Icon::Warning.view()}
                <span>{words.failure(&failure)} " " {words.say("picker.back_by_itself")}</span>
            </p>
        }),
        _ => None,
    };
    view! {
        <div class="source" data-channel="desktop">
            <div class="picker">
                <label class="picker-label" for="desktop-on" title=words.say("mixer.desktop")>
                    {Icon::Sound.view()} <span>{words.say("mixer.desktop")}</span>
                </label>
                <label class="switch mixer-switch">
                    <input
                        id="desktop-on"
                        type="checkbox"
                        role="switch"
                        node_ref=switch
                        on:change=move |event| {
                            let on = event_target_checked(&event);
                            mixing.change(ChannelId::Desktop, |channel| channel.on = on);
                        }
                    />
                    <span class="switch-track" aria-hidden="true"></span>
                    <span class="switch-text">
                        <small>{says}</small>
                    </span>
                </label>
            </div>
            <Show when=move || on.get()>
                <ChannelStrip id=ChannelId::Desktop open />
            </Show>
            {failure}
        </div>
    }
}

/// All that viewers hear.
#[component]
fn Sum() -> impl IntoView {
    let (desk, words) = (Desk::get(), use_words());
    view! {
        <div class="mixer-sum">
            <span class="picker-label" title=words.say("mixer.sum")>
                {Icon::Person.view()} <span>{words.say("mixer.sum")}</span>
            </span>
            <MeterBar id="meter-sum" shown=desk.meter() />
        </div>
    }
}
