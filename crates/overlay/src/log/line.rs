//! One line of the log: what it says, whose it is, and whom it is about.

use footlight_protocol::room::{Member, UnixMillis};
use footlight_protocol::spend::{BecameMember, Packet, Paid};
use footlight_protocol::talk::Quote;
use footlight_protocol::{MessageId, UserId};

use crate::gifts::Run;

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub id: MessageId,
    pub at: UnixMillis,
    pub kind: LineKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineKind {
    Said {
        by: Member,
        text: String,
        /// What it answers.
        quote: Option<Box<Quote>>,
    },
    /// Acts of moderation, which only moderators see.
    TimedOut {
        user: Member,
        seconds: u64,
    },
    Banned {
        user: Member,
        /// And their network.
        range: bool,
    },
    Pardoned {
        user: Member,
    },
    /// So many messages of a raid were taken away.
    Swept {
        messages: usize,
    },
    /// Some of them were brought back.
    Unswept {
        messages: usize,
    },
    Shielded {
        up: bool,
    },
    /// Somebody has another role.
    Appointed {
        user: Member,
    },
    /// A message that was paid for.
    Paid(Paid),
    /// Coins were put up for others to draw.
    Packet(Packet),
    /// Somebody is a member of the room, for a month or a month longer.
    Member(BecameMember),
    /// As much was given as the creator wished for.
    Goal {
        title: String,
    },
    /// Somebody was told that a message of theirs went too far.
    Noticed {
        user: Member,
    },
    /// Gifts of one kind by one person that followed each other.
    Gifted(Run),
}

pub(super) fn by(line: &Line) -> Option<&UserId> {
    match &line.kind {
        LineKind::Said { by, .. }
        | LineKind::Paid(Paid { by, .. })
        | LineKind::Packet(Packet { by, .. })
        | LineKind::Member(BecameMember { by, .. }) => Some(&by.id),
        LineKind::Gifted(run) => Some(&run.by.id),
        LineKind::TimedOut { .. }
        | LineKind::Banned { .. }
        | LineKind::Pardoned { .. }
        | LineKind::Appointed { .. }
        | LineKind::Goal { .. }
        | LineKind::Noticed { .. }
        | LineKind::Swept { .. }
        | LineKind::Unswept { .. }
        | LineKind::Shielded { .. } => None,
    }
}

/// Whom a line is about.
pub(super) fn of(line: &Line) -> Option<&UserId> {
    match &line.kind {
        LineKind::TimedOut { user, .. }
        | LineKind::Banned { user, .. }
        | LineKind::Pardoned { user }
        | LineKind::Appointed { user }
        | LineKind::Noticed { user } => Some(&user.id),
        _ => None,
    }
}
