//! What the room is like: told to those who come, and to everybody when it changes.

use std::time::Instant;

use footlight_protocol::room::{Presence, RoomState, ServerMessage};

use super::actor::Actor;
use super::sessions::Media;
use crate::chat::outbox::Weight;
use crate::rtc::Role;

impl Actor {
    /// Tells everybody what the room is like now.
    pub(super) fn tell_room(&mut self) {
        let followers = self.follows.tell();
        let (rules, shield, pinned) =
            (self.guard.in_force().open(), self.guard.shield, self.pinned_as_told());
        self.state.send_modify(|state| {
            state.card.clone_from(&self.card);
            state.pinned = pinned;
            (state.rules, state.shield, state.followers) = (rules, shield, followers);
        });
        let room = self.room_state();
        self.seats.tell_all(&ServerMessage::Room { room }, Weight::Full);
    }

    /// The room as it is told to those who come.
    pub(super) fn room_state(&self) -> RoomState {
        RoomState {
            room: self.id.clone(),
            stream: self.stream.state(),
            presence: self.presence(),
            notes: self.notes.clone(),
            recording: self.recording,
            card: self.card.clone(),
            layers: self.layers.clone(),
            renditions: self.renditions,
            likes: self.likes.total(),
            followers: self.follows.count(),
            rules: self.guard.in_force().open(),
            shield: self.guard.shield,
            pinned: self.pinned_as_told(),
        }
    }

    pub(super) fn presence(&self) -> Presence {
        let (latency_p50_ms, latency_p95_ms) = self.seats.latency(Instant::now());
        Presence {
            viewers: self.viewers(),
            members: self.seats.guests() as u32,
            latency_p50_ms,
            latency_p95_ms,
        }
    }

    /// Who watches now, over WebRTC or plain HTTP.
    pub(super) fn viewers(&self) -> u32 {
        let watching = |media: &&Media| media.connected && media.role() == Role::Viewer;
        (self.media.values().filter(watching).count() + self.places.len()) as u32
    }
}
