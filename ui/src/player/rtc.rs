//! One media session by WHEP (draft-ietf-wish-whep).

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;

use footlight_protocol::LayerId;
use footlight_protocol::room::LayerChoice;
use leptos::task::spawn_local;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Headers, MediaStream, RequestInit, Response, RtcPeerConnection, RtcPeerConnectionState, RtcRtpReceiver,
    RtcRtpTransceiver, RtcRtpTransceiverDirection, RtcRtpTransceiverInit, RtcSdpType,
    RtcSessionDescriptionInit, RtcStatsReport, RtcTrackEvent,
};

use super::screen::Screen;
use super::{Happened, class, property, refusal, without_webrtc};
use crate::browser;
use crate::store::ice;
use crate::store::playback::{Seen, Transport, Why};

/// An answer is made in milliseconds; a relay that needs longer is not answering.
const ANSWER: Duration = Duration::from_secs(4);

const SDP: &str = "application/sdp";
const JSON: &str = "application/json";
/// Where it is kept whether the relay names STUN or TURN servers.
const SERVERS_KEPT: &str = "footlight.ice";

/// Ends when it is closed.
pub(super) struct Session {
    inner: Rc<Inner>,
}

struct Inner {
    screen: Rc<Screen>,
    token: Option<String>,
    sound_only: bool,
    /// What the viewer wants to see; none leaves it to the relay.
    layer: RefCell<Option<LayerId>>,
    peer: RefCell<Option<Peer>>,
    /// Where to say goodbye.
    resource: RefCell<Option<String>>,
    closed: Cell<bool>,
    on: Box<dyn Fn(Happened)>,
}

struct Peer {
    connection: RtcPeerConnection,
    _on_track: Closure<dyn Fn(RtcTrackEvent)>,
    _on_state: Closure<dyn Fn()>,
}

/// What this browser lacks for good, if anything.
pub(super) fn incapable() -> Option<Why> {
    if class("RTCPeerConnection").is_none() {
        return Some(without_webrtc(true));
    }
    let receiver = class("RTCRtpReceiver")?;
    let ask: js_sys::Function = property(&receiver, "getCapabilities").dyn_into().ok()?;
    let able = ask.call1(&receiver, &"video".into()).ok()?;
    let codecs = js_sys::Array::from(&property(&able, "codecs"));
    let h264 = codecs.iter().any(|codec| {
        property(&codec, "mimeType").as_string().is_some_and(|mime| mime.eq_ignore_ascii_case("video/h264"))
    });
    // A browser that lists nothing is asked by the offer instead.
    (codecs.length() > 0 && !h264).then(|| without_webrtc(false))
}

impl Session {
    /// Asks `endpoint` for the room's media and plays it on the screen.
    pub(super) fn open(
        screen: Rc<Screen>,
        endpoint: &str,
        token: Option<String>,
        sound_only: bool,
        layer: Option<LayerId>,
        on: impl Fn(Happened) + 'static,
    ) -> Self {
        let inner = Rc::new(Inner {
            screen,
            token,
            sound_only,
            layer: RefCell::new(layer),
            peer: RefCell::default(),
            resource: RefCell::default(),
            closed: Cell::default(),
            on: Box::new(on),
        });
        let (this, endpoint) = (Rc::clone(&inner), endpoint.to_owned());
        spawn_local(async move {
            if let Err(happened) = this.connect(&endpoint).await
                && !this.closed.get()
            {
                (this.on)(happened);
            }
        });
        Self { inner }
    }

    /// Wants another quality of the picture; none is the best that the link carries.
    pub(super) fn choose_layer(&self, layer: Option<LayerId>) {
        self.inner.layer.replace(layer);
        self.inner.tell_layer();
    }

    pub(super) fn close(&self) {
        self.inner.closed.set(true);
        let (resource, token) = (self.inner.resource.take(), self.inner.token.clone());
        let Some(peer) = self.inner.peer.take() else { return };
        peer.connection.set_ontrack(None);
        peer.connection.set_onconnectionstatechange(None);
        spawn_local(async move {
            // Goodbye first: a relay that has seen the connection close knows no such session any more.
            if let Some(resource) = resource {
                leave(&resource, token).await;
            }
            peer.connection.close();
        });
    }

    /// The session's counters; none before there is a connection.
    pub(super) async fn look(&self) -> Option<Seen> {
        let peer = self.inner.peer.borrow().as_ref()?.connection.clone();
        let shaky = peer.connection_state() == RtcPeerConnectionState::Disconnected;
        let report: RtcStatsReport = JsFuture::from(peer.get_stats()).await.ok()?.dyn_into().ok()?;
        let mut seen = Seen { shaky, ..Seen::default() };
        let moved = if self.inner.sound_only { "packetsReceived" } else { "framesDecoded" };
        // The pair with the most bytes is the one that carries the media, whatever a browser calls it.
        let (mut most, mut local) = (0.0, None);
        // A report is a map in all but its class.
        let report: &js_sys::Map = report.unchecked_ref();
        report.for_each(&mut |stats: JsValue, _id: JsValue| {
            let value = |name: &str| property(&stats, name).as_f64().unwrap_or(0.0);
            match property(&stats, "type").as_string().as_deref() {
                Some("inbound-rtp") => {
                    seen.packets += value("packetsReceived");
                    seen.moved += value(moved);
                }
                Some("candidate-pair") => {
                    let bytes = value("bytesReceived");
                    seen.signs += value("responsesReceived") + bytes;
                    if bytes > most {
                        (most, local) = (bytes, property(&stats, "localCandidateId").as_string());
                    }
                }
                _ => {}
            }
        });
        let protocol = local.and_then(|id| property(&report.get(&id.into()), "protocol").as_string());
        seen.transport = protocol.map(|name| if name == "tcp" { Transport::Tcp } else { Transport::Udp });
        Some(seen)
    }
}

impl Inner {
    async fn connect(self: &Rc<Self>, endpoint: &str) -> Result<(), Happened> {
        let fault = |_| Happened::Ended;
        let peer = self.open().map_err(fault)?;
        let offer = JsFuture::from(peer.create_offer()).await.map_err(fault)?;
        let offer = with_stereo(&property(&offer, "sdp").as_string().unwrap_or_default());
        let local = RtcSessionDescriptionInit::new(RtcSdpType::Offer);
        local.set_sdp(&offer);
        // Gathering goes on beside the request, except where the answer brings the servers to gather from.
        let waits = servers_expected();
        if !waits {
            JsFuture::from(peer.set_local_description(&local)).await.map_err(fault)?;
        }
        // No candidates: the relay is ICE-lite and learns ours from the checks, so nothing waits for gathering.
        let answer =
            post(endpoint, SDP, self.token.as_deref(), &offer).await.map_err(|_| Happened::Unreachable)?;
        if !answer.ok() {
            return Err(Happened::Refused(refusal(&answer).await));
        }
        let link = answer.headers().get("link").ok().flatten().unwrap_or_default();
        let servers = ice::servers(&link);
        expect_servers(!servers.is_empty());
        if waits && !self.closed.get() {
            // A browser that does not take them plays where the way is open without.
            let _ = gather_from(&peer, &servers);
            JsFuture::from(peer.set_local_description(&local)).await.map_err(fault)?;
        }
        let resource = answer.headers().get("location").ok().flatten();
        let sdp = match answer.text() {
            Ok(text) => JsFuture::from(text).await.map_err(|_| Happened::Unreachable)?,
            Err(_) => return Err(Happened::Unreachable),
        };
        if self.closed.get() {
            // Closed meanwhile: this answer is nobody's any more.
            if let Some(resource) = resource {
                leave(&resource, self.token.clone()).await;
            }
            return Ok(());
        }
        self.resource.replace(resource);
        if self.layer.borrow().is_some() {
            self.tell_layer();
        }
        let remote = RtcSessionDescriptionInit::new(RtcSdpType::Answer);
        remote.set_sdp(&sdp.as_string().unwrap_or_default());
        JsFuture::from(peer.set_remote_description(&remote)).await.map_err(fault)?;
        Ok(())
    }

    /// Tells the relay what to send; a session that has no answer yet tells it then.
    fn tell_layer(&self) {
        let Some(resource) = self.resource.borrow().clone() else { return };
        let choice = LayerChoice { layer: self.layer.borrow().clone() };
        let Ok(body) = serde_json::to_string(&choice) else { return };
        let token = self.token.clone();
        spawn_local(async move {
            // A layer that is gone meanwhile is no loss: the relay then chooses by itself.
            let _ = post(&format!("{resource}/layer"), JSON, token.as_deref(), &body).await;
        });
    }

    fn open(self: &Rc<Self>) -> Result<RtcPeerConnection, JsValue> {
        let connection = RtcPeerConnection::new()?;
        let stream = MediaStream::new()?;
        let kinds: &[&str] = if self.sound_only { &["audio"] } else { &["video", "audio"] };
        for kind in kinds {
            let init = RtcRtpTransceiverInit::new();
            init.set_direction(RtcRtpTransceiverDirection::Recvonly);
            let transceiver: RtcRtpTransceiver = connection.add_transceiver_with_str_and_init(kind, &init);
            play_at_once(&transceiver.receiver());
        }
        let this = Rc::downgrade(self);
        let on_track = Closure::<dyn Fn(RtcTrackEvent)>::new(move |event: RtcTrackEvent| {
            let Some(this) = this.upgrade() else { return };
            stream.add_track(&event.track());
            play_at_once(&event.receiver());
            this.screen.video().set_src_object(Some(&stream));
            this.screen.play();
        });
        connection.set_ontrack(Some(on_track.as_ref().unchecked_ref()));
        let (this, watched): (Weak<Self>, _) = (Rc::downgrade(self), connection.clone());
        let on_state = Closure::<dyn Fn()>::new(move || {
            let Some(this) = this.upgrade().filter(|this| !this.closed.get()) else {
                return;
            };
            match watched.connection_state() {
                RtcPeerConnectionState::Connected => (this.on)(Happened::Opened),
                RtcPeerConnectionState::Failed => (this.on)(Happened::Ended),
                _ => {}
            }
        });
        connection.set_onconnectionstatechange(Some(on_state.as_ref().unchecked_ref()));
        self.peer.replace(Some(Peer {
            connection: connection.clone(),
            _on_track: on_track,
            _on_state: on_state,
        }));
        Ok(connection)
    }
}

thread_local! {
    /// Whether the relay's last answer named STUN or TURN servers.
    static SERVERS: Cell<Option<bool>> = const { Cell::new(None) };
}

/// Whether this relay names servers, by its last answer on this page or on an earlier visit.
fn servers_expected() -> bool {
    SERVERS.get().unwrap_or_else(|| browser::stored(SERVERS_KEPT).as_deref() == Some("named"))
}

fn expect_servers(named: bool) {
    if SERVERS.replace(Some(named)) != Some(named) {
        browser::store(SERVERS_KEPT, if named { "named" } else { "none" });
    }
}

/// Has the connection gather candidates from these servers too.
fn gather_from(peer: &RtcPeerConnection, servers: &[ice::Server]) -> Result<(), JsValue> {
    let list = js_sys::Array::new();
    for server in servers {
        let entry = js_sys::Object::new();
        let login = [("username", &server.username), ("credential", &server.credential)];
        let login = login.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        for (name, value) in login.chain([("urls", &server.url)]) {
            js_sys::Reflect::set(&entry, &name.into(), &value.into())?;
        }
        list.push(&entry);
    }
    let configuration = js_sys::Object::new();
    js_sys::Reflect::set(&configuration, &"iceServers".into(), &list)?;
    let configure: js_sys::Function = property(peer, "setConfiguration").dyn_into()?;
    configure.call1(peer, &configuration).map(drop)
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

async fn post(url: &str, kind: &str, token: Option<&str>, body: &str) -> Result<Response, JsValue> {
    let headers = Headers::new()?;
    headers.set("content-type", kind)?;
    if let Some(token) = token {
        headers.set("authorization", &format!("Bearer {token}"))?;
    }
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_headers(&headers);
    init.set_body(&body.into());
    browser::fetch(url, &init, ANSWER).await
}

/// Says goodbye, so that the relay counts this viewer no longer. It is said even when the page is left.
async fn leave(resource: &str, token: Option<String>) {
    let init = RequestInit::new();
    init.set_method("DELETE");
    let _ = js_sys::Reflect::set(&init, &"keepalive".into(), &true.into());
    if let (Ok(headers), Some(token)) = (Headers::new(), token) {
        let _ = headers.set("authorization", &format!("Bearer {token}"));
        init.set_headers(&headers);
    }
    let _ = browser::fetch(resource, &init, ANSWER).await;
}
