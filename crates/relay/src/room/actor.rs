//! The room's loop, and what it decides about media.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use footlight_protocol::emote::Emote;
use footlight_protocol::room::{
    Layer, Note, Pinned, Recording, Renditions, RoomState, ServerMessage, StreamState,
};
use footlight_protocol::spend::Terms;
use footlight_protocol::{CloseCode, RoomId, UserId};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::coins::Till;
use super::follows::Follows;
use super::gifts::Boards;
use super::goal::Filling;
use super::guard::Guard;
use super::likes::{self, Likes};
use super::packets::Packets;
use super::paid::Strip;
use super::people::People;
use super::places::Places;
use super::seats::{Seats, Waiting};
use super::sessions::{Media, Who};
use super::stream::Stream;
use super::tally::Tally;
pub(super) use super::written::{Write, Written};
use super::{Ask, SeatId};
use crate::auth::Auth;
use crate::bus::Trunk;
use crate::chat::history::History;
use crate::chat::outbox::Weight;
use crate::chat::pace::Pace;
use crate::clock;
use crate::config::Limits;
use crate::drain::Drain;
use crate::gift::catalogue::Catalogue;
use crate::hook::{Happening, Hooks};
use crate::metrics::Metrics;
use crate::moderation::Sanctions;
use crate::rtc::{Command, Ended, Notice, SessionId};
use crate::store::given::Earned;
use crate::store::{Past, Store};

/// Presence is told at most this often.
const TICK: Duration = Duration::from_secs(1);

/// What a room starts with.
pub(crate) struct Setup {
    pub(crate) id: RoomId,
    pub(crate) limits: Limits,
    pub(crate) past: Past,
    pub(crate) store: Store,
    pub(crate) auth: Arc<Auth>,
    pub(crate) engine: mpsc::Sender<Command>,
    /// Numbers media sessions over all rooms.
    pub(crate) sessions: Arc<AtomicU64>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) inbox: mpsc::Receiver<Ask>,
    pub(crate) notices: mpsc::Receiver<Notice>,
    pub(crate) state: watch::Sender<RoomState>,
    pub(crate) hooks: Hooks,
    pub(crate) drain: Drain,
    /// Where what other relays write goes, where there is a bus.
    pub(crate) trunk: Option<Trunk>,
    /// Whether packs can be paid by card.
    pub(crate) cards: bool,
    pub(crate) cancel: CancellationToken,
}

pub(crate) struct Actor {
    pub(super) id: RoomId,
    pub(super) limits: Limits,
    pub(super) store: Store,
    pub(super) auth: Arc<Auth>,
    pub(super) engine: mpsc::Sender<Command>,
    pub(super) sessions: Arc<AtomicU64>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) state: watch::Sender<RoomState>,
    pub(super) hooks: Hooks,
    pub(super) drain: Drain,
    pub(super) stream: Stream,
    /// What is said of the publisher's stream.
    pub(super) notes: Vec<Note>,
    pub(super) recording: Option<Recording>,
    /// What viewers can choose from.
    pub(super) layers: Vec<Layer>,
    /// Lower qualities that are made here.
    pub(super) renditions: Option<Renditions>,
    /// The creator's words for viewers while there is no picture.
    pub(super) card: Option<String>,
    /// What stands above the chat.
    pub(super) pinned: Option<Pinned>,
    pub(super) media: HashMap<SessionId, Media>,
    pub(super) places: Places,
    pub(super) seats: Seats,
    pub(super) history: History,
    pub(super) sanctions: Sanctions,
    pub(super) guard: Guard,
    pub(super) paces: HashMap<UserId, Pace>,
    pub(super) gift_paces: HashMap<UserId, Pace>,
    /// What can be sent.
    pub(super) catalogue: Catalogue,
    /// In the order of their names.
    pub(super) emotes: Vec<Emote>,
    pub(super) till: Till,
    pub(super) boards: Boards,
    pub(super) tally: Tally,
    pub(super) goal: Option<Filling>,
    pub(super) packets: Packets,
    pub(super) strip: Strip,
    pub(super) terms: Terms,
    /// Of those who are here.
    pub(super) earned: HashMap<UserId, Earned>,
    pub(super) likes: Likes,
    pub(super) follows: Follows,
    pub(super) people: People,
    pub(super) waiting: Waiting,
    pub(super) writes: FuturesOrdered<Write>,
}

impl Actor {
    /// Runs the room until it is cancelled; then says goodbye to its members and waits for its last writes.
    pub(crate) async fn run(setup: Setup) {
        let Setup { id, limits, mut past, store, auth, engine, sessions, metrics, .. } = setup;
        let Setup { inbox, notices, state, hooks, drain, trunk, cards, cancel, .. } = setup;
        let lost = std::mem::take(&mut past.lost_packets);
        let sanctions =
            Sanctions::new(std::mem::take(&mut past.sanctions), std::mem::take(&mut past.networks));
        let mut actor = Self {
            id,
            limits,
            store,
            auth,
            engine,
            sessions,
            seats: Seats::new(metrics.clone(), trunk),
            metrics,
            state,
            hooks,
            drain,
            stream: Stream::new(clock::now()),
            notes: Vec::new(),
            recording: None,
            layers: Vec::new(),
            renditions: None,
            card: past.card.take(),
            pinned: past.pinned.take(),
            guard: Guard::new(&mut past),
            media: HashMap::new(),
            places: Places::default(),
            catalogue: Catalogue::open(past.gifts.take().as_deref()),
            emotes: std::mem::take(&mut past.emotes),
            goal: past.goal.take().map(Filling::new),
            packets: Packets::new(std::mem::take(&mut past.packets)),
            strip: Strip::new(std::mem::take(&mut past.paid)),
            terms: past.terms.take().and_then(|terms| serde_json::from_str(&terms).ok()).unwrap_or_default(),
            follows: Follows::new(past.followers),
            till: Till::open(std::mem::take(&mut past.tills), cards),
            history: History::new(past),
            sanctions,
            paces: HashMap::new(),
            gift_paces: HashMap::new(),
            boards: Boards::default(),
            tally: Tally::default(),
            earned: HashMap::new(),
            likes: Likes::default(),
            people: People::default(),
            waiting: Waiting::new(),
            writes: FuturesOrdered::new(),
        };
        actor.tell_room();
        actor.close_lost(lost);
        actor.serve(inbox, notices, cancel).await;
        if actor.stream.state() != StreamState::Offline {
            actor.tell(Happening::Ended);
        }
        actor.seats.close_all(CloseCode::GoingAway);
        while let Some(written) = actor.writes.next().await {
            actor.committed(written);
        }
        while actor.seats.is_writing() {
            actor.seats.written().await;
        }
        actor.write_visits().await;
        actor.keep_watching().await;
    }

    async fn serve(
        &mut self,
        mut inbox: mpsc::Receiver<Ask>,
        mut notices: mpsc::Receiver<Notice>,
        cancel: CancellationToken,
    ) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Ticks only while there is something to tell, so the first like after a pause is told at once.
        let mut liked = tokio::time::interval(likes::EVERY);
        liked.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (drain, mut told) = (self.drain.clone(), false);
        loop {
            if self.seats.is_overdue() {
                self.seats.send(Instant::now());
            }
            let due = self.seats.due();
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
                () = self.seats.written(), if self.seats.is_writing() => {}
                () = clock::sleep_until(due), if due.is_some() => self.seats.send(Instant::now()),
                _ = liked.tick(), if self.likes.untold() => self.tell_likes(),
            }
        }
    }

    async fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Publish { address, key, prepared, reply } => {
                let _ = reply.send(self.publish(address, key, prepared).await);
            }
            Ask::Publishing { reply } => {
                let _ = reply.send(Ok(self.publishing()));
            }
            Ask::Cut { key, reply } => {
                self.cut(key).await;
                let _ = reply.send(Ok(()));
            }
            Ask::Feed { address, key, reply } => {
                let _ = reply.send(self.feed(address, key).await);
            }
            Ask::Watch { user, address, prepared, reply } => {
                let _ = reply.send(self.watch(user, address, prepared).await);
            }
            Ask::Find { resource, role, reply } => {
                let _ = reply.send(self.find(&resource, role).map(drop));
            }
            Ask::Patch { resource, role, condition, fragment, reply } => {
                let patched = match self.find(&resource, role) {
                    Ok(session) => self.patch(session, condition, fragment).await,
                    Err(failure) => Err(failure),
                };
                let _ = reply.send(patched);
            }
            Ask::Layer { resource, layer, reply } => {
                let _ = reply.send(self.pick(&resource, layer).await);
            }
            Ask::Sit { user, address, reply } => {
                let _ = reply.send(self.sit(user, address));
            }
            Ask::End { resource, role, reply } => {
                let found = self.find(&resource, role);
                if let Ok(session) = found {
                    self.close(session).await;
                    // Said over HTTP, so it is true at once; the media thread's own word comes later.
                    self.notice(Notice::Ended { session, role, ended: Ended::Closed });
                }
                let _ = reply.send(found.map(drop));
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
            Ask::Order { user, pack, nonce, reply } => {
                let _ = reply.send(self.order(user, pack, nonce).await);
            }
            Ask::Paid { paid, reply } => {
                let _ = reply.send(self.paid(paid).await);
            }
            Ask::Refunded { refunded, reply } => {
                let _ = reply.send(self.refunded(refunded).await);
            }
            Ask::Picture { picture, reply } => {
                let _ = reply.send(self.set_picture(picture).await);
            }
            Ask::Emote { name, made, reply } => {
                let _ = reply.send(self.set_emote(name, made).await);
            }
            Ask::Emotes { reply } => {
                let _ = reply.send(Ok(self.emotes.clone()));
            }
            Ask::MayBePictured { user, reply } => {
                let _ = reply.send(self.may_be_pictured(&user));
            }
            Ask::Pictured { user, avatar } => self.pictured(&user, avatar.as_deref()),
            Ask::Erase { user, reply } => {
                let _ = reply.send(self.erase(user).await);
            }
            Ask::MayClaim { user, name, reply } => {
                let _ = reply.send(self.may_claim(&user, &name));
            }
            Ask::Claimed { user, name } => self.claimed(&user, &name),
            Ask::SignedOut { user } => self.sign_out(&user),
            Ask::Invited { user, invite, role, reply } => {
                let _ = reply.send(self.invited(user, invite, role).await);
            }
            Ask::Leave { seat } => self.leave(seat),
        }
    }

    fn notice(&mut self, notice: Notice) {
        let now = clock::now_millis();
        let before = self.told();
        match notice {
            Notice::Noted { session, note } => {
                if self.stream.is_publisher(session) {
                    tracing::info!(room = %self.id, ?note, "noted");
                    self.notes.push(note);
                }
            }
            Notice::Layers { session, layers } => {
                if self.stream.is_publisher(session) && self.layers != layers {
                    let names: Vec<&str> = layers.iter().map(|layer| layer.id.as_str()).collect();
                    tracing::debug!(room = %self.id, ?names, "layers");
                    self.layers = layers;
                    self.state.send_modify(|state| state.layers.clone_from(&self.layers));
                    self.tell_room();
                }
            }
            Notice::Renditions { session, renditions } => {
                if self.stream.is_publisher(session) && self.renditions != renditions {
                    tracing::info!(room = %self.id, ?renditions, "lower layers");
                    self.renditions = renditions;
                    self.state.send_modify(|state| state.renditions = renditions);
                    self.tell_room();
                }
            }
            Notice::Connected { session, .. } => {
                let joined = self.media.get_mut(&session).filter(|media| !media.connected).map(|media| {
                    media.connected = true;
                    media.who.clone()
                });
                if let Some(Who::Viewer(user)) = joined {
                    self.tell(Happening::ViewerJoined { user, viewers: self.viewers() });
                }
            }
            Notice::Flowing { session } => self.stream.flowing(session, now),
            Notice::Silent { session } => self.stream.silent(session, now),
            Notice::Ended { session, ended, .. } => {
                let left = self.media.remove(&session).filter(|media| media.connected);
                if let Some(Media { who: Who::Viewer(user), .. }) = left {
                    self.tell(Happening::ViewerLeft { user, viewers: self.viewers() });
                }
                self.stream.ended(session, ended, now);
            }
        }
        self.changed(&before);
    }

    /// What the room's members have been told of the broadcast, to be held against it with [`Actor::changed`].
    pub(super) fn told(&self) -> (StreamState, usize) {
        (self.stream.state(), self.notes.len())
    }

    pub(super) fn changed(&mut self, before: &(StreamState, usize)) {
        let stream = self.stream.state();
        if stream == StreamState::Offline {
            self.likes.reset();
            self.tally.end();
            self.notes.clear();
            self.layers.clear();
            self.renditions = None;
        }
        if (&stream, self.notes.len()) == (&before.0, before.1) {
            return;
        }
        tracing::info!(room = %self.id, state = ?stream, "stream");
        if before.0 == StreamState::Offline && stream != StreamState::Offline {
            self.tally.begin(self.history.upcoming());
            self.boards.recount();
        }
        if let Some(happening) = Happening::of_stream(&before.0, &stream) {
            self.tell(happening);
        }
        self.state.send_modify(|state| {
            state.stream = stream;
            state.notes.clone_from(&self.notes);
            state.layers.clone_from(&self.layers);
            state.renditions = self.renditions;
            state.likes = self.likes.total();
        });
        self.tell_room();
    }

    async fn tick(&mut self) {
        let now = clock::now_millis();
        let before = self.told();
        if let Some(session) = self.stream.tick(now) {
            self.close(session).await;
        }
        self.changed(&before);
        self.paces.retain(|_, pace| !pace.idle(now));
        self.gift_paces.retain(|_, pace| !pace.idle(now));
        self.till.tick(now);
        self.pay_watchers(now);
        self.count_board(now);
        self.tick_goal(now);
        self.tick_packets(now);
        self.tick_strip(now);
        self.tick_members(now);
        self.likes.forget(now);
        self.tick_follows(now);
        self.tick_guard(now);
        self.tick_people(now);
        for user in self.places.sweep(now) {
            self.tell(Happening::ViewerLeft { user, viewers: self.viewers() });
        }
        let presence = self.presence();
        if presence != self.state.borrow().presence {
            self.state.send_modify(|state| state.presence = presence);
            self.seats.tell_all(&ServerMessage::Presence { presence }, Weight::Light);
        }
    }

    /// Tells the webhooks.
    pub(super) fn tell(&self, happening: Happening) {
        self.hooks.tell(&self.id, happening);
    }

    fn leave(&mut self, seat: SeatId) {
        if let Some(seat) = self.seats.get(seat) {
            self.sanctions.left(&seat.member.id, seat.address);
        }
        if let Some(member) = self.seats.remove(seat) {
            self.goes(&member.id);
            self.tell(Happening::MemberLeft { member, members: self.seats.guests() as u32 });
        }
    }
}
