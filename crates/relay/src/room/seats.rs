//! Who is in the room's chat, and how they are reached.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::Utf8Bytes;
use footlight_protocol::room::{Member, Role as Rank, ServerMessage};
use footlight_protocol::{CloseCode, UserId};

use super::SeatId;
use crate::chat::outbox::{Outbox, Pushed, Weight};
use crate::metrics::Metrics;

/// Reports older than this say nothing about now.
const FRESH_REPORT: Duration = Duration::from_secs(10);

/// One chat session.
pub(super) struct Seat {
    pub(super) member: Member,
    pub(super) address: IpAddr,
    pub(super) outbox: Outbox,
    /// The player's newest measured latency in milliseconds, and when it was told.
    pub(super) playing: Option<(u32, Instant)>,
}

/// All chat sessions, in the order in which they came.
pub(super) struct Seats {
    taken: BTreeMap<SeatId, Seat>,
    next: u64,
    metrics: Arc<Metrics>,
}

impl Seats {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self { taken: BTreeMap::new(), next: 0, metrics }
    }

    pub(super) fn add(&mut self, seat: Seat) -> SeatId {
        self.next += 1;
        self.taken.insert(SeatId(self.next), seat);
        self.metrics.members.set(self.taken.len() as u64);
        SeatId(self.next)
    }

    /// Says who sat there.
    pub(super) fn remove(&mut self, id: SeatId) -> Option<Member> {
        let seat = self.taken.remove(&id);
        self.metrics.members.set(self.taken.len() as u64);
        seat.map(|seat| seat.member)
    }

    pub(super) fn get(&self, id: SeatId) -> Option<&Seat> {
        self.taken.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: SeatId) -> Option<&mut Seat> {
        self.taken.get_mut(&id)
    }

    pub(super) fn len(&self) -> usize {
        self.taken.len()
    }

    pub(super) fn at_address(&self, address: IpAddr) -> usize {
        self.taken.values().filter(|seat| seat.address == address).count()
    }

    /// Sessions that are not the owner's.
    pub(super) fn guests(&self) -> usize {
        self.taken.values().filter(|seat| seat.member.role != Rank::Owner).count()
    }

    pub(super) fn of<'a>(&'a self, user: &'a UserId) -> impl Iterator<Item = (SeatId, &'a Seat)> {
        self.taken.iter().filter(move |(_, seat)| seat.member.id == *user).map(|(id, seat)| (*id, seat))
    }

    pub(super) fn of_mut<'a>(&'a mut self, user: &'a UserId) -> impl Iterator<Item = &'a mut Seat> {
        self.taken.values_mut().filter(move |seat| seat.member.id == *user)
    }

    pub(super) fn tell(&self, id: SeatId, message: &ServerMessage) {
        if let Some(seat) = self.taken.get(&id) {
            self.push(seat, &encode(message), Weight::Full);
        }
    }

    /// Every session of the person.
    pub(super) fn tell_user(&self, user: &UserId, message: &ServerMessage) {
        let text = encode(message);
        for (_, seat) in self.of(user) {
            self.push(seat, &text, Weight::Full);
        }
    }

    /// Everybody; serialised once.
    pub(super) fn tell_all(&self, message: &ServerMessage, weight: Weight) {
        let text = encode(message);
        for seat in self.taken.values() {
            self.push(seat, &text, weight);
        }
    }

    pub(super) fn close_all(&self, code: CloseCode) {
        for seat in self.taken.values() {
            seat.outbox.close(code);
        }
    }

    fn push(&self, seat: &Seat, text: &Utf8Bytes, weight: Weight) {
        match seat.outbox.push(text, weight) {
            Pushed::Queued => self.metrics.deliveries.one(),
            Pushed::Shed => self.metrics.shed.one(),
            // Its socket hears of it by its outbox, and leaves.
            Pushed::Slow => {}
        }
    }

    /// Median and 95th percentile of the latencies told in the last seconds.
    pub(super) fn latency(&self, now: Instant) -> (Option<u32>, Option<u32>) {
        let fresh = |told: &Instant| now.saturating_duration_since(*told) < FRESH_REPORT;
        let told = self.taken.values().filter_map(|seat| seat.playing.filter(|(_, at)| fresh(at)));
        let mut sorted: Vec<u32> = told.map(|(latency, _)| latency).collect();
        sorted.sort_unstable();
        let at = |share: usize| sorted.get((sorted.len().saturating_sub(1)) * share / 100).copied();
        (at(50), at(95))
    }
}

/// The message as it goes on the wire.
pub(crate) fn encode(message: &ServerMessage) -> Utf8Bytes {
    serde_json::to_string(message).expect("room messages are plain data").into()
}

/// Events whose commit is awaited, oldest first, with the sessions that wait for the answer.
pub(super) type Waiting = VecDeque<(crate::store::Kept, Vec<SeatId>)>;
