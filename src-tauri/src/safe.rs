//! Safe mode: after two starts that did not end in order, one soon after the other, the window starts without what may have
//! brought it down. A file in the data folder lists the starts for as long as the window runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

/// Seconds from one start to the next. Who starts again after longer has had a window that worked for a while.
const SOON: u64 = 60;
/// Starts that did not end in order before one is made safe.
const CRASHES: usize = 2;
/// The flag of the command line, which a normal start goes without.
const FLAG: &str = "--safe";

/// The file; taken away when the window is closed in order.
#[derive(Debug)]
pub(crate) struct Marker {
    path: PathBuf,
}

impl Marker {
    /// Notes a start, and says whether it had better be a safe one. A folder that cannot be written to costs only that.
    pub(crate) fn begin(data: &Path) -> (Self, bool) {
        let path = data.join("running");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let before = fs::read_to_string(&path).unwrap_or_default();
        let (text, safe) = note(&before, now);
        if let Err(error) = fs::write(&path, text) {
            tracing::warn!("a crash of this run will not be noticed: {error}");
        }
        (Self { path }, safe)
    }

    /// This run has ended in order.
    pub(crate) fn end(&self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!("this run looks as if it had crashed: {error}");
        }
    }
}

/// The file's text with this start, and whether those before it were crashes in a row.
fn note(before: &str, now: u64) -> (String, bool) {
    let mut starts: Vec<u64> = before.lines().filter_map(|line| line.trim().parse().ok()).collect();
    starts.push(now);
    let last = &starts[starts.len().saturating_sub(CRASHES + 1)..];
    // A clock that was set back says nothing.
    let soon = |pair: &[u64]| pair[1].checked_sub(pair[0]).is_some_and(|passed| passed <= SOON);
    let safe = last.len() > CRASHES && last.windows(2).all(soon);
    (last.iter().map(|start| format!("{start}\n")).collect(), safe)
}

/// Starts the program once more, as it was started but not safe. It outlives this one, which waits for nothing any more.
pub(crate) fn start_again() -> Result<()> {
    let program = std::env::current_exe().context("find this program")?;
    let arguments = std::env::args_os().skip(1).filter(|argument| argument != FLAG);
    Command::new(program).args(arguments).spawn().context("start again")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_crashes_in_a_row_make_the_next_start_safe() {
        for (before, now, safe) in [
            ("", 1_000, false),
            ("1000\n", 1_010, false),
            ("1000\n1010\n", 1_020, true),
            ("1000\n1060\n", 1_120, true),
            // A window that ran for longer, once or twice.
            ("1000\n1010\n", 1_071, false),
            ("1000\n1061\n", 1_070, false),
            ("1000\n1010\n1020\n", 1_030, true),
            ("1020\n1010\n", 1_011, false),
            ("nonsense\n\n", 1_000, false),
        ] {
            let (text, is_safe) = note(before, now);
            assert_eq!(is_safe, safe, "{before:?} {now}");
            assert!(text.ends_with(&format!("{now}\n")) && text.lines().count() <= CRASHES + 1, "{text:?}");
        }
    }

    #[test]
    fn a_run_that_ends_in_order_leaves_nothing() {
        let data = std::env::temp_dir().join(format!("footlight-safe-{}", std::process::id()));
        fs::create_dir_all(&data).unwrap();
        for round in 0..5 {
            let (marker, safe) = Marker::begin(&data);
            assert!(!safe, "{round}");
            marker.end();
        }
        drop(Marker::begin(&data));
        drop(Marker::begin(&data));
        let (marker, safe) = Marker::begin(&data);
        assert!(safe, "neither of the two before it ended");
        marker.end();
        assert!(!Marker::begin(&data).1);
        fs::remove_dir_all(data).unwrap();
    }
}
