//! A raid as the creator and a viewer see it, and what is held until the creator has decided.

use footlight_tests::browser::Setup;
use footlight_tests::chat::Chat;
use footlight_tests::faces::{studio as face, viewer as viewer_face};
use footlight_tests::wait::{self, seconds};
use footlight_tests::watch::Viewer;
use footlight_tests::window::Window;
use footlight_tests::{Output, turn};

/// As many as it takes for a raid, and some more.
const BOTS: usize = 16;

async fn messages_with(page: &footlight_tests::webdriver::Session, text: &str) -> u64 {
    let script = format!(
        "return [...document.querySelectorAll('{}')].filter(m => m.textContent.includes('{text}')).length",
        face::MESSAGE
    );
    page.run(&script).await.as_u64().expect("a count")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_raid_goes_by_itself_and_two_keys_hold_what_comes_after() {
    let _turn = turn().await;
    let output = Output::new("raid");
    let window = Window::open(&output).await;
    window.page.click(face::GO_LIVE).await;
    window.page.wait_for_attribute(face::GO_LIVE, face::PHASE, "live", seconds(20)).await;
    let access = window.access().await;
    let link = access.links.first().cloned().expect("there is a link to share");
    let viewer = Viewer::open("viewer", &link, Setup::default(), &output).await;
    viewer.say("Ada", "the light is lovely today").await;
    window.page.find_text(face::MESSAGE, "the light is lovely today", seconds(10)).await;

    // Nobody touches anything.
    let http = link.split("/main").next().expect("the room's address").to_owned();
    for n in 0..BOTS {
        let (mut bot, _) = Chat::join(&http, "main", None).await;
        bot.name(&format!("guest{n}")).await;
        bot.say(&format!("everybody go to the better stream now {}", n * 7_919)).await;
    }
    window.page.find_text(face::TAB_HELD, "1", seconds(10)).await;
    wait::until("the raid is gone from the chat", seconds(5), async || {
        (messages_with(&window.page, "better stream").await == 0).then_some(())
    })
    .await;
    let script = format!(
        "return [...document.querySelectorAll('{}')].filter(m => m.textContent.includes('better stream')).length",
        viewer_face::MESSAGE
    );
    wait::until("and from the viewer's page", seconds(5), async || {
        (viewer.browser.page.run(&script).await == 0).then_some(())
    })
    .await;
    viewer.browser.page.find_text(viewer_face::MESSAGE, "the light is lovely today", seconds(1)).await;

    // One key shields the room, and another shows what there is.
    window.page.type_keys(face::SHIELD_KEYS).await;
    window.page.wait_for_attribute(face::SHIELD, "aria-pressed", "true", seconds(5)).await;
    window.page.type_keys("h").await;
    window.page.find_text(face::RAID, "everybody go to the better stream now", seconds(5)).await;
    window.screenshot(&output, "raid-en").await;
    let (mut late, _) = Chat::join(&http, "main", None).await;
    late.name("late").await;
    let refused = late.say("hello").await;
    assert!(format!("{refused:?}").contains("TooNew"), "{refused:?}");
    window.page.type_keys(face::SHIELD_KEYS).await;
    window.page.wait_for_attribute(face::SHIELD, "aria-pressed", "false", seconds(5)).await;

    // It was no raid after all.
    window.page.click(face::RAID_UNDO).await;
    wait::until("all of it is back", seconds(10), async || {
        (viewer.browser.page.run(&script).await == BOTS).then_some(())
    })
    .await;
    window.page.find_text("#held", "Nothing waits", seconds(5)).await;
    window.screenshot(&output, "calm-en").await;
    viewer.browser.screenshot_and_console(&output).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_message_is_seen_when_the_creator_lets_it() {
    let _turn = turn().await;
    let output = Output::new("held");
    let window = Window::open(&output).await;
    window.prefer("zh-CN", "dark").await;
    window.page.click(face::GO_LIVE).await;
    window.page.wait_for_attribute(face::GO_LIVE, face::PHASE, "live", seconds(20)).await;
    let link = window.access().await.links.first().cloned().expect("there is a link to share");
    window.page.click("#open-settings").await;
    window.page.find_text("#settings", "聊天规则", seconds(5)).await;
    window.screenshot(&output, "rules-zh").await;
    window.hold_links().await;

    let ada = Viewer::open("ada", &link, Setup::default(), &output).await;
    let lin = Setup { language: "zh-CN", phone: Some((390, 844)), ..Setup::default() };
    let lin = Viewer::open("lin", &link, lin, &output).await;
    ada.write("Ada", "I made a drawing: pictures.example/ada").await;
    ada.browser.page.find_text(".composer-reason", "waits for a moderator", seconds(5)).await;
    ada.browser.page.screenshot(&output, "ada-held").await;
    lin.write("琳", "在 photos.example 可以看到照片").await;
    window.page.find_text(face::TAB_HELD, "2", seconds(10)).await;
    window.page.type_keys("h").await;
    window.page.find_text("#held", "含有链接", seconds(5)).await;
    window.screenshot(&output, "held-zh").await;

    // The oldest has the focus: one key lets it be seen, another keeps the next one away.
    window.page.type_keys("a").await;
    lin.browser.page.find_text(viewer_face::MESSAGE, "I made a drawing", seconds(5)).await;
    wait::until("one is left", seconds(5), async || {
        (window.page.run("return document.querySelectorAll('[data-held]').length").await == 1).then_some(())
    })
    .await;
    window.page.type_keys("x").await;
    window.page.find_text("#held", "没有待审内容", seconds(5)).await;
    let said = format!("return [...document.querySelectorAll('{}')].length", viewer_face::MESSAGE);
    assert_eq!(ada.browser.page.run(&said).await, 1, "the other one stays away");
    ada.browser.screenshot_and_console(&output).await;
    lin.browser.screenshot_and_console(&output).await;
}
