//! What people type, made fit to be shown to everybody.

use footlight_protocol::Code;

/// Control characters and those that turn the direction of the text around them are taken out (a line break
/// becomes a space), space around is trimmed, and what is left has 1 to `most` scalar values.
pub(crate) fn clean(text: &str, most: usize) -> Result<String, Code> {
    let kept: String = text
        .chars()
        .map(|c| if matches!(c, '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}') { ' ' } else { c })
        .filter(|c| !c.is_control() && !turns(*c))
        .collect();
    let kept = kept.trim();
    if kept.chars().all(|c| c.is_whitespace() || invisible(c)) {
        return Err(Code::Empty);
    }
    if kept.chars().count() > most {
        return Err(Code::TooLong);
    }
    Ok(kept.to_owned())
}

/// The same for a text of several lines, which stay lines; at most `lines` of them.
pub(crate) fn clean_lines(text: &str, most: usize, lines: usize) -> Result<String, Code> {
    let cleaned = text.trim().lines().map(|line| match clean(line, most) {
        Err(Code::Empty) => Ok(String::new()),
        cleaned => cleaned,
    });
    let cleaned = cleaned.collect::<Result<Vec<String>, Code>>()?;
    if cleaned.len() > lines {
        return Err(Code::TooLong);
    }
    let joined = cleaned.join("\n");
    let joined = joined.trim();
    match joined.chars().count() {
        0 => Err(Code::Empty),
        length if length > most => Err(Code::TooLong),
        _ => Ok(joined.to_owned()),
    }
}

/// Bidirectional embeddings, overrides and isolates (Unicode Standard Annex 9): unclosed, they turn the rest
/// of the page.
fn turns(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Shows nothing by itself. Kept inside a text: emoji are joined with them.
fn invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{ad}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cleaned() {
        for (text, cleaned) in [
            ("  hi  ", Ok("hi")),
            ("a\nb\tc", Ok("a b c")),
            ("a\u{0}b\u{1b}[31m", Ok("ab[31m")),
            ("\u{202e}evil", Ok("evil")),
            ("👨\u{200d}👩\u{200d}👧", Ok("👨\u{200d}👩\u{200d}👧")),
            ("晚上好", Ok("晚上好")),
            ("", Err(Code::Empty)),
            (" \n ", Err(Code::Empty)),
            ("\u{200b}\u{feff}", Err(Code::Empty)),
            ("1234567890", Ok("1234567890")),
            ("12345678901", Err(Code::TooLong)),
        ] {
            assert_eq!(clean(text, 10), cleaned.map(str::to_owned), "{text:?}");
        }
    }
}
