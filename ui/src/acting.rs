//! What the creator does in the window, by key, by the palette or by a button: looks up what is meant in the table of actions
//! and does it.

use std::collections::BTreeMap;

use footlight_protocol::mixer::ChannelId;
use footlight_protocol::studio::{Phase, Preferences};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, HtmlTextAreaElement, KeyboardEvent};

use crate::browser;
use crate::composing::Composing;
use crate::desk::Desk;
use crate::launching::Launching;
use crate::mixing::Mixing;
use crate::part::program::transition;
use crate::part::shield;
use crate::seat::Seat;
use crate::store::actions::{self, Able, Keymap, Place};
use crate::store::chord::{Chord, Pressed};
use crate::store::launch::Launch;
use crate::store::palette;
use crate::store::scenes;

/// Where it is kept what was done last from the palette.
const RECENT: &str = "footlight.recent";

/// What the sidebar shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pane {
    Chat,
    Held,
    TopUps,
}

/// Cheap to copy; everything inside lives as long as the window.
#[derive(Clone, Copy)]
pub struct Acting {
    desk: Desk,
    seat: Seat,
    composing: Composing,
    mixing: Mixing,
    launching: Launching,
    able: Memo<Able>,
    pub keymap: Memo<Keymap>,
    pub pane: RwSignal<Pane>,
    pub help: RwSignal<bool>,
    pub palette: RwSignal<bool>,
    pub settings: RwSignal<bool>,
    /// The part of the settings that is to be brought into sight.
    pub page: RwSignal<Option<&'static str>>,
    recent: RwSignal<Vec<String>>,
}

/// Which key does what, by what the desk remembers.
pub fn keymap(desk: Desk) -> Memo<Keymap> {
    let keymap = Memo::new(move |_| desk.preferences().with(|preferences| Keymap::of(&preferences.keys)));
    provide_context(keymap);
    keymap
}

/// A text with the action's key behind it, for the title of a button. Only in the studio are there keys.
pub fn titled(keymap: Option<Memo<Keymap>>, text: &str, id: &str) -> String {
    let line = keymap.and_then(|keymap| keymap.with(|keymap| keymap.chord(id).map(Chord::line)));
    line.map_or_else(|| text.to_owned(), |line| format!("{text} ({line})"))
}

/// What was pressed; none while a sign is put together from several keys.
pub fn chord(event: &KeyboardEvent) -> Option<Chord> {
    if event.is_composing() {
        return None;
    }
    let (key, code) = (event.key(), event.code());
    let ctrl = event.ctrl_key() || event.meta_key();
    Chord::of(Pressed { key: &key, code: &code, ctrl, alt: event.alt_key(), shift: event.shift_key() })
}

impl Acting {
    /// Given to the components below. `sells` tells whether the room takes money.
    pub fn provide(keymap: Memo<Keymap>, sells: Memo<bool>) -> Self {
        let (desk, seat, composing) = (Desk::get(), Seat::get(), Composing::get());
        let (mixing, launching) = (Mixing::get(), Launching::get());
        let able = Memo::new(move |_| Able {
            goes_live: desk.snapshot().with(|snapshot| snapshot.phase != Phase::Ending),
            scenes: composing.scenes().with(|scenes| scenes.scenes.len()),
            studio_mode: composing.scenes().with(scenes::in_studio_mode),
            push_to_talk: mixing.mixer().with(|mixer| mixer.push_to_talk),
            desktop: mixing.mixer().with(|mixer| mixer.desktop.on),
            sells: sells.get(),
            moderated: seat.undo().with(|undo| undo.newest().is_some()),
            removed: composing.removed().with(Option::is_some),
        });
        let kept = browser::stored(RECENT).unwrap_or_default();
        let kept = kept.split_whitespace().map(str::to_owned).take(palette::RECENT).collect();
        let acting = Self {
            desk,
            seat,
            composing,
            mixing,
            launching,
            able,
            keymap,
            pane: RwSignal::new(Pane::Chat),
            help: RwSignal::new(false),
            palette: RwSignal::new(false),
            settings: RwSignal::new(false),
            page: RwSignal::new(None),
            recent: RwSignal::new(kept),
        };
        provide_context(acting);
        let keys = window_event_listener(leptos::ev::keydown, move |event| acting.hear(&event));
        on_cleanup(move || keys.remove());
        acting
    }

    pub fn get() -> Self {
        expect_context()
    }

    /// What decides about what can be done.
    pub fn able(self) -> Memo<Able> {
        self.able
    }

    /// What was done last from the palette, newest first.
    pub fn recent(self) -> ReadSignal<Vec<String>> {
        self.recent.read_only()
    }

    /// A text with the action's key behind it, for the title of a button.
    pub fn titled(self, text: &str, id: &str) -> String {
        titled(Some(self.keymap), text, id)
    }

    /// What is pressed for an action, for `aria-keyshortcuts`.
    pub fn shortcut(self, id: &'static str) -> Option<String> {
        self.keymap.with(|keymap| keymap.chord(id).map(Chord::aria))
    }

    /// Changes what is pressed for actions.
    pub fn rebind(self, change: impl FnOnce(&mut BTreeMap<String, String>)) {
        let mut preferences = self.desk.preferences().get_untracked();
        change(&mut preferences.keys);
        self.desk.prefer(preferences);
    }

    /// Opens the settings at one of their parts.
    pub fn open_page(self, page: &'static str) {
        self.page.set(Some(page));
        self.settings.set(true);
    }

    /// Does what was chosen from the palette, once that is out of the way.
    pub fn choose(self, id: &str) {
        self.recent.update(|recent| palette::remember(recent, id));
        browser::store(RECENT, &self.recent.with_untracked(|recent| recent.join(" ")));
        for dialog in [self.palette, self.help, self.settings] {
            dialog.set(false);
        }
        let id = id.to_owned();
        request_animation_frame(move || match crate::part::settings::page(&id) {
            Some(page) => self.open_page(page),
            None => self.act(&id),
        });
    }

    /// Does it.
    pub fn act(self, id: &str) {
        match id {
            "palette" => self.palette.update(|open| *open = !*open),
            "live" => self.launching.press(self.seat),
            "record" => self.desk.toggle_recording(),
            "mute" => self.mixing.toggle_mute(),
            "mute-desktop" => {
                self.mixing.change(ChannelId::Desktop, |channel| channel.muted = !channel.muted);
            }
            "transition" => transition(self.composing),
            "studio-mode" => self.composing.edit(|scenes| {
                let on = !scenes::in_studio_mode(scenes);
                scenes::set_studio_mode(scenes, on);
            }),
            "layers" => self.composing.toggle(),
            "chat" => self.show(Pane::Chat, "#chat-input"),
            "log" => self.show(Pane::Chat, "#chat-log [tabindex=\"0\"]"),
            "held" => self.show(Pane::Held, "#held [data-held], #held button"),
            "top-ups" => self.show(Pane::TopUps, "#top-ups [data-top-up]"),
            "shield" => shield::toggle(self.seat),
            "take-back" => self.seat.take_back(None),
            "undo" => {
                if !self.composing.put_back() {
                    self.seat.take_back(None);
                }
            }
            "preview" => self.prefer(|preferences| preferences.preview = !preferences.preview),
            "compact" => self.prefer(|preferences| preferences.compact = !preferences.compact),
            "on-top" => self.prefer(|preferences| preferences.on_top = !preferences.on_top),
            "settings" => self.settings.set(true),
            "help" => self.help.set(true),
            id => {
                if let Some(scene) = actions::scene(id) {
                    self.composing.edit(|scenes| scenes::show(scenes, scene));
                }
            }
        }
    }

    /// Changes what the window remembers.
    pub fn prefer(self, change: impl FnOnce(&mut Preferences)) {
        let mut preferences = self.desk.preferences().get_untracked();
        change(&mut preferences);
        self.desk.prefer(preferences);
    }

    fn show(self, pane: Pane, focus: &'static str) {
        self.pane.set(pane);
        request_animation_frame(move || browser::focus_in(focus));
    }

    fn hear(self, event: &KeyboardEvent) {
        let Some(chord) = chord(event) else { return };
        let place = place(event);
        if chord.to_string() == "escape" {
            if !place.typing && self.launching.launch().with_untracked(Launch::is_shown) {
                self.launching.cancel();
                event.prevent_default();
            }
            return;
        }
        let action = self.keymap.with_untracked(|keymap| keymap.action(&chord, place));
        let Some(action) = action.filter(|action| !action.held) else { return };
        if self.able.with_untracked(|able| able.to(action.id)) {
            self.act(action.id);
            event.prevent_default();
        }
    }
}

fn place(event: &KeyboardEvent) -> Place {
    let Some(target) = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok()) else {
        return Place::default();
    };
    let tag = target.tag_name();
    let is = |tags: &[&str]| tags.contains(&tag.as_str());
    Place {
        typing: is(&["INPUT", "TEXTAREA", "SELECT"]),
        empty: target.dyn_ref::<HtmlTextAreaElement>().is_some_and(|area| area.value().is_empty()),
        in_chat: target.closest("#chat-log").ok().flatten().is_some(),
        on_button: is(&["BUTTON", "A", "SUMMARY"]),
    }
}
