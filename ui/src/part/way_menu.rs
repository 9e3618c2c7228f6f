//! How the stream comes, in words, and the small menu in which a viewer chooses another way.

use footlight_protocol::room::Layer;
use leptos::html::Div;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, KeyboardEvent, Node};

use crate::part::icon::Icon;
use crate::seat::Seat;
use crate::store::ladder::Choice;
use crate::store::layer::lines;
use crate::store::playback::{Rung, Status};
use crate::viewing::Viewing;
use crate::words::{Words, use_words};

/// What is offered, and the words for it.
const WAYS: [(Choice, &str, &str); 4] = [
    (Choice::Auto, "way.auto", "way.auto_text"),
    (Choice::Fast, "way.fast", "way.fast_text"),
    (Choice::Compatible, "way.compatible", "way.compatible_text"),
    (Choice::Sound, "way.sound", "way.sound_choice_text"),
];

/// The delay in words that fit the way: a tenth of a second where it can be felt, "about" where it cannot.
pub fn delay(words: Words, viewing: Viewing) -> Option<String> {
    if viewing.status().get() != Status::Playing {
        return None;
    }
    let (rung, picture) = viewing.path().get()?;
    let ms = viewing.latency_ms().get();
    let compatible = rung == Rung::Hls;
    match (compatible, picture) {
        (false, true) => {
            // Tenths, and no less than one: nobody sees the difference below it.
            let tenths = ((ms? + 50) / 100).max(1);
            let n = format!("{}.{}", tenths / 10, tenths % 10);
            Some(words.fill("watch.latency", &[("n", &n)]))
        }
        (true, true) => {
            let n = ms.map_or(2, |ms| ((ms + 500) / 1_000).max(1)).to_string();
            Some(words.fill("watch.latency_about", &[("n", &n)]))
        }
        (_, false) => Some(words.get("way.sound").to_owned()),
    }
}

/// The same as a sentence: "Live · about 2 s (compatibility mode)".
pub fn sentence(words: Words, viewing: Viewing) -> Option<String> {
    let delay = delay(words, viewing)?;
    let (rung, picture) = viewing.path().get()?;
    let key = if rung == Rung::Hls && picture { "watch.path_compatible" } else { "watch.path" };
    Some(words.fill(key, &[("delay", &delay)]))
}

#[component]
pub fn WayMenu() -> impl IntoView {
    let (viewing, words) = (Viewing::get(), use_words());
    let open = RwSignal::new(false);
    let root = NodeRef::<Div>::new();
    // A press anywhere else closes it.
    let outside = window_event_listener(leptos::ev::pointerdown, move |event| {
        let target = event.target().and_then(|target| target.dyn_into::<Node>().ok());
        if open.get_untracked() && !root.get_untracked().is_some_and(|root| root.contains(target.as_ref())) {
            open.set(false);
        }
    });
    on_cleanup(move || outside.remove());
    // The keyboard goes where the menu opened.
    Effect::new(move |was: Option<bool>| {
        let open = open.get();
        if let Some(root) = root.get_untracked().filter(|_| was.is_some_and(|was| was != open)) {
            let to = if open { "[role=menuitemradio][aria-checked=true]" } else { "#way" };
            let found = root.query_selector(to).ok().flatten();
            if let Some(element) = found.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
                let _ = element.focus();
            }
        }
        open
    });
    let keys = move |event: KeyboardEvent| {
        let step = match event.key().as_str() {
            "Escape" if open.get_untracked() => return open.set(false),
            "ArrowDown" => 1,
            "ArrowUp" => -1,
            _ => return,
        };
        event.prevent_default();
        let items =
            root.get_untracked().and_then(|root| root.query_selector_all("[role=menuitemradio]").ok());
        let Some(items) = items.filter(|items| items.length() > 0) else { return };
        let focused = document().active_element();
        let at = (0..items.length()).find(|at| {
            items
                .item(*at)
                .is_some_and(|item| focused.as_ref().is_some_and(|focus| item.is_same_node(Some(focus))))
        });
        let next = (at.unwrap_or(0) as i32 + step).rem_euclid(items.length() as i32);
        if let Some(item) = items.item(next as u32).and_then(|item| item.dyn_into::<HtmlElement>().ok()) {
            let _ = item.focus();
        }
    };
    let says = move || sentence(words, viewing);
    view! {
        <div class="way" class:open=move || open.get() node_ref=root on:keydown=keys>
            <span id="path" class="path">{says}</span>
            <button
                id="way"
                type="button"
                class="control"
                aria-haspopup="menu"
                aria-expanded=move || open.get().to_string()
                aria-label=words.say("way.title")
                title=words.say("way.title")
                on:click=move |_| open.update(|open| *open = !*open)
            >
                {Icon::Ways.view()}
            </button>
            <Show when=move || open.get()>
                <div class="way-menu" role="menu" aria-label=words.say("way.title")>
                    {WAYS
                        .map(|(choice, name, text)| {
                            let chosen = Signal::derive(move || viewing.choice().get() == choice);
                            let choose = move || {
                                open.set(false);
                                viewing.choose(choice);
                            };
                            view! {
                                <Entry name=Signal::derive(move || words.get(name).to_owned()) text=Signal::derive(move || words.get(text).to_owned()) chosen choose mark=choice.name() />
                            }
                        })
                        .collect_view()}
                    <Qualities open />
                </div>
            </Show>
        </div>
    }
}

/// One line of the menu. `mark` is its `data-way`.
#[component]
fn Entry(
    name: Signal<String>,
    text: Signal<String>,
    chosen: Signal<bool>,
    choose: impl Fn() + 'static,
    #[prop(into)] mark: String,
) -> AnyView {
    view! {
        <button
            type="button"
            role="menuitemradio"
            class="way-choice"
            data-way=mark
            aria-checked=move || chosen.get().to_string()
            on:click=move |_| choose()
        >
            <span class="way-check">{move || chosen.get().then(|| Icon::Check.view())}</span>
            <span class="way-words">{name} <small>{text}</small></span>
        </button>
    }
    .into_any()
}

/// The qualities of the picture, where it comes by WebRTC and the publisher sends more than one.
#[component]
fn Qualities(open: RwSignal<bool>) -> impl IntoView {
    let (viewing, seat, words) = (Viewing::get(), Seat::get(), use_words());
    let layers = Memo::new(move |_| {
        let picture = matches!(viewing.path().get(), Some((Rung::Udp | Rung::Tcp, true)));
        seat.room().with(|room| if picture { room.layers.clone() } else { Vec::new() })
    });
    // One that is gone meanwhile is chosen no longer.
    let chosen = Memo::new(move |_| {
        viewing.layer().get().filter(|id| layers.with(|layers| layers.iter().any(|layer| layer.id == *id)))
    });
    let entry = move |layer: Option<Layer>| {
        let id = layer.as_ref().map(|layer| layer.id.clone());
        let is = id.clone();
        let mark = format!("layer-{}", id.as_ref().map_or("auto", |id| id.as_str()));
        let choose = move || {
            open.set(false);
            viewing.choose_layer(id.clone());
        };
        let (name, text) = match layer {
            None => (
                Signal::derive(move || words.get("layer.auto").to_owned()),
                Signal::derive(move || words.get("layer.auto_text").to_owned()),
            ),
            Some(layer) => {
                let rate = format!("{:.1}", f64::from(layer.kbps) / 1_000.0);
                let text = move || words.fill("layer.rate", &[("n", &rate)]);
                (Signal::stored(lines(&layer)), Signal::derive(text))
            }
        };
        view! { <Entry name text chosen=Signal::derive(move || chosen.get() == is) choose mark /> }
    };
    move || {
        let layers = layers.get();
        (layers.len() > 1).then(|| {
            let entries = std::iter::once(None).chain(layers.into_iter().map(Some)).map(entry).collect_view();
            view! {
                <p class="way-head">{words.say("layer.title")}</p>
                {entries}
            }
        })
    }
}
