//! The relay's clock: the wall clock and the monotonic one, read together so that one can be said in terms
//! of the other.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use footlight_media::Time;
use footlight_protocol::room::UnixMillis;

/// One instant on both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) instant: Instant,
    pub(crate) time: Time,
}

impl Moment {
    pub(crate) fn now() -> Self {
        Self { instant: Instant::now(), time: now() }
    }

    /// The monotonic instant of `time`; a time in the future is now.
    pub(crate) fn instant_of(&self, time: Time) -> Instant {
        self.instant.checked_sub(self.time.since(time)).unwrap_or(self.instant)
    }
}

/// The wall clock.
pub(crate) fn now() -> Time {
    Time::from_micros(since_epoch().as_micros() as u64)
}

/// The wall clock in the unit of the room messages.
pub(crate) fn now_millis() -> UnixMillis {
    since_epoch().as_millis() as UnixMillis
}

fn since_epoch() -> Duration {
    // A clock before 1970 is a machine without a clock: everything then happens at the epoch, in order.
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Waits for `due`, and not at all where that is past: a timer would round it up to a millisecond.
pub(crate) async fn sleep_until(due: Option<Instant>) {
    if let Some(due) = due.filter(|due| *due > Instant::now()) {
        tokio::time::sleep_until(due.into()).await;
    }
}
