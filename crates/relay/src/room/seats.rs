//! Who is in the room's chat, and how they are reached.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::Utf8Bytes;
use footlight_protocol::room::{Badges, Member, Role as Rank, ServerMessage, UnixMillis};
use footlight_protocol::{CloseCode, UserId};

use super::lines::{Line, Lines, encode};
use super::{SeatId, Way};
use crate::bus::Trunk;
use crate::chat::outbox::Weight;
use crate::metrics::Metrics;

/// Reports older than this say nothing about now.
const FRESH_REPORT: Duration = Duration::from_secs(10);
/// One chat session.
pub(super) struct Seat {
    pub(super) member: Member,
    /// When the person first took a name, where they have.
    pub(super) first: Option<UnixMillis>,
    pub(super) address: IpAddr,
    /// The player's newest measured latency in milliseconds, and when it was told.
    pub(super) playing: Option<(u32, Instant)>,
}

impl Seat {
    pub(super) fn new(member: Member, first: Option<UnixMillis>, address: IpAddr) -> Self {
        Self { member, first, address, playing: None }
    }
}

/// All chat sessions, in the order in which they came.
pub(super) struct Seats {
    taken: BTreeMap<SeatId, Seat>,
    next: u64,
    of: HashMap<UserId, Vec<SeatId>>,
    at: HashMap<IpAddr, usize>,
    guests: usize,
    /// Sessions of those who moderate.
    moderators: Vec<SeatId>,
    lines: Lines,
}

impl Seats {
    pub(super) fn new(metrics: Arc<Metrics>, trunk: Option<Trunk>) -> Self {
        Self {
            taken: BTreeMap::new(),
            next: 0,
            of: HashMap::new(),
            at: HashMap::new(),
            guests: 0,
            moderators: Vec::new(),
            lines: Lines::new(metrics, trunk),
        }
    }

    /// A session, and its first message.
    pub(super) fn add(&mut self, seat: Seat, way: Way, welcome: ServerMessage) -> SeatId {
        self.next += 1;
        let id = SeatId(self.next);
        self.of.entry(seat.member.id.clone()).or_default().push(id);
        *self.at.entry(seat.address).or_default() += 1;
        self.guests += usize::from(seat.member.role != Rank::Owner);
        if seat.member.role >= Rank::Moderator {
            self.moderators.push(id);
        }
        self.taken.insert(id, seat);
        match way {
            Way::Here { outbox, form } => {
                self.lines.add(id, Line::Here { outbox, form });
                self.tell(id, &welcome);
            }
            Way::There(caller) => self.lines.add_there(|behind| caller.arrival(id, behind, welcome)),
        }
        id
    }

    /// Says who sat there.
    pub(super) fn remove(&mut self, id: SeatId) -> Option<Member> {
        let seat = self.taken.remove(&id)?;
        self.moderators.retain(|seat| *seat != id);
        if let Some(seats) = self.of.get_mut(&seat.member.id) {
            seats.retain(|seat| *seat != id);
            if seats.is_empty() {
                self.of.remove(&seat.member.id);
            }
        }
        if let Some(here) = self.at.get_mut(&seat.address) {
            *here -= 1;
            if *here == 0 {
                self.at.remove(&seat.address);
            }
        }
        self.guests -= usize::from(seat.member.role != Rank::Owner);
        self.lines.remove(id);
        Some(seat.member)
    }

    pub(super) fn get(&self, id: SeatId) -> Option<&Seat> {
        self.taken.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: SeatId) -> Option<&mut Seat> {
        self.taken.get_mut(&id)
    }

    /// Who is here, by session.
    pub(super) fn members(&self) -> impl Iterator<Item = &Member> {
        self.taken.values().map(|seat| &seat.member)
    }

    pub(super) fn len(&self) -> usize {
        self.taken.len()
    }

    pub(super) fn at_address(&self, address: IpAddr) -> usize {
        self.at.get(&address).copied().unwrap_or(0)
    }

    /// Sessions that are not the owner's.
    pub(super) fn guests(&self) -> usize {
        self.guests
    }

    pub(super) fn of<'a>(&'a self, user: &UserId) -> impl Iterator<Item = (SeatId, &'a Seat)> {
        let ids = self.of.get(user).map_or(&[][..], Vec::as_slice);
        ids.iter().filter_map(|id| Some((*id, self.taken.get(id)?)))
    }

    /// Gives every session of the person a new name.
    pub(super) fn rename(&mut self, user: &UserId, name: &str, now: UnixMillis) {
        for id in self.of.get(user).map_or(&[][..], Vec::as_slice) {
            if let Some(seat) = self.taken.get_mut(id) {
                name.clone_into(&mut seat.member.name);
                seat.first.get_or_insert(now);
            }
        }
    }

    /// Gives every session of the person this picture; those whose was another.
    pub(super) fn picture(&mut self, user: &UserId, avatar: Option<&str>) -> Vec<(SeatId, Member)> {
        let mut changed = Vec::new();
        for id in self.of.get(user).map_or(&[][..], Vec::as_slice) {
            if let Some(seat) = self.taken.get_mut(id).filter(|seat| seat.member.avatar.as_deref() != avatar)
            {
                seat.member.avatar = avatar.map(str::to_owned);
                changed.push((*id, seat.member.clone()));
            }
        }
        changed
    }

    /// Gives every session of the person a new role.
    pub(super) fn appoint(&mut self, user: &UserId, role: Rank) {
        for id in self.of.get(user).map_or(&[][..], Vec::as_slice) {
            if let Some(seat) = self.taken.get_mut(id).filter(|seat| seat.member.role < Rank::Owner) {
                seat.member.role = role;
                self.moderators.retain(|moderator| moderator != id);
                if role >= Rank::Moderator {
                    self.moderators.push(*id);
                }
            }
        }
    }

    /// Gives every session of the person these badges; says whether they were others.
    pub(super) fn badge(&mut self, user: &UserId, badges: Badges) -> bool {
        let mut changed = false;
        for id in self.of.get(user).map_or(&[][..], Vec::as_slice) {
            if let Some(seat) = self.taken.get_mut(id) {
                changed |= seat.member.badges != badges;
                seat.member.badges = badges;
            }
        }
        changed
    }

    pub(super) fn tell(&mut self, id: SeatId, message: &ServerMessage) {
        self.give(id, encode(message));
    }

    /// Every session of the person.
    pub(super) fn tell_user(&mut self, user: &UserId, message: &ServerMessage) {
        let Some(ids) = self.of.get(user) else { return };
        let text = encode(message);
        for id in ids.clone() {
            self.give(id, text.clone());
        }
    }

    /// The owner and moderators.
    pub(super) fn tell_moderators(&mut self, message: &ServerMessage) {
        let text = encode(message);
        for id in self.moderators.clone() {
            self.give(id, text.clone());
        }
    }

    /// The owner's sessions.
    pub(super) fn tell_owners(&mut self, message: &ServerMessage) {
        self.tell_owner(message, None);
    }

    /// The owner's sessions, but those of `without`.
    pub(super) fn tell_owner(&mut self, message: &ServerMessage, without: Option<&UserId>) {
        let owns = |id: &SeatId| {
            let member = self.taken.get(id).map(|seat| &seat.member);
            member.is_some_and(|member| member.role == Rank::Owner && Some(&member.id) != without)
        };
        let owners: Vec<SeatId> = self.moderators.iter().copied().filter(owns).collect();
        if owners.is_empty() {
            return;
        }
        let text = encode(message);
        for id in owners {
            self.give(id, text.clone());
        }
    }

    /// Everybody; serialised once.
    pub(super) fn tell_all(&mut self, message: &ServerMessage, weight: Weight) {
        self.lines.tell_all(encode(message), weight);
    }

    fn give(&mut self, id: SeatId, text: Utf8Bytes) {
        self.lines.give(id, text);
    }

    /// As [`Lines::due`].
    pub(super) fn due(&self) -> Option<Instant> {
        self.lines.due()
    }

    /// As [`Lines::is_overdue`].
    pub(super) fn is_overdue(&mut self) -> bool {
        self.lines.is_overdue()
    }

    /// As [`Lines::is_writing`].
    pub(super) fn is_writing(&self) -> bool {
        self.lines.is_writing()
    }

    /// As [`Lines::written`].
    pub(super) async fn written(&mut self) {
        self.lines.written().await;
    }

    /// As [`Lines::send`].
    pub(super) fn send(&mut self, now: Instant) {
        self.lines.send(now);
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (SeatId, &Seat)> {
        self.taken.iter().map(|(id, seat)| (*id, seat))
    }

    /// Ends these sessions after what was told before.
    pub(super) fn close_some(&mut self, ids: &[SeatId], code: CloseCode) {
        self.lines.close(ids, code);
    }

    /// Ends the person's sessions after what was told before.
    pub(super) fn close(&mut self, user: &UserId, code: CloseCode) {
        let ids: Vec<SeatId> = self.of(user).map(|(id, _)| id).collect();
        self.lines.close(&ids, code);
    }

    pub(super) fn close_all(&mut self, code: CloseCode) {
        let ids: Vec<SeatId> = self.taken.keys().copied().collect();
        self.lines.close(&ids, code);
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

/// Events whose commit is awaited, oldest first, with the sessions that wait for the answer.
pub(super) type Waiting = VecDeque<(crate::store::Kept, Vec<SeatId>)>;
