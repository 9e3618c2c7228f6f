//! What viewers report, as moderators see it. Decisions on values.
//!
//! A report does nothing by itself: it puts a message before moderators, and how heavy it is says only how far in front. It
//! weighs [`FULL`]; of somebody who came a moment ago a quarter of it. Each of a reporter's reports that was dismissed within
//! thirty days halves it, as far as not as many were acted upon; from the third on theirs are kept and shown to nobody. So
//! neither a crowd nor many false identities can punish somebody, and whoever cries wolf is not heard any more.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use footlight_protocol::report::{Case, Complaint, Ground, MAX_CASE_WORDS, MAX_CASES, Step};
use footlight_protocol::room::{Badges, Member, Role, UnixMillis};
use footlight_protocol::{MessageId, UserId};

use crate::chat::pace::{Pace, Rate};

/// What a report of somebody known weighs, of whom nothing was dismissed.
pub(crate) const FULL: u32 = 8;
/// Who is known for less has a quarter of it.
pub(crate) const NEWCOMER: UnixMillis = 10 * 60_000;
/// More than so many dismissed reports than upheld ones, and nothing is left.
const PATIENCE: u32 = 2;
/// Reports by one person.
const BY_PERSON: Rate = Rate { most: 3, window: 60_000 };
/// Reports from one address, behind which there may be several people, or one with many names.
const BY_ADDRESS: Rate = Rate { most: 10, window: 600_000 };
/// Reports of one person that may wait at once.
pub(crate) const OPEN: u64 = 10;

/// What a report weighs of somebody of whom so many were dismissed and upheld of late.
pub(crate) fn weight(dismissed: u64, upheld: u64, newcomer: bool) -> u32 {
    let false_ones = u32::try_from(dismissed.saturating_sub(upheld)).unwrap_or(u32::MAX);
    let full = if newcomer { FULL / 4 } else { FULL };
    if false_ones > PATIENCE { 0 } else { (full >> false_ones).max(1) }
}

/// Whether somebody may report what `about` said.
pub(crate) fn may_report(by: &UserId, about: &Member) -> bool {
    about.id != *by && about.role != Role::Owner
}

/// A report that counts, without who made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filed {
    pub(crate) message: MessageId,
    pub(crate) at: UnixMillis,
    /// The author of the message.
    pub(crate) about: Member,
    pub(crate) text: String,
    pub(crate) ground: Ground,
    pub(crate) words: String,
    pub(crate) weight: u32,
    /// Steps that the author has behind them.
    pub(crate) earlier: usize,
}

#[derive(Debug)]
struct Open {
    case: Case,
    weight: u32,
    earlier: usize,
}

/// What waits, and how fast people report.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    open: BTreeMap<MessageId, Open>,
    of_people: HashMap<UserId, Pace>,
    of_addresses: HashMap<IpAddr, Pace>,
    /// Moderators have not been told of the newest.
    stale: bool,
}

impl Reports {
    pub(crate) fn new(filed: Vec<Filed>) -> Self {
        let mut reports = Self::default();
        filed.into_iter().for_each(|one| reports.add(one));
        reports
    }

    /// Counts a report, or says after how many milliseconds it may be tried again.
    pub(crate) fn take(&mut self, by: &UserId, address: IpAddr, now: UnixMillis) -> Result<(), u32> {
        self.of_people.entry(by.clone()).or_insert_with(|| Pace::new(BY_PERSON)).take(now)?;
        // On the loopback interface everybody has the same address.
        if !address.is_loopback() {
            self.of_addresses.entry(address).or_insert_with(|| Pace::new(BY_ADDRESS)).take(now)?;
        }
        Ok(())
    }

    /// Puts it before moderators, as far as it weighs anything.
    pub(crate) fn add(&mut self, filed: Filed) {
        let Filed { message, at, about, text, ground, words, weight, earlier } = filed;
        if weight == 0 {
            return;
        }
        let open = self.open.entry(message).or_insert_with(|| {
            let next = Step::after(earlier);
            let (complaints, words) = (Vec::new(), Vec::new());
            // What they gave is not for all who moderate.
            let by = Member { badges: Badges::default(), ..about };
            let case = Case { message, at, by, text, people: 0, complaints, words, next };
            Open { case, weight: 0, earlier }
        });
        open.weight = open.weight.saturating_add(weight);
        open.case.people += 1;
        match open.case.complaints.iter_mut().find(|complaint| complaint.ground == ground) {
            Some(complaint) => complaint.people += 1,
            None => open.case.complaints.push(Complaint { ground, people: 1 }),
        }
        open.case.complaints.sort_by_key(|complaint| std::cmp::Reverse(complaint.people));
        if !words.is_empty() {
            open.case.words.push(words);
            let old = open.case.words.len().saturating_sub(MAX_CASE_WORDS);
            open.case.words.drain(..old);
        }
        // The lightest is in the record only: who floods does not push out what many say.
        if self.open.len() > MAX_CASES {
            let lightest = self.open.iter().min_by_key(|(message, open)| (open.weight, **message));
            if let Some(lightest) = lightest.map(|(message, _)| *message) {
                self.open.remove(&lightest);
            }
        }
        self.stale = true;
    }

    /// The heaviest first.
    pub(crate) fn cases(&self) -> Vec<Case> {
        let mut open: Vec<&Open> = self.open.values().collect();
        open.sort_by_key(|open| (std::cmp::Reverse(open.weight), open.case.message));
        open.into_iter().map(|open| open.case.clone()).collect()
    }

    pub(crate) fn case(&self, message: MessageId) -> Option<&Case> {
        self.open.get(&message).map(|open| &open.case)
    }

    /// Nobody has to look at it any more.
    pub(crate) fn close(&mut self, message: MessageId) {
        self.stale |= self.open.remove(&message).is_some();
    }

    /// The same for all that somebody said.
    pub(crate) fn close_all_of(&mut self, author: &UserId) {
        let before = self.open.len();
        self.open.retain(|_, open| open.case.by.id != *author);
        self.stale |= self.open.len() < before;
    }

    /// Somebody went up the ladder by so many steps, or down.
    pub(crate) fn step(&mut self, user: &UserId, by: isize) {
        for open in self.open.values_mut().filter(|open| open.case.by.id == *user) {
            open.earlier = open.earlier.saturating_add_signed(by);
            open.case.next = Step::after(open.earlier);
            self.stale = true;
        }
    }

    /// Somebody is erased.
    pub(crate) fn erase(&mut self, user: &UserId) {
        self.close_all_of(user);
        self.of_people.remove(user);
    }

    /// Forgets what does not matter any more; gives what moderators have to be told.
    pub(crate) fn tick(&mut self, now: UnixMillis) -> Option<Vec<Case>> {
        self.of_people.retain(|_, pace| !pace.idle(now));
        self.of_addresses.retain(|_, pace| !pace.idle(now));
        std::mem::take(&mut self.stale).then(|| self.cases())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filed(message: u64, weight: u32, ground: Ground) -> Filed {
        let about = Member::new(format!("u{message}").parse().unwrap(), "Ada".into(), Role::Guest);
        let (text, words) = ("hm".to_owned(), format!("see {weight}"));
        Filed { message: MessageId(message), at: 1, about, text, ground, words, weight, earlier: 0 }
    }

    #[test]
    fn who_reports_falsely_weighs_less_and_then_nothing() {
        for (dismissed, upheld, newcomer, weighs) in [
            (0, 0, false, 8),
            (1, 0, false, 4),
            (2, 0, false, 2),
            (3, 0, false, 0),
            (3, 1, false, 2),
            (30, 40, false, 8),
            (0, 0, true, 2),
            (2, 0, true, 1),
            (3, 0, true, 0),
        ] {
            assert_eq!(weight(dismissed, upheld, newcomer), weighs, "{dismissed} {upheld} {newcomer}");
        }
    }

    #[test]
    fn a_flood_of_light_reports_does_not_bury_a_heavy_one() {
        let mut reports = Reports::default();
        (0..3).for_each(|_| reports.add(filed(7, FULL, Ground::Hate)));
        reports.add(filed(7, FULL, Ground::Spam));
        for message in 100..100 + 4 * MAX_CASES as u64 {
            reports.add(filed(message, 2, Ground::Other));
            reports.add(filed(message + 10_000, 0, Ground::Other));
        }
        let cases = reports.cases();
        assert_eq!((cases.len(), cases[0].message, cases[0].people), (MAX_CASES, MessageId(7), 4));
        let most = Complaint { ground: Ground::Hate, people: 3 };
        assert_eq!((cases[0].complaints[0], cases[0].words.len()), (most, MAX_CASE_WORDS));
        assert!(reports.tick(2).is_some_and(|told| told == cases) && reports.tick(3).is_none());
        reports.close(MessageId(7));
        assert!(reports.case(MessageId(7)).is_none() && reports.tick(4).is_some());
    }

    #[test]
    fn one_person_and_one_address_report_so_many_and_no_more() {
        let mut reports = Reports::default();
        let (user, here): (UserId, IpAddr) = ("a".parse().unwrap(), [192, 0, 2, 1].into());
        for n in 0..3 {
            assert_eq!(reports.take(&user, here, 1_000 + n), Ok(()));
        }
        assert!(reports.take(&user, here, 2_000).is_err());
        // The same with ever new names.
        let taken = (0..20).filter(|n| {
            let user: UserId = format!("bot{n}").parse().unwrap();
            reports.take(&user, here, 3_000).is_ok()
        });
        assert_eq!(taken.count(), BY_ADDRESS.most - 3);
    }

    #[test]
    fn the_next_step_follows_what_was_done() {
        let mut reports = Reports::new(vec![filed(1, FULL, Ground::Spam)]);
        reports.step(&"u1".parse().unwrap(), 2);
        assert_eq!(reports.case(MessageId(1)).unwrap().next, Step::TenMinutes);
        reports.step(&"u1".parse().unwrap(), -1);
        assert_eq!(reports.case(MessageId(1)).unwrap().next, Step::Minute);
        reports.close_all_of(&"u1".parse().unwrap());
        assert_eq!(reports.cases(), []);
    }
}
