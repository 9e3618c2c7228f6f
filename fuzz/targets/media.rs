//! What each fuzz target of the media crate does with the bytes it is given: read them as a stranger's, and hold
//! what comes out to what the parser promises. Shared by the fuzzer and the test that replays the corpora.

use std::collections::VecDeque;

use footlight_media::rtp::{self, Assembler, Incoming};
use footlight_media::{Codec, Packet, Time, h264};

/// Name and function of each. The folder of its corpus has the same name.
pub(crate) const TARGETS: &[(&str, fn(&[u8]))] = &[("h264", h264), ("rtp", rtp), ("rtp_round", rtp_round)];

/// A byte stream as an encoder hands it out, cut into NAL units and read for its picture size.
pub(crate) fn h264(data: &[u8]) {
    if let Some(sps) = h264::Sps::parse(data) {
        assert!(sps.width > 0 && sps.height > 0);
    }
    let inside: usize = h264::nal_units(data).map(|nal| nal.len() + h264::LENGTH).sum();
    assert!(inside <= data.len(), "damage yields less, never more");
    let mut unit = Vec::new();
    h264::from_annex_b(data, &mut unit);
    let mut again = Vec::new();
    for nal in h264::nal_units(&unit) {
        assert!(!nal.is_empty());
        h264::Sps::parse(nal);
        h264::push_nal(&mut again, nal);
    }
    assert_eq!(again, unit, "every NAL unit is behind its length");
    h264::is_keyframe(&unit);
}

/// RTP packets in any order, with any payload. Each is a record of: how far the sequence moves (signed), the
/// timestamp's step, flags (bit 0 marker, bit 1 captured, bit 7 a wide jump), the time that passes in 4 ms, and
/// the payload's length and bytes.
pub(crate) fn rtp(mut data: &[u8]) {
    let mut assembler = Assembler::new();
    let (mut seq, mut timestamp, mut now) = (1u64 << 20, 0u32, 0u64);
    while let Some((record, rest)) = data.split_first_chunk::<5>() {
        let [step, tick, flags, wait, length] = *record;
        let (payload, after) = rest.split_at(usize::from(length).min(rest.len()));
        data = after;
        let wide = if flags & 0x80 == 0 { 1 } else { 4000 };
        seq = seq.saturating_add_signed(i64::from(step as i8) * wide);
        timestamp = timestamp.wrapping_add(u32::from(tick) * 750);
        now += u64::from(wait) * 4_000;
        let captured = (flags & 2 != 0).then(|| Time::from_micros(now));
        let packet = Incoming { seq, timestamp, marker: flags & 1 != 0, payload, captured };
        assembler.push(packet, Time::from_micros(now));
        while let Some(unit) = assembler.pop() {
            let inside: usize = h264::nal_units(&unit.data).map(|nal| nal.len() + h264::LENGTH).sum();
            assert_eq!(inside, unit.data.len(), "a unit is whole");
            assert_eq!(unit.keyframe, h264::is_keyframe(&unit.data));
            unit.has_parameter_sets();
        }
        assembler.take_keyframe_wanted();
    }
}

/// An access unit of any NAL units, cut into payloads of any size, comes out of the assembler as it was.
pub(crate) fn rtp_round(data: &[u8]) {
    let Some((&size, data)) = data.split_first() else { return };
    let mut unit = vec![0, 0, 0, 2, 0x65, 0x88];
    let mut rest = data;
    while let Some((&length, after)) = rest.split_first() {
        let (nal, tail) = after.split_at(usize::from(length).min(after.len()));
        rest = tail;
        // Types 1 to 23 are those of NAL units, and of these delimiters and filler are not sent.
        if matches!(h264::kind(nal), 1..=8 | 10..=11 | 13..=23) {
            h264::push_nal(&mut unit, nal);
        }
    }
    let packet = Packet {
        codec: Codec::H264,
        captured: Time::from_micros(1),
        keyframe: true,
        data: unit.clone().into(),
    };
    let mut payloads = Vec::new();
    let most = 64 + usize::from(size);
    rtp::packetize(&packet, most, &mut payloads);
    let mut assembler = Assembler::new();
    let mut packets: VecDeque<_> = payloads.iter().enumerate().collect();
    while let Some((n, payload)) = packets.pop_front() {
        assert!(payload.bytes.len() <= most, "{} in {most}", payload.bytes.len());
        let packet = Incoming {
            seq: 100 + n as u64,
            timestamp: 7,
            marker: payload.marker,
            payload: &payload.bytes,
            captured: None,
        };
        assembler.push(packet, Time::from_micros(1));
    }
    let whole = assembler.pop().expect("the marker ends the unit");
    assert_eq!((whole.data.as_ref(), whole.keyframe), (unit.as_slice(), true));
}
