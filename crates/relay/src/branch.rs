//! A relay without a room of its own: it holds chat sessions of another's, over the bus, and passes every other request
//! on to that one. Media goes between viewers and the room's home directly; the pages and their paths are the same.

use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use footlight_protocol::{Code, Failure};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::bus::{self, BranchSetup, Gate};
use crate::chat::pipe::Pipe;
use crate::chat::socket::{Context, Room};
use crate::config::Config;
use crate::drain::Drain;
use crate::error::Error;
use crate::http::api::{Upgrade, upgraded};
use crate::http::behind::{ASKED, CLIENT, PASS};
use crate::http::fail::Fail;
use crate::http::listener::Listener;
use crate::http::{From, api};
use crate::metrics::Metrics;
use crate::ports::{bind_tcp, reachable};
use crate::relay::{Handle, Ready};
use crate::room;
use crate::tls;
use crate::usage::raise_open_files;

/// How long a request waits for the home's pass, which a branch asks for when it begins.
const HANDED: Duration = Duration::from_secs(1);
/// What concerns one connection only, and is not passed on (RFC 9110 section 7.6.1).
const OF_THE_CONNECTION: [HeaderName; 8] = [
    header::CONNECTION,
    header::HOST,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// A branch whose port is bound. [`Branch::run`] serves.
pub struct Branch {
    ready: Ready,
    handle: Handle,
    listener: Listener,
    tls: Option<tls::Acceptor>,
    setup: BranchSetup,
    sockets: TaskTracker,
}

/// What the routes share.
struct Shared {
    gate: Gate,
    home: Url,
    client: Client,
    metrics: Arc<Metrics>,
    sockets: TaskTracker,
    drain: Drain,
}

impl Branch {
    /// Binds the port. Needs [`Config::home`] and [`Config::bus`]; neither has to answer yet.
    pub async fn bind(config: Config) -> Result<Self, Error> {
        raise_open_files();
        let wrong = |message: &str| Error::Setting { setting: "home", message: message.to_owned() };
        let home: Option<Url> = config.home.as_deref().and_then(|home| home.parse().ok());
        let home = home
            .filter(|home| matches!(home.scheme(), "http" | "https") && home.has_host())
            .ok_or_else(|| wrong("is no http:// or https:// address"))?;
        let url = config.bus.as_ref().ok_or_else(|| wrong("needs FOOTLIGHT_BUS, the way to it"))?;
        let tls = config.tls.as_ref().map(|files| tls::Acceptor::load(files, None)).transpose()?;
        let tcp: TcpListener =
            bind_tcp(config.listen).map_err(|source| Error::listen(config.listen, source))?;
        let address = tcp.local_addr().map_err(|source| Error::listen(config.listen, source))?;
        let metrics = Arc::new(Metrics::default());
        let offline = room::offline(config.room.clone());
        let (setup, gate) = BranchSetup::new(bus::connect(url).await?, offline, metrics.clone())?;
        let (sockets, drain) = (TaskTracker::new(), Drain::new(config.drain));
        let handle = Handle::new(gate.state.clone(), drain.clone(), Weak::new());
        let client = Client::builder().redirect(Policy::none()).no_proxy().build();
        let shared = Shared {
            gate,
            home,
            client: client.map_err(|_| Error::System { what: "an HTTP client" })?,
            metrics: metrics.clone(),
            sockets: sockets.clone(),
            drain,
        };
        let listener = Listener {
            tcp,
            router: router(Arc::new(shared)),
            tls: tls.clone(),
            media: None,
            connections: config.limits.connections,
            metrics,
        };
        let scheme = if tls.is_some() { "https" } else { "http" };
        let http = format!("{scheme}://{}", reachable(address));
        let ready = Ready {
            watch: format!("{http}/{}", config.room),
            http,
            udp: 0,
            rtmp: None,
            rtmps: None,
            room: config.room,
            stream_key: None,
            owner_token: None,
        };
        Ok(Self { ready, handle, listener, tls, setup, sockets })
    }

    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Serves until cancelled, then ends as [`crate::Relay::run`] does.
    pub async fn run(self, cancel: CancellationToken) -> Result<(), Error> {
        let Self { handle, listener, tls, setup, sockets, .. } = self;
        let accepting = CancellationToken::new();
        let mut listening = JoinSet::new();
        listening.spawn(listener.run(accepting.clone()));
        if let Some(tls) = tls {
            listening.spawn(tls.keep_current(accepting.clone()));
        }
        let serving = CancellationToken::new();
        let mut room = tokio::spawn(setup.run(serving.clone()));
        let died = tokio::select! {
            () = handle.over(&cancel) => None,
            _ = listening.join_next() => Some("the listener"),
            _ = &mut room => Some("the bus"),
        };
        accepting.cancel();
        serving.cancel();
        sockets.close();
        let ended = async {
            sockets.wait().await;
            while listening.join_next().await.is_some() {}
        };
        let late = tokio::time::timeout(std::time::Duration::from_secs(4), ended).await.is_err();
        listening.shutdown().await;
        match died {
            Some(part) => Err(Error::Stopped { part }),
            None if late => Err(Error::Overdue { parts: "the chat sockets".to_owned() }),
            None => Ok(()),
        }
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/ws/{room}", get(socket))
        .route("/healthz", get(ready))
        .route("/healthz/ready", get(ready))
        .route("/healthz/live", get(api::live))
        .route("/metrics", get(metrics))
        .fallback(pass_on)
        .with_state(shared)
}

/// `GET /ws/{room}`
async fn socket(
    State(branch): State<Arc<Shared>>,
    Extension(From(address)): Extension<From>,
    pipe: Option<Extension<Pipe>>,
    Path(room): Path<String>,
    upgrade: Upgrade,
) -> Result<Response, Fail> {
    if room != branch.gate.id.as_str() {
        return Err(Failure::new(Code::NotFound, "There is no such room").into());
    }
    let room = Room::There(branch.gate.clone());
    upgraded(upgrade, pipe, address.ip(), Context { room, metrics: branch.metrics.clone() }, &branch.sockets)
}

/// `GET /healthz` and `/healthz/ready`: the home is heard, and new people are taken.
async fn ready(State(branch): State<Arc<Shared>>) -> Response {
    if branch.drain.is_begun() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n").into_response();
    }
    if !branch.gate.is_heard() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the room's home is not heard\n").into_response();
    }
    "ok\n".into_response()
}

/// `GET /metrics`
async fn metrics(State(branch): State<Arc<Shared>>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], branch.metrics.render()).into_response()
}

/// Everything else is the home's to answer.
async fn pass_on(
    State(branch): State<Arc<Shared>>,
    Extension(From(address)): Extension<From>,
    request: Request,
) -> Result<Response, Fail> {
    let (parts, body) = request.into_parts();
    let asked = parts.headers.get(header::HOST).cloned();
    let mut headers = without_connection(parts.headers);
    let mut handed = branch.gate.pass.clone();
    // The first moments of a branch: without the pass the home would take its client for the branch itself.
    let pass = match tokio::time::timeout(HANDED, handed.wait_for(Option::is_some)).await {
        Ok(Ok(pass)) => pass.as_ref().and_then(|pass| HeaderValue::from_str(pass.reveal()).ok()),
        _ => None,
    };
    let client = HeaderValue::from_str(&address.ip().to_string());
    if let (Some(mut pass), Ok(client)) = (pass, client) {
        pass.set_sensitive(true);
        headers.insert(PASS, pass);
        headers.insert(CLIENT, client);
        if let Some(asked) = asked {
            headers.insert(ASKED, asked);
        }
    }
    let mut url = branch.home.clone();
    url.set_path(parts.uri.path());
    url.set_query(parts.uri.query());
    let asked = branch
        .client
        .request(parts.method, url)
        .headers(headers)
        .body(reqwest::Body::wrap_stream(body.into_data_stream()))
        .send()
        .await;
    let answer = asked.map_err(|error| {
        tracing::debug!(%error, "the home cannot be reached");
        let message = "The relay that has this room does not answer; try again in a moment";
        Fail::new(StatusCode::BAD_GATEWAY, Code::Unreachable, message)
    })?;
    let (status, headers) = (answer.status(), without_connection(answer.headers().clone()));
    Ok((status, headers, Body::from_stream(answer.bytes_stream())).into_response())
}

fn without_connection(mut headers: HeaderMap) -> HeaderMap {
    for name in &OF_THE_CONNECTION {
        headers.remove(name);
    }
    headers
}
