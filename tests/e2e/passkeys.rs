//! Passkeys: an account that is made and signed in to by a device alone, in a real browser with an authenticator of its driver.

use footlight_tests::browser::Setup;
use footlight_tests::faces::studio as face;
use footlight_tests::wait::seconds;
use footlight_tests::watch::Viewer;
use footlight_tests::webdriver::Session;
use footlight_tests::window::Window;
use footlight_tests::{Output, turn};
use serde_json::{Value, json};

async fn picture(page: &Session, output: &Output, name: &str) {
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    page.screenshot(output, name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_signs_in_without_a_password() {
    let _turn = turn().await;
    let output = Output::new("passkeys");
    let window = Window::open(&output).await;
    window.page.click(face::GO_LIVE).await;
    window.page.wait_for_attribute(face::GO_LIVE, face::PHASE, "live", seconds(20)).await;
    let link = window.access().await.links.first().cloned().expect("there is a link to share");

    // Where the address is one of digits the page says why there are none.
    let digits = Viewer::open("digits", &link, Setup::default(), &output).await;
    digits.browser.page.click("#me-open").await;
    if link.contains("127.0.0.1") {
        digits.browser.page.find_text("#passkey-none", "not numbers", seconds(10)).await;
    }
    drop(digits);

    let mut named = url::Url::parse(&link).expect("a link");
    named.set_host(Some("localhost")).expect("a link with a host");
    let ada = Viewer::open("ada", named.as_str(), Setup::default(), &output).await;
    let page = &ada.browser.page;
    ada.browser.cdp("WebAuthn.enable", json!({})).await;
    let options = json!({
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": true, "hasUserVerification": true,
        "isUserVerified": true, "automaticPresenceSimulation": true,
    });
    let device = ada.browser.cdp("WebAuthn.addVirtualAuthenticator", json!({ "options": options })).await;
    let id = device["authenticatorId"].clone();
    let verified = async |so: bool| {
        let wish = json!({ "authenticatorId": id, "isUserVerified": so });
        ada.browser.cdp("WebAuthn.setUserVerified", wish).await
    };
    ada.say("Ada", "Hello").await;
    let person = async || page.run("return localStorage.getItem('footlight.token').split('.')[0]").await;
    let me: Value = person().await;

    page.click("#me-open").await;
    page.click("#account-make").await;
    picture(page, &output, "make").await;
    // Whoever does not prove that it is them is where they were.
    verified(false).await;
    page.click("#passkey-make").await;
    page.find_text("#me [role=alert]", "Nothing has changed", seconds(30)).await;
    verified(true).await;
    page.click("#passkey-make").await;
    page.find_text("#account-name", "signed in as Ada", seconds(20)).await;
    page.find_text("#passkeys", "This device", seconds(10)).await;
    assert_eq!(person().await, me, "the same person as the guest");
    picture(page, &output, "mine").await;
    page.click("#passkeys button").await;
    page.find_text("#me [role=alert]", "only way into your account", seconds(10)).await;

    page.click("#account-sign-out").await;
    page.find("#me-open").await;
    page.click("#me-open").await;
    page.find("#passkey-sign-in").await;
    assert_ne!(person().await, me);
    page.click("#passkey-sign-in").await;
    page.find_text(".name-change", "Chatting as Ada", seconds(20)).await;
    assert_eq!(person().await, me, "the same person again");
    page.click("#me-open").await;
    page.find_text("#passkeys", "last used", seconds(10)).await;
    picture(page, &output, "used").await;
}
