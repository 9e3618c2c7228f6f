//! Access unit → RTP payloads (RFC 6184 packetization mode 1, RFC 7587).

use std::sync::Arc;

use super::structure::{FU_A, FU_END, FU_START, STAP_A};
use crate::h264::{self, nal_type};
use crate::{Codec, Packet};

/// Payload bytes that fit a 1 200-byte datagram (what every path carries, as QUIC assumes too: RFC 9000
/// section 14.1) beside the RTP header (12), its extensions (up to 32), RTX (2) and the SRTP tag (16).
pub const MAX_PAYLOAD: usize = 1200 - 12 - 32 - 2 - 16;

/// One RTP packet without its header.
#[derive(Debug, Clone)]
pub struct Payload {
    pub bytes: Arc<[u8]>,
    /// Ends its access unit.
    pub marker: bool,
}

/// Appends the payloads of `packet`, none longer than `max_payload` (at least 64; Opus packets are never cut).
///
/// NAL units are copied once. Access unit delimiters and filler are left out: RTP needs neither.
pub fn packetize(packet: &Packet, max_payload: usize, out: &mut Vec<Payload>) {
    match packet.codec {
        // Those do not travel over RTP here: the relay offers WebRTC viewers H.264 and Opus.
        Codec::Hevc | Codec::Av1 | Codec::Aac => {}
        Codec::Opus => out.push(Payload { bytes: Arc::from(&packet.data[..]), marker: false }),
        Codec::H264 => {
            let begin = out.len();
            h264(&packet.data, max_payload.max(64), out);
            if let Some(last) = out[begin..].last_mut() {
                last.marker = true;
            }
        }
    }
}

fn h264(data: &[u8], max: usize, out: &mut Vec<Payload>) {
    // Parameter sets and SEI wait here, to travel together in front of the slice.
    let mut small: Vec<&[u8]> = Vec::new();
    let mut small_size = 1;
    for nal in h264::nal_units(data).filter(|nal| !nal.is_empty()) {
        match h264::kind(nal) {
            nal_type::AUD | nal_type::FILLER => {}
            nal_type::SPS | nal_type::PPS | nal_type::SEI if 1 + 2 + nal.len() <= max => {
                if small_size + 2 + nal.len() > max {
                    flush(&mut small, &mut small_size, out);
                }
                small_size += 2 + nal.len();
                small.push(nal);
            }
            _ => {
                flush(&mut small, &mut small_size, out);
                if nal.len() <= max { single(nal, out) } else { fragments(nal, max, out) }
            }
        }
    }
    flush(&mut small, &mut small_size, out);
}

fn single(nal: &[u8], out: &mut Vec<Payload>) {
    out.push(Payload { bytes: Arc::from(nal), marker: false });
}

fn flush(small: &mut Vec<&[u8]>, size: &mut usize, out: &mut Vec<Payload>) {
    match small[..] {
        [] => {}
        [only] => single(only, out),
        _ => {
            // The aggregate is as important as its most important unit (section 5.7).
            let importance = small.iter().map(|nal| nal[0] & 0x60).max().unwrap_or(0);
            let mut bytes = Vec::with_capacity(*size);
            bytes.push(importance | STAP_A);
            for nal in small.iter() {
                bytes.extend_from_slice(&(nal.len() as u16).to_be_bytes());
                bytes.extend_from_slice(nal);
            }
            out.push(Payload { bytes: bytes.into(), marker: false });
        }
    }
    small.clear();
    *size = 1;
}

fn fragments(nal: &[u8], max: usize, out: &mut Vec<Payload>) {
    let (header, body) = (nal[0], &nal[1..]);
    // Even pieces: a last packet of a few bytes costs as much as a full one.
    let pieces = body.len().div_ceil(max - 2);
    let size = body.len().div_ceil(pieces);
    let count = body.len().div_ceil(size);
    for (index, piece) in body.chunks(size).enumerate() {
        let start = if index == 0 { FU_START } else { 0 };
        let end = if index + 1 == count { FU_END } else { 0 };
        let prefix = [(header & 0xe0) | FU_A, start | end | (header & 0x1f)];
        out.push(Payload { bytes: prefix.iter().chain(piece).copied().collect(), marker: false });
    }
}
