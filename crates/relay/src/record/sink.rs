//! Makes fragments of what a room publishes and offers them to the disk.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use footlight_media::fmp4::{self, Format, Run, Wrap};
use footlight_media::{Codec, Packet, Time};
use footlight_protocol::RoomId;
use tokio::sync::mpsc;

use super::silence;
use super::writer::{Order, Writer};
use crate::metrics::Metrics;
use crate::mux::{Input, Sink};
use crate::rtc::Command;

/// A fragment is at most about this long: what the end of the process costs. Shorter ones cost more in boxes.
const FRAGMENT: Duration = Duration::from_millis(500);
/// One that is longer in bytes is cut too, so that what waits for the disk is bounded in bytes.
const LARGEST: usize = 4 << 20;
/// How long the first of picture and sound waits for the other. What comes later begins another file.
const TOGETHER: Duration = Duration::from_secs(1);
/// Distance from zero of a broadcast's time line to its first packet, so that packets from before it have a place.
const BEFORE: Duration = Duration::from_secs(10);
/// A keyframe is asked for when none has come for so long: seeking and clips begin at keyframes.
const KEYFRAMES: Duration = Duration::from_secs(5);
/// Sound that is further behind the picture than this is missing, not late, and silence stands in for it.
const MISSING: Duration = Duration::from_secs(2);
/// A poster from the first picture is replaced by one from here: broadcasts begin with curtains.
const POSTER: Duration = Duration::from_secs(10);

/// The room's sink.
pub(crate) struct Recorder {
    writer: Writer,
    room: RoomId,
    engine: mpsc::Sender<Command>,
    metrics: Arc<Metrics>,
    broadcast: Option<Broadcast>,
    /// The end of a broadcast that the writer had no room for yet.
    ending: bool,
}

impl Recorder {
    pub(super) fn new(
        writer: Writer,
        room: RoomId,
        engine: mpsc::Sender<Command>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self { writer, room, engine, metrics, broadcast: None, ending: false }
    }

    fn packet(&mut self, packet: &Packet) {
        // The next broadcast waits until the writer knows of the end of this one.
        if self.ending {
            return;
        }
        // What came after the end of a broadcast, of which nothing followed, is not the beginning of the next one.
        let stale = |broadcast: &mut Broadcast| {
            !broadcast.begun && packet.decoded().since(broadcast.began()) > 2 * TOGETHER
        };
        self.broadcast.take_if(stale);
        let broadcast = self.broadcast.get_or_insert_with(|| Broadcast::new(packet.decoded()));
        broadcast.packet(packet, &mut Outbox { writer: &self.writer, metrics: &self.metrics });
        if packet.codec.is_video() && broadcast.wants_keyframe(packet) {
            // Full ⇒ it is wanted again.
            let _ = self.engine.try_send(Command::WantKeyframe { room: self.room.clone() });
        }
    }

    fn end(&mut self) {
        if let Some(mut broadcast) = self.broadcast.take() {
            broadcast.interrupt(&mut Outbox { writer: &self.writer, metrics: &self.metrics });
            self.ending = true;
        }
        self.settle();
    }

    fn settle(&mut self) {
        if self.ending {
            self.ending = self.writer.offer(Order::Ended).is_err();
        }
    }
}

impl Sink for Recorder {
    fn take(&mut self, input: &Input<'_>, _now: Time) {
        self.settle();
        match input {
            Input::Packet(packet) => self.packet(packet),
            Input::Interrupted => {
                if let Some(broadcast) = &mut self.broadcast {
                    broadcast.interrupt(&mut Outbox { writer: &self.writer, metrics: &self.metrics });
                }
            }
            Input::Ended => self.end(),
            Input::Tick => {}
        }
    }
}

/// The way to the writer.
struct Outbox<'a> {
    writer: &'a Writer,
    metrics: &'a Metrics,
}

/// One broadcast on its way into fragments.
struct Broadcast {
    origin: Time,
    video: Option<Run>,
    audio: Option<Run>,
    /// The first 7 bytes of the sound's newest packet, and when that ends.
    sound: Option<([u8; silence::ADTS], Time)>,
    /// The writer knows the tracks.
    begun: bool,
    /// Video is left out until a keyframe.
    skipping: bool,
    /// Fragments are left out until one that begins with a keyframe.
    gap: bool,
    sequence: u32,
    last_keyframe: Option<Time>,
    last_asked: Option<Time>,
    posters: u8,
}

impl Broadcast {
    fn new(first: Time) -> Self {
        Self {
            origin: first - BEFORE,
            video: None,
            audio: None,
            sound: None,
            begun: false,
            skipping: true,
            gap: false,
            sequence: 0,
            last_keyframe: None,
            last_asked: None,
            posters: 0,
        }
    }

    /// When it began, which is when its first packet was decoded.
    fn began(&self) -> Time {
        self.origin + BEFORE
    }

    fn packet(&mut self, packet: &Packet, out: &mut Outbox<'_>) {
        if packet.codec.is_video() {
            self.picture(packet, out)
        } else {
            self.sound(packet, out)
        }
        if !self.begun {
            let both = self.video.is_some() && self.audio.is_some();
            let waited = packet.decoded().since(self.began()) >= TOGETHER;
            if both || (waited && (self.video.is_some() || self.audio.is_some())) {
                self.begun = self.tell_tracks(out);
            }
        }
    }

    fn picture(&mut self, packet: &Packet, out: &mut Outbox<'_>) {
        if self.skipping && !packet.keyframe {
            return;
        }
        if packet.keyframe {
            let told = match &self.video {
                None => Format::of(packet),
                Some(run) if run.format().codec() != packet.codec => Format::of(packet),
                Some(run) => run.format().changed_by(packet),
            };
            if let Some(format) = told {
                self.cut_at_change(out);
                self.video = Some(Run::new(format, self.origin));
            }
            self.last_keyframe = Some(packet.decoded());
        }
        // A keyframe that does not describe itself, before any that did.
        let Some(run) = &mut self.video else { return };
        self.skipping = false;
        run.push(packet);
        let (long, large) = (run.duration() >= FRAGMENT, run.bytes() >= LARGEST);
        if packet.keyframe || long || large {
            self.cut(out);
        }
        if packet.keyframe {
            self.poster(packet, out);
        }
    }

    fn sound(&mut self, packet: &Packet, out: &mut Outbox<'_>) {
        let told = match &self.audio {
            None => Format::of(packet),
            Some(run) => run.format().changed_by(packet),
        };
        if let Some(format) = told {
            self.cut_at_change(out);
            self.audio = Some(Run::new(format, self.origin));
            self.sound = None;
        }
        self.fill(packet.decoded());
        let Some(run) = &mut self.audio else { return };
        // Silence already stands where this late packet belongs.
        if self.sound.is_some_and(|(_, end)| packet.decoded() + silence::TOLERANCE < end) {
            return;
        }
        run.push(packet);
        let length = silence::frame(run.format().timescale());
        self.sound = packet.data.first_chunk().map(|header| (*header, packet.decoded() + length));
        // Pictures decide where a fragment ends, as long as there are any.
        if run.duration() >= 2 * FRAGMENT {
            self.cut(out);
        }
    }

    /// Puts silence from where the sound ended to `until`: players run the sound without its gaps, and the picture
    /// would be late by as much from then on.
    fn fill(&mut self, until: Time) {
        let (Some(run), Some((header, end))) = (&mut self.audio, &mut self.sound) else { return };
        let length = silence::frame(run.format().timescale());
        if until.since(*end) <= silence::TOLERANCE {
            return;
        }
        let Some(data) = silence::packet(header) else { return };
        while *end + length <= until {
            let packet = Packet {
                codec: Codec::Aac,
                captured: *end,
                composition: Duration::ZERO,
                keyframe: true,
                data: data.clone(),
            };
            run.push(&packet);
            *end = *end + length;
        }
    }

    /// What waits is of the old tracks.
    fn cut_at_change(&mut self, out: &mut Outbox<'_>) {
        if self.begun {
            self.complete();
            self.cut(out);
            self.begun = false;
        }
    }

    fn complete(&mut self) {
        for run in [&mut self.video, &mut self.audio].into_iter().flatten() {
            run.finish();
        }
    }

    /// The publisher is gone; whoever goes on begins with a keyframe.
    fn interrupt(&mut self, out: &mut Outbox<'_>) {
        self.complete();
        if !self.begun {
            self.begun = (self.video.is_some() || self.audio.is_some()) && self.tell_tracks(out);
        }
        self.cut(out);
        self.skipping = true;
    }

    fn tell_tracks(&mut self, out: &mut Outbox<'_>) -> bool {
        let formats: Vec<&Format> =
            [&self.video, &self.audio].into_iter().flatten().map(Run::format).collect();
        let init = fmp4::init(&formats);
        // A file begins with a keyframe.
        self.gap = true;
        out.writer.offer(Order::Tracks { origin: self.origin, init }).is_ok()
    }

    /// Offers everything that is complete as one fragment.
    fn cut(&mut self, out: &mut Outbox<'_>) {
        if !self.begun {
            return self.shorten();
        }
        if let (Some(video), Some((_, end))) = (&self.video, self.sound)
            && let Some(shown) = video.begins().map(|begins| begins + video.duration())
            && shown.since(end) > MISSING
        {
            self.fill(shown - MISSING / 2);
        }
        let keyframe = match &self.video {
            Some(video) => video.starts_with_keyframe(),
            None => true,
        };
        let ends = [&self.video, &self.audio].into_iter().flatten();
        let ends = ends.filter_map(|run| run.begins().map(|begins| begins + run.duration())).max();
        let mut runs: Vec<&mut Run> = [&mut self.video, &mut self.audio].into_iter().flatten().collect();
        let bytes = fmp4::fragment(self.sequence + 1, Wrap::default(), &mut runs);
        let (Some(ends), false) = (ends, bytes.is_empty()) else { return };
        if self.gap && !keyframe {
            return;
        }
        self.sequence += 1;
        self.gap = out.writer.offer(Order::Fragment { bytes, keyframe, ends }).is_err();
        if self.gap {
            out.metrics.recording_drops.one();
        }
    }

    /// Before the tracks are known, or known to the writer, only so much is kept.
    fn shorten(&mut self) {
        let waiting: usize = [&self.video, &self.audio].into_iter().flatten().map(Run::bytes).sum();
        if waiting > 2 * LARGEST {
            self.video = None;
            self.audio = None;
            self.sound = None;
            self.skipping = true;
        }
    }

    fn wants_keyframe(&mut self, packet: &Packet) -> bool {
        let now = packet.decoded();
        let long = |since: Option<Time>| since.is_none_or(|since| now.since(since) >= KEYFRAMES);
        let wanted = long(self.last_keyframe) && long(self.last_asked);
        if wanted {
            self.last_asked = Some(now);
        }
        wanted
    }

    fn poster(&mut self, packet: &Packet, out: &mut Outbox<'_>) {
        let wanted = match self.posters {
            0 => true,
            1 => packet.decoded().since(self.began()) >= POSTER,
            _ => false,
        };
        if let (true, true, Some(run)) = (wanted, self.begun, &self.video)
            && out.writer.offer(Order::Poster(still(run.format(), packet))).is_ok()
        {
            self.posters += 1;
        }
    }
}

/// A file with this one picture in it.
fn still(format: &Format, packet: &Packet) -> Bytes {
    let mut run = Run::new(format.clone(), packet.decoded());
    run.push(packet);
    run.finish();
    let mut bytes = fmp4::init(&[format]).to_vec();
    bytes.extend_from_slice(&fmp4::fragment(1, Wrap::default(), &mut [&mut run]));
    bytes.into()
}
