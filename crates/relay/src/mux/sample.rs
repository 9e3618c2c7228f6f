//! Packets for the tests of the sinks.

use std::time::Duration;

use footlight_media::{Codec, Packet, Time, aac, h264};

/// The instant that the tests count from.
pub(crate) const START: u64 = 1_795_375_970_000_000;
/// Parameter sets of a 640×360 constrained baseline stream.
const SPS: &[u8] =
    &[0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00, 0x03, 0x00, 0x01];
const PPS: &[u8] = &[0x68, 0xcb, 0x83, 0xcb, 0x20];

fn packet(micros: u64, keyframe: bool, nals: &[&[u8]]) -> Packet {
    let mut data = Vec::new();
    nals.iter().for_each(|nal| h264::push_nal(&mut data, nal));
    let captured = Time::from_micros(START + micros);
    Packet { codec: Codec::H264, captured, composition: Duration::ZERO, keyframe, data: data.into() }
}

/// A keyframe, so many microseconds after [`START`].
pub(crate) fn key(micros: u64) -> Packet {
    packet(micros, true, &[SPS, PPS, &[0x65, 1, 2, 3]])
}

/// A keyframe of other parameter sets.
pub(crate) fn other_key(micros: u64) -> Packet {
    packet(micros, true, &[SPS, &[0x68, 0xcb, 0x83, 0xcb, 0x40], &[0x65, 1, 2, 3]])
}

pub(crate) fn picture(micros: u64) -> Packet {
    packet(micros, false, &[&[0x41, 1, 2, 3]])
}

/// 48 kHz stereo.
pub(crate) fn sound(micros: u64) -> Packet {
    let config = aac::Config::low_complexity(48_000, 2).unwrap();
    let data = config.frame(&[1, 2, 3, 4]).unwrap().into();
    let captured = Time::from_micros(START + micros);
    Packet { codec: Codec::Aac, captured, composition: Duration::ZERO, keyframe: true, data }
}
