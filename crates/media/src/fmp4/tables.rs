//! The sample tables of a file that is complete (ISO/IEC 14496-12 sections 8.6 and 8.7), made from its fragments.
//!
//! A player that has read such a `moov` knows where every picture is: it opens the file with one request and seeks
//! with one more. [`Tables`] takes the fragments' own tables, in order, and nothing of the media; [`Tables::write`]
//! makes the `moov` whose offsets lead into the fragments where they are.

use bytes::Bytes;

use super::boxes::{boxed, full, patch, put, put_u16, put_u64, zeros};
use super::init::UNITY;
use super::read::{self, Piece, Told, body, boxes, child, word};

/// Ticks a second of the movie: those of video, so that the beginnings of the tracks are exact to 11 µs.
const MOVIE: u32 = 90_000;

/// What is known of the samples so far: some 10 bytes for each.
#[derive(Debug, Clone)]
pub struct Tables(Vec<Track>);

#[derive(Debug, Clone)]
struct Track {
    id: u32,
    timescale: u32,
    /// When the first sample is decoded, and where the last one ends.
    begins: Option<u64>,
    ends: u64,
    /// How many samples one behind the other take so long each.
    durations: Vec<(u32, u32)>,
    /// Likewise, how much later they are shown.
    compositions: Vec<(u32, i32)>,
    sizes: Vec<u32>,
    /// Numbers, from 1, of those that can be decoded alone.
    keyframes: Vec<u32>,
    /// Where the samples of a fragment are, and how many.
    chunks: Vec<(u64, u32)>,
}

impl Tables {
    /// Empty tables for the tracks of a whole `moov`.
    pub fn new(moov: &[u8]) -> Option<Self> {
        let track = |(id, timescale)| Track {
            id,
            timescale,
            begins: None,
            ends: 0,
            durations: Vec::new(),
            compositions: Vec::new(),
            sizes: Vec::new(),
            keyframes: Vec::new(),
            chunks: Vec::new(),
        };
        Some(Self(read::timescales(moov)?.into_iter().map(track).collect()))
    }

    /// Takes the next fragment: its whole `moof`, the pieces read of it, and where in the file it is.
    pub fn push(&mut self, moof: &[u8], pieces: &[Piece], at: u64) {
        for piece in pieces {
            if let Some(track) = self.0.iter_mut().find(|track| track.id == piece.track) {
                track.push(moof, piece, at);
            }
        }
    }

    /// The `moov`, made of the one that the fragments were written for. `shift` is how far behind their places the
    /// fragments will be; the length of what comes out does not depend on it. `None` where there are no samples.
    pub fn write(&self, moov: &[u8], shift: u64) -> Option<Bytes> {
        let inside = body(moov, b"moov")?;
        let filled = self.0.iter().filter(|track| !track.sizes.is_empty());
        let duration = filled.clone().map(|track| track.movie(track.ends)).max()?;
        // Wide for all places as soon as the last might not fit otherwise, wherever the file begins.
        let last = filled.clone().filter_map(|track| track.chunks.last()).map(|(place, _)| *place).max()?;
        let wide = last > u64::from(u32::MAX / 2);
        let bytes: usize = filled.map(Track::bytes).sum();
        let mut out = Vec::with_capacity(bytes + 4096);
        let mut whole = Some(());
        boxed(&mut out, b"moov", |out| {
            full(out, b"mvhd", 0, 0, |out| {
                zeros(out, 8);
                put(out, MOVIE);
                put(out, u32::try_from(duration).unwrap_or(u32::MAX));
                put(out, 0x1_0000); // rate 1
                put_u16(out, 0x100); // volume 1
                zeros(out, 10);
                UNITY.iter().for_each(|value| put(out, *value));
                zeros(out, 24);
                put(out, super::AUDIO + 1); // next_track_ID
            });
            for (kind, trak) in boxes(moov, inside) {
                let number = child(moov, trak.clone(), b"tkhd").and_then(|tkhd| word(moov, tkhd.start + 12));
                let track = self.0.iter().find(|track| Some(track.id) == number);
                if let (b"trak", Some(track)) = (&kind, track.filter(|track| !track.sizes.is_empty())) {
                    whole = whole.and(track.write(out, moov, trak, shift, wide));
                }
            }
        });
        whole.map(|()| out.into())
    }
}

impl Track {
    fn push(&mut self, moof: &[u8], piece: &Piece, at: u64) {
        if self.begins.is_none() {
            (self.begins, self.ends) = (Some(piece.begins), piece.begins);
        }
        // In these tables a sample lasts until the next one: over a gap, the last before it does.
        self.lengthen(piece.begins.saturating_sub(self.ends));
        let before = self.sizes.len();
        for Told { duration, size, keyframe, composition } in piece.samples(moof) {
            self.sizes.push(size);
            repeat(&mut self.durations, duration);
            repeat(&mut self.compositions, composition);
            self.ends += u64::from(duration);
            if keyframe {
                self.keyframes.push(self.sizes.len() as u32);
            }
        }
        self.chunks.push((at + u64::from(piece.offset()), (self.sizes.len() - before) as u32));
    }

    fn lengthen(&mut self, by: u64) {
        if by == 0 {
            return;
        }
        let Some((count, duration)) = self.durations.pop() else { return };
        if count > 1 {
            self.durations.push((count - 1, duration));
        }
        let longer = u32::try_from(u64::from(duration) + by).unwrap_or(u32::MAX);
        repeat(&mut self.durations, longer);
        self.ends += u64::from(longer - duration);
    }

    /// Ticks of the track as ticks of the movie.
    fn movie(&self, ticks: u64) -> u64 {
        (u128::from(ticks) * u128::from(MOVIE) / u128::from(self.timescale.max(1))) as u64
    }

    /// About what its tables take.
    fn bytes(&self) -> usize {
        let rows = self.durations.len() + self.compositions.len();
        4 * (self.sizes.len() + self.keyframes.len()) + 8 * rows + 20 * self.chunks.len()
    }

    fn write(
        &self,
        out: &mut Vec<u8>,
        moov: &[u8],
        trak: std::ops::Range<usize>,
        shift: u64,
        wide: bool,
    ) -> Option<()> {
        let begins = self.begins?;
        let tkhd = child(moov, trak.clone(), b"tkhd")?;
        let mdia = child(moov, trak, b"mdia")?;
        let (mdhd, hdlr) = (child(moov, mdia.clone(), b"mdhd")?, child(moov, mdia.clone(), b"hdlr")?);
        let minf = child(moov, mdia, b"minf")?;
        let header = child(moov, minf.clone(), b"vmhd").or_else(|| child(moov, minf.clone(), b"smhd"))?;
        let dinf = child(moov, minf.clone(), b"dinf")?;
        let stsd = child(moov, child(moov, minf, b"stbl")?, b"stsd")?;
        // A box as it is, with its length and kind in front.
        let whole = |body: std::ops::Range<usize>| moov.get(body.start - 8..body.end).unwrap_or_default();
        boxed(out, b"trak", |out| {
            // Version 0 of tkhd and version 1 of mdhd, as `init` writes them.
            let at = out.len();
            out.extend_from_slice(whole(tkhd));
            patch(out, at + 28, u32::try_from(self.movie(self.ends)).unwrap_or(u32::MAX));
            if begins > 0 {
                boxed(out, b"edts", |out| full(out, b"elst", 1, 0, |out| self.edits(out, begins)));
            }
            boxed(out, b"mdia", |out| {
                let at = out.len();
                out.extend_from_slice(whole(mdhd));
                let duration = self.ends - begins;
                patch(out, at + 32, (duration >> 32) as u32);
                patch(out, at + 36, duration as u32);
                out.extend_from_slice(whole(hdlr));
                boxed(out, b"minf", |out| {
                    out.extend_from_slice(whole(header));
                    out.extend_from_slice(whole(dinf));
                    boxed(out, b"stbl", |out| {
                        out.extend_from_slice(whole(stsd));
                        self.tables(out, shift, wide);
                    });
                });
            });
        });
        Some(())
    }

    /// An empty edit up to where the track begins, then all of it (section 8.6.6).
    fn edits(&self, out: &mut Vec<u8>, begins: u64) {
        put(out, 2);
        put_u64(out, self.movie(begins));
        put_u64(out, u64::MAX);
        put(out, 0x1_0000); // rate 1
        put_u64(out, self.movie(self.ends - begins));
        put_u64(out, 0);
        put(out, 0x1_0000);
    }

    fn tables(&self, out: &mut Vec<u8>, shift: u64, wide: bool) {
        full(out, b"stts", 0, 0, |out| {
            put(out, self.durations.len() as u32);
            self.durations.iter().for_each(|(count, duration)| {
                put(out, *count);
                put(out, *duration);
            });
        });
        if self.compositions.iter().any(|(_, composition)| *composition != 0) {
            full(out, b"ctts", 1, 0, |out| {
                put(out, self.compositions.len() as u32);
                self.compositions.iter().for_each(|(count, composition)| {
                    put(out, *count);
                    put(out, *composition as u32);
                });
            });
        }
        if self.keyframes.len() < self.sizes.len() {
            full(out, b"stss", 0, 0, |out| {
                put(out, self.keyframes.len() as u32);
                self.keyframes.iter().for_each(|number| put(out, *number));
            });
        }
        full(out, b"stsc", 0, 0, |out| {
            let mut runs: Vec<(u32, u32)> = Vec::new();
            for (number, (_, samples)) in (1..).zip(&self.chunks) {
                if runs.last().is_none_or(|(_, before)| before != samples) {
                    runs.push((number, *samples));
                }
            }
            put(out, runs.len() as u32);
            for (first, samples) in runs {
                put(out, first);
                put(out, samples);
                put(out, 1); // sample description
            }
        });
        full(out, b"stsz", 0, 0, |out| {
            put(out, 0);
            put(out, self.sizes.len() as u32);
            self.sizes.iter().for_each(|size| put(out, *size));
        });
        full(out, if wide { b"co64" } else { b"stco" }, 0, 0, |out| {
            put(out, self.chunks.len() as u32);
            for (place, _) in &self.chunks {
                if wide { put_u64(out, place + shift) } else { put(out, (place + shift) as u32) }
            }
        });
    }
}

/// Counts one more of this value.
fn repeat<T: PartialEq>(runs: &mut Vec<(u32, T)>, value: T) {
    match runs.last_mut() {
        Some((count, last)) if *last == value => *count += 1,
        _ => runs.push((1, value)),
    }
}
