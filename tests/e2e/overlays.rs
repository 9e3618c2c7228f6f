//! Overlays in the picture: what happens in the room is seen by everybody who gets the picture, and what moderators take
//! away is gone from it.

use footlight_protocol::room::{Action, ClientMessage, EventKind, ServerMessage};
use footlight_protocol::scene::{Layer, Overlay, Part, Place, Scenes, Source, Theme};
use footlight_protocol::spend::{Arrange, NewGoal};
use footlight_protocol::{Language, MessageId, Nonce, UserId};
use footlight_tests::browser::Setup;
use footlight_tests::chat::Chat;
use footlight_tests::faces::{studio as face, viewer};
use footlight_tests::studio::Headless;
use footlight_tests::wait::{self, seconds};
use footlight_tests::watch::Viewer;
use footlight_tests::webdriver::Session;
use footlight_tests::window::Window;
use footlight_tests::{Output, turn};

/// A part of a picture, in shares of its sides: left, top, width, height.
type Part4 = (f64, f64, f64, f64);
/// Where the window puts alerts and the chat; of that what is left of the pattern's white.
const ALERTS: Part4 = (0.03, 0.28, 0.44, 0.48);
const CHAT: Part4 = (0.67, 0.38, 0.2, 0.54);
/// The ground of a gift that is made much of, and of a line of chat on paper.
const AMBER: [u8; 3] = [138, 78, 6];
const PAPER: [u8; 3] = [250, 248, 243];

#[tokio::test(flavor = "multi_thread")]
async fn gifts_and_chat_are_in_the_picture_and_what_is_moderated_is_not() {
    let _turn = turn().await;
    let output = Output::new("overlays");
    let window = Window::open(&output).await;
    let page = &window.page;
    page.find("#scene-1[aria-pressed=true]").await;
    for kind in ["alerts", "chat"] {
        page.click("#add-overlay").await;
        window.screenshot(&output, &format!("kinds-{kind}")).await;
        page.click(&format!("#add-overlay-{kind}")).await;
    }
    layers(page, 3).await;
    page.click("[data-theme=paper]").await;
    page.find("[data-theme=paper][aria-checked=true]").await;

    // Before anybody has sent anything the creator sees what a gift looks like.
    covered(page, face::PREVIEW, ALERTS, AMBER, 0.0, 0.004).await;
    page.click("[data-layer='1'][data-act=pick]").await;
    page.click("#overlay-layer-test").await;
    covered(page, face::PREVIEW, ALERTS, AMBER, 0.015, 1.0).await;
    window.screenshot(&output, "test").await;
    covered(page, face::PREVIEW, ALERTS, AMBER, 0.0, 0.004).await;

    page.click(face::GO_LIVE).await;
    page.wait_for_attribute(face::GO_LIVE, face::PHASE, "live", seconds(20)).await;
    let access = window.access().await;
    let link = access.links.first().cloned().expect("there is a link to share");
    let http = access.socket.replacen("ws", "http", 1);
    let http = http.split("/ws/").next().expect("a socket's address").to_owned();
    let (mut owner, welcome) = Chat::join(&http, access.room.as_str(), Some(&access.owner_token)).await;
    let ServerMessage::Welcome { room, .. } = welcome else { panic!("{welcome:?}") };
    assert_eq!(room.presence.members, 0, "what the picture hears of the room is nobody in it");

    let ada = Viewer::open("ada", &link, Setup::default(), &output).await;
    ada.playing(seconds(30)).await;
    let seen = &ada.browser.page;
    covered(seen, viewer::VIDEO, CHAT, PAPER, 0.0, 0.01).await;
    ada.write("Ada", "晚上好 Good evening 🎉").await;
    let (message, user) = said(&mut owner).await;
    covered(seen, viewer::VIDEO, CHAT, PAPER, 0.03, 1.0).await;
    covered(page, face::PREVIEW, CHAT, PAPER, 0.03, 1.0).await;
    seen.screenshot(&output, "viewer-chat").await;

    owner.done(ClientMessage::Grant { nonce: nonce("grant"), user, coins: 2_000 }).await;
    seen.click(viewer::GIFT_OPEN).await;
    seen.find_text(viewer::COINS, "2000", seconds(5)).await;
    seen.click("[data-gift=rocket]").await;
    seen.click(viewer::GIFT_SEND).await;
    seen.click(viewer::GIFT_SEND).await;
    // The page shows the gift over the video; what is read here is the video.
    covered(seen, viewer::VIDEO, ALERTS, AMBER, 0.02, 1.0).await;
    tokio::time::sleep(seconds(1)).await;
    seen.screenshot(&output, "viewer-gift").await;
    window.screenshot(&output, "gift").await;
    owner.moderate(Action::Delete { message }).await;
    covered(seen, viewer::VIDEO, CHAT, PAPER, 0.0, 0.01).await;
    covered(page, face::PREVIEW, CHAT, PAPER, 0.0, 0.01).await;
    seen.screenshot(&output, "viewer-deleted").await;

    for (language, theme) in [("zh-CN", "dark"), ("en", "light")] {
        window.prefer(language, theme).await;
        layers(page, 3).await;
        page.click("[data-layer='2'][data-act=pick]").await;
        window.screenshot(&output, &format!("studio-{language}-{theme}")).await;
        page.click("[data-layer='1'][data-act=pick]").await;
        // Waits until the page is in the room again.
        page.click("#overlay-layer-test:enabled").await;
        covered(page, face::PREVIEW, ALERTS, AMBER, 0.015, 1.0).await;
        tokio::time::sleep(seconds(1)).await;
        window.screenshot(&output, &format!("studio-alerts-{language}-{theme}")).await;
    }
}

/// Without a window, from scenes that were kept: all kinds at once, and a ban.
#[tokio::test(flavor = "multi_thread")]
async fn a_broadcast_without_a_window_has_its_overlays_too() {
    let _turn = turn().await;
    let output = Output::new("overlays-headless");
    let data = output.file("data");
    std::fs::create_dir_all(data.join("scenes")).expect("a folder");
    let scenes = serde_json::to_vec(&everything()).expect("plain data");
    std::fs::write(data.join("scenes/scenes.json"), scenes).expect("a file");
    let mut studio = Headless::default().size(1280, 720).data(&data).start("footlight", &output).await;
    studio.live(seconds(20)).await;
    let http = studio.ready.http.clone();
    let (mut owner, _) = Chat::join(&http, "main", Some(studio.ready.token())).await;
    let goal = NewGoal { title: "新麦克风 New microphone".to_owned(), target: 2_000 };
    owner
        .done(ClientMessage::Arrange { nonce: nonce("goal"), what: Arrange::Goal { goal: Some(goal) } })
        .await;
    let watching = Viewer::open("viewer", &studio.ready.watch, Setup::default(), &output).await;
    // The number that is burned in lies under one of them.
    watching.in_state("playing", seconds(30)).await;
    let seen = &watching.browser.page;
    let place = (0.68, 0.4, 0.19, 0.48);
    covered(seen, viewer::VIDEO, place, PAPER, 0.0, 0.01).await;

    let mut eve = None;
    for (n, (name, text)) in [
        ("琳", "晚上好，主播今天唱歌吗？"),
        (
            "Ada",
            "Such a good evening, greetings from a very long way away to all of you who are here tonight",
        ),
        ("مريم", "مرحبا بالجميع"),
        ("Eve", "z\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307} \u{202e}drawkcab and so much more that nobody here wanted to read"),
    ]
    .into_iter()
    .enumerate()
    {
        let (mut chat, _) = Chat::join(&http, "main", None).await;
        chat.name(name).await;
        chat.say(text).await;
        let (_, user) = said(&mut owner).await;
        let grant = format!("grant{n}");
        owner.done(ClientMessage::Grant { nonce: nonce(&grant), user: user.clone(), coins: 1_000 }).await;
        let (gift, count) = [("rose", 9), ("cake", 2), ("rocket", 1), ("coffee", 1)][n];
        let gift = gift.parse().expect("a gift");
        chat.done(ClientMessage::SendGift { nonce: nonce("gift"), gift, count }).await;
        eve = Some((chat, user));
    }
    let (mut eve, user) = eve.expect("somebody spoke last");
    covered(seen, viewer::VIDEO, place, PAPER, 0.15, 1.0).await;
    tokio::time::sleep(seconds(2)).await;
    seen.screenshot(&output, "all").await;
    let before = share(seen, viewer::VIDEO, place, PAPER).await.expect("a picture");
    owner.moderate(Action::Ban { user, range: false }).await;
    eve.closed().await;
    wait::until("what Eve said is gone", seconds(5), async || {
        share(seen, viewer::VIDEO, place, PAPER).await.filter(|now| *now < before - 0.02)
    })
    .await;
    tokio::time::sleep(seconds(1)).await;
    seen.screenshot(&output, "without-eve").await;
    studio.process.terminate();
    studio.process.exit(seconds(10)).await;
}

fn everything() -> Scenes {
    let place = |x, y, width, height| Place { x, y, width, height };
    let layer = |shows, theme, place| {
        let overlay = Overlay { theme, ..Overlay::new(shows, Language::Chinese) };
        Layer::new(Source::Overlay { overlay }, place)
    };
    let text = "今晚八点：望远镜制作直播 · Tonight at eight: building a telescope, live".to_owned();
    let card =
        Part::Card { title: "手工陶杯 Ceramic cup".to_owned(), text: "¥ 128".to_owned(), picture: None };
    let until = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let countdown =
        Part::Countdown { until: until.as_millis() as u64 + 300_000, text: "抽奖 Draw".to_owned() };
    let mut scenes = Scenes::default();
    scenes.scenes[0].layers.extend([
        layer(Part::Alerts { least: 0 }, Theme::Stage, place(0.03, 0.22, 0.44, 0.5)),
        layer(Part::Chat { lines: 5 }, Theme::Paper, place(0.68, 0.4, 0.29, 0.48)),
        layer(Part::Goal {}, Theme::Stage, place(0.03, 0.04, 0.36, 0.13)),
        layer(Part::Leaders { many: 5 }, Theme::Neon, place(0.75, 0.04, 0.22, 0.34)),
        layer(Part::Ticker { text }, Theme::Stage, place(0.0, 0.925, 1.0, 0.075)),
        layer(countdown, Theme::Neon, place(0.42, 0.03, 0.3, 0.2)),
        layer(card, Theme::Paper, place(0.03, 0.74, 0.32, 0.15)),
    ]);
    scenes
}

fn nonce(text: &str) -> Nonce {
    text.parse().expect("a nonce")
}

/// What somebody says next, and who.
async fn said(owner: &mut Chat) -> (MessageId, UserId) {
    let heard = owner.next_where("a message", |message| match message {
        ServerMessage::Event { event } => matches!(event.kind, EventKind::Said { .. }),
        _ => false,
    });
    let ServerMessage::Event { event } = heard.await else { panic!("an event was waited for") };
    let EventKind::Said { by, .. } = event.kind else { panic!("a message was waited for") };
    (MessageId(event.seq.0), by.id)
}

async fn layers(page: &Session, many: usize) {
    wait::until(&format!("{many} layers"), seconds(10), async || {
        (page.count(".layer").await == many).then_some(())
    })
    .await;
}

/// Waits until so much of a part of the picture has about this colour.
async fn covered(page: &Session, css: &str, part: Part4, colour: [u8; 3], least: f64, most: f64) {
    let what = format!("{least} to {most} of {part:?} in {css} are {colour:?}");
    wait::until(&what, seconds(15), async || {
        share(page, css, part, colour).await.filter(|share| (least..=most).contains(share))
    })
    .await;
}

/// How much of a part of the picture in `css` has about this colour.
async fn share(page: &Session, css: &str, (x, y, w, h): Part4, [r, g, b]: [u8; 3]) -> Option<f64> {
    let script = format!(
        "const from = document.querySelector('{css}'); \
         const [width, height] = [from.videoWidth || from.width, from.videoHeight || from.height]; \
         if (!width) return null; \
         const [w, h] = [Math.round(width * {w}), Math.round(height * {h})]; \
         const pen = new OffscreenCanvas(w, h).getContext('2d'); \
         pen.drawImage(from, -Math.round(width * {x}), -Math.round(height * {y})); \
         const all = pen.getImageData(0, 0, w, h).data; let hits = 0; \
         for (let i = 0; i < all.length; i += 4) \
             if (Math.abs(all[i] - {r}) < 26 && Math.abs(all[i + 1] - {g}) < 26 && Math.abs(all[i + 2] - {b}) < 26) hits++; \
         return hits / (w * h)"
    );
    page.try_run(&script).await.ok()?.as_f64()
}
