//! The texts of the faces in each language, and how numbers go into them.
//!
//! Every key is in every language, with the same placeholders; a test keeps it so.

use std::collections::HashMap;
use std::sync::OnceLock;

pub use footlight_protocol::Language;

type Texts = HashMap<String, String>;

fn texts(language: Language) -> &'static Texts {
    static TEXTS: OnceLock<[Texts; 2]> = OnceLock::new();
    let all = TEXTS.get_or_init(|| {
        [include_str!("../../locales/en.json"), include_str!("../../locales/zh-CN.json")]
            .map(|json| serde_json::from_str(json).expect("the locales are tested to parse"))
    });
    &all[language as usize]
}

/// The text of a key. A key that nobody wrote shows itself rather than nothing.
pub fn text(language: Language, key: &'static str) -> &'static str {
    texts(language).get(key).map_or(key, String::as_str)
}

/// The text of a key that is put together at run time, where there is one.
pub fn find(language: Language, key: &str) -> Option<&'static str> {
    texts(language).get(key).map(String::as_str)
}

/// Puts values in place of `{name}`.
pub fn fill(template: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(template.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

/// A duration as a clock shows it: `0:45`, `12:34`, `1:02:03`.
pub fn clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// The same with every place, for the broadcast's own clock: `00:12:34`.
pub fn long_clock(seconds: u64) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    fn placeholders(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name)).collect()
    }

    #[test]
    fn languages_say_the_same_things() {
        let (english, chinese) = (texts(Language::English), texts(Language::Chinese));
        let keys = |texts: &'static Texts| texts.keys().collect::<BTreeSet<_>>();
        assert_eq!(keys(english), keys(chinese));
        for (key, text) in english {
            let other = &chinese[key];
            assert!(!text.trim().is_empty() && !other.trim().is_empty(), "{key} is empty");
            assert_eq!(placeholders(text), placeholders(other), "{key}");
        }
    }

    fn sources(folder: &Path, out: &mut String) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, out);
            } else if !path.ends_with("i18n.rs") {
                out.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }

    #[test]
    fn every_key_is_used_and_every_used_key_exists() {
        let mut code = String::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut code);
        let known = texts(Language::English);
        // A key is a quoted word with a dot whose first part is the first part of some key.
        let groups: BTreeSet<&str> = known.keys().filter_map(|key| key.split('.').next()).collect();
        for word in code.split('"').skip(1).step_by(1) {
            let mut parts = word.split('.');
            let (Some(group), Some(_), None) = (parts.next(), parts.next(), parts.next()) else {
                continue;
            };
            let plain =
                word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b));
            if plain && groups.contains(group) && !word.ends_with('.') {
                assert!(known.contains_key(word), "the code asks for {word}");
            }
        }
        // These are put together, by a code.
        let made = |key: &&String| key.starts_with("failure.");
        for key in known.keys().filter(|key| !made(key)) {
            assert!(code.contains(&format!("\"{key}\"")), "nobody asks for {key}");
        }
    }

    #[test]
    fn numbers_go_into_texts_and_clocks() {
        assert_eq!(fill("{n} of {all}", &[("n", "1"), ("all", "{n}")]), "1 of {n}");
        for (seconds, short, long) in
            [(0, "0:00", "00:00:00"), (754, "12:34", "00:12:34"), (3_723, "1:02:03", "01:02:03")]
        {
            assert_eq!((clock(seconds).as_str(), long_clock(seconds).as_str()), (short, long));
        }
    }
}
