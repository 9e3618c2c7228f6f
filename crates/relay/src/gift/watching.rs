//! Coins for having watched: how long people have, and what they are owed for it, decided on values.
//!
//! Time is what passes on the relay's clock between two reports of one person, whichever of their pages they are from; so
//! more pages make no more time. What is owed has a number within the person's day, which is in the name of its row in the
//! books: whatever is forgotten or said twice, no number is paid twice.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use footlight_protocol::coin::Watch;
use footlight_protocol::room::UnixMillis;
use footlight_protocol::{Nonce, UserId};

use super::ledger::{HOUR, Purse};

/// Pages report every five seconds; who was silent for longer has not watched meanwhile.
const LONGEST_GAP: UnixMillis = 12_000;
const MINUTE: UnixMillis = 60_000;
const DAY: UnixMillis = 24 * HOUR;
/// People whose time is known. Full ⇒ newcomers' is not counted until the day is over.
const MOST: usize = 50_000;
/// People at one address whose time counts at once: a household, not a farm. Loopback is not counted.
const PER_ADDRESS: usize = 4;
/// Of what has changed, so much is kept at once …
pub(crate) const KEPT_AT_ONCE: usize = 128;
/// … and of one person not more often than this.
const KEPT_EVERY: UnixMillis = 60_000;

/// One person's time, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) user: UserId,
    /// Days since 1970 in UTC.
    pub(crate) day: u64,
    /// Rewards of that day.
    pub(crate) count: u32,
    /// Coins of that day.
    pub(crate) coins: u64,
    /// Watched, and not rewarded yet.
    pub(crate) millis: u64,
}

/// A reward that is to be paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) user: UserId,
    pub(crate) day: u64,
    /// From 1 within the day.
    pub(crate) number: u32,
    pub(crate) coins: u64,
    /// What it is for, milliseconds.
    period: u64,
}

impl Due {
    /// Under which name the books know it.
    pub(crate) fn nonce(&self, purse: &Purse) -> Option<Nonce> {
        format!("w{}-{}-{}", self.day, self.number, purse.as_str()).parse().ok()
    }
}

#[derive(Debug, Clone, Default)]
struct Watched {
    count: u32,
    coins: u64,
    millis: u64,
    last: Option<UnixMillis>,
    kept_at: UnixMillis,
    changed: bool,
    is_due: bool,
}

/// Everybody's time in a room.
#[derive(Debug, Default)]
pub(crate) struct Watching {
    day: u64,
    people: HashMap<UserId, Watched>,
    /// Who reported from where, and when last.
    there: HashMap<IpAddr, Vec<(UserId, UnixMillis)>>,
    /// Whose turn it is to be paid; each at most once.
    due: VecDeque<UserId>,
}

impl Watching {
    pub(crate) fn open(kept: Vec<Kept>, now: UnixMillis) -> Self {
        let day = now / DAY;
        let of = |kept: Kept| {
            let today = kept.day == day;
            let (count, coins) = if today { (kept.count, kept.coins) } else { (0, 0) };
            (kept.user, Watched { count, coins, millis: kept.millis, ..Watched::default() })
        };
        Self { day, people: kept.into_iter().map(of).collect(), ..Self::default() }
    }

    /// A page of that person plays the broadcast.
    pub(crate) fn report(&mut self, user: &UserId, address: IpAddr, watch: &Watch, now: UnixMillis) {
        self.turn_day(now);
        if !self.has_place(user, address, now) {
            return;
        }
        if !self.people.contains_key(user) && self.people.len() >= MOST {
            return;
        }
        let watched = self.people.entry(user.clone()).or_default();
        let gap = watched.last.replace(now).map_or(0, |last| now.saturating_sub(last));
        if gap == 0
            || gap > LONGEST_GAP
            || watched.coins + u64::from(watch.coins) > u64::from(watch.most_a_day)
        {
            return;
        }
        watched.millis += gap;
        watched.changed = true;
        if watched.millis >= period(watch) && !watched.is_due {
            watched.is_due = true;
            self.due.push_back(user.clone());
        }
    }

    fn has_place(&mut self, user: &UserId, address: IpAddr, now: UnixMillis) -> bool {
        if address.is_loopback() {
            return true;
        }
        let there = self.there.entry(address).or_default();
        there.retain(|(_, last)| last + LONGEST_GAP > now);
        if let Some((_, last)) = there.iter_mut().find(|(one, _)| one == user) {
            *last = now;
            return true;
        }
        if there.len() >= PER_ADDRESS {
            return false;
        }
        there.push((user.clone(), now));
        true
    }

    /// A new day has new caps; what was watched stays.
    fn turn_day(&mut self, now: UnixMillis) {
        let day = now / DAY;
        if day <= self.day {
            return;
        }
        self.day = day;
        self.people.retain(|_, watched| watched.last.is_some_and(|last| last + HOUR > now));
        for watched in self.people.values_mut() {
            (watched.count, watched.coins, watched.changed) = (0, 0, true);
        }
        self.there.retain(|_, people| people.iter().any(|(_, last)| last + LONGEST_GAP > now));
    }

    /// The next of those who are owed something, in the order in which they were. They count as paid from now on.
    pub(crate) fn take_due(&mut self, watch: &Watch, most: usize) -> Vec<Due> {
        let mut taken = Vec::new();
        while taken.len() < most {
            let Some(user) = self.due.pop_front() else { break };
            let Some(watched) = self.people.get_mut(&user) else { continue };
            watched.is_due = false;
            let (period, coins) = (period(watch), u64::from(watch.coins));
            // The creator may have changed what is given for how long.
            if watched.millis < period || watched.coins + coins > u64::from(watch.most_a_day) {
                continue;
            }
            watched.millis -= period;
            watched.count += 1;
            watched.coins += coins;
            watched.changed = true;
            taken.push(Due { user, day: self.day, number: watched.count, coins, period });
        }
        taken
    }

    /// That number was paid in an earlier life of the room: the time is good for the next one.
    pub(crate) fn paid_before(&mut self, due: &Due) {
        if let Some(watched) = self.people.get_mut(&due.user) {
            watched.millis += due.period;
            if !watched.is_due {
                watched.is_due = true;
                self.due.push_back(due.user.clone());
            }
        }
    }

    /// It could not be kept: it is owed as before.
    pub(crate) fn not_paid(&mut self, due: &Due) {
        if let Some(watched) = self.people.get_mut(&due.user).filter(|_| due.day == self.day) {
            watched.count = watched.count.saturating_sub(1);
            watched.coins = watched.coins.saturating_sub(due.coins);
        }
        self.paid_before(due);
    }

    pub(crate) fn erase(&mut self, user: &UserId) {
        self.people.remove(user);
        self.due.retain(|due| due != user);
        self.there.values_mut().for_each(|people| people.retain(|(one, _)| one != user));
    }

    /// What has changed and was not kept for a while; with `all`, all of it.
    pub(crate) fn take_changed(&mut self, now: UnixMillis, all: bool) -> Vec<Kept> {
        let day = self.day;
        let stale = |watched: &Watched| watched.changed && (all || watched.kept_at + KEPT_EVERY <= now);
        let changed = self.people.iter_mut().filter(|(_, watched)| stale(watched));
        changed
            .take(if all { MOST } else { KEPT_AT_ONCE })
            .map(|(user, watched)| {
                (watched.changed, watched.kept_at) = (false, now);
                let Watched { count, coins, millis, .. } = *watched;
                Kept { user: user.clone(), day, count, coins, millis }
            })
            .collect()
    }

    /// Addresses from which nobody has reported for a while are forgotten.
    pub(crate) fn forget(&mut self, now: UnixMillis) {
        self.there.retain(|_, people| people.iter().any(|(_, last)| last + LONGEST_GAP > now));
    }
}

fn period(watch: &Watch) -> u64 {
    u64::from(watch.minutes) * MINUTE
}

#[cfg(test)]
mod tests {
    use super::*;

    const WATCH: Watch = Watch { coins: 5, minutes: 10, most_a_day: 20 };
    const START: UnixMillis = 20_000 * DAY;
    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn user(id: &str) -> UserId {
        id.parse().unwrap()
    }

    /// Reports of so many pages, every five seconds each, from one instant to another.
    fn watch(watching: &mut Watching, id: &str, pages: u64, from: UnixMillis, until: UnixMillis) {
        let mut now = from;
        while now <= until {
            for page in 0..pages {
                watching.report(&user(id), HOME, &WATCH, now + page * 7);
            }
            now += 5_000;
        }
    }

    fn numbers(due: &[Due]) -> Vec<(&str, u32)> {
        due.iter().map(|due| (due.user.as_str(), due.number)).collect()
    }

    #[test]
    fn time_is_counted_once_whatever_the_number_of_pages() {
        let mut watching = Watching::default();
        watch(&mut watching, "ann", 1, START, START + 10 * MINUTE - 5_000);
        watch(&mut watching, "bob", 5, START, START + 10 * MINUTE - 5_000);
        assert_eq!(watching.take_due(&WATCH, 9), []);
        watch(&mut watching, "ann", 1, START + 10 * MINUTE, START + 10 * MINUTE);
        watch(&mut watching, "bob", 5, START + 10 * MINUTE, START + 10 * MINUTE);
        assert_eq!(numbers(&watching.take_due(&WATCH, 9)), [("ann", 1), ("bob", 1)]);
        assert_eq!(watching.take_due(&WATCH, 9), []);
        // Silence is no time, and a clock that was set back neither.
        watching.report(&user("ann"), HOME, &WATCH, START + 60 * MINUTE);
        watching.report(&user("ann"), HOME, &WATCH, START);
        assert_eq!(watching.take_due(&WATCH, 9), []);
    }

    #[test]
    fn a_day_has_its_cap_and_the_next_one_its_own() {
        let mut watching = Watching::default();
        let mut given = Vec::new();
        let day = |watching: &mut Watching, from: UnixMillis, given: &mut Vec<Due>| {
            for step in 0..12 {
                let begin = from + step * 10 * MINUTE;
                watch(watching, "ann", 1, begin, begin + 10 * MINUTE);
                given.extend(watching.take_due(&WATCH, 9));
            }
        };
        day(&mut watching, START, &mut given);
        assert_eq!(given.iter().map(|due| due.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
        day(&mut watching, START + DAY, &mut given);
        assert_eq!(given.len(), 8);
        let purse: Purse = "abcdefghijkmnopqrstuvwxy".parse().unwrap();
        let names: std::collections::HashSet<_> =
            given.iter().map(|due| due.nonce(&purse).unwrap()).collect();
        assert_eq!(names.len(), 8, "no two have a name in common");
    }

    #[test]
    fn what_was_forgotten_is_not_paid_twice_and_nothing_is_lost() {
        let mut watching = Watching::default();
        watch(&mut watching, "ann", 1, START, START + 10 * MINUTE);
        let first = watching.take_due(&WATCH, 9).remove(0);
        // It could not be kept: the same number again.
        watching.not_paid(&first);
        assert_eq!(watching.take_due(&WATCH, 9), std::slice::from_ref(&first));
        let kept = watching.take_changed(START, true);
        assert_eq!((kept.len(), kept[0].count, kept[0].coins, kept[0].millis), (1, 1, 5, 0));
        assert_eq!(watching.take_changed(START + DAY / 2, false), []);
        // The relay was killed before that was kept: the number is known to the books, and the time goes to the next one.
        let mut watching = Watching::open(Vec::new(), START);
        watch(&mut watching, "ann", 1, START, START + 10 * MINUTE);
        let again = watching.take_due(&WATCH, 9).remove(0);
        assert_eq!(again.number, first.number);
        watching.paid_before(&again);
        assert_eq!(numbers(&watching.take_due(&WATCH, 9)), [("ann", 2)]);
        // And after an ordered end it goes on where it was.
        let mut watching = Watching::open(kept, START);
        watch(&mut watching, "ann", 1, START, START + 10 * MINUTE);
        assert_eq!(numbers(&watching.take_due(&WATCH, 9)), [("ann", 2)]);
    }

    #[test]
    fn a_crowd_is_paid_in_turns_and_a_farm_is_not() {
        let mut watching = Watching::default();
        for n in 0..100 {
            watch(&mut watching, &format!("u{n}"), 1, START, START + 10 * MINUTE);
        }
        let turns: Vec<usize> = (0..4).map(|_| watching.take_due(&WATCH, 40).len()).collect();
        assert_eq!(turns, [40, 40, 20, 0]);
        let mut farm = Watching::default();
        let far: IpAddr = [192, 0, 2, 1].into();
        for step in 0..=120 {
            for n in 0..50 {
                farm.report(&user(&format!("u{n}")), far, &WATCH, START + step * 5_000);
            }
        }
        assert_eq!(farm.take_due(&WATCH, 99).len(), PER_ADDRESS);
    }
}
