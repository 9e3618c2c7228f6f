//! The viewfinder: the newest picture for whoever looks at it, and whether anybody does.
//!
//! While nobody looks and nothing goes out, the studio rests: nothing is converted, composed or drawn.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use footlight_media::{Frame, Time};
use tokio::sync::watch;

use crate::Clock;

/// A look counts for so long: longer than a window that has much to do takes from one picture to the next.
const LINGER: Duration = Duration::from_secs(5);

/// Shows the newest picture, and only that: who is slow misses some. A clone looks for itself.
#[derive(Debug, Clone)]
pub struct Finder {
    frames: watch::Receiver<Option<Frame>>,
    looks: Arc<Looks>,
}

/// When somebody looked last.
#[derive(Debug)]
pub(crate) struct Looks {
    clock: Clock,
    last_micros: AtomicU64,
}

impl Finder {
    pub(crate) fn new(frames: watch::Receiver<Option<Frame>>, looks: Arc<Looks>) -> Self {
        Self { frames, looks }
    }

    /// The newest picture that was not asked for yet; `None` where none came `within` that time.
    pub async fn next(&mut self, within: Duration) -> Option<Frame> {
        self.looks.look();
        let changed = tokio::time::timeout(within, self.frames.changed()).await;
        self.looks.look();
        let frame = self.frames.borrow_and_update().clone();
        frame.filter(|_| matches!(changed, Ok(Ok(()))))
    }

    /// The newest picture so far, without looking.
    pub fn newest(&self) -> Option<Frame> {
        self.frames.borrow().clone()
    }
}

impl Looks {
    pub(crate) fn new(clock: Clock) -> Self {
        // Somebody is about to look.
        Self { clock, last_micros: AtomicU64::new(clock.now().as_micros()) }
    }

    fn look(&self) {
        self.last_micros.store(self.clock.now().as_micros(), Ordering::Relaxed);
    }

    pub(crate) fn is_anybody_there(&self) -> bool {
        let last = Time::from_micros(self.last_micros.load(Ordering::Relaxed));
        self.clock.now().since(last) < LINGER
    }
}
