//! Likes of a live broadcast: what the viewer's finger does, what the room tells, and the hearts of both.

use std::time::Duration;

use footlight_protocol::room::ServerMessage;
use leptos::prelude::*;

use crate::air::Air;
use crate::browser;
use crate::seat::Seat;
use crate::store::room::RoomEvent;
use crate::store::sky::Likes;

/// Where hearts rise from, in shares of the stage, where the button cannot be found.
const CORNER: (f64, f64) = (0.92, 0.9);

/// Cheap to copy; everything inside lives as long as the page.
#[derive(Clone, Copy)]
pub struct Liking {
    likes: RwSignal<Likes>,
    /// A message waits for its turn.
    waits: StoredValue<bool>,
    seat: Seat,
    air: Air,
}

impl Liking {
    /// Given to the components below.
    pub fn provide(seat: Seat, air: Air) -> Self {
        let liking =
            Self { likes: RwSignal::new(Likes::default()), waits: StoredValue::new(false), seat, air };
        provide_context(liking);
        liking
    }

    pub fn get() -> Self {
        expect_context()
    }

    /// What the page shows: the room's number and the viewer's own that it does not hold yet.
    pub fn shown(self) -> Memo<u64> {
        Memo::new(move |_| self.likes.with(Likes::shown))
    }

    /// The viewer likes it; a heart rises, from a place in shares of the stage or from where all do.
    pub fn like(self, from: Option<(f64, f64)>) {
        self.likes.update(|likes| likes.tap(browser::now_ms()));
        self.air.heart(from.unwrap_or_else(button));
        self.send();
    }

    /// What the room's socket says of likes.
    pub fn hear(self, event: &RoomEvent) {
        let now = browser::now_ms();
        match event {
            RoomEvent::Server(ServerMessage::Likes { total }) => {
                let others = self.likes.try_update(|likes| likes.told(*total, now)).unwrap_or_default();
                self.air.hearts(others, button());
            }
            // What was liked before the page came, or while it was away, is a number and no flock.
            RoomEvent::Server(ServerMessage::Welcome { room, .. } | ServerMessage::Room { room }) => {
                self.likes.update(|likes| {
                    likes.told(room.likes, now);
                });
            }
            _ => {}
        }
    }

    fn send(self) {
        let now = browser::now_ms();
        if let Some(count) = self.likes.try_update(|likes| likes.send(now)).flatten() {
            self.seat.like(count);
        }
        let wait = self.likes.with_untracked(|likes| likes.waits().then(|| likes.wait_ms(now)));
        if let Some(ms) = wait.filter(|_| !self.waits.get_value()) {
            self.waits.set_value(true);
            let due = move || {
                self.waits.set_value(false);
                self.send();
            };
            set_timeout(due, Duration::from_millis(ms.ceil() as u64));
        }
    }
}

/// The middle of the button that makes hearts.
fn button() -> (f64, f64) {
    browser::place_in("#like .icon", ".danmaku").unwrap_or(CORNER)
}
