//! Hearts that rise when somebody likes the broadcast. They follow the page's clock and not the media's.

use std::collections::VecDeque;

/// Hearts in the air. Full ⇒ further ones do not rise: that it is liked can be seen anyway.
const MOST: usize = 48;
/// Of what others like, so many rise for a number that the room tells.
const MOST_AT_ONCE: u64 = 10;
/// How long a heart rises, in milliseconds.
const RISE_MS: f64 = 2_400.0;
/// The number covers half a second, and so do its hearts.
const SPREAD_MS: f64 = 500.0;
/// How far one rises, as a share of the stage's height.
const RISE: f64 = 0.55;
/// How far it sways to each side, in heights of a heart.
const SWAY: f64 = 0.8;

/// A heart where it is now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Heart {
    /// Its middle, as shares of the stage.
    pub x: f64,
    pub y: f64,
    /// To the side, in heights of a heart.
    pub sway: f64,
    /// From 0 to 1.
    pub opacity: f64,
    /// Of its full height.
    pub scale: f64,
    /// Which of the few colours.
    pub colour: usize,
}

#[derive(Debug, Clone, Copy)]
struct Born {
    at_ms: f64,
    x: f64,
    y: f64,
    /// 0 to 1, by which they differ.
    chance: f64,
}

#[derive(Debug, Clone, Default)]
pub struct Hearts {
    rising: VecDeque<Born>,
}

impl Hearts {
    /// How many colours there are.
    pub const COLOURS: usize = 4;

    /// One of the viewer's own, from a place given in shares of the stage.
    pub fn own(&mut self, (x, y): (f64, f64), now: f64, chance: f64) {
        self.add(Born { at_ms: now, x, y, chance });
    }

    /// Those of `count` likes of others, from around that place.
    pub fn others(&mut self, count: u64, (x, y): (f64, f64), now: f64, mut chance: impl FnMut() -> f64) {
        let count = count.min(MOST_AT_ONCE);
        for n in 0..count {
            let at_ms = now + SPREAD_MS * n as f64 / count as f64;
            let aside = (chance() - 0.5) * 0.04;
            self.add(Born { at_ms, x: x + aside, y, chance: chance() });
        }
    }

    fn add(&mut self, born: Born) {
        if self.rising.len() < MOST {
            self.rising.push_back(born);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.rising.is_empty()
    }

    pub fn clear(&mut self) {
        self.rising.clear();
    }

    /// Those that are in the air; the others are forgotten.
    pub fn at(&mut self, now: f64) -> impl Iterator<Item = Heart> {
        self.rising.retain(|born| now - born.at_ms < RISE_MS);
        self.rising.iter().filter(move |born| born.at_ms <= now).map(move |born| {
            let share = (now - born.at_ms) / RISE_MS;
            // Fast at first, as something light that is let go.
            let risen = 1.0 - (1.0 - share).powi(2);
            let turn = std::f64::consts::TAU * (share * (0.8 + born.chance * 0.6) + born.chance);
            Heart {
                x: born.x,
                y: born.y - RISE * risen * (0.7 + 0.3 * born.chance),
                sway: SWAY * share.sqrt() * turn.sin(),
                opacity: ((1.0 - share) * 2.5).min(1.0),
                scale: (share * 8.0).min(1.0) * (0.75 + 0.25 * born.chance),
                colour: (born.chance * Self::COLOURS as f64) as usize % Self::COLOURS,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heart_rises_fades_and_is_gone() {
        let mut hearts = Hearts::default();
        hearts.own((0.9, 0.9), 1_000.0, 0.5);
        let low = hearts.at(1_100.0).next().unwrap();
        let high = hearts.at(3_000.0).next().unwrap();
        assert!(high.y < low.y && low.y < 0.9 && high.opacity < low.opacity && (0.0..1.0).contains(&high.y));
        assert!(low.colour < Hearts::COLOURS && low.scale <= 1.0);
        assert_eq!(hearts.at(1_000.0 + RISE_MS).count(), 0);
        assert!(hearts.is_empty());
    }

    #[test]
    fn a_crowd_s_hearts_are_spread_and_bounded() {
        let mut hearts = Hearts::default();
        hearts.others(1_000_000, (0.9, 0.9), 0.0, || 0.5);
        assert_eq!((hearts.at(0.0).count(), hearts.at(SPREAD_MS).count()), (1, MOST_AT_ONCE as usize));
        for step in 0..20 {
            hearts.others(50, (0.9, 0.9), f64::from(step) * 100.0, || 0.99);
        }
        assert!(hearts.at(2_000.0).count() <= MOST);
    }
}
