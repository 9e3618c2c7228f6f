//! The page of a replay: the stage, what it is, and what was said.

use leptos::html::Div;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, KeyboardEvent};

use crate::air::Air;
use crate::browser;
use crate::part::full::turn_full;
use crate::part::icon::Mark;
use crate::part::preferences::LanguageChoice;
use crate::part::replay_stage::ReplayStage;
use crate::part::talk::TalkLog;
use crate::replaying::Replaying;
use crate::store::i18n;
use crate::store::place;
use crate::store::replay::Status;
use crate::words::{self, Words};

/// How far the arrow keys go, in milliseconds, and how much louder.
const STEP_MS: i64 = 5_000;
const LOUDER: f64 = 0.1;

#[component]
pub fn Replay() -> impl IntoView {
    browser::end_boot();
    let words = words::provide_kept();
    let path = window().location().pathname().unwrap_or_default();
    let room = place::room(&path);
    let replaying = Replaying::provide(room.clone(), place::replay(&path));
    let playing = Signal::derive(move || replaying.status().get() == Status::Playing);
    let air = Air::provide(move || replaying.exact_ms(), playing);
    Effect::new(move |_| {
        replaying.known().track();
        air.plan(replaying.with_talk(|talk| talk.all().iter().map(|said| said.flyer.clone()).collect()));
    });
    // A place that is sought is shown though nothing moves.
    Effect::new(move |_| {
        replaying.at_ms().track();
        air.look();
    });
    let stage = NodeRef::<Div>::new();
    let chat_open = RwSignal::new(false);
    let keys =
        window_event_listener(leptos::ev::keydown, move |event| keyboard(replaying, air, stage, &event));
    on_cleanup(move || keys.remove());
    Effect::new(move |_| {
        if let Some((title, _)) = heading(replaying, words) {
            document().set_title(&format!("{title} · {}", words.get("app.title")));
        }
    });
    let home = format!("/{room}");
    let live = home.clone();
    view! {
        <main
            id="player"
            class="watch replay"
            class:chat-open=move || chat_open.get()
            data-state=move || replaying.status().get().name()
            data-at-ms=move || replaying.at_ms().get().to_string()
        >
            <ReplayStage stage chat_open />
            <header class="bar">
                <a class="brand" href=home title=words.say("replay.to_room")>
                    <Mark />
                    <span class="brand-room">{room.to_string()}</span>
                </a>
                <div class="bar-title">
                    {move || {
                        heading(replaying, words).map(|(title, when)| view! { <h1>{title}</h1> <p>{when}</p> })
                    }}
                </div>
                <span class="gap"></span>
                <Show when=move || replaying.live().get()>
                    <a class="live-badge" href=live.clone()>{words.say("replay.live_now")}</a>
                </Show>
                <LanguageChoice on_choose=move |language| words.keep(language) />
            </header>
            <aside class="side">
                <header class="side-head">
                    <h2>{words.say("replay.talk")}</h2>
                </header>
                <TalkLog />
            </aside>
        </main>
    }
}

/// What it is called, and when it was and how long.
fn heading(replaying: Replaying, words: Words) -> Option<(String, String)> {
    let line = replaying.line().get()?;
    let (began, language) = (line.began_ms as f64, words.language().tag());
    let length = i18n::clock(line.duration_ms / 1_000);
    let day = browser::moment(began, language, &[("dateStyle", "long")]);
    let time = browser::moment(began, language, &[("timeStyle", "short")]);
    Some(match line.title {
        Some(title) => (title, format!("{day} {time} · {length}")),
        None => (words.fill("replay.title_of", &[("date", &day)]), format!("{time} · {length}")),
    })
}

/// Keys that work everywhere but where they mean something of their own.
fn keyboard(replaying: Replaying, air: Air, stage: NodeRef<Div>, event: &KeyboardEvent) {
    if event.ctrl_key() || event.meta_key() || event.alt_key() {
        return;
    }
    let target = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok());
    let on =
        |names: &[&str]| target.as_ref().is_some_and(|target| names.contains(&target.tag_name().as_str()));
    if on(&["SELECT", "TEXTAREA"]) {
        return;
    }
    let louder = |by: f64| {
        let (muted, volume) = replaying.sound().get_untracked();
        let volume = (if muted { 0.0 } else { volume } + by).clamp(0.0, 1.0);
        replaying.set_sound(volume == 0.0, volume);
    };
    match event.key().to_lowercase().as_str() {
        // A button that has the focus is what the space bar presses.
        " " if !on(&["BUTTON", "A"]) => replaying.toggle(),
        "k" => replaying.toggle(),
        "arrowleft" if !on(&["INPUT"]) => replaying.step_by(-STEP_MS),
        "arrowright" if !on(&["INPUT"]) => replaying.step_by(STEP_MS),
        "arrowup" if !on(&["INPUT"]) => louder(LOUDER),
        "arrowdown" if !on(&["INPUT"]) => louder(-LOUDER),
        "home" => replaying.seek(0),
        "end" => replaying.seek(u64::MAX),
        "f" => turn_full(stage),
        "m" => {
            let (muted, volume) = replaying.sound().get_untracked();
            replaying.set_sound(!muted, if muted && volume == 0.0 { 1.0 } else { volume });
        }
        "d" => air.toggle(),
        _ => return,
    }
    event.prevent_default();
}
