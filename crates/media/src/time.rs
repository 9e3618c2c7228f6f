//! The one clock. Every frame and packet carries the instant it was captured as a [`Time`]; RTP timestamps,
//! NTP stamps and file times are views of it.

use std::ops::{Add, Sub};
use std::time::Duration;

/// Seconds from the NTP epoch (1900) to the Unix epoch (1970), RFC 868.
const NTP_TO_UNIX: u64 = 2_208_988_800;

/// An instant: microseconds since the Unix epoch. Good until the year 586 000.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Time(u64);

impl Time {
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// How long after `earlier`; zero where it is not.
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// 64-bit NTP format, 32.32 fixed point seconds since 1900 (RFC 5905 section 6), as abs-capture-time
    /// and RTCP sender reports carry it.
    pub const fn to_ntp(self) -> u64 {
        let seconds = self.0 / 1_000_000 + NTP_TO_UNIX;
        let fraction = ((self.0 % 1_000_000) << 32) / 1_000_000;
        (seconds << 32) | fraction
    }

    /// From 64-bit NTP format; an instant before 1970 becomes 1970.
    pub const fn from_ntp(ntp: u64) -> Self {
        let seconds = (ntp >> 32).saturating_sub(NTP_TO_UNIX);
        // Rounded, not cut: the way there and back must not drift.
        let micros = ((ntp & 0xffff_ffff) * 1_000_000 + (1 << 31)) >> 32;
        Self(seconds * 1_000_000 + micros)
    }

    /// The calendar's view of it, in UTC.
    pub const fn date(self) -> Date {
        /// Days of 400 years, and from 0000-03-01 to 1970-01-01. Years are counted from March, so that the leap
        /// day is a year's last.
        const ERA: u64 = 146_097;
        const SHIFT: u64 = 719_468;
        const DAY: u64 = 86_400;
        let seconds = self.0 / 1_000_000;
        let days = seconds / DAY + SHIFT;
        let (era, of_era) = (days / ERA, days % ERA);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        Date {
            year: era * 400 + year_of_era + next,
            month,
            day,
            hour: seconds % DAY / 3600,
            minute: seconds / 60 % 60,
            second: seconds % 60,
        }
    }

    /// Media clock ticks at `rate` Hz since the Unix epoch, cut to RTP's 32 bits.
    pub const fn to_rtp(self, rate: u32) -> u32 {
        (self.0 as u128 * rate as u128 / 1_000_000) as u32
    }
}

/// An instant of the calendar, months and days from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    pub year: u64,
    pub month: u64,
    pub day: u64,
    pub hour: u64,
    pub minute: u64,
    pub second: u64,
}

impl Date {
    /// The instant; `None` before 1970, and where a number is none of the calendar's or the clock's.
    pub fn time(self) -> Option<Time> {
        let Self { year, month, day, hour, minute, second } = self;
        let sane = (1970..10_000).contains(&year)
            && (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        if !sane {
            return None;
        }
        // As in `Time::date`: years from March, in eras.
        let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let of_era = year % 400;
        let of_year = (153 * month + 2) / 5 + day - 1;
        let days = year / 400 * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year;
        let seconds = days.checked_sub(719_468)? * 86_400 + hour * 3600 + minute * 60 + second;
        Some(Time::from_micros(seconds * 1_000_000))
    }
}

impl Add<Duration> for Time {
    type Output = Time;
    fn add(self, duration: Duration) -> Time {
        Time(self.0 + duration.as_micros() as u64)
    }
}

impl Sub<Duration> for Time {
    type Output = Time;
    fn sub(self, duration: Duration) -> Time {
        Time(self.0.saturating_sub(duration.as_micros() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ntp_and_back_is_exact() {
        for micros in [0, 1, 999_999, 1_000_000, 1_795_375_970_123_457] {
            let time = Time::from_micros(micros);
            assert_eq!(Time::from_ntp(time.to_ntp()), time);
        }
        assert_eq!(Time::from_micros(0).to_ntp(), 2_208_988_800 << 32);
    }

    #[test]
    fn the_calendar_and_back_is_exact() {
        for day in (0..80_000).step_by(17) {
            let time = Time::from_micros((day * 86_400 + day) * 1_000_000);
            assert_eq!(time.date().time(), Some(time));
        }
        let leap = Date { year: 2024, month: 2, day: 29, hour: 23, minute: 59, second: 59 };
        assert_eq!(leap.time().map(Time::date), Some(leap));
        for wrong in [
            Date { month: 0, ..leap },
            Date { month: 13, ..leap },
            Date { hour: 24, ..leap },
            Date { year: 1969, ..leap },
            Date { day: 0, ..leap },
            Date { year: u64::MAX, ..leap },
        ] {
            assert_eq!(wrong.time(), None, "{wrong:?}");
        }
    }

    #[test]
    fn rtp_ticks_do_not_drift() {
        let a = Time::from_micros(1_795_375_970_000_000);
        let b = a + Duration::from_secs(3600);
        assert_eq!(b.to_rtp(90_000).wrapping_sub(a.to_rtp(90_000)), 324_000_000);
    }
}
