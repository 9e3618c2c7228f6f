//! Bounds what is sent again to a share of what is sent.
//!
//! On a path that is full, every packet that was dropped is asked for again, several times over: resending all of
//! it keeps the path full. Sits where resends are not yet numbered, so what it drops counts as never sent.

use std::collections::VecDeque;
use std::time::Instant;

use rtc::interceptor::{Attribute, Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::sansio::Protocol;
use rtc::shared::error::Error;

/// One byte again for so many bytes of media: above the loss that the rate controller takes for random.
const SHARE: usize = 5;
/// What can be saved up, in bytes: a large keyframe that was lost whole.
const MOST: usize = 64 * 1024;

pub(super) struct Resends {
    credit: usize,
    reads: VecDeque<TaggedPacket>,
    writes: VecDeque<TaggedPacket>,
}

impl Resends {
    pub(super) fn new() -> Self {
        Self { credit: MOST, reads: VecDeque::new(), writes: VecDeque::new() }
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

    fn handle_write(&mut self, message: TaggedPacket) -> Result<(), Error> {
        let leaves = match &message.message.packet {
            Packet::Rtp(packet) => {
                let again = message.message.has(&Attribute::Retransmission);
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
    fn bind_local_stream(&mut self, _: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_loss_is_resent_and_a_flood_of_requests_is_not() {
        let mut resends = Resends::new();
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
