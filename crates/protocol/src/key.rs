//! Stream keys as their owner sees them over the API: named, several a room, shown once.

use serde::{Deserialize, Serialize};

use crate::room::UnixMillis;

/// Longest name of a key, in characters.
pub const MAX_KEY_NAME: usize = 40;
/// Keys that a room may have at once.
pub const MAX_KEYS: usize = 32;

/// One stream key's number. Never given out again, not even to the key that replaces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct KeyId(pub u64);

/// A key in the owner's list. Its text is known to whoever was handed it, and to nobody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StreamKey {
    pub id: KeyId,
    /// What the owner calls it: `OBS at home`. Unique in the room.
    pub name: String,
    pub made_at: UnixMillis,
    /// Somebody publishes with it right now.
    pub publishing: bool,
}

/// A key that was just made, with its text: the only time that it is told.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NewStreamKey {
    #[serde(flatten)]
    pub entry: StreamKey,
    pub key: String,
}

impl std::fmt::Debug for NewStreamKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewStreamKey").field("entry", &self.entry).finish_non_exhaustive()
    }
}

/// What the owner sends to have a key made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NameStreamKey {
    pub name: String,
}
