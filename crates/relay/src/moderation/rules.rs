//! What the room takes of guests: decided for one message, on values.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use footlight_protocol::emote::{self, Part};
use footlight_protocol::moderation::{
    Links, MAX_AGE, MAX_FOLLOWED, MAX_SLOW, MAX_WORD, MAX_WORDS, Reason, Rules,
};
use footlight_protocol::room::UnixMillis;
use footlight_protocol::{Code, Failure, UserId};

use super::normal::{folded, plain};

/// How long a text counts as said before.
const SAID_BEFORE: UnixMillis = 60_000;
/// Texts and people that are remembered. Full ⇒ the rules that need them forget, and are milder for a moment.
const MOST: usize = 20_000;

/// While a room is shielded, guests wait so long after their first name …
const SHIELD_AGE_S: u32 = 10 * 60;
/// … and so long between two messages.
const SHIELD_SLOW_S: u32 = 10;

/// What to do about a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ruling {
    Take,
    Hold(Reason),
    /// And after how many milliseconds it may be tried again.
    Refuse(Failure, Option<u32>),
}

/// Whether a creator may set these.
pub(crate) fn checked(mut rules: Rules) -> Result<Rules, Failure> {
    let wrong = |text: String| Err(Failure::new(Code::Malformed, text));
    if rules.slow_s > MAX_SLOW {
        return wrong(format!("Between two messages are at most {MAX_SLOW} seconds"));
    }
    if rules.min_age_s > MAX_AGE {
        return wrong(format!("Newcomers wait at most {MAX_AGE} seconds"));
    }
    if rules.followers_only_s.is_some_and(|seconds| seconds > MAX_FOLLOWED) {
        return wrong(format!("Followers wait at most {MAX_FOLLOWED} seconds"));
    }
    rules.words.iter_mut().for_each(|word| *word = word.trim().to_owned());
    rules.words.retain(|word| !word.is_empty());
    if rules.words.len() > MAX_WORDS || rules.words.iter().any(|word| word.chars().count() > MAX_WORD) {
        return wrong(format!("The list has at most {MAX_WORDS} words of {MAX_WORD} characters"));
    }
    if let Some(word) = rules.words.iter().find(|word| !word.chars().any(char::is_alphanumeric)) {
        return wrong(format!("“{word}” would fit everything"));
    }
    Ok(rules)
}

/// The rules, as stricter ones that hold while the room is shielded.
pub(crate) fn shielded(rules: &Rules) -> Rules {
    Rules {
        slow_s: rules.slow_s.max(SHIELD_SLOW_S),
        min_age_s: rules.min_age_s.max(SHIELD_AGE_S),
        links: if rules.links == Links::Refuse { Links::Refuse } else { Links::Hold },
        ..rules.clone()
    }
}

/// Why somebody who follows the room since then, or does not, may not write; none where they may.
pub(crate) fn follows_too_little(
    rules: &Rules,
    since: Option<UnixMillis>,
    now: UnixMillis,
) -> Option<(Failure, Option<u32>)> {
    let seconds = rules.followers_only_s?;
    let failure = |text: &str| Failure::new(Code::FollowersOnly, text);
    let Some(since) = since else {
        return Some((failure("Only those who follow the room may write at the moment"), None));
    };
    let until = since + u64::from(seconds) * 1_000;
    let left = until.checked_sub(now).filter(|left| *left > 0)?;
    let text = "Only those who have followed the room for a while may write at the moment";
    Some((failure(text), Some(u32::try_from(left).unwrap_or(u32::MAX))))
}

/// What the rules need to know of what was said before.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    by: HashMap<UserId, UnixMillis>,
    texts: HashMap<u64, UnixMillis>,
    /// Names of the room's own emotes.
    pub(crate) emotes: HashSet<String>,
}

impl Recent {
    /// Decides about a guest's message; one that is taken or held counts from now on. `first` is when the person first
    /// took a name.
    pub(crate) fn decide(
        &mut self,
        rules: &Rules,
        by: &UserId,
        first: UnixMillis,
        text: &str,
        now: UnixMillis,
    ) -> Ruling {
        let wait = |code, text: &str, until: UnixMillis| {
            let ms = u32::try_from(until - now).unwrap_or(u32::MAX);
            Ruling::Refuse(Failure::new(code, text), Some(ms))
        };
        let known = first + u64::from(rules.min_age_s) * 1_000;
        if known > now {
            return wait(Code::TooNew, "You are new here; newcomers may write after a while", known);
        }
        let next = self.by.get(by).map_or(0, |last| last + u64::from(rules.slow_s) * 1_000);
        if next > now {
            return wait(Code::TooFast, "The room is in slow mode", next);
        }
        let refuse = |text: &str| Ruling::Refuse(Failure::new(Code::AgainstRules, text), None);
        if rules.emote_only && self.has_words(text) {
            return refuse("Only emoji and the room's own emotes may be sent at the moment");
        }
        let link = rules.links != Links::Allow && has_link(text);
        if link && rules.links == Links::Refuse {
            return refuse("Links may not be sent here");
        }
        if rules.unique {
            let text = hash(&folded(text));
            if self.texts.get(&text).is_some_and(|said| said + SAID_BEFORE > now) {
                return refuse("This was said a moment ago; say it in your own words");
            }
            if self.texts.len() < MOST {
                self.texts.insert(text, now);
            }
        }
        if rules.slow_s > 0 && self.by.len() < MOST {
            self.by.insert(by.clone(), now);
        }
        if let Some(word) = rules.words.iter().find(|word| fits(word, text)) {
            return Ruling::Hold(Reason::Word { word: word.clone() });
        }
        if link { Ruling::Hold(Reason::Link) } else { Ruling::Take }
    }

    /// Whether there is something besides emoji and the room's own emotes.
    fn has_words(&self, text: &str) -> bool {
        emote::parts(text, |name| self.emotes.get(name)).into_iter().any(|part| match part {
            Part::Text(text) => text.chars().any(char::is_alphanumeric),
            Part::Emote(..) => false,
        })
    }

    /// What was taken at that time was not said after all: it is nobody's turn, and the text is not said before.
    pub(crate) fn give_back(&mut self, by: &UserId, text: &str, at: UnixMillis) {
        if self.by.get(by) == Some(&at) {
            self.by.remove(by);
        }
        let text = hash(&folded(text));
        if self.texts.get(&text) == Some(&at) {
            self.texts.remove(&text);
        }
    }

    /// Forgets what does not matter any more.
    pub(crate) fn forget(&mut self, rules: &Rules, now: UnixMillis) {
        self.by.retain(|_, last| *last + u64::from(rules.slow_s) * 1_000 > now);
        self.texts.retain(|_, said| *said + SAID_BEFORE > now);
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// Whether a word of the list, in which `*` stands for any letters, is in the text. Latin words fit whole words only;
/// scripts without spaces are searched through.
fn fits(word: &str, text: &str) -> bool {
    let word: Vec<String> = word.split('*').map(plain).collect();
    let spaced = word.iter().all(|part| part.is_ascii());
    if !spaced {
        let text = plain(text);
        return in_order(&text, &word, false);
    }
    // A word that is spelt out, letter by letter, is one of the text's words, too.
    let words =
        text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '/' | '(' | ')')).map(plain);
    words.chain([spelt(text)]).any(|one| in_order(&one, &word, true))
}

/// Single letters of the text that follow each other, as one word.
fn spelt(text: &str) -> String {
    text.split_whitespace().filter(|part| part.chars().count() == 1).map(plain).collect()
}

/// Whether the parts are in the text in their order; `whole`: from its beginning to its end.
fn in_order(text: &str, parts: &[String], whole: bool) -> bool {
    let mut rest = text;
    for (n, part) in parts.iter().enumerate() {
        let (first, last) = (n == 0, n + 1 == parts.len());
        let at = match (whole && first, whole && last) {
            (true, true) => (rest == part).then_some(0),
            (true, false) => rest.starts_with(part.as_str()).then_some(0),
            (false, true) => rest.ends_with(part.as_str()).then(|| rest.len() - part.len()),
            (false, false) => rest.find(part.as_str()),
        };
        let Some(at) = at else { return false };
        rest = &rest[at + part.len()..];
    }
    true
}

/// Whether the text has something that is one, or that a person would read as one.
fn has_link(text: &str) -> bool {
    let text = text.to_lowercase().replace("[.]", ".").replace("(.)", ".");
    text.contains("://") || text.split_whitespace().any(is_host)
}

/// `name.tld`, perhaps with a path. What ends in more or fewer letters, as in "e.g." or "3.5", is none.
fn is_host(word: &str) -> bool {
    let host = word.trim_matches(|c: char| !c.is_alphanumeric());
    let host = host.split(['/', '?', '#', ':']).next().unwrap_or_default();
    let Some((name, ending)) = host.rsplit_once('.') else { return false };
    let letters = |part: &str| part.chars().all(|c| c.is_alphanumeric() || c == '-');
    !name.is_empty()
        && name.split('.').all(|part| !part.is_empty() && letters(part))
        && name.chars().any(char::is_alphabetic)
        && (2..=12).contains(&ending.chars().count())
        && ending.chars().all(char::is_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(rules: &Rules, text: &str) -> Ruling {
        Recent::default().decide(rules, &"u".parse().unwrap(), 0, text, 1_000_000)
    }

    fn code(ruling: &Ruling) -> Option<Code> {
        match ruling {
            Ruling::Refuse(failure, _) => Some(failure.code),
            _ => None,
        }
    }

    #[test]
    fn links_are_seen_in_most_of_their_forms() {
        for link in [
            "https://a.example/x",
            "look: bit.ly/abc!",
            "free.skins.example",
            "EXAMPLE.COM",
            "evil[.]example",
            "例子.中国",
        ] {
            assert!(has_link(link), "{link}");
        }
        for none in
            ["e.g. this", "3.5 seconds", "wait...what", "v1.2", "hello.", "...", "ok.I go", "10.0.0.1"]
        {
            assert!(!has_link(none), "{none}");
        }
        let (hold, refuse) = (Links::Hold, Links::Refuse);
        assert_eq!(
            decide(&Rules { links: hold, ..Rules::default() }, "at a.example"),
            Ruling::Hold(Reason::Link)
        );
        let refused = decide(&Rules { links: refuse, ..Rules::default() }, "at a.example");
        assert_eq!(code(&refused), Some(Code::AgainstRules));
        assert_eq!(decide(&Rules::default(), "at a.example"), Ruling::Take);
    }

    #[test]
    fn words_of_the_list_are_found_in_disguise_and_not_inside_of_others() {
        let rules = |word: &str| Rules { words: vec![word.to_owned()], ..Rules::default() };
        for (word, text, found) in [
            ("spam", "this is SPAM!", true),
            ("spam", "sp4m for you", true),
            ("spam", "s p a m", true),
            ("spam", "spammers", false),
            ("spam*", "spammers", true),
            ("*spam", "antispam", true),
            ("ass", "a class act", false),
            ("buy*followers", "buy-cheap-followers", true),
            ("赌博", "来我这里赌博吧", true),
            ("赌*博", "赌个博", true),
            ("赌博", "博士", false),
        ] {
            let held = matches!(decide(&rules(word), text), Ruling::Hold(Reason::Word { .. }));
            assert_eq!(held, found, "{word} in {text}");
        }
    }

    #[test]
    fn who_has_to_wait_is_told_for_how_long() {
        let rules = Rules { slow_s: 10, min_age_s: 60, ..Rules::default() };
        let (mut recent, ann): (_, UserId) = (Recent::default(), "ann".parse().unwrap());
        let mut say = |first, now| recent.decide(&rules, &ann, first, "hello", now);
        assert!(matches!(say(100_000, 130_000), Ruling::Refuse(f, Some(30_000)) if f.code == Code::TooNew));
        assert_eq!(say(100_000, 160_000), Ruling::Take);
        assert!(matches!(say(100_000, 164_000), Ruling::Refuse(f, Some(6_000)) if f.code == Code::TooFast));
        assert_eq!(say(100_000, 170_000), Ruling::Take);
    }

    #[test]
    fn followers_write_once_they_have_followed_for_long_enough() {
        let rules = |followers_only_s| Rules { followers_only_s, ..Rules::default() };
        let after = |seconds, since| {
            let refused = follows_too_little(&rules(seconds), since, 100_000);
            refused.map(|(failure, after)| {
                assert_eq!(failure.code, Code::FollowersOnly);
                after
            })
        };
        assert_eq!(after(None, None), None);
        assert_eq!(after(Some(0), None), Some(None));
        assert_eq!(after(Some(0), Some(100_000)), None);
        assert_eq!(after(Some(60), Some(50_000)), Some(Some(10_000)));
        assert_eq!(after(Some(60), Some(40_000)), None);
        assert_eq!(checked(rules(Some(MAX_FOLLOWED + 1))).unwrap_err().code, Code::Malformed);
        assert_eq!(shielded(&rules(Some(60))).followers_only_s, Some(60));
    }

    #[test]
    fn signs_only_and_nothing_twice() {
        let emotes = Rules { emote_only: true, ..Rules::default() };
        assert_eq!(decide(&emotes, "🎉🎉 ❤️"), Ruling::Take);
        assert_eq!(code(&decide(&emotes, "hi 🎉")), Some(Code::AgainstRules));
        let unique = Rules { unique: true, ..Rules::default() };
        let mut recent = Recent { emotes: ["wave".to_owned(), "88".to_owned()].into(), ..Recent::default() };
        let said = |recent: &mut Recent, text: &str| {
            recent.decide(&emotes, &"u".parse().unwrap(), 0, text, 1_000_000)
        };
        assert_eq!(said(&mut recent, ":wave: 🎉:88:"), Ruling::Take);
        for text in [":wave: hi", ":wav:", "wave", ":wave:wave:"] {
            assert_eq!(code(&said(&mut recent, text)), Some(Code::AgainstRules), "{text}");
        }
        let mut recent = Recent::default();
        let mut say = |by: &str, text, now| recent.decide(&unique, &by.parse().unwrap(), 0, text, now);
        assert_eq!(say("a", "First!", 1_000), Ruling::Take);
        assert_eq!(code(&say("b", "f1rst", 2_000)), Some(Code::AgainstRules));
        assert_eq!(say("b", "first", 2_000 + SAID_BEFORE), Ruling::Take);
    }

    #[test]
    fn a_list_that_would_hold_everything_is_refused() {
        let words = |words: &[&str]| Rules {
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            ..Rules::default()
        };
        assert_eq!(checked(words(&[" a ", ""])).unwrap().words, ["a"]);
        for wrong in [words(&["*"]), words(&["x".repeat(51).as_str()]), words(&vec!["a"; 201])] {
            assert_eq!(checked(wrong).unwrap_err().code, Code::Malformed);
        }
        assert!(checked(Rules { slow_s: 601, ..Rules::default() }).is_err());
        let strict = shielded(&Rules { slow_s: 30, links: Links::Refuse, ..Rules::default() });
        assert_eq!((strict.slow_s, strict.min_age_s, strict.links), (30, 600, Links::Refuse));
    }
}
