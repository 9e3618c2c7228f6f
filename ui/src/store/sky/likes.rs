//! The likes of the broadcast as a page shows and sends them: the room's number, with the page's own ahead of it.

use footlight_protocol::danmaku::{LIKES_EVERY_MS, MAX_LIKES};

/// Own likes that the room does not tell of within this, in milliseconds, were not counted.
const SETTLED_MS: f64 = 3_000.0;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Likes {
    total: u64,
    /// Own likes that the total does not hold yet.
    ahead: u32,
    /// Of those, the ones that are not sent. More than a message carries are not meant.
    waiting: u32,
    sent_at: f64,
    tapped_at: f64,
}

impl Likes {
    /// What the page shows.
    pub fn shown(&self) -> u64 {
        self.total + u64::from(self.ahead)
    }

    /// The viewer likes it once more.
    pub fn tap(&mut self, now: f64) {
        if self.waiting < MAX_LIKES {
            self.waiting += 1;
            self.ahead += 1;
        }
        self.tapped_at = now;
    }

    /// What is to be sent now.
    pub fn send(&mut self, now: f64) -> Option<u32> {
        if self.waiting == 0 || self.wait_ms(now) > 0.0 {
            return None;
        }
        self.sent_at = now;
        Some(std::mem::take(&mut self.waiting))
    }

    /// Whether there is something to send.
    pub fn waits(&self) -> bool {
        self.waiting > 0
    }

    /// How long the next message has to wait.
    pub fn wait_ms(&self, now: f64) -> f64 {
        (self.sent_at + f64::from(LIKES_EVERY_MS) - now).clamp(0.0, f64::from(LIKES_EVERY_MS))
    }

    /// The room's number; says how many of the new ones are others'.
    pub fn told(&mut self, total: u64, now: f64) -> u64 {
        let new = total.saturating_sub(self.total);
        let own = new.min(u64::from(self.ahead - self.waiting)) as u32;
        self.ahead -= own;
        if total < self.total || now - self.tapped_at > SETTLED_MS {
            self.ahead = self.waiting;
        }
        self.total = total;
        new - u64::from(own)
    }
}

/// How it is written where there is little room: 950, 1.2k, 3.4M; in Chinese 9500, 1.2万, 3.4亿.
pub fn short(count: u64, chinese: bool) -> String {
    let steps: [(u64, &str); 3] = if chinese {
        [(100_000_000, "亿"), (10_000, "万"), (1, "")]
    } else {
        [(1_000_000, "M"), (1_000, "k"), (1, "")]
    };
    let (unit, name) = steps.into_iter().find(|(unit, _)| count >= *unit).unwrap_or((1, ""));
    // Rounded down: nobody is told of likes that are not there.
    let tenths = count / (unit / 10).max(1);
    match (unit, tenths / 10, tenths % 10) {
        (1, ..) => count.to_string(),
        (_, whole, tenth) if whole < 100 && tenth > 0 => format!("{whole}.{tenth}{name}"),
        (_, whole, _) => format!("{whole}{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taps_are_merged_to_a_message_each_half_second() {
        let mut likes = Likes::default();
        assert_eq!(likes.send(1_000.0), None);
        likes.tap(1_000.0);
        assert_eq!(likes.send(1_000.0), Some(1), "the first goes at once");
        for _ in 0..70 {
            likes.tap(1_200.0);
        }
        assert_eq!((likes.send(1_200.0), likes.wait_ms(1_200.0)), (None, 300.0));
        assert_eq!(likes.send(1_500.0), Some(MAX_LIKES));
        assert_eq!(likes.send(9_000.0), None);
    }

    #[test]
    fn own_likes_show_at_once_and_are_not_counted_twice() {
        let mut likes = Likes::default();
        assert_eq!(likes.told(10, 0.0), 10);
        likes.tap(100.0);
        assert_eq!(likes.shown(), 11);
        likes.send(600.0);
        assert_eq!((likes.told(14, 700.0), likes.shown()), (3, 14));
        // What the relay does not count does not stay for ever.
        likes.tap(800.0);
        likes.send(1_400.0);
        assert_eq!((likes.told(14, 1_500.0), likes.shown()), (0, 15));
        assert_eq!((likes.told(16, 9_000.0), likes.shown()), (1, 16));
        assert_eq!((likes.told(0, 9_500.0), likes.shown()), (0, 0), "another broadcast");
    }

    #[test]
    fn large_numbers_are_short() {
        for (count, english, chinese) in [
            (0, "0", "0"),
            (999, "999", "999"),
            (1_000, "1k", "1000"),
            (1_299, "1.2k", "1299"),
            (12_999, "12.9k", "1.2万"),
            (123_456, "123k", "12.3万"),
            (3_450_000, "3.4M", "345万"),
            (240_000_000, "240M", "2.4亿"),
        ] {
            assert_eq!((short(count, false), short(count, true)), (english.to_owned(), chinese.to_owned()));
        }
    }
}
