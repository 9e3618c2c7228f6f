//! ICE-TCP (RFC 6544) on the HTTP port: connections whose first bytes are framed STUN (RFC 4571) come here.
//!
//! Each has a task that reads frames into the engine's bounded queue and a task that writes from a bounded
//! queue of its own. A connection that no session has claimed after [`CLAIM`] is closed.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;

/// How long a connection may go without a STUN request that a session knows.
const CLAIM: Duration = Duration::from_secs(10);
/// Frames waiting to be written to one peer. Full ⇒ its video waits and skips to the next keyframe.
const WRITES: usize = 512;
/// Frames that all connections have read and the engine has not handled. Full ⇒ they stop reading.
const READS: usize = 1024;
/// Connections at once. Full ⇒ a new one is closed.
const CONNECTIONS: usize = 2048;
/// Longest frame: no datagram of ours or of a browser is longer than an Ethernet packet.
const FRAME: usize = 2048;

/// What a connection read, or (empty) that it ended.
pub(super) struct Read {
    pub(super) connection: u64,
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) bytes: Bytes,
}

struct Connection {
    id: u64,
    writes: mpsc::Sender<Bytes>,
    cancel: CancellationToken,
    since: Instant,
    claimed: bool,
}

/// All ICE-TCP connections, by the peer's address.
pub(super) struct Connections {
    open: HashMap<SocketAddr, Connection>,
    tasks: JoinSet<()>,
    reads: mpsc::Sender<Read>,
    next: u64,
    metrics: Arc<Metrics>,
}

impl Connections {
    pub(super) fn new(metrics: Arc<Metrics>) -> (Self, mpsc::Receiver<Read>) {
        let (reads, receiver) = mpsc::channel(READS);
        (Self { open: HashMap::new(), tasks: JoinSet::new(), reads, next: 0, metrics }, receiver)
    }

    /// Takes a connection over. Must run inside the media thread's runtime.
    pub(super) fn add(&mut self, stream: TcpStream, now: Instant) {
        while self.tasks.try_join_next().is_some() {}
        let taken = stream.set_nonblocking(true).and_then(|()| {
            stream.set_nodelay(true)?;
            Ok((stream.peer_addr()?, stream.local_addr()?, tokio::net::TcpStream::from_std(stream)?))
        });
        let Ok((from, to, stream)) = taken else { return };
        if self.open.len() >= CONNECTIONS {
            self.metrics.refused.one();
            return;
        }
        let from = SocketAddr::new(from.ip().to_canonical(), from.port());
        let to = SocketAddr::new(to.ip().to_canonical(), to.port());
        self.next += 1;
        let id = self.next;
        let (reader, writer) = stream.into_split();
        let (writes, queue) = mpsc::channel(WRITES);
        let cancel = CancellationToken::new();
        let (reads, stop) = (self.reads.clone(), cancel.clone());
        self.tasks.spawn(async move {
            let ended = Read { connection: id, from, to, bytes: Bytes::new() };
            tokio::select! {
                () = stop.cancelled() => {}
                () = read(reader, id, from, to, &reads) => {}
            }
            stop.cancel();
            let _ = reads.send(ended).await;
        });
        let stop = cancel.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                _ = write(writer, queue) => {}
            }
            stop.cancel();
        });
        let connection = Connection { id, writes, cancel, since: now, claimed: false };
        if let Some(old) = self.open.insert(from, connection) {
            old.cancel.cancel();
        }
    }

    /// Whether the frame comes from a connection that is still open.
    pub(super) fn knows(&self, read: &Read) -> bool {
        self.open.get(&read.from).is_some_and(|connection| connection.id == read.connection)
    }

    /// A session has recognised the peer behind the connection.
    pub(super) fn claim(&mut self, peer: SocketAddr) {
        if let Some(connection) = self.open.get_mut(&peer) {
            connection.claimed = true;
        }
    }

    /// Frames that can be queued for the peer now.
    pub(super) fn room(&self, peer: SocketAddr) -> usize {
        self.open.get(&peer).map_or(0, |connection| connection.writes.capacity())
    }

    pub(super) fn send(&mut self, peer: SocketAddr, contents: &[u8]) {
        let Some(connection) = self.open.get(&peer) else {
            return;
        };
        let Ok(length) = u16::try_from(contents.len()) else {
            return;
        };
        let mut frame = BytesMut::with_capacity(contents.len() + 2);
        frame.extend_from_slice(&length.to_be_bytes());
        frame.extend_from_slice(contents);
        if connection.writes.try_send(frame.freeze()).is_ok() {
            self.metrics.packets_out.one();
            self.metrics.bytes_out.add(contents.len() as u64);
        } else {
            self.metrics.drops.one();
        }
    }

    pub(super) fn close(&mut self, peer: SocketAddr) {
        if let Some(connection) = self.open.remove(&peer) {
            connection.cancel.cancel();
        }
    }

    /// Closes connections that nobody claimed in time.
    pub(super) fn expire(&mut self, now: Instant) {
        self.open.retain(|_, connection| {
            let keep = connection.claimed || now.duration_since(connection.since) < CLAIM;
            if !keep {
                connection.cancel.cancel();
            }
            keep
        });
    }

    /// Ends every connection and waits for its tasks.
    pub(super) async fn shut_down(mut self) {
        for connection in self.open.values() {
            connection.cancel.cancel();
        }
        // Their last words have no reader any more.
        drop(self.reads);
        self.tasks.shutdown().await;
    }
}

async fn read(
    mut reader: tokio::net::tcp::OwnedReadHalf,
    connection: u64,
    from: SocketAddr,
    to: SocketAddr,
    reads: &mpsc::Sender<Read>,
) {
    loop {
        let Ok(length) = reader.read_u16().await else {
            return;
        };
        let length = usize::from(length);
        if length == 0 {
            continue;
        }
        if length > FRAME {
            return;
        }
        let mut bytes = BytesMut::zeroed(length);
        if reader.read_exact(&mut bytes).await.is_err() {
            return;
        }
        if reads.send(Read { connection, from, to, bytes: bytes.freeze() }).await.is_err() {
            return;
        }
    }
}

async fn write(
    mut writer: tokio::net::tcp::OwnedWriteHalf,
    mut queue: mpsc::Receiver<Bytes>,
) -> std::io::Result<()> {
    /// Joined up to here: one system call for a frame's worth of packets.
    const JOINED: usize = 32 << 10;
    let mut joined = BytesMut::with_capacity(JOINED);
    while let Some(frame) = queue.recv().await {
        joined.extend_from_slice(&frame);
        while joined.len() < JOINED {
            let Ok(frame) = queue.try_recv() else { break };
            joined.extend_from_slice(&frame);
        }
        writer.write_all(&joined).await?;
        joined.clear();
    }
    Ok(())
}

/// Whether a connection's first byte can only be the length of a framed STUN message: HTTP starts with a
/// letter, TLS with 22. STUN requests of ICE are far shorter than 4 KiB.
pub(crate) fn is_framed(first: u8) -> bool {
    first < 0x10
}
