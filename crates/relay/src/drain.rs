//! The time between being asked to end and ending: those who are here stay, nobody new is taken, and the relay
//! says of itself that it is not ready.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use footlight_protocol::room::{RoomState, StreamState, UnixMillis};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::clock;

/// Shared by all who have to know; cheap to clone.
#[derive(Clone)]
pub(crate) struct Drain {
    longest: Duration,
    begun: CancellationToken,
    hurry: CancellationToken,
    /// When it will be over, in milliseconds since the Unix epoch.
    at: Arc<AtomicU64>,
}

impl Drain {
    pub(crate) fn new(longest: Duration) -> Self {
        Self { longest, begun: CancellationToken::new(), hurry: CancellationToken::new(), at: Arc::default() }
    }

    pub(crate) fn is_begun(&self) -> bool {
        self.begun.is_cancelled()
    }

    /// Resolves when the relay begins to drain, and says until when.
    pub(crate) async fn begun(&self) -> UnixMillis {
        self.begun.cancelled().await;
        self.at.load(Ordering::Relaxed)
    }

    pub(crate) fn hurry(&self) {
        self.hurry.cancel();
    }

    /// Waits to be asked, begins, and resolves when it is over: time is up, somebody is in a hurry, or nobody is on
    /// air and nobody watches any more.
    pub(crate) async fn over(&self, asked: &CancellationToken, mut room: watch::Receiver<RoomState>) {
        asked.cancelled().await;
        self.at.store(clock::now_millis() + self.longest.as_millis() as u64, Ordering::Relaxed);
        self.begun.cancel();
        if self.longest.is_zero() {
            return;
        }
        tracing::info!(seconds = self.longest.as_secs(), "draining: nobody new is taken");
        let empty = |state: &RoomState| state.stream == StreamState::Offline && state.presence.viewers == 0;
        tokio::select! {
            () = tokio::time::sleep(self.longest) => {}
            () = self.hurry.cancelled() => {}
            _ = room.wait_for(empty) => {}
        }
    }
}
