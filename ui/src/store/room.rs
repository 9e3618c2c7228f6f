//! The room as one of its members sees it: chat, who is here, what is on air, and what this page said that
//! the relay has not answered yet.
//!
//! A message that was typed is never lost: it stays pending over any number of reconnects, under the same
//! nonce, until the relay says it or refuses it.

mod following;
mod reporting;

use std::sync::Arc;

use footlight_overlay::log::Log;
pub use footlight_overlay::log::{Line, LineKind, MAX_LINES};
use footlight_protocol::danmaku::Fly;
use footlight_protocol::emote::Emote;
use footlight_protocol::gift::{Board, Gift};
use footlight_protocol::report::{Notice, Report};
use footlight_protocol::room::{
    Event, EventKind, Layer, Member, Note, Pinned, Presence, Recording, Renditions, Role, RoomState,
    ServerMessage, StreamState, UnixMillis,
};
use footlight_protocol::spend::{Paid, Spend as Wish, Terms};
use footlight_protocol::talk::Quote;
use footlight_protocol::{CloseCode, Code, Failure, GiftId, MessageId, Nonce, Seq};

use crate::store::guard::Guard;
use crate::store::spend::Spend;
pub use following::{Following, Newcomer};
pub use reporting::Reporting;

/// Own messages that may wait for the relay. Full: the composer refuses, and keeps the text.
pub const MAX_PENDING: usize = 20;

/// A relay that said that it goes is back within this, in milliseconds; after it, something is wrong.
const BACK_MS: f64 = 120_000.0;

/// The socket, as the page shows it.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Link {
    /// Never connected yet.
    #[default]
    Connecting,
    Open,
    /// Broken; the next try is at `retry_at` (our clock, milliseconds).
    Lost {
        since: f64,
        retry_at: f64,
    },
    /// Closed for good.
    Closed(CloseCode),
}

/// An own message that the relay has not answered yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    pub nonce: Nonce,
    pub text: String,
    /// How it is to fly over the picture.
    pub fly: Fly,
    /// What it answers.
    pub reply: Option<Box<Quote>>,
}

/// The last request that was refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    pub failure: Failure,
    /// The message that was not said; the composer takes it back.
    pub text: Option<String>,
    /// What it was to answer, where that is there.
    pub reply: Option<Box<Quote>>,
    /// When it may be tried again (our clock, milliseconds).
    pub retry_at: Option<f64>,
    /// Tells two refusals with the same words apart.
    pub number: u64,
}

/// What happens to a room.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "there is one at a time, and it is taken apart at once")]
pub enum RoomEvent {
    Link(Link),
    Server(ServerMessage),
    /// The relay answered a ping: it is there.
    Answered,
    /// It closed the socket because it ends, and will be back.
    GoesAway,
    /// This page says something.
    Typed(Pending),
    /// This page does something else with coins.
    Spent {
        nonce: Nonce,
        what: Wish,
    },
    /// This page reports a message, or has read what came of it.
    Reports(Option<Report>),
    /// What a moderator said was read.
    NoticeSeen,
    /// This page follows the room, or does not any more.
    Follows {
        nonce: Nonce,
        on: bool,
    },
    /// This page sends a gift.
    Sent {
        nonce: Nonce,
        gift: GiftId,
        count: u32,
    },
    /// The composer took the refused text back, or the notice was read.
    RefusalSeen,
}

/// Everything a page shows of its room.
#[derive(Debug, Clone, Default)]
pub struct Room {
    pub link: Link,
    pub me: Option<Member>,
    pub token: Option<String>,
    pub stream: Option<StreamState>,
    /// What the creator lets viewers read while there is no picture.
    pub card: Option<String>,
    /// What stands above the chat.
    pub pinned: Option<Pinned>,
    /// What the creator should know about the stream.
    pub notes: Vec<Note>,
    pub presence: Presence,
    /// What becomes of the broadcast on the relay's disk.
    pub recording: Option<Recording>,
    /// The qualities that can be chosen, best first.
    pub layers: Vec<Layer>,
    /// Those of them that the relay makes.
    pub renditions: Option<Renditions>,
    /// How often the broadcast was liked.
    pub likes: u64,
    /// The relay has said that it goes and comes back; at about this time (its clock), where it said so.
    pub leaving: Option<UnixMillis>,
    pub muted_until: Option<UnixMillis>,
    pub refusal: Option<Refusal>,
    /// What can be sent.
    pub gifts: Vec<Gift>,
    /// The room's own.
    pub emotes: Vec<Emote>,
    /// What this person has, once the relay has said it.
    pub coins: Option<u64>,
    pub board: Board,
    /// What else is done with coins.
    pub spend: Spend,
    /// Who follows the room.
    pub following: Following,
    /// What becomes of this page's report.
    pub reporting: Reporting,
    /// What a moderator made of a message of this person's.
    pub notice: Option<Notice>,
    /// What is held, and what the room takes.
    pub guard: Guard,
    /// Newest seq seen: where to resume.
    pub seq: Option<Seq>,
    log: Log,
    pending: Vec<Arc<Pending>>,
    unpaid: Vec<(Nonce, GiftId, u32)>,
    refusals: u64,
    /// Grows whenever the log changes, so that the page redraws it only then.
    pub revision: u64,
}

impl Room {
    pub fn apply(&mut self, event: RoomEvent, now: f64) {
        match event {
            RoomEvent::Link(link) => self.link = link,
            RoomEvent::Server(message) => self.hear(message, now),
            RoomEvent::Typed(pending) => {
                if self.pending.len() < MAX_PENDING {
                    self.pending.push(Arc::new(pending));
                    self.revision += 1;
                }
            }
            RoomEvent::Sent { nonce, gift, count } => {
                if self.can_send_gift() {
                    self.unpaid.push((nonce, gift, count));
                }
            }
            RoomEvent::Spent { nonce, what } => drop(self.spend.ask(nonce, what)),
            RoomEvent::Follows { nonce, on } => self.following.ask(nonce, on),
            RoomEvent::RefusalSeen => self.refusal = None,
            RoomEvent::Reports(report) => self.reporting = Reporting::begin(report),
            RoomEvent::NoticeSeen => self.notice = None,
            RoomEvent::GoesAway => {
                self.leaving.get_or_insert(0);
            }
            RoomEvent::Answered => {}
        }
    }

    /// Confirmed lines, oldest first.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &Arc<Line>> {
        self.log.lines()
    }

    /// Those who said something, the latest first.
    pub fn people(&self) -> Vec<Member> {
        self.log.people()
    }

    /// Own messages that wait for an answer, oldest first. After a reconnect they are said again.
    pub fn pending(&self) -> &[Arc<Pending>] {
        &self.pending
    }

    pub fn can_type(&self) -> bool {
        self.pending.len() < MAX_PENDING
    }

    /// Own gifts that wait for an answer, oldest first. After a reconnect they are sent again.
    pub fn unpaid(&self) -> &[(Nonce, GiftId, u32)] {
        &self.unpaid
    }

    pub fn can_send_gift(&self) -> bool {
        self.unpaid.len() < MAX_PENDING
    }

    pub fn role(&self) -> Role {
        self.me.as_ref().map(|me| me.role).unwrap_or_default()
    }

    pub fn name(&self) -> &str {
        self.me.as_ref().map_or("", |me| me.name.as_str())
    }

    /// Whether the publisher is gone and may be back.
    pub fn interrupted(&self) -> bool {
        matches!(self.stream, Some(StreamState::Interrupted { .. }))
    }

    /// Whether the relay went as it had said and is still expected back.
    pub fn expected_back(&self, now: f64) -> bool {
        let gone = match self.link {
            Link::Lost { since, .. } => now - since,
            _ => 0.0,
        };
        self.leaving.is_some() && gone < BACK_MS
    }

    pub fn banned(&self) -> bool {
        self.link == Link::Closed(CloseCode::Banned)
    }

    fn hear(&mut self, message: ServerMessage, now: f64) {
        match message {
            ServerMessage::Welcome {
                you,
                token,
                room,
                resumed,
                following,
                history,
                seq,
                muted_until,
                gifts,
                emotes,
                board,
                shows,
                desk,
                ..
            } => {
                self.link = Link::Open;
                self.leaving = None;
                self.me = Some(you);
                self.token = Some(token);
                self.look(room);
                self.following.tell(following);
                self.muted_until = muted_until;
                (self.gifts, self.emotes, self.board) = (gifts, emotes, board);
                self.spend.open(shows);
                if !resumed {
                    self.log.clear();
                }
                self.guard.open_desk(desk);
                history.into_iter().for_each(|event| self.take(event));
                self.seq = Some(seq);
                self.revision += 1;
            }
            ServerMessage::Event { event } => self.take(event),
            ServerMessage::Room { room } => self.look(room),
            ServerMessage::Presence { presence } => self.presence = presence,
            ServerMessage::Likes { total } => self.likes = total,
            ServerMessage::Done { nonce, seq } => {
                self.unpaid.retain(|(sent, ..)| *sent != nonce);
                self.spend.answer(&nonce, true);
                self.reporting.done(&nonce);
                self.following.done(&nonce);
                // Said before a break, answered after it: the line may already be in the history.
                if self.log.has(MessageId(seq.0)) {
                    self.settle(&nonce);
                }
            }
            ServerMessage::Refused { nonce, failure, retry_after_ms } => {
                if self.reporting.refused(nonce.as_ref(), &failure)
                    || self.following.is_refused(nonce.as_ref(), &failure, retry_after_ms, now)
                {
                    return;
                }
                let said = nonce.as_ref().and_then(|nonce| self.settle(nonce));
                // It is with the moderators: typed again it would wait twice.
                let said = said.filter(|_| failure.code != Code::Held);
                let reply = said.as_ref().and_then(|said| said.reply.clone());
                self.unpaid.retain(|(sent, ..)| Some(sent) != nonce.as_ref());
                nonce.iter().for_each(|nonce| self.spend.answer(nonce, false));
                self.refusals += 1;
                self.refusal = Some(Refusal {
                    text: said.map(|said| said.text.clone()),
                    reply: reply.filter(|_| failure.code != Code::NotFound),
                    failure,
                    retry_at: retry_after_ms.map(|ms| now + f64::from(ms)),
                    number: self.refusals,
                });
            }
            ServerMessage::You { you } => {
                if self.refusal.as_ref().is_some_and(|refusal| refusal.failure.code == Code::NameNeeded) {
                    self.refusal = None;
                }
                if you.role < Role::Moderator {
                    self.guard.open_desk(None);
                }
                self.me = Some(you);
            }
            ServerMessage::Desk { desk } => self.guard.open_desk(Some(desk)),
            ServerMessage::Muted { until } => self.muted_until = until,
            ServerMessage::Wallet { coins } => self.coins = Some(coins),
            ServerMessage::Gifts { gifts } => self.gifts = gifts,
            ServerMessage::Emotes { emotes } => self.emotes = emotes,
            ServerMessage::Board { board } => self.board = board,
            ServerMessage::Terms { terms } => self.agree(terms),
            ServerMessage::Amounts { event } => self.learn(event),
            ServerMessage::Goal { goal } => self.spend.goal = goal,
            ServerMessage::Strip { strip } => self.spend.strip = strip,
            ServerMessage::Membership { until } => self.spend.member_until = until,
            // The close that follows starts the way back; until then everything goes on.
            ServerMessage::Leaving { at } => self.leaving = Some(at),
            ServerMessage::Erased { user } => {
                self.log.erase(&user);
                self.guard.erase(&user);
                self.following.erase(&user);
                self.spend.erase(&user);
                self.revision += 1;
            }
            ServerMessage::Raids { .. } | ServerMessage::Rules { .. } | ServerMessage::Reports { .. } => {
                self.guard.hear(&message);
            }
            ServerMessage::Followed { by, followers } => {
                self.following.follows(by, followers, MessageId(self.seq.map_or(0, |seq| seq.0)));
                self.revision += 1;
            }
            ServerMessage::Following { on } => {
                self.following.tell(on);
                if on {
                    self.refusal.take_if(|refusal| refusal.failure.code == Code::FollowersOnly);
                }
            }
            ServerMessage::Notice { notice } => self.notice = Some(notice),
            ServerMessage::Batch { messages } => messages.into_iter().for_each(|one| self.hear(one, now)),
            ServerMessage::Overlay { .. }
            | ServerMessage::Card { .. }
            | ServerMessage::Coins { .. }
            | ServerMessage::Pong { .. } => {}
        }
    }

    fn look(&mut self, room: RoomState) {
        self.guard.look(&room);
        self.stream = Some(room.stream);
        self.presence = room.presence;
        self.notes = room.notes;
        self.card = room.card;
        self.recording = room.recording;
        self.layers = room.layers;
        self.renditions = room.renditions;
        self.likes = room.likes;
        self.following.followers = room.followers;
        self.pinned = room.pinned;
    }

    fn take(&mut self, event: Event) {
        self.guard.take(&event);
        let seq = event.seq;
        // A tail that overlaps what is known must not say anything twice.
        let known = self.seq.is_some_and(|known| seq <= known);
        if known && self.log.has(MessageId(seq.0)) {
            return;
        }
        if !known {
            self.spend.take(&event, self.me.as_ref().map(|me| &me.id));
        }
        self.seq = self.seq.max(Some(seq));
        self.revision += 1;
        if let EventKind::Said { nonce: Some(nonce), .. } | EventKind::Paid(Paid { nonce: Some(nonce), .. }) =
            &event.kind
        {
            self.settle(nonce);
        }
        self.log.take(event);
    }

    /// What something was worth that was told before.
    fn learn(&mut self, event: Event) {
        self.revision += 1;
        self.spend.learn(&event, self.me.as_ref().map(|me| &me.id));
        self.log.learn(&event);
    }

    /// What holds for everybody who spends has changed.
    fn agree(&mut self, terms: Terms) {
        let closes = terms.hidden && !self.spend.terms.hidden && self.role() < Role::Owner;
        self.spend.terms = terms;
        if closes {
            self.revision += 1;
            self.log.veil(self.me.as_ref().map(|me| &me.id));
        }
    }

    /// The relay answered: the message waits no longer. Gives it back.
    fn settle(&mut self, nonce: &Nonce) -> Option<Arc<Pending>> {
        let at = self.pending.iter().position(|pending| pending.nonce == *nonce)?;
        self.revision += 1;
        Some(self.pending.remove(at))
    }
}

#[cfg(test)]
mod tests {
    use footlight_protocol::moderation::{Former, Reason, Rules};
    use footlight_protocol::spend::Shows;

    use super::*;

    fn member(id: &str) -> Member {
        Member::new(id.parse().unwrap(), id.to_uppercase(), Role::Guest)
    }

    fn nonce(text: &str) -> Nonce {
        text.parse().unwrap()
    }

    fn typed(sent_as: &str, text: &str) -> RoomEvent {
        RoomEvent::Typed(Pending {
            nonce: nonce(sent_as),
            text: text.into(),
            fly: Fly::default(),
            reply: None,
        })
    }

    fn event(seq: u64, kind: EventKind) -> RoomEvent {
        RoomEvent::Server(ServerMessage::Event { event: Event { seq: Seq(seq), at: seq * 1_000, kind } })
    }

    fn said(seq: u64, who: &str, text: &str, sent_as: Option<&str>) -> RoomEvent {
        let kind = EventKind::Said {
            by: member(who),
            text: text.into(),
            nonce: sent_as.map(nonce),
            fly: None,
            reply: None,
        };
        event(seq, kind)
    }

    fn welcome(resumed: bool, history: Vec<RoomEvent>, seq: u64) -> RoomEvent {
        let history = history
            .into_iter()
            .filter_map(|event| match event {
                RoomEvent::Server(ServerMessage::Event { event }) => Some(event),
                _ => None,
            })
            .collect();
        RoomEvent::Server(ServerMessage::Welcome {
            version: 1,
            you: member("me"),
            token: "t".into(),
            room: RoomState {
                notes: Vec::new(),
                card: None,
                recording: None,
                layers: Vec::new(),
                renditions: None,
                followers: 0,
                likes: 0,
                rules: Rules::default(),
                shield: None,
                pinned: None,
                room: Default::default(),
                stream: StreamState::Offline,
                presence: Presence::default(),
            },
            resumed,
            following: false,
            history,
            seq: Seq(seq),
            muted_until: None,
            gifts: Vec::new(),
            emotes: Vec::new(),
            shop: Default::default(),
            board: Board::default(),
            shows: Shows::default(),
            desk: None,
        })
    }

    fn told(events: impl IntoIterator<Item = RoomEvent>) -> Room {
        let mut room = Room::default();
        events.into_iter().for_each(|event| room.apply(event, 0.0));
        room
    }

    fn texts(room: &Room) -> Vec<String> {
        room.lines()
            .filter_map(|line| match &line.kind {
                LineKind::Said { text, .. } => Some(text.clone()),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn own_message_shows_at_once_and_is_replaced_by_the_room_s() {
        let mut room = told([welcome(false, vec![], 0)]);
        room.apply(typed("n1", "hi"), 0.0);
        assert_eq!(room.pending().len(), 1);
        room.apply(said(1, "me", "hi", Some("n1")), 0.0);
        room.apply(RoomEvent::Server(ServerMessage::Done { nonce: nonce("n1"), seq: Seq(1) }), 0.0);
        assert_eq!((room.pending().len(), texts(&room)), (0, vec!["hi".to_owned()]));
    }

    #[test]
    fn a_message_typed_while_away_waits_for_the_reconnect() {
        let mut room = told([welcome(false, vec![said(1, "a", "one", None)], 1)]);
        room.apply(RoomEvent::Link(Link::Lost { since: 0.0, retry_at: 400.0 }), 0.0);
        room.apply(typed("n1", "still here"), 0.0);
        room.apply(welcome(true, vec![said(2, "b", "two", None)], 2), 0.0);
        assert_eq!(texts(&room), ["one", "two"]);
        assert_eq!(room.pending()[0].text, "still here");
    }

    #[test]
    fn a_message_that_got_through_before_the_break_is_not_said_twice() {
        let mut room = told([welcome(false, vec![], 0)]);
        room.apply(typed("n1", "hi"), 0.0);
        // The tail does not carry the nonce; the repeat is answered with the old seq.
        room.apply(welcome(true, vec![said(1, "me", "hi", None)], 1), 0.0);
        room.apply(RoomEvent::Server(ServerMessage::Done { nonce: nonce("n1"), seq: Seq(1) }), 0.0);
        assert_eq!((room.pending().len(), texts(&room).len()), (0, 1));
    }

    #[test]
    fn a_refused_message_comes_back_with_its_text() {
        let mut room = told([welcome(false, vec![], 0)]);
        room.apply(typed("n1", "hi"), 0.0);
        let failure = Failure::new(Code::TooFast, "slow down");
        let refused =
            ServerMessage::Refused { nonce: Some(nonce("n1")), failure, retry_after_ms: Some(3_000) };
        room.apply(RoomEvent::Server(refused), 1_000.0);
        let refusal = room.refusal.as_ref().unwrap();
        assert_eq!((refusal.text.as_deref(), refusal.retry_at), (Some("hi"), Some(4_000.0)));
        assert!(room.pending().is_empty() && texts(&room).is_empty());
        room.apply(RoomEvent::RefusalSeen, 1_000.0);
        assert_eq!(room.refusal, None);
    }

    #[test]
    fn a_deleted_message_goes_and_a_restored_one_returns_to_its_place() {
        let mut room = told([
            welcome(false, vec![], 0),
            said(1, "a", "one", None),
            said(2, "b", "two", None),
            said(3, "a", "three", None),
        ]);
        room.apply(event(4, EventKind::Deleted { message: MessageId(2) }), 0.0);
        assert_eq!(texts(&room), ["one", "three"]);
        let restored = EventKind::Restored {
            message: MessageId(2),
            said_at: 2_000,
            by: member("b"),
            text: "two".into(),
            reply: None,
        };
        room.apply(event(5, restored), 0.0);
        assert_eq!(texts(&room), ["one", "two", "three"]);
    }

    #[test]
    fn a_ban_drops_the_person_s_messages_and_a_pardon_brings_them_back() {
        let mut room = told([
            welcome(false, vec![], 0),
            said(1, "a", "one", None),
            said(2, "b", "two", None),
            event(3, EventKind::Banned { user: member("a"), range: false }),
        ]);
        assert_eq!(texts(&room), ["two"]);
        room.apply(event(4, EventKind::Pardoned { user: member("a") }), 0.0);
        assert_eq!(texts(&room), ["one", "two"]);
    }

    #[test]
    fn gifts_in_a_row_are_one_line_and_go_when_they_are_given_back() {
        let rose = Gift {
            id: "rose".parse().unwrap(),
            name: String::new(),
            icon: "🌹".into(),
            price: 2,
            show: footlight_protocol::gift::Show::Small,
            per_hour: None,
        };
        let gifted = |seq: u64, who: &str, count: u32| {
            let (by, gift) = (member(who), rose.clone());
            event(
                seq,
                EventKind::Gifted { by, gift, count, coins: 2 * u64::from(count), entry: seq, nonce: None },
            )
        };
        let mut room = told([
            welcome(false, vec![], 0),
            gifted(1, "a", 1),
            said(2, "b", "wow", None),
            gifted(3, "a", 4),
            gifted(4, "b", 1),
            // Too late for the run of a.
            gifted(20, "a", 1),
        ]);
        let runs = |room: &Room| {
            let run = |line: &Arc<Line>| match &line.kind {
                LineKind::Gifted(run) => Some((line.id.0, run.by.id.to_string(), run.count(), run.coins())),
                _ => None,
            };
            room.lines().filter_map(run).collect::<Vec<_>>()
        };
        let of = |id: u64, who: &str, count: u64| (id, who.to_owned(), count, 2 * count);
        assert_eq!(runs(&room), [of(3, "a", 5), of(4, "b", 1), of(20, "a", 1)]);
        let back = |seq: u64, gift: u64| {
            event(seq, EventKind::Refunded { gift: Seq(gift), to: member("a"), coins: 1, entry: seq })
        };
        room.apply(back(21, 3), 0.0);
        assert_eq!(runs(&room), [of(1, "a", 1), of(4, "b", 1), of(20, "a", 1)]);
        room.apply(back(22, 1), 0.0);
        room.apply(back(23, 99), 0.0);
        assert_eq!(runs(&room), [of(4, "b", 1), of(20, "a", 1)]);
        room.apply(RoomEvent::Server(ServerMessage::Wallet { coins: 7 }), 0.0);
        assert_eq!(room.coins, Some(7));
    }

    #[test]
    fn a_gift_waits_for_its_answer_over_a_break() {
        let mut room = told([welcome(false, vec![], 0)]);
        for n in 1..=2 {
            let sent =
                RoomEvent::Sent { nonce: nonce(&format!("g{n}")), gift: "rose".parse().unwrap(), count: n };
            room.apply(sent, 0.0);
        }
        room.apply(welcome(true, vec![], 0), 0.0);
        assert_eq!(room.unpaid().len(), 2);
        room.apply(RoomEvent::Server(ServerMessage::Done { nonce: nonce("g1"), seq: Seq(1) }), 0.0);
        assert_eq!(room.unpaid()[0].0, nonce("g2"));
        let failure = Failure::new(Code::TooFewCoins, "no");
        let refused = ServerMessage::Refused { nonce: Some(nonce("g2")), failure, retry_after_ms: None };
        room.apply(RoomEvent::Server(refused), 0.0);
        assert!(room.unpaid().is_empty());
    }

    #[test]
    fn a_fresh_history_replaces_the_old_one() {
        let mut room = told([welcome(false, vec![said(1, "a", "old", None)], 1)]);
        room.apply(welcome(false, vec![said(900, "a", "new", None)], 900), 0.0);
        assert_eq!((texts(&room), room.seq), (vec!["new".to_owned()], Some(Seq(900))));
        // And an overlapping tail says nothing twice.
        room.apply(welcome(true, vec![said(900, "a", "new", None)], 900), 0.0);
        assert_eq!(texts(&room), ["new"]);
    }

    #[test]
    fn the_log_and_the_waiting_messages_are_bounded() {
        let mut room = told([welcome(false, vec![], 0)]);
        for seq in 1..=(MAX_LINES as u64 + 50) {
            room.apply(said(seq, "a", "x", None), 0.0);
            room.apply(typed(&format!("n{seq}"), "y"), 0.0);
        }
        assert_eq!((room.lines().count(), room.pending().len()), (MAX_LINES, MAX_PENDING));
        assert_eq!(room.lines().next().unwrap().id, MessageId(51));
        assert!(!room.can_type());
    }

    #[test]
    fn a_relay_that_says_goodbye_is_expected_back_for_a_while() {
        let mut room = told([welcome(false, vec![], 0)]);
        assert!(!room.expected_back(0.0));
        room.apply(RoomEvent::Server(ServerMessage::Leaving { at: 60_000 }), 0.0);
        assert_eq!((room.leaving, room.expected_back(0.0)), (Some(60_000), true));
        room.apply(RoomEvent::Link(Link::Lost { since: 5_000.0, retry_at: 0.0 }), 5_000.0);
        assert!(room.expected_back(60_000.0));
        assert!(!room.expected_back(200_000.0), "then something is wrong");
        room.apply(welcome(true, vec![], 0), 0.0);
        assert!(!room.expected_back(0.0));
        room.apply(RoomEvent::GoesAway, 0.0);
        assert!(room.expected_back(0.0), "also where it said so only as it went");
    }

    #[test]
    fn mute_ban_and_presence_are_shown() {
        let mut room = told([welcome(false, vec![], 0)]);
        room.apply(RoomEvent::Server(ServerMessage::Muted { until: Some(9) }), 0.0);
        assert_eq!(room.muted_until, Some(9));
        room.apply(RoomEvent::Server(ServerMessage::Muted { until: None }), 0.0);
        assert_eq!(room.muted_until, None);
        let presence = Presence { viewers: 7, ..Presence::default() };
        room.apply(RoomEvent::Server(ServerMessage::Presence { presence }), 0.0);
        assert_eq!(room.presence.viewers, 7);
        room.apply(RoomEvent::Link(Link::Closed(CloseCode::Banned)), 0.0);
        assert!(room.banned());
    }

    #[test]
    fn what_was_swept_goes_and_comes_back_in_its_place() {
        let mut room = Room::default();
        (1..=3).for_each(|seq| room.apply(said(seq, "bot", &format!("join us {seq}"), None), 0.0));
        let why = Reason::Copies { people: 12, strangers: 12 };
        room.apply(event(4, EventKind::Swept { messages: vec![MessageId(1), MessageId(3)], why }), 0.0);
        let ids = |room: &Room| room.lines().map(|line| line.id.0).collect::<Vec<_>>();
        assert_eq!(ids(&room), [2, 4]);
        let former = Former {
            message: MessageId(1),
            said_at: 1,
            by: member("bot"),
            text: "join us 1".into(),
            reply: None,
        };
        room.apply(event(5, EventKind::Unswept { sweep: Seq(4), messages: vec![former] }), 0.0);
        assert_eq!(ids(&room), [1, 2, 4, 5]);
    }

    #[test]
    fn a_held_message_is_not_typed_again() {
        let mut room = Room::default();
        room.apply(typed("n1", "see a.example"), 0.0);
        let failure = Failure::new(Code::Held, "waits");
        let refused = ServerMessage::Refused { nonce: Some(nonce("n1")), failure, retry_after_ms: None };
        room.apply(RoomEvent::Server(refused), 0.0);
        assert_eq!(room.pending(), []);
        assert_eq!(room.refusal.unwrap().text, None);
    }

    #[test]
    fn a_quote_goes_and_comes_back_with_what_it_quotes() {
        let answer = |seq: u64, by: &str, to: u64| {
            let reply = Some(Box::new(Quote::of(MessageId(to), member("a"), "one")));
            event(seq, EventKind::Said { by: member(by), text: "yes".into(), nonce: None, fly: None, reply })
        };
        let mut room = told([welcome(false, vec![], 0), said(1, "a", "one", None), answer(2, "b", 1)]);
        let quoted = |room: &Room| {
            let of = |line: &Arc<Line>| match &line.kind {
                LineKind::Said { quote: Some(quote), .. } => Some(quote.of.is_some()),
                _ => None,
            };
            room.lines().find_map(of)
        };
        assert_eq!(quoted(&room), Some(true));
        let one = |message| Former { message, said_at: 1, by: member("a"), text: "one".into(), reply: None };
        let Former { message, said_at, by, text, reply } = one(MessageId(1));
        let why = Reason::Copies { people: 12, strangers: 12 };
        let swept = EventKind::Swept { messages: vec![message], why };
        let unswept = EventKind::Unswept { sweep: Seq(5), messages: vec![one(MessageId(1))] };
        for (n, (kind, shown)) in [
            (EventKind::Deleted { message }, false),
            (EventKind::Restored { message, said_at, by, text, reply }, true),
            (swept, false),
            (unswept, true),
            (EventKind::Banned { user: member("a"), range: false }, false),
            (EventKind::Pardoned { user: member("a") }, true),
        ]
        .into_iter()
        .enumerate()
        {
            room.apply(event(3 + n as u64, kind), 0.0);
            assert_eq!(quoted(&room), Some(shown), "after act {n}");
        }
        room.apply(RoomEvent::Server(ServerMessage::Erased { user: "a".parse().unwrap() }), 0.0);
        assert_eq!(quoted(&room), Some(false), "who answered keeps their own words");
        assert_eq!(room.people().iter().map(|by| by.name.as_str()).collect::<Vec<_>>(), ["B"]);
    }
}
