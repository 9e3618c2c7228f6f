//! Locks whose holders cannot panic half way.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The lock, also where a holder panicked: what is behind it was whole then.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
