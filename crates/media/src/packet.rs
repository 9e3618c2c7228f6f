//! One encoded access unit, the only form in which media crosses the relay.

use std::time::Duration;

use bytes::Bytes;

use crate::Time;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    H264,
    Hevc,
    Av1,
    Opus,
    /// AAC-LC, or what a decoder of it understands.
    Aac,
}

impl Codec {
    /// RTP clock in Hz: RFC 6184 section 8.2.1, RFC 7798 section 7.1, RFC 7587 section 4.1. AAC never travels
    /// over RTP here; its ticks are those of 48 kHz sound.
    pub const fn clock_rate(self) -> u32 {
        match self {
            Self::H264 | Self::Hevc | Self::Av1 => 90_000,
            Self::Opus | Self::Aac => 48_000,
        }
    }

    pub const fn is_video(self) -> bool {
        matches!(self, Self::H264 | Self::Hevc | Self::Av1)
    }

    /// The name that people know it by.
    pub const fn name(self) -> &'static str {
        match self {
            Self::H264 => "H.264",
            Self::Hevc => "HEVC",
            Self::Av1 => "AV1",
            Self::Opus => "Opus",
            Self::Aac => "AAC",
        }
    }
}

/// One encoded access unit, in decoding order with its neighbours. Cloning shares the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    pub codec: Codec,
    /// When the frame was captured, which is when it is to be shown.
    pub captured: Time,
    /// How much later it is shown than decoded. Zero without B-frames.
    pub composition: Duration,
    /// Video: decodable alone, with its parameter sets in front. Audio: always true.
    pub keyframe: bool,
    /// H.264, HEVC: NAL units, each behind its length in four bytes, big endian (ISO/IEC 14496-15). AV1: the OBUs of
    /// one temporal unit. Opus: one packet. AAC: one ADTS frame without checksum, so that it says what it is.
    pub data: Bytes,
}

impl Packet {
    /// When it has to be decoded.
    pub fn decoded(&self) -> Time {
        self.captured - self.composition
    }
}
