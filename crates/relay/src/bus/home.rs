//! The home's end of the bus: lets sessions of branches in, hands on what they say, sends what they are to hear, and
//! knows which branches live.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_nats::{Client, Message};
use bytes::Bytes;
use footlight_protocol::CloseCode;
use futures_util::StreamExt as _;
use tokio::sync::Semaphore;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::backlog::{Backlog, Trunk};
use super::wire::{Answer, Down, Flush, Knock, Life, Said, Turned, Up};
use super::{BEAT, DEAF, GOODBYE, Kept, Link};
use crate::auth::Auth;
use crate::chat::admit::admit;
use crate::error::Error;
use crate::lock::lock;
use crate::room::{Ask, Door, SeatId, Way};
use crate::secret::Secret;
use crate::store::Store;

/// What waits for the broker at most, in bytes: a busy chat of more than a minute.
const MOST: usize = 64 << 20;
/// A branch of which nothing was heard for so long while the broker was there is gone.
const SILENCE: Duration = Duration::from_secs(10);
/// Hellos that are looked at at a time.
const KNOCKS: usize = 64;

/// What the home's end needs.
pub(crate) struct Setup {
    pub(crate) client: Client,
    pub(crate) trunk: Trunk,
    pub(crate) door: Door,
    pub(crate) auth: Arc<Auth>,
    pub(crate) store: Store,
}

/// A branch as it is known.
struct Branch {
    /// The newest of its messages.
    number: u64,
    heard: Instant,
    seats: HashSet<SeatId>,
}

impl Branch {
    fn new() -> Self {
        Self { number: 0, heard: Instant::now(), seats: HashSet::new() }
    }
}

/// The home's end.
pub(crate) struct Home(Arc<Shared>);

struct Shared {
    link: Link,
    life: Mutex<Life>,
    trunk: Trunk,
    door: Door,
    auth: Arc<Auth>,
    store: Store,
    /// What branches show with requests that they pass on.
    pass: Secret,
    branches: Mutex<HashMap<Life, Branch>>,
    knocks: Semaphore,
}

impl Home {
    /// The trunk that the room gets.
    pub(crate) fn trunk() -> Trunk {
        Trunk(Backlog::new(MOST))
    }

    pub(crate) fn new(setup: Setup) -> Result<Self, Error> {
        let Setup { client, trunk, door, auth, store } = setup;
        Ok(Self(Arc::new(Shared {
            link: Link::of_home(client, door.id.clone()),
            life: Mutex::new(Life::begin()?),
            trunk,
            door,
            auth,
            store,
            pass: Secret::random()?,
            branches: Mutex::default(),
            knocks: Semaphore::new(KNOCKS),
        })))
    }

    pub(crate) fn pass(&self) -> Secret {
        self.0.pass.clone()
    }

    /// Serves the branches until cancelled, or until another relay takes the room.
    pub(crate) async fn run(self, cancel: CancellationToken) {
        let shared = self.0;
        tokio::select! {
            () = shared.goodbye(&cancel) => {}
            () = async {
                shared.send().await;
                tracing::error!(room = %shared.door.id, "another relay has this room on the bus: the branches are with it now");
                shared.lose_all().await;
                // The room here goes on alone.
                cancel.cancelled().await;
            } => {}
            () = shared.hear() => {}
            () = shared.open() => {}
            () = shared.hand_out() => {}
            () = shared.watch() => {}
        }
    }
}

impl Shared {
    /// Waits for the end, and until what was said before has gone.
    async fn goodbye(&self, cancel: &CancellationToken) {
        cancel.cancelled().await;
        self.trunk.0.sent(GOODBYE).await;
    }

    /// Sends what the room tells, and now and then that it lives, until another relay speaks for the room.
    async fn send(&self) {
        self.link.prepare().await;
        let subject = self.link.subject("down");
        let mut beat = tokio::time::interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut number, mut after) = (0, None);
        loop {
            let (flushes, beats) = tokio::select! {
                biased;
                _ = beat.tick() => (Vec::new(), true),
                flushes = self.trunk.0.next() => (flushes, false),
            };
            if self.trunk.0.overflowed() {
                tracing::error!(room = %self.door.id, "the bus was away for too long: sessions of branches have to come again");
                self.lose_all().await;
                *lock(&self.life) = Life::begin().unwrap_or_else(|_| lock(&self.life).clone());
                number = 0;
                continue;
            }
            number += 1;
            let home = lock(&self.life).clone();
            let id = format!("{}-{number}", home.as_str());
            let state = beats.then(|| self.door.state.borrow().clone());
            let down = Down { home, number, state, flushes };
            let payload = Bytes::from(serde_json::to_vec(&down).expect("messages are plain data"));
            after = loop {
                match self.link.keep(&subject, &id, payload.clone(), after).await {
                    Kept::At(sequence) => break Some(sequence),
                    Kept::Dropped => break after,
                    Kept::Contested => {
                        let newest = self.link.newest_home().await;
                        if newest.is_some_and(|home| home != down.home) {
                            return;
                        }
                        // The broker has forgotten the one that was to be the newest.
                        after = None;
                    }
                }
            };
            self.trunk.0.confirmed();
        }
    }

    /// Hands on what sessions of branches say.
    async fn hear(&self) {
        let subject = self.link.subject("up.*");
        loop {
            let mut messages = self.link.hear(&subject).await;
            while let Ok(Some(Ok(message))) = tokio::time::timeout(DEAF, messages.next()).await {
                match serde_json::from_slice::<Up>(&message.payload) {
                    Ok(up) => self.take(up).await,
                    Err(error) => tracing::warn!(%error, "a branch says something that cannot be read"),
                }
            }
        }
    }

    async fn take(&self, up: Up) {
        let life = lock(&self.life).clone();
        let mut missed = Vec::new();
        {
            let mut branches = lock(&self.branches);
            let known = match branches.get_mut(&up.branch) {
                Some(known) => known,
                None if up.says.is_empty() => return,
                None => branches.entry(up.branch.clone()).or_insert_with(Branch::new),
            };
            known.heard = Instant::now();
            if up.number <= known.number {
                return;
            }
            // The broker has forgotten what came between: whoever said it is to come again, and says it again then.
            if known.number > 0 && up.number > known.number + 1 {
                missed.extend(known.seats.drain());
            }
            known.number = up.number;
        }
        if !missed.is_empty() {
            tracing::warn!(room = %self.door.id, sessions = missed.len(), "something that a branch said is lost");
            self.lose(missed).await;
        }
        for Said { home, seat, message } in up.says {
            if home != life {
                continue;
            }
            let ask = match message {
                Some(message) => Ask::Say { seat, message },
                None => {
                    if let Some(branch) = lock(&self.branches).get_mut(&up.branch) {
                        branch.seats.remove(&seat);
                    }
                    Ask::Leave { seat }
                }
            };
            let _ = self.door.inbox.send(ask).await;
        }
    }

    /// Lets sessions in.
    async fn open(self: &Arc<Self>) {
        loop {
            let mut knocks = self.link.asked("knock").await;
            while let Some(knock) = knocks.next().await {
                let (shared, Some(reply)) = (self.clone(), knock.reply.clone()) else { continue };
                tokio::spawn(async move {
                    let Ok(_turn) = shared.knocks.acquire().await else { return };
                    let answer = shared.answer(&knock).await;
                    let payload = serde_json::to_vec(&answer).expect("answers are plain data");
                    // Where this is lost, the branch gives up, and what it hears of the seat ends that.
                    let _ = shared.link.client.publish(reply, payload.into()).await;
                });
            }
        }
    }

    /// Gives branches the pass.
    async fn hand_out(&self) {
        loop {
            let mut asked = self.link.asked("pass").await;
            while let Some(Message { reply, .. }) = asked.next().await {
                if let Some(reply) = reply {
                    let pass = self.pass.reveal().to_owned();
                    let _ = self.link.client.publish(reply, pass.into()).await;
                }
            }
        }
    }

    async fn answer(&self, knock: &Message) -> Answer {
        let malformed = |_| Turned::new(None, CloseCode::Malformed);
        let Knock { caller, address, hello } = serde_json::from_slice(&knock.payload).map_err(malformed)?;
        let branch = caller.branch.clone();
        let join =
            admit(hello, address, &self.door.id, &self.auth, &self.store, |_| Way::There(caller)).await?;
        let seat = self.door.join(join).await?;
        lock(&self.branches).entry(branch).or_insert_with(Branch::new).seats.insert(seat);
        Ok(())
    }

    /// Ends the sessions of branches that are gone.
    async fn watch(&self) {
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        loop {
            tick.tick().await;
            let mut lost = Vec::new();
            {
                let (now, there) = (Instant::now(), self.link.is_connected());
                let mut branches = lock(&self.branches);
                branches.retain(|_, branch| {
                    if !there {
                        // Nobody can be heard now, and then it takes a while.
                        branch.heard = now;
                    }
                    let lives = now - branch.heard < SILENCE;
                    if !lives {
                        lost.extend(branch.seats.drain());
                    }
                    lives
                });
            }
            if !lost.is_empty() {
                tracing::warn!(room = %self.door.id, sessions = lost.len(), "a branch is gone");
                self.lose(lost).await;
            }
        }
    }

    async fn lose(&self, seats: Vec<SeatId>) {
        // Should the branch come back, it has to know that they were given up.
        let closed = seats.iter().map(|seat| (*seat, CloseCode::GoingAway as u16)).collect();
        self.leave(seats).await;
        self.trunk.put(Flush { closed, ..Flush::default() });
    }

    async fn lose_all(&self) {
        let seats = lock(&self.branches).drain().flat_map(|(_, branch)| branch.seats).collect();
        self.leave(seats).await;
    }

    async fn leave(&self, seats: Vec<SeatId>) {
        for seat in seats {
            let _ = self.door.inbox.send(Ask::Leave { seat }).await;
        }
    }
}
