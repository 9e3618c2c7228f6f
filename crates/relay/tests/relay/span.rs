//! One room over two relays, with a NATS server between them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use axum::http::Method;
use footlight_relay::{Branch, Config, Ready};
use tokio_util::sync::CancellationToken;

use crate::nats::Broker;
use crate::stage::{Folder, PATIENCE, Stage, ask, config};

/// Where a story of the room is played.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ground {
    /// In one relay.
    Alone,
    /// Over two: every second member is a branch's.
    Spanned,
}

impl Ground {
    pub(crate) async fn stage(self) -> Stage {
        let folder = Folder::new();
        self.stage_in(&folder).await.keeping(folder)
    }

    pub(crate) async fn stage_in(self, folder: &Folder) -> Stage {
        match self {
            Self::Alone => Stage::with(config(folder)).await,
            Self::Spanned => {
                let broker = Broker::start();
                let bus = Some(broker.url());
                let mut stage = Stage::with(Config { bus, ..config(folder) }).await;
                stage.span = Some(Span::new(broker, &stage.ready.http).await);
                stage
            }
        }
    }
}

/// The rest of a room that goes over two relays.
pub(crate) struct Span {
    pub(crate) broker: Broker,
    pub(crate) branch: Ready,
    turns: AtomicUsize,
    cancel: CancellationToken,
}

impl Span {
    async fn new(broker: Broker, home: &str) -> Self {
        let config = Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            home: Some(home.to_owned()),
            bus: Some(broker.url()),
            ..Config::default()
        };
        let branch = Branch::bind(config).await.unwrap();
        let (ready, cancel) = (branch.ready().clone(), CancellationToken::new());
        tokio::spawn(branch.run(cancel.clone()));
        let begun = Instant::now();
        while ask(&ready.http, Method::GET, "/healthz", &[], "").await.status != 200 {
            assert!(begun.elapsed() < PATIENCE, "the branch does not hear its home");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        Self { broker, branch: ready, turns: AtomicUsize::new(0), cancel }
    }

    /// Ends the branch in order.
    pub(crate) fn end(&self) {
        self.cancel.cancel();
    }

    /// The branch's base URL, every second time.
    pub(crate) fn turn(&self) -> Option<&str> {
        (self.turns.fetch_add(1, Ordering::Relaxed) % 2 == 1).then_some(self.branch.http.as_str())
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

/// Each story on both grounds.
macro_rules! on_both_grounds {
    ($($story:ident),+ $(,)?) => {
        mod alone {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $story() {
                super::$story(crate::span::Ground::Alone).await;
            })+
        }

        mod spanned {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $story() {
                super::$story(crate::span::Ground::Spanned).await;
            })+
        }
    };
}

pub(crate) use on_both_grounds;
