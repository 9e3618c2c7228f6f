//! Memberships: months that somebody has paid for, counted for as long as no gap is longer than a few days.

use footlight_protocol::room::UnixMillis;
use footlight_protocol::spend::MONTH_MS;

/// So long after its end a membership can be renewed as if it had not ended.
const GRACE: UnixMillis = 3 * 24 * 3_600_000;
/// Nobody pays for more than so many months ahead.
const AHEAD: u64 = 12;

/// From when and until when somebody has paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Term {
    pub(crate) since: UnixMillis,
    pub(crate) until: UnixMillis,
}

impl Term {
    /// A month more, bought now: it begins where what was paid for ends. `None`: that is too far ahead.
    pub(crate) fn renewed(old: Option<Self>, now: UnixMillis) -> Option<Self> {
        let term = match old {
            Some(old) if now <= old.until.saturating_add(GRACE) => {
                // Days that nobody paid for are not counted among the months.
                let gap = now.saturating_sub(old.until);
                Self { since: old.since + gap, until: old.until.max(now) + MONTH_MS }
            }
            _ => Self { since: now, until: now + MONTH_MS },
        };
        (term.until <= now + AHEAD * MONTH_MS).then_some(term)
    }

    /// A month was given back.
    pub(crate) fn shortened(self) -> Self {
        Self { until: self.until.saturating_sub(MONTH_MS).max(self.since), ..self }
    }

    /// Months that are paid for, all in all.
    pub(crate) fn paid(&self) -> u32 {
        u32::try_from(self.until.saturating_sub(self.since).div_ceil(MONTH_MS)).unwrap_or(u32::MAX)
    }

    pub(crate) fn holds(&self, now: UnixMillis) -> bool {
        now < self.until
    }

    /// In which month of theirs somebody is, from 1; 0 for those who are no member.
    pub(crate) fn months(&self, now: UnixMillis) -> u8 {
        if !self.holds(now) {
            return 0;
        }
        let months = now.saturating_sub(self.since) / MONTH_MS + 1;
        u8::try_from(months).unwrap_or(u8::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: UnixMillis = 24 * 3_600_000;

    #[test]
    fn months_are_counted_over_renewals_and_short_gaps_and_not_over_long_ones() {
        let first = Term::renewed(None, 100 * DAY).unwrap();
        assert_eq!((first.until, first.months(100 * DAY)), (130 * DAY, 1));
        assert_eq!((first.months(130 * DAY - 1), first.months(130 * DAY)), (1, 0), "to the millisecond");
        // Early: nothing of what was paid for is lost, and no month is counted before it has begun.
        let early = Term::renewed(Some(first), 110 * DAY).unwrap();
        assert_eq!((early.until, early.months(111 * DAY), early.months(131 * DAY)), (160 * DAY, 1, 2));
        // Within the grace: it goes on, without the days in between.
        let late = Term::renewed(Some(early), 162 * DAY).unwrap();
        assert_eq!((late.since, late.until), (102 * DAY, 192 * DAY));
        assert_eq!(late.months(163 * DAY), 3);
        // And later it begins anew.
        let anew = Term::renewed(Some(late), 196 * DAY).unwrap();
        assert_eq!((anew.since, anew.months(197 * DAY)), (196 * DAY, 1));
    }

    #[test]
    fn nobody_pays_for_more_than_a_year_and_a_month_can_be_given_back() {
        let mut term = None;
        for _ in 0..AHEAD {
            term = Some(Term::renewed(term, 0).unwrap());
        }
        assert_eq!(Term::renewed(term, 0), None);
        let term = term.unwrap();
        assert_eq!(Term::renewed(Some(term), 1), None, "not a millisecond");
        assert!(Term::renewed(Some(term), MONTH_MS).is_some());
        let mut less = term.shortened();
        assert_eq!(less.until, 11 * MONTH_MS);
        for _ in 0..20 {
            less = less.shortened();
        }
        assert_eq!((less.until, less.months(0)), (0, 0));
    }
}
