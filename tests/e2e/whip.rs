//! Other people's WebRTC stacks publish by WHIP and watch by WHEP, and every picture arrives.

use std::path::PathBuf;

use footlight_tests::browser::{Browser, Setup};
use footlight_tests::process::Process;
use footlight_tests::relay::Relay;
use footlight_tests::scratch::Scratch;
use footlight_tests::wait::{self, seconds};
use footlight_tests::watch::{Shown, Viewer};
use footlight_tests::{Output, aiortc, clip, turn};
use serde_json::Value;

/// How long each viewer watches.
const WATCHED: u32 = 10;
/// Of the pictures that a publisher sends at 30 a second, on a machine that encodes, decodes and draws at once.
const LEAST: f64 = 0.9;

struct Stage {
    relay: Relay,
    clip: PathBuf,
    scratch: Scratch,
}

impl Stage {
    async fn set(output: &Output) -> Self {
        let scratch = Scratch::new("whip");
        let environment = [("FOOTLIGHT_RTMP", "127.0.0.1:0")];
        let data = scratch.folder("data");
        let relay = Relay::start_with("relay", "127.0.0.1:0", &data, &environment, output).await;
        let clip = clip::make(scratch.path());
        Self { relay, clip, scratch }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.relay.ready.http)
    }

    async fn is_live(&self) {
        let room = self.url("/api/v1/rooms/main");
        wait::until("the room is live", seconds(20), async || {
            let text = reqwest::get(&room).await.ok()?.text().await.ok()?;
            text.contains(r#""state":"live""#).then_some(())
        })
        .await;
    }

    /// aiortc by WHEP, the page by WebRTC, and ffmpeg by HTTP-FLV, each for ten seconds.
    async fn is_watched(&self, output: &Output) {
        self.is_live().await;
        let theirs = aiortc::watch(&self.url("/whep/main"), WATCHED, output).await;
        assert_eq!((theirs.width, theirs.height, theirs.deleted), (clip::WIDTH, clip::HEIGHT, 200));
        let viewer = Viewer::open("viewer", &self.url("/main"), Setup::default(), output).await;
        viewer.playing(seconds(30)).await;
        viewer.record().await;
        let flv = clip::numbers(clip::ffmpeg(), &["-i", &self.url("/live/main.flv")], WATCHED, output).await;
        // ffmpeg begins with what the relay has kept, so it is done before the page has watched as long.
        let span = |shown: &[Shown]| shown.last().map_or(0.0, |last| last.at - shown[0].at);
        let shown = wait::until("the page plays on", seconds(u64::from(WATCHED) * 2), async || {
            Some(viewer.shown(0).await).filter(|shown| span(shown) >= f64::from(WATCHED) * 1000.0)
        })
        .await;
        viewer.browser.screenshot_and_console(output).await;
        let span = span(&shown);
        let page: Vec<Option<u32>> = shown.iter().map(|frame| frame.counter).collect();
        let mut figures = format!(
            "sound: {:.1} s of {WATCHED}; page: {span:.0} ms\n",
            f64::from(theirs.samples) / 48_000.0
        );
        for (name, numbers) in [("aiortc", &theirs.numbers), ("page", &page), ("flv", &flv)] {
            let (count, read) = (numbers.len(), numbers.iter().flatten().count());
            figures += &format!(
                "{name}: {count} pictures, {read} with a number, {:.3} in order\n",
                clip::in_order(numbers)
            );
        }
        output.write("figures.txt", &figures);
        print!("{figures}");
        assert!(f64::from(theirs.samples) >= f64::from(WATCHED * 48_000) * LEAST, "{figures}");
        let whole = f64::from(WATCHED * 30);
        for (numbers, expected) in [(&theirs.numbers, whole), (&page, span * 0.03), (&flv, whole)] {
            let count = numbers.len() as f64;
            assert!(count >= expected * LEAST, "{figures}");
            assert!(numbers.iter().flatten().count() as f64 >= count * 0.95, "{figures}");
            assert!(clip::in_order(numbers) >= LEAST, "{figures}");
        }
    }
}

/// A page that publishes what it draws.
async fn page_publishes(stage: &Stage, output: &Output) -> Browser {
    let setup = Setup { sound_unasked: true, ..Setup::default() };
    let browser = Browser::start("publisher", setup, output).await;
    // Any page of the relay will do; this one has no script and no policy of its own.
    browser.page.goto(&stage.url("/healthz")).await;
    let script = format!(
        "(async (url, key, frames) => {{ {} }})({:?}, {:?}, {})",
        include_str!("../fixtures/whip.js"),
        stage.url("/whip/main"),
        stage.relay.ready.key(),
        clip::FRAMES
    );
    let trickled = browser.page.run_async(&script).await.expect("the page publishes");
    assert_eq!(trickled, Value::from(204), "its candidates are taken");
    browser
}

#[tokio::test(flavor = "multi_thread")]
async fn aiortc_publishes_by_whip() {
    let _turn = turn().await;
    let output = Output::new("whip-aiortc");
    let stage = Stage::set(&output).await;
    // Its player begins its timestamps anew with the file, so the loop is played into a longer one.
    let long = stage.scratch.path().join("long.mp4");
    let mut repeat = clip::ffmpeg();
    repeat.args(["-stream_loop", "7", "-i"]).arg(&stage.clip).args(["-c", "copy"]).arg(&long);
    let repeated = Process::start("repeat", &mut repeat, &output).exit_code(seconds(30)).await;
    assert_eq!(repeated, 0, "ffmpeg repeats the clip");
    let _publisher = aiortc::publish(&stage.url("/whip/main"), stage.relay.ready.key(), &long, &output).await;
    stage.is_watched(&output).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_publishes_by_whip_and_restarts_its_ice_while_others_watch() {
    let _turn = turn().await;
    let output = Output::new("whip-chromium");
    let stage = Stage::set(&output).await;
    let publisher = page_publishes(&stage, &output).await;
    stage.is_watched(&output).await;

    let viewer = Viewer::open("restart-viewer", &stage.url("/main"), Setup::default(), &output).await;
    viewer.playing(seconds(30)).await;
    viewer.record().await;
    let restarted = publisher.page.run_async("publisher.restart()").await.expect("ICE begins anew");
    assert_eq!(restarted["status"], Value::from(200));
    assert!(restarted["etag"].as_str().is_some_and(|tag| tag.starts_with('"')), "{restarted}");
    let connected = "return publisher.connection.iceConnectionState";
    wait::until("the new path stands", seconds(20), async || {
        matches!(publisher.page.run(connected).await.as_str(), Some("connected" | "completed")).then_some(())
    })
    .await;
    // Two seconds of pictures from after the restart.
    let before = viewer.shown(0).await.len();
    let shown = wait::until("pictures after the restart", seconds(30), async || {
        Some(viewer.shown(before).await).filter(|shown| shown.len() >= 60)
    })
    .await;
    let gap = viewer.shown(0).await.windows(2).map(|pair| pair[1].at - pair[0].at).fold(0.0, f64::max);
    println!("longest gap between two pictures over the restart: {gap:.0} ms");
    assert!(shown.iter().filter(|frame| frame.counter.is_some()).count() >= 57, "the numbers go on");
    assert!(gap < 1_000.0, "{gap:.0} ms without a picture");
    assert_eq!(viewer.stats().await.connections_made(), 1, "no viewer renegotiates");
}

#[tokio::test(flavor = "multi_thread")]
async fn aiortc_watches_what_ffmpeg_publishes_by_rtmp() {
    let _turn = turn().await;
    let output = Output::new("whep-rtmp");
    let stage = Stage::set(&output).await;
    let server = stage.relay.ready.rtmp.as_deref().expect("RTMP was asked for");
    let target = format!("{server}/{}", stage.relay.ready.key());
    let mut command = clip::ffmpeg();
    command
        .args(["-re", "-stream_loop", "-1", "-i"])
        .arg(&stage.clip)
        .args(["-c", "copy", "-f", "flv", &target]);
    let _publisher = Process::start("ffmpeg", &mut command, &output);
    stage.is_watched(&output).await;
}
