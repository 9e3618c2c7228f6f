//! The relay's clock as seen from here, and the age of the frame that is on the screen.
//!
//! Every `pong` gives one guess of the offset; the one with the shortest round trip is the best, because
//! the error of a guess is at most half its round trip.

use std::collections::VecDeque;

use footlight_protocol::room::MediaClock;

/// Guesses kept. At one every five seconds that is over a minute, short against a clock's drift.
const GUESSES: usize = 16;
/// Latency is a median over this long, in milliseconds: one late frame must not make the number jump.
const WINDOW_MS: f64 = 2_000.0;
/// Two seconds at 120 fps; more only after a stall, when the oldest go.
const SAMPLES: usize = 240;
/// Video RTP ticks in a millisecond.
const TICKS_PER_MS: f64 = 90.0;

/// Offset of the relay's clock to ours.
#[derive(Debug, Clone, Default)]
pub struct RelayClock {
    guesses: VecDeque<Guess>,
}

#[derive(Debug, Clone, Copy)]
struct Guess {
    round_trip_ms: f64,
    offset_ms: f64,
}

impl RelayClock {
    /// Takes a `pong`: `sent` and `now` on our clock in milliseconds, `relay_us` on the relay's.
    pub fn pong(&mut self, sent: f64, now: f64, relay_us: u64) {
        let round_trip_ms = now - sent;
        if !(0.0..60_000.0).contains(&round_trip_ms) {
            return;
        }
        if self.guesses.len() == GUESSES {
            self.guesses.pop_front();
        }
        let offset_ms = relay_us as f64 / 1_000.0 - (sent + round_trip_ms / 2.0);
        self.guesses.push_back(Guess { round_trip_ms, offset_ms });
    }

    /// Add it to our time to get the relay's, in milliseconds.
    pub fn offset_ms(&self) -> Option<f64> {
        self.guesses
            .iter()
            .min_by(|a, b| a.round_trip_ms.total_cmp(&b.round_trip_ms))
            .map(|guess| guess.offset_ms)
    }

    /// Another relay may have another clock.
    pub fn forget(&mut self) {
        self.guesses.clear();
    }
}

/// When the frame with this RTP timestamp was captured, in milliseconds since the epoch on the relay's clock.
pub fn captured_ms(clock: MediaClock, rtp: u32) -> f64 {
    // The signed distance: frames from before the clock's anchor are older, not 13 hours newer.
    let ticks = rtp.wrapping_sub(clock.rtp) as i32;
    clock.at_us as f64 / 1_000.0 + f64::from(ticks) / TICKS_PER_MS
}

/// Capture-to-screen latency of the last frames.
#[derive(Debug, Clone, Default)]
pub struct Latency {
    samples: VecDeque<(f64, f64)>,
}

impl Latency {
    /// A frame was shown at `now` with this latency, both in milliseconds.
    pub fn push(&mut self, now: f64, latency_ms: f64) {
        // Below zero beyond the clock's error, or above a minute, the clock is not ours to read.
        if !(-50.0..60_000.0).contains(&latency_ms) {
            return;
        }
        if self.samples.len() == SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back((now, latency_ms.max(0.0)));
    }

    /// The median over the last two seconds, in milliseconds.
    pub fn median_ms(&mut self, now: f64) -> Option<u32> {
        while self.samples.front().is_some_and(|(at, _)| now - at > WINDOW_MS) {
            self.samples.pop_front();
        }
        let mut values: Vec<f64> = self.samples.iter().map(|(_, ms)| *ms).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).map(|ms| ms.round() as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_round_trip_wins() {
        let mut clock = RelayClock::default();
        assert_eq!(clock.offset_ms(), None);
        // Relay is 1000 ms ahead; the slow answers were delayed on one way only.
        clock.pong(0.0, 100.0, 1_095_000);
        clock.pong(200.0, 210.0, 1_205_000);
        clock.pong(400.0, 700.0, 1_690_000);
        assert_eq!(clock.offset_ms(), Some(1000.0));
    }

    #[test]
    fn a_broken_pong_is_ignored() {
        let mut clock = RelayClock::default();
        clock.pong(100.0, 50.0, 1);
        clock.pong(f64::NAN, 50.0, 1);
        assert_eq!(clock.offset_ms(), None);
    }

    #[test]
    fn frames_around_the_anchor_and_the_wrap_have_an_age() {
        let clock = MediaClock { rtp: u32::MAX - 44_999, at_us: 5_000_000 };
        for (rtp, ms) in [(clock.rtp, 5_000.0), (45_000, 6_000.0), (clock.rtp - 9_000, 4_900.0)] {
            assert!((captured_ms(clock, rtp) - ms).abs() < 0.001, "{rtp}");
        }
    }

    #[test]
    fn latency_is_the_median_of_two_seconds() {
        let mut latency = Latency::default();
        latency.push(0.0, 900.0);
        for i in 0..10 {
            latency.push(2_500.0 + f64::from(i), 80.0 + f64::from(i));
        }
        latency.push(2_600.0, 9e9);
        latency.push(2_601.0, 700.0);
        assert_eq!(latency.median_ms(2_700.0), Some(85));
        assert_eq!(latency.median_ms(9_000.0), None);
    }
}
