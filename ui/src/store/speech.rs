//! What is in a message's text besides words: links, the room's own emotes, and the name of the person who reads it. And
//! what the composer offers to somebody who begins to name another, or an emote.

use footlight_protocol::emote::{self, Emote, MAX_EMOTE_NAME, Part, is_name};
use footlight_protocol::room::{MAX_NAME, Member};

/// Names that are offered at once.
const OFFERED: usize = 6;

/// A piece of a text. All pieces behind each other are the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    Text(String),
    /// An address that can be followed: `http` or `https`, of printable ASCII.
    Link(String),
    /// The reader's own name, with its `@`.
    Me(String),
    /// One of the room's own, which stands there by its name.
    Emote(Emote),
}

/// Takes a text apart for somebody of this name, empty for nobody, in a room of these emotes.
pub fn pieces(text: &str, me: &str, emotes: &[Emote]) -> Vec<Piece> {
    let found = links_and_names(text, me);
    if emotes.is_empty() {
        return found;
    }
    let called = |name: &str| emotes.iter().find(|emote| emote.name == name);
    let whole = |piece| match piece {
        Piece::Text(text) => emote::parts(&text, called)
            .into_iter()
            .map(|part| match part {
                Part::Emote(_, emote) => Piece::Emote(emote.clone()),
                Part::Text(text) => Piece::Text(text.to_owned()),
            })
            .collect(),
        piece => vec![piece],
    };
    found.into_iter().flat_map(whole).collect()
}

fn links_and_names(text: &str, me: &str) -> Vec<Piece> {
    let mut found = Vec::new();
    let (mut plain, mut at) = (0, 0);
    while let Some(letter) = text[at..].chars().next() {
        let before = text[..at].chars().next_back();
        let begins = !before.is_some_and(|c| c.is_ascii_alphanumeric());
        let piece = match letter {
            'h' | 'H' if begins => {
                link(&text[at..]).map(|length| (length, Piece::Link as fn(String) -> Piece))
            }
            '@' if begins => named(&text[at + 1..], me).map(|length| (length + 1, Piece::Me as _)),
            _ => None,
        };
        let Some((length, piece)) = piece else {
            at += letter.len_utf8();
            continue;
        };
        if plain < at {
            found.push(Piece::Text(text[plain..at].to_owned()));
        }
        found.push(piece(text[at..at + length].to_owned()));
        at += length;
        plain = at;
    }
    if plain < text.len() {
        found.push(Piece::Text(text[plain..].to_owned()));
    }
    found
}

/// The bytes of the address that the text begins with, where it is one that leads where it seems to: a host of plain letters
/// with a dot, nobody's name and password before it.
fn link(text: &str) -> Option<usize> {
    let scheme = ["https://", "http://"]
        .into_iter()
        .find(|scheme| text.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme)))?;
    let rest = &text[scheme.len()..];
    let end =
        rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '.'))).unwrap_or(rest.len());
    // A sentence may end behind the host.
    let host = rest[..end].trim_end_matches('.');
    let (name, ending) = host.rsplit_once('.')?;
    let label = |label: &str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
    if !name.split('.').all(label) || !label(ending) || !ending.starts_with(|c: char| c.is_ascii_alphabetic())
    {
        return None;
    }
    let whole = |length: usize| Some(scheme.len() + length);
    if host.len() < end {
        return whole(host.len());
    }
    let mut length = host.len();
    if let Some(port) = rest[length..].strip_prefix(':') {
        let digits = port.len() - port.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits > 5
            || (digits == 0 && port.split_whitespace().next().is_some_and(|next| next.contains('@')))
        {
            return None;
        }
        length += if digits > 0 { digits + 1 } else { 0 };
    }
    match rest[length..].chars().next() {
        Some('/' | '?' | '#') => {}
        // What looks like a host is a name and a password, or a host that is read otherwise elsewhere.
        Some('@' | '\\' | '%' | '_') => return None,
        _ => return whole(length),
    }
    let follows =
        |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}');
    let end = rest[length..].find(|c| !follows(c)).map_or(rest.len(), |more| length + more);
    whole(without_ending(&rest[..end]).len())
}

/// What ends a sentence, or closes what was opened before the address, is not of it.
fn without_ending(address: &str) -> &str {
    let mut address = address;
    while let Some(last) = address.chars().next_back() {
        let count = |letter: char| address.matches(letter).count();
        let ends = match last {
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '~' => true,
            ')' => count(')') > count('('),
            ']' => count(']') > count('['),
            _ => false,
        };
        if !ends {
            break;
        }
        address = &address[..address.len() - 1];
    }
    address
}

/// The bytes of the name, where the text begins with it and does not go on as another one.
fn named(text: &str, name: &str) -> Option<usize> {
    if name.is_empty() {
        return None;
    }
    let mut rest = text.char_indices();
    for wanted in name.chars() {
        let (_, letter) = rest.next()?;
        if !letter.to_lowercase().eq(wanted.to_lowercase()) {
            return None;
        }
    }
    let end = text.len() - rest.as_str().len();
    let latin = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    (!(latin(name.chars().next_back()) && latin(rest.as_str().chars().next()))).then_some(end)
}

/// What is in front of the caret, which the browser counts in UTF-16 units.
pub fn before_caret(text: &str, caret: u32) -> &str {
    let mut units = 0;
    let end = text.char_indices().find(|(_, letter)| {
        let here = units >= caret;
        units += letter.len_utf16() as u32;
        here
    });
    &text[..end.map_or(text.len(), |(at, _)| at)]
}

/// The beginning of a name that is being typed, without its `@`.
pub fn naming(before: &str) -> Option<&str> {
    let at = before.rfind('@')?;
    let follows = before[..at].chars().next_back().is_some_and(|c| c.is_ascii_alphanumeric());
    let begun = &before[at + 1..];
    (!follows && begun.chars().count() <= MAX_NAME && !begun.contains('\n')).then_some(begun)
}

/// Those of the people whose name begins so, in their order.
pub fn fitting(people: Vec<Member>, begun: &str) -> Vec<Member> {
    let begun = begun.to_lowercase();
    let fits = |member: &Member| !member.name.is_empty() && member.name.to_lowercase().starts_with(&begun);
    people.into_iter().filter(fits).take(OFFERED).collect()
}

/// The beginning of an emote's name that is being typed, without its colon. A colon behind a word is none of these:
/// somebody lists something, or says what time it is.
pub fn emoting(before: &str) -> Option<&str> {
    let (head, begun) = before.rsplit_once(':')?;
    let follows = head.chars().next_back().is_some_and(char::is_alphanumeric);
    let length = begun.chars().count();
    // Two letters make a name; one begins it.
    let name = is_name(begun) || (length == 1 && is_name(&begun.repeat(2)));
    (!follows && name && length <= MAX_EMOTE_NAME).then_some(begun)
}

/// Those whose name begins so, then those that have it elsewhere.
pub fn fitting_emotes(emotes: &[Emote], begun: &str) -> Vec<Emote> {
    let begun = begun.to_lowercase();
    let named: Vec<_> = emotes.iter().map(|emote| (emote.name.to_lowercase(), emote)).collect();
    let first = named.iter().filter(|(name, _)| name.starts_with(&begun));
    let then = named.iter().filter(|(name, _)| !name.starts_with(&begun) && name.contains(&begun));
    first.chain(then).take(OFFERED).map(|(_, emote)| (*emote).clone()).collect()
}

#[cfg(test)]
mod tests {
    use footlight_protocol::room::Role;

    use super::*;

    fn links(text: &str) -> Vec<String> {
        let link = |piece| if let Piece::Link(link) = piece { Some(link) } else { None };
        pieces(text, "", &[]).into_iter().filter_map(link).collect()
    }

    #[test]
    fn addresses_are_found_where_a_sentence_has_them() {
        for (text, found) in [
            ("https://a.example", &["https://a.example"][..]),
            ("see https://a.example.", &["https://a.example"]),
            ("(https://a.example/x_(y))!", &["https://a.example/x_(y)"]),
            ("看https://a.example/路，很好", &["https://a.example/"]),
            (
                "HTTP://A.example:8080/?q=1#f, and https://b.example?x",
                &["HTTP://A.example:8080/?q=1#f", "https://b.example?x"],
            ),
            ("https://a.example/<img src=x onerror=alert(1)>", &["https://a.example/"]),
            ("https://a.example/\" onmouseover=\"alert(1)", &["https://a.example/"]),
            ("https://a.example\u{202e}gpj", &["https://a.example"]),
            ("https://a.example/\u{202e}gpj", &["https://a.example/"]),
            ("https://a.example:", &["https://a.example"]),
            ("https://a.exampleis，", &["https://a.exampleis"]),
            // Nothing that leads elsewhere than it seems to, or nowhere.
            ("https://good.example@evil.example", &[]),
            ("https://good.example:x@evil.example", &[]),
            ("https://good.example:80@evil.example/", &[]),
            ("https://good.example\\@evil.example", &[]),
            ("https://good.example%2eevil.example", &[]),
            ("https://localhost/x", &[]),
            ("https://10.0.0.1/x", &[]),
            ("https://-a.example", &[]),
            ("https://例子.中国/", &[]),
            ("xhttps://a.example", &[]),
            ("javascript:alert(1)//https:a.example", &[]),
            ("data:text/html,x", &[]),
            ("ftp://a.example", &[]),
            ("https://", &[]),
        ] {
            assert_eq!(links(text), found, "{text}");
            let whole: String = pieces(text, "ada", &[])
                .into_iter()
                .map(|piece| match piece {
                    Piece::Text(text) | Piece::Link(text) | Piece::Me(text) => text,
                    Piece::Emote(emote) => format!(":{}:", emote.name),
                })
                .collect();
            assert_eq!(whole, text, "nothing is lost");
        }
    }

    #[test]
    fn one_s_own_name_is_found_and_no_other() {
        for (text, me, found) in [
            ("hi @Ada!", "Ada", true),
            ("@ada", "Ada", true),
            ("@adalbert", "Ada", false),
            ("mail@ada", "Ada", false),
            ("@小明你好", "小明", true),
            ("@小", "小明", false),
            ("@Ada Lovelace, look", "Ada Lovelace", true),
            ("@", "", false),
            ("@Ada", "", false),
        ] {
            let has = pieces(text, me, &[]).iter().any(|piece| matches!(piece, Piece::Me(_)));
            assert_eq!(has, found, "{text} for {me}");
        }
        let around = |text: &str| Piece::Text(text.to_owned());
        assert_eq!(pieces("a @b c", "b", &[]), [around("a "), Piece::Me("@b".to_owned()), around(" c")]);
    }

    fn emotes() -> Vec<Emote> {
        let one =
            |name: &str| Emote { name: name.to_owned(), picture: "p".to_owned(), width: 64, height: 64 };
        ["wave", "so_wavy", "WAVES", "波波"].map(one).to_vec()
    }

    #[test]
    fn emotes_stand_in_texts_and_not_in_addresses() {
        let shown = |text: &str| {
            let piece = |piece| match piece {
                Piece::Text(text) | Piece::Link(text) | Piece::Me(text) => text,
                Piece::Emote(emote) => format!("<{}>", emote.name),
            };
            pieces(text, "Ada", &emotes()).into_iter().map(piece).collect::<Vec<_>>().join("|")
        };
        for (text, expected) in [
            ("hi :wave:!", "hi |<wave>|!"),
            (":wave::波波:", "<wave>|<波波>"),
            ("@Ada :wave:", "@Ada| |<wave>"),
            ("https://a.example/:wave: :wave:", "https://a.example/:wave|: |<wave>"),
            (":nobody: :Wave:", ":nobody: :Wave:"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn which_emote_is_being_typed_is_offered() {
        for (before, names) in [
            ("hi :wav", &["wave", "WAVES", "so_wavy"][..]),
            (":w", &["wave", "WAVES", "so_wavy"]),
            (":波", &["波波"]),
            (":wave:", &[]),
            (":", &[]),
            ("at 10:30", &[]),
            ("note:wave", &[]),
            (":wa ve", &[]),
        ] {
            let fit = emoting(before).map(|begun| fitting_emotes(&emotes(), begun)).unwrap_or_default();
            assert_eq!(fit.iter().map(|emote| emote.name.as_str()).collect::<Vec<_>>(), names, "{before}");
        }
    }

    #[test]
    fn who_is_being_named_is_offered() {
        let people = ["Ada", "Adam", "小明", "Bob", ""];
        let people = || -> Vec<Member> {
            let one = |(n, name): (usize, &&str)| {
                Member::new(format!("u{n}").parse().unwrap(), (*name).to_owned(), Role::Guest)
            };
            people.iter().enumerate().map(one).collect()
        };
        for (before, names) in [
            ("hi @ad", &["Ada", "Adam"][..]),
            ("@小", &["小明"]),
            ("@", &["Ada", "Adam", "小明", "Bob"]),
            ("@Adam ", &[]),
            ("mail@a", &[]),
            ("nobody", &[]),
        ] {
            let fit = naming(before).map(|begun| fitting(people(), begun)).unwrap_or_default();
            assert_eq!(fit.iter().map(|member| member.name.as_str()).collect::<Vec<_>>(), names, "{before}");
        }
        assert_eq!(
            (before_caret("👍@a b", 4), before_caret("ab", 9), before_caret("界x", 1)),
            ("👍@a", "ab", "界")
        );
    }
}
