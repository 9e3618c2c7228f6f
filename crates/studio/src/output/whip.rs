//! WHIP, RFC 9725: an HTTP POST of the offer, media over WebRTC, a DELETE at the end.
//!
//! A relay that dies says nothing. Three things tell: its feedback stops, its TCP side closes (a connection is kept
//! open for nothing else), or the ICE agent gives up. The first two are known within a second and a half.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use reqwest::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use reqwest::{Client, Response, StatusCode, Url};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use webrtc::peer_connection::RTCPeerConnectionState;

use super::peer::Peer;
use super::tap::Link;
use super::{Output, Refusal, Secret};
use crate::lane::Parcel;

/// A relay that takes longer to answer an offer is not one to wait for.
const ANSWER: Duration = Duration::from_secs(5);
/// From answer to media.
const MEDIA: Duration = Duration::from_secs(5);
/// A goodbye that takes longer is not worth holding up the end of the broadcast.
const GOODBYE: Duration = Duration::from_secs(1);
/// An answer is a few KB.
const MAX_ANSWER: usize = 64 * 1024;
/// Receivers report ten times a second; this much silence while we send is a dead relay.
const SILENCE: Duration = Duration::from_millis(1500);
/// As above, when the relay's TCP side has closed: a restart closes it, a proxy's timeout does not stop reports.
const SUSPICIOUS_SILENCE: Duration = Duration::from_millis(400);
/// How often the above is looked at.
const GLANCE: Duration = Duration::from_millis(100);
/// Looks that are further apart mean that this program was stopped, or had no core: then nobody else was silent, and the
/// relay, which has kept the session, is heard again within [`SILENCE`].
const STANDSTILL: Duration = Duration::from_millis(1000);

pub(super) struct Session {
    http: Client,
    key: Secret,
    resource: Option<Url>,
    relay: SocketAddr,
    peer: Peer,
    link: Arc<Link>,
}

impl Session {
    /// Connects, up to a media path that is open.
    pub(super) async fn connect(output: &Output, url: &str, key: &Secret) -> Result<Self, Refusal> {
        let begin = Instant::now();
        let url = Url::parse(url).map_err(|_| Refusal::Unreachable("not a URL".into()))?;
        let relay = resolve(&url).await?;
        let mut http = Client::builder().connect_timeout(ANSWER).timeout(ANSWER);
        if relay.ip().is_loopback() {
            http = http.no_proxy();
        }
        let http = http.build().map_err(unreachable)?;
        let link =
            Link::new(Arc::clone(&output.air), Arc::clone(&output.lane), output.clock, output.ceiling_kbps);
        let link = Arc::new(link);
        let mut peer = Peer::new(relay, Arc::clone(&link), output.layers).await.map_err(media)?;
        let offer = peer.offer().await.map_err(media)?;
        let offered = begin.elapsed();
        let mut session = Self { http, key: key.clone(), resource: None, relay, peer, link };
        // Whatever fails from here on, the relay is not left with half a session.
        match session.establish(&url, offer).await {
            Ok(answered) => {
                let (offer, answer, media) = (offered, answered - begin, begin.elapsed());
                tracing::debug!(?offer, ?answer, ?media, "connected");
                Ok(session)
            }
            Err(refusal) => {
                session.close().await;
                Err(refusal)
            }
        }
    }

    async fn establish(&mut self, url: &Url, offer: String) -> Result<Instant, Refusal> {
        let request = self.http.post(url.clone()).bearer_auth(self.key.expose());
        let request = request.header(CONTENT_TYPE, "application/sdp").header(ACCEPT, "application/sdp");
        let response = request.body(offer).send().await.map_err(unreachable)?;
        match response.status() {
            StatusCode::CREATED => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(Refusal::Key),
            other => return Err(Refusal::Status(other.as_u16())),
        }
        let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        self.resource = location.and_then(|location| response.url().join(location).ok());
        let answer = body(response).await?;
        let answered = Instant::now();
        self.peer.accept(answer).await.map_err(media)?;
        let mut state = self.peer.state.clone();
        let open = state.wait_for(|state| {
            matches!(
                state,
                RTCPeerConnectionState::Connected
                    | RTCPeerConnectionState::Failed
                    | RTCPeerConnectionState::Closed
            )
        });
        match timeout(MEDIA, open).await {
            Ok(Ok(state)) if *state == RTCPeerConnectionState::Connected => Ok(answered),
            Ok(_) => Err(Refusal::Media("refused".into())),
            Err(_) => Err(Refusal::Media("timed out".into())),
        }
    }

    /// Sends packets until the relay is gone or `stop`; says why it ended.
    pub(super) async fn run(
        &mut self,
        packets: &mut mpsc::Receiver<Parcel>,
        stop: &CancellationToken,
    ) -> &'static str {
        let mut looks = Looks::begin();
        let (tell, canary) = watch::channel(Canary::Alive);
        let _canary = AbortOnDropHandle::new(tokio::spawn(self::canary(self.relay, tell)));
        let mut state = self.peer.state.clone();
        let mut glance = tokio::time::interval(GLANCE);
        glance.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return "stopped",
                changed = state.changed() => {
                    let state = *state.borrow_and_update();
                    let over = matches!(state, RTCPeerConnectionState::Failed | RTCPeerConnectionState::Closed);
                    let shaky = state == RTCPeerConnectionState::Disconnected && !looks.stood_still();
                    if changed.is_err() || over || shaky {
                        return "the media connection is lost";
                    }
                }
                packet = packets.recv() => {
                    let Some(packet) = packet else { return "stopped" };
                    if let Err(error) = self.peer.send(&packet).await {
                        tracing::debug!(%error, "send");
                        return "the media connection is closed";
                    }
                    self.link.lane.sent(packet.packet.data.len());
                }
                _ = glance.tick() => {
                    if !looks.stood_still() && *state.borrow() == RTCPeerConnectionState::Disconnected {
                        return "the media connection is lost";
                    }
                    looks.look();
                    // The relay reports on what it receives: nothing can be heard before something was sent.
                    let silent = self.link.heard().max(looks.since).elapsed();
                    let patience = match *canary.borrow() {
                        Canary::Alive => SILENCE,
                        Canary::Suspicious => SUSPICIOUS_SILENCE,
                        Canary::Gone => return "the relay closed its port",
                    };
                    if silent > patience {
                        return "the relay is silent";
                    }
                }
            }
        }
    }

    /// Says goodbye: the relay frees the room at once.
    pub(super) async fn close(&mut self) {
        self.link.lane.rtt_micros.store(0, Ordering::Relaxed);
        if let Some(resource) = self.resource.take() {
            let request = self.http.delete(resource).bearer_auth(self.key.expose()).timeout(GOODBYE);
            if let Err(error) = request.send().await {
                tracing::debug!(%error, "delete the session");
            }
        }
        self.peer.close().await;
    }
}

/// When this program looked after the relay.
struct Looks {
    /// Silence counts from here at the earliest.
    since: Instant,
    last: Instant,
    /// It has stood still of late, until then.
    excused: Instant,
}

impl Looks {
    fn begin() -> Self {
        let now = Instant::now();
        Self { since: now, last: now, excused: now }
    }

    fn look(&mut self) {
        self.stood_still();
        self.last = Instant::now();
    }

    /// Whether what is seen now may be of a time in which nobody here looked.
    fn stood_still(&mut self) -> bool {
        let now = Instant::now();
        if now.duration_since(self.last) > STANDSTILL {
            (self.since, self.last, self.excused) = (now, now, now + SILENCE);
        }
        now < self.excused
    }
}

/// What the TCP connection that carries nothing says of the relay. It breaks the moment the relay's process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Canary {
    Alive,
    /// It broke once, so silence is judged sooner.
    Suspicious,
    /// Its port is closed.
    Gone,
}

/// Refused this often in a row, [`CANARY_PAUSE`] apart, the relay is gone and not just busy.
const REFUSALS: u32 = 2;
const CANARY_PAUSE: Duration = Duration::from_millis(50);

/// Keeps the connection open and tells how it fares, until aborted.
async fn canary(relay: SocketAddr, tell: watch::Sender<Canary>) {
    let mut refused = 0;
    loop {
        match TcpStream::connect(relay).await {
            Ok(mut stream) => {
                refused = 0;
                // Bytes, an end or an error: nothing of use can come, so each of them ends this connection.
                drop(stream.read(&mut [0]).await);
                tell.send_replace(Canary::Suspicious);
            }
            Err(_) => {
                refused += 1;
                if refused >= REFUSALS {
                    tell.send_replace(Canary::Gone);
                    return;
                }
            }
        }
        tokio::time::sleep(CANARY_PAUSE).await;
    }
}

async fn resolve(url: &Url) -> Result<SocketAddr, Refusal> {
    let none = || Refusal::Unreachable("no host in the URL".into());
    let host = url.host_str().ok_or_else(none)?.trim_matches(['[', ']']);
    let port = url.port_or_known_default().ok_or_else(none)?;
    let found = timeout(ANSWER, tokio::net::lookup_host((host, port))).await;
    let found = found.map_err(|_| Refusal::Unreachable("no such host".into()))?;
    let mut found = found.map_err(|error| Refusal::Unreachable(error.to_string()))?;
    found.next().ok_or_else(|| Refusal::Unreachable("no such host".into()))
}

async fn body(mut response: Response) -> Result<String, Refusal> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_ANSWER {
            return Err(Refusal::Unreachable("the answer is too long".into()));
        }
    }
    String::from_utf8(bytes).map_err(|_| Refusal::Unreachable("the answer is not text".into()))
}

// The URL stays out of messages: it names the room, and a log is not the place.
fn unreachable(error: reqwest::Error) -> Refusal {
    Refusal::Unreachable(error.without_url().to_string())
}

fn media(error: super::peer::Failed) -> Refusal {
    Refusal::Media(error.to_string())
}
