//! FLV: every packet becomes the body of a tag once, and HTTP-FLV, WebSocket-FLV and RTMP players read the bodies
//! from one ring.
//!
//! A reader is a position in the ring. It starts at the last keyframe, with the decoders' configurations in front; a
//! slow one that the ring leaves behind goes on at the newest keyframe. Every reader's time line starts near zero
//! and has no holes: what a publisher was away for is left out of it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use footlight_media::amf0::Value;
use footlight_media::flv::{self, TagKind, body};
use footlight_media::fmp4::{self, Format};
use footlight_media::{Codec, Packet, Time};
use tokio::sync::watch;

use super::{Input, Sink};
use crate::lock::lock;

/// Tags that are kept at most: 20 s of 60 pictures and 47 blocks of sound a second. Beyond it the oldest go, and
/// readers that still wanted them skip to the newest keyframe.
const TAGS: usize = 2140;
/// Bytes that are kept at most: 20 s at 12 Mbit/s.
const BYTES: usize = 30 << 20;
/// How much of a broadcast has to be there before anybody reads it: by then it is known whether it has sound.
const KNOWN: Duration = Duration::from_millis(700);
/// A pause longer than this is left out of the readers' time lines.
const PAUSE: Duration = Duration::from_secs(1);
/// How far apart the pictures around such a pause are then.
const STEP: Duration = Duration::from_millis(40);

/// A tag as the ring keeps it.
#[derive(Debug, Clone)]
struct Kept {
    kind: TagKind,
    decoded: Time,
    /// A decoder's configuration.
    header: bool,
    /// The body, and behind it the length of the tag, as in a file.
    framed: Bytes,
}

impl Kept {
    fn new(kind: TagKind, decoded: Time, header: bool, mut body: Vec<u8>) -> Self {
        let length = (flv::TAG_HEADER + body.len()) as u32;
        body.extend_from_slice(&length.to_be_bytes());
        Self { kind, decoded, header, framed: body.into() }
    }
}

/// A tag as a reader gets it. Cloning shares the body.
#[derive(Debug, Clone)]
pub(crate) struct Tag {
    pub(crate) kind: TagKind,
    /// Milliseconds on the reader's own time line; never goes back.
    pub(crate) timestamp: u32,
    framed: Bytes,
}

impl Tag {
    /// The body alone, as RTMP carries it.
    pub(crate) fn body(&self) -> Bytes {
        self.framed.slice(..self.framed.len() - flv::TAG_END)
    }

    /// The tag as it stands in a file: its header, and the rest, which is shared by all readers.
    pub(crate) fn file(&self) -> [Bytes; 2] {
        let length = self.framed.len() - flv::TAG_END;
        [Bytes::copy_from_slice(&flv::tag_header(self.kind, self.timestamp, length)), self.framed.clone()]
    }
}

#[derive(Debug, Default)]
struct State {
    tags: VecDeque<Kept>,
    /// Count of the tag at the ring's front, since the room opened.
    first: u64,
    bytes: usize,
    /// Counts of the two newest keyframes, the older one first.
    keyframes: VecDeque<u64>,
    /// The configurations that hold at the ring's end, and the picture's size.
    video: Option<Kept>,
    audio: Option<Kept>,
    size: Option<(u32, u32)>,
    /// Counts broadcasts. Readers of another one are at their end.
    broadcast: u64,
}

impl State {
    fn end(&self) -> u64 {
        self.first + self.tags.len() as u64
    }

    fn get(&self, count: u64) -> Option<&Kept> {
        self.tags.get(usize::try_from(count.checked_sub(self.first)?).ok()?)
    }

    fn push(&mut self, tag: Kept) {
        self.bytes += tag.framed.len();
        self.tags.push_back(tag);
        while self.tags.len() > TAGS || self.bytes > BYTES {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(tag) = self.tags.pop_front() {
            self.bytes -= tag.framed.len();
            self.first += 1;
        }
    }

    /// A picture comes that can be decoded alone. What is older than the one before it goes: a reader may be one
    /// keyframe behind, but hardly wants to be two.
    fn keyframe(&mut self) {
        while self.keyframes.len() > 1 {
            self.keyframes.pop_front();
        }
        if let Some(older) = self.keyframes.front().copied() {
            while self.first < older && !self.tags.is_empty() {
                self.drop_oldest();
            }
        }
        self.keyframes.push_back(self.end());
    }

    /// Where a reader starts, once enough is there to know what there is.
    fn start(&self) -> Option<u64> {
        let newest = self.tags.back()?.decoded;
        if self.video.is_none() {
            let oldest = self.tags.front()?.decoded;
            return (newest.since(oldest) >= KNOWN).then_some(self.first);
        }
        let keyframe = self.keyframes.back().copied().filter(|keyframe| *keyframe >= self.first)?;
        let known = self.audio.is_some() || newest.since(self.get(keyframe)?.decoded) >= KNOWN;
        known.then_some(keyframe)
    }
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Changes with every tag.
    news: watch::Sender<()>,
}

/// The ring; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Ring(Arc<Shared>);

impl Ring {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Shared { state: Mutex::default(), news: watch::channel(()).0 }))
    }

    /// A reader of the broadcast that is on, or of the next one.
    pub(crate) fn reader(&self) -> Reader {
        let news = self.0.news.subscribe();
        let broadcast = self.state().broadcast;
        Reader {
            ring: self.clone(),
            news,
            broadcast,
            next: None,
            waiting: VecDeque::new(),
            line: Line::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0.state)
    }
}

/// What a stream has, as FLV's header and metadata say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) audio: bool,
    pub(crate) video: bool,
    pub(crate) size: Option<(u32, u32)>,
}

impl About {
    /// The body of the script tag that says it.
    pub(crate) fn metadata(&self) -> Vec<u8> {
        let mut members = Vec::new();
        if let Some((width, height)) = self.size {
            members.push(("width".to_owned(), Value::Number(f64::from(width))));
            members.push(("height".to_owned(), Value::Number(f64::from(height))));
        }
        flv::metadata(members)
    }
}

/// A position in the ring.
#[derive(Debug)]
pub(crate) struct Reader {
    ring: Ring,
    news: watch::Receiver<()>,
    broadcast: u64,
    /// Count of the next tag; none before the first.
    next: Option<u64>,
    /// Configurations that go before it.
    waiting: VecDeque<Kept>,
    line: Line,
}

impl Reader {
    /// Waits until there is something to read, and says what; `None` where the broadcast ended before.
    pub(crate) async fn about(&mut self) -> Option<About> {
        loop {
            {
                let state = self.ring.state();
                if state.broadcast != self.broadcast {
                    return None;
                }
                if state.start().is_some() {
                    let (audio, video) = (state.audio.is_some(), state.video.is_some());
                    return Some(About { audio, video, size: state.size });
                }
            }
            self.news.changed().await.ok()?;
        }
    }

    /// The next tag; `None` when the broadcast is over. Waits as long as a publisher is away.
    pub(crate) async fn next(&mut self) -> Option<Tag> {
        loop {
            if let Some(tag) = self.poll()? {
                return Some(tag);
            }
            self.news.changed().await.ok()?;
        }
    }

    /// The outer `None` is the end, the inner one that there is nothing now.
    fn poll(&mut self) -> Option<Option<Tag>> {
        if let Some(kept) = self.waiting.pop_front() {
            return Some(Some(self.line.place(kept)));
        }
        let state = self.ring.state();
        if state.broadcast != self.broadcast {
            return None;
        }
        if self.next.is_none_or(|next| next < state.first) {
            // The first tag, or one that the ring left behind.
            let Some(start) = state.start() else { return Some(None) };
            self.next = Some(start);
            self.waiting.extend([&state.video, &state.audio].into_iter().flatten().cloned());
            drop(state);
            return self.poll();
        }
        let Some(kept) = self.next.and_then(|next| state.get(next)).cloned() else { return Some(None) };
        drop(state);
        self.next = self.next.map(|next| next + 1);
        Some(Some(self.line.place(kept)))
    }
}

/// A reader's time line.
#[derive(Debug, Default)]
struct Line {
    /// The instant that is zero on it, and how much was left out since.
    zero: Option<Time>,
    newest: Option<Time>,
    last: u32,
}

impl Line {
    fn place(&mut self, kept: Kept) -> Tag {
        let Kept { kind, decoded, header, framed } = kept;
        if !header {
            let zero = self.zero.get_or_insert(decoded);
            if let Some(newest) = self.newest
                && decoded.since(newest) > PAUSE
            {
                *zero = *zero + (decoded.since(newest) - STEP);
            }
            self.newest = self.newest.max(Some(decoded));
            self.last = self.last.max(decoded.since(*zero).as_millis() as u32);
        }
        Tag { kind, timestamp: self.last, framed }
    }
}

/// The sink that fills the ring.
pub(crate) struct Flv {
    ring: Ring,
    video: Option<Format>,
    audio: Option<Format>,
}

impl Flv {
    pub(crate) fn new(ring: Ring) -> Self {
        Self { ring, video: None, audio: None }
    }

    fn packet(&mut self, packet: &Packet) {
        let video = packet.codec.is_video();
        let known = if video { &mut self.video } else { &mut self.audio };
        let changed = match known {
            Some(format) => format.changed_by(packet),
            None => Format::of(packet),
        };
        let (kind, decoded) = (if video { TagKind::Video } else { TagKind::Audio }, packet.decoded());
        let mut configuration = None;
        if let Some(format) = changed {
            let body = body::write_config(format.codec(), format.record());
            configuration = Some(Kept::new(kind, decoded, true, body));
            *known = Some(format);
        }
        // A decoder is of no use without its configuration, and a picture of none to it.
        let Some(format) = known else { return };
        let data = fmp4::payload(packet);
        if data.is_empty() || format.codec() != packet.codec {
            return;
        }
        let size = format.size();
        let composition = packet.composition.as_millis() as i32;
        let body = body::write_frame(packet.codec, packet.keyframe, composition, &data);
        let mut state = self.ring.state();
        if video {
            state.size = size;
            if state.keyframes.is_empty() && !packet.keyframe {
                return;
            }
        }
        if let Some(tag) = configuration {
            *if video { &mut state.video } else { &mut state.audio } = Some(tag.clone());
            state.push(tag);
        }
        if video && packet.keyframe {
            state.keyframe();
        }
        state.push(Kept::new(kind, decoded, false, body));
        drop(state);
        self.ring.0.news.send_replace(());
    }

    fn end(&mut self) {
        (self.video, self.audio) = (None, None);
        let mut state = self.ring.state();
        let (first, broadcast) = (state.end(), state.broadcast + 1);
        *state = State { first, broadcast, ..State::default() };
        drop(state);
        self.ring.0.news.send_replace(());
    }
}

impl Sink for Flv {
    fn take(&mut self, input: &Input<'_>, _: Time) {
        match input {
            Input::Packet(packet) if packet.codec != Codec::Opus => self.packet(packet),
            Input::Ended => self.end(),
            Input::Packet(_) | Input::Interrupted | Input::Tick => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mux::sample::{key, picture, sound};

    const FRAME: u64 = 33_333;

    fn take(sink: &mut Flv, packet: &Packet) {
        sink.take(&Input::Packet(packet), Time::default());
    }

    /// Whether it is a decoder's configuration.
    fn header(tag: &Tag) -> bool {
        let body = tag.body();
        matches!(body::video(&body), Ok(body::Video::Config { .. }))
            || matches!(body::audio(&body), Ok(body::Audio::Config { .. }))
    }

    /// What the reader can have without waiting: kind, timestamp, whether it is a header.
    fn all(reader: &mut Reader) -> Vec<(TagKind, u32, bool)> {
        std::iter::from_fn(|| reader.poll()?.map(|tag| (tag.kind, tag.timestamp, header(&tag)))).collect()
    }

    #[tokio::test]
    async fn a_joiner_gets_the_configurations_and_starts_at_the_keyframe() {
        let ring = Ring::new();
        let mut sink = Flv::new(ring.clone());
        let mut early = ring.reader();
        for n in 0..3 {
            take(&mut sink, &if n == 0 { key(0) } else { picture(n * FRAME) });
        }
        assert_eq!(all(&mut early), [], "nobody knows yet whether there is sound");
        take(&mut sink, &sound(10_000));
        let (v, a) = (TagKind::Video, TagKind::Audio);
        assert_eq!(
            all(&mut early),
            [
                (v, 0, true),
                (a, 0, true),
                (v, 0, false),
                (v, 33, false),
                (v, 66, false),
                (a, 66, true),
                (a, 66, false)
            ]
        );
        take(&mut sink, &key(1_000_000));
        take(&mut sink, &picture(1_000_000 + FRAME));
        let mut late = ring.reader();
        assert_eq!(late.about().await, Some(About { audio: true, video: true, size: Some((640, 360)) }));
        assert_eq!(all(&mut late), [(v, 0, true), (a, 0, true), (v, 0, false), (v, 33, false)]);
        // A pause is left out.
        take(&mut sink, &key(61_000_000));
        assert_eq!(all(&mut late), [(v, 73, false)]);
        sink.take(&Input::Ended, Time::default());
        assert!(late.next().await.is_none() && early.about().await.is_none());
        let mut next = ring.reader();
        take(&mut sink, &key(70_000_000));
        take(&mut sink, &sound(70_000_000));
        assert_eq!(next.next().await.map(|tag| header(&tag)), Some(true));
    }

    #[test]
    fn a_slow_reader_skips_to_the_newest_keyframe() {
        let ring = Ring::new();
        let mut sink = Flv::new(ring.clone());
        take(&mut sink, &sound(0));
        let mut slow = ring.reader();
        for n in 0..300 {
            take(&mut sink, &if n % 60 == 0 { key(n * FRAME) } else { picture(n * FRAME) });
            if n == 1 {
                assert_eq!(all(&mut slow).last(), Some(&(TagKind::Video, 33, false)));
            }
        }
        let rest = all(&mut slow);
        assert_eq!(rest.iter().filter(|tag| tag.2).count(), 2, "configurations again");
        assert_eq!(rest.iter().filter(|tag| !tag.2).count(), 60, "from the newest keyframe on");
        assert!(ring.state().tags.len() <= 122);
    }
}
