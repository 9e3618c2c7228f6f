//! Binding the relay's ports.

use std::net::{SocketAddr, UdpSocket};

use tokio::net::TcpListener;

use crate::error::Error;

/// Tries to find a port number that is free for TCP and UDP.
const PORT_TRIES: usize = 64;
/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// Binds TCP and UDP on the same number. For port 0 the system picks the TCP port, until UDP has it free too.
pub(crate) fn bind_both(listen: SocketAddr) -> Result<(TcpListener, UdpSocket, SocketAddr), Error> {
    let mut last = None;
    for _ in 0..if listen.port() == 0 { PORT_TRIES } else { 1 } {
        let tcp = bind_tcp(listen).map_err(|source| Error::listen(listen, source))?;
        let address = tcp.local_addr().map_err(|source| Error::listen(listen, source))?;
        match bind_udp(address) {
            Ok(udp) => return Ok((tcp, udp, address)),
            Err(source) => last = Some(Error::listen(address, source)),
        }
    }
    Err(last.unwrap_or(Error::Busy { address: listen }))
}

pub(crate) fn bind_tcp(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None)?;
    // On Windows this would let two relays share the port; elsewhere it lets a restart have it back at once.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG as i32)?;
    socket.set_nonblocking(true)?;
    TcpListener::from_std(socket.into())
}

fn bind_udp(address: SocketAddr) -> std::io::Result<UdpSocket> {
    let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::DGRAM, None)?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// The address under which this machine itself reaches the relay.
pub(crate) fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        SocketAddr::new(std::net::Ipv4Addr::LOCALHOST.into(), address.port())
    } else {
        address
    }
}
