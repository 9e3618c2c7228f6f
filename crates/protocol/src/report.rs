//! Reports: what viewers say of messages that should not be there, what moderators see of it, and the ladder of penalties.

use serde::{Deserialize, Serialize};

use crate::room::{Member, UnixMillis};
use crate::{MessageId, Nonce, Seq};

/// Longest words that go with a report, in Unicode scalar values after trimming.
pub const MAX_REPORT: usize = 200;
/// Cases that moderators are told of, the heaviest.
pub const MAX_CASES: usize = 50;
/// Words of reporters that are told of one case, the newest.
pub const MAX_CASE_WORDS: usize = 3;

/// What is wrong with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Ground {
    Spam,
    Insult,
    Hate,
    Sexual,
    /// Threats, or what leads others to harm themselves.
    Danger,
    /// What the law forbids.
    Illegal,
    Other,
}

impl Ground {
    pub const ALL: [Self; 7] =
        [Self::Spam, Self::Insult, Self::Hate, Self::Sexual, Self::Danger, Self::Illegal, Self::Other];
}

/// A viewer's report of a message: one of the newest, that everybody can see. One counts for each person and message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Report {
    pub nonce: Nonce,
    pub message: MessageId,
    pub ground: Ground,
    /// In the reporter's own words, at most [`MAX_REPORT`]; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub words: String,
}

/// What is done to a person the next time that a report of theirs is acted upon; what was done within thirty days counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// They are told, and nothing more.
    Notice,
    Minute,
    TenMinutes,
    Hour,
    Ban,
}

impl Step {
    pub const LADDER: [Self; 5] = [Self::Notice, Self::Minute, Self::TenMinutes, Self::Hour, Self::Ban];
    /// How long a step counts, in milliseconds.
    pub const COUNTS: UnixMillis = 30 * 24 * 3600 * 1_000;

    /// The step after so many.
    pub fn after(earlier: usize) -> Self {
        Self::LADDER.get(earlier).copied().unwrap_or(Self::Ban)
    }

    /// For how many seconds it mutes, where it does.
    pub fn seconds(self) -> Option<u32> {
        match self {
            Self::Notice | Self::Ban => None,
            Self::Minute => Some(60),
            Self::TenMinutes => Some(600),
            Self::Hour => Some(3_600),
        }
    }
}

/// How many said so of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Complaint {
    pub ground: Ground,
    pub people: u32,
}

/// A message that was reported, for moderators. Who reported it is told to nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Case {
    pub message: MessageId,
    /// When it was first reported.
    pub at: UnixMillis,
    pub by: Member,
    pub text: String,
    /// How many reported it whose reports count.
    pub people: u32,
    /// Most first.
    pub complaints: Vec<Complaint>,
    /// What some of them wrote, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
    /// What acting upon it does to its author now.
    pub next: Step,
}

/// A report was acted upon: the message is taken away, and its author went one step up the ladder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Upheld {
    pub message: MessageId,
    pub user: Member,
    pub step: Step,
    /// Most first.
    pub complaints: Vec<Complaint>,
}

/// A report was found to be about nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Dismissed {
    pub message: MessageId,
    /// Most first.
    pub complaints: Vec<Complaint>,
}

/// A step was undone and does not count any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Lifted {
    /// The event that took it.
    pub act: Seq,
    pub user: Member,
}

/// What the author of a reported message is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Notice {
    /// What most who reported it said; none where it was a moderator's own eye.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ground: Option<Ground>,
    pub step: Step,
    /// What follows the next time.
    pub next: Step,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ladder_ends_with_a_ban() {
        let steps: Vec<_> = (0..7).map(Step::after).collect();
        assert_eq!(&steps[..5], Step::LADDER);
        assert_eq!(steps[5..], [Step::Ban, Step::Ban]);
        let lengths: Vec<_> = steps.iter().filter_map(|step| step.seconds()).collect();
        assert_eq!(lengths, [60, 600, 3_600]);
    }
}
