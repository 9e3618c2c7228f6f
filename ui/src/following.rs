//! What following a room does on a viewer's page: the wish itself, the mark in the page's title while the room is live,
//! and a notification when it goes live behind another page, for those who follow and allowed it.

use footlight_protocol::RoomId;
use footlight_protocol::room::{ServerMessage, StreamState};
use leptos::prelude::*;
use wasm_bindgen::prelude::*;

use crate::browser;
use crate::seat::Seat;
use crate::store::room::RoomEvent;
use crate::words::Words;

/// Where it is kept that this browser was asked once: nobody is asked again.
const ASKED: &str = "footlight.notify";
/// A newer notification of a room takes the place of the older.
const TAG: &str = "footlight.live";

/// Cheap to copy; everything inside lives as long as the page.
#[derive(Clone, Copy)]
pub struct Notices {
    seat: Seat,
    words: Words,
    room: StoredValue<RoomId>,
    /// What was on air, as far as this page knows.
    stream: StoredValue<Option<StreamState>>,
}

impl Notices {
    pub fn new(seat: Seat, words: Words, room: RoomId) -> Self {
        let live = Memo::new(move |_| {
            seat.room().with(|room| matches!(room.stream, Some(StreamState::Live { .. })))
        });
        let name = room.to_string();
        // Behind the page's own title, which follows the language, too.
        Effect::new(move |_| {
            let title = words.get("app.title");
            let title = if live.get() { format!("● {name} · {title}") } else { title.to_owned() };
            document().set_title(&title);
        });
        Self { seat, words, room: StoredValue::new(room), stream: StoredValue::new(None) }
    }

    /// What the room's socket says of the stream.
    pub fn hear(self, event: &RoomEvent) {
        let RoomEvent::Server(ServerMessage::Welcome { room, .. } | ServerMessage::Room { room }) = event
        else {
            return;
        };
        let was = self.stream.try_update_value(|stream| stream.replace(room.stream.clone())).flatten();
        let begins = was == Some(StreamState::Offline) && matches!(room.stream, StreamState::Live { .. });
        let follows = self.seat.room().with_untracked(|room| room.following.is_on());
        if begins && follows && document().hidden() {
            let room = self.room.with_value(ToString::to_string);
            notify(&untrack(|| self.words.fill("follow.live", &[("room", &room)])));
        }
    }
}

/// The person follows from now on, or does not any more. Whoever begins to is asked, once, whether they want to be told.
pub fn follow(seat: Seat, on: bool) {
    seat.follow(on);
    let undecided = Notification::permission().is_ok_and(|permission| permission == "default");
    if on && undecided && browser::stored(ASKED).is_none() {
        browser::store(ASKED, "1");
        // What comes of it is seen when it matters.
        let _ = Notification::request_permission();
    }
}

#[wasm_bindgen]
extern "C" {
    /// Not there in every browser, nor on every address: then nothing of it can be called.
    type Notification;
    #[wasm_bindgen(catch, constructor)]
    fn new(title: &str, options: &JsValue) -> Result<Notification, JsValue>;
    #[wasm_bindgen(catch, static_method_of = Notification, getter)]
    fn permission() -> Result<String, JsValue>;
    #[wasm_bindgen(catch, static_method_of = Notification, js_name = requestPermission)]
    fn request_permission() -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, setter)]
    fn set_onclick(this: &Notification, on: &JsValue);
    #[wasm_bindgen(method)]
    fn close(this: &Notification);
}

/// Tells it outside of the page, where that is allowed; a press brings the page to the front.
fn notify(title: &str) {
    if !Notification::permission().is_ok_and(|permission| permission == "granted") {
        return;
    }
    let options = js_sys::Object::new();
    for (name, value) in [("tag", TAG), ("icon", "/assets/mark.svg")] {
        let _ = js_sys::Reflect::set(&options, &name.into(), &value.into());
    }
    // Some phones show none that come from a page; the title has its mark there, too.
    let Ok(shown) = Notification::new(title, &options) else { return };
    let shown: JsValue = shown.into();
    let pressed = shown.clone();
    let press = Closure::once_into_js(move || {
        let _ = window().focus();
        pressed.unchecked_ref::<Notification>().close();
    });
    shown.unchecked_ref::<Notification>().set_onclick(&press);
}
