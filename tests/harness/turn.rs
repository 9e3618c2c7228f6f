//! One story at a time: they run in real time, and on a small machine two of them would disturb each other.

use tokio::sync::{Mutex, MutexGuard};

static TURN: Mutex<()> = Mutex::const_new(());

/// Waits for the other real-time stories to end. Held until the story's end.
pub async fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().await
}
