//! The studio window: what viewers get in the middle, the controls under it, the room on the right.

use footlight_protocol::studio::Preferences;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, KeyboardEvent};

use crate::bridge;
use crate::browser;
use crate::composing::Composing;
use crate::desk::Desk;
use crate::launching::Launching;
use crate::mixing::Mixing;
use crate::part::camera::Camera;
use crate::part::chat::Chat;
use crate::part::destinations::Destinations;
use crate::part::failure::FailureBar;
use crate::part::follow::Followers;
use crate::part::go_live::{GoLive, phase_name};
use crate::part::health::HealthLine;
use crate::part::held::HeldList;
use crate::part::icon::{Icon, Mark};
use crate::part::launch::LaunchPanel;
use crate::part::layers::LayerPanel;
use crate::part::mixer::MixerCard;
use crate::part::notes::Notes;
use crate::part::preferences::{LanguageChoice, ThemeChoice};
use crate::part::preview::Preview;
use crate::part::program::{ProgramView, transition};
use crate::part::record_button::RecordButton;
use crate::part::recorder::{RecorderNotes, RecorderRow};
use crate::part::recording::{self, RecordingLine, RecordingNotes};
use crate::part::scenes::SceneBar;
use crate::part::settings::Settings;
use crate::part::share::Share;
use crate::part::shield::{self, ShieldButton};
use crate::part::shortcuts::Shortcuts;
use crate::part::summary::{self, SummaryDialog};
use crate::part::toast::Toasts;
use crate::part::top_ups::TopUpList;
use crate::part::viewers::Viewers;
use crate::seat::Seat;
use crate::socket::Address;
use crate::store::i18n::Language;
use crate::store::launch::Launch;
use crate::store::scenes;
use crate::words::{self, use_words};

#[component]
pub fn Studio() -> impl IntoView {
    browser::end_boot();
    words::provide(Language::of(&browser::language()));
    if bridge::present() { view! { <Window /> }.into_any() } else { view! { <NoShell /> }.into_any() }
}

/// What the sidebar shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pane {
    Chat,
    Held,
    TopUps,
}

/// What a browser shows that was pointed at the studio's page.
#[component]
fn NoShell() -> impl IntoView {
    let words = use_words();
    view! {
        <main class="no-shell">
            <Mark />
            <h1>{words.say("no_shell.title")}</h1>
            <p>{words.say("no_shell.text")}</p>
        </main>
    }
}

#[component]
fn Window() -> impl IntoView {
    let words = use_words();
    let seat = Seat::provide();
    let desk = Desk::provide();
    desk.follow();
    let composing = Composing::provide(desk);
    let mixing = Mixing::provide(desk);
    recording::provide();
    let launching = Launching::provide(desk);
    let summary = summary::provide();

    let preferences = desk.preferences();
    Effect::new(move |_| {
        let Preferences { language, theme, .. } = preferences.get();
        let language = if language.is_empty() { browser::language() } else { language };
        words.choose(Language::of(&language));
        browser::mark_root("data-theme", &theme);
    });
    // A new address (sharing was switched) takes the sidebar's seat along.
    Effect::new(move |seated: Option<Option<String>>| {
        let access = desk.access().get()?;
        if seated.flatten().as_ref() != Some(&access.socket) {
            let (socket, owner) = (access.socket.clone(), Some(access.owner_token));
            let address = Address { socket, owner, ..Address::default() };
            seat.connect(address, move |event| summary.hear(event));
        }
        Some(access.socket)
    });

    let help = RwSignal::new(false);
    let pane = RwSignal::new(Pane::Chat);
    let till = seat.till();
    let asked = Memo::new(move |_| till.with(|till| till.waiting().count() + till.odd().count()));
    // Where nobody can ask, there is nothing to look at.
    let sells = Memo::new(move |_| asked.get() > 0 || till.with(|till| till.shop.sells()));
    let open_acts = Memo::new(move |_| seat.room().with(|room| room.guard.open()));
    let settings = RwSignal::new(false);
    let keys = window_event_listener(leptos::ev::keydown, move |event| {
        keyboard(mixing, seat, (composing, launching), (help, pane), &event)
    });
    on_cleanup(move || keys.remove());

    let phase = Memo::new(move |_| desk.snapshot().with(|snapshot| phase_name(&snapshot.phase)));
    let theme = Signal::derive(move || preferences.get().theme);
    let choose_language = move |language: Language| {
        desk.prefer(Preferences { language: language.tag().to_owned(), ..preferences.get_untracked() });
    };
    let choose_theme = move |theme| desk.prefer(Preferences { theme, ..preferences.get_untracked() });
    view! {
        <main class="studio" class:without-preview=move || !preferences.with(|known| known.preview) data-phase=phase>
            <header class="bar">
                <span class="brand">
                    <Mark />
                    <span class="brand-name">"Footlight"</span>
                </span>
                <Show when=move || phase.get() == "live">
                    <span class="live-badge">{words.say("live.badge")}</span>
                </Show>
                <span class="gap"></span>
                <LanguageChoice on_choose=choose_language />
                <ThemeChoice theme on_choose=choose_theme />
                <button
                    id="open-settings"
                    type="button"
                    class="quiet square"
                    aria-label=words.say("settings.title")
                    title=words.say("settings.title")
                    on:click=move |_| settings.set(true)
                >
                    {Icon::Settings.view()}
                </button>
                <button
                    type="button"
                    class="quiet square"
                    aria-label=words.say("keys.title")
                    title=words.say("keys.title")
                    on:click=move |_| help.set(true)
                >
                    {Icon::Help.view()}
                </button>
            </header>
            <div class="desk">
                <FailureBar />
                <Notes />
                <RecordingNotes />
                <RecorderNotes />
                <div
                    class="workbench"
                    class:with-layers=move || composing.open().get()
                    class:with-program=move || composing.scenes().with(scenes::in_studio_mode)
                >
                    <div class="pictures">
                        <Preview />
                        <ProgramView />
                    </div>
                    <Show when=move || composing.open().get()>
                        <LayerPanel />
                    </Show>
                </div>
                <SceneBar />
                <LaunchPanel />
                <section class="card deck">
                    <GoLive />
                    <RecorderRow />
                    <HealthLine />
                    <RecordingLine />
                </section>
                <div class="sources">
                    <section class="card inputs">
                        <Camera />
                        <MixerCard />
                    </section>
                    <Share />
                    <Destinations />
                </div>
            </div>
            <aside class="side">
                <header class="side-head">
                    <div class="tabs" role="tablist" aria-label=words.say("moderate.title")>
                        <button
                            id="tab-chat"
                            type="button"
                            role="tab"
                            aria-selected=move || (pane.get() == Pane::Chat).to_string()
                            aria-controls="side-chat"
                            on:click=move |_| pane.set(Pane::Chat)
                        >
                            {words.say("chat.title")}
                        </button>
                        <button
                            id="tab-held"
                            type="button"
                            role="tab"
                            aria-selected=move || (pane.get() == Pane::Held).to_string()
                            aria-controls="held"
                            on:click=move |_| pane.set(Pane::Held)
                        >
                            {words.say("held.title")}
                            <Show when=move || { open_acts.get() > 0 }>
                                <span class="tab-count">{open_acts}</span>
                            </Show>
                        </button>
                        <Show when=move || sells.get()>
                            <button
                                id="tab-top-ups"
                                type="button"
                                role="tab"
                                aria-selected=move || (pane.get() == Pane::TopUps).to_string()
                                aria-controls="top-ups"
                                on:click=move |_| pane.set(Pane::TopUps)
                            >
                                {words.say("topup.title")}
                                <Show when=move || { asked.get() > 0 }>
                                    <span class="tab-count">{asked}</span>
                                </Show>
                            </button>
                        </Show>
                    </div>
                    <span class="gap"></span>
                    <ShieldButton />
                    <Followers />
                    <Viewers />
                </header>
                <div id="side-chat" class="side-pane" class:hidden-pane=move || pane.get() != Pane::Chat>
                    <Chat />
                </div>
                <Show when=move || pane.get() == Pane::Held>
                    <HeldList>
                        <RecordButton />
                    </HeldList>
                </Show>
                <Show when=move || pane.get() == Pane::TopUps>
                    <TopUpList />
                </Show>
                <Toasts />
            </aside>
        </main>
        <Shortcuts open=help />
        <Settings open=settings />
        <SummaryDialog />
    }
}

/// Keys that work everywhere but in a text field.
fn keyboard(
    mixing: Mixing,
    seat: Seat,
    (composing, launching): (Composing, Launching),
    (help, pane): (RwSignal<bool>, RwSignal<Pane>),
    event: &KeyboardEvent,
) {
    let target = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok());
    let typing = target
        .as_ref()
        .is_some_and(|target| ["INPUT", "TEXTAREA", "SELECT"].contains(&target.tag_name().as_str()));
    // There the numbers choose how long a timeout is.
    let in_chat = target.as_ref().is_some_and(|target| target.closest("#chat-log").ok().flatten().is_some());
    let command = event.ctrl_key() || event.meta_key();
    // Where there is text, Ctrl+Z is the text's.
    let empty = target.as_ref().is_some_and(|target| {
        target.dyn_ref::<web_sys::HtmlTextAreaElement>().is_some_and(|area| area.value().is_empty())
    });
    let key = event.key().to_lowercase();
    // Where something has the focus that Enter presses, it is that.
    let pressed = target
        .as_ref()
        .is_some_and(|target| ["BUTTON", "A", "SUMMARY"].contains(&target.tag_name().as_str()));
    if command && key == "z" && (!typing || empty) {
        if !composing.put_back() {
            seat.take_back(None);
        }
    } else if typing || command || event.alt_key() {
        return;
    } else {
        match key.as_str() {
            "u" => seat.take_back(None),
            "s" if event.shift_key() => shield::toggle(seat),
            "p" => {
                pane.set(Pane::TopUps);
                request_animation_frame(|| browser::focus_in("#top-ups [data-top-up]"));
            }
            "h" => {
                pane.set(Pane::Held);
                request_animation_frame(|| browser::focus_in("#held [data-held], #held button"));
            }
            "c" => {
                pane.set(Pane::Chat);
                request_animation_frame(|| browser::focus("chat-input"));
            }
            "l" if pane.get_untracked() != Pane::Chat => {
                pane.set(Pane::Chat);
                request_animation_frame(|| browser::focus_in("#chat-log [tabindex=\"0\"]"));
            }
            "l" => browser::focus_in("#chat-log [tabindex=\"0\"]"),
            "m" => mixing.toggle_mute(),
            "r" if !in_chat => launching.desk().toggle_recording(),
            "?" => help.set(true),
            "escape" if launching.launch().with_untracked(Launch::is_shown) => launching.cancel(),
            "enter" if !pressed && !in_chat && composing.scenes().with_untracked(scenes::in_studio_mode) => {
                transition(composing);
            }
            "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" if !in_chat => {
                let which = usize::from(key.as_bytes()[0] - b'1');
                composing.edit(|scenes| scenes::show(scenes, which));
            }
            _ => return,
        }
    }
    event.prevent_default();
}
