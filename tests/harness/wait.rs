//! Waiting for something to become true, with a deadline and a sentence that says what was waited for.

use std::time::{Duration, Instant};

/// Between two looks. Short beside every deadline, long beside the cost of a look.
const PERIOD: Duration = Duration::from_millis(25);

pub const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Looks until there is something. Panics with `what` when the time is over.
pub async fn until<T>(what: &str, limit: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    match within(limit, &mut look).await {
        Some(found) => found,
        None => panic!("not within {limit:?}: {what}"),
    }
}

/// Looks until there is something, or `None` when the time is over. Looks once at least.
pub async fn within<T>(limit: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = look().await {
            return Some(found);
        }
        if start.elapsed() >= limit {
            return None;
        }
        tokio::time::sleep(PERIOD).await;
    }
}
