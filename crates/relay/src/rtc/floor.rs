//! A room inside the media thread: its tracks, who feeds them and who takes from them.

use footlight_media::Codec;
use footlight_media::Packet;
use tokio::sync::mpsc;

use super::peer::{Outcome, Part, Peer};
use super::{Notice, Role};
use crate::clock::Moment;
use crate::ingest::publisher::Flow;
use crate::metrics::Metrics;
use crate::track::Track;

/// A room as the engine knows it.
pub(super) struct Room {
    pub(super) notices: mpsc::Sender<Notice>,
    /// Notices that the room had no time for yet, oldest first. A session has at most a handful.
    pub(super) backlog: Vec<Notice>,
    pub(super) video: Track,
    pub(super) audio: Track,
    pub(super) publisher: Option<usize>,
    pub(super) viewers: Vec<usize>,
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
        Part::Publisher(publisher) if room.publisher == Some(place) => {
            metrics.units_in.add(packets.len() as u64);
            if !packets.is_empty() && publisher.flow(now.instant, true) == Some(Flow::Began) {
                notify(room, Notice::Flowing { session });
            }
            for packet in packets.drain(..) {
                match packet.codec {
                    Codec::H264 => room.video.push(&packet),
                    Codec::Opus => room.audio.push(&packet),
                }
            }
        }
        Part::Publisher(_) => packets.clear(),
        Part::Viewer(viewer) => {
            if outcome.connected {
                wanted |= viewer.join(&room.video, &room.audio);
            }
        }
    }
    if wanted {
        want_keyframe(peers, room);
    }
}

pub(super) fn want_keyframe(peers: &mut [Option<Peer>], room: &Room) {
    if let Some(peer) = room.publisher.and_then(|place| peers[place].as_mut())
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
