//! Networks that let nothing live through, and a page that plays all the same and climbs back.

use std::time::{Duration, Instant};

use footlight_tests::browser::Setup;
use footlight_tests::faces::viewer as face;
use footlight_tests::net::{Between, Space};
use footlight_tests::relay::Relay;
use footlight_tests::scratch::Scratch;
use footlight_tests::studio::{Headless, Studio};
use footlight_tests::wait::{self, seconds};
use footlight_tests::watch::Viewer;
use footlight_tests::{Output, turn};

/// From losing media, or from opening the page, to a picture that moves.
const FALL: Duration = seconds(3);
/// The first attempt to climb from HLS comes after four seconds, and needs half a second.
const CLIMB: Duration = seconds(15);
/// Between two pictures while one way takes over from another. A viewer calls more a stop.
const MOST_STILL_MS: f64 = 500.0;

/// Every datagram between the viewer and the world, both ways.
const NO_UDP: &str = "table inet ladder {\n\
    chain out { type filter hook output priority 0; meta l4proto udp drop; }\n\
    chain in { type filter hook input priority 0; meta l4proto udp drop; }\n}\n";
const FREE: &str = "delete table inet ladder\n";
/// A browser that has no WebRTC, as hardened ones do.
const WITHOUT_WEBRTC: &str = "delete window.RTCPeerConnection;";
/// A relay behind a proxy that hands only HTTP through: its answers name no TCP candidate.
const WITHOUT_ICE_TCP: &str = "const set = RTCPeerConnection.prototype.setRemoteDescription; \
    RTCPeerConnection.prototype.setRemoteDescription = function (description) { \
      const sdp = description.sdp.split('\\r\\n').filter(line => !/^a=candidate:\\S+ \\d+ tcp /i.test(line)); \
      return set.call(this, { type: description.type, sdp: sdp.join('\\r\\n') }); };";

#[tokio::test(flavor = "multi_thread")]
async fn without_udp_the_page_plays_over_tcp() {
    let _turn = turn().await;
    let output = Output::new("ladder-tcp");
    let stage = Stage::set(&output).await;
    stage.far.nft(NO_UDP);
    let (viewer, took) = stage.open("viewer", Setup::default(), &output).await;
    plays_by(&viewer, "tcp").await;
    viewer.browser.screenshot_and_console(&output).await;
    output.write("figures.txt", format!("from the open page to a moving picture over TCP: {took:?}\n"));
    assert!(took <= FALL, "the picture came after {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_breaks_while_it_plays_is_replaced() {
    let _turn = turn().await;
    let output = Output::new("ladder-break");
    let stage = Stage::set(&output).await;
    let (viewer, _) = stage.open("viewer", Setup::default(), &output).await;
    plays_by(&viewer, "udp").await;
    viewer.mark().await;
    let broken = Instant::now();
    stage.far.nft(NO_UDP);
    let took = stage.moves_again(&viewer, broken).await;
    plays_by(&viewer, "tcp").await;
    output.write("figures.txt", format!("from the cut to a moving picture over TCP: {took:?}\n"));
    assert!(viewer.is_marked().await, "the page is still the one that was opened");
    viewer.browser.screenshot_and_console(&output).await;
    assert!(took <= FALL, "the picture stood for {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_media_path_the_page_plays_over_http_and_climbs_when_there_is_one() {
    let _turn = turn().await;
    let output = Output::new("ladder-http");
    let stage = Stage::set(&output).await;
    stage.far.nft(NO_UDP);
    let setup = Setup { script: Some(WITHOUT_ICE_TCP), ..Setup::default() };
    let (viewer, took) = stage.open("viewer", setup, &output).await;
    plays_by(&viewer, "hls").await;
    viewer.browser.page.screenshot(&output, "compatible").await;
    viewer.browser.page.run("window.still = 0; let last = performance.now(); let at = ''; setInterval(() => { \
        const frames = document.querySelector('#video').dataset.frames; const now = performance.now(); \
        if (frames !== at) { at = frames; last = now; } window.still = Math.max(window.still, now - last); }, 10)").await;
    stage.far.nft(FREE);
    let free = Instant::now();
    viewer.browser.page.wait_for_attribute(face::PLAYER, face::PATH, "udp", CLIMB).await;
    let climbed = free.elapsed();
    viewer.number(seconds(3), |number| number.age_ms < 1_000.0).await;
    let still = viewer.browser.page.run("return window.still").await.as_f64().unwrap_or(f64::MAX);

    // And down again, from a path that played.
    let broken = Instant::now();
    stage.far.nft(NO_UDP);
    let fell = stage.moves_again(&viewer, broken).await;
    plays_by(&viewer, "hls").await;
    viewer.browser.screenshot_and_console(&output).await;
    output.write(
        "figures.txt",
        format!(
            "from the open page to a moving picture over HTTP: {took:?}\n\
             from the free network to WebRTC: {climbed:?}, with the picture still for {still:.0} ms at most\n\
             from the cut to a moving picture over HTTP: {fell:?}\n"
        ),
    );
    assert!(took <= FALL, "the picture came after {took:?}");
    assert!(still <= MOST_STILL_MS, "the picture stood for {still:.0} ms while it climbed");
    assert!(fell <= FALL, "the picture stood for {fell:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_without_webrtc_plays_over_http() {
    let _turn = turn().await;
    let output = Output::new("ladder-no-webrtc");
    let stage = Stage::set(&output).await;
    let setup = Setup { script: Some(WITHOUT_WEBRTC), ..Setup::default() };
    let (viewer, took) = stage.open("viewer", setup, &output).await;
    plays_by(&viewer, "hls").await;
    // Settled, so that the figure is what a viewer has and not the start.
    let latency =
        wait::until("a latency on the page", seconds(10), async || viewer.shown_latency_ms().await).await;
    viewer.browser.screenshot_and_console(&output).await;
    output.write("figures.txt", format!("a moving picture after {took:?}, {latency} ms behind\n"));
    assert!(took <= FALL, "the picture came after {took:?}");
    assert!(latency < 4_000.0, "it is {latency} ms behind");
}

async fn plays_by(viewer: &Viewer, path: &str) {
    viewer.browser.page.wait_for_attribute(face::PLAYER, face::PATH, path, seconds(5)).await;
    viewer.in_state("playing", seconds(5)).await;
}

/// A creator, a relay and a viewer's machine, each on its own; the viewer's network is what changes.
struct Stage {
    far: Space,
    _relay: Relay,
    _publisher: Studio,
    _others: [Space; 2],
    _data: Scratch,
}

impl Stage {
    async fn set(output: &Output) -> Self {
        let Between { first: creator, server, second: far } = Between::new("creator", "viewer");
        let data = Scratch::new("relay");
        let relay = Relay::start_in(&server, "relay", "0.0.0.0:8080", data.path(), &[], &[], output).await;
        let headless = Headless::default().size(640, 360);
        let headless = headless.to("whip+http://10.1.0.1:8080/whip/main", relay.ready.key());
        let mut publisher = headless.start_in(Some(&creator), "publisher", output).await;
        publisher.live(seconds(20)).await;
        Self { far, _relay: relay, _publisher: publisher, _others: [creator, server], _data: data }
    }

    /// Opens the page, and says how long after that its picture moved.
    async fn open(&self, name: &str, setup: Setup, output: &Output) -> (Viewer, Duration) {
        let viewer = Viewer::open_in(Some(&self.far), name, "http://10.2.0.1:8080/main", setup, output).await;
        let opened = Instant::now();
        let first = viewer.number(seconds(15), |_| true).await;
        viewer.number(seconds(5), |number| number.counter > first.counter).await;
        (viewer, opened.elapsed())
    }

    /// Waits for two pictures that were captured after the network changed.
    async fn moves_again(&self, viewer: &Viewer, since: Instant) -> Duration {
        // What is on the screen may run on for a moment after the cut.
        let grace = 300.0;
        let new = |age_ms: f64| age_ms < since.elapsed().as_secs_f64() * 1_000.0 - grace;
        let first = viewer.number(seconds(15), |number| new(number.age_ms)).await;
        viewer.number(seconds(5), |number| number.counter > first.counter).await;
        since.elapsed()
    }
}
