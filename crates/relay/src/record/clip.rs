//! Cuts a piece out of a recording into a file of its own, without touching the pictures: whole fragments, from the
//! keyframe at or before the beginning.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::Duration;

use super::part::{self, Part};
use super::settle;

/// What was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut {
    /// Where it begins in the file that it is from.
    pub(super) begins: Duration,
    pub(super) duration: Duration,
    pub(super) bytes: u64,
}

/// A fragment of the source.
struct Fragment {
    at: u64,
    size: u64,
    begins: Duration,
    keyframe: bool,
}

/// Copies what `source` has between `from` and `to` to `target`, which appears when it is complete. `None` where
/// nothing is there. The source may still be growing.
pub(super) fn cut(source: &Path, from: Duration, to: Duration, target: &Path) -> io::Result<Option<Cut>> {
    let mut file = File::open(source)?;
    let front = part::Front::read(&mut file)?;
    let layout = part::Layout::of(&front.init).ok_or_else(|| part::damaged("no init segment"))?;
    let mut fragments = Vec::new();
    part::scan(&mut file, &front, |part::Fragment { at, size, pieces, .. }| {
        let (begins, keyframe) = (layout.earliest(pieces), layout.is_access_point(pieces));
        fragments.push(Fragment { at, size, begins, keyframe });
    })?;
    let end = fragments.partition_point(|fragment| fragment.begins < to);
    let starts = |fragment: &Fragment| fragment.keyframe && fragment.begins <= from;
    let begin = fragments.iter().rposition(starts).or_else(|| fragments.iter().position(|f| f.keyframe));
    let Some(chosen) = begin.and_then(|begin| fragments.get(begin..end)).filter(|chosen| !chosen.is_empty())
    else {
        return Ok(None);
    };
    let unfinished = target.with_extension("unfinished");
    let copied = copy(&mut file, &front.init, chosen, &unfinished);
    match copied.and_then(|cut| std::fs::rename(&unfinished, target).map(|()| cut)) {
        Ok(cut) => Ok(Some(cut)),
        Err(error) => {
            let _ = std::fs::remove_file(&unfinished);
            Err(error)
        }
    }
}

fn copy(file: &mut File, init: &[u8], chosen: &[Fragment], target: &Path) -> io::Result<Cut> {
    let mut made: Option<Part> = None;
    for fragment in chosen {
        let mut bytes = vec![0; fragment.size as usize];
        file.seek(SeekFrom::Start(fragment.at))?;
        file.read_exact(&mut bytes)?;
        match &mut made {
            None => made = Some(Part::create(target, init, bytes)?),
            Some(part) => part.append(bytes)?,
        }
    }
    let part = made.ok_or_else(|| part::damaged("no fragment"))?;
    let mut cut = Cut { begins: part.base, duration: part.duration(), bytes: part.bytes() };
    part.finish()?;
    // Five minutes at most: it is done while its maker waits.
    if let Some(bytes) = settle::settle(target, |_| true, |_| {})? {
        cut.bytes = bytes;
    }
    Ok(cut)
}
