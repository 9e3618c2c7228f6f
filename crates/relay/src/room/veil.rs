//! Amounts that are for the owner alone: what is told goes through here, and where the creator wants it so, others get
//! it without them. What is kept has them, so the switch holds for what was given before, too.

use footlight_protocol::gift::{Board, MAX_PRICE};
use footlight_protocol::room::{Desk, Event, Member, Pinned, Role as Rank, ServerMessage};
use footlight_protocol::spend::{Arrange, Shows, Terms};
use footlight_protocol::{Code, Failure, Nonce};

use super::SeatId;
use super::actor::Actor;
use super::gifts::owner_only;
use super::talk::internal;
use crate::chat::outbox::Weight;
use crate::clock;
use crate::store::given::TERMS;

impl Actor {
    /// Tells those who hear of such an event; amounts that are hidden follow for those who may know them.
    pub(super) fn tell_event(&mut self, event: &Event) {
        if !self.terms.hidden {
            return self.tell_as(&ServerMessage::Event { event: event.clone() }, event);
        }
        let veiled = event.clone().without_amounts(None);
        self.tell_as(&ServerMessage::Event { event: veiled.clone() }, event);
        if veiled == *event {
            return;
        }
        self.seats.tell_owners(&ServerMessage::Amounts { event: event.clone() });
        // What only moderators hear of, its author does not hear of by this way either.
        if let Some(user) = event.whose().filter(|_| !event.kind.is_private()) {
            let theirs = event.clone().without_amounts(Some(user));
            let owns = self.seats.of(user).any(|(_, seat)| seat.member.role == Rank::Owner);
            if theirs != veiled && !owns {
                self.seats.tell_user(user, &ServerMessage::Amounts { event: theirs });
            }
        }
    }

    fn tell_as(&mut self, told: &ServerMessage, event: &Event) {
        if event.kind.is_private() {
            self.seats.tell_moderators(told);
        } else {
            self.seats.tell_all(told, Weight::Full);
        }
    }

    /// What somebody gets to see of events that others were told of.
    pub(super) fn as_told(&self, events: Vec<Event>, to: &Member) -> Vec<Event> {
        if !self.is_kept_from(to) {
            return events;
        }
        events.into_iter().map(|event| event.without_amounts(Some(&to.id))).collect()
    }

    pub(super) fn desk_for(&self, member: &Member) -> Desk {
        let desk = self.guard.desk();
        Desk { held: self.as_told(desk.held, member), ..desk }
    }

    /// What else is done with coins, for somebody who comes.
    pub(super) fn shows_for(&self, member: &Member) -> Shows {
        let now = clock::now_millis();
        let mut packets = self.packets.for_somebody(&member.id);
        if self.is_kept_from(member) {
            for packet in packets.iter_mut().filter(|open| open.packet.by.id != member.id) {
                (packet.packet.coins, packet.packet.by.badges.given) = (0, 0);
            }
        }
        Shows {
            terms: self.terms,
            goal: self.goal_for(member),
            packets,
            strip: self.strip_for(member, now),
            member_until: self.member_until(&member.id, now),
        }
    }

    pub(super) fn board_for(&self, member: &Member) -> Board {
        if self.is_kept_from(member) { Board::default() } else { self.boards.newest.clone() }
    }

    /// Tells everybody who may know it who gave most.
    pub(super) fn show_board(&mut self) {
        let board = ServerMessage::Board { board: self.boards.newest.clone() };
        if self.terms.hidden {
            self.seats.tell_owners(&board);
        } else {
            self.seats.tell_all(&board, Weight::Light);
        }
    }

    /// What stands above the chat, as everybody is told it.
    pub(super) fn pinned_as_told(&self) -> Option<Pinned> {
        let mut pinned = self.pinned.clone();
        if let Some(pinned) = pinned.as_mut().filter(|_| self.terms.hidden) {
            pinned.by.badges.given = 0;
        }
        pinned
    }

    pub(super) fn is_kept_from(&self, member: &Member) -> bool {
        self.terms.hidden && member.role < Rank::Owner
    }

    /// Sets what coins are good for. It is the room's state and not one of its events.
    pub(super) async fn arrange(&mut self, seat: SeatId, me: Member, nonce: Nonce, what: Arrange) {
        let done = if me.role == Rank::Owner {
            match what {
                Arrange::Terms { terms } => self.set_terms(terms).await,
                Arrange::Goal { goal } => self.set_goal(goal).await,
            }
        } else {
            Err(owner_only())
        };
        match done {
            Ok(()) => self.seats.tell(seat, &ServerMessage::Done { nonce, seq: self.history.seq() }),
            Err(failure) => self.refuse(seat, Some(nonce), failure, None),
        }
    }

    async fn set_terms(&mut self, terms: Terms) -> Result<(), Failure> {
        if terms == self.terms {
            return Ok(());
        }
        if terms.membership > MAX_PRICE {
            let text = format!("A month of membership costs at most {MAX_PRICE} coins");
            return Err(Failure::new(Code::BadSetting, text));
        }
        let kept = serde_json::to_string(&terms).expect("terms are plain data");
        self.store.set_setting(self.id.clone(), TERMS, kept).await.map_err(|error| internal(&error))?;
        let turned = terms.hidden != self.terms.hidden;
        self.terms = terms;
        self.seats.tell_all(&ServerMessage::Terms { terms }, Weight::Full);
        if turned {
            if terms.hidden {
                self.seats.tell_all(&ServerMessage::Board { board: Board::default() }, Weight::Full);
            }
            self.show_board();
            self.show_goal_anew();
            self.show_strip(clock::now_millis());
            self.tell_room();
        }
        Ok(())
    }
}
