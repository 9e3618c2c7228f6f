//! What a text says, past the ways in which the same text is made to look different: for comparing, never for showing.

use unicode_normalization::UnicodeNormalization as _;

/// Letters that look like Latin ones or stand for them: Cyrillic, Greek, digits and signs used as letters.
const LOOKALIKES: [(char, char); 54] = [
    ('а', 'a'),
    ('в', 'b'),
    ('с', 'c'),
    ('е', 'e'),
    ('н', 'h'),
    ('і', 'i'),
    ('ј', 'j'),
    ('к', 'k'),
    ('м', 'm'),
    ('о', 'o'),
    ('р', 'p'),
    ('ѕ', 's'),
    ('т', 't'),
    ('у', 'y'),
    ('х', 'x'),
    ('α', 'a'),
    ('β', 'b'),
    ('ε', 'e'),
    ('η', 'n'),
    ('ι', 'i'),
    ('κ', 'k'),
    ('ν', 'v'),
    ('ο', 'o'),
    ('ρ', 'p'),
    ('τ', 't'),
    ('υ', 'u'),
    ('χ', 'x'),
    ('ω', 'w'),
    ('0', 'o'),
    ('1', 'i'),
    ('3', 'e'),
    ('4', 'a'),
    ('5', 's'),
    ('7', 't'),
    ('8', 'b'),
    ('@', 'a'),
    ('$', 's'),
    ('!', 'i'),
    ('|', 'i'),
    ('€', 'e'),
    ('£', 'l'),
    ('ı', 'i'),
    ('ł', 'l'),
    ('ø', 'o'),
    ('ß', 's'),
    ('ä', 'a'),
    ('á', 'a'),
    ('à', 'a'),
    ('é', 'e'),
    ('è', 'e'),
    ('í', 'i'),
    ('ö', 'o'),
    ('ó', 'o'),
    ('ü', 'u'),
];

/// The letters of the text, folded: one case, one form, one of each that is repeated, nothing between them.
pub(crate) fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for letter in letters(text) {
        if !folded.ends_with(letter) {
            folded.push(letter);
        }
    }
    folded
}

/// The letters of the text in one case and form, with nothing between them.
pub(crate) fn plain(text: &str) -> String {
    letters(text).collect()
}

/// What a name comes to when it is read in haste: names that look alike have one skeleton. Empty where there is no letter
/// or digit in it.
pub(crate) fn skeleton(name: &str) -> String {
    // Accents go, and what is left is put together again: the letters of Hangul and kana stay what they are.
    let bare: String = name.nfkd().filter(|letter| !matches!(letter, '\u{300}'..='\u{36f}')).nfc().collect();
    plain(&bare).replace('l', "i").replace("rn", "m").replace("vv", "w")
}

fn letters(text: &str) -> impl Iterator<Item = char> {
    // At the end, a sign that can stand for a letter is what it looks like.
    text.trim_end_matches(|c: char| !c.is_alphanumeric())
        .chars()
        .flat_map(|letter| narrow(letter).to_lowercase())
        .map(|letter| LOOKALIKES.iter().find(|(like, _)| *like == letter).map_or(letter, |(_, plain)| *plain))
        .filter(|letter| letter.is_alphanumeric())
}

/// Full-width forms (U+FF01 to U+FF5E) and mathematical Latin letters as the plain ones.
fn narrow(letter: char) -> char {
    let plain = match letter as u32 {
        code @ 0xff01..=0xff5e => code - 0xff01 + 0x21,
        // Thirteen alphabets of 26 capitals and 26 small letters.
        code @ 0x1d400..=0x1d6a3 => {
            let at = (code - 0x1d400) % 52;
            if at < 26 { at + 0x41 } else { at - 26 + 0x61 }
        }
        _ => return letter,
    };
    char::from_u32(plain).unwrap_or(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_alike_have_one_skeleton() {
        for alike in [
            &[
                "Ada",
                "ADA",
                " a d a ",
                "Аdа",
                "Ádà",
                "A\u{301}da",
                "Ａｄａ",
                "𝐀𝐝𝐚",
                "A.d.a",
                "4d4",
                "Ada!",
                "Ad\u{200b}a",
            ][..],
            &["Paul", "PauI", "Pau1"],
            &["modern", "modem"],
            &["ﬁn", "fin"],
            &["한국", "\u{1112}\u{1161}\u{11ab}국"],
            &["ガ", "ｶﾞ", "カ\u{3099}"],
        ] {
            let first = skeleton(alike[0]);
            assert!(!first.is_empty());
            alike.iter().for_each(|name| assert_eq!(skeleton(name), first, "{name} and {}", alike[0]));
        }
        for (one, other) in [("Ada", "Adaa"), ("か", "が"), ("小明", "小月"), ("Bob", "Rob")] {
            assert_ne!(skeleton(one), skeleton(other));
        }
        assert_eq!(skeleton("🎉 …"), "");
    }

    #[test]
    fn the_same_text_in_disguise_is_the_same() {
        let plain = folded("Free coins at example dot com");
        for disguise in [
            "FREE COINS AT EXAMPLE DOT COM",
            "F r e e  c o i n s  at  ex.am.ple dot com!!",
            "Frее соins at ехаmрlе dоt соm",
            "Fr33 c0in5 @t 3xampl3 d0t c0m",
            "Ｆｒｅｅ ｃｏｉｎｓ at example dot com",
            "Freeee coooins at example\u{200b} dot c\u{200d}om",
            "𝐅𝐫𝐞𝐞 𝐜𝐨𝐢𝐧𝐬 at example dot com 🎁🎁",
        ] {
            // A sign for a letter may stand at the end, too.
            assert!(folded(disguise).starts_with(&plain), "{disguise}: {}", folded(disguise));
        }
        assert_ne!(folded("Free coins"), folded("Nice song"));
        assert_eq!(folded("哈哈哈哈"), "哈");
        assert_eq!(folded("🎉🎉 …"), "");
    }
}
