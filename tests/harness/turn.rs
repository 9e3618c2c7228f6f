//! Who runs when: stories run in real time, and on a small machine two of them would disturb each other.

use tokio::sync::{Semaphore, SemaphorePermit};

/// Stories that only talk and click may run two at a time; one that measures or moves pictures runs alone.
const PLACES: u32 = 2;

static TURN: Semaphore = Semaphore::const_new(PLACES as usize);

/// Waits for every other story to end. Held until the story's end.
pub async fn turn() -> SemaphorePermit<'static> {
    places(PLACES).await
}

/// Waits for the stories that run alone. Held until the story's end.
pub async fn side_by_side() -> SemaphorePermit<'static> {
    places(1).await
}

async fn places(count: u32) -> SemaphorePermit<'static> {
    TURN.acquire_many(count).await.expect("nobody closes it")
}
