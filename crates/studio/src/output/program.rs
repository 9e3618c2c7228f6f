//! What RTMP is sent of the packets: FLV tags in the order of time, with the decoders' configurations in front.
//!
//! Packets come in the order in which they were encoded, and sound takes longer; servers want the order in which they
//! were captured. So each waits here until one of the other kind has come that is later, or for a little while.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use footlight_media::amf0::Value;
use footlight_media::flv::{TagKind, body};
use footlight_media::fmp4::{self, Format};
use footlight_media::{Packet, Pcm, Time};

use crate::encode::aac;

/// How long a packet waits for one of the other kind. Sound that is mixed and encoded is 60 to 100 ms behind.
const HOLD: Duration = Duration::from_millis(250);
/// Codecs as `onMetaData` numbers them (FLV annex E.4).
const AVC: f64 = 7.0;
const AAC: f64 = 10.0;

/// What is known of the broadcast before its first packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct About {
    pub(super) fps: u32,
    pub(super) kbps: u32,
}

/// Something to send.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tag {
    /// `onMetaData`.
    Metadata(Vec<(String, Value)>),
    Media {
        kind: TagKind,
        /// Milliseconds since the connection's first picture.
        timestamp: u32,
        body: Bytes,
    },
}

/// One connection's packets on their way to tags.
pub(super) struct Program {
    about: About,
    waiting: [VecDeque<Packet>; 2],
    newest: Time,
    video: Option<Format>,
    audio: Option<Format>,
    /// Capture of the first picture.
    zero: Option<Time>,
}

impl Program {
    pub(super) fn new(about: About) -> Self {
        let waiting = Default::default();
        Self { about, waiting, newest: Time::default(), video: None, audio: None, zero: None }
    }

    /// Takes a packet, and appends what may be sent now. Begins with the first keyframe.
    pub(super) fn push(&mut self, packet: Packet, out: &mut Vec<Tag>) {
        self.newest = self.newest.max(packet.captured);
        self.waiting[usize::from(packet.codec.is_video())].push_back(packet);
        while let Some(packet) = self.next() {
            self.write(&packet, out);
        }
    }

    /// The earliest, where nothing earlier can come any more or it has waited long enough. What waits is bounded by
    /// that: a quarter of a second.
    fn next(&mut self) -> Option<Packet> {
        let fronts = self.waiting.each_ref().map(|queue| queue.front().map(|packet| packet.captured));
        let (which, sure) = match fronts {
            [Some(sound), Some(picture)] => (usize::from(picture <= sound), true),
            [Some(_), None] => (0, false),
            [None, Some(_)] => (1, false),
            [None, None] => return None,
        };
        let waited = self.newest.since(fronts[which].unwrap_or(self.newest));
        if sure || waited > HOLD { self.waiting[which].pop_front() } else { None }
    }

    fn write(&mut self, packet: &Packet, out: &mut Vec<Tag>) {
        let video = packet.codec.is_video();
        let zero = match self.zero {
            Some(zero) => zero,
            None if video && packet.keyframe => *self.zero.insert(packet.captured),
            None => return,
        };
        if packet.captured < zero {
            return;
        }
        let timestamp = packet.captured.since(zero).as_millis() as u32;
        let kind = if video { TagKind::Video } else { TagKind::Audio };
        let known = if video { &mut self.video } else { &mut self.audio };
        let changed = match &known {
            Some(format) => format.changed_by(packet),
            None => Format::of(packet),
        };
        if let Some(format) = changed {
            if let Some(size) = format.size() {
                out.push(Tag::Metadata(metadata(self.about, size)));
            }
            let body = body::write_config(format.codec(), format.record()).into();
            out.push(Tag::Media { kind, timestamp, body });
            *known = Some(format);
        }
        let data = fmp4::payload(packet);
        if known.is_some() && !data.is_empty() {
            let body = body::write_frame(packet.codec, packet.keyframe, 0, &data).into();
            out.push(Tag::Media { kind, timestamp, body });
        }
    }
}

fn metadata(about: About, (width, height): (u32, u32)) -> Vec<(String, Value)> {
    let numbers = [
        ("width", f64::from(width)),
        ("height", f64::from(height)),
        ("framerate", f64::from(about.fps)),
        ("videocodecid", AVC),
        ("videodatarate", f64::from(about.kbps)),
        ("audiocodecid", AAC),
        ("audiodatarate", f64::from(aac::BITRATE) / 1000.0),
        ("audiosamplerate", f64::from(Pcm::RATE)),
        ("audiosamplesize", 16.0),
        ("audiochannels", Pcm::CHANNELS as f64),
    ];
    let mut members: Vec<(String, Value)> =
        numbers.map(|(name, number)| (name.to_owned(), Value::Number(number))).into();
    members.push(("stereo".to_owned(), Value::Boolean(true)));
    members.push(("encoder".to_owned(), Value::text(concat!("Footlight ", env!("CARGO_PKG_VERSION")))));
    members
}

#[cfg(test)]
mod tests {
    use footlight_media::{Codec, Picture, h264};

    use super::*;
    use crate::encode::{Preset, h264 as encoder};

    const BEGIN: u64 = 1_795_375_970_000_000;

    fn at(micros: u64) -> Time {
        Time::from_micros(BEGIN + micros)
    }

    fn pictures(width: u32, from: u64, count: u64) -> Vec<Packet> {
        let config = encoder::Config {
            width,
            height: 96,
            fps: 30,
            bitrate_kbps: 500,
            preset: Preset::default(),
            colours: h264::Colours::BT709,
        };
        let mut encoder = encoder::Encoder::new(&config).unwrap();
        let picture = Picture::black(width, 96);
        let made = (0..count).map(|n| encoder.encode(&picture, at((from + n) * 33_333), n == 0).unwrap());
        made.flatten().collect()
    }

    fn sounds(count: u64) -> Vec<Packet> {
        let config = footlight_media::aac::Config::low_complexity(48_000, 2).unwrap();
        let sound = |n: u64| Packet {
            codec: Codec::Aac,
            captured: at(n * 64_000 / 3),
            composition: Duration::ZERO,
            keyframe: true,
            data: config.frame(&[0x21, 0x10, 0x04]).unwrap().into(),
        };
        (0..count).map(sound).collect()
    }

    fn run(packets: impl IntoIterator<Item = Packet>) -> Vec<Tag> {
        let mut program = Program::new(About { fps: 30, kbps: 500 });
        let mut tags = Vec::new();
        packets.into_iter().for_each(|packet| program.push(packet, &mut tags));
        tags
    }

    fn media(tags: &[Tag]) -> Vec<(TagKind, u32, &Bytes)> {
        let media = tags.iter().filter_map(|tag| match tag {
            Tag::Media { kind, timestamp, body } => Some((*kind, *timestamp, body)),
            Tag::Metadata(_) => None,
        });
        media.collect()
    }

    #[test]
    fn sound_and_picture_go_in_the_order_of_time_from_zero() {
        // The first picture is the third; sound comes 80 ms late.
        let mut all: Vec<(u64, Packet)> = Vec::new();
        all.extend(pictures(128, 2, 60).into_iter().map(|p| (p.captured.as_micros(), p)));
        all.extend(sounds(90).into_iter().map(|p| (p.captured.as_micros() + 80_000, p)));
        all.sort_by_key(|(arrives, _)| *arrives);
        let tags = run(all.into_iter().map(|(_, packet)| packet));
        assert!(matches!(&tags[0], Tag::Metadata(members) if members.iter().any(|(n, v)|
            n == "width" && *v == Value::Number(128.0))));
        let media = media(&tags);
        assert!(matches!(body::video(media[0].2), Ok(body::Video::Config { .. })));
        assert!(matches!(body::video(media[1].2), Ok(body::Video::Frame { keyframe: true, .. })));
        assert_eq!(media[1].1, 0);
        assert!(media.windows(2).all(|pair| pair[0].1 <= pair[1].1), "never backwards");
        let sound: Vec<_> = media.iter().filter(|(kind, ..)| *kind == TagKind::Audio).collect();
        assert!(matches!(body::audio(sound[0].2), Ok(body::Audio::Config { record: [0x11, 0x90], .. })));
        for pair in sound[1..].windows(2) {
            assert!((21..=22).contains(&(pair[1].1 - pair[0].1)), "frames of 21.3 ms");
        }
        for (n, (_, timestamp, body)) in
            media.iter().filter(|(kind, ..)| *kind == TagKind::Video).skip(1).enumerate()
        {
            assert!(timestamp.abs_diff(n as u32 * 33_333 / 1000) <= 1, "picture {n} at {timestamp}");
            let Ok(body::Video::Frame { data, .. }) = body::video(body) else { panic!("a frame") };
            let sets = h264::nal_units(data).any(|nal| [7, 8, 9].contains(&h264::kind(nal)));
            assert!(!sets, "parameter sets go in front only");
        }
    }

    #[test]
    fn another_size_brings_its_configuration_and_silence_holds_nobody_up() {
        let mut packets = pictures(128, 0, 30);
        packets.extend(pictures(160, 30, 30));
        let tags = run(packets);
        let configs: Vec<_> = media(&tags)
            .into_iter()
            .filter(|(_, _, body)| matches!(body::video(body), Ok(body::Video::Config { .. })))
            .map(|(_, timestamp, _)| timestamp)
            .collect();
        assert_eq!(configs, [0, 999]);
        assert_eq!(tags.iter().filter(|tag| matches!(tag, Tag::Metadata(_))).count(), 2);
        // 60 pictures, of which a quarter of a second still waits for sound.
        assert!(media(&tags).len() >= 60 + 2 - 9, "{}", media(&tags).len());
    }
}
