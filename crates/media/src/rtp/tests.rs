//! Stories of both directions together: what goes in comes out, whatever the network does in between.

use std::time::Duration;

use super::*;
use crate::{Codec, Packet, Time, h264};

fn unit(keyframe: bool, size: usize, fill: u8) -> Packet {
    let mut data = Vec::new();
    if keyframe {
        h264::push_nal(&mut data, &[0x67, 1, 2, 3]);
        h264::push_nal(&mut data, &[0x68, 4]);
    }
    let mut slice = vec![fill; size];
    slice[0] = if keyframe { 0x65 } else { 0x41 };
    h264::push_nal(&mut data, &slice);
    Packet {
        codec: Codec::H264,
        captured: Time::from_micros(u64::from(fill)),
        composition: Duration::ZERO,
        keyframe,
        data: data.into(),
    }
}

/// RTP packets of a run of access units: (seq, timestamp, payload).
fn send(units: &[Packet]) -> Vec<(u64, u32, Payload)> {
    let mut sent = Vec::new();
    for (index, unit) in units.iter().enumerate() {
        let mut payloads = Vec::new();
        packetize(unit, MAX_PAYLOAD, &mut payloads);
        for payload in payloads {
            assert!(payload.bytes.len() <= MAX_PAYLOAD);
            sent.push((70_000 + sent.len() as u64, index as u32 * 3000, payload));
        }
    }
    sent
}

fn receive(assembler: &mut Assembler, packet: &(u64, u32, Payload), now: Time) -> Vec<AccessUnit> {
    let (seq, timestamp, payload) = packet;
    let (marker, payload) = (payload.marker, &payload.bytes[..]);
    assembler.push(Incoming { seq: *seq, timestamp: *timestamp, marker, payload, captured: None }, now);
    std::iter::from_fn(|| assembler.pop()).collect()
}

#[test]
fn every_size_comes_out_as_it_went_in() {
    for size in [1, 2, MAX_PAYLOAD - 1, MAX_PAYLOAD, MAX_PAYLOAD + 1, 2 * MAX_PAYLOAD, 100_000] {
        let units = [unit(true, size, 7), unit(false, size, 9)];
        let mut assembler = Assembler::new();
        let got: Vec<AccessUnit> =
            send(&units).iter().flat_map(|p| receive(&mut assembler, p, Time::default())).collect();
        let data: Vec<_> = got.iter().map(|u| u.data.clone()).collect();
        assert_eq!(data, units.map(|u| u.data), "{size}");
        assert!(got[0].keyframe && !got[1].keyframe && got[0].has_parameter_sets());
    }
}

#[test]
fn parameter_sets_share_a_packet_and_only_the_last_has_the_marker() {
    let sent = send(&[unit(true, 3000, 1)]);
    assert_eq!(sent[0].2.bytes[0] & 0x1f, 24);
    assert_eq!(sent.iter().filter(|p| p.2.marker).count(), 1);
    assert!(sent.last().unwrap().2.marker);
}

#[test]
fn reordered_and_doubled_packets_do_no_harm() {
    let units: Vec<Packet> = (0..20).map(|i| unit(i == 0, 5000, i as u8)).collect();
    let mut sent = send(&units);
    for pair in sent[1..].chunks_exact_mut(2) {
        pair.swap(0, 1);
    }
    let mut assembler = Assembler::new();
    let mut got = Vec::new();
    for packet in &sent {
        got.extend(receive(&mut assembler, packet, Time::default()));
        got.extend(receive(&mut assembler, packet, Time::default()));
    }
    assert_eq!(
        got.iter().map(|u| &u.data).collect::<Vec<_>>(),
        units.iter().map(|u| &u.data).collect::<Vec<_>>()
    );
}

#[test]
fn a_late_retransmission_is_waited_for() {
    let sent = send(&[unit(true, 5000, 1), unit(false, 5000, 2)]);
    let mut assembler = Assembler::new();
    let late = 2;
    let mut got = Vec::new();
    for (index, packet) in sent.iter().enumerate() {
        if index != late {
            got.extend(receive(&mut assembler, packet, Time::default()));
        }
    }
    assert!(got.is_empty());
    got.extend(receive(&mut assembler, &sent[late], Time::default() + Duration::from_millis(100)));
    assert_eq!(got.len(), 2);
    assert!(!assembler.take_keyframe_wanted());
}

#[test]
fn a_lost_packet_costs_up_to_the_next_keyframe_and_asks_for_it() {
    let units: Vec<Packet> = (0..40).map(|i| unit(i == 0 || i == 35, 3000, i as u8)).collect();
    let mut sent = send(&units);
    let lost = sent.iter().position(|p| p.1 == 3 * 3000).unwrap();
    sent.remove(lost);
    let mut assembler = Assembler::new();
    let mut got = Vec::new();
    for packet in &sent {
        let now = Time::default() + Duration::from_millis(u64::from(packet.1) / 90);
        got.extend(receive(&mut assembler, packet, now));
    }
    let timestamps: Vec<u32> = got.iter().map(|u| u.timestamp / 3000).collect();
    assert_eq!(timestamps, [0, 1, 2, 35, 36, 37, 38, 39]);
    assert!(assembler.take_keyframe_wanted());
}

#[test]
fn a_stream_joined_in_the_middle_begins_with_a_keyframe() {
    let units: Vec<Packet> = (0..4).map(|i| unit(i == 2, 100, i as u8)).collect();
    let mut assembler = Assembler::new();
    let got: Vec<AccessUnit> =
        send(&units).iter().flat_map(|p| receive(&mut assembler, p, Time::default())).collect();
    assert_eq!(got.len(), 2);
    assert!(got[0].keyframe);
}

#[test]
fn noise_is_neither_believed_nor_hoarded() {
    let mut state = 7u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let mut assembler = Assembler::new();
    for step in 0..50_000u64 {
        let payload: Vec<u8> = (0..random() % 40).map(|_| random() as u8).collect();
        let seq = match random() % 10 {
            0 => random() << 20,
            _ => 1000 + step + random() % 5,
        };
        let now = Time::from_micros(step * 1000);
        let packet = Incoming {
            seq,
            timestamp: random() as u32 % 4,
            marker: random() % 3 == 0,
            payload: &payload,
            captured: None,
        };
        assembler.push(packet, now);
        while let Some(unit) = assembler.pop() {
            assert!(h264::nal_units(&unit.data).count() > 0);
        }
    }
}
