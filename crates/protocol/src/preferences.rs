//! What the window remembers of how its creator wants it: language, look, keys. Command `set_preferences`, and a part of
//! the settings file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// More than anybody wants to wait for.
pub const MAX_COUNTDOWN: u8 = 10;
/// Actions with keys of their own. There are fewer actions; names of later versions have room, too.
pub const MAX_KEYS: usize = 128;
/// Characters of an action's name, or of a key's.
pub const MAX_KEY_TEXT: usize = 40;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Preferences {
    /// `en`, `zh-CN`, or empty for the system's.
    pub language: String,
    /// `light`, `dark`, or empty for the system's.
    pub theme: String,
    /// Seconds that are counted down before a broadcast, [`MAX_COUNTDOWN`] at most; 0: it begins at once,
    /// and nothing is checked before.
    pub countdown: u8,
    /// Whether the window shows what viewers get. Without, a studio that is not live has next to nothing to do.
    pub preview: bool,
    pub text: TextSize,
    /// A narrow window with health, the button and the chat alone.
    pub compact: bool,
    /// In front of all other windows.
    pub on_top: bool,
    /// What the creator presses for an action in place of its default; empty for no key. Names that this version does not
    /// know stay for those that do.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<String, String>,
}

/// How large texts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextSize {
    #[default]
    Normal,
    Large,
    Larger,
}

impl TextSize {
    pub const ALL: [Self; 3] = [Self::Normal, Self::Large, Self::Larger];

    /// As it is kept.
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Large => "large",
            Self::Larger => "larger",
        }
    }

    /// The size of a name; the normal one for any other.
    pub fn of(name: &str) -> Self {
        Self::ALL.into_iter().find(|size| size.name() == name).unwrap_or_default()
    }
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            language: String::new(),
            theme: String::new(),
            countdown: 3,
            preview: true,
            text: TextSize::Normal,
            compact: false,
            on_top: false,
            keys: BTreeMap::new(),
        }
    }
}

impl Preferences {
    /// What is out of bounds, in words.
    pub fn check(&self) -> Result<(), String> {
        if self.countdown > MAX_COUNTDOWN {
            return Err(format!("countdown is {}: not 0 to {MAX_COUNTDOWN} seconds", self.countdown));
        }
        if self.keys.len() > MAX_KEYS {
            return Err(format!("keys are {}: more than {MAX_KEYS}", self.keys.len()));
        }
        match self.keys.iter().find(|(action, key)| !is_short(action) || !is_short(key)) {
            Some((action, _)) => {
                let begun: String = action.chars().take(MAX_KEY_TEXT).collect();
                Err(format!("the key of {begun:?} is longer than {MAX_KEY_TEXT} characters"))
            }
            None => Ok(()),
        }
    }

    /// The same, with what is out of bounds brought into them or left out.
    pub fn bounded(mut self) -> Self {
        self.countdown = self.countdown.min(MAX_COUNTDOWN);
        self.keys.retain(|action, key| is_short(action) && is_short(key));
        while self.keys.len() > MAX_KEYS {
            self.keys.pop_last();
        }
        for text in [&mut self.language, &mut self.theme] {
            if !is_short(text) {
                text.clear();
            }
        }
        self
    }
}

fn is_short(text: &str) -> bool {
    text.chars().count() <= MAX_KEY_TEXT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preferences_are_bounded() {
        let long = "x".repeat(MAX_KEY_TEXT + 1);
        let mut wild = Preferences { countdown: 200, language: long.clone(), ..Preferences::default() };
        wild.keys.extend([("mute".to_owned(), long.clone()), (long, "m".to_owned())]);
        wild.keys.extend((0..2 * MAX_KEYS).map(|n| (format!("action-{n}"), "ctrl+m".to_owned())));
        assert!(wild.check().is_err());
        let tame = wild.bounded();
        assert_eq!(tame.check(), Ok(()));
        assert_eq!((tame.keys.len(), tame.countdown, tame.language.as_str()), (MAX_KEYS, MAX_COUNTDOWN, ""));
        assert!(!tame.keys.contains_key("mute"));
        let plain = Preferences::default();
        assert_eq!(plain.clone().bounded(), plain);
    }

    #[test]
    fn sizes_have_names() {
        for size in TextSize::ALL {
            assert_eq!(TextSize::of(size.name()), size);
            assert_eq!(serde_json::to_value(size).unwrap(), size.name());
        }
        assert_eq!(TextSize::of("enormous"), TextSize::Normal);
    }
}
