//! One rendition as it is served: its segments, their bytes, its init segments, its playlist as text.

use std::collections::VecDeque;
use std::io::Write as _;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use footlight_media::Time;
use footlight_media::playlist::{Media, Part, Rendition, Report, Segment, Terms};

/// What holds for every media playlist of the relay. Segments are cut at keyframes from two seconds on, so the
/// target only bounds those of publishers that send keyframes rarely. A player stays four parts behind.
pub(crate) const TERMS: Terms = Terms {
    target: Duration::from_secs(6),
    part_target: Duration::from_millis(235),
    hold_back: Duration::from_millis(1000),
};
/// Segments that left the playlist are still served for this long: a player may be on its way to one.
const SPARE: Duration = Duration::from_secs(12);
/// Bytes that are kept at most: two minutes at 17 Mbit/s. Beyond it the window gets shorter.
const BYTES: usize = 256 << 20;

/// A playlist, and the same compressed, made once for all who ask.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(crate) plain: Bytes,
    pub(crate) gzip: Bytes,
}

impl Text {
    pub(crate) fn new(text: String) -> Self {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        let packed = gzip.write_all(text.as_bytes()).and_then(|()| gzip.finish());
        Self { plain: text.into(), gzip: packed.expect("memory takes all that is written").into() }
    }
}

/// A rendition.
#[derive(Debug)]
pub(super) struct Lane {
    rendition: Rendition,
    window: Duration,
    /// Complete segments, oldest first, and the parts of each.
    complete: Vec<Segment>,
    data: VecDeque<Vec<Bytes>>,
    growing: Segment,
    growing_data: Vec<Bytes>,
    inits: VecDeque<(u64, Bytes)>,
    bytes: usize,
    /// RFC 6381, and the picture's size.
    pub(super) codecs: String,
    pub(super) size: Option<(u32, u32)>,
    /// Whole and as an update; none where it changed since.
    texts: [Option<Text>; 2],
}

impl Lane {
    /// `sequence` is the number of the first segment.
    pub(super) fn new(rendition: Rendition, window: Duration, sequence: u64) -> Self {
        Self {
            rendition,
            window,
            complete: Vec::new(),
            data: VecDeque::new(),
            growing: empty(sequence),
            growing_data: Vec::new(),
            inits: VecDeque::new(),
            bytes: 0,
            codecs: String::new(),
            size: None,
            texts: [None, None],
        }
    }

    /// Whether there is anything to be had.
    pub(super) fn is_empty(&self) -> bool {
        self.complete.is_empty() && self.growing.parts.is_empty()
    }

    /// Whether there is something for players that know no parts.
    pub(super) fn has_segments(&self) -> bool {
        !self.complete.is_empty()
    }

    /// The next part is the first of a new format or after a break.
    pub(super) fn begin(&mut self, zone: u64, init: Bytes) {
        let number = self.inits.back().map_or(0, |(number, _)| number + 1);
        self.inits.push_back((number, init));
        (self.growing.zone, self.growing.init) = (zone, number);
    }

    pub(super) fn push(&mut self, begins: Time, part: Part, data: Bytes) {
        if self.growing.parts.is_empty() {
            self.growing.begins = begins;
        }
        self.growing.duration += part.duration;
        self.growing.parts.push(part);
        self.bytes += data.len();
        self.growing_data.push(data);
        self.texts = [None, None];
    }

    /// How long the growing segment is.
    pub(super) fn grown(&self) -> Duration {
        self.growing.duration
    }

    /// Completes the growing segment, if there is anything in it.
    pub(super) fn cut(&mut self) {
        if self.growing.parts.is_empty() {
            return;
        }
        let next =
            Segment { zone: self.growing.zone, init: self.growing.init, ..empty(self.growing.sequence + 1) };
        self.complete.push(std::mem::replace(&mut self.growing, next));
        self.data.push_back(std::mem::take(&mut self.growing_data));
        self.texts = [None, None];
        self.shorten();
    }

    /// Forgets what is complete and starts afresh behind it.
    pub(super) fn clear(&mut self) {
        self.cut();
        let mut lane = Self::new(self.rendition, self.window, self.growing.sequence);
        // Numbers of init segments are not used again: players and caches know them.
        lane.inits.extend(self.inits.pop_back().map(|(number, _)| (number, Bytes::new())));
        *self = lane;
    }

    fn shorten(&mut self) {
        let total = |segments: &[Segment]| segments.iter().map(|segment| segment.duration).sum::<Duration>();
        let mut gone = 0;
        while gone + 1 < self.complete.len()
            && (self.bytes > BYTES || total(&self.complete[gone + 1..]) > self.window + SPARE)
        {
            let data = self.data.pop_front().unwrap_or_default();
            self.bytes -= data.iter().map(Bytes::len).sum::<usize>();
            gone += 1;
        }
        self.complete.drain(..gone);
        let oldest = self.complete.first().map_or(self.growing.init, |segment| segment.init);
        self.inits.retain(|(number, _)| *number >= oldest);
    }

    /// Those that the playlist names.
    fn listed(&self) -> &[Segment] {
        let mut length = self.growing.duration;
        let fits = |segment: &&Segment| {
            length += segment.duration;
            length <= self.window
        };
        let count = self.complete.iter().rev().take_while(fits).count();
        &self.complete[self.complete.len() - count..]
    }

    /// Whether the playlist has this segment, or this part of it.
    pub(super) fn has(&self, sequence: u64, part: Option<usize>) -> bool {
        let grown = part.is_some_and(|part| part < self.growing.parts.len());
        self.growing.sequence > sequence || self.growing.sequence == sequence && grown
    }

    /// Whether nobody may ask for this yet (section 6.2.5.2).
    pub(super) fn is_too_far(&self, sequence: u64, part: Option<usize>) -> bool {
        // Three seconds of parts.
        let ahead = 3_000_u128.div_ceil(TERMS.part_target.as_millis());
        let farthest = self.growing.parts.len() + ahead as usize;
        sequence > self.growing.sequence + 1
            || sequence == self.growing.sequence && part.is_some_and(|part| part > farthest)
    }

    pub(super) fn text(&mut self, skip: bool, ended: bool, report: Option<Report>) -> Text {
        let place = usize::from(skip);
        if let Some(text) = &self.texts[place] {
            return text.clone();
        }
        let media = Media {
            rendition: self.rendition,
            terms: TERMS,
            complete: self.listed(),
            growing: Some(&self.growing),
            ended,
            reports: report.as_slice(),
        };
        let text = Text::new(media.write(skip));
        self.texts[place] = Some(text.clone());
        text
    }

    /// The texts are no longer true.
    pub(super) fn changed(&mut self) {
        self.texts = [None, None];
    }

    /// Where this rendition stands, for the playlist of another.
    pub(super) fn report(&self) -> Report {
        let sequence = self.growing.sequence;
        match self.growing.parts.len().checked_sub(1) {
            Some(part) => Report { rendition: self.rendition, sequence, part: Some(part) },
            None => {
                let part = self.complete.last().and_then(|last| last.parts.len().checked_sub(1));
                Report { rendition: self.rendition, sequence: sequence.saturating_sub(1), part }
            }
        }
    }

    pub(super) fn init(&self, number: u64) -> Option<Bytes> {
        self.inits
            .iter()
            .find(|(known, init)| *known == number && !init.is_empty())
            .map(|(_, init)| init.clone())
    }

    /// The parts of a complete segment.
    pub(super) fn segment(&self, sequence: u64) -> Option<&[Bytes]> {
        let first = self.complete.first()?.sequence;
        self.data.get(usize::try_from(sequence.checked_sub(first)?).ok()?).map(Vec::as_slice)
    }

    pub(super) fn part(&self, sequence: u64, part: usize) -> Option<Bytes> {
        if sequence == self.growing.sequence {
            return self.growing_data.get(part).cloned();
        }
        self.segment(sequence)?.get(part).cloned()
    }

    /// Whether this is the part that comes next.
    pub(super) fn is_next(&self, sequence: u64, part: usize) -> bool {
        sequence == self.growing.sequence && part == self.growing.parts.len()
            || sequence == self.growing.sequence + 1 && part == 0
    }

    /// Bits a second: of the largest segment, and over all. What is shorter than a second counts as one: a keyframe
    /// alone says nothing of the rate.
    pub(super) fn rates(&self) -> (u64, u64) {
        let rate = |bytes: usize, duration: Duration| {
            (bytes as u128 * 8_000_000 / duration.as_micros().max(1_000_000)) as u64
        };
        let size = |parts: &[Bytes]| parts.iter().map(Bytes::len).sum::<usize>();
        let segments =
            self.complete.iter().zip(&self.data).map(|(segment, data)| (segment.duration, size(data)));
        let all: Vec<_> = segments.chain([(self.growing.duration, size(&self.growing_data))]).collect();
        let peak =
            all.iter().filter(|(duration, _)| !duration.is_zero()).map(|(d, bytes)| rate(*bytes, *d)).max();
        let average = rate(all.iter().map(|(_, bytes)| bytes).sum(), all.iter().map(|(d, _)| *d).sum());
        (peak.unwrap_or_default(), average)
    }
}

fn empty(sequence: u64) -> Segment {
    Segment {
        sequence,
        begins: Time::default(),
        duration: Duration::ZERO,
        init: 0,
        zone: 0,
        parts: Vec::new(),
    }
}
