//! From a room's tracks to its viewers, and their wish for a keyframe back to its publisher.

use str0m::Input;

use super::super::floor::{after, want_keyframe};
use super::super::peer::{Part, Wires};
use super::{Engine, RETRY};
use crate::clock::Moment;

impl Engine {
    pub(super) fn fan_out(&mut self, room: usize, now: Moment) {
        let mut at = 0;
        while let Some(&viewer) = self.rooms[room].viewers.get(at) {
            self.pump(viewer, now);
            // A viewer that failed has left the list, and another one stands in its place.
            if self.rooms[room].viewers.get(at) == Some(&viewer) {
                at += 1;
            }
        }
    }

    /// Sends a viewer what it may have.
    pub(super) fn pump(&mut self, place: usize, now: Moment) {
        let Some(peer) = self.peers.get_mut(place).and_then(Option::as_mut) else {
            return;
        };
        let room_left = peer.tcp.map_or(usize::MAX, |address| self.tcp.room(address));
        let Part::Viewer(viewer) = &mut peer.part else {
            return;
        };
        let room = &mut self.rooms[peer.room];
        let pumped = viewer.pump(&mut peer.rtc, &room.video, &room.audio, now, room_left);
        if pumped.turned {
            self.metrics.turns.one();
        }
        let mut wanted = pumped.wanted;
        if pumped.skipped {
            self.metrics.skips.one();
            let here = viewer.place();
            wanted = wanted.or_else(|| viewer.may_ask(now.instant).then_some(here));
        }
        if let Some(layer) = wanted {
            want_keyframe(&mut self.peers, room, layer);
        }
        if !pumped.wrote && !pumped.behind {
            return;
        }
        if pumped.wrote {
            let Some(peer) = self.peers[place].as_mut() else {
                return;
            };
            let mut wires = Wires { udp: &mut self.outbound, tcp: &mut self.tcp };
            let outcome = peer.drive(Input::Timeout(now.instant), now, &mut wires, &mut self.packets);
            after(&mut self.peers, &mut self.rooms, &self.metrics, place, &outcome, &mut self.packets, now);
        }
        let Some(peer) = self.peers[place].as_mut() else {
            return;
        };
        if peer.ended.is_some() {
            self.remove(place);
            return;
        }
        if pumped.behind {
            peer.wake = peer.wake.min(now.instant + RETRY);
        }
        self.schedule(place);
    }

    /// Asks the room's publisher for a keyframe where one is wanted and the last request is long enough ago.
    pub(super) fn ask(&mut self, room: usize, now: Moment) {
        let Some(place) = self.rooms[room].publisher() else {
            return;
        };
        let Some(peer) = self.peers[place].as_mut() else {
            return;
        };
        let Part::Publisher(publisher) = &mut peer.part else {
            return;
        };
        let asked = publisher.ask(&mut peer.rtc, now.instant);
        if asked > 0 {
            self.metrics.keyframes_asked.add(asked);
            let mut wires = Wires { udp: &mut self.outbound, tcp: &mut self.tcp };
            let outcome = peer.drive(Input::Timeout(now.instant), now, &mut wires, &mut self.packets);
            after(&mut self.peers, &mut self.rooms, &self.metrics, place, &outcome, &mut self.packets, now);
            self.schedule(place);
        }
    }
}
