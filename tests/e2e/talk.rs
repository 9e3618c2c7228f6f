//! An answer, a mention and a link; and a message that viewers report until its author is warned.

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
        "const row = [...document.querySelectorAll('.message')].find(m => \
           m.querySelector('.message-text')?.textContent.includes('{text}')); \
         row?.dispatchEvent(new PointerEvent('pointerenter')); \
         const button = row?.querySelector('{button}'); button?.click(); return !!button"
    );
    wait::until(&format!("{button} on {text:?}"), seconds(10), async || {
        (page.run(&script).await == true).then_some(())
    })
    .await;
}

async fn holds(page: &Session, what: &str, script: &str) {
    let script = format!("return {script}");
    wait::until(what, seconds(10), async || (page.run(&script).await == true).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_answer_name_and_report_each_other() {
    let _turn = turn().await;
    let output = Output::new("talk");
    let window = Window::open(&output).await;
    window.page.click(face::GO_LIVE).await;
    window.page.wait_for_attribute(face::GO_LIVE, face::PHASE, "live", seconds(20)).await;
    let link = window.access().await.links.first().cloned().expect("there is a link to share");
    let phone = Setup { language: "zh-CN", dark: true, phone: Some((390, 844)), ..Setup::default() };
    let ada = Viewer::open("ada", &link, phone, &output).await;
    let bob = Viewer::open("bob", &link, Setup::default(), &output).await;
    ada.say("小雨", "今晚几点开始？看 https://example.org/schedule?d=1。").await;
    bob.say("Bob", "good evening").await;

    // The answer quotes, leads back, and stands out for the one who is answered.
    let (page, hers) = (&bob.browser.page, &ada.browser.page);
    press(page, "今晚几点", ".answer").await;
    page.find_text("#answering", "今晚几点", seconds(5)).await;
    page.screenshot(&output, "answering").await;
    page.type_into(viewer_face::CHAT_INPUT, "at eight\u{e007}").await;
    hers.find_text(".message.to-me button.quote", "今晚几点", seconds(10)).await;
    holds(page, "the composer is free", "document.querySelector('#answering') === null").await;
    page.click("button.quote").await;
    holds(page, "the message is pointed at", "document.querySelector('.message.pointed') !== null").await;
    let link_of = "document.querySelector('.message-text a.link')";
    let check = format!(
        "{link_of}.href === 'https://example.org/schedule?d=1' && {link_of}.target === '_blank' && \
         {link_of}.rel === 'noopener noreferrer nofollow ugc'"
    );
    holds(page, "the link leads where it says", &check).await;

    // A name that is begun is offered, and the one who is named sees it.
    page.type_into(viewer_face::CHAT_INPUT, "thanks @小").await;
    page.find_text("#mentions", "小雨", seconds(5)).await;
    page.screenshot(&output, "mentions").await;
    page.type_keys("\u{e007}").await;
    holds(page, "the name is whole", "document.querySelector('#chat-input').value === 'thanks @小雨 '").await;
    page.type_keys("\u{e007}").await;
    hers.find_text(".message.to-me .named", "@小雨", seconds(10)).await;

    // A report, with words, and what comes of it.
    let mallory = Viewer::open("mallory", &link, Setup::default(), &output).await;
    mallory.say("Mallory", "you are all fools").await;
    press(hers, "all fools", ".report").await;
    hers.click(".ground:nth-of-type(2)").await;
    hers.type_into("#report-words", "他在骂人").await;
    hers.screenshot(&output, "report-phone").await;
    hers.click("#report-send").await;
    hers.find_text("#report-title", "谢谢", seconds(10)).await;
    hers.click("#report-close").await;
    window.page.click(face::TAB_HELD).await;
    window.page.find_text("[data-report]", "他在骂人", seconds(10)).await;
    window.screenshot(&output, "reports").await;
    window.page.run("document.querySelector('[data-report]').focus()").await;
    window.page.type_keys("a").await;
    mallory.browser.page.find_text("#notice", "Insults", seconds(10)).await;
    mallory.browser.page.screenshot(&output, "notice").await;
    let gone = "!document.querySelector('#chat-log').textContent.includes('all fools')";
    for page in [hers, page, &mallory.browser.page] {
        holds(page, "the message is gone", gone).await;
    }
    // The record, as a table.
    window.page.click("#record-download").await;
    holds(
        &window.page,
        "the record was handed over",
        "!document.querySelector('#record-download').disabled && !document.querySelector('.record .field-wrong')",
    )
    .await;
    // What is answered goes from the answer, too.
    window.page.click("#tab-chat").await;
    press(&window.page, "今晚几点", ".delete").await;
    hers.find_text(".message .quote.gone", "消息已移除", seconds(10)).await;
    hers.screenshot(&output, "phone").await;
    window.screenshot(&output, "window").await;
    ada.browser.screenshot_and_console(&output).await;
    bob.browser.screenshot_and_console(&output).await;
}
