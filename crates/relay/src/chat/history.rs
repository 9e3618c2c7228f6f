//! The room's order: seq numbers, the newest events for those who join or come back, and which requests were
//! carried out already.

use std::collections::{HashMap, HashSet, VecDeque};

use footlight_protocol::room::{Event, EventKind};
use footlight_protocol::{MessageId, Nonce, Seq, UserId};

use crate::moderation::Sanctions;
use crate::store::{Kept, Past};

/// Events kept in memory. Who missed more starts over.
pub(crate) const TAIL: usize = 500;
/// Messages that somebody new gets.
const FRESH: usize = 50;

#[derive(Debug, Default)]
pub(crate) struct History {
    given: u64,
    seq: Seq,
    tail: VecDeque<Kept>,
    deleted: HashSet<MessageId>,
    nonces: HashMap<(UserId, Nonce), Seq>,
}

impl History {
    pub(crate) fn new(past: Past) -> Self {
        let mut history = Self {
            given: past.seq.0,
            seq: past.seq,
            deleted: past.deleted.into_iter().collect(),
            ..Self::default()
        };
        for kept in past.events {
            history.remember(&kept);
            history.tail.push_back(kept);
        }
        history
    }

    /// The newest seq that was announced.
    pub(crate) fn seq(&self) -> Seq {
        self.seq
    }

    /// The next place in the order. It is given once, also if what it was for comes to nothing.
    pub(crate) fn next_seq(&mut self) -> Seq {
        self.given += 1;
        Seq(self.given)
    }

    /// Remembers a request as being carried out.
    pub(crate) fn remember(&mut self, kept: &Kept) {
        if let (Some(by), Some(nonce)) = (&kept.by, &kept.nonce) {
            self.nonces.insert((by.clone(), nonce.clone()), kept.event.seq);
        }
    }

    /// Forgets it again: it failed and may be repeated.
    pub(crate) fn forget(&mut self, kept: &Kept) {
        if let (Some(by), Some(nonce)) = (&kept.by, &kept.nonce) {
            self.nonces.remove(&(by.clone(), nonce.clone()));
        }
    }

    /// The seq of a request that was carried out, or is being.
    pub(crate) fn known(&self, by: &UserId, nonce: &Nonce) -> Option<Seq> {
        self.nonces.get(&(by.clone(), nonce.clone())).copied()
    }

    /// An event is committed: it is part of what happened from now on.
    pub(crate) fn announce(&mut self, kept: Kept) {
        self.seq = self.seq.max(kept.event.seq);
        match &kept.event.kind {
            EventKind::Deleted { message } => drop(self.deleted.insert(*message)),
            EventKind::Restored { message, .. } => drop(self.deleted.remove(message)),
            _ => {}
        }
        self.tail.push_back(kept);
        while self.tail.len() > TAIL {
            let Some(old) = self.tail.pop_front() else { break };
            self.deleted.remove(&MessageId(old.event.seq.0));
            self.forget(&old);
        }
    }

    /// The newest messages, for somebody new. What is deleted, or by somebody who is banned, is not in it.
    pub(crate) fn fresh(&self, sanctions: &Sanctions) -> Vec<Event> {
        let mut newest: Vec<Event> = self
            .tail
            .iter()
            .rev()
            .filter(|kept| self.shown(&kept.event))
            .filter(
                |kept| matches!(&kept.event.kind, EventKind::Said { by, .. } if !sanctions.is_banned(&by.id)),
            )
            .take(FRESH)
            .map(|kept| kept.event.clone())
            .collect();
        newest.reverse();
        newest
    }

    /// What came after `since`, or `None` where that is no longer known.
    pub(crate) fn after(&self, since: Seq) -> Option<Vec<Event>> {
        if since > self.seq {
            return None;
        }
        let missed =
            self.tail.iter().map(|kept| &kept.event).filter(|event| event.seq > since && self.shown(event));
        let reaches =
            since == self.seq || self.tail.front().is_some_and(|oldest| oldest.event.seq.0 <= since.0 + 1);
        reaches.then(|| missed.cloned().collect())
    }

    fn shown(&self, event: &Event) -> bool {
        !self.deleted.contains(&MessageId(event.seq.0))
    }
}

#[cfg(test)]
mod tests {
    use footlight_protocol::room::{Member, Role};

    use super::*;

    fn said(history: &mut History, nonce: &str) -> Seq {
        let by = Member { id: "u1".parse().unwrap(), name: "Ada".into(), role: Role::Guest };
        let kind = EventKind::Said { by: by.clone(), text: "hi".into(), nonce: None, fly: None };
        let event = Event { seq: history.next_seq(), at: 0, kind };
        let kept = Kept { event, by: Some(by.id), nonce: Some(nonce.parse().unwrap()) };
        let seq = kept.event.seq;
        history.remember(&kept);
        history.announce(kept);
        seq
    }

    #[test]
    fn a_returning_client_gets_what_it_missed_or_starts_over() {
        let mut history = History::default();
        assert_eq!(history.after(Seq(0)), Some(vec![]));
        for n in 0..TAIL + 10 {
            said(&mut history, &n.to_string());
        }
        let newest = history.seq();
        assert_eq!(history.after(newest), Some(vec![]));
        assert_eq!(history.after(Seq(newest.0 - 3)).unwrap().len(), 3);
        assert_eq!(history.after(Seq(newest.0 - TAIL as u64)).unwrap().len(), TAIL);
        assert_eq!(history.after(Seq(newest.0 - TAIL as u64 - 1)), None);
        // A seq from the future: the client knew another database.
        assert_eq!(history.after(Seq(newest.0 + 1)), None);
        assert_eq!(history.fresh(&Sanctions::default()).len(), FRESH);
        assert_eq!(history.nonces.len(), TAIL);
    }

    #[test]
    fn the_deleted_are_gone_until_they_are_restored() {
        let mut history = History::default();
        let message = MessageId(said(&mut history, "a").0);
        said(&mut history, "b");
        let event = Event { seq: history.next_seq(), at: 0, kind: EventKind::Deleted { message } };
        history.announce(Kept { event, by: None, nonce: None });
        assert_eq!(history.fresh(&Sanctions::default()).len(), 1);
        assert_eq!(history.after(Seq(0)).unwrap().len(), 2);
        assert_eq!(history.known(&"u1".parse().unwrap(), &"a".parse().unwrap()), Some(Seq(1)));
    }
}
