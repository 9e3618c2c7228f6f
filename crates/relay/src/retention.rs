//! Chat goes when it is as old as the settings say: once an hour, in small pieces with pauses, so that no room waits for it.

use std::time::Duration;

use footlight_protocol::RoomId;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::store::Store;
use crate::store::retention::Position;

/// How often it is looked for.
const EVERY: Duration = Duration::from_secs(3600);
/// Between two pieces: what rooms write meanwhile goes first.
const PAUSE: Duration = Duration::from_millis(100);
const DAY_MS: u64 = 24 * 3600 * 1_000;

/// Looks after the chat of some rooms.
pub(crate) struct Keeper {
    pub(crate) store: Store,
    pub(crate) rooms: Vec<RoomId>,
    /// At least one.
    pub(crate) days: u32,
}

impl Keeper {
    /// Ends when it is cancelled.
    pub(crate) async fn run(self, cancel: CancellationToken) {
        let mut positions = vec![Position::default(); self.rooms.len()];
        loop {
            for (room, position) in self.rooms.iter().zip(&mut positions) {
                if cancel.run_until_cancelled(self.look(room, position)).await.is_none() {
                    return;
                }
            }
            if cancel.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
                return;
            }
        }
    }

    async fn look(&self, room: &RoomId, position: &mut Position) {
        let before = clock::now_millis().saturating_sub(u64::from(self.days) * DAY_MS);
        let mut events = 0;
        loop {
            let forgotten = match self.store.forget_chat(room.clone(), *position, before).await {
                Ok(forgotten) => forgotten,
                // The next hour is as good.
                Err(error) => return tracing::error!(%room, %error, "old chat could not be taken away"),
            };
            *position = forgotten.next;
            events += forgotten.events;
            if !forgotten.more {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        if events > 0 {
            tracing::info!(%room, events, "old chat was taken away");
        }
    }
}
