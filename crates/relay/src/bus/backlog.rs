//! What waits to be sent over the bus, in order and bounded in bytes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;

use super::wire::Flush;
use crate::lock::lock;

/// A message of the bus has at most about so many bytes, and one item more: NATS takes 1 MiB.
const MESSAGE: usize = 256 << 10;

/// The queue; clones share it.
pub(super) struct Backlog<T>(Arc<Shared<T>>);

struct Shared<T> {
    queue: Mutex<Queue<T>>,
    changed: Notify,
    most: usize,
}

struct Queue<T> {
    items: VecDeque<(T, usize)>,
    bytes: usize,
    overflowed: bool,
    /// Whether something was taken and is not confirmed yet.
    out: bool,
}

impl<T> Clone for Backlog<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Backlog<T> {
    /// For at most `most` bytes.
    pub(super) fn new(most: usize) -> Self {
        let queue = Mutex::new(Queue { items: VecDeque::new(), bytes: 0, overflowed: false, out: false });
        Self(Arc::new(Shared { queue, changed: Notify::new(), most }))
    }

    /// What does not fit is dropped with all that waits: after a gap the rest is worth nothing.
    pub(super) fn put(&self, item: T, size: usize) {
        let mut queue = self.queue();
        if queue.overflowed {
            return;
        }
        queue.bytes += size;
        if queue.bytes > self.0.most {
            queue.items.clear();
            queue.bytes = 0;
            queue.overflowed = true;
        } else {
            queue.items.push_back((item, size));
        }
        drop(queue);
        self.0.changed.notify_one();
    }

    pub(super) fn has_room(&self) -> bool {
        let queue = self.queue();
        queue.bytes < self.0.most / 2 && !queue.overflowed
    }

    /// Whether it overflowed since this was last asked.
    pub(super) fn overflowed(&self) -> bool {
        std::mem::take(&mut self.queue().overflowed)
    }

    /// Waits for something, and takes what goes into one message; nothing where it overflowed.
    pub(super) async fn next(&self) -> Vec<T> {
        loop {
            {
                let mut queue = self.queue();
                let (mut taken, mut bytes) = (Vec::new(), 0);
                while bytes < MESSAGE
                    && let Some((item, size)) = queue.items.pop_front()
                {
                    bytes += size;
                    taken.push(item);
                }
                queue.bytes -= bytes;
                queue.out = !taken.is_empty();
                if !taken.is_empty() || queue.overflowed {
                    return taken;
                }
            }
            self.0.changed.notified().await;
        }
    }

    /// What was taken has been confirmed.
    pub(super) fn confirmed(&self) {
        self.queue().out = false;
    }

    /// Waits until nothing is left to be sent, for at most so long.
    pub(super) async fn sent(&self, limit: Duration) {
        let wait = async {
            loop {
                {
                    let queue = self.queue();
                    if queue.items.is_empty() && !queue.out {
                        return;
                    }
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let _ = tokio::time::timeout(limit, wait).await;
    }

    fn queue(&self) -> MutexGuard<'_, Queue<T>> {
        lock(&self.0.queue)
    }
}

/// From a room to the sessions that other relays write to.
#[derive(Clone)]
pub(crate) struct Trunk(pub(super) Backlog<Flush>);

impl Trunk {
    pub(crate) fn put(&self, flush: Flush) {
        let size = flush.size();
        self.0.put(flush, size);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_waits_goes_in_order_and_in_bounded_messages() {
        let backlog = Backlog::new(10 * MESSAGE);
        for n in 0..5 {
            backlog.put(n, MESSAGE / 2);
        }
        assert_eq!(backlog.next().await, [0, 1]);
        assert_eq!(backlog.next().await, [2, 3]);
        assert_eq!(backlog.next().await, [4]);
        let long = Duration::from_secs(60);
        assert!(tokio::time::timeout(Duration::from_millis(20), backlog.sent(long)).await.is_err());
        backlog.confirmed();
        backlog.sent(long).await;
    }

    #[tokio::test]
    async fn too_much_is_a_gap_that_is_told_once() {
        let backlog = Backlog::new(100);
        backlog.put(1, 60);
        assert!(!backlog.has_room());
        backlog.put(2, 60);
        backlog.put(3, 1);
        assert_eq!(backlog.next().await, [0; 0]);
        assert!(backlog.overflowed() && !backlog.overflowed());
        backlog.put(4, 1);
        assert_eq!(backlog.next().await, [4]);
    }
}
