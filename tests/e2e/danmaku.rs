//! Comments that fly over the picture, and hearts.

use footlight_protocol::danmaku::{Colour, Fly, Place};
use footlight_protocol::room::{Action, ServerMessage};
use footlight_protocol::{MessageId, Seq};
use footlight_tests::browser::{Browser, Setup};
use footlight_tests::chat::Chat;
use footlight_tests::faces::viewer as face;
use footlight_tests::studio::{Headless, Studio};
use footlight_tests::wait::{self, seconds};
use footlight_tests::watch::Viewer;
use footlight_tests::{Output, turn};
use serde::Deserialize;

/// What is drawn on the sky of a page, read from its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
struct Ink {
    /// Pixels that are more than a shade.
    pixels: u32,
    /// As shares of the sky.
    left: f64,
    right: f64,
    /// The most colourful of them.
    red: u8,
    green: u8,
    blue: u8,
}

async fn ink(browser: &Browser) -> Option<Ink> {
    let script = format!(
        "const c = document.querySelector('{}'); \
         if (!c || c.hidden || !c.width || !c.height) return null; \
         const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; \
         let n = 0, left = c.width, right = 0, most = -1, of = [0, 0, 0]; \
         for (let i = 0; i < d.length; i += 4) {{ \
           if (d[i + 3] < 160) continue; \
           const x = (i / 4) % c.width; n++; left = Math.min(left, x); right = Math.max(right, x); \
           const m = Math.max(d[i], d[i + 1], d[i + 2]) - Math.min(d[i], d[i + 1], d[i + 2]); \
           if (m > most) {{ most = m; of = [d[i], d[i + 1], d[i + 2]]; }} \
         }} \
         return n ? {{ pixels: n, left: left / c.width, right: right / c.width, red: of[0], green: of[1], blue: of[2] }} : null",
        face::SKY
    );
    serde_json::from_value(browser.page.run(&script).await).expect("the script writes these fields")
}

/// Waits until some letters are in: a comment comes from the edge, pixel by pixel.
async fn flies(browser: &Browser) -> Ink {
    wait::until("something flies", seconds(10), async || ink(browser).await.filter(|ink| ink.pixels > 200))
        .await
}

async fn nothing_flies(browser: &Browser) {
    wait::until("the sky is empty", seconds(3), async || ink(browser).await.is_none().then_some(())).await;
}

async fn owner_says(owner: &mut Chat, text: &str, place: Place, colour: Colour) -> Seq {
    match owner.say_so(text, Some(Fly { place, colour, at_us: None })).await {
        ServerMessage::Done { seq, .. } => seq,
        other => panic!("{text} was not said: {other:?}"),
    }
}

async fn on_air(name: &str) -> (Output, Studio) {
    let output = Output::new(name);
    let mut studio = Headless::default().size(1280, 720).start("footlight", &output).await;
    studio.live(seconds(20)).await;
    (output, studio)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_flies_over_the_other_viewer_s_picture_until_it_is_hidden_or_taken_down() {
    let _turn = turn().await;
    let (output, studio) = on_air("danmaku").await;
    let ada = Viewer::open("ada", &studio.ready.watch, Setup::default(), &output).await;
    let lin = Setup { language: "zh-CN", ..Setup::default() };
    let lin = Viewer::open("lin", &studio.ready.watch, lin, &output).await;
    ada.playing(seconds(20)).await;
    lin.playing(seconds(20)).await;
    assert_eq!(ink(&lin.browser).await, None, "nobody has said anything");

    ada.say("Ada", "look at the light on the water").await;
    flies(&ada.browser).await;
    let before = flies(&lin.browser).await;
    wait::until("it flies to the left", seconds(5), async || {
        let now = ink(&lin.browser).await?;
        (now.left < before.left - 0.2 && now.pixels > 200).then_some(())
    })
    .await;
    lin.browser.page.screenshot(&output, "flies").await;

    // The key hides it, the chat stays, and the next visit remembers.
    lin.browser.page.type_keys("d").await;
    nothing_flies(&lin.browser).await;
    ada.say("Ada", "is anybody there?").await;
    lin.browser.page.find_text(face::MESSAGE, "is anybody there?", seconds(10)).await;
    flies(&ada.browser).await;
    assert_eq!(ink(&lin.browser).await, None);
    lin.browser.page.reload().await;
    lin.playing(seconds(20)).await;
    ada.say("Ada", "hello?").await;
    flies(&ada.browser).await;
    assert_eq!(ink(&lin.browser).await, None, "it stays hidden");
    lin.browser.page.click("#danmaku").await;

    // Who may choose, chooses; what is deleted is gone at once.
    let (mut owner, _) = Chat::join(&studio.ready.http, "main", Some(studio.ready.token())).await;
    let seq = owner_says(&mut owner, "Welcome to the bridge", Place::Top, Colour::Red).await;
    wait::until("red letters", seconds(5), async || {
        let now = ink(&lin.browser).await?;
        let red = now.red > now.green + 60 && now.red > now.blue + 60;
        red.then_some(())
    })
    .await;
    lin.browser.page.screenshot(&output, "top").await;
    owner.moderate(Action::Delete { message: MessageId(seq.0) }).await;
    wait::until("it is gone though it would stand on", seconds(2), async || {
        ink(&lin.browser).await.is_none_or(|now| now.red <= now.green + 60).then_some(())
    })
    .await;

    ada.say("Ada", "soon I am gone").await;
    flies(&lin.browser).await;
    let script = format!(
        "return [...document.querySelectorAll('{}')].at(-1).getAttribute('data-user')",
        face::MESSAGE
    );
    let id = lin.browser.page.run(&script).await;
    let user = id.as_str().and_then(|id| id.parse().ok()).expect("a message says whose it is");
    owner.moderate(Action::Ban { user, range: false }).await;
    nothing_flies(&lin.browser).await;
    ada.browser.console(&output).await;
    lin.browser.console(&output).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn choices_change_the_sky_and_hearts_are_counted() {
    let _turn = turn().await;
    let (output, studio) = on_air("danmaku-choices").await;
    let calm = Setup { reduced_motion: true, ..Setup::default() };
    let calm = Viewer::open("calm", &studio.ready.watch, calm, &output).await;
    let phone = Setup { language: "zh-CN", dark: true, phone: Some((390, 844)), ..Setup::default() };
    let phone = Viewer::open("phone", &studio.ready.watch, phone, &output).await;
    calm.playing(seconds(20)).await;
    phone.playing(seconds(20)).await;
    let (mut owner, _) = Chat::join(&studio.ready.http, "main", Some(studio.ready.token())).await;
    owner_says(&mut owner, "晚上好，欢迎来到直播间", Place::Scroll, Colour::Cyan).await;
    flies(&phone.browser).await;
    phone.browser.page.screenshot(&output, "phone").await;
    assert_eq!(ink(&calm.browser).await, None, "who wants little motion has to ask for it");

    let page = &calm.browser.page;
    page.click("#danmaku-choices").await;
    page.click("#danmaku-panel [type=checkbox]").await;
    owner_says(&mut owner, "Good evening", Place::Bottom, Colour::Green).await;
    flies(&calm.browser).await;
    let height = format!("return document.querySelector('{}').height", face::SKY);
    let half = page.run(&height).await.as_f64().expect("a height");
    page.run("document.querySelector('#danmaku-panel [value=\"danmaku.quarter\"]').click()").await;
    wait::until("a lower sky", seconds(3), async || {
        let quarter = page.run(&height).await.as_f64()?;
        (quarter < half * 0.7).then_some(())
    })
    .await;
    page.screenshot(&output, "choices").await;
    phone.browser.page.click("#danmaku-choices").await;
    phone.browser.page.screenshot(&output, "phone-choices").await;
    phone.browser.page.type_keys("\u{e00c}").await;

    for _ in 0..3 {
        phone.browser.page.click("#like").await;
    }
    flies(&phone.browser).await;
    phone.browser.page.screenshot(&output, "phone-likes").await;
    for viewer in [&phone, &calm] {
        wait::until("three likes on every page", seconds(5), async || {
            let shown = viewer.browser.page.run("return document.querySelector('#likes').textContent").await;
            (shown == "3").then_some(())
        })
        .await;
    }
    calm.browser.console(&output).await;
    phone.browser.console(&output).await;
}
