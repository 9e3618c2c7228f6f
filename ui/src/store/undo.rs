//! The last acts of moderation, each of which can be taken back for five seconds.

use footlight_protocol::room::Action;

/// How long an act can be taken back, in milliseconds.
pub const UNDO_MS: f64 = 5_000.0;
/// Toasts shown at once; an older one goes when a newer comes.
const SHOWN: usize = 3;

/// An act that was sent and can be undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Grows with every act.
    pub id: u64,
    pub action: Action,
    /// Whom it met, as the toast says it.
    pub name: String,
}

impl Offer {
    /// What takes it back. Restore and pardon cannot be undone here: they are the undoing.
    pub fn inverse(&self) -> Option<Action> {
        match &self.action {
            Action::Delete { message } => Some(Action::Restore { message: *message }),
            Action::Timeout { user, .. } | Action::Ban { user, .. } => {
                Some(Action::Pardon { user: user.clone() })
            }
            Action::Trust { user } | Action::Restrict { user } => Some(Action::Unmark { user: user.clone() }),
            Action::HideAvatar { user, hidden: true } => {
                Some(Action::HideAvatar { user: user.clone(), hidden: false })
            }
            Action::Pin { .. } => Some(Action::Unpin {}),
            Action::Uphold { message } => Some(Action::Lift { message: *message }),
            _ => None,
        }
    }
}

/// What happens to the offers.
#[derive(Debug, Clone)]
pub enum UndoEvent {
    Acted {
        action: Action,
        name: String,
    },
    /// Taken back, or its toast closed.
    Gone {
        id: u64,
    },
    Tick,
}

/// Offers, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Undo {
    offers: Vec<(f64, Offer)>,
    next: u64,
}

impl Undo {
    pub fn apply(&mut self, event: UndoEvent, now: f64) {
        self.offers.retain(|(at, _)| now - at < UNDO_MS);
        match event {
            UndoEvent::Acted { action, name } => {
                self.next += 1;
                let offer = Offer { id: self.next, action, name };
                if offer.inverse().is_some() {
                    if self.offers.len() == SHOWN {
                        self.offers.remove(0);
                    }
                    self.offers.push((now, offer));
                }
            }
            UndoEvent::Gone { id } => self.offers.retain(|(_, offer)| offer.id != id),
            UndoEvent::Tick => {}
        }
    }

    pub fn offers(&self) -> impl Iterator<Item = &Offer> {
        self.offers.iter().map(|(_, offer)| offer)
    }

    pub fn newest(&self) -> Option<&Offer> {
        self.offers.last().map(|(_, offer)| offer)
    }
}

#[cfg(test)]
mod tests {
    use footlight_protocol::{MessageId, UserId};

    use super::*;

    fn user() -> UserId {
        "u1".parse().unwrap()
    }

    #[test]
    fn every_act_has_its_way_back() {
        let mut undo = Undo::default();
        for (action, back) in [
            (
                Action::HideAvatar { user: user(), hidden: true },
                Action::HideAvatar { user: user(), hidden: false },
            ),
            (Action::Uphold { message: MessageId(4) }, Action::Lift { message: MessageId(4) }),
            (Action::Delete { message: MessageId(4) }, Action::Restore { message: MessageId(4) }),
            (Action::Timeout { user: user(), seconds: 10 }, Action::Pardon { user: user() }),
            (Action::Ban { user: user(), range: false }, Action::Pardon { user: user() }),
        ] {
            undo.apply(UndoEvent::Acted { action, name: "Ada".into() }, 0.0);
            assert_eq!(undo.newest().unwrap().inverse(), Some(back));
        }
        let ban = undo.newest().unwrap().id;
        undo.apply(UndoEvent::Gone { id: ban }, 1.0);
        assert!(matches!(undo.newest().unwrap().action, Action::Timeout { .. }));
    }

    #[test]
    fn an_offer_ends_after_five_seconds() {
        let mut undo = Undo::default();
        undo.apply(
            UndoEvent::Acted { action: Action::Ban { user: user(), range: false }, name: String::new() },
            0.0,
        );
        undo.apply(UndoEvent::Tick, UNDO_MS - 1.0);
        assert_eq!(undo.offers().count(), 1);
        undo.apply(UndoEvent::Tick, UNDO_MS);
        assert_eq!(undo.offers().count(), 0);
    }

    #[test]
    fn a_raid_does_not_fill_the_screen() {
        let mut undo = Undo::default();
        for _ in 0..50 {
            undo.apply(
                UndoEvent::Acted { action: Action::Ban { user: user(), range: false }, name: String::new() },
                0.0,
            );
        }
        assert_eq!(undo.offers().count(), SHOWN);
        assert_eq!(undo.newest().unwrap().id, 50);
    }
}
