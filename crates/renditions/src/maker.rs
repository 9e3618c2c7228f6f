//! From pictures as they come to smaller ones, as far as measuring finds a core to spare.

use std::time::{Duration, Instant};

use footlight_codec::Preset;
use footlight_codec::decode::Decoder;
use footlight_codec::h264::Config;
use footlight_codec::lower::Layers;
use footlight_codec::spare::{Glance, Spare, sensible};
use footlight_media::h264::{Colours, Sps, nal_units};
use footlight_media::handoff::Message;
use footlight_media::{Packet, Time};
use footlight_protocol::studio::{Held, LayerLimit};

use crate::pace::{Measured, Pace};

/// Lower layers there are at most.
const LOWER: usize = 2;
/// A picture that is this much later than the fastest one came too late: viewers would notice the change of layers.
const LATE: Duration = Duration::from_millis(400);
/// Keyframes in a row that could not be decoded, until it is the picture that is at fault.
const HOPELESS: u32 = 3;

/// Makes the lower layers of one room.
pub(crate) struct Maker {
    limit: LayerLimit,
    run: u32,
    pace: Pace,
    form: Option<Form>,
    decoder: Option<Decoder>,
    works: Option<Works>,
    /// Layers that somebody wants a keyframe of.
    wanted: [bool; LOWER],
    lateness: Lateness,
    /// Pictures that did not get here, or could not be decoded.
    lost: u64,
    late: u64,
    /// Keyframes in a row that could not be decoded.
    failed: u32,
    told: Option<(usize, Option<Held>)>,
}

/// What the pictures are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Form {
    width: u32,
    height: u32,
    colours: Colours,
}

/// What makes layers, for pictures of one form and rate.
struct Works {
    fps: u32,
    spare: Spare,
    layers: Layers,
    on: usize,
}

impl Maker {
    pub(crate) fn new(limit: LayerLimit) -> Self {
        Self {
            limit,
            run: 0,
            pace: Pace::default(),
            form: None,
            decoder: None,
            works: None,
            wanted: [false; LOWER],
            lateness: Lateness::default(),
            lost: 0,
            late: 0,
            failed: 0,
            told: None,
        }
    }

    /// Takes a message; gives what there is to say to it.
    pub(crate) fn take(&mut self, message: Message) -> Vec<Message> {
        let mut out = Vec::new();
        match message {
            Message::Picture { run, layer: 0, gap, packet } => {
                if run != self.run {
                    *self = Self { run, ..Self::new(self.limit) };
                }
                self.picture(&packet, gap, &mut out);
                self.tell(&mut out);
            }
            Message::KeyframeWanted { layer } => {
                let place = usize::from(layer).checked_sub(1);
                if let Some(wanted) = place.and_then(|place| self.wanted.get_mut(place)) {
                    *wanted = true;
                }
            }
            Message::Rest => *self = Self { run: self.run, ..Self::new(self.limit) },
            // Not for us.
            Message::Picture { .. } | Message::State { .. } => {}
        }
        out
    }

    fn picture(&mut self, packet: &Packet, gap: bool, out: &mut Vec<Message>) {
        let begun = Instant::now();
        let measured = self.pace.add(packet);
        if self.lateness.is_late(packet.captured, begun) {
            self.late += 1;
        }
        if gap {
            // As many as make up a hiccup, however many they were.
            self.lost += measured.map_or(0, |measured| u64::from(measured.fps));
            self.decoder = None;
        }
        if packet.keyframe {
            self.begin(packet);
        }
        let Some(decoder) = &mut self.decoder else { return };
        let picture = match decoder.decode(&packet.data) {
            Ok(Some(picture)) => picture,
            Ok(None) => return,
            Err(_) => {
                self.lost += 1;
                self.failed += u32::from(packet.keyframe);
                self.decoder = None;
                return;
            }
        };
        self.failed = 0;
        let (Some(measured), Some(form)) = (measured, self.form) else { return };
        let works = self.works.get_or_insert_with(|| Works::new(form, measured, self.limit));
        if works.fps != measured.fps {
            *works = Works::new(form, measured, self.limit);
        }
        // The layers have their keyframes where the picture has them, and where they are wanted.
        let (asked, captured) = (self.wanted, packet.captured);
        let wanted = |place: usize| packet.keyframe || asked[place - 1];
        works.layers.make(&picture, captured, measured.kbps, works.on, wanted, |place, made| match made {
            Ok(packet) => {
                self.wanted[place - 1] &= !packet.keyframe;
                out.push(Message::Picture { run: self.run, layer: place as u8, gap: false, packet });
            }
            Err(error) => eprintln!("footlight-renditions: layer {place}: {error}"),
        });
        let now = Instant::now();
        works.on = works.spare.look(&Glance {
            now,
            busy: now.duration_since(begun),
            lost: self.lost,
            missed: self.late,
            narrow: false,
            taken: LOWER,
            eased: None,
        });
    }

    /// A keyframe says what follows.
    fn begin(&mut self, packet: &Packet) {
        let Some(sps) = nal_units(&packet.data).find_map(Sps::parse) else { return };
        let (width, height) = (sps.width & !1, sps.height & !1);
        let form = Form { width, height, colours: sps.colours.unwrap_or(Colours::UNSPECIFIED) };
        if self.form != Some(form) {
            (self.form, self.works, self.decoder) = (Some(form), None, None);
            self.failed = if (sps.chroma, sps.depth) == (1, [8, 8]) { 0 } else { HOPELESS };
        }
        if self.decoder.is_none() && self.failed < HOPELESS {
            self.decoder = Decoder::new().ok();
        }
    }

    /// Says what is made, where that has changed.
    fn tell(&mut self, out: &mut Vec<Message>) {
        let Some(form) = self.form else { return };
        let state = match &self.works {
            _ if self.failed >= HOPELESS => (0, Some(Held::Undecodable)),
            Some(works) => (works.on, works.spare.held()),
            None => match sensible(form.width, form.height, self.limit) {
                (0, held) => (0, held),
                _ => (0, Some(Held::Measuring)),
            },
        };
        if self.told != Some(state) {
            self.told = Some(state);
            let (made, held) = (state.0 as u8, serde_json::to_string(&state.1).unwrap_or_default());
            out.push(Message::State { run: self.run, made, held });
        }
    }
}

impl Works {
    fn new(form: Form, measured: Measured, limit: LayerLimit) -> Self {
        let Form { width, height, colours } = form;
        let config = Config {
            width,
            height,
            fps: measured.fps,
            bitrate_kbps: measured.kbps,
            preset: Preset::Superfast,
            colours,
        };
        Self {
            fps: measured.fps,
            spare: Spare::new(width, height, measured.fps, limit),
            layers: Layers::new(LOWER, config),
            on: 0,
        }
    }
}

/// Tells pictures that come late from those that do not, by the fastest one so far.
#[derive(Debug, Default)]
struct Lateness {
    fastest: Option<(Time, Instant)>,
}

impl Lateness {
    fn is_late(&mut self, captured: Time, now: Instant) -> bool {
        let Some((first, at)) = self.fastest else {
            self.fastest = Some((captured, now));
            return false;
        };
        let (ran, passed) = (captured.since(first), now.duration_since(at));
        if passed < ran {
            self.fastest = Some((captured, now));
        }
        passed > ran + LATE
    }
}

#[cfg(test)]
mod tests {
    use footlight_codec::h264::Encoder;
    use footlight_media::Picture;

    use super::*;

    const WIDTH: u32 = 640;
    const HEIGHT: u32 = 360;

    fn encoder(width: u32, height: u32) -> Encoder {
        let (fps, bitrate_kbps, preset, colours) = (30, 1000, Preset::Ultrafast, Colours::BT709);
        Encoder::new(&Config { width, height, fps, bitrate_kbps, preset, colours }).unwrap()
    }

    fn picture(encoder: &mut Encoder, n: u64, (width, height): (u32, u32)) -> Packet {
        let mut picture = Picture::black(width, height);
        let luma = picture.planes_mut().0;
        luma.iter_mut().enumerate().for_each(|(i, y)| *y = 60 + ((i as u64 / 5 + n * 3) % 100) as u8);
        let captured = Time::from_micros(1_795_375_970_000_000 + n * 33_333);
        encoder.encode(&picture, captured, n.is_multiple_of(60)).unwrap().unwrap()
    }

    /// Hands `pictures` of a stream on as fast as they are taken; gives what came back.
    fn run(maker: &mut Maker, run: u32, pictures: std::ops::Range<u64>, size: (u32, u32)) -> Vec<Message> {
        let mut encoder = encoder(size.0, size.1);
        let from = pictures.start;
        let made = pictures.flat_map(|n| {
            let packet = picture(&mut encoder, n, size);
            assert_eq!(packet.keyframe, n.is_multiple_of(60) || n == from);
            maker.take(Message::Picture { run, layer: 0, gap: false, packet })
        });
        made.collect()
    }

    fn pictures(messages: &[Message], of: u8) -> Vec<&Packet> {
        let its = messages.iter().filter_map(|message| match message {
            Message::Picture { layer, packet, .. } if *layer == of => Some(packet),
            _ => None,
        });
        its.collect()
    }

    fn states(messages: &[Message]) -> Vec<(u8, &str)> {
        let its = messages.iter().filter_map(|message| match message {
            Message::State { made, held, .. } => Some((*made, held.as_str())),
            _ => None,
        });
        its.collect()
    }

    #[test]
    fn a_picture_gets_its_smaller_one_with_the_same_times_and_keyframes() {
        let mut maker = Maker::new(LayerLimit::Most(2));
        let made = run(&mut maker, 3, 0..180, (WIDTH, HEIGHT));
        assert_eq!(states(&made).first(), Some(&(0, "\"measuring\"")));
        assert_eq!(states(&made).last().map(|state| state.0), Some(1));
        let half = pictures(&made, 1);
        assert!(half.len() > 100, "{}", half.len());
        assert!(pictures(&made, 2).is_empty(), "a picture of that size has one lower layer");
        let sps = nal_units(&half[0].data).find_map(Sps::parse).unwrap();
        assert_eq!((sps.width, sps.height, sps.colours), (320, 180, Some(Colours::BT709)));
        assert!(half[0].keyframe);
        let keys: Vec<_> = half.iter().filter(|p| p.keyframe).map(|p| p.captured.as_micros()).collect();
        let at = |n: u64| 1_795_375_970_000_000 + n * 33_333;
        assert!(keys.contains(&at(60)) && keys.contains(&at(120)), "{keys:?}");
        let mut decoder = Decoder::new().unwrap();
        for packet in &half {
            assert!(decoder.decode(&packet.data).unwrap().is_some());
        }
        maker.take(Message::KeyframeWanted { layer: 1 });
        let more = run(&mut maker, 3, 181..185, (WIDTH, HEIGHT));
        assert!(pictures(&more, 1)[0].keyframe);
    }

    #[test]
    fn another_publisher_begins_anew_and_rest_gives_everything_up() {
        let mut maker = Maker::new(LayerLimit::Most(2));
        run(&mut maker, 1, 0..60, (WIDTH, HEIGHT));
        let made = run(&mut maker, 2, 60..240, (1280, 720));
        let half = pictures(&made, 1);
        let sps = nal_units(&half[0].data).find_map(Sps::parse).unwrap();
        assert_eq!((sps.width, sps.height), (640, 360));
        assert!(maker.take(Message::Rest).is_empty());
        assert!(maker.decoder.is_none() && maker.works.is_none());
    }

    #[test]
    fn damage_waits_for_a_keyframe_and_what_cannot_be_decoded_is_said() {
        let mut maker = Maker::new(LayerLimit::Most(2));
        let mut encoder = encoder(WIDTH, HEIGHT);
        let mut spoilt = |n: u64| {
            let mut packet = picture(&mut encoder, n, (WIDTH, HEIGHT));
            let mut data = packet.data.to_vec();
            // Behind the parameter sets.
            let length = data.len();
            data[200.min(length)..].iter_mut().for_each(|byte| *byte = 0);
            packet.data = data.into();
            Message::Picture { run: 0, layer: 0, gap: false, packet }
        };
        let made: Vec<_> = (0..240).flat_map(|n| maker.take(spoilt(n))).collect();
        assert!(pictures(&made, 1).is_empty());
        assert_eq!(states(&made).last(), Some(&(0, "\"undecodable\"")));
    }

    #[test]
    fn a_small_picture_has_none() {
        let mut maker = Maker::new(LayerLimit::Auto);
        let made = run(&mut maker, 0, 0..90, (320, 180));
        assert_eq!(states(&made), [(0, "\"small\"")]);
    }
}
