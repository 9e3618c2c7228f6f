//! The window under the hand: everything found by a few letters, keys that the creator chooses, settings that are searched,
//! the small window, the file for who helps, and a start after two crashes.

use std::time::Duration;

use footlight_tests::faces::studio as face;
use footlight_tests::wait::{self, seconds};
use footlight_tests::webdriver::Session;
use footlight_tests::window::{OPENING, Opening, Window};
use footlight_tests::{Output, turn};
use serde_json::{Value, json};

const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";
const DOWN: &str = "\u{e015}";
/// Ctrl and K, then no key.
const PALETTE: &str = "\u{e009}k\u{e000}";
const F9: &str = "\u{e039}";

#[tokio::test(flavor = "multi_thread")]
async fn a_creator_finds_everything_and_chooses_keys() {
    let _turn = turn().await;
    let output = Output::new("keys");
    let window = Window::open(&output).await;
    let page = &window.page;
    page.wait_for_attribute(face::GO_LIVE, face::PHASE, "idle", OPENING).await;
    let mute = "#mute";
    page.wait_for_attribute(mute, "aria-pressed", "false", seconds(10)).await;

    // By a few letters, in either language, from within a text.
    page.run("document.querySelector('#chat-input').focus()").await;
    open_palette(page).await;
    page.type_keys("mut mic").await;
    page.find("#palette-0[data-entry=mute][aria-selected=true]").await;
    window.screenshot(&output, "palette").await;
    page.type_keys(ENTER).await;
    page.wait_for_attribute(mute, "aria-pressed", "true", seconds(5)).await;
    is_gone(page, "#palette[open]").await;
    open_palette(page).await;
    page.find("#palette-0[data-entry=mute]").await;
    page.type_keys("麦克风").await;
    page.find("#palette-0[data-entry=mute]").await;
    clear(page, "#palette-query").await;
    page.type_keys("zebra").await;
    page.find_text(".palette-none", "zebra", seconds(5)).await;
    window.screenshot(&output, "palette-none").await;
    clear(page, "#palette-query").await;
    page.type_keys("stream keys").await;
    page.find("#palette-0[data-entry='page:stream-keys']").await;
    page.type_keys(DOWN).await;
    page.type_keys(ENTER).await;
    page.find("#settings[open]").await;
    page.type_keys(ESCAPE).await;
    is_gone(page, "#settings[open]").await;

    // A key of one's own, which is another action's as yet.
    let held = |act: &str| format!("[data-key=held] [data-act={act}]");
    page.type_keys("\u{e009},\u{e000}").await;
    page.find("#settings[open]").await;
    page.click("#settings-query").await;
    page.type_keys("held").await;
    is_gone(page, "[data-page=card]:not([hidden])").await;
    is_gone(page, "[data-key=mute]:not([hidden])").await;
    window.screenshot(&output, "settings-search").await;
    page.click(&held("record")).await;
    page.type_keys("m").await;
    page.find(&held("take")).await;
    window.screenshot(&output, "key-taken").await;
    page.click(&held("take")).await;
    page.find("[data-key=mute] [data-act=clear]:disabled").await;
    clear(page, "#settings-query").await;
    page.type_keys("zebra").await;
    page.find_text(".settings-none", "zebra", seconds(5)).await;
    clear(page, "#settings-query").await;
    page.click("[data-key=live] [data-act=record]").await;
    page.type_keys(F9).await;
    page.find("[data-key=live] [data-act=reset]:enabled").await;
    page.click("[data-key=talk] [data-act=record]").await;
    page.type_keys("v").await;
    page.find("[data-key=talk] [data-act=reset]:enabled").await;
    page.click("[data-key=mute] [data-act=record]").await;
    page.type_keys("\u{e009}c\u{e000}").await;
    page.find_text("[data-key=mute] .key-refused", "Ctrl C", seconds(5)).await;
    page.type_keys(ESCAPE).await;
    is_gone(page, ".key-cap.asks").await;
    assert_eq!(page.count("#settings[open]").await, 1, "Escape only ended the choice of a key");
    window.screenshot(&output, "keyboard").await;
    page.click("#settings-close").await;

    // They are there after a start, and do what they did not before.
    page.reload().await;
    page.wait_for_attribute(face::GO_LIVE, face::PHASE, "idle", OPENING).await;
    page.wait_for_attribute(mute, "aria-pressed", "true", seconds(10)).await;
    page.wait_for_attribute(face::GO_LIVE, "aria-keyshortcuts", "f9", seconds(5)).await;
    page.run("document.activeElement.blur()").await;
    page.type_keys("m").await;
    page.find("#tab-held[aria-selected=true]").await;
    page.wait_for_attribute(mute, "aria-pressed", "true", seconds(1)).await;
    page.run("document.activeElement.blur()").await;
    page.type_keys(F9).await;
    page.wait_for_attribute(face::GO_LIVE, face::PHASE, "live", seconds(20)).await;
    page.type_keys(F9).await;
    page.wait_for_attribute(face::GO_LIVE, face::PHASE, "idle", seconds(20)).await;
    summary_away(page).await;
    let mut mixer = window.invoke("snapshot", json!({})).await.expect("the shell answers")["mixer"].clone();
    mixer["push_to_talk"] = json!(true);
    window.invoke("set_mixer", json!({ "mixer": mixer })).await.expect("it is taken");
    talks_while_held(&window, ("v", "KeyV")).await;
    page.type_keys("?").await;
    page.find("#shortcuts[open]").await;
    window.screenshot(&output, "shortcuts").await;
    page.click("#shortcuts-change").await;
    page.find("#settings[open]").await;
    page.click("#keys-reset").await;
    page.find("[data-key=mute] [data-act=clear]:enabled").await;
    page.click("#settings-close").await;
    talks_while_held(&window, (" ", "Space")).await;

    the_file_holds_no_secret(&window, &output).await;
    the_window_is_small_and_large_again(&window, &output).await;
}

/// Drivers press and let go at once, so the events are made here.
async fn talks_while_held(window: &Window, (key, code): (&str, &str)) {
    for (kind, talking) in [("keydown", true), ("keyup", false)] {
        let event = json!({ "key": key, "code": code, "bubbles": true, "cancelable": true });
        let script = format!("document.body.dispatchEvent(new KeyboardEvent('{kind}', {event}))");
        window.page.run(&script).await;
        wait::until(&format!("{key:?} is heard: {kind}"), seconds(5), async || {
            let snapshot = window.invoke("snapshot", json!({})).await.ok()?;
            (snapshot["talking"] == talking).then_some(())
        })
        .await;
    }
}

/// What is written for who helps, read from the disk.
async fn the_file_holds_no_secret(window: &Window, output: &Output) {
    let page = &window.page;
    let far = "live_key_of_a_platform_4711";
    let draft =
        json!({ "id": null, "platform": "other", "name": "Elsewhere", "url": "rtmp://127.0.0.1:9/app" });
    window.invoke("put_destination", json!({ "draft": draft, "key": far })).await.expect("it is taken");
    open_palette(page).await;
    page.type_keys("diagnostics").await;
    page.type_keys(ENTER).await;
    page.find("#settings[open]").await;
    page.click("#diagnostics-export").await;
    page.find("#diagnostics-show").await;
    window.screenshot(output, "diagnostics").await;
    let path = page.run("return document.querySelector('#diagnostics-path').value").await;
    let text = std::fs::read_to_string(path.as_str().expect("a path")).expect("the file is there");
    // Every value in it is a secret.
    let kept = std::fs::read_to_string(window.data().join("secrets.toml")).expect("the keys are kept");
    let secrets: Vec<&str> = kept.lines().filter_map(|line| line.split('"').nth(1)).collect();
    assert!(secrets.len() == 3 && secrets.contains(&far), "the planted key is kept with the two others");
    for secret in secrets {
        assert!(secret.len() > 8 && !text.contains(secret), "a secret is in the file");
    }
    let facts: Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(facts["broadcast"]["outputs"][1]["platform"], "other");
    assert!(facts["broadcast"]["encoder_load_tried_out"].as_f64() > Some(0.0), "{facts}");
    assert!(facts["log"].as_array().is_some_and(|lines| !lines.is_empty()), "there are log lines");
    page.click("#settings-close").await;
}

async fn the_window_is_small_and_large_again(window: &Window, output: &Output) {
    let page = &window.page;
    let width = async || page.run("return innerWidth").await.as_u64().unwrap_or_default();
    let before = width().await;
    assert!(before >= 960, "{before}");
    page.click("#compact").await;
    wait::until("the window is small", seconds(10), async || (width().await < 500).then_some(())).await;
    is_gone(page, face::PREVIEW).await;
    let sideways = "return document.documentElement.scrollWidth > document.documentElement.clientWidth";
    for (language, theme) in [("en", "light"), ("zh-CN", "dark")] {
        let preferences = json!({ "language": language, "theme": theme, "countdown": 0, "compact": true });
        window.invoke("set_preferences", json!({ "preferences": preferences })).await.expect("kept");
        page.reload().await;
        page.wait_for_attribute(face::GO_LIVE, face::PHASE, "idle", OPENING).await;
        assert_eq!(page.run(sideways).await, false, "nothing has to be scrolled sideways");
        page.screenshot(output, &format!("compact-{language}-{theme}")).await;
    }
    page.click(face::GO_LIVE).await;
    page.wait_for_attribute(face::GO_LIVE, face::PHASE, "live", seconds(20)).await;
    page.screenshot(output, "compact-live").await;
    page.click(face::GO_LIVE).await;
    page.wait_for_attribute(face::GO_LIVE, face::PHASE, "idle", seconds(20)).await;
    summary_away(page).await;
    page.click("#compact").await;
    wait::until("the window is as it was", seconds(10), async || (width().await == before).then_some(()))
        .await;
    page.find(face::PREVIEW).await;
    // The largest texts in the smallest window: what has to give way wraps, nothing is out of reach.
    page.resize(960, 600).await;
    let preferences = json!({ "language": "en", "theme": "light", "countdown": 0, "text": "larger" });
    window.invoke("set_preferences", json!({ "preferences": preferences })).await.expect("kept");
    page.reload().await;
    page.wait_for_attribute(face::GO_LIVE, face::PHASE, "idle", OPENING).await;
    page.find("[data-text=larger] #scene-1[aria-pressed=true]").await;
    page.screenshot(output, "larger-960").await;
    let wide = "return ['.bar', '.desk', '.side'].filter(part => { const box = document.querySelector(part); \
                return box.scrollWidth > box.clientWidth; })";
    assert_eq!(page.run(wide).await, json!([]), "nothing has to be scrolled sideways");
    page.click("#open-help").await;
    page.find("#shortcuts[open]").await;
    page.screenshot(output, "larger-960-shortcuts").await;
    page.type_keys(ESCAPE).await;
    open_palette(page).await;
    page.screenshot(output, "larger-960-palette").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_two_crashes_it_starts_without_what_may_be_the_cause() {
    let _turn = turn().await;
    let output = Output::new("safe");
    let opening = Opening { crashes: 2, ..Opening::default() };
    let window = Window::open_with(&opening, &output).await;
    let page = &window.page;
    page.find("#safe-mode").await;
    window.screenshot(&output, "safe-mode").await;
    let snapshot = window.invoke("snapshot", json!({})).await.expect("the shell answers");
    assert_eq!((&snapshot["camera"], &snapshot["microphone"]), (&json!("none"), &json!("none")));
    assert!(!window.data().join("scenes").join("scenes.json").exists(), "what it does is not kept");

    // And as usual again: this one closes, and another one runs in its place.
    let marker = window.data().join("running");
    let starts = std::fs::read_to_string(&marker).expect("it notes its starts");
    assert_eq!(starts.lines().count(), 3, "{starts}");
    let _ = page.try_run("document.querySelector('#start-normally').click()").await;
    wait::until("it runs anew", Duration::from_secs(40), async || {
        let starts = std::fs::read_to_string(&marker).unwrap_or_default();
        (starts.lines().count() == 1).then_some(())
    })
    .await;
}

async fn open_palette(page: &Session) {
    page.type_keys(PALETTE).await;
    wait::until("the palette has the focus", seconds(5), async || {
        (page.run("return document.activeElement.id").await == "palette-query").then_some(())
    })
    .await;
}

/// It is shown after broadcasts that are not over at once.
async fn summary_away(page: &Session) {
    page.run("document.querySelector('#summary').close()").await;
}

async fn clear(page: &Session, css: &str) {
    let clear = "input.value = ''; input.dispatchEvent(new Event('input', { bubbles: true })); input.focus()";
    page.run(&format!("const input = document.querySelector('{css}'); {clear}")).await;
}

async fn is_gone(page: &Session, css: &str) {
    wait::until(&format!("no {css}"), seconds(5), async || (page.count(css).await == 0).then_some(())).await;
}
