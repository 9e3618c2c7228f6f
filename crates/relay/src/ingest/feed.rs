//! A publisher that brings whole packets (RTMP), rather than an RTP session of the media thread.

use footlight_media::Packet;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::rtc::{Command, Ended, SessionId};

/// The room's side of one such publisher. Dropped without [`Feed::end`], it counts as lost: the viewers keep the last
/// picture and wait.
pub(crate) struct Feed {
    session: SessionId,
    engine: mpsc::Sender<Command>,
    cut: CancellationToken,
    ended: bool,
}

/// The room no longer takes packets of this publisher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut;

impl Feed {
    pub(crate) fn new(session: SessionId, engine: mpsc::Sender<Command>, cut: CancellationToken) -> Self {
        Self { session, engine, cut, ended: false }
    }

    /// Hands packets on, in decoding order, with capture times on the relay's clock. Waits while the media thread is
    /// busy, so that a publisher's TCP connection is read no faster than its media is taken.
    pub(crate) async fn push(&self, packets: Vec<Packet>) -> Result<(), Cut> {
        if self.cut.is_cancelled() {
            return Err(Cut);
        }
        let command = Command::Feed { session: self.session, packets };
        self.engine.send(command).await.map_err(|_| Cut)
    }

    /// Cancelled when the room ends the session: the key was taken back, or its owner publishes from elsewhere.
    pub(crate) fn cut(&self) -> &CancellationToken {
        &self.cut
    }

    /// Ends the session: [`Ended::Closed`] where the publisher said goodbye, else [`Ended::Lost`].
    pub(crate) async fn end(mut self, ended: Ended) {
        self.ended = true;
        let _ = self.engine.send(Command::EndFeed { session: self.session, ended }).await;
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        if !self.ended && !self.cut.is_cancelled() {
            // A full queue is a media thread with much to do: it notices the silence soon after.
            let _ = self.engine.try_send(Command::EndFeed { session: self.session, ended: Ended::Lost });
        }
    }
}
