//! Reads back what this module writes: to index a file that was never finished, and to cut one out of another.
//! Takes any bytes; what it does not understand is `None`, never a panic.

use std::ops::Range;

/// The head of a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub kind: [u8; 4],
    /// Bytes of the whole box, its head among them.
    pub size: u64,
}

/// Bytes that [`head`] needs at most.
pub const HEAD: usize = 16;

/// Reads a box's head. `None` where `data` is too short for it or the size says less than the head itself.
pub fn head(data: &[u8]) -> Option<Head> {
    let (size, rest) = data.split_first_chunk::<4>()?;
    let kind = *rest.first_chunk::<4>()?;
    let (size, least) = match u32::from_be_bytes(*size) {
        1 => (u64::from_be_bytes(*data.get(8..)?.first_chunk::<8>()?), 16),
        size => (u64::from(size), 8),
    };
    (size >= least).then_some(Head { kind, size })
}

/// What a fragment holds of one track. Times in ticks of the track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub track: u32,
    /// When the first sample is decoded.
    pub begins: u64,
    /// How much later it is shown.
    pub composition: i64,
    /// Of all samples together.
    pub duration: u64,
    /// Whether the first sample can be decoded alone.
    pub keyframe: bool,
    /// Where `begins` stands in the `moof`.
    place: usize,
    /// From the beginning of the `moof` to the first sample.
    offset: u32,
    rows: Rows,
}

/// Where the rows of a `trun` are, and what they are made of beside duration and size.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rows {
    place: Range<usize>,
    flags: bool,
    composition: bool,
}

impl Rows {
    fn size(&self) -> usize {
        8 + 4 * (usize::from(self.flags) + usize::from(self.composition))
    }
}

/// A sample as a fragment tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) duration: u32,
    pub(super) size: u32,
    pub(super) keyframe: bool,
    pub(super) composition: i32,
}

impl Piece {
    /// From the beginning of the `moof` to the first sample.
    pub(super) fn offset(&self) -> u32 {
        self.offset
    }

    /// The samples, from the `moof` that the piece was read of.
    pub(super) fn samples<'a>(&self, moof: &'a [u8]) -> impl Iterator<Item = Told> + use<'a> {
        let Rows { place, flags, composition } = self.rows.clone();
        let size = self.rows.size();
        let rows = moof.get(place).unwrap_or_default().chunks_exact(size);
        rows.map(move |row| Told {
            duration: word(row, 0).unwrap_or(0),
            size: word(row, 4).unwrap_or(0),
            keyframe: !flags || word(row, 8).unwrap_or(0) & DEPENDS == 0,
            composition: if composition { word(row, size - 4).unwrap_or(0) as i32 } else { 0 },
        })
    }
}

/// `sample_is_non_sync_sample`.
const DEPENDS: u32 = 0x1_0000;

/// The pieces of a fragment, from its whole `moof`.
pub fn pieces(moof: &[u8]) -> Option<Vec<Piece>> {
    let inside = body(moof, b"moof")?;
    let mut found = Vec::new();
    for (kind, place) in boxes(moof, inside) {
        if &kind == b"traf" {
            found.push(piece(moof, place)?);
        }
    }
    Some(found)
}

/// Moves a piece of the fragment to begin at `begins`.
pub fn move_to(moof: &mut [u8], piece: &Piece, begins: u64) {
    if let Some(field) = moof.get_mut(piece.place..piece.place + 8) {
        field.copy_from_slice(&begins.to_be_bytes());
    }
}

/// The tracks of a whole `moov`, with their ticks a second.
pub fn timescales(moov: &[u8]) -> Option<Vec<(u32, u32)>> {
    let inside = body(moov, b"moov")?;
    let tracks = boxes(moov, inside).filter(|(kind, _)| kind == b"trak");
    tracks
        .map(|(_, trak)| {
            // Version 0 of tkhd and version 1 of mdhd, as `init` writes them.
            let track = word(moov, child(moov, trak.clone(), b"tkhd")?.start + 12)?;
            let media = child(moov, trak, b"mdia")?;
            let timescale = word(moov, child(moov, media, b"mdhd")?.start + 20)?;
            (timescale > 0).then_some((track, timescale))
        })
        .collect()
}

fn piece(moof: &[u8], traf: Range<usize>) -> Option<Piece> {
    let track = word(moof, child(moof, traf.clone(), b"tfhd")?.start + 4)?;
    let time = child(moof, traf.clone(), b"tfdt")?;
    let (version, place) = (*moof.get(time.start)?, time.start + 4);
    let begins = u64::from_be_bytes(*moof.get(place..)?.first_chunk::<8>()?);
    let run = child(moof, traf, b"trun")?;
    let columns = word(moof, run.start)? & 0xff_ffff;
    // Only what `fragment` writes: a duration and a size in each row.
    if version != 1 || columns & 0x305 != 0x301 {
        return None;
    }
    let (flags, composition) = (columns & 0x400 != 0, columns & 0x800 != 0);
    let rows = Rows { place: run.start + 12..run.end, flags, composition };
    let count = moof.get(rows.place.clone())?.chunks_exact(rows.size()).len();
    if count != word(moof, run.start + 4)? as usize {
        return None;
    }
    let offset = word(moof, run.start + 8)?;
    let mut piece =
        Piece { track, begins, composition: 0, duration: 0, keyframe: false, place, offset, rows };
    let first = piece.samples(moof).next()?;
    (piece.composition, piece.keyframe) = (i64::from(first.composition), first.keyframe);
    piece.duration = piece.samples(moof).map(|sample| u64::from(sample.duration)).sum();
    Some(piece)
}

/// The body of a whole box of that kind.
pub(super) fn body(data: &[u8], kind: &[u8; 4]) -> Option<Range<usize>> {
    let head = head(data).filter(|head| &head.kind == kind && head.size == data.len() as u64)?;
    (u64::from(u32::MAX) >= head.size).then_some(8..data.len())
}

pub(super) fn child(data: &[u8], inside: Range<usize>, wanted: &[u8; 4]) -> Option<Range<usize>> {
    boxes(data, inside).find(|(kind, _)| kind == wanted).map(|(_, place)| place)
}

/// The boxes in a range, with where their bodies are; ends where one does not fit.
pub(super) fn boxes(data: &[u8], inside: Range<usize>) -> impl Iterator<Item = ([u8; 4], Range<usize>)> {
    let mut at = inside.start;
    std::iter::from_fn(move || {
        let head = head(data.get(at..inside.end)?)?;
        let end = at.checked_add(usize::try_from(head.size).ok()?).filter(|end| *end <= inside.end)?;
        let body = at + 8..end;
        at = end;
        Some((head.kind, body))
    })
}

pub(super) fn word(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*data.get(at..)?.first_chunk::<4>()?))
}
