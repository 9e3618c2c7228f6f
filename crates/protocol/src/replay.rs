//! Finished broadcasts and clips, as the JSON API tells them. Media time counts from the first picture or sound of
//! the broadcast.

use serde::{Deserialize, Serialize};

use crate::room::{Event, Pause, UnixMillis};
use crate::{ClipId, ReplayId, RoomId, Seq};

/// Longest title of a replay, in characters.
pub const MAX_TITLE: usize = 120;
/// Longest clip.
pub const MAX_CLIP_S: u32 = 300;

/// A finished broadcast in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Line {
    pub id: ReplayId,
    pub room: RoomId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Whether the public list names it. Who knows the id can watch it in any case.
    pub public: bool,
    /// Wall clock at media time zero.
    pub began_ms: UnixMillis,
    /// Wall clock at the end of the broadcast.
    pub ended_ms: UnixMillis,
    /// Media time at the end of the last part.
    pub duration_ms: u64,
    pub bytes: u64,
    /// When all of it had been copied into the relay's bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uploaded_ms: Option<UnixMillis>,
    /// Where that copy is (`s3://BUCKET/KEY/`), for the owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<String>,
    /// A silent MP4 of one picture, for `<video>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poster: Option<String>,
}

/// A finished broadcast with what happened in its room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Replay {
    #[serde(flatten)]
    pub line: Line,
    /// In order of time; what is between them was not recorded.
    pub parts: Vec<Part>,
    pub clips: Vec<Clip>,
    /// The first events, oldest first. What was deleted meanwhile, and what banned people said, is not there.
    pub events: Vec<Timed>,
    /// There are more, after this seq.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events_after: Option<Seq>,
}

/// More events of a replay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Events {
    pub events: Vec<Timed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events_after: Option<Seq>,
}

/// One file of a replay. A change of codec, size or tracks begins another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Part {
    /// Path of an MP4 that begins at zero; it serves ranges.
    pub media: String,
    /// Media time at its beginning.
    pub begins_ms: u64,
    pub duration_ms: u64,
}

/// An event at its media time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Timed {
    pub at_ms: u64,
    #[serde(flatten)]
    pub event: Event,
}

/// A piece of a broadcast as a file of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Clip {
    pub id: ClipId,
    pub room: RoomId,
    /// The broadcast that it is from; it may be gone meanwhile.
    pub replay: ReplayId,
    pub media: String,
    pub made_ms: UnixMillis,
    /// Media time of the broadcast at the clip's beginning.
    pub begins_ms: u64,
    pub duration_ms: u64,
    pub bytes: u64,
}

/// What a clip is asked of: the last seconds of what is live, or a range of a replay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged, deny_unknown_fields)]
pub enum ClipRequest {
    Range { replay: ReplayId, from_ms: u64, to_ms: u64 },
    Live { seconds: u32 },
}

/// What the owner changes of a replay; what is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Edit {
    /// Empty takes the title away.
    pub title: Option<String>,
    pub public: Option<bool>,
}

/// How the recording of what is live goes; for the owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Progress {
    pub id: ReplayId,
    pub since: UnixMillis,
    /// Bytes of it on disk.
    pub bytes: u64,
    /// Over the last half minute.
    pub bits_per_second: u64,
    /// Seconds until nothing more can be kept, also after older recordings are deleted for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_in_s: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Pause>,
}
