//! RTMP: who may publish, what arrives, and what happens to those who do not behave.

use std::time::{Duration, Instant};

use footlight_media::flv::{TagKind, body};
use footlight_media::rtmp::{ClientEvent, Purpose};
use footlight_media::{Codec, Packet, h264};
use footlight_protocol::room::StreamState;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::encoder::{Encoder, address, avc_record, pace};
use crate::peer::{Peer, Seen, number, picture, sound};
use crate::stage::{PATIENCE, Stage};

fn live(stats: &footlight_relay::Stats) -> bool {
    matches!(stats.stream, StreamState::Live { .. })
}

/// Sends `frames` pictures, 10 ms apart, the first a keyframe, and Opus with each.
async fn broadcast(encoder: &mut Encoder, from: u32, frames: u32) {
    encoder.config(Codec::H264, &avc_record()).await;
    let mut pace = pace();
    for number in from..from + frames {
        pace.tick().await;
        encoder
            .frame(&picture(number, number == from, if number == from { 20_000 } else { 3_000 }), number * 10)
            .await;
        encoder.frame(&sound(), number * 10).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encoders_pictures_and_sound_reach_webrtc_viewers() {
    let stage = Stage::new().await;
    let mut viewer = Peer::watch(&stage.ready.http).await;
    viewer.connected().await;
    let mut encoder = Encoder::publish(&stage).await;
    broadcast(&mut encoder, 0, 50).await;
    let (mut pictures, mut sounds) = (Vec::new(), Vec::new());
    while pictures.len() < 50 || sounds.len() < 40 {
        match viewer.next().await {
            Seen::Video { unit, .. } => {
                assert_eq!(number(&unit.data) as usize, pictures.len());
                assert!(!unit.keyframe || unit.has_parameter_sets());
                pictures.push(unit.captured.expect("abs-capture-time"));
            }
            Seen::Audio { captured, .. } => sounds.push(captured.expect("abs-capture-time")),
            _ => {}
        }
    }
    // Each keeps the encoder's pace, and both keep together.
    for (index, pair) in pictures.windows(2).enumerate() {
        assert!(pair[1].since(pair[0]) <= Duration::from_millis(40), "{index}");
    }
    let spread = pictures[49].since(pictures[0]);
    assert!((400..=520).contains(&spread.as_millis()), "{spread:?} for 490 ms");
    encoder.finish().await;
    stage.until("over", |stats| stats.stream == StreamState::Offline).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn aac_becomes_opus_for_webrtc_viewers() {
    /// A raw block of stereo silence.
    const SILENCE: [u8; 6] = [0x21, 0x10, 0x04, 0x60, 0x8c, 0x1c];
    let stage = Stage::new().await;
    let mut viewer = Peer::watch(&stage.ready.http).await;
    viewer.connected().await;
    let mut encoder = Encoder::publish(&stage).await;
    encoder.config(Codec::H264, &avc_record()).await;
    encoder.config(Codec::Aac, &[0x11, 0x90]).await;
    let mut pace = pace();
    for n in 0..100u32 {
        pace.tick().await;
        encoder.frame(&picture(n, n == 0, 1000), n * 21).await;
        encoder.frame(&Packet { codec: Codec::Aac, data: SILENCE.to_vec().into(), ..sound() }, n * 21).await;
    }
    let mut sounds = 0;
    while sounds < 50 {
        sounds += u32::from(matches!(viewer.next().await, Seen::Audio { .. }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_publish_reads_why_and_is_hung_up_on() {
    let stage = Stage::new().await;
    for (purpose, app, name, code, says) in [
        (Purpose::Publish, "live", "wrong", "NetStream.Publish.BadName", "key is wrong"),
        (Purpose::Publish, "live", "", "NetStream.Publish.BadName", "key is wrong"),
        (Purpose::Publish, "vod", &*stage.key(), "NetConnection.Connect.InvalidApp", "live"),
        (Purpose::Play, "live", "nowhere", "NetStream.Play.StreamNotFound", "no such room"),
    ] {
        let mut encoder = Encoder::call_app(&stage, purpose, app, name).await;
        let Some(ClientEvent::Refused { code: told, description }) = encoder.event().await else {
            panic!("{app}/{name} is not refused");
        };
        assert_eq!(told, code);
        assert!(description.contains(says), "{description}");
        assert_eq!(encoder.event().await, None);
    }
    for (kind, body, says) in [
        (TagKind::Video, vec![0x14, 0], "VP6"),
        (TagKind::Video, b"\x90vp09".to_vec(), "VP9"),
        (TagKind::Audio, vec![0x2f, 0], "MP3"),
        (TagKind::Video, vec![0x17, 0, 0, 0, 0, 9, 9, 9], "damaged"),
    ] {
        let mut encoder = Encoder::publish(&stage).await;
        encoder.body(kind, 0, body).await;
        let Some(ClientEvent::Refused { code, description }) = encoder.event().await else {
            panic!("{says} is not refused");
        };
        assert_eq!(code, "NetStream.Publish.Rejected");
        assert!(description.contains(says) && description.contains("H.264"), "{description}");
        assert_eq!(encoder.event().await, None);
    }
    assert_eq!(stage.handle.stats().stream, StreamState::Offline);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_player_gets_the_room_from_its_keyframe_to_its_end() {
    let stage = Stage::new().await;
    let mut encoder = Encoder::publish(&stage).await;
    broadcast(&mut encoder, 0, 40).await;
    stage.until("live", live).await;
    let mut player = Encoder::call(&stage, Purpose::Play, "main").await;
    assert_eq!(player.event().await, Some(ClientEvent::Ready));
    let Some(ClientEvent::Metadata(members)) = player.event().await else { panic!("metadata first") };
    assert!(members.iter().any(|(name, value)| name == "width" && value.as_number() == Some(640.0)));
    stage.until("one viewer", |stats| stats.presence.viewers == 1).await;
    let (mut configurations, mut pictures, mut sounds, mut newest) = (0, Vec::new(), 0, 0);
    while pictures.len() < 40 || sounds < 10 {
        let timestamp = match player.event().await.expect("the broadcast goes on") {
            ClientEvent::Video { timestamp, body } => {
                match body::video(&body).unwrap() {
                    body::Video::Frame { keyframe, data, .. } => {
                        assert_eq!(keyframe, pictures.is_empty());
                        pictures.push(number(data));
                    }
                    _ => configurations += 1,
                }
                timestamp
            }
            ClientEvent::Audio { timestamp, body } => {
                match body::audio(&body).unwrap() {
                    body::Audio::Frame { codec, .. } => {
                        assert_eq!(codec, Codec::Aac);
                        sounds += 1;
                    }
                    _ => configurations += 1,
                }
                timestamp
            }
            event => panic!("{event:?}"),
        };
        assert!(timestamp >= newest, "time goes on");
        newest = timestamp;
    }
    assert!(pictures.iter().copied().eq(0..40), "{pictures:?}");
    assert!(configurations >= 2 && newest < 2_000, "{configurations} configurations, at {newest} ms");
    encoder.finish().await;
    while player.event().await.expect("a goodbye") != ClientEvent::Ended {}
    stage.until("no viewer", |stats| stats.presence.viewers == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_takes_over_and_viewers_go_on() {
    let stage = Stage::new().await;
    let mut viewer = Peer::watch(&stage.ready.http).await;
    viewer.connected().await;
    let mut first = Encoder::publish(&stage).await;
    broadcast(&mut first, 0, 20).await;
    stage.until("live", live).await;
    let mut second = Encoder::publish(&stage).await;
    let mut told = Vec::new();
    while let Some(event) = first.event().await {
        told.push(event);
    }
    assert_eq!(told, [ClientEvent::Ended]);
    broadcast(&mut second, 1000, 20).await;
    let unit = loop {
        let unit = viewer.video().await;
        if number(&unit.data) >= 1000 {
            break unit;
        }
    };
    assert!(unit.keyframe, "the new picture begins with a keyframe");
    drop(second);
    stage.until("interrupted", |stats| matches!(stats.stream, StreamState::Interrupted { .. })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_webrtc_cannot_show_is_noted_for_the_creator() {
    let stage = Stage::new().await;
    let notes = async |wanted: &str| {
        let started = Instant::now();
        loop {
            let answer = stage.get("/api/v1/rooms/main").await;
            if answer.body.contains(wanted) {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "no {wanted} in {}", answer.body);
            tokio::task::yield_now().await;
        }
    };

    let mut encoder = Encoder::publish(&stage).await;
    let mut record = vec![1; 21];
    record.extend_from_slice(&[0x0f, 1, 0xa0 | 1, 0, 1, 0, 3, 66, 1, 7]);
    encoder.config(Codec::Hevc, &record).await;
    let mut data = Vec::new();
    h264::push_nal(&mut data, &[19 << 1, 1, 9]);
    encoder.frame(&Packet { codec: Codec::Hevc, data: data.into(), ..picture(0, true, 1) }, 0).await;
    notes("hevc").await;

    let mut encoder = Encoder::publish(&stage).await;
    encoder.config(Codec::H264, &avc_record()).await;
    for (n, (decoded, shown)) in [(0, 80), (40, 200), (80, 120), (120, 160)].into_iter().enumerate() {
        let composition = Duration::from_millis(shown - decoded);
        let packet = Packet { composition, ..picture(n as u32, n == 0, 1000) };
        encoder.frame(&packet, decoded as u32).await;
    }
    notes("b_frames").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_dawdlers_are_hung_up_on() {
    /// What the relay allows from the connection to the wish to publish, and a little.
    const GREETING: std::ops::Range<u64> = 9..20;
    let stage = Stage::new().await;
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0x16, 3, 1, 0, 5], &[3; 5000], &[0; 5000]] {
        let mut stream = TcpStream::connect(address(&stage)).await.unwrap();
        let _ = stream.write_all(garbage).await;
        let _ = stream.write_all(&[0xff; 4000]).await;
        let mut answer = Vec::new();
        let closed = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer));
        // Reset where something was not read any more.
        let _ = closed.await.expect("garbage ends the connection");
    }
    let started = Instant::now();
    let mut slow = Vec::new();
    for hello in [&[][..], &[3], &[3; 1537]] {
        let mut stream = TcpStream::connect(address(&stage)).await.unwrap();
        stream.write_all(hello).await.unwrap();
        slow.push(stream);
    }
    for mut stream in slow {
        let mut answer = Vec::new();
        let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer));
        let _ = read.await.expect("dawdling ends the connection");
        assert!(GREETING.contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
    }
    // Nobody else noticed.
    let mut encoder = Encoder::publish(&stage).await;
    broadcast(&mut encoder, 0, 5).await;
    stage.until("live", live).await;
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_frame_costs_up_to_the_next_keyframe() {
    let stage = Stage::new().await;
    let mut viewer = Peer::watch(&stage.ready.http).await;
    viewer.connected().await;
    let mut encoder = Encoder::publish(&stage).await;
    broadcast(&mut encoder, 0, 10).await;
    let damaged = body::write_frame(Codec::H264, false, 0, &[0, 0, 1, 0, 9]);
    encoder.body(TagKind::Video, 100, damaged).await;
    encoder.frame(&picture(11, false, 100), 110).await;
    encoder.frame(&picture(12, true, 100), 120).await;
    let mut numbers = Vec::new();
    while numbers.last() != Some(&12) {
        numbers.push(number(&viewer.video().await.data));
    }
    assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12]);
}
