//! A live media playlist (RFC 8216bis section 4.4): segments, parts, and what the server can do.

use super::tag::{attribute, date_ms, seconds};

/// Segments that are kept; a longer window is cut at its old end, where nobody joins.
const MOST_SEGMENTS: usize = 1_024;
/// Parts of one segment. Above it the playlist is broken.
const MOST_PARTS: usize = 256;

/// What one load of the playlist said.
#[derive(Debug, Clone, PartialEq)]
pub struct Playlist {
    /// Longest segment, in seconds.
    pub target_s: f64,
    /// Longest part, in seconds; none where the server makes no parts.
    pub part_s: Option<f64>,
    /// How far from the end the server wants players to be, in seconds.
    pub hold_back_s: f64,
    /// Whether a reload may ask the server to wait for what comes next.
    pub blocks: bool,
    /// Number of the first segment.
    pub first: u64,
    /// Oldest first. The last may still be growing: then it has no `uri`.
    pub segments: Vec<Segment>,
    /// Nothing more will come.
    pub ended: bool,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Segment {
    pub uri: Option<String>,
    pub duration_s: f64,
    /// The initialisation section that its media needs.
    pub map: Option<String>,
    /// Grows by one at every break in the timeline.
    pub discontinuity: u64,
    /// When its first picture was captured, in milliseconds since the Unix epoch.
    pub captured_ms: Option<f64>,
    /// May be empty for older segments.
    pub parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    pub uri: String,
    pub duration_s: f64,
    /// Decoding can begin here.
    pub independent: bool,
}

/// Why a text is not a playlist that can be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invalid {
    /// Not a media playlist at all.
    Foreign,
    /// A value that makes no sense.
    Value,
    /// Uses what is not followed here: byte ranges, encryption, delta updates.
    Unsupported,
}

impl Playlist {
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let mut lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
        if lines.next() != Some("#EXTM3U") {
            return Err(Invalid::Foreign);
        }
        let mut reader = Reader::default();
        for line in lines.filter(|line| !line.is_empty()) {
            match line.strip_prefix('#') {
                Some(tag) => reader.tag(tag)?,
                None => reader.segment(line)?,
            }
        }
        reader.finish()
    }

    /// How long the segment is so far, in seconds.
    pub fn length_s(segment: &Segment) -> f64 {
        if segment.uri.is_some() {
            segment.duration_s
        } else {
            segment.parts.iter().map(|part| part.duration_s).sum()
        }
    }
}

#[derive(Default)]
struct Reader {
    target_s: Option<f64>,
    part_s: Option<f64>,
    hold_back_s: Option<f64>,
    part_hold_back_s: Option<f64>,
    blocks: bool,
    first: u64,
    discontinuity: u64,
    segments: std::collections::VecDeque<Segment>,
    ended: bool,
    /// What the lines since the last segment said of the next one.
    next: Segment,
    map: Option<String>,
    /// Where the segment that comes starts, as far as it follows from the one before.
    captured_ms: Option<f64>,
}

impl Reader {
    fn tag(&mut self, tag: &str) -> Result<(), Invalid> {
        let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
        match name {
            "EXT-X-TARGETDURATION" => self.target_s = Some(seconds(value).ok_or(Invalid::Value)?),
            "EXT-X-PART-INF" => {
                self.part_s = attribute(value, "PART-TARGET").and_then(seconds).filter(|s| *s > 0.0);
            }
            "EXT-X-SERVER-CONTROL" => {
                self.blocks = attribute(value, "CAN-BLOCK-RELOAD") == Some("YES");
                self.hold_back_s = attribute(value, "HOLD-BACK").and_then(seconds);
                self.part_hold_back_s = attribute(value, "PART-HOLD-BACK").and_then(seconds);
            }
            "EXT-X-MEDIA-SEQUENCE" => self.first = value.parse().map_err(|_| Invalid::Value)?,
            "EXT-X-DISCONTINUITY-SEQUENCE" => {
                self.discontinuity = value.parse().map_err(|_| Invalid::Value)?;
            }
            "EXT-X-DISCONTINUITY" => {
                self.discontinuity += 1;
                self.captured_ms = None;
            }
            "EXT-X-PROGRAM-DATE-TIME" => self.next.captured_ms = date_ms(value),
            "EXTINF" => {
                let duration = value.split(',').next().unwrap_or_default();
                self.next.duration_s = seconds(duration).ok_or(Invalid::Value)?;
            }
            "EXT-X-MAP" => {
                if attribute(value, "BYTERANGE").is_some() {
                    return Err(Invalid::Unsupported);
                }
                self.map = Some(attribute(value, "URI").ok_or(Invalid::Value)?.to_owned());
            }
            "EXT-X-PART" => self.part(value)?,
            "EXT-X-KEY" if attribute(value, "METHOD") != Some("NONE") => return Err(Invalid::Unsupported),
            "EXT-X-BYTERANGE" | "EXT-X-SKIP" => return Err(Invalid::Unsupported),
            "EXT-X-STREAM-INF" => return Err(Invalid::Foreign),
            "EXT-X-ENDLIST" => self.ended = true,
            // The rest changes nothing for somebody who only follows.
            _ => {}
        }
        Ok(())
    }

    fn part(&mut self, list: &str) -> Result<(), Invalid> {
        if attribute(list, "BYTERANGE").is_some() {
            return Err(Invalid::Unsupported);
        }
        let uri = attribute(list, "URI").ok_or(Invalid::Value)?.to_owned();
        let duration_s = attribute(list, "DURATION").and_then(seconds).ok_or(Invalid::Value)?;
        if self.next.parts.len() == MOST_PARTS {
            return Err(Invalid::Value);
        }
        let independent = attribute(list, "INDEPENDENT") == Some("YES");
        self.next.parts.push(Part { uri, duration_s, independent });
        Ok(())
    }

    fn segment(&mut self, uri: &str) -> Result<(), Invalid> {
        self.next.uri = Some(uri.to_owned());
        self.push();
        Ok(())
    }

    fn push(&mut self) {
        let mut segment = std::mem::take(&mut self.next);
        segment.map.clone_from(&self.map);
        segment.discontinuity = self.discontinuity;
        segment.captured_ms = segment.captured_ms.or(self.captured_ms);
        self.captured_ms = segment.captured_ms.map(|at| at + Playlist::length_s(&segment) * 1_000.0);
        if self.segments.len() == MOST_SEGMENTS {
            self.segments.pop_front();
            self.first += 1;
        }
        self.segments.push_back(segment);
    }

    fn finish(mut self) -> Result<Playlist, Invalid> {
        if !self.next.parts.is_empty() {
            self.push();
        }
        let target_s = self.target_s.filter(|s| *s > 0.0).ok_or(Invalid::Foreign)?;
        // Three target durations where nothing is said (section 4.4.3.8).
        let hold_back_s = match self.part_s {
            Some(part_s) => self.part_hold_back_s.unwrap_or(3.0 * part_s),
            None => self.hold_back_s.unwrap_or(3.0 * target_s),
        };
        Ok(Playlist {
            target_s,
            part_s: self.part_s,
            hold_back_s,
            blocks: self.blocks,
            first: self.first,
            segments: self.segments.into(),
            ended: self.ended,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVE: &str = "#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.6
#EXT-X-PART-INF:PART-TARGET=0.2
#EXT-X-MEDIA-SEQUENCE:40
#EXT-X-DISCONTINUITY-SEQUENCE:3
#EXT-X-MAP:URI=\"init-3.mp4\"
#EXT-X-PROGRAM-DATE-TIME:2026-11-24T20:00:00.000Z
#EXTINF:2.000,
s40.m4s
#EXTINF:1.500,
s41.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI=\"init-4.mp4\"
#EXT-X-PROGRAM-DATE-TIME:2026-11-24T20:00:09.250Z
#EXT-X-PART:DURATION=0.2,URI=\"s42.0.m4s\",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.2,URI=\"s42.1.m4s\"
#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"s42.2.m4s\"
";

    #[test]
    fn a_live_playlist_is_read_to_the_growing_segment() {
        let list = Playlist::parse(LIVE).unwrap();
        assert_eq!((list.target_s, list.part_s, list.hold_back_s), (2.0, Some(0.2), 0.6));
        assert!(list.blocks && !list.ended);
        assert_eq!((list.first, list.segments.len()), (40, 3));
        let breaks: Vec<_> = list.segments.iter().map(|segment| segment.discontinuity).collect();
        assert_eq!(breaks, [3, 3, 4]);
        let maps: Vec<_> = list.segments.iter().map(|segment| segment.map.as_deref().unwrap()).collect();
        assert_eq!(maps, ["init-3.mp4", "init-3.mp4", "init-4.mp4"]);
        let growing = &list.segments[2];
        assert_eq!(growing.uri, None);
        assert_eq!(growing.parts.iter().map(|part| part.independent).collect::<Vec<_>>(), [true, false]);
        assert_eq!(Playlist::length_s(growing), 0.4);
        let at = list.segments[0].captured_ms.unwrap();
        assert_eq!(list.segments[1].captured_ms, Some(at + 2_000.0), "it follows from the one before");
        assert_eq!(growing.captured_ms, Some(at + 9_250.0));
    }

    #[test]
    fn an_ordinary_playlist_has_no_parts() {
        let list = Playlist::parse(
            "#EXTM3U\r\n#EXT-X-TARGETDURATION:4\r\n#EXTINF:4,\r\na.m4s\r\n#EXT-X-ENDLIST\r\n",
        )
        .unwrap();
        assert_eq!((list.part_s, list.hold_back_s, list.blocks, list.ended), (None, 12.0, false, true));
        assert_eq!(list.segments[0].uri.as_deref(), Some("a.m4s"));
    }

    #[test]
    fn what_cannot_be_followed_is_refused() {
        for (text, why) in [
            ("", Invalid::Foreign),
            ("<html>", Invalid::Foreign),
            ("#EXTM3U\n", Invalid::Foreign),
            ("#EXTM3U\n#EXT-X-TARGETDURATION:0\n", Invalid::Foreign),
            ("#EXTM3U\n#EXT-X-TARGETDURATION:NaN\n", Invalid::Value),
            ("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:-1,\na", Invalid::Value),
            ("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:x\n", Invalid::Value),
            ("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-PART:URI=\"a\"\n", Invalid::Value),
            ("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-BYTERANGE:5@0\n", Invalid::Unsupported),
            ("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n", Invalid::Unsupported),
            ("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n", Invalid::Foreign),
        ] {
            assert_eq!(Playlist::parse(text), Err(why), "{text:?}");
        }
    }

    #[test]
    fn a_long_window_is_cut_at_its_old_end() {
        let many = "#EXTINF:1,\na.m4s\n".repeat(MOST_SEGMENTS + 5);
        let list = Playlist::parse(&format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n{many}")).unwrap();
        assert_eq!((list.first, list.segments.len()), (5, MOST_SEGMENTS));
    }
}
