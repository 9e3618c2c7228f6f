//! Answers to messages that are older than what is in memory: looked up beside the loop, with one question to the store. How fast
//! one person may talk bounds how many of them are asked for.

use footlight_protocol::danmaku::Fly;
use footlight_protocol::talk::Quote;
use footlight_protocol::{Code, Failure, MessageId, Nonce};

use super::SeatId;
use super::actor::{Actor, Written};
use super::guard::Coming;
use super::talk::internal;
use crate::clock;
use crate::error::Error;
use crate::moderation::may_talk;

/// An answer that waits for what it answers.
pub(super) struct Sought {
    pub(super) seat: SeatId,
    pub(super) nonce: Nonce,
    pub(super) text: String,
    pub(super) fly: Option<Fly>,
}

impl Actor {
    pub(super) fn seek(&mut self, sought: Sought, message: MessageId) {
        let (store, room) = (self.store.clone(), self.id.clone());
        self.writes.push_back(Box::pin(async move {
            Written::Sought(Box::new(sought), store.quote(room, message).await)
        }));
    }

    /// The store has said what the message is, or that nobody sees it.
    pub(super) fn found(&mut self, sought: Sought, quote: Result<Quote, Error>) {
        let Sought { seat, nonce, text, fly } = sought;
        // Who has gone meanwhile says it again when they are back.
        let Some(me) = self.seats.get(seat).map(|seat| seat.member.clone()) else { return };
        // Both were asked for while neither was known.
        if self.repeated(seat, &me.id, &nonce) {
            return;
        }
        let now = clock::now_millis();
        let quote = may_talk(&self.sanctions, &me.id, now).and_then(|()| match quote {
            Ok(quote) if quote.of.as_ref().is_some_and(|of| !self.sanctions.is_banned(&of.by.id)) => {
                Ok(quote)
            }
            Ok(_) => Err(gone()),
            Err(error) => Err((internal(&error), None)),
        });
        match quote {
            Ok(quote) => self.weigh(Coming { seat, me, nonce, text, fly, reply: Some(Box::new(quote)) }, now),
            Err((failure, after)) => self.refuse(seat, Some(nonce), failure, after),
        }
    }

    /// Answers that are being written lose what was taken away meanwhile.
    pub(super) fn unquote_waiting(&mut self, messages: &[MessageId]) {
        for quote in self.waiting.iter_mut().flat_map(|(kept, _)| kept.event.kind.quotes_mut()) {
            quote.of.take_if(|_| messages.contains(&quote.message));
        }
    }
}

pub(super) fn gone() -> (Failure, Option<u32>) {
    (Failure::new(Code::NotFound, "The message that you answer is not here any more"), None)
}
