//! A branch's end of the bus: its sessions, what they say on its way to the home, and what the home tells them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_nats::Client;
use bytes::Bytes;
use footlight_protocol::room::{ClientMessage, RoomState};
use footlight_protocol::{CloseCode, Code, Failure, RoomId};
use futures_util::StreamExt as _;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::backlog::Backlog;
use super::wire::{Answer, Arrival, Caller, Down, Flush, Knock, Life, Said, Text, Turned, Up};
use super::{BEAT, DEAF, GOODBYE, Link};
use crate::chat::frame::Form;
use crate::chat::outbox::{Outbox, Weight};
use crate::error::Error;
use crate::metrics::Metrics;
use crate::room::lines::{Line, Lines};
use crate::room::{INBOX, SeatId, encode};
use crate::secret::Secret;

/// What waits for the broker at most, in bytes; from half of it on sessions are not read.
const MOST: usize = 16 << 20;
/// A session that said hello is let in within this.
const ADMITTED: Duration = Duration::from_secs(8);
/// Where what waits for the broker is too much, it is looked at again so often.
const BLOCKED: Duration = Duration::from_millis(20);

type Reply = oneshot::Sender<Result<SeatId, Turned>>;

enum Ask {
    Join { hello: ClientMessage, address: IpAddr, outbox: Outbox, form: Form, reply: Reply },
    Say { seat: SeatId, message: ClientMessage },
    Leave { seat: SeatId },
}

/// How sessions reach the room at a branch.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) id: RoomId,
    pub(crate) state: watch::Receiver<RoomState>,
    inbox: mpsc::Sender<Ask>,
    heard: Arc<AtomicBool>,
    /// What the home knows requests by that are passed on.
    pub(crate) pass: watch::Receiver<Option<Secret>>,
}

impl Gate {
    /// Whether the home has been heard lately.
    pub(crate) fn is_heard(&self) -> bool {
        self.heard.load(Ordering::Relaxed)
    }

    pub(crate) async fn join(
        &self,
        hello: ClientMessage,
        address: IpAddr,
        outbox: &Outbox,
    ) -> Result<SeatId, Turned> {
        let form = match &hello {
            ClientMessage::Hello { batches, packed, .. } => Form::of(*batches, *packed),
            _ => Form::Each,
        };
        let (reply, answer) = oneshot::channel();
        let ask = Ask::Join { hello, address, outbox: outbox.clone(), form, reply };
        let going = || Turned::new(None, CloseCode::GoingAway);
        self.inbox.send(ask).await.map_err(|_| going())?;
        answer.await.map_err(|_| going())?
    }

    /// False where the relay is about to end.
    pub(crate) async fn say(&self, seat: SeatId, message: ClientMessage) -> bool {
        self.inbox.send(Ask::Say { seat, message }).await.is_ok()
    }

    pub(crate) async fn leave(&self, seat: SeatId) {
        let _ = self.inbox.send(Ask::Leave { seat }).await;
    }
}

/// What a branch's end starts with.
pub(crate) struct Setup {
    link: Link,
    life: Life,
    metrics: Arc<Metrics>,
    inbox: mpsc::Receiver<Ask>,
    state: watch::Sender<RoomState>,
    is_heard: Arc<AtomicBool>,
    pass: watch::Sender<Option<Secret>>,
}

impl Setup {
    /// The end, and the way to it. `offline` is what the room is like until the home says more.
    pub(crate) fn new(
        client: Client,
        offline: RoomState,
        metrics: Arc<Metrics>,
    ) -> Result<(Self, Gate), Error> {
        let id = offline.room.clone();
        let (sender, inbox) = mpsc::channel(INBOX);
        let (state, watched) = watch::channel(offline);
        let link = Link::of_branch(client, id.clone());
        let is_heard = Arc::new(AtomicBool::new(false));
        let (pass, handed) = watch::channel(None);
        let gate = Gate { id, state: watched, inbox: sender, heard: is_heard.clone(), pass: handed };
        Ok((Self { link, life: Life::begin()?, metrics, inbox, state, is_heard, pass }, gate))
    }

    /// Serves the sessions until cancelled, and says goodbye to them.
    pub(crate) async fn run(self, cancel: CancellationToken) {
        let Self { link, life, metrics, inbox, state, is_heard, pass } = self;
        let (turned, refusals) = mpsc::channel(INBOX);
        let backlog = Backlog::new(MOST);
        let branch = Branch {
            link: link.clone(),
            life: life.clone(),
            backlog: backlog.clone(),
            lines: Lines::new(metrics, None),
            callers: HashMap::new(),
            request: 0,
            home: None,
            heard: Instant::now(),
            is_heard,
            state,
            pass: Arc::new(pass),
            turned,
        };
        tokio::select! {
            () = async {
                branch.serve(inbox, refusals, cancel).await;
                backlog.sent(GOODBYE).await;
            } => {}
            () = send(link, life, backlog.clone()) => {}
        }
    }
}

/// Sends what sessions say, and now and then that the branch lives.
async fn send(link: Link, branch: Life, backlog: Backlog<Said>) {
    let subject = link.subject(&format!("up.{}", branch.as_str()));
    let mut beat = tokio::time::interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut number = 0;
    loop {
        let says = tokio::select! {
            biased;
            _ = beat.tick() => Vec::new(),
            says = backlog.next() => says,
        };
        number += 1;
        let id = format!("{}-{number}", branch.as_str());
        let up = Up { branch: branch.clone(), number, says };
        let payload = serde_json::to_vec(&up).expect("messages are plain data");
        // Nobody else says anything under this subject.
        let _ = link.keep(&subject, &id, payload.into(), None).await;
        backlog.confirmed();
    }
}

/// A session that waits to be let in.
struct Waiting {
    caller: Caller,
    outbox: Outbox,
    form: Form,
    reply: Reply,
}

struct Branch {
    link: Link,
    life: Life,
    backlog: Backlog<Said>,
    lines: Lines,
    callers: HashMap<u64, Waiting>,
    request: u64,
    /// The home's life, and the newest of its messages.
    home: Option<(Life, u64)>,
    heard: Instant,
    is_heard: Arc<AtomicBool>,
    state: watch::Sender<RoomState>,
    pass: Arc<watch::Sender<Option<Secret>>>,
    /// Where the answers to knocks go that let nobody in.
    turned: mpsc::Sender<(u64, Turned)>,
}

impl Branch {
    async fn serve(
        mut self,
        mut inbox: mpsc::Receiver<Ask>,
        mut refusals: mpsc::Receiver<(u64, Turned)>,
        cancel: CancellationToken,
    ) {
        let subject = self.link.subject("down");
        let mut messages = tokio::select! {
            () = cancel.cancelled() => return,
            messages = self.link.hear(&subject) => messages,
        };
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        loop {
            if self.lines.is_overdue() {
                self.lines.send(Instant::now());
            }
            let (due, room) = (self.lines.due(), self.backlog.has_room());
            tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                message = messages.next() => match message {
                    Some(Ok(message)) => match serde_json::from_slice(&message.payload) {
                        Ok(down) => self.hear(down),
                        Err(error) => tracing::warn!(%error, "the home says something that cannot be read"),
                    },
                    // What was said meanwhile is missed by its numbers.
                    _ => tokio::select! {
                        () = cancel.cancelled() => break,
                        anew = self.link.hear(&subject) => messages = anew,
                    },
                },
                Some((request, turned)) = refusals.recv() => {
                    if let Some(waiting) = self.callers.remove(&request) {
                        let _ = waiting.reply.send(Err(turned));
                    }
                }
                Some(ask) = inbox.recv(), if room => self.answer(ask),
                () = tokio::time::sleep(BLOCKED), if !room => {}
                () = self.lines.written(), if self.lines.is_writing() => {}
                () = crate::clock::sleep_until(due), if due.is_some() => self.lines.send(Instant::now()),
                _ = tick.tick() => {
                    // Its sessions are told to come back later.
                    if self.heard.elapsed() > DEAF {
                        self.is_heard.store(false, Ordering::Relaxed);
                        self.close_all();
                        tokio::select! {
                            () = cancel.cancelled() => break,
                            anew = self.link.hear(&subject) => messages = anew,
                        }
                        self.heard = Instant::now();
                    }
                }
            }
        }
        self.close_all();
        while self.lines.is_writing() {
            self.lines.written().await;
        }
        for seat in self.lines.ids() {
            self.hand_on(seat, None);
        }
    }

    fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Join { hello, address, outbox, form, reply } => {
                self.request += 1;
                let caller = match Caller::new(self.life.clone(), self.request) {
                    Ok(caller) => caller,
                    Err(error) => {
                        tracing::error!(%error, "a session could not join");
                        let _ = reply.send(Err(Turned::new(None, CloseCode::GoingAway)));
                        return;
                    }
                };
                let knock = Knock { caller: caller.clone(), address, hello };
                self.callers.insert(self.request, Waiting { caller, outbox, form, reply });
                tokio::spawn(call(self.link.clone(), knock, self.request, self.turned.clone()));
            }
            Ask::Say { seat, message } => self.hand_on(seat, Some(message)),
            Ask::Leave { seat } => {
                self.lines.remove(seat);
                self.hand_on(seat, None);
            }
        }
    }

    fn hand_on(&self, seat: SeatId, message: Option<ClientMessage>) {
        if let Some((home, _)) = &self.home {
            let size = 96 + message.as_ref().map_or(0, encoded_len);
            self.backlog.put(Said { home: home.clone(), seat, message }, size);
        }
    }

    fn hear(&mut self, down: Down) {
        self.heard = Instant::now();
        self.is_heard.store(true, Ordering::Relaxed);
        match &mut self.home {
            Some((home, number)) if *home == down.home => {
                let expected = *number + 1;
                if down.number < expected {
                    return;
                }
                *number = down.number;
                if down.number > expected {
                    tracing::warn!(missed = down.number - expected, "the bus has a gap");
                    self.close_all();
                }
            }
            _ => {
                // What was given by an earlier life is gone.
                self.close_all();
                self.home = Some((down.home, down.number));
                tokio::spawn(ask_for_pass(self.link.clone(), self.pass.clone()));
            }
        }
        if let Some(state) = down.state {
            self.state.send_if_modified(|before| {
                let changed = *before != state;
                *before = state;
                changed
            });
        }
        for flush in down.flushes {
            self.take(flush);
        }
    }

    /// Tells the sessions here what is for them, each behind what it was behind at the home.
    fn take(&mut self, flush: Flush) {
        let Flush { pending, light, mut own, mut arrivals, closed } = flush;
        // Stable: what is for one session keeps its order.
        own.sort_by_key(|(_, behind, _)| *behind);
        arrivals.sort_by_key(|arrival| arrival.behind);
        let (mut own, mut arrivals) = (own.into_iter().peekable(), arrivals.into_iter().peekable());
        let all = pending.len();
        for (at, text) in pending.into_iter().map(Some).chain([None]).enumerate() {
            // Behind all is also who says so of more than there is.
            let here = |behind: usize| behind <= at || at == all;
            while let Some(arrival) = arrivals.next_if(|arrival| here(arrival.behind)) {
                self.arrive(arrival);
            }
            while let Some((seat, _, text)) = own.next_if(|(_, behind, _)| here(*behind)) {
                self.lines.give(seat, text.0);
            }
            if let Some(Text(text)) = text {
                self.lines.tell_all(text, Weight::Full);
            }
        }
        for text in light {
            self.lines.tell_all(text.0, Weight::Light);
        }
        for (seat, code) in closed {
            let code = CloseCode::from_u16(code).unwrap_or(CloseCode::GoingAway);
            self.lines.close(&[seat], code);
        }
    }

    fn arrive(&mut self, arrival: Arrival) {
        if arrival.branch != self.life {
            return;
        }
        let seat = arrival.seat;
        let Some(waiting) = self.callers.remove(&arrival.request) else {
            // It gave up meanwhile.
            return self.hand_on(seat, None);
        };
        let Waiting { caller, outbox, form, reply } = waiting;
        let Some(welcome) = caller.open(arrival) else {
            return self.hand_on(seat, None);
        };
        self.lines.add(seat, Line::Here { outbox, form });
        self.lines.give(seat, encode(&welcome));
        if reply.send(Ok(seat)).is_err() {
            self.lines.remove(seat);
            self.hand_on(seat, None);
        }
    }

    /// Ends all sessions: they come again, and resume.
    fn close_all(&mut self) {
        let ids: Vec<SeatId> = self.lines.ids().collect();
        self.lines.close(&ids, CloseCode::GoingAway);
        for (_, waiting) in self.callers.drain() {
            let _ = waiting.reply.send(Err(away()));
        }
    }
}

/// Asks a home that is new here for its pass.
async fn ask_for_pass(link: Link, pass: Arc<watch::Sender<Option<Secret>>>) {
    const TRIES: usize = 10;
    for _ in 0..TRIES {
        if let Ok(answer) = link.client.request(link.subject("pass"), Bytes::new()).await
            && let Ok(text) = String::from_utf8(answer.payload.to_vec())
        {
            pass.send_replace(Some(Secret::new(text)));
            return;
        }
        link.wait_for_broker().await;
    }
    tracing::warn!("the home gave no pass: clients of this relay count as one address there");
}

/// Asks the home to let a session in, and says where it does not.
async fn call(link: Link, knock: Knock, request: u64, turned: mpsc::Sender<(u64, Turned)>) {
    let payload = serde_json::to_vec(&knock).expect("a knock is plain data");
    let asked = link.client.request(link.subject("knock"), payload.into());
    let answer = match tokio::time::timeout(ADMITTED, asked).await {
        Ok(Ok(message)) => serde_json::from_slice::<Answer>(&message.payload).ok(),
        _ => None,
    };
    match answer {
        Some(Ok(())) => {
            // The seat comes in the room's order. Where it does not, the session does not wait for ever.
            tokio::time::sleep(ADMITTED).await;
            let _ = turned.send((request, away())).await;
        }
        Some(Err(why)) => drop(turned.send((request, why)).await),
        None => drop(turned.send((request, away())).await),
    }
}

fn away() -> Turned {
    let failure = Failure::new(Code::Unreachable, "The room does not answer; try again in a moment");
    Turned::new(Some(failure), CloseCode::GoingAway)
}

/// How long a message is on the wire, in bytes.
fn encoded_len(message: &ClientMessage) -> usize {
    serde_json::to_string(message).map_or(0, |text| text.len())
}
