//! The media of the viewer's page: carries out what the playback store decides and reports what it sees.
//!
//! Each attempt plays on a screen of its own, off the stage until it is shown, so a better way takes over
//! between two pictures. Only the files in this folder touch `RTCPeerConnection` and `MediaSource`.

mod mse;
mod native;
mod rtc;
mod screen;
mod source;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use footlight_protocol::{Failure, LayerId};
use wasm_bindgen::prelude::*;
use web_sys::HtmlElement;

use crate::store::playback::{Do, Number, PlaybackEvent, Seen, Way, Why};
use screen::{Denied, Frame, Screens};

/// What the player tells its page.
#[derive(Debug, Clone)]
pub enum Report {
    Playback(PlaybackEvent),
    /// A frame is on the screen since `shown_ms` (our clock).
    Frame {
        captured: Captured,
        shown_ms: f64,
    },
    /// The browser plays what is new here without sound only, until there is a touch.
    Silenced,
    /// The browser plays nothing without a touch, not even without sound.
    NeedsTouch,
}

/// When a frame was captured, as its way of coming tells it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Captured {
    /// The RTP timestamp, which the room's media clock reads.
    Rtp(u32),
    /// Milliseconds since the Unix epoch, on the relay's clock.
    At(f64),
    Unknown,
}

/// What happens to one attempt.
#[derive(Debug)]
enum Happened {
    Opened,
    Ended,
    Refused(Failure),
    Unreachable,
}

/// Where the room's media is.
#[derive(Debug, Clone)]
pub struct Routes {
    /// `/whep/{room}`
    pub whep: String,
    /// `/hls/{room}/index.m3u8`
    pub hls: String,
}

/// Plays one room on the screens in one element.
#[derive(Clone)]
pub struct Player {
    inner: Rc<Inner>,
}

struct Inner {
    screens: Screens,
    routes: Routes,
    token: RefCell<Option<String>>,
    layer: RefCell<Option<LayerId>>,
    sessions: RefCell<Vec<(Number, Rc<Session>)>>,
    shown: Cell<Option<Number>>,
    on: Box<dyn Fn(Report)>,
}

enum Session {
    Rtc(rtc::Session),
    Mse(mse::Session),
    Native(native::Session),
}

impl Player {
    /// A player on the `<video>` elements in `place`, which plays nothing yet.
    pub fn new(place: &HtmlElement, routes: Routes, on: impl Fn(Report) + 'static) -> Self {
        let inner = Rc::new_cyclic(|this: &std::rc::Weak<Inner>| {
            let (frames, touch) = (this.clone(), this.clone());
            let screens = Screens::new(
                place,
                move |take, frame| {
                    if let Some(inner) = frames.upgrade() {
                        inner.framed(take, frame);
                    }
                },
                move |denied| {
                    if let Some(inner) = touch.upgrade() {
                        (inner.on)(match denied {
                            Denied::Sound => Report::Silenced,
                            Denied::Playing => Report::NeedsTouch,
                        });
                    }
                },
            );
            Inner {
                screens,
                routes,
                token: RefCell::default(),
                layer: RefCell::default(),
                sessions: RefCell::default(),
                shown: Cell::default(),
                on: Box::new(on),
            }
        });
        Self { inner }
    }

    /// What this browser lacks for good.
    pub fn lacks() -> Vec<PlaybackEvent> {
        let rtc = rtc::incapable();
        let hls = !source::supported() && !native::supported();
        match (rtc, hls) {
            (Some(why), true) => vec![PlaybackEvent::Incapable(why)],
            (Some(_), false) => vec![PlaybackEvent::Without(Way::Rtc)],
            (None, true) => vec![PlaybackEvent::Without(Way::Hls)],
            (None, false) => Vec::new(),
        }
    }

    /// The bearer token of the next session.
    pub fn set_token(&self, token: Option<String>) {
        self.inner.token.replace(token);
    }

    /// The quality of the picture that the viewer wants, now and in later sessions; none is what the link carries.
    pub fn choose_layer(&self, layer: Option<LayerId>) {
        self.inner.layer.replace(layer.clone());
        for (_, session) in self.inner.sessions.borrow().iter() {
            if let Session::Rtc(session) = &**session {
                session.choose_layer(layer.clone());
            }
        }
    }

    pub fn carry_out(&self, todo: Do) {
        match todo {
            Do::Open { take, way, sound_only } => self.inner.open(take, way, sound_only),
            Do::Show { take } => {
                self.inner.shown.set(Some(take));
                self.inner.screens.show(take);
            }
            Do::Close { take } => self.inner.close(take),
            // The socket's to do.
            Do::Ask => {}
        }
    }

    /// Plays now; called from a touch or a key, which browsers ask for.
    pub fn play(&self) {
        self.inner.screens.play_all();
    }

    /// The loudness of what is on the stage and of whatever comes onto it.
    pub fn set_sound(&self, muted: bool, volume: f64) {
        self.inner.screens.set_sound(muted, volume);
    }

    /// The counters of every attempt.
    pub async fn look(&self) -> Vec<(Number, Seen)> {
        let sessions: Vec<_> = self.inner.sessions.borrow().clone();
        let mut all = Vec::with_capacity(sessions.len());
        for (number, session) in sessions {
            let seen = match &*session {
                Session::Rtc(session) => session.look().await,
                Session::Mse(session) => session.look(),
                Session::Native(session) => session.look(),
            };
            all.extend(seen.map(|seen| (number, seen)));
        }
        // One that was closed while the browser counted says nothing any more.
        let open = self.inner.sessions.borrow();
        all.retain(|(number, _)| open.iter().any(|(known, _)| known == number));
        all
    }
}

impl Inner {
    fn open(self: &Rc<Self>, take: Number, way: Way, sound_only: bool) {
        let this = Rc::downgrade(self);
        let on = move |happened| {
            let Some(this) = this.upgrade() else { return };
            if this.sessions.borrow().iter().any(|(number, _)| *number == take) {
                (this.on)(Report::Playback(match happened {
                    Happened::Opened => PlaybackEvent::Opened(take),
                    Happened::Ended => PlaybackEvent::Ended(take),
                    Happened::Refused(failure) => PlaybackEvent::Refused(take, failure),
                    Happened::Unreachable => PlaybackEvent::Unreachable(take),
                }));
            }
        };
        let token = self.token.borrow().clone();
        let Some(screen) = self.screens.take(take) else {
            // The store opens no more at once than there are screens.
            return (self.on)(Report::Playback(PlaybackEvent::Ended(take)));
        };
        let session = match way {
            Way::Rtc => {
                let layer = self.layer.borrow().clone();
                Session::Rtc(rtc::Session::open(screen, &self.routes.whep, token, sound_only, layer, on))
            }
            Way::Hls if source::supported() => {
                Session::Mse(mse::Session::open(screen, &self.routes.hls, sound_only, on))
            }
            Way::Hls => Session::Native(native::Session::open(screen, &self.routes.hls, on)),
        };
        self.sessions.borrow_mut().push((take, Rc::new(session)));
    }

    fn close(&self, take: Number) {
        if self.shown.get() == Some(take) {
            self.shown.set(None);
        }
        let closed: Vec<_> =
            self.sessions.borrow_mut().extract_if(.., |(number, _)| *number == take).collect();
        for (_, session) in closed {
            match &*session {
                Session::Rtc(session) => session.close(),
                Session::Mse(session) => session.close(),
                Session::Native(session) => session.close(),
            }
        }
        self.screens.free(take);
    }

    fn framed(&self, take: Number, frame: Frame) {
        if self.shown.get() != Some(take) {
            return;
        }
        let sessions = self.sessions.borrow();
        let session =
            sessions.iter().find(|(number, _)| *number == take).map(|(_, session)| Rc::clone(session));
        drop(sessions);
        let captured = match session.as_deref() {
            Some(Session::Mse(session)) => session.captured_ms(frame.media_s).map(Captured::At),
            Some(Session::Native(session)) => session.captured_ms(frame.media_s).map(Captured::At),
            _ => frame.rtp.map(Captured::Rtp),
        };
        (self.on)(Report::Frame {
            captured: captured.unwrap_or(Captured::Unknown),
            shown_ms: frame.shown_ms,
        });
    }
}

/// A property of anything; undefined where there is none.
fn property(of: &JsValue, name: &str) -> JsValue {
    js_sys::Reflect::get(of, &name.into()).unwrap_or(JsValue::UNDEFINED)
}

/// The class of that name, where the browser has it.
fn class(name: &str) -> Option<js_sys::Function> {
    property(&leptos::prelude::window(), name).dyn_into().ok()
}

/// What the relay said when it refused, or words for its status.
async fn refusal(answer: &web_sys::Response) -> Failure {
    use footlight_protocol::Code;
    let body = match answer.text() {
        Ok(text) => wasm_bindgen_futures::JsFuture::from(text).await.ok().and_then(|text| text.as_string()),
        Err(_) => None,
    };
    body.and_then(|body| serde_json::from_str(&body).ok()).unwrap_or_else(|| {
        let code = match answer.status() {
            401 | 403 => Code::Forbidden,
            404 | 409 => Code::NotFound,
            406 | 415 => Code::UnsupportedMedia,
            503 => Code::Full,
            _ => Code::Internal,
        };
        Failure::new(code, format!("The relay answered {}", answer.status()))
    })
}

/// Why nothing can be played where WebRTC is missing or cannot decode, and nothing stands in.
fn without_webrtc(decodes: bool) -> Why {
    if decodes { Why::NoPlayer } else { Why::NoH264 }
}
