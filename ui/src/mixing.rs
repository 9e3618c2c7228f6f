//! The mixer under the creator's hand: a change shows at once and goes to the studio as fast as it takes them; and the
//! key that is held to talk.

use std::time::Duration;

use footlight_protocol::mixer::{Channel, ChannelId, Mixer, Silence};
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, KeyboardEvent};

use crate::bridge;
use crate::browser;
use crate::desk::Desk;

/// Between two changes that are sent: what a fader needs to be heard to move, and no more.
const PACE: Duration = Duration::from_millis(50);
/// The key that is held to talk.
const TALK: &str = " ";

/// Cheap to copy; everything inside lives as long as the window.
#[derive(Clone, Copy)]
pub struct Mixing {
    desk: Desk,
    /// What the studio has not said yet.
    ahead: RwSignal<Option<Mixer>>,
    mixer: Memo<Mixer>,
    /// One change is under way at a time; of those that wait the newest is sent.
    sending: StoredValue<bool>,
    talking: Memo<bool>,
}

impl Mixing {
    /// The desk's mixer, given to the components below.
    pub fn provide(desk: Desk) -> Self {
        let studio = Memo::new(move |_| desk.snapshot().with(|snapshot| snapshot.mixer.clone()));
        let ahead = RwSignal::new(None::<Mixer>);
        let mixer = Memo::new(move |_| ahead.get().unwrap_or_else(|| studio.get()));
        let sending = StoredValue::new(false);
        let talking = Memo::new(move |_| desk.snapshot().with(|snapshot| snapshot.talking));
        let mixing = Self { desk, ahead, mixer, sending, talking };
        provide_context(mixing);
        // What it says while newer changes wait is old already.
        Effect::new(move |_| {
            let says = studio.get();
            let same = ahead.with_untracked(|ahead| ahead.as_ref() == Some(&says));
            if same || !sending.get_value() {
                ahead.set(None);
            }
        });
        mixing.hear_the_key();
        mixing
    }

    pub fn get() -> Self {
        expect_context()
    }

    /// As it is shown: with what the studio has not said yet.
    pub fn mixer(self) -> Memo<Mixer> {
        self.mixer
    }

    pub fn channel(self, id: ChannelId) -> Memo<Channel> {
        Memo::new(move |_| self.mixer.with(|mixer| mixer.channel(id).clone()))
    }

    /// Why viewers do not hear a channel.
    pub fn silence(self, id: ChannelId) -> Memo<Option<Silence>> {
        Memo::new(move |_| self.mixer.with(|mixer| mixer.silence(id, self.talking.get())))
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
        let before = self.mixer.get_untracked();
        let mut after = before.clone();
        change(&mut after);
        if after != before {
            self.ahead.set(Some(after));
            if !self.sending.get_value() {
                self.sending.set_value(true);
                spawn_local(self.send());
            }
        }
    }

    async fn send(self) {
        while let Some(mixer) = self.ahead.get_untracked() {
            if let Err(failure) = bridge::set_mixer(&mixer).await {
                self.desk.fail(failure);
                self.ahead.set(None);
                break;
            }
            browser::sleep(PACE).await;
            if self.ahead.with_untracked(|ahead| ahead.as_ref() == Some(&mixer)) {
                break;
            }
        }
        self.sending.set_value(false);
        // It may have said so before it answered; otherwise its event is on the way.
        let says = self.desk.snapshot().with_untracked(|snapshot| snapshot.mixer.clone());
        if self.ahead.with_untracked(|ahead| ahead.as_ref() == Some(&says)) {
            self.ahead.set(None);
        }
    }

    /// Lets the microphone be heard while the key is held, where the mixer asks for it.
    fn hear_the_key(self) {
        let held = StoredValue::new(false);
        // A page that was loaded anew while it was held never hears that it was let go.
        self.desk.set_talking(false);
        let talk = move |talking: bool| {
            if held.get_value() != talking {
                held.set_value(talking);
                self.desk.set_talking(talking);
            }
        };
        let down = window_event_listener(leptos::ev::keydown, move |event| {
            if event.key() == TALK
                && self.mixer.with_untracked(|mixer| mixer.push_to_talk)
                && !is_modified(&event)
                && !needs_space(&event)
            {
                // Not the click of the button that was pressed last.
                event.prevent_default();
                talk(true);
            }
        });
        let up = window_event_listener(leptos::ev::keyup, move |event| {
            if event.key() == TALK && held.get_value() {
                event.prevent_default();
                talk(false);
            }
        });
        // Who looks at another window lets go of the key there, and nobody hears of it here.
        let away = window_event_listener(leptos::ev::blur, move |_| talk(false));
        on_cleanup(move || {
            down.remove();
            up.remove();
            away.remove();
        });
    }
}

fn is_modified(event: &KeyboardEvent) -> bool {
    event.ctrl_key() || event.meta_key() || event.alt_key()
}

/// Whether the space means something where the focus is: in a text, a choice, a switch, a dialog.
fn needs_space(event: &KeyboardEvent) -> bool {
    let Some(target) = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok()) else {
        return false;
    };
    let tag = target.tag_name();
    let field = ["INPUT", "TEXTAREA", "SELECT", "SUMMARY"].contains(&tag.as_str());
    let fader = target.get_attribute("type").as_deref() == Some("range");
    (field && !fader) || target.closest("dialog").ok().flatten().is_some()
}
