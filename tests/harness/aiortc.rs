//! aiortc, a WebRTC stack of others: it publishes by WHIP and watches by WHEP, as `fixtures/rtc.py` tells it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;

use crate::bins;
use crate::clip;
use crate::output::Output;
use crate::process::Process;
use crate::tool;

/// What a viewer saw and heard.
#[derive(Debug, Deserialize)]
pub struct Watched {
    pub pictures: u32,
    /// Samples of sound, 48 000 a second.
    pub samples: u32,
    pub width: u32,
    pub height: u32,
    /// Status of the DELETE that ended the session.
    pub deleted: u16,
    /// The number of each picture; none where it has no readable one.
    #[serde(skip)]
    pub numbers: Vec<Option<u32>>,
}

/// Publishes the clip until its end or until the value is dropped. Returns once it has its answer.
pub async fn publish(whip: &str, key: &str, clip: &Path, output: &Output) -> Process {
    let mut command = script();
    command.args(["publish", whip, key]).arg(clip);
    let mut publisher = Process::start("aiortc-publisher", &mut command, output);
    publisher.event("answered", Duration::from_secs(30)).await;
    publisher
}

/// Watches for so many seconds and says goodbye.
pub async fn watch(whep: &str, seconds: u32, output: &Output) -> Watched {
    let pixels = output.file("aiortc.gray");
    let mut command = script();
    command.args(["watch", whep, &seconds.to_string()]).arg(&pixels);
    let mut viewer = Process::start("aiortc-viewer", &mut command, output);
    let event = viewer.event("watched", Duration::from_secs(u64::from(seconds) + 40)).await;
    let mut watched: Watched = serde_json::from_value(event).expect("rtc.py writes these fields");
    let grey = std::fs::read(&pixels).unwrap_or_else(|e| panic!("read {}: {e}", pixels.display()));
    watched.numbers = clip::read(&grey);
    let _ = std::fs::remove_file(pixels);
    watched
}

/// A viewer that notes where pictures and beeps are on the sender's clock, until it is dropped.
pub struct Lips {
    log: PathBuf,
    _viewer: Process,
}

/// A picture or a beep on the sender's clock. The relay's sender reports place what is sent at its capture.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Placed {
    /// Milliseconds since 1900.
    pub at: f64,
    /// What the picture says of its capture, in units of 100 µs, the low 32 bits; a beep says nothing.
    pub stamp: Option<u32>,
}

impl Lips {
    pub fn follow(whep: &str, output: &Output) -> Self {
        let log = output.file("lips.jsonl");
        let mut command = script();
        command.args(["lips", whep]).arg(&log);
        Self { log, _viewer: Process::start("aiortc-lips", &mut command, output) }
    }

    /// What was noted until now, in the order in which it was decoded.
    pub fn placed(&self) -> Vec<Placed> {
        let lines = std::fs::read_to_string(&self.log).unwrap_or_default();
        // The last line may be half written.
        lines.lines().map_while(|line| serde_json::from_str(line).ok()).collect()
    }
}

/// How far the sound is behind the picture at each beep, in milliseconds. The picture carries the instant of its capture,
/// and a beep starts with each whole second; of the pictures those within a second of the beep count.
pub fn behind(placed: &[Placed]) -> Vec<f64> {
    /// From 1900 to 1970, milliseconds.
    const TO_UNIX: f64 = 2_208_988_800_000.0;
    const AROUND: f64 = 1_000.0;
    let late = |stamp: u32, at: f64| {
        let at = ((at - TO_UNIX) * 10.0) as u64 as u32;
        f64::from(at.wrapping_sub(stamp).cast_signed()) / 10.0
    };
    let pictures: Vec<(f64, f64)> =
        placed.iter().filter_map(|one| Some((one.at, late(one.stamp?, one.at)))).collect();
    let beeps = placed.iter().filter(|one| one.stamp.is_none()).map(|one| one.at);
    let offset = |beep: f64| {
        let near = pictures.iter().filter(|(at, _)| (at - beep).abs() < AROUND);
        let mut near: Vec<f64> = near.map(|(_, late)| *late).collect();
        near.sort_by(f64::total_cmp);
        let picture = near.get(near.len() / 2)?;
        Some((beep + 500.0).rem_euclid(1000.0) - 500.0 - picture)
    };
    beeps.filter_map(offset).collect()
}

fn script() -> Command {
    let folders = bins::target_dir().join("tools/python");
    let mut found = std::fs::read_dir(&folders).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_it = |path: &std::path::PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("aiortc-"))
    };
    let packages = found.find(is_it).unwrap_or_else(|| {
        panic!("no aiortc in {}: run `cargo xtask test`, which installs it by pip", folders.display())
    });
    let mut command = bins::command(tool::find("python3", "python3"));
    command.env("PYTHONPATH", packages).arg(bins::workspace().join("tests/fixtures/rtc.py"));
    command
}
