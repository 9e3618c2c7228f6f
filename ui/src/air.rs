//! What is over the picture of a page: the stores of it, how the viewer wants it, and the one place through which
//! something is put there. [`crate::part::danmaku`] draws it.

use std::rc::Rc;
use std::sync::Arc;

use footlight_protocol::emote::Emote;
use footlight_protocol::room::{EventKind, ServerMessage};
use footlight_protocol::{Seq, UserId};
use leptos::prelude::*;

use crate::browser;
use crate::letters::Letters;
use crate::store::room::RoomEvent;
use crate::store::sky::{self, Flight, Flyer, Hearts, Settings, Sky};

/// Where the viewer's choices are kept.
const KEPT: &str = "footlight.danmaku";
/// What a live page knows of at most: several skies full. More ⇒ the oldest is forgotten, which is out or gave way.
const MOST_LIVE: usize = 1_000;
/// What belongs to a frame that is farther ahead than any page is behind is of a clock that went wrong.
const MOST_AHEAD_MS: f64 = 60_000.0;
/// The media time of what is on the screen, in milliseconds.
type Clock = Rc<dyn Fn() -> f64>;

/// Cheap to copy; everything inside lives as long as the page.
#[derive(Clone, Copy)]
pub struct Air {
    settings: RwSignal<Settings>,
    on: Memo<bool>,
    /// Whether media time goes on by itself.
    moves: Signal<bool>,
    /// Grows with everything that has to be drawn anew.
    changes: RwSignal<u32>,
    sky: RwSignal<Sky>,
    flight: StoredValue<Flight, LocalStorage>,
    hearts: StoredValue<Hearts, LocalStorage>,
    letters: StoredValue<Letters, LocalStorage>,
    clock: StoredValue<Clock, LocalStorage>,
}

impl Air {
    /// Given to the components below. `clock` says the media time of what is on the screen, which goes on by itself
    /// while `moves`.
    pub fn provide(clock: impl Fn() -> f64 + 'static, moves: Signal<bool>) -> Self {
        let settings = RwSignal::new(Settings::read(&browser::stored(KEPT).unwrap_or_default()));
        // Whoever does not want things to move is not met by a flock of them.
        let calm = browser::prefers_calm();
        let clock: Clock = Rc::new(clock);
        let air = Self {
            settings,
            on: Memo::new(move |_| settings.with(|settings| settings.on.unwrap_or(!calm))),
            moves,
            changes: RwSignal::new(0),
            sky: RwSignal::new(Sky::default()),
            flight: StoredValue::new_local(Flight::default()),
            hearts: StoredValue::new_local(Hearts::default()),
            letters: StoredValue::new_local(Letters::default()),
            clock: StoredValue::new_local(clock),
        };
        provide_context(air);
        air
    }

    pub fn get() -> Self {
        expect_context()
    }

    pub fn settings(self) -> ReadSignal<Settings> {
        self.settings.read_only()
    }

    /// Whether comments fly over the picture.
    pub fn on(self) -> Memo<bool> {
        self.on
    }

    pub fn moves(self) -> Signal<bool> {
        self.moves
    }

    /// Tracks whatever has to be drawn anew.
    pub fn changes(self) -> ReadSignal<u32> {
        self.changes.read_only()
    }

    /// Has it otherwise from now on, and on the next visit.
    pub fn choose(self, settings: Settings) {
        browser::store(KEPT, &settings.write());
        self.settings.set(settings);
        self.changed();
    }

    pub fn toggle(self) {
        let on = !self.on.get_untracked();
        self.choose(Settings { on: Some(on), ..self.settings.get_untracked() });
    }

    /// Puts something into the sky: at its own media time where that is still to come, and at once where the picture is
    /// past it. By its rank it takes the place of what ranks lower, where there is no other.
    pub fn put(self, flyer: Flyer) {
        let now = self.now();
        let ahead = flyer.at_ms - now;
        let at_ms = if ahead > MOST_AHEAD_MS { now } else { flyer.at_ms.max(now) };
        let em = self.em(&flyer);
        self.flight.update_value(|flight| {
            flight.forget_before(now, MOST_LIVE - 1);
            flight.put(Flyer { at_ms, ..flyer }, em);
        });
        self.changed();
    }

    /// It leaves the sky at once.
    pub fn take_down(self, id: Seq) {
        self.flight.update_value(|flight| flight.take_down(id));
        self.changed();
    }

    /// Everything of a person's leaves the sky at once.
    pub fn take_down_all_of(self, user: &UserId) {
        self.flight.update_value(|flight| flight.take_down_all_of(user));
        self.changed();
    }

    /// What flies over a recording is this, each at its own media time.
    pub fn plan(self, flyers: Vec<Flyer>) {
        let measured: Vec<(Flyer, f64)> =
            flyers.into_iter().map(|flyer| (self.em(&flyer), flyer)).map(|(em, flyer)| (flyer, em)).collect();
        self.flight.update_value(|flight| flight.plan(measured));
        self.changed();
    }

    /// What the room's socket says, as far as it flies.
    pub fn hear(self, event: &RoomEvent, me: Option<&UserId>) {
        let RoomEvent::Server(ServerMessage::Event { event }) = event else { return };
        match &event.kind {
            EventKind::Said { .. } | EventKind::Paid(_) => {
                if let Some(flyer) = sky::said(event, me) {
                    self.put(flyer);
                }
            }
            EventKind::Deleted { message } => self.take_down(Seq(message.0)),
            EventKind::Banned { user, .. } => self.take_down_all_of(&user.id),
            // Gifts have cards of their own over a live picture.
            EventKind::Gifted { .. } => {}
            EventKind::Refunded { gift, .. } => self.take_down(*gift),
            EventKind::Swept { messages, .. } => {
                messages.iter().for_each(|message| self.take_down(Seq(message.0)));
            }
            // What comes back late flies over another picture than its author saw.
            EventKind::Restored { .. } | EventKind::Unswept { .. } => {}
            EventKind::TimedOut { .. }
            | EventKind::Pardoned { .. }
            | EventKind::Shielded { .. }
            | EventKind::Held { .. }
            | EventKind::Denied { .. }
            | EventKind::Ruled { .. }
            | EventKind::Trusted { .. }
            | EventKind::Restricted { .. }
            | EventKind::Unmarked { .. }
            | EventKind::Appointed { .. }
            | EventKind::Avatar { .. }
            | EventKind::Pinned { .. }
            | EventKind::Unpinned {}
            | EventKind::Packet(_)
            | EventKind::Drawn(_)
            | EventKind::PacketOver(_)
            | EventKind::BecameMember(_)
            | EventKind::GoalReached { .. }
            | EventKind::Upheld(_)
            | EventKind::Dismissed(_)
            | EventKind::Lifted(_)
            | EventKind::Erased {} => {}
        }
    }

    /// One of the viewer's own hearts rises, from a place in shares of the stage.
    pub fn heart(self, from: (f64, f64)) {
        let now = browser::now_ms();
        self.hearts.update_value(|hearts| hearts.own(from, now, browser::random()));
        self.changed();
    }

    /// Hearts for so many likes of others, from around such a place.
    pub fn hearts(self, count: u64, from: (f64, f64)) {
        if count > 0 {
            let now = browser::now_ms();
            self.hearts.update_value(|hearts| hearts.others(count, from, now, browser::random));
            self.changed();
        }
    }

    /// The stage has another size, or its letters another one.
    pub fn over(self, sky: Sky) {
        if self.flight.with_value(|flight| *flight.sky() != sky) {
            self.flight.update_value(|flight| flight.over(sky));
            self.sky.set(sky);
            self.changed();
        }
    }

    /// The letters are of another font.
    pub fn set_font(self, font: &str) {
        self.letters.update_value(|letters| {
            let emotes = std::mem::take(&mut letters.emotes);
            *letters = Letters::of(font);
            letters.emotes = emotes;
        });
    }

    /// The room's own emotes have changed: what comes from now on is as long as they make it.
    pub fn set_emotes(self, emotes: Arc<Vec<Emote>>) {
        self.letters.update_value(|letters| letters.emotes = emotes);
        self.changed();
    }

    /// The media time has changed by more than by going on.
    pub fn look(self) {
        self.changed();
    }

    pub fn now(self) -> f64 {
        let clock = self.clock.with_value(Rc::clone);
        clock()
    }

    pub fn with<T>(self, read: impl FnOnce(&Flight, &mut Hearts) -> T) -> Option<T> {
        self.hearts.try_update_value(|hearts| self.flight.try_with_value(|flight| read(flight, hearts)))?
    }

    fn em(self, flyer: &Flyer) -> f64 {
        self.letters.try_update_value(|letters| letters.em(&flyer.look)).unwrap_or_default()
    }

    fn changed(self) {
        self.changes.update(|changes| *changes = changes.wrapping_add(1));
    }
}
