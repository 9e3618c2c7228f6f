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

/// Waits until the keyboard is at the held message that says so: what was dealt with before goes first.
async fn reached(page: &Session, text: &str) {
    let at = format!(
        "return document.activeElement.matches('.held-row') && document.activeElement.textContent.includes('{text}')"
    );
    wait::until(&format!("the keyboard is at {text:?}"), seconds(10), async || {
        if page.run(&at).await == true {
            return Some(());
        }
        page.type_keys("h").await;
        None
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moderator_on_a_phone_decides_what_waits() {
    let _turn = turn().await;
    let output = Output::new("moderator");
    let window = Window::open(&output).await;
    window.page.click(face::GO_LIVE).await;
    window.page.wait_for_attribute(face::GO_LIVE, face::PHASE, "live", seconds(20)).await;
    let link = window.access().await.links.first().cloned().expect("there is a link to share");
    window.page.click("#open-settings").await;
    window.page.find_text("#settings", "Rules of the chat", seconds(5)).await;
    window.hold_links().await;

    let phone = Setup { dark: true, phone: Some((390, 844)), ..Setup::default() };
    let ada = Viewer::open("ada", &link, phone, &output).await;
    ada.say("Ada", "hello all").await;
    let bob = Viewer::open("bob", &link, Setup::default(), &output).await;
    bob.say("Bob", "good evening").await;
    let (hers, his) = (&ada.browser.page, &bob.browser.page);
    assert_eq!(hers.count("#tab-held").await, 0, "a viewer has the chat and nothing beside it");
    window.page.find_text(face::MESSAGE, "hello all", seconds(10)).await;
    press(&window.page, "hello all", ".appoint").await;
    press(&window.page, "hello all", "[data-role=\"appoint.moderator\"]").await;
    hers.find_text("#tab-held", "Held", seconds(10)).await;

    // Two messages with links, and one that somebody reports.
    bob.write("Bob", "see pictures.example/bob").await;
    bob.write("Bob", "and buy.example/now").await;
    let mallory = Viewer::open("mallory", &link, Setup::default(), &output).await;
    mallory.say("Mallory", "you are all fools").await;
    press(his, "all fools", ".report").await;
    his.click(".ground:nth-of-type(2)").await;
    his.click("#report-send").await;
    his.find_text("#report-title", "Thank", seconds(10)).await;
    his.click("#report-close").await;
    hers.find_text("#tab-held .tab-count", "3", seconds(10)).await;
    hers.screenshot(&output, "phone-chat").await;
    hers.click("#tab-held").await;
    hers.find_text("[data-report]", "all fools", seconds(5)).await;
    hers.screenshot(&output, "phone-held").await;
    let fits = "return document.documentElement.scrollWidth <= innerWidth && \
                [...document.querySelectorAll('#held button')].every(b => b.getBoundingClientRect().right <= innerWidth)";
    assert_eq!(hers.run(fits).await, true, "nothing is cut off");

    // By finger, and by key as in the studio.
    hers.click("[data-report] .report-act").await;
    hers.find_text(".toast", "Mallory", seconds(5)).await;
    mallory.browser.page.find_text("#notice", "Insults", seconds(10)).await;
    hers.run("document.activeElement.blur()").await;
    hers.type_keys("h").await;
    reached(hers, "pictures.example").await;
    hers.type_keys("a").await;
    his.find_text(viewer_face::MESSAGE, "pictures.example", seconds(10)).await;
    reached(hers, "buy.example").await;
    hers.type_keys("x").await;
    hers.find_text("#held", "Nothing waits", seconds(10)).await;
    hers.click("#shield").await;
    his.find_text(".side", "Slow mode", seconds(10)).await;
    hers.click("#shield").await;

    // Whoever is none any more is back at the chat.
    hers.type_keys("c").await;
    ada.write("Ada", "that was it").await;
    window.page.find_text(face::MESSAGE, "that was it", seconds(10)).await;
    hers.click("#tab-held").await;
    press(&window.page, "that was it", ".appoint").await;
    press(&window.page, "that was it", "[data-role=\"appoint.guest\"]").await;
    wait::until("the chat alone is there", seconds(10), async || {
        (hers.count("#tab-held, #held").await == 0).then_some(())
    })
    .await;
    ada.browser.screenshot_and_console(&output).await;
}
