//! Stories of packets that become segments, read back box by box.

use std::time::Duration;

use super::*;
use crate::{Codec, Packet, Time, h264};

const START: u64 = 1_795_375_970_000_000;
const SPS: [u8; 24] = [
    0x67, 0x42, 0xc0, 0x1f, 0xd9, 0x00, 0x50, 0x05, 0xbb, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00,
    0x00, 0x03, 0x03, 0xc0, 0xf1, 0x83, 0x24,
];
const PPS: [u8; 5] = [0x68, 0xcb, 0x83, 0xcb, 0x20];
/// AAC-LC, 48 kHz, stereo, no checksum, and 4 bytes of sound.
const ADTS: [u8; 11] = [0xff, 0xf1, 0x4c, 0x80, 0x01, 0x7f, 0xfc, 1, 2, 3, 4];

fn at(micros: u64) -> Time {
    Time::from_micros(START + micros)
}

fn picture(micros: u64, composition: u64, nals: &[&[u8]]) -> Packet {
    let mut data = Vec::new();
    nals.iter().for_each(|nal| h264::push_nal(&mut data, nal));
    Packet {
        codec: Codec::H264,
        captured: at(micros),
        composition: Duration::from_micros(composition),
        keyframe: h264::is_keyframe(&data),
        data: data.into(),
    }
}

fn key(micros: u64) -> Packet {
    picture(micros, 0, &[&[9, 0xf0], &SPS, &PPS, &[6, 5, 1], &[0x65, 0x88, 1]])
}

fn sound(micros: u64) -> Packet {
    let data = ADTS.to_vec().into();
    Packet { codec: Codec::Aac, captured: at(micros), composition: Duration::ZERO, keyframe: true, data }
}

/// Every box and its body, those inside others behind them.
fn boxes(data: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut rest = data;
    while let Some((size, after)) = rest.split_first_chunk::<4>() {
        let size = u32::from_be_bytes(*size) as usize;
        let kind = String::from_utf8(after[..4].to_vec()).unwrap();
        let body = &rest[8..size];
        found.push((kind.clone(), body.to_vec()));
        let inside = match kind.as_str() {
            "moov" | "trak" | "mdia" | "minf" | "stbl" | "mvex" | "moof" | "traf" => Some(0),
            "stsd" => Some(8),
            "avc1" | "hvc1" | "av01" => Some(78),
            "mp4a" => Some(28),
            _ => None,
        };
        found.extend(inside.into_iter().flat_map(|skip| boxes(&body[skip..])));
        rest = &rest[size..];
    }
    found
}

fn all(data: &[u8], kind: &str) -> Vec<Vec<u8>> {
    boxes(data).into_iter().filter(|(found, _)| found == kind).map(|(_, body)| body).collect()
}

fn words(body: &[u8]) -> Vec<u32> {
    body.chunks_exact(4).map(|word| u32::from_be_bytes(word.try_into().unwrap())).collect()
}

#[test]
fn the_init_segment_tells_what_the_packets_told() {
    let (video, audio) = (Format::of(&key(0)).unwrap(), Format::of(&sound(0)).unwrap());
    assert_eq!((video.codecs(), video.size(), video.timescale()), ("avc1.42c01f", Some((1280, 720)), 90_000));
    assert_eq!((audio.codecs(), audio.size(), audio.timescale()), ("mp4a.40.2", None, 48_000));
    let bytes = init(&[&video, &audio]);
    let mut record = vec![1, 0x42, 0xc0, 0x1f, 0xff, 0xe1, 0, 24];
    record.extend_from_slice(&SPS);
    record.extend_from_slice(&[1, 0, 5]);
    record.extend_from_slice(&PPS);
    assert_eq!(all(&bytes, "avcC"), [record]);
    assert!(all(&bytes, "esds")[0].ends_with(&[5, 2, 0x11, 0x90, 6, 1, 2]));
    assert_eq!(all(&bytes, "trex").iter().map(|body| words(body)[1]).collect::<Vec<_>>(), [VIDEO, AUDIO]);
    assert_eq!(all(&bytes, "mdhd").iter().map(|body| words(body)[5]).collect::<Vec<_>>(), [90_000, 48_000]);
    assert!(!all(&bytes, "ftyp")[0].ends_with(b"cmfc"));
    assert!(all(&init(&[&audio]), "ftyp")[0].ends_with(b"cmfc"));
}

#[test]
fn a_fragment_has_the_samples_without_what_the_init_segment_tells() {
    let mut video = Run::new(Format::of(&key(0)).unwrap(), at(0));
    let mut audio = Run::new(Format::of(&sound(0)).unwrap(), at(0));
    video.push(&key(1_000_000));
    video.push(&picture(1_033_333, 0, &[&[0x41, 2, 2, 2]]));
    video.push(&picture(1_066_667, 0, &[&[0x41, 3]]));
    for n in 0..3 {
        audio.push(&sound(1_000_000 + n * 21_333));
    }
    assert_eq!((video.len(), audio.len(), video.bytes()), (2, 2, 7 + 7 + 8));
    assert_eq!((video.begins(), video.starts_with_keyframe()), (Some(at(1_000_000)), true));
    assert_eq!(video.duration(), Duration::from_micros(66_666));
    let wrap = Wrap { segment: true, clock: video.begins() };
    let bytes = fragment(7, wrap, &mut [&mut video, &mut audio]);
    let kinds: Vec<String> = boxes(&bytes).into_iter().map(|(kind, _)| kind).collect();
    let track = ["traf", "tfhd", "tfdt", "trun"];
    assert_eq!(kinds, [&["styp", "prft", "moof", "mfhd"][..], &track, &track, &["mdat"]].concat());
    let stamp = all(&bytes, "prft").remove(0);
    assert_eq!(stamp[8..16], at(1_000_000).to_ntp().to_be_bytes());
    assert_eq!(words(&all(&bytes, "mfhd")[0]), [0, 7]);
    let begins: Vec<_> = all(&bytes, "tfdt").iter().map(|body| words(body)).collect();
    assert_eq!(begins, [[0x100_0000, 0, 90_000], [0x100_0000, 0, 48_000]]);
    let runs = all(&bytes, "trun");
    let mdat = all(&bytes, "mdat").remove(0);
    let video_run = words(&runs[0]);
    assert_eq!(video_run[0] & 0xff_ffff, 0x701);
    assert_eq!(video_run[3..], [3000, 14, 0x0200_0000, 3000, 8, 0x0101_0000]);
    let audio_run = words(&runs[1]);
    assert_eq!(audio_run[3..], [1024, 4, 1024, 4]);
    // The offsets lead from the moof to the samples.
    let moof = bytes.windows(4).position(|kind| kind == b"moof").unwrap() - 4;
    assert!(
        bytes[moof + video_run[2] as usize..].starts_with(&[0, 0, 0, 3, 6, 5, 1, 0, 0, 0, 3, 0x65, 0x88, 1])
    );
    assert!(bytes[moof + audio_run[2] as usize..].starts_with(&[1, 2, 3, 4, 1, 2, 3, 4]));
    assert_eq!(mdat.len(), 14 + 8 + 8);
    assert!(fragment(8, wrap, &mut [&mut video, &mut audio]).is_empty(), "the newest are not complete");
    video.finish();
    audio.finish();
    let last = fragment(8, Wrap::default(), &mut [&mut video, &mut audio]);
    assert_eq!(words(&all(&last, "tfdt")[0])[2], 96_000);
    assert_eq!(words(&all(&last, "trun")[0])[3], 3000, "as long as the one before");
}

#[test]
fn reordered_pictures_carry_when_they_are_shown() {
    let mut run = Run::new(Format::of(&key(0)).unwrap(), at(0));
    // Decoded as I P B, shown as I B P.
    for (shown, late) in [(40_000, 40_000), (120_000, 80_000), (80_000, 0)] {
        let nals: &[&[u8]] = if shown == 40_000 { &[&SPS, &PPS, &[0x65, 1]] } else { &[&[0x41, 1]] };
        run.push(&picture(shown, late, nals));
    }
    run.finish();
    let words = words(&all(&fragment(1, Wrap::default(), &mut [&mut run]), "trun")[0]);
    assert_eq!(words[0], 0x0100_0f01);
    let rows: Vec<_> = words[3..].chunks(4).map(|row| (row[0], row[3])).collect();
    assert_eq!(rows, [(3600, 3600), (3600, 7200), (3600, 0)]);
}

#[test]
fn sound_joins_over_rounding_and_follows_over_a_gap() {
    let mut run = Run::new(Format::of(&sound(0)).unwrap(), at(0));
    // Milliseconds as RTMP rounds them, then 200 ms of nothing, then a publisher whose clock is behind.
    for millis in [0, 21, 43, 64, 285, 306, 250] {
        run.push(&sound(millis * 1000));
    }
    run.finish();
    let words = words(&all(&fragment(1, Wrap::default(), &mut [&mut run]), "trun")[0]);
    let durations: Vec<u32> = words[3..].chunks(2).map(|row| row[0]).collect();
    assert_eq!(durations, [1024, 1024, 1024, 285 * 48 - 3 * 1024, 1024, 1, 1024]);
}

#[test]
fn a_change_of_format_is_noticed() {
    let format = Format::of(&key(0)).unwrap();
    assert_eq!(format.changed_by(&key(5)), None);
    assert_eq!(format.changed_by(&picture(5, 0, &[&[0x41, 1]])), None);
    let mut other = PPS;
    other[4] ^= 0x40;
    assert!(format.changed_by(&picture(5, 0, &[&SPS, &other, &[0x65, 1]])).is_some());
    assert_eq!(Format::of(&picture(5, 0, &[&[0x65, 1]])), None, "a keyframe that does not describe itself");
    let format = Format::of(&sound(0)).unwrap();
    assert_eq!(format.changed_by(&sound(5)), None);
    let mut mono = ADTS;
    mono[3] = 0x40;
    let mono = Packet { data: mono.to_vec().into(), ..sound(5) };
    assert_eq!(format.changed_by(&mono).map(|format| format != Format::of(&sound(0)).unwrap()), Some(true));
}

#[test]
fn parameter_sets_between_other_units_are_taken_out_too() {
    let mut run = Run::new(Format::of(&key(0)).unwrap(), at(0));
    run.push(&picture(0, 0, &[&[6, 1], &SPS, &PPS, &[0x65, 7]]));
    run.finish();
    let mdat = all(&fragment(1, Wrap::default(), &mut [&mut run]), "mdat").remove(0);
    assert_eq!(mdat, [0, 0, 0, 2, 6, 1, 0, 0, 0, 2, 0x65, 7]);
}

#[test]
fn the_tables_say_of_every_sample_what_the_fragments_said() {
    let (video, audio) = (Format::of(&key(0)).unwrap(), Format::of(&sound(0)).unwrap());
    let bytes = init(&[&video, &audio]);
    let moov = &bytes[read::head(&bytes).unwrap().size as usize..];
    let (mut video, mut audio) = (Run::new(video, at(0)), Run::new(audio, at(0)));
    let mut tables = Tables::new(moov).unwrap();
    assert_eq!(tables.write(moov, 0), None, "no samples");
    // Sound begins 40 ms later; between the fragments 100 ms of both are missing.
    for (n, begins) in [(0, 0), (1, 200_000u64)] {
        let reordered: &[&[u8]] = if n == 0 { &[&SPS, &PPS, &[0x65, 1]] } else { &[&[0x41, 1, 1]] };
        video.push(&picture(begins + 40_000, 40_000, reordered));
        video.push(&picture(begins + 50_000, 0, &[&[0x41, 2]]));
        (0..2).for_each(|n| audio.push(&sound(begins + 40_000 + n * 21_333)));
        video.finish();
        audio.finish();
        let fragment = fragment(n + 1, Wrap::default(), &mut [&mut video, &mut audio]);
        let moof = &fragment[..read::head(&fragment).unwrap().size as usize];
        tables.push(moof, &read::pieces(moof).unwrap(), u64::from(n) * 10_000);
    }
    let written = tables.write(moov, 5).unwrap();
    let all = |kind| all(&written, kind).into_iter().map(|body| words(&body)).collect::<Vec<_>>();
    // 100 ms after the second picture of 50 ms, which itself lasts as long as the first.
    assert_eq!(all("stts"), [vec![0, 3, 1, 4500, 1, 13_500, 2, 4500], vec![0, 3, 1, 1024, 1, 8576, 2, 1024]]);
    assert_eq!(all("ctts"), [[0x100_0000, 4, 1, 3600, 1, 0, 1, 3600, 1, 0]]);
    assert_eq!((all("stss"), all("stsc").len()), (vec![vec![0, 1, 1]], 2));
    assert_eq!(all("stsz")[1], [0, 0, 4, 4, 4, 4, 4]);
    assert_eq!(all("stsc")[0], [0, 1, 1, 2, 1]);
    let places = all("stco").concat();
    // Video first, of 12 bytes and of 13.
    let chunks = [places[3] - places[2], places[6] - places[2], places[7] - places[3]];
    assert_eq!(chunks, [10_000, 12, 13], "{places:?}");
    assert_eq!(all("edts").len(), 1, "sound begins later");
    assert_eq!(all("mdhd")[0][6..8], [0, 27_000]);
    assert_eq!((all("mvhd")[0][3..5].to_vec(), all("mvex").len()), (vec![90_000, 27_000], 0));
    assert_eq!(tables.write(moov, u64::from(u32::MAX / 4)).map(|moov| moov.len()), Some(written.len()));
    assert_eq!(all("stsd").len(), 2);
}

#[test]
fn what_was_written_reads_back_and_moves() {
    let (video, audio) = (Format::of(&key(0)).unwrap(), Format::of(&sound(0)).unwrap());
    let bytes = init(&[&video, &audio]);
    let ftyp = read::head(&bytes).unwrap();
    assert_eq!(&ftyp.kind, b"ftyp");
    let moov = &bytes[ftyp.size as usize..];
    assert_eq!(read::timescales(moov), Some(vec![(VIDEO, 90_000), (AUDIO, 48_000)]));
    let (mut video, mut audio) = (Run::new(video, at(0)), Run::new(audio, at(0)));
    for packet in [picture(540_000, 40_000, &[&SPS, &PPS, &[0x65, 1]]), picture(533_333, 0, &[&[0x41, 2]])] {
        video.push(&packet);
    }
    (0..3).for_each(|n| audio.push(&sound(500_000 + n * 21_333)));
    video.finish();
    audio.finish();
    let mut bytes = fragment(1, Wrap::default(), &mut [&mut video, &mut audio]).to_vec();
    let size = read::head(&bytes).unwrap().size as usize;
    let pieces = read::pieces(&bytes[..size]).unwrap();
    let told: Vec<_> =
        pieces.iter().map(|p| (p.track, p.begins, p.composition, p.duration, p.keyframe)).collect();
    assert_eq!(told, [(VIDEO, 45_000, 3600, 6000, true), (AUDIO, 24_000, 0, 3072, true)]);
    read::move_to(&mut bytes[..size], &pieces[1], 7);
    assert_eq!(read::pieces(&bytes[..size]).unwrap()[1].begins, 7);
    for cut in 0..size {
        assert_eq!(read::pieces(&bytes[..cut]), None);
        let mut damaged = bytes[..size].to_vec();
        damaged[cut] ^= 0x81;
        let _ = read::pieces(&damaged);
        damaged.truncate(cut);
        let _ = (read::pieces(&damaged), read::timescales(&damaged));
    }
}

#[test]
fn noise_is_refused_or_carried_never_a_panic() {
    let mut state = 1u32;
    let mut noise = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 8
    };
    let mut known = 0;
    for round in 0..20_000 {
        let mut packet = if round % 2 == 0 { key(u64::from(noise())) } else { sound(u64::from(noise())) };
        packet.codec = [Codec::H264, Codec::Hevc, Codec::Av1, Codec::Aac, packet.codec][noise() as usize % 5];
        packet.composition = Duration::from_micros(u64::from(noise()));
        let mut data = packet.data.to_vec();
        for _ in 0..noise() % 4 {
            let at = noise() as usize % data.len();
            data[at] = noise() as u8;
        }
        data.truncate(data.len() - noise() as usize % 3);
        packet.data = data.into();
        let Some(format) = Format::of(&packet) else { continue };
        known += 1;
        let bytes = init(&[&format]);
        assert_eq!(all(&bytes, "stsd").len(), 1);
        let mut run = Run::new(format, at(1_000));
        run.push(&packet);
        run.push(&Packet { captured: at(u64::from(noise())), ..packet.clone() });
        run.finish();
        let complete = run.len();
        let bytes = fragment(1, Wrap::default(), &mut [&mut run]);
        assert_eq!(all(&bytes, "trun").len(), usize::from(complete > 0));
    }
    assert!(known > 2_000, "{known} packets were understood");
}
