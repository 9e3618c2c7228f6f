//! The sound mixer: what is done in the window to a real microphone and to what the computer plays, and what a viewer
//! hears of it.

use footlight_tests::browser::Setup;
use footlight_tests::faces::studio as face;
use footlight_tests::microphone::{self, Microphone};
use footlight_tests::sound::BEEP_HERTZ;
use footlight_tests::wait::{self, seconds};
use footlight_tests::watch::Viewer;
use footlight_tests::webdriver::Session;
use footlight_tests::window::{OPENING, Opening, Window};
use footlight_tests::{Output, turn};

/// What the computer plays: its tone, and how loud that is.
const PLAYED_HERTZ: f64 = 1_500.0;
const PLAYED: f64 = 0.1;
const PLAYED_DB: f64 = -20.0;
/// The beep into the microphone.
const BEEP_DB: f64 = -6.0;
/// Less than this is no tone, in dB of full scale: where the beep begins and ends, a little of every tone is in it.
const INAUDIBLE: f64 = -40.0;
/// Opus and the resampler change a tone by less.
const NEAR_DB: f64 = 1.5;

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_hears_what_the_mixer_is_set_to() {
    let _turn = turn().await;
    let output = Output::new("mixer");
    let mut device = Microphone::start(&output).await;
    let _tone = device.speakers_play(PLAYED_HERTZ, PLAYED);
    let (microphone, environment) = (microphone::ID.to_owned(), device.environment());
    let opening = Opening { microphone, environment, ..Opening::default() };
    let window = Window::open_with(&opening, &output).await;
    let page = &window.page;
    wait::until("the meter moves", OPENING, async || {
        let peak: f64 = page.attribute("#meter", "data-peak-db").await?.parse().ok()?;
        (peak > -10.0).then_some(())
    })
    .await;
    window.screenshot(&output, "begin").await;
    page.click(face::GO_LIVE).await;
    page.wait_for_attribute(face::GO_LIVE, face::PHASE, "live", seconds(20)).await;
    let link = window.access().await.links.first().cloned().expect("there is a link to share");
    let viewer =
        Viewer::open("viewer", &link, Setup { sound_unasked: true, ..Setup::default() }, &output).await;
    viewer.playing(seconds(30)).await;
    let hears = async |what: &str, beep: Option<f64>, played: Option<f64>| {
        hears(&viewer, what, beep, played).await;
    };
    let microphone = |act: &str| format!("{} [data-act={act}]", face::MICROPHONE);
    let desktop = |act: &str| format!("{} [data-act={act}]", face::DESKTOP);
    hears("the microphone and not the computer", Some(BEEP_DB), None).await;

    // The fader, by hand, by the keyboard, and back by two clicks.
    slide(page, -20).await;
    hears("20 dB less", Some(BEEP_DB - 20.0), None).await;
    let fader = format!("{} {}", face::MICROPHONE, face::FADER);
    page.run(&format!("document.querySelector('{fader}').focus()")).await;
    page.type_keys("\u{e014}").await;
    page.wait_for_attribute(&fader, "aria-valuetext", "−19 dB", seconds(5)).await;
    let twice = "dispatchEvent(new MouseEvent('dblclick', { bubbles: true }))";
    page.run(&format!("document.querySelector('{fader}').{twice}")).await;
    page.wait_for_attribute(&fader, "aria-valuetext", "0 dB", seconds(5)).await;
    hears("as loud as before", Some(BEEP_DB), None).await;

    page.run("document.activeElement.blur()").await;
    page.type_keys("m").await;
    page.find(&format!("{}[aria-pressed=true]", microphone("mute"))).await;
    hears("nothing", None, None).await;
    window.screenshot(&output, "muted").await;

    // What the computer plays, apart from the microphone.
    page.switch(face::DESKTOP_ON).await;
    hears("the computer alone", None, Some(PLAYED_DB)).await;
    // Who listens to the microphone plays it on the speakers, which the computer's channel hears.
    page.click(&microphone("monitor")).await;
    hears("the microphone, from the speakers", Some(BEEP_DB), Some(PLAYED_DB)).await;
    page.click(&microphone("monitor")).await;
    page.click(&microphone("mute")).await;
    hears("both", Some(BEEP_DB), Some(PLAYED_DB)).await;
    window.screenshot(&output, "both").await;
    page.click(&desktop("solo")).await;
    hears("the computer, which is on solo", None, Some(PLAYED_DB)).await;
    window.screenshot(&output, "solo").await;
    page.click(&desktop("solo")).await;
    page.click(&desktop("mute")).await;
    hears("the microphone alone", Some(BEEP_DB), None).await;
    page.click(&desktop("mute")).await;

    // Push to talk, and the filters, in their dialog.
    page.click(&microphone("more")).await;
    page.switch("#push-to-talk").await;
    for filter in ["#reduce-noise", "#gate", "#even-out"] {
        page.switch(filter).await;
        page.find(&format!("{filter}:checked")).await;
    }
    page.run("document.querySelectorAll('#filters details').forEach(more => more.open = true)").await;
    page.find("#even-ratio").await;
    window.screenshot(&output, "filters").await;
    for filter in ["#reduce-noise", "#gate", "#even-out"] {
        page.switch(filter).await;
    }
    page.click("#filters .settings-head button").await;
    hears("nothing of a microphone that waits for its key", None, Some(PLAYED_DB)).await;
    window.screenshot(&output, "waiting").await;
    key(page, "keydown").await;
    page.find(&format!("{} .strip.talking", face::MICROPHONE)).await;
    hears("the microphone while the key is held", Some(BEEP_DB), Some(PLAYED_DB)).await;
    window.screenshot(&output, "talking").await;
    key(page, "keyup").await;
    hears("nothing of it again", None, Some(PLAYED_DB)).await;
    page.click(&microphone("more")).await;
    page.switch("#push-to-talk").await;
    page.click("#filters .settings-head button").await;
    hears("both, with no key", Some(BEEP_DB), Some(PLAYED_DB)).await;

    for (language, theme) in [("zh-CN", "dark"), ("en", "dark"), ("zh-CN", "light"), ("en", "light")] {
        window.prefer(language, theme).await;
        page.find(&desktop("mute")).await;
        window.screenshot(&output, &format!("studio-{language}-{theme}")).await;
        page.click(&microphone("more")).await;
        page.find("#filters[open] #delay").await;
        page.screenshot(&output, &format!("filters-{language}-{theme}")).await;
        page.click("#filters .settings-head button").await;
    }
    page.resize(960, 600).await;
    for language in ["en", "zh-CN"] {
        window.prefer(language, "light").await;
        page.find(&desktop("mute")).await;
        page.run("document.querySelector('#mixer').scrollIntoView({ block: 'end' })").await;
        window.screenshot(&output, &format!("narrow-{language}")).await;
        let wide = "const desk = document.querySelector('.desk'); return desk.scrollWidth > desk.clientWidth";
        assert_eq!(page.run(wide).await, false, "{language}: nothing is cut off at 960 pixels");
    }
    viewer.browser.screenshot_and_console(&output).await;
}

/// Waits until the viewer hears the beep and the tone as loud as that; not at all where nothing is said.
async fn hears(viewer: &Viewer, what: &str, beep: Option<f64>, played: Option<f64>) {
    let is = |db: f64, wanted: Option<f64>| match wanted {
        Some(wanted) => (db - wanted).abs() < NEAR_DB,
        None => db < INAUDIBLE,
    };
    let mut last = Vec::new();
    let heard = wait::within(seconds(15), async || {
        // A beep comes once a second.
        last = viewer.tones(std::time::Duration::from_millis(1_300), &[BEEP_HERTZ, PLAYED_HERTZ]).await;
        (is(last[0], beep) && is(last[1], played)).then_some(())
    })
    .await;
    assert!(heard.is_some(), "{what}: {beep:?} and {played:?} dB, but the viewer hears {last:?}");
    println!("{what}: {:.1} and {:.1} dB", last[0], last[1]);
}

/// Moves the microphone's fader as a hand does.
async fn slide(page: &Session, db: i32) {
    let script = format!(
        "const fader = document.querySelector('{} {}'); fader.value = {db}; \
         fader.dispatchEvent(new Event('input', {{ bubbles: true }}))",
        face::MICROPHONE,
        face::FADER
    );
    page.run(&script).await;
}

/// Presses the space bar, or lets go of it.
async fn key(page: &Session, kind: &str) {
    page.run(&format!(
        "document.body.dispatchEvent(new KeyboardEvent('{kind}', {{ key: ' ', code: 'Space', bubbles: true, cancelable: true }}))"
    ))
    .await;
}
