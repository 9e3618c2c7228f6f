//! The one clock of a broadcast: monotonic, anchored once to the wall clock.
//!
//! Every source stamps with it, so pictures and sound share one timeline that a step of the system's clock
//! cannot tear, while a stamp still means wall time to a viewer on the same machine.

use std::time::{Duration, Instant, SystemTime};

use footlight_media::Time;

/// Copies share the anchor.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    anchor: Instant,
    wall: Time,
}

impl Clock {
    /// A clock that agrees with the wall clock now.
    pub fn start() -> Self {
        let anchor = Instant::now();
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { anchor, wall: Time::from_micros(wall.as_micros() as u64) }
    }

    /// What it showed when it was started.
    pub fn began(&self) -> Time {
        self.wall
    }

    pub fn now(&self) -> Time {
        self.at(Instant::now())
    }

    /// What this clock shows, or showed, at `instant`.
    pub fn at(&self, instant: Instant) -> Time {
        match instant.checked_duration_since(self.anchor) {
            Some(after) => self.wall + after,
            None => self.wall - self.anchor.duration_since(instant),
        }
    }

    /// How long until this clock shows `time`; zero if it has.
    pub fn until(&self, time: Time) -> Duration {
        time.since(self.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_before_the_anchor_is_earlier() {
        let before = Instant::now() - Duration::from_millis(5);
        let clock = Clock::start();
        let now = clock.now();
        assert!(clock.at(before) < now);
        assert!(now.since(clock.at(before)) >= Duration::from_millis(5));
    }
}
