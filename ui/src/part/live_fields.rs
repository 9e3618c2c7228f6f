//! What can be set of a layer whose picture changes by itself, and what is wrong with it.

use footlight_protocol::scene::Source;
use leptos::prelude::*;

use crate::composing::Composing;
use crate::desk::Desk;
use crate::part::icon::Icon;
use crate::part::layers::lost;
use crate::words::use_words;

#[component]
pub fn LiveFields(at: usize, source: Memo<Option<Source>>) -> impl IntoView {
    let (composing, desk, words) = (Composing::get(), Desk::get(), use_words());
    let wrong = move || {
        let failure = source.get().and_then(|source| lost(desk, &source))?;
        let said = words.failure(&failure);
        Some(view! {
            <p id="layer-lost" class="lost" role="alert">
                {Icon::Warning.view()} <span>{said} " " {words.say("layers.back_by_itself")}</span>
            </p>
        })
    };
    let kind = source.get_untracked();
    let fields = match kind {
        Some(Source::Camera | Source::OtherCamera { .. }) => {
            Some(view! { <WhichCamera at source /> }.into_any())
        }
        Some(Source::Media { .. }) => {
            let repeats = move || matches!(source.get(), Some(Source::Media { repeats: true, .. }));
            Some(
                view! {
                    <label class="layer-check">
                        <input
                            id="layer-loop"
                            type="checkbox"
                            prop:checked=repeats
                            on:change=move |event| {
                                let on = event_target_checked(&event);
                                composing
                                    .change(
                                        at,
                                        |layer| {
                                            if let Source::Media { repeats, .. } = &mut layer.source {
                                                *repeats = on;
                                            }
                                        },
                                    );
                            }
                        />
                        <span>{words.say("layers.loop")}</span>
                    </label>
                    <p class="layer-locked">{words.say("layers.media_silent")}</p>
                }
                .into_any(),
            )
        }
        _ => None,
    };
    view! {
        {wrong}
        {fields}
    }
}

/// The camera that is picked below, or one beside it.
#[component]
fn WhichCamera(at: usize, source: Memo<Option<Source>>) -> impl IntoView {
    let (composing, desk, words) = (Composing::get(), Desk::get(), use_words());
    let cameras = Memo::new(move |_| desk.snapshot().with(|snapshot| snapshot.cameras.clone()));
    let chosen = move || match source.get() {
        Some(Source::OtherCamera { id }) => id,
        _ => String::new(),
    };
    let options = move || {
        let (chosen, devices) = (chosen(), cameras.get());
        let known = chosen.is_empty() || devices.iter().any(|device| device.id == chosen);
        let gone = (!known).then(|| {
            let name =
                desk.device_name(&chosen).unwrap_or_else(|| words.get("layers.other_camera").to_owned());
            (chosen.clone(), name)
        });
        let devices = devices.into_iter().map(|device| (device.id, device.name)).chain(gone);
        devices
            .map(|(id, name)| {
                let is = id == chosen;
                view! { <option value=id selected=is>{name}</option> }
            })
            .collect_view()
    };
    let choose = move |event: web_sys::Event| {
        let id = event_target_value(&event);
        composing.change(at, |layer| {
            layer.source = if id.is_empty() { Source::Camera } else { Source::OtherCamera { id } };
        });
    };
    view! {
        <Show when=move || !cameras.with(Vec::is_empty) || !chosen().is_empty()>
            <label class="layer-field">
                <span>{words.say("layers.which_camera")}</span>
                <select id="layer-camera" on:change=choose>
                    <option value="" selected=move || chosen().is_empty()>
                        {words.say("layers.picked_camera")}
                    </option>
                    {options}
                </select>
            </label>
        </Show>
    }
}
