//! One file of a recording: fragmented MP4 that is whole after every write.
//!
//! `ftyp` and `moov`, then fragments. A file that ends anywhere plays up to its last whole fragment. Finished files are
//! rewritten by [`super::settle`], which puts tables of all samples in front and hides these boxes in one `mdat`; what
//! reads fragments here finds them there too.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::Duration;

use footlight_media::fmp4::read::{self, Piece};

/// Largest `moov` and `moof` that are read back; those written here are some kilobytes.
const MOST_META: u64 = 1 << 20;
/// Head of the `mdat` that hides the fragments of a file with tables: its length takes eight bytes, however long it is.
pub(super) const HIDING: u64 = 16;

/// What the first boxes of a file say.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// Ticks a second of the tracks.
    scales: Vec<(u32, u32)>,
    /// The track that decides where playing can begin: video, where there is any.
    leading: (u32, u32),
}

impl Layout {
    pub(super) fn of(init: &[u8]) -> Option<Self> {
        let ftyp = read::head(init).filter(|head| &head.kind == b"ftyp")?;
        let scales = read::timescales(init.get(usize::try_from(ftyp.size).ok()?..)?)?;
        let leading = *scales.iter().min_by_key(|(track, _)| *track)?;
        Some(Self { scales, leading })
    }

    fn scale(&self, track: u32) -> u32 {
        self.scales.iter().find(|(of, _)| *of == track).map_or(self.leading.1, |(_, scale)| *scale)
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
        pieces.iter().any(|piece| piece.track == self.leading.0 && piece.keyframe)
    }
}

fn time(ticks: u64, scale: u32) -> Duration {
    Duration::from_micros((u128::from(ticks) * 1_000_000 / u128::from(scale.max(1))) as u64)
}

fn ticks(time: Duration, scale: u32) -> u64 {
    ((time.as_micros() * u128::from(scale) + 500_000) / 1_000_000) as u64
}

/// How far the fragments of a file go.
#[derive(Debug)]
pub(super) struct Extent {
    pub(super) layout: Layout,
    /// When the last sample ends.
    pub(super) duration: Duration,
    /// Bytes of the file that are whole.
    pub(super) bytes: u64,
}

impl Extent {
    fn push(&mut self, pieces: &[Piece], bytes: u64) {
        let latest = pieces.iter().map(|piece| self.layout.ends(piece)).max();
        self.duration = self.duration.max(latest.unwrap_or_default());
        self.bytes += bytes;
    }
}

/// A file that is being written.
pub(super) struct Part {
    file: File,
    extent: Extent,
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
        let extent = Extent { layout, duration: Duration::ZERO, bytes: init.len() as u64 };
        let mut part = Self { file, extent, base, dirty: true };
        if let Err(error) = part.file.write_all(init).and_then(|()| part.append(fragment)) {
            let _ = std::fs::remove_file(path);
            return Err(error);
        }
        Ok(part)
    }

    /// Appends a whole fragment in one write. Where that fails the file is as before.
    pub(super) fn append(&mut self, mut fragment: Vec<u8>) -> io::Result<()> {
        let (moof, mut pieces) = parse(&fragment)?;
        for piece in &mut pieces {
            let base = ticks(self.base, self.extent.layout.scale(piece.track));
            piece.begins = piece.begins.saturating_sub(base);
            read::move_to(&mut fragment[..moof], piece, piece.begins);
        }
        let written = self.file.write_all(&fragment);
        self.dirty = true;
        if let Err(error) = written {
            self.file.set_len(self.extent.bytes)?;
            self.file.seek(SeekFrom::End(0))?;
            return Err(error);
        }
        self.extent.push(&pieces, fragment.len() as u64);
        Ok(())
    }

    /// Brings what was written to the disk.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.dirty) { self.file.sync_data() } else { Ok(()) }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.extent.bytes
    }

    pub(super) fn duration(&self) -> Duration {
        self.extent.duration
    }

    /// Brings everything to the disk.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.dirty = false;
        self.file.sync_all()
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

/// A whole fragment of a file.
pub(super) struct Fragment<'a> {
    pub(super) at: u64,
    pub(super) size: u64,
    pub(super) moof: &'a [u8],
    pub(super) pieces: &'a [Piece],
}

/// What a file begins with.
pub(super) struct Front {
    /// The init segment of its fragments.
    pub(super) init: Vec<u8>,
    /// Where the fragments begin.
    media: u64,
    /// Tables of all samples are in front.
    pub(super) settled: bool,
}

impl Front {
    pub(super) fn read(file: &mut File) -> io::Result<Self> {
        let length = file.seek(SeekFrom::End(0))?;
        let nothing = || damaged("no init segment");
        let ftyp = head(file, 0, length)?.filter(|head| &head.kind == b"ftyp" && head.size <= MOST_META);
        let ftyp = ftyp.ok_or_else(nothing)?.size;
        let mut at = ftyp;
        let mut moov = head(file, at, length)?.filter(|head| &head.kind == b"moov").ok_or_else(nothing)?;
        let after = head(file, at.saturating_add(moov.size), length)?;
        let settled = after.is_some_and(|after| &after.kind == b"mdat");
        if settled {
            at += moov.size + HIDING;
            moov = head(file, at, length)?.filter(|head| &head.kind == b"moov").ok_or_else(nothing)?;
        }
        if moov.size > MOST_META {
            return Err(nothing());
        }
        let mut init = vec![0; (ftyp + moov.size) as usize];
        let (front, rest) = init.split_at_mut(ftyp as usize);
        file.seek(SeekFrom::Start(0))?;
        file.read_exact(front)?;
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(rest)?;
        let mut media = at + moov.size;
        // Earlier versions kept place for an index.
        while let Some(other) =
            head(file, media, length)?.filter(|head| matches!(&head.kind, b"free" | b"sidx"))
        {
            media = media.saturating_add(other.size);
        }
        Ok(Self { init, media, settled })
    }
}

/// Reads which whole fragments a file has; `each` is told of every one.
pub(super) fn scan(file: &mut File, front: &Front, mut each: impl FnMut(Fragment<'_>)) -> io::Result<Extent> {
    let length = file.seek(SeekFrom::End(0))?;
    let layout = Layout::of(&front.init).ok_or_else(|| damaged("no init segment"))?;
    let mut extent = Extent { layout, duration: Duration::ZERO, bytes: front.media };
    let mut at = extent.bytes;
    let mut moof = Vec::new();
    while let Some(meta) =
        head(file, at, length)?.filter(|head| &head.kind == b"moof" && head.size <= MOST_META)
    {
        let Some(data) = head(file, at + meta.size, length)?.filter(|head| &head.kind == b"mdat") else {
            break;
        };
        let size = meta.size.saturating_add(data.size);
        if at.saturating_add(size) > length {
            break;
        }
        moof.resize(meta.size as usize, 0);
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut moof)?;
        let Some(pieces) = read::pieces(&moof).filter(|pieces| !pieces.is_empty()) else { break };
        each(Fragment { at, size, moof: &moof, pieces: &pieces });
        extent.push(&pieces, size);
        at += size;
    }
    Ok(extent)
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
    let scanned = Front::read(&mut file).and_then(|front| scan(&mut file, &front, |_| {}));
    let extent = match scanned {
        Ok(extent) if extent.duration > Duration::ZERO => extent,
        Ok(_) => return Ok(None),
        // Cut in its first bytes.
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    file.set_len(extent.bytes)?;
    file.sync_all()?;
    Ok(Some(Finished { bytes: extent.bytes, duration: extent.duration }))
}
