//! A relay on a free port with a data folder of its own, and plain HTTP to it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use footlight_relay::{Config, Error, Handle, Ready, Relay, Rtmp};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::span::Span;

/// Nothing on the loopback interface takes this long, however busy the machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A folder that is gone after the test.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("footlight-relay-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) struct Stage {
    pub(crate) ready: Ready,
    pub(crate) handle: Handle,
    cancel: CancellationToken,
    running: Option<JoinHandle<Result<(), Error>>>,
    /// Where the room goes over several relays.
    pub(crate) span: Option<Span>,
    _folder: Option<Folder>,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let folder = Folder::new();
        Self::in_folder(&folder).await.keeping(folder)
    }

    /// The same, in a folder that is gone with it.
    pub(crate) fn keeping(mut self, folder: Folder) -> Self {
        self._folder = Some(folder);
        self
    }

    pub(crate) async fn in_folder(folder: &Folder) -> Self {
        Self::with(config(folder)).await
    }

    /// In a folder that is gone with it.
    pub(crate) async fn in_its_own(folder: Folder, config: impl FnOnce(&Folder) -> Config) -> Self {
        Self::with(config(&folder)).await.keeping(folder)
    }

    pub(crate) async fn with(config: Config) -> Self {
        let relay = Relay::bind(config).await.unwrap();
        let (ready, handle, cancel) = (relay.ready().clone(), relay.handle(), CancellationToken::new());
        let running = Some(tokio::spawn(relay.run(cancel.clone())));
        Self { ready, handle, cancel, running, span: None, _folder: None }
    }

    /// The base URL that the next member comes by: each relay of the room in turn.
    pub(crate) fn door(&self) -> &str {
        self.span.as_ref().and_then(Span::turn).unwrap_or(&self.ready.http)
    }

    pub(crate) fn key(&self) -> String {
        self.ready.stream_key.as_ref().unwrap().reveal().to_owned()
    }

    pub(crate) fn owner(&self) -> String {
        self.ready.owner_token.as_ref().unwrap().reveal().to_owned()
    }

    /// Ends the relay in order.
    pub(crate) async fn stop(mut self) {
        self.stop_home().await;
    }

    /// Ends the relay that has the room, in order.
    pub(crate) async fn stop_home(&mut self) {
        self.cancel.cancel();
        let running = self.running.take().unwrap();
        tokio::time::timeout(Duration::from_secs(5), running).await.expect("ends in 5 s").unwrap().unwrap();
    }

    /// Waits until the relay's own view of the room is so.
    pub(crate) async fn until(&self, what: &str, mut so: impl FnMut(&footlight_relay::Stats) -> bool) {
        let mut handle = self.handle.clone();
        let wait = async {
            while !so(&handle.stats()) {
                assert!(handle.changed().await, "the relay is gone");
            }
        };
        if tokio::time::timeout(PATIENCE, wait).await.is_err() {
            panic!("not in time: {what}; now {:?}", self.handle.stats());
        }
    }

    /// Asks again until the answer is so.
    pub(crate) async fn poll(&self, path: &str, mut so: impl FnMut(&Answer) -> bool) -> Answer {
        let begun = std::time::Instant::now();
        loop {
            let answer = self.get(path).await;
            if so(&answer) {
                return answer;
            }
            assert!(begun.elapsed() < PATIENCE, "not in time: {path} says {}", answer.body);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[], "").await
    }

    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        ask(&self.ready.http, method, path, headers, body).await
    }
}

/// Whether somebody is on the air.
pub(crate) fn live(stats: &footlight_relay::Stats) -> bool {
    matches!(stats.stream, footlight_protocol::room::StreamState::Live { .. })
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

pub(crate) fn config(folder: &Folder) -> Config {
    let any = "127.0.0.1:0".parse().unwrap();
    Config { listen: any, rtmp: Rtmp::At(any), data: folder.0.clone(), ..Config::default() }
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The code of a failure.
    pub(crate) fn code(&self) -> String {
        let json: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        assert!(json["message"].is_string(), "{}", self.body);
        json["code"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(crate) async fn ask(
    base: &str,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Answer {
    let client: Client<_, Body> = Client::builder(TokioExecutor::new()).build_http();
    let mut request = Request::builder().method(method).uri(format!("{base}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = client.request(request.body(body.into()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(Body::new(body), usize::MAX).await.unwrap();
    Answer { status: parts.status, headers: parts.headers, body: String::from_utf8_lossy(&body).into_owned() }
}
