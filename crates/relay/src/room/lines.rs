//! What is on its way to sessions: what all of them hear, what only some do, in one order and in few writes.
//!
//! What is told waits until the room has nothing else to do, and in a large room for a moment more: then each session
//! is written to once for all of it, and a client that can gets it as one message, made once for everybody. In a large
//! room that is work for several threads, and the next round waits for them: where the CPU is short, rounds become fewer
//! and fuller, and nobody is told faster than the machine can. Sessions that another relay writes to ([`crate::bus`]) get
//! the same through that relay, in the same order.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use axum::extract::ws::Utf8Bytes;
use footlight_protocol::CloseCode;
use footlight_protocol::room::ServerMessage;
use tokio::task::JoinSet;

use super::SeatId;
use crate::bus::Trunk;
use crate::bus::wire::{Arrival, Flush, Text};
use crate::chat::frame::Frame;
use crate::chat::outbox::{Outbox, Pushed, Weight};
use crate::metrics::Metrics;

/// A room of so many sessions gathers what all are told …
const LARGE: usize = 500;
/// … for so long: a write a session costs more than what is written …
const GATHER: Duration = Duration::from_millis(25);
/// … and for so long where more waits than anybody can follow.
const GATHER_BUSY: Duration = Duration::from_millis(50);
/// That is more than this in [`GATHER`].
const BUSY: usize = 12;
/// So many sessions are written to by the room itself; it would take longer to hand them on.
const FEW: usize = 64;
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
    /// So many of what waits for all it has heard, or found in its welcome.
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
    /// So many of `pending` went to other relays already.
    gone_there: usize,
    /// Those for whom something of their own waits.
    spoken_to: Vec<SeatId>,
    /// Those of others' sessions that are new.
    arrivals: Vec<Arrival>,
    /// Their bytes.
    arriving: usize,
    sent_at: Instant,
    /// Since when something waits.
    waits_since: Option<Instant>,
    /// The round that is being written.
    writing: JoinSet<()>,
    /// What comes straight after it: at most one for each session, its last.
    after: Vec<Item>,
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
            gone_there: 0,
            spoken_to: Vec::new(),
            arrivals: Vec::new(),
            arriving: 0,
            sent_at: Instant::now(),
            waits_since: None,
            writing: JoinSet::new(),
            after: Vec::new(),
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
            self.send_there(&[]);
        }
        let arrival = arrival(self.pending.len() - self.gone_there);
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

    /// Whether a round is being written, which [`Lines::written`] waits for.
    pub(crate) fn is_writing(&self) -> bool {
        !self.writing.is_empty()
    }

    /// Waits until a part of the round that is being written is done.
    pub(crate) async fn written(&mut self) {
        self.writing.join_next().await;
        self.go_on();
    }

    /// Goes on behind the round, where it is done.
    fn go_on(&mut self) {
        while self.writing.try_join_next().is_some() {}
        if self.writing.is_empty() && !self.after.is_empty() {
            let after = std::mem::take(&mut self.after);
            self.start(after);
        }
    }

    /// From when on what waits is to be sent, as soon as there is nothing else to do; `None` where nothing waits, or what
    /// was sent before is still being written.
    pub(crate) fn due(&self) -> Option<Instant> {
        let since = self.waits_since.filter(|_| !self.is_writing())?;
        let gather = if self.pending.len() > BUSY { GATHER_BUSY } else { GATHER };
        Some(if self.here >= LARGE { since.max(self.sent_at + gather) } else { since })
    }

    /// Whether it has to be sent whatever else there is to do.
    pub(crate) fn is_overdue(&mut self) -> bool {
        self.go_on();
        self.due().is_some_and(|due| due + LATEST <= Instant::now())
    }

    /// Sends what waits. Not while a round is being written.
    pub(crate) fn send(&mut self, now: Instant) {
        self.waits_since = None;
        let light = std::mem::take(&mut self.light);
        self.send_there(&light);
        let spoken_to = std::mem::take(&mut self.spoken_to);
        if self.pending.is_empty() && light.is_empty() {
            let items = spoken_to.iter().filter_map(|id| self.held.get_mut(id)?.own()).collect();
            return self.start(items);
        }
        let pending = std::mem::take(&mut self.pending);
        self.gone_there = 0;
        self.sent_at = now;
        let mut items = Vec::with_capacity(self.here);
        for held in self.held.values_mut() {
            let (from, own) = (std::mem::take(&mut held.from), std::mem::take(&mut held.own));
            let Line::Here { outbox, batches } = &held.line else { continue };
            let words = match (from == 0 && own.is_empty(), *batches) {
                (true, true) => Words::AllAtOnce,
                (true, false) => Words::All,
                (false, at_once) => {
                    let texts = merged(&pending, from, own);
                    Words::Own {
                        frames: if at_once { at_once_of(&texts) } else { each(&texts) },
                        count: texts.len(),
                    }
                }
            };
            items.push(Item { outbox: outbox.clone(), words, close: None });
        }
        self.start_round(items, Round::new(pending, &light));
    }

    /// Writes what is each session's own.
    fn start(&mut self, items: Vec<Item>) {
        self.start_round(items, Round::new(Vec::new(), &[]));
    }

    /// Writes them, by several threads where they are many.
    fn start_round(&mut self, mut items: Vec<Item>, round: Round) {
        if items.len() <= FEW {
            items.iter().for_each(|item| item.write(&round, &self.metrics));
            return;
        }
        let round = Arc::new(round);
        let share = items.len().div_ceil(available_parallelism().map_or(1, usize::from));
        while !items.is_empty() {
            let some = items.split_off(items.len().saturating_sub(share));
            let (round, metrics) = (round.clone(), self.metrics.clone());
            self.writing.spawn_blocking(move || some.iter().for_each(|item| item.write(&round, &metrics)));
        }
    }

    /// Hands on what waits for sessions of other relays.
    fn send_there(&mut self, light: &[Utf8Bytes]) {
        let Some(trunk) = self.trunk.as_ref().filter(|_| self.here < self.held.len()) else { return };
        let gone = std::mem::replace(&mut self.gone_there, self.pending.len());
        let mut own = Vec::new();
        for id in &self.spoken_to {
            if let Some(Held { line: Line::There, own: waits, .. }) = self.held.get_mut(id) {
                own.extend(
                    waits.drain(..).map(|(behind, text)| (*id, behind.saturating_sub(gone), Text(text))),
                );
            }
        }
        let arrivals = std::mem::take(&mut self.arrivals);
        self.arriving = 0;
        let flush = Flush {
            pending: self.pending[gone..].iter().cloned().map(Text).collect(),
            light: light.iter().cloned().map(Text).collect(),
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
        self.send_there(&[]);
        let mut closed = Vec::new();
        let mut items = Vec::new();
        for id in ids {
            let Some(held) = self.held.get_mut(id) else { continue };
            let Line::Here { outbox, .. } = &held.line else {
                closed.push((*id, code as u16));
                continue;
            };
            let outbox = outbox.clone();
            let (from, own) = (held.from, std::mem::take(&mut held.own));
            held.from = self.pending.len();
            let texts = merged(&self.pending, from, own);
            let words = Words::Own { frames: each(&texts), count: texts.len() };
            items.push(Item { outbox, words, close: Some(code) });
        }
        if let Some(trunk) = self.trunk.as_ref().filter(|_| !closed.is_empty()) {
            trunk.put(Flush { closed, ..Flush::default() });
        }
        if self.is_writing() {
            self.after.extend(items);
        } else {
            self.start(items);
        }
    }
}

impl Held {
    /// What waits for it alone, where nothing waits for all.
    fn own(&mut self) -> Option<Item> {
        let own = std::mem::take(&mut self.own);
        let Line::Here { outbox, .. } = &self.line else { return None };
        let texts: Vec<Utf8Bytes> = own.into_iter().map(|(_, text)| text).collect();
        let words = Words::Own { frames: each(&texts), count: texts.len() };
        Some(Item { outbox: outbox.clone(), words, close: None })
    }
}

/// What all are told in a round. Those who write it share it, so that nothing is counted for each session.
struct Round {
    texts: Vec<Utf8Bytes>,
    /// For clients that take several as one.
    at_once: Box<[Frame]>,
    /// For the others, where there are any.
    each: OnceLock<Box<[Frame]>>,
    light: Box<[Frame]>,
}

impl Round {
    fn new(texts: Vec<Utf8Bytes>, light: &[Utf8Bytes]) -> Self {
        Self { at_once: at_once_of(&texts), each: OnceLock::new(), light: each(light), texts }
    }
}

/// What one session is told in a round.
enum Words {
    All,
    AllAtOnce,
    Own {
        frames: Box<[Frame]>,
        /// How many messages that is.
        count: usize,
    },
}

/// What is written to one session in a round.
struct Item {
    outbox: Outbox,
    words: Words,
    /// Ends it after that.
    close: Option<CloseCode>,
}

impl Item {
    fn write(&self, round: &Round, metrics: &Metrics) {
        let (frames, count) = match &self.words {
            Words::AllAtOnce => (&round.at_once, round.texts.len()),
            Words::All => (round.each.get_or_init(|| each(&round.texts)), round.texts.len()),
            Words::Own { frames, count } => (frames, *count),
        };
        self.push(metrics, frames, count, Weight::Full);
        self.push(metrics, &round.light, round.light.len(), Weight::Light);
        if let Some(code) = self.close {
            self.outbox.close(code);
        }
    }

    fn push(&self, metrics: &Metrics, frames: &[Frame], count: usize, weight: Weight) {
        if frames.is_empty() {
            return;
        }
        match self.outbox.push(frames, weight) {
            Pushed::Queued => metrics.deliveries.add(count as u64),
            Pushed::Shed => metrics.shed.add(count as u64),
            // Its socket hears of it by its outbox, and leaves.
            Pushed::Slow => {}
        }
    }
}

/// A frame for each.
fn each(texts: &[Utf8Bytes]) -> Box<[Frame]> {
    texts.iter().map(|text| Frame::text(text)).collect()
}

/// One frame for all of them.
fn at_once_of(texts: &[Utf8Bytes]) -> Box<[Frame]> {
    if texts.len() > 1 { Box::from([Frame::text(&batch(texts))]) } else { each(texts) }
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
