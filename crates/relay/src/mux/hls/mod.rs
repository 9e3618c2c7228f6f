//! LL-HLS: every packet goes once into a part of about 200 ms, parts make segments that begin with keyframes, and the
//! last minutes of them are kept in memory for all who watch.
//!
//! There are two renditions: picture and sound together, and sound alone. Where a publisher goes away, comes back or
//! changes its format a zone ends, which players are told as a discontinuity, and both renditions begin the next one
//! with a new init segment. All times count from one origin.

mod lane;
mod shelf;
#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::Bytes;
use footlight_media::fmp4::{self, Format, Run, Wrap};
use footlight_media::playlist::Part;
use footlight_media::{Packet, Time};

pub(crate) use lane::Text;
pub(crate) use shelf::{Missing, Shelf};

use super::{Input, Sink};
use lane::{Lane, TERMS};
use shelf::LONGEST;

/// A part is cut as soon as it is this long: a jitter short of six pictures at 30 a second.
const PART: Duration = Duration::from_millis(197);
/// The end of a segment that is shorter than this goes out with the part behind it. hls.js forgets the last part of a
/// segment, and plays no further, when it learns of it while it still appends the one before.
const SHORT: Duration = Duration::from_millis(150);
/// A segment ends at the first keyframe from here on: a jitter short of two seconds.
const SEGMENT: Duration = Duration::from_millis(1900);
/// A publisher that sent no keyframe for this long is asked for one.
const ASK: Duration = Duration::from_secs(4);
/// How much of a zone has to be there before it begins: by then it is known whether it has sound.
const KNOWN: Duration = Duration::from_millis(700);
/// The same for the picture, which a publisher may take longer to make.
const BLIND: Duration = Duration::from_secs(3);
/// Packets that wait for that at most: three seconds. Beyond it the zone begins with what is known.
const HELD: usize = 320;
/// A pause longer than this ends a zone: players would wait in it.
const PAUSE: Duration = Duration::from_secs(1);
/// The segments of a broadcast that is over are forgotten after this.
const OVER: Duration = Duration::from_secs(300);

/// The sink that fills the shelf.
pub(crate) struct Hls {
    shelf: Shelf,
    want_keyframe: Box<dyn FnMut() + Send>,
    /// Zero on the time line of all segments.
    origin: Option<Time>,
    /// Counts the breaks in it.
    zone: u64,
    /// Counts fragments.
    fragments: u32,
    newest: Option<Time>,
    phase: Phase,
}

enum Phase {
    /// Nothing is on; since when, where a broadcast was.
    Over(Option<Time>),
    /// Packets of a new zone wait until it is known what it has.
    Waiting(Vec<Packet>),
    On(Box<Zone>),
}

/// When a part begins, what a playlist says of it, and its bytes.
type Stored = (Time, Part, Bytes);

/// What is being cut.
struct Zone {
    video: Option<Run>,
    /// The sound beside the picture, and the same alone.
    beside: Option<Run>,
    alone: Option<Run>,
    /// The end of the picture's segment, where it is short. What follows is already of the next one.
    tail: Option<Stored>,
    /// The sound alone ends its segment where the picture did.
    cut_at: Option<Time>,
    asked: bool,
}

impl Hls {
    /// `want_keyframe` is called when a segment cannot end for want of one.
    pub(crate) fn new(shelf: Shelf, want_keyframe: Box<dyn FnMut() + Send>) -> Self {
        let phase = Phase::Over(None);
        Self { shelf, want_keyframe, origin: None, zone: 0, fragments: 0, newest: None, phase }
    }

    fn packet(&mut self, packet: &Packet) {
        let decoded = packet.decoded();
        if self.newest.is_some_and(|newest| decoded.since(newest) > PAUSE) {
            self.interrupt();
        }
        self.newest = self.newest.max(Some(decoded));
        match &mut self.phase {
            Phase::Over(_) => {
                let mut state = self.shelf.state();
                state.ended = false;
                state.video.clear();
                state.audio.clear();
                drop(state);
                self.phase = Phase::Waiting(vec![packet.clone()]);
            }
            Phase::Waiting(held) => {
                held.push(packet.clone());
                if is_known(held) || held.len() >= HELD {
                    self.begin();
                }
            }
            Phase::On(_) => self.go_on(packet),
        }
    }

    /// Begins a zone with what was held.
    fn begin(&mut self) {
        let Phase::Waiting(held) = &mut self.phase else { return };
        let mut held = std::mem::take(held);
        // Of all of them: the first sound may be from before the first picture.
        let format =
            |video| held.iter().filter(|packet| packet.codec.is_video() == video).find_map(Format::of);
        let (video, audio) = (format(true), format(false));
        if video.is_none() && audio.is_none() {
            return;
        }
        // What comes before the first keyframe cannot be shown, nor its sound beside it.
        if let Some(first) =
            held.iter().position(|packet| packet.codec.is_video() && Format::of(packet).is_some())
        {
            let from = held[first].captured;
            let mut at = 0;
            held.retain(|packet| {
                at += 1;
                at > first && packet.codec.is_video() || !packet.codec.is_video() && packet.captured >= from
            });
        } else {
            held.retain(|packet| !packet.codec.is_video());
        }
        let Some(first) = held.iter().map(|packet| packet.decoded()).min() else { return };
        self.open(video, audio, first);
        for packet in &held {
            self.packet(packet);
        }
    }

    fn open(&mut self, video: Option<Format>, audio: Option<Format>, first: Time) {
        let origin = *self.origin.get_or_insert(first);
        let mut state = self.shelf.state();
        state.video.codecs.clear();
        state.audio.codecs.clear();
        if let Some(video) = &video {
            let formats: Vec<&Format> = [Some(video), audio.as_ref()].into_iter().flatten().collect();
            state.video.begin(self.zone, fmp4::init(&formats));
            state.video.codecs = formats.iter().map(|format| format.codecs()).collect::<Vec<_>>().join(",");
            state.video.size = video.size();
        }
        if let Some(audio) = &audio {
            state.audio.begin(self.zone, fmp4::init(&[audio]));
            state.audio.codecs = audio.codecs().to_owned();
        }
        drop(state);
        let run = |format: &Format| Run::new(format.clone(), origin);
        self.phase = Phase::On(Box::new(Zone {
            beside: video.as_ref().and(audio.as_ref()).map(run),
            alone: audio.as_ref().map(run),
            video: video.as_ref().map(run),
            tail: None,
            cut_at: None,
            asked: false,
        }));
    }

    fn go_on(&mut self, packet: &Packet) {
        let Phase::On(zone) = &mut self.phase else { return };
        let run = if packet.codec.is_video() { &zone.video } else { &zone.alone };
        let Some(run) = run else {
            // Picture or sound where there was none: both begin anew at a keyframe, or with the next sound.
            if Format::of(packet).is_some() {
                self.interrupt();
                (self.want_keyframe)();
                self.phase = Phase::Waiting(vec![packet.clone()]);
            }
            return;
        };
        if let Some(changed) = run.format().changed_by(packet) {
            let other = if packet.codec.is_video() { &zone.alone } else { &zone.video };
            let other = other.as_ref().map(|run| run.format().clone());
            if packet.codec.is_video() {
                self.interrupt();
                self.open(Some(changed), other, packet.decoded());
            } else {
                // The picture has to wait for its keyframe.
                self.interrupt();
                (self.want_keyframe)();
                self.phase = Phase::Waiting(vec![packet.clone()]);
                return;
            }
        }
        if packet.codec.is_video() { self.video(packet) } else { self.audio(packet) }
    }

    fn video(&mut self, packet: &Packet) {
        let Phase::On(zone) = &mut self.phase else { return };
        let Some(run) = &mut zone.video else { return };
        run.push(packet);
        let length = run.duration();
        let grown = match &zone.tail {
            Some(_) => length,
            None => self.shelf.state().video.grown() + length,
        };
        let ends = packet.keyframe && grown >= SEGMENT || grown >= LONGEST;
        // One more of the same length would make it too long.
        let full = length >= PART || length + length / (run.len().max(1) as u32) > TERMS.part_target;
        if !ends && (!full || run.is_empty()) {
            return;
        }
        if grown >= ASK && !packet.keyframe && !zone.asked {
            zone.asked = true;
            (self.want_keyframe)();
        }
        if ends {
            zone.asked = false;
            zone.cut_at = Some(packet.captured);
        }
        let part = take(&mut self.fragments, run, zone.beside.as_mut());
        let tail = zone.tail.take();
        if ends && part.as_ref().is_some_and(|(_, part, _)| part.duration < SHORT) {
            zone.tail = part;
            return;
        }
        let mut state = self.shelf.state();
        if tail.is_some() {
            store(&mut state.video, tail, true);
        }
        store(&mut state.video, part, ends);
        state.audio.changed();
        drop(state);
        self.shelf.tell();
    }

    fn audio(&mut self, packet: &Packet) {
        let Phase::On(zone) = &mut self.phase else { return };
        if let Some(beside) = &mut zone.beside {
            beside.push(packet);
        }
        let Some(run) = &mut zone.alone else { return };
        run.push(packet);
        let (length, grown) = (run.duration(), self.shelf.state().audio.grown() + run.duration());
        let ends = match zone.cut_at {
            Some(at) => packet.captured >= at,
            None => zone.video.is_none() && grown >= SEGMENT || grown >= LONGEST,
        };
        if !ends && length < PART {
            return;
        }
        if ends {
            zone.cut_at = None;
        }
        let part = take(&mut self.fragments, run, None);
        store(&mut self.shelf.state().audio, part, ends);
        self.shelf.tell();
    }

    /// Ends the zone: what follows has no part in it.
    fn interrupt(&mut self) {
        let zone = match &mut self.phase {
            Phase::On(zone) => zone,
            Phase::Waiting(held) => return held.clear(),
            Phase::Over(_) => return,
        };
        for run in [&mut zone.video, &mut zone.beside, &mut zone.alone].into_iter().flatten() {
            run.finish();
        }
        let mut state = self.shelf.state();
        if let Some(video) = &mut zone.video {
            if let Some(tail) = zone.tail.take() {
                store(&mut state.video, Some(tail), true);
            }
            store(&mut state.video, take(&mut self.fragments, video, zone.beside.as_mut()), true);
        }
        if let Some(alone) = &mut zone.alone {
            store(&mut state.audio, take(&mut self.fragments, alone, None), true);
        }
        drop(state);
        self.shelf.tell();
        self.zone += 1;
        self.phase = Phase::Waiting(Vec::new());
    }

    fn end(&mut self, now: Time) {
        if matches!(self.phase, Phase::Over(_)) {
            return;
        }
        self.interrupt();
        let mut state = self.shelf.state();
        state.ended = true;
        state.video.changed();
        state.audio.changed();
        drop(state);
        self.shelf.tell();
        self.newest = None;
        self.phase = Phase::Over(Some(now));
    }

    fn tick(&mut self, now: Time) {
        if let Phase::Over(Some(since)) = self.phase
            && now.since(since) > OVER
        {
            let mut state = self.shelf.state();
            state.video.clear();
            state.audio.clear();
            self.phase = Phase::Over(None);
        }
    }
}

impl Sink for Hls {
    fn take(&mut self, input: &Input<'_>, now: Time) {
        match input {
            Input::Packet(packet) => self.packet(packet),
            Input::Interrupted => self.interrupt(),
            Input::Ended => self.end(now),
            Input::Tick => self.tick(now),
        }
    }
}

/// Whether it is clear what a zone has: both, or one for so long that the other will not come.
fn is_known(held: &[Packet]) -> bool {
    let first = |video| {
        let mut those = held.iter().filter(|packet| packet.codec.is_video() == video);
        those.find(|packet| Format::of(packet).is_some()).map(|packet| packet.decoded())
    };
    let Some(newest) = held.iter().map(|packet| packet.decoded()).max() else { return false };
    match (first(true), first(false)) {
        (Some(_), Some(_)) => true,
        (Some(since), None) => newest.since(since) >= KNOWN,
        // Pictures without a keyframe: it will come.
        (None, Some(since)) => {
            newest.since(since) >= BLIND && !held.iter().any(|packet| packet.codec.is_video())
        }
        (None, None) => false,
    }
}

/// Makes a part of what is complete in the run, and in the one beside it.
fn take(fragments: &mut u32, run: &mut Run, beside: Option<&mut Run>) -> Option<Stored> {
    let begins = run.begins()?;
    let part = Part { duration: run.duration(), independent: run.starts_with_keyframe() };
    *fragments = fragments.wrapping_add(1);
    let bytes = match beside {
        Some(beside) => fmp4::fragment(*fragments, Wrap::default(), &mut [run, beside]),
        None => fmp4::fragment(*fragments, Wrap::default(), &mut [run]),
    };
    Some((begins, part, bytes))
}

fn store(lane: &mut Lane, part: Option<Stored>, ends: bool) {
    if let Some((begins, part, bytes)) = part {
        lane.push(begins, part, bytes);
    }
    if ends {
        lane.cut();
    }
}
