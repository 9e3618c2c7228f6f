//! Texts of overlays: several colours in a line, as many lines as there may be, and an ellipsis where there are more.
//!
//! They are strangers' texts: what turns lines around or stacks marks on marks is left out before anything is set.

use cosmic_text::{
    Attrs, Buffer, Color, Ellipsize, EllipsizeHeightLimit, Family, Metrics, Shaping, Style, SwashCache,
    Weight, Wrap,
};
use unicode_normalization::char::is_combining_mark;

use super::sprite::Canvas;
use super::text::Letters;

/// Letters of one text that are looked at.
const MOST: usize = 500;
/// Marks on one letter. Scripts of people need no more.
const MARKS: usize = 4;
/// From one line to the next, as a share of the size.
const LINE: f32 = 1.3;
/// Texts after which the shapes of letters are forgotten: strangers decide how many there are.
const REMEMBERED: u32 = 5_000;

/// A part of a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ink<'a> {
    pub(super) text: &'a str,
    pub(super) colour: [u8; 3],
    pub(super) bold: bool,
    pub(super) italic: bool,
}

impl<'a> Ink<'a> {
    pub(super) fn plain(text: &'a str, colour: [u8; 3]) -> Self {
        Self { text, colour, bold: false, italic: false }
    }

    pub(super) fn bold(text: &'a str, colour: [u8; 3]) -> Self {
        Self { bold: true, ..Self::plain(text, colour) }
    }

    fn attrs(&self) -> Attrs<'static> {
        let [r, g, b] = self.colour;
        let attrs = Attrs::new().family(Family::SansSerif).color(Color::rgb(r, g, b));
        let attrs = if self.bold { attrs.weight(Weight::BOLD) } else { attrs };
        if self.italic { attrs.style(Style::Italic) } else { attrs }
    }
}

/// A text that is ready to be printed.
pub(super) struct Set {
    /// With how far each is below the first.
    parts: Vec<(Buffer, f32)>,
    /// Pixels.
    pub(super) width: f32,
    pub(super) height: f32,
}

impl Letters {
    /// A text of letters of that size, in so many lines of so many pixels at most.
    pub(super) fn set(&mut self, inks: &[Ink<'_>], size: f32, room: f32, lines: usize) -> Set {
        let (size, lines) = (size.max(4.0), lines.max(1));
        let room = room.max(size);
        let spans: Vec<(String, Ink<'_>)> = inks.iter().map(|ink| (tame(ink.text), *ink)).collect();
        let high = (size * LINE).round();
        let mut first = self.lay(&spans, (size, high), room, lines);
        let (many, wide) = measured(&first);
        if many <= lines && wide <= room {
            return self.fitted(vec![(first, 0.0)], room, many as f32 * high);
        }
        // What is left out is left out of the last line, which is laid by itself for that.
        let begin = |run: cosmic_text::LayoutRun<'_>| run.glyphs.iter().map(|glyph| glyph.start).min();
        let from = first.layout_runs().nth(lines - 1).and_then(begin).unwrap_or(0);
        let mut last = self.lay(&behind(&spans, from), (size, high), room, 1);
        last.set_ellipsize(Ellipsize::End(EllipsizeHeightLimit::Lines(1)));
        last.shape_until_scroll(&mut self.fonts, false);
        let above = (lines - 1) as f32 * high;
        if lines == 1 {
            return self.fitted(vec![(last, 0.0)], room, high);
        }
        // Up to the middle of the one before: letters may be higher than their line.
        first.set_size(Some(room), Some(above - high / 2.0));
        first.shape_until_scroll(&mut self.fonts, false);
        self.fitted(vec![(first, 0.0), (last, above)], room, above + high)
    }

    fn lay(
        &mut self,
        spans: &[(String, Ink<'_>)],
        (size, high): (f32, f32),
        room: f32,
        lines: usize,
    ) -> Buffer {
        let mut buffer = Buffer::new(&mut self.fonts, Metrics::new(size, high));
        buffer.set_wrap(if lines > 1 { Wrap::WordOrGlyph } else { Wrap::None });
        buffer.set_size(Some(room), None);
        let texts = spans.iter().map(|(text, ink)| (text.as_str(), ink.attrs()));
        buffer.set_rich_text(texts, &Attrs::new().family(Family::SansSerif), Shaping::Advanced, None);
        buffer.shape_until_scroll(&mut self.fonts, false);
        buffer
    }

    /// As wide as it is. What is written from the right stands at the right edge of the room: that is where the text ends.
    fn fitted(&mut self, mut parts: Vec<(Buffer, f32)>, room: f32, height: f32) -> Set {
        let wide = parts.iter().map(|(buffer, _)| measured(buffer).1).fold(0.0, f32::max);
        let width = wide.ceil().min(room);
        for (buffer, _) in &mut parts {
            if buffer.layout_runs().any(|run| run.rtl) {
                let high = buffer.size().1;
                // A pixel more, lest a line be broken that just fits.
                buffer.set_size(Some(width + 1.0), high);
                buffer.shape_until_scroll(&mut self.fonts, false);
            }
        }
        Set { parts, width, height: if width > 0.0 { height } else { 0.0 } }
    }

    /// Prints it, from its upper left corner.
    pub(super) fn print(&mut self, canvas: &mut Canvas, (x, y): (f32, f32), set: &mut Set) {
        let ink = Color::rgb(255, 255, 255);
        for (buffer, below) in &mut set.parts {
            let (x, y) = (x.round() as i32, (y + *below).round() as i32);
            buffer.draw(&mut self.fonts, &mut self.shapes, ink, |dx, dy, width, height, colour| {
                for (px, py) in (0..height as i32).flat_map(|py| (0..width as i32).map(move |px| (px, py))) {
                    canvas.lay(x + dx + px, y + dy + py, colour.as_rgba());
                }
            });
        }
        self.printed += 1;
        if self.printed > REMEMBERED {
            (self.printed, self.shapes) = (0, SwashCache::new());
        }
    }
}

/// How many lines, and the width of the longest.
fn measured(buffer: &Buffer) -> (usize, f32) {
    buffer.layout_runs().fold((0, 0.0_f32), |(many, wide), run| (many + 1, wide.max(run.line_w)))
}

/// What comes behind so many bytes, without the space that it begins with.
fn behind<'a>(spans: &[(String, Ink<'a>)], from: usize) -> Vec<(String, Ink<'a>)> {
    let mut before = 0;
    let mut rest: Vec<(String, Ink<'a>)> = Vec::new();
    for (text, ink) in spans {
        let cut = from.saturating_sub(before).min(text.len());
        before += text.len();
        let left = text.get(cut..).unwrap_or_default();
        let left = if rest.is_empty() { left.trim_start() } else { left };
        if !left.is_empty() {
            rest.push((left.to_owned(), *ink));
        }
    }
    rest
}

/// A text as it can be set: in one line, with nothing in it that turns others around or grows over them.
fn tame(text: &str) -> String {
    let turns = |letter: char| matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}');
    let mut marks = 0;
    let kept = text.chars().take(MOST * MARKS).filter_map(|letter| {
        if is_combining_mark(letter) {
            marks += 1;
            return (marks <= MARKS).then_some(letter);
        }
        marks = 0;
        if letter.is_whitespace() {
            Some(' ')
        } else {
            (!letter.is_control() && !turns(letter)).then_some(letter)
        }
    });
    kept.take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_texts_stay_small() {
        let zalgo = format!("a{}b", "\u{301}".repeat(5_000));
        assert!(tame(&zalgo).chars().count() <= 1 + MARKS + 1);
        assert_eq!(tame("a\nb\u{202e}c\u{0}"), "a bc");
        assert_eq!(tame(&"字".repeat(9_000)).chars().count(), MOST);
        let mut letters = Letters::new();
        for text in
            [zalgo.as_str(), &"W".repeat(3_000), &"你好 ".repeat(900), &"مرحبا بالعالم ".repeat(90), ""]
        {
            for lines in [1, 3] {
                let ink = [Ink::bold("Name ", [9; 3]), Ink::plain(text, [255; 3])];
                let mut set = letters.set(&ink, 20.0, 200.0, lines);
                assert!(set.width <= 200.0 && set.height <= 26.0 * lines as f32, "{lines}: {}", set.height);
                letters.print(&mut Canvas::clear(200, 80), (0.0, 0.0), &mut set);
            }
        }
    }

    #[test]
    fn what_is_behind_a_place_keeps_its_colours() {
        let spans =
            [("Ada ".to_owned(), Ink::bold("", [1; 3])), ("你好 all".to_owned(), Ink::plain("", [2; 3]))];
        let of = |from| {
            let rest = behind(&spans, from).into_iter();
            rest.map(|(text, ink)| (text, ink.colour[0])).collect::<Vec<_>>()
        };
        assert_eq!(of(0), [("Ada ".to_owned(), 1), ("你好 all".to_owned(), 2)]);
        assert_eq!(of(2), [("a ".to_owned(), 1), ("你好 all".to_owned(), 2)]);
        assert_eq!(of(10), [("all".to_owned(), 2)]);
        assert_eq!(of(99), []);
    }

    #[test]
    fn a_text_that_does_not_fit_ends_in_an_ellipsis() {
        let mut letters = Letters::new();
        let mut ink = |text: &str, room: f32| {
            let mut set = letters.set(&[Ink::plain(text, [255; 3])], 20.0, room, 1);
            let mut canvas = Canvas::clear(400, 30);
            letters.print(&mut canvas, (0.0, 0.0), &mut set);
            let seen = (0..400).rfind(|x| (0..30).any(|y| canvas.pixels[y * 400 + x][3] > 60));
            (set.width, seen.unwrap_or(0) as f32)
        };
        let (short, seen) = ink("Ada", 300.0);
        assert!(short < 60.0 && seen <= short + 1.0);
        for text in [
            "A very long name that nobody can read",
            "这个名字实在太长了谁也读不完它啊啊啊",
            "مرحبا بالعالم كله من هنا",
        ] {
            let (width, seen) = ink(text, 100.0);
            assert!(width <= 100.0 && seen <= 101.0 && seen > 60.0, "{text}: {width} {seen}");
        }
    }
}
