//! A room's video: one picture in up to three qualities, each a [`Track`] of its own.
//!
//! A layer keeps its place in the list over a change of publisher, so that viewers go on where they are: what a new
//! publisher sends takes the place of the same name, or one that nobody feeds any more. Which layer is better is read
//! from the stream, never from names or the order in an offer: browsers list them either way.

use std::time::{Duration, Instant};

use footlight_media::h264::{Sps, kind, nal_type, nal_units};
use footlight_media::{Codec, Packet, Time};
use footlight_protocol::room::Layer as Told;
use str0m::media::Rid;

use crate::track::Track;

/// Layers of one publisher: what browsers make of a picture, and more would cost every viewer's list more than it gives.
pub(crate) const MOST: usize = 3;
/// A layer that nothing came of for this long, while the others went on, is gone: longer than a keyframe of it takes on
/// a publisher's narrow link.
const GONE: Duration = Duration::from_millis(700);
/// And the others have delivered this many pictures since: at few pictures a second, silence means nothing sooner.
const MISSED: u32 = 12;
/// The layers of a publisher arrive within this of each other; before it nothing is muxed, for a recording would begin
/// with the worst of them.
const GATHER: Duration = Duration::from_millis(600);
/// The rate of a layer is measured over this.
const MEASURE: Duration = Duration::from_secs(1);
/// The name of a publisher's one picture, for viewers who can choose between it and what the relay makes of it.
const WHOLE: &str = "whole";
/// Bytes of the headers around a payload: IP, UDP, RTP with extensions, SRTP tag.
const HEADERS: usize = 72;
/// A rate is told again when it has changed by this share.
const CHANGED: f64 = 0.2;

/// One quality.
pub(crate) struct Layer {
    pub(crate) track: Track,
    /// The publisher's name for it; none where it sends just one.
    rid: Option<Rid>,
    /// When this publisher last delivered it; none: nobody feeds it.
    heard: Option<Instant>,
    /// Pictures that other layers have delivered since.
    missed: u32,
    gone: bool,
    size: Option<(u32, u32)>,
    rate: Rate,
    /// The newest instant shown of this source's video.
    shown: Option<Time>,
}

/// Measures kbit/s.
#[derive(Debug, Default)]
struct Rate {
    since: Option<Instant>,
    bytes: usize,
    kbps: Option<f64>,
}

/// A layer that can be had, as those see it who choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rung {
    pub(crate) place: usize,
    /// What it takes of a link; zero while that is not known.
    pub(crate) kbps: u32,
}

pub(crate) struct Layers {
    list: Vec<Layer>,
    /// Those that can be had, best first.
    ladder: Vec<Rung>,
    /// The best, or the last that was.
    best: usize,
    /// The first packet of this publisher came then.
    begun: Option<Instant>,
    /// What is muxed.
    muxed: Option<usize>,
    told: Vec<Told>,
    told_at: Option<Instant>,
    /// This publisher's were told. Until then those of the one before stand: it may be the same one, back again.
    told_of: bool,
}

/// What became of a packet.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Its pictures are not in the order in which they are shown: it went into no track.
    pub(crate) reordered: bool,
    /// It is for the muxing.
    pub(crate) mux: bool,
}

impl Layers {
    pub(crate) fn new() -> Self {
        Self {
            list: vec![Layer::new(None)],
            ladder: Vec::new(),
            best: 0,
            begun: None,
            muxed: None,
            told: Vec::new(),
            told_at: None,
            told_of: false,
        }
    }

    /// A new source: nobody feeds what is there. The pictures stay, for those who come before the first new one.
    pub(crate) fn install(&mut self) {
        for layer in &mut self.list {
            (layer.heard, layer.gone, layer.missed, layer.shown) = (None, false, 0, None);
            layer.rate = Rate::default();
        }
        (self.begun, self.muxed, self.told_of) = (None, None, false);
        self.rank();
    }

    /// Nobody may start from what is kept.
    pub(crate) fn clear(&mut self) {
        self.list.iter_mut().for_each(|layer| layer.track.clear());
    }

    /// The place of the layer that a viewer starts with.
    pub(crate) fn best(&self) -> usize {
        self.best
    }

    pub(crate) fn track(&self, place: usize) -> &Track {
        &self.list[place].track
    }

    /// The publisher's name of a layer.
    pub(crate) fn rid(&self, place: usize) -> Option<Rid> {
        self.list[place].rid
    }

    /// Those that can be had, best first.
    pub(crate) fn ladder(&self) -> &[Rung] {
        &self.ladder
    }

    /// Where the layer of that name is, if it can be had.
    pub(crate) fn named(&self, name: &str) -> Option<usize> {
        let here = |rung: &&Rung| self.list[rung.place].name() == name;
        self.ladder.iter().find(here).map(|rung| rung.place)
    }

    /// Takes a packet of the layer `rid`, into its track unless `hidden`; where there is no place for one more layer it
    /// is dropped.
    pub(crate) fn take(&mut self, rid: Option<Rid>, packet: &Packet, hidden: bool, now: Instant) -> Taken {
        let Some(place) = self.place(rid) else { return Taken::default() };
        self.begun.get_or_insert(now);
        for (other, layer) in self.list.iter_mut().enumerate() {
            layer.missed = if other == place { 0 } else { layer.missed.saturating_add(1) };
        }
        let layer = &mut self.list[place];
        let new = layer.heard.replace(now).is_none() || layer.gone;
        layer.gone = false;
        let mut resized = false;
        if packet.keyframe {
            let size = size(packet).or(layer.size);
            resized = std::mem::replace(&mut layer.size, size) != size;
        }
        let measured = layer.rate.add(packet, now);
        // Shown before what came before it: WebRTC has no place for that, and half of the pictures would be worse than
        // none.
        let reordered = layer.shown.is_some_and(|shown| packet.captured < shown)
            && packet.composition < Duration::from_secs(1);
        layer.shown = layer.shown.max(Some(packet.captured));
        if !reordered && !hidden {
            layer.track.push(packet);
        }
        if new || resized || measured {
            self.rank();
        }
        Taken { reordered, mux: self.muxes(place, packet, now) }
    }

    /// What nothing else notices: layers that no longer come. Whether the muxing waits for a keyframe of the best.
    pub(crate) fn check(&mut self, now: Instant) -> bool {
        let mut changed = false;
        for layer in &mut self.list {
            let silent = layer.heard.is_some_and(|heard| now.duration_since(heard) > GONE);
            let gone = silent && layer.missed >= MISSED;
            changed |= gone && !layer.gone;
            layer.gone |= gone;
        }
        if changed {
            self.rank();
        }
        self.settled(now) && !self.ladder.is_empty() && self.muxed != Some(self.best)
    }

    /// The layers as the room is told of them, where that has changed.
    pub(crate) fn news(&mut self, now: Instant) -> Option<Vec<Told>> {
        let mut list = Vec::new();
        for rung in &self.ladder {
            let layer = &self.list[rung.place];
            let id = layer.name().parse().ok();
            if let (Some(id), Some((width, height)), Some(kbps)) = (id, layer.size, layer.rate.kbps) {
                list.push(Told { id, width, height, kbps: round(kbps) });
            }
        }
        if list.len() < 2 {
            list.clear();
        }
        if !self.told_of {
            let all = self.begun.is_some_and(|begun| now.duration_since(begun) >= 2 * MEASURE);
            if list.is_empty() && !all {
                return None;
            }
            self.told_of = true;
            return Some(self.tell(list, now));
        }
        let same = |(now, before): (&Told, &Told)| {
            (&now.id, now.width, now.height) == (&before.id, before.width, before.height)
        };
        let near = |(now, before): (&Told, &Told)| {
            f64::from(now.kbps.abs_diff(before.kbps)) <= CHANGED * f64::from(before.kbps)
        };
        let pairs = || list.iter().zip(&self.told);
        let as_told = list.len() == self.told.len() && pairs().all(same);
        let lately = self.told_at.is_some_and(|at| now.duration_since(at) < MEASURE);
        if as_told && (lately || pairs().all(near)) {
            return None;
        }
        Some(self.tell(list, now))
    }

    fn tell(&mut self, list: Vec<Told>, now: Instant) -> Vec<Told> {
        self.told_at = Some(now);
        self.told.clone_from(&list);
        list
    }

    /// Where the layer `rid` of this publisher goes.
    fn place(&mut self, rid: Option<Rid>) -> Option<usize> {
        let fed = |layer: &Layer| layer.heard.is_some();
        let all = || self.list.iter();
        let here = all().position(|layer| fed(layer) && layer.rid == rid);
        let place = here
            .or_else(|| all().position(|layer| layer.rid == rid))
            .or_else(|| Some(self.best).filter(|best| !fed(&self.list[*best])))
            .or_else(|| all().position(|layer| !fed(layer)));
        if let Some(place) = place {
            self.list[place].rid = rid;
            return Some(place);
        }
        (self.list.len() < MOST).then(|| {
            self.list.push(Layer::new(rid));
            self.list.len() - 1
        })
    }

    fn rank(&mut self) {
        let mut here: Vec<(usize, &Layer)> =
            self.list.iter().enumerate().filter(|(_, layer)| layer.heard.is_some() && !layer.gone).collect();
        let worth = |layer: &Layer| {
            let (width, height) = layer.size.unwrap_or_default();
            (width * height, layer.rate.kbps.unwrap_or_default() as u64)
        };
        here.sort_by_key(|(_, layer)| std::cmp::Reverse(worth(layer)));
        let rung = |(place, layer): (usize, &Layer)| Rung { place, kbps: layer.rate.kbps.map_or(0, round) };
        self.ladder = here.into_iter().map(rung).collect();
        self.best = self.ladder.first().map_or(self.best, |rung| rung.place);
    }

    /// Whether all layers of this publisher have had time to arrive.
    pub(crate) fn settled(&self, now: Instant) -> bool {
        let single = self.list[self.best].rid.is_none();
        single || self.ladder.len() == MOST || self.begun.is_some_and(|at| now.duration_since(at) >= GATHER)
    }

    /// The best layer is muxed, from a keyframe of it on; the one before goes on until then.
    fn muxes(&mut self, place: usize, packet: &Packet, now: Instant) -> bool {
        if packet.keyframe && place == self.best && self.settled(now) {
            self.muxed = Some(place);
        }
        self.muxed == Some(place)
    }
}

impl Layer {
    fn new(rid: Option<Rid>) -> Self {
        Self {
            track: Track::new(Codec::H264),
            rid,
            heard: None,
            missed: 0,
            gone: false,
            size: None,
            rate: Rate::default(),
            shown: None,
        }
    }

    /// By which viewers ask for it.
    fn name(&self) -> &str {
        self.rid.as_deref().unwrap_or(WHOLE)
    }
}

impl Rate {
    /// Whether there is a new figure.
    fn add(&mut self, packet: &Packet, now: Instant) -> bool {
        let since = *self.since.get_or_insert(now);
        self.bytes +=
            packet.data.len() + HEADERS * packet.data.len().div_ceil(footlight_media::rtp::MAX_PAYLOAD);
        let passed = now.duration_since(since);
        if passed < MEASURE {
            return false;
        }
        let kbps = self.bytes as f64 / 125.0 / passed.as_secs_f64();
        self.kbps = Some(self.kbps.map_or(kbps, |before| (before + kbps) / 2.0));
        (self.since, self.bytes) = (Some(now), 0);
        true
    }
}

/// To two figures, as far as it is of use to anybody.
fn round(kbps: f64) -> u32 {
    let step = 10f64.powi((kbps.max(1.0).log10().floor() as i32 - 1).max(0));
    ((kbps / step).round() * step) as u32
}

fn size(packet: &Packet) -> Option<(u32, u32)> {
    let sps = nal_units(&packet.data).find(|nal| kind(nal) == nal_type::SPS);
    sps.and_then(Sps::parse).map(|sps| (sps.width, sps.height))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 640×360 and 1280×720.
    const SMALL: [u8; 16] =
        [0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00, 0x03, 0x00, 0x01];
    const LARGE: [u8; 24] = [
        0x67, 0x42, 0xc0, 0x1f, 0xd9, 0x00, 0x50, 0x05, 0xbb, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00,
        0x00, 0x03, 0x03, 0xc0, 0xf1, 0x83, 0x24,
    ];

    fn picture(at: u64, keyframe: bool, sps: &[u8], bytes: usize) -> Packet {
        let mut data = Vec::new();
        if keyframe {
            footlight_media::h264::push_nal(&mut data, sps);
        }
        let mut slice = vec![0x55; bytes];
        slice[0] = if keyframe { 0x65 } else { 0x41 };
        footlight_media::h264::push_nal(&mut data, &slice);
        let captured = Time::from_micros(at * 1000);
        Packet { codec: Codec::H264, captured, composition: Duration::ZERO, keyframe, data: data.into() }
    }

    /// Milliseconds since the first packet, and what is published.
    struct Studio {
        layers: Layers,
        begun: Instant,
        at: u64,
        muxed: Vec<Option<Rid>>,
    }

    impl Studio {
        fn new() -> Self {
            Self { layers: Layers::new(), begun: Instant::now(), at: 0, muxed: Vec::new() }
        }

        fn now(&self) -> Instant {
            self.begun + Duration::from_millis(self.at)
        }

        /// Publishes `frames` pictures of each, at 25 a second; every 25th is a keyframe.
        fn run(&mut self, frames: u64, layers: &[(&str, &[u8], usize)]) {
            for n in 0..frames {
                self.at += 40;
                for (name, sps, bytes) in layers {
                    let rid = (!name.is_empty()).then(|| Rid::from(*name));
                    let packet = picture(self.at, n % 25 == 0, sps, *bytes);
                    let now = self.now();
                    if self.layers.take(rid, &packet, false, now).mux {
                        self.muxed.push(rid);
                    }
                }
                let now = self.now();
                self.layers.check(now);
            }
        }

        fn names(&mut self) -> Option<Vec<String>> {
            let now = self.now();
            self.layers.news(now).map(|list| list.iter().map(|layer| layer.id.to_string()).collect())
        }
    }

    const BOTH: [(&str, &[u8], usize); 2] = [("a", &SMALL, 1000), ("b", &LARGE, 5000)];

    #[test]
    fn the_best_layer_is_told_by_its_size_and_feeds_the_muxing() {
        let mut studio = Studio::new();
        studio.run(60, &BOTH);
        assert_eq!(studio.names().unwrap(), ["b", "a"]);
        assert_eq!(studio.names(), None, "only once");
        assert_eq!(studio.layers.rid(studio.layers.best()), Some("b".into()));
        assert!(!studio.muxed.is_empty());
        assert!(studio.muxed.iter().all(|rid| *rid == Some("b".into())), "never the worse one first");
        let kbps: Vec<u32> = studio.layers.ladder().iter().map(|rung| rung.kbps).collect();
        assert!((1000..1150).contains(&kbps[0]) && (200..230).contains(&kbps[1]), "{kbps:?}");
    }

    #[test]
    fn a_layer_that_no_longer_comes_is_gone_and_back_when_it_comes_again() {
        let mut studio = Studio::new();
        studio.run(60, &BOTH);
        studio.names();
        studio.muxed.clear();
        studio.run(50, &BOTH[..1]);
        assert_eq!(studio.names().unwrap(), [""; 0], "one layer is no choice");
        assert_eq!(studio.layers.named("b"), None);
        assert_eq!(studio.muxed.last(), Some(&Some("a".into())));
        studio.run(50, &BOTH);
        assert_eq!(studio.names().unwrap(), ["b", "a"]);
        assert_eq!(studio.muxed.last(), Some(&Some("b".into())));
    }

    #[test]
    fn a_publisher_that_is_silent_as_a_whole_loses_no_layer() {
        let mut studio = Studio::new();
        studio.run(60, &BOTH);
        studio.names();
        studio.at += 20_000;
        let now = studio.now();
        studio.layers.check(now);
        assert_eq!(studio.names(), None);
    }

    #[test]
    fn places_outlast_the_publisher() {
        let mut studio = Studio::new();
        studio.run(60, &BOTH);
        let (a, b) = (studio.layers.named("a").unwrap(), studio.layers.named("b").unwrap());
        studio.layers.install();
        assert_eq!(studio.layers.best(), b, "who comes in the gap sees the best last picture");
        studio.run(60, &[BOTH[1], BOTH[0]]);
        assert_eq!((studio.layers.named("a"), studio.layers.named("b")), (Some(a), Some(b)));
        // One without layers goes on where the best was.
        studio.layers.install();
        studio.run(2, &[("", &LARGE, 3000)]);
        assert_eq!(studio.layers.best(), b);
        assert_eq!(studio.layers.list.len(), 2);
    }

    #[test]
    fn a_fourth_layer_has_no_place() {
        let mut studio = Studio::new();
        let many = ["a", "b", "c", "d"].map(|name| (name, &SMALL[..], 500));
        studio.run(3, &many);
        assert_eq!((studio.layers.list.len(), studio.layers.ladder().len()), (3, 3));
    }
}
