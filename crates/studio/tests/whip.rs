//! A whole broadcast from the test pattern to a WHIP endpoint on loopback, and what happens when that goes away.

mod endpoint;
mod impaired;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use endpoint::{Arrived, KEY, Server, until};
use footlight_protocol::Code;
use footlight_protocol::studio::{Held, LayerLimit, Phase, SourceState, StudioEvent};
use footlight_studio::{Config, Studio};
use str0m::media::KeyframeRequestKind::{Fir, Pli};

fn studio() -> Studio {
    studio_in(LayerLimit::Most(1))
}

fn studio_in(layers: LayerLimit) -> Studio {
    let config = Config {
        camera: "pattern".into(),
        microphone: "tone".into(),
        width: 640,
        height: 360,
        bitrate_kbps: 1200,
        layers,
        ..Config::default()
    };
    Studio::start(config, tokio::runtime::Handle::current()).expect("the studio starts")
}

fn nowhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_studio_that_nobody_looks_at_rests_until_somebody_does_or_it_is_live() {
    let server = Server::start(Arc::default(), nowhere()).await;
    let studio = studio();
    let mut finder = studio.preview();
    let fps = || studio.snapshot().health.fps;
    let looked = async |finder: &mut footlight_studio::Finder| {
        for _ in 0..30 {
            assert!(finder.next(Duration::from_secs(2)).await.is_some(), "a picture for who looks");
        }
        until("they are counted", || fps() > 0.0).await;
    };
    looked(&mut finder).await;
    until("nothing is made any more", || fps() == 0.0).await;
    let before = finder.newest().expect("there was one").captured;
    looked(&mut finder).await;
    let after = finder.newest().expect("there is one").captured;
    assert!(after.since(before) > Duration::from_secs(1), "none of before the rest is shown");
    until("nothing is made any more", || fps() == 0.0).await;
    studio.go_live(vec![server.target(KEY)]).expect("goes live");
    until("what is live is made though nobody looks", || server.arrived.count() > 90).await;
    studio.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broadcast_arrives_with_its_capture_times_and_ends_with_a_goodbye() {
    let server = Server::start(Arc::default(), nowhere()).await;
    let arrived = Arc::clone(&server.arrived);
    let studio = studio();
    until("the preview shows something", || studio.preview().newest().is_some()).await;
    let start = Instant::now();
    studio.go_live(vec![server.target(KEY)]).expect("goes live");
    assert_eq!(studio.go_live(vec![server.target(KEY)]).map_err(|f| f.code), Err(Code::WrongPhase));
    until("frames arrive", || arrived.count() > 0).await;
    println!("Go Live to first frame: {:?}", start.elapsed());
    println!("answer to connected, at the endpoint: {:?}", arrived.connected());
    until("90 frames arrive", || arrived.count() > 90).await;
    until("sound arrives", || arrived.sounds.load(Ordering::SeqCst) > 50).await;
    assert!(matches!(studio.snapshot().phase, Phase::Live { .. }));
    let units = arrived.units(0);
    assert!(units[0].keyframe, "the first frame can be decoded");
    let stamp = |unit: &endpoint::Unit| unit.captured.expect("every frame has its stamp").as_micros();
    let stamps: Vec<u64> = units.iter().map(stamp).collect();
    let steps: Vec<u64> = stamps.windows(2).map(|w| w[1] - w[0]).collect();
    assert!(steps.iter().all(|step| (10_000..400_000).contains(step)), "{steps:?}");
    let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let last = units[units.len() - 1];
    let age = (wall - last.arrived.elapsed()).as_micros() as u64 - stamp(&last);
    assert!(age < 500_000, "the last frame was {age} µs old when it arrived");

    let mut events = studio.events();
    let health = loop {
        if let StudioEvent::Health { health } = events.recv().await.expect("events come") {
            break health;
        }
    };
    println!("{health:?}");
    assert!(health.fps > 10.0 && health.encoded_frames > 60 && health.bitrate_kbps > 10, "{health:?}");
    assert!(health.encode_ms > 0.0 && health.target_kbps == 1200, "{health:?}");

    studio.end().await;
    assert_eq!(studio.snapshot().phase, Phase::Idle);
    assert_eq!(arrived.goodbyes.load(Ordering::SeqCst), 1);
    let after = Instant::now();
    studio.shutdown().await;
    assert!(after.elapsed() < Duration::from_secs(3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_goes_out_in_the_layers_that_were_asked_for() {
    let server = Server::start(Arc::default(), nowhere()).await;
    let arrived = Arc::clone(&server.arrived);
    let studio = studio_in(LayerLimit::Most(2));
    studio.go_live(vec![server.target(KEY)]).expect("goes live");
    until("both layers arrive", || arrived.lower.load(Ordering::SeqCst) > 30 && arrived.count() > 30).await;
    let sent = studio.snapshot().layers.sent;
    let sizes: Vec<_> = sent.iter().map(|layer| (layer.id.as_str(), layer.width, layer.height)).collect();
    assert_eq!(sizes, [("h", 640, 360), ("l", 320, 180)]);
    let units = arrived.units(0);
    assert!(units[0].keyframe && units.windows(2).all(|pair| pair[0].timestamp != pair[1].timestamp));
    studio.end().await;
    until("the layers are over", || studio.snapshot().layers.sent.is_empty()).await;
    studio.shutdown().await;

    let single = studio_in(LayerLimit::Most(1));
    single.go_live(vec![server.target(KEY)]).expect("goes live");
    until("it says why there is one", || single.snapshot().layers.held == Some(Held::Chosen)).await;
    single.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_keyframe_request_is_answered_at_once() {
    let server = Server::start(Arc::default(), nowhere()).await;
    let arrived = Arc::clone(&server.arrived);
    let studio = studio();
    studio.go_live(vec![server.target(KEY)]).expect("goes live");
    until("frames arrive", || arrived.count() > 20).await;
    for kind in [Pli, Fir, Pli, Fir, Pli] {
        // Away from the keyframe that comes by itself, and past the shortest gap between two.
        let before = arrived.count();
        until("ten ordinary frames in a row", || {
            let units = arrived.units(before);
            units.len() > 12 && units.iter().rev().take(10).all(|unit| !unit.keyframe)
        })
        .await;
        let asked = arrived.count();
        arrived.ask(kind);
        until("a keyframe", || arrived.units(asked).iter().any(|unit| unit.keyframe)).await;
        let waited = arrived.units(asked).iter().position(|unit| unit.keyframe).expect("a keyframe");
        // One may be on its way, one may be in the encoder while the request arrives.
        assert!(waited <= 3, "{waited} frames passed after {kind:?}");
    }
    studio.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_relay_gets_the_broadcast_back() {
    let mut server = Server::start(Arc::default(), nowhere()).await;
    let arrived = Arc::clone(&server.arrived);
    let studio = studio();
    studio.go_live(vec![server.target(KEY)]).expect("goes live");
    until("frames arrive", || arrived.count() > 10).await;
    let Phase::Live { since } = studio.snapshot().phase else { panic!("not live") };
    for away in [None, Some(300), Some(2500)] {
        let address = server.kill().await;
        if let Some(away) = away {
            let lost = || matches!(studio.snapshot().phase, Phase::Reconnecting { .. });
            println!("noticed after {:?}", until("the loss is noticed", lost).await);
            tokio::time::sleep(Duration::from_millis(away)).await;
        }
        let before = arrived.count();
        server = Server::start(Arc::clone(&arrived), address).await;
        let took = until("frames arrive again", || arrived.count() > before + 3).await;
        println!("back {took:?} after the port, which was away for {away:?} ms");
        assert!(took < Duration::from_secs(3), "{took:?}");
        assert!(arrived.units(before)[0].keyframe, "it starts with a keyframe");
        until("the phase is live", || studio.snapshot().phase == Phase::Live { since }).await;
    }
    println!("answer to connected, at the endpoint: {:?}", arrived.connected());
    studio.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_hangs_is_left_and_tried_again() {
    let server = Server::start(Arc::default(), nowhere()).await;
    let arrived = Arc::clone(&server.arrived);
    let studio = studio();
    studio.go_live(vec![server.target(KEY)]).expect("goes live");
    until("frames arrive", || arrived.count() > 10).await;
    server.go_silent();
    let before = arrived.count();
    let took = until("frames arrive again", || arrived.count() > before + 3).await;
    println!("back {took:?} after the silence began");
    assert!(took < Duration::from_secs(5), "{took:?}");
    studio.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_key_is_said_and_ends_without_a_fuss() {
    let server = Server::start(Arc::default(), nowhere()).await;
    let studio = studio();
    let mut events = studio.events();
    studio.go_live(vec![server.target("wrong")]).expect("goes live");
    let code = loop {
        if let StudioEvent::Failed { failure } = events.recv().await.expect("events come") {
            break failure.code;
        }
    };
    assert_eq!(code, Code::KeyRefused);
    assert_eq!(studio.snapshot().phase, Phase::Starting);
    let start = Instant::now();
    studio.end().await;
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_eq!(studio.snapshot().phase, Phase::Idle);
    assert_eq!(server.arrived.goodbyes.load(Ordering::SeqCst), 0, "there was no session to end");
    studio.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sources_change_while_the_broadcast_goes_on() {
    let server = Server::start(Arc::default(), nowhere()).await;
    let arrived: Arc<Arrived> = Arc::clone(&server.arrived);
    let studio = studio();
    studio.go_live(vec![server.target(KEY)]).expect("goes live");
    until("frames arrive", || arrived.count() > 10).await;
    for camera in ["none", "pattern", "no such camera", "pattern"] {
        studio.pick_camera(camera.into()).expect("picks");
        let before = arrived.count();
        until("frames go on", || arrived.count() > before + 20).await;
        let snapshot = studio.snapshot();
        let fits = match camera {
            "none" => snapshot.camera_state == SourceState::Off,
            "pattern" => snapshot.camera_state == SourceState::Running,
            _ => matches!(snapshot.camera_state, SourceState::Lost { .. } | SourceState::Opening),
        };
        assert!(fits && snapshot.camera == camera, "{camera}: {:?}", snapshot.camera_state);
    }
    let gone = studio.pick_camera("file:/nonexistent.y4m".into()).expect_err("unreadable");
    assert_eq!(gone.code, Code::FileUnreadable);
    assert_eq!(studio.snapshot().camera, "pattern", "the old camera stays");
    studio.set_muted(true);
    until("the mute is heard", || studio.snapshot().level.peak_db <= -99.0).await;
    studio.set_muted(false);
    until("the beep is back", || studio.snapshot().level.peak_db > -20.0).await;
    assert_eq!(arrived.offers.load(Ordering::SeqCst), 1, "nothing was renegotiated");
    studio.shutdown().await;
}
