//! Who is in the room's chat, and how they are reached.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::Utf8Bytes;
use footlight_protocol::room::{Member, Role as Rank, ServerMessage, UnixMillis};
use footlight_protocol::{CloseCode, UserId};

use super::SeatId;
use crate::chat::outbox::{Outbox, Pushed, Weight};
use crate::metrics::Metrics;

/// Reports older than this say nothing about now.
const FRESH_REPORT: Duration = Duration::from_secs(10);
/// A room of so many sessions gathers what all are told …
const LARGE: usize = 500;
/// … for so long: a wake and a write a session cost more than what is written.
const GATHER: Duration = Duration::from_millis(50);
/// A room that is busy sends so long after it could have.
const LATEST: Duration = Duration::from_millis(5);

/// One chat session.
pub(super) struct Seat {
    pub(super) member: Member,
    /// When the person first took a name, where they have.
    pub(super) first: Option<UnixMillis>,
    pub(super) address: IpAddr,
    /// Whether its client takes several messages as one.
    pub(super) batches: bool,
    /// The player's newest measured latency in milliseconds, and when it was told.
    pub(super) playing: Option<(u32, Instant)>,
    outbox: Outbox,
    /// What waits for it alone, each behind so many of what waits for all.
    own: Vec<(usize, Utf8Bytes)>,
    /// What waited for all when it came was in its welcome.
    from: usize,
}

impl Seat {
    pub(super) fn new(
        member: Member,
        first: Option<UnixMillis>,
        address: IpAddr,
        batches: bool,
        outbox: Outbox,
    ) -> Self {
        Self { member, first, address, batches, playing: None, outbox, own: Vec::new(), from: 0 }
    }
}

/// All chat sessions, in the order in which they came, and what is on its way to them.
///
/// What is told waits until the room has nothing else to do, and in a large room for a moment more: then each session
/// is woken once for all of it, and a client that can gets it as one message, made once for everybody.
pub(super) struct Seats {
    taken: BTreeMap<SeatId, Seat>,
    next: u64,
    of: HashMap<UserId, Vec<SeatId>>,
    at: HashMap<IpAddr, usize>,
    guests: usize,
    /// Sessions of those who moderate.
    moderators: Vec<SeatId>,
    metrics: Arc<Metrics>,
    /// What waits for all, in its order.
    pending: Vec<Utf8Bytes>,
    /// The newest of each kind that may be lost.
    light: Vec<Utf8Bytes>,
    /// Those for whom something of their own waits.
    spoken_to: Vec<SeatId>,
    sent_at: Instant,
    /// Since when something waits.
    waits_since: Option<Instant>,
}

impl Seats {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            taken: BTreeMap::new(),
            next: 0,
            of: HashMap::new(),
            at: HashMap::new(),
            guests: 0,
            moderators: Vec::new(),
            metrics,
            pending: Vec::new(),
            light: Vec::new(),
            spoken_to: Vec::new(),
            sent_at: Instant::now(),
            waits_since: None,
        }
    }

    pub(super) fn add(&mut self, mut seat: Seat) -> SeatId {
        self.next += 1;
        let id = SeatId(self.next);
        seat.from = self.pending.len();
        self.of.entry(seat.member.id.clone()).or_default().push(id);
        *self.at.entry(seat.address).or_default() += 1;
        self.guests += usize::from(seat.member.role != Rank::Owner);
        if seat.member.role >= Rank::Moderator {
            self.moderators.push(id);
        }
        self.taken.insert(id, seat);
        self.metrics.members.set(self.taken.len() as u64);
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
        self.metrics.members.set(self.taken.len() as u64);
        Some(seat.member)
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

    /// Everybody; serialised once.
    pub(super) fn tell_all(&mut self, message: &ServerMessage, weight: Weight) {
        let text = encode(message);
        self.waits_since.get_or_insert_with(Instant::now);
        match weight {
            Weight::Full => self.pending.push(text),
            Weight::Light => self.light.push(text),
        }
    }

    fn give(&mut self, id: SeatId, text: Utf8Bytes) {
        let behind = self.pending.len();
        if let Some(seat) = self.taken.get_mut(&id) {
            self.waits_since.get_or_insert_with(Instant::now);
            if seat.own.is_empty() {
                self.spoken_to.push(id);
            }
            seat.own.push((behind, text));
        }
    }

    /// From when on what waits is to be sent, as soon as the room has nothing else to do; `None` where nothing waits.
    pub(super) fn due(&self) -> Option<Instant> {
        let since = self.waits_since?;
        Some(if self.taken.len() >= LARGE { since.max(self.sent_at + GATHER) } else { since })
    }

    /// Whether it has to be sent whatever else there is to do.
    pub(super) fn is_overdue(&self) -> bool {
        self.due().is_some_and(|due| due + LATEST <= Instant::now())
    }

    /// Sends what waits.
    pub(super) fn send(&mut self, now: Instant) {
        self.waits_since = None;
        if self.pending.is_empty() && self.light.is_empty() {
            for id in std::mem::take(&mut self.spoken_to) {
                if let Some(seat) = self.taken.get_mut(&id) {
                    let own: Vec<Utf8Bytes> = seat.own.drain(..).map(|(_, text)| text).collect();
                    push(&self.metrics, &seat.outbox, &own, own.len(), Weight::Full);
                }
            }
            return;
        }
        let (pending, light) = (std::mem::take(&mut self.pending), std::mem::take(&mut self.light));
        self.spoken_to.clear();
        self.sent_at = now;
        let batch = (pending.len() > 1).then(|| [batch(&pending)]);
        for seat in self.taken.values_mut() {
            let (from, own) = (std::mem::take(&mut seat.from), std::mem::take(&mut seat.own));
            match &batch {
                Some(batch) if seat.batches && from == 0 && own.is_empty() => {
                    push(&self.metrics, &seat.outbox, batch, pending.len(), Weight::Full);
                }
                _ if own.is_empty() => {
                    let texts = &pending[from..];
                    push(&self.metrics, &seat.outbox, texts, texts.len(), Weight::Full);
                }
                _ => {
                    let texts = merged(&pending, from, own);
                    push(&self.metrics, &seat.outbox, &texts, texts.len(), Weight::Full);
                }
            }
            push(&self.metrics, &seat.outbox, &light, light.len(), Weight::Light);
        }
    }

    /// Ends these sessions after what was told before.
    pub(super) fn close(&mut self, user: &UserId, code: CloseCode) {
        self.send(Instant::now());
        for (_, seat) in self.of(user) {
            seat.outbox.close(code);
        }
    }

    pub(super) fn close_all(&mut self, code: CloseCode) {
        self.send(Instant::now());
        for seat in self.taken.values() {
            seat.outbox.close(code);
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

/// Several messages as one, from their texts.
fn batch(messages: &[Utf8Bytes]) -> Utf8Bytes {
    let length = messages.iter().map(|message| message.len() + 1).sum::<usize>();
    let mut text = String::with_capacity(length + 32);
    text.push_str(r#"{"type":"batch","messages":["#);
    for (n, message) in messages.iter().enumerate() {
        if n > 0 {
            text.push(',');
        }
        text.push_str(message);
    }
    text.push_str("]}");
    text.into()
}

/// What waits for all from there on, with what waits for one in its places.
fn merged(pending: &[Utf8Bytes], from: usize, own: Vec<(usize, Utf8Bytes)>) -> Vec<Utf8Bytes> {
    let mut texts = Vec::with_capacity(pending.len() - from + own.len());
    let mut at = from;
    for (behind, text) in own {
        texts.extend_from_slice(&pending[at..behind.max(at)]);
        at = behind.max(at);
        texts.push(text);
    }
    texts.extend_from_slice(&pending[at..]);
    texts
}

/// `count` is how many messages that is.
fn push(metrics: &Metrics, outbox: &Outbox, texts: &[Utf8Bytes], count: usize, weight: Weight) {
    if texts.is_empty() {
        return;
    }
    match outbox.push(texts, weight) {
        Pushed::Queued => metrics.deliveries.add(count as u64),
        Pushed::Shed => metrics.shed.add(count as u64),
        // Its socket hears of it by its outbox, and leaves.
        Pushed::Slow => {}
    }
}

/// Events whose commit is awaited, oldest first, with the sessions that wait for the answer.
pub(super) type Waiting = VecDeque<(crate::store::Kept, Vec<SeatId>)>;
