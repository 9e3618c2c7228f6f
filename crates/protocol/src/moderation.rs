//! Moderation: what a room takes and what it does not, why something was done, and what only moderators see.

use serde::{Deserialize, Serialize};

use crate::report::Case;
use crate::room::{Event, EventKind, Member, UnixMillis};
use crate::talk::Quote;
use crate::{MessageId, Seq, UserId};

/// Words and patterns in a room's list.
pub const MAX_WORDS: usize = 200;
/// Longest of them, in Unicode scalar values.
pub const MAX_WORD: usize = 50;
/// Longest pause between two messages of one person, in seconds.
pub const MAX_SLOW: u32 = 600;
/// Longest time that somebody has to be known before they may write, in seconds: a week.
pub const MAX_AGE: u32 = 7 * 24 * 3600;
/// Longest time that somebody has to follow before they may write, in seconds: 90 days.
pub const MAX_FOLLOWED: u32 = 90 * 24 * 3600;
/// Messages in one [`Unswept`](crate::room::EventKind::Unswept).
pub const MAX_UNSWEPT: usize = 50;

/// Why a message was held back or taken away, in terms that a person can check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    /// Nearly the same text came from so many people, so many of them strangers to the room, within half a minute.
    Copies { people: u32, strangers: u32 },
    /// The room holds links.
    Link,
    /// It has a word or pattern of the room's list.
    Word { word: String },
    /// All that its author writes is held.
    Restricted,
    /// It is like what moderators took away before: so likely, in percent.
    LikeRemoved { percent: u8 },
}

/// What a room does about links.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Links {
    #[default]
    Allow,
    /// A moderator looks at them first.
    Hold,
    Refuse,
}

/// What a room takes of guests. Owner, moderators and the trusted are not bound by it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Seconds between two messages of one person, at most [`MAX_SLOW`]; 0: as they like.
    pub slow_s: u32,
    /// Seconds since a person first took a name here before they may write, at most [`MAX_AGE`].
    pub min_age_s: u32,
    pub links: Links,
    /// Signs only, no letters.
    pub emote_only: bool,
    /// Only members may write: who pays for it, and whom the owner or a moderator made a VIP or trusts.
    pub members_only: bool,
    /// Only those may write who have followed the room for so many seconds, at most [`MAX_FOLLOWED`]; 0: who follows at
    /// all. None: everybody. VIPs are not bound either.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub followers_only_s: Option<u32>,
    /// Nothing that was said by anybody within the last minute.
    pub unique: bool,
    /// A message with one of them is held. `*` stands for any letters. Only moderators are told them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
}

impl Rules {
    /// As members are told them.
    pub fn open(&self) -> Self {
        Self { words: Vec::new(), ..self.clone() }
    }
}

/// What moderators find when they come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Desk {
    /// Events of messages that wait, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<Event>,
    /// As in `raids`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub raids: Vec<Raid>,
    #[serde(default)]
    pub rules: Rules,
    /// As in `reports`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<Case>,
}

/// A raid that was recognised: what moderators see of it. The messages themselves are not told one by one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Raid {
    /// The event that took the first messages away; to be undone by it.
    pub act: Seq,
    /// The newest message.
    pub at: UnixMillis,
    /// Taken away or not let through, so far.
    pub messages: u32,
    pub people: u32,
    /// One of its texts.
    pub sample: String,
    pub why: Reason,
    /// A moderator has put it right.
    pub undone: bool,
}

/// A message as it was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Former {
    pub message: MessageId,
    pub said_at: UnixMillis,
    pub by: Member,
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Box<Quote>>,
}

/// One line of the room's record of moderation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Act {
    #[serde(flatten)]
    pub event: crate::room::Event,
    /// Whose doing; none: the room's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<crate::UserId>,
    /// Whether the room did it by itself.
    pub automated: bool,
    /// The messages that it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<Former>,
}

/// `GET /api/v1/rooms/{room}/audit`: oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Audit {
    pub acts: Vec<Act>,
    /// There are more: go on with `?after=` this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<Seq>,
}

impl EventKind {
    /// Whether only moderators are told.
    pub fn is_private(&self) -> bool {
        match self {
            Self::Held { .. }
            | Self::Denied { .. }
            | Self::Ruled { .. }
            | Self::Trusted { .. }
            | Self::Restricted { .. }
            | Self::Unmarked { .. }
            | Self::Upheld(_)
            | Self::Dismissed(_)
            | Self::Lifted(_)
            | Self::Erased {} => true,
            Self::Said { .. }
            | Self::Deleted { .. }
            | Self::Restored { .. }
            | Self::TimedOut { .. }
            | Self::Banned { .. }
            | Self::Pardoned { .. }
            | Self::Gifted { .. }
            | Self::Refunded { .. }
            | Self::Swept { .. }
            | Self::Unswept { .. }
            | Self::Shielded { .. }
            | Self::Appointed { .. }
            | Self::Avatar { .. }
            | Self::Pinned { .. }
            | Self::Packet(_)
            | Self::Drawn(_)
            | Self::PacketOver(_)
            | Self::Paid(_)
            | Self::BecameMember(_)
            | Self::GoalReached { .. }
            | Self::Unpinned {} => false,
        }
    }

    /// Over whom it is, where it is an act of moderation over somebody.
    pub fn over(&self) -> Option<&UserId> {
        match self {
            Self::TimedOut { user, .. }
            | Self::Banned { user, .. }
            | Self::Pardoned { user }
            | Self::Trusted { user }
            | Self::Restricted { user }
            | Self::Unmarked { user }
            | Self::Avatar { user, .. }
            | Self::Appointed { user } => Some(&user.id),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_do_not_learn_the_words() {
        let rules = Rules { slow_s: 5, words: vec!["secret".to_owned()], ..Rules::default() };
        let json = serde_json::to_string(&rules.open()).unwrap();
        assert!(json.contains("\"slow_s\":5") && !json.contains("secret") && !json.contains("words"));
        assert_eq!(serde_json::from_str::<Rules>("{}").unwrap(), Rules::default());
        assert!(serde_json::from_str::<Rules>(r#"{"slow":5}"#).is_err());
    }
}
