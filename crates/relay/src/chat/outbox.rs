//! What is written to one chat session: made once for everybody, bounded in bytes where it has to wait.
//!
//! Over plain TCP a frame goes to the kernel at once ([`Pipe`]); other connections, those with TLS, are written to by
//! their session, which finds it here.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::ws::Message;
use footlight_protocol::CloseCode;
use tokio::sync::Notify;

use super::frame::Frame;
use super::pipe::{Pipe, Put};
use crate::lock::lock;

/// Full ⇒ the session is closed as slow. Some seconds of a very busy chat.
const MOST: usize = 256 << 10;
/// From here on what may be lost is no longer queued.
const SHED: usize = 64 << 10;
/// What one message costs beside its bytes.
const OVERHEAD: usize = 64;

/// Whether a message may be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// Newer ones replace it (presence), or nobody misses it.
    Light,
    /// Part of the room's order, or an answer.
    Full,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pushed {
    Queued,
    Shed,
    /// No room for what must not be lost: the session ends.
    Slow,
}

/// What to do next for the session.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Write(Message),
    Close(CloseCode),
}

/// The queue; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Outbox(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// What takes frames as they are; what waits, waits there.
    pipe: Option<Pipe>,
    queue: Mutex<Queue>,
    /// Whether something came since [`Outbox::was_quiet`] was asked.
    spoken: AtomicBool,
    changed: Notify,
    abandoned: Notify,
}

#[derive(Default)]
struct Queue {
    messages: VecDeque<Frame>,
    bytes: usize,
    close: Option<CloseCode>,
}

impl Queue {
    /// As [`Pipe::put`].
    fn put(&mut self, messages: &[Frame], most: usize) -> Put {
        let bytes = self.bytes + messages.iter().map(|message| message.len() + OVERHEAD).sum::<usize>();
        if bytes > most {
            return Put::Full;
        }
        let put = if self.messages.is_empty() { Put::Begun } else { Put::Waiting };
        self.bytes = bytes;
        self.messages.extend(messages.iter().cloned());
        put
    }
}

impl Outbox {
    /// Of a session on that connection; without one the session writes itself.
    pub(crate) fn over(pipe: Option<Pipe>) -> Self {
        Self(Arc::new(Shared { pipe, ..Shared::default() }))
    }

    /// All of them or none.
    pub(crate) fn push(&self, messages: &[Frame], weight: Weight) -> Pushed {
        let mut queue = self.queue();
        if queue.close.is_some() {
            return Pushed::Shed;
        }
        self.0.spoken.store(true, Ordering::Relaxed);
        let most = if weight == Weight::Light { SHED } else { MOST };
        let put = match &self.0.pipe {
            Some(pipe) => pipe.put(messages, most),
            None => queue.put(messages, most),
        };
        match (put, weight) {
            // Where something waited before, its session is at it, and goes on to this.
            (Put::Written | Put::Waiting, _) => return Pushed::Queued,
            (Put::Begun, _) => {}
            (Put::Full, Weight::Light) => return Pushed::Shed,
            (Put::Full, Weight::Full) => {
                queue.messages.clear();
                queue.bytes = 0;
                if let Some(pipe) = &self.0.pipe {
                    pipe.give_up();
                }
                queue.close = Some(CloseCode::Slow);
            }
        }
        drop(queue);
        self.0.changed.notify_one();
        if put == Put::Full {
            self.0.abandoned.notify_one();
            return Pushed::Slow;
        }
        Pushed::Queued
    }

    /// Ends the session after what is queued. The first reason stands.
    pub(crate) fn close(&self, code: CloseCode) {
        self.queue().close.get_or_insert(code);
        self.0.changed.notify_one();
    }

    /// The next message that the session has to write, or in the end the reason to close.
    pub(crate) async fn next(&self) -> Next {
        loop {
            if let Some(message) = self.take() {
                return Next::Write(message);
            }
            if let Some(pipe) = &self.0.pipe {
                pipe.drained().await;
            }
            if let Some(code) = self.queue().close {
                return Next::Close(code);
            }
            self.0.changed.notified().await;
        }
    }

    /// The next message, where one waits.
    pub(crate) fn take(&self) -> Option<Message> {
        let mut queue = self.queue();
        let message = queue.messages.pop_front()?;
        queue.bytes -= message.len() + OVERHEAD;
        Some(message.message())
    }

    /// Whether nothing has come since this was asked before.
    pub(crate) fn was_quiet(&self) -> bool {
        !self.0.spoken.swap(false, Ordering::Relaxed)
    }

    /// Resolves once writing on is useless because the session was found too slow.
    pub(crate) async fn abandoned(&self) {
        self.0.abandoned.notified().await;
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        lock(&self.0.queue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_may_be_lost_is_lost_first_and_then_the_session() {
        let outbox = Outbox::default();
        let message = [Frame::text(&"x".repeat(1000))];
        let mut queued = 0;
        while outbox.push(&message, Weight::Light) == Pushed::Queued {
            queued += 1;
        }
        assert_eq!(queued, SHED / (message[0].len() + OVERHEAD));
        while outbox.push(&message, Weight::Full) == Pushed::Queued {
            queued += 1;
        }
        assert_eq!(queued, MOST / (message[0].len() + OVERHEAD));
        assert_eq!(outbox.push(&message, Weight::Full), Pushed::Shed);
        assert_eq!(outbox.next().await, Next::Close(CloseCode::Slow));
        outbox.abandoned().await;
    }

    #[tokio::test]
    async fn what_is_queued_is_written_before_the_close() {
        let outbox = Outbox::default();
        outbox.push(&[Frame::text("last words")], Weight::Full);
        outbox.close(CloseCode::Banned);
        outbox.close(CloseCode::GoingAway);
        assert_eq!(outbox.push(&[Frame::text("late")], Weight::Full), Pushed::Shed);
        assert_eq!(outbox.next().await, Next::Write(Message::Text("last words".into())));
        assert_eq!(outbox.next().await, Next::Close(CloseCode::Banned));
    }
}
