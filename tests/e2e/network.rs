//! Networks that lose packets and links that change their width, between machines of a network of the tests' own.

use std::process::Command;
use std::time::Duration;

use footlight_tests::browser::Setup;
use footlight_tests::net::{Between, Space};
use footlight_tests::relay::Relay;
use footlight_tests::scratch::Scratch;
use footlight_tests::studio::{Headless, Studio};
use footlight_tests::wait::{self, seconds};
use footlight_tests::watch::Viewer;
use footlight_tests::{Output, tool, turn};

/// Loss in percent, on the way to the relay for half of the run and on the way to the viewer for the other half, and what
/// share of the run may be frozen for it, in percent.
const LOSSES: [(f64, f64); 3] = [(1.0, 0.5), (3.0, 1.0), (5.0, 2.0)];
/// One freeze that Chromium counts is at least 150 ms, so a run has to be longer than thirty of them.
const HALF: Duration = seconds(30);
/// Rate control and jitter buffers have settled by then.
const SETTLE: Duration = seconds(5);

/// Kilobits a second of the link to the relay, and of the broadcast that it carries.
const WIDE: u32 = 6000;
const NARROW: u32 = 1000;
const ASKED: u32 = 4000;

/// A creator, a server and a viewer, each on a machine of its own.
struct Lab {
    creator: Space,
    server: Space,
    viewer: Space,
}

impl Lab {
    fn new() -> Self {
        let Between { first: creator, server, second: viewer } = Between::new("creator", "viewer");
        Self { creator, server, viewer }
    }

    async fn relay(&self, data: &Scratch, output: &Output) -> Relay {
        Relay::start_in(&self.server, "relay", "0.0.0.0:8080", data.path(), &[], &[], output).await
    }

    async fn publisher(&self, relay: &Relay, camera: Option<&str>, output: &Output) -> Studio {
        let mut studio = Headless::default()
            .size(640, 360)
            .fps(30)
            .to("whip+http://10.1.0.1:8080/whip/main", relay.ready.key());
        if let Some(camera) = camera {
            studio = studio.camera(camera).flag("--bitrate", &ASKED.to_string());
        }
        let mut studio = studio.start_in(Some(&self.creator), "studio", output).await;
        studio.live(seconds(20)).await;
        studio
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lossy_network_hardly_freezes_the_picture() {
    let _turn = turn().await;
    let output = Output::new("network-loss");
    let (lab, data) = (Lab::new(), Scratch::new("relay"));
    let relay = lab.relay(&data, &output).await;
    let _studio = lab.publisher(&relay, None, &output).await;
    let viewer =
        Viewer::open_in(Some(&lab.viewer), "viewer", "http://10.2.0.1:8080/main", Setup::default(), &output)
            .await;
    viewer.playing(seconds(20)).await;
    let mut figures = String::new();
    let mut frozen = Vec::new();
    let ways = [(&lab.server, "server0"), (&lab.viewer, "viewer0")];
    for (percent, _) in LOSSES {
        let (mut frozen_s, mut watched_ms) = (0.0, 0.0);
        for (space, interface) in ways {
            space.loss(interface, percent);
            tokio::time::sleep(SETTLE).await;
            let before = viewer.stats().await;
            tokio::time::sleep(HALF).await;
            let after = viewer.stats().await;
            let lost = space.lost(interface);
            space.loss(interface, 0.0);
            let grown = |name: &str| after.video(name) - before.video(name);
            frozen_s += grown("totalFreezesDuration");
            watched_ms += after.at_ms() - before.at_ms();
            figures += &format!(
                "{percent} % at {interface}: {lost} packets lost, {} asked for again, {} frames decoded, {} freezes\n",
                grown("nackCount"),
                grown("framesDecoded"),
                grown("freezeCount"),
            );
            assert!(lost > 10, "the network was lossy\n{figures}");
            assert!(grown("framesDecoded") > HALF.as_secs_f64() * 25.0, "it played\n{figures}");
        }
        let share = 100_000.0 * frozen_s / watched_ms;
        figures += &format!("{percent} %: {share:.2} % frozen\n");
        frozen.push(share);
    }
    output.write("figures.txt", &figures);
    viewer.browser.screenshot_and_console(&output).await;
    println!("{figures}");
    assert_eq!(viewer.stats().await.connections_made(), 1);
    for ((percent, most), share) in LOSSES.iter().zip(frozen) {
        assert!(share <= *most, "at {percent} % loss {share:.2} % of the run was frozen\n{figures}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bitrate_follows_the_link_down_and_up_again() {
    let _turn = turn().await;
    let output = Output::new("network-step");
    let (lab, data) = (Lab::new(), Scratch::new("relay"));
    // A picture that needs what it is given: moving, with noise.
    let clip = data.path().join("noise.y4m");
    let mut draw = Command::new(tool::find("ffmpeg", "ffmpeg"));
    draw.args([
        "-loglevel",
        "error",
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=640x360:rate=30,noise=alls=40:allf=t",
    ]);
    draw.args(["-frames:v", "120", "-pix_fmt", "yuv420p", "-y"]).arg(&clip);
    assert!(draw.status().expect("ffmpeg starts").success(), "ffmpeg draws the clip");

    lab.creator.rate("creator0", WIDE);
    let relay = lab.relay(&data, &output).await;
    let studio = lab.publisher(&relay, Some(&format!("file:{}", clip.display())), &output).await;
    let rate = |name: &str| studio.stats().and_then(|stats| stats[name].as_f64()).unwrap_or(0.0);
    wait::until("the broadcast fills its bitrate", seconds(20), async || {
        (rate("bitrate_kbps") > f64::from(ASKED) * 0.8).then_some(())
    })
    .await;
    let before = rate("bitrate_kbps");

    let mut course = Vec::new();
    let mut below = None;
    let mut lowest = f64::MAX;
    lab.creator.rate("creator0", NARROW);
    // A figure a second, each of the second before it.
    for second in 1..=12 {
        tokio::time::sleep(seconds(1)).await;
        let now = rate("bitrate_kbps");
        course.push(now);
        lowest = lowest.min(now);
        if now <= f64::from(NARROW) {
            below.get_or_insert(second);
        }
    }
    let mut back = None;
    lab.creator.rate("creator0", WIDE);
    for second in 1..=14 {
        tokio::time::sleep(seconds(1)).await;
        let now = rate("bitrate_kbps");
        course.push(now);
        if now >= before * 0.8 {
            back.get_or_insert(second);
        }
    }
    let figures = format!(
        "{before:.0} kbit/s before; each second after {WIDE} → {NARROW} → {WIDE} kbit/s: {course:.0?}\n\
         under the link after {below:?} s, lowest {lowest:.0}; back to 80 % after {back:?} s\n"
    );
    output.write("figures.txt", &figures);
    println!("{figures}");
    // The figure of a whole second is one second old.
    assert!(below.is_some_and(|second| second <= 3 + 1), "{figures}");
    assert!(back.is_some_and(|second| second <= 10 + 1), "{figures}");
    assert!(
        course[8..12].iter().all(|rate| *rate > f64::from(NARROW) * 0.4),
        "it uses the narrow link\n{figures}"
    );
}
