//! Fragments: `moof` and `mdat`, with what may stand in front of them.

use bytes::Bytes;

use super::Run;
use super::boxes::{boxed, full, patch, put, put_u64};
use super::run::Sample;
use crate::Time;

/// What stands in front of a fragment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wrap {
    /// `styp`: a segment begins here (ISO/IEC 14496-12 section 8.16.2).
    pub segment: bool,
    /// `prft`: the wall clock at the first sample of the first run (section 8.16.5).
    pub clock: Option<Time>,
}

/// Takes all complete packets out of the runs, at most one of video and one of sound, and makes one fragment of
/// them: `moof`, `mdat`, the runs one behind the other. `sequence` counts the fragments. Empty where nothing is
/// complete.
pub fn fragment(sequence: u32, wrap: Wrap, runs: &mut [&mut Run]) -> Bytes {
    let samples: usize = runs.iter().map(|run| run.len()).sum();
    let payload: usize = runs.iter().map(|run| run.bytes()).sum();
    if samples == 0 {
        return Bytes::new();
    }
    /// Bytes of a sample in `trun`, and of all the boxes around two tracks, rounded up.
    const SAMPLE: usize = 16;
    const BOXES: usize = 320;
    let mut out = Vec::with_capacity(payload + samples * SAMPLE + BOXES);
    if wrap.segment {
        boxed(&mut out, b"styp", |out| {
            out.extend_from_slice(b"msdh");
            put(out, 0);
            out.extend_from_slice(b"msdhmsix");
        });
    }
    let first = runs.iter().find_map(|run| Some((run.format().track(), run.ready.front()?.decoding)));
    if let (Some(clock), Some((track, decoding))) = (wrap.clock, first) {
        // The time of capture, not of output.
        full(&mut out, b"prft", 1, 0x18, |out| {
            put(out, track);
            put_u64(out, clock.to_ntp());
            put_u64(out, decoding);
        });
    }
    let begin = out.len();
    // Where in `out` each run's offset from the `moof` to its first sample is to be written.
    let mut offsets = Vec::with_capacity(runs.len());
    boxed(&mut out, b"moof", |out| {
        full(out, b"mfhd", 0, 0, |out| put(out, sequence));
        for run in runs.iter().filter(|run| !run.is_empty()) {
            offsets.push((track(out, run), run.bytes()));
        }
    });
    /// Length and kind in front of the first sample.
    const MDAT: usize = 8;
    let mut at = out.len() - begin + MDAT;
    for (place, bytes) in offsets {
        patch(&mut out, place, at as u32);
        at += bytes;
    }
    boxed(&mut out, b"mdat", |out| {
        for run in runs {
            run.ready.drain(..).for_each(|sample| out.extend_from_slice(&sample.data));
        }
    });
    out.into()
}

/// Appends a `traf`; returns where its data offset is.
fn track(out: &mut Vec<u8>, run: &Run) -> usize {
    /// `tfhd`: offsets count from the `moof`.
    const FROM_MOOF: u32 = 0x02_0000;
    const DEFAULT_FLAGS: u32 = 0x20;
    /// `trun`: which columns there are.
    const OFFSET: u32 = 0x1;
    const DURATION_AND_SIZE: u32 = 0x300;
    const FLAGS: u32 = 0x400;
    const COMPOSITION: u32 = 0x800;
    let video = run.format().codec().is_video();
    let reordered = run.ready.iter().any(|sample| sample.composition != 0);
    let mut columns = OFFSET | DURATION_AND_SIZE;
    columns |= if video { FLAGS } else { 0 } | if reordered { COMPOSITION } else { 0 };
    let mut place = 0;
    boxed(out, b"traf", |out| {
        full(out, b"tfhd", 0, FROM_MOOF | DEFAULT_FLAGS, |out| {
            put(out, run.format().track());
            put(out, sample_flags(true));
        });
        full(out, b"tfdt", 1, 0, |out| put_u64(out, run.ready.front().map_or(0, |first| first.decoding)));
        full(out, b"trun", 1, columns, |out| {
            put(out, run.len() as u32);
            place = out.len();
            put(out, 0);
            for sample in &run.ready {
                row(out, sample, columns & FLAGS != 0, reordered);
            }
        });
    });
    place
}

fn row(out: &mut Vec<u8>, sample: &Sample, flags: bool, composition: bool) {
    put(out, sample.duration);
    put(out, sample.data.len() as u32);
    if flags {
        put(out, sample_flags(sample.keyframe));
    }
    if composition {
        out.extend_from_slice(&sample.composition.to_be_bytes());
    }
}

/// ISO/IEC 14496-12 section 8.8.3.1: depends on no other sample, or depends on others and is no sync sample.
fn sample_flags(keyframe: bool) -> u32 {
    if keyframe { 0x0200_0000 } else { 0x0101_0000 }
}
