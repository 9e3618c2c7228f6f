//! Stories of what a player reads.

use super::*;

const TERMS: Terms = Terms {
    target: Duration::from_secs(6),
    part_target: Duration::from_millis(230),
    hold_back: Duration::from_secs(1),
};
const PART: Part = Part { duration: Duration::from_millis(200), independent: false };

fn segment(sequence: u64, parts: usize) -> Segment {
    let mut parts = vec![PART; parts];
    if let Some(first) = parts.first_mut() {
        first.independent = true;
    }
    Segment {
        sequence,
        begins: Time::from_micros(1_795_375_970_000_000 + (sequence - 10) * 2_000_000),
        duration: parts.iter().map(|part| part.duration).sum(),
        init: 3,
        zone: 1,
        parts,
    }
}

fn playlist<'a>(complete: &'a [Segment], growing: Option<&'a Segment>) -> Media<'a> {
    Media { rendition: Rendition::Video, terms: TERMS, complete, growing, ended: false, reports: &[] }
}

#[test]
fn a_player_finds_segments_parts_and_what_comes_next() {
    let growing = segment(11, 2);
    let complete = [Segment { parts: vec![Part { independent: true, ..PART }], ..segment(10, 10) }];
    let mut playlist = playlist(&complete, Some(&growing));
    playlist.reports = &[Report { rendition: Rendition::Audio, sequence: 11, part: Some(1) }];
    assert_eq!(
        playlist.write(false),
        "#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:6
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=36.000000,PART-HOLD-BACK=1.000000
#EXT-X-PART-INF:PART-TARGET=0.230000
#EXT-X-MEDIA-SEQUENCE:10
#EXT-X-DISCONTINUITY-SEQUENCE:1
#EXT-X-MAP:URI=\"video-init3.mp4\"
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T19:32:50.000Z
#EXT-X-PART:DURATION=0.200000,URI=\"video-10.0.m4s\",INDEPENDENT=YES
#EXTINF:2.000000,
video-10.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T19:32:52.000Z
#EXT-X-PART:DURATION=0.200000,URI=\"video-11.0.m4s\",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.200000,URI=\"video-11.1.m4s\"
#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"video-11.2.m4s\"
#EXT-X-RENDITION-REPORT:URI=\"audio.m3u8\",LAST-MSN=11,LAST-PART=1
"
    );
}

#[test]
fn the_end_promises_nothing_more() {
    let (complete, next) = ([segment(10, 10)], segment(11, 0));
    let text = Media { ended: true, ..playlist(&complete, Some(&next)) }.write(false);
    assert!(text.ends_with("video-10.m4s\n#EXT-X-ENDLIST\n"), "{text}");
    let text = playlist(&complete, Some(&next)).write(false);
    assert!(text.ends_with("video-10.m4s\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"video-11.0.m4s\"\n"), "{text}");
}

#[test]
fn every_break_is_told_once_and_a_new_format_named() {
    let breaks = |text: &str| text.matches("#EXT-X-DISCONTINUITY\n").count();
    let complete = [
        segment(10, 10),
        Segment { zone: 2, init: 4, ..segment(11, 10) },
        Segment { zone: 4, init: 4, ..segment(12, 10) },
    ];
    let text = playlist(&complete, None).write(false);
    assert_eq!((breaks(&text), text.matches("#EXT-X-MAP").count()), (3, 2), "{text}");
    assert!(text.contains("#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"video-init4.mp4\"\n"), "{text}");
    let text = playlist(&complete[1..], None).write(false);
    assert!(text.contains("#EXT-X-DISCONTINUITY-SEQUENCE:2\n") && breaks(&text) == 2, "{text}");
}

#[test]
fn only_the_newest_parts_are_named_and_an_update_leaves_out_the_oldest() {
    let complete: Vec<_> = (10..50).map(|sequence| segment(sequence, 10)).collect();
    let growing = segment(50, 5);
    let playlist = playlist(&complete, Some(&growing));
    let whole = playlist.write(false);
    // 18 s back from the end: half a segment and eight whole ones.
    assert_eq!(whole.matches("#EXT-X-PART:").count(), 8 * 10 + 5);
    assert_eq!(whole.matches("#EXTINF").count(), 40);
    let update = playlist.write(true);
    // 81 s less 36 s: 22 whole segments.
    assert!(update.contains("#EXT-X-MEDIA-SEQUENCE:10\n"), "{update}");
    assert!(update.contains("#EXT-X-SKIP:SKIPPED-SEGMENTS=22\n#EXT-X-PROGRAM"), "{update}");
    assert_eq!(update.matches("#EXTINF").count(), 18);
    assert!(!update.contains("#EXT-X-MAP"), "the player has it from the skipped ones");
    assert!(whole.split("video-32.m4s").last() == update.split("video-32.m4s").last());
    let short = self::playlist(&complete[35..], Some(&growing));
    assert_eq!(short.write(true), short.write(false), "nothing to leave out");
}

#[test]
fn the_renditions_are_named_with_what_they_need() {
    let variants = [
        Variant {
            rendition: Rendition::Video,
            peak: 2_500_000,
            average: 2_100_000,
            codecs: "avc1.42c01f,mp4a.40.2".into(),
            size: Some((1280, 720)),
        },
        Variant {
            rendition: Rendition::Audio,
            peak: 130_000,
            average: 128_000,
            codecs: "mp4a.40.2".into(),
            size: None,
        },
    ];
    assert_eq!(
        multivariant(&variants),
        "#EXTM3U
#EXT-X-VERSION:9
#EXT-X-STREAM-INF:BANDWIDTH=2500000,AVERAGE-BANDWIDTH=2100000,CODECS=\"avc1.42c01f,mp4a.40.2\",RESOLUTION=1280x720
video.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=130000,AVERAGE-BANDWIDTH=128000,CODECS=\"mp4a.40.2\"
audio.m3u8
"
    );
}

#[test]
fn names_are_read_as_they_are_written() {
    for file in [
        File::Multivariant,
        File::Playlist(Rendition::Audio),
        File::Init(Rendition::Video, 0),
        File::Segment(Rendition::Audio, u64::MAX),
        File::Part(Rendition::Video, 1_795_375_970, 12),
    ] {
        assert_eq!(file.to_string().parse(), Ok(file));
    }
    for name in [
        "",
        "index",
        "video",
        "video.m3u",
        "video-.m4s",
        "video-+1.m4s",
        "video-1.m4s ",
        "video-1.2.3.m4s",
        "video-1..m4s",
        "video-init.mp4",
        "video-init-1.mp4",
        "subtitles.m3u8",
        "../video.m3u8",
        "video-18446744073709551616.m4s",
        "视频.m3u8",
    ] {
        assert_eq!(name.parse::<File>(), Err(file::Unknown), "{name}");
    }
}

#[test]
fn a_query_is_understood_or_refused() {
    for (query, reload) in [
        ("", Some((None, None, false))),
        ("_HLS_msn=7", Some((Some(7), None, false))),
        ("x=1&_HLS_msn=7&_HLS_part=0&_HLS_skip=YES", Some((Some(7), Some(0), true))),
        ("_HLS_skip=v2&=&&a", Some((None, None, true))),
        ("_HLS_skip=no", Some((None, None, false))),
        ("_HLS_part=1", None),
        ("_HLS_msn=", None),
        ("_HLS_msn", None),
        ("_HLS_msn=-1", None),
        ("_HLS_msn=1&_HLS_part=1.5", None),
        ("_HLS_msn=99999999999999999999", None),
    ] {
        let expected = reload.map(|(sequence, part, skip)| Reload { sequence, part, skip });
        assert_eq!(Reload::parse(query), expected, "{query}");
    }
}

#[test]
fn noise_is_neither_a_name_nor_a_panic() {
    const LETTERS: &[u8] = b"videoaudio-init.m4sp30129&=_HLS_msnpartskip";
    let mut state = 1u32;
    for _ in 0..50_000 {
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as usize
        };
        let text: String = (0..next() % 24).map(|_| LETTERS[next() % LETTERS.len()] as char).collect();
        let _ = Reload::parse(&text);
        let _ = format!("video-{text}").parse::<File>();
    }
}
