//! The viewer's media session by WHEP (draft-ietf-wish-whep). The only file that touches `RTCPeerConnection`.
//!
//! Carries out what the playback store decides, one session at a time, and reports what it sees: whether
//! the session connects, its counters, and each presented frame with its RTP timestamp.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use footlight_protocol::{Code, Failure};
use leptos::task::spawn_local;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Headers, HtmlVideoElement, MediaStream, RequestInit, Response, RtcPeerConnection, RtcPeerConnectionState,
    RtcRtpReceiver, RtcRtpTransceiver, RtcRtpTransceiverDirection, RtcRtpTransceiverInit, RtcSdpType,
    RtcSessionDescriptionInit, RtcStatsReport, RtcTrackEvent,
};

use crate::browser;
use crate::store::playback::{PlaybackEvent, Seen, Why};

/// An answer is made in milliseconds; a relay that needs longer is not answering.
const ANSWER: Duration = Duration::from_secs(4);

/// What the player tells its page.
#[derive(Debug, Clone)]
pub enum Report {
    Playback(PlaybackEvent),
    /// A frame is on the screen since `shown_ms` (our clock).
    Frame {
        rtp: Option<u32>,
        shown_ms: f64,
    },
    /// The browser plays nothing without a touch, not even without sound.
    NeedsTouch,
}

#[wasm_bindgen]
extern "C" {
    /// `HTMLVideoElement` with the parts that web-sys does not have (WICG video-rvfc).
    #[wasm_bindgen(extends = HtmlVideoElement)]
    type Screen;
    #[wasm_bindgen(method, catch, js_name = requestVideoFrameCallback)]
    fn next_frame(this: &Screen, on: &JsValue) -> Result<u32, JsValue>;
}

/// Plays one room on one video element.
#[derive(Clone)]
pub struct Player {
    inner: Rc<Inner>,
}

struct Inner {
    video: HtmlVideoElement,
    endpoint: String,
    token: RefCell<Option<String>>,
    session: RefCell<Option<Session>>,
    /// Tells an answer of an older session from one of this session.
    number: Cell<u32>,
    on: Box<dyn Fn(Report)>,
}

struct Session {
    peer: RtcPeerConnection,
    /// Where to say goodbye.
    resource: Option<String>,
    token: Option<String>,
    _on_track: Closure<dyn Fn(RtcTrackEvent)>,
    _on_state: Closure<dyn Fn()>,
}

impl Player {
    /// A player for `endpoint` (`/whep/{room}`) that is stopped.
    pub fn new(video: HtmlVideoElement, endpoint: String, on: impl Fn(Report) + 'static) -> Self {
        let inner = Rc::new(Inner {
            video,
            endpoint,
            token: RefCell::default(),
            session: RefCell::default(),
            number: Cell::default(),
            on: Box::new(on),
        });
        watch_frames(&inner);
        Self { inner }
    }

    /// What this browser lacks for good, if anything.
    pub fn incapable() -> Option<Why> {
        let window = leptos::prelude::window();
        let has = |name: &str| js_sys::Reflect::has(&window, &name.into()).unwrap_or(false);
        if !has("RTCPeerConnection") {
            return Some(Why::NoWebRtc);
        }
        let receiver = js_sys::Reflect::get(&window, &"RTCRtpReceiver".into()).ok()?;
        let ask = js_sys::Reflect::get(&receiver, &"getCapabilities".into()).ok()?;
        let able = ask.dyn_ref::<js_sys::Function>()?.call1(&receiver, &"video".into()).ok()?;
        let codecs = js_sys::Array::from(&js_sys::Reflect::get(&able, &"codecs".into()).ok()?);
        let h264 = codecs.iter().any(|codec| {
            js_sys::Reflect::get(&codec, &"mimeType".into())
                .ok()
                .and_then(|mime| mime.as_string())
                .is_some_and(|mime| mime.eq_ignore_ascii_case("video/h264"))
        });
        // A browser that lists nothing is asked by the offer instead.
        (codecs.length() > 0 && !h264).then_some(Why::NoH264)
    }

    /// The bearer token of the next session.
    pub fn set_token(&self, token: Option<String>) {
        self.inner.token.replace(token);
    }

    /// Opens a session, in place of the one there may be.
    pub fn start(&self) {
        let inner = Rc::clone(&self.inner);
        inner.end();
        let number = inner.number.get() + 1;
        inner.number.set(number);
        spawn_local(async move {
            if let Err(event) = inner.connect(number).await
                && inner.number.get() == number
            {
                inner.tell(event);
            }
        });
    }

    pub fn stop(&self) {
        self.inner.number.set(self.inner.number.get() + 1);
        self.inner.end();
    }

    /// Plays now; called from a touch or a key, which browsers ask for.
    pub fn play(&self) {
        self.inner.play();
    }

    /// The session's counters; none where there is no session.
    pub async fn look(&self) -> Option<Seen> {
        let number = self.inner.number.get();
        let peer = self.inner.session.borrow().as_ref()?.peer.clone();
        let shaky = peer.connection_state() == RtcPeerConnectionState::Disconnected;
        let report: RtcStatsReport = JsFuture::from(peer.get_stats()).await.ok()?.dyn_into().ok()?;
        let mut seen = Seen { shaky, ..Seen::default() };
        // A report is a map in all but its class.
        report.unchecked_ref::<js_sys::Map>().for_each(&mut |stats: JsValue, _id: JsValue| {
            let value = |name: &str| js_sys::Reflect::get(&stats, &name.into()).ok().and_then(|v| v.as_f64());
            let kind = js_sys::Reflect::get(&stats, &"type".into()).ok().and_then(|v| v.as_string());
            match kind.as_deref() {
                Some("inbound-rtp") => {
                    seen.packets += value("packetsReceived").unwrap_or(0.0);
                    seen.frames += value("framesDecoded").unwrap_or(0.0);
                }
                Some("candidate-pair") => {
                    seen.signs += value("responsesReceived").unwrap_or(0.0);
                    seen.signs += value("bytesReceived").unwrap_or(0.0);
                }
                _ => {}
            }
        });
        // Counters of a session that was replaced meanwhile say nothing about this one.
        (self.inner.number.get() == number).then_some(seen)
    }
}

impl Inner {
    fn tell(&self, event: PlaybackEvent) {
        (self.on)(Report::Playback(event));
    }

    async fn connect(self: &Rc<Self>, number: u32) -> Result<(), PlaybackEvent> {
        let fault = |_| PlaybackEvent::SessionFailed;
        let token = self.token.borrow().clone();
        let peer = self.open(number, token.clone()).map_err(fault)?;
        let offer = JsFuture::from(peer.create_offer()).await.map_err(fault)?;
        let offer = js_sys::Reflect::get(&offer, &"sdp".into()).map_err(fault)?;
        let offer = with_stereo(&offer.as_string().unwrap_or_default());
        let local = RtcSessionDescriptionInit::new(RtcSdpType::Offer);
        local.set_sdp(&offer);
        JsFuture::from(peer.set_local_description(&local)).await.map_err(fault)?;
        // No candidates: the relay is ICE-lite and learns ours from the checks, so nothing waits for gathering.
        let answer =
            post(&self.endpoint, token.as_deref(), &offer).await.map_err(|_| PlaybackEvent::Unreachable)?;
        if !answer.ok() {
            return Err(PlaybackEvent::Refused(refusal(&answer).await));
        }
        let resource = answer.headers().get("location").ok().flatten();
        let sdp = match answer.text() {
            Ok(text) => JsFuture::from(text).await.map_err(|_| PlaybackEvent::Unreachable)?,
            Err(_) => return Err(PlaybackEvent::Unreachable),
        };
        if self.number.get() != number {
            // Stopped meanwhile: this answer is nobody's any more.
            leave(resource, token);
            return Ok(());
        }
        if let Some(session) = self.session.borrow_mut().as_mut() {
            session.resource = resource;
        }
        let remote = RtcSessionDescriptionInit::new(RtcSdpType::Answer);
        remote.set_sdp(&sdp.as_string().unwrap_or_default());
        JsFuture::from(peer.set_remote_description(&remote)).await.map_err(fault)?;
        Ok(())
    }

    fn open(self: &Rc<Self>, number: u32, token: Option<String>) -> Result<RtcPeerConnection, JsValue> {
        let peer = RtcPeerConnection::new()?;
        let stream = MediaStream::new()?;
        for kind in ["video", "audio"] {
            let init = RtcRtpTransceiverInit::new();
            init.set_direction(RtcRtpTransceiverDirection::Recvonly);
            let transceiver: RtcRtpTransceiver = peer.add_transceiver_with_str_and_init(kind, &init);
            play_at_once(&transceiver.receiver());
        }
        let this = Rc::downgrade(self);
        let on_track = Closure::<dyn Fn(RtcTrackEvent)>::new(move |event: RtcTrackEvent| {
            let Some(this) = this.upgrade() else { return };
            stream.add_track(&event.track());
            play_at_once(&event.receiver());
            this.video.set_src_object(Some(&stream));
            this.play();
        });
        peer.set_ontrack(Some(on_track.as_ref().unchecked_ref()));
        let (this, watched) = (Rc::downgrade(self), peer.clone());
        let on_state = Closure::<dyn Fn()>::new(move || {
            let Some(this) = this.upgrade().filter(|this| this.number.get() == number) else {
                return;
            };
            match watched.connection_state() {
                RtcPeerConnectionState::Connected => this.tell(PlaybackEvent::Connected),
                RtcPeerConnectionState::Failed => this.tell(PlaybackEvent::SessionFailed),
                _ => {}
            }
        });
        peer.set_onconnectionstatechange(Some(on_state.as_ref().unchecked_ref()));
        self.session.replace(Some(Session {
            peer: peer.clone(),
            resource: None,
            token,
            _on_track: on_track,
            _on_state: on_state,
        }));
        Ok(peer)
    }

    fn end(&self) {
        if let Some(session) = self.session.take() {
            session.peer.set_ontrack(None);
            session.peer.set_onconnectionstatechange(None);
            session.peer.close();
            leave(session.resource, session.token);
        }
    }

    fn play(self: &Rc<Self>) {
        // React and its kin set the attribute only; the property is what the autoplay rule reads.
        let Ok(playing) = self.video.play() else { return };
        let this = Rc::downgrade(self);
        spawn_local(async move {
            let Err(error) = JsFuture::from(playing).await else {
                return;
            };
            let name = js_sys::Reflect::get(&error, &"name".into()).ok().and_then(|name| name.as_string());
            // Any other error is a newer `srcObject` that took this one's place.
            if name.as_deref() == Some("NotAllowedError")
                && let Some(this) = this.upgrade()
            {
                (this.on)(Report::NeedsTouch);
            }
        });
    }
}

/// Asks for no buffer beyond what the network's jitter needs.
fn play_at_once(receiver: &RtcRtpReceiver) {
    for name in ["jitterBufferTarget", "playoutDelayHint"] {
        if js_sys::Reflect::has(receiver, &name.into()).unwrap_or(false) {
            let _ = js_sys::Reflect::set(receiver, &name.into(), &0.into());
        }
    }
}

/// Lets Opus be decoded as stereo; browsers offer mono unless told (RFC 7587 section 6.1).
fn with_stereo(sdp: &str) -> String {
    sdp.replace("useinbandfec=1", "useinbandfec=1;stereo=1")
}

async fn post(url: &str, token: Option<&str>, offer: &str) -> Result<Response, JsValue> {
    let headers = Headers::new()?;
    headers.set("content-type", "application/sdp")?;
    if let Some(token) = token {
        headers.set("authorization", &format!("Bearer {token}"))?;
    }
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_headers(&headers);
    init.set_body(&offer.into());
    browser::fetch(url, &init, ANSWER).await
}

async fn refusal(answer: &Response) -> Failure {
    let body = match answer.text() {
        Ok(text) => JsFuture::from(text).await.ok().and_then(|text| text.as_string()),
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

/// Says goodbye, so that the relay counts this viewer no longer. Nobody waits for the answer.
fn leave(resource: Option<String>, token: Option<String>) {
    let Some(resource) = resource else { return };
    spawn_local(async move {
        let init = RequestInit::new();
        init.set_method("DELETE");
        let _ = js_sys::Reflect::set(&init, &"keepalive".into(), &true.into());
        if let (Ok(headers), Some(token)) = (Headers::new(), token) {
            let _ = headers.set("authorization", &format!("Bearer {token}"));
            init.set_headers(&headers);
        }
        let _ = browser::fetch(&resource, &init, ANSWER).await;
    });
}

/// Reports every presented frame for as long as the player lives.
fn watch_frames(inner: &Rc<Inner>) {
    type OnFrame = Closure<dyn Fn(f64, JsValue)>;
    let screen: Screen = inner.video.clone().unchecked_into();
    if !js_sys::Reflect::has(&screen, &"requestVideoFrameCallback".into()).unwrap_or(false) {
        return;
    }
    let again: Rc<RefCell<Option<OnFrame>>> = Rc::default();
    let (this, next) = (Rc::downgrade(inner), Rc::clone(&again));
    let on_frame: OnFrame = Closure::new(move |_now, frame: JsValue| {
        let Some(this) = this.upgrade() else { return };
        let number = |name: &str| js_sys::Reflect::get(&frame, &name.into()).ok().and_then(|v| v.as_f64());
        let clock = leptos::prelude::window().performance();
        let shown = number("expectedDisplayTime").zip(clock).map(|(at, clock)| clock.time_origin() + at);
        (this.on)(Report::Frame {
            rtp: number("rtpTimestamp").map(|rtp| rtp as u32),
            shown_ms: shown.unwrap_or_else(browser::now_ms),
        });
        if let Some(next) = next.borrow().as_ref() {
            let _ = this.video.unchecked_ref::<Screen>().next_frame(next.as_ref());
        }
    });
    let _ = screen.next_frame(on_frame.as_ref());
    again.replace(Some(on_frame));
}
