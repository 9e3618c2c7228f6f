//! How long an output waits before it tries again.

use std::time::Duration;

use super::{Refusal, random_u32};

/// Viewers wait for the creator's own page: it is knocked at often.
const HOME_FIRST: Duration = Duration::from_millis(200);
/// Platforms are not.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);
/// A key that was refused is refused again until somebody changes it, there or here.
const REFUSED: Duration = Duration::from_secs(60);
/// A connection that held for so long was one; a shorter one counts as a failure.
const LONG: Duration = Duration::from_secs(10);
const HOME_LONG: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Backoff {
    home: bool,
    pause: Duration,
}

impl Backoff {
    /// `home`: the creator's own page, or what stands in its stead.
    pub(super) fn new(home: bool) -> Self {
        Self { home, pause: if home { HOME_FIRST } else { FIRST } }
    }

    /// Whether a connection that held for so long begins a new count.
    pub(super) fn was_long(&self, held: Duration) -> bool {
        held >= if self.home { HOME_LONG } else { LONG }
    }

    /// Until the next try, three quarters to five quarters of it, so that many studios do not all knock at once after
    /// a server's restart.
    pub(super) fn pause(&mut self, refusal: &Refusal) -> Duration {
        let pause = if self.home {
            let longest = home_longest(refusal);
            let pause = self.pause.min(longest);
            self.pause = (pause * 3 / 2).min(longest);
            pause
        } else if matches!(refusal, Refusal::Key) {
            REFUSED
        } else {
            let pause = self.pause;
            self.pause = (pause * 2).min(LONGEST);
            pause
        };
        jittered(pause)
    }
}

/// A closed port is cheap to ask and, once open again, viewers wait for us; a relay that answers "no" is left alone for
/// longer.
fn home_longest(refusal: &Refusal) -> Duration {
    match refusal {
        Refusal::Unreachable(_) => Duration::from_millis(500),
        Refusal::Key => Duration::from_secs(5),
        _ => Duration::from_secs(2),
    }
}

fn jittered(pause: Duration) -> Duration {
    pause * (192 + random_u32() % 128) / 256
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(home: bool, refusal: &Refusal, count: usize) -> Vec<u64> {
        let mut backoff = Backoff::new(home);
        (0..count).map(|_| backoff.pause(refusal).as_millis() as u64).collect()
    }

    #[test]
    fn a_platform_is_asked_less_and_less_often_and_the_own_page_soon() {
        let near = |pause: u64, wanted: u64| (wanted * 3 / 4..=wanted * 5 / 4).contains(&pause);
        let gone = Refusal::Unreachable(String::new());
        for (pause, wanted) in pauses(false, &gone, 8).into_iter().zip([1, 2, 4, 8, 16, 30, 30, 30]) {
            assert!(near(pause, wanted * 1000), "{pause} ms, not {wanted} s");
        }
        assert!(pauses(false, &Refusal::Key, 3).into_iter().all(|pause| near(pause, 60_000)));
        assert!(pauses(true, &gone, 50).into_iter().all(|pause| (150..=625).contains(&pause)));
        assert!(pauses(true, &Refusal::Key, 50).into_iter().all(|pause| pause <= 6_250));
    }

    #[test]
    fn a_door_that_closes_again_at_once_counts_as_closed() {
        assert!(!Backoff::new(false).was_long(Duration::from_secs(2)));
        assert!(Backoff::new(false).was_long(Duration::from_secs(20)));
        assert!(Backoff::new(true).was_long(Duration::from_secs(2)));
    }
}
