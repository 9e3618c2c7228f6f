//! A broadcast that is over, watched again.

use std::time::{Duration, UNIX_EPOCH};

use footlight_tests::browser::{Browser, Setup};
use footlight_tests::relay::Relay;
use footlight_tests::scratch::Scratch;
use footlight_tests::studio::Headless;
use footlight_tests::wait::{self, seconds};
use footlight_tests::watch::Burned;
use footlight_tests::{Output, http, turn};
use serde_json::Value;

/// Between the time that was sought and the capture of the picture that is shown: a frame, and how well the relay
/// knows the publisher's clock.
const TOLERANCE_MS: f64 = 120.0;

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_finds_every_place_of_a_recording() {
    let _turn = turn().await;
    let output = Output::new("replay-seek");
    let data = Scratch::new("relay");
    let relay = Relay::start("relay", "127.0.0.1:0", data.path(), &output).await;
    let to = format!("whip+{}/whip/main", relay.ready.http);
    let mut studio = Headless::default()
        .size(640, 360)
        .fps(30)
        .to(&to, relay.ready.key())
        .start("footlight", &output)
        .await;
    studio.live(seconds(20)).await;
    let room = format!("{}/api/v1/rooms/main", relay.ready.http);
    wait::until("enough is recorded", seconds(60), async || {
        let state: Value = serde_json::from_str(&http::get(&room).await.body).ok()?;
        let since = UNIX_EPOCH + Duration::from_millis(state["recording"]["since"].as_u64()?);
        (since.elapsed().ok()? > seconds(15)).then_some(())
    })
    .await;
    studio.process.terminate();
    let list = format!("{}/api/v1/rooms/main/replays", relay.ready.http);
    let line: Value = wait::until("the broadcast is listed", seconds(40), async || {
        let lines: Value = serde_json::from_str(&http::get(&list).await.body).ok()?;
        lines.get(0).cloned()
    })
    .await;
    let (began, duration) =
        (line["began_ms"].as_f64().expect("a time"), line["duration_ms"].as_f64().expect("a duration"));
    let id = line["id"].as_str().expect("an id");

    let browser = Browser::start("viewer", Setup::default(), &output).await;
    browser.page.goto(&format!("{}/main/replay/{id}/1.mp4", relay.ready.http)).await;
    let length =
        "const v = document.querySelector('video'); return v && v.readyState > 0 ? v.duration : null";
    let shown = wait::until("the browser knows the length", seconds(20), async || {
        browser.page.run(length).await.as_f64()
    })
    .await;
    assert!((shown * 1000.0 - duration).abs() < 200.0, "the browser says {shown} s, the relay {duration} ms");
    let mut figures = format!("{line:#}\n");
    for place in [0.8, 0.25, 0.55] {
        let seek = shown * place;
        let script = format!(
            "(async () => {{ const v = document.querySelector('video'); v.pause(); const begun = performance.now();
             await new Promise(done => {{ v.onseeked = done; v.currentTime = {seek}; }});
             return performance.now() - begun; }})()"
        );
        let took = browser.page.run_async(&script).await.expect("the browser seeks");
        // The low 32 bits of units of 100 µs.
        let due = ((began + seek * 1000.0) * 10.0) as u64 as u32;
        // On a busy machine a browser says that it is there some pictures before it shows the right one.
        let mut off = f64::NAN;
        let found = wait::within(seconds(10), async || {
            let number = browser.page.run("return instruments.burned()").await;
            let number: Burned = serde_json::from_value(number).ok()?;
            off = f64::from(due.wrapping_sub(number.stamp) as i32) / 10.0;
            (off.abs() < TOLERANCE_MS).then_some(off)
        });
        let found = found.await;
        let found = found.unwrap_or_else(|| panic!("at {seek} s the picture is {off} ms from its capture"));
        figures += &format!("at {seek:.2} s: {found:.0} ms from its capture, sought in {took} ms\n");
    }
    output.write("figures.txt", figures);
    browser.screenshot_and_console(&output).await;
}
