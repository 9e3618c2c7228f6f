//! RTP payloads: access units cut into packets ([`packetize`]) and put together again ([`Assembler`]).
//!
//! Only payloads are made and read here. The header belongs to the session that sends: sequence number,
//! timestamp and SSRC are the receiver's own, the payload is the same for all of them.

mod assembler;
mod packetizer;

pub use assembler::{AccessUnit, Assembler, Incoming};
pub use packetizer::{MAX_PAYLOAD, Payload, packetize};

/// H.264 payload structures, RFC 6184 section 5.2.
mod structure {
    /// Several NAL units in one packet.
    pub(super) const STAP_A: u8 = 24;
    /// One piece of a NAL unit.
    pub(super) const FU_A: u8 = 28;
    /// In an FU header: first piece, last piece.
    pub(super) const FU_START: u8 = 0x80;
    pub(super) const FU_END: u8 = 0x40;
}

#[cfg(test)]
mod tests;
