//! How coins come to people, as one of the room's members sees it: what is offered, who waits for coins, and what became of
//! what this page asked.
//!
//! What was asked stays here over any number of reconnects, under the same nonce, until the relay answers it.

use footlight_protocol::coin::{CoinAsk, CoinNews, Outcome, Shop, TopUp};
use footlight_protocol::room::ServerMessage;
use footlight_protocol::{Code, Failure, Nonce, TopUpId};

use crate::store::room::RoomEvent;

/// Own requests that may wait for the relay's answer. Full: another is not sent.
const MAX_PENDING: usize = 20;

#[derive(Debug, Clone, Default)]
pub struct Till {
    pub shop: Shop,
    /// To the owner, of all that wait; to others their own.
    top_ups: Vec<TopUp>,
    pending: Vec<(Nonce, CoinAsk)>,
    /// Why the last request was refused.
    pub failure: Option<Failure>,
    /// How many "I have paid" were taken: grows, so that a form knows that it was heard.
    pub taken: u32,
}

impl Till {
    /// Whether the event is about coins.
    pub fn concerns(&self, event: &RoomEvent) -> bool {
        match event {
            RoomEvent::Server(ServerMessage::Welcome { .. } | ServerMessage::Coins { .. }) => true,
            RoomEvent::Server(ServerMessage::Erased { .. }) => true,
            RoomEvent::Server(message) => self.answered(message).is_some(),
            _ => false,
        }
    }

    /// Which of its requests the message answers.
    fn answered(&self, message: &ServerMessage) -> Option<usize> {
        let (ServerMessage::Done { nonce, .. } | ServerMessage::Refused { nonce: Some(nonce), .. }) = message
        else {
            return None;
        };
        self.pending.iter().position(|(asked, _)| asked == nonce)
    }

    pub fn hear(&mut self, event: &RoomEvent) {
        let RoomEvent::Server(message) = event else { return };
        match message {
            ServerMessage::Welcome { shop, .. } => {
                self.shop = shop.clone();
                // What there is follows.
                self.top_ups.clear();
            }
            ServerMessage::Coins { news: CoinNews::Shop { shop } } => self.shop = shop.clone(),
            ServerMessage::Coins { news: CoinNews::TopUps { list } } => self.top_ups.clone_from(list),
            ServerMessage::Coins { news: CoinNews::TopUp { top_up } } => self.put(top_up),
            ServerMessage::Erased { user } => self.top_ups.retain(|top_up| top_up.by.id != *user),
            _ => {
                let Some(at) = self.answered(message) else { return };
                let (_, ask) = self.pending.remove(at);
                match message {
                    ServerMessage::Refused { failure, .. } => self.refused(&ask, failure),
                    _ => self.taken += u32::from(matches!(ask, CoinAsk::TopUp { .. })),
                }
            }
        }
    }

    fn put(&mut self, top_up: &TopUp) {
        match self.top_ups.iter_mut().find(|known| known.id == top_up.id) {
            Some(known) => *known = top_up.clone(),
            None => self.top_ups.push(top_up.clone()),
        }
    }

    fn refused(&mut self, ask: &CoinAsk, failure: &Failure) {
        // Decided on another page, or here before the connection broke: it is off the list already.
        let settled = match ask {
            CoinAsk::Approve { top_up } | CoinAsk::Decline { top_up, .. } => {
                failure.code == Code::WrongPhase && !self.waiting().any(|waits| waits.id == *top_up)
            }
            _ => false,
        };
        if !settled {
            self.failure = Some(failure.clone());
        }
    }

    /// Asks; false where too many wait already.
    pub fn ask(&mut self, nonce: Nonce, ask: CoinAsk) -> bool {
        if self.pending.len() >= MAX_PENDING {
            return false;
        }
        self.failure = None;
        if let CoinAsk::Read { top_up } = &ask {
            self.top_ups.retain(|read| read.id != *top_up);
        }
        self.pending.push((nonce, ask));
        true
    }

    /// What the relay has not answered, oldest first. After a reconnect it is asked again.
    pub fn pending(&self) -> &[(Nonce, CoinAsk)] {
        &self.pending
    }

    /// Whether this page waits to hear that it has said to have paid.
    pub fn is_asking(&self) -> bool {
        self.pending.iter().any(|(_, ask)| matches!(ask, CoinAsk::TopUp { .. }))
    }

    /// Whether this page has decided it and waits to hear so.
    pub fn is_deciding(&self, id: &TopUpId) -> bool {
        self.pending.iter().any(|(_, ask)| match ask {
            CoinAsk::Approve { top_up } | CoinAsk::Decline { top_up, .. } => top_up == id,
            _ => false,
        })
    }

    /// Oldest first.
    pub fn waiting(&self) -> impl Iterator<Item = &TopUp> {
        self.top_ups.iter().filter(|top_up| top_up.outcome == Outcome::Waits)
    }

    /// What is odd about cards: the money went back, and the coins did not. For the owner.
    pub fn odd(&self) -> impl Iterator<Item = &TopUp> {
        self.top_ups.iter().filter(|top_up| matches!(top_up.outcome, Outcome::Owed | Outcome::PartlyRefunded))
    }

    /// What became of this person's requests, and they have not read.
    pub fn decided(&self) -> impl Iterator<Item = &TopUp> {
        self.top_ups.iter().filter(|top_up| top_up.outcome != Outcome::Waits)
    }
}

#[cfg(test)]
mod tests {
    use footlight_protocol::Seq;
    use footlight_protocol::coin::Pack;
    use footlight_protocol::room::{Member, Role};

    use super::*;

    fn pack() -> Pack {
        Pack { coins: 60, amount: 600, currency: "cny".parse().unwrap() }
    }

    fn top_up(id: &str, outcome: Outcome) -> TopUp {
        let by = Member::new("ann".parse().unwrap(), "Ann".to_owned(), Role::Guest);
        TopUp {
            id: id.parse().unwrap(),
            at: 1,
            by,
            pack: pack(),
            reference: String::new(),
            card: false,
            outcome,
        }
    }

    fn told(top_up: TopUp) -> RoomEvent {
        RoomEvent::Server(ServerMessage::Coins { news: CoinNews::TopUp { top_up } })
    }

    fn refused(nonce: &str, code: Code) -> RoomEvent {
        let failure = Failure::new(code, "no");
        RoomEvent::Server(ServerMessage::Refused {
            nonce: Some(nonce.parse().unwrap()),
            failure,
            retry_after_ms: None,
        })
    }

    fn ids<'a>(list: impl Iterator<Item = &'a TopUp>) -> Vec<&'a str> {
        list.map(|top_up| top_up.id.as_str()).collect()
    }

    #[test]
    fn a_request_waits_is_decided_and_read() {
        let mut till = Till::default();
        let ask = CoinAsk::TopUp { pack: pack(), reference: "7".to_owned() };
        assert!(till.ask("n1".parse().unwrap(), ask.clone()));
        assert!(till.is_asking() && till.pending() == [("n1".parse().unwrap(), ask)]);
        let done = RoomEvent::Server(ServerMessage::Done { nonce: "n1".parse().unwrap(), seq: Seq(1) });
        assert!(till.concerns(&done));
        till.hear(&told(top_up("a", Outcome::Waits)));
        till.hear(&done);
        assert!(!till.is_asking() && till.taken == 1 && !till.concerns(&done));
        assert_eq!((ids(till.waiting()), ids(till.decided())), (vec!["a"], vec![]));
        till.hear(&told(top_up("a", Outcome::Approved)));
        assert_eq!((ids(till.waiting()), ids(till.decided())), (vec![], vec!["a"]));
        till.ask("n2".parse().unwrap(), CoinAsk::Read { top_up: "a".parse().unwrap() });
        assert!(till.decided().next().is_none());
    }

    #[test]
    fn a_refusal_is_shown_unless_it_was_decided_already() {
        let mut till = Till::default();
        till.hear(&told(top_up("a", Outcome::Waits)));
        till.ask("n1".parse().unwrap(), CoinAsk::Approve { top_up: "a".parse().unwrap() });
        assert!(till.is_deciding(&"a".parse().unwrap()));
        till.hear(&refused("n1", Code::Internal));
        assert_eq!(till.failure.as_ref().map(|failure| failure.code), Some(Code::Internal));
        till.ask("n2".parse().unwrap(), CoinAsk::Approve { top_up: "a".parse().unwrap() });
        till.hear(&told(top_up("a", Outcome::Approved)));
        till.hear(&refused("n2", Code::WrongPhase));
        assert_eq!(till.failure, None);
        for n in 0..MAX_PENDING {
            assert!(
                till.ask(format!("m{n}").parse().unwrap(), CoinAsk::Read { top_up: "a".parse().unwrap() })
            );
        }
        assert!(!till.ask("more".parse().unwrap(), CoinAsk::Read { top_up: "a".parse().unwrap() }));
    }
}
