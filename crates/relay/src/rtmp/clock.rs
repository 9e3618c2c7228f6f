//! RTMP's timestamps on the relay's clock.
//!
//! They are milliseconds from a beginning of the publisher's choice, wrap after 49 days, and are those of decoding.
//! Sound and picture count from the same beginning and share the shift to the relay's clock, so they stay together.

use std::time::Duration;

use footlight_media::flv::Unit;
use footlight_media::{Packet, Time};

use crate::ingest::align::Stamps;

/// RTMP's ticks a second.
const RATE: u32 = 1000;
/// A picture is shown at most so long after it was decoded; more is damage.
const MOST_COMPOSITION: i32 = 5_000;

#[derive(Debug)]
pub(super) struct Clock(Stamps);

impl Clock {
    pub(super) fn new() -> Self {
        Self(Stamps::new(RATE))
    }

    /// The packet of what arrived at `now` with this timestamp. The publisher's fastest packet of late counts as just
    /// captured.
    pub(super) fn stamp(&mut self, unit: Unit, timestamp: u32, now: Time) -> Packet {
        let composition = unit.composition.clamp(0, MOST_COMPOSITION) as u32;
        Packet {
            codec: unit.codec,
            captured: self.0.by_arrival(timestamp.wrapping_add(composition), now),
            composition: Duration::from_millis(composition.into()),
            keyframe: unit.keyframe,
            data: unit.data,
        }
    }
}

#[cfg(test)]
mod tests {
    use footlight_media::Codec;

    use super::*;

    fn unit(codec: Codec, composition: i32) -> Unit {
        Unit { codec, keyframe: true, composition, data: vec![1].into() }
    }

    fn at(millis: u64) -> Time {
        Time::from_micros(1_795_375_970_000_000 + millis * 1000)
    }

    #[test]
    fn sound_and_picture_stay_together_over_jitter_and_the_wrap() {
        let mut clock = Clock::new();
        let begin = u32::MAX - 500;
        for n in 0..100u32 {
            let timestamp = begin.wrapping_add(n * 20);
            // Late by 0 to 30 ms, and by the same for neither of the two.
            let arrived = at(u64::from(n) * 20 + u64::from(n % 4) * 10);
            let picture = clock.stamp(unit(Codec::H264, 0), timestamp, arrived);
            let sound = clock.stamp(unit(Codec::Aac, 0), timestamp, arrived + Duration::from_millis(7));
            assert_eq!(picture.captured, sound.captured);
            assert_eq!(picture.captured, at(u64::from(n) * 20));
        }
    }

    #[test]
    fn a_reordered_picture_is_decoded_before_it_is_shown_and_arrived_after_it_was_captured() {
        let mut clock = Clock::new();
        for (n, composition) in [(0u32, 80), (1, 200), (2, 80), (3, 0), (4, 40)] {
            let arrived = at(u64::from(n) * 40 + 500);
            let packet = clock.stamp(unit(Codec::H264, composition), n * 40, arrived);
            assert_eq!(packet.composition, Duration::from_millis(composition as u64));
            assert!(packet.captured <= arrived);
        }
        let odd = clock.stamp(unit(Codec::H264, -40), 200, at(700));
        assert_eq!(odd.composition, Duration::ZERO);
        let damaged = clock.stamp(unit(Codec::H264, i32::MAX), 240, at(740));
        assert_eq!(damaged.composition, Duration::from_secs(5));
    }

    #[test]
    fn an_encoder_that_begins_anew_is_followed() {
        let mut clock = Clock::new();
        for n in 0..50 {
            clock.stamp(unit(Codec::H264, 0), 3_600_000 + n * 20, at(u64::from(n) * 20));
        }
        let again = clock.stamp(unit(Codec::H264, 0), 0, at(1000));
        assert_eq!(again.captured, at(1000));
    }
}
