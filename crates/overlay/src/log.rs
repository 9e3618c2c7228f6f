//! The log of a room: what was said and done, in its order, and what moderation does to it.

mod amounts;
mod line;
mod quotes;

use std::collections::VecDeque;
use std::sync::Arc;

use footlight_protocol::moderation::Former;
use footlight_protocol::report::Step;
use footlight_protocol::room::{Event, EventKind};
use footlight_protocol::{MessageId, UserId};

use crate::gifts::{Piece, Run};
pub use line::{Line, LineKind};
use line::{by, of};

/// Lines kept. More than anybody scrolls back, little enough for a phone.
pub const MAX_LINES: usize = 400;

/// Lines, oldest first. Full ⇒ the oldest goes.
#[derive(Debug, Clone, Default)]
pub struct Log {
    lines: VecDeque<Arc<Line>>,
    /// Of people who are banned, until they are pardoned.
    hidden: Vec<Arc<Line>>,
}

impl Log {
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &Arc<Line>> {
        self.lines.iter()
    }

    pub fn has(&self, id: MessageId) -> bool {
        self.lines.iter().any(|line| line.id == id)
    }

    /// It begins anew.
    pub fn clear(&mut self) {
        self.lines.clear();
        self.hidden.clear();
    }

    /// Somebody is erased, with all that they said and was said of them.
    pub fn erase(&mut self, user: &UserId) {
        self.lines.retain(|line| by(line) != Some(user) && of(line) != Some(user));
        self.hidden.retain(|line| by(line) != Some(user));
        self.unquote(|_, of| of.by.id == *user);
    }

    /// Something happened, which is not in it yet.
    pub fn take(&mut self, event: Event) {
        let Event { seq, at, kind } = event;
        let id = MessageId(seq.0);
        match kind {
            EventKind::Said { by, text, reply: quote, .. } => {
                self.put(Line { id, at, kind: LineKind::Said { by, text, quote } });
            }
            EventKind::Deleted { message } => self.take_away(&[message]),
            EventKind::Restored { message, said_at, by, text, reply } => {
                self.bring_back(Former { message, said_at, by, text, reply });
            }
            EventKind::TimedOut { user, until } => {
                let seconds = until.saturating_sub(at).div_ceil(1_000);
                self.put(Line { id, at, kind: LineKind::TimedOut { user, seconds } });
            }
            EventKind::Banned { user, range } => {
                self.hide_all_of(&user.id);
                self.put(Line { id, at, kind: LineKind::Banned { user, range } });
            }
            EventKind::Gifted { by, gift, count, coins, entry, .. } => {
                self.put_gift(Run::of(by, gift, Piece { seq, at, count, coins, entry }));
            }
            EventKind::Refunded { gift, .. } => {
                self.take_back(gift);
                self.unquote(|message, _| message.0 == gift.0);
            }
            EventKind::Swept { messages, .. } => {
                self.take_away(&messages);
                self.put(Line { id, at, kind: LineKind::Swept { messages: messages.len() } });
            }
            EventKind::Unswept { messages, .. } => {
                self.put(Line { id, at, kind: LineKind::Unswept { messages: messages.len() } });
                messages.into_iter().for_each(|former| self.bring_back(former));
            }
            EventKind::Shielded { until } => {
                self.put(Line { id, at, kind: LineKind::Shielded { up: until.is_some() } });
            }
            EventKind::Paid(paid) => self.put(Line { id, at, kind: LineKind::Paid(paid) }),
            EventKind::Packet(packet) => self.put(Line { id, at, kind: LineKind::Packet(packet) }),
            EventKind::BecameMember(member) => self.put(Line { id, at, kind: LineKind::Member(member) }),
            // They are told where the packet is.
            EventKind::Drawn(_) | EventKind::PacketOver(_) => {}
            EventKind::GoalReached { title } => self.put(Line { id, at, kind: LineKind::Goal { title } }),
            EventKind::Appointed { user } => self.put(Line { id, at, kind: LineKind::Appointed { user } }),
            // The room's state, which follows, has it.
            EventKind::Pinned { .. } | EventKind::Unpinned {} => {}
            EventKind::Upheld(upheld) if upheld.step == Step::Notice => {
                self.put(Line { id, at, kind: LineKind::Noticed { user: upheld.user } });
            }
            EventKind::Upheld(_)
            | EventKind::Dismissed(_)
            | EventKind::Lifted(_)
            | EventKind::Held { .. }
            | EventKind::Denied { .. }
            | EventKind::Ruled { .. }
            | EventKind::Trusted { .. }
            | EventKind::Restricted { .. }
            | EventKind::Unmarked { .. }
            | EventKind::Avatar { .. }
            | EventKind::Erased {} => {}
            EventKind::Pardoned { user } => {
                self.show_all_of(&user.id);
                self.put(Line { id, at, kind: LineKind::Pardoned { user } });
            }
        }
    }

    fn put(&mut self, line: Line) {
        self.place(Arc::new(line));
    }

    /// Puts a line where it belongs by its seq: a restored message goes back to its place.
    fn place(&mut self, line: Arc<Line>) {
        let at = self.lines.partition_point(|other| other.id.0 < line.id.0);
        self.lines.insert(at, line);
        if self.lines.len() > MAX_LINES {
            self.lines.pop_front();
        }
    }
}
