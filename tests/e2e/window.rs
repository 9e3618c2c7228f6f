//! The creator's window, and the viewer who has to leave.

use footlight_tests::browser::Setup;
use footlight_tests::faces::{studio as face, viewer as viewer_face};
use footlight_tests::wait::{self, seconds};
use footlight_tests::watch::Viewer;
use footlight_tests::window::{OPENING, Window};
use footlight_tests::{Output, http, turn};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_creator_goes_live_reads_the_chat_and_bans_a_viewer() {
    let _turn = turn().await;
    let output = Output::new("window");
    let window = Window::open(&output).await;
    the_preview_moves(&window).await;
    window.page.wait_for_attribute(face::GO_LIVE, face::PHASE, "idle", seconds(10)).await;
    window.screenshot(&output, "studio-idle").await;

    window.page.click(face::GO_LIVE).await;
    window.page.wait_for_attribute(face::GO_LIVE, face::PHASE, "live", seconds(20)).await;
    let link = window.access().await.links.first().cloned().expect("there is a link to share");
    let viewer = Viewer::open("viewer", &link, Setup::default(), &output).await;
    viewer.playing(seconds(30)).await;
    viewer.say("Mallory", "buy my things").await;
    let guest =
        Viewer::open("guest", &link, Setup { language: "zh-CN", dark: true, ..Setup::default() }, &output)
            .await;
    guest.playing(seconds(30)).await;
    guest.say("琳", "晚上好，画面很清楚").await;
    window.page.find_text(face::MESSAGE, "buy my things", seconds(10)).await;
    window.page.find_text(face::MESSAGE, "晚上好，画面很清楚", seconds(10)).await;
    the_preview_moves(&window).await;
    window.screenshot(&output, "studio-live").await;
    viewer.browser.page.screenshot(&output, "viewer-en-light").await;
    guest.browser.page.screenshot(&output, "viewer-zh-dark").await;

    // The keyboard alone: the message takes the focus, the key bans its author.
    let row = "buy my things";
    let focus = format!(
        "const row = [...document.querySelectorAll('{}')].find(m => m.textContent.includes('{row}')); row.focus(); \
         return document.activeElement === row",
        face::MESSAGE
    );
    assert_eq!(window.page.run(&focus).await, true, "a message can take the focus");
    window.page.type_keys(face::BAN_KEY).await;
    viewer.in_state("banned", seconds(15)).await;
    its_media_has_stopped(&viewer).await;
    viewer.browser.page.screenshot(&output, "viewer-banned").await;
    window.screenshot(&output, "studio-banned").await;
    viewer.browser.page.reload().await;
    viewer.in_state("banned", seconds(15)).await;
    guest.number(seconds(5), |number| number.age_ms < 1000.0).await;
    guest.browser.console(&output).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creator_finds_the_recording_and_a_clip_of_it() {
    let _turn = turn().await;
    let output = Output::new("recording");
    let window = Window::open(&output).await;
    the_preview_moves(&window).await;
    window.page.click(face::GO_LIVE).await;
    window.page.wait_for_attribute(face::RECORDING, face::STATE, "on", seconds(30)).await;
    window.page.find_text(face::RECORDING, "MB", seconds(15)).await;
    window.screenshot(&output, "recording").await;
    window.page.click(face::CLIP).await;
    let clip = found(&window, face::FOUND_CLIP).await;
    assert!(clip.contains("/main/clip/"), "{clip}");
    assert_eq!(http::get(&clip).await.status, 200, "{clip}");
    window.screenshot(&output, "clip").await;

    window.page.click(face::GO_LIVE).await;
    let replay = found(&window, face::FOUND_REPLAY).await;
    assert!(replay.contains("/main/replay/"), "{replay}");
    wait::until("the broadcast can be watched again", seconds(20), async || {
        (http::get(&replay).await.status == 200).then_some(())
    })
    .await;
    window.screenshot(&output, "kept").await;
}

/// The link that the window offers.
async fn found(window: &Window, css: &str) -> String {
    let script = format!("return document.querySelector('{css}')?.value ?? null");
    wait::until(&format!("a link in {css}"), seconds(30), async || {
        let link = window.page.run(&script).await;
        link.as_str().map(str::to_owned)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn both_faces_are_shown_in_both_languages_and_themes() {
    let _turn = turn().await;
    let output = Output::new("faces");
    let window = Window::open(&output).await;
    the_preview_moves(&window).await;
    window.page.click(face::GO_LIVE).await;
    window.page.wait_for_attribute(face::GO_LIVE, face::PHASE, "live", seconds(20)).await;
    let link = window.access().await.links.first().cloned().expect("there is a link to share");
    for (language, theme) in [("en", "light"), ("en", "dark"), ("zh-CN", "light"), ("zh-CN", "dark")] {
        window.prefer(language, theme).await;
        the_preview_moves(&window).await;
        let shown = window.page.run("return document.documentElement.lang").await;
        assert_eq!(shown, language, "the window speaks the chosen language");
        window.page.screenshot(&output, &format!("studio-{language}-{theme}")).await;
        window.page.click(face::HIDE_PREVIEW).await;
        window.page.find(face::SHOW_PREVIEW).await;
        window.page.screenshot(&output, &format!("no-preview-{language}-{theme}")).await;
        window.page.click(face::SHOW_PREVIEW).await;
        the_preview_moves(&window).await;
        let setup = Setup { language, dark: theme == "dark", phone: Some((390, 844)), ..Setup::default() };
        let viewer = Viewer::open("phone", &link, setup, &output).await;
        viewer.playing(seconds(30)).await;
        let page = viewer.browser.page.run(
            "return { lang: document.documentElement.lang, \
             wide: document.documentElement.scrollWidth > document.documentElement.clientWidth }",
        );
        let page = page.await;
        assert_eq!(page["lang"], language, "the page speaks the viewer's language");
        assert_eq!(page["wide"], false, "nothing on a phone has to be scrolled sideways");
        viewer.browser.page.screenshot(&output, &format!("phone-{language}-{theme}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sharing_opens_the_relay_to_the_network_and_closes_it_again() {
    let _turn = turn().await;
    let output = Output::new("sharing");
    let window = Window::open(&output).await;
    the_preview_moves(&window).await;
    window.page.click(face::HIDE_PREVIEW).await;
    wait::until("a studio that is not live rests", seconds(20), async || {
        let snapshot = window.invoke("snapshot", json!({})).await.ok()?;
        (snapshot["health"]["fps"].as_f64()? == 0.0).then_some(())
    })
    .await;
    window.page.click(face::SHOW_PREVIEW).await;
    the_preview_moves(&window).await;
    let before = window.access().await;
    assert!(!before.shared, "at first only this computer can watch");
    for shared in [true, false] {
        // By the keyboard, as everything in the window can be used.
        let focus = format!("document.querySelector('{}').focus()", face::SHARING);
        window.page.run(&focus).await;
        window.page.type_keys(" ").await;
        let access = wait::until("sharing is switched", seconds(15), async || {
            Some(window.access().await).filter(|access| access.shared == shared)
        })
        .await;
        if shared {
            window.page.find(face::REACH).await;
            window.screenshot(&output, "reach").await;
        }
        assert_eq!(access.socket, before.socket, "the port stays, so links and rules for it stay true");
        assert!(!access.internet, "sharing with the network asks no router");
        let internet = wait::within(seconds(5), async || {
            (window.page.count(face::INTERNET).await == usize::from(shared)).then_some(())
        });
        assert!(internet.await.is_some(), "the internet can be let in where the network is");
        window.page.screenshot(&output, if shared { "shared" } else { "closed" }).await;
    }
    window.page.click(face::GO_LIVE).await;
    window.page.wait_for_attribute(face::GO_LIVE, face::PHASE, "live", seconds(20)).await;
    let refused = window.invoke("set_sharing", json!({ "shared": true })).await;
    assert!(refused.is_err(), "a broadcast is not cut to change who may see it: {refused:?}");
    assert!(!window.access().await.shared);
}

async fn the_preview_moves(window: &Window) {
    let frames = async || window.page.attribute(face::PREVIEW, face::FRAMES).await?.parse::<u64>().ok();
    let first = wait::until("a preview", OPENING, async || frames().await.filter(|count| *count > 0)).await;
    let sum = window.preview_sum(face::PREVIEW).await;
    wait::until("ten more previews", seconds(10), async || {
        frames().await.filter(|count| *count >= first + 10)
    })
    .await;
    assert_ne!(window.preview_sum(face::PREVIEW).await, sum, "the preview's pixels change");
}

async fn its_media_has_stopped(viewer: &Viewer) {
    wait::until("no connection carries media", seconds(10), async || {
        let open = "return instruments.connections.filter(c => c.connectionState === 'connected').length";
        (viewer.browser.page.run(open).await == 0).then_some(())
    })
    .await;
    assert!(viewer.browser.page.count(viewer_face::VIDEO).await <= 1);
    let frozen = viewer.burned().await.map(|number| number.counter);
    // Longer than a decoder's queue lasts.
    tokio::time::sleep(seconds(2)).await;
    assert_eq!(
        viewer.burned().await.map(|number| number.counter),
        frozen,
        "the picture stands still or is gone"
    );
}
