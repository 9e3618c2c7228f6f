//! A room's own emotes: pictures that stand in a text where it says `:name:`.

use serde::{Deserialize, Serialize};

/// Emotes of a room.
pub const MAX_EMOTES: usize = 100;
/// Shortest and longest name, in Unicode scalar values.
pub const MIN_EMOTE_NAME: usize = 2;
pub const MAX_EMOTE_NAME: usize = 24;
/// Largest file that an emote is made of, in bytes.
pub const MAX_EMOTE_FILE: usize = 256 << 10;
/// Height of its picture at most, in pixels: a line of text at twice its size and more.
pub const EMOTE_HEIGHT: u32 = 64;
/// And width: three letters that are as wide as high.
pub const EMOTE_WIDTH: u32 = 192;

/// An emote of a room.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Emote {
    /// Without its colons; see [`is_name`].
    pub name: String,
    /// What its picture is served under. Another picture has another one.
    pub picture: String,
    /// Of the picture, in pixels: its place in a line is known before it is there.
    pub width: u32,
    pub height: u32,
}

/// A part of a text. All parts behind each other, emotes with their colons, are the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a, T> {
    Text(&'a str),
    /// The name, without its colons, and what was found under it.
    Emote(&'a str, T),
}

/// Whether an emote can be called so: letters and digits of any writing, and `_`.
pub fn is_name(name: &str) -> bool {
    (MIN_EMOTE_NAME..=MAX_EMOTE_NAME).contains(&name.chars().count())
        && name.chars().all(|letter| letter.is_alphanumeric() || letter == '_')
}

/// Takes a text apart; `find` gives what the room has under a name.
pub fn parts<T>(text: &str, find: impl Fn(&str) -> Option<T>) -> Vec<Part<'_, T>> {
    let mut found = Vec::new();
    let (mut plain, mut at) = (0, 0);
    while let Some(open) = text[at..].find(':').map(|open| at + open) {
        let Some(close) = text[open + 1..].find(':').map(|close| open + 1 + close) else { break };
        let name = &text[open + 1..close];
        let Some(emote) = Some(name).filter(|name| is_name(name)).and_then(&find) else {
            // The second colon may be the first one of an emote.
            at = close;
            continue;
        };
        if plain < open {
            found.push(Part::Text(&text[plain..open]));
        }
        found.push(Part::Emote(name, emote));
        (plain, at) = (close + 1, close + 1);
    }
    if plain < text.len() {
        found.push(Part::Text(&text[plain..]));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emotes_are_found_and_nothing_is_lost() {
        let find = |name: &str| matches!(name, "wave" | "so_good" | "88").then_some(());
        let emotes = |text: &str| {
            let parts = parts(text, find);
            let whole: String = parts
                .iter()
                .map(|part| match part {
                    Part::Text(text) => (*text).to_owned(),
                    Part::Emote(name, ()) => format!(":{name}:"),
                })
                .collect();
            assert_eq!(whole, text);
            let names = parts.iter().filter_map(|part| match part {
                Part::Emote(name, ()) => Some((*name).to_owned()),
                Part::Text(_) => None,
            });
            names.collect::<Vec<_>>().join(" ")
        };
        for (text, has) in [
            ("", ""),
            ("hello", ""),
            (":wave:", "wave"),
            ("a:wave:b :so_good::88:", "wave so_good 88"),
            (":wave:wave:", "wave"),
            (":nobody:wave:", "wave"),
            ("你好:wave:！", "wave"),
            ("at 10:30:wave", ""),
            (":::wave:::", "wave"),
            (": wave:", ""),
            (":wave", ""),
            (":WAVE:", ""),
        ] {
            assert_eq!(emotes(text), has, "{text:?}");
        }
    }

    #[test]
    fn names_are_short_and_plain() {
        for name in ["ab", "so_good", "88", "Wave", "波波", &"x".repeat(MAX_EMOTE_NAME)] {
            assert!(is_name(name), "{name:?}");
        }
        for name in
            ["", "a", "a b", "a:b", "<b>", "波", "🎉🎉", "a\u{202e}b", &"x".repeat(MAX_EMOTE_NAME + 1)]
        {
            assert!(!is_name(name), "{name:?}");
        }
    }
}
