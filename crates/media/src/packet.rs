//! One encoded access unit, the only form in which media crosses the relay.

use bytes::Bytes;

use crate::Time;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    H264,
    Opus,
}

impl Codec {
    /// RTP clock in Hz: RFC 6184 section 8.2.1, RFC 7587 section 4.1.
    pub const fn clock_rate(self) -> u32 {
        match self {
            Self::H264 => 90_000,
            Self::Opus => 48_000,
        }
    }

    pub const fn is_video(self) -> bool {
        matches!(self, Self::H264)
    }
}

/// One encoded access unit. Cloning shares the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    pub codec: Codec,
    /// When the frame was captured. There are no B-frames, so this is decoding order too.
    pub captured: Time,
    /// Video: an IDR with its parameter sets in front. Audio: always true.
    pub keyframe: bool,
    /// H.264: NAL units, each behind its length in four bytes, big endian (ISO/IEC 14496-15). Opus: one packet.
    pub data: Bytes,
}
