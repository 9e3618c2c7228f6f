//! How long to wait before trying again: short at first, longer later, never the same for two clients.

/// A growing delay with jitter.
#[derive(Debug, Clone)]
pub struct Backoff {
    first_ms: f64,
    longest_ms: f64,
    tries: u32,
}

/// How much longer each wait is than the one before.
const GROWTH: f64 = 1.5;
/// Share of the delay that is random: a restarted relay must not meet all its viewers in one instant.
const JITTER: f64 = 0.3;

impl Backoff {
    pub fn new(first_ms: f64, longest_ms: f64) -> Self {
        Self { first_ms, longest_ms, tries: 0 }
    }

    /// The next delay in milliseconds; `random` is in 0.0..1.0.
    pub fn next_ms(&mut self, random: f64) -> f64 {
        // Past 30 tries the power only overflows; the longest delay has long been reached.
        let grown = self.first_ms * GROWTH.powi(self.tries.min(30) as i32);
        self.tries = self.tries.saturating_add(1);
        grown.min(self.longest_ms) * (1.0 - JITTER * random.clamp(0.0, 1.0))
    }

    /// How often it failed in a row.
    pub fn tries(&self) -> u32 {
        self.tries
    }

    /// It worked: the next failure starts from the shortest delay.
    pub fn reset(&mut self) {
        self.tries = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_the_longest_and_start_over() {
        let mut backoff = Backoff::new(200.0, 500.0);
        assert_eq!(backoff.next_ms(0.0), 200.0);
        assert_eq!(backoff.next_ms(0.0), 300.0);
        for _ in 0..1000 {
            assert!(backoff.next_ms(0.5) <= 500.0);
        }
        backoff.reset();
        assert_eq!((backoff.tries(), backoff.next_ms(0.0)), (0, 200.0));
    }

    #[test]
    fn jitter_only_shortens() {
        let mut backoff = Backoff::new(100.0, 100.0);
        for random in [0.0, 0.3, 0.99, 7.0] {
            let delay = backoff.next_ms(random);
            assert!((70.0..=100.0).contains(&delay), "{delay}");
        }
    }
}
