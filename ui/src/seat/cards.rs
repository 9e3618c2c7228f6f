//! The card that is open, and what is asked about the person on it.

use footlight_protocol::UserId;
use footlight_protocol::room::{ClientMessage, Member, ServerMessage};
use leptos::prelude::*;

use super::{Seat, nonce};
use crate::store::person::{CardEvent, Cards, Place};
use crate::store::room::RoomEvent;

impl Seat {
    pub fn cards(self) -> ReadSignal<Cards> {
        self.cards.read_only()
    }

    /// Opens the card of somebody whose name stands there.
    pub fn open_card(self, user: Member, at: Place) {
        let id = user.id.clone();
        self.cards.update(|cards| cards.apply(CardEvent::Opened { user, at }));
        self.ask_card(id);
    }

    pub fn close_card(self) {
        if self.cards.with_untracked(|cards| cards.open.is_some()) {
            self.cards.update(|cards| cards.apply(CardEvent::Closed));
        }
    }

    fn ask_card(self, user: UserId) {
        let Some(nonce) = nonce() else { return };
        self.cards.update(|cards| cards.apply(CardEvent::Asked(nonce.clone())));
        self.send(&ClientMessage::Card { nonce, user });
    }

    /// Writes something down about the person whose card is open.
    pub fn add_note(self, user: UserId, text: &str) {
        let Some(nonce) = nonce() else { return };
        self.cards.update(|cards| cards.apply(CardEvent::Noting(nonce.clone())));
        self.send(&ClientMessage::AddNote { nonce, user, text: text.to_owned() });
    }

    pub fn drop_note(self, user: UserId, note: u64) {
        let Some(nonce) = nonce() else { return };
        self.cards.update(|cards| cards.apply(CardEvent::Asked(nonce.clone())));
        self.send(&ClientMessage::DropNote { nonce, user, note });
    }

    /// Whether it is the card's alone to hear. What is done to the person makes it ask again.
    pub(super) fn is_of_card(self, event: &RoomEvent) -> bool {
        let RoomEvent::Server(message) = event else { return false };
        if let ServerMessage::Event { event } = message
            && self.cards.with_untracked(|cards| cards.is_about(event))
        {
            let user =
                self.cards.with_untracked(|cards| cards.open.as_ref().map(|open| open.card.user.id.clone()));
            user.into_iter().for_each(|user| self.ask_card(user));
        }
        let concerns = matches!(
            message,
            ServerMessage::Card { .. }
                | ServerMessage::Refused { nonce: Some(_), .. }
                | ServerMessage::Erased { .. }
        );
        concerns && self.cards.try_update(|cards| cards.hear(message)).unwrap_or(false)
    }
}
