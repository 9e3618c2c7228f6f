//! The one TCP port: HTTP, HTTPS and WebSocket to the router, ICE-TCP to the media thread, told apart by their
//! first byte. Bounded in connections, in time, and in what the kernel buffers for a connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::IntoResponse as _;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::From;
use super::exposed::Exposed;
use crate::chat::pipe::Pipe;
use crate::metrics::Metrics;
use crate::rtc::{Command, is_framed};
use crate::tls;

/// A connection says something within this; browsers open some in advance, which are opened again then.
const FIRST_BYTE: Duration = Duration::from_secs(20);
/// Request headers arrive within this.
const HEADERS: Duration = Duration::from_secs(10);
/// Request line and headers together.
const HEAD: usize = 64 << 10;
/// A request is answered within this; sockets are upgraded by then.
const ANSWER: Duration = Duration::from_secs(15);
/// What the kernel may buffer towards one client. More would hide for long that a client does not read.
const SEND_BUFFER: usize = 128 << 10;
/// After an error of accept itself (no file descriptors left): long enough for some to come free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long open requests and sockets may take to end.
const DRAIN: Duration = Duration::from_millis(800);

pub(crate) struct Listener {
    pub(crate) tcp: TcpListener,
    pub(crate) router: Router,
    /// Serves HTTPS; plain HTTP is then for this machine only.
    pub(crate) tls: Option<tls::Acceptor>,
    /// Where ICE-TCP goes; without it such connections are dropped.
    pub(crate) media: Option<mpsc::Sender<Command>>,
    pub(crate) connections: usize,
    pub(crate) metrics: Arc<Metrics>,
}

impl Listener {
    /// Accepts until cancelled, then waits for what is open, for a bounded time.
    pub(crate) async fn run(self, cancel: CancellationToken) {
        let seats = Arc::new(Semaphore::new(self.connections));
        let mut tasks = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                Some(_) = tasks.join_next(), if !tasks.is_empty() => continue,
                accepted = self.tcp.accept() => accepted,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    tokio::select! {
                        () = cancel.cancelled() => break,
                        () = tokio::time::sleep(ACCEPT_PAUSE) => continue,
                    }
                }
            };
            let Ok(seat) = seats.clone().try_acquire_owned() else {
                self.metrics.refused.one();
                continue;
            };
            let (router, tls, media, metrics, cancel) = (
                self.router.clone(),
                self.tls.clone(),
                self.media.clone(),
                self.metrics.clone(),
                cancel.clone(),
            );
            let open = move |seats: &Semaphore, all: usize| (all - seats.available_permits()) as u64;
            metrics.connections.set(open(&seats, self.connections));
            tasks.spawn(async move {
                serve(stream, address, router, tls, media, cancel).await;
                drop(seat);
            });
        }
        drop(self.tcp);
        let drained = tokio::time::timeout(DRAIN, async { while tasks.join_next().await.is_some() {} }).await;
        if drained.is_err() {
            tracing::debug!(open = tasks.len(), "connections cut");
            tasks.shutdown().await;
        }
    }
}

async fn serve(
    stream: TcpStream,
    address: SocketAddr,
    router: Router,
    tls: Option<tls::Acceptor>,
    media: Option<mpsc::Sender<Command>>,
    cancel: CancellationToken,
) {
    let address = SocketAddr::new(address.ip().to_canonical(), address.port());
    let _ = stream.set_nodelay(true);
    let _ = socket2::SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER);
    let mut first = [0];
    let peeked = tokio::select! {
        () = cancel.cancelled() => return,
        peeked = tokio::time::timeout(FIRST_BYTE, stream.peek(&mut first)) => peeked,
    };
    match peeked {
        Ok(Ok(1..)) if is_framed(first[0]) => {
            if let (Some(media), Ok(stream)) = (media, stream.into_std()) {
                // Full ⇒ the connection is dropped; ICE tries again.
                let _ = media.try_send(Command::Tcp(stream));
            }
        }
        Ok(Ok(1..)) => match tls {
            Some(tls) if first[0] == tls::FIRST_BYTE => {
                let accepted = tokio::select! {
                    () = cancel.cancelled() => return,
                    accepted = tls.accept(stream) => accepted,
                };
                match accepted {
                    Ok(stream) => http(stream, None, address, router, false, cancel).await,
                    Err(error) => tracing::debug!(%error, "a TLS handshake failed"),
                }
            }
            tls => {
                let pipe = Pipe::new(stream);
                http(pipe.clone(), Some(pipe), address, router, tls.is_some(), cancel).await;
            }
        },
        _ => {}
    }
}

/// `pipe`: the connection, where frames can be handed to it as they are. `exposed`: it is plain though the relay has a
/// certificate.
async fn http<S>(
    stream: S,
    pipe: Option<Pipe>,
    address: SocketAddr,
    router: Router,
    exposed: bool,
    cancel: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(From(address));
        if let Some(pipe) = pipe.clone() {
            request.extensions_mut().insert(pipe);
        }
        if exposed {
            request.extensions_mut().insert(Exposed);
        }
        let answer = router.call(request);
        async move {
            match tokio::time::timeout(ANSWER, answer).await {
                Ok(answer) => answer,
                Err(_) => Ok(axum::http::StatusCode::REQUEST_TIMEOUT.into_response()),
            }
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => {}
        () = cancel.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}
