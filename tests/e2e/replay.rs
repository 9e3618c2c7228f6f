//! A broadcast that is over, watched again.

use std::time::{Duration, UNIX_EPOCH};

use footlight_protocol::MessageId;
use footlight_protocol::replay::Replay;
use footlight_protocol::room::{Action, ClientMessage, EventKind, ServerMessage};
use footlight_tests::browser::{Browser, Setup};
use footlight_tests::chat::Chat;
use footlight_tests::faces::{replay as face, viewer};
use footlight_tests::relay::Relay;
use footlight_tests::scratch::Scratch;
use footlight_tests::studio::{Headless, Studio};
use footlight_tests::wait::{self, seconds};
use footlight_tests::watch::Burned;
use footlight_tests::{Output, http, turn};
use serde_json::{Value, json};

/// Between the time that was sought and the capture of the picture that is shown: a frame, and how well the relay
/// knows the publisher's clock.
const TOLERANCE_MS: f64 = 120.0;

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_finds_every_place_of_a_recording() {
    let _turn = turn().await;
    let output = Output::new("replay-seek");
    let data = Scratch::new("relay");
    let relay = Relay::start("relay", "127.0.0.1:0", data.path(), &output).await;
    let mut studio = on_air(&relay, (640, 360), &output).await;
    lasts(&relay, seconds(15)).await;
    let line = ended(&relay, &mut studio).await;
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
        let found = off_by(&browser, "video", (began + seek * 1000.0) as u64, TOLERANCE_MS).await;
        figures += &format!("at {seek:.2} s: {found:.0} ms from its capture, sought in {took} ms\n");
    }
    output.write("figures.txt", figures);
    browser.screenshot_and_console(&output).await;
}

/// How long a comment takes across the picture.
const FLIGHT_MS: u64 = 8_000;

/// Keys as WebDriver writes them.
const LEFT: &str = "\u{e012}";
const RIGHT: &str = "\u{e014}";
const END: &str = "\u{e010}";

/// What is said while it is on air: who, what, and at which media time at the earliest.
const TALK: [(usize, &str, u64); 9] = [
    (0, "first!", 1_000),
    (1, "晚上好，画面很清楚", 2_500),
    (0, "where is that bridge?", 4_500),
    (1, "这座桥在哪里？好漂亮", 6_000),
    (0, "I should not have said this", 7_500),
    (1, "哈哈哈哈", 9_000),
    (0, "look at the light on the water, how it moves with the wind", 10_500),
    (1, "声音也很好", 12_500),
    (0, "see you next week", 15_000),
];
const DELETED: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_plays_a_broadcast_again_with_what_was_said() {
    let _turn = turn().await;
    let output = Output::new("replay-page");
    let data = Scratch::new("relay");
    let relay = Relay::start("relay", "127.0.0.1:0", data.path(), &output).await;
    let mut studio = on_air(&relay, (1280, 720), &output).await;
    let slip = talk(&relay).await;
    lasts(&relay, seconds(17)).await;

    let recording = format!("{}/api/v1/rooms/main/recording", relay.ready.http);
    let progress: Value = serde_json::from_str(&http::get_as(&recording, relay.ready.token()).await.body)
        .expect("the owner is told how the recording goes");
    let page = |id: &Value| format!("{}/main/replay/{}", relay.ready.http, id.as_str().expect("an id"));
    let browser = Browser::start("viewer", Setup::default(), &output).await;
    browser.page.goto(&page(&progress["id"])).await;
    in_state(&browser, "on-air").await;
    browser.page.screenshot(&output, "on-air").await;

    let line = ended(&relay, &mut studio).await;
    assert_eq!(line["id"], progress["id"]);
    let (mut owner, _) = Chat::join(&relay.ready.http, "main", Some(relay.ready.token())).await;
    let delete = Action::Delete { message: slip };
    let nonce = "delete".parse().expect("letters");
    owner.send(&ClientMessage::Moderate { nonce, action: delete }).await;
    owner.next_where("the deletion", |m| matches!(m, ServerMessage::Done { .. })).await;
    let replay =
        format!("{}/api/v1/rooms/main/replays/{}", relay.ready.http, line["id"].as_str().expect("an id"));
    let replay: Replay = serde_json::from_str(&http::get(&replay).await.body).expect("a replay");

    // The page that waited finds it by itself, and plays when it is touched.
    in_state(&browser, "paused").await;
    wait::until("the first picture", seconds(10), async || {
        let ready = browser.page.run("return document.querySelector('video').readyState >= 2").await;
        (ready == true).then_some(())
    })
    .await;
    browser.page.screenshot(&output, "paused").await;
    browser.page.click(face::BIG_PLAY).await;
    in_state(&browser, "playing").await;
    browser.page.type_keys(" ").await;
    in_state(&browser, "paused").await;
    let mut figures = format!("{line:#}\n");
    for share in [0.85, 0.3, 0.6] {
        press_line(&browser, share).await;
        let at = at_ms(&browser).await;
        assert!(replay.line.duration_ms.abs_diff((at as f64 / share) as u64) < 300, "{share} is {at} ms");
        let off = off_by(&browser, "video", replay.line.began_ms + at, TOLERANCE_MS).await;
        figures += &format!("at {at} ms: {off:.0} ms from its capture\n");
        said_until(&browser, &replay, at).await;
        flies_at(&browser, &replay, at).await;
    }
    output.write("figures.txt", figures);
    a_glimpse_shows_the_place_under_the_pointer(&browser, &replay, &output).await;
    the_keys_work(&browser).await;
    in_state(&browser, "playing").await;
    wait::until("comments fly over the picture", seconds(10), async || {
        (flying(&browser).await > 0).then_some(())
    })
    .await;
    browser.page.screenshot(&output, "playing").await;

    browser.page.type_keys(END).await;
    in_state(&browser, "ended").await;
    let texts = said(&browser).await;
    assert_eq!(texts.len(), TALK.len() - 1, "all the rest was said: {texts:?}");
    assert!(!texts.iter().any(|text| text == TALK[DELETED].1), "what was deleted is not there: {texts:?}");
    browser.page.screenshot(&output, "ended").await;

    browser.page.goto(&page(&json!("nothing"))).await;
    in_state(&browser, "missing").await;
    browser.page.screenshot(&output, "missing").await;

    let room = format!("{}/main", relay.ready.http);
    browser.page.goto(&room).await;
    browser.page.find(face::TILE).await;
    in_state(&browser, "offline").await;
    browser.page.screenshot(&output, "room").await;
    browser.page.click(face::TILE).await;
    in_state(&browser, "playing").await;
    assert_eq!(browser.page.url().await, page(&line["id"]), "the tile leads to the replay");
    on_a_phone(&room, &page(&line["id"]), &output).await;

    std::fs::remove_file(data.path().join(format!("recordings/main/{}.mp4", replay.line.id)))
        .expect("the recording is a file");
    browser.page.goto(&page(&line["id"])).await;
    in_state(&browser, "broken").await;
    browser.page.screenshot(&output, "broken").await;
    browser.console(&output).await;
}

/// Says [`TALK`], each line at its time, and gives the id of the one that is deleted later.
async fn talk(relay: &Relay) -> MessageId {
    let (mut ada, _) = Chat::join(&relay.ready.http, "main", None).await;
    let (mut lin, _) = Chat::join(&relay.ready.http, "main", None).await;
    ada.name("Ada").await;
    lin.name("琳").await;
    let mut slip = None;
    for (n, (who, text, at_ms)) in TALK.into_iter().enumerate() {
        lasts(relay, Duration::from_millis(at_ms)).await;
        let chat = if who == 0 { &mut ada } else { &mut lin };
        match chat.say(text).await {
            ServerMessage::Done { seq, .. } if n == DELETED => slip = Some(MessageId(seq.0)),
            ServerMessage::Done { .. } => {}
            other => panic!("{text} was not said: {other:?}"),
        }
    }
    slip.expect("the line is among them")
}

/// A studio that publishes to the relay.
async fn on_air(relay: &Relay, (width, height): (u32, u32), output: &Output) -> Studio {
    let to = relay.whip();
    let headless = Headless::default().size(width, height).fps(30).to(&to, relay.ready.key());
    let mut studio = headless.start("footlight", output).await;
    studio.live(seconds(20)).await;
    studio
}

/// Waits until so much is recorded.
async fn lasts(relay: &Relay, duration: Duration) {
    let room = format!("{}/api/v1/rooms/main", relay.ready.http);
    wait::until("enough is recorded", seconds(60), async || {
        let state: Value = serde_json::from_str(&http::get(&room).await.body).ok()?;
        let since = UNIX_EPOCH + Duration::from_millis(state["recording"]["since"].as_u64()?);
        (since.elapsed().ok()? > duration).then_some(())
    })
    .await;
}

/// Ends the broadcast and gives its line in the list.
async fn ended(relay: &Relay, studio: &mut Studio) -> Value {
    studio.process.terminate();
    let list = format!("{}/api/v1/rooms/main/replays", relay.ready.http);
    wait::until("the broadcast is listed", seconds(40), async || {
        let lines: Value = serde_json::from_str(&http::get(&list).await.body).ok()?;
        lines.get(0).cloned()
    })
    .await
}

async fn in_state(browser: &Browser, state: &str) {
    browser.page.wait_for_attribute(viewer::PLAYER, face::STATE, state, seconds(30)).await;
}

async fn at_ms(browser: &Browser) -> u64 {
    let at = browser.page.attribute(viewer::PLAYER, face::AT).await.expect("the page says where it is");
    at.parse().expect("milliseconds")
}

/// Moves the mouse to a share of the line of the broadcast, and gives the place.
async fn point_at_line(browser: &Browser, share: f64) -> (f64, f64) {
    let script = format!(
        "const place = document.querySelector('{}').getBoundingClientRect(); \
         return [place.left + place.width * {share}, place.top + place.height / 2]",
        face::SCRUB
    );
    let place = browser.page.run(&script).await;
    let (x, y) = (place[0].as_f64().expect("a place"), place[1].as_f64().expect("a place"));
    mouse(browser, "mouseMoved", (x, y)).await;
    (x, y)
}

async fn press_line(browser: &Browser, share: f64) {
    let place = point_at_line(browser, share).await;
    mouse(browser, "mousePressed", place).await;
    mouse(browser, "mouseReleased", place).await;
}

async fn mouse(browser: &Browser, kind: &str, (x, y): (f64, f64)) {
    let event = json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 });
    browser.cdp("Input.dispatchMouseEvent", event).await;
}

/// How far the picture of a video is from the capture at `due_ms` of the clock that the studio and the relay share.
async fn off_by(browser: &Browser, video: &str, due_ms: u64, tolerance_ms: f64) -> f64 {
    // The low 32 bits of units of 100 µs.
    let due = (due_ms * 10) as u32;
    let script = format!("return instruments.burned(document.querySelector('{video}'))");
    let mut off = f64::NAN;
    // On a busy machine a browser says that it is there some pictures before it shows the right one.
    let found = wait::within(seconds(10), async || {
        let number: Burned = serde_json::from_value(browser.page.run(&script).await).ok()?;
        off = f64::from(due.wrapping_sub(number.stamp) as i32) / 10.0;
        (off.abs() < tolerance_ms).then_some(off)
    });
    let found = found.await;
    found.unwrap_or_else(|| panic!("the picture of {video} is {off} ms from its capture"))
}

async fn said(browser: &Browser) -> Vec<String> {
    let script =
        format!("return [...document.querySelectorAll('{}')].map(said => said.textContent)", face::SAID);
    serde_json::from_value(browser.page.run(&script).await).expect("texts")
}

/// The page shows what had been said until a media time, and nothing else.
async fn said_until(browser: &Browser, replay: &Replay, at_ms: u64) {
    let told = replay.events.iter().filter(|timed| timed.at_ms <= at_ms);
    let due: Vec<String> = told
        .filter_map(|timed| match &timed.event.kind {
            EventKind::Said { text, .. } => Some(text.clone()),
            _ => None,
        })
        .collect();
    let mut shown = Vec::new();
    let right = wait::within(seconds(5), async || {
        shown = said(browser).await;
        (shown == due).then_some(())
    });
    assert!(right.await.is_some(), "at {at_ms} ms {due:?} had been said, and the page shows {shown:?}");
}

/// How many comments are over the picture.
async fn flying(browser: &Browser) -> usize {
    let flying = browser.page.attribute(viewer::SKY, viewer::FLYING).await;
    flying.map_or(0, |flying| flying.parse().expect("a number"))
}

/// What was said in the last seconds is over the picture, and nothing else.
async fn flies_at(browser: &Browser, replay: &Replay, at_ms: u64) {
    let said = replay.events.iter().filter(|timed| matches!(timed.event.kind, EventKind::Said { .. }));
    let due = said.filter(|timed| timed.at_ms <= at_ms && timed.at_ms + FLIGHT_MS > at_ms).count();
    let mut shown = 0;
    let right = wait::within(seconds(5), async || {
        shown = flying(browser).await;
        (shown == due).then_some(())
    });
    assert!(right.await.is_some(), "at {at_ms} ms {due} comments fly, and the page shows {shown}");
}

async fn a_glimpse_shows_the_place_under_the_pointer(browser: &Browser, replay: &Replay, output: &Output) {
    // The glimpses are so far apart at most.
    let step_ms = replay.line.duration_ms as f64 / 200.0;
    for share in [0.2, 0.7] {
        point_at_line(browser, share).await;
        browser.page.find(&format!("{}.seen", face::GLIMPSE)).await;
        let due = replay.line.began_ms + (replay.line.duration_ms as f64 * share) as u64;
        off_by(browser, face::GLIMPSE, due, TOLERANCE_MS + step_ms).await;
    }
    browser.page.screenshot(output, "glimpse").await;
}

/// From paused to playing.
async fn the_keys_work(browser: &Browser) {
    let before = at_ms(browser).await;
    for (key, by) in [(LEFT, -5_000), (RIGHT, 5_000)] {
        let from = at_ms(browser).await;
        browser.page.type_keys(key).await;
        wait::until("an arrow goes five seconds", seconds(5), async || {
            (at_ms(browser).await.abs_diff(from.saturating_add_signed(by)) < 100).then_some(())
        })
        .await;
    }
    assert!(at_ms(browser).await.abs_diff(before) < 200);
    for full in [true, false] {
        browser.page.type_keys("f").await;
        wait::until("F turns full screen", seconds(5), async || {
            let now = browser.page.run("return document.fullscreenElement !== null").await;
            (now == full).then_some(())
        })
        .await;
    }
    browser.page.type_keys(" ").await;
}

async fn on_a_phone(room: &str, page: &str, output: &Output) {
    for (name, language, dark, size) in [
        ("phone", "zh-CN", true, (390, 844)),
        ("phone-light", "en", false, (390, 844)),
        ("sideways", "zh-CN", true, (844, 390)),
    ] {
        let setup = Setup { language, dark, phone: Some(size), ..Setup::default() };
        let browser = Browser::start(name, setup, output).await;
        browser.page.goto(room).await;
        browser.page.find(face::TILE).await;
        browser.page.screenshot(output, &format!("{name}-room")).await;
        browser.page.goto(page).await;
        browser.page.click(face::BIG_PLAY).await;
        in_state(&browser, "playing").await;
        browser.page.run("document.querySelector('video').currentTime = 9").await;
        wait::until("comments fly", seconds(10), async || (flying(&browser).await > 1).then_some(())).await;
        browser.page.screenshot(output, &format!("{name}-playing")).await;
        let wide = "return document.documentElement.scrollWidth > document.documentElement.clientWidth";
        assert_eq!(browser.page.run(wide).await, false, "nothing has to be scrolled sideways");
        browser.page.goto(&format!("{}nothing", page.trim_end_matches(|c| c != '/'))).await;
        in_state(&browser, "missing").await;
        browser.page.screenshot(output, &format!("{name}-missing")).await;
    }
}
