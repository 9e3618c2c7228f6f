//! A choice of devices, and what is wrong with the chosen one.

use footlight_protocol::studio::{Device, SourceState};
use leptos::html::Select;
use leptos::prelude::*;

use crate::desk::Desk;
use crate::part::icon::Icon;
use crate::words::use_words;

/// A select over `devices` and the two choices that are always there.
#[component]
pub fn Picker(
    id: &'static str,
    label: &'static str,
    icon: Icon,
    devices: Memo<Vec<Device>>,
    chosen: Memo<String>,
    /// What stands in for a device: its id and the key of its name.
    stand_in: (&'static str, &'static str),
    /// Key of what to say where no device was found.
    none_found: &'static str,
    on_pick: impl Fn(String) + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let (desk, words) = (Desk::get(), use_words());
    let select = NodeRef::<Select>::new();
    // Shows what is chosen, also after a choice that was refused.
    Effect::new(move |_| {
        desk.failure().track();
        devices.track();
        let chosen = chosen.get();
        if let Some(select) = select.get() {
            request_animation_frame(move || select.set_value(&chosen));
        }
    });
    let options = move || {
        let chosen = chosen.get();
        let devices = devices.get();
        let known =
            devices.iter().any(|device| device.id == chosen) || [stand_in.0, "none", ""].contains(&&*chosen);
        let extra = (!known).then(|| {
            let name = match chosen.strip_prefix("file:") {
                Some(path) => path.rsplit(['/', '\\']).next().unwrap_or(path).to_owned(),
                None => desk.device_name(&chosen).unwrap_or_else(|| words.get("picker.gone").to_owned()),
            };
            Device { id: chosen, name }
        });
        devices
            .into_iter()
            .chain(extra)
            .map(|device| view! { <option value=device.id>{device.name}</option> })
            .collect_view()
    };
    view! {
        <div class="picker">
            <label class="picker-label" for=id title=words.say(label)>
                {icon.view()} <span>{words.say(label)}</span>
            </label>
            <select
                id=id
                node_ref=select
                prop:value=move || chosen.get()
                on:change=move |event| on_pick(event_target_value(&event))
            >
                {options}
                <option value=stand_in.0>{words.say(stand_in.1)}</option>
                <option value="none">{words.say("picker.none")}</option>
            </select>
            <Show when=move || devices.with(Vec::is_empty) && chosen.with(|id| [stand_in.0, "none", ""].contains(&id.as_str()))>
                <p class="picker-hint">{words.say(none_found)}</p>
            </Show>
        </div>
    }
}

/// What is wrong with a source, and that nobody has to do anything about it.
#[component]
pub fn Lost(state: Memo<SourceState>, chosen: Memo<String>) -> impl IntoView {
    let (desk, words) = (Desk::get(), use_words());
    move || match state.get() {
        SourceState::Lost { failure } => {
            let said = words.failure(&failure);
            let name = desk.device_name(&chosen.get());
            let said = name.map_or(said.clone(), |name| format!("{name}: {said}"));
            Some(view! {
                <p class="lost" role="alert">
                    {Icon::Warning.view()} <span>{said} " " {words.say("picker.back_by_itself")}</span>
                </p>
            })
        }
        SourceState::Off | SourceState::Opening | SourceState::Running => None,
    }
}
