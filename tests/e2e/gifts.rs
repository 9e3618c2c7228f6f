//! Coins are given, gifts are sent with them, and every page shows it.

use footlight_protocol::room::{ClientMessage, EventKind, ServerMessage};
use footlight_protocol::{Nonce, UserId};
use footlight_tests::browser::Setup;
use footlight_tests::chat::Chat;
use footlight_tests::faces::viewer as face;
use footlight_tests::studio::Headless;
use footlight_tests::wait::{self, seconds};
use footlight_tests::watch::Viewer;
use footlight_tests::{Output, turn};

fn nonce(text: &str) -> Nonce {
    text.parse().expect("a nonce")
}

/// Who said something the owner heard.
async fn author(owner: &mut Chat) -> UserId {
    let heard = owner.next_where("a message", |message| match message {
        ServerMessage::Event { event } => matches!(event.kind, EventKind::Said { .. }),
        _ => false,
    });
    match heard.await {
        ServerMessage::Event { event } => match event.kind {
            EventKind::Said { by, .. } => by.id,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

async fn sent(owner: &mut Chat) -> u64 {
    let heard = owner.next_where("a gift", |message| match message {
        ServerMessage::Event { event } => matches!(event.kind, EventKind::Gifted { .. }),
        _ => false,
    });
    match heard.await {
        ServerMessage::Event { event } => match event.kind {
            EventKind::Gifted { entry, .. } => entry,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

/// Opens the tray, where it is not open.
async fn open_tray(viewer: &Viewer) {
    if viewer.browser.page.attribute(face::GIFT_OPEN, "aria-expanded").await.as_deref() != Some("true") {
        viewer.browser.page.click(face::GIFT_OPEN).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_sends_gifts_that_everybody_sees_and_that_can_be_given_back() {
    let _turn = turn().await;
    let output = Output::new("gifts");
    let mut studio = Headless::default().size(640, 360).start("footlight", &output).await;
    studio.live(seconds(20)).await;
    let (mut owner, _) = Chat::join(&studio.ready.http, "main", Some(studio.ready.token())).await;
    let ada = Viewer::open("ada", &studio.ready.watch, Setup::default(), &output).await;
    let lin = Setup { language: "zh-CN", phone: Some((390, 844)), ..Setup::default() };
    let lin = Viewer::open("lin", &studio.ready.watch, lin, &output).await;
    ada.playing(seconds(20)).await;
    lin.playing(seconds(20)).await;

    // Without coins the tray says where they come from.
    open_tray(&ada).await;
    ada.browser.page.find_text("#gifts", "Say something in the chat first", seconds(5)).await;
    tokio::time::sleep(seconds(1)).await;
    ada.browser.page.screenshot(&output, "no-name").await;
    ada.say("Ada", "Good evening").await;
    let id = author(&mut owner).await;
    lin.say("琳", "晚上好，主播今天唱歌吗？").await;
    open_tray(&ada).await;
    ada.browser.page.find_text("#gifts", "Coins come from the creator", seconds(5)).await;
    assert_eq!(ada.browser.page.attribute(face::GIFT_SEND, "disabled").await.as_deref(), Some("true"));

    owner.send(&ClientMessage::Grant { nonce: nonce("grant"), user: id, coins: 1_000 }).await;
    ada.browser.page.find_text(face::COINS, "1000", seconds(5)).await;
    let mut entries = Vec::new();
    for _ in 0..3 {
        ada.browser.page.click(face::GIFT_SEND).await;
        entries.push(sent(&mut owner).await);
    }
    ada.browser.page.find_text(face::COINS, "997", seconds(5)).await;
    ada.browser.page.find_text(face::GIFT_LINE, "sent Rose ×3", seconds(5)).await;
    lin.browser.page.find_text(face::GIFT_LINE, "送出玫瑰 ×3", seconds(5)).await;
    lin.browser.page.find_text(face::GIFT_CARD, "×3", seconds(5)).await;
    ada.browser.page.screenshot(&output, "tray").await;
    lin.browser.page.screenshot(&output, "phone-card").await;

    ada.browser.page.click("[data-gift=rocket]").await;
    ada.browser.page.click(face::GIFT_SEND).await;
    ada.browser.page.find_text(face::GIFT_CARD, "Rocket", seconds(5)).await;
    // It has come in, and nothing moves any more.
    tokio::time::sleep(seconds(1)).await;
    ada.browser.page.screenshot(&output, "grand").await;
    lin.browser.page.screenshot(&output, "phone-grand").await;
    ada.browser.page.find_text(face::GIVERS, "Ada", seconds(5)).await;
    ada.browser.page.click(face::GIVERS).await;
    ada.browser.page.find_text(".givers-board", "503", seconds(5)).await;
    ada.browser.page.screenshot(&output, "givers").await;
    ada.browser.page.click(face::GIVERS).await;

    owner.send(&ClientMessage::Refund { nonce: nonce("back"), entry: entries[1] }).await;
    lin.browser.page.find_text(face::GIFT_LINE, "送出玫瑰 ×2", seconds(5)).await;
    wait::until("the coin is back", seconds(5), async || {
        open_tray(&ada).await;
        let coins = ada.browser.page.run("return document.querySelector('#coins')?.innerText ?? ''").await;
        (coins.as_str().is_some_and(|coins| coins.trim() == "498")).then_some(())
    })
    .await;
    ada.browser.screenshot_and_console(&output).await;
    lin.browser.screenshot_and_console(&output).await;
}
