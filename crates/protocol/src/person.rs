//! What a room knows of a person: the card behind a name, with what moderators alone are told.

use serde::{Deserialize, Serialize};

use crate::room::{Event, Member, UnixMillis};

/// Longest note of a moderator, in Unicode scalar values after trimming.
pub const MAX_NOTE: usize = 500;
/// Notes about one person in a room.
pub const MAX_NOTES: usize = 20;
/// Earlier names that are kept of a person, the newest.
pub const MAX_FORMER_NAMES: usize = 10;
/// Acts of moderation on a card, the newest.
pub const MAX_ACTS: usize = 20;

/// Largest file of a picture that somebody sets of themselves, in bytes.
pub const MAX_AVATAR_FILE: usize = 2 << 20;
/// Side of that picture as it is kept, in pixels: a person's card at twice its size.
pub const AVATAR_SIDE: u32 = 128;

/// Who somebody is, as everybody may know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Card {
    /// As they are called now.
    pub user: Member,
    /// For moderators only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Record>,
}

/// What moderators know of somebody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Record {
    /// When they first took a name at this relay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<UnixMillis>,
    /// What they were called before, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<FormerName>,
    /// Messages that everybody saw.
    pub messages: u64,
    /// Seconds in which their player played while the room was live.
    pub watched_s: u64,
    /// Gifts that they gave and that were not given back, in pieces.
    pub gifts: u64,
    /// What those cost. For the owner only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coins: Option<u64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub banned: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muted_until: Option<UnixMillis>,
    /// The rules do not bind them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub trusted: bool,
    /// All that they write is held.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restricted: bool,
    /// The picture that they show of themselves was taken away.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub avatar_hidden: bool,
    /// What moderators did to them, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acts: Vec<PastAct>,
    /// What moderators wrote down, newest first. Nobody is told what stands about themselves but the owner.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<PersonNote>,
}

/// A name that somebody does not have any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FormerName {
    pub name: String,
    /// Until when they had it.
    pub until: UnixMillis,
}

/// An act of moderation, and whose it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PastAct {
    #[serde(flatten)]
    pub event: Event,
    /// What the one who did it is called, where they have a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// What a moderator wrote down about somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PersonNote {
    /// To take it away by.
    pub id: u64,
    pub at: UnixMillis,
    /// Who wrote it.
    pub by: Member,
    pub text: String,
}
