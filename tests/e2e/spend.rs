//! Coins beyond gifts: a goal, a paid message, a red packet and a membership, on both faces and the overlay, and amounts
//! that the creator keeps to themselves.

use footlight_protocol::Nonce;
use footlight_protocol::room::ClientMessage;
use footlight_protocol::spend::{Arrange, NewGoal, Terms};
use footlight_tests::browser::{Browser, Setup};
use footlight_tests::chat::Chat;
use footlight_tests::faces::{studio as face, viewer as viewer_face};
use footlight_tests::wait::{self, seconds};
use footlight_tests::watch::Viewer;
use footlight_tests::webdriver::Session;
use footlight_tests::window::Window;
use footlight_tests::{Output, turn};

fn nonce(text: &str) -> Nonce {
    text.parse().expect("a nonce")
}

/// Opens the tray, where it is not open, and a page of it.
async fn open_page(page: &Session, name: &str) {
    if page.attribute(viewer_face::GIFT_OPEN, "aria-expanded").await.as_deref() != Some("true") {
        page.click(viewer_face::GIFT_OPEN).await;
    }
    page.click(&format!("[data-page={name}]")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn coins_do_more_than_gifts_and_amounts_can_be_kept() {
    let _turn = turn().await;
    let output = Output::new("spend");
    let window = Window::open(&output).await;
    window.page.click(face::GO_LIVE).await;
    window.page.wait_for_attribute(face::GO_LIVE, face::PHASE, "live", seconds(20)).await;
    let access = window.access().await;
    let link = access.links.first().cloned().expect("there is a link to share");
    let http = link.split("/main").next().expect("the room's address").to_owned();
    let (mut owner, _) = Chat::join(&http, "main", Some(&access.owner_token)).await;
    let ada = Viewer::open("ada", &link, Setup::default(), &output).await;
    let phone = Setup { language: "zh-CN", dark: true, phone: Some((390, 844)), ..Setup::default() };
    let lin = Viewer::open("lin", &link, phone, &output).await;
    let overlay = Browser::start("overlay", Setup::default(), &output).await;
    overlay.page.goto(&format!("{http}/overlay/main?chat=3")).await;
    ada.say("Ada", "Good evening").await;
    let id = owner.author().await;
    lin.say("琳", "晚上好").await;
    owner.send(&ClientMessage::Grant { nonce: nonce("grant"), user: id, coins: 5_000 }).await;
    let goal = NewGoal { title: "Sing a song 唱一首歌".to_owned(), target: 1_000 };
    owner
        .send(&ClientMessage::Arrange { nonce: nonce("goal"), what: Arrange::Goal { goal: Some(goal) } })
        .await;
    let terms = |hidden| Arrange::Terms { terms: Terms { hidden, membership: 300 } };
    owner.send(&ClientMessage::Arrange { nonce: nonce("terms"), what: terms(false) }).await;
    ada.browser.page.find_text("#goal", "0 / 1000", seconds(5)).await;

    open_page(&ada.browser.page, "message").await;
    ada.browser.page.click(".tier-3").await;
    ada.browser.page.type_into("#paid-text", "Happy birthday! 生日快乐 🎂").await;
    tokio::time::sleep(seconds(1)).await;
    ada.browser.page.screenshot(&output, "tray-message").await;
    ada.browser.page.click("#paid-send").await;
    for page in [&ada.browser.page, &lin.browser.page, &window.page, &overlay.page] {
        page.find_text(".paid-strip .paid", "Happy birthday! 生日快乐", seconds(5)).await;
    }
    open_page(&ada.browser.page, "member").await;
    ada.browser.page.screenshot(&output, "tray-member").await;
    ada.browser.page.click("#member-send").await;
    lin.browser.page.find_text(viewer_face::GIFT_LINE, "成为了本房间会员", seconds(5)).await;
    ada.browser.page.find_text(".member-card", "You are a member until", seconds(5)).await;
    open_page(&ada.browser.page, "packet").await;
    tokio::time::sleep(seconds(1)).await;
    ada.browser.page.screenshot(&output, "tray-packet").await;
    ada.browser.page.click("#packet-send").await;
    lin.browser.page.find_text(".packet", "Ada 的红包", seconds(5)).await;
    tokio::time::sleep(seconds(1)).await;
    lin.browser.page.screenshot(&output, "phone-packet").await;
    lin.browser.page.click(".packet-open").await;
    lin.browser.page.find_text(".packet", "抢到", seconds(5)).await;
    ada.say("Ada", "A member and generous").await;
    lin.browser.page.find_text(viewer_face::MESSAGE, "A member and generous", seconds(5)).await;
    assert!(
        lin.browser.page.count(".badge.member").await > 0
            && lin.browser.page.count(".badge.given-3").await == 0
    );

    // The rest of the goal.
    open_page(&ada.browser.page, "gifts").await;
    ada.browser.page.click("[data-gift=rocket]").await;
    for _ in 0..2 {
        ada.browser.page.click(viewer_face::GIFT_SEND).await;
    }
    lin.browser.page.find_text(".cheer", "目标达成", seconds(5)).await;
    tokio::time::sleep(seconds(1)).await;
    for (page, name) in [
        (&ada.browser.page, "viewer"),
        (&lin.browser.page, "phone"),
        (&window.page, "window"),
        (&overlay.page, "overlay"),
    ] {
        page.screenshot(&output, name).await;
    }

    owner.send(&ClientMessage::Arrange { nonce: nonce("hide"), what: terms(true) }).await;
    wait::until("others see no amounts", seconds(5), async || {
        let script =
            "return document.querySelectorAll('.chat .coins, .badge.given-3, .badge.given-4').length";
        let lin = lin.browser.page.run(script).await;
        let ada = ada.browser.page.run(script).await;
        (lin == 0 && ada.as_u64().is_some_and(|there| there > 0)).then_some(())
    })
    .await;
    window.page.click("#open-settings").await;
    window.page.find(".goal-now strong").await;
    window.page.run("document.querySelector('.goal-field').scrollIntoView(); return true").await;
    tokio::time::sleep(seconds(1)).await;
    window.page.screenshot(&output, "settings").await;
    ada.browser.screenshot_and_console(&output).await;
    lin.browser.screenshot_and_console(&output).await;
    overlay.screenshot_and_console(&output).await;
}
