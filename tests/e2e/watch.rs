//! A viewer opens the link of a broadcast and watches.

use footlight_tests::browser::Setup;
use footlight_tests::faces::viewer as face;
use footlight_tests::sound::beeps;
use footlight_tests::studio::Headless;
use footlight_tests::wait::{self, seconds};
use footlight_tests::watch::{Shown, Viewer};
use footlight_tests::{Output, turn};

/// Between the page's own figure and the one read from its pixels: a frame, the compositor, and the page's
/// smoothing.
const LATENCY_TOLERANCE_MS: f64 = 50.0;
/// What a viewer is promised.
const MOST_LATENCY_MS: f64 = 200.0;

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_sees_every_frame_and_hears_every_beep() {
    let _turn = turn().await;
    let output = Output::new("watch");
    let mut studio = Headless::default().fps(30).size(1280, 720).start("footlight", &output).await;
    studio.live(seconds(20)).await;
    let setup = Setup { sound_unasked: true, ..Setup::default() };
    let viewer = Viewer::open("viewer", &studio.ready.watch, setup, &output).await;
    let first = viewer.playing(seconds(20)).await;
    assert_eq!((first.width, first.height), (1280, 720), "the picture has the size it was sent in");

    viewer.record().await;
    let from = viewer.number(seconds(5), |_| true).await;
    let before = viewer.stats().await;
    let sound = viewer.loudness(seconds(20)).await;
    let after = viewer.stats().await;
    let to = viewer.number(seconds(5), |_| true).await;
    let page_latency = viewer.shown_latency_ms().await;
    let shown = viewer.shown(0).await;
    viewer.browser.screenshot_and_console(&output).await;

    let captured = f64::from(to.counter - from.counter);
    let decoded = after.frames_decoded() - before.frames_decoded();
    let heard = beeps(&sound);
    let numbers: Vec<u32> = shown.iter().filter_map(|frame| frame.counter).collect();
    let latency = median(shown.iter().filter_map(|frame: &Shown| frame.age_ms).collect());
    output.write(
        "figures.txt",
        format!(
            "captured {captured}, decoded {decoded}, shown {}, with a number {}\nsound {heard:?}\n\
             latency from pixels {latency:.1} ms, on the page {page_latency:?}\n{:#?}\n{:#}",
            shown.len(),
            numbers.len(),
            studio.stats(),
            after.0
        ),
    );
    assert!(captured >= 20.0 * 30.0 * 0.95, "the studio keeps its pace: {captured} frames in 20 s");
    assert!(decoded >= captured * 0.95, "{decoded} of {captured} frames were decoded");
    assert!(numbers.len() as f64 >= shown.len() as f64 * 0.95, "every picture shows its number");
    assert!(numbers.is_sorted(), "pictures come in order");
    assert!((18..=22).contains(&heard.count), "one beep a second for 20 s: {heard:?}");
    assert!(heard.loudest - heard.softest > 20.0, "the beep stands out of silence: {heard:?}");
    assert!(latency < MOST_LATENCY_MS, "capture to pixel takes {latency:.1} ms");
    let page_latency = page_latency.expect("the page shows a latency");
    assert!(
        (page_latency - latency).abs() < LATENCY_TOLERANCE_MS,
        "the page says {page_latency}, pixels say {latency:.1}"
    );
    assert_eq!(after.connections_made(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_plays_by_itself_muted_and_sounds_after_a_tap() {
    let _turn = turn().await;
    let output = Output::new("autoplay");
    let mut studio = Headless::default().start("footlight", &output).await;
    studio.live(seconds(20)).await;
    let viewer = Viewer::open("viewer", &studio.ready.watch, Setup::default(), &output).await;
    viewer.playing(seconds(20)).await;
    assert!(viewer.muted().await, "browsers only let a muted video start by itself");
    let silent = viewer.stats().await.audio("totalAudioEnergy");
    viewer.browser.page.screenshot(&output, "tap-for-sound").await;

    viewer.browser.page.click(face::UNMUTE).await;
    wait::until("the video sounds", seconds(5), async || (!viewer.muted().await).then_some(())).await;
    wait::until("sound reaches the speakers", seconds(5), async || {
        (viewer.stats().await.audio("totalAudioEnergy") > silent + 1e-4).then_some(())
    })
    .await;
    viewer.browser.screenshot_and_console(&output).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_viewers_chat_and_a_late_one_reads_what_was_said() {
    let _turn = turn().await;
    let output = Output::new("chat");
    let mut studio = Headless::default().size(640, 360).start("footlight", &output).await;
    studio.live(seconds(20)).await;
    let ada = Viewer::open("ada", &studio.ready.watch, Setup::default(), &output).await;
    ada.playing(seconds(20)).await;
    ada.say("Ada", "Good evening from the first row").await;
    let lin =
        Viewer::open("lin", &studio.ready.watch, Setup { language: "zh-CN", ..Setup::default() }, &output)
            .await;
    lin.playing(seconds(20)).await;
    lin.browser.page.find_text(face::MESSAGE, "Good evening from the first row", seconds(10)).await;
    lin.say("琳", "晚上好").await;
    ada.browser.page.find_text(face::MESSAGE, "晚上好", seconds(10)).await;
    ada.browser.screenshot_and_console(&output).await;
    lin.browser.screenshot_and_console(&output).await;
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().expect("some frames were shown")
}
