//! Where in the buffer to play: near enough to its end to be live, far enough not to run dry.

/// Further behind than this, in seconds, catching up would take half a minute: jump.
const JUMP_S: f64 = 3.0;
/// Behind or ahead by less than this, in seconds, the ear would notice the change sooner than the eye gains.
const SLACK_S: f64 = 0.25;
/// Speeds that a listener hardly notices: pitch is kept by the browser. The higher one where more than
/// [`FAR_S`] is to be made up.
const FASTER: f64 = 1.06;
const FASTEST: f64 = 1.12;
const SLOWER: f64 = 0.96;
const FAR_S: f64 = 0.8;
/// What a stall adds to the distance from the end, in seconds, and how much it may add in all.
const STALL_S: f64 = 0.3;
const MOST_STALLS_S: f64 = 2.4;
/// A gap in the buffer shorter than this, in seconds, is only rounding.
const SEAM_S: f64 = 0.05;

/// What to do with the playback position now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    Play { rate: f64 },
    Seek { to_s: f64 },
}

/// Keeps a distance from the buffer's end, and a larger one after each stall.
#[derive(Debug, Clone)]
pub struct Pacer {
    distance_s: f64,
    stalls_s: f64,
    stalled: bool,
}

impl Pacer {
    /// `distance_s` is what the server asks for.
    pub fn new(distance_s: f64) -> Self {
        Self { distance_s, stalls_s: 0.0, stalled: false }
    }

    /// How far from the end it wants to be, in seconds.
    pub fn distance_s(&self) -> f64 {
        self.distance_s + self.stalls_s
    }

    /// `buffered` are the ranges that can be played, in order. None where there is nothing.
    pub fn look(&mut self, at_s: f64, buffered: &[(f64, f64)]) -> Option<Pace> {
        let (start, end) = *buffered.last()?;
        let wanted = (end - self.distance_s()).max(start);
        let here = buffered.iter().find(|(from, to)| (from - SEAM_S..=*to).contains(&at_s));
        let ahead = here.map_or(0.0, |(_, to)| to - at_s);
        let dry = ahead < SEAM_S;
        if dry && end - at_s > 2.0 * SEAM_S || here.is_none() {
            // Before the buffer, in a hole of it, or at the edge of one: on to what can be played.
            self.stalled = false;
            return Some(Pace::Seek { to_s: wanted });
        }
        if dry && !self.stalled {
            self.stalls_s = (self.stalls_s + STALL_S).min(MOST_STALLS_S);
        }
        self.stalled = dry;
        let off = end - at_s - self.distance_s();
        Some(if off > JUMP_S {
            Pace::Seek { to_s: wanted }
        } else if off > FAR_S {
            Pace::Play { rate: FASTEST }
        } else if off > SLACK_S {
            Pace::Play { rate: FASTER }
        } else if ahead < self.distance_s() / 3.0 {
            Pace::Play { rate: SLOWER }
        } else {
            Pace::Play { rate: 1.0 }
        })
    }

    /// Until where the buffer can be thrown away, in seconds: enough stays to step back over a seam.
    pub fn stale_before(at_s: f64) -> f64 {
        /// Half a minute of 720p is a few megabytes; phones give a source buffer ten times as much.
        const KEEP_S: f64 = 10.0;
        (at_s - KEEP_S).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plays_at_its_distance_and_corrects_gently() {
        for (at, buffered, pace) in [
            (9.0, vec![(0.0, 10.0)], Pace::Play { rate: 1.0 }),
            (8.5, vec![(0.0, 10.0)], Pace::Play { rate: FASTER }),
            (8.0, vec![(0.0, 10.0)], Pace::Play { rate: FASTEST }),
            (9.8, vec![(0.0, 10.0)], Pace::Play { rate: SLOWER }),
            (2.0, vec![(0.0, 10.0)], Pace::Seek { to_s: 9.0 }),
            // The stream's timeline begins anywhere.
            (0.0, vec![(5_000.0, 5_002.0)], Pace::Seek { to_s: 5_001.0 }),
            (0.0, vec![(5_000.0, 5_000.4)], Pace::Seek { to_s: 5_000.0 }),
            // A publisher was away: over the hole.
            (10.0, vec![(0.0, 10.0), (14.0, 14.2)], Pace::Seek { to_s: 14.0 }),
            (12.0, vec![(0.0, 10.0), (14.0, 17.0)], Pace::Seek { to_s: 16.0 }),
        ] {
            assert_eq!(Pacer::new(1.0).look(at, &buffered), Some(pace), "{at} in {buffered:?}");
        }
        assert_eq!(Pacer::new(1.0).look(3.0, &[]), None);
    }

    #[test]
    fn a_stall_makes_the_buffer_deeper_once() {
        let mut pacer = Pacer::new(1.0);
        for _ in 0..5 {
            pacer.look(10.0, &[(0.0, 10.0)]);
        }
        assert_eq!(pacer.distance_s(), 1.3);
        pacer.look(10.0, &[(0.0, 10.5)]);
        for end in 0..100 {
            pacer.look(f64::from(end), &[(0.0, f64::from(end))]);
            pacer.look(f64::from(end), &[(0.0, f64::from(end) + 1.0)]);
        }
        assert!((pacer.distance_s() - 1.0 - MOST_STALLS_S).abs() < 1e-9, "it has an end");
    }

    #[test]
    fn a_position_just_before_the_first_picture_counts_as_in_it() {
        let pace = Pacer::new(1.0).look(4.98, &[(5.0, 6.0)]);
        assert_eq!(pace, Some(Pace::Play { rate: 1.0 }));
    }
}
