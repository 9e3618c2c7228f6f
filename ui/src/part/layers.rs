//! The layers of the shown scene, front first: what can be added, what can be done with each.

use footlight_protocol::Failure;
use footlight_protocol::scene::{Layer, MAX_LAYERS, MAX_PICTURE, Source};
use footlight_protocol::studio::SourceState;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use web_sys::{File, HtmlTextAreaElement};

use crate::bridge;
use crate::browser;
use crate::composing::Composing;
use crate::desk::Desk;
use crate::part::capture_picker::{CapturePicker, Kind};
use crate::part::icon::Icon;
use crate::part::layer_editor::LayerEditor;
use crate::part::overlay_add::{AddOverlay, kind_icon};
use crate::part::removed::RemovedLayer;
use crate::part::upload::Upload;
use crate::pictures::{self, NotKept};
use crate::store::burned::kind_of;
use crate::store::scenes::{self, BACKDROP, GROUND, INK, Way};
use crate::words::{Words, use_words};

#[component]
pub fn LayerPanel() -> impl IntoView {
    let (composing, words) = (Composing::get(), use_words());
    let count = Memo::new(move |_| composing.scenes().with(|scenes| scenes::layers(scenes).len()));
    view! {
        <section id="layers" class="card layers" aria-labelledby="layers-title">
            <h2 id="layers-title">{words.say("layers.title")}</h2>
            <Add count />
            <Show
                when=move || { count.get() > 0 }
                fallback=move || view! { <p class="layer-none">{words.say("layers.none")}</p> }
            >
                <ul class="layer-list">
                    <For each=move || (0..count.get()).rev() key=|at| *at let:at>
                        <Row at count />
                    </For>
                </ul>
            </Show>
            <RemovedLayer />
            <LayerEditor />
        </section>
    }
}

#[component]
fn Add(count: Memo<usize>) -> impl IntoView {
    let (composing, desk, words) = (Composing::get(), Desk::get(), use_words());
    let full = Signal::derive(move || count.get() >= MAX_LAYERS);
    let why = move || full.get().then(|| words.fill("layers.full", &[("n", &MAX_LAYERS.to_string())]));
    let busy = RwSignal::new(false);
    // What is wrong with the picture that was chosen last.
    let wrong = RwSignal::new(None::<&'static str>);
    let add_text = move |_| {
        let text = untrack(|| words.get("layers.text_new").to_owned());
        composing.add(Source::Text { text, colour: INK, ground: Some(GROUND) });
        // What is typed now takes the place of our words.
        request_animation_frame(|| {
            browser::focus("layer-text");
            if let Some(area) = document().get_element_by_id("layer-text") {
                area.unchecked_into::<HtmlTextAreaElement>().select();
            }
        });
    };
    let add_picture = move |files: Vec<File>| {
        wrong.set(None);
        busy.set(true);
        spawn_local(async move {
            let kept = pictures::keep(&files[0]).await;
            busy.try_set(false);
            match kept {
                Ok(picture) => composing.add(Source::Image { picture }),
                Err(NotKept::Odd(key)) => {
                    wrong.try_set(Some(key));
                }
                Err(NotKept::Failed(failure)) => desk.fail(failure),
            }
        });
    };
    let picks = RwSignal::new(None::<Kind>);
    let add_media = move |_| {
        busy.set(true);
        spawn_local(async move {
            let chosen = bridge::choose_media().await;
            busy.try_set(false);
            match chosen {
                Ok(Some(file)) => composing.add(Source::Media { file, repeats: true }),
                Ok(None) => {}
                Err(failure) => desk.fail(failure),
            }
        });
    };
    view! {
        <div class="layer-add" role="group" aria-label=words.say("layers.add")>
            <button
                id="add-screen"
                type="button"
                class="secondary"
                title=why
                disabled=full
                on:click=move |_| picks.set(Some(Kind::Screen))
            >
                {Icon::Screen.view()}
                <span>{words.say("layers.screen")}</span>
            </button>
            <button
                id="add-window"
                type="button"
                class="secondary"
                title=why
                disabled=full
                on:click=move |_| picks.set(Some(Kind::Window))
            >
                {Icon::Window.view()}
                <span>{words.say("layers.window")}</span>
            </button>
            <button
                id="add-media"
                type="button"
                class="secondary"
                title=why
                disabled=move || full.get() || busy.get()
                on:click=add_media
            >
                {Icon::Film.view()}
                <span>{words.say("layers.media")}</span>
            </button>
            <button id="add-text" type="button" class="secondary" title=why disabled=full on:click=add_text>
                {Icon::Text.view()}
                <span>{words.say("layers.text")}</span>
            </button>
            <div id="add-image" title=why>
                <Upload
                    id="add-image-file"
                    disabled=Signal::derive(move || full.get() || busy.get())
                    chosen=add_picture
                >
                    {Icon::Picture.view()}
                    <span>{words.say("layers.image")}</span>
                </Upload>
            </div>
            <button
                id="add-colour"
                type="button"
                class="secondary"
                title=why
                disabled=full
                on:click=move |_| composing.add(Source::Colour { colour: BACKDROP })
            >
                {Icon::Drop.view()}
                <span>{words.say("layers.colour")}</span>
            </button>
            <button
                id="add-camera"
                type="button"
                class="secondary"
                title=why
                disabled=full
                on:click=move |_| composing.add(Source::Camera)
            >
                {Icon::Camera.view()}
                <span>{words.say("layers.camera")}</span>
            </button>
        </div>
        <CapturePicker picks />
        <AddOverlay disabled=full />
        <p class="key-failure" role="alert">
            {move || {
                let mb = (MAX_PICTURE >> 20).to_string();
                wrong.get().map(|key| words.fill(key, &[("mb", &mb)]))
            }}
        </p>
    }
}

/// Why a layer's source is not to be seen now.
pub fn lost(desk: Desk, source: &Source) -> Option<Failure> {
    desk.snapshot().with(|snapshot| {
        let live = snapshot.live.iter().find(|live| live.source == *source)?;
        match &live.state {
            SourceState::Lost { failure } => Some(failure.clone()),
            SourceState::Off | SourceState::Opening | SourceState::Running => None,
        }
    })
}

fn icon(source: &Source) -> Icon {
    match source {
        Source::Camera | Source::OtherCamera { .. } => Icon::Camera,
        Source::Screen { .. } => Icon::Screen,
        Source::Window { .. } => Icon::Window,
        Source::Media { .. } => Icon::Film,
        Source::Text { .. } => Icon::Text,
        Source::Image { .. } => Icon::Picture,
        Source::Colour { .. } => Icon::Drop,
        Source::Overlay { overlay } => kind_icon(kind_of(&overlay.shows).id),
    }
}

/// What a layer is called: a text by how it begins, a window or a file by its name, another by its kind.
pub fn layer_name(words: Words, source: &Source) -> String {
    scenes::title(source).unwrap_or_else(|| {
        let kind = match source {
            Source::Camera => "layers.camera",
            Source::OtherCamera { .. } => "layers.other_camera",
            Source::Screen { .. } => "layers.screen",
            Source::Window { .. } => "layers.window",
            Source::Media { .. } => "layers.media",
            Source::Text { .. } => "layers.text",
            Source::Image { .. } => "layers.image",
            Source::Colour { .. } => "layers.colour",
            Source::Overlay { overlay } => kind_of(&overlay.shows).says,
        };
        words.get(kind).to_owned()
    })
}

#[component]
fn Row(at: usize, count: Memo<usize>) -> impl IntoView {
    let (composing, desk, words) = (Composing::get(), Desk::get(), use_words());
    let layer = Memo::new(move |_| composing.layer(at));
    let lost =
        Memo::new(move |_| layer.with(|layer| layer.as_ref().and_then(|layer| lost(desk, &layer.source))));
    let is = move |of: fn(&Layer) -> bool| layer.with(|layer| layer.as_ref().is_some_and(of));
    let (hidden, locked) = (move || is(|layer| layer.hidden), move || is(|layer| layer.locked));
    let source = Memo::new(move |_| layer.get().map(|layer| layer.source));
    let name = Memo::new(move |_| source.get().map(|source| layer_name(words, &source)).unwrap_or_default());
    let selected = move || composing.selected().get() == Some(at);
    let shift = move |way: Way| {
        let to = composing.edit(|scenes| scenes::shift(scenes, at, way));
        composing.select(Some(to));
        // The keyboard goes along; at the end of the way there is the layer itself.
        let act = if way == Way::Front { "up" } else { "down" };
        request_animation_frame(move || {
            browser::focus_in(&format!("[data-layer=\"{to}\"][data-act=\"pick\"]"));
            browser::focus_in(&format!("[data-layer=\"{to}\"][data-act=\"{act}\"]:enabled"));
        });
    };
    let remove = move || {
        composing.remove(at);
        // The front row is gone, and the focus with it.
        let next = count.get_untracked().checked_sub(1).map(|last| last.min(at));
        request_animation_frame(move || match next {
            Some(next) => browser::focus_in(&format!("[data-layer=\"{next}\"][data-act=\"remove\"]")),
            None => browser::focus("add-text"),
        });
    };
    let button = move |act: &'static str,
                       says: Signal<&'static str>,
                       icon: Signal<Icon>,
                       disabled: Signal<bool>,
                       press: Callback<()>| {
        let label = move || words.fill(says.get(), &[("name", &name.get())]);
        view! {
            <button
                type="button"
                class="quiet"
                data-layer=at.to_string()
                data-act=act
                aria-label=label
                title=label
                disabled=disabled
                on:click=move |_| press.run(())
            >
                {move || icon.get().view()}
            </button>
        }
    };
    let either = |is: Signal<bool>, yes: &'static str, no: &'static str| {
        Signal::derive(move || if is.get() { yes } else { no })
    };
    let (hides, locks) = (Signal::derive(hidden), Signal::derive(locked));
    let never = Signal::stored(false);
    view! {
        <li class="layer" class:selected=selected class:unseen=hidden>
            <button
                type="button"
                class="layer-pick"
                data-layer=at.to_string()
                data-act="pick"
                aria-pressed=move || selected().to_string()
                title=name
                on:click=move |_| composing.select(Some(at))
            >
                {move || source.with(|source| source.as_ref().map(|source| icon(source).view()))}
                <span>{name}</span>
                {move || {
                    let said = lost.get().map(|failure| words.failure(&failure))?;
                    Some(view! { <span class="layer-lost" role="img" aria-label=said.clone() title=said>{Icon::Warning.view()}</span> })
                }}
            </button>
            {button(
                "hide",
                either(hides, "layers.unhide", "layers.hide"),
                Signal::derive(move || if hides.get() { Icon::EyeOff } else { Icon::Eye }),
                never,
                Callback::new(move |()| composing.change(at, |layer| layer.hidden = !layer.hidden)),
            )}
            {button(
                "lock",
                either(locks, "layers.unlock", "layers.lock"),
                Signal::derive(move || if locks.get() { Icon::Lock } else { Icon::Unlock }),
                never,
                Callback::new(move |()| composing.change(at, |layer| layer.locked = !layer.locked)),
            )}
            {button(
                "up",
                Signal::stored("layers.up"),
                Signal::stored(Icon::Up),
                Signal::derive(move || at + 1 >= count.get()),
                Callback::new(move |()| shift(Way::Front)),
            )}
            {button(
                "down",
                Signal::stored("layers.down"),
                Signal::stored(Icon::Down),
                Signal::stored(at == 0),
                Callback::new(move |()| shift(Way::Back)),
            )}
            {button(
                "remove",
                Signal::stored("layers.remove"),
                Signal::stored(Icon::Trash),
                never,
                Callback::new(move |()| remove()),
            )}
        </li>
    }
}
