//! Publishers that send their picture in layers (simulcast), and viewers who get the one that fits.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use footlight_media::Time;
use serde_json::json;
use str0m::media::Direction;

use crate::peer::{Over, Peer, SPS, Seen, number, offer_layers, picture_of, sound};
use crate::stage::{Answer, PATIENCE, Stage};

/// 1280×720 constrained baseline.
const LARGE: &[u8] = &[
    0x67, 0x42, 0xc0, 0x1f, 0xd9, 0x00, 0x50, 0x05, 0xbb, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00,
    0x00, 0x03, 0x03, 0xc0, 0xf1, 0x83, 0x24,
];
/// What a picture's number tells of its layer.
const HIGH: u32 = 1_000_000;
const LOW: u32 = 2_000_000;
const JSON: (&str, &str) = ("content-type", "application/json");

/// A studio of the tests: 30 pictures a second in the layers that are on, keyframes when asked for and at first.
struct Studio {
    peer: Peer,
    sent: u32,
    on: Vec<&'static str>,
    /// Layers that begin with a keyframe.
    new: Vec<&'static str>,
    asked: BTreeMap<String, u32>,
}

impl Studio {
    async fn new(stage: &Stage, sent: u32) -> Self {
        let mut peer = Peer::publish_layers(&stage.ready.http, &stage.key(), &["l", "h"]).await;
        peer.connected().await;
        Self { peer, sent, on: vec!["l", "h"], new: vec!["l", "h"], asked: BTreeMap::new() }
    }

    /// So many pictures of each layer.
    async fn run(&mut self, pictures: u32) {
        let mut pace = tokio::time::interval(Duration::from_millis(33));
        for _ in 0..pictures {
            pace.tick().await;
            while let Ok(seen) = self.peer.seen.try_recv() {
                if let Seen::LayerAsked(layer) = seen {
                    self.new.extend(self.on.iter().filter(|on| **on == layer));
                    *self.asked.entry(layer).or_default() += 1;
                }
            }
            for layer in &self.on {
                let (base, sps, size) = if *layer == "h" { (HIGH, LARGE, 8_000) } else { (LOW, SPS, 1_200) };
                let keyframe = self.new.contains(layer);
                let size = if keyframe { size * 3 } else { size };
                self.peer.send_layer(layer, picture_of(sps, base + self.sent, keyframe, size));
            }
            self.new.clear();
            self.peer.send(sound());
            self.sent += 1;
        }
    }

    /// Until it is so, which is asked every few pictures.
    async fn until(&mut self, what: &str, patience: Duration, mut so: impl FnMut() -> bool) -> Duration {
        let begun = Instant::now();
        while !so() {
            assert!(begun.elapsed() < patience, "not in time: {what}");
            self.run(3).await;
        }
        begun.elapsed()
    }
}

/// What a viewer has been shown.
#[derive(Default)]
struct Screen {
    pictures: Vec<u32>,
    newest: Option<(u32, Time)>,
}

impl Screen {
    /// Takes what has come; checks that it is one stream whatever is in it.
    fn look(&mut self, viewer: &mut Peer) -> Option<u32> {
        while let Ok(seen) = viewer.seen.try_recv() {
            match seen {
                Seen::Video { unit, .. } => {
                    let number = number(&unit.data);
                    let captured = unit.captured.expect("abs-capture-time");
                    if let Some((timestamp, before)) = self.newest {
                        assert!((unit.timestamp.wrapping_sub(timestamp) as i32) > 0, "timestamps go on");
                        let back = before.since(captured);
                        assert!(back <= Duration::from_millis(250), "{back:?} back to {number}");
                    }
                    let turned = self.pictures.last().is_some_and(|last| last / HIGH != number / HIGH);
                    assert!(!turned || unit.keyframe, "goes over at a keyframe: {number}");
                    self.newest = Some((unit.timestamp, captured));
                    self.pictures.push(number);
                }
                Seen::Ended => panic!("the viewer's session is over"),
                _ => {}
            }
        }
        self.pictures.last().map(|number| number / HIGH * HIGH)
    }

    /// Whether nothing is missing since the picture `from`, and all of it is of that layer.
    fn whole(&self, layer: u32, from: u32) -> bool {
        let since: Vec<u32> =
            self.pictures.iter().copied().skip_while(|number| number % HIGH < from).collect();
        since.windows(2).all(|pair| pair[1] == pair[0] + 1)
            && since.iter().all(|number| number / HIGH * HIGH == layer)
    }
}

async fn viewer(stage: &Stage) -> (Peer, Screen) {
    let mut viewer = Peer::watch(&stage.ready.http).await;
    viewer.connected().await;
    (viewer, Screen::default())
}

async fn choose(stage: &Stage, viewer: &Peer, layer: serde_json::Value) -> Answer {
    let path = format!("{}/layer", viewer.location);
    stage.ask(Method::POST, &path, &[JSON], json!({ "layer": layer }).to_string()).await
}

/// Publishes until the room lists both layers, and says how.
async fn listed(stage: &Stage, studio: &mut Studio) -> serde_json::Value {
    let begun = Instant::now();
    loop {
        studio.run(10).await;
        let room = stage.get("/api/v1/rooms/main").await.json();
        if room["layers"].as_array().is_some_and(|layers| layers.len() == 2) {
            return room["layers"].clone();
        }
        assert!(begun.elapsed() < PATIENCE, "{room}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_in_layers_comes_in_and_the_room_says_which() {
    let stage = Stage::new().await;
    let mut studio = Studio::new(&stage, 0).await;
    let answer = &studio.peer.answer;
    assert!(answer.contains("a=simulcast:recv l;h\r\n"), "RFC 8853 section 5.3.2: {answer}");
    assert!(answer.contains("a=rid:h recv\r\n") && answer.contains("a=rid:l recv\r\n"), "{answer}");
    for extension in ["sdes:rtp-stream-id", "sdes:repaired-rtp-stream-id", "sdes:mid"] {
        assert!(answer.contains(extension), "RFC 8852: {extension}");
    }
    let (mut viewer, mut screen) = viewer(&stage).await;
    let layers = listed(&stage, &mut studio).await;
    assert_eq!(
        (&layers[0]["id"], &layers[0]["width"], &layers[0]["height"]),
        (&json!("h"), &json!(1280), &json!(720))
    );
    assert_eq!(
        (&layers[1]["id"], &layers[1]["width"], &layers[1]["height"]),
        (&json!("l"), &json!(640), &json!(360))
    );
    let kbps = |at: usize| layers[at]["kbps"].as_u64().unwrap();
    assert!((1_500..3_500).contains(&kbps(0)) && (200..600).contains(&kbps(1)), "{layers}");
    // Everybody starts with the best; FLV and HLS get nothing else.
    screen.look(&mut viewer);
    assert!(screen.whole(HIGH, 60), "{:?}", screen.pictures);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_chooses_by_hand_and_nobody_else_notices() {
    let stage = Stage::new().await;
    let mut studio = Studio::new(&stage, 0).await;
    let (mut chooser, mut screen) = viewer(&stage).await;
    let (mut other, mut others) = viewer(&stage).await;
    listed(&stage, &mut studio).await;
    let from = studio.sent;
    let asked = studio.asked.get("h").copied();
    assert_eq!(choose(&stage, &chooser, json!("l")).await.status, StatusCode::NO_CONTENT);
    let took = studio.until("the low layer", PATIENCE, || screen.look(&mut chooser) == Some(LOW)).await;
    assert!(took < Duration::from_secs(2), "{took:?}");
    studio.run(30).await;
    assert_eq!(screen.look(&mut chooser), Some(LOW), "it stays");
    others.look(&mut other);
    assert!(others.whole(HIGH, from), "{:?}", others.pictures);
    assert_eq!(studio.asked.get("h").copied(), asked, "no keyframe for those who stay");

    // A layer that there is not, and bodies that say nothing, change nothing.
    let path = format!("{}/layer", chooser.location);
    for (headers, body, status) in [
        (JSON, r#"{"layer":"x"}"#, StatusCode::NOT_FOUND),
        (JSON, r#"{"layer":""}"#, StatusCode::BAD_REQUEST),
        (JSON, r#"{"other":"h"}"#, StatusCode::BAD_REQUEST),
        (JSON, "h", StatusCode::BAD_REQUEST),
        (("content-type", "text/plain"), r#"{"layer":"h"}"#, StatusCode::UNSUPPORTED_MEDIA_TYPE),
    ] {
        let answer = stage.ask(Method::POST, &path, &[headers], body).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
    }
    let nobody = stage.ask(Method::POST, "/whep/main/nobody/layer", &[JSON], r#"{"layer":"h"}"#).await;
    assert_eq!(nobody.status, StatusCode::NOT_FOUND);
    // Who publishes has nothing to choose, even by its own address.
    let publisher = studio.peer.location.replace("/whip/", "/whep/") + "/layer";
    let refused = stage.ask(Method::POST, &publisher, &[JSON], r#"{"layer":"h"}"#).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    studio.run(5).await;
    assert_eq!(screen.look(&mut chooser), Some(LOW));

    assert_eq!(choose(&stage, &chooser, serde_json::Value::Null).await.status, StatusCode::NO_CONTENT);
    studio.until("the best again", PATIENCE, || screen.look(&mut chooser) == Some(HIGH)).await;
    let metrics = stage.get("/metrics").await.body;
    assert!(metrics.contains("footlight_viewer_layer_changes_total"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_narrow_link_gets_the_low_layer_and_climbs_back_while_the_others_keep_theirs() {
    let stage = Stage::new().await;
    let mut studio = Studio::new(&stage, 0).await;
    let (mut narrow, mut screen) = viewer(&stage).await;
    let (mut other, mut others) = viewer(&stage).await;
    listed(&stage, &mut studio).await;
    studio.run(30).await;
    let from = studio.sent;
    let asked = studio.asked.get("h").copied().unwrap_or_default();
    narrow.path.narrow(900);
    let down = studio.until("down", PATIENCE, || screen.look(&mut narrow) == Some(LOW)).await;
    println!("down in {down:?}");
    assert!(down < Duration::from_secs(5), "{down:?}");
    studio.run(180).await;
    assert_eq!(screen.look(&mut narrow), Some(LOW), "it does not flap");
    narrow.path.narrow(0);
    let up = studio.until("up again", PATIENCE, || screen.look(&mut narrow) == Some(HIGH)).await;
    println!("up in {up:?}");
    others.look(&mut other);
    assert!(others.whole(HIGH, from), "{:?}", others.pictures);
    let cost = studio.asked.get("h").copied().unwrap_or_default() - asked;
    println!("cost the others {cost} keyframes");
    assert!(cost <= 6, "{cost}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layer_that_no_longer_comes_leaves_its_viewers_to_the_next_one() {
    let stage = Stage::new().await;
    let mut studio = Studio::new(&stage, 0).await;
    let (mut watcher, mut screen) = viewer(&stage).await;
    listed(&stage, &mut studio).await;
    assert_eq!(screen.look(&mut watcher), Some(HIGH));
    assert_eq!(choose(&stage, &watcher, json!("h")).await.status, StatusCode::NO_CONTENT);
    studio.on = vec!["l"];
    let took = studio.until("the next layer", PATIENCE, || screen.look(&mut watcher) == Some(LOW)).await;
    println!("without a picture for {took:?}");
    assert!(took < Duration::from_secs(4), "{took:?}");
    let room = stage.get("/api/v1/rooms/main").await.json();
    assert_eq!(room["layers"], serde_json::Value::Null, "one layer is no choice: {room}");
    assert_eq!(choose(&stage, &watcher, json!("h")).await.status, StatusCode::NOT_FOUND);
    studio.on = vec!["l", "h"];
    studio.new = vec!["h"];
    studio
        .until("the layer that was chosen, back", PATIENCE, || screen.look(&mut watcher) == Some(HIGH))
        .await;
    listed(&stage, &mut studio).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn viewers_stay_in_their_layers_when_the_publisher_crashes_and_comes_back() {
    let stage = Stage::new().await;
    let mut studio = Studio::new(&stage, 0).await;
    let (mut low, mut lows) = viewer(&stage).await;
    let (mut high, mut highs) = viewer(&stage).await;
    listed(&stage, &mut studio).await;
    assert_eq!(choose(&stage, &low, json!("l")).await.status, StatusCode::NO_CONTENT);
    studio.until("the low layer", PATIENCE, || lows.look(&mut low) == Some(LOW)).await;
    for round in 1..4u32 {
        let sent = round * 10_000;
        // As when its process is killed.
        drop(studio);
        studio = Studio::new(&stage, sent).await;
        let newest = |screen: &Screen| screen.pictures.last().map_or(0, |number| number % HIGH);
        let both = || {
            let _seen = (lows.look(&mut low), highs.look(&mut high));
            newest(&lows) > sent && newest(&highs) > sent
        };
        studio.until("the new one's picture", PATIENCE, both).await;
        studio.run(20).await;
        assert_eq!((lows.look(&mut low), highs.look(&mut high)), (Some(LOW), Some(HIGH)));
        let since: Vec<_> = lows.pictures.iter().filter(|number| **number % HIGH >= sent).collect();
        assert!(since.iter().all(|number| **number / HIGH * HIGH == LOW), "it stays in its layer: {since:?}");
    }
    listed(&stage, &mut studio).await;
    // The one after sends a single picture: all of them get that.
    drop(studio);
    let mut single = Peer::publish(&stage.ready.http, &stage.key()).await;
    single.connected().await;
    for n in 0..60 {
        tokio::time::sleep(Duration::from_millis(33)).await;
        single.send(picture_of(SPS, LOW + 50_000 + n, n == 0, 2_000));
        let single_seen =
            |screen: &Screen| screen.pictures.last().is_some_and(|number| *number >= LOW + 50_000);
        let _seen = (lows.look(&mut low), highs.look(&mut high));
        if single_seen(&lows) && single_seen(&highs) {
            return;
        }
        while let Ok(seen) = single.seen.try_recv() {
            if matches!(seen, Seen::KeyframeAsked) {
                single.send(picture_of(SPS, LOW + 50_000 + n, true, 2_000));
            }
        }
    }
    panic!("not all go on: {:?} {:?}", lows.pictures.last(), highs.pictures.last());
}

#[tokio::test(flavor = "multi_thread")]
async fn more_layers_than_three_are_refused_in_words() {
    let stage = Stage::new().await;
    let key = format!("Bearer {}", stage.key());
    let headers = [("content-type", "application/sdp"), ("authorization", &key)];
    for (layers, status) in [
        (&["a", "b", "c", "d"][..], StatusCode::UNPROCESSABLE_ENTITY),
        (&["a", "b", "c"][..], StatusCode::CREATED),
    ] {
        let text = offer_layers(Direction::SendOnly, layers).text;
        let answer = stage.ask(Method::POST, "/whip/main", &headers, text).await;
        assert_eq!(answer.status, status, "{}", answer.body);
        assert!(status == StatusCode::CREATED || answer.body.contains("best three"), "{}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_over_tcp_goes_over_too() {
    let stage = Stage::new().await;
    let mut studio = Studio::new(&stage, 0).await;
    let watched = Peer::watch_as(&stage.ready.http, None, Over::Tcp).await;
    let (mut watcher, mut screen) = (watched.map_err(|answer| answer.body).unwrap(), Screen::default());
    watcher.connected().await;
    listed(&stage, &mut studio).await;
    assert_eq!(choose(&stage, &watcher, json!("l")).await.status, StatusCode::NO_CONTENT);
    studio.until("the low layer", PATIENCE, || screen.look(&mut watcher) == Some(LOW)).await;
}
