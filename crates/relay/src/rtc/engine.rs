//! The media thread's loop: receive, hand to peers, fan out, send.
//!
//! One turn handles everything that is ready and then sends what came of it, so packets of one frame to one
//! viewer leave together. Time-driven work is kept in a heap of wake-ups; stale ones are recognised and skipped.

mod fan_out;
mod sessions;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use footlight_protocol::RoomId;
use str0m::Input;
use str0m::net::Protocol;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::floor::{Room, Source, after, flush_notices, notify, want_keyframe};
use super::peer::{Part, Peer, Wires};
use super::probe::Probes;
use super::table::{Arrived, Table};
use super::tcp::{Connections, Read};
use super::udp::{self, Inbound, Outbound};
use super::{Command, Hosts, Notice, Role, RoomSetup, SessionId};
use crate::clock::Moment;
use crate::ingest::publisher::{Delivery, Flow};
use crate::metrics::Metrics;

/// How often sessions are checked for having fallen silent, which nothing else wakes the thread for.
const CHECK: Duration = Duration::from_millis(250);
/// How soon a viewer that could not take everything is tried again.
const RETRY: Duration = Duration::from_millis(1);
/// Longest that the goodbyes at the end may take.
const GOODBYE: Duration = Duration::from_millis(500);
/// Batches received in one turn before what they caused is sent.
const BATCHES: usize = 4;

/// What the thread starts with.
pub(crate) struct Setup {
    pub(super) socket: UdpSocket,
    pub(super) hosts: Vec<IpAddr>,
    pub(super) rooms: Vec<RoomSetup>,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) cancel: CancellationToken,
    pub(super) metrics: Arc<Metrics>,
}

/// Runs until cancelled. Says on `started` whether it could begin.
pub(super) fn main(setup: Setup, started: std::sync::mpsc::SyncSender<io::Result<()>>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = started.send(Err(error));
            return;
        }
    };
    runtime.block_on(async move {
        match Engine::new(setup) {
            Ok(parts) => {
                let _ = started.send(Ok(()));
                parts.run().await;
            }
            Err(error) => {
                let _ = started.send(Err(error));
            }
        }
    });
}

struct Engine {
    inbound: Inbound,
    outbound: Outbound,
    tcp: Connections,
    reads: mpsc::Receiver<Read>,
    commands: mpsc::Receiver<Command>,
    cancel: CancellationToken,
    metrics: Arc<Metrics>,
    hosts: Hosts,
    probes: Probes,
    rooms: Vec<Room>,
    names: HashMap<RoomId, usize>,
    /// Slots of peers; a free one is used again.
    peers: Vec<Option<Peer>>,
    free: Vec<usize>,
    by_session: HashMap<SessionId, usize>,
    by_ufrag: HashMap<String, usize>,
    by_address: HashMap<SocketAddr, usize>,
    wakes: BinaryHeap<Reverse<(Instant, usize)>>,
    checked: Instant,
    /// What the peer driven last completed; kept for its memory.
    packets: Vec<Delivery>,
}

impl Engine {
    fn new(setup: Setup) -> io::Result<Self> {
        let port = setup.socket.local_addr()?.port();
        let (inbound, outbound) = udp::open(setup.socket, setup.metrics.clone())?;
        let (tcp, reads) = Connections::new(setup.metrics.clone());
        let names = setup.rooms.iter().enumerate().map(|(place, room)| (room.id.clone(), place)).collect();
        let rooms = setup.rooms.into_iter().map(Room::new);
        Ok(Self {
            inbound,
            outbound,
            tcp,
            reads,
            commands: setup.commands,
            cancel: setup.cancel,
            metrics: setup.metrics,
            hosts: Hosts::new(setup.hosts, port),
            probes: Probes::default(),
            rooms: rooms.collect(),
            names,
            peers: Vec::new(),
            free: Vec::new(),
            by_session: HashMap::new(),
            by_ufrag: HashMap::new(),
            by_address: HashMap::new(),
            wakes: BinaryHeap::new(),
            checked: Instant::now(),
            packets: Vec::new(),
        })
    }

    async fn run(mut self) {
        let cancel = self.cancel.clone();
        loop {
            let wake = self.wakes.peek().map_or(self.checked + CHECK, |Reverse((at, _))| *at);
            let wake = wake.min(self.checked + CHECK);
            tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                ready = self.inbound.readable() => {
                    if let Err(error) = ready.and_then(|()| self.receive()) {
                        tracing::error!(%error, "the media socket failed");
                        break;
                    }
                }
                Some(command) = self.commands.recv() => {
                    self.command(command);
                    while let Ok(command) = self.commands.try_recv() {
                        self.command(command);
                    }
                }
                Some(read) = self.reads.recv() => self.read(read),
                () = tokio::time::sleep_until(wake.into()) => {}
            }
            self.turn();
        }
        self.shut_down().await;
    }

    /// Everything that is due by now.
    fn turn(&mut self) {
        let now = Moment::now();
        while let Some(Reverse((at, place))) = self.wakes.peek().copied() {
            if at > now.instant {
                break;
            }
            self.wakes.pop();
            let Some(peer) = self.peers.get_mut(place).and_then(Option::as_mut) else {
                continue;
            };
            peer.queued = None;
            // One that was driven since, or has taken the slot over, is due at another time.
            if peer.wake <= now.instant {
                self.drive_timeout(place, now);
            } else {
                self.schedule(place);
            }
        }
        if now.instant.duration_since(self.checked) >= CHECK {
            self.checked = now.instant;
            self.check(now);
        }
        self.outbound.flush();
    }

    fn receive(&mut self) -> io::Result<()> {
        for _ in 0..BATCHES {
            let now = Moment::now();
            let count = self.inbound.receive()?;
            if count == 0 {
                break;
            }
            // Lent out for the loop: datagrams live in it while the peers they belong to change.
            let inbound = &self.inbound;
            let mut touched: Vec<usize> = Vec::new();
            let mut wires = Wires { udp: &mut self.outbound, tcp: &mut self.tcp };
            for datagram in inbound.datagrams(count) {
                self.metrics.packets_in.one();
                self.metrics.bytes_in.add(datagram.bytes.len() as u64);
                if self.probes.take(datagram.from, datagram.bytes) {
                    continue;
                }
                let arrived = Arrived {
                    proto: Protocol::Udp,
                    from: datagram.from,
                    to: self.hosts.destination(datagram.to, datagram.from.ip()),
                    bytes: datagram.bytes,
                };
                let mut table = Table {
                    peers: &mut self.peers,
                    by_ufrag: &self.by_ufrag,
                    by_address: &mut self.by_address,
                };
                let Some((place, outcome)) = table.deliver(&arrived, now, &mut wires, &mut self.packets)
                else {
                    self.metrics.strays.one();
                    continue;
                };
                if touched.last() != Some(&place) {
                    touched.push(place);
                }
                if outcome.connected || outcome.keyframe_wanted || !self.packets.is_empty() {
                    after(
                        &mut self.peers,
                        &mut self.rooms,
                        &self.metrics,
                        place,
                        &outcome,
                        &mut self.packets,
                        now,
                    );
                }
            }
            touched.sort_unstable();
            touched.dedup();
            for place in touched {
                self.settle(place, now);
            }
        }
        Ok(())
    }

    fn read(&mut self, read: Read) {
        if !self.tcp.knows(&read) {
            return;
        }
        if read.bytes.is_empty() {
            self.tcp.close(read.from);
            return;
        }
        let now = Moment::now();
        self.metrics.packets_in.one();
        self.metrics.bytes_in.add(read.bytes.len() as u64);
        let arrived = Arrived {
            proto: Protocol::Tcp,
            from: read.from,
            to: self.hosts.destination(Some(read.to.ip()), read.from.ip()),
            bytes: &read.bytes,
        };
        let mut wires = Wires { udp: &mut self.outbound, tcp: &mut self.tcp };
        let mut table =
            Table { peers: &mut self.peers, by_ufrag: &self.by_ufrag, by_address: &mut self.by_address };
        let Some((place, outcome)) = table.deliver(&arrived, now, &mut wires, &mut self.packets) else {
            // Before a session has claimed it, a connection may say nothing but STUN that we know.
            self.metrics.strays.one();
            self.tcp.close(read.from);
            return;
        };
        self.tcp.claim(read.from);
        after(&mut self.peers, &mut self.rooms, &self.metrics, place, &outcome, &mut self.packets, now);
        self.settle(place, now);
    }

    fn drive_timeout(&mut self, place: usize, now: Moment) {
        let Some(peer) = self.peers[place].as_mut() else {
            return;
        };
        let mut wires = Wires { udp: &mut self.outbound, tcp: &mut self.tcp };
        let outcome = peer.drive(Input::Timeout(now.instant), now, &mut wires, &mut self.packets);
        after(&mut self.peers, &mut self.rooms, &self.metrics, place, &outcome, &mut self.packets, now);
        self.settle(place, now);
    }

    /// After a peer was driven: what it completed goes to the room's viewers, and its next wake-up is noted.
    fn settle(&mut self, place: usize, now: Moment) {
        let Some(peer) = self.peers[place].as_ref() else {
            return;
        };
        if peer.ended.is_some() {
            self.remove(place);
            return;
        }
        let room = peer.room;
        match peer.role() {
            Role::Publisher => {
                self.fan_out(room, now);
                self.ask(room, now);
            }
            Role::Viewer => {
                self.pump(place, now);
                self.ask(room, now);
            }
        }
        self.schedule(place);
    }

    /// Notes when the peer is due, unless an earlier wake-up stands already.
    fn schedule(&mut self, place: usize) {
        let Some(peer) = self.peers.get_mut(place).and_then(Option::as_mut) else {
            return;
        };
        if peer.queued.is_none_or(|queued| peer.wake < queued) {
            peer.queued = Some(peer.wake);
            self.wakes.push(Reverse((peer.wake, place)));
        }
    }

    /// What nothing else wakes the thread for: silence, expiry, and requests that waited.
    fn check(&mut self, now: Moment) {
        self.tcp.expire(now.instant);
        for place in 0..self.peers.len() {
            let Some(peer) = self.peers[place].as_mut() else {
                continue;
            };
            peer.expire(now.instant);
            let (session, room) = (peer.session, peer.room);
            if let Part::Publisher(publisher) = &mut peer.part
                && publisher.flow(now.instant, false) == Some(Flow::Ceased)
            {
                notify(&mut self.rooms[room], Notice::Silent { session });
            }
            if peer.ended.is_some() {
                self.remove(place);
            } else if let Part::Viewer(viewer) = &mut peer.part {
                let video = &self.rooms[room].video;
                if viewer.repeat(video, now) | viewer.steer(video, now) {
                    self.pump(place, now);
                }
            }
        }
        for room in 0..self.rooms.len() {
            self.check_layers(room, now);
            self.ask(room, now);
            if let Some(Source::Feed(feed)) = &mut self.rooms[room].source {
                let session = feed.session;
                if feed.pulse.flow(now.instant, false) == Some(Flow::Ceased) {
                    notify(&mut self.rooms[room], Notice::Silent { session });
                }
            }
            flush_notices(&mut self.rooms[room]);
        }
        self.count();
    }

    /// Layers that no longer come, and what the muxing waits for.
    fn check_layers(&mut self, room: usize, now: Moment) {
        let floor = &mut self.rooms[room];
        if floor.video.check(now.instant) {
            let best = floor.video.best();
            want_keyframe(&mut self.peers, floor, best);
        }
        if let Some(session) = floor.session(&self.peers) {
            floor.tell_layers(session, now.instant);
            floor.check_tap(session);
        }
    }

    fn count(&self) {
        let feed = |room: &&Room| matches!(room.source, Some(Source::Feed(_)));
        let mut publishers = self.rooms.iter().filter(feed).count() as u64;
        let mut viewers = 0;
        for peer in self.peers.iter().flatten().filter(|peer| peer.connected) {
            match peer.role() {
                Role::Publisher => publishers += 1,
                Role::Viewer => viewers += 1,
            }
        }
        self.metrics.publishers.set(publishers);
        self.metrics.viewers.set(viewers);
    }

    async fn shut_down(mut self) {
        let now = Moment::now();
        for peer in self.peers.iter_mut().flatten() {
            peer.close(now, &mut Wires { udp: &mut self.outbound, tcp: &mut self.tcp });
        }
        self.outbound.flush();
        if tokio::time::timeout(GOODBYE, self.tcp.shut_down()).await.is_err() {
            tracing::warn!("ICE-TCP connections did not end in time");
        }
    }
}
