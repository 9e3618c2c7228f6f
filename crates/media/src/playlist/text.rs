//! Playlists as text.

use std::fmt::{self, Write as _};
use std::time::Duration;

use super::{File, Media, Part, Segment, Variant};
use crate::{Time, time};

/// The protocol version that delta updates need (section 8).
const VERSION: u32 = 9;

/// The playlist that names the renditions.
pub fn multivariant(variants: &[Variant]) -> String {
    let mut out = format!("#EXTM3U\n#EXT-X-VERSION:{VERSION}\n");
    for variant in variants {
        let line = write_variant(&mut out, variant);
        line.expect("text takes all that is written");
    }
    out
}

fn write_variant(out: &mut String, variant: &Variant) -> fmt::Result {
    write!(out, "#EXT-X-STREAM-INF:BANDWIDTH={},AVERAGE-BANDWIDTH={}", variant.peak, variant.average)?;
    write!(out, ",CODECS=\"{}\"", variant.codecs)?;
    if let Some((width, height)) = variant.size {
        write!(out, ",RESOLUTION={width}x{height}")?;
    }
    writeln!(out, "\n{}", File::Playlist(variant.rendition))
}

impl Media<'_> {
    /// The text. With `skip` a delta update (section 4.4.5.2), where there is something to leave out.
    pub fn write(&self, skip: bool) -> String {
        let mut out = String::with_capacity(256 + 192 * self.complete.len());
        self.write_to(&mut out, skip).expect("text takes all that is written");
        out
    }

    fn write_to(&self, out: &mut String, skip: bool) -> fmt::Result {
        let terms = &self.terms;
        writeln!(out, "#EXTM3U\n#EXT-X-VERSION:{VERSION}\n#EXT-X-TARGETDURATION:{}", terms.target.as_secs())?;
        writeln!(
            out,
            "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL={},PART-HOLD-BACK={}",
            Seconds(terms.skip_until()),
            Seconds(terms.hold_back)
        )?;
        writeln!(out, "#EXT-X-PART-INF:PART-TARGET={}", Seconds(terms.part_target))?;
        let Some(first) = self.complete.first().or(self.growing) else { return Ok(()) };
        writeln!(out, "#EXT-X-MEDIA-SEQUENCE:{}", first.sequence)?;
        writeln!(out, "#EXT-X-DISCONTINUITY-SEQUENCE:{}", first.zone)?;
        let skipped = if skip { self.skippable() } else { 0 };
        if skipped > 0 {
            writeln!(out, "#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}")?;
        }
        let mut before = skipped.checked_sub(1).and_then(|last| self.complete.get(last));
        let mut left = self.length();
        for segment in self.complete {
            let distance = left;
            left = left.saturating_sub(segment.duration);
            if skipped > 0 && segment.sequence < first.sequence + skipped as u64 {
                continue;
            }
            self.write_tags(out, before, segment)?;
            if distance <= terms.parts_until() {
                self.write_parts(out, segment)?;
            }
            writeln!(out, "#EXTINF:{},", Seconds(segment.duration))?;
            writeln!(out, "{}", File::Segment(self.rendition, segment.sequence))?;
            before = Some(segment);
        }
        if let Some(growing) = self.growing {
            if !growing.parts.is_empty() {
                self.write_tags(out, before, growing)?;
                self.write_parts(out, growing)?;
            }
            if !self.ended {
                let next = File::Part(self.rendition, growing.sequence, growing.parts.len());
                writeln!(out, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{next}\"")?;
            }
        }
        for report in self.reports {
            let uri = File::Playlist(report.rendition);
            write!(out, "#EXT-X-RENDITION-REPORT:URI=\"{uri}\",LAST-MSN={}", report.sequence)?;
            if let Some(part) = report.part {
                write!(out, ",LAST-PART={part}")?;
            }
            out.push('\n');
        }
        if self.ended {
            writeln!(out, "#EXT-X-ENDLIST")?;
        }
        Ok(())
    }

    fn length(&self) -> Duration {
        self.complete.iter().chain(self.growing).map(|segment| segment.duration).sum()
    }

    /// How many of the oldest segments lie wholly before the skip boundary.
    fn skippable(&self) -> usize {
        let mut left = self.length();
        let before = |segment: &&Segment| {
            left = left.saturating_sub(segment.duration);
            left > self.terms.skip_until()
        };
        self.complete.iter().take_while(before).count()
    }

    /// What stands before a segment's parts and address.
    fn write_tags(&self, out: &mut String, before: Option<&Segment>, segment: &Segment) -> fmt::Result {
        // Two breaks with nothing between them are still two: the numbers of the renditions have to match.
        for _ in before.map_or(segment.zone, |before| before.zone)..segment.zone {
            writeln!(out, "#EXT-X-DISCONTINUITY")?;
        }
        if before.is_none_or(|before| before.init != segment.init) {
            writeln!(out, "#EXT-X-MAP:URI=\"{}\"", File::Init(self.rendition, segment.init))?;
        }
        writeln!(out, "#EXT-X-PROGRAM-DATE-TIME:{}", Date(segment.begins))
    }

    fn write_parts(&self, out: &mut String, segment: &Segment) -> fmt::Result {
        for (number, Part { duration, independent }) in segment.parts.iter().enumerate() {
            let uri = File::Part(self.rendition, segment.sequence, number);
            write!(out, "#EXT-X-PART:DURATION={},URI=\"{uri}\"", Seconds(*duration))?;
            out.push_str(if *independent { ",INDEPENDENT=YES\n" } else { "\n" });
        }
        Ok(())
    }
}

/// A decimal-floating-point of section 4.2, to the microsecond.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0.as_secs(), self.0.subsec_micros())
    }
}

/// ISO 8601 with milliseconds, in UTC.
struct Date(Time);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time::Date { year, month, day, hour, minute, second } = self.0.date();
        let millis = self.0.as_micros() / 1000 % 1000;
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, date) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399, "2000-02-28T23:59:59.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_709_251_200, "2024-03-01T00:00:00.000Z"),
            (1_795_375_970, "2026-11-22T19:32:50.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(Date(Time::from_micros(seconds * 1_000_000)).to_string(), date);
        }
        assert_eq!(Date(Time::from_micros(1_001_999)).to_string(), "1970-01-01T00:00:01.001Z");
    }
}
