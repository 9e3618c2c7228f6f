//! The number burned into the test pattern: what was captured when, readable from the pixels at the far end.
//!
//! Three rows of 32 square cells at the picture's top left, most significant bit first, white is one:
//! the frame counter, the capture instant in units of 100 µs since the Unix epoch (low 32 bits), and the
//! exclusive or of both as a check. A cell is 16 pixels wide, or 8 where the picture is narrower than 640.

use crate::{Picture, Time};

/// What a picture says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Burned {
    pub counter: u32,
    /// Capture instant in units of 100 µs since the Unix epoch, low 32 bits.
    pub stamp: u32,
}

/// Limited-range luma of a one and of a zero.
const ONE: u8 = 235;
const ZERO: u8 = 16;
const BITS: usize = 32;

impl Burned {
    pub fn new(counter: u32, captured: Time) -> Self {
        Self { counter, stamp: (captured.as_micros() / 100) as u32 }
    }

    fn rows(self) -> [u32; 3] {
        [self.counter, self.stamp, self.counter ^ self.stamp]
    }

    /// Draws the number. A picture too small for it is left alone.
    pub fn draw(self, picture: &mut Picture) {
        let (width, cell) = (picture.width() as usize, cell(picture.width()));
        if !fits(picture) {
            return;
        }
        let (luma, cb, cr) = picture.planes_mut();
        for (r, bits) in self.rows().into_iter().enumerate() {
            for y in r * cell..(r + 1) * cell {
                for bit in 0..BITS {
                    let on = bits >> (BITS - 1 - bit) & 1 == 1;
                    let x = y * width + bit * cell;
                    luma[x..x + cell].fill(if on { ONE } else { ZERO });
                }
            }
        }
        for y in 0..3 * cell / 2 {
            let x = y * width / 2;
            cb[x..x + BITS * cell / 2].fill(128);
            cr[x..x + BITS * cell / 2].fill(128);
        }
    }

    /// Reads the number back, `None` where there is none or it is damaged.
    pub fn read(picture: &Picture) -> Option<Self> {
        if !fits(picture) {
            return None;
        }
        let (width, cell) = (picture.width() as usize, cell(picture.width()));
        let luma = picture.planes().0;
        let [counter, stamp, check] = [0, 1, 2].map(|r| {
            (0..BITS).fold(0u32, |bits, bit| {
                let middle = luma[(r * cell + cell / 2) * width + bit * cell + cell / 2];
                bits << 1 | u32::from(middle > 126)
            })
        });
        (counter ^ stamp == check).then_some(Self { counter, stamp })
    }
}

fn cell(width: u32) -> usize {
    if width >= 640 { 16 } else { 8 }
}

fn fits(picture: &Picture) -> bool {
    let cell = cell(picture.width());
    picture.width() as usize >= BITS * cell && picture.height() as usize >= 3 * cell
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_survives_the_picture() {
        for (width, height) in [(1280, 720), (320, 180)] {
            let mut picture = Picture::black(width, height);
            assert_eq!(Burned::read(&picture).map(|b| b.counter), Some(0));
            let burned = Burned::new(0xdead_beef, Time::from_micros(1_795_375_970_123_456));
            burned.draw(&mut picture);
            assert_eq!(Burned::read(&picture), Some(burned));
            picture.planes_mut().0[..width as usize * 16].fill(235);
            assert_eq!(Burned::read(&picture), None);
        }
    }

    #[test]
    fn a_small_picture_is_left_alone() {
        let mut picture = Picture::black(64, 64);
        Burned::new(1, Time::default()).draw(&mut picture);
        assert_eq!(Burned::read(&picture), None);
    }
}
