//! Bounds what is sent again to a share of what is sent, and says of which layer it is.
//!
//! On a path that is full, every packet that was dropped is asked for again, several times over: resending all of
//! it keeps the path full. Sits where resends are not yet numbered, so what it drops counts as never sent.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use bytes::Bytes;
use rtc::interceptor::{Attribute, Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::sansio::Protocol;
use rtc::shared::error::Error;

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
    /// Ids of the header extensions for the section's and the layer's name.
    extensions: Option<(u8, u8)>,
    credit: usize,
    reads: VecDeque<TaggedPacket>,
    writes: VecDeque<TaggedPacket>,
}

impl Resends {
    pub(super) fn new(repairs: Arc<OnceLock<Repairs>>) -> Self {
        Self { repairs, extensions: None, credit: MOST, reads: VecDeque::new(), writes: VecDeque::new() }
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
        let leaves = match &mut message.message.packet {
            Packet::Rtp(packet) => {
                if again {
                    self.name(packet)?;
                }
                self.may_leave(packet.payload.len(), again)
            }
            _ => true,
        };
        if leaves {
            self.writes.push_back(message);
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
    use super::*;

    #[test]
    fn random_loss_is_resent_and_a_flood_of_requests_is_not() {
        let mut resends = Resends::new(Arc::default());
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
