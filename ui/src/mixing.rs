//! The mixer under the creator's hand: a change shows at once and goes to the studio as fast as it takes them; and the
//! key that is held to talk.

use std::future::Future;

use footlight_protocol::Failure;
use footlight_protocol::mixer::{Channel, ChannelId, Mixer, Silence};
use footlight_protocol::studio::Snapshot;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, KeyboardEvent};

use crate::acting;
use crate::ahead::{Ahead, Sent};
use crate::bridge;
use crate::desk::Desk;
use crate::store::actions::Keymap;
use crate::store::chord::Chord;

/// Cheap to copy; everything inside lives as long as the window.
#[derive(Clone, Copy)]
pub struct Mixing {
    desk: Desk,
    mixer: Ahead<Mixer>,
    talking: Memo<bool>,
}

impl Sent for Mixer {
    fn of(snapshot: &Snapshot) -> &Self {
        &snapshot.mixer
    }

    fn send(&self) -> impl Future<Output = Result<(), Failure>> {
        bridge::set_mixer(self)
    }
}

impl Mixing {
    /// The desk's mixer, given to the components below.
    pub fn provide(desk: Desk, keymap: Memo<Keymap>) -> Self {
        let talking = Memo::new(move |_| desk.snapshot().with(|snapshot| snapshot.talking));
        let mixing = Self { desk, mixer: Ahead::new(desk), talking };
        provide_context(mixing);
        mixing.hear_the_key(keymap);
        mixing
    }

    pub fn get() -> Self {
        expect_context()
    }

    /// As it is shown: with what the studio has not said yet.
    pub fn mixer(self) -> Memo<Mixer> {
        self.mixer.shown()
    }

    pub fn channel(self, id: ChannelId) -> Memo<Channel> {
        Memo::new(move |_| self.mixer().with(|mixer| mixer.channel(id).clone()))
    }

    /// Why viewers do not hear a channel.
    pub fn silence(self, id: ChannelId) -> Memo<Option<Silence>> {
        Memo::new(move |_| self.mixer().with(|mixer| mixer.silence(id, self.talking.get())))
    }

    /// Whether the key is held.
    pub fn talking(self) -> Memo<bool> {
        self.talking
    }

    pub fn toggle_mute(self) {
        self.change(ChannelId::Microphone, |channel| channel.muted = !channel.muted);
    }

    /// Changes one channel.
    pub fn change(self, id: ChannelId, change: impl FnOnce(&mut Channel)) {
        self.edit(|mixer| change(mixer.channel_mut(id)));
    }

    /// Shows a change at once and sends it, with all that waits.
    pub fn edit(self, change: impl FnOnce(&mut Mixer)) {
        self.mixer.edit(0.0, change);
    }

    /// Lets the microphone be heard while the key is held, where the mixer asks for it.
    fn hear_the_key(self, keymap: Memo<Keymap>) {
        // By its place: with Shift let go before it, it is another sign.
        let held = StoredValue::new(None::<String>);
        // A page that was loaded anew while it was held never hears that it was let go.
        self.desk.set_talking(false);
        let talk = move |key: Option<String>| {
            let talking = key.is_some();
            if held.with_value(Option::is_some) != talking {
                held.set_value(key);
                self.desk.set_talking(talking);
            }
        };
        let down = window_event_listener(leptos::ev::keydown, move |event| {
            let Some(chord) = acting::chord(&event) else { return };
            let asks = self.mixer().with_untracked(|mixer| mixer.push_to_talk);
            if asks && keymap.with_untracked(|keymap| is_it(keymap, &chord)) && !is_needed(&chord, &event) {
                // Not the click of the button that was pressed last.
                event.prevent_default();
                talk(Some(event.code()));
            }
        });
        let up = window_event_listener(leptos::ev::keyup, move |event| {
            if held.with_value(|held| held.as_ref() == Some(&event.code())) {
                event.prevent_default();
                talk(None);
            }
        });
        // Who looks at another window lets go of the key there, and nobody hears of it here.
        let away = window_event_listener(leptos::ev::blur, move |_| talk(None));
        on_cleanup(move || {
            down.remove();
            up.remove();
            away.remove();
        });
    }
}

/// Whether it is the key that is held to talk, with Shift or without.
fn is_it(keymap: &Keymap, chord: &Chord) -> bool {
    let talks = |chord: &Chord| keymap.owner(chord).is_some_and(|action| action.id == "talk");
    talks(chord) || keymap.owner(chord).is_none() && chord.unshifted().is_some_and(|bare| talks(&bare))
}

/// Whether the key means something where the focus is: in a text, a choice, a switch, a dialog.
fn is_needed(chord: &Chord, event: &KeyboardEvent) -> bool {
    let Some(target) = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok()) else {
        return false;
    };
    let tag = target.tag_name();
    let field = ["INPUT", "TEXTAREA", "SELECT", "SUMMARY"].contains(&tag.as_str());
    let fader = target.get_attribute("type").as_deref() == Some("range");
    chord.types() && (field && !fader || target.closest("dialog").ok().flatten().is_some())
}
