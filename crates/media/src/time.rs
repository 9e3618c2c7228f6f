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

    /// Media clock ticks at `rate` Hz since the Unix epoch, cut to RTP's 32 bits.
    pub const fn to_rtp(self, rate: u32) -> u32 {
        (self.0 as u128 * rate as u128 / 1_000_000) as u32
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
    fn rtp_ticks_do_not_drift() {
        let a = Time::from_micros(1_795_375_970_000_000);
        let b = a + Duration::from_secs(3600);
        assert_eq!(b.to_rtp(90_000).wrapping_sub(a.to_rtp(90_000)), 324_000_000);
    }
}
