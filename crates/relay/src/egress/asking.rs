//! How often one viewer may cost the room a keyframe.
//!
//! A keyframe is ten times an ordinary frame, for everybody. A viewer that lost something gets one at once; one
//! whose link is too narrow asks without end, and waits longer each time, up to what the publisher sends by
//! itself. A request that comes too soon is dropped: players ask again for as long as they need one.

use std::time::{Duration, Instant};

/// After the first request. Doubles with each one that follows too soon.
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(8);
/// Quiet for this long, a viewer begins anew.
const FORGIVEN: Duration = Duration::from_secs(20);

/// One viewer's requests.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Asking {
    granted: Option<Instant>,
    wait: Duration,
}

impl Asking {
    /// Whether a request made now is passed on.
    pub(crate) fn grant(&mut self, now: Instant) -> bool {
        match self.granted.map(|granted| now.duration_since(granted)) {
            Some(since) if since < self.wait => return false,
            Some(since) if since < FORGIVEN => self.wait = (self.wait * 2).min(LONGEST),
            _ => self.wait = FIRST,
        }
        self.granted = Some(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_without_end_is_heard_less_and_less() {
        let begun = Instant::now();
        let mut asking = Asking::default();
        let heard = |asking: &mut Asking, from: u64, to: u64| {
            (from..to).filter(|ms| asking.grant(begun + Duration::from_millis(*ms))).collect::<Vec<_>>()
        };
        assert_eq!(heard(&mut asking, 0, 30_000), [0, 500, 1500, 3500, 7500, 15_500, 23_500]);
        // Long after the last one it is as new.
        assert_eq!(heard(&mut asking, 60_000, 60_600), [60_000, 60_500]);
    }
}
