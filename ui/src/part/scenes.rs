//! The scenes in a row under the preview: which one is shown, and what can be done with it.

use footlight_protocol::scene::{MAX_NAME, MAX_SCENES};
use leptos::prelude::*;

use crate::acting::Acting;
use crate::browser;
use crate::composing::Composing;
use crate::part::icon::Icon;
use crate::part::program::StudioMode;
use crate::store::scenes;
use crate::words::{Words, use_words};

/// How long it may take to go over to another scene, in milliseconds: a cut, and what looks calm.
const FADES: [u16; 4] = [0, 300, 600, 1_000];

#[component]
pub fn SceneBar() -> impl IntoView {
    let (composing, acting, words) = (Composing::get(), Acting::get(), use_words());
    let count = Memo::new(move |_| composing.scenes().with(|scenes| scenes.scenes.len()));
    let full = move || count.get() >= MAX_SCENES;
    let adds = move || if full() { full_text(words) } else { words.get("scenes.add").to_owned() };
    view! {
        <section class="card scenes" aria-labelledby="scenes-title">
            <h2 id="scenes-title">{words.say("scenes.title")}</h2>
            <div class="scene-row" role="group" aria-labelledby="scenes-title">
                <For each=move || 0..count.get() key=|at| *at let:at>
                    <SceneButton at />
                </For>
            </div>
            <button
                id="scene-add"
                type="button"
                class="quiet square"
                aria-label=adds
                title=adds
                disabled=full
                on:click=move |_| composing.edit(scenes::add_scene)
            >
                {Icon::Add.view()}
            </button>
            <span class="gap"></span>
            <StudioMode />
            <Over />
            <ShownScene count />
            <button
                id="layers-open"
                type="button"
                class="secondary"
                aria-expanded=move || composing.open().get().to_string()
                aria-controls="layers"
                title=move || acting.titled(words.get("layers.title"), "layers")
                on:click=move |_| composing.toggle()
            >
                {Icon::Layers.view()}
                <span>{words.say("layers.title")}</span>
            </button>
        </section>
    }
}

fn full_text(words: Words) -> String {
    words.fill("scenes.full", &[("n", &MAX_SCENES.to_string())])
}

/// How the picture goes over to another scene.
#[component]
fn Over() -> impl IntoView {
    let (composing, words) = (Composing::get(), use_words());
    let fade = Memo::new(move |_| composing.scenes().with(|scenes| scenes.fade_ms));
    let name = move |ms: u16| match ms {
        0 => words.get("scenes.cut").to_owned(),
        ms => words.fill("scenes.fade", &[("s", &(f32::from(ms) / 1_000.0).to_string())]),
    };
    // One that was set elsewhere stands there, too.
    let choices = Memo::new(move |_| {
        let mut choices = FADES.to_vec();
        if let Err(place) = choices.binary_search(&fade.get()) {
            choices.insert(place, fade.get());
        }
        choices
    });
    view! {
        <select
            id="scene-fade"
            class="small"
            aria-label=words.say("scenes.over")
            title=words.say("scenes.over")
            on:change=move |event| {
                if let Ok(ms) = event_target_value(&event).parse() {
                    composing.edit(|scenes| scenes.fade_ms = ms);
                }
            }
        >
            <For each=move || choices.get() key=|ms| *ms let:ms>
                <option value=ms.to_string() selected=move || fade.get() == ms>
                    {move || name(ms)}
                </option>
            </For>
        </select>
    }
}

#[component]
fn SceneButton(at: usize) -> impl IntoView {
    let (composing, words) = (Composing::get(), use_words());
    let name = Memo::new(move |_| {
        let own = composing.scenes().with(|scenes| scenes.scenes.get(at).map(|scene| scene.name.clone()));
        own.filter(|name| !name.is_empty())
            .unwrap_or_else(|| words.fill("scenes.numbered", &[("n", &(at + 1).to_string())]))
    });
    let shown = move || composing.scenes().with(|scenes| scenes.current == at);
    // In studio mode, the one that viewers get.
    let on_program = move || {
        composing.scenes().with(|scenes| scenes.program.as_ref().is_some_and(|program| program.which == at))
    };
    view! {
        <button
            id=format!("scene-{}", at + 1)
            type="button"
            class="scene"
            class:on-program=on_program
            aria-pressed=move || shown().to_string()
            title=name
            on:click=move |_| composing.edit(|scenes| scenes::show(scenes, at))
        >
            <kbd aria-hidden="true">{at + 1}</kbd>
            <span>{name}</span>
        </button>
    }
}

/// What can be done with the shown scene.
#[component]
fn ShownScene(count: Memo<usize>) -> impl IntoView {
    let (composing, words) = (Composing::get(), use_words());
    let named = RwSignal::new(None::<String>);
    let sure = RwSignal::new(false);
    let current = Memo::new(move |_| composing.scenes().with(|scenes| scenes.current));
    // Whoever goes on to another scene does not mean this one any more.
    Effect::new(move |_| {
        current.track();
        sure.set(false);
    });
    let begin = move |_| {
        let name = composing.scenes().with_untracked(|scenes| scenes.shown().map(|scene| scene.name.clone()));
        named.set(name);
        request_animation_frame(|| browser::focus("scene-name"));
    };
    let rename = move || {
        if let Some(name) = named.try_update(Option::take).flatten() {
            composing.edit(|scenes| scenes::rename_scene(scenes, &name));
        }
    };
    let keys = move |event: web_sys::KeyboardEvent| {
        match event.key().as_str() {
            "Enter" if !event.is_composing() => rename(),
            "Escape" if !event.is_composing() => named.set(None),
            _ => return,
        }
        event.prevent_default();
        request_animation_frame(|| browser::focus("scene-rename"));
    };
    let remove = move |_| {
        if sure.get_untracked() {
            sure.set(false);
            composing.select(None);
            composing.edit(scenes::remove_scene);
        } else {
            sure.set(true);
        }
    };
    let full = move || count.get() >= MAX_SCENES;
    let copies = move || if full() { full_text(words) } else { words.get("scenes.duplicate").to_owned() };
    let last = move || count.get() <= 1;
    let removes = move || {
        words.get(match (last(), sure.get()) {
            (true, _) => "scenes.last",
            (false, true) => "scenes.remove_sure",
            (false, false) => "scenes.remove",
        })
    };
    view! {
        <div class="scene-tools">
            <Show
                when=move || named.with(Option::is_some)
                fallback=move || {
                    view! {
                        <button
                            id="scene-rename"
                            type="button"
                            class="quiet square"
                            aria-label=words.say("scenes.rename")
                            title=words.say("scenes.rename")
                            on:click=begin
                        >
                            {Icon::Pencil.view()}
                        </button>
                    }
                }
            >
                <input
                    id="scene-name"
                    type="text"
                    maxlength=MAX_NAME.to_string()
                    aria-label=words.say("scenes.name")
                    placeholder=words.say("scenes.name")
                    prop:value=move || named.get().unwrap_or_default()
                    on:input=move |event| named.set(Some(event_target_value(&event)))
                    on:keydown=keys
                    on:blur=move |_| rename()
                />
            </Show>
            <button
                id="scene-duplicate"
                type="button"
                class="quiet square"
                aria-label=copies
                title=copies
                disabled=full
                on:click=move |_| composing.edit(scenes::duplicate_scene)
            >
                {Icon::Copy.view()}
            </button>
            <button
                id="scene-remove"
                type="button"
                class="quiet"
                class:square=move || !sure.get()
                class:sure=move || sure.get()
                aria-label=removes
                title=removes
                disabled=last
                on:click=remove
                on:blur=move |_| sure.set(false)
            >
                {Icon::Trash.view()}
                <Show when=move || sure.get()>
                    <span>{words.say("scenes.remove_sure")}</span>
                </Show>
            </button>
        </div>
    }
}
