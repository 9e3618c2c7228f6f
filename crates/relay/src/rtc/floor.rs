//! A room inside the media thread: its tracks, who feeds them and who takes from them.

use std::time::Instant;

use footlight_media::{Codec, Packet};
use footlight_protocol::room::{Note, Renditions, VideoCodec};
use str0m::media::Rid;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::peer::{Outcome, Part, Peer};
use super::{Ended, Notice, Role, RoomSetup, SessionId};
use crate::clock::Moment;
use crate::ingest::publisher::{Delivery, Flow, Pulse};
use crate::layers::Layers;
use crate::metrics::Metrics;
use crate::mux::Intake;
use crate::renditions::{self, Tap};
use crate::track::Track;

/// A room as the engine knows it.
pub(super) struct Room {
    pub(super) notices: mpsc::Sender<Notice>,
    /// Notices that the room had no time for yet, oldest first. A session has at most a handful.
    pub(super) backlog: Vec<Notice>,
    pub(super) video: Layers,
    pub(super) audio: Track,
    pub(super) source: Option<Source>,
    pub(super) viewers: Vec<usize>,
    mux: Intake,
    tap: Option<Tap>,
    /// Lower layers are made here, or would be, and the room was told so.
    tapped: bool,
    /// What was said of this source's stream.
    noted: Vec<Note>,
}

/// Who feeds a room.
pub(super) enum Source {
    /// The peer in this slot of the engine.
    Peer(usize),
    Feed(Feeding),
}

/// A publisher that brings whole packets.
pub(super) struct Feeding {
    pub(super) session: SessionId,
    pub(super) cut: CancellationToken,
    pub(super) pulse: Pulse,
}

impl Room {
    pub(super) fn new(setup: RoomSetup) -> Self {
        Self {
            notices: setup.notices,
            backlog: Vec::new(),
            video: Layers::new(),
            audio: Track::new(Codec::Opus),
            source: None,
            viewers: Vec::new(),
            mux: setup.mux,
            tap: setup.tap,
            tapped: false,
            noted: Vec::new(),
        }
    }

    /// The source's place, where it is a peer.
    pub(super) fn publisher(&self) -> Option<usize> {
        match self.source {
            Some(Source::Peer(place)) => Some(place),
            Some(Source::Feed(_)) | None => None,
        }
    }

    /// The session of the source.
    pub(super) fn session(&self, peers: &[Option<Peer>]) -> Option<SessionId> {
        match &self.source {
            Some(Source::Peer(place)) => peers.get(*place)?.as_ref().map(|peer| peer.session),
            Some(Source::Feed(feed)) => Some(feed.session),
            None => None,
        }
    }

    /// A source takes the place of the one before, if any.
    pub(super) fn install(&mut self, source: Source) {
        if let Some(Source::Feed(older)) = self.source.replace(source) {
            older.cut.cancel();
        }
        self.noted.clear();
        self.video.install();
        self.tapped = false;
        if let Some(tap) = &mut self.tap {
            tap.begin();
        }
    }

    /// The source is gone.
    pub(super) fn vacate(&mut self, ended: Ended) {
        self.source = None;
        if ended == Ended::Closed {
            // It said goodbye: nobody should start on its last picture.
            self.video.clear();
        }
    }

    /// Puts what the source `session` completed into the tracks, and hands it to the muxing.
    pub(super) fn publish(
        &mut self,
        session: SessionId,
        deliveries: impl Iterator<Item = Delivery>,
        now: Instant,
    ) {
        for Delivery { layer, packet } in deliveries {
            if packet.codec != Codec::H264 {
                self.mux.offer(&packet);
            }
            match packet.codec {
                Codec::H264 => self.picture(session, layer, &packet, now),
                Codec::Opus => self.audio.push(&packet),
                Codec::Hevc => {
                    self.note(session, Note::NotForWebRtc { codec: VideoCodec::Hevc });
                }
                Codec::Av1 => {
                    self.note(session, Note::NotForWebRtc { codec: VideoCodec::Av1 });
                }
                Codec::Aac => {}
            }
        }
        self.tell_layers(session, now);
    }

    fn picture(&mut self, session: SessionId, layer: Option<Rid>, packet: &Packet, now: Instant) {
        let taken = self.video.take(layer, packet, !self.noted.is_empty(), now);
        if taken.mux {
            self.mux.offer(packet);
        }
        if taken.reordered && self.note(session, Note::BFrames) {
            self.video.clear();
        }
        if layer.is_none()
            && self.has_use_for_renditions()
            && let Some(tap) = &mut self.tap
        {
            tap.offer(packet);
        }
    }

    /// They are for those who watch by WebRTC, and of pictures that these can see.
    fn has_use_for_renditions(&self) -> bool {
        !self.viewers.is_empty() && self.noted.is_empty()
    }

    /// Takes a picture of a lower layer that was made of what the source of that run sends.
    pub(super) fn rendition(&mut self, run: u32, layer: u8, packet: &Packet, now: Instant) {
        let current = self.source.is_some() && self.tap.as_ref().is_some_and(|tap| tap.is_current(run));
        if let Some(rid) = renditions::name(layer).filter(|_| current) {
            self.video.take(Some(rid), packet, false, now);
        }
    }

    /// How far lower layers are made of what the source of that run sends.
    pub(super) fn renditions(&mut self, peers: &[Option<Peer>], run: u32, renditions: Renditions) {
        let current = self.tap.as_ref().is_some_and(|tap| tap.is_current(run));
        if let Some(session) = self.session(peers).filter(|_| current) {
            self.tapped = true;
            notify(self, Notice::Renditions { session, renditions: Some(renditions) });
        }
    }

    /// Lets the maker of lower layers rest while nobody has a use for them.
    pub(super) fn check_tap(&mut self, session: SessionId) {
        if self.has_use_for_renditions() {
            return;
        }
        let Some(tap) = &mut self.tap else { return };
        tap.rest();
        if std::mem::take(&mut self.tapped) {
            notify(self, Notice::Renditions { session, renditions: None });
        }
    }

    /// Says which layers can be chosen, where that has changed.
    pub(super) fn tell_layers(&mut self, session: SessionId, now: Instant) {
        if let Some(layers) = self.video.news(now) {
            notify(self, Notice::Layers { session, layers });
        }
    }

    /// Says it once; whether this was the time.
    fn note(&mut self, session: SessionId, note: Note) -> bool {
        let new = !self.noted.contains(&note);
        if new {
            self.noted.push(note);
            notify(self, Notice::Noted { session, note });
        }
        new
    }
}

/// What a drive of `place` means for its room: packets, a joined viewer, a wanted keyframe.
pub(super) fn after(
    peers: &mut [Option<Peer>],
    rooms: &mut [Room],
    metrics: &Metrics,
    place: usize,
    outcome: &Outcome,
    packets: &mut Vec<Delivery>,
    now: Moment,
) {
    let Some(peer) = peers[place].as_mut() else {
        return packets.clear();
    };
    let room = &mut rooms[peer.room];
    let session = peer.session;
    if outcome.connected {
        let role = peer.role();
        tracing::info!(session = session.0, ?role, tcp = peer.tcp.is_some(), "media session connected");
        match role {
            Role::Publisher => metrics.publishers.one(),
            Role::Viewer => metrics.viewers.one(),
        }
        notify(room, Notice::Connected { session, role });
    }
    let mut wanted = outcome.keyframe_wanted;
    if wanted {
        metrics.keyframes_wanted.one();
    }
    match &mut peer.part {
        // A publisher that was replaced may still be heard until its goodbye; the room no longer carries it.
        Part::Publisher(publisher) if room.publisher() == Some(place) => {
            metrics.units_in.add(packets.len() as u64);
            if !packets.is_empty() && publisher.flow(now.instant, true) == Some(Flow::Began) {
                notify(room, Notice::Flowing { session });
            }
            room.publish(session, packets.drain(..), now.instant);
        }
        Part::Publisher(_) => packets.clear(),
        Part::Viewer(viewer) => {
            wanted = wanted && viewer.may_ask(now.instant);
            if outcome.connected {
                wanted |= viewer.join(&room.video, &room.audio, now.instant);
            }
            let place = viewer.place();
            if wanted {
                want_keyframe(peers, room, place);
            }
        }
    }
}

/// Of the layer at `place`.
pub(super) fn want_keyframe(peers: &mut [Option<Peer>], room: &Room, place: usize) {
    let rid = room.video.rid(place);
    if let (Some(tap), Some(rid)) = (room.tap.as_ref().filter(|_| room.tapped), rid) {
        return tap.want_keyframe(rid);
    }
    if let Some(peer) = room.publisher().and_then(|place| peers[place].as_mut())
        && let Part::Publisher(publisher) = &mut peer.part
    {
        publisher.want_keyframe(rid);
    }
}

pub(super) fn notify(room: &mut Room, notice: Notice) {
    room.backlog.push(notice);
    flush_notices(room);
}

pub(super) fn flush_notices(room: &mut Room) {
    let sent =
        room.backlog.iter().take_while(|notice| room.notices.try_send((*notice).clone()).is_ok()).count();
    room.backlog.drain(..sent);
}
