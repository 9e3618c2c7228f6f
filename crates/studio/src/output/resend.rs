//! Bounds what is sent again to a share of what is sent, says of which layer it is, and sends it twice where much is lost.
//!
//! On a path that is full, every packet that was dropped is asked for again, several times over: resending all of
//! it keeps the path full. Sits where resends are not yet numbered, so what it drops counts as never sent.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use bytes::Bytes;
use rtc::interceptor::{Attribute, Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::sansio::Protocol;
use rtc::shared::error::Error;

use super::peer::VIDEO_RTX;
use crate::lane::Lane;

/// One byte again for so many bytes of media: above the loss that the rate controller takes for random.
const SHARE: usize = 5;
/// What can be saved up, in bytes: a large keyframe that was lost whole.
const MOST: usize = 64 * 1024;

pub(super) const REPAIRED_RID: &str = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id";
const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";

/// What resends of a picture in layers say of themselves (RFC 8852 section 4.2); known once the relay has answered.
pub(super) struct Repairs {
    /// Of the video section.
    pub(super) mid: Bytes,
    /// The SSRC of each layer's resends, and the layer's name.
    pub(super) layers: Vec<(u32, Bytes)>,
}

pub(super) struct Resends {
    repairs: Arc<OnceLock<Repairs>>,
    lane: Arc<Lane>,
    /// By how many a stream's numbers are ahead, for the resends that went twice: each needs a number of its own.
    ahead: HashMap<u32, u16>,
    /// Ids of the header extensions for the section's and the layer's name.
    extensions: Option<(u8, u8)>,
    credit: usize,
    reads: VecDeque<TaggedPacket>,
    writes: VecDeque<TaggedPacket>,
}

impl Resends {
    pub(super) fn new(repairs: Arc<OnceLock<Repairs>>, lane: Arc<Lane>) -> Self {
        let (reads, writes) = (VecDeque::new(), VecDeque::new());
        Self { repairs, lane, ahead: HashMap::new(), extensions: None, credit: MOST, reads, writes }
    }

    /// Numbers a resend, and makes a second one of it on a lossy path: a resend that is lost as well stops the picture
    /// for long enough to be seen. On a path that is full it would only fill it more.
    fn doubled(&mut self, packet: &mut rtc::rtp::Packet) -> Option<rtc::rtp::Packet> {
        // Without a stream of its own a resend has the number of what was lost.
        if packet.header.payload_type != VIDEO_RTX {
            return None;
        }
        let twice = self.lane.lossy.load(Ordering::Relaxed) && self.may_leave(packet.payload.len(), true);
        let ahead = self.ahead.entry(packet.header.ssrc).or_default();
        packet.header.sequence_number = packet.header.sequence_number.wrapping_add(*ahead);
        twice.then(|| {
            *ahead = ahead.wrapping_add(1);
            let mut second = packet.clone();
            second.header.sequence_number = second.header.sequence_number.wrapping_add(1);
            second
        })
    }

    /// Names the layer that a resend is of.
    fn name(&self, packet: &mut rtc::rtp::Packet) -> Result<(), Error> {
        let (Some(repairs), Some((mid, rid))) = (self.repairs.get(), self.extensions) else { return Ok(()) };
        let layer = repairs.layers.iter().find(|(ssrc, _)| *ssrc == packet.header.ssrc);
        if let Some((_, name)) = layer {
            packet.header.set_extension(mid, repairs.mid.clone())?;
            packet.header.set_extension(rid, name.clone())?;
        }
        Ok(())
    }

    fn may_leave(&mut self, size: usize, again: bool) -> bool {
        if !again {
            self.credit = (self.credit + size / SHARE).min(MOST);
            return true;
        }
        let left = self.credit.checked_sub(size);
        self.credit = left.unwrap_or(self.credit);
        left.is_some()
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Resends {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, message: TaggedPacket) -> Result<(), Error> {
        self.reads.push_back(message);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.reads.pop_front()
    }

    fn handle_write(&mut self, mut message: TaggedPacket) -> Result<(), Error> {
        let again = message.message.has(&Attribute::Retransmission);
        let mut second = None;
        let leaves = match &mut message.message.packet {
            Packet::Rtp(packet) => {
                if again {
                    self.name(packet)?;
                }
                let leaves = self.may_leave(packet.payload.len(), again);
                if leaves && again {
                    second = self.doubled(packet);
                }
                leaves
            }
            _ => true,
        };
        if leaves {
            let copy = second.map(|second| {
                let mut copy = message.message.clone();
                copy.packet = Packet::Rtp(second);
                TaggedPacket { now: message.now, transport: message.transport, message: copy }
            });
            self.writes.push_back(message);
            self.writes.extend(copy);
        }
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.writes.pop_front()
    }
}

impl Interceptor for Resends {
    fn bind_local_stream(&mut self, info: &StreamInfo) {
        let id = |uri: &str| {
            let found = info.rtp_header_extensions.iter().find(|e| e.uri == uri);
            found.and_then(|e| u8::try_from(e.id).ok())
        };
        self.extensions = self.extensions.or(id(MID).zip(id(REPAIRED_RID)));
    }

    fn unbind_local_stream(&mut self, _: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}

#[cfg(test)]
mod tests {
    use footlight_media::Codec;

    use super::*;
    use crate::lane::{Role, Wants};

    fn lane() -> Arc<Lane> {
        Lane::new(2500, Wants { role: Role::Steers, sound: Codec::Opus }).0
    }

    fn resend(number: u16) -> rtc::rtp::Packet {
        let header = rtc::rtp::Header {
            payload_type: VIDEO_RTX,
            ssrc: 7,
            sequence_number: number,
            ..Default::default()
        };
        rtc::rtp::Packet { header, payload: Bytes::from_static(&[0; 100]) }
    }

    #[test]
    fn where_much_is_lost_a_resend_goes_twice_under_numbers_of_their_own() {
        let mut resends = Resends::new(Arc::default(), lane());
        let numbers = |resends: &mut Resends, number| {
            let mut packet = resend(number);
            let second = resends.doubled(&mut packet);
            let number = |packet: rtc::rtp::Packet| packet.header.sequence_number;
            (number(packet), second.map(number))
        };
        assert_eq!(numbers(&mut resends, 65_534), (65_534, None));
        resends.lane.lossy.store(true, Ordering::Relaxed);
        assert_eq!(numbers(&mut resends, 65_535), (65_535, Some(0)));
        assert_eq!(numbers(&mut resends, 0), (1, Some(2)));
        resends.lane.lossy.store(false, Ordering::Relaxed);
        assert_eq!(numbers(&mut resends, 1), (3, None));
    }

    #[test]
    fn random_loss_is_resent_and_a_flood_of_requests_is_not() {
        let mut resends = Resends::new(Arc::default(), lane());
        for packet in 0..2_000 {
            assert!(resends.may_leave(1_100, false));
            if packet % 10 == 0 {
                assert!(resends.may_leave(1_100, true), "one in ten, at packet {packet}");
            }
        }
        let left = (0..2_000).filter(|_| {
            resends.may_leave(1_100, false);
            resends.may_leave(1_100, true)
        });
        let left = left.count();
        assert!((400..=480).contains(&left), "{left}");
    }
}
