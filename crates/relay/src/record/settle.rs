//! Puts tables of all samples in front of a finished file, so that players open it with one request and seek exactly.
//!
//! The new file is `ftyp`, such a `moov`, and one `mdat` around all that the old file had behind its `ftyp`: nothing of
//! it is changed, so fragments can still be cut out. It is written beside the old one, brought to the disk, and takes
//! its place in one step; whatever happens before that, the old one is whole. Nobody watches the file yet: a replay is
//! listed when this is done, or given up for want of space.
//!
//! The thread that does it has the lowest priority and rests as long as it worked, four times as long while somebody is
//! on air, so that its flushes never hold up those of a recording.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use footlight_media::fmp4::Tables;
use tokio::sync::{oneshot, watch};

use super::archive::Lives;
use super::part::{self, Front, HIDING};
use super::space;
use crate::error::Error;

/// Copied and flushed at once. What a recording's own flush may have to wait for is no more than this.
const STRIDE: usize = 4 << 20;
/// Longest rest after one.
const REST: Duration = Duration::from_secs(2);

/// What is left of the machine for it.
#[derive(Clone)]
pub(super) struct Pace {
    /// The folder's disk keeps so many bytes free; below that the file stays as it is.
    pub(super) min_free: u64,
    pub(super) lives: watch::Receiver<Lives>,
    pub(super) stop: Arc<AtomicBool>,
}

impl Pace {
    fn may(&self, path: &Path, more: u64) -> bool {
        let room = path.parent().and_then(space::disk).is_none_or(|disk| disk.free >= self.min_free + more);
        room && !self.stop.load(Relaxed)
    }

    fn rest(&self, worked: Duration) {
        let share = if self.lives.borrow().is_empty() { 1 } else { 4 };
        std::thread::sleep((worked * share).min(REST));
    }
}

/// What became of a file: its bytes, or `None` where it stays as it is.
pub(super) type Settled = io::Result<Option<u64>>;

/// Does it on a thread of its own, which ends with the work or soon after `pace` says stop.
pub(super) async fn aside(path: PathBuf, pace: Pace) -> Result<Settled, Error> {
    let (done, settled) = oneshot::channel();
    let work = move || {
        // On Linux a niceness is a thread's own.
        #[cfg(target_os = "linux")]
        let _ = rustix::process::setpriority_process(None, 19);
        let may = |bytes: u64| pace.may(&path, bytes);
        let _ = done.send(settle(&path, may, |worked| pace.rest(worked)));
    };
    let thread = std::thread::Builder::new().name("settle".to_owned()).spawn(work);
    let thread = thread.map_err(|_| Error::System { what: "a thread" })?;
    let settled = settled.await.map_err(|_| Error::System { what: "a thread" });
    let _ = thread.join();
    settled
}

/// What is written beside a file until it is whole.
pub(super) fn beside(path: &Path) -> PathBuf {
    path.with_extension("settling")
}

/// Rewrites the file. `may` is asked before anything of so many bytes is written, `rest` told how long each stride took.
pub(super) fn settle(path: &Path, may: impl Fn(u64) -> bool, rest: impl Fn(Duration)) -> Settled {
    let mut file = File::open(path)?;
    let front = Front::read(&mut file)?;
    if front.settled {
        return Ok(Some(file.seek(SeekFrom::End(0))?));
    }
    let bad = || part::damaged("no tables can be made of it");
    let ftyp = footlight_media::fmp4::read::head(&front.init).ok_or_else(bad)?.size;
    let moov = front.init.get(ftyp as usize..).ok_or_else(bad)?;
    let mut tables = Tables::new(moov).ok_or_else(bad)?;
    let extent = part::scan(&mut file, &front, |fragment| {
        tables.push(fragment.moof, fragment.pieces, fragment.at);
    })?;
    // The length is the same wherever the offsets lead.
    let length = tables.write(moov, 0).ok_or_else(bad)?.len() as u64;
    let tables = tables.write(moov, length + HIDING).ok_or_else(bad)?;
    if !may(extent.bytes + length) {
        return Ok(None);
    }
    let mut head = front.init[..ftyp as usize].to_vec();
    brands(&mut head);
    head.extend_from_slice(&tables);
    head.extend_from_slice(&1u32.to_be_bytes());
    head.extend_from_slice(b"mdat");
    head.extend_from_slice(&(extent.bytes - ftyp + HIDING).to_be_bytes());
    drop(tables);
    let target = beside(path);
    file.seek(SeekFrom::Start(ftyp))?;
    let media = file.take(extent.bytes - ftyp);
    match copy(&head, media, &target, may, rest) {
        Ok(true) => {}
        unfinished => {
            let _ = std::fs::remove_file(&target);
            return unfinished.map(|_| None);
        }
    }
    std::fs::rename(&target, path)?;
    if let Some(folder) = path.parent() {
        // Only Unix lets a folder be flushed; elsewhere the system does as it thinks best.
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
    Ok(Some(head.len() as u64 + extent.bytes - ftyp))
}

/// Whether all of it was written and is on the disk.
fn copy(
    head: &[u8],
    mut media: io::Take<File>,
    target: &Path,
    may: impl Fn(u64) -> bool,
    rest: impl Fn(Duration),
) -> io::Result<bool> {
    let mut out = File::create(target)?;
    out.write_all(head)?;
    let mut stride = vec![0; STRIDE];
    while media.limit() > 0 {
        let begun = Instant::now();
        let most = media.limit().min(STRIDE as u64) as usize;
        media.read_exact(&mut stride[..most])?;
        if !may(STRIDE as u64) {
            return Ok(false);
        }
        out.write_all(&stride[..most])?;
        out.sync_data()?;
        if media.limit() > 0 {
            rest(begun.elapsed());
        }
    }
    out.sync_all()?;
    Ok(true)
}

/// A file of one track says that it is CMAF, which one with tables is not.
fn brands(ftyp: &mut [u8]) {
    for brand in ftyp.chunks_exact_mut(4).skip(4).filter(|brand| brand == b"cmfc") {
        brand.copy_from_slice(b"isom");
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use footlight_media::fmp4::{self, Format, Run, Wrap};
    use footlight_media::{Codec, Packet, Time, h264};

    use super::*;
    use crate::record::part::Part;

    /// Baseline, 1280x720.
    const SPS: [u8; 24] = [
        0x67, 0x42, 0xc0, 0x1f, 0xd9, 0x00, 0x50, 0x05, 0xbb, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00,
        0x00, 0x03, 0x03, 0xc0, 0xf1, 0x83, 0x24,
    ];

    /// A file of one track, three fragments of two pictures.
    fn write(path: &Path) {
        let picture = |n: u64| {
            let mut data = Vec::new();
            let nals: [&[u8]; 3] = [&SPS, &[0x68, 0xcb, 0x83, 0xcb, 0x20], &[0x65, 0x88, n as u8]];
            nals.iter().for_each(|nal| h264::push_nal(&mut data, nal));
            Packet {
                codec: Codec::H264,
                captured: Time::from_micros(n * 33_333),
                composition: Duration::ZERO,
                keyframe: true,
                data: data.into(),
            }
        };
        let format = Format::of(&picture(0)).unwrap();
        let mut run = Run::new(format.clone(), Time::from_micros(0));
        let mut part: Option<Part> = None;
        for n in 0..3 {
            run.push(&picture(2 * n));
            run.push(&picture(2 * n + 1));
            run.finish();
            let fragment = fmp4::fragment(n as u32 + 1, Wrap::default(), &mut [&mut run]).to_vec();
            match &mut part {
                Some(part) => part.append(fragment).unwrap(),
                None => part = Some(Part::create(path, &fmp4::init(&[&format]), fragment).unwrap()),
            }
        }
        part.unwrap().finish().unwrap();
    }

    #[test]
    fn a_file_is_rewritten_whole_or_stays_as_it_is() {
        let folder = std::env::temp_dir().join(format!("footlight-settle-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("a.mp4");
        write(&path);
        let before = std::fs::read(&path).unwrap();
        // No space at all, and none any more when the half of it is written.
        for answers in 0..2 {
            let asked = Cell::new(0);
            let may = |_| asked.replace(asked.get() + 1) < answers;
            assert_eq!(settle(&path, may, |_| {}).unwrap(), None);
            assert_eq!(asked.get(), answers + 1);
            assert_eq!((std::fs::read(&path).unwrap() == before, beside(&path).exists()), (true, false));
        }
        let fragments = |path: &Path| {
            let mut file = File::open(path).unwrap();
            let front = Front::read(&mut file).unwrap();
            let mut sizes = Vec::new();
            let extent = part::scan(&mut file, &front, |fragment| sizes.push(fragment.size)).unwrap();
            (front.init, sizes, extent.duration, front.settled)
        };
        let (init, sizes, duration, settled) = fragments(&path);
        assert_eq!((sizes.len(), settled), (3, false));
        let bytes = settle(&path, |_| true, |_| {}).unwrap().unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().len(), bytes);
        let (settled_init, settled_sizes, settled_duration, settled) = fragments(&path);
        // CMAF promises one track of fragments, which the file no longer is.
        assert_eq!(settled_init[..24], init[..24]);
        assert_eq!((&settled_init[24..28], &settled_init[28..]), (&b"isom"[..], &init[28..]));
        assert_eq!((settled_sizes, settled_duration, settled), (sizes, duration, true));
        // Again, it is left alone; cut off behind that, it is taken for what it is.
        assert_eq!(settle(&path, |_| false, |_| {}).unwrap(), Some(bytes));
        let recovered = part::recover(&path).unwrap().unwrap();
        assert_eq!((recovered.bytes, recovered.duration), (bytes, duration));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn nothing_but_the_brand_of_fragments_is_taken_away() {
        let mut ftyp = *b"\0\0\0\x1cftypiso6\0\0\0\0iso6mp41cmfc";
        brands(&mut ftyp);
        assert_eq!(&ftyp, b"\0\0\0\x1cftypiso6\0\0\0\0iso6mp41isom");
    }
}
