//! Everything since the last keyframe, so that who comes late can begin at once.

use crate::Packet;

/// Packets kept: over 20 s at 30 fps. A publisher that sends no keyframe for longer gets asked for one.
const MAX_PACKETS: usize = 600;
/// Bytes kept: 20 s at 8 Mbit/s.
const MAX_BYTES: usize = 20 << 20;

/// The packets of one video track since its last keyframe.
///
/// Full ⇒ emptied until the next keyframe: a run with a hole in it cannot be decoded.
#[derive(Debug, Default)]
pub struct Gop {
    packets: Vec<Packet>,
    bytes: usize,
}

impl Gop {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next packet. One that no keyframe leads to is not kept.
    pub fn push(&mut self, packet: &Packet) {
        if packet.keyframe {
            self.clear();
        } else if self.packets.is_empty() {
            return;
        }
        if self.packets.len() == MAX_PACKETS || self.bytes + packet.data.len() > MAX_BYTES {
            self.clear();
            return;
        }
        self.bytes += packet.data.len();
        self.packets.push(packet.clone());
    }

    /// Oldest first; empty, or begins with a keyframe.
    pub fn packets(&self) -> &[Packet] {
        &self.packets
    }

    pub fn clear(&mut self) {
        self.packets.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Codec, Time};

    fn packet(keyframe: bool, size: usize) -> Packet {
        Packet {
            codec: Codec::H264,
            captured: Time::default(),
            keyframe,
            data: vec![0; size].into(),
        }
    }

    #[test]
    fn holds_what_a_newcomer_needs() {
        let mut gop = Gop::new();
        gop.push(&packet(false, 1));
        assert!(gop.packets().is_empty());
        gop.push(&packet(true, 1));
        gop.push(&packet(false, 2));
        assert_eq!(gop.packets().len(), 2);
        gop.push(&packet(true, 3));
        assert_eq!(gop.packets().len(), 1);
    }

    #[test]
    fn a_run_without_keyframes_does_not_grow_without_bound() {
        let mut gop = Gop::new();
        gop.push(&packet(true, 1));
        for _ in 0..3 * MAX_PACKETS {
            gop.push(&packet(false, 1));
            assert!(gop.packets().len() <= MAX_PACKETS);
            assert!(gop.packets().first().is_none_or(|first| first.keyframe));
        }
        gop.push(&packet(true, MAX_BYTES + 1));
        assert!(gop.packets().is_empty());
    }
}
