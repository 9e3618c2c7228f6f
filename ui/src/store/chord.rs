//! What is pressed at once on a keyboard, as it is kept, compared and shown.
//!
//! A chord is written as `ctrl+shift+k`. Ctrl stands for the Mac's command key, too. A sign that needs Shift is itself: `?`
//! and not `shift+/`, since which key bears it differs between keyboards.

use std::fmt;

/// What is said of a key by the browser's event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pressed<'a> {
    /// `KeyboardEvent.key`
    pub key: &'a str,
    /// `KeyboardEvent.code`
    pub code: &'a str,
    /// Ctrl, or the Mac's command key.
    pub ctrl: bool,
    pub alt: bool,
    pub shift: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Chord {
    pub ctrl: bool,
    pub alt: bool,
    pub shift: bool,
    /// In small letters: one sign, or a name such as `enter`, `space`, `f1`.
    pub key: String,
}

/// Keys that are pressed beside others, or that a program never sees whole.
const NO_KEYS: [&str; 12] = [
    "control",
    "shift",
    "alt",
    "altgraph",
    "meta",
    "os",
    "super",
    "capslock",
    "numlock",
    "dead",
    "process",
    "unidentified",
];

/// What a person needs to get about in the window and in texts.
const RESERVED: [&str; 17] = [
    "escape",
    "tab",
    "shift+tab",
    "arrowup",
    "arrowdown",
    "arrowleft",
    "arrowright",
    "backspace",
    "home",
    "end",
    "ctrl+a",
    "ctrl+c",
    "ctrl+v",
    "ctrl+x",
    "ctrl+arrowleft",
    "ctrl+arrowright",
    "ctrl+backspace",
];

impl Chord {
    /// What was pressed; none for a key that only goes beside others.
    pub fn of(pressed: Pressed<'_>) -> Option<Self> {
        let Pressed { key, code, ctrl, alt, shift } = pressed;
        let mut key = match key {
            " " => "space".to_owned(),
            "+" => "plus".to_owned(),
            key => key.to_lowercase(),
        };
        if key.is_empty() || NO_KEYS.contains(&key.as_str()) {
            return None;
        }
        // On a keyboard for another script a letter's place counts, so that keys work there as well.
        if !key.is_ascii()
            && let Some(letter) = code.strip_prefix("Key").filter(|letter| letter.len() == 1)
        {
            key = letter.to_lowercase();
        }
        // The sign itself tells that Shift was held.
        let sign = key.chars().count() == 1 && !key.chars().all(char::is_alphabetic) || key == "plus";
        Some(Self { ctrl, alt, shift: shift && !sign, key })
    }

    /// As it is kept.
    pub fn parse(text: &str) -> Option<Self> {
        let mut chord = Self { ctrl: false, alt: false, shift: false, key: String::new() };
        let mut parts = text.split('+').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                part.clone_into(&mut chord.key);
                break;
            }
            match part {
                "ctrl" => chord.ctrl = true,
                "alt" => chord.alt = true,
                "shift" => chord.shift = true,
                _ => return None,
            }
        }
        (!chord.key.is_empty() && chord.key == chord.key.to_lowercase()).then_some(chord)
    }

    /// The same without Shift, where it has it.
    pub fn unshifted(&self) -> Option<Self> {
        self.shift.then(|| Self { shift: false, ..self.clone() })
    }

    /// Whether it cannot be an action's, since it does something else everywhere.
    pub fn is_reserved(&self) -> bool {
        RESERVED.contains(&self.to_string().as_str())
    }

    /// Whether it is written into a text that has the focus, so that it can be nothing else there.
    pub fn types(&self) -> bool {
        let writes = self.key.chars().count() == 1
            || ["space", "plus", "enter", "delete", "pageup", "pagedown"].contains(&self.key.as_str());
        writes && !self.ctrl && !self.alt
    }

    /// As it stands on the keyboard, a part a key.
    pub fn caps(&self) -> Vec<String> {
        let beside = [(self.ctrl, "Ctrl"), (self.alt, "Alt"), (self.shift, "⇧")];
        let mut caps: Vec<String> =
            beside.iter().filter(|(held, _)| *held).map(|(_, cap)| (*cap).to_owned()).collect();
        caps.push(match self.key.as_str() {
            "space" => "␣".to_owned(),
            "plus" => "+".to_owned(),
            "arrowup" => "↑".to_owned(),
            "arrowdown" => "↓".to_owned(),
            "arrowleft" => "←".to_owned(),
            "arrowright" => "→".to_owned(),
            "pageup" => "PgUp".to_owned(),
            "pagedown" => "PgDn".to_owned(),
            key if key.chars().count() == 1 => key.to_uppercase(),
            key => {
                let mut letters = key.chars();
                letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
            }
        });
        caps
    }

    /// The same in one line, for a title.
    pub fn line(&self) -> String {
        self.caps().join(" ")
    }

    /// As `aria-keyshortcuts` wants it.
    pub fn aria(&self) -> String {
        let mut parts: Vec<&str> = Vec::new();
        parts.extend(self.ctrl.then_some("Control"));
        parts.extend(self.alt.then_some("Alt"));
        parts.extend(self.shift.then_some("Shift"));
        parts.push(match self.key.as_str() {
            "space" => "Space",
            "plus" => "Plus",
            "enter" => "Enter",
            key => key,
        });
        parts.join("+")
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (held, name) in [(self.ctrl, "ctrl"), (self.alt, "alt"), (self.shift, "shift")] {
            if held {
                write!(f, "{name}+")?;
            }
        }
        f.write_str(&self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pressed(key: &str) -> Pressed<'_> {
        Pressed { key, code: "", ctrl: false, alt: false, shift: false }
    }

    #[test]
    fn what_is_pressed_is_written_and_read() {
        for (event, text) in [
            (pressed("m"), "m"),
            (Pressed { shift: true, ..pressed("S") }, "shift+s"),
            (Pressed { shift: true, ..pressed("?") }, "?"),
            (Pressed { ctrl: true, ..pressed("k") }, "ctrl+k"),
            (Pressed { ctrl: true, shift: true, ..pressed("+") }, "ctrl+plus"),
            (Pressed { alt: true, shift: true, ..pressed("F5") }, "alt+shift+f5"),
            (pressed(" "), "space"),
            (Pressed { code: "KeyM", ..pressed("ь") }, "m"),
        ] {
            let chord = Chord::of(event).unwrap();
            assert_eq!(chord.to_string(), text);
            assert_eq!(Chord::parse(text), Some(chord));
        }
        for key in ["Shift", "Control", "Dead", "Process", ""] {
            assert_eq!(Chord::of(pressed(key)), None, "{key}");
        }
        for text in ["", "ctrl+", "hyper+k", "Ctrl+K", "M"] {
            assert_eq!(Chord::parse(text), None, "{text}");
        }
    }

    #[test]
    fn texts_keep_what_they_need() {
        for text in ["escape", "tab", "ctrl+c", "arrowup"] {
            assert!(Chord::parse(text).unwrap().is_reserved(), "{text}");
        }
        for (text, types) in [("m", true), ("?", true), ("space", true), ("ctrl+m", false), ("f9", false)] {
            let chord = Chord::parse(text).unwrap();
            assert!(!chord.is_reserved());
            assert_eq!(chord.types(), types, "{text}");
        }
    }

    #[test]
    fn keys_are_shown_as_they_stand_on_the_keyboard() {
        for (text, shown, aria) in [
            ("ctrl+k", "Ctrl K", "Control+k"),
            ("shift+s", "⇧ S", "Shift+s"),
            ("space", "␣", "Space"),
            ("enter", "Enter", "Enter"),
            ("f9", "F9", "f9"),
            ("ctrl+plus", "Ctrl +", "Control+Plus"),
        ] {
            let chord = Chord::parse(text).unwrap();
            assert_eq!((chord.line().as_str(), chord.aria().as_str()), (shown, aria));
        }
    }
}
