//! Guessing made slow: after some failures each further try has to wait, longer each time. On values, told the time.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};

use footlight_protocol::room::UnixMillis;

/// Keys that are remembered. Full ⇒ the one that was quiet for longest is forgotten.
const KEYS: usize = 4_096;
/// Failures are forgotten after this long without one, in milliseconds.
const FORGIVEN: UnixMillis = 60 * 60_000;

/// How patient it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// Tries without a wait.
    pub(crate) free: u32,
    /// The longest wait, in milliseconds. The first is of a second, and each is twice the one before.
    pub(crate) longest: UnixMillis,
}

#[derive(Debug, Clone, Copy)]
struct Tries {
    count: u32,
    at: UnixMillis,
    /// When the next one may be.
    next: UnixMillis,
}

/// Tries by key.
#[derive(Debug)]
pub(crate) struct Throttle<K> {
    patience: Patience,
    tries: HashMap<K, Tries>,
}

impl<K: Hash + Eq + Clone> Throttle<K> {
    pub(crate) fn new(patience: Patience) -> Self {
        Self { patience, tries: HashMap::new() }
    }

    /// For how many milliseconds a try has to wait, if at all.
    pub(crate) fn wait(&self, key: &K, now: UnixMillis) -> Option<u64> {
        let tries = self.tries.get(key)?;
        // A clock that was set back must not lock anybody out for longer than the longest wait.
        let wait = tries.next.saturating_sub(now).min(self.patience.longest);
        (wait > 0).then_some(wait)
    }

    /// A try begins, and counts as a failure until [`Throttle::forgive`]: of many that begin at once none slips through.
    pub(crate) fn count(&mut self, key: K, now: UnixMillis) {
        if self.tries.len() >= KEYS && !self.tries.contains_key(&key) {
            self.make_room(now);
        }
        let Patience { free, longest } = self.patience;
        let tries = self.tries.entry(key).or_insert(Tries { count: 0, at: now, next: 0 });
        if tries.at + FORGIVEN <= now {
            tries.count = 0;
        }
        tries.count = tries.count.saturating_add(1);
        let doublings = tries.count.checked_sub(free);
        let wait = doublings.map_or(0, |n| 1_000_u64.checked_shl(n.min(30)).unwrap_or(longest).min(longest));
        (tries.at, tries.next) = (now, now + wait);
    }

    pub(crate) fn forgive(&mut self, key: &K) {
        self.tries.remove(key);
    }

    fn make_room(&mut self, now: UnixMillis) {
        self.tries.retain(|_, tries| now < tries.at + FORGIVEN);
        if self.tries.len() >= KEYS {
            let quietest = self.tries.iter().min_by_key(|(_, tries)| tries.at).map(|(key, _)| key.clone());
            if let Some(key) = quietest {
                self.tries.remove(&key);
            }
        }
    }
}

/// Whose address it is: one household has a whole /64 of IPv6 to itself. On the loopback interface everybody has the same
/// address, which says nothing.
pub(crate) fn household(address: IpAddr) -> Option<IpAddr> {
    match address.to_canonical() {
        address if address.is_loopback() => None,
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            Some(IpAddr::V6(Ipv6Addr::from(network)))
        }
        address => Some(address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_are_bounded_and_end() {
        let mut throttle = Throttle::new(Patience { free: 3, longest: 60_000 });
        let (mut now, mut waits) = (1_000_000, Vec::new());
        for _ in 0..11 {
            throttle.count("ada", now);
            let wait = throttle.wait(&"ada", now).unwrap_or(0);
            waits.push(wait / 1_000);
            now += wait;
        }
        assert_eq!(waits, [0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(throttle.wait(&"bob", now), None, "nobody else waits");
        throttle.forgive(&"ada");
        assert_eq!(throttle.wait(&"ada", now - 1), None);
    }

    #[test]
    fn failures_are_forgotten_and_a_clock_set_back_locks_nobody_out() {
        let mut throttle = Throttle::new(Patience { free: 1, longest: 60_000 });
        throttle.count("ada", 10 * FORGIVEN);
        assert_eq!(throttle.wait(&"ada", 0), Some(60_000));
        throttle.count("ada", 12 * FORGIVEN);
        assert_eq!(throttle.wait(&"ada", 12 * FORGIVEN), Some(1_000));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut throttle = Throttle::new(Patience { free: 1, longest: 60_000 });
        for n in 0..KEYS as u64 + 100 {
            throttle.count(n, 1_000_000 + n);
        }
        assert_eq!(throttle.tries.len(), KEYS);
        assert!(throttle.wait(&(KEYS as u64 + 99), 1_000_000 + KEYS as u64).is_some());
    }

    #[test]
    fn a_household_is_one_address_or_one_network() {
        let of = |text: &str| household(text.parse().unwrap()).map(|address| address.to_string());
        assert_eq!(of("192.0.2.7"), Some("192.0.2.7".to_owned()));
        assert_eq!(of("::ffff:192.0.2.7"), Some("192.0.2.7".to_owned()));
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), of("2001:db8:1:2::9"));
        assert_ne!(of("2001:db8:1:2::9"), of("2001:db8:1:3::9"));
        assert_eq!((of("127.0.0.1"), of("::1")), (None, None));
    }
}
