//! What is done to a channel's sound: plain switches, and the numbers behind them for those who ask.

use footlight_protocol::mixer::{Channel, ChannelId, Dial, MAX_DELAY_MS, MAX_DUCK_DB};
use leptos::html::Input;
use leptos::prelude::*;

use crate::desk::Desk;
use crate::mixing::Mixing;
use crate::part::icon::Icon;
use crate::part::meter::MeterBar;
use crate::part::modal::modal;
use crate::store::mixer;
use crate::words::use_words;

/// By how much the computer becomes quieter where nothing else is said, in dB: music stays there, and words are clear.
const DUCK_DB: f32 = 15.0;

/// A field for a dial: its id, its words, its unit.
type Field = (&'static str, &'static str, &'static str, Dial);
const GATE: [Field; 3] = [
    ("gate-threshold", "mixer.gate_threshold", "dB", Dial::GATE_THRESHOLD),
    ("gate-hold", "mixer.hold", "ms", Dial::GATE_HOLD),
    ("gate-release", "mixer.release", "ms", Dial::GATE_RELEASE),
];
const COMPRESSOR: [Field; 5] = [
    ("even-threshold", "mixer.threshold", "dB", Dial::THRESHOLD),
    ("even-ratio", "mixer.ratio", ": 1", Dial::RATIO),
    ("even-attack", "mixer.attack", "ms", Dial::ATTACK),
    ("even-release", "mixer.release", "ms", Dial::RELEASE),
    ("even-make-up", "mixer.make_up", "dB", Dial::MAKE_UP),
];

/// The dialog of the channel that is `open`.
#[component]
pub fn Filters(open: RwSignal<Option<ChannelId>>) -> impl IntoView {
    let words = use_words();
    let dialog = modal(move || open.with(Option::is_some));
    view! {
        <dialog
            id="filters"
            class="dialog settings filters"
            node_ref=dialog
            autofocus
            aria-labelledby="filters-title"
            on:close=move |_| open.set(None)
        >
            <header class="settings-head">
                <h2 id="filters-title">{move || open.get().map(|id| words.get(mixer::name(id)))}</h2>
                <button
                    type="button"
                    class="quiet square"
                    aria-label=words.say("common.close")
                    on:click=move |_| open.set(None)
                >
                    {Icon::Close.view()}
                </button>
            </header>
            {move || open.get().map(|id| view! { <Fields id /> })}
        </dialog>
    }
}

#[component]
fn Fields(id: ChannelId) -> impl IntoView {
    let (desk, mixing, words) = (Desk::get(), Mixing::get(), use_words());
    let channel = mixing.channel(id);
    let of = move |read: fn(&Channel) -> bool| Memo::new(move |_| channel.with(read));
    let set = move |change: fn(&mut Channel, bool)| {
        move |on: bool| mixing.change(id, |channel| change(channel, on))
    };
    let voice = id == ChannelId::Microphone;
    let asks = Memo::new(move |_| mixing.mixer().with(|mixer| mixer.push_to_talk));
    let ducks = Memo::new(move |_| mixing.mixer().with(|mixer| mixer.duck_db > 0.0));
    // Taken for noise, music would go.
    let denoise = voice.then(|| {
        let (on, set) = (of(|channel| channel.denoise), set(|channel, on| channel.denoise = on));
        view! { <Switch id="reduce-noise" on set label="mixer.denoise" hint="mixer.denoise_hint" /> }
    });
    let gate = voice.then(|| {
        let (on, set) = (of(|channel| channel.gate.on), set(|channel, on| channel.gate.on = on));
        view! {
            <Switch id="gate" on set label="mixer.gate" hint="mixer.gate_hint" />
            <More id fields=&GATE when=on />
        }
    });
    let even = (of(|channel| channel.compressor.on), set(|channel, on| channel.compressor.on = on));
    let whole = if voice {
        let set = move |on| mixing.edit(|mixer| mixer.push_to_talk = on);
        view! { <Switch id="push-to-talk" on=asks set label="mixer.push_to_talk" hint="mixer.push_to_talk_hint" /> }
            .into_any()
    } else {
        let set = move |on| mixing.edit(|mixer| mixer.duck_db = if on { DUCK_DB } else { 0.0 });
        view! {
            <Switch id="duck" on=ducks set label="mixer.duck" hint="mixer.duck_hint" />
            <Show when=move || ducks.get()>
                <details class="filter-more">
                    <summary>{words.say("mixer.numbers")}</summary>
                    <div class="filter-fields">
                        <Duck />
                    </div>
                </details>
            </Show>
        }
        .into_any()
    };
    view! {
        <div class="filter-meter">
            <MeterBar id="meter-filtered" shown=desk.meter_of(id) />
        </div>
        <div class="filter-list">
            {denoise} {gate} <Switch id="even-out" on=even.0 set=even.1 label="mixer.even" hint="mixer.even_hint" />
            <More id fields=&COMPRESSOR when=even.0 /> {whole} <Delay id />
        </div>
    }
}

#[component]
fn Switch(
    id: &'static str,
    on: Memo<bool>,
    set: impl Fn(bool) + 'static,
    label: &'static str,
    hint: &'static str,
) -> impl IntoView {
    let words = use_words();
    view! {
        <label class="switch">
            <input
                id=id
                type="checkbox"
                role="switch"
                prop:checked=move || on.get()
                on:change=move |event| set(event_target_checked(&event))
            />
            <span class="switch-track" aria-hidden="true"></span>
            <span class="switch-text">
                {words.say(label)} <small>{words.say(hint)}</small>
            </span>
        </label>
    }
}

/// The numbers of a filter, while it is on.
#[component]
fn More(id: ChannelId, fields: &'static [Field], when: Memo<bool>) -> impl IntoView {
    let (mixing, words) = (Mixing::get(), use_words());
    let channel = mixing.channel(id);
    let field = move |(name, label, unit, dial): Field| {
        let text = Memo::new(move |_| channel.with(|channel| mixer::dial_text(dial, channel)));
        let set = move |value: f32| mixing.change(id, |channel| *(dial.of)(channel) = value);
        view! { <Number id=name label unit dial text set /> }
    };
    view! {
        <Show when=move || when.get()>
            <details class="filter-more">
                <summary>{words.say("mixer.numbers")}</summary>
                <div class="filter-fields">{fields.iter().map(|one| field(*one)).collect_view()}</div>
            </details>
        </Show>
    }
}

#[component]
fn Duck() -> impl IntoView {
    let mixing = Mixing::get();
    let dial = Dial { least: 1.0, most: MAX_DUCK_DB, of: |channel| &mut channel.fader_db };
    let text = Memo::new(move |_| mixing.mixer().with(|mixer| mixer.duck_db.to_string()));
    let set = move |db| mixing.edit(|mixer| mixer.duck_db = db);
    view! { <Number id="duck-db" label="mixer.duck_db" unit="dB" dial text set /> }
}

#[component]
fn Delay(id: ChannelId) -> impl IntoView {
    let (mixing, words) = (Mixing::get(), use_words());
    let dial = Dial { least: 0.0, most: f32::from(MAX_DELAY_MS), of: |channel| &mut channel.fader_db };
    let text = Memo::new(move |_| mixing.mixer().with(|mixer| mixer.channel(id).delay_ms.to_string()));
    let set = move |ms: f32| mixing.change(id, |channel| channel.delay_ms = ms.round() as u16);
    view! {
        <div class="filter-delay">
            <Number id="delay" label="mixer.delay" unit="ms" dial text set />
            <small>{words.say("mixer.delay_hint")}</small>
        </div>
    }
}

/// A number that is taken when it is entered; one that does not fit becomes the nearest that does.
#[component]
fn Number(
    id: &'static str,
    label: &'static str,
    unit: &'static str,
    dial: Dial,
    text: Memo<String>,
    set: impl Fn(f32) + 'static,
) -> impl IntoView {
    let words = use_words();
    let field = NodeRef::<Input>::new();
    let show = move || {
        if let Some(field) = field.get_untracked() {
            field.set_value(&text.get_untracked());
        }
    };
    Effect::new(move |_| {
        text.track();
        if field.get().is_some() {
            show();
        }
    });
    view! {
        <label class="filter-number">
            <span>{words.say(label)}</span>
            <input
                id=id
                type="number"
                min=dial.least.to_string()
                max=dial.most.to_string()
                step="any"
                node_ref=field
                on:change=move |event| {
                    if let Some(value) = mixer::dial(dial, &event_target_value(&event)) {
                        set(value);
                    }
                    show();
                }
            />
            <span class="filter-unit">{unit}</span>
        </label>
    }
}
