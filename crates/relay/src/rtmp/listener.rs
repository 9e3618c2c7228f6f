//! RTMP's port, and that of RTMPS. Bounded in connections, in time, and in what the kernel buffers for a connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Port, session};
use crate::http::App;
use crate::tls::Acceptor;

/// Connections at once on this port. One publishes; the others play, or try keys.
const CONNECTIONS: usize = 512;
/// What the kernel may buffer towards one player. More would hide for long that it does not read.
const SEND_BUFFER: usize = 256 << 10;
/// After an error of accept itself (no file descriptors left): long enough for some to come free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long open sessions may take to say goodbye.
const DRAIN: Duration = Duration::from_millis(800);

pub(crate) struct Listener {
    tcp: TcpListener,
    tls: Option<Acceptor>,
    app: App,
}

impl Listener {
    pub(crate) fn new(port: Port, app: App) -> Self {
        Self { tcp: port.tcp, tls: port.tls, app }
    }

    /// Accepts until cancelled, then waits for what is open, for a bounded time.
    pub(crate) async fn run(self, cancel: CancellationToken) {
        let seats = Arc::new(Semaphore::new(CONNECTIONS));
        let mut sessions = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                Some(_) = sessions.join_next(), if !sessions.is_empty() => continue,
                accepted = self.tcp.accept() => accepted,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "accept of RTMP failed");
                    tokio::select! {
                        () = cancel.cancelled() => break,
                        () = tokio::time::sleep(ACCEPT_PAUSE) => continue,
                    }
                }
            };
            let Ok(seat) = seats.clone().try_acquire_owned() else {
                self.app.metrics.refused.one();
                continue;
            };
            let (tls, app, cancel) = (self.tls.clone(), self.app.clone(), cancel.clone());
            sessions.spawn(async move {
                serve(stream, address, tls, app, cancel).await;
                drop(seat);
            });
        }
        drop(self.tcp);
        let drained =
            tokio::time::timeout(DRAIN, async { while sessions.join_next().await.is_some() {} }).await;
        if drained.is_err() {
            tracing::debug!(open = sessions.len(), "RTMP sessions cut");
            sessions.shutdown().await;
        }
    }
}

async fn serve(
    stream: TcpStream,
    address: SocketAddr,
    tls: Option<Acceptor>,
    app: App,
    cancel: CancellationToken,
) {
    let address = address.ip().to_canonical();
    let _ = stream.set_nodelay(true);
    let _ = socket2::SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER);
    match tls {
        None => session::serve(stream, address, app, cancel).await,
        Some(tls) => {
            let accepted = tokio::select! {
                () = cancel.cancelled() => return,
                accepted = tls.accept(stream) => accepted,
            };
            match accepted {
                Ok(stream) => session::serve(stream, address, app, cancel).await,
                Err(error) => tracing::debug!(%error, "TLS refused for RTMP"),
            }
        }
    }
}
