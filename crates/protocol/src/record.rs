//! What a creator keeps on this computer: the recording that the studio itself writes, on air or not, and the replay
//! buffer, the last seconds of the program in memory. What a relay keeps for viewers is [`crate::room::Recording`].

use serde::{Deserialize, Serialize};

use crate::Failure;

/// Seconds that a replay buffer may hold.
pub const REPLAY_SECONDS: std::ops::RangeInclusive<u8> = 5..=120;

/// How it is kept, as the settings file has it; command `set_record_settings`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where the files go; empty for the usual folder.
    pub folder: String,
    /// Whether the last seconds are kept in memory. The encoder then runs all the time.
    pub replay: bool,
    /// How many, of [`REPLAY_SECONDS`].
    pub replay_seconds: u8,
    /// Megabytes of the disk that are left free: a recording stops before.
    pub keep_free_mb: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { folder: String::new(), replay: false, replay_seconds: 30, keep_free_mb: 500 }
    }
}

impl Settings {
    /// The same within their bounds.
    pub fn bounded(mut self) -> Self {
        self.replay_seconds = self.replay_seconds.clamp(*REPLAY_SECONDS.start(), *REPLAY_SECONDS.end());
        self
    }
}

/// A recording.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    #[default]
    Off,
    Recording {
        /// Milliseconds since the Unix epoch.
        since: u64,
        /// Of all its files.
        bytes: u64,
        /// The newest file's, without its folders.
        name: String,
        /// How often pictures had to be left out because the disk was too slow.
        gaps: u64,
    },
    /// It stopped by itself; what was written until then is whole.
    Failed { failure: Failure },
}

/// The disk that the files go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// Bytes that may still be written, without what is [left free](Settings::keep_free_mb).
    pub free: u64,
    /// How long they last: at the present rate, or at the configured one while nothing is recorded.
    pub left_s: u64,
}

/// A file that is complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// Without its folders.
    pub name: String,
    pub bytes: u64,
    pub seconds: u64,
    /// The last seconds out of memory, not a recording.
    pub replay: bool,
}

/// All of it, as the window shows it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Recorder {
    pub state: State,
    pub settings: Settings,
    /// The folder in use, with all of its path.
    pub folder: String,
    /// Seconds that the replay buffer holds.
    pub held_s: u8,
    /// None where the system does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<Disk>,
    /// The newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved: Option<Saved>,
}

impl Recorder {
    pub fn is_recording(&self) -> bool {
        matches!(self.state, State::Recording { .. })
    }
}
