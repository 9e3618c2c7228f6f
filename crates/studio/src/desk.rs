//! The desk: what the window knows of the broadcaster, kept current in one place.
//!
//! Every part tells the desk what changed; it applies the event to the snapshot and hands it on in the same
//! order, under one lock, so that a listener who takes a snapshot and then events cannot miss or repeat one.

use std::sync::Mutex;

use footlight_protocol::Failure;
use footlight_protocol::studio::{Snapshot, StudioEvent};
use tokio::sync::broadcast;

use crate::worker::lock;

/// Events that a slow listener may be behind: 20 s of level events. Further behind, it has to ask for a new
/// snapshot (`RecvError::Lagged`).
const EVENTS: usize = 256;

#[derive(Debug)]
pub(crate) struct Desk {
    snapshot: Mutex<Snapshot>,
    events: broadcast::Sender<StudioEvent>,
}

impl Desk {
    pub(crate) fn new(snapshot: Snapshot) -> Self {
        Self { snapshot: Mutex::new(snapshot), events: broadcast::channel(EVENTS).0 }
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        lock(&self.snapshot).clone()
    }

    /// Reads what is wanted of it, and copies nothing else.
    pub(crate) fn look<R>(&self, read: impl FnOnce(&Snapshot) -> R) -> R {
        read(&lock(&self.snapshot))
    }

    pub(crate) fn events(&self) -> broadcast::Receiver<StudioEvent> {
        self.events.subscribe()
    }

    pub(crate) fn tell(&self, event: StudioEvent) {
        self.update(|_| Some(event));
    }

    pub(crate) fn fail(&self, failure: Failure) {
        tracing::warn!(code = ?failure.code, "{failure}");
        self.tell(StudioEvent::Failed { failure });
    }

    /// Tells what `decide` makes of the snapshot as it is, with no change in between.
    pub(crate) fn update(&self, decide: impl FnOnce(&Snapshot) -> Option<StudioEvent>) {
        let mut snapshot = lock(&self.snapshot);
        if let Some(event) = decide(&snapshot) {
            snapshot.apply(&event);
            // Nobody listening is fine: the snapshot holds it.
            drop(self.events.send(event));
        }
    }
}
