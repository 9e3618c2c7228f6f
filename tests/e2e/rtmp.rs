//! What encoders of others do by RTMP, beyond what the matrix of [`crate::players`] tells.

use footlight_tests::browser::Setup;
use footlight_tests::obs::{Obs, Show};
use footlight_tests::process::Process;
use footlight_tests::stage::Stage;
use footlight_tests::wait::{self, seconds};
use footlight_tests::watch::{Shown, Viewer};
use footlight_tests::{Output, clip, turn};

/// How long each viewer watches.
const WATCHED: u32 = 10;
/// Of the pictures that an encoder sends, on a machine that encodes, decodes and draws at once.
const LEAST: f64 = 0.9;

#[tokio::test(flavor = "multi_thread")]
async fn the_page_plays_what_ffmpeg_publishes_through_tls() {
    let _turn = turn().await;
    let output = Output::new("rtmp-page");
    let stage = Stage::set(&output).await;
    let _publisher = clip::publish(&stage.clip, &stage.rtmps(), &output);
    let viewer = Viewer::open("viewer", &stage.url("/main"), Setup::default(), &output).await;
    viewer.playing(seconds(30)).await;
    viewer.record().await;
    let span_s = |shown: &[Shown]| shown.last().map_or(0.0, |last| last.at - shown[0].at) / 1000.0;
    let shown = wait::until("the page plays on", seconds(u64::from(WATCHED) * 2), async || {
        Some(viewer.shown(0).await).filter(|shown| span_s(shown) >= f64::from(WATCHED))
    })
    .await;
    viewer.browser.screenshot_and_console(&output).await;
    let numbers: Vec<Option<u32>> = shown.iter().map(|frame| frame.counter).collect();
    let (count, order) = (numbers.len(), clip::in_order(&numbers, clip::STEP));
    println!("{count} pictures in {:.1} s, {order:.3} in order", span_s(&shown));
    assert!(count as f64 >= span_s(&shown) * f64::from(clip::FPS) * LEAST, "{count} pictures");
    assert!(order >= LEAST, "{order:.3} in order");
}

#[tokio::test(flavor = "multi_thread")]
async fn hevc_by_enhanced_rtmp_passes_to_players_and_is_noted_for_the_creator() {
    let _turn = turn().await;
    let output = Output::new("rtmp-hevc");
    let stage = Stage::set(&output).await;
    let hevc = stage.scratch.path().join("hevc.mp4");
    let mut encode = clip::newer_ffmpeg();
    encode.arg("-i").arg(&stage.clip).args(["-c:v", "libx265", "-preset", "ultrafast"]);
    encode.args(["-x265-params", "log-level=error:keyint=25:bframes=0", "-c:a", "copy"]).arg(&hevc);
    let encoded = Process::start("encode", &mut encode, &output).exit_code(seconds(60)).await;
    assert_eq!(encoded, 0, "the newer ffmpeg encodes HEVC");
    let mut publish = clip::newer_ffmpeg();
    publish.args(["-re", "-stream_loop", "-1", "-i"]).arg(&hevc).args(["-c", "copy", "-f", "flv"]);
    publish.arg(stage.rtmp());
    let _publisher = Process::start("ffmpeg", &mut publish, &output);
    let room = stage.url("/api/v1/rooms/main");
    wait::until("the creator reads of HEVC", seconds(20), async || {
        let answer = reqwest::get(&room).await.ok()?.text().await.ok()?;
        answer.contains("hevc").then_some(())
    })
    .await;
    let (flv, rtmp) = (stage.url("/live/main.flv"), stage.rtmp_play());
    for input in [&["-i", &*flv][..], &["-rtmp_enhanced_codecs", "hvc1", "-i", &rtmp]] {
        let numbers = clip::numbers("player", clip::newer_ffmpeg(), input, WATCHED, &output).await;
        let (count, order) = (numbers.len(), clip::in_order(&numbers, clip::STEP));
        println!("{}: {count} pictures, {order:.3} in order", input[input.len() - 1]);
        assert!(count as f64 >= f64::from(WATCHED * clip::FPS) * LEAST && order >= 0.95, "{count}, {order}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn obs_with_a_wrong_key_is_told_so() {
    let _turn = turn().await;
    let output = Output::new("rtmp-wrong-key");
    let stage = Stage::set(&output).await;
    let obs = Obs::stream(&Show::clip(&stage.clip), stage.server(), "not-the-key", &output).await;
    wait::until("OBS reads why", seconds(30), async || {
        obs.process
            .lines()
            .iter()
            .chain([&obs.process.stderr()])
            .any(|l| l.contains("The stream key is wrong"))
            .then_some(())
    })
    .await;
    for (name, log) in output.logs() {
        assert!(!name.contains("relay") || !log.contains("not-the-key"), "a key is in {name}");
    }
    drop(stage.scratch);
}
