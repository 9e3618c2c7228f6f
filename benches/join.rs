//! Click to first picture: a real Chromium opens the viewer page again and again, beside the least page that can show
//! the same broadcast; then three hundred viewers join within a second.
//!
//! The time runs from the navigation's start to the first frame that the browser shows, so it holds the page's load,
//! its WebAssembly, the offer, ICE, DTLS, the keyframe and its decoding. The two pages alternate.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use footlight_tests::Output;
use footlight_tests::browser::{Browser, Setup};
use footlight_tests::studio::{Headless, Studio};
use footlight_tests::wait::{self, seconds};

use crate::sink::{self, Joined};
use crate::table::{self, ms, percentile};

const ROUNDS: usize = 40;
/// What the project aims at, in milliseconds.
const AIM_P50_MS: f64 = 350.0;
const AIM_P95_MS: f64 = 600.0;
const CROWD: usize = 300;
const CROWD_WITHIN: Duration = Duration::from_secs(1);
/// How long each of the crowd stays after its keyframe.
const STAY: Duration = Duration::from_secs(3);
const AIM_KEYFRAMES: u64 = 2;

pub(crate) fn run() -> Result<()> {
    let output = Output::new("bench-join");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start the runtime")?;
    let studio = runtime.block_on(async {
        let mut studio = Headless::default().size(1280, 720).fps(30).start("footlight", &output).await;
        studio.live(seconds(20)).await;
        studio
    });
    println!("join: 1280x720 at 30 fps, {ROUNDS} visits to each page, alternating");
    runtime.block_on(pages(&studio, &output));
    crowd(&studio)
}

async fn pages(studio: &Studio, output: &Output) {
    let browser = Browser::start("viewer", Setup::default(), output).await;
    let floor = output.file("whep.html");
    output.write("whep.html", include_str!("../tests/fixtures/whep.html"));
    let floor = format!("file://{}?whep={}/whep/main", floor.display(), studio.ready.http);
    let (mut ours, mut least) = (Vec::new(), Vec::new());
    // The first visit to each fills the browser's cache, and is a figure of its own.
    let cold = visit(&browser, &studio.ready.watch).await;
    visit(&browser, &floor).await;
    for _ in 0..ROUNDS {
        ours.push(visit(&browser, &studio.ready.watch).await);
        least.push(visit(&browser, &floor).await);
    }
    let row = |name: &str, values: &[f64]| {
        let mut row = vec![name.to_owned()];
        row.extend([0.5, 0.95, 1.0].map(|share| ms(percentile(values, share))));
        row
    };
    table::print(
        "navigation to first frame shown, ms",
        &[
            ["", "p50", "p95", "most"].map(str::to_owned).to_vec(),
            row("the viewer page", &ours),
            row("floor: one script, no page", &least),
        ],
    );
    println!("  the very first visit, with an empty cache: {cold:.0} ms");
    println!(
        "  p50 is {:.2} of the floor; aims p50 at most {AIM_P50_MS:.0}, p95 at most {AIM_P95_MS:.0}",
        percentile(&ours, 0.5) / percentile(&least, 0.5)
    );
}

/// Opens the page and gives the milliseconds from the navigation's start to its first frame.
async fn visit(browser: &Browser, url: &str) -> f64 {
    browser.page.goto(url).await;
    let first = wait::until("the first frame", seconds(20), async || {
        browser.page.run("return window.instruments.first()").await.as_f64()
    })
    .await;
    // The goodbye is sent as the page goes; the next visit shall not compete with it.
    browser.page.goto("about:blank").await;
    first
}

fn crowd(studio: &Studio) -> Result<()> {
    let http = reqwest::blocking::Client::builder().pool_max_idle_per_host(CROWD).build()?;
    let endpoint = format!("{}/whep/main", studio.ready.http);
    let asked = |name: &str| counter(&http, &studio.ready.http, name);
    let (before, wanted) =
        (asked("footlight_keyframe_requests_out_total")?, asked("footlight_keyframe_requests_in_total")?);
    let cpu = studio.process.cpu_seconds();
    let begun = Instant::now();
    let joined: Vec<Result<Joined>> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..CROWD)
            .map(|n| {
                let due = begun + CROWD_WITHIN * n as u32 / CROWD as u32;
                let (http, endpoint) = (&http, &endpoint);
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                scope.spawn(move || sink::join(http, endpoint, STAY))
            })
            .collect();
        all.into_iter().map(|thread| thread.join().expect("a sink returns its error")).collect()
    });
    let took = begun.elapsed();
    let cpu = studio.process.cpu_seconds() - cpu;
    let failed = joined.iter().filter(|joined| joined.is_err()).count();
    if let Some(Err(error)) = joined.iter().find(|joined| joined.is_err()) {
        println!("  {failed} of {CROWD} joins failed, one of them: {error:#}");
    }
    let column = |pick: fn(&Joined) -> Duration| -> Vec<f64> {
        joined.iter().flatten().map(|joined| pick(joined).as_secs_f64() * 1000.0).collect()
    };
    let row = |name: &str, values: &[f64]| {
        let mut row = vec![name.to_owned()];
        row.extend([0.5, 0.95, 1.0].map(|share| ms(percentile(values, share))));
        row
    };
    table::print(
        &format!(
            "{CROWD} joins within a second, each staying {} s, ms from its first byte to…",
            STAY.as_secs()
        ),
        &[
            ["", "p50", "p95", "most"].map(str::to_owned).to_vec(),
            row("its answer", &column(|joined| joined.answered)),
            row("its connection", &column(|joined| joined.connected)),
            row("its first whole keyframe", &column(|joined| joined.keyframe)),
        ],
    );
    println!(
        "  {} keyframe requests came in, {} went to the publisher (aim at most {AIM_KEYFRAMES}); studio and relay took \
         {cpu:.1} CPU s of {:.1} s, on the same cores as the crowd",
        asked("footlight_keyframe_requests_in_total")? - wanted,
        asked("footlight_keyframe_requests_out_total")? - before,
        took.as_secs_f64()
    );
    Ok(())
}

/// A counter of the relay's metrics.
fn counter(http: &reqwest::blocking::Client, relay: &str, name: &str) -> Result<u64> {
    let text = http.get(format!("{relay}/metrics")).send()?.text()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok()).with_context(|| format!("the relay counts {name}"))
}
