//! A room inside the media thread: its tracks, who feeds them and who takes from them.

use std::time::Duration;

use footlight_media::{Codec, Packet, Time};
use footlight_protocol::room::{Note, VideoCodec};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::peer::{Outcome, Part, Peer};
use super::{Ended, Notice, Role, RoomSetup, SessionId};
use crate::clock::Moment;
use crate::ingest::publisher::{Flow, Pulse};
use crate::metrics::Metrics;
use crate::mux::Intake;
use crate::track::Track;

/// A room as the engine knows it.
pub(super) struct Room {
    pub(super) notices: mpsc::Sender<Notice>,
    /// Notices that the room had no time for yet, oldest first. A session has at most a handful.
    pub(super) backlog: Vec<Notice>,
    pub(super) video: Track,
    pub(super) audio: Track,
    pub(super) source: Option<Source>,
    pub(super) viewers: Vec<usize>,
    mux: Intake,
    /// What was said of this source's stream.
    noted: Vec<Note>,
    /// The newest instant shown of this source's video.
    shown: Option<Time>,
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
            video: Track::new(Codec::H264),
            audio: Track::new(Codec::Opus),
            source: None,
            viewers: Vec::new(),
            mux: setup.mux,
            noted: Vec::new(),
            shown: None,
        }
    }

    /// The source's place, where it is a peer.
    pub(super) fn publisher(&self) -> Option<usize> {
        match self.source {
            Some(Source::Peer(place)) => Some(place),
            Some(Source::Feed(_)) | None => None,
        }
    }

    /// A source takes the place of the one before, if any.
    pub(super) fn install(&mut self, source: Source) {
        if let Some(Source::Feed(older)) = self.source.replace(source) {
            older.cut.cancel();
        }
        self.noted.clear();
        self.shown = None;
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
    pub(super) fn publish(&mut self, session: SessionId, packets: impl Iterator<Item = Packet>) {
        for packet in packets {
            self.mux.offer(&packet);
            match packet.codec {
                Codec::H264 => {
                    // Shown before what came before it: WebRTC has no place for that, and half of the pictures would
                    // be worse than none.
                    let reordered = self.shown.is_some_and(|shown| packet.captured < shown)
                        && packet.composition < Duration::from_secs(1);
                    self.shown = self.shown.max(Some(packet.captured));
                    if reordered && self.note(session, Note::BFrames) {
                        self.video.clear();
                    }
                    if self.noted.is_empty() {
                        self.video.push(&packet);
                    }
                }
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
    packets: &mut Vec<Packet>,
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
            room.publish(session, packets.drain(..));
        }
        Part::Publisher(_) => packets.clear(),
        Part::Viewer(viewer) => {
            wanted = wanted && viewer.asking.grant(now.instant);
            if outcome.connected {
                wanted |= viewer.join(&room.video, &room.audio, now.instant);
            }
        }
    }
    if wanted {
        want_keyframe(peers, room);
    }
}

pub(super) fn want_keyframe(peers: &mut [Option<Peer>], room: &Room) {
    if let Some(peer) = room.publisher().and_then(|place| peers[place].as_mut())
        && let Part::Publisher(publisher) = &mut peer.part
    {
        publisher.want_keyframe();
    }
}

pub(super) fn notify(room: &mut Room, notice: Notice) {
    room.backlog.push(notice);
    flush_notices(room);
}

pub(super) fn flush_notices(room: &mut Room) {
    let sent = room.backlog.iter().take_while(|notice| room.notices.try_send(**notice).is_ok()).count();
    room.backlog.drain(..sent);
}
