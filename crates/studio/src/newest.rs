//! What one thread leaves for another that wants the newest and nothing else.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::worker::lock;

/// Whoever takes looks whether it shall stop at least this often.
const GLANCE: Duration = Duration::from_millis(100);

/// Bound 1: a newer one takes the place of one that was not taken.
#[derive(Debug)]
pub(crate) struct Newest<T> {
    next: Mutex<Option<T>>,
    ready: Condvar,
}

impl<T> Default for Newest<T> {
    fn default() -> Self {
        Self { next: Mutex::new(None), ready: Condvar::new() }
    }
}

impl<T> Newest<T> {
    /// Gives what was not taken.
    pub(crate) fn put(&self, next: T) -> Option<T> {
        let replaced = lock(&self.next).replace(next);
        self.ready.notify_one();
        replaced
    }

    /// Changes what was not taken, or what there is nothing of yet.
    pub(crate) fn change(&self, change: impl FnOnce(&mut T))
    where
        T: Default,
    {
        change(lock(&self.next).get_or_insert_default());
        self.ready.notify_one();
    }

    /// Waits for what comes next, a moment at most.
    pub(crate) fn take(&self) -> Option<T> {
        let waited = self.ready.wait_timeout_while(lock(&self.next), GLANCE, |next| next.is_none());
        waited.unwrap_or_else(PoisonError::into_inner).0.take()
    }

    /// What is there now.
    pub(crate) fn left(&self) -> Option<T> {
        lock(&self.next).take()
    }
}
