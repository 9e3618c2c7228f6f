//! One RTMP connection: its bytes, its time limits, and who it turns out to be.

use std::net::IpAddr;
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use footlight_media::Error;
use footlight_media::rtmp::{Refusal, Server, ServerEvent};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;

use super::{APP, play, publish};
use crate::http::App;
use crate::secret::random;

/// From the connection to the wish to publish or play.
const GREETING: Duration = Duration::from_secs(10);
/// A peer takes what it is told within this.
const WRITE: Duration = Duration::from_secs(10);
/// What is read at a time.
const READ: usize = 16 << 10;

/// Why a session ended without a goodbye.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error(transparent)]
    Protocol(#[from] Error),
    #[error("the connection closed")]
    Closed,
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("nothing came for too long")]
    Silent,
}

/// Serves the connection until it ends or the relay does.
pub(super) async fn serve<S>(stream: S, address: IpAddr, app: App, cancel: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let Ok(random) = random::<32>() else { return };
    let mut line = Line::new(stream, Server::new(&random, APP));
    let greeted = tokio::select! {
        () = cancel.cancelled() => return,
        greeted = tokio::time::timeout(GREETING, line.greet()) => greeted.unwrap_or(Err(Broken::Silent)),
    };
    match greeted {
        Ok(ServerEvent::Publish { name }) => {
            publish::serve(&mut line, &name, address, &app, &cancel).await;
        }
        Ok(ServerEvent::Play { name }) => play::serve(&mut line, &name, address, &app, &cancel).await,
        Ok(_) => {}
        Err(error) => {
            tracing::debug!(%error, "RTMP ended before it began");
            // It may have been told why.
            let _ = line.flush().await;
        }
    }
    line.close().await;
}

/// A connection and the protocol on it.
pub(super) struct Line<S> {
    stream: S,
    pub(super) server: Server,
    input: Box<[u8; READ]>,
    /// The part of `input` that is not taken yet.
    left: std::ops::Range<usize>,
    output: Bytes,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Line<S> {
    fn new(stream: S, server: Server) -> Self {
        Self { stream, server, input: Box::new([0; READ]), left: 0..0, output: Bytes::new() }
    }

    /// The wish to publish or to play, or that there is none.
    async fn greet(&mut self) -> Result<ServerEvent, Broken> {
        self.next().await
    }

    /// The peer's next event. What the protocol has to say meanwhile is sent. Nothing is lost where it is dropped
    /// before it is ready.
    pub(super) async fn next(&mut self) -> Result<ServerEvent, Broken> {
        loop {
            let mut rest = &self.input[self.left.clone()];
            let event = self.server.read(&mut rest);
            self.left.start = self.left.end - rest.len();
            if let Some(event) = event? {
                return Ok(event);
            }
            self.flush().await?;
            let count = self.stream.read(&mut self.input[..]).await?;
            if count == 0 {
                return Err(Broken::Closed);
            }
            self.left = 0..count;
        }
    }

    /// Sends what the protocol has to say.
    pub(super) async fn flush(&mut self) -> Result<(), Broken> {
        let write = async {
            loop {
                if self.output.is_empty() {
                    self.output = self.server.take_output().into();
                }
                if self.output.is_empty() {
                    return self.stream.flush().await;
                }
                let written = self.stream.write(&self.output).await?;
                if written == 0 {
                    return Err(std::io::ErrorKind::WriteZero.into());
                }
                self.output.advance(written);
            }
        };
        match tokio::time::timeout(WRITE, write).await {
            Ok(written) => Ok(written?),
            Err(_) => Err(Broken::Silent),
        }
    }

    /// Tells the peer why it may not, or no longer.
    pub(super) async fn refuse(&mut self, refusal: Refusal, description: &str) {
        self.server.refuse(refusal, description);
        let _ = self.flush().await;
    }

    async fn close(&mut self) {
        let _ = tokio::time::timeout(WRITE, self.stream.shutdown()).await;
    }
}
