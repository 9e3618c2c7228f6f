//! Threads that cannot be forgotten: dropping a [`Worker`] stops its thread and joins it.
//!
//! A device driver may hang inside a call, so joining has a deadline: a thread that misses it is left behind,
//! named in the log and counted, and nothing else waits for it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::platform;

/// How long a thread may take to notice that it shall stop. The longest wait of any of ours is far below.
const JOIN_DEADLINE: Duration = Duration::from_secs(1);

/// After this it is interrupted: ours look at their stop sign at least this often, so it waits in a driver.
const PATIENCE: Duration = Duration::from_millis(200);

/// Threads that missed their deadline and still hang in a driver.
static LEFT_BEHIND: AtomicUsize = AtomicUsize::new(0);

/// How many threads hang in a driver now.
pub(crate) fn left_behind() -> usize {
    LEFT_BEHIND.load(Ordering::Relaxed)
}

/// Locks even after a panic elsewhere: what our locks guard is valid between any two statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Asks a thread to stop, and lets it sleep until then.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop {
    inner: Arc<(Mutex<bool>, Condvar)>,
}

impl Stop {
    pub(crate) fn set(&self) {
        *lock(&self.inner.0) = true;
        self.inner.1.notify_all();
    }

    pub(crate) fn is_set(&self) -> bool {
        *lock(&self.inner.0)
    }

    /// Sleeps for `time` or until asked to stop; true if asked to stop.
    pub(crate) fn wait(&self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        let mut stopped = lock(&self.inner.0);
        while !*stopped {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            stopped = match self.inner.1.wait_timeout(stopped, left) {
                Ok((guard, _)) => guard,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        *stopped
    }
}

/// A running thread. Dropping it stops and joins the thread.
#[derive(Debug)]
pub(crate) struct Worker {
    name: String,
    stop: Stop,
    /// In a mutex only so that a studio can be shared between threads.
    ended: Mutex<mpsc::Receiver<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts `body`, which has to end soon after its [`Stop`] is set.
    pub(crate) fn spawn(name: &str, body: impl FnOnce(&Stop) + Send + 'static) -> std::io::Result<Self> {
        let stop = Stop::default();
        let (alive, ended) = mpsc::channel::<()>();
        let seen = stop.clone();
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            // Dropped last, also by a panic: that is how the end becomes known.
            let _alive = alive;
            body(&seen);
        })?;
        Ok(Self { name: name.to_owned(), stop, ended: Mutex::new(ended), thread: Some(thread) })
    }

    /// Whether the thread ended by itself within `time`.
    pub(crate) fn ended_within(&self, time: Duration) -> bool {
        !matches!(lock(&self.ended).recv_timeout(time), Err(RecvTimeoutError::Timeout))
    }

    /// Asks the thread to stop, without waiting for it.
    pub(crate) fn ask_to_stop(&self) {
        self.stop.set();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop.set();
        let Some(thread) = self.thread.take() else { return };
        if !self.ended_within(PATIENCE) {
            platform::interrupt(&thread);
        }
        if self.ended_within(JOIN_DEADLINE) {
            if thread.join().is_err() {
                tracing::error!(thread = %self.name, "a thread panicked");
            }
            return;
        }
        tracing::warn!(thread = %self.name, "a thread hangs in its driver and is left behind");
        LEFT_BEHIND.fetch_add(1, Ordering::Relaxed);
        let ended = std::mem::replace(&mut *lock(&self.ended), mpsc::channel().1);
        // Costs a small stack until the driver answers, which is when the count goes down again.
        let waits = std::thread::Builder::new().name(format!("{} (left)", self.name)).spawn(move || {
            // An error is the end too: the sender is never used, only dropped.
            let _ = ended.recv();
            LEFT_BEHIND.fetch_sub(1, Ordering::Relaxed);
        });
        drop(waits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropping_a_worker_stops_and_joins_it() {
        let (tell, told) = mpsc::channel();
        let worker = Worker::spawn("test", move |stop| {
            stop.wait(Duration::from_secs(60));
            tell.send(()).expect("the test listens");
        })
        .expect("threads can be started");
        drop(worker);
        told.try_recv().expect("the thread ran to its end before drop returned");
    }

    #[test]
    fn a_hung_thread_is_left_behind_and_counted_until_it_ends() {
        let (release, held) = mpsc::channel::<()>();
        let worker = Worker::spawn("hung", move |_| {
            let _ = held.recv();
        })
        .expect("threads can be started");
        let start = Instant::now();
        drop(worker);
        assert!(start.elapsed() < JOIN_DEADLINE * 3);
        assert!(left_behind() >= 1);
        drop(release);
        let deadline = Instant::now() + Duration::from_secs(5);
        while left_behind() > 0 {
            assert!(Instant::now() < deadline, "the count never went down");
            std::thread::yield_now();
        }
    }
}
