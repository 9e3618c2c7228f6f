//! How fast one person may talk.

use std::collections::VecDeque;

use footlight_protocol::room::UnixMillis;

/// This many messages …
const BURST: usize = 5;
/// … in this many milliseconds.
const WINDOW: u64 = 5_000;

/// When the person's last messages were said.
#[derive(Debug, Default)]
pub(crate) struct Pace(VecDeque<UnixMillis>);

impl Pace {
    /// Counts a message, or says after how many milliseconds it may be tried again.
    pub(crate) fn take(&mut self, now: UnixMillis) -> Result<(), u32> {
        self.forget(now);
        if let Some(first) = self.0.front().filter(|_| self.0.len() >= BURST) {
            return Err((first + WINDOW - now) as u32);
        }
        self.0.push_back(now);
        Ok(())
    }

    /// Whether there is nothing left to remember.
    pub(crate) fn idle(&mut self, now: UnixMillis) -> bool {
        self.forget(now);
        self.0.is_empty()
    }

    fn forget(&mut self, now: UnixMillis) {
        // A clock that was set back must not silence anybody for longer than the window.
        while self.0.front().is_some_and(|said| *said + WINDOW <= now || *said > now) {
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_in_five_seconds_and_no_more() {
        let mut pace = Pace::default();
        for n in 0..5 {
            assert_eq!(pace.take(1_000 + n * 100), Ok(()));
        }
        assert_eq!(pace.take(1_500), Err(4_500));
        assert_eq!(pace.take(5_999), Err(1));
        assert_eq!(pace.take(6_000), Ok(()));
        assert_eq!(pace.take(6_050), Err(50));
        assert!(!pace.idle(6_100));
        assert!(pace.idle(20_000));
    }
}
