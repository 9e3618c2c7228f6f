//! How a relay does, for its operator: `GET /api/v1/status` with the owner token.

use serde::{Deserialize, Serialize};

use crate::room::{RoomState, UnixMillis};

/// The relay as a whole, measured over the last second where something is measured over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Status {
    pub version: String,
    pub started: UnixMillis,
    pub uptime_s: u64,
    /// Asked to end: those who are here go on, nobody new is taken.
    pub draining: bool,
    pub rooms: Vec<RoomState>,
    pub sessions: Sessions,
    pub traffic: Traffic,
    pub process: Process,
    pub disk: Disk,
    pub webhooks: Webhooks,
    /// Copies of recordings in a bucket, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uploads: Option<Uploads>,
}

/// What is open now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Sessions {
    /// WebRTC publishers.
    pub publishers: u64,
    /// Viewers, over WebRTC, FLV, HLS and RTMP.
    pub viewers: u64,
    /// Chat sessions.
    pub members: u64,
    /// TCP connections of all kinds.
    pub connections: u64,
}

/// WebRTC media on the wire, in kbit/s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Traffic {
    pub in_kbps: u64,
    pub out_kbps: u64,
}

/// The process; for the bundled relay that is the studio. Zero where the platform does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Process {
    /// Percent of one core.
    pub cpu_percent: u64,
    /// Memory that is resident.
    pub memory_bytes: u64,
}

/// Where the data folder lies. Zero where the platform does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Disk {
    /// What the relay may still write.
    pub free_bytes: u64,
    pub total_bytes: u64,
}

/// Webhook events since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Webhooks {
    pub delivered: u64,
    pub failed_attempts: u64,
    pub lost: u64,
}

/// Copies of recordings in a bucket; all but `waiting` since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Uploads {
    /// Finished recordings that are not there yet.
    pub waiting: u64,
    pub done: u64,
    pub bytes: u64,
    pub failed_attempts: u64,
    /// Why the last attempt failed, until one succeeds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing: Option<String>,
}
