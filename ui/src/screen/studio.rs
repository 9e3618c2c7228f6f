//! The studio window: what viewers get in the middle, the controls under it, the room on the right.

use footlight_protocol::studio::{Preferences, TextSize};
use leptos::prelude::*;

use crate::acting::{self, Acting, Pane};
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
use crate::part::mixer_channel::MuteButton;
use crate::part::notes::Notes;
use crate::part::palette::Palette;
use crate::part::preferences::{LanguageChoice, ThemeChoice};
use crate::part::preview::Preview;
use crate::part::program::ProgramView;
use crate::part::record_button::RecordButton;
use crate::part::recorder::{RecorderNotes, RecorderRow};
use crate::part::recording::{self, RecordingLine, RecordingNotes};
use crate::part::safe_bar::SafeBar;
use crate::part::scenes::SceneBar;
use crate::part::settings::Settings;
use crate::part::share::Share;
use crate::part::shield::ShieldButton;
use crate::part::shortcuts::Shortcuts;
use crate::part::summary::{self, SummaryDialog};
use crate::part::toast::Toasts;
use crate::part::top_ups::TopUpList;
use crate::part::viewers::Viewers;
use crate::seat::Seat;
use crate::socket::Address;
use crate::store::i18n::Language;
use crate::store::scenes;
use crate::words::{self, use_words};

#[component]
pub fn Studio() -> impl IntoView {
    browser::end_boot();
    words::provide(Language::of(&browser::language()));
    if bridge::present() { view! { <Window /> }.into_any() } else { view! { <NoShell /> }.into_any() }
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
    let keymap = acting::keymap(desk);
    Mixing::provide(desk, keymap);
    recording::provide();
    Launching::provide(desk);
    let summary = summary::provide();

    let preferences = desk.preferences();
    Effect::new(move |_| {
        let Preferences { language, theme, text, .. } = preferences.get();
        let language = if language.is_empty() { browser::language() } else { language };
        words.choose(Language::of(&language));
        browser::mark_root("data-theme", &theme);
        browser::mark_root("data-text", if text == TextSize::Normal { "" } else { text.name() });
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

    let till = seat.till();
    let asked = Memo::new(move |_| till.with(|till| till.waiting().count() + till.odd().count()));
    // Where nobody can ask, there is nothing to look at.
    let sells = Memo::new(move |_| asked.get() > 0 || till.with(|till| till.shop.sells()));
    let open_acts = Memo::new(move |_| seat.room().with(|room| room.guard.open()));
    let acting = Acting::provide(keymap, sells);
    let pane = acting.pane;
    let compact = Memo::new(move |_| preferences.with(|preferences| preferences.compact));
    let on_top = Memo::new(move |_| preferences.with(|preferences| preferences.on_top));

    let phase = Memo::new(move |_| desk.snapshot().with(|snapshot| phase_name(&snapshot.phase)));
    let theme = Signal::derive(move || preferences.get().theme);
    let choose_language = move |language: Language| {
        desk.prefer(Preferences { language: language.tag().to_owned(), ..preferences.get_untracked() });
    };
    let choose_theme = move |theme| desk.prefer(Preferences { theme, ..preferences.get_untracked() });
    view! {
        <main
            class="studio"
            class:compact=move || compact.get()
            class:without-preview=move || !preferences.with(|known| known.preview)
            data-phase=phase
        >
            <header class="bar">
                <h1 class="hidden">{words.say("app.title")}</h1>
                <span class="brand">
                    <Mark />
                    <span class="brand-name">"Footlight"</span>
                </span>
                <Show when=move || phase.get() == "live">
                    <span class="live-badge">{words.say("live.badge")}</span>
                </Show>
                <span class="gap"></span>
                <Show when=move || !compact.get()>
                    <LanguageChoice on_choose=choose_language />
                    <ThemeChoice theme on_choose=choose_theme />
                </Show>
                <Show when=move || compact.get()>
                    <button
                        id="on-top"
                        type="button"
                        class="quiet square"
                        aria-pressed=move || on_top.get().to_string()
                        aria-label=words.say("keys.on_top")
                        title=move || acting.titled(words.get("keys.on_top"), "on-top")
                        on:click=move |_| acting.act("on-top")
                    >
                        {Icon::Pin.view()}
                    </button>
                </Show>
                <button
                    id="compact"
                    type="button"
                    class="quiet square"
                    aria-pressed=move || compact.get().to_string()
                    aria-label=words.say("keys.compact")
                    title=move || acting.titled(words.get("keys.compact"), "compact")
                    on:click=move |_| acting.act("compact")
                >
                    {Icon::Compact.view()}
                </button>
                <button
                    id="open-settings"
                    type="button"
                    class="quiet square"
                    aria-label=words.say("settings.title")
                    title=move || acting.titled(words.get("settings.title"), "settings")
                    on:click=move |_| acting.act("settings")
                >
                    {Icon::Settings.view()}
                </button>
                <button
                    id="open-help"
                    type="button"
                    class="quiet square"
                    aria-label=words.say("keys.title")
                    title=move || acting.titled(words.get("keys.title"), "help")
                    on:click=move |_| acting.act("help")
                >
                    {Icon::Help.view()}
                </button>
            </header>
            <div class="desk">
                <FailureBar />
                <SafeBar />
                <Notes />
                <RecordingNotes />
                <RecorderNotes />
                <Show when=move || !compact.get()>
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
                </Show>
                <LaunchPanel />
                <section class="card deck">
                    <GoLive />
                    <RecorderRow />
                    <Show when=move || compact.get()>
                        <MuteButton />
                    </Show>
                    <HealthLine />
                    <RecordingLine />
                </section>
                <Show when=move || !compact.get()>
                    <div class="sources">
                        <section class="card inputs">
                            <Camera />
                            <MixerCard />
                        </section>
                        <Share />
                        <Destinations />
                    </div>
                </Show>
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
        <Shortcuts open=acting.help />
        <Settings />
        <Palette />
        <SummaryDialog />
    }
}
