//! Texts that would run as a script, in every field that people can fill, on every page: nothing runs, and each is shown
//! as what it is.

use std::collections::HashSet;
use std::time::Instant;

use footlight_protocol::coin::{CoinAsk, MAX_PAY_TEXT, MAX_REFERENCE, Offer, Pack};
use footlight_protocol::gift::{Gift, MAX_GIFT_NAME, MAX_ICON, Show};
use footlight_protocol::invite::MAX_INVITE_LABEL;
use footlight_protocol::moderation::Rules;
use footlight_protocol::person::{MAX_NOTE, MAX_NOTES};
use footlight_protocol::report::{Ground, MAX_REPORT, Report};
use footlight_protocol::room::{Action, ClientMessage, MAX_CARD, MAX_NAME, MAX_TEXT, ServerMessage};
use footlight_protocol::spend::{Arrange, MAX_GOAL_TITLE, NewGoal, Spend, TIERS};
use footlight_protocol::{MessageId, Nonce, UserId};
use footlight_tests::browser::{Browser, Setup};
use footlight_tests::chat::Chat;
use footlight_tests::faces::{studio as face, viewer as viewer_face};
use footlight_tests::payloads::payloads;
use footlight_tests::wait::{self, seconds};
use footlight_tests::watch::Viewer;
use footlight_tests::webdriver::Session;
use footlight_tests::window::Window;
use footlight_tests::{Output, http, turn};
use serde_json::Value;

/// As many as are sent through each field that the chat has.
const PAYLOADS: usize = 1_500;
/// Gifts that a room offers at once.
const OFFERED: usize = 24;
/// Links that are made, each with a payload for a label.
const INVITES: usize = 40;
/// People who say a payload above the chat, for a reference and in a report; as many as there is room for at once.
const PAYERS: usize = 20;
const TRAPS: &str = include_str!("../fixtures/traps.js");

fn nonce(text: &str) -> Nonce {
    text.parse().expect("letters and digits")
}

/// As much of it as the field takes.
fn cut(text: &str, most: usize) -> String {
    text.trim().chars().take(most).collect::<String>().trim().to_owned()
}

fn trapped() -> Setup {
    Setup { script: Some(TRAPS), ..Setup::default() }
}

/// What the page was made to do.
async fn caught(page: &Session) -> Value {
    page.run("return window.traps ? [window.traps.ran, window.traps.blocked, window.traps.made] : 'no traps'")
        .await
}

async fn unharmed(pages: &[(&str, &Session)], after: &str) {
    for (name, page) in pages {
        assert_eq!(caught(page).await, serde_json::json!([[], [], []]), "{name} after {after}");
    }
}

async fn texts(page: &Session, css: &str) -> HashSet<String> {
    let script = format!("return [...document.querySelectorAll('{css}')].map(one => one.textContent)");
    serde_json::from_value(page.run(&script).await).expect("texts")
}

/// One of many people: takes a payload for a name, says another one, and sends what the room offers.
async fn guest(http: &str, owner: &mut Chat, n: usize, text: &str, gift: &Gift, held: bool) {
    let (mut chat, welcome) = Chat::join(http, "main", None).await;
    let ServerMessage::Welcome { you, .. } = welcome else { panic!("{welcome:?}") };
    let user: UserId = you.id;
    // Thousands of strangers who say nearly the same are a raid, and this is none.
    let act =
        if held { Action::Restrict { user: user.clone() } } else { Action::Trust { user: user.clone() } };
    owner.moderate(act).await;
    let coins = ClientMessage::Grant { nonce: nonce(&format!("coins-{n}")), user, coins: 1 };
    owner.done(coins).await;
    chat.send(&ClientMessage::Name { name: cut(text, MAX_NAME) }).await;
    let named = chat.next_where("a name", |message| {
        matches!(message, ServerMessage::You { .. } | ServerMessage::Refused { nonce: None, .. })
    });
    // What shows nothing is no name.
    if matches!(named.await, ServerMessage::Refused { .. }) {
        chat.name(&format!("guest {n}")).await;
    }
    chat.say(text).await;
    let send = ClientMessage::SendGift { nonce: nonce("gift"), gift: gift.id.clone(), count: 1 };
    chat.done(send).await;
}

/// Somebody says two addresses, and what only looks like some.
async fn guest_with_links(http: &str, owner: &mut Chat) {
    let (mut chat, welcome) = Chat::join(http, "main", None).await;
    let ServerMessage::Welcome { you, .. } = welcome else { panic!("{welcome:?}") };
    owner.moderate(Action::Trust { user: you.id }).await;
    chat.name("links").await;
    chat.say(
        "https://a.example, https://good.example@evil.example javascript:alert(1) https://b.example/?x=1&y=2#z\u{201d}",
    )
    .await;
}

/// What is said where coins are: goals, paid messages, how to pay and by which reference; and what goes with reports.
async fn where_coins_are(http: &str, owner: &mut Chat, list: &[String]) {
    let pack = Pack { coins: 60, amount: 600, currency: "cny".parse().expect("a currency") };
    let dangerous = list.iter().filter(|text| text.contains('<')).step_by(14).take(PAYERS);
    let mut before = None;
    for (n, text) in dangerous.enumerate() {
        let goal = NewGoal { title: cut(text, MAX_GOAL_TITLE), target: 1_000_000 };
        let what = Arrange::Goal { goal: Some(goal) };
        owner.done(ClientMessage::Arrange { nonce: nonce(&format!("goal-{n}")), what }).await;
        let offer = Offer { packs: vec![pack.clone()], text: cut(text, MAX_PAY_TEXT), ..Offer::default() };
        let ask = CoinAsk::SetOffer { offer };
        owner.done(ClientMessage::Coins { nonce: nonce(&format!("offer-{n}")), ask }).await;

        let (mut chat, welcome) = Chat::join(http, "main", None).await;
        let ServerMessage::Welcome { you, .. } = welcome else { panic!("{welcome:?}") };
        owner.moderate(Action::Trust { user: you.id.clone() }).await;
        chat.name(&format!("payer {n}")).await;
        let coins = TIERS[0].0;
        owner.done(ClientMessage::Grant { nonce: nonce(&format!("paid-{n}")), user: you.id, coins }).await;
        let what = Spend::Say { text: text.trim().to_owned(), coins };
        chat.done(ClientMessage::Spend { nonce: nonce("paid"), what }).await;
        let ask = CoinAsk::TopUp { pack: pack.clone(), reference: cut(text, MAX_REFERENCE) };
        chat.done(ClientMessage::Coins { nonce: nonce("pay"), ask }).await;
        // Each reports the one before.
        let say =
            ClientMessage::Say { nonce: nonce("say"), text: format!("number {n}"), fly: None, reply: None };
        let said = chat.done(say).await;
        if let Some(message) = before.replace(MessageId(said.0)) {
            let words = cut(text, MAX_REPORT);
            let report = Report { nonce: nonce("report"), message, ground: Ground::Other, words };
            chat.done(ClientMessage::Report(report)).await;
        }
    }
}

/// What a room offers, each named by a payload.
fn gifts(texts: &[String], round: usize) -> Vec<Gift> {
    let offer = texts.iter().enumerate().map(|(n, text)| Gift {
        id: format!("g{round}-{n}").parse().expect("letters and digits"),
        name: cut(text, MAX_GIFT_NAME),
        icon: Some(cut(text, MAX_ICON)).filter(|icon| !icon.is_empty()).unwrap_or_else(|| "🎁".to_owned()),
        price: 1,
        show: [Show::Small, Show::Medium, Show::Grand][n % 3],
        per_hour: None,
    });
    offer.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_text_of_anybody_runs_anywhere() {
    let _turn = turn().await;
    let output = Output::new("xss");
    let list = payloads(MAX_TEXT, PAYLOADS);

    let window = Window::open(&output).await;
    window.page.click(face::GO_LIVE).await;
    window.page.wait_for_attribute(face::GO_LIVE, face::PHASE, "live", seconds(20)).await;
    let access = window.access().await;
    let link = access.links.first().cloned().expect("there is a link to share");
    let http = link.split("/main").next().expect("the room's address").to_owned();
    the_traps_work(&http, &list, &output).await;
    window.page.run(&format!("{TRAPS}; return true")).await;
    let viewer = Viewer::open("viewer", &link, trapped(), &output).await;
    viewer.playing(seconds(30)).await;
    let overlay = Browser::start("overlay", trapped(), &output).await;
    overlay.page.goto(&format!("{http}/overlay/main?chat=1&least=1&say=1")).await;
    let pages = [
        ("the viewer's page", &viewer.browser.page),
        ("the sidebar", &window.page),
        ("the overlay", &overlay.page),
    ];
    let (mut owner, _) = Chat::join(&http, "main", Some(&access.owner_token)).await;

    let begun = Instant::now();
    let mut shown = HashSet::new();
    for (round, some) in list.chunks(OFFERED).enumerate() {
        let offer = gifts(some, round);
        let set = ClientMessage::SetGifts { nonce: nonce(&format!("gifts-{round}")), gifts: offer.clone() };
        owner.done(set).await;
        for (n, (text, gift)) in some.iter().zip(&offer).enumerate() {
            // One of each round waits for a moderator.
            guest(&http, &mut owner, round * OFFERED + n, text, gift, n == 0).await;
        }
        if round % 10 == 0 || (round + 1) * OFFERED >= list.len() {
            let last = some.last().expect("a round has some");
            // The creator's window draws a picture that it encodes, too, and may take longer.
            for (name, page) in &pages[..2] {
                wait::until(&format!("the last one is shown on {name}"), seconds(30), async || {
                    texts(page, ".message-text").await.contains(last.trim()).then_some(())
                })
                .await;
            }
            shown.extend(texts(&viewer.browser.page, ".message-text").await);
            unharmed(&pages, &format!("{} texts", (round + 1) * OFFERED)).await;
        }
    }
    let took = begun.elapsed();
    where_coins_are(&http, &mut owner, &list).await;
    // The log keeps the newest; of those that were looked at, all are as they were typed.
    let typed: HashSet<String> = list.iter().map(|text| text.trim().to_owned()).collect();
    let same = shown.intersection(&typed).count();
    assert!(same > 400, "{same} of {} texts are as they were typed", shown.len());
    // The traps look at each link; there were some to look at.
    guest_with_links(&http, &mut owner).await;
    for (name, page) in &pages[..2] {
        // Asked at once: there are many links by now, and the driver takes its time for the text of each.
        let there = "return [...document.querySelectorAll('.message-text a.link')]
            .some(link => link.textContent.trim() === 'https://b.example/?x=1&y=2#z')";
        wait::until(&format!("links on {name}"), seconds(60), async || {
            (page.run(there).await == true).then_some(())
        })
        .await;
        let script =
            "return [...document.querySelectorAll('.message-text')].at(-1).querySelectorAll('a').length";
        assert_eq!(page.run(script).await, 2, "{name}");
    }
    unharmed(&pages, "links").await;
    wait::until("a goal and paid messages are shown", seconds(10), async || {
        for (_, page) in &pages[..2] {
            if page.count(".message.paid").await < PAYERS {
                return None;
            }
        }
        (viewer.browser.page.count("#goal").await == 1).then_some(())
    })
    .await;
    unharmed(&pages, "goals and paid messages").await;

    // What only the creator sees: held messages, rules, the gifts in the settings.
    let words: Vec<String> = list
        .iter()
        .filter(|text| text.chars().any(char::is_alphanumeric))
        .take(150)
        .map(|text| cut(text, 50))
        .collect();
    owner.moderate(Action::SetRules { rules: Rules { words, ..Rules::default() } }).await;
    window.page.click(face::TAB_HELD).await;
    wait::until("what is held is shown", seconds(20), async || {
        let reasons = window.page.count(".report-own li").await;
        (window.page.count("[data-held]").await > 30 && reasons >= PAYERS - 1).then_some(())
    })
    .await;
    window.page.click("#tab-top-ups").await;
    wait::until("what was paid for is shown", seconds(10), async || {
        (window.page.count("[data-top-up]").await >= PAYERS).then_some(())
    })
    .await;
    unharmed(&pages, "reports and payments").await;
    invite_labels(&http, &access.owner_token, &list).await;
    window.page.click("#open-settings").await;
    window.page.find_text("#settings", "Rules of the chat", seconds(5)).await;
    wait::until("the labels of invitations are shown", seconds(10), async || {
        (window.page.count(".invite-label").await >= INVITES).then_some(())
    })
    .await;
    unharmed(&pages, "held messages and settings").await;
    window.screenshot(&output, "held").await;
    window.page.click("#settings .settings-head button").await;

    notes(&mut owner, &window.page, &list).await;
    unharmed(&pages, "notes").await;
    window.screenshot(&output, "notes").await;
    window.page.click("#person-close").await;
    window.page.click(face::TAB_CHAT).await;

    // The board of those who gave, and the card between broadcasts.
    viewer.browser.page.click(viewer_face::GIVERS).await;
    viewer.browser.page.screenshot(&output, "givers").await;
    window.page.click(face::GO_LIVE).await;
    // Somebody watches, so it asks.
    window.page.click("#confirm-yes").await;
    window.page.wait_for_attribute(face::GO_LIVE, face::PHASE, "idle", seconds(20)).await;
    viewer.in_state("offline", seconds(20)).await;
    for (n, text) in list.iter().enumerate() {
        let card = ClientMessage::SetCard { nonce: nonce(&format!("card-{n}")), text: cut(text, MAX_CARD) };
        owner.done(card).await;
    }
    let last = cut(list.last().expect("there are some"), MAX_CARD);
    viewer.browser.page.find_text(".board-said", &last, seconds(10)).await;
    unharmed(&pages, "cards").await;
    viewer.browser.page.screenshot(&output, "card").await;

    let titles = the_replay(&http, &access.owner_token, &list, &output).await;
    let addresses = the_addresses(&http, &list).await;
    println!(
        "{} payloads as text, name, gift and card on three pages in {:.0} s and in a replay, {titles} as titles, \
         {addresses} in addresses: nothing ran",
        list.len(),
        took.as_secs_f64()
    );
    viewer.browser.screenshot_and_console(&output).await;
    overlay.screenshot_and_console(&output).await;
}

/// What a moderator writes down about the one who spoke last; shown on their card.
async fn notes(owner: &mut Chat, page: &Session, list: &[String]) {
    page.click(face::TAB_CHAT).await;
    let user =
        page.run("return [...document.querySelectorAll('#chat-log [data-user]')].pop().dataset.user").await;
    let user: UserId = user.as_str().and_then(|user| user.parse().ok()).expect("somebody spoke");
    let some = list.iter().filter(|text| text.contains('<')).step_by(30).take(MAX_NOTES);
    for (n, text) in some.enumerate() {
        let text = cut(text, MAX_NOTE);
        owner
            .send(&ClientMessage::AddNote { nonce: nonce(&format!("note-{n}")), user: user.clone(), text })
            .await;
        owner.next_where("a card", |message| matches!(message, ServerMessage::Card { .. })).await;
    }
    let open = "[...document.querySelectorAll('#chat-log .message-name')].pop().click()";
    wait::until("the notes are shown", seconds(15), async || {
        if page.count("#person-card[open]").await == 0 {
            page.run(open).await;
        }
        (page.count("#person-card[open] .note-text").await >= MAX_NOTES).then_some(())
    })
    .await;
}

/// As many links as a room keeps, each called a payload.
async fn invite_labels(http: &str, owner: &str, list: &[String]) {
    for text in list.iter().filter(|text| text.contains('<')).step_by(10).take(INVITES) {
        let label = cut(text, MAX_INVITE_LABEL);
        let body = serde_json::json!({ "role": "vip", "uses": 1, "seconds": 3_600, "label": label });
        let url = format!("{http}/api/v1/rooms/main/invites");
        let made = http::post(&url, "application/json", Some(owner), &body.to_string()).await;
        assert_eq!(made.status, 201, "{label}: {}", made.body);
    }
}

/// On a page that takes them for markup, many of the same texts run: else nothing here would prove anything.
async fn the_traps_work(http: &str, list: &[String], output: &Output) {
    let browser = Browser::start("control", trapped(), output).await;
    // A page that comes without a policy.
    browser.page.goto(&format!("{http}/healthz")).await;
    let some: Vec<&String> = list.iter().step_by(list.len() / 200).take(200).collect();
    // Some at once, each for as long as a slow machine may need for it.
    let script = "(async () => { let ran = 0; const all = arguments_;
        for (let at = 0; at < all.length && ran <= 20; at += 20) {
          const frames = all.slice(at, at + 20).map(text => { const frame = document.createElement('iframe');
            frame.srcdoc = text; document.body.append(frame); return frame; });
          await new Promise(done => setTimeout(done, 1500));
          // A frame that cannot be looked into has been led elsewhere.
          for (const frame of frames) {
            try { ran += frame.contentWindow.traps.ran.length ? 1 : 0; } catch { ran += 1; }
            frame.remove(); } }
        return ran; })()"
        .replace("arguments_", &serde_json::to_string(&some).expect("texts are JSON"));
    let ran = browser.page.run_async(&script).await.expect("the control page runs").as_u64();
    assert!(ran.is_some_and(|ran| ran > 20), "only {ran:?} ran where all markup is taken");
    println!("{} ran on a page that takes markup", ran.unwrap_or(0));
}

/// The broadcast, watched again with all that was said, under many titles.
async fn the_replay(http: &str, owner: &str, list: &[String], output: &Output) -> usize {
    let id = wait::until("the broadcast can be watched again", seconds(30), async || {
        let answer = http::get_as(&format!("{http}/api/v1/rooms/main/replays"), owner).await;
        let replays: Value = serde_json::from_str(&answer.body).ok()?;
        replays[0]["id"].as_str().map(str::to_owned)
    })
    .await;
    let browser = Browser::start("replay", trapped(), output).await;
    let page = format!("{http}/main/replay/{id}");
    browser.page.goto(&page).await;
    // The log shows the last messages before each place.
    let mut seen = HashSet::new();
    for step in 1..=12 {
        let seek = format!(
            "const v = document.querySelector('video'); if (!v || !(v.duration > 1)) return null; \
             v.currentTime = v.duration * {step} / 12 - 0.2; return true"
        );
        wait::until("the replay can be sought", seconds(20), async || {
            browser.page.run(&seek).await.as_bool()
        })
        .await;
        let before = seen.len();
        let more = wait::within(seconds(5), async || {
            seen.extend(texts(&browser.page, "#talk .message-text").await);
            (seen.len() > before).then_some(())
        });
        let _ = more.await;
    }
    assert!(seen.len() > list.len() / 2, "{} texts in the replay", seen.len());
    unharmed(&[("the replay", &browser.page)], "all texts").await;
    browser.page.screenshot(output, "replay").await;
    let titles: Vec<&String> = list.iter().filter(|text| text.chars().count() < 120).step_by(75).collect();
    for title in &titles {
        let url = format!("{http}/api/v1/rooms/main/replays/{id}");
        let edited = http::patch(&url, owner, &serde_json::json!({ "title": title })).await;
        assert_eq!(edited.status, 200, "{title}: {}", edited.body);
        browser.page.goto(&page).await;
        // As it stands in one line.
        let line = title.split_whitespace().collect::<Vec<_>>().join(" ");
        browser.page.find_text("h1", &line, seconds(10)).await;
        unharmed(&[("the replay", &browser.page)], title).await;
    }
    browser.screenshot_and_console(output).await;
    titles.len()
}

/// What stands in an address is in no page that comes back, but escaped.
async fn the_addresses(http: &str, list: &[String]) -> usize {
    let dangerous: Vec<&String> = list.iter().filter(|text| text.contains('<')).collect();
    for text in dangerous.iter().step_by(3) {
        let encoded: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
        for path in [
            format!("/{encoded}"),
            format!("/main?{encoded}={encoded}"),
            format!("/overlay/main?lang={encoded}&say={encoded}"),
        ] {
            let answer = http::get(&format!("{http}{path}")).await;
            assert!(!answer.body.contains(text.as_str()), "{path} comes back as it is");
        }
    }
    dangerous.len().div_ceil(3)
}
