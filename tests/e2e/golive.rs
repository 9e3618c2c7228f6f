//! The way to the air and back: checks, the countdown, and what it was like.

use footlight_tests::browser::Setup;
use footlight_tests::faces::studio as face;
use footlight_tests::wait::{self, seconds};
use footlight_tests::watch::Viewer;
use footlight_tests::webdriver::Session;
use footlight_tests::window::{Opening, Window};
use footlight_tests::{Output, turn};

#[tokio::test(flavor = "multi_thread")]
async fn a_broadcast_is_checked_counted_in_and_summed_up() {
    let _turn = turn().await;
    let output = Output::new("golive");
    // A camera that is not there.
    let opening = Opening { camera: "v4l2:/dev/none".to_owned(), countdown: 3, ..Opening::default() };
    let window = Window::open_with(&opening, &output).await;
    let page = &window.page;
    page.wait_for_attribute(face::GO_LIVE, face::PHASE, "idle", seconds(60)).await;
    page.click(face::GO_LIVE).await;
    graded(page, "camera", "bad").await;
    graded(page, "microphone", "good").await;
    graded(page, "reach", "fair").await;
    page.find_text("#launch-title", "Something needs you", seconds(20)).await;
    window.screenshot(&output, "held").await;
    assert_eq!(
        page.attribute(face::GO_LIVE, face::PHASE).await.as_deref(),
        Some("idle"),
        "it waits for a word"
    );

    // Mended, it goes on by itself.
    let pick = "const s = document.querySelector('#camera'); s.value = 'pattern'; \
                s.dispatchEvent(new Event('change', { bubbles: true }))";
    page.run(pick).await;
    page.find(".count-number").await;
    window.screenshot(&output, "count").await;
    page.wait_for_attribute(face::GO_LIVE, face::PHASE, "live", seconds(20)).await;
    assert_eq!(page.count(face::LAUNCH).await, 0, "the checks are gone");

    let link = window.access().await.links.first().cloned().expect("there is a link to share");
    let viewer = Viewer::open("viewer", &link, Setup::default(), &output).await;
    viewer.playing(seconds(30)).await;
    for n in 0..3 {
        viewer.say("Ada", &format!("message {n}")).await;
    }
    page.find_text(face::MESSAGE, "message 2", seconds(10)).await;
    figures_are_counted(page).await;

    // Somebody watches: it asks.
    page.click(face::GO_LIVE).await;
    page.find("dialog[open] #confirm-yes").await;
    window.screenshot(&output, "asked").await;
    page.click("dialog[open] #confirm-yes").await;
    page.find(face::SUMMARY).await;
    for (figure, wanted) in [("peak", "1"), ("people", "1"), ("messages", "3"), ("gifts", "0")] {
        let script = format!("return document.querySelector('[data-figure={figure}] dd').textContent");
        assert_eq!(page.run(&script).await, wanted, "{figure}");
    }
    window.screenshot(&output, "summary").await;
    page.click(face::SUMMARY_CLOSE).await;

    // Once more, and thought better of it.
    for (language, theme) in [("zh-CN", "dark"), ("en", "dark"), ("zh-CN", "light")] {
        let choose = format!(
            "for (const [id, value] of [['language', '{language}'], ['theme', '{theme}']]) {{ \
             const s = document.getElementById(id); s.value = value; s.dispatchEvent(new Event('change', {{ bubbles: true }})); }}"
        );
        page.run(&choose).await;
        page.click(face::GO_LIVE).await;
        page.find(face::LAUNCH).await;
        graded(page, "speed", "good").await;
        window.screenshot(&output, &format!("launch-{language}-{theme}")).await;
        page.click(face::GO_LIVE).await;
        wait::until("it is off", seconds(5), async || (page.count(face::LAUNCH).await == 0).then_some(()))
            .await;
    }
    assert_eq!(page.attribute(face::GO_LIVE, face::PHASE).await.as_deref(), Some("idle"));
}

/// Waits until a check has this grade. Of the speed any will do: it is this computer's, and others work on it too.
async fn graded(page: &Session, check: &str, grade: &str) {
    wait::until(&format!("{check} is {grade}"), seconds(20), async || {
        let is = page.attribute(&format!("[data-check={check}]"), "data-grade").await?;
        (is == grade || (check == "speed" && is != "asking")).then_some(())
    })
    .await;
}

/// The summary takes a look once a second; a broadcast of a few seconds has none.
async fn figures_are_counted(page: &Session) {
    wait::until("six seconds are over", seconds(20), async || {
        let clock = page.run("return document.querySelector('#clock').textContent").await;
        (clock.as_str()?.trim() >= "00:00:07").then_some(())
    })
    .await;
}
