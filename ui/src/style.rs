//! Keeps the palette readable: every text colour reaches WCAG 2.2 AA (4.5 to 1) on every ground it stands on,
//! in both themes.

use std::collections::HashMap;

type Palette = HashMap<String, [f64; 3]>;

/// The three blocks of `tokens.css`: light, dark by the system, dark by choice.
fn palettes() -> Vec<Palette> {
    let css = include_str!("../style/tokens.css");
    let colours = |block: &str| {
        block
            .lines()
            .filter_map(|line| line.trim().strip_prefix("--")?.strip_suffix(';')?.split_once(": #"))
            .filter(|(_, hex)| hex.len() == 6)
            .map(|(name, hex)| {
                let channel = |at: usize| {
                    let value = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
                    if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
                };
                (name.to_owned(), [channel(0), channel(2), channel(4)])
            })
            .collect::<Palette>()
    };
    css.split(":root").skip(1).map(colours).collect()
}

fn luminance(colour: &[f64; 3]) -> f64 {
    0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2]
}

fn contrast(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn every_text_can_be_read() {
    let palettes = palettes();
    assert_eq!(palettes.len(), 3);
    assert_eq!(palettes[1], palettes[2], "the two ways to dark differ");
    let nicks = (0..8).map(|n| format!("nick-{n}"));
    let texts = ["text", "muted", "accent-text", "good", "fair", "bad"].map(str::to_owned);
    let mut pairs: Vec<(String, &str)> = nicks
        .chain(texts)
        .flat_map(|text| ["ground", "surface", "raised"].map(|ground| (text.clone(), ground)))
        .collect();
    pairs.extend(
        [
            ("on-accent", "accent"),
            ("on-accent", "accent-hover"),
            ("on-live", "live"),
            ("text", "bad-soft"),
            ("bad", "bad-soft"),
            ("text", "fair-soft"),
            ("text", "accent-soft"),
            ("muted", "accent-soft"),
            ("accent-text", "accent-soft"),
        ]
        .map(|(text, ground)| (text.to_owned(), ground)),
    );
    for palette in &palettes {
        for (text, ground) in &pairs {
            let ratio = contrast(&palette[text], &palette[*ground]);
            assert!(ratio >= 4.5, "{text} on {ground}: {ratio:.2}");
        }
    }
}
