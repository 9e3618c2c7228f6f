//! Pictures of what flies, each drawn once and put on the sky as often as it is needed.
//!
//! Letters cost a browser without a graphics card a hundred times what it costs to copy their picture.

use std::collections::HashMap;
use std::sync::Arc;

use footlight_protocol::danmaku::Colour;
use footlight_protocol::emote::{self, Emote, Part};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, HtmlImageElement};

use crate::emotes::Emotes;
use crate::letters::{EMOTE_EM, WEIGHT, context, element, emote_em, named};
use crate::store::sky::{Frame, Hearts, Look};

/// Pictures that are kept, and their pixels in all: 24 MB. More than a sky full; full ⇒ those go that have not been
/// needed for longest, and their canvases are used again.
const MOST: usize = 640;
const MOST_PIXELS: u64 = 6_000_000;
/// Canvases that wait to be used again.
const SPARE: usize = 64;
/// The outline's breadth to each side, in heights of a letter.
const OUTLINE: f64 = 0.085;
const OUTLINE_COLOUR: &str = "rgb(0 0 0 / 78%)";
/// Around the letters within a frame, in heights of a letter.
const PADDING: f64 = 0.42;
/// From a lane's upper edge to the foot of its letters, in heights of a letter.
const FOOT: f64 = 1.06;
const HEARTS: [&str; Hearts::COLOURS] = ["#ff5470", "#ff8a5c", "#ffb224", "#ff7ac0"];

/// What it is measured by; another scale makes all pictures anew.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Scale {
    /// Height of a letter, and of a heart, in pixels of the canvas.
    pub(super) letter: f64,
    pub(super) font: String,
    /// The room's own.
    pub(super) emotes: Arc<Vec<Emote>>,
}

/// A picture and where it belongs.
struct Sprite {
    canvas: HtmlCanvasElement,
    /// From the place of its left upper corner to where the picture begins.
    left: f64,
    top: f64,
    pixels: u64,
    /// The turn in which it was last needed.
    used: u64,
    /// An emote's picture is not there yet: its name is in its place.
    waits: bool,
}

impl Sprite {
    fn put(&self, sky: &CanvasRenderingContext2d, (x, y): (f64, f64)) {
        // Whole pixels: between two, every pixel of the picture would have to be mixed.
        let (x, y) = ((x + self.left).round(), (y + self.top).round());
        let _ = sky.draw_image_with_html_canvas_element(&self.canvas, x, y);
    }
}

/// What is behind each other in a comment.
enum Ink<'a> {
    Text(String),
    Picture(&'a HtmlImageElement),
}

/// Whether it can be drawn.
fn is_there(picture: &HtmlImageElement) -> bool {
    picture.complete() && picture.natural_width() > 0
}

#[derive(Default)]
pub(super) struct Sprites {
    scale: Scale,
    made: HashMap<Arc<Look>, Sprite>,
    hearts: Vec<HtmlCanvasElement>,
    spare: Vec<HtmlCanvasElement>,
    pixels: u64,
    turn: u64,
    /// Of emotes, by what they are served under.
    pictures: HashMap<String, HtmlImageElement>,
    /// How many of them were there when sprites were last looked through.
    loaded: usize,
}

impl Sprites {
    /// A new picture of the sky begins, in this scale.
    pub(super) fn begin(&mut self, scale: &Scale) {
        if self.scale != *scale {
            *self = Self { scale: scale.clone(), ..Self::default() };
        }
        self.turn += 1;
        if self.loaded < self.pictures.len() {
            self.look_for_pictures();
        }
        if self.made.len() > MOST || self.pixels > MOST_PIXELS {
            self.tidy();
        }
    }

    /// What waited for an emote's picture that has come is made anew.
    fn look_for_pictures(&mut self) {
        let loaded = self.pictures.values().filter(|picture| is_there(picture)).count();
        if self.loaded != loaded {
            self.loaded = loaded;
            self.made.retain(|_, sprite| !sprite.waits);
            self.pixels = self.made.values().map(|sprite| sprite.pixels).sum();
        }
    }

    /// Puts what looks so on the sky, its left upper corner at this place in pixels of the canvas.
    pub(super) fn put(
        &mut self,
        sky: &CanvasRenderingContext2d,
        emotes: Option<Emotes>,
        look: &Arc<Look>,
        at: (f64, f64),
    ) {
        if let Some(sprite) = self.made.get_mut(look) {
            sprite.used = self.turn;
            return sprite.put(sky, at);
        }
        if let Some(sprite) = self.draw(emotes, look) {
            sprite.put(sky, at);
            self.pixels += sprite.pixels;
            self.made.insert(look.clone(), sprite);
        }
    }

    /// Puts a heart of full height or less on the sky, its middle at this place.
    pub(super) fn heart(
        &mut self,
        sky: &CanvasRenderingContext2d,
        colour: usize,
        (x, y): (f64, f64),
        scale: f64,
    ) {
        if self.hearts.is_empty() {
            self.hearts = HEARTS.iter().filter_map(|colour| heart(self.scale.letter, colour)).collect();
        }
        let Some(canvas) = self.hearts.get(colour) else { return };
        let size = f64::from(canvas.width()) * scale;
        let _ = sky.draw_image_with_html_canvas_element_and_dw_and_dh(
            canvas,
            x - size / 2.0,
            y - size / 2.0,
            size,
            size,
        );
    }

    /// How many pictures there are.
    pub(super) fn len(&self) -> usize {
        self.made.len()
    }

    /// Lets go of the half that has not been needed for longest.
    fn tidy(&mut self) {
        let mut turns: Vec<u64> = self.made.values().map(|sprite| sprite.used).collect();
        turns.sort_unstable();
        let oldest = turns.get(turns.len() / 2).copied().unwrap_or_default();
        let (spare, pixels) = (&mut self.spare, &mut self.pixels);
        self.made.retain(|_, sprite| {
            let stays = sprite.used > oldest;
            if !stays {
                *pixels -= sprite.pixels;
                if spare.len() < SPARE {
                    spare.push(sprite.canvas.clone());
                }
            }
            stays
        });
    }

    fn draw(&mut self, emotes: Option<Emotes>, look: &Look) -> Option<Sprite> {
        self.load(emotes, &look.text);
        let Scale { letter, font, emotes } = &self.scale;
        let canvas = self.spare.pop().unwrap_or_else(element);
        let brush = context(&canvas)?;
        let font = format!("{WEIGHT} {letter}px {font}");
        brush.set_font(&font);
        let metrics = brush.measure_text(&look.text).ok()?;
        let parts = emote::parts(&look.text, |name| named(emotes, name));
        let picture = |emote: &Emote| {
            let picture = self.pictures.get(&emote.picture).filter(|picture| is_there(picture))?;
            Some((picture, emote_em(emote) * letter))
        };
        let mut inks = Vec::with_capacity(parts.len());
        let (mut text_width, mut waits, mut high) = (0.0, false, 0.0_f64);
        for part in &parts {
            let (ink, width) = match part {
                Part::Emote(_, emote) if let Some((picture, width)) = picture(emote) => {
                    high = EMOTE_EM * letter;
                    (Ink::Picture(picture), width)
                }
                part => {
                    let text = match part {
                        Part::Text(text) => (*text).to_owned(),
                        Part::Emote(name, _) => format!(":{name}:"),
                    };
                    waits |= matches!(part, Part::Emote(..));
                    let width = brush.measure_text(&text).ok()?.width();
                    (Ink::Text(text), width)
                }
            };
            inks.push((ink, text_width, width));
            text_width += width;
        }
        // Only what has ink: fewer pixels to copy with every picture of the screen.
        let outline = (OUTLINE * letter).max(1.0);
        let padding = if look.frame == Frame::None { 0.0 } else { PADDING * letter };
        let (ascent, descent) = if look.frame == Frame::None {
            (metrics.actual_bounding_box_ascent(), metrics.actual_bounding_box_descent())
        } else {
            (letter * 0.9, letter * 0.28)
        };
        // An emote stands a little below the line on which letters stand, as one would write it.
        let (below, ascent) = (0.25 * high, ascent.max(0.75 * high));
        let descent = descent.max(below);
        let edge = (outline + padding).ceil() + 1.0;
        let above = ascent.ceil() + outline.ceil() + 1.0;
        let width = (text_width + 2.0 * edge).ceil().max(1.0);
        let height = (above + descent.ceil() + outline.ceil() + 1.0).max(1.0);
        // Setting the size also clears what was on it, and forgets the font.
        canvas.set_width(width as u32);
        canvas.set_height(height as u32);
        brush.set_font(&font);
        let colour = css(look.colour);
        let ink = match look.frame {
            Frame::None => colour,
            Frame::Line => {
                plate(&brush, (width, height), letter * 0.1);
                brush.set_stroke_style_str(colour);
                brush.set_line_width((letter * 0.06).max(1.0));
                brush.stroke();
                colour
            }
            Frame::Plate => {
                plate(&brush, (width, height), height / 2.0);
                brush.set_fill_style_str(colour);
                brush.fill();
                "#1a1206"
            }
        };
        if look.frame != Frame::Plate {
            brush.set_line_join("round");
            brush.set_line_width(outline * 2.0);
            brush.set_stroke_style_str(OUTLINE_COLOUR);
            for (ink, left, _) in &inks {
                if let Ink::Text(text) = ink {
                    brush.stroke_text(text, edge + left, above).ok()?;
                }
            }
        }
        brush.set_fill_style_str(ink);
        for (ink, left, width) in &inks {
            match ink {
                Ink::Text(text) => brush.fill_text(text, edge + left, above).ok()?,
                Ink::Picture(picture) => brush
                    .draw_image_with_html_image_element_and_dw_and_dh(
                        picture,
                        edge + left,
                        above + below - high,
                        *width,
                        high,
                    )
                    .ok()?,
            }
        }
        Some(Sprite {
            left: padding - edge + 0.1 * letter,
            top: FOOT * letter - above,
            pixels: (width * height) as u64,
            used: self.turn,
            canvas,
            waits,
        })
    }

    /// Asks for the pictures of the emotes in a text, each once.
    fn load(&mut self, emotes: Option<Emotes>, text: &str) {
        let Some(emotes) = emotes else { return };
        let known = &self.scale.emotes;
        for part in emote::parts(text, |name| named(known, name)) {
            let Part::Emote(_, emote) = part else { continue };
            if !self.pictures.contains_key(&emote.picture)
                && let Ok(picture) = HtmlImageElement::new()
            {
                picture.set_src(&emotes.source(&emote.picture));
                self.pictures.insert(emote.picture.clone(), picture);
            }
        }
    }
}

/// The outline of a ground with round corners.
fn plate(brush: &CanvasRenderingContext2d, (width, height): (f64, f64), round: f64) {
    let (left, top, right, bottom) = (1.5, 1.5, width - 1.5, height - 1.5);
    let round = round.min((bottom - top) / 2.0);
    brush.begin_path();
    brush.move_to(left + round, top);
    let corners = [
        ((right, top), (right, bottom)),
        ((right, bottom), (left, bottom)),
        ((left, bottom), (left, top)),
        ((left, top), (right, top)),
    ];
    for ((x1, y1), (x2, y2)) in corners {
        let _ = brush.arc_to(x1, y1, x2, y2, round);
    }
    brush.close_path();
}

fn heart(size: f64, colour: &str) -> Option<HtmlCanvasElement> {
    let (canvas, side) = (element(), (size * 1.5).ceil());
    canvas.set_width(side as u32);
    canvas.set_height(side as u32);
    let brush = context(&canvas)?;
    brush.scale(side / 24.0, side / 24.0).ok()?;
    brush.begin_path();
    brush.move_to(12.0, 21.0);
    brush.bezier_curve_to(4.5, 15.0, 2.0, 11.5, 2.0, 8.0);
    brush.bezier_curve_to(2.0, 2.5, 9.5, 1.0, 12.0, 6.5);
    brush.bezier_curve_to(14.5, 1.0, 22.0, 2.5, 22.0, 8.0);
    brush.bezier_curve_to(22.0, 11.5, 19.5, 15.0, 12.0, 21.0);
    brush.close_path();
    brush.set_stroke_style_str("rgb(0 0 0 / 35%)");
    brush.set_line_width(1.5);
    brush.stroke();
    brush.set_fill_style_str(colour);
    brush.fill();
    Some(canvas)
}

/// A colour that can be read over any picture with a dark outline. `chat.css` has the same for the choice.
fn css(colour: Colour) -> &'static str {
    match colour {
        Colour::White => "#ffffff",
        Colour::Amber => "#ffc95e",
        Colour::Red => "#ff8078",
        Colour::Pink => "#ff9ad5",
        Colour::Violet => "#cfb1ff",
        Colour::Blue => "#94bdff",
        Colour::Cyan => "#6fe0f0",
        Colour::Green => "#8fe3a0",
    }
}
