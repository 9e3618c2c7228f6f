//! How comments fly, for the viewer to choose: the switch on the stage, and the choices behind it.

use leptos::html::Div;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{KeyboardEvent, Node};

use crate::air::Air;
use crate::browser;
use crate::part::icon::Icon;
use crate::store::sky::{Area, Density, Settings, Size, Speed};
use crate::words::use_words;

/// What is offered, and the words for it.
const AREAS: [(Area, &str); 3] =
    [(Area::Quarter, "danmaku.quarter"), (Area::Half, "danmaku.half"), (Area::All, "danmaku.all")];
const DENSITIES: [(Density, &str); 3] =
    [(Density::Few, "danmaku.few"), (Density::Some, "danmaku.some"), (Density::Many, "danmaku.many")];
const SPEEDS: [(Speed, &str); 3] =
    [(Speed::Slow, "danmaku.slow"), (Speed::Normal, "danmaku.normal"), (Speed::Fast, "danmaku.fast")];
const SIZES: [(Size, &str); 3] =
    [(Size::Small, "danmaku.small"), (Size::Normal, "danmaku.normal"), (Size::Large, "danmaku.large")];

#[component]
pub fn DanmakuMenu() -> impl IntoView {
    let (air, words) = (Air::get(), use_words());
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
    let keys = move |event: KeyboardEvent| {
        if event.key() == "Escape" && open.get_untracked() {
            event.prevent_default();
            open.set(false);
            browser::focus("danmaku-choices");
        }
    };
    let says = move || words.get(if air.on().get() { "danmaku.off" } else { "danmaku.on" });
    let settings = air.settings();
    let faint = move || i32::from(settings.get().opacity).to_string();
    view! {
        <div class="danmaku-menu" class:open=move || open.get() node_ref=root on:keydown=keys>
            <button
                id="danmaku"
                type="button"
                class="control"
                class:off=move || !air.on().get()
                aria-pressed=move || air.on().get().to_string()
                aria-label=says
                title=says
                on:click=move |_| air.toggle()
            >
                {move || if air.on().get() { Icon::Danmaku.view() } else { Icon::DanmakuOff.view() }}
            </button>
            <button
                id="danmaku-choices"
                type="button"
                class="control narrow"
                aria-haspopup="dialog"
                aria-expanded=move || open.get().to_string()
                aria-label=words.say("danmaku.choices")
                title=words.say("danmaku.choices")
                on:click=move |_| {
                    open.update(|open| *open = !*open);
                    if open.get_untracked() {
                        request_animation_frame(|| browser::focus_in("#danmaku-panel input"));
                    }
                }
            >
                {Icon::Up.view()}
            </button>
            <Show when=move || open.get()>
                <div id="danmaku-panel" class="panel" role="dialog" aria-label=words.say("danmaku.choices")>
                    <label class="panel-switch">
                        <span>{words.say("danmaku.show")}</span>
                        <input
                            type="checkbox"
                            prop:checked=move || air.on().get()
                            on:change=move |_| air.toggle()
                        />
                    </label>
                    <label class="panel-range">
                        <span>{words.say("danmaku.opacity")}</span>
                        <input
                            type="range"
                            min=Settings::FAINTEST.to_string()
                            max="100"
                            step="5"
                            prop:value=faint
                            on:input=move |event| {
                                let opacity = event_target_value(&event).parse().unwrap_or(100);
                                air.choose(Settings { opacity, ..settings.get_untracked() });
                            }
                        />
                        <output>{move || format!("{}%", settings.get().opacity)}</output>
                    </label>
                    <Choice
                        name="danmaku.area"
                        of=AREAS
                        chosen=Signal::derive(move || settings.get().area)
                        choose=move |area| air.choose(Settings { area, ..settings.get_untracked() })
                    />
                    <Choice
                        name="danmaku.density"
                        of=DENSITIES
                        chosen=Signal::derive(move || settings.get().density)
                        choose=move |density| air.choose(Settings { density, ..settings.get_untracked() })
                    />
                    <Choice
                        name="danmaku.speed"
                        of=SPEEDS
                        chosen=Signal::derive(move || settings.get().speed)
                        choose=move |speed| air.choose(Settings { speed, ..settings.get_untracked() })
                    />
                    <Choice
                        name="danmaku.size"
                        of=SIZES
                        chosen=Signal::derive(move || settings.get().size)
                        choose=move |size| air.choose(Settings { size, ..settings.get_untracked() })
                    />
                </div>
            </Show>
        </div>
    }
}

/// One of three, as a row of buttons that the arrow keys go through.
#[component]
fn Choice<T: Copy + PartialEq + Send + Sync + 'static>(
    name: &'static str,
    of: [(T, &'static str); 3],
    chosen: Signal<T>,
    choose: impl Fn(T) + Copy + 'static,
) -> AnyView {
    let words = use_words();
    view! {
        <fieldset class="panel-choice">
            <legend>{words.say(name)}</legend>
            {of
                .map(|(value, says)| {
                    view! {
                        <label>
                            <input
                                type="radio"
                                name=name
                                value=says
                                prop:checked=move || chosen.get() == value
                                on:change=move |_| choose(value)
                            />
                            <span>{words.say(says)}</span>
                        </label>
                    }
                })
                .collect_view()}
        </fieldset>
    }
    .into_any()
}
