//! Cards: what stands in for a source where there is no picture.

use footlight_media::Picture;

use crate::draw::{disc, fill};

/// What stands in where there is no picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Card {
    /// The camera is being opened.
    Opening,
    /// The camera is gone and will be back.
    Lost,
    /// No camera is picked.
    Off,
}

/// A camera on a dark ground; crossed out where it is lost, grey where there is none.
pub(super) fn draw_card(card: Card, width: u32, height: u32) -> Picture {
    let mut picture = Picture::black(width, height);
    let (w, h) = (picture.width() as usize, picture.height() as usize);
    const GROUND: [u8; 3] = [36, 134, 124];
    fill(&mut picture, 0, 0, w, h, GROUND);
    // A bright edge, also so that no card can be mistaken for a picture with a burned-in number: it sets the first
    // bit of all three rows, which the check refuses.
    fill(&mut picture, 0, 0, if w >= 640 { 12 } else { 6 }, h, [180, 120, 110]);
    if card == Card::Opening {
        return picture;
    }
    let (body, lens) = match card {
        Card::Lost => ([176, 110, 148], [60, 128, 128]),
        _ => ([92, 132, 126], [48, 132, 126]),
    };
    let unit = (h.min(w) / 24).max(2) & !1;
    let (cx, cy) = ((w / 2) & !1, (h / 2) & !1);
    fill(&mut picture, cx.saturating_sub(5 * unit), cy.saturating_sub(3 * unit), 10 * unit, 6 * unit, body);
    fill(&mut picture, cx.saturating_sub(2 * unit), cy.saturating_sub(4 * unit), 4 * unit, unit, body);
    disc(&mut picture, cx, cy, 2 * unit, lens);
    disc(&mut picture, cx, cy, unit, body);
    if card == Card::Lost {
        for i in 0..14 * unit {
            let x = (cx + i).saturating_sub(7 * unit) & !1;
            let y = (cy + i * 10 / 14).saturating_sub(5 * unit) & !1;
            fill(&mut picture, x, y, unit, unit, [120, 96, 200]);
        }
    }
    picture
}

/// A screen on a dark ground, crossed out: what is to be seen there is gone for now.
pub(super) fn draw_screen_card(width: u32, height: u32) -> Picture {
    let mut picture = Picture::black(width, height);
    let (w, h) = (picture.width() as usize, picture.height() as usize);
    fill(&mut picture, 0, 0, w, h, [36, 134, 124]);
    let unit = (h.min(w) / 24).max(2) & !1;
    let (left, top) = ((w / 2).saturating_sub(5 * unit) & !1, (h / 2).saturating_sub(4 * unit) & !1);
    let (frame, glass) = ([150, 118, 146], [48, 132, 126]);
    fill(&mut picture, left, top, 10 * unit, 7 * unit, frame);
    fill(&mut picture, left + unit / 2, top + unit / 2, 9 * unit, 6 * unit, glass);
    fill(&mut picture, left + 3 * unit, top + 8 * unit, 4 * unit, unit / 2, frame);
    for i in (0..8 * unit).step_by(2) {
        fill(
            &mut picture,
            (left + unit + i) & !1,
            (top + i * 7 / 8) & !1,
            unit / 2,
            unit / 2,
            [120, 96, 200],
        );
    }
    picture
}
