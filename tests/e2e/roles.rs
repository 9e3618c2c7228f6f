//! A viewer who becomes a moderator, and the message that stands above the chat.

use footlight_tests::browser::Setup;
use footlight_tests::faces::{studio as face, viewer as viewer_face};
use footlight_tests::wait::{self, seconds};
use footlight_tests::watch::Viewer;
use footlight_tests::webdriver::Session;
use footlight_tests::window::Window;
use footlight_tests::{Output, turn};

/// Presses a button of the message that says so.
async fn press(page: &Session, text: &str, button: &str) {
    let script = format!(
        "const row = [...document.querySelectorAll('{}')].find(m => m.textContent.includes('{text}')); \
         row?.dispatchEvent(new PointerEvent('pointerenter')); \
         const button = row?.querySelector('{button}'); button?.click(); return !!button",
        viewer_face::MESSAGE
    );
    wait::until(&format!("{button} on {text:?}"), seconds(10), async || {
        (page.run(&script).await == true).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_is_made_a_moderator_and_a_message_is_pinned() {
    let _turn = turn().await;
    let output = Output::new("roles");
    let window = Window::open(&output).await;
    window.page.click(face::GO_LIVE).await;
    window.page.wait_for_attribute(face::GO_LIVE, face::PHASE, "live", seconds(20)).await;
    let link = window.access().await.links.first().cloned().expect("there is a link to share");
    let phone = Setup { language: "zh-CN", dark: true, phone: Some((390, 844)), ..Setup::default() };
    let ada = Viewer::open("ada", &link, phone, &output).await;
    ada.say("Ada", "晚上八点抽奖，记得点关注").await;
    let mallory = Viewer::open("mallory", &link, Setup::default(), &output).await;
    mallory.say("Mallory", "buy my things").await;

    let (pinned, text) = ("#pinned", "晚上八点抽奖");
    window.page.find_text(face::MESSAGE, text, seconds(10)).await;
    press(&window.page, text, ".pin").await;
    for page in [&window.page, &ada.browser.page, &mallory.browser.page] {
        page.find_text(pinned, text, seconds(10)).await;
    }
    press(&window.page, text, ".appoint").await;
    press(&window.page, text, "[data-role=\"appoint.moderator\"]").await;
    // The new moderator's own page, at once.
    press(&ada.browser.page, "buy my things", ".delete").await;
    wait::until("it is gone for all", seconds(10), async || {
        let script = "return document.querySelector('#chat-log').textContent.includes('buy my things')";
        let mut seen = false;
        for page in [&window.page, &ada.browser.page, &mallory.browser.page] {
            seen |= page.run(script).await == true;
        }
        (!seen).then_some(())
    })
    .await;
    ada.say("Ada", "大家好，我是新房管").await;
    window.page.find_text(face::MESSAGE, "我是新房管", seconds(10)).await;
    window.screenshot(&output, "window").await;
    ada.browser.page.screenshot(&output, "moderator-phone").await;
    mallory.browser.page.screenshot(&output, "viewer").await;
    window.page.click("#pinned .tool").await;
    wait::until("it is taken down", seconds(10), async || {
        let script = "return document.querySelector('#pinned') === null";
        (mallory.browser.page.run(script).await == true).then_some(())
    })
    .await;
    ada.browser.screenshot_and_console(&output).await;
}
