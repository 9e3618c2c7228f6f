//! What each fuzz target of the media crate does with the bytes it is given: read them as a stranger's, and hold
//! what comes out to what the parser promises. Shared by the fuzzer and the test that replays the corpora.

use std::collections::VecDeque;
use std::time::Duration;

use footlight_media::flv::{self, Unpacker, body};
use footlight_media::fmp4::{Format, read};
use footlight_media::playlist::{File, Reload};
use footlight_media::rtmp::message::Meaning;
use footlight_media::rtmp::{Client, Message, Purpose, Refusal, Server, ServerEvent, chunk, handshake};
use footlight_media::rtp::{self, Assembler, Incoming};
use footlight_media::{
    Codec, Packet, Time, aac as aac_format, amf0 as amf, av1 as av1_format, h264, hevc as hevc_format,
};

/// Name and function of a target. The folder of its corpus has the same name.
pub(crate) type Target = (&'static str, fn(&[u8]));

pub(crate) const TARGETS: &[Target] = &[
    ("aac", aac),
    ("amf0", amf0),
    ("av1", av1),
    ("flv", flv),
    ("fmp4", fmp4),
    ("h264", h264),
    ("hevc", hevc),
    ("hls_file", hls_file),
    ("hls_query", hls_query),
    ("rtmp_chunk", rtmp_chunk),
    ("rtmp_client", rtmp_client),
    ("rtmp_handshake", rtmp_handshake),
    ("rtmp_message", rtmp_message),
    ("rtmp_server", rtmp_server),
    ("rtp", rtp),
    ("rtp_round", rtp_round),
];

/// AudioSpecificConfig and ADTS: what is understood can be written, and reads as the same.
pub(crate) fn aac(data: &[u8]) {
    if let Some(config) = aac_format::Config::parse(data) {
        assert_eq!(aac_format::Config::parse(&config.write()), Some(config));
        assert!(config.rate() > 0 && (1..=8).contains(&config.channels()));
        if let Some(frame) = config.frame(data) {
            assert_eq!(aac_format::split(&frame), Some((config, data)));
        }
    }
    if let Some((config, raw)) = aac_format::split(data) {
        assert!(raw.len() < data.len());
        config.frame(raw);
    }
}

/// AMF0 values: what is read can be written, and reads as the same.
pub(crate) fn amf0(data: &[u8]) {
    let values = amf::values(data);
    let mut written = Vec::new();
    values.iter().for_each(|value| value.write(&mut written));
    let mut again = Vec::new();
    amf::values(&written).iter().for_each(|value| value.write(&mut again));
    assert_eq!(written, again);
}

/// OBUs and the sequence header.
pub(crate) fn av1(data: &[u8]) {
    for obu in av1_format::obus(data) {
        av1_format::Sequence::parse(obu.payload);
    }
    av1_format::Sequence::parse(data);
}

/// A file of tags whose bodies are unpacked; the bytes also as one body of each kind.
pub(crate) fn flv(data: &[u8]) {
    let _ = (body::video(data), body::audio(data));
    let mut unpacker = Unpacker::default();
    for tag in flv::file(data).unwrap_or_else(|| flv::tags(data)) {
        let unit = match tag.kind {
            flv::TagKind::Video => unpacker.video(tag.body),
            flv::TagKind::Audio => unpacker.audio(tag.body),
            flv::TagKind::Script => continue,
        };
        if let Ok(Some(unit)) = unit {
            assert!(!unit.data.is_empty());
            // What comes in goes out again: into files and playlists, by their own reading of it.
            let composition = Duration::ZERO;
            let captured = Time::from_micros(1);
            Format::of(&Packet {
                codec: unit.codec,
                captured,
                composition,
                keyframe: unit.keyframe,
                data: unit.data,
            });
        }
    }
}

/// The boxes of a fragmented MP4, as recordings are read back.
pub(crate) fn fmp4(data: &[u8]) {
    read::head(data);
    read::timescales(data);
    if let Some(pieces) = read::pieces(data) {
        let mut moved = data.to_vec();
        for piece in &pieces {
            read::move_to(&mut moved, piece, 7);
        }
        assert_eq!(moved.len(), data.len());
    }
}

/// Parameter sets and keyframes.
pub(crate) fn hevc(data: &[u8]) {
    if let Some(sps) = hevc_format::Sps::parse(data) {
        assert!(sps.width > 0 && sps.height > 0);
    }
    hevc_format::is_keyframe(data);
    for nal in h264::nal_units(data) {
        hevc_format::Sps::parse(nal);
        hevc_format::kind(nal);
    }
}

/// The name of a file in a room's HLS folder: what is understood can be written, and reads as the same.
pub(crate) fn hls_file(data: &[u8]) {
    let Ok(name) = std::str::from_utf8(data) else { return };
    if let Ok(file) = name.parse::<File>() {
        let written = file.to_string();
        assert!(written.len() <= name.len(), "nothing but leading zeros is left out");
        assert_eq!(written.parse(), Ok(file));
    }
}

/// The query of a playlist's reload: what is understood can be asked again in the words of the draft.
pub(crate) fn hls_query(data: &[u8]) {
    let Ok(query) = std::str::from_utf8(data) else { return };
    let Some(reload) = Reload::parse(query) else { return };
    assert!(reload.sequence.is_some() || reload.part.is_none());
    let mut written = String::new();
    if let Some(sequence) = reload.sequence {
        written += &format!("_HLS_msn={sequence}");
    }
    if let Some(part) = reload.part {
        written += &format!("&_HLS_part={part}");
    }
    if reload.skip {
        written += "&_HLS_skip=YES";
    }
    assert_eq!(Reload::parse(&written), Some(reload));
}

/// The first byte says into how large pieces the rest is cut, as a network does.
fn pieces(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (size, rest) = data.split_first().map_or((1, data), |(size, rest)| (usize::from(*size) + 1, rest));
    rest.chunks(size)
}

/// Chunks in pieces: the same messages come out as of the whole, and each can be written and read again.
pub(crate) fn rtmp_chunk(data: &[u8]) {
    let read = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let (mut reader, mut messages) = (chunk::Reader::default(), Vec::new());
        for mut piece in pieces {
            loop {
                match reader.read(&mut piece) {
                    Ok(Some(message)) => messages.push(message),
                    Ok(None) => break,
                    Err(_) => return messages,
                }
            }
            assert!(piece.is_empty(), "all bytes are taken");
        }
        messages
    };
    let messages = read(&mut pieces(data));
    let whole = data.get(1..).unwrap_or_default();
    assert_eq!(messages, read(&mut std::iter::once(whole)));
    // Those of type 1 and 2 are the chunk layer's own and would change how the next ones are read.
    for message in messages.into_iter().filter(|message| message.kind > 2) {
        let mut out = Vec::new();
        chunk::write(3, &message, 128, &mut out);
        assert_eq!(read(&mut std::iter::once(&out[..])), [message]);
    }
}

/// What a server may say to the end that calls.
pub(crate) fn rtmp_client(data: &[u8]) {
    let purpose = if data.len().is_multiple_of(2) { Purpose::Publish } else { Purpose::Play };
    let mut client = Client::new(purpose, "rtmp://host/live", "live", "key", &[7]);
    let _ = client.read(&mut &hello()[..]);
    for mut piece in pieces(data) {
        loop {
            match client.read(&mut piece) {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => return,
            }
        }
        client.take_output();
    }
}

/// A handshake as either end sends it. No search finds 3 KB of it by itself.
fn hello() -> Vec<u8> {
    let mut hello = vec![0; 1 + 2 * handshake::BLOCK];
    hello[0] = 3;
    hello
}

/// The handshake of either end, in pieces.
pub(crate) fn rtmp_handshake(data: &[u8]) {
    for server in [true, false] {
        let mut out = Vec::new();
        let mut end = if server {
            handshake::Handshake::server(&[7])
        } else {
            handshake::Handshake::client(&[7], &mut out)
        };
        for mut piece in pieces(data) {
            match end.read(&mut piece, &mut out) {
                Ok(false) => assert!(piece.is_empty(), "all bytes are taken"),
                Ok(true) | Err(_) => break,
            }
        }
        assert!(out.len() <= 1 + 2 * handshake::BLOCK);
    }
}

/// The type is the first byte; the rest is what the message says.
pub(crate) fn rtmp_message(data: &[u8]) {
    let Some((&kind, payload)) = data.split_first() else { return };
    let message = Message { kind, stream: 1, timestamp: 0, payload: payload.to_vec().into() };
    match Meaning::of(&message) {
        Meaning::Command(command) => {
            let written = command.write();
            let again =
                Message { kind: footlight_media::rtmp::message::kind::COMMAND, payload: written, ..message };
            let Meaning::Command(again) = Meaning::of(&again) else { panic!("a command is read back") };
            assert_eq!(again.write(), command.write());
        }
        Meaning::Aggregate(body) => flv::tags(&body).for_each(drop),
        _ => {}
    }
}

/// A whole session with a stranger, who is taken or refused by the length of what they say.
pub(crate) fn rtmp_server(data: &[u8]) {
    let mut server = Server::new(&[7], "live");
    let mut unpacker = Unpacker::default();
    let _ = server.read(&mut &hello()[..]);
    for mut piece in pieces(data) {
        loop {
            match server.read(&mut piece) {
                Ok(Some(ServerEvent::Publish { name } | ServerEvent::Play { name })) => {
                    if name.len() % 4 == 3 { server.refuse(Refusal::Publish, "no") } else { server.accept() }
                }
                Ok(Some(ServerEvent::Video { body, .. })) => drop(unpacker.video(&body)),
                Ok(Some(ServerEvent::Audio { body, .. })) => drop(unpacker.audio(&body)),
                Ok(Some(ServerEvent::Metadata(_) | ServerEvent::Finished)) => {}
                Ok(None) => break,
                Err(_) => return,
            }
        }
        assert!(server.take_output().len() < 1 << 20, "an answer is not much longer than a question");
    }
    server.end();
}

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
        composition: Duration::ZERO,
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
