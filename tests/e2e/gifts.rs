//! Coins are given, gifts are sent with them, and every page shows it.

use footlight_protocol::Nonce;
use footlight_protocol::overlay::Control;
use footlight_protocol::room::{ClientMessage, EventKind, ServerMessage};
use footlight_tests::browser::{Browser, Setup};
use footlight_tests::chat::Chat;
use footlight_tests::faces::viewer as face;
use footlight_tests::studio::Headless;
use footlight_tests::wait::{self, seconds};
use footlight_tests::watch::Viewer;
use footlight_tests::{Output, turn};

/// A page over another program's picture shows gifts from a price on, and does what the owner wants.
#[tokio::test(flavor = "multi_thread")]
async fn an_overlay_shows_gifts_over_nothing_and_obeys_the_owner() {
    let _turn = turn().await;
    let output = Output::new("overlay");
    let studio = Headless::default().size(640, 360).start("footlight", &output).await;
    let http = studio.ready.http.clone();
    let (mut owner, _) = Chat::join(&http, "main", Some(studio.ready.token())).await;
    let (mut ada, welcome) = Chat::join(&http, "main", None).await;
    let ServerMessage::Welcome { you, .. } = welcome else { panic!("{welcome:?}") };
    ada.name("Ada").await;
    owner.send(&ClientMessage::Grant { nonce: nonce("grant"), user: you.id, coins: 10_000 }).await;
    owner.next_where("the grant", |message| matches!(message, ServerMessage::Done { .. })).await;

    let overlay = Browser::start("overlay", Setup::default(), &output).await;
    overlay.page.goto(&format!("{http}/overlay/main?least=20&chat=3&lang=zh-CN")).await;
    ada.say("你好 <b>bold</b>").await;
    overlay.page.find_text(".overlay-chat li", "你好 <b>bold</b>", seconds(10)).await;
    let ground = overlay.page.run("return getComputedStyle(document.body).backgroundColor").await;
    assert_eq!(ground.as_str(), Some("rgba(0, 0, 0, 0)"), "the other program's picture is seen through it");

    let mut sent = 0;
    let mut send = async |gift: &str, count: u32| {
        sent += 1;
        let (nonce, gift) = (nonce(&format!("g{sent}")), gift.parse().expect("a gift"));
        ada.send(&ClientMessage::SendGift { nonce, gift, count }).await;
    };
    send("rose", 3).await;
    send("cake", 1).await;
    overlay.page.find_text(face::GIFT_CARD, "蛋糕", seconds(5)).await;
    let all = async || overlay.page.run("return document.querySelector('.gift-cards').innerText").await;
    assert!(!all().await.to_string().contains("玫瑰"), "three roses are below what is shown");
    send("rocket", 2).await;
    overlay.page.find_text(face::GIFT_CARD, "火箭", seconds(5)).await;
    tokio::time::sleep(seconds(1)).await;
    overlay.page.screenshot(&output, "overlay").await;

    let mut controls = 0;
    let mut control = async |control: Control| {
        controls += 1;
        owner.send(&ClientMessage::Overlay { nonce: nonce(&format!("c{controls}")), control }).await;
    };
    control(Control::Pause).await;
    wait::until("what was up is gone", seconds(15), async || {
        (overlay.page.count(face::GIFT_CARD).await == 0).then_some(())
    })
    .await;
    send("crown", 1).await;
    control(Control::Test).await;
    overlay.page.find_text(".overlay-chat li", "bold", seconds(5)).await;
    assert_eq!(overlay.page.count(face::GIFT_CARD).await, 0, "it is paused");
    control(Control::Resume).await;
    overlay.page.find_text(face::GIFT_CARD, "皇冠", seconds(5)).await;
    overlay.page.find_text(face::GIFT_CARD, "Footlight", seconds(5)).await;
    overlay.screenshot_and_console(&output).await;
}

fn nonce(text: &str) -> Nonce {
    text.parse().expect("a nonce")
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
    let id = owner.author().await;
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
