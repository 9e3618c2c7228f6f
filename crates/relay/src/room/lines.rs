//! What is on its way to sessions: what all of them hear, what only some do, in one order and in few writes.
//!
//! What is told waits until the room has nothing else to do, and in a large room for a moment more: then each session
//! is woken once for all of it, and a client that can gets it as one message, made once for everybody. Sessions that
//! another relay writes to ([`crate::bus`]) get the same through that relay, in the same order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::Utf8Bytes;
use footlight_protocol::CloseCode;
use footlight_protocol::room::ServerMessage;

use super::SeatId;
use crate::bus::Trunk;
use crate::bus::wire::{Arrival, Flush, Text};
use crate::chat::outbox::{Outbox, Pushed, Weight};
use crate::metrics::Metrics;

/// A room of so many sessions gathers what all are told …
const LARGE: usize = 500;
/// … for so long: a wake and a write a session cost more than what is written.
const GATHER: Duration = Duration::from_millis(50);
/// Of those who come at other relays, what waits at most, in bytes: their welcomes have to go over the bus, which takes
/// messages of 1 MiB.
const ARRIVING: usize = 128 << 10;
/// A room that is busy sends so long after it could have.
const LATEST: Duration = Duration::from_millis(5);

/// Who writes to a session.
pub(crate) enum Line {
    /// This relay. `batches`: its client takes several messages as one.
    Here { outbox: Outbox, batches: bool },
    /// Another one.
    There,
}

struct Held {
    line: Line,
    /// What waits for it alone, each behind so many of what waits for all.
    own: Vec<(usize, Utf8Bytes)>,
    /// What waited for all when it came was in its welcome.
    from: usize,
}

/// All sessions, in the order in which they came.
pub(crate) struct Lines {
    held: BTreeMap<SeatId, Held>,
    /// How many of them this relay writes to.
    here: usize,
    metrics: Arc<Metrics>,
    /// Where what others write goes.
    trunk: Option<Trunk>,
    /// What waits for all, in its order.
    pending: Vec<Utf8Bytes>,
    /// The newest of each kind that may be lost.
    light: Vec<Utf8Bytes>,
    /// Those for whom something of their own waits.
    spoken_to: Vec<SeatId>,
    /// Those of others' sessions that are new.
    arrivals: Vec<Arrival>,
    /// Their bytes.
    arriving: usize,
    sent_at: Instant,
    /// Since when something waits.
    waits_since: Option<Instant>,
}

impl Lines {
    pub(crate) fn new(metrics: Arc<Metrics>, trunk: Option<Trunk>) -> Self {
        Self {
            held: BTreeMap::new(),
            here: 0,
            metrics,
            trunk,
            pending: Vec::new(),
            light: Vec::new(),
            spoken_to: Vec::new(),
            arrivals: Vec::new(),
            arriving: 0,
            sent_at: Instant::now(),
            waits_since: None,
        }
    }

    /// The session hears what is told from now on.
    pub(crate) fn add(&mut self, id: SeatId, line: Line) {
        self.here += usize::from(matches!(line, Line::Here { .. }));
        self.held.insert(id, Held { line, own: Vec::new(), from: self.pending.len() });
        self.metrics.members.set(self.held.len() as u64);
    }

    /// As [`Lines::add`], for a session of another relay that is to be told of it.
    pub(crate) fn add_there(&mut self, arrival: impl FnOnce(usize) -> Arrival) {
        if self.arriving > ARRIVING {
            self.send(Instant::now());
        }
        let arrival = arrival(self.pending.len());
        self.arriving += arrival.size();
        self.add(arrival.seat, Line::There);
        self.arrivals.push(arrival);
        self.waits_since.get_or_insert_with(Instant::now);
    }

    pub(crate) fn remove(&mut self, id: SeatId) {
        if let Some(held) = self.held.remove(&id) {
            self.here -= usize::from(matches!(held.line, Line::Here { .. }));
        }
        self.metrics.members.set(self.held.len() as u64);
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = SeatId> {
        self.held.keys().copied()
    }

    /// Everybody.
    pub(crate) fn tell_all(&mut self, text: Utf8Bytes, weight: Weight) {
        self.waits_since.get_or_insert_with(Instant::now);
        match weight {
            Weight::Full => self.pending.push(text),
            Weight::Light => self.light.push(text),
        }
    }

    /// One session.
    pub(crate) fn give(&mut self, id: SeatId, text: Utf8Bytes) {
        let behind = self.pending.len();
        if let Some(held) = self.held.get_mut(&id) {
            self.waits_since.get_or_insert_with(Instant::now);
            if held.own.is_empty() {
                self.spoken_to.push(id);
            }
            held.own.push((behind, text));
        }
    }

    /// From when on what waits is to be sent, as soon as there is nothing else to do; `None` where nothing waits.
    pub(crate) fn due(&self) -> Option<Instant> {
        let since = self.waits_since?;
        Some(if self.here >= LARGE { since.max(self.sent_at + GATHER) } else { since })
    }

    /// Whether it has to be sent whatever else there is to do.
    pub(crate) fn is_overdue(&self) -> bool {
        self.due().is_some_and(|due| due + LATEST <= Instant::now())
    }

    /// Sends what waits.
    pub(crate) fn send(&mut self, now: Instant) {
        self.waits_since = None;
        self.send_there();
        if self.pending.is_empty() && self.light.is_empty() {
            for id in std::mem::take(&mut self.spoken_to) {
                if let Some(Held { line: Line::Here { outbox, .. }, own, .. }) = self.held.get_mut(&id) {
                    let own: Vec<Utf8Bytes> = own.drain(..).map(|(_, text)| text).collect();
                    push(&self.metrics, outbox, &own, own.len(), Weight::Full);
                }
            }
            return;
        }
        let (pending, light) = (std::mem::take(&mut self.pending), std::mem::take(&mut self.light));
        self.spoken_to.clear();
        self.sent_at = now;
        let batch = (pending.len() > 1).then(|| [batch(&pending)]);
        for held in self.held.values_mut() {
            let (from, own) = (std::mem::take(&mut held.from), std::mem::take(&mut held.own));
            let Line::Here { outbox, batches } = &held.line else { continue };
            match &batch {
                Some(batch) if *batches && from == 0 && own.is_empty() => {
                    push(&self.metrics, outbox, batch, pending.len(), Weight::Full);
                }
                _ if own.is_empty() => {
                    let texts = &pending[from..];
                    push(&self.metrics, outbox, texts, texts.len(), Weight::Full);
                }
                _ => {
                    let texts = merged(&pending, from, own);
                    push(&self.metrics, outbox, &texts, texts.len(), Weight::Full);
                }
            }
            push(&self.metrics, outbox, &light, light.len(), Weight::Light);
        }
    }

    /// Hands on what waits for sessions of other relays.
    fn send_there(&mut self) {
        let Some(trunk) = self.trunk.as_ref().filter(|_| self.here < self.held.len()) else { return };
        let mut own = Vec::new();
        for id in &self.spoken_to {
            if let Some(Held { line: Line::There, own: waits, .. }) = self.held.get_mut(id) {
                own.extend(waits.drain(..).map(|(behind, text)| (*id, behind, Text(text))));
            }
        }
        let arrivals = std::mem::take(&mut self.arrivals);
        self.arriving = 0;
        let flush = Flush {
            pending: self.pending.iter().cloned().map(Text).collect(),
            light: self.light.iter().cloned().map(Text).collect(),
            own,
            arrivals,
            closed: Vec::new(),
        };
        if !flush.is_empty() {
            trunk.put(flush);
        }
    }

    /// Ends these sessions after what was told before.
    pub(crate) fn close(&mut self, ids: &[SeatId], code: CloseCode) {
        self.send(Instant::now());
        let mut closed = Vec::new();
        for id in ids {
            match self.held.get(id).map(|held| &held.line) {
                Some(Line::Here { outbox, .. }) => outbox.close(code),
                Some(Line::There) => closed.push((*id, code as u16)),
                None => {}
            }
        }
        if let Some(trunk) = self.trunk.as_ref().filter(|_| !closed.is_empty()) {
            trunk.put(Flush { closed, ..Flush::default() });
        }
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
