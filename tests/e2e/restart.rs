//! Programs that die without a word, and a page that plays on.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use footlight_tests::browser::Setup;
use footlight_tests::faces::viewer as face;
use footlight_tests::relay::{Relay, free_port};
use footlight_tests::scratch::Scratch;
use footlight_tests::studio::{Headless, Studio};
use footlight_tests::wait::{self, seconds};
use footlight_tests::watch::Viewer;
use footlight_tests::{Output, http, turn};
use serde_json::Value;

const TIMES: usize = 5;
/// From the port (or the publisher) being back to a fresh picture in the page.
const AGAIN: Duration = seconds(3);

#[tokio::test(flavor = "multi_thread")]
async fn the_page_plays_again_after_the_relay_was_killed() {
    let _turn = turn().await;
    let output = Output::new("restart-relay");
    let mut stage = Stage::set(&output).await;
    let mut took = Vec::new();
    for _ in 0..TIMES {
        stage.relay.process.kill();
        wait::until("the port is closed", seconds(5), async || {
            TcpStream::connect(&stage.address).is_err().then_some(())
        })
        .await;
        stage.relay = Relay::start("relay", &stage.address, stage.data.path(), &output).await;
        took.push(stage.plays_again(Instant::now()).await);
    }
    output.write("figures.txt", format!("from the port being back to a fresh picture: {took:?}\n"));
    stage.was_never_reloaded(&output).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_plays_again_after_the_publisher_was_killed() {
    let _turn = turn().await;
    let output = Output::new("restart-publisher");
    let mut stage = Stage::set(&output).await;
    let mut took = Vec::new();
    for _ in 0..TIMES {
        stage.publisher.process.kill();
        stage.publisher = publisher(&stage.address, &stage.key, &output).await;
        took.push(stage.plays_again(Instant::now()).await);
    }
    output.write("figures.txt", format!("from the publisher being ready to a fresh picture: {took:?}\n"));
    assert_eq!(
        stage.viewer.stats().await.connections_made(),
        1,
        "a publisher that comes back is no reason for a viewer to connect again"
    );
    stage.was_never_reloaded(&output).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_key_that_was_replaced_does_not_come_back_with_the_studio() {
    let _turn = turn().await;
    let output = Output::new("restart-keys");
    let data = Scratch::new("studio-keys");
    let mut studio = Headless::default().data(data.path()).start("first", &output).await;
    studio.live(seconds(20)).await;
    let old = studio.ready.key().to_owned();
    // The first key that a relay has is its number 1.
    let rotate = format!("{}/api/v1/rooms/main/keys/1/rotate", studio.ready.http);
    let rotated = http::post(&rotate, "application/json", Some(studio.ready.token()), "").await;
    assert_eq!(rotated.status, 200, "{}", rotated.body);
    let rotated: Value = serde_json::from_str(&rotated.body).expect("a key");
    let rotated = rotated["key"].as_str().expect("the key's text").to_owned();
    studio.process.terminate();
    studio.process.exit(seconds(10)).await;

    let mut studio = Headless::default().data(data.path()).start("second", &output).await;
    studio.live(seconds(20)).await;
    let new = studio.ready.key().to_owned();
    assert!(new != old && new != rotated, "the studio has a key of its own");
    let whip = format!("{}/whip/main", studio.ready.http);
    for (key, status, why) in [
        (&old, 401, "what was replaced is good for nothing"),
        (&rotated, 409, "what took its place is good, but the studio is on air"),
    ] {
        let answer = http::post(&whip, "application/sdp", Some(key), &http::offer("sendonly")).await;
        assert_eq!(answer.status, status, "{why}: {}", answer.body);
    }
    studio.process.terminate();
    studio.process.exit(seconds(10)).await;
    // Once more, with nothing replaced meanwhile.
    let studio = Headless::default().data(data.path()).start("third", &output).await;
    assert_eq!(studio.ready.key(), new);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_restarts_in_order_is_no_error() {
    let _turn = turn().await;
    let output = Output::new("restart-drain");
    let mut stage = Stage::set_with(&[("FOOTLIGHT_DRAIN", "150")], &output).await;
    let page = &stage.viewer.browser.page;
    stage.relay.process.terminate();
    page.find_text(face::STRIP, "restarts in", seconds(5)).await;
    let shown = stage.viewer.burned().await.expect("a number in the picture").counter;
    stage.viewer.number(seconds(5), |number| number.counter > shown + 15).await;
    page.screenshot(&output, "drains").await;

    // The second signal is the operator's, who does not want to wait.
    stage.relay.process.terminate();
    page.find_text(face::STRIP, "The server restarts.", seconds(10)).await;
    page.screenshot(&output, "gone").await;
    assert_eq!(stage.relay.process.exit_code(seconds(10)).await, 0, "{}", stage.relay.process.stderr());
    page.find_text(".board.leaving", "The server restarts", seconds(15)).await;
    assert_eq!(page.count(face::FAILED).await, 0, "nothing is wrong");
    page.screenshot(&output, "away").await;
    stage.relay = Relay::start("relay", &stage.address, stage.data.path(), &output).await;
    stage.plays_again(Instant::now()).await;
    assert_eq!(stage.viewer.browser.page.count(face::STRIP).await, 0, "and it is over");
    stage.was_never_reloaded(&output).await;
}

/// A relay and a publisher that can be killed apart, and a viewer.
struct Stage {
    relay: Relay,
    publisher: Studio,
    viewer: Viewer,
    address: String,
    key: String,
    data: Scratch,
}

impl Stage {
    async fn set(output: &Output) -> Self {
        Self::set_with(&[], output).await
    }

    /// With more in the relay's environment.
    async fn set_with(environment: &[(&str, &str)], output: &Output) -> Self {
        let data = Scratch::new("relay");
        let address = format!("127.0.0.1:{}", free_port());
        let relay = Relay::start_with("relay", &address, data.path(), environment, output).await;
        let key = relay.ready.key().to_owned();
        let publisher = publisher(&address, &key, output).await;
        let viewer = Viewer::open("viewer", &relay.ready.watch, Setup::default(), output).await;
        viewer.playing(seconds(20)).await;
        viewer.mark().await;
        Self { relay, publisher, viewer, address, key, data }
    }

    /// Waits for a picture that was captured after `since`: one from before the kill may still be on the
    /// screen, and may be newer than the last one that was read.
    async fn plays_again(&self, since: Instant) -> Duration {
        self.viewer.number(AGAIN, |number| number.age_ms < since.elapsed().as_secs_f64() * 1000.0).await;
        let took = since.elapsed();
        self.viewer.in_state("playing", seconds(2)).await;
        took
    }

    async fn was_never_reloaded(&self, output: &Output) {
        assert!(self.viewer.is_marked().await, "the page is still the one that was opened first");
        self.viewer.browser.screenshot_and_console(output).await;
    }
}

async fn publisher(address: &str, key: &str, output: &Output) -> Studio {
    let target = format!("whip+http://{address}/whip/main");
    Headless::default().size(640, 360).to(&target, key).start("publisher", output).await
}
