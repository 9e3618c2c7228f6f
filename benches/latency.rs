//! Capture to browser pixel: a headless broadcast on this machine, watched by a real Chromium.
//!
//! The pattern burns each frame's capture instant into it; the page reads it back from the pixels of every
//! frame that the browser shows. Both use this machine's clock, so the difference is the latency. The
//! breakdown comes from the same minute: the studio's own figures, the browser's receive times, `getStats()`.

use std::time::Duration;

use anyhow::{Context, Result};
use footlight_tests::Output;
use footlight_tests::browser::Setup;
use footlight_tests::stats::Stats;
use footlight_tests::studio::{Headless, Studio};
use footlight_tests::wait::seconds;
use footlight_tests::watch::{Shown, Viewer};

use crate::table::{self, median, ms, percentile};

/// Jitter buffers and rate control have settled by then.
const WARM_UP: Duration = seconds(10);
const MEASURED: Duration = seconds(60);
const WIDTH: u32 = 1280;
const HEIGHT: u32 = 720;
const FPS: u32 = 30;
/// What the project aims at, in milliseconds.
const AIM_P50_MS: f64 = 90.0;

pub(crate) fn run() -> Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("start the runtime")?
        .block_on(measure());
    Ok(())
}

async fn measure() {
    let output = Output::new("bench-latency");
    println!(
        "latency: {WIDTH}x{HEIGHT} at {FPS} fps, {} s after {} s",
        MEASURED.as_secs(),
        WARM_UP.as_secs()
    );
    let mut studio = Headless::default().size(WIDTH, HEIGHT).fps(FPS).start("footlight", &output).await;
    studio.live(seconds(20)).await;
    let viewer = Viewer::open("viewer", &studio.ready.watch, Setup::default(), &output).await;
    viewer.playing(seconds(30)).await;
    tokio::time::sleep(WARM_UP).await;

    let refresh = refresh_ms(&viewer).await;
    let mark = studio.process.mark();
    let cpu = studio.process.cpu_seconds();
    let before = viewer.stats().await;
    viewer.record().await;
    tokio::time::sleep(MEASURED).await;
    let after = viewer.stats().await;
    let shown = viewer.shown(0).await;
    let cpu = studio.process.cpu_seconds() - cpu;
    let page = viewer.shown_latency_ms().await;
    report(&studio, mark, &before, &after, &shown, refresh);
    println!(
        "  the page itself shows {}; the studio with its relay took {:.0} % of a core",
        page.map_or("nothing".to_owned(), |page| format!("{page:.0} ms")),
        100.0 * cpu / MEASURED.as_secs_f64()
    );
}

fn report(studio: &Studio, mark: usize, before: &Stats, after: &Stats, shown: &[Shown], refresh: f64) {
    let numbered: Vec<&Shown> = shown.iter().filter(|frame| frame.age_ms.is_some()).collect();
    let age = |frame: &Shown| frame.age_ms.unwrap_or(f64::NAN);
    let captured = |frame: &Shown| frame.at - age(frame);
    let readable: Vec<f64> = numbered.iter().map(|frame| age(frame)).collect();
    let on_screen: Vec<f64> = numbered.iter().map(|frame| frame.shown - captured(frame)).collect();
    let arrived: Vec<f64> =
        numbered.iter().filter_map(|frame| Some(frame.received? - captured(frame))).collect();

    let row = |name: &str, values: &[f64]| {
        let mut row = vec![name.to_owned()];
        row.extend([0.5, 0.95, 0.99, 1.0].map(|share| ms(percentile(values, share))));
        row
    };
    table::print(
        "latency in ms, capture to…",
        &[
            ["", "p50", "p95", "p99", "most"].map(str::to_owned).to_vec(),
            row("last packet in the browser", &arrived),
            row("pixels readable by the page", &readable),
            row("expected on the screen", &on_screen),
        ],
    );

    let encode = median(&studio.figures(mark, "encode_ms"));
    let arrival = median(&arrived);
    let buffer = after.mean_ms(before, "jitterBufferDelay", "jitterBufferEmittedCount");
    let decode = after.mean_ms(before, "totalDecodeTime", "framesDecoded");
    let whole = median(&readable);
    let part = |name: &str, value: f64, source: &str| vec![name.to_owned(), ms(value), source.to_owned()];
    table::print(
        "breakdown in ms",
        &[
            part("capture, compose, encode", encode, "the studio's own median"),
            part("send, relay, receive", arrival - encode, "last packet's arrival less the line above"),
            part("jitter buffer", buffer, "getStats, mean a frame; counts from the first packet"),
            part("decode", decode, "getStats, mean a frame"),
            part("compositor and page", whole - arrival - buffer - decode, "what is left of the p50"),
            part("capture to pixel, p50", whole, ""),
        ],
    );

    // What is left when sending, relaying and buffering cost nothing: the picture is encoded and decoded, and
    // waits for the compositor's next turn, which is half a refresh away on average.
    let floor = encode + decode + refresh / 2.0;
    let decoded = after.frames_decoded() - before.frames_decoded();
    println!(
        "  floor {floor:.1} ms = encode {encode:.1} + decode {decode:.1} + half a refresh of {refresh:.1}; \
         p50 is {:.2} of it",
        whole / floor
    );
    println!(
        "  not in any of these: a camera's exposure and readout (the pattern is stamped when it is due) and a \
         screen's scan-out (the browser has no screen); with both, about a frame and a refresh more"
    );
    println!(
        "  aim p50 at most {AIM_P50_MS:.0} ms; {} frames shown, {decoded:.0} decoded, {:.0} dropped, {} without a number",
        shown.len(),
        after.video("framesDropped") - before.video("framesDropped"),
        shown.len() - numbered.len()
    );
}

/// The compositor's period, measured in the page.
async fn refresh_ms(viewer: &Viewer) -> f64 {
    let script = "return new Promise(done => { let n = 0, start; const step = now => { \
                  if (n === 0) start = now; if (n++ === 60) done((now - start) / 60); \
                  else requestAnimationFrame(step); }; requestAnimationFrame(step); })";
    viewer.browser.page.run(script).await.as_f64().unwrap_or(f64::NAN)
}
