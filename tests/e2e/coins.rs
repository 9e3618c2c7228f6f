//! A viewer pays outside of Footlight, and the creator gives the coins or says why not.

use footlight_tests::browser::Setup;
use footlight_tests::faces::{studio as face, viewer as viewer_face};
use footlight_tests::wait::seconds;
use footlight_tests::watch::Viewer;
use footlight_tests::window::Window;
use footlight_tests::{Output, turn};

/// Draws a picture as a creator would have it from their bank.
const CODE: &str = "
    pen.fillStyle = '#fff'; pen.fillRect(0, 0, 420, 420); pen.fillStyle = '#111';
    let seed = 7;
    for (let y = 0; y < 29; y++) for (let x = 0; x < 29; x++) {
        seed = (seed * 1103515245 + 12345) % 2147483648;
        if (seed % 2) pen.fillRect(36 + x * 12, 36 + y * 12, 12, 12);
    }";

#[tokio::test(flavor = "multi_thread")]
async fn who_has_paid_gets_coins_or_hears_why_not() {
    let _turn = turn().await;
    let output = Output::new("coins");
    let window = Window::open(&output).await;
    let link = window.access().await.links.first().cloned().expect("there is a link to share");

    // The creator says how coins are had.
    window.page.click("#open-settings").await;
    for (row, (coins, price)) in [("60", "6"), ("300", "28.00"), ("1000", "88")].into_iter().enumerate() {
        window.page.click("#offer-add").await;
        let row = format!(".offer-row:nth-of-type({})", row + 1);
        window.page.type_into(&format!("{row} .offer-coins"), coins).await;
        window.page.type_into(&format!("{row} .offer-price"), price).await;
    }
    window
        .page
        .run(
            "const select = document.querySelector('#offer-currency'); select.value = 'cny'; \
        select.dispatchEvent(new Event('change', { bubbles: true }))",
        )
        .await;
    window.page.type_into("#offer-how", "微信扫码付款，备注写你的昵称").await;
    window.page.click("#offer-save").await;
    window.page.choose_picture("#offer-picture", "pay.png", (420, 420), CODE).await;
    window.page.find(".offer-picture img").await;
    window.page.run("document.querySelector('.offer').scrollIntoView()").await;
    window.screenshot(&output, "settings").await;
    window.page.click("#settings .settings-head button").await;

    // A viewer pays.
    let phone = Setup { language: "zh-CN", dark: true, phone: Some((390, 844)), ..Setup::default() };
    let lin = Viewer::open("lin", &link, phone, &output).await;
    lin.say("琳", "主播好").await;
    lin.browser.page.click(viewer_face::GIFT_OPEN).await;
    lin.browser.page.screenshot(&output, "tray-phone").await;
    lin.browser.page.click("#coins-get").await;
    lin.browser.page.find_text(".pack", "¥28.00", seconds(5)).await;
    lin.browser.page.click(".pack:nth-of-type(2)").await;
    lin.browser.page.find_text(".pay-text", "备注写你的昵称", seconds(5)).await;
    lin.browser.page.type_into("#pay-reference", "4821").await;
    tokio::time::sleep(seconds(1)).await;
    lin.browser.page.screenshot(&output, "pay-phone").await;
    lin.browser.page.click("#pay-sent").await;
    lin.browser.page.find_text(".my-top-ups", "4821", seconds(5)).await;
    lin.browser.page.click(".pack:nth-of-type(1)").await;
    lin.browser.page.click("#pay-sent").await;
    lin.browser.page.screenshot(&output, "waiting-phone").await;
    lin.browser.page.click(".get-coins-head button").await;

    // The creator decides by keyboard: the first is given, the second is not.
    window.page.find_text("#tab-top-ups", "2", seconds(10)).await;
    window.page.run("document.body.focus()").await;
    window.page.type_keys("p").await;
    window.page.find_text("[data-top-up]", "4821", seconds(5)).await;
    window.screenshot(&output, "queue").await;
    window.page.type_keys("a").await;
    lin.browser.page.find_text(".coin-notice", "300 金币已到账", seconds(10)).await;
    window.page.find_text("#tab-top-ups", "1", seconds(10)).await;
    window.page.type_keys("x").await;
    window.page.find("#top-up-why").await;
    window.page.type_into("#top-up-why", "没有收到这笔付款").await;
    window.screenshot(&output, "reason").await;
    window.page.type_keys("\u{e007}").await;
    lin.browser.page.find_text(".coin-notice", "没有收到这笔付款", seconds(10)).await;
    window.page.find_text("#top-ups", "Nobody waits for coins", seconds(5)).await;
    lin.browser.page.screenshot(&output, "told-phone").await;

    // What was not read is told again when they come back; what was read is not.
    lin.browser.page.click(".coin-notice:not(.declined) button").await;
    lin.browser.page.reload().await;
    lin.browser.page.find_text(".coin-notice", "没有收到这笔付款", seconds(10)).await;
    assert_eq!(lin.browser.page.count(".coin-notice").await, 1);
    lin.browser.page.click(viewer_face::GIFT_OPEN).await;
    lin.browser.page.find_text(viewer_face::COINS, "300", seconds(5)).await;
    lin.browser.page.click("[data-gift=rose]").await;
    lin.browser.page.click(viewer_face::GIFT_SEND).await;
    lin.browser.page.find_text(viewer_face::COINS, "299", seconds(5)).await;
    window.page.click("#tab-chat").await;
    window.page.find_text(face::MESSAGE, "主播好", seconds(5)).await;
    lin.browser.screenshot_and_console(&output).await;
}
