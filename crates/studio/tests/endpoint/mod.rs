//! A WHIP endpoint for tests, a few lines of axum and str0m: it answers, collects access units, and asks for
//! keyframes.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, post};
use footlight_media::Time;
use footlight_media::rtp::{Assembler, Incoming};
use footlight_studio::{Outlet, Secret, Target};
use str0m::change::SdpOffer;
use str0m::media::KeyframeRequestKind;
use str0m::net::{Protocol, Receive};
use str0m::rtp::{Extension, RtpPacket, Ssrc};
use str0m::{Candidate, Event, Input, Output, Rtc};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinHandle;

use crate::impaired::link::Link;

pub(crate) const KEY: &str = "a stream key";
/// Longer than anything here takes on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Polls until `what` holds; says how long it took.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < DEADLINE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    start.elapsed()
}

/// What arrived at the endpoint.
#[derive(Default)]
pub(crate) struct Arrived {
    units: Mutex<Vec<Unit>>,
    connected: Mutex<Vec<Duration>>,
    pub(crate) sounds: AtomicU64,
    /// RTP packets of lower layers.
    pub(crate) lower: AtomicU64,
    pub(crate) offers: AtomicU64,
    pub(crate) goodbyes: AtomicU64,
    ask: Mutex<Option<KeyframeRequestKind>>,
}

/// One access unit.
#[derive(Clone, Copy)]
pub(crate) struct Unit {
    pub(crate) timestamp: u32,
    pub(crate) keyframe: bool,
    pub(crate) captured: Option<Time>,
    pub(crate) arrived: Instant,
}

impl Arrived {
    pub(crate) fn count(&self) -> usize {
        self.units.lock().expect("a lock").len()
    }

    pub(crate) fn units(&self, from: usize) -> Vec<Unit> {
        self.units.lock().expect("a lock")[from..].to_vec()
    }

    /// Asks the studio for a keyframe.
    pub(crate) fn ask(&self, kind: KeyframeRequestKind) {
        *self.ask.lock().expect("a lock") = Some(kind);
    }

    /// From the answer to the media connection, for each session.
    pub(crate) fn connected(&self) -> Vec<Duration> {
        self.connected.lock().expect("a lock").clone()
    }
}

#[derive(Clone)]
struct Endpoint {
    arrived: Arc<Arrived>,
    udp: Arc<UdpSocket>,
    address: SocketAddr,
    /// Where the studio is told to send.
    front: SocketAddr,
    media: Arc<Mutex<Option<JoinHandle<()>>>>,
}

/// A running endpoint.
pub(crate) struct Server {
    tcp: SocketAddr,
    pub(crate) arrived: Arc<Arrived>,
    endpoint: Endpoint,
    http: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(arrived: Arc<Arrived>, tcp: SocketAddr) -> Self {
        Self::start_behind(arrived, tcp, None).await
    }

    /// Media comes over `link`, HTTP directly.
    pub(crate) async fn start_behind(arrived: Arc<Arrived>, tcp: SocketAddr, link: Option<&Link>) -> Self {
        let listener = listen(tcp).await;
        let tcp = listener.local_addr().expect("an address");
        let udp = Arc::new(UdpSocket::bind("127.0.0.1:0").await.expect("a UDP port"));
        let address = udp.local_addr().expect("an address");
        let endpoint = Endpoint {
            arrived: Arc::clone(&arrived),
            udp,
            address,
            front: link.map_or(address, |link| link.lead_to(address)),
            media: Arc::default(),
        };
        let app = Router::new()
            .route("/whip/main", post(whip))
            .route("/session", delete(goodbye))
            .with_state(endpoint.clone());
        // Its connections end with it, as those of a killed process do.
        let http = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.expect("accepts");
                let service = hyper_util::service::TowerToHyperService::new(app.clone());
                let stream = hyper_util::rt::TokioIo::new(stream);
                connections
                    .spawn(hyper::server::conn::http1::Builder::new().serve_connection(stream, service));
            }
        });
        Self { tcp, arrived, endpoint, http }
    }

    pub(crate) fn target(&self, key: &str) -> Outlet {
        let target = Target::Whip { url: format!("http://{}/whip/main", self.tcp), key: Secret::new(key) };
        Outlet::home(0, "endpoint", target)
    }

    /// Media stops, HTTP goes on: a relay that hangs.
    pub(crate) fn go_silent(&self) {
        if let Some(media) = self.endpoint.media.lock().expect("a lock").take() {
            media.abort();
        }
    }

    /// What `kill -9` looks like from outside.
    pub(crate) async fn kill(self) -> SocketAddr {
        self.go_silent();
        self.http.abort();
        // Aborted is what it shall be.
        drop(self.http.await);
        self.tcp
    }
}

/// The port of a killed endpoint may need a moment to be free.
async fn listen(address: SocketAddr) -> TcpListener {
    let start = Instant::now();
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(error) => assert!(start.elapsed() < DEADLINE, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn goodbye(State(endpoint): State<Endpoint>) -> StatusCode {
    endpoint.arrived.goodbyes.fetch_add(1, Ordering::SeqCst);
    endpoint.media.lock().expect("a lock").take().inspect(JoinHandle::abort);
    StatusCode::OK
}

async fn whip(State(endpoint): State<Endpoint>, headers: HeaderMap, offer: Bytes) -> Response {
    endpoint.arrived.offers.fetch_add(1, Ordering::SeqCst);
    let bearer = format!("Bearer {KEY}");
    if headers.get(header::AUTHORIZATION).is_none_or(|value| value != bearer.as_str()) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let text = String::from_utf8(offer.to_vec()).expect("the offer is text");
    for wanted in ["H264/90000", "profile-level-id=42e01f", "useinbandfec=1", "a=candidate", "127.0.0.1"] {
        assert!(text.contains(wanted), "{wanted} is not in {text}");
    }
    let offer = SdpOffer::from_sdp_string(&text).expect("the offer is SDP");
    let mut rtc = Rtc::builder()
        .clear_codecs()
        .enable_h264(true)
        .enable_opus(true, false)
        .set_extension(9, Extension::AbsoluteCaptureTime)
        .set_rtp_mode(true)
        .set_ice_lite(true)
        .build(Instant::now());
    rtc.add_local_candidate(Candidate::host(endpoint.address, "udp").expect("a candidate"));
    let answer = rtc.sdp_api().accept_offer(offer).expect("the offer is acceptable").to_sdp_string();
    let port = |address: SocketAddr| format!(" {} typ host", address.port());
    let answer = answer.replace(&port(endpoint.address), &port(endpoint.front));
    let task = tokio::spawn(receive(rtc, endpoint.clone()));
    if let Some(before) = endpoint.media.lock().expect("a lock").replace(task) {
        before.abort();
    }
    let headers = [(header::CONTENT_TYPE, "application/sdp"), (header::LOCATION, "/session")];
    (StatusCode::CREATED, headers, answer).into_response()
}

/// Drives one session until it is aborted.
async fn receive(mut rtc: Rtc, endpoint: Endpoint) {
    let (udp, arrived) = (&endpoint.udp, &endpoint.arrived);
    let begin = Instant::now();
    let mut assembler = Assembler::new();
    let mut video: Option<Ssrc> = None;
    let mut buffer = vec![0; 2000];
    loop {
        if let Some(ssrc) = video
            && let Some(kind) = arrived.ask.lock().expect("a lock").take()
            && let Some(stream) = rtc.direct_api().stream_rx(&ssrc)
        {
            stream.request_keyframe(kind);
        }
        let timeout = loop {
            match rtc.poll_output().expect("str0m runs") {
                Output::Timeout(at) => break at,
                Output::Transmit(packet) => {
                    // A studio that went away is the test's doing.
                    drop(udp.send_to(&packet.contents, packet.destination).await);
                }
                Output::Event(Event::Connected) => {
                    arrived.connected.lock().expect("a lock").push(begin.elapsed());
                }
                Output::Event(Event::RtpPacket(packet)) if *packet.header.payload_type == 111 => {
                    arrived.sounds.fetch_add(1, Ordering::SeqCst);
                }
                Output::Event(Event::RtpPacket(packet)) if is_lower(&mut rtc, &packet) => {
                    arrived.lower.fetch_add(1, Ordering::SeqCst);
                }
                Output::Event(Event::RtpPacket(packet)) => {
                    video = Some(packet.header.ssrc);
                    take(&packet, &mut assembler, begin, arrived);
                }
                Output::Event(_) => {}
            }
        };
        let wait = timeout.saturating_duration_since(Instant::now()).min(Duration::from_millis(5));
        let input = match tokio::time::timeout(wait, udp.recv_from(&mut buffer)).await {
            Ok(Ok((length, source))) => {
                let Ok(contents) = buffer[..length].try_into() else {
                    continue;
                };
                let destination = endpoint.address;
                Input::Receive(
                    Instant::now(),
                    Receive { proto: Protocol::Udp, source, destination, contents },
                )
            }
            _ => Input::Timeout(Instant::now()),
        };
        if rtc.accepts(&input) {
            rtc.handle_input(input).expect("str0m runs");
        }
    }
}

/// Whether it is of another layer than the picture itself.
fn is_lower(rtc: &mut Rtc, packet: &RtpPacket) -> bool {
    let rid = rtc.direct_api().stream_rx(&packet.header.ssrc).and_then(|stream| stream.rid());
    rid.is_some_and(|rid| &*rid != "h")
}

fn take(packet: &RtpPacket, assembler: &mut Assembler, begin: Instant, arrived: &Arrived) {
    let captured = packet.header.ext_vals.abs_capture_time.and_then(|stamp| {
        let since = stamp.capture_time.duration_since(UNIX_EPOCH).ok()?;
        Some(Time::from_micros(since.as_micros() as u64))
    });
    let incoming = Incoming {
        seq: *packet.seq_no,
        timestamp: packet.header.timestamp,
        marker: packet.header.marker,
        payload: &packet.payload,
        captured,
    };
    assembler.push(incoming, Time::from_micros(begin.elapsed().as_micros() as u64));
    if assembler.take_keyframe_wanted() {
        arrived.ask(KeyframeRequestKind::Pli);
    }
    while let Some(unit) = assembler.pop() {
        let unit = Unit {
            timestamp: unit.timestamp,
            keyframe: unit.keyframe,
            captured: unit.captured,
            arrived: Instant::now(),
        };
        arrived.units.lock().expect("a lock").push(unit);
    }
}
