//! The scene: what viewers see, composed from its layers. One layer today: the camera, or a card in its place.
//!
//! A picture of the output's size passes through untouched; any other is scaled to fit, with black bars where the
//! shape differs.

use std::sync::Arc;

use footlight_media::{Frame, Picture, PicturePool};

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

pub(crate) struct Scene {
    pool: PicturePool,
    cards: [Arc<Picture>; 3],
}

impl Scene {
    pub(crate) fn new(width: u32, height: u32) -> Self {
        let cards =
            [Card::Opening, Card::Lost, Card::Off].map(|card| Arc::new(draw_card(card, width, height)));
        Self { pool: PicturePool::new(width, height), cards }
    }

    /// The picture that viewers get for a source's frame.
    pub(crate) fn compose(&self, frame: Frame) -> Frame {
        let (width, height) = (self.pool.width(), self.pool.height());
        if (frame.picture.width(), frame.picture.height()) == (width, height) {
            return frame;
        }
        let mut picture = self.pool.take();
        fit(&frame.picture, &mut picture);
        Frame { captured: frame.captured, picture: Arc::new(picture) }
    }

    pub(crate) fn card(&self, card: Card) -> Arc<Picture> {
        Arc::clone(&self.cards[card as usize])
    }
}

/// Scales `from` into the middle of `to`, keeping its shape.
fn fit(from: &Picture, to: &mut Picture) {
    let (fw, fh) = (u64::from(from.width()), u64::from(from.height()));
    let (tw, th) = (u64::from(to.width()), u64::from(to.height()));
    if fw * fh == 0 {
        return;
    }
    let (w, h) = if fw * th > tw * fh { (tw, tw * fh / fw) } else { (th * fw / fh, th) };
    // Even, and centred on whole chroma samples.
    let (w, h) = ((w as usize & !1).max(2), (h as usize & !1).max(2));
    let (x, y) = (((tw as usize - w) / 2) & !1, ((th as usize - h) / 2) & !1);
    let stride = tw as usize;
    let (fw, fh) = (fw as usize, fh as usize);
    let sources = from.planes();
    let planes = to.planes_mut();
    for (plane, source, black, half) in
        [(planes.0, sources.0, 16, 1), (planes.1, sources.1, 128, 2), (planes.2, sources.2, 128, 2)]
    {
        plane.fill(black);
        let to =
            Window { x: x / half, y: y / half, width: w / half, height: h / half, stride: stride / half };
        scale(source, fw / half, fh / half, plane, to);
    }
}

#[derive(Clone, Copy)]
struct Window {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
    stride: usize,
}

/// Scales one plane; averages when it shrinks to less than half, so that fine detail does not shimmer.
fn scale(source: &[u8], width: usize, height: usize, plane: &mut [u8], to: Window) {
    if width >= to.width * 2 && height >= to.height * 2 {
        let (w, h) = (width / 2, height / 2);
        let mut half = vec![0; w * h];
        for (row, out) in half.chunks_exact_mut(w).enumerate() {
            let (above, below) = (&source[row * 2 * width..], &source[(row * 2 + 1) * width..]);
            for (i, out) in out.iter_mut().enumerate() {
                let sum = u16::from(above[i * 2]) + u16::from(above[i * 2 + 1]);
                let sum = sum + u16::from(below[i * 2]) + u16::from(below[i * 2 + 1]);
                *out = ((sum + 2) / 4) as u8;
            }
        }
        return scale(&half, w, h, plane, to);
    }
    // Bilinear in two steps: rows first, which vectorises, then columns by a table.
    let columns: Vec<(usize, u16)> = (0..to.width).map(|i| tap(i, to.width, width)).collect();
    let mut line = vec![0u16; width + 1];
    for y in 0..to.height {
        let (row, weight) = tap(y, to.height, height);
        let above = &source[row * width..(row + 1) * width];
        let below = &source[(row + 1).min(height - 1) * width..][..width];
        for ((out, a), b) in line.iter_mut().zip(above).zip(below) {
            *out = u16::from(*a) * (256 - weight) + u16::from(*b) * weight;
        }
        line[width] = line[width - 1];
        let start = (to.y + y) * to.stride + to.x;
        for (out, (column, weight)) in plane[start..start + to.width].iter_mut().zip(&columns) {
            let (a, b, weight) = (u32::from(line[*column]), u32::from(line[column + 1]), u32::from(*weight));
            *out = ((a * (256 - weight) + b * weight + 32_768) >> 16) as u8;
        }
    }
}

/// Where output sample `i` of `to` lies among `from` samples: the one before it, and the weight of the one after
/// in 1/256.
fn tap(i: usize, to: usize, from: usize) -> (usize, u16) {
    let at = ((2 * i + 1) * from * 128 / to).saturating_sub(128);
    let index = (at / 256).min(from - 1);
    let weight = if index + 1 < from { at % 256 } else { 0 };
    (index, weight as u16)
}

/// A camera on a dark ground; crossed out where it is lost, grey where there is none.
fn draw_card(card: Card, width: u32, height: u32) -> Picture {
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

#[cfg(test)]
mod tests {
    use super::*;
    use footlight_media::Time;
    use footlight_media::burn::Burned;

    fn frame(width: u32, height: u32, luma: u8) -> Frame {
        let mut picture = Picture::black(width, height);
        picture.planes_mut().0.fill(luma);
        Frame { captured: Time::from_micros(77), picture: Arc::new(picture) }
    }

    #[test]
    fn a_picture_of_the_right_size_is_not_copied() {
        let scene = Scene::new(640, 360);
        let mut picture = Picture::black(640, 360);
        let burned = Burned::new(5, Time::from_micros(1_000_000));
        burned.draw(&mut picture);
        let frame = Frame { captured: Time::default(), picture: Arc::new(picture) };
        let composed = scene.compose(frame.clone());
        assert!(Arc::ptr_eq(&frame.picture, &composed.picture));
        assert_eq!(Burned::read(&composed.picture), Some(burned));
    }

    #[test]
    fn another_shape_gets_black_bars() {
        let scene = Scene::new(640, 360);
        // (source, a point inside the picture, a point on a bar)
        for ((w, h), inside, bar) in [
            ((640, 480), (320, 180), Some((40, 180))),
            ((1280, 540), (320, 180), Some((320, 20))),
            ((1920, 1080), (0, 0), None),
            ((320, 180), (639, 359), None),
            ((2560, 1440), (320, 180), None),
        ] {
            let composed = scene.compose(frame(w, h, 200));
            assert_eq!(composed.captured, Time::from_micros(77));
            let luma = composed.picture.planes().0;
            let at = |(x, y): (usize, usize)| luma[y * 640 + x];
            assert_eq!(at(inside), 200, "{w}x{h}");
            if let Some(bar) = bar {
                assert_eq!(at(bar), 16, "{w}x{h}");
            }
        }
    }

    #[test]
    fn scaling_keeps_things_where_they_are() {
        let mut picture = Picture::black(1920, 1080);
        fill(&mut picture, 960, 0, 960, 1080, [200, 60, 190]);
        let scene = Scene::new(1280, 720);
        let composed = scene.compose(Frame { captured: Time::default(), picture: Arc::new(picture) });
        let (luma, cb, cr) = composed.picture.planes();
        let row = 300 * 1280;
        assert_eq!((luma[row + 630], luma[row + 650]), (16, 200));
        let row = 150 * 640;
        assert_eq!((cb[row + 310], cb[row + 330], cr[row + 330]), (128, 60, 190));
    }

    #[test]
    fn every_size_has_its_cards() {
        for (width, height) in [(16, 16), (320, 180), (1280, 720), (720, 1280)] {
            let scene = Scene::new(width, height);
            let [opening, lost, off] = [Card::Opening, Card::Lost, Card::Off].map(|c| scene.card(c));
            assert_eq!((lost.width(), lost.height()), (width, height));
            assert_eq!(Burned::read(&lost).or(Burned::read(&off)).or(Burned::read(&opening)), None);
            if width >= 320 {
                assert!(opening.planes().0 != lost.planes().0 && lost.planes().0 != off.planes().0);
            }
        }
    }
}
