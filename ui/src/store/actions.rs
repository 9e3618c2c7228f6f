//! What can be done in the window, in one table: the name of each action, its key, and when it can be done. The keyboard, the
//! palette, the list of keys and the settings all read from it.

use std::collections::BTreeMap;

use footlight_protocol::Language;
use footlight_protocol::scene::MAX_SCENES;

use super::chord::Chord;
use super::i18n;

/// One action.
#[derive(Debug, PartialEq, Eq)]
pub struct Action {
    /// As settings call it; never changes.
    pub id: &'static str,
    /// Key of its text.
    pub says: &'static str,
    /// What is pressed for it unless the creator chose another; empty for nothing.
    pub default: &'static str,
    /// Lasts as long as its key is held; cannot be chosen from a list.
    pub held: bool,
}

/// The text of every action that shows a scene.
const SCENE: &str = "keys.scene_n";

const fn action(id: &'static str, says: &'static str, default: &'static str) -> Action {
    Action { id, says, default, held: false }
}

/// Keeps the scenes' part of the table as long as there can be scenes.
const _: () = assert!(MAX_SCENES == 9);

/// In the order in which lists show them.
pub const ACTIONS: [Action; 30] = [
    action("palette", "keys.palette", "ctrl+k"),
    action("live", "keys.live", ""),
    action("record", "keys.record", "r"),
    action("mute", "keys.mute", "m"),
    Action { held: true, ..action("talk", "keys.talk", "space") },
    action("mute-desktop", "keys.mute_desktop", ""),
    action("scene-1", SCENE, "1"),
    action("scene-2", SCENE, "2"),
    action("scene-3", SCENE, "3"),
    action("scene-4", SCENE, "4"),
    action("scene-5", SCENE, "5"),
    action("scene-6", SCENE, "6"),
    action("scene-7", SCENE, "7"),
    action("scene-8", SCENE, "8"),
    action("scene-9", SCENE, "9"),
    action("transition", "keys.transition", "enter"),
    action("studio-mode", "keys.studio_mode", ""),
    action("layers", "keys.layers", ""),
    action("preview", "keys.preview", ""),
    action("chat", "keys.chat", "c"),
    action("log", "keys.log", "l"),
    action("held", "keys.held", "h"),
    action("top-ups", "keys.top_ups", "p"),
    action("shield", "keys.shield", "shift+s"),
    action("take-back", "keys.undo", "u"),
    action("undo", "keys.undo_any", "ctrl+z"),
    action("compact", "keys.compact", ""),
    action("on-top", "keys.on_top", ""),
    action("settings", "keys.settings", "ctrl+,"),
    action("help", "keys.help", "?"),
];

/// Keys that do something to a message of the chat while it has the focus.
const CHATS: [&str; 7] = ["r", "d", "t", "b", "shift+b", "delete", "enter"];

/// The action of that name.
pub fn find(id: &str) -> Option<&'static Action> {
    ACTIONS.iter().find(|action| action.id == id)
}

/// What it is called.
pub fn name(action: &Action, language: Language) -> String {
    let number = scene(action.id).map(|scene| (scene + 1).to_string()).unwrap_or_default();
    i18n::fill(i18n::text(language, action.says), &[("n", &number)])
}

/// Which scene an action shows, counted from nought.
pub fn scene(id: &str) -> Option<usize> {
    id.strip_prefix("scene-")?.parse::<usize>().ok()?.checked_sub(1)
}

/// What decides about what can be done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Able {
    /// Not while a broadcast is being ended.
    pub goes_live: bool,
    pub scenes: usize,
    pub studio_mode: bool,
    /// The microphone waits for its key.
    pub push_to_talk: bool,
    /// What the computer plays is in the mixer.
    pub desktop: bool,
    /// The room takes money.
    pub sells: bool,
    /// An act of moderation can be undone.
    pub moderated: bool,
    /// A layer can be put back.
    pub removed: bool,
}

impl Able {
    /// Whether an action would do something now.
    pub fn to(&self, id: &str) -> bool {
        match id {
            "live" => self.goes_live,
            "transition" => self.studio_mode,
            "talk" => self.push_to_talk,
            "mute-desktop" => self.desktop,
            "top-ups" => self.sells,
            "take-back" => self.moderated,
            "undo" => self.moderated || self.removed,
            id => scene(id).is_none_or(|scene| scene < self.scenes),
        }
    }
}

/// Where a key was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// In something that takes text or is chosen from.
    pub typing: bool,
    /// In a text that is empty.
    pub empty: bool,
    /// In the log of the chat.
    pub in_chat: bool,
    /// On something that Enter presses.
    pub on_button: bool,
}

/// Which key does what: the creator's own, then the defaults that nothing else took.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Keymap {
    by_chord: BTreeMap<Chord, &'static str>,
}

impl Keymap {
    /// By what the creator chose.
    pub fn of(own: &BTreeMap<String, String>) -> Self {
        let mut by_chord = BTreeMap::new();
        let chosen = |action: &Action| own.get(action.id).and_then(|text| Chord::parse(text));
        for action in &ACTIONS {
            if let Some(chord) = chosen(action).filter(|chord| !chord.is_reserved()) {
                by_chord.entry(chord).or_insert(action.id);
            }
        }
        for action in ACTIONS.iter().filter(|action| !own.contains_key(action.id)) {
            if let Some(chord) = Chord::parse(action.default) {
                by_chord.entry(chord).or_insert(action.id);
            }
        }
        Self { by_chord }
    }

    /// What is pressed for an action, if anything.
    pub fn chord(&self, id: &str) -> Option<&Chord> {
        self.by_chord.iter().find(|(_, action)| **action == id).map(|(chord, _)| chord)
    }

    /// Whose key it is.
    pub fn owner(&self, chord: &Chord) -> Option<&'static Action> {
        self.by_chord.get(chord).and_then(|id| find(id))
    }

    /// What a key does in its place. Where nothing has it with Shift, it is the one without.
    pub fn action(&self, chord: &Chord, place: Place) -> Option<&'static Action> {
        let bare = chord.unshifted();
        let (chord, action) = [Some(chord), bare.as_ref()]
            .into_iter()
            .flatten()
            .find_map(|chord| Some((chord, self.owner(chord)?)))?;
        let undoes_a_text = action.id == "undo" && place.typing && !place.empty;
        let writes = place.typing && chord.types();
        let chats = place.in_chat && is_the_chats(chord);
        let presses = place.on_button && ["enter", "space"].contains(&chord.to_string().as_str());
        (!undoes_a_text && !writes && !chats && !presses).then_some(action)
    }

    /// Gives a key to an action and takes it from whichever had it.
    pub fn bind(own: &mut BTreeMap<String, String>, id: &'static str, chord: &Chord) {
        let text = chord.to_string();
        let defaults = |action: &Action| !own.contains_key(action.id) && action.default == text;
        let losers: Vec<&str> = ACTIONS
            .iter()
            .filter(|action| own.get(action.id) == Some(&text) || defaults(action))
            .map(|action| action.id)
            .collect();
        for loser in losers {
            own.insert(loser.to_owned(), String::new());
        }
        if find(id).is_some_and(|action| action.default == text) {
            own.remove(id);
        } else {
            own.insert(id.to_owned(), text);
        }
    }

    /// Gives an action its own key back, and takes it from whichever has it now.
    pub fn reset(own: &mut BTreeMap<String, String>, id: &'static str) {
        match find(id).and_then(|action| Chord::parse(action.default)) {
            Some(chord) => Self::bind(own, id, &chord),
            None => drop(own.remove(id)),
        }
    }
}

fn is_the_chats(chord: &Chord) -> bool {
    let text = chord.to_string();
    // There the numbers choose how long a timeout is.
    CHATS.contains(&text.as_str()) || matches!(text.as_bytes(), [b'1'..=b'9'])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use footlight_protocol::studio::{MAX_KEY_TEXT, MAX_KEYS};

    use super::*;

    fn chord(text: &str) -> Chord {
        Chord::parse(text).unwrap()
    }

    fn does(own: &BTreeMap<String, String>, text: &str, place: Place) -> Option<&'static str> {
        Keymap::of(own).action(&chord(text), place).map(|action| action.id)
    }

    #[test]
    fn the_table_is_sound() {
        let ids: BTreeSet<&str> = ACTIONS.iter().map(|action| action.id).collect();
        assert_eq!(ids.len(), ACTIONS.len());
        assert!(ids.len() <= MAX_KEYS && ids.iter().all(|id| id.len() <= MAX_KEY_TEXT));
        let mut chords = BTreeSet::new();
        for action in &ACTIONS {
            for language in Language::ALL {
                assert_ne!(i18n::text(language, action.says), action.says, "{} has no words", action.id);
            }
            if !action.default.is_empty() {
                let chord = chord(action.default);
                assert!(!chord.is_reserved(), "{}", action.id);
                assert!(chords.insert(chord), "the key of {} is taken", action.id);
            }
        }
    }

    #[test]
    fn keys_do_what_they_did_before_they_could_be_chosen() {
        let own = BTreeMap::new();
        let free = Place::default();
        for (text, id) in [
            ("m", Some("mute")),
            ("shift+m", Some("mute")),
            ("shift+s", Some("shield")),
            ("s", None),
            ("u", Some("take-back")),
            ("ctrl+z", Some("undo")),
            ("ctrl+shift+z", Some("undo")),
            ("ctrl+m", None),
            ("alt+m", None),
            ("1", Some("scene-1")),
            ("9", Some("scene-9")),
            ("0", None),
            ("r", Some("record")),
            ("?", Some("help")),
            ("enter", Some("transition")),
        ] {
            assert_eq!(does(&own, text, free), id, "{text}");
        }
        let chat = Place { in_chat: true, ..free };
        for (text, id) in
            [("1", None), ("r", None), ("enter", None), ("u", Some("take-back")), ("m", Some("mute"))]
        {
            assert_eq!(does(&own, text, chat), id, "{text} in the chat");
        }
        let typing = Place { typing: true, ..free };
        for (text, id) in [("m", None), ("?", None), ("ctrl+z", None), ("ctrl+k", Some("palette"))] {
            assert_eq!(does(&own, text, typing), id, "{text} in a text");
        }
        assert_eq!(does(&own, "ctrl+z", Place { empty: true, ..typing }), Some("undo"));
        let button = Place { on_button: true, ..free };
        assert_eq!((does(&own, "enter", button), does(&own, "m", button)), (None, Some("mute")));
    }

    #[test]
    fn a_key_belongs_to_one_action() {
        let mut own = BTreeMap::new();
        Keymap::bind(&mut own, "live", &chord("f9"));
        Keymap::bind(&mut own, "mute", &chord("u"));
        let free = Place::default();
        assert_eq!(does(&own, "f9", Place { typing: true, ..free }), Some("live"), "F9 writes nothing");
        assert_eq!((does(&own, "u", free), does(&own, "m", free)), (Some("mute"), None));
        assert_eq!(Keymap::of(&own).chord("take-back"), None);
        // The other takes its own back.
        Keymap::reset(&mut own, "take-back");
        assert_eq!(does(&own, "u", free), Some("take-back"));
        assert_eq!(Keymap::of(&own).chord("mute"), None);
        Keymap::reset(&mut own, "mute");
        assert_eq!(does(&own, "m", free), Some("mute"));
        Keymap::reset(&mut own, "live");
        assert!(own.is_empty(), "{own:?}");
    }

    #[test]
    fn what_a_file_says_by_hand_harms_nothing() {
        let own = [("mute", "escape"), ("live", "Ctrl+"), ("shield", "c"), ("held", "c"), ("later", "x")];
        let own: BTreeMap<_, _> =
            own.iter().map(|(id, text)| ((*id).to_owned(), (*text).to_owned())).collect();
        let free = Place::default();
        assert_eq!(does(&own, "escape", free), None);
        assert_eq!(does(&own, "c", free), Some("held"), "the first of the table has it");
        assert_eq!(does(&own, "x", free), None);
    }

    #[test]
    fn what_can_be_done_depends() {
        let able = Able { scenes: 2, goes_live: true, ..Able::default() };
        for (id, can) in [
            ("scene-2", true),
            ("scene-3", false),
            ("transition", false),
            ("live", true),
            ("mute", true),
            ("undo", false),
            ("top-ups", false),
        ] {
            assert_eq!(able.to(id), can, "{id}");
        }
        assert!(Able { removed: true, ..able }.to("undo"));
    }
}
