//! WebRTC: every publisher's and viewer's connection, on one thread with one UDP socket.
//!
//! The rest of the relay talks to it by [`Command`] and hears of it by [`Notice`]. Inside the thread there is
//! no lock and nothing waits for anything but the network, so forwarding a packet costs its header, its seal
//! and its share of a system call. A panic in one peer's state ends that peer, not the thread.

mod engine;
mod floor;
pub(crate) mod fragment;
mod offer;
mod peer;
mod probe;
mod sdp;
mod table;
mod tcp;
mod udp;

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;

use footlight_media::Packet;
use footlight_protocol::room::{Layer, Note, Renditions};
use footlight_protocol::{LayerId, RoomId};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::metrics::Metrics;
use crate::mux::Intake;
use crate::renditions::Tap;
use fragment::Credentials;

pub(crate) use engine::Setup;
pub(crate) use offer::Answerer;
pub(crate) use probe::Probe;
pub(crate) use sdp::Refused;
pub(crate) use tcp::is_framed;
pub(crate) use udp::host_addresses;

/// One peer's WebRTC connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SessionId(pub(crate) u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Publisher,
    Viewer,
}

/// A connection that has its answer and waits for the peer's first packet.
pub(crate) struct Prepared {
    pub(crate) rtc: Box<str0m::Rtc>,
    /// The local ICE user name by which the first packet is recognised.
    pub(crate) ufrag: String,
    /// The peer's ICE credentials; others mean a restart.
    pub(crate) ice: Credentials,
}

/// What the thread is told. Sent by rooms (who may publish, who may watch) and by the TCP listener.
pub(crate) enum Command {
    Open {
        session: SessionId,
        room: RoomId,
        role: Role,
        prepared: Prepared,
    },
    Close {
        session: SessionId,
    },
    /// The peer has begun ICE anew, with these credentials. Answered with the SDP answer that holds the new local
    /// ones; `None` where the session is gone.
    Restart {
        session: SessionId,
        ice: Credentials,
        reply: oneshot::Sender<Option<String>>,
    },
    /// The viewer wants this layer; none: whichever its link carries.
    Layer {
        session: SessionId,
        layer: Option<LayerId>,
    },
    Tcp(std::net::TcpStream),
    /// A question to a STUN server, from the media socket.
    Probe(Probe),
    /// A publisher that brings whole packets takes the room; `cut` is how it hears that it lost it.
    OpenFeed {
        session: SessionId,
        room: RoomId,
        cut: CancellationToken,
    },
    /// Packets of that publisher.
    Feed {
        session: SessionId,
        packets: Vec<Packet>,
    },
    /// That publisher is gone.
    EndFeed {
        session: SessionId,
        ended: Ended,
    },
    /// Opus that was made of the room's sound.
    Sound {
        room: RoomId,
        packets: Vec<Packet>,
    },
    /// A picture of a lower layer, made of what the source of that run sends.
    Rendition {
        room: RoomId,
        run: u32,
        layer: u8,
        packet: Packet,
    },
    /// How far lower layers are made of it.
    Renditions {
        room: RoomId,
        run: u32,
        renditions: Renditions,
    },
    /// Somebody who does not watch by WebRTC cannot go on without a keyframe.
    WantKeyframe {
        room: RoomId,
    },
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The peer said goodbye (DTLS close), or a command asked for it.
    Closed,
    /// It never got through, or fell silent.
    Lost,
    /// Its packets could not be handled.
    Failed,
}

/// What the thread tells the session's room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Notice {
    Connected {
        session: SessionId,
        role: Role,
    },
    /// The publisher's first access unit arrived, or the first after silence.
    Flowing {
        session: SessionId,
    },
    /// Connected, but nothing has come from the publisher for a while.
    Silent {
        session: SessionId,
    },
    Ended {
        session: SessionId,
        role: Role,
        ended: Ended,
    },
    /// The publisher's stream is not for everybody.
    Noted {
        session: SessionId,
        note: Note,
    },
    /// The relay makes lower layers of what comes, or would; none: no longer.
    Renditions {
        session: SessionId,
        renditions: Option<Renditions>,
    },
    /// The layers of the picture that viewers can choose from, best first; fewer than two are no choice.
    Layers {
        session: SessionId,
        layers: Vec<Layer>,
    },
}

/// A room as the thread needs it.
pub(crate) struct RoomSetup {
    pub(crate) id: RoomId,
    /// Where the room hears what happens to its sessions.
    pub(crate) notices: mpsc::Sender<Notice>,
    /// Where everything goes that is published.
    pub(crate) mux: Intake,
    /// Where a picture in one quality goes, to be made smaller; none where that is not wanted.
    pub(crate) tap: Option<Tap>,
}

/// Commands that wait for the thread. It takes them between packets, so this only fills in a rush of joins.
const COMMANDS: usize = 1024;

/// The media thread. Dropped, it stops and is joined.
pub(crate) struct Engine {
    commands: mpsc::Sender<Command>,
    cancel: CancellationToken,
    thread: Option<std::thread::JoinHandle<()>>,
    ended: Option<oneshot::Receiver<()>>,
}

impl Engine {
    pub(crate) fn start(
        socket: UdpSocket,
        hosts: Vec<IpAddr>,
        rooms: Vec<RoomSetup>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, Error> {
        let address = socket
            .local_addr()
            .map_err(|source| Error::Listen { address: ([0, 0, 0, 0], 0).into(), source })?;
        let (commands, receiver) = mpsc::channel(COMMANDS);
        let cancel = CancellationToken::new();
        let (done, ended) = oneshot::channel();
        let (started, start) = std::sync::mpsc::sync_channel(1);
        let setup = Setup { socket, hosts, rooms, commands: receiver, cancel: cancel.clone(), metrics };
        let thread = std::thread::Builder::new()
            .name("media".to_owned())
            .spawn(move || {
                engine::main(setup, started);
                let _ = done.send(());
            })
            .map_err(|_| Error::System { what: "a thread" })?;
        let engine = Self { commands, cancel, thread: Some(thread), ended: Some(ended) };
        match start.recv() {
            Ok(Ok(())) => Ok(engine),
            Ok(Err(source)) => Err(Error::Listen { address, source }),
            Err(_) => Err(Error::System { what: "the media thread" }),
        }
    }

    pub(crate) fn commands(&self) -> mpsc::Sender<Command> {
        self.commands.clone()
    }

    /// Resolves when the thread has ended, whether asked to or not.
    pub(crate) async fn ended(&mut self) {
        if let Some(ended) = self.ended.as_mut() {
            let _ = ended.await;
            self.ended = None;
        }
    }

    /// Says goodbye to every peer and ends the thread.
    pub(crate) fn stop(&self) {
        self.cancel.cancel();
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.cancel.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// An outer address under which a router leads to this relay, and the ports it does so at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct External {
    pub(crate) ip: IpAddr,
    pub(crate) tcp: Option<u16>,
    pub(crate) udp: Option<u16>,
}

/// The address that a packet was sent to, as the session knows it: one of its own candidates.
#[derive(Debug, Clone)]
pub(crate) struct Hosts {
    addresses: Vec<IpAddr>,
    port: u16,
}

impl Hosts {
    pub(crate) fn new(addresses: Vec<IpAddr>, port: u16) -> Self {
        Self { addresses, port }
    }

    pub(crate) fn candidates(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        self.addresses.iter().map(|ip| SocketAddr::new(*ip, self.port))
    }

    /// A router in front rewrites the destination, so an address that is no candidate stands for the first
    /// candidate of its family.
    pub(crate) fn destination(&self, to: Option<IpAddr>, from: IpAddr) -> SocketAddr {
        let ip = to
            .filter(|ip| self.addresses.contains(ip))
            .or_else(|| self.addresses.iter().copied().find(|ip| ip.is_ipv4() == from.is_ipv4()))
            .or_else(|| self.addresses.first().copied())
            .unwrap_or(from);
        SocketAddr::new(ip, self.port)
    }
}
