//! Sessions as they are opened and closed by the HTTP side.

use footlight_media::Packet;
use footlight_protocol::RoomId;

use super::super::floor::{Feeding, Room, Source, notify, want_keyframe};
use super::super::fragment::Credentials;
use super::super::peer::{Part, Peer, Wires};
use super::super::{Command, Ended, Notice, Prepared, Role, SessionId};
use super::Engine;
use crate::clock::Moment;
use crate::ingest::publisher::{Delivery, Flow, Pulse};

impl Engine {
    pub(super) fn command(&mut self, command: Command) {
        let now = Moment::now();
        match command {
            Command::Open { session, room, role, prepared } => self.open(session, &room, role, prepared, now),
            Command::Close { session } => {
                self.end_feed(session, Ended::Closed);
                if let Some(place) = self.by_session.get(&session).copied() {
                    if let Some(peer) = self.peers[place].as_mut() {
                        peer.close(now, &mut Wires { udp: &mut self.outbound, tcp: &mut self.tcp });
                    }
                    self.remove(place);
                }
            }
            Command::Restart { session, ice, reply } => {
                // Whoever asked may have given up; the peer has changed all the same.
                let _ = reply.send(self.restart(session, &ice, now));
            }
            Command::Probe(probe) => self.probes.ask(probe, &mut self.outbound),
            Command::Tcp(stream) => self.tcp.add(stream, now.instant),
            Command::OpenFeed { session, room, cut } => {
                if let Some(room) = self.names.get(&room).copied() {
                    let feeding = Feeding { session, cut, pulse: Pulse::new(now.instant) };
                    self.rooms[room].install(Source::Feed(feeding));
                    notify(&mut self.rooms[room], Notice::Connected { session, role: Role::Publisher });
                    self.count();
                }
            }
            Command::Feed { session, packets } => self.feed(session, packets, now),
            Command::EndFeed { session, ended } => self.end_feed(session, ended),
            Command::Sound { room, packets } => {
                if let Some(room) = self.names.get(&room).copied() {
                    packets.iter().for_each(|packet| self.rooms[room].audio.push(packet));
                    self.fan_out(room, now);
                }
            }
            Command::Rendition { room, run, layer, packet } => {
                if let Some(room) = self.names.get(&room).copied() {
                    self.rooms[room].rendition(run, layer, &packet, now.instant);
                    self.fan_out(room, now);
                }
            }
            Command::Renditions { room, run, renditions } => {
                if let Some(room) = self.names.get(&room).copied() {
                    self.rooms[room].renditions(&self.peers, run, renditions);
                }
            }
            Command::Layer { session, layer } => {
                if let Some(place) = self.by_session.get(&session).copied() {
                    if let Some(Part::Viewer(viewer)) = self.peers[place].as_mut().map(|peer| &mut peer.part)
                    {
                        viewer.pick(layer);
                    }
                    self.pump(place, now);
                }
            }
            Command::WantKeyframe { room } => {
                if let Some(room) = self.names.get(&room).copied() {
                    let best = self.rooms[room].video.best();
                    want_keyframe(&mut self.peers, &self.rooms[room], best);
                    self.ask(room, now);
                }
            }
        }
    }

    /// The room that a feed is the source of.
    fn fed_by(&self, session: SessionId) -> Option<usize> {
        let fed = |room: &Room| matches!(&room.source, Some(Source::Feed(feed)) if feed.session == session);
        self.rooms.iter().position(fed)
    }

    fn feed(&mut self, session: SessionId, packets: Vec<Packet>, now: Moment) {
        // One that was replaced may still have packets on their way.
        let Some(place) = self.fed_by(session) else { return };
        let room = &mut self.rooms[place];
        self.metrics.units_in.add(packets.len() as u64);
        if let Some(Source::Feed(feed)) = &mut room.source {
            feed.pulse.heard = now.instant;
            if feed.pulse.flow(now.instant, !packets.is_empty()) == Some(Flow::Began) {
                notify(room, Notice::Flowing { session });
            }
        }
        let deliveries = packets.into_iter().map(|packet| Delivery { layer: None, packet });
        room.publish(session, deliveries, now.instant);
        self.fan_out(place, now);
    }

    fn end_feed(&mut self, session: SessionId, ended: Ended) {
        let Some(place) = self.fed_by(session) else { return };
        let room = &mut self.rooms[place];
        if let Some(Source::Feed(feed)) = &room.source {
            feed.cut.cancel();
        }
        room.vacate(ended);
        notify(room, Notice::Ended { session, role: Role::Publisher, ended });
        tracing::info!(session = session.0, ?ended, "feed ended");
        self.count();
    }

    fn open(&mut self, session: SessionId, room: &RoomId, role: Role, prepared: Prepared, now: Moment) {
        let Some(room) = self.names.get(room).copied() else {
            return;
        };
        let place = self.free.pop().unwrap_or_else(|| {
            self.peers.push(None);
            self.peers.len() - 1
        });
        self.by_session.insert(session, place);
        self.by_ufrag.insert(prepared.ufrag.clone(), place);
        self.peers[place] = Some(Peer::new(session, room, role, prepared.rtc, prepared.ufrag, now.instant));
        match role {
            Role::Publisher => self.rooms[room].install(Source::Peer(place)),
            Role::Viewer => self.rooms[room].viewers.push(place),
        }
        self.metrics.sessions.set(self.by_session.len() as u64);
        self.drive_timeout(place, now);
    }

    fn restart(&mut self, session: SessionId, ice: &Credentials, now: Moment) -> Option<String> {
        let place = *self.by_session.get(&session)?;
        let peer = self.peers[place].as_mut()?;
        let restarted = peer.restart(ice);
        if let Some((old, _)) = &restarted {
            self.by_ufrag.remove(old);
            self.by_ufrag.insert(peer.ufrag.clone(), place);
        }
        self.drive_timeout(place, now);
        restarted.map(|(_, answer)| answer)
    }

    pub(super) fn remove(&mut self, place: usize) {
        let Some(peer) = self.peers.get_mut(place).and_then(Option::take) else {
            return;
        };
        self.free.push(place);
        self.by_session.remove(&peer.session);
        self.by_ufrag.remove(&peer.ufrag);
        for address in &peer.addresses {
            self.by_address.remove(address);
            self.tcp.close(*address);
        }
        let ended = peer.ended.unwrap_or(Ended::Closed);
        let role = peer.role();
        let room = &mut self.rooms[peer.room];
        room.viewers.retain(|viewer| *viewer != place);
        if room.publisher() == Some(place) {
            room.vacate(ended);
        }
        notify(room, Notice::Ended { session: peer.session, role, ended });
        tracing::info!(session = peer.session.0, ?role, ?ended, "media session ended");
        self.metrics.sessions.set(self.by_session.len() as u64);
        self.count();
    }
}
