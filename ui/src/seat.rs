//! One seat in a room: the room store behind a signal, the socket that feeds it, and the intents that go
//! out. The viewer page and the studio's sidebar sit on the same kind of seat.

mod cards;

use std::sync::Arc;

use footlight_protocol::coin::CoinAsk;
use footlight_protocol::danmaku::Fly;
use footlight_protocol::gift::Gift;
use footlight_protocol::overlay::Control;
use footlight_protocol::report::{Ground, Report};
use footlight_protocol::room::{Action, ClientMessage, EventKind, Member, Role, ServerMessage};
use footlight_protocol::spend::{Arrange, Spend};
use footlight_protocol::talk::Quote;
use footlight_protocol::{CloseCode, GiftId, MessageId, Nonce, UserId};
use leptos::prelude::*;

use crate::api;
use crate::browser;
use crate::emotes::Emotes;
use crate::part::face::forget_pictures_of;
use crate::socket::{Address, Socket};
use crate::store::gifts::Parade;
use crate::store::person::Cards;
use crate::store::room::{Link, Pending, Room, RoomEvent};
use crate::store::spend::MAX_ASKED;
use crate::store::till::Till;
use crate::store::undo::{Undo, UndoEvent};

/// Cheap to copy; everything inside lives as long as the page.
#[derive(Clone, Copy)]
pub struct Seat {
    room: RwSignal<Room>,
    undo: RwSignal<Undo>,
    /// Gifts on the picture.
    parade: RwSignal<Parade>,
    /// The title of the goal that was reached just now.
    cheer: RwSignal<Option<String>>,
    /// The card that is open.
    cards: RwSignal<Cards>,
    /// How coins come to people.
    till: RwSignal<Till>,
    /// Milliseconds since the epoch, four times a second: what countdowns and clocks follow.
    now: RwSignal<f64>,
    socket: StoredValue<Option<Socket>, LocalStorage>,
    moderates: Memo<bool>,
    owns: Memo<bool>,
    away: Memo<bool>,
    closed: Memo<Option<CloseCode>>,
    /// The next quiet knock of somebody who is banned.
    knock: StoredValue<Option<TimeoutHandle>>,
}

/// How long somebody who was pardoned waits at most.
const KNOCK: std::time::Duration = std::time::Duration::from_secs(10);

/// How long a goal that is reached is celebrated.
const CHEER: std::time::Duration = std::time::Duration::from_secs(7);

/// How often countdowns move. A quarter second, so that a second never seems to take two.
const TICK: std::time::Duration = std::time::Duration::from_millis(250);

impl Seat {
    /// A seat that is not connected yet, given to the components below.
    pub fn provide() -> Self {
        let room = RwSignal::new(Room::default());
        let seat = Self {
            room,
            undo: RwSignal::new(Undo::default()),
            parade: RwSignal::new(Parade::default()),
            cheer: RwSignal::new(None),
            cards: RwSignal::new(Cards::default()),
            till: RwSignal::new(Till::default()),
            now: RwSignal::new(browser::now_ms()),
            socket: StoredValue::new_local(None),
            moderates: Memo::new(move |_| room.with(|room| room.role() >= Role::Moderator)),
            owns: Memo::new(move |_| room.with(|room| room.role() == Role::Owner)),
            away: Memo::new(move |_| room.with(|room| matches!(room.link, Link::Lost { .. }))),
            closed: Memo::new(move |_| {
                room.with(|room| match room.link {
                    Link::Closed(code) => Some(code),
                    _ => None,
                })
            }),
            knock: StoredValue::new(None),
        };
        set_interval(
            move || {
                let now = browser::now_ms();
                seat.now.set(now);
                if seat.undo.with_untracked(|undo| undo.newest().is_some()) {
                    seat.undo.update(|undo| undo.apply(UndoEvent::Tick, now));
                }
            },
            TICK,
        );
        let known = Memo::new(move |_| room.with(|room| Arc::new(room.emotes.clone())));
        Emotes::provide(known.into());
        provide_context(seat);
        seat
    }

    pub fn get() -> Self {
        expect_context()
    }

    /// Takes the place in the room at `address`, in place of the one there may be. `also` hears everything
    /// after the store has.
    pub fn connect(self, address: Address, also: impl Fn(&RoomEvent) + 'static) {
        self.socket.set_value(None);
        if let Some(emotes) = Emotes::get() {
            emotes.set_origin(api::origin(&address.socket));
        }
        let socket = Socket::open(address, move |event| {
            let about_coins = self.till.with_untracked(|till| till.concerns(&event));
            // A sign of life changes nothing that is shown, and a refusal about coins is shown where they are.
            let elsewhere = about_coins && matches!(event, RoomEvent::Server(ServerMessage::Refused { .. }));
            if !matches!(event, RoomEvent::Answered) && !elsewhere && !self.is_of_card(&event) {
                self.apply(event.clone());
            }
            if about_coins {
                self.till.update(|till| till.hear(&event));
            }
            self.show_gift(&event);
            if let RoomEvent::Server(ServerMessage::Event { event }) = &event
                && let EventKind::Avatar { user, hidden: true } = &event.kind
            {
                forget_pictures_of(&user.id);
            }
            if matches!(event, RoomEvent::Server(ServerMessage::Welcome { .. })) {
                self.say_pending();
            }
            if matches!(event, RoomEvent::Link(Link::Closed(CloseCode::Banned))) {
                let knock = set_timeout_with_handle(move || self.knock(), KNOCK);
                self.knock.set_value(knock.ok());
            }
            also(&event);
        });
        self.socket.set_value(Some(socket));
    }

    /// Comes by another token after the next break.
    pub fn renew(self, token: String) {
        self.socket.try_with_value(|socket| {
            if let Some(socket) = socket {
                socket.renew(token.clone());
            }
        });
        self.room.update(|room| room.token = Some(token));
    }

    /// Asks now whether the room lets this person in again.
    pub fn knock(self) {
        if let Some(waiting) = self.knock.try_update_value(Option::take).flatten() {
            waiting.clear();
        }
        self.socket.try_with_value(|socket| {
            if let Some(socket) = socket {
                socket.again();
            }
        });
    }

    pub fn room(self) -> ReadSignal<Room> {
        self.room.read_only()
    }

    pub fn undo(self) -> ReadSignal<Undo> {
        self.undo.read_only()
    }

    pub fn parade(self) -> RwSignal<Parade> {
        self.parade
    }

    /// What is celebrated at the moment.
    pub fn cheer(self) -> ReadSignal<Option<String>> {
        self.cheer.read_only()
    }

    pub fn till(self) -> ReadSignal<Till> {
        self.till.read_only()
    }

    /// Asks for something about coins, once however often the connection breaks meanwhile.
    pub fn ask_coins(self, ask: CoinAsk) {
        let Some(nonce) = nonce() else { return };
        if self.till.try_update(|till| till.ask(nonce.clone(), ask.clone())) == Some(true) {
            self.send(&ClientMessage::Coins { nonce, ask });
        }
    }

    /// What comes now goes over the picture; what comes with a history has been there.
    fn show_gift(self, event: &RoomEvent) {
        let RoomEvent::Server(ServerMessage::Event { event }) = event else { return };
        if let EventKind::GoalReached { title } = &event.kind {
            let cheer = self.cheer;
            cheer.set(Some(title.clone()));
            set_timeout(move || cheer.set(None), CHEER);
        }
        if Parade::concerns(event) {
            let offered = self.room.with_untracked(|room| room.gifts.clone());
            self.parade.update(|parade| parade.take(event, &offered, Some(browser::now_ms())));
        }
    }

    pub fn now(self) -> ReadSignal<f64> {
        self.now.read_only()
    }

    /// The relay's clock, in milliseconds since the epoch; ours until it is known.
    pub fn relay_now(self, now: f64) -> f64 {
        now + self.clock_offset_ms().unwrap_or(0.0)
    }

    pub fn clock_offset_ms(self) -> Option<f64> {
        self.socket.try_with_value(|socket| socket.as_ref().and_then(Socket::clock_offset_ms)).flatten()
    }

    /// Whether this seat may moderate.
    pub fn moderates(self) -> Memo<bool> {
        self.moderates
    }

    /// Whether this seat is the room's owner's.
    pub fn owns(self) -> Memo<bool> {
        self.owns
    }

    /// Whether the connection was there and is not now.
    pub fn away(self) -> Memo<bool> {
        self.away
    }

    /// Why the room closed for good.
    pub fn closed(self) -> Memo<Option<CloseCode>> {
        self.closed
    }

    /// Says a message, perhaps in answer to another: shown at once, sent now or after the reconnect. False where too many wait already.
    pub fn say(self, text: &str, fly: Fly, reply: Option<Quote>) -> bool {
        if !self.room.with_untracked(Room::can_type) {
            return false;
        }
        let Some(nonce) = nonce() else { return false };
        let pending = Pending { nonce, text: text.to_owned(), fly, reply: reply.map(Box::new) };
        self.apply(RoomEvent::Typed(pending.clone()));
        self.say_it(&pending);
        true
    }

    /// Sends a gift, which is paid once however often the connection breaks meanwhile. False where too many wait already.
    pub fn send_gift(self, gift: GiftId, count: u32) -> bool {
        let Some(nonce) = nonce().filter(|_| self.room.with_untracked(Room::can_send_gift)) else {
            return false;
        };
        self.apply(RoomEvent::Sent { nonce: nonce.clone(), gift: gift.clone(), count });
        self.send(&ClientMessage::SendGift { nonce, gift, count });
        true
    }

    /// Does something else with coins, once however often the connection breaks meanwhile. Gives the request's name;
    /// none where too many wait already.
    pub fn spend(self, what: Spend) -> Option<Nonce> {
        let fits = self.room.with_untracked(|room| room.spend.asked().len() < MAX_ASKED);
        let nonce = nonce().filter(|_| fits)?;
        self.apply(RoomEvent::Spent { nonce: nonce.clone(), what: what.clone() });
        self.send(&ClientMessage::Spend { nonce: nonce.clone(), what });
        Some(nonce)
    }

    /// Gives coins to somebody. Owner only.
    pub fn grant(self, user: UserId, coins: u64) {
        if let Some(nonce) = nonce() {
            self.send(&ClientMessage::Grant { nonce, user, coins });
        }
    }

    /// Gives a gift back, by its row in the books. Owner only.
    pub fn refund(self, entry: u64) {
        if let Some(nonce) = nonce() {
            self.send(&ClientMessage::Refund { nonce, entry });
        }
    }

    /// Tells the room's overlay pages what to do. Owner only.
    pub fn control_overlay(self, control: Control) {
        if let Some(nonce) = nonce() {
            self.send(&ClientMessage::Overlay { nonce, control });
        }
    }

    /// Sets what the room offers. Owner only.
    pub fn set_gifts(self, gifts: Vec<Gift>) {
        if let Some(nonce) = nonce() {
            self.send(&ClientMessage::SetGifts { nonce, gifts });
        }
    }

    /// Sets what coins are good for. Owner only.
    pub fn arrange(self, what: Arrange) {
        if let Some(nonce) = nonce() {
            self.send(&ClientMessage::Arrange { nonce, what });
        }
    }

    /// Reports a message to the moderators.
    pub fn report(self, message: MessageId, ground: Ground, words: &str) {
        if let Some(nonce) = nonce() {
            let report = Report { nonce, message, ground, words: words.to_owned() };
            self.apply(RoomEvent::Reports(Some(report.clone())));
            self.send(&ClientMessage::Report(report));
        }
    }

    /// What came of it was read.
    pub fn report_seen(self) {
        self.apply(RoomEvent::Reports(None));
    }

    /// What a moderator said was read.
    pub fn notice_seen(self) {
        self.apply(RoomEvent::NoticeSeen);
    }

    pub fn name(self, name: &str) {
        self.send(&ClientMessage::Name { name: name.to_owned() });
    }

    pub fn playing(self, latency_ms: Option<u32>) {
        self.send(&ClientMessage::Playing { latency_ms });
    }

    /// Likes the broadcast, so many times.
    pub fn like(self, count: u32) {
        self.send(&ClientMessage::Like { count });
    }

    /// Follows the room, or does not any more.
    pub fn follow(self, on: bool) {
        if let Some(nonce) = nonce() {
            self.apply(RoomEvent::Follows { nonce: nonce.clone(), on });
            self.send(&ClientMessage::Follow { nonce, on });
        }
    }

    /// Sets what viewers read while there is no picture; empty takes it away. Owner only.
    pub fn set_card(self, text: &str) {
        if let Some(nonce) = nonce() {
            self.send(&ClientMessage::SetCard { nonce, text: text.to_owned() });
        }
    }

    /// Asks the relay for a sign of life.
    pub fn ask(self) {
        self.socket.try_with_value(|socket| {
            if let Some(socket) = socket {
                socket.ask();
            }
        });
    }

    pub fn refusal_seen(self) {
        self.apply(RoomEvent::RefusalSeen);
    }

    /// Moderates at once, and offers to undo it for five seconds.
    pub fn moderate(self, action: Action, of: &Member) {
        self.act(action.clone());
        let name = if of.name.is_empty() { of.id.to_string() } else { of.name.clone() };
        self.undo.update(|undo| undo.apply(UndoEvent::Acted { action, name }, browser::now_ms()));
    }

    /// Takes an act back: the one with this id, or the newest.
    pub fn take_back(self, id: Option<u64>) {
        let offer = self.undo.with_untracked(|undo| match id {
            Some(id) => undo.offers().find(|offer| offer.id == id).cloned(),
            None => undo.newest().cloned(),
        });
        let Some(offer) = offer else { return };
        if let Some(action) = offer.inverse() {
            self.act(action);
        }
        self.undo.update(|undo| undo.apply(UndoEvent::Gone { id: offer.id }, browser::now_ms()));
    }

    /// Whether this is the person who sits here.
    pub fn is_me(self, user: &UserId) -> bool {
        self.room.with_untracked(|room| room.me.as_ref().is_some_and(|me| me.id == *user))
    }

    /// Moderates; what can be undone is undone where it is shown.
    pub fn act(self, action: Action) {
        if let Some(nonce) = nonce() {
            self.send(&ClientMessage::Moderate { nonce, action });
        }
    }

    fn say_pending(self) {
        let pending = self.room.with_untracked(|room| room.pending().to_vec());
        pending.iter().for_each(|pending| self.say_it(pending));
        for (nonce, gift, count) in self.room.with_untracked(|room| room.unpaid().to_vec()) {
            self.send(&ClientMessage::SendGift { nonce, gift, count });
        }
        for (nonce, what) in self.room.with_untracked(|room| room.spend.asked().to_vec()) {
            self.send(&ClientMessage::Spend { nonce, what });
        }
        if let Some(report) = self.room.with_untracked(|room| room.reporting.sent().cloned()) {
            self.send(&ClientMessage::Report(report));
        }
        if let Some((nonce, on)) = self.room.with_untracked(|room| room.following.asked().cloned()) {
            self.send(&ClientMessage::Follow { nonce, on });
        }
        for (nonce, ask) in self.till.with_untracked(|till| till.pending().to_vec()) {
            self.send(&ClientMessage::Coins { nonce, ask });
        }
    }

    fn say_it(self, Pending { nonce, text, fly, reply }: &Pending) {
        let reply = reply.as_ref().map(|reply| reply.message);
        self.send(&ClientMessage::Say { nonce: nonce.clone(), text: text.clone(), fly: Some(*fly), reply });
    }

    fn send(self, message: &ClientMessage) -> bool {
        self.socket
            .try_with_value(|socket| socket.as_ref().is_some_and(|socket| socket.send(message)))
            .unwrap_or(false)
    }

    fn apply(self, event: RoomEvent) {
        self.room.update(|room| room.apply(event, browser::now_ms()));
    }
}

fn nonce() -> Option<Nonce> {
    browser::nonce_text().parse().ok()
}
