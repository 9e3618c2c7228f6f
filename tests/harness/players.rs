//! A page with players of others, served to any browser: plain WHEP, mpegts.js and hls.js, as `fixtures/players.html`
//! tells it, and what they showed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::bins;
use crate::wait::{self, seconds};
use crate::webdriver::Session;

/// How a page may play.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    Whep,
    /// HTTP-FLV by mpegts.js.
    Flv,
    /// FLV over a WebSocket by mpegts.js.
    SocketFlv,
    /// LL-HLS by hls.js.
    Hls,
}

impl Way {
    /// What the page calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Whep => "whep",
            Self::Flv => "flv",
            Self::SocketFlv => "ws-flv",
            Self::Hls => "hls",
        }
    }
}

/// One look at a picture.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Look {
    /// In milliseconds since the Unix epoch.
    pub at: f64,
    /// The number in the picture, where it has a readable one.
    pub counter: Option<u32>,
    /// Capture to the look, where the picture says when it was captured.
    pub age_ms: Option<f64>,
}

/// Serves the page and its libraries on a port of its own, as a site that embeds the relay's streams would.
#[derive(Debug)]
pub struct Site {
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl Site {
    pub async fn open() -> Self {
        let file = |kind: &'static str, text: String| get(async move || ([(CONTENT_TYPE, kind)], text));
        let script = |text: String| file("text/javascript; charset=utf-8", text);
        let pages = Router::new()
            .route("/", file("text/html; charset=utf-8", include_str!("../fixtures/players.html").to_owned()))
            .route("/instruments.js", script(include_str!("instruments.js").to_owned()))
            .route("/hls.js", script(library("hls.js/dist/hls.min.js")))
            .route("/mpegts.js", script(library("mpegts.js/dist/mpegts.js")));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let server = tokio::spawn(async move {
            axum::serve(listener, pages).await.expect("it serves for as long as it is listened to");
        });
        Self { address, server }
    }

    /// Opens the page in a browser, so that it plays the relay's room in all these ways at once.
    pub async fn play<'a>(&self, page: &'a Session, relay: &str, ways: &'a [Way]) -> Players<'a> {
        let names: Vec<&str> = ways.iter().map(|way| way.name()).collect();
        let mut link = url::Url::parse(&format!("http://{}/", self.address)).expect("an address makes a URL");
        link.query_pairs_mut().append_pair("relay", relay).append_pair("ways", &names.join(" "));
        page.goto(link.as_str()).await;
        Players { page, ways }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The players of one page.
#[derive(Debug)]
pub struct Players<'a> {
    page: &'a Session,
    pub ways: &'a [Way],
}

impl Players<'_> {
    /// Waits until all of them have shown numbers for two seconds: by then they are as near to the end as they want to
    /// be. Those that do not in time are told of by [`Players::watch`].
    pub async fn settled(&self) {
        let all = "return Object.values(playing).every(
            ({ looks }) => looks.filter(look => look.counter !== null).length >= 20)";
        wait::within(seconds(20), async || (self.page.run(all).await == true).then_some(())).await;
    }

    /// What is seen from now on for so many seconds, and what each player has complained of since it began.
    pub async fn watch(&self, seconds: u32) -> BTreeMap<Way, (Vec<Look>, Vec<String>)> {
        let seen = self.page.run_async(&format!("watched({seconds})")).await.expect("the page looks on");
        let mut seen: BTreeMap<String, (Vec<Look>, Vec<String>)> =
            serde_json::from_value(seen).expect("players.html writes these fields");
        self.ways.iter().map(|way| (*way, seen.remove(way.name()).unwrap_or_default())).collect()
    }
}

fn library(path: &str) -> String {
    let path: PathBuf = bins::target_dir().join("tools/npm/node_modules").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!("{}: {error}: run `cargo xtask test`, which installs it by npm", path.display())
    })
}
