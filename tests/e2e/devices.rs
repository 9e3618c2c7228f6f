//! Real device code on devices that come and go in the middle of a broadcast.

use footlight_tests::browser::Setup;
use footlight_tests::camera::{self, Camera};
use footlight_tests::microphone::Microphone;
use footlight_tests::process::Process;
use footlight_tests::sound::beeps;
use footlight_tests::studio::{Headless, Studio};
use footlight_tests::wait::{self, seconds};
use footlight_tests::watch::Viewer;
use footlight_tests::{Output, bins, turn};

const ROUNDS: u32 = 10;
/// From pulling it out to the card, or to silence.
const NOTICED: std::time::Duration = seconds(5);
/// From putting it in to the first picture of it: devices are looked for about once a second.
const BACK: std::time::Duration = seconds(8);
/// Between silence and a beep, in dB of full scale.
const AUDIBLE: f64 = -40.0;

#[tokio::test(flavor = "multi_thread")]
async fn camera_and_microphone_are_pulled_out_ten_times_and_viewers_keep_watching() {
    let _turn = turn().await;
    let output = Output::new("devices");
    let camera = Camera::new(&output).await;
    let mut microphone = Microphone::start(&output).await;
    let mut studio = broadcast(&camera, Some(&microphone), &output).await;
    let setup = Setup { sound_unasked: true, ..Setup::default() };
    let viewer = Viewer::open("viewer", &studio.ready.watch, setup, &output).await;
    let mut last = viewer.playing(seconds(20)).await;
    viewer.mark().await;
    hears_a_beep(&viewer).await;
    viewer.browser.page.screenshot(&output, "plugged-in").await;

    for round in 1..=ROUNDS {
        camera.unplug();
        microphone.unplug();
        wait::until("the card instead of the camera", NOTICED, async || {
            viewer.burned().await.is_none().then_some(())
        })
        .await;
        keeps_decoding(&viewer).await;
        if round == 1 {
            viewer.browser.page.screenshot(&output, "card").await;
        }
        let silence = beeps(&viewer.loudness(seconds(2)).await);
        assert!(silence.loudest < AUDIBLE, "round {round}: a microphone that is out is silent: {silence:?}");

        camera.plug();
        microphone.plug();
        last = viewer.number(BACK, |number| number.counter > last.counter && number.age_ms < 1000.0).await;
        hears_a_beep(&viewer).await;
        assert_eq!(viewer.state().await.as_deref(), Some("playing"), "round {round}");
    }
    let stats = viewer.stats().await;
    assert_eq!(stats.connections_made(), 1, "the viewer never had to connect again");
    assert!(viewer.is_marked().await, "the page was never loaded again");
    assert!(!studio.process.ended());
    viewer.browser.screenshot_and_console(&output).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_of_a_camera_shows_the_right_picture() {
    let _turn = turn().await;
    let output = Output::new("camera-formats");
    for format in ["YUYV", "MJPG", "NV12"] {
        let camera = Camera::new(&output).await.formats(format);
        let studio = broadcast(&camera, None, &output).await;
        let viewer =
            Viewer::open(&format!("viewer-{format}"), &studio.ready.watch, Setup::default(), &output).await;
        let first = viewer.playing(seconds(20)).await;
        let later = viewer.number(seconds(5), |number| number.counter >= first.counter + 30).await;
        assert!(later.age_ms < 1000.0, "{format}: {later:?}");
        viewer.browser.screenshot_and_console(&output).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_that_stops_without_a_word_is_opened_again() {
    let _turn = turn().await;
    let output = Output::new("camera-stall");
    let camera = Camera::new(&output).await;
    let studio = broadcast(&camera, None, &output).await;
    let viewer = Viewer::open("viewer", &studio.ready.watch, Setup::default(), &output).await;
    let first = viewer.playing(seconds(20)).await;
    camera.stall();
    wait::until("the card instead of the camera", seconds(15), async || {
        viewer.burned().await.is_none().then_some(())
    })
    .await;
    keeps_decoding(&viewer).await;
    camera.plug();
    viewer.number(seconds(15), |number| number.counter > first.counter && number.age_ms < 1000.0).await;
}

/// A broadcast from the devices, by the identities that the program itself lists.
async fn broadcast(camera: &Camera, microphone: Option<&Microphone>, output: &Output) -> Studio {
    let mut environment = camera.environment();
    environment.extend(microphone.map(Microphone::environment).unwrap_or_default());
    let mut command = bins::command(bins::footlight());
    command.args(["--list-devices", "--json"]).envs(environment.iter().map(|(name, value)| (name, value)));
    let mut listing = Process::start("list-devices", &mut command, output);
    assert_eq!(listing.exit_code(seconds(20)).await, 0, "{}", listing.stderr());
    let text = listing.lines().join("\n");
    let id = |kind: &str, name: &str| {
        device_id(&text, kind, name)
            .unwrap_or_else(|| panic!("no {kind} called {name:?} among the devices:\n{text}"))
    };
    let camera_id = id("cameras", camera::NAME);
    let microphone_id = microphone.map_or("none".to_owned(), |_| id("microphones", "Test"));
    let headless =
        Headless::default().camera(&camera_id).microphone(&microphone_id).environments(environment);
    let mut studio = headless.start("footlight", output).await;
    studio.live(seconds(20)).await;
    studio
}

/// The id of the first device of this kind whose name begins so.
fn device_id(listing: &str, kind: &str, name: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(listing).ok()?;
    let devices = value[kind].as_array()?;
    let device =
        devices.iter().find(|device| device["name"].as_str().is_some_and(|n| n.starts_with(name)))?;
    Some(device["id"].as_str()?.to_owned())
}

async fn keeps_decoding(viewer: &Viewer) {
    /// A second's worth: more than a decoder's last queued frames.
    const FRAMES: f64 = 30.0;
    let before = viewer.stats().await.frames_decoded();
    wait::until("frames go on without the camera", seconds(3), async || {
        (viewer.stats().await.frames_decoded() >= before + FRAMES).then_some(())
    })
    .await;
}

async fn hears_a_beep(viewer: &Viewer) {
    let mut last = None;
    let heard = wait::within(BACK, async || {
        let heard = beeps(&viewer.loudness(seconds(2)).await);
        last = Some(heard);
        (heard.count > 0 && heard.loudest > AUDIBLE && heard.softest < AUDIBLE).then_some(())
    })
    .await;
    assert!(heard.is_some(), "no beep within {BACK:?}; the last two seconds were {last:?}");
}
