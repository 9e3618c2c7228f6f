//! What a few letters find: entries by their names in either language, best first.

/// Something that can be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// An action's, or `page:` and a part of the settings.
    pub id: String,
    /// In the window's language.
    pub name: String,
    /// In the other one.
    pub other: String,
}

/// How many of what was done last stand first.
pub const RECENT: usize = 6;

/// The entries that `query` finds, best first; of those that are alike, first what was done last, then as given. All, where
/// nothing is asked.
pub fn find(entries: &[Entry], query: &str, recent: &[String]) -> Vec<Entry> {
    let query = query.trim().to_lowercase();
    let age = |entry: &Entry| recent.iter().position(|id| *id == entry.id).unwrap_or(RECENT);
    let mut found: Vec<(u8, usize, &Entry)> =
        entries.iter().filter_map(|entry| Some((rank(&query, entry)?, age(entry), entry))).collect();
    found.sort_by_key(|(rank, age, _)| (*rank, *age));
    found.into_iter().map(|(.., entry)| entry.clone()).collect()
}

/// What was done last, with this.
pub fn remember(recent: &mut Vec<String>, id: &str) {
    recent.retain(|known| known != id);
    recent.insert(0, id.to_owned());
    recent.truncate(RECENT);
}

/// Whether every word of `query` is in `text`.
pub fn says(text: &str, query: &str) -> bool {
    let text = text.to_lowercase();
    query.to_lowercase().split_whitespace().all(|word| text.contains(word))
}

/// Lower is better; none where it does not fit.
fn rank(query: &str, entry: &Entry) -> Option<u8> {
    if query.is_empty() {
        return Some(0);
    }
    let own = fit(query, &entry.name.to_lowercase());
    own.or_else(|| fit(query, &entry.other.to_lowercase()).map(|rank| rank + 10))
}

fn fit(query: &str, name: &str) -> Option<u8> {
    let words = || name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let initials: String = words().filter_map(|word| word.chars().next()).collect();
    if name.starts_with(query) {
        Some(0)
    } else if words().any(|word| word.starts_with(query)) {
        Some(1)
    } else if name.contains(query) {
        Some(2)
    } else if says(name, query) {
        Some(3)
    } else if query.chars().count() > 1 && initials.contains(query) {
        Some(4)
    } else {
        // Chinese is shortened by leaving signs out.
        (!query.is_ascii() && in_order(query, name)).then_some(5)
    }
}

/// Whether the signs of `query` come in `name` one after the other, with others between.
fn in_order(query: &str, name: &str) -> bool {
    let mut name = name.chars();
    query.chars().filter(|sign| !sign.is_whitespace()).all(|sign| name.any(|other| other == sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<Entry> {
        [
            ("live", "Go live, or end the broadcast", "开始或结束直播"),
            ("mute", "Mute or unmute the microphone", "麦克风静音或取消静音"),
            ("shield", "Raise or lower the shield", "开启或关闭护盾"),
            ("settings", "Open the settings", "打开设置"),
        ]
        .map(|(id, name, other)| Entry { id: id.into(), name: name.into(), other: other.into() })
        .into()
    }

    fn found(query: &str, recent: &[&str]) -> Vec<String> {
        let recent: Vec<String> = recent.iter().map(|id| (*id).to_owned()).collect();
        find(&entries(), query, &recent).into_iter().map(|entry| entry.id).collect()
    }

    #[test]
    fn few_letters_find_what_is_meant() {
        for (query, first) in [
            ("mu", "mute"),
            ("MICRO", "mute"),
            ("gl", "live"),
            ("end", "live"),
            ("broadcast end", "live"),
            ("静音", "mute"),
            ("开护盾", "shield"),
            ("结束直播", "live"),
            ("设置", "settings"),
        ] {
            assert_eq!(found(query, &[]).first().map(String::as_str), Some(first), "{query}");
        }
        assert!(found("zebra", &[]).is_empty());
        assert!(found("斑马", &[]).is_empty());
    }

    #[test]
    fn the_windows_language_and_what_was_done_last_come_first() {
        assert_eq!(found("", &[]), ["live", "mute", "shield", "settings"]);
        assert_eq!(found("", &["settings", "mute"]), ["settings", "mute", "live", "shield"]);
        assert_eq!(found("or", &["shield"])[0], "shield");
        let swapped = Entry { id: "x".into(), name: "直播 end".into(), other: String::new() };
        let both = [entries(), vec![swapped]].concat();
        assert_eq!(find(&both, "直播", &[])[0].id, "x");
    }

    #[test]
    fn only_the_last_few_are_remembered() {
        let mut recent = Vec::new();
        for n in 0..20 {
            remember(&mut recent, &format!("a{}", n % 8));
        }
        assert_eq!(recent, ["a3", "a2", "a1", "a0", "a7", "a6"]);
    }
}
