//! Who somebody is: the card behind a name, an invitation, an account on two devices, followers, and a person who wants to be forgotten.

use footlight_tests::browser::{Browser, Setup};
use footlight_tests::faces::{studio as face, viewer as viewer_face};
use footlight_tests::wait::{self, seconds};
use footlight_tests::watch::Viewer;
use footlight_tests::webdriver::Session;
use footlight_tests::window::Window;
use footlight_tests::{Output, turn};

const CARD: &str = "#person-card[open]";

/// Presses the name of the one who said that.
async fn press_name(page: &Session, text: &str) {
    let script = format!(
        "const row = [...document.querySelectorAll('{}')].find(m => m.textContent.includes('{text}')); \
         const name = row?.querySelector('.message-name'); name?.focus(); name?.click(); return !!name",
        viewer_face::MESSAGE
    );
    wait::until(&format!("the name over {text:?}"), seconds(10), async || {
        (page.run(&script).await == true).then_some(())
    })
    .await;
    page.find(CARD).await;
}

async fn until(page: &Session, what: &str, script: &str) {
    wait::until(what, seconds(15), async || {
        page.try_run(&format!("return {script}")).await.is_ok_and(|so| so == true).then_some(())
    })
    .await;
}

/// What moves has come to rest.
async fn picture(page: &Session, output: &Output, name: &str) {
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    page.screenshot(output, name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_known_invited_signed_in_and_forgotten() {
    let _turn = turn().await;
    let output = Output::new("people");
    let window = Window::open(&output).await;
    window.page.click(face::GO_LIVE).await;
    window.page.wait_for_attribute(face::GO_LIVE, face::PHASE, "live", seconds(20)).await;
    let link = window.access().await.links.first().cloned().expect("there is a link to share");
    let phone = Setup { language: "zh-CN", dark: true, phone: Some((390, 844)), ..Setup::default() };
    let lin = Viewer::open("lin", &link, phone, &output).await;
    lin.say("琳", "今天的灯光真好看").await;
    let ada = Viewer::open("ada", &link, Setup::default(), &output).await;
    ada.say("Ada", "Good evening from the balcony").await;

    // The owner's card of a viewer: what is known, a note, a timeout.
    press_name(&window.page, "from the balcony").await;
    window.page.find_text(CARD, "First seen", seconds(10)).await;
    window.page.type_into("#note-input", "Asked for the song list twice. Friendly.").await;
    window.page.click("#note-add").await;
    window.page.find_text(".note-text", "song list", seconds(10)).await;
    until(&window.page, "the field is empty again", "document.querySelector('#note-input').value === ''")
        .await;
    window.page.click("[data-deed=restrict]").await;
    window.page.find_text(".person-acts", "Messages held", seconds(10)).await;
    window.page.click("[data-deed=unmark]").await;
    picture(&window.page, &output, "card-owner").await;
    window.page.click("#person-close").await;
    let back = "document.activeElement?.classList.contains('message-name')";
    until(&window.page, "the focus is back on the name", back).await;
    window.page.click(face::TAB_CHAT).await;

    // A viewer's card of a viewer, from below on a phone, by the keyboard on a computer.
    press_name(&lin.browser.page, "from the balcony").await;
    lin.browser.page.find_text(CARD, "观众", seconds(10)).await;
    picture(&lin.browser.page, &output, "card-phone").await;
    lin.browser.page.click("#person-close").await;
    let page = &ada.browser.page;
    page.run("document.querySelector('#chat-log').focus()").await;
    page.type_keys("\u{e007}").await;
    page.type_keys("\u{e013}").await;
    page.type_keys("\u{e007}").await;
    page.find_text(CARD, "琳", seconds(10)).await;
    picture(page, &output, "card-viewer").await;
    page.type_keys("\u{e00c}").await;
    until(page, "Escape closes the card", "!document.querySelector('#person-card').open").await;
    until(page, "the focus is back on the message", "document.activeElement?.dataset.messageId > 0").await;

    // An invitation.
    window.page.click("#open-settings").await;
    window.page.type_into("#invite-label", "for Bob").await;
    window.page.click("#invite-make").await;
    window.page.find("#invite-link").await;
    let invitation = window.page.run("return document.querySelector('#invite-link').value").await;
    let invitation = invitation.as_str().expect("a link").to_owned();
    assert!(invitation.starts_with(&format!("{link}#invite=")), "{invitation}");
    window.page.run("document.querySelector('.invites').scrollIntoView()").await;
    picture(&window.page, &output, "invites").await;
    let bob = Viewer::open("bob", &invitation, Setup::default(), &output).await;
    bob.browser.page.find_text("#invited", "Become a moderator of main?", seconds(10)).await;
    assert!(!bob.browser.page.url().await.contains('#'), "the secret is out of the address");
    picture(&bob.browser.page, &output, "invited").await;
    bob.browser.page.click("#invited-yes").await;
    bob.browser.page.find_text("#invited", "You are a moderator now", seconds(10)).await;
    bob.browser.page.click("#invited-no").await;
    bob.say("Bob", "Hello all, I keep an eye on things").await;
    press_name(&bob.browser.page, "from the balcony").await;
    bob.browser.page.find_text(".note-text", "song list", seconds(10)).await;
    picture(&bob.browser.page, &output, "card-moderator").await;
    bob.browser.page.click("#person-close").await;

    // An account, and the same person in another browser.
    page.click("#me-open").await;
    page.click("#account-make").await;
    page.type_into("#account-password", "correct horse battery").await;
    picture(page, &output, "account-make").await;
    page.click("#account-send").await;
    page.find_text("#account-name", "signed in as Ada", seconds(20)).await;
    picture(page, &output, "me").await;
    let elsewhere = Viewer::open("elsewhere", &link, Setup { dark: true, ..Setup::default() }, &output).await;
    elsewhere.browser.page.click("#me-open").await;
    elsewhere.browser.page.click("#account-sign-in").await;
    elsewhere.browser.page.type_into("#account-name-input", "ada").await;
    elsewhere.browser.page.type_into("#account-password", "wrong horse\u{e007}").await;
    elsewhere.browser.page.find_text("#me", "no account with this name and password", seconds(20)).await;
    picture(&elsewhere.browser.page, &output, "sign-in").await;
    elsewhere.browser.page.run("document.querySelector('#account-password').select()").await;
    elsewhere.browser.page.type_into("#account-password", "correct horse battery\u{e007}").await;
    elsewhere.browser.page.find_text(".name-change", "Chatting as Ada", seconds(20)).await;
    named_like_ada(&link, &output).await;

    // What is known goes into a file; then all of it goes.
    page.run(
        "const make = URL.createObjectURL.bind(URL); window.saved = ''; \
         URL.createObjectURL = blob => { blob.text().then(text => window.saved = text); return make(blob) }",
    )
    .await;
    page.click("#data-export").await;
    until(page, "the file has it", "window.saved.includes('from the balcony')").await;
    let saved = page.run("return window.saved").await;
    assert!(!saved.to_string().contains("song list"), "but no note of a moderator");
    lin.browser.page.click("#me-open").await;
    picture(&lin.browser.page, &output, "me-phone").await;
    lin.browser.page.click("#data-erase").await;
    picture(&lin.browser.page, &output, "erase-phone").await;
    lin.browser.page.click("#me[open] #confirm-yes").await;
    for page in [&window.page, &bob.browser.page] {
        until(
            page,
            "nothing of theirs is left",
            "!document.querySelector('#chat-log').textContent.includes('灯光')",
        )
        .await;
    }
    until(&lin.browser.page, "the page begins anew", "!document.querySelector('#me')?.open").await;
    for viewer in [&lin, &ada, &bob, &elsewhere] {
        viewer.browser.screenshot_and_console(&output).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_followed_and_its_followers_write() {
    let _turn = turn().await;
    let output = Output::new("follow");
    let window = Window::open(&output).await;
    let link = window.access().await.links.first().cloned().expect("there is a link to share");
    let ada = Viewer::open("ada", &link, Setup::default(), &output).await;
    let phone = Setup { language: "zh-CN", dark: true, phone: Some((390, 844)), ..Setup::default() };
    let lin = Viewer::open("lin", &link, phone, &output).await;
    let (ada_page, lin_page) = (&ada.browser.page, &lin.browser.page);
    ada.say("Ada", "Good evening from the balcony").await;

    // Only followers write, and the page says so.
    window.page.click("#open-settings").await;
    window
        .page
        .run(
            "const field = document.querySelector('#rules-followers'); field.value = '1'; \
             field.dispatchEvent(new Event('change', { bubbles: true })); field.scrollIntoView({ block: 'center' })",
        )
        .await;
    picture(&window.page, &output, "rule").await;
    window.page.click("#rules-save").await;
    until(&window.page, "it is saved", "document.querySelector('#rules-save').disabled").await;
    window.page.run("document.querySelector('dialog[open]').close()").await;
    ada_page.find_text(".composer", "Only followers may write", seconds(10)).await;
    picture(ada_page, &output, "not-following").await;

    // On the page, on a phone, and counted everywhere. What a browser may show outside of its page is seen by its calls.
    let stub = "window.told = []; window.asked = 0; window.Notification = class { \
                constructor(title) { window.told.push(title) } close() {} \
                static permission = 'default'; \
                static requestPermission() { window.asked++; this.permission = 'granted'; return Promise.resolve('granted') } }";
    ada_page.run(stub).await;
    ada_page.click("#follow").await;
    ada_page.wait_for_attribute("#follow", "aria-pressed", "true", seconds(10)).await;
    until(lin_page, "the phone counts one", "document.querySelector('#followers').textContent === '1'").await;
    lin_page.click("#follow").await;
    for page in [ada_page, lin_page, &window.page] {
        until(page, "there are two", "document.querySelector('#followers').textContent === '2'").await;
    }
    window.page.find_text("[data-newcomer]", "Ada follows the room now: 1 follower", seconds(10)).await;
    assert_eq!(window.page.count("[data-newcomer]").await, 1, "nobody without a name is told of");
    ada.say("Ada", "I may write now").await;
    picture(&window.page, &output, "studio").await;
    picture(lin_page, &output, "phone").await;

    // Back and forth, asked about notifications once.
    ada_page.click("#follow").await;
    until(lin_page, "one is left", "document.querySelector('#followers').textContent === '1'").await;
    ada_page.click("#follow").await;
    until(lin_page, "and she is back", "document.querySelector('#followers').textContent === '2'").await;
    assert_eq!(ada_page.run("return window.asked").await, 1);

    // It goes live behind another page.
    ada_page.run("Object.defineProperty(document, 'hidden', { get: () => true })").await;
    window.page.click(face::GO_LIVE).await;
    window.page.wait_for_attribute(face::GO_LIVE, face::PHASE, "live", seconds(20)).await;
    until(ada_page, "she is told", "window.told.join() === 'main is live'").await;
    for page in [ada_page, lin_page] {
        until(page, "the title is marked", "document.title.startsWith('●')").await;
    }
    lin.playing(seconds(20)).await;
    picture(ada_page, &output, "live").await;
    picture(lin_page, &output, "phone-live").await;
    picture(&window.page, &output, "studio-live").await;
    for viewer in [&lin, &ada] {
        viewer.browser.screenshot_and_console(&output).await;
    }
}

/// A stranger wants to be called nearly so.
async fn named_like_ada(link: &str, output: &Output) {
    let browser = Browser::start("eve", Setup::default(), output).await;
    browser.page.goto(link).await;
    let eve = Viewer { browser };
    eve.write("АDА", "it is me, Ada").await;
    eve.browser.page.find_text(".composer-reason", "belongs to somebody else", seconds(10)).await;
}
