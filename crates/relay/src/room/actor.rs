//! The room's loop, and what it decides about media.

use std::collections::HashMap;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use footlight_protocol::room::{Note, Presence, Recording, RoomState, ServerMessage, StreamState};
use footlight_protocol::{CloseCode, Code, Failure, RoomId, UserId};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::patch::{self, Condition, Patched, Verdict};
use super::places::{Place, Places};
use super::seats::{Seats, Waiting};
use super::stream::Stream;
use super::{Ask, Opened, SeatId, draining};
use crate::chat::history::History;
use crate::chat::outbox::Weight;
use crate::chat::pace::Pace;
use crate::clock;
use crate::config::Limits;
use crate::drain::Drain;
use crate::error::Error;
use crate::hook::{Happening, Hooks};
use crate::ingest::feed::Feed;
use crate::metrics::Metrics;
use crate::moderation::{Sanctions, banned};
use crate::rtc::fragment::{self, Credentials, Fragment};
use crate::rtc::{Command, Ended, Notice, Prepared, Role, SessionId};
use crate::secret::random_id;
use crate::store::{Past, Store};

/// Presence is told at most this often.
const TICK: Duration = Duration::from_secs(1);
/// Letters and digits in a session's URL: 160 bits, so that knowing it is being allowed to end it.
const RESOURCE: usize = 32;
/// Letters and digits in the tag of an ICE session, which has to be another one each time and no secret.
const TAG: usize = 16;

/// What a room starts with.
pub(crate) struct Setup {
    pub(crate) id: RoomId,
    pub(crate) limits: Limits,
    pub(crate) past: Past,
    pub(crate) store: Store,
    pub(crate) engine: mpsc::Sender<Command>,
    /// Numbers media sessions over all rooms.
    pub(crate) sessions: Arc<AtomicU64>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) inbox: mpsc::Receiver<Ask>,
    pub(crate) notices: mpsc::Receiver<Notice>,
    pub(crate) state: watch::Sender<RoomState>,
    pub(crate) hooks: Hooks,
    pub(crate) drain: Drain,
    pub(crate) cancel: CancellationToken,
}

/// One media session of the room.
struct Media {
    role: Role,
    resource: String,
    etag: String,
    /// The peer's ICE credentials; none where the session is not WebRTC.
    ice: Option<Credentials>,
    /// ICE restarts of late.
    restarts: Pace,
    user: Option<UserId>,
    address: IpAddr,
    connected: bool,
}

/// Work whose end the room waits for beside its loop; `true` commits the oldest waiting event.
pub(super) type Write = Pin<Box<dyn Future<Output = Result<bool, Error>> + Send>>;

pub(crate) struct Actor {
    pub(super) id: RoomId,
    pub(super) limits: Limits,
    pub(super) store: Store,
    engine: mpsc::Sender<Command>,
    sessions: Arc<AtomicU64>,
    pub(super) metrics: Arc<Metrics>,
    state: watch::Sender<RoomState>,
    pub(super) hooks: Hooks,
    pub(super) drain: Drain,
    stream: Stream,
    /// What is said of the publisher's stream.
    notes: Vec<Note>,
    recording: Option<Recording>,
    /// The creator's words for viewers while there is no picture.
    pub(super) card: Option<String>,
    media: HashMap<SessionId, Media>,
    places: Places,
    pub(super) seats: Seats,
    pub(super) history: History,
    pub(super) sanctions: Sanctions,
    pub(super) paces: HashMap<UserId, Pace>,
    pub(super) waiting: Waiting,
    pub(super) writes: FuturesOrdered<Write>,
}

impl Actor {
    /// Runs the room until it is cancelled; then says goodbye to its members and waits for its last writes.
    pub(crate) async fn run(setup: Setup) {
        let Setup { id, limits, mut past, store, engine, sessions, metrics, inbox, notices, .. } = setup;
        let Setup { state, hooks, drain, cancel, .. } = setup;
        let sanctions = Sanctions::new(std::mem::take(&mut past.sanctions));
        let mut actor = Self {
            id,
            limits,
            store,
            engine,
            sessions,
            seats: Seats::new(metrics.clone()),
            metrics,
            state,
            hooks,
            drain,
            stream: Stream::new(clock::now()),
            notes: Vec::new(),
            recording: None,
            card: past.card.take(),
            media: HashMap::new(),
            places: Places::default(),
            history: History::new(past),
            sanctions,
            paces: HashMap::new(),
            waiting: Waiting::new(),
            writes: FuturesOrdered::new(),
        };
        actor.serve(inbox, notices, cancel).await;
        if actor.stream.state() != StreamState::Offline {
            actor.tell(Happening::Ended);
        }
        actor.seats.close_all(CloseCode::GoingAway);
        while let Some(written) = actor.writes.next().await {
            actor.committed(written);
        }
    }

    async fn serve(
        &mut self,
        mut inbox: mpsc::Receiver<Ask>,
        mut notices: mpsc::Receiver<Notice>,
        cancel: CancellationToken,
    ) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (drain, mut told) = (self.drain.clone(), false);
        loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => return,
                at = drain.begun(), if !told => {
                    told = true;
                    self.seats.tell_all(&ServerMessage::Leaving { at }, Weight::Full);
                }
                Some(notice) = notices.recv() => self.notice(notice),
                Some(written) = self.writes.next(), if !self.writes.is_empty() => self.committed(written),
                Some(ask) = inbox.recv() => self.answer(ask).await,
                _ = tick.tick() => self.tick().await,
            }
        }
    }

    async fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Publish { address, prepared, reply } => {
                let _ = reply.send(self.publish(address, prepared).await);
            }
            Ask::Feed { address, reply } => {
                let _ = reply.send(self.feed(address).await);
            }
            Ask::Watch { user, address, prepared, reply } => {
                let _ = reply.send(self.watch(user, address, prepared).await);
            }
            Ask::Find { resource, role, reply } => {
                let _ = reply.send(self.find(&resource, role).map(drop).ok_or_else(no_session));
            }
            Ask::Patch { resource, role, condition, fragment, reply } => {
                let found = self.find(&resource, role).map(|(session, _)| session);
                let patched = match found {
                    Some(session) => self.patch(session, condition, fragment).await,
                    None => Err(no_session()),
                };
                let _ = reply.send(patched);
            }
            Ask::Sit { user, address, reply } => {
                let _ = reply.send(self.sit(user, address));
            }
            Ask::End { resource, role, reply } => {
                let found = self.find(&resource, role).map(|(session, _)| session);
                if let Some(session) = found {
                    self.close(session).await;
                    // Said over HTTP, so it is true at once; the media thread's own word comes later.
                    self.notice(Notice::Ended { session, role, ended: Ended::Closed });
                }
                let _ = reply.send(found.map(drop).ok_or_else(no_session));
            }
            Ask::Join { join, reply } => {
                // A socket that gave up meanwhile will not send its leave.
                if let Err(Ok(seat)) = reply.send(self.join(*join)) {
                    self.leave(seat);
                }
            }
            Ask::Say { seat, message } => self.say(seat, message).await,
            Ask::Recording(recording) => {
                self.recording = recording;
                self.state.send_modify(|state| state.recording = recording);
                let room = self.room_state();
                self.seats.tell_all(&ServerMessage::Room { room }, Weight::Full);
            }
            Ask::Leave { seat } => self.leave(seat),
        }
    }

    async fn publish(&mut self, address: IpAddr, prepared: Prepared) -> Result<Opened, Failure> {
        let (session, opened) = self.open(Role::Publisher, None, address, Some(&prepared.ice))?;
        self.take_over(session).await;
        self.command(Command::Open { session, room: self.id.clone(), role: Role::Publisher, prepared }).await;
        Ok(opened)
    }

    async fn feed(&mut self, address: IpAddr) -> Result<Feed, Failure> {
        let (session, _) = self.open(Role::Publisher, None, address, None)?;
        self.take_over(session).await;
        let cut = CancellationToken::new();
        self.command(Command::OpenFeed { session, room: self.id.clone(), cut: cut.clone() }).await;
        Ok(Feed::new(session, self.engine.clone(), cut))
    }

    /// Makes the session the room's publisher; the one before it has to go.
    async fn take_over(&mut self, session: SessionId) {
        self.notes.clear();
        if let Some(older) = self.stream.publish(session) {
            tracing::info!(room = %self.id, session = session.0, older = older.0, "publisher takes over");
            self.close(older).await;
        }
    }

    async fn watch(
        &mut self,
        user: Option<UserId>,
        address: IpAddr,
        prepared: Prepared,
    ) -> Result<Opened, Failure> {
        self.may_watch(user.as_ref(), address)?;
        let (session, opened) = self.open(Role::Viewer, user, address, Some(&prepared.ice))?;
        self.command(Command::Open { session, room: self.id.clone(), role: Role::Viewer, prepared }).await;
        Ok(opened)
    }

    fn sit(&mut self, user: Option<UserId>, address: IpAddr) -> Result<Place, Failure> {
        self.may_watch(user.as_ref(), address)?;
        if self.drain.is_begun() {
            return Err(draining());
        }
        let place = self.places.sit(user.clone(), address);
        self.tell(Happening::ViewerJoined { user, viewers: self.viewers() });
        Ok(place)
    }

    fn may_watch(&self, user: Option<&UserId>, address: IpAddr) -> Result<(), Failure> {
        if user.is_some_and(|user| self.sanctions.is_banned(user)) {
            return Err(banned());
        }
        let viewers = || self.media.values().filter(|media| media.role == Role::Viewer);
        let here = viewers().filter(|media| media.address == address).count();
        let here = here + self.places.at_address(address);
        let crowded = !address.is_loopback() && here >= self.limits.sessions_per_address;
        if crowded || viewers().count() + self.places.len() >= self.limits.viewers {
            return Err(Failure::new(Code::Full, "There is no seat left; try again later"));
        }
        Ok(())
    }

    fn open(
        &mut self,
        role: Role,
        user: Option<UserId>,
        address: IpAddr,
        ice: Option<&Credentials>,
    ) -> Result<(SessionId, Opened), Failure> {
        if self.drain.is_begun() {
            return Err(draining());
        }
        let (resource, etag) = (random(RESOURCE)?, random(TAG)?);
        let session = SessionId(self.sessions.fetch_add(1, Ordering::Relaxed) + 1);
        let opened = Opened { resource: resource.clone(), etag: etag.clone() };
        let (ice, restarts) = (ice.cloned(), Pace::default());
        let media = Media { role, resource, etag, ice, restarts, user, address, connected: false };
        self.media.insert(session, media);
        Ok((session, opened))
    }

    async fn patch(
        &mut self,
        session: SessionId,
        condition: Option<Condition>,
        fragment: Fragment,
    ) -> Result<Patched, Failure> {
        let media = self.media.get_mut(&session).ok_or_else(no_session)?;
        let now = media.ice.as_ref().ok_or_else(no_session)?;
        let ice = match patch::judge(condition.as_ref(), fragment, &media.etag, now) {
            Verdict::Say(patched) => return Ok(patched),
            Verdict::Restart(ice) => ice,
        };
        media.restarts.take(clock::now_millis()).map_err(|_| {
            Failure::new(Code::TooFast, "ICE is restarted too often; the connection stays as it is")
        })?;
        let etag = random(TAG)?;
        let (reply, answer) = oneshot::channel();
        self.command(Command::Restart { session, ice: ice.clone(), reply }).await;
        // The media thread answers between packets and waits for nobody, so the room may wait for it.
        let answer = answer.await.ok().flatten().ok_or_else(no_session)?;
        let media = self.media.get_mut(&session).ok_or_else(no_session)?;
        media.etag.clone_from(&etag);
        media.ice = Some(ice);
        tracing::info!(room = %self.id, session = session.0, "ICE restarted");
        Ok(Patched::Restarted { etag, fragment: fragment::of_answer(&answer) })
    }

    fn find(&self, resource: &str, role: Role) -> Option<(SessionId, &Media)> {
        let mut all = self.media.iter();
        all.find(|(_, media)| media.resource == resource && media.role == role)
            .map(|(id, media)| (*id, media))
    }

    async fn close(&mut self, session: SessionId) {
        self.command(Command::Close { session }).await;
    }

    async fn command(&mut self, command: Command) {
        // The thread only goes when the whole relay does.
        let _ = self.engine.send(command).await;
    }

    fn notice(&mut self, notice: Notice) {
        let now = clock::now_millis();
        let before = (self.stream.state(), self.notes.len());
        match notice {
            Notice::Noted { session, note } => {
                if self.stream.is_publisher(session) {
                    tracing::info!(room = %self.id, ?note, "noted");
                    self.notes.push(note);
                }
            }
            Notice::Connected { session, .. } => {
                let joined = self.media.get_mut(&session).filter(|media| !media.connected).map(|media| {
                    media.connected = true;
                    (media.role, media.user.clone())
                });
                if let Some((Role::Viewer, user)) = joined {
                    self.tell(Happening::ViewerJoined { user, viewers: self.viewers() });
                }
            }
            Notice::Flowing { session } => self.stream.flowing(session, now),
            Notice::Silent { session } => self.stream.silent(session, now),
            Notice::Ended { session, ended, .. } => {
                let left = self.media.remove(&session).filter(|media| media.connected);
                if let Some(Media { role: Role::Viewer, user, .. }) = left {
                    self.tell(Happening::ViewerLeft { user, viewers: self.viewers() });
                }
                self.stream.ended(session, ended, now);
            }
        }
        self.changed(&before);
    }

    fn changed(&mut self, before: &(StreamState, usize)) {
        let stream = self.stream.state();
        if stream == StreamState::Offline {
            self.notes.clear();
        }
        if (&stream, self.notes.len()) == (&before.0, before.1) {
            return;
        }
        tracing::info!(room = %self.id, state = ?stream, "stream");
        if let Some(happening) = Happening::of_stream(&before.0, &stream) {
            self.tell(happening);
        }
        self.state.send_modify(|state| {
            state.stream = stream;
            state.notes.clone_from(&self.notes);
        });
        self.tell_room();
    }

    /// Tells everybody what the room is like now.
    pub(super) fn tell_room(&mut self) {
        self.state.send_modify(|state| state.card.clone_from(&self.card));
        let room = self.room_state();
        self.seats.tell_all(&ServerMessage::Room { room }, Weight::Full);
    }

    async fn tick(&mut self) {
        let now = clock::now_millis();
        let before = (self.stream.state(), self.notes.len());
        if let Some(session) = self.stream.tick(now) {
            self.close(session).await;
        }
        self.changed(&before);
        self.paces.retain(|_, pace| !pace.idle(now));
        for user in self.places.sweep(now) {
            self.tell(Happening::ViewerLeft { user, viewers: self.viewers() });
        }
        let presence = self.presence();
        if presence != self.state.borrow().presence {
            self.state.send_modify(|state| state.presence = presence);
            self.seats.tell_all(&ServerMessage::Presence { presence }, Weight::Light);
        }
    }

    fn presence(&self) -> Presence {
        let (latency_p50_ms, latency_p95_ms) = self.seats.latency(Instant::now());
        Presence {
            viewers: self.viewers(),
            members: self.seats.guests() as u32,
            latency_p50_ms,
            latency_p95_ms,
        }
    }

    /// Who watches now, over WebRTC or plain HTTP.
    fn viewers(&self) -> u32 {
        let watching = |media: &&Media| media.connected && media.role == Role::Viewer;
        (self.media.values().filter(watching).count() + self.places.len()) as u32
    }

    /// Tells the webhooks.
    pub(super) fn tell(&self, happening: Happening) {
        self.hooks.tell(&self.id, happening);
    }

    fn leave(&mut self, seat: SeatId) {
        if let Some(member) = self.seats.remove(seat) {
            self.tell(Happening::MemberLeft { member, members: self.seats.guests() as u32 });
        }
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
        }
    }

    /// Ends the media of somebody who is banned: sessions under their token, and sessions without one from
    /// the addresses of their chat. On the loopback interface everybody has the same address.
    pub(super) fn cut_off(&mut self, user: &UserId, addresses: &[IpAddr]) {
        let theirs = |owner: Option<&UserId>, address: IpAddr| match owner {
            Some(owner) => owner == user,
            None => !address.is_loopback() && addresses.contains(&address),
        };
        self.places.cut_off(theirs);
        let sessions: Vec<SessionId> = self
            .media
            .iter()
            .filter(|(_, media)| media.role == Role::Viewer && theirs(media.user.as_ref(), media.address))
            .map(|(session, _)| *session)
            .collect();
        for session in sessions {
            let engine = self.engine.clone();
            // Queued behind the room's writes rather than awaited: it has no answer, and a ban must not wait.
            if engine.try_send(Command::Close { session }).is_err() {
                self.writes.push_back(Box::pin(async move {
                    let _ = engine.send(Command::Close { session }).await;
                    Ok(false)
                }));
            }
        }
    }
}

fn random(length: usize) -> Result<String, Failure> {
    random_id(length).map_err(|error| {
        tracing::error!(%error, "no session without random numbers");
        Failure::new(Code::Internal, "The relay cannot open a session")
    })
}

fn no_session() -> Failure {
    Failure::new(Code::NotFound, "There is no such session")
}
