//! The files of a replay on the broadcast's own line of time.

use footlight_protocol::replay::Part;

/// A hole shorter than this, in milliseconds, is a change of camera and not worth a mark.
const GAP_MS: u64 = 1_000;

/// A place in one of the files.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spot {
    pub part: usize,
    /// Seconds from the file's beginning.
    pub at_s: f64,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Timeline {
    parts: Vec<Part>,
}

impl Timeline {
    /// Parts in order of time.
    pub fn new(parts: Vec<Part>) -> Self {
        Self { parts }
    }

    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Media time at the end of the last file, in milliseconds.
    pub fn duration_ms(&self) -> u64 {
        self.parts.last().map_or(0, end)
    }

    /// Where a media time is to be found. What was not recorded is passed over; the end is the last file's end.
    pub fn spot(&self, ms: u64) -> Option<Spot> {
        let part = self.parts.iter().position(|part| ms < end(part)).or(self.parts.len().checked_sub(1))?;
        let Part { begins_ms, duration_ms, .. } = self.parts[part];
        let at = ms.saturating_sub(begins_ms).min(duration_ms);
        Some(Spot { part, at_s: at as f64 / 1_000.0 })
    }

    /// The media time of a place, in milliseconds.
    pub fn ms(&self, spot: Spot) -> u64 {
        let part = self.parts.get(spot.part);
        part.map_or(0, |part| {
            let at = (spot.at_s.max(0.0) * 1_000.0) as u64;
            part.begins_ms + at.min(part.duration_ms)
        })
    }

    /// The beginning of the file after this one.
    pub fn after(&self, part: usize) -> Option<Spot> {
        (part + 1 < self.parts.len()).then_some(Spot { part: part + 1, at_s: 0.0 })
    }

    /// The path of a file.
    pub fn media(&self, part: usize) -> Option<&str> {
        self.parts.get(part).map(|part| part.media.as_str())
    }

    /// What was not recorded, as shares of the whole: from and to.
    pub fn gaps(&self) -> Vec<(f64, f64)> {
        let all = self.duration_ms().max(1) as f64;
        let first = self.parts.first().map(|part| (0, part.begins_ms));
        let between = self.parts.windows(2).map(|pair| (end(&pair[0]), pair[1].begins_ms));
        let gaps = first.into_iter().chain(between).filter(|(from, to)| to.saturating_sub(*from) >= GAP_MS);
        gaps.map(|(from, to)| (from as f64 / all, to as f64 / all)).collect()
    }
}

fn end(part: &Part) -> u64 {
    part.begins_ms + part.duration_ms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(number: u32, begins_ms: u64, duration_ms: u64) -> Part {
        Part { media: format!("/main/replay/x/{number}.mp4"), begins_ms, duration_ms }
    }

    fn timeline() -> Timeline {
        Timeline::new(vec![part(1, 0, 10_000), part(2, 10_100, 5_000), part(3, 40_100, 59_900)])
    }

    #[test]
    fn every_time_is_in_a_file_and_holes_are_passed_over() {
        let timeline = timeline();
        assert_eq!(timeline.duration_ms(), 100_000);
        for (ms, part, at_s) in [
            (0, 0, 0.0),
            (9_999, 0, 9.999),
            (10_000, 1, 0.0),
            (10_600, 1, 0.5),
            (20_000, 2, 0.0),
            (50_100, 2, 10.0),
            (100_000, 2, 59.9),
            (900_000, 2, 59.9),
        ] {
            assert_eq!(timeline.spot(ms), Some(Spot { part, at_s }), "{ms}");
        }
        assert_eq!(Timeline::default().spot(5), None);
    }

    #[test]
    fn a_place_in_a_file_has_its_time() {
        let timeline = timeline();
        for ms in [0, 9_999, 10_600, 50_100, 100_000] {
            assert_eq!(timeline.ms(timeline.spot(ms).unwrap()), ms);
        }
        // A browser that says a little more than the file has.
        assert_eq!(timeline.ms(Spot { part: 0, at_s: 10.04 }), 10_000);
        assert_eq!(timeline.ms(Spot { part: 9, at_s: 1.0 }), 0);
        assert_eq!(timeline.after(1), Some(Spot { part: 2, at_s: 0.0 }));
        assert_eq!(timeline.after(2), None);
        assert_eq!(timeline.media(1), Some("/main/replay/x/2.mp4"));
    }

    #[test]
    fn only_holes_that_somebody_would_notice_are_marked() {
        assert_eq!(timeline().gaps(), [(0.151, 0.401)]);
        assert_eq!(Timeline::new(vec![part(1, 3_000, 7_000)]).gaps(), [(0.0, 0.3)]);
        assert!(Timeline::default().gaps().is_empty());
    }
}
