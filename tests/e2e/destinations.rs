//! Other places beside the creator's own page: added in the window, on air with it, and no concern of each other's.

use std::process::Command;

use footlight_tests::browser::Setup;
use footlight_tests::faces::studio as face;
use footlight_tests::nginx::Nginx;
use footlight_tests::process::Process;
use footlight_tests::relay::Relay;
use footlight_tests::scratch::Scratch;
use footlight_tests::wait::{self, seconds};
use footlight_tests::watch::{Shown, Viewer};
use footlight_tests::webdriver::Session;
use footlight_tests::window::Window;
use footlight_tests::{Output, clip, turn};
use serde_json::json;

/// Of the window's pictures.
const WIDE: u32 = 1280;
const KEY: &str = "show?token=k7q2vault9";
const STATE: &str = "data-state";

fn row(id: &str) -> String {
    format!("[data-destination={id}]")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broadcast_goes_to_three_places_and_one_that_fails_hurts_no_other() {
    let _turn = turn().await;
    let output = Output::new("destinations");
    let scratch = Scratch::new("destinations");
    let mut nginx = Nginx::start(&output).await;
    let relay = Relay::start("other", "127.0.0.1:0", &scratch.folder("other"), &output).await;
    let window = Window::open(&output).await;
    let page = &window.page;
    page.find(&row("home")).await;
    window.screenshot(&output, "none").await;

    wrong_words(page, &window, &output).await;
    add(page, "Nginx", &nginx.server(), KEY).await;
    page.find(&row("d1")).await;
    add(page, "Second home", &format!("{}/whip/main", relay.ready.http), relay.ready.key()).await;
    page.find(&row("d2")).await;
    window.screenshot(&output, "added").await;
    let snapshot = window.invoke("snapshot", json!({})).await.expect("the shell answers").to_string();
    assert!(snapshot.contains("Second home"), "{snapshot}");
    for key in [KEY, relay.ready.key()] {
        assert!(!snapshot.contains(key), "a key never comes back");
        let shown = page.run(&format!("return document.documentElement.outerHTML.includes('{key}')")).await;
        assert_eq!(shown, false, "nor stands in the page");
    }

    page.click(face::GO_LIVE).await;
    for id in ["home", "d1", "d2"] {
        page.wait_for_attribute(&row(id), STATE, "live", seconds(20)).await;
    }
    let link = window.access().await.links.first().cloned().expect("there is a link to share");
    let viewer = Viewer::open("viewer", &link, Setup::default(), &output).await;
    viewer.playing(seconds(30)).await;
    window.screenshot(&output, "live").await;
    let flv = format!("{}/live/main.flv", relay.ready.http);
    let rtmp = format!("{}/show", nginx.server());
    plays(&rtmp, "nginx", 6, &output).await;
    is_heard(&rtmp, "nginx-sound", &output).await;

    // It is gone, while the others are watched.
    viewer.record().await;
    let killed = async {
        tokio::time::sleep(seconds(2)).await;
        nginx.process.kill();
        page.wait_for_attribute(&row("d1"), STATE, "waiting", seconds(10)).await;
        page.find_text(&format!("{} .dest-next", row("d1")), "Next try in", seconds(20)).await;
        window.screenshot(&output, "waiting").await;
        page.wait_for_attribute(face::GO_LIVE, face::PHASE, "live", seconds(1)).await;
    };
    tokio::join!(plays(&flv, "flv", 10, &output), killed);
    nginx.restart(&output).await;
    // Unless it has just tried by itself.
    page.run(&format!("document.querySelector('{} [data-act=retry]')?.click()", row("d1"))).await;
    page.wait_for_attribute(&row("d1"), STATE, "live", seconds(10)).await;
    plays(&rtmp, "nginx-again", 4, &output).await;
    let shown = viewer.shown(0).await;
    let gap = shown.windows(2).map(|pair| pair[1].at - pair[0].at).fold(0.0, f64::max);
    let order = in_order(&shown);
    println!("at home: {} pictures, longest gap {gap:.0} ms, {order:.3} in order", shown.len());
    assert!(shown.len() > 100 && gap < 1_000.0 && order >= 0.95, "the viewer at home notices nothing");

    // Another key for one of them, while everything goes on.
    page.click(&format!("{} [data-act=edit]", row("d2"))).await;
    page.type_into("#destination-key", "not-the-key").await;
    page.click("#destination-save").await;
    page.wait_for_attribute(&row("d2"), STATE, "refused", seconds(15)).await;
    page.find_text(&row("d2"), "The stream key was refused", seconds(5)).await;
    window.screenshot(&output, "refused").await;
    for (language, theme) in [("zh-CN", "dark"), ("en", "light")] {
        window.prefer(language, theme).await;
        page.wait_for_attribute(&row("d2"), STATE, "refused", seconds(15)).await;
        page.wait_for_attribute(&row("d1"), STATE, "live", seconds(5)).await;
        window.screenshot(&output, &format!("refused-{language}-{theme}")).await;
        page.click("#destination-add").await;
        page.find("#destination-key").await;
        window.screenshot(&output, &format!("form-{language}-{theme}")).await;
        page.type_keys("\u{e00c}").await;
    }
    // Switched off and on, and removed by two presses.
    page.switch(&format!("{} [data-act=toggle]", row("d1"))).await;
    page.wait_for_attribute(&row("d1"), STATE, "off", seconds(5)).await;
    page.switch(&format!("{} [data-act=toggle]", row("d1"))).await;
    page.wait_for_attribute(&row("d1"), STATE, "live", seconds(10)).await;
    let remove = format!("{} [data-act=remove]", row("d2"));
    page.click(&remove).await;
    assert_eq!(page.count(&row("d2")).await, 1, "it asks once more");
    page.click(&remove).await;
    wait::until("it is gone", seconds(5), async || (page.count(&row("d2")).await == 0).then_some(())).await;
    viewer.number(seconds(5), |number| number.age_ms < 1_500.0).await;
    for (name, log) in output.logs() {
        assert!(!log.contains("k7q2vault9") && !log.contains("not-the-key"), "a key is in {name}");
    }
}

/// What is typed wrong is said in words, beside the field.
async fn wrong_words(page: &Session, window: &Window, output: &Output) {
    page.click("#destination-add").await;
    choose_other(page).await;
    for (url, says) in [
        ("example.org/live", "An address begins with"),
        ("rtmp://example.org", "Something is missing"),
        ("rtmp://me:pass@example.org/live", "must hold no key"),
    ] {
        fill(page, "#destination-name", "Mine").await;
        fill(page, "#destination-url", url).await;
        page.click("#destination-save").await;
        page.find_text(".dest-wrong", says, seconds(5)).await;
    }
    window.screenshot(output, "wrong").await;
    page.type_keys("\u{e00c}").await;
    wait::until("the form is closed", seconds(5), async || {
        (page.count("#destination-form[open]").await == 0).then_some(())
    })
    .await;
}

async fn add(page: &Session, name: &str, url: &str, key: &str) {
    page.click("#destination-add").await;
    choose_other(page).await;
    fill(page, "#destination-name", name).await;
    fill(page, "#destination-url", url).await;
    page.type_into("#destination-key", key).await;
    page.click("#destination-save").await;
}

async fn choose_other(page: &Session) {
    page.find("#destination-platform").await;
    let choose = "const s = document.querySelector('#destination-platform'); s.value = 'other'; \
        s.dispatchEvent(new Event('change', { bubbles: true }))";
    page.run(choose).await;
}

/// In place of what stands there.
async fn fill(page: &Session, css: &str, text: &str) {
    page.run(&format!("document.querySelector('{css}').select()")).await;
    page.type_into(css, text).await;
}

/// ffmpeg reads picture and sound for so many seconds, and finds the pictures in order.
async fn plays(input: &str, name: &str, length: u32, output: &Output) {
    let numbers = clip::numbers_in(name, clip::ffmpeg(), &["-i", input], WIDE, length, output).await;
    let (count, order) = (numbers.len(), clip::in_order(&numbers, clip::STEP));
    println!("{name}: {count} pictures, {order:.3} in order");
    assert!(
        count as u32 >= (length - 2) * 20 && order >= 0.95,
        "{name}: {count} pictures, {order:.3} in order"
    );
}

/// The beep is in the sound.
async fn is_heard(input: &str, name: &str, output: &Output) {
    let mut command: Command = clip::ffmpeg();
    command.args(["-v", "info", "-i", input, "-t", "4", "-vn", "-af", "volumedetect", "-f", "null", "-"]);
    let mut listener = Process::start(name, &mut command, output);
    assert_eq!(listener.exit_code(seconds(30)).await, 0, "{}", listener.stderr());
    let said = listener.stderr();
    let loudest =
        said.split("max_volume: ").nth(1).and_then(|rest| rest.split(' ').next()?.parse::<f64>().ok());
    assert!(loudest.is_some_and(|decibels| decibels > -30.0), "{loudest:?} dB\n{said}");
}

/// Share of pictures that show the number after that of the one before, or the next few.
fn in_order(shown: &[Shown]) -> f64 {
    let known: Vec<u32> = shown.iter().filter_map(|frame| frame.counter).collect();
    let steps: Vec<u32> = known.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
    steps.iter().filter(|step| **step <= clip::STEP).count() as f64 / steps.len().max(1) as f64
}
