//! What is done with coins besides gifts, and what stands beside the names of those who do it.

use serde::{Deserialize, Serialize};

use crate::report::{Lifted, Upheld};
use crate::room::{Event, EventKind, Member, UnixMillis};
use crate::{MessageId, Nonce, Seq, UserId};

/// Coins that a person has given in a room in all, from which on a level is theirs.
pub const LEVELS: [u64; 7] = [1, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];

/// A month of a membership, in milliseconds: thirty days.
pub const MONTH_MS: u64 = 30 * 24 * 3_600_000;
/// Shares of a red packet, at most. Each is of a coin at least.
pub const MAX_TAKERS: u32 = 100;
/// Coins in one red packet, at most.
pub const MAX_PACKET: u64 = 10_000_000;
/// How long a red packet is open, at least and at most, in seconds.
pub const PACKET_SECONDS: (u32, u32) = (60, 600);
/// Coins that a message costs at least to stand above the chat, and for how many seconds it stands for them; so much
/// more for more.
pub const TIERS: [(u64, u32); 6] = [(10, 30), (50, 60), (100, 120), (500, 300), (1_000, 600), (5_000, 1_800)];
/// Coins of one such message, at most.
pub const MAX_PAID: u64 = 1_000_000;

/// Which of the [`TIERS`] so many coins buy, from 1; 0 where they buy none.
pub fn tier(coins: u64) -> usize {
    TIERS.iter().take_while(|(from, _)| coins >= *from).count()
}

/// Longest title of a goal, in Unicode scalar values after trimming.
pub const MAX_GOAL_TITLE: usize = 60;
/// Coins of a goal, at most.
pub const MAX_GOAL: u64 = 1_000_000_000;

/// What somebody does with coins besides giving them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "on", rename_all = "snake_case", deny_unknown_fields)]
pub enum Spend {
    /// Puts coins into a red packet, of which up to `takers` others draw a share each within so many seconds. What is left
    /// goes back.
    Packet { coins: u64, takers: u32, seconds: u32 },
    /// Draws a share of the red packet that this event showed. Costs nothing, and is done once a person.
    Draw { packet: Seq },
    /// Says something that stands above the chat for a while, by [`TIERS`]. What a moderator would have to look at first
    /// is not said, and not paid.
    Say { text: String, coins: u64 },
    /// Becomes a member of the room for a month, or stays it for a month longer.
    Member {},
}

/// What the creator sets about coins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "set", rename_all = "snake_case", deny_unknown_fields)]
pub enum Arrange {
    /// What holds for everybody.
    Terms { terms: Terms },
    /// What is given from now on counts towards this; without one there is no goal any more.
    Goal { goal: Option<NewGoal> },
}

/// What holds in the room for everybody who spends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Terms {
    /// Amounts are for the owner alone, and for each person their own: who gave most, what a gift cost, levels. That
    /// something was given, and how many pieces, is still told. 0 stands where an amount is not told.
    pub hidden: bool,
    /// Coins for a month of membership; 0: there is none.
    #[serde(skip_serializing_if = "is_free")]
    pub membership: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_free(coins: &u32) -> bool {
    *coins == 0
}

/// What stands beside the gifts, for somebody who comes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Shows {
    pub terms: Terms,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goal: Option<Goal>,
    /// Red packets that are open, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub packets: Vec<OpenPacket>,
    /// As in `strip`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub strip: Vec<Standing>,
    /// As in `membership`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member_until: Option<UnixMillis>,
}

/// Coins are put up for others to draw; the packet's number is the event's seq.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Packet {
    pub by: Member,
    pub coins: u64,
    /// Shares in all.
    pub takers: u32,
    pub until: UnixMillis,
    /// Its row in the room's books.
    pub entry: u64,
}

/// Somebody drew a share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Drawn {
    /// The event that showed the packet.
    pub packet: Seq,
    pub by: Member,
    pub coins: u64,
    /// Its row in the room's books.
    pub entry: u64,
}

/// The time of a red packet is over, and something was left. Where all shares were drawn, nothing says so but the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PacketOver {
    pub packet: Seq,
    /// Who gets back what is left.
    pub to: Member,
    pub coins: u64,
    pub entry: u64,
}

/// A red packet that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OpenPacket {
    pub id: Seq,
    #[serde(flatten)]
    pub packet: Packet,
    /// Shares that were drawn.
    pub drawn: u32,
    /// One's own, where one has drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mine: Option<u64>,
}

/// A message that was paid for; its [`MessageId`] is the event's seq.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Paid {
    pub by: Member,
    pub text: String,
    pub coins: u64,
    /// Until then it stands above the chat.
    pub until: UnixMillis,
    /// Its row in the room's books.
    pub entry: u64,
    /// The sender's own nonce.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Nonce>,
}

/// One that stands there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Standing {
    pub id: MessageId,
    #[serde(flatten)]
    pub paid: Paid,
}

/// Somebody paid for a month of membership.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BecameMember {
    pub by: Member,
    pub coins: u64,
    /// Months that are paid for by now, without a gap.
    pub months: u32,
    /// Its row in the room's books.
    pub entry: u64,
}

/// A goal that the creator sets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewGoal {
    /// 1 to [`MAX_GOAL_TITLE`] long.
    pub title: String,
    /// Coins, 1 to [`MAX_GOAL`].
    pub target: u64,
}

/// A goal as the room sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Goal {
    pub title: String,
    /// How far it is, rounded down; 100 when it is reached.
    pub percent: u8,
    /// It was reached once, though something may have been given back since.
    pub reached: bool,
    /// Not told where amounts are hidden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coins: Option<Progress>,
}

/// Coins of a goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Progress {
    pub given: u64,
    pub target: u64,
}

impl Goal {
    /// One that is so far.
    pub fn new(title: String, coins: Progress, reached: bool) -> Self {
        let Progress { given, target } = coins;
        let percent = u128::from(given.min(target)) * 100 / u128::from(target.max(1));
        Self { title, percent: percent as u8, reached, coins: Some(coins) }
    }

    /// As it is told where amounts are hidden.
    pub fn without_amounts(self) -> Self {
        Self { coins: None, ..self }
    }
}

impl Event {
    /// As it is told where amounts are hidden: without any but those of `whose`.
    pub fn without_amounts(mut self, whose: Option<&UserId>) -> Self {
        let veil = |member: &mut Member| {
            if Some(&member.id) != whose {
                member.badges.given = 0;
            }
        };
        let quoted = self.kind.quotes_mut().filter_map(|quote| quote.of.as_mut());
        quoted.for_each(|of| veil(&mut of.by));
        match &mut self.kind {
            EventKind::Said { by, .. }
            | EventKind::Restored { by, .. }
            | EventKind::Held { by, .. }
            | EventKind::Pinned { by, .. } => veil(by),
            EventKind::TimedOut { user, .. }
            | EventKind::Banned { user, .. }
            | EventKind::Pardoned { user }
            | EventKind::Upheld(Upheld { user, .. })
            | EventKind::Lifted(Lifted { user, .. })
            | EventKind::Trusted { user }
            | EventKind::Restricted { user }
            | EventKind::Unmarked { user }
            | EventKind::Avatar { user, .. }
            | EventKind::Appointed { user } => veil(user),
            EventKind::Unswept { messages, .. } => {
                messages.iter_mut().for_each(|former| veil(&mut former.by));
            }
            EventKind::Gifted { by, gift, coins, .. } => {
                veil(by);
                if Some(&by.id) != whose {
                    (gift.price, *coins) = (0, 0);
                }
            }
            EventKind::Refunded { to, coins, .. } => {
                veil(to);
                if Some(&to.id) != whose {
                    *coins = 0;
                }
            }
            EventKind::Packet(Packet { by, coins, .. })
            | EventKind::Drawn(Drawn { by, coins, .. })
            | EventKind::PacketOver(PacketOver { to: by, coins, .. })
            | EventKind::Paid(Paid { by, coins, .. })
            | EventKind::BecameMember(BecameMember { by, coins, .. }) => {
                veil(by);
                if Some(&by.id) != whose {
                    *coins = 0;
                }
            }
            EventKind::Deleted { .. }
            | EventKind::Dismissed(_)
            | EventKind::Denied { .. }
            | EventKind::Swept { .. }
            | EventKind::Shielded { .. }
            | EventKind::GoalReached { .. }
            | EventKind::Ruled { .. }
            | EventKind::Unpinned {}
            | EventKind::Erased {} => {}
        }
        self
    }

    /// Whose doing it is, or to whom it is done: they may know its amounts.
    pub fn whose(&self) -> Option<&UserId> {
        match &self.kind {
            EventKind::Said { by, .. }
            | EventKind::Restored { by, .. }
            | EventKind::Held { by, .. }
            | EventKind::Pinned { by, .. }
            | EventKind::Gifted { by, .. } => Some(&by.id),
            EventKind::Refunded { to, .. } | EventKind::PacketOver(PacketOver { to, .. }) => Some(&to.id),
            EventKind::Packet(Packet { by, .. })
            | EventKind::Drawn(Drawn { by, .. })
            | EventKind::Paid(Paid { by, .. })
            | EventKind::BecameMember(BecameMember { by, .. }) => Some(&by.id),
            _ => None,
        }
    }
}

/// What a person has earned in the room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Badges {
    /// How much they have given so far: a level, from 1; 0 for nothing yet.
    #[serde(skip_serializing_if = "is_zero")]
    pub given: u8,
    /// For how many months they have been a paying member of the room without a gap; 0 for those who are none.
    #[serde(skip_serializing_if = "is_zero")]
    pub months: u8,
}

impl Badges {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The level of somebody who has given so many coins.
    pub fn level(coins: u64) -> u8 {
        LEVELS.iter().take_while(|from| coins >= **from).count() as u8
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_zero(level: &u8) -> bool {
    *level == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_at_a_hundred_when_it_is_reached_and_not_before() {
        for (given, target, percent) in [
            (0, 7, 0),
            (6, 7, 85),
            (7, 7, 100),
            (9, 7, 100),
            (MAX_GOAL - 1, MAX_GOAL, 99),
            (u64::MAX, 1, 100),
        ] {
            let goal = Goal::new("Sing".to_owned(), Progress { given, target }, false);
            assert_eq!(goal.percent, percent, "{given} of {target}");
        }
    }

    #[test]
    fn a_level_begins_with_its_coins() {
        for (coins, level) in [(0, 0), (1, 1), (99, 1), (100, 2), (9_999, 3), (10_000, 4), (u64::MAX, 7)] {
            assert_eq!(Badges::level(coins), level, "{coins}");
        }
    }
}
