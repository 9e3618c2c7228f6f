//! Stories of packets that become parts, segments and playlists.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use footlight_media::playlist::{Reload, Rendition};

use super::*;
use crate::mux::sample::{START, key, other_key, picture, sound};

const FRAME: u64 = 33_333;
const BLOCK: u64 = 21_333;

struct Stage {
    shelf: Shelf,
    hls: Hls,
    asked: Arc<AtomicUsize>,
    /// Microseconds since the start.
    at: u64,
}

impl Stage {
    fn new() -> Self {
        let shelf = Shelf::new(Duration::from_secs(120), 100);
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let want = move || {
            count.fetch_add(1, Ordering::Relaxed);
        };
        Self { hls: Hls::new(shelf.clone(), Box::new(want)), shelf, asked, at: 0 }
    }

    fn take(&mut self, packet: &Packet) {
        self.hls.take(&Input::Packet(packet), packet.captured);
    }

    /// So many seconds of 30 pictures and 46.9 blocks of sound each, with a keyframe every `gop` pictures.
    fn play(&mut self, seconds: u64, gop: u64, key: fn(u64) -> Packet, with_sound: bool) {
        let (from, mut block) = (self.at, 0);
        for n in 0..seconds * 30 {
            let at = from + n * FRAME;
            while with_sound && from + block * BLOCK <= at {
                self.take(&sound(from + block * BLOCK));
                block += 1;
            }
            self.take(&if n % gop == 0 { key(at) } else { picture(at) });
        }
        self.at = from + seconds * 1_000_000;
    }

    fn now(&self) -> Time {
        Time::from_micros(START + self.at)
    }

    async fn text(&self, rendition: Rendition) -> String {
        let text = self.shelf.playlist(rendition, Reload::default()).await.unwrap();
        String::from_utf8(text.plain.to_vec()).unwrap()
    }
}

fn count(text: &str, what: &str) -> usize {
    text.matches(what).count()
}

/// The values behind every `tag`, up to the next comma.
fn values(text: &str, tag: &str) -> Vec<f64> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(tag));
    lines.map(|rest| rest.split(',').next().unwrap().parse().unwrap()).collect()
}

#[tokio::test]
async fn parts_are_short_and_segments_begin_with_keyframes() {
    let mut stage = Stage::new();
    stage.play(11, 30, key, true);
    let text = stage.text(Rendition::Video).await;
    let segments = values(&text, "#EXTINF:");
    assert!(segments.len() == 5 && segments.iter().all(|length| (1.9..2.1).contains(length)), "{text}");
    let parts = values(&text, "#EXT-X-PART:DURATION=");
    assert!(parts.iter().all(|length| (0.19..=0.235).contains(length)), "{text}");
    assert_eq!(count(&text, "INDEPENDENT=YES"), 11, "one a second");
    assert!(text.contains("video-100.m4s\n") && text.contains("video-105.3.m4s"), "{text}");
    assert_eq!(count(&text, "DISCONTINUITY\n") + count(&text, "#EXT-X-MAP"), 1, "{text}");
    let text = stage.text(Rendition::Audio).await;
    let segments = values(&text, "#EXTINF:");
    assert!(segments.len() == 5 && segments.iter().all(|length| (1.8..2.2).contains(length)), "{text}");
    let index = stage.shelf.multivariant().await.unwrap();
    assert!(index.contains("CODECS=\"avc1.42c01e,mp4a.40.2\",RESOLUTION=640x360\nvideo.m3u8"), "{index}");
    assert!(index.contains("CODECS=\"mp4a.40.2\"\naudio.m3u8"), "{index}");
    // A segment is its parts.
    let parts: Vec<Bytes> = stage.shelf.segment(Rendition::Video, 101).unwrap();
    assert_eq!(stage.shelf.part(Rendition::Video, 101, 3).await.unwrap(), parts[3]);
    assert_eq!(parts.len(), 10);
}

#[tokio::test]
async fn a_short_end_of_a_segment_goes_out_with_the_part_behind_it() {
    let mut stage = Stage::new();
    let mut known = Vec::new();
    // A keyframe one picture behind the tenth part.
    for n in 0..130 {
        let at = n * FRAME;
        stage.take(&if n % 61 == 0 { key(at) } else { picture(at) });
        let state = stage.shelf.state();
        known.push((state.video.has(100, Some(10)), state.video.has(101, Some(0))));
    }
    assert_eq!(known[60..68].iter().position(|(tail, _)| *tail), Some(7), "{known:?}");
    assert!(known.iter().all(|(tail, next)| tail == next), "{known:?}");
    let text = stage.text(Rendition::Video).await;
    let parts = values(&text, "#EXT-X-PART:DURATION=");
    assert!((0.03..0.04).contains(&parts[10]) && parts[11] >= 0.19, "{text}");
    assert!(text.contains("#EXTINF:2.03") && text.contains("video-100.m4s\n"), "{text}");
    stage.hls.take(&Input::Ended, Time::from_micros(START + 130 * FRAME));
    let all: f64 = values(&stage.text(Rendition::Video).await, "#EXTINF:").iter().sum();
    assert!((all - 130.0 / 30.0).abs() < 0.05, "nothing is lost: {all}");
}

#[tokio::test]
async fn a_request_waits_for_its_part_and_not_for_the_impossible() {
    let mut stage = Stage::new();
    stage.play(3, 60, key, true);
    let ask = |sequence, part| Reload { sequence: Some(sequence), part, skip: false };
    let shelf = stage.shelf.clone();
    let waiting = tokio::spawn(async move { shelf.playlist(Rendition::Video, ask(102, Some(0))).await });
    let shelf = stage.shelf.clone();
    let hinted = tokio::spawn(async move { shelf.part(Rendition::Video, 102, 0).await });
    tokio::task::yield_now().await;
    for far in [ask(103, None), ask(u64::MAX, Some(0)), ask(101, Some(60))] {
        let answer = stage.shelf.playlist(Rendition::Video, far).await;
        assert_eq!(answer.map(drop), Err(Missing::TooFar), "{far:?}");
    }
    assert!(!waiting.is_finished() && !hinted.is_finished());
    stage.play(4, 60, key, true);
    let text = String::from_utf8(waiting.await.unwrap().unwrap().plain.to_vec()).unwrap();
    assert!(text.contains("video-102.0.m4s"), "{text}");
    assert!(!hinted.await.unwrap().unwrap().is_empty());
    assert_eq!(stage.shelf.part(Rendition::Video, 100, 99).await, Err(Missing::Gone));
    assert_eq!(stage.shelf.init(Rendition::Video, 7), Err(Missing::Gone));
}

#[tokio::test]
async fn another_publisher_or_format_begins_a_zone_in_both_renditions() {
    let mut stage = Stage::new();
    stage.play(4, 30, key, true);
    stage.hls.take(&Input::Interrupted, stage.now());
    stage.at += 20_000_000;
    stage.play(4, 30, key, true);
    stage.play(4, 30, other_key, true);
    for rendition in [Rendition::Video, Rendition::Audio] {
        let text = stage.text(rendition).await;
        assert_eq!((count(&text, "#EXT-X-DISCONTINUITY\n"), count(&text, "#EXT-X-MAP")), (2, 3), "{text}");
    }
    stage.hls.take(&Input::Ended, stage.now());
    assert!(stage.text(Rendition::Video).await.ends_with("#EXT-X-ENDLIST\n"));
    // The next broadcast is another playlist, and no number is used twice.
    stage.at += 60_000_000;
    stage.play(3, 30, key, false);
    let text = stage.text(Rendition::Video).await;
    assert!(!text.contains("ENDLIST") && text.contains("video-init3.mp4"), "{text}");
    assert_eq!(values(&text, "#EXT-X-MEDIA-SEQUENCE:"), [106.0], "{text}");
    let index = stage.shelf.multivariant().await.unwrap();
    assert!(index.contains("CODECS=\"avc1.42c01e\"") && !index.contains("audio.m3u8"), "{index}");
}

#[tokio::test]
async fn rare_keyframes_are_asked_for_and_no_segment_exceeds_the_target() {
    let mut stage = Stage::new();
    stage.play(20, 10_000, key, true);
    let text = stage.text(Rendition::Video).await;
    assert!(values(&text, "#EXTINF:").iter().all(|length| length.round() <= 6.0), "{text}");
    assert_eq!(stage.asked.load(Ordering::Relaxed), 3, "once a segment");
}

#[tokio::test]
async fn the_window_bounds_what_is_kept() {
    let mut stage = Stage::new();
    stage.play(200, 60, key, true);
    let text = stage.text(Rendition::Video).await;
    assert_eq!(values(&text, "#EXTINF:").len(), 59, "120 s with the growing one");
    assert!(stage.shelf.segment(Rendition::Video, 100).is_err());
    let spare = values(&text, "#EXT-X-MEDIA-SEQUENCE:")[0] as u64 - 3;
    assert!(stage.shelf.segment(Rendition::Video, spare).is_ok(), "a player may be on its way to it");
    assert!(stage.shelf.init(Rendition::Video, 0).is_ok());
}

#[tokio::test]
async fn sound_alone_is_a_broadcast_too() {
    let mut stage = Stage::new();
    for block in 0..400 {
        stage.take(&sound(block * BLOCK));
    }
    let text = stage.text(Rendition::Audio).await;
    assert_eq!(values(&text, "#EXTINF:").len(), 4, "{text}");
    let index = stage.shelf.multivariant().await.unwrap();
    assert!(index.contains("audio.m3u8") && !index.contains("video.m3u8"), "{index}");
}

#[tokio::test]
async fn sound_from_before_the_first_picture_tells_that_there_is_sound() {
    let mut stage = Stage::new();
    for packet in [sound(10_000), key(30_000), picture(60_000), sound(30_000 + BLOCK)] {
        stage.take(&packet);
    }
    for n in 0..120 {
        stage.take(&if n == 60 { key(90_000 + n * FRAME) } else { picture(90_000 + n * FRAME) });
        stage.take(&sound(30_000 + (n + 2) * BLOCK));
    }
    let index = stage.shelf.multivariant().await.unwrap();
    assert!(index.contains("avc1.42c01e,mp4a.40.2") && index.contains("audio.m3u8"), "{index}");
}
