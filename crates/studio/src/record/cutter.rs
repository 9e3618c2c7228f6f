//! Cuts the packets of a program into the fragments of files, without a disk or a clock.
//!
//! A file begins with a keyframe, which is zero of its time. Parameter sets stand at its head, so another size begins
//! another file, and so does a file that has grown too long. What a disk does not take is left out up to the next
//! keyframe: see [`Gate`].

use std::time::Duration;

use bytes::Bytes;
use footlight_media::fmp4::{self, Format, Run, Wrap};
use footlight_media::{Packet, Time};

/// A fragment is about this long: what the end of the process costs. Shorter ones cost more in boxes.
const FRAGMENT: Duration = Duration::from_millis(500);
/// One that is longer in bytes is cut too, so that what waits for the disk is bounded in bytes.
const LARGEST: usize = 4 << 20;
/// How long the first picture waits for sound; a file without any begins then.
const TOGETHER: Duration = Duration::from_secs(1);
/// The tables of a file count in 32 bits, and stay in memory until it is complete.
const LONGEST: Duration = Duration::from_secs(6 * 3600);

/// One whole fragment.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    /// It is the first of a file that begins like this.
    pub(super) init: Option<Bytes>,
    pub(super) bytes: Bytes,
    /// Decodable without those before it.
    pub(super) keyframe: bool,
    /// How long its file is with it.
    pub(super) ends: Duration,
}

/// One program on its way into fragments.
#[derive(Debug, Default)]
pub(super) struct Cutter {
    /// Zero of the file: its first keyframe.
    zero: Time,
    video: Option<Run>,
    audio: Option<Run>,
    /// What the file begins with was said, or is said with the next fragment.
    begun: bool,
    init: Option<Bytes>,
    sequence: u32,
}

impl Cutter {
    /// Takes the next packet; what is before the first keyframe is left out.
    pub(super) fn push(&mut self, packet: &Packet, mut cut: impl FnMut(Piece)) {
        if packet.codec.is_video() {
            self.picture(packet, &mut cut);
        } else {
            self.sound(packet);
        }
        if let (false, Some(video)) = (self.begun, &self.video)
            && (self.audio.is_some() || video.duration() >= TOGETHER)
        {
            let formats: Vec<&Format> =
                [Some(video), self.audio.as_ref()].into_iter().flatten().map(Run::format).collect();
            self.init = Some(fmp4::init(&formats));
            self.begun = true;
        }
    }

    /// Gives what is left.
    pub(super) fn finish(&mut self, mut cut: impl FnMut(Piece)) {
        for run in [&mut self.video, &mut self.audio].into_iter().flatten() {
            run.finish();
        }
        if let (false, Some(video)) = (self.begun, &self.video) {
            self.init = Some(fmp4::init(&[video.format()]));
            self.begun = true;
        }
        self.cut(&mut cut);
    }

    fn picture(&mut self, packet: &Packet, cut: &mut impl FnMut(Piece)) {
        if packet.keyframe {
            let told = match &self.video {
                None => Format::of(packet),
                Some(run) if packet.captured.since(self.zero) >= LONGEST => {
                    Format::of(packet).or_else(|| Some(run.format().clone()))
                }
                Some(run) => run.format().changed_by(packet),
            };
            if let Some(format) = told {
                self.finish(&mut *cut);
                self.zero = packet.captured;
                self.video = Some(Run::new(format, self.zero));
                self.audio = None;
                (self.begun, self.sequence) = (false, 0);
            }
        }
        let Some(run) = &mut self.video else { return };
        run.push(packet);
        let (long, large) = (run.duration() >= FRAGMENT, run.bytes() >= LARGEST);
        if packet.keyframe || long || large {
            self.cut(cut);
        }
    }

    fn sound(&mut self, packet: &Packet) {
        if self.video.is_none() || packet.captured < self.zero {
            return;
        }
        // The tracks of a file are known when its first fragment is made.
        if self.audio.is_none() && !self.begun {
            self.audio = Format::of(packet).map(|format| Run::new(format, self.zero));
        }
        if let Some(run) = &mut self.audio {
            run.push(packet);
        }
    }

    /// Gives everything that is complete as one fragment.
    fn cut(&mut self, cut: &mut impl FnMut(Piece)) {
        if !self.begun {
            return;
        }
        let keyframe = self.video.as_ref().is_some_and(Run::starts_with_keyframe);
        let ends = [&self.video, &self.audio].into_iter().flatten();
        let ends = ends.filter_map(|run| Some(run.begins()?.since(self.zero) + run.duration())).max();
        let mut runs: Vec<&mut Run> = [&mut self.video, &mut self.audio].into_iter().flatten().collect();
        let bytes = fmp4::fragment(self.sequence + 1, Wrap::default(), &mut runs);
        let Some(ends) = ends.filter(|_| !bytes.is_empty()) else { return };
        self.sequence += 1;
        cut(Piece { init: self.init.take(), bytes, keyframe, ends });
    }
}

/// Leaves fragments out where nobody takes them, up to the next one that begins with a keyframe.
#[derive(Debug, Default)]
pub(super) struct Gate {
    /// A file's beginning that was not taken.
    init: Option<Bytes>,
    shut: bool,
    /// How often something was left out.
    gaps: u64,
}

impl Gate {
    /// Hands a fragment to `take`, which says whether there was room for it.
    pub(super) fn pass(&mut self, mut piece: Piece, take: impl FnOnce(Piece) -> bool) {
        if piece.init.is_some() {
            self.init.clone_from(&piece.init);
        }
        if self.shut && !piece.keyframe {
            return;
        }
        piece.init.clone_from(&self.init);
        if take(piece) {
            (self.init, self.shut) = (None, false);
        } else {
            self.gaps += u64::from(!self.shut);
            self.shut = true;
        }
    }

    pub(super) fn gaps(&self) -> u64 {
        self.gaps
    }
}
