//! The card that is open: who it is about, what the room said of them, and what waits for an answer.

use footlight_protocol::person::Card;
use footlight_protocol::room::{Event, Member, ServerMessage};
use footlight_protocol::{Failure, Nonce};

/// Where on the page the name stands that was pressed, in pixels from the top left of what is seen.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Place {
    pub left: f64,
    pub top: f64,
    pub bottom: f64,
}

/// What happens to the card.
#[derive(Debug, Clone)]
pub enum CardEvent {
    Opened {
        user: Member,
        at: Place,
    },
    /// The room was asked, so that its answer will be ours.
    Asked(Nonce),
    /// A note was sent.
    Noting(Nonce),
    Closed,
}

/// The card of one person.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenCard {
    /// As they stood where they were pressed; what the room says takes its place.
    pub card: Card,
    pub at: Place,
    /// The room has answered.
    pub known: bool,
    pub failure: Option<Failure>,
    asked: Option<Nonce>,
    noting: Option<Nonce>,
}

/// The page's card.
#[derive(Debug, Clone, Default)]
pub struct Cards {
    pub open: Option<OpenCard>,
    /// Notes that were taken, so that the field lets go of its text then and no sooner.
    pub noted: u32,
}

impl Cards {
    pub fn apply(&mut self, event: CardEvent) {
        match (event, &mut self.open) {
            (CardEvent::Opened { user, at }, open) => {
                let card = Card { user, record: None };
                *open = Some(OpenCard { card, at, known: false, failure: None, asked: None, noting: None });
            }
            (CardEvent::Closed, open) => *open = None,
            (CardEvent::Asked(nonce), Some(open)) => open.asked = Some(nonce),
            (CardEvent::Noting(nonce), Some(open)) => {
                (open.noting, open.failure) = (Some(nonce), None);
            }
            (CardEvent::Asked(_) | CardEvent::Noting(_), None) => {}
        }
    }

    /// Says whether the message was an answer to what the card asked, and nothing for the rest of the page.
    pub fn hear(&mut self, message: &ServerMessage) -> bool {
        if let (ServerMessage::Erased { user }, Some(open)) = (message, &self.open)
            && open.card.user.id == *user
        {
            self.open = None;
        }
        let Some(open) = &mut self.open else { return matches!(message, ServerMessage::Card { .. }) };
        match message {
            ServerMessage::Card { nonce, card } => {
                let is_note = open.noting.as_ref() == Some(nonce);
                if is_note || open.asked.as_ref() == Some(nonce) {
                    self.noted += u32::from(is_note);
                    (open.card, open.known, open.failure) = ((**card).clone(), true, None);
                    open.noting.take_if(|noting| noting == nonce);
                }
                true
            }
            ServerMessage::Refused { nonce: Some(nonce), failure, .. }
                if open.noting.as_ref() == Some(nonce) || open.asked.as_ref() == Some(nonce) =>
            {
                (open.failure, open.noting) = (Some(failure.clone()), None);
                true
            }
            _ => false,
        }
    }

    /// Whether what the card says may be another thing after the event.
    pub fn is_about(&self, event: &Event) -> bool {
        let open = self.open.as_ref().map(|open| &open.card.user.id);
        open.is_some() && open == event.kind.over()
    }
}

#[cfg(test)]
mod tests {
    use footlight_protocol::person::Record;
    use footlight_protocol::room::{EventKind, Role};
    use footlight_protocol::{Code, Seq};

    use super::*;

    fn member(name: &str) -> Member {
        Member::new("u1".parse().unwrap(), name.to_owned(), Role::Guest)
    }

    fn nonce(text: &str) -> Nonce {
        text.parse().unwrap()
    }

    fn answer(to: &str, name: &str) -> ServerMessage {
        let card = Card { user: member(name), record: Some(Record::default()) };
        ServerMessage::Card { nonce: nonce(to), card: Box::new(card) }
    }

    fn opened() -> Cards {
        let mut cards = Cards::default();
        cards.apply(CardEvent::Opened { user: member("Ada"), at: Place::default() });
        cards.apply(CardEvent::Asked(nonce("c1")));
        cards
    }

    #[test]
    fn a_card_shows_at_once_and_fills_with_its_own_answer() {
        let mut cards = opened();
        assert_eq!(cards.open.as_ref().unwrap().card.user.name, "Ada");
        assert!(cards.hear(&answer("other", "Bob")), "late answers are nothing for the page");
        assert!(!cards.open.as_ref().unwrap().known);
        assert!(cards.hear(&answer("c1", "Ada L.")));
        let open = cards.open.clone().unwrap();
        assert_eq!((open.card.user.name.as_str(), open.known), ("Ada L.", true));
        cards.apply(CardEvent::Closed);
        assert!(cards.hear(&answer("c1", "Ada")) && cards.open.is_none());
    }

    #[test]
    fn a_refused_note_is_said_on_the_card_and_only_a_taken_one_counts() {
        let mut cards = opened();
        cards.apply(CardEvent::Noting(nonce("n1")));
        let failure = Failure::new(Code::Full, "full");
        let refused = |of: &str| ServerMessage::Refused {
            nonce: Some(nonce(of)),
            failure: failure.clone(),
            retry_after_ms: None,
        };
        assert!(cards.hear(&refused("n1")) && !cards.hear(&refused("chat")));
        assert_eq!((cards.noted, cards.open.clone().unwrap().failure), (0, Some(failure.clone())));
        cards.apply(CardEvent::Noting(nonce("n2")));
        assert!(cards.hear(&answer("n2", "Ada")));
        assert_eq!((cards.noted, cards.open.clone().unwrap().failure), (1, None));
    }

    #[test]
    fn what_is_done_to_the_person_makes_it_old_and_erasing_closes_it() {
        let mut cards = opened();
        let event = |kind| Event { seq: Seq(1), at: 1, kind };
        assert!(cards.is_about(&event(EventKind::Banned { user: member("Ada"), range: false })));
        assert!(!cards.is_about(&event(EventKind::Unpinned {})));
        cards.hear(&ServerMessage::Erased { user: "u2".parse().unwrap() });
        assert!(cards.open.is_some());
        cards.hear(&ServerMessage::Erased { user: "u1".parse().unwrap() });
        assert!(cards.open.is_none() && !cards.is_about(&event(EventKind::Unpinned {})));
    }
}
