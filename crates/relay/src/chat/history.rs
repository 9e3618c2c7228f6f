//! The room's order: seq numbers, the newest events for those who join or come back, and which requests were
//! carried out already.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use footlight_protocol::moderation::Former;
use footlight_protocol::room::{Event, EventKind, Member};
use footlight_protocol::spend::Paid;
use footlight_protocol::talk::Quote;
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

    /// What [`History::next_seq`] will give.
    pub(crate) fn upcoming(&self) -> Seq {
        Seq(self.given + 1)
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
            EventKind::Deleted { message } => self.hide(&[*message]),
            // Nobody answers what was given back.
            EventKind::Refunded { gift, .. } => self.unquote_all(&[MessageId(gift.0)]),
            EventKind::Swept { messages, .. } => self.hide(messages),
            EventKind::Restored { message, by, text, .. } => {
                self.show(&[Quote::of(*message, by.clone(), text)]);
            }
            EventKind::Unswept { messages, .. } => {
                let quotes = messages.iter().map(|was| Quote::of(was.message, was.by.clone(), &was.text));
                self.show(&quotes.collect::<Vec<_>>());
            }
            // A raid is not what somebody new or late wants to read.
            EventKind::Held { raid: Some(_), .. } => return self.forget(&kept),
            EventKind::Held { .. } => drop(self.deleted.insert(MessageId(kept.event.seq.0))),
            _ => {}
        }
        self.tail.push_back(kept);
        while self.tail.len() > TAIL {
            let Some(old) = self.tail.pop_front() else { break };
            self.deleted.remove(&MessageId(old.event.seq.0));
            self.forget(&old);
        }
    }

    /// Forgets what somebody said and did, and what was done to them.
    pub(crate) fn erase(&mut self, user: &UserId) {
        let id = format!("\"id\":\"{user}\"");
        // Whoever answered them keeps their own words.
        for quote in self.tail.iter_mut().flat_map(|kept| kept.event.kind.quotes_mut()) {
            quote.of.take_if(|of| of.by.id == *user);
        }
        self.tail.retain(|kept| {
            let body = serde_json::to_string(&kept.event.kind).unwrap_or_default();
            kept.by.as_ref() != Some(user) && !body.contains(&id)
        });
        self.nonces.retain(|(by, _), _| by != user);
    }

    fn hide(&mut self, messages: &[MessageId]) {
        // What is older is nowhere any more, but where it is answered.
        let oldest = self.tail.front().map_or(0, |oldest| oldest.event.seq.0);
        self.deleted.extend(messages.iter().filter(|message| oldest <= message.0));
        self.unquote_all(messages);
    }

    fn unquote_all(&mut self, messages: &[MessageId]) {
        let gone: HashSet<&MessageId> = messages.iter().collect();
        for quote in self.tail.iter_mut().flat_map(|kept| kept.event.kind.quotes_mut()) {
            quote.of.take_if(|_| gone.contains(&quote.message));
        }
    }

    fn show(&mut self, quotes: &[Quote]) {
        let back: HashMap<MessageId, &Quote> = quotes.iter().map(|quote| (quote.message, quote)).collect();
        self.deleted.retain(|message| !back.contains_key(message));
        for quote in self.tail.iter_mut().flat_map(|kept| kept.event.kind.quotes_mut()) {
            if let Some(back) = back.get(&quote.message) {
                quote.clone_from(back);
            }
        }
    }

    /// What an answer to the message shows of it.
    pub(crate) fn quote(&self, message: MessageId, sanctions: &Sanctions) -> Option<Quote> {
        let (by, text) = self.said(message, sanctions)?;
        Some(Quote::of(message, by.clone(), text))
    }

    /// Whether memory says all there is to say about the message; where not, the store knows.
    pub(crate) fn knows(&self, message: MessageId) -> bool {
        let upcoming = message.0 == 0 || self.seq < Seq(message.0);
        upcoming || self.is_gone(message) || self.find(Seq(message.0)).is_some()
    }

    /// The message, where it is one of the newest that everybody sees.
    pub(crate) fn said(&self, message: MessageId, sanctions: &Sanctions) -> Option<(&Member, &str)> {
        let said = match self.find(Seq(message.0)).map(|kept| &kept.event.kind) {
            Some(EventKind::Said { by, text, .. } | EventKind::Held { by, text, .. }) => Some((by, text)),
            Some(EventKind::Paid(Paid { by, text, .. })) if !self.is_refunded(message) => Some((by, text)),
            Some(_) => None,
            // Of a raid that was none, only what brought it back is here.
            None => self.tail.iter().rev().find_map(|kept| match &kept.event.kind {
                EventKind::Unswept { messages, .. } => {
                    let was = messages.iter().find(|was| was.message == message)?;
                    Some((&was.by, &was.text))
                }
                _ => None,
            }),
        };
        let (by, text) = said.filter(|(by, _)| !self.is_gone(message) && !sanctions.is_banned(&by.id))?;
        Some((by, text.as_str()))
    }

    /// Whether the coins for it were given back. That comes after it: where it is in memory, so is this.
    fn is_refunded(&self, message: MessageId) -> bool {
        let of =
            |kept: &Kept| matches!(&kept.event.kind, EventKind::Refunded { gift, .. } if gift.0 == message.0);
        self.tail.iter().rev().any(of)
    }

    /// Takes out what the event's messages answer, as far as it is not to be seen any more.
    pub(crate) fn unquote(&self, kind: &mut EventKind, sanctions: &Sanctions) {
        for quote in kind.quotes_mut() {
            quote.of.take_if(|of| self.is_gone(quote.message) || sanctions.is_banned(&of.by.id));
        }
    }

    /// Whether it is a message that waits for a moderator, or waited.
    pub(crate) fn is_held(&self, seq: Seq) -> bool {
        self.find(seq).is_some_and(|kept| matches!(kept.event.kind, EventKind::Held { .. }))
    }

    /// Whether it was taken away, or is not shown yet.
    pub(crate) fn is_gone(&self, message: MessageId) -> bool {
        self.deleted.contains(&message)
    }

    /// What it says, where it is one of the newest.
    pub(crate) fn text_of(&self, message: MessageId) -> Option<String> {
        match &self.find(Seq(message.0))?.event.kind {
            EventKind::Said { text, .. }
            | EventKind::Held { text, .. }
            | EventKind::Paid(Paid { text, .. }) => Some(text.clone()),
            _ => None,
        }
    }

    fn find(&self, seq: Seq) -> Option<&Kept> {
        let at = self.tail.binary_search_by_key(&seq, |kept| kept.event.seq).ok()?;
        self.tail.get(at)
    }

    /// The newest messages, for somebody new. What is deleted, or by somebody who is banned, is not in it.
    pub(crate) fn fresh(&self, sanctions: &Sanctions) -> Vec<Event> {
        let mut messages: BTreeMap<MessageId, Event> = BTreeMap::new();
        for kept in &self.tail {
            let event = &kept.event;
            match &event.kind {
                EventKind::Said { .. } | EventKind::Held { .. } | EventKind::Paid(_) => {
                    messages.insert(MessageId(event.seq.0), event.clone().as_shown());
                }
                EventKind::Restored { message, said_at, by, text, reply } => {
                    let (message, said_at, by) = (*message, *said_at, by.clone());
                    let former = Former { message, said_at, by, text: text.clone(), reply: reply.clone() };
                    messages.entry(message).or_insert_with(|| said(former));
                }
                EventKind::Unswept { messages: former, .. } => {
                    for former in former {
                        messages.entry(former.message).or_insert_with(|| said(former.clone()));
                    }
                }
                EventKind::Refunded { gift, .. } => drop(messages.remove(&MessageId(gift.0))),
                _ => {}
            }
        }
        messages.retain(|message, event| {
            let banned = match &event.kind {
                EventKind::Said { by, .. } | EventKind::Paid(Paid { by, .. }) => sanctions.is_banned(&by.id),
                _ => false,
            };
            !banned && !self.deleted.contains(message)
        });
        let older = messages.len().saturating_sub(FRESH);
        let mut fresh: Vec<Event> = messages.into_values().skip(older).collect();
        fresh.iter_mut().for_each(|event| self.unquote(&mut event.kind, sanctions));
        fresh
    }

    /// What came after `since`, or `None` where that is no longer known; what only moderators are told for them only.
    pub(crate) fn after(&self, since: Seq, moderates: bool, sanctions: &Sanctions) -> Option<Vec<Event>> {
        if since > self.seq {
            return None;
        }
        let missed = self.tail.iter().map(|kept| &kept.event).filter(|event| {
            event.seq > since
                    && self.shown(event)
                    // Those that wait are on the moderators' desk, and for others the approval brings them.
                    && !matches!(event.kind, EventKind::Held { .. })
                    && (moderates || !event.kind.is_private())
        });
        let reaches =
            since == self.seq || self.tail.front().is_some_and(|oldest| oldest.event.seq.0 <= since.0 + 1);
        reaches.then(|| {
            let mut missed: Vec<Event> = missed.cloned().collect();
            missed.iter_mut().for_each(|event| self.unquote(&mut event.kind, sanctions));
            missed
        })
    }

    fn shown(&self, event: &Event) -> bool {
        !self.deleted.contains(&MessageId(event.seq.0))
    }
}

fn said(former: Former) -> Event {
    let Former { message, said_at: at, by, text, reply } = former;
    Event { seq: Seq(message.0), at, kind: EventKind::Said { by, text, nonce: None, fly: None, reply } }
}

#[cfg(test)]
mod tests {
    use footlight_protocol::room::Role;

    use super::*;

    fn say(history: &mut History, nonce: &str) -> Seq {
        let by = Member::new("u1".parse().unwrap(), "Ada".into(), Role::Guest);
        let kind = EventKind::Said { by: by.clone(), text: "hi".into(), nonce: None, fly: None, reply: None };
        let event = Event { seq: history.next_seq(), at: 0, kind };
        let kept = Kept { event, by: Some(by.id), nonce: Some(nonce.parse().unwrap()) };
        let seq = kept.event.seq;
        history.remember(&kept);
        history.announce(kept);
        seq
    }

    #[test]
    fn a_returning_client_gets_what_it_missed_or_starts_over() {
        let (mut history, none) = (History::default(), Sanctions::default());
        assert_eq!(history.after(Seq(0), false, &none), Some(vec![]));
        for n in 0..TAIL + 10 {
            say(&mut history, &n.to_string());
        }
        let newest = history.seq();
        assert_eq!(history.after(newest, false, &none), Some(vec![]));
        assert_eq!(history.after(Seq(newest.0 - 3), false, &none).unwrap().len(), 3);
        assert_eq!(history.after(Seq(newest.0 - TAIL as u64), false, &none).unwrap().len(), TAIL);
        assert_eq!(history.after(Seq(newest.0 - TAIL as u64 - 1), false, &none), None);
        // A seq from the future: the client knew another database.
        assert_eq!(history.after(Seq(newest.0 + 1), false, &none), None);
        assert_eq!(history.fresh(&Sanctions::default()).len(), FRESH);
        assert_eq!(history.nonces.len(), TAIL);
    }

    #[test]
    fn the_deleted_are_gone_until_they_are_restored() {
        let (mut history, none) = (History::default(), Sanctions::default());
        let message = MessageId(say(&mut history, "a").0);
        say(&mut history, "b");
        let event = Event { seq: history.next_seq(), at: 0, kind: EventKind::Deleted { message } };
        history.announce(Kept { event, by: None, nonce: None });
        assert_eq!(history.fresh(&Sanctions::default()).len(), 1);
        assert_eq!(history.after(Seq(0), false, &none).unwrap().len(), 2);
        assert_eq!(history.known(&"u1".parse().unwrap(), &"a".parse().unwrap()), Some(Seq(1)));
    }

    fn act(history: &mut History, kind: EventKind) {
        let event = Event { seq: history.next_seq(), at: 0, kind };
        history.announce(Kept { event, by: None, nonce: None });
    }

    #[test]
    fn a_quote_goes_with_what_it_quotes_and_comes_back_with_it() {
        let (mut history, mut sanctions) = (History::default(), Sanctions::default());
        let message = MessageId(say(&mut history, "a").0);
        let ada = Member::new("u1".parse().unwrap(), "Ada".into(), Role::Guest);
        let bob = Member::new("u2".parse().unwrap(), "Bob".into(), Role::Guest);
        let reply = history.quote(message, &sanctions).map(Box::new);
        assert_eq!(reply.as_deref(), Some(&Quote::of(message, ada.clone(), "hi")));
        let answer = EventKind::Said { by: bob.clone(), text: "yes".into(), nonce: None, fly: None, reply };
        act(&mut history, answer);
        let quoted = |history: &History, sanctions: &Sanctions| {
            let mut all = history.after(Seq(1), false, sanctions).unwrap();
            let answer = all.iter_mut().find(|event| event.seq == Seq(2)).expect("the answer stays");
            answer.kind.quotes_mut().any(|quote| quote.of.is_some())
        };
        assert!(quoted(&history, &sanctions));
        act(&mut history, EventKind::Deleted { message });
        assert!(!quoted(&history, &sanctions) && history.quote(message, &sanctions).is_none());
        let (by, text, reply) = (ada.clone(), "hi".to_owned(), None);
        act(&mut history, EventKind::Restored { message, said_at: 0, by, text, reply });
        assert!(quoted(&history, &sanctions));
        sanctions.set(ada.id.clone(), crate::store::Sanction::Banned);
        assert!(!quoted(&history, &sanctions) && history.quote(message, &sanctions).is_none());
        sanctions.pardon(&ada.id);
        assert!(quoted(&history, &sanctions));
        history.erase(&ada.id);
        assert!(!quoted(&history, &sanctions));
    }
}
