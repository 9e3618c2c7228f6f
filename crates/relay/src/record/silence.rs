//! Silence as AAC frames, made without an encoder.

use std::time::Duration;

use bytes::Bytes;

/// Bytes of an ADTS header without checksum, ISO/IEC 13818-7 section 6.2.
pub(super) const ADTS: usize = 7;
/// A hole up to this long is none: capture times are rounded on their way.
pub(super) const TOLERANCE: Duration = Duration::from_millis(40);
/// Samples a channel of a frame.
const FRAME: u64 = 1024;

/// Raw data blocks (ISO/IEC 14496-3 section 4.4.2.1) whose spectrum is empty: one channel, and a pair.
const MONO: [u8; 4] = [0x01, 0x18, 0x20, 0x07];
const STEREO: [u8; 6] = [0x21, 0x10, 0x04, 0x60, 0x8c, 0x1c];

/// How long a frame is.
pub(super) fn frame(rate: u32) -> Duration {
    Duration::from_micros(FRAME * 1_000_000 / u64::from(rate.max(1)))
}

/// A silent frame for a stream with this header; `None` for more than two channels and for what is not AAC-LC.
pub(super) fn packet(header: &[u8; ADTS]) -> Option<Bytes> {
    let (low_complexity, channels) = (header[2] >> 6 == 1, (header[2] & 1) << 2 | header[3] >> 6);
    let block: &[u8] = match channels {
        1 if low_complexity => &MONO,
        2 if low_complexity => &STEREO,
        _ => return None,
    };
    let length = ADTS + block.len();
    let mut data = header.to_vec();
    // No checksum; 13 bits of length.
    data[1] |= 1;
    data[3] &= 0xfc;
    data[4] = (length >> 3) as u8;
    data[5] = (length as u8 & 7) << 5 | data[5] & 0x1f;
    data.extend_from_slice(block);
    Some(data.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_of_the_same_stream() {
        let header = [0xff, 0xf1, 0x4c, 0x80, 0x20, 0x1f, 0xfc];
        let packet = packet(&header).unwrap();
        assert_eq!(packet[..7], [0xff, 0xf1, 0x4c, 0x80, 0x01, 0xbf, 0xfc]);
        assert_eq!(packet[7..], STEREO);
        assert_eq!(super::packet(&[0xff, 0xf1, 0x4c, 0xc0, 0, 0, 0]), None);
        assert_eq!(frame(48_000), Duration::from_micros(21_333));
    }
}
