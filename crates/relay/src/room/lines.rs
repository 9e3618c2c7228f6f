//! What is on its way to sessions: what all of them hear, what only some do, in one order and in few writes.
//!
//! What is told waits until the room has nothing else to do, and in a large room for a moment more: then each session
//! is written to once for all of it, and a client that can gets it as one message, made once for everybody. In a large
//! room that is work for several threads, and the next round waits for them: where the CPU is short, rounds become fewer
//! and fuller, and nobody is told faster than the machine can. Sessions that another relay writes to ([`crate::bus`]) get
//! the same through that relay, in the same order.

use std::collections::BTreeMap;
use std::ops::Range;
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
use crate::chat::frame::{Form, Frame};
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
    /// This relay.
    Here { outbox: Outbox, form: Form },
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

/// A session that this relay writes to, as a round meets it.
struct Listener {
    seat: SeatId,
    outbox: Outbox,
    form: Form,
}

/// All sessions, in the order in which they came.
pub(crate) struct Lines {
    held: BTreeMap<SeatId, Held>,
    /// How many of them this relay writes to.
    here: usize,
    /// Those, for all rounds until somebody comes or goes: in a large room making the list costs as much as reading it.
    listeners: Option<Arc<[Listener]>>,
    metrics: Arc<Metrics>,
    /// Where what others write goes.
    trunk: Option<Trunk>,
    /// What waits for all, in its order.
    pending: Vec<Utf8Bytes>,
    /// The newest of each kind that may be lost.
    light: Vec<Utf8Bytes>,
    /// So many of `pending` went to other relays already.
    gone_there: usize,
    /// Those whose next round is not what all are told: something of their own waits, or they came in the middle of it.
    apart: Vec<SeatId>,
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
            listeners: None,
            metrics,
            trunk,
            pending: Vec::new(),
            light: Vec::new(),
            gone_there: 0,
            apart: Vec::new(),
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
        self.listeners = None;
        self.held.insert(id, Held { line, own: Vec::new(), from: self.pending.len() });
        self.apart.push(id);
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
            self.listeners = None;
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
                self.apart.push(id);
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
        let apart = std::mem::take(&mut self.apart);
        if self.pending.is_empty() && light.is_empty() {
            let items = apart.iter().filter_map(|id| self.held.get_mut(id)?.own()).collect();
            return self.start(items);
        }
        let pending = std::mem::take(&mut self.pending);
        self.gone_there = 0;
        self.sent_at = now;
        let others = apart.iter().filter_map(|id| Some((*id, self.held.get_mut(id)?.words(&pending)?)));
        let others: BTreeMap<SeatId, Words> = others.collect();
        self.start_round(Round::new(pending, &light, others));
    }

    fn listeners(&mut self) -> Arc<[Listener]> {
        let here = |(seat, held): (&SeatId, &Held)| match &held.line {
            Line::Here { outbox, form } => {
                Some(Listener { seat: *seat, outbox: outbox.clone(), form: *form })
            }
            Line::There => None,
        };
        self.listeners.get_or_insert_with(|| self.held.iter().filter_map(here).collect()).clone()
    }

    /// Writes to all what they are told.
    fn start_round(&mut self, round: Round) {
        let (listeners, metrics) = (self.listeners(), self.metrics.clone());
        let of = listeners.len();
        self.share_out(of, move |part| round.write(&listeners[part], &metrics));
    }

    /// Writes what is each session's own.
    fn start(&mut self, items: Vec<Item>) {
        let metrics = self.metrics.clone();
        self.share_out(items.len(), move |part| items[part].iter().for_each(|item| item.write(&metrics)));
    }

    /// Does as many pieces of work, by several threads where they are many.
    fn share_out(&mut self, pieces: usize, work: impl Fn(Range<usize>) + Send + Sync + 'static) {
        if pieces <= FEW {
            return work(0..pieces);
        }
        let work = Arc::new(work);
        let share = pieces.div_ceil(available_parallelism().map_or(1, usize::from));
        for begin in (0..pieces).step_by(share) {
            let work = work.clone();
            self.writing.spawn_blocking(move || work(begin..pieces.min(begin + share)));
        }
    }

    /// Hands on what waits for sessions of other relays.
    fn send_there(&mut self, light: &[Utf8Bytes]) {
        let Some(trunk) = self.trunk.as_ref().filter(|_| self.here < self.held.len()) else { return };
        let gone = std::mem::replace(&mut self.gone_there, self.pending.len());
        let mut own = Vec::new();
        for id in &self.apart {
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
            self.apart.push(*id);
            let texts = merged(&self.pending, from, own);
            items.push(Item { outbox, words: Words::each(&texts), close: Some(code) });
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
        Some(Item { outbox: outbox.clone(), words: Words::each(&texts), close: None })
    }

    /// What it is told of what waits, where that is not what all are.
    fn words(&mut self, pending: &[Utf8Bytes]) -> Option<Words> {
        let (from, own) = (std::mem::take(&mut self.from), std::mem::take(&mut self.own));
        let Line::Here { form, .. } = &self.line else { return None };
        if from == 0 && own.is_empty() {
            return None;
        }
        let texts = merged(pending, from, own);
        // Packed for one alone it would cost more than it saves.
        Some(if *form == Form::Each { Words::each(&texts) } else { Words::at_once(&texts) })
    }
}

/// What is told, as it goes on the wire.
struct Words {
    frames: Box<[Frame]>,
    /// How many messages that is.
    count: usize,
}

impl Words {
    /// A frame for each.
    fn each(texts: &[Utf8Bytes]) -> Self {
        Self { frames: texts.iter().map(|text| Frame::text(text)).collect(), count: texts.len() }
    }

    /// One frame for all of them.
    fn at_once(texts: &[Utf8Bytes]) -> Self {
        match texts {
            [] | [_] => Self::each(texts),
            _ => Self { frames: Box::from([Frame::text(&batch(texts))]), count: texts.len() },
        }
    }

    fn packed(&self) -> Self {
        Self { frames: self.frames.iter().map(Frame::packed).collect(), count: self.count }
    }
}

/// What is told in a round. Those who write it share it, so that nothing is counted for each session.
struct Round {
    texts: Vec<Utf8Bytes>,
    at_once: Words,
    /// For those who want it so, where there are any.
    packed: OnceLock<Words>,
    each: OnceLock<Words>,
    light: Words,
    /// What some are told instead.
    others: BTreeMap<SeatId, Words>,
}

impl Round {
    fn new(texts: Vec<Utf8Bytes>, light: &[Utf8Bytes], others: BTreeMap<SeatId, Words>) -> Self {
        let (packed, each) = (OnceLock::new(), OnceLock::new());
        Self { at_once: Words::at_once(&texts), packed, each, light: Words::each(light), others, texts }
    }

    fn words(&self, form: Form) -> &Words {
        match form {
            Form::Each => self.each.get_or_init(|| Words::each(&self.texts)),
            Form::AtOnce => &self.at_once,
            Form::Packed => self.packed.get_or_init(|| self.at_once.packed()),
        }
    }

    /// `listeners` are in the order of their seats.
    fn write(&self, listeners: &[Listener], metrics: &Metrics) {
        let Some(first) = listeners.first() else { return };
        let mut others = self.others.range(first.seat..).peekable();
        let mut told = Told::default();
        for Listener { seat, outbox, form } in listeners {
            let other = others.next_if(|(other, _)| *other == seat);
            let words = other.map_or_else(|| self.words(*form), |(_, words)| words);
            told.push(outbox, words, Weight::Full);
            told.push(outbox, &self.light, Weight::Light);
        }
        told.count(metrics);
    }
}

/// What is written to one session alone.
struct Item {
    outbox: Outbox,
    words: Words,
    /// Ends it after that.
    close: Option<CloseCode>,
}

impl Item {
    fn write(&self, metrics: &Metrics) {
        let mut told = Told::default();
        told.push(&self.outbox, &self.words, Weight::Full);
        told.count(metrics);
        if let Some(code) = self.close {
            self.outbox.close(code);
        }
    }
}

/// How many messages were told, and how many were left out.
#[derive(Default)]
struct Told {
    delivered: u64,
    shed: u64,
}

impl Told {
    fn push(&mut self, outbox: &Outbox, words: &Words, weight: Weight) {
        if words.frames.is_empty() {
            return;
        }
        match outbox.push(&words.frames, weight) {
            Pushed::Queued => self.delivered += words.count as u64,
            Pushed::Shed => self.shed += words.count as u64,
            // Its socket hears of it by its outbox, and leaves.
            Pushed::Slow => {}
        }
    }

    fn count(self, metrics: &Metrics) {
        metrics.deliveries.add(self.delivered);
        metrics.shed.add(self.shed);
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
