//! Stories of bytes that encoders write, and of bytes that nobody should have written.

use super::body::{Audio, Video};
use super::*;
use crate::cursor::Noise;
use crate::{Codec, Error, Foreign, aac, h264};

/// 1280×720 constrained baseline.
const SPS: [u8; 8] = [0x67, 0x42, 0xc0, 0x1f, 0xd9, 0x00, 0x50, 0x05];
const PPS: [u8; 4] = [0x68, 0xcb, 0x83, 0xcb];

fn avc_record(length: u8) -> Vec<u8> {
    let mut record = vec![1, 0x42, 0xc0, 0x1f, 0xfc | (length - 1), 0xe1, 0, SPS.len() as u8];
    record.extend_from_slice(&SPS);
    record.extend_from_slice(&[1, 0, PPS.len() as u8]);
    record.extend_from_slice(&PPS);
    record
}

fn hevc_record() -> Vec<u8> {
    let mut record = vec![1; 21];
    record.extend_from_slice(&[0x0f, 3]);
    for kind in [32, 33, 34] {
        record.extend_from_slice(&[0x80 | kind, 0, 1, 0, 3, kind << 1, 1, 7]);
    }
    record
}

fn av1_record() -> Vec<u8> {
    vec![0x81, 0x04, 0x0c, 0x00, 0x0a, 0x02, 0x00, 0x00]
}

fn nals(units: &[&[u8]]) -> Vec<u8> {
    let mut data = Vec::new();
    units.iter().for_each(|nal| h264::push_nal(&mut data, nal));
    data
}

#[test]
fn a_file_comes_apart_as_it_was_put_together() {
    let mut bytes = header(true, true).to_vec();
    let tags = [
        Tag { kind: TagKind::Script, timestamp: 0, body: b"meta" },
        Tag { kind: TagKind::Video, timestamp: 0xff_ffff, body: b"picture" },
        Tag { kind: TagKind::Audio, timestamp: 0x1234_5678, body: b"" },
    ];
    tags.iter().for_each(|tag| write_tag(tag, &mut bytes));
    assert_eq!(file(&bytes).unwrap().collect::<Vec<_>>(), tags);
    assert_eq!(bytes[bytes.len() - 4..], 11u32.to_be_bytes());
    assert_eq!(file(&bytes[..bytes.len() - 5]).unwrap().count(), 2, "the last one is not whole");
    assert!(file(b"FLW\x01").is_none() && file(b"").is_none());
}

#[test]
fn bodies_are_read_as_encoders_write_them() {
    let cases: [(&[u8], Result<Video, Error>); 15] = [
        (&[0x17, 0, 0, 0, 0, 1, 2], Ok(Video::Config { codec: Codec::H264, record: &[1, 2] })),
        (
            &[0x17, 1, 0, 0, 80, 9],
            Ok(Video::Frame { codec: Codec::H264, keyframe: true, composition: 80, data: &[9] }),
        ),
        (
            &[0x27, 1, 0xff, 0xff, 0xff, 9],
            Ok(Video::Frame { codec: Codec::H264, keyframe: false, composition: -1, data: &[9] }),
        ),
        (&[0x17, 2, 0, 0, 0], Ok(Video::End)),
        (&[0x57, 0], Ok(Video::Other)),
        (&[], Ok(Video::Other)),
        (&[0x17, 1, 0], Err(Error::Media)),
        (&[0x22, 0], Err(Error::Codec(Foreign::Name("Sorenson H.263")))),
        (b"\x90hvc1\x07", Ok(Video::Config { codec: Codec::Hevc, record: &[7] })),
        (
            b"\x91hvc1\x00\x00\x28\x07",
            Ok(Video::Frame { codec: Codec::Hevc, keyframe: true, composition: 40, data: &[7] }),
        ),
        (
            b"\xa3hvc1\x07",
            Ok(Video::Frame { codec: Codec::Hevc, keyframe: false, composition: 0, data: &[7] }),
        ),
        (b"\x91av01\x07", Ok(Video::Frame { codec: Codec::Av1, keyframe: true, composition: 0, data: &[7] })),
        (b"\x94hvc1\x07", Ok(Video::Other)),
        (b"\x90vp09\x07", Err(Error::Codec(Foreign::Name("VP9")))),
        (b"\x90zzzz\x07", Err(Error::Codec(Foreign::Letters(*b"zzzz")))),
    ];
    for (bytes, expected) in cases {
        assert_eq!(body::video(bytes), expected, "{bytes:x?}");
    }
    let cases: [(&[u8], Result<Audio, Error>); 8] = [
        (&[0xaf, 0, 0x11, 0x90], Ok(Audio::Config { codec: Codec::Aac, record: &[0x11, 0x90] })),
        (&[0xaf, 1, 5], Ok(Audio::Frame { codec: Codec::Aac, data: &[5] })),
        (&[0xaf], Ok(Audio::Other)),
        (b"\x90OpusOpusHead", Ok(Audio::Config { codec: Codec::Opus, record: b"OpusHead" })),
        (b"\x91Opus\x05", Ok(Audio::Frame { codec: Codec::Opus, data: &[5] })),
        (b"\x91mp4a\x05", Ok(Audio::Frame { codec: Codec::Aac, data: &[5] })),
        (&[0x2f, 5], Err(Error::Codec(Foreign::Name("MP3")))),
        (b"\x91fLaC\x05", Err(Error::Codec(Foreign::Name("FLAC")))),
    ];
    for (bytes, expected) in cases {
        assert_eq!(body::audio(bytes), expected, "{bytes:x?}");
    }
}

#[test]
fn extensions_and_further_tracks_are_stepped_over() {
    let frame = Video::Frame { codec: Codec::Av1, keyframe: true, composition: 0, data: &[7] };
    let cases: [(&[u8], Video); 4] = [
        // Three bytes of nanoseconds in front.
        (b"\x97\x02\x00\x00\x01\x01av01\x07", frame),
        // One track, number 0; the same with number 1; two tracks of two codecs, the second is ours.
        (b"\x96\x01av01\x00\x07", frame),
        (b"\x96\x01av01\x01\x07", Video::Other),
        (b"\x96\x21hvc1\x03\x00\x00\x02\x01\x02av01\x00\x00\x00\x01\x07", frame),
    ];
    for (bytes, expected) in cases {
        assert_eq!(body::video(bytes), Ok(expected), "{bytes:x?}");
    }
    let long = [&[0x97, 0xff, 0x01, 0x2b][..], &[0; 300], b"\x01av01\x07"].concat();
    assert_eq!(body::video(&long), Ok(frame));
}

#[test]
fn what_is_written_is_read_back() {
    let data = &[1, 2, 3, 4, 5][..];
    for codec in [Codec::H264, Codec::Hevc, Codec::Av1] {
        for keyframe in [true, false] {
            for composition in [0, 80, -40] {
                let composition = if codec == Codec::Av1 { 0 } else { composition };
                let bytes = body::write_frame(codec, keyframe, composition, data);
                assert_eq!(body::video(&bytes), Ok(Video::Frame { codec, keyframe, composition, data }));
            }
        }
        let bytes = body::write_config(codec, data);
        assert_eq!(body::video(&bytes), Ok(Video::Config { codec, record: data }));
        assert_eq!(body::video(&body::write_end(codec)), Ok(Video::End));
    }
    for codec in [Codec::Aac, Codec::Opus] {
        let bytes = body::write_frame(codec, true, 0, data);
        assert_eq!(body::audio(&bytes), Ok(Audio::Frame { codec, data }));
        let bytes = body::write_config(codec, data);
        assert_eq!(body::audio(&bytes), Ok(Audio::Config { codec, record: data }));
    }
}

#[test]
fn a_keyframe_gets_its_parameter_sets_and_lengths_of_four_bytes() {
    for length in [1, 2, 4] {
        let mut unpacker = Unpacker::default();
        let config = body::write_config(Codec::H264, &avc_record(length));
        let frame = |keyframe: bool, units: &[&[u8]]| {
            let mut data = Vec::new();
            for nal in units {
                data.extend_from_slice(&(nal.len() as u32).to_be_bytes()[4 - usize::from(length)..]);
                data.extend_from_slice(nal);
            }
            body::write_frame(Codec::H264, keyframe, 40, &data)
        };
        let mut take = |body: &[u8]| unpacker.video(body).unwrap();
        assert_eq!(take(&frame(true, &[&[0x65, 1]])), None, "nobody knows how to decode it");
        assert_eq!(take(&config), None);
        assert_eq!(take(&frame(false, &[&[0x41, 1]])), None, "its keyframe has not come");
        let unit = take(&frame(true, &[&[9, 0xf0], &[0x65, 1]])).unwrap();
        assert!(unit.keyframe && unit.composition == 40);
        assert_eq!(unit.data, nals(&[&SPS, &PPS, &[0x65, 1]]), "and no delimiter");
        let unit = take(&frame(false, &[&[0x41, 1], &[], &[0x41, 2]])).unwrap();
        assert!(!unit.keyframe);
        assert_eq!(unit.data, nals(&[&[0x41, 1], &[0x41, 2]]));
        let own = [&[0x67, 9][..], &[0x68, 9], &[0x65, 1]];
        assert_eq!(take(&frame(true, &own)).unwrap().data, nals(&own), "it brings its own");
        assert_eq!(unpacker.video(&[0x27, 1, 0, 0, 0, 9, 9, 9, 9, 9]), Err(Error::Media));
    }
}

#[test]
fn hevc_and_av1_keyframes_get_theirs() {
    let mut unpacker = Unpacker::default();
    let mut take = |body: &[u8]| unpacker.video(body).unwrap();
    take(&body::write_config(Codec::Hevc, &hevc_record()));
    let cra = [21 << 1, 1, 5];
    let unit = take(&body::write_frame(Codec::Hevc, true, 0, &nals(&[&cra]))).unwrap();
    assert!(unit.keyframe && unit.codec == Codec::Hevc);
    assert_eq!(unit.data, nals(&[&[64, 1, 7], &[66, 1, 7], &[68, 1, 7], &cra]));

    take(&body::write_config(Codec::Av1, &av1_record()));
    assert_eq!(
        take(&body::write_frame(Codec::Hevc, false, 0, &nals(&[&[2, 1, 5]]))),
        None,
        "the codec changed"
    );
    let unit = take(&body::write_frame(Codec::Av1, true, 0, &[0x12, 0, 0x32, 1, 9])).unwrap();
    assert_eq!(unit.data, &[0x0a, 2, 0, 0, 0x32, 1, 9][..], "sequence header in front, no delimiter");
    let own = [0x0a, 2, 0, 1, 0x32, 1, 9];
    assert_eq!(take(&body::write_frame(Codec::Av1, true, 0, &own)).unwrap().data, &own[..]);
}

#[test]
fn sound_is_adts_or_opus() {
    let mut unpacker = Unpacker::default();
    let frame = body::write_frame(Codec::Aac, true, 0, &[1, 2, 3]);
    assert_eq!(unpacker.audio(&frame), Ok(None), "nobody knows its rate");
    assert_eq!(unpacker.audio(&body::write_config(Codec::Aac, &[0x12, 0x10])), Ok(None));
    let unit = unpacker.audio(&frame).unwrap().unwrap();
    let (config, raw) = aac::split(&unit.data).unwrap();
    assert_eq!((config.rate(), config.channels(), raw), (44_100, 2, &[1, 2, 3][..]));
    let unit = unpacker.audio(&body::write_frame(Codec::Opus, true, 0, &[0xfc, 1])).unwrap().unwrap();
    assert_eq!((unit.codec, &unit.data[..]), (Codec::Opus, &[0xfc, 1][..]));
    let foreign = unpacker.audio(&body::write_config(Codec::Aac, &[0x11, 0x80]));
    assert!(matches!(foreign, Err(Error::Codec(_))));
}

#[test]
fn noise_is_refused_or_yields_what_can_be_carried() {
    let mut noise = Noise(5);
    let videos = [
        body::write_config(Codec::H264, &avc_record(4)),
        body::write_frame(Codec::H264, true, 0, &nals(&[&[0x65, 1, 2, 3]])),
        body::write_config(Codec::Hevc, &hevc_record()),
        body::write_frame(Codec::Hevc, true, 0, &nals(&[&[38, 1, 2, 3]])),
        body::write_config(Codec::Av1, &av1_record()),
        body::write_frame(Codec::Av1, true, 0, &[0x12, 0, 0x32, 1, 9]),
        b"\x96\x21hvc1\x03\x00\x00\x02\x01\x02av01\x00\x00\x00\x01\x07".to_vec(),
        b"\x97\x02\x00\x00\x01\x01av01\x07".to_vec(),
    ];
    let audios = [
        body::write_config(Codec::Aac, &[0x12, 0x10]),
        body::write_frame(Codec::Aac, true, 0, &[1, 2, 3]),
        body::write_frame(Codec::Opus, true, 0, &[1, 2, 3]),
    ];
    let mut unpacker = Unpacker::default();
    for step in 0..60_000 {
        if let Ok(Some(unit)) = unpacker.video(&noise.spoil(&videos[step % videos.len()])) {
            assert!(!unit.data.is_empty());
            if unit.codec != Codec::Av1 {
                let whole: usize = h264::nal_units(&unit.data).map(|nal| nal.len() + h264::LENGTH).sum();
                assert_eq!(whole, unit.data.len());
            }
        }
        if let Ok(Some(unit)) = unpacker.audio(&noise.spoil(&audios[step % audios.len()])) {
            assert!(unit.codec == Codec::Opus || aac::split(&unit.data).is_some());
        }
        let mut bytes = header(true, true).to_vec();
        write_tag(&Tag { kind: TagKind::Audio, timestamp: 9, body: b"sound" }, &mut bytes);
        let _ = file(&noise.spoil(&bytes)).map(Iterator::count);
    }
}
