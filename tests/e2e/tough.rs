//! A studio that never stops: devices that come and go in numbers, that change or deliver nonsense, a monitor that is
//! sized, and a studio that stands still for a while. The viewer's session is the same from the first minute to the last.

use std::time::{Duration, Instant};

use footlight_protocol::scene::{Layer, Place, Scene, Scenes, Source};
use footlight_tests::aiortc::{self, Lips};
use footlight_tests::browser::Setup;
use footlight_tests::camera::Camera;
use footlight_tests::faces::viewer as watch;
use footlight_tests::microphone::Microphone;
use footlight_tests::pane::Pane;
use footlight_tests::pixels::coloured;
use footlight_tests::relay::Relay;
use footlight_tests::scratch::Scratch;
use footlight_tests::screen::Screen;
use footlight_tests::studio::{Headless, Studio};
use footlight_tests::wait::{self, seconds};
use footlight_tests::watch::Viewer;
use footlight_tests::{Output, turn};

const CAMERA_ROUNDS: usize = 100;
const MICROPHONE_ROUNDS: usize = 50;
/// From pulling it out to the card or the silence, and from putting it in to a running device.
const NOTICED: Duration = seconds(8);
const BACK: Duration = seconds(10);
/// How far sound and picture may have moved against each other.
const MOST_MOVED_MS: f64 = 20.0;
/// Beeps that make a figure; there is one each second.
const BEEPS: usize = 3;
/// What a device says of its first sound may be off by what it holds; the mixer's clock has it right after this.
const SETTLES: Duration = seconds(6);
const TOGETHER: Duration = seconds(25);
/// Threads and open files that may be there for a moment: of a device that is closing, or of a request.
const SLACK: usize = 3;

/// A broadcast from devices to a relay, and who watches it.
struct Show {
    camera: Camera,
    microphone: Microphone,
    studio: Studio,
    _relay: Relay,
    viewer: Viewer,
    lips: Lips,
    _data: Scratch,
    /// How far the sound is behind the picture, before anything happens, in milliseconds.
    behind: f64,
    holds: (usize, usize),
}

impl Show {
    async fn begin(output: &Output) -> Self {
        let data = Scratch::new("relay");
        let relay = Relay::start("relay", "127.0.0.1:0", data.path(), output).await;
        let camera = Camera::new(output).await;
        let microphone = Microphone::start_clocked(48_000, 0, output).await;
        let studio = Headless::default().between(&camera, "640x360,320x180", &microphone, &relay);
        let mut studio = studio.start("studio", output).await;
        studio.live(seconds(30)).await;
        for kind in ["camera", "microphone"] {
            source(&mut studio, 0, kind, "running", seconds(20)).await;
        }
        let setup = Setup { sound_unasked: true, ..Setup::default() };
        let viewer = Viewer::open("viewer", &relay.ready.watch, setup, output).await;
        viewer.playing(seconds(30)).await;
        viewer.mark().await;
        let lips = Lips::follow(&format!("{}/whep/main", relay.ready.http), output);
        let holds = studio.process.holds();
        let mut show =
            Self { camera, microphone, studio, _relay: relay, viewer, lips, _data: data, behind: 0.0, holds };
        tokio::time::sleep(SETTLES).await;
        show.behind = wait::until("beeps beside pictures", seconds(30), async || show.behind_since(0)).await;
        println!("the sound is {:.1} ms behind the picture", show.behind);
        show
    }

    async fn lost(&mut self, mark: usize, kind: &str) {
        source(&mut self.studio, mark, kind, "lost", NOTICED).await;
    }

    async fn running(&mut self, mark: usize, kind: &str) {
        source(&mut self.studio, mark, kind, "running", BACK).await;
    }

    /// How far the sound is behind the picture at the last few of the beeps since `from`; `None` before there are so many.
    fn behind_since(&self, from: usize) -> Option<f64> {
        let placed = self.lips.placed();
        let found = aiortc::behind(&placed[from.min(placed.len())..]);
        // The first one may be cut.
        let mut last = found.get(1..)?.last_chunk::<BEEPS>()?.to_owned();
        last.sort_by(f64::total_cmp);
        Some(last[BEEPS / 2])
    }

    /// All is as it was: sound and picture belong together, in the session that the viewer began with, and nothing has
    /// been left open.
    async fn is_as_before(&mut self, after: &str) {
        let (from, begun) = (self.lips.placed().len(), Instant::now());
        let mut moved = None;
        let together = wait::within(TOGETHER, async || {
            moved = self.behind_since(from).map(|behind| behind - self.behind);
            moved.filter(|moved| moved.abs() <= MOST_MOVED_MS)
        })
        .await;
        println!("{after}: sound and picture moved {moved:.1?} ms, after {:.1?}", begun.elapsed());
        assert!(together.is_some(), "{after}: sound and picture moved {moved:.1?} ms against each other");
        self.viewer.number(seconds(10), |number| number.age_ms < 1000.0).await;
        self.plays_on(after).await;
        assert_eq!(self.viewer.state().await.as_deref(), Some("playing"), "{after}");
        assert_eq!(self.viewer.stats().await.connections_made(), 1, "{after}: the viewer connected again");
        assert!(self.viewer.is_marked().await, "{after}: the page was loaded again");
        let (threads, files) = self.holds;
        let mut now = (0, 0);
        let kept = wait::within(seconds(10), async || {
            now = self.studio.process.holds();
            (now.0 <= threads + SLACK && now.1 <= files + SLACK).then_some(())
        })
        .await;
        println!("{after}: {now:?} threads and files, {:?} before", self.holds);
        assert!(kept.is_some(), "{after}: {now:?} threads and files, and there were {:?}", self.holds);
    }

    /// The viewer's picture goes on, whatever it shows.
    async fn plays_on(&self, what: &str) {
        /// A second's worth: more than a decoder's last queued pictures.
        const PICTURES: f64 = 30.0;
        let before = self.viewer.stats().await.frames_decoded();
        wait::until(&format!("{what}: the broadcast goes on"), seconds(5), async || {
            (self.viewer.stats().await.frames_decoded() >= before + PICTURES).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_comes_and_goes_changes_and_talks_nonsense() {
    let _turn = turn().await;
    let output = Output::new("tough-camera");
    let mut show = Show::begin(&output).await;

    let begun = Instant::now();
    for round in 0..CAMERA_ROUNDS {
        let mark = show.studio.process.mark();
        show.camera.unplug();
        show.lost(mark, "camera").await;
        let mark = show.studio.process.mark();
        show.camera.plug();
        show.running(mark, "camera").await;
        if round % 25 == 0 {
            show.plays_on("a replug of the camera").await;
        }
    }
    println!("{CAMERA_ROUNDS} replugs of the camera in {:.1?}", begun.elapsed());
    show.is_as_before("after the camera's replugs").await;

    for (format, small) in [("MJPG", true), ("NV12", false), ("YUYV", true), ("MJPG", false)] {
        let mark = show.studio.process.mark();
        show.camera.unplug();
        show.lost(mark, "camera").await;
        let mark = show.studio.process.mark();
        show.camera.offer(format, small);
        show.running(mark, "camera").await;
        show.viewer.number(BACK, |number| number.age_ms < 1000.0).await;
    }
    show.is_as_before("after the camera's formats").await;

    // The same picture over and over is a picture.
    show.camera.freeze();
    let frozen = show.viewer.number(BACK, |number| number.age_ms > 1500.0).await;
    show.plays_on("a camera that shows the same").await;
    show.camera.offer("MJPG", false);
    show.viewer.number(BACK, |number| number.counter > frozen.counter && number.age_ms < 1000.0).await;

    // Nonsense is none: a JPEG that cannot be read is no picture.
    let mark = show.studio.process.mark();
    show.camera.garbage();
    show.lost(mark, "camera").await;
    show.plays_on("a camera that sends no JPEG").await;
    let mark = show.studio.process.mark();
    show.camera.offer("YUYV", false);
    show.running(mark, "camera").await;
    show.viewer.number(BACK, |number| number.age_ms < 1000.0).await;
    // Where each byte is a pixel, it is a picture of noise.
    show.camera.garbage();
    wait::until("noise instead of the camera", NOTICED, async || {
        show.viewer.burned().await.is_none().then_some(())
    })
    .await;
    show.plays_on("a camera that sends noise").await;
    show.camera.plug();
    show.viewer.number(BACK, |number| number.age_ms < 1000.0).await;
    show.is_as_before("after the camera's nonsense").await;
    show.viewer.browser.screenshot_and_console(&output).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_microphone_comes_and_goes_and_changes_its_rate() {
    let _turn = turn().await;
    let output = Output::new("tough-microphone");
    let mut show = Show::begin(&output).await;
    let begun = Instant::now();
    for _ in 0..MICROPHONE_ROUNDS {
        replug(&mut show, 48_000).await;
    }
    println!("{MICROPHONE_ROUNDS} replugs of the microphone in {:.1?}", begun.elapsed());
    show.is_as_before("after the microphone's replugs").await;
    for rate in [44_100, 48_000] {
        replug(&mut show, rate).await;
        show.is_as_before(&format!("with a microphone at {rate} Hz")).await;
    }

    // All of the studio at once: what it missed is over, and what comes now is now.
    show.studio.process.suspend(true);
    tokio::time::sleep(seconds(5)).await;
    show.studio.process.suspend(false);
    show.viewer.number(seconds(15), |number| number.age_ms < 1000.0).await;
    show.is_as_before("after five seconds of standing still").await;
    show.viewer.browser.screenshot_and_console(&output).await;
}

async fn replug(show: &mut Show, rate: u32) {
    let mark = show.studio.process.mark();
    show.microphone.unplug();
    show.lost(mark, "microphone").await;
    let mark = show.studio.process.mark();
    show.microphone.plug_clocked(rate, 0);
    show.running(mark, "microphone").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monitor_is_sized_while_it_is_shown() {
    const RED: [u8; 3] = [200, 30, 30];
    const BLACK: [u8; 3] = [0, 0, 0];
    let _turn = turn().await;
    let output = Output::new("tough-monitor");
    let screen = Screen::start(&output).await;
    let _all = Pane::open(&screen, "Everywhere", (0, 0), (1440, 1000), RED);
    let data = Scratch::new("studio");
    let layers = vec![Layer::new(Source::Screen { id: screen.monitor() }, Place::WHOLE)];
    let scenes = Scenes { scenes: vec![Scene { name: String::new(), layers }], ..Scenes::default() };
    std::fs::create_dir(data.path().join("scenes")).expect("the folder is ours");
    let kept = serde_json::to_vec(&scenes).expect("they can be written");
    std::fs::write(data.path().join("scenes/scenes.json"), kept).expect("the folder is ours");
    // A process of its own: what the relay opens for viewers is not counted.
    let relays = Scratch::new("relay");
    let relay = Relay::start("relay", "127.0.0.1:0", relays.path(), &output).await;
    let mut studio = Headless::default()
        .size(640, 360)
        .data(data.path())
        .to(&relay.whip(), relay.ready.key())
        .environment("DISPLAY", screen.display())
        .start("studio", &output)
        .await;
    studio.live(seconds(30)).await;
    let viewer = Viewer::open("viewer", &relay.ready.watch, Setup::default(), &output).await;
    let page = &viewer.browser.page;
    viewer.in_state("playing", seconds(30)).await;
    viewer.mark().await;
    // It is less wide than the picture, then as wide, then wider. The pointer is in the middle.
    let (side, top, within) = ((0.02, 0.5), (0.5, 0.03), (0.4, 0.3));
    coloured(page, "#video", within, RED).await;
    coloured(page, "#video", side, BLACK).await;
    let holds = studio.process.holds();
    for round in 0..10 {
        screen.resize(1280, 720);
        coloured(page, "#video", side, RED).await;
        screen.resize(1200, 500);
        coloured(page, "#video", top, BLACK).await;
        screen.resize(800, 600);
        coloured(page, "#video", side, BLACK).await;
        coloured(page, "#video", within, RED).await;
        assert_eq!(page.attribute(watch::PLAYER, watch::STATE).await.as_deref(), Some("playing"), "{round}");
    }
    let now = studio.process.holds();
    assert!(now.0 <= holds.0 + SLACK && now.1 <= holds.1 + SLACK, "{now:?} of {holds:?} threads and files");
    assert_eq!(viewer.stats().await.connections_made(), 1);
    assert!(viewer.is_marked().await);
    viewer.browser.screenshot_and_console(&output).await;
}

/// Waits until a source is said to do so.
async fn source(studio: &mut Studio, mark: usize, kind: &str, state: &str, limit: Duration) {
    studio.process.event_after(mark, kind, limit, |event| event["state"]["state"] == state).await;
}
