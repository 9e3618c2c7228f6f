//! Comments over the picture: the page's one canvas beside the way of an element a comment, on the same page, over the
//! same recording, with the same comments, in turns.
//!
//! Some members talk over a short broadcast; its replay is then played in a real Chromium that draws in software, with
//! some three hundred comments over a picture of 1920x1080. What is counted are animation frames of the page, which
//! Chromium starts no faster than it can show them. Two browsers: one at the screen's 60 pictures a second, as people
//! have it, and one that is not held back, where the room that is left can be seen. In both with the video behind the
//! comments, and without it: the video itself costs more than what flies.
//!
//! No way of one layer can be faster than a layer on which nothing is drawn and which the browser only lays over the
//! picture at another place each time: that is the bound beside which the canvas stands.

use std::time::Duration;

use anyhow::{Context, Result};
use footlight_protocol::room::ServerMessage;
use footlight_tests::browser::{Browser, Setup};
use footlight_tests::chat::Chat;
use footlight_tests::faces::replay as face;
use footlight_tests::relay::Relay;
use footlight_tests::scratch::Scratch;
use footlight_tests::studio::Headless;
use footlight_tests::wait::{self, seconds};
use footlight_tests::{Output, http};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::table::{self, median};

const MEMBERS: usize = 29;
/// Each says one of these so often: as fast as the relay lets one person talk.
const TALK_EVERY: Duration = Duration::from_millis(1_050);
const TALK: Duration = seconds(24);
const WORDS: [&str; 16] = [
    "哈哈哈",
    "晚上好",
    "wow",
    "好听",
    "hi",
    "加油",
    "nice!",
    "前排",
    "lol",
    "太强了",
    "hello",
    "打卡",
    "来了",
    "why?",
    "可以的",
    "666",
];
/// Where it is measured from: the sky is full by then.
const FROM_S: f64 = 13.0;
const MEASURED_MS: u32 = 3_000;
const ROUNDS: usize = 3;
/// What the project aims at.
const AIM_FPS: f64 = 55.0;
const AIM_RATIO: f64 = 4.0;
const AIM_FLYING: f64 = 300.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Canvas,
    Elements,
    Layer,
    Nothing,
}

/// What one turn came to.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Turn {
    fps: f64,
    longest_ms: f64,
    flying: f64,
    least: f64,
    #[serde(default)]
    cpu: f64,
}

pub(crate) fn run() -> Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("start the runtime")?
        .block_on(measure());
    Ok(())
}

async fn measure() {
    let output = Output::new("bench-danmaku");
    let data = Scratch::new("relay");
    let relay = Relay::start("relay", "127.0.0.1:0", data.path(), &output).await;
    println!(
        "danmaku: {MEMBERS} members talk for {} s over 640x360 at 30 fps; replayed at 1920x1080",
        TALK.as_secs()
    );
    let id = record(&relay, &output).await;
    for (name, unpaced) in [("at the screen's 60 pictures a second", false), ("not held back", true)] {
        let setup = Setup { unpaced, ..Setup::default() };
        let browser = Browser::start(if unpaced { "unpaced" } else { "paced" }, setup, &output).await;
        open(&browser, &relay, &id).await;
        for video in [true, false] {
            let shown = if video { "visible" } else { "hidden" };
            browser.page.run(&format!("document.querySelector('video').style.visibility = '{shown}'")).await;
            let behind = if video { "over the video" } else { "over a still ground" };
            turns(&browser, &format!("{name}, {behind}"), &output).await;
        }
        browser.screenshot_and_console(&output).await;
    }
}

/// A short broadcast with much talk; its id.
async fn record(relay: &Relay, output: &Output) -> String {
    let to = format!("whip+{}/whip/main", relay.ready.http);
    let headless = Headless::default().size(640, 360).fps(30).to(&to, relay.ready.key());
    let mut studio = headless.start("footlight", output).await;
    studio.live(seconds(20)).await;
    let talkers = (0..MEMBERS).map(|n| {
        let http = relay.ready.http.clone();
        tokio::spawn(async move {
            let (mut chat, _) = Chat::join(&http, "main", None).await;
            chat.name(&format!("Member {n}")).await;
            // Not all in the same instant.
            tokio::time::sleep(TALK_EVERY * n as u32 / MEMBERS as u32).await;
            let mut beat = tokio::time::interval(TALK_EVERY);
            let mut said = 0;
            for turn in 0..(TALK.as_millis() / TALK_EVERY.as_millis()) as usize {
                beat.tick().await;
                let text = WORDS[(n * 7 + turn * 3) % WORDS.len()];
                said += usize::from(matches!(chat.say(text).await, ServerMessage::Done { .. }));
            }
            said
        })
    });
    let talkers: Vec<_> = talkers.collect();
    let mut said = 0;
    for talker in talkers {
        said += talker.await.expect("a member talks to the end");
    }
    studio.process.terminate();
    let list = format!("{}/api/v1/rooms/main/replays", relay.ready.http);
    let line = wait::until("the broadcast is listed", seconds(40), async || {
        let lines: Value = serde_json::from_str(&http::get(&list).await.body).ok()?;
        lines.get(0).cloned()
    })
    .await;
    println!("  {said} comments in {} s", line["duration_ms"].as_u64().unwrap_or_default() / 1_000);
    line["id"].as_str().expect("an id").to_owned()
}

/// The replay on a full screen, with as many comments as fit, and the peer beside it.
async fn open(browser: &Browser, relay: &Relay, id: &str) {
    let page = &browser.page;
    page.goto(&format!("{}/main/replay/{id}", relay.ready.http)).await;
    let settings = r#"{"on":true,"opacity":100,"area":"all","density":"many","speed":"slow","size":"small"}"#;
    page.run(&format!("localStorage.setItem('footlight.danmaku', '{settings}')")).await;
    // A stage of 1920x1080 beside the chat and below the bar.
    let metrics = json!({ "width": 2280, "height": 1132, "deviceScaleFactor": 1, "mobile": false });
    browser.cdp("Emulation.setDeviceMetricsOverride", metrics).await;
    page.reload().await;
    page.click(face::BIG_PLAY).await;
    // The log of the talk moves too, in every way alike.
    page.run("document.querySelector('.side').style.display = 'none'").await;
    page.run(include_str!("../tests/fixtures/danmaku.js")).await;
    let events = format!("{}/api/v1/rooms/main/replays/{id}", relay.ready.http);
    page.run_async(&format!("peer.load({events:?})")).await.expect("the peer reads the events");
}

async fn turns(browser: &Browser, heading: &str, output: &Output) {
    let ways = [Way::Canvas, Way::Elements, Way::Layer, Way::Nothing];
    let mut figures: Vec<Vec<Turn>> = vec![Vec::new(); ways.len()];
    for round in 0..ROUNDS {
        for (way, figures) in ways.into_iter().zip(&mut figures) {
            let turn = turn(browser, way).await;
            if round == 0 {
                browser
                    .page
                    .screenshot(output, &format!("{heading} {way:?}").replace([' ', ',', '\''], "-"))
                    .await;
            }
            figures.push(turn);
        }
    }
    let of = |way: usize, pick: fn(&Turn) -> f64| median(&figures[way].iter().map(pick).collect::<Vec<_>>());
    let row = |name: &str, way: usize| {
        vec![
            name.to_owned(),
            format!("{:.1}", of(way, |turn| turn.fps)),
            format!("{:.0}", of(way, |turn| turn.longest_ms)),
            format!("{:.0}", of(way, |turn| turn.flying)),
            format!("{:.0}", of(way, |turn| turn.least)),
            format!("{:.2}", of(way, |turn| turn.cpu)),
            format!("{:.2}", of(way, |turn| turn.cpu * 1_000.0 / turn.fps)),
        ]
    };
    table::print(
        heading,
        &[
            ["", "fps", "longest ms", "flying", "least", "CPU s/s", "CPU ms/picture"]
                .map(str::to_owned)
                .to_vec(),
            row("one canvas (the page)", 0),
            row("an element a comment (peer)", 1),
            row("one layer that is moved, nothing drawn (bound)", 2),
            row("nothing flies (floor)", 3),
        ],
    );
    let fps = |way: usize| of(way, |turn| turn.fps);
    let work = |way: usize| of(way, |turn| turn.cpu / turn.fps);
    println!(
        "  {:.1} fps, {:.2} of the peer's, {:.2} of the bound's, which is {:.2} of the peer's; work a picture without the floor's: 1/{:.1} of the peer's; aims {AIM_FPS} fps, {AIM_RATIO}×, {AIM_FLYING:.0} flying",
        fps(0),
        fps(0) / fps(1),
        fps(0) / fps(2),
        fps(2) / fps(1),
        (work(1) - work(3)) / (work(0) - work(3)).max(1e-6)
    );
}

async fn turn(browser: &Browser, way: Way) -> Turn {
    let page = &browser.page;
    let on =
        page.run("return document.querySelector('#danmaku').getAttribute('aria-pressed') === 'true'").await;
    if (on == true) != (way == Way::Canvas) {
        page.type_keys("d").await;
    }
    page.run("peer.stop()").await;
    match way {
        Way::Elements => drop(page.run("peer.start()").await),
        Way::Layer => drop(page.run("peer.lay()").await),
        Way::Canvas | Way::Nothing => {}
    }
    let seek = format!(
        "(async () => {{ const v = document.querySelector('video'); v.currentTime = {FROM_S}; \
         await new Promise(done => v.onseeked = done); await v.play(); \
         await new Promise(done => setTimeout(done, 700)); }})()"
    );
    page.run_async(&seek).await.expect("the video is sought");
    let cpu = browser.cpu_seconds();
    let begun = std::time::Instant::now();
    let measured = page.run_async(&format!("peer.measure({MEASURED_MS})")).await.expect("it is measured");
    let cpu = (browser.cpu_seconds() - cpu) / begun.elapsed().as_secs_f64();
    let turn: Turn = serde_json::from_value(measured).expect("danmaku.js writes these fields");
    Turn { cpu, ..turn }
}
