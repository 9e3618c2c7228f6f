//! One file: fragmented MP4 that is whole after every write, and an ordinary MP4 once it is complete.
//!
//! `ftyp`, a `free` box of 16 bytes, `moov`, then fragments: a file that ends anywhere plays up to its last whole
//! fragment. To complete it, a `moov` with tables of all samples goes to its end, and the `free` box becomes the head of
//! an `mdat` that hides everything up to there. So nothing is copied, however long it is, and players and editors that
//! know nothing of fragments open it and seek in it.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

use footlight_media::fmp4::{Tables, read};

/// Head of an `mdat` whose length takes eight bytes.
const HIDING: usize = 16;

/// What a file is on.
pub(super) trait Medium: Write + Seek {
    /// Shortens it.
    fn cut(&mut self, length: u64) -> io::Result<()>;
    /// Brings it to the disk.
    fn sync(&mut self) -> io::Result<()>;
}

impl Medium for File {
    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// A file that is being written.
pub(super) struct Movie<M> {
    medium: M,
    ftyp: usize,
    moov: Vec<u8>,
    tables: Tables,
    /// What is whole of it.
    bytes: u64,
    /// Something was written since the last [`Movie::sync`].
    dirty: bool,
}

impl<M: Medium> Movie<M> {
    /// Begins it like `init`.
    pub(super) fn begin(mut medium: M, init: &[u8]) -> io::Result<Self> {
        let ftyp = read::head(init).filter(|head| &head.kind == b"ftyp").map(|head| head.size as usize);
        let (mut ftyp, moov) = ftyp
            .and_then(|size| init.split_at_checked(size))
            .map(|(f, m)| (f.to_vec(), m.to_vec()))
            .ok_or_else(damaged)?;
        // A file of one track says that it is CMAF, which one with tables is not.
        ftyp.chunks_exact_mut(4)
            .skip(4)
            .filter(|brand| brand == b"cmfc")
            .for_each(|brand| brand.copy_from_slice(b"isom"));
        let tables = Tables::new(&moov).ok_or_else(damaged)?;
        let mut free = [0; HIDING];
        free[3] = HIDING as u8;
        free[4..8].copy_from_slice(b"free");
        let head = [&ftyp, &free[..], &moov].concat();
        medium.write_all(&head)?;
        Ok(Self { medium, ftyp: ftyp.len(), moov, tables, bytes: head.len() as u64, dirty: true })
    }

    /// Appends a whole fragment. Where that fails the file is as before.
    pub(super) fn append(&mut self, fragment: &[u8]) -> io::Result<()> {
        let moof = read::head(fragment).and_then(|head| fragment.get(..usize::try_from(head.size).ok()?));
        let moof = moof.ok_or_else(damaged)?;
        let pieces = read::pieces(moof).ok_or_else(damaged)?;
        self.write(fragment)?;
        self.tables.push(moof, &pieces, self.bytes);
        self.bytes += fragment.len() as u64;
        Ok(())
    }

    /// Brings what was written to the disk.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.dirty) { self.medium.sync() } else { Ok(()) }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Completes it, and gives its bytes. Where there is no space for the tables it stays as it is, which plays too.
    pub(super) fn finish(mut self) -> io::Result<u64> {
        let Some(moov) = self.tables.write(&self.moov, 0) else { return Ok(self.bytes) };
        let done = self.write(&moov).and_then(|()| self.medium.sync());
        if done.is_ok() {
            let mut head = [0; HIDING];
            head[3] = 1;
            head[4..8].copy_from_slice(b"mdat");
            head[8..].copy_from_slice(&(self.bytes - self.ftyp as u64).to_be_bytes());
            self.medium.seek(SeekFrom::Start(self.ftyp as u64))?;
            self.medium.write_all(&head)?;
            self.bytes += moov.len() as u64;
        }
        self.medium.sync()?;
        Ok(self.bytes)
    }

    /// All of it or nothing.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.dirty = true;
        let written = self.medium.write_all(bytes);
        if written.is_err() {
            self.medium.cut(self.bytes)?;
            self.medium.seek(SeekFrom::End(0))?;
        }
        written
    }
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "no fragments")
}
