//! The one UDP socket of all media: batched receive, and sends to one peer joined into one system call
//! where the kernel can cut them apart again (GSO).

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use tokio::io::Interest;

use crate::metrics::Metrics;

/// A UDP datagram cannot be longer, and neither can a batch that the kernel merged (GRO).
const SLOT: usize = 65_536;
/// Kernel buffers: a keyframe of 100 packets to 100 viewers is sent within a millisecond or two.
const SEND_BUFFER: usize = 8 << 20;
const RECEIVE_BUFFER: usize = 4 << 20;

struct Socket {
    io: tokio::net::UdpSocket,
    state: UdpSocketState,
    /// Whether IPv4 peers appear as mapped IPv6 addresses.
    mapped: bool,
}

/// Makes both halves. Must run inside the media thread's runtime.
pub(super) fn open(socket: UdpSocket, metrics: Arc<Metrics>) -> io::Result<(Inbound, Outbound)> {
    socket.set_nonblocking(true)?;
    let sized = socket2::SockRef::from(&socket);
    // Best effort: the kernel caps them at its own limits.
    let _ = sized.set_send_buffer_size(SEND_BUFFER);
    let _ = sized.set_recv_buffer_size(RECEIVE_BUFFER);
    let local = socket.local_addr()?;
    let state = UdpSocketState::new((&socket).into())?;
    let segments = state.max_gso_segments().max(1);
    let socket =
        Arc::new(Socket { io: tokio::net::UdpSocket::from_std(socket)?, state, mapped: local.is_ipv6() });
    let inbound = Inbound {
        socket: socket.clone(),
        arena: vec![0; SLOT * quinn_udp::BATCH_SIZE],
        metas: [RecvMeta::default(); quinn_udp::BATCH_SIZE],
    };
    let wildcard = local.ip().is_unspecified();
    Ok((inbound, Outbound { socket, metrics, segments, wildcard, batch: Batch::default() }))
}

/// The receiving half.
pub(super) struct Inbound {
    socket: Arc<Socket>,
    arena: Vec<u8>,
    metas: [RecvMeta; quinn_udp::BATCH_SIZE],
}

/// One datagram that arrived.
pub(super) struct Datagram<'a> {
    pub(super) from: SocketAddr,
    /// Which of this machine's addresses it was sent to, where the platform says so.
    pub(super) to: Option<IpAddr>,
    pub(super) bytes: &'a [u8],
}

impl Inbound {
    pub(super) async fn readable(&self) -> io::Result<()> {
        self.socket.io.readable().await
    }

    /// Takes what has arrived; zero when there is nothing.
    pub(super) fn receive(&mut self) -> io::Result<usize> {
        let mut slots = self.arena.chunks_exact_mut(SLOT);
        let mut buffers: [IoSliceMut<'_>; quinn_udp::BATCH_SIZE] =
            std::array::from_fn(|_| IoSliceMut::new(slots.next().unwrap_or_default()));
        let socket = &self.socket;
        let received = socket.io.try_io(Interest::READABLE, || {
            socket.state.recv((&socket.io).into(), &mut buffers, &mut self.metas)
        });
        match received {
            Ok(count) => Ok(count),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            // An ICMP answer to an earlier send on some platforms; says nothing about this socket.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// The datagrams of the last `receive`.
    pub(super) fn datagrams(&self, count: usize) -> impl Iterator<Item = Datagram<'_>> {
        self.metas[..count].iter().zip(self.arena.chunks_exact(SLOT)).flat_map(|(meta, slot)| {
            let bytes = &slot[..meta.len.min(SLOT)];
            bytes.chunks(meta.stride.max(1)).map(|bytes| Datagram {
                from: canonical(meta.addr),
                to: meta.dst_ip.map(|ip| ip.to_canonical()),
                bytes,
            })
        })
    }
}

/// Datagrams to one peer, end to end; all but the last are `segment` long.
#[derive(Default)]
struct Batch {
    to: Option<SocketAddr>,
    from: Option<IpAddr>,
    bytes: Vec<u8>,
    segment: usize,
    count: usize,
    closed: bool,
}

/// The sending half. What the kernel has no room for is dropped and counted: a viewer asks again (NACK).
pub(super) struct Outbound {
    socket: Arc<Socket>,
    metrics: Arc<Metrics>,
    segments: usize,
    wildcard: bool,
    batch: Batch,
}

impl Outbound {
    /// Adds a datagram to the batch, and sends the batch that it does not fit into. From an unspecified address
    /// it leaves by the one that the system finds right.
    pub(super) fn push(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let batch = &self.batch;
        let fits = batch.count > 0
            && batch.to == Some(to)
            && !batch.closed
            && bytes.len() <= batch.segment
            && batch.count < self.segments
            && batch.bytes.len() + bytes.len() < SLOT - 100;
        if !fits {
            self.flush();
            self.batch.to = Some(to);
            // A socket that is bound to one address has no choice to make.
            self.batch.from = self.wildcard.then(|| from.ip()).filter(|ip| !ip.is_unspecified());
            self.batch.segment = bytes.len();
            self.batch.closed = false;
        }
        // Only the last segment may be shorter.
        self.batch.closed |= bytes.len() < self.batch.segment;
        self.batch.bytes.extend_from_slice(bytes);
        self.batch.count += 1;
    }

    pub(super) fn flush(&mut self) {
        let Some(to) = self.batch.to.take() else { return };
        let Self { socket, metrics, batch, .. } = self;
        let (destination, src_ip) = if socket.mapped {
            (mapped(to), batch.from.map(|ip| mapped(SocketAddr::new(ip, 0)).ip()))
        } else {
            (to, batch.from)
        };
        let transmit = Transmit {
            destination,
            ecn: None,
            contents: &batch.bytes,
            segment_size: (batch.count > 1).then_some(batch.segment),
            src_ip,
        };
        let sent =
            socket.io.try_io(Interest::WRITABLE, || socket.state.try_send((&socket.io).into(), &transmit));
        match sent {
            Ok(()) => {
                metrics.packets_out.add(batch.count as u64);
                metrics.bytes_out.add(batch.bytes.len() as u64);
            }
            Err(_) => metrics.drops.add(batch.count as u64),
        }
        batch.bytes.clear();
        batch.count = 0;
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn mapped(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    SocketAddr::new(IpAddr::V6(ip), address.port())
}

/// Every address of this machine that a peer could reach a socket bound to `listen` at, best first, then
/// those that a router in front forwards (`advertise`). Loopback only where nothing else is asked for, or last.
pub(crate) fn host_addresses(listen: IpAddr, advertise: &[IpAddr]) -> Vec<IpAddr> {
    /// A candidate costs every peer a check; a machine with more interfaces than this is a router.
    const MOST: usize = 12;
    let mut addresses: Vec<IpAddr> = Vec::new();
    if listen.is_unspecified() {
        let mut own: Vec<IpAddr> = if_addrs::get_if_addrs()
            .map(|all| all.into_iter().map(|interface| interface.ip()).collect())
            .unwrap_or_default();
        own.retain(|ip| match ip {
            IpAddr::V4(ip) => !ip.is_link_local() && !ip.is_unspecified(),
            // Link-local IPv6 addresses need a scope, which a candidate cannot carry.
            IpAddr::V6(ip) => {
                listen.is_ipv6()
                    && !ip.is_unspecified()
                    && ip.segments()[0] & 0xffc0 != 0xfe80
                    && !ip.is_multicast()
            }
        });
        own.sort_by_key(|ip| (ip.is_loopback(), ip.is_ipv6()));
        addresses.extend(own);
        if addresses.is_empty() {
            addresses.push(IpAddr::V4(Ipv4Addr::LOCALHOST));
            if listen.is_ipv6() {
                addresses.push(IpAddr::V6(Ipv6Addr::LOCALHOST));
            }
        }
    } else {
        addresses.push(listen);
    }
    for ip in advertise.iter().rev() {
        addresses.retain(|known| known != ip);
        addresses.insert(0, *ip);
    }
    addresses.truncate(MOST);
    addresses
}
