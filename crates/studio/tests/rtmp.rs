//! A whole broadcast to RTMP servers on loopback: what arrives, and that one that fails never hurts another.

mod server;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use footlight_media::Codec;
use footlight_protocol::Code;
use footlight_protocol::destination::DestinationState;
use footlight_protocol::studio::{LayerLimit, Phase};
use footlight_studio::{Config, Studio};
use server::{KEY, Seen, Server, Unit};

fn studio(bitrate_kbps: u32) -> Studio {
    let config = Config {
        camera: "pattern".into(),
        microphone: "tone".into(),
        width: 640,
        height: 360,
        bitrate_kbps,
        layers: LayerLimit::Most(1),
        ..Config::default()
    };
    Studio::start(config, tokio::runtime::Handle::current()).expect("the studio starts")
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(40), "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn state(studio: &Studio, id: &str) -> DestinationState {
    let known = studio.snapshot().destinations;
    let known = known.iter().find(|known| known.destination.id.as_str() == id);
    known.map(|known| known.state.clone()).expect("it is in the list")
}

fn name(studio: &Studio, id: &str) -> &'static str {
    state(studio, id).name()
}

/// The longest step between two pictures of a connection, in milliseconds.
fn longest_step(seen: &Seen) -> u32 {
    let units = seen.units(Codec::H264);
    units.windows(2).map(|pair| pair[1].timestamp - pair[0].timestamp).max().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn picture_and_sound_arrive_in_order_with_keyframes_at_a_rhythm() {
    let server = Server::start().await;
    let studio = studio(1200);
    studio.go_live(vec![server.home(KEY)]).expect("goes live");
    until("five seconds arrive", || server.seen.count(Codec::H264) > 150).await;
    assert!(matches!(studio.snapshot().phase, Phase::Live { .. }));
    assert_eq!(name(&studio, "home"), "live");
    let units: Vec<Unit> = server.seen.units.lock().expect("a lock").clone();
    assert!(units[0].keyframe && units[0].codec == Codec::H264 && units[0].timestamp == 0, "{:?}", units[0]);
    assert!(units.windows(2).all(|pair| pair[0].timestamp <= pair[1].timestamp), "in the order of time");
    let sounds = server.seen.units(Codec::Aac);
    assert!(sounds[0].timestamp < 60, "sound from the start: {:?}", sounds[0]);
    assert!(sounds.windows(2).all(|pair| (21..=22).contains(&(pair[1].timestamp - pair[0].timestamp))));
    let keys: Vec<u32> = server
        .seen
        .units(Codec::H264)
        .iter()
        .filter(|unit| unit.keyframe)
        .map(|unit| unit.timestamp)
        .collect();
    assert!(keys.len() >= 3 && keys.windows(2).all(|pair| pair[1] - pair[0] <= 2_100), "{keys:?}");
    assert!(longest_step(&server.seen) < 120, "{}", longest_step(&server.seen));
    for (name, number) in
        [("width", 640.0), ("height", 360.0), ("framerate", 30.0), ("audiosamplerate", 48_000.0)]
    {
        assert_eq!(server.seen.number(name), Some(number), "{name}");
    }
    until("the rate is told", || studio.snapshot().destinations[0].kbps > 100).await;
    studio.end().await;
    until("the goodbye", || server.seen.goodbyes.load(Ordering::SeqCst) == 1).await;
    assert_eq!(name(&studio, "home"), "off");
    studio.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_key_is_said_and_seldom_tried_again_and_another_one_helps_at_once() {
    let (home, other) = (Server::start().await, Server::start().await);
    let studio = studio(600);
    studio.go_live(vec![home.home(KEY), other.outlet("d1", "wrong")]).expect("goes live");
    until("it is refused", || name(&studio, "d1") == "refused").await;
    let DestinationState::Refused { failure, retry_at } = state(&studio, "d1") else { panic!("it stays so") };
    assert_eq!(failure.code, Code::KeyRefused);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    assert!(u128::from(retry_at) > now.as_millis() + 30_000, "it is not asked again soon");
    assert_eq!(other.seen.connections.load(Ordering::SeqCst), 1);
    studio.retry(&"d1".parse().expect("an id"));
    until("it is tried again", || other.seen.connections.load(Ordering::SeqCst) == 2).await;
    until("home plays", || home.seen.count(Codec::H264) > 30).await;
    studio.set_outlets(vec![home.home(KEY), other.outlet("d1", KEY)]);
    until("the right key is taken", || name(&studio, "d1") == "live").await;
    until("pictures arrive", || other.seen.count(Codec::H264) > 30).await;
    // Closed right behind the key, as platforms do.
    other.seen.hangs_up.store(true, Ordering::SeqCst);
    studio.set_outlets(vec![home.home(KEY), other.outlet("d1", "another")]);
    until("it hangs up", || name(&studio, "d1") == "waiting").await;
    let DestinationState::Waiting { failure, .. } = state(&studio, "d1") else { panic!("it stays so") };
    assert_eq!(failure.code, Code::HungUp);
    studio.set_outlets(vec![home.home(KEY)]);
    assert_eq!(studio.snapshot().destinations.len(), 1);
    assert_eq!(home.seen.connections.load(Ordering::SeqCst), 1, "home was never touched");
    assert!(longest_step(&home.seen) < 150, "{} ms without a picture", longest_step(&home.seen));
    studio.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_drops_comes_back_and_begins_with_a_keyframe() {
    let (home, other) = (Server::start().await, Server::start().await);
    let studio = studio(600);
    studio.go_live(vec![home.home(KEY), other.outlet("d1", KEY)]).expect("goes live");
    until("both play", || home.seen.count(Codec::H264) > 30 && other.seen.count(Codec::H264) > 30).await;
    other.seen.cut.notify_one();
    until("it waits", || name(&studio, "d1") == "waiting").await;
    assert!(matches!(studio.snapshot().phase, Phase::Live { .. }), "home is on air");
    let before = other.seen.units.lock().expect("a lock").len();
    studio.retry(&"d1".parse().expect("an id"));
    until("it is back", || other.seen.units.lock().expect("a lock").len() > before + 60).await;
    assert_eq!(name(&studio, "d1"), "live");
    let units = other.seen.units.lock().expect("a lock").clone();
    let first = &units[before];
    assert!(first.keyframe && first.codec == Codec::H264 && first.timestamp == 0, "{first:?}");
    assert!(longest_step(&home.seen) < 150, "{} ms without a picture at home", longest_step(&home.seen));
    studio.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_reading_is_called_slow_and_nobody_else_loses_a_picture() {
    let (home, other) = (Server::start().await, Server::start().await);
    let studio = studio(4000);
    studio.go_live(vec![home.home(KEY), other.outlet("d1", KEY)]).expect("goes live");
    until("both play", || home.seen.count(Codec::H264) > 30 && other.seen.count(Codec::H264) > 30).await;
    let target = studio.snapshot().health.target_kbps;
    other.seen.stalls.store(true, Ordering::SeqCst);
    until("it is slow", || name(&studio, "d1") == "slow").await;
    assert_eq!(name(&studio, "home"), "live");
    // Longer than it is from one keyframe to the next.
    tokio::time::sleep(Duration::from_secs(3)).await;
    other.seen.stalls.store(false, Ordering::SeqCst);
    // First comes what the system held meanwhile.
    let left_out = || {
        let pictures = other.seen.units(Codec::H264);
        let gap = pictures.windows(2).find(|pair| pair[1].timestamp - pair[0].timestamp > 1_000);
        gap.map(|pair| pair[1].clone())
    };
    until("it goes on behind what was left out", || left_out().is_some()).await;
    assert!(left_out().is_some_and(|picture| picture.keyframe), "what was left out ends with a keyframe");
    assert_eq!(other.seen.connections.load(Ordering::SeqCst), 1, "the connection was kept");
    assert!(longest_step(&home.seen) < 150, "{} ms without a picture at home", longest_step(&home.seen));
    let health = studio.snapshot().health;
    assert_eq!((health.target_kbps, health.dropped_frames), (target, 0), "the bitrate is home's alone");
    studio.shutdown().await;
}
