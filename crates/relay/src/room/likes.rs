//! Likes: what everybody's pages send, merged into one number for the broadcast that is on air.
//!
//! In memory only: a relay that restarts in the middle of a broadcast counts anew.

use std::collections::HashMap;
use std::time::Duration;

use footlight_protocol::danmaku::{LIKES_EVERY_MS, MAX_LIKES};
use footlight_protocol::room::{Member, ServerMessage, StreamState, UnixMillis};
use footlight_protocol::{Code, Failure, UserId};

use super::SeatId;
use super::actor::Actor;
use crate::chat::outbox::Weight;

/// The room tells of them at most this often.
pub(super) const EVERY: Duration = Duration::from_millis(LIKES_EVERY_MS as u64);
/// Likes that a person may save up: what the page of a quick finger sends after a pause in its connection.
const BURST: f64 = MAX_LIKES as f64;
/// Likes a second for longer than that; a finger taps about so fast. More are not counted.
const PER_SECOND: f64 = 10.0;
/// People whose pace is remembered. Full ⇒ who is not among them is not counted: by then the number says "many" anyway.
const PEOPLE: usize = 100_000;

/// The broadcast's likes.
#[derive(Debug, Default)]
pub(super) struct Likes {
    total: u64,
    told: u64,
    left: HashMap<UserId, Left>,
}

/// What a person may still like.
#[derive(Debug, Clone, Copy)]
struct Left {
    likes: f64,
    at: UnixMillis,
}

impl Left {
    fn at(self, now: UnixMillis) -> f64 {
        // A clock that was set back gives nothing and takes nothing.
        (self.likes + now.saturating_sub(self.at) as f64 / 1_000.0 * PER_SECOND).min(BURST)
    }
}

impl Likes {
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Counts as many as the person may like now, and says how many that were.
    pub(super) fn take(&mut self, user: &UserId, count: u32, now: UnixMillis) -> u32 {
        let left = match self.left.get(user) {
            Some(left) => left.at(now),
            None if self.left.len() >= PEOPLE => return 0,
            None => BURST,
        };
        let taken = count.min(left as u32);
        self.left.insert(user.clone(), Left { likes: left - f64::from(taken), at: now });
        self.total += u64::from(taken);
        taken
    }

    /// Whether the members know an older number.
    pub(super) fn untold(&self) -> bool {
        self.total != self.told
    }

    /// The number to tell; it counts as told.
    pub(super) fn tell(&mut self) -> u64 {
        self.told = self.total;
        self.total
    }

    /// Another broadcast begins at nothing. Everybody hears of it by the room's state.
    pub(super) fn reset(&mut self) {
        (self.total, self.told) = (0, 0);
    }

    /// Forgets who may like as much as anybody again.
    pub(super) fn forget(&mut self, now: UnixMillis) {
        self.left.retain(|_, left| left.at(now) < BURST);
    }
}

impl Actor {
    /// A member likes the broadcast.
    pub(super) fn like(&mut self, seat: SeatId, me: &Member, count: u32) {
        if !(1..=MAX_LIKES).contains(&count) {
            let failure = Failure::new(Code::Malformed, format!("A message carries 1 to {MAX_LIKES} likes"));
            return self.refuse(seat, None, failure, None);
        }
        if self.stream.state() != StreamState::Offline && !self.sanctions.is_banned(&me.id) {
            self.likes.take(&me.id, count, crate::clock::now_millis());
        }
    }

    pub(super) fn tell_likes(&mut self) {
        let total = self.likes.tell();
        self.state.send_modify(|state| state.likes = total);
        self.seats.tell_all(&ServerMessage::Likes { total }, Weight::Light);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: &str) -> UserId {
        id.parse().unwrap()
    }

    #[test]
    fn likes_add_up_and_nobody_s_finger_counts_for_a_crowd() {
        let mut likes = Likes::default();
        assert!(!likes.untold());
        assert_eq!(likes.take(&user("a"), 3, 1_000), 3);
        assert_eq!(likes.take(&user("b"), 50, 1_000), 50);
        assert!(likes.untold());
        assert_eq!((likes.tell(), likes.untold()), (53, false));
        assert_eq!(likes.take(&user("b"), 50, 1_000), 0, "the burst is used up");
        assert_eq!(likes.take(&user("b"), 50, 2_000), 10, "ten a second come back");
        assert_eq!(likes.take(&user("b"), 50, 1_500), 0, "a clock that was set back gives nothing");
        assert_eq!(likes.total(), 63);
        likes.reset();
        assert_eq!((likes.total(), likes.untold()), (0, false));
    }

    #[test]
    fn who_may_like_as_much_as_anybody_is_forgotten() {
        let mut likes = Likes::default();
        likes.take(&user("a"), 10, 0);
        likes.take(&user("b"), 50, 0);
        likes.forget(1_000);
        assert_eq!(likes.left.len(), 1);
        likes.forget(5_000);
        assert_eq!(likes.left.len(), 0);
    }
}
