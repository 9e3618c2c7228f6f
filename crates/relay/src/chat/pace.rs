//! How fast one person may talk, or send gifts.

use std::collections::VecDeque;

use footlight_protocol::room::UnixMillis;

/// So many in so many milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) most: usize,
    pub(crate) window: u64,
}

impl Rate {
    /// Of messages, by one person.
    pub(crate) const CHAT: Self = Self { most: 5, window: 5_000 };
    /// Of changes of mind about following, by one person.
    pub(crate) const FOLLOWS: Self = Self { most: 6, window: 60_000 };
}

/// When the person's last messages were said.
#[derive(Debug)]
pub(crate) struct Pace {
    rate: Rate,
    said: VecDeque<UnixMillis>,
}

impl Pace {
    pub(crate) fn new(rate: Rate) -> Self {
        Self { rate, said: VecDeque::new() }
    }

    /// Counts a message, or says after how many milliseconds it may be tried again.
    pub(crate) fn take(&mut self, now: UnixMillis) -> Result<(), u32> {
        self.forget(now);
        if let Some(first) = self.said.front().filter(|_| self.said.len() >= self.rate.most) {
            return Err((first + self.rate.window - now) as u32);
        }
        self.said.push_back(now);
        Ok(())
    }

    /// Whether there is nothing left to remember.
    pub(crate) fn idle(&mut self, now: UnixMillis) -> bool {
        self.forget(now);
        self.said.is_empty()
    }

    fn forget(&mut self, now: UnixMillis) {
        // A clock that was set back must not silence anybody for longer than the window.
        while self.said.front().is_some_and(|said| *said + self.rate.window <= now || *said > now) {
            self.said.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_in_five_seconds_and_no_more() {
        let mut pace = Pace::new(Rate::CHAT);
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
