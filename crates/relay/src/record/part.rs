//! One file of a recording: fragmented MP4 that is whole after every write.
//!
//! `ftyp` and `moov`, then [`RESERVED`] bytes, then fragments. The reserved bytes are a `free` box until the file is
//! finished, when its end becomes the index over the fragments, where one helps: see [`Index::sidx`]. Finishing needs no
//! space. A file that ends anywhere plays up to its last whole fragment.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use footlight_media::fmp4::read::{self, Piece};
use footlight_media::fmp4::{self, Reference};

/// Room for the index: 5456 fragments.
pub(super) const RESERVED: usize = 64 << 10;
/// Head of a box.
const HEAD: usize = 8;
/// Bytes of an index without its entries, and of an entry.
const INDEX: usize = 44;
const ENTRY: usize = 12;
/// An entry counts at most 2³¹ bytes; a reader that seeks has to be better off than that.
const LARGEST: u64 = 256 << 20;
/// Largest `moov` and `moof` that are read back; those written here are some kilobytes.
const MOST_META: u64 = 1 << 20;

/// What the first boxes of a file say.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// Bytes of them.
    init: u64,
    /// Ticks a second of the tracks.
    scales: Vec<(u32, u32)>,
    /// The track that the index is about: video, where there is any.
    indexed: (u32, u32),
}

impl Layout {
    pub(super) fn of(init: &[u8]) -> Option<Self> {
        let ftyp = read::head(init).filter(|head| &head.kind == b"ftyp")?;
        let scales = read::timescales(init.get(usize::try_from(ftyp.size).ok()?..)?)?;
        let indexed = *scales.iter().min_by_key(|(track, _)| *track)?;
        Some(Self { init: init.len() as u64, scales, indexed })
    }

    /// Where the first fragment is.
    pub(super) fn media(&self) -> u64 {
        self.init + RESERVED as u64
    }

    fn scale(&self, track: u32) -> u32 {
        self.scales.iter().find(|(of, _)| *of == track).map_or(self.indexed.1, |(_, scale)| *scale)
    }

    /// When a piece is decoded first.
    pub(super) fn begins(&self, piece: &Piece) -> Duration {
        time(piece.begins, self.scale(piece.track))
    }

    fn ends(&self, piece: &Piece) -> Duration {
        time(piece.begins + piece.duration, self.scale(piece.track))
    }

    /// When the fragment begins in its earliest track.
    pub(super) fn earliest(&self, pieces: &[Piece]) -> Duration {
        pieces.iter().map(|piece| self.begins(piece)).min().unwrap_or_default()
    }

    /// Whether the fragment can be decoded without those before it.
    pub(super) fn is_access_point(&self, pieces: &[Piece]) -> bool {
        pieces.iter().any(|piece| piece.track == self.indexed.0 && piece.keyframe)
    }
}

fn time(ticks: u64, scale: u32) -> Duration {
    Duration::from_micros((u128::from(ticks) * 1_000_000 / u128::from(scale.max(1))) as u64)
}

fn ticks(time: Duration, scale: u32) -> u64 {
    ((time.as_micros() * u128::from(scale) + 500_000) / 1_000_000) as u64
}

/// Fragments from one access point to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    bytes: u64,
    /// In ticks of the indexed track.
    begins: u64,
    keyframe: bool,
}

/// Where what is in a file.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) layout: Layout,
    entries: Vec<Entry>,
    fragments: usize,
    /// When the last sample ends.
    pub(super) duration: Duration,
    ends: u64,
    /// Bytes of the file that are whole.
    pub(super) bytes: u64,
}

impl Index {
    fn new(layout: Layout) -> Self {
        let bytes = layout.media();
        Self { layout, entries: Vec::new(), fragments: 0, duration: Duration::ZERO, ends: 0, bytes }
    }

    fn push(&mut self, pieces: &[Piece], bytes: u64) {
        self.fragments += 1;
        let track = self.layout.indexed.0;
        let indexed = pieces.iter().find(|piece| piece.track == track);
        let begins = indexed.map(|piece| piece.begins.saturating_add_signed(piece.composition));
        let keyframe = indexed.is_some_and(|piece| piece.keyframe);
        match self.entries.last_mut() {
            Some(last) if !keyframe && (begins.is_none() || last.bytes + bytes <= LARGEST) => {
                last.bytes += bytes
            }
            last => {
                let begins = begins.unwrap_or_default().max(last.map_or(0, |last| last.begins));
                self.entries.push(Entry { bytes, begins, keyframe });
            }
        }
        if let Some(piece) = indexed {
            self.ends = self.ends.max(piece.begins + piece.duration);
        }
        let latest = pieces.iter().map(|piece| self.layout.ends(piece)).max();
        self.duration = self.duration.max(latest.unwrap_or_default());
        self.bytes += bytes;
    }

    /// The index box. `None` where it would name more than it can count, and where a fragment does not begin with a
    /// keyframe: readers take an entry for one fragment (ffmpeg leaves out the others when it comes back to one), so
    /// such a file is better off when they look through its fragments.
    fn sidx(&self) -> Option<Bytes> {
        const MOST: usize = (RESERVED - HEAD - INDEX) / ENTRY;
        if self.fragments != self.entries.len() || self.entries.len() > MOST {
            return None;
        }
        let mut references = Vec::with_capacity(self.entries.len());
        for (n, entry) in self.entries.iter().enumerate() {
            let next = self.entries.get(n + 1).map_or(self.ends, |next| next.begins);
            let size = u32::try_from(entry.bytes).ok().filter(|size| *size < 1 << 31)?;
            let duration = u32::try_from(next.saturating_sub(entry.begins)).ok()?;
            references.push(Reference { size, duration, keyframe: entry.keyframe });
        }
        let (track, scale) = self.layout.indexed;
        Some(fmp4::sidx(track, scale, self.entries.first()?.begins, &references))
    }

    /// Writes the index into the reserved bytes of its file.
    fn write(&self, file: &mut File) -> io::Result<()> {
        let Some(sidx) = self.sidx() else { return Ok(()) };
        // The index first, inside the free box, where nobody looks; then the length of the free box, in one sector.
        file.seek(SeekFrom::Start(self.layout.media() - sidx.len() as u64))?;
        file.write_all(&sidx)?;
        file.seek(SeekFrom::Start(self.layout.init))?;
        file.write_all(&((RESERVED - sidx.len()) as u32).to_be_bytes())
    }
}

/// A file that is being written.
pub(super) struct Part {
    file: File,
    path: PathBuf,
    index: Index,
    /// What of the fragments' times is the beginning of the file.
    pub(super) base: Duration,
    /// Something was written since the last [`Part::sync`].
    dirty: bool,
}

impl Part {
    /// Makes the file for fragments of `init`, the first of which is `fragment`. What was made is gone where that
    /// fails.
    pub(super) fn create(path: &Path, init: &[u8], fragment: Vec<u8>) -> io::Result<Self> {
        let layout = Layout::of(init).ok_or_else(|| damaged("no init segment"))?;
        let base = layout.earliest(&parse(&fragment)?.1);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
        let mut part = Self { file, path: path.to_owned(), index: Index::new(layout), base, dirty: true };
        let mut front = Vec::with_capacity(init.len() + RESERVED);
        front.extend_from_slice(init);
        front.extend_from_slice(&(RESERVED as u32).to_be_bytes());
        front.extend_from_slice(b"free");
        front.resize(init.len() + RESERVED, 0);
        if let Err(error) = part.file.write_all(&front).and_then(|()| part.append(fragment)) {
            let _ = std::fs::remove_file(path);
            return Err(error);
        }
        Ok(part)
    }

    /// Appends a whole fragment in one write. Where that fails the file is as before.
    pub(super) fn append(&mut self, mut fragment: Vec<u8>) -> io::Result<()> {
        let (moof, mut pieces) = parse(&fragment)?;
        for piece in &mut pieces {
            let base = ticks(self.base, self.index.layout.scale(piece.track));
            piece.begins = piece.begins.saturating_sub(base);
            read::move_to(&mut fragment[..moof], piece, piece.begins);
        }
        let written = self.file.write_all(&fragment);
        self.dirty = true;
        if let Err(error) = written {
            self.file.set_len(self.index.bytes)?;
            self.file.seek(SeekFrom::End(0))?;
            return Err(error);
        }
        self.index.push(&pieces, fragment.len() as u64);
        Ok(())
    }

    /// Brings what was written to the disk.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.dirty) { self.file.sync_data() } else { Ok(()) }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.index.bytes
    }

    pub(super) fn duration(&self) -> Duration {
        self.index.duration
    }

    /// Writes the index and brings everything to the disk. The file plays without it too, only seeking is slower, so
    /// a failure is told and changes nothing else.
    pub(super) fn finish(mut self) {
        let finished = self.index.write(&mut self.file).and_then(|()| self.file.sync_all());
        if let Err(error) = finished {
            tracing::warn!(path = %self.path.display(), %error, "a recording has no index");
        }
    }
}

/// The length of a fragment's `moof`, and what is in it.
fn parse(fragment: &[u8]) -> io::Result<(usize, Vec<Piece>)> {
    let size = read::head(fragment).and_then(|head| usize::try_from(head.size).ok());
    let moof = size.and_then(|size| Some((size, read::pieces(fragment.get(..size)?)?)));
    moof.ok_or_else(|| damaged("no fragment"))
}

pub(super) fn damaged(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Reads which whole fragments a file has; `each` is told of every one, with where it is and how long.
pub(super) fn scan(file: &mut File, mut each: impl FnMut(u64, u64, &[Piece])) -> io::Result<Index> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut index = Index::new(Layout::of(&init(file, length)?).ok_or_else(|| damaged("no init segment"))?);
    let mut at = index.bytes;
    let mut moof = Vec::new();
    while let Some(meta) =
        head(file, at, length)?.filter(|head| &head.kind == b"moof" && head.size <= MOST_META)
    {
        let Some(data) = head(file, at + meta.size, length)?.filter(|head| &head.kind == b"mdat") else {
            break;
        };
        let size = meta.size + data.size;
        if at + size > length {
            break;
        }
        moof.resize(meta.size as usize, 0);
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut moof)?;
        let Some(pieces) = read::pieces(&moof).filter(|pieces| !pieces.is_empty()) else { break };
        each(at, size, &pieces);
        index.push(&pieces, size);
        at += size;
    }
    Ok(index)
}

/// The init segment of a file.
pub(super) fn init(file: &mut File, length: u64) -> io::Result<Vec<u8>> {
    let ftyp = head(file, 0, length)?.filter(|head| &head.kind == b"ftyp");
    let ftyp = ftyp.filter(|head| head.size <= MOST_META).ok_or_else(|| damaged("no init segment"))?;
    let moov = head(file, ftyp.size, length)?.filter(|head| head.size <= MOST_META);
    let size = ftyp.size + moov.ok_or_else(|| damaged("no init segment"))?.size;
    let mut init = vec![0; size as usize];
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut init)?;
    Ok(init)
}

fn head(file: &mut File, at: u64, length: u64) -> io::Result<Option<read::Head>> {
    let mut bytes = [0; read::HEAD];
    let there = length.saturating_sub(at).min(bytes.len() as u64) as usize;
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut bytes[..there])?;
    Ok(read::head(&bytes[..there]))
}

/// What a finished file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Finished {
    pub(super) bytes: u64,
    pub(super) duration: Duration,
}

/// Finishes a file whose writing was cut off. `None` where no whole fragment is in it.
pub(super) fn recover(path: &Path) -> io::Result<Option<Finished>> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let index = match scan(&mut file, |_, _, _| {}) {
        Ok(index) if index.duration > Duration::ZERO => index,
        Ok(_) => return Ok(None),
        // Cut in its first bytes.
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    file.set_len(index.bytes)?;
    index.write(&mut file)?;
    file.sync_all()?;
    Ok(Some(Finished { bytes: index.bytes, duration: index.duration }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_fits_and_is_left_out_where_it_would_mislead() {
        let layout = Layout { init: 900, scales: vec![(1, 90_000)], indexed: (1, 90_000) };
        let mut index = Index::new(layout);
        for n in 0..5_000u64 {
            index.entries.push(Entry { bytes: 1000, begins: n * 180_000, keyframe: true });
        }
        (index.ends, index.fragments) = (5_000 * 180_000, 5_000);
        let sidx = index.sidx().unwrap();
        assert!(sidx.len() <= RESERVED - HEAD, "{}", sidx.len());
        let words: Vec<u32> =
            sidx[40..].chunks_exact(4).map(|word| u32::from_be_bytes(word.try_into().unwrap())).collect();
        let (mut bytes, mut ticks) = (0, 0);
        for row in words[..words.len()].chunks_exact(3) {
            bytes += u64::from(row[0]);
            ticks += u64::from(row[1]);
        }
        assert_eq!((bytes, ticks), (5_000_000, index.ends));
        index.fragments += 1;
        assert!(index.sidx().is_none(), "a fragment without a keyframe");
        assert!(Index::new(index.layout).sidx().is_none());
    }
}
