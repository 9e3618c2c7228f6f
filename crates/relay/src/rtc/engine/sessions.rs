//! Sessions as they are opened and closed by the HTTP side.

use footlight_protocol::RoomId;

use super::super::floor::notify;
use super::super::peer::{Peer, Wires};
use super::super::{Command, Ended, Notice, Prepared, Role, SessionId};
use super::Engine;
use crate::clock::Moment;

impl Engine {
    pub(super) fn command(&mut self, command: Command) {
        let now = Moment::now();
        match command {
            Command::Open { session, room, role, prepared } => self.open(session, &room, role, prepared, now),
            Command::Close { session } => {
                if let Some(place) = self.by_session.get(&session).copied() {
                    if let Some(peer) = self.peers[place].as_mut() {
                        peer.close(now, &mut Wires { udp: &mut self.outbound, tcp: &mut self.tcp });
                    }
                    self.remove(place);
                }
            }
            Command::Tcp(stream) => self.tcp.add(stream, now.instant),
        }
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
            Role::Publisher => self.rooms[room].publisher = Some(place),
            Role::Viewer => self.rooms[room].viewers.push(place),
        }
        self.metrics.sessions.set(self.by_session.len() as u64);
        self.drive_timeout(place, now);
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
        if room.publisher == Some(place) {
            room.publisher = None;
            if ended == Ended::Closed {
                // It said goodbye: nobody should start on its last picture.
                room.video.clear();
            }
        }
        notify(room, Notice::Ended { session: peer.session, role, ended });
        tracing::info!(session = peer.session.0, ?role, ?ended, "media session ended");
        self.metrics.sessions.set(self.by_session.len() as u64);
        self.count();
    }
}
