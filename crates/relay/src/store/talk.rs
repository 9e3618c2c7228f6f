//! Messages that answer others: kept with the number of what they answer and nothing of it, so that it goes for good when
//! that does, and filled in when they are read.

use std::borrow::Cow;

use footlight_protocol::moderation::Former;
use footlight_protocol::room::{EventKind, Member};
use footlight_protocol::spend::Paid;
use footlight_protocol::talk::Quote;
use footlight_protocol::{MessageId, RoomId};

use super::events::kept;
use super::sql::{Database, Outcome, values};
use super::{Message, Store};
use crate::error::Error;

/// The event as it is kept.
pub(super) fn bare(kind: &EventKind) -> Cow<'_, EventKind> {
    let mut bare = Cow::Borrowed(kind);
    let answers = match kind {
        EventKind::Said { reply, .. } | EventKind::Held { reply, .. } | EventKind::Restored { reply, .. } => {
            reply.is_some()
        }
        EventKind::Unswept { messages, .. } => messages.iter().any(|former| former.reply.is_some()),
        _ => false,
    };
    if answers {
        bare.to_mut().quotes_mut().for_each(|quote| quote.of = None);
    }
    bare
}

impl Message {
    pub(super) fn former(self, message: MessageId) -> Former {
        let Self { said_at, by, text, reply, .. } = self;
        Former { message, said_at, by, text, reply }
    }
}

impl Database<'_> {
    /// Puts in what the event's messages answer, as far as it can be seen.
    pub(super) fn fill_quotes(&mut self, room: &RoomId, kind: &mut EventKind) -> Outcome<()> {
        for quote in kind.quotes_mut() {
            *quote = self.quote(room, quote.message)?;
        }
        Ok(())
    }

    fn quote(&mut self, room: &RoomId, message: MessageId) -> Outcome<Quote> {
        let shown = self.shown(room, message)?;
        Ok(shown.map_or(Quote::gone(message), |(by, text)| Quote::of(message, by, &text)))
    }

    /// Who said what, where everybody sees it: it is not taken away, its author not banned, and what it cost not given back.
    pub(super) fn shown(&mut self, room: &RoomId, message: MessageId) -> Outcome<Option<(Member, String)>> {
        let found = self.first(
            "SELECT seq, at, body, by, nonce FROM event WHERE room = ?1 AND seq = ?2 AND deleted = 0",
            values![room.as_str(), message.0],
        )?;
        let found = found.map_or(Ok(None), |row| kept(&row))?;
        let (by, text) = match found.map(|kept| kept.event.kind) {
            Some(EventKind::Said { by, text, .. } | EventKind::Held { by, text, .. }) => (by, text),
            Some(EventKind::Paid(Paid { by, text, entry, .. })) if !self.is_given_back(room, entry)? => {
                (by, text)
            }
            _ => return Ok(None),
        };
        Ok((!self.is_banned(room, &by.id)?).then_some((by, text)))
    }

    fn is_given_back(&mut self, room: &RoomId, entry: u64) -> Outcome<bool> {
        let found = self
            .first("SELECT 1 FROM entry WHERE room = ?1 AND reverses = ?2", values![room.as_str(), entry])?;
        Ok(found.is_some())
    }
}

impl Store {
    /// What an answer to the message shows of it.
    pub(crate) async fn quote(&self, room: RoomId, message: MessageId) -> Result<Quote, Error> {
        self.ask(move |database| database.quote(&room, message)).await
    }
}
