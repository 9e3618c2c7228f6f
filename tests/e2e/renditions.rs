//! What an encoder sends in one size gets smaller ones, made by the relay's host, where it has cores to spare.

use std::process::Command;
use std::time::Duration;

use footlight_tests::browser::Setup;
use footlight_tests::net::{Between, Space};
use footlight_tests::process::Process;
use footlight_tests::relay::Relay;
use footlight_tests::scratch::Scratch;
use footlight_tests::wait::{self, seconds};
use footlight_tests::watch::{Shown, Viewer};
use footlight_tests::{Output, bins, clip, turn};
use serde_json::Value;

/// The picture, and its half.
const LARGE: f64 = 640.0;
const SMALL: f64 = 320.0;
/// Kilobits a second of the picture; its half gets a quarter.
const ASKED: u32 = 2400;
/// Kilobits a second of the link that carries just the half, and of the one that carries all.
const NARROW: u32 = 1000;
const WIDE: u32 = 8000;
/// Seconds of the half that are read.
const WATCHED: u64 = 6;
/// Programs for each core, to keep it busy.
const BUSY: usize = 2;

/// A relay with an encoder that publishes by RTMP, and two machines that watch.
struct Studio {
    server: Space,
    near: Space,
    far: Space,
    output: Output,
    _relay: Relay,
    _encoder: Process,
    _data: Scratch,
}

impl Studio {
    async fn set(name: &str) -> Self {
        let output = Output::new(name);
        let Between { first: near, server, second: far } = Between::new("near", "far");
        server.rate("server1", WIDE);
        let data = Scratch::new("relay");
        let rtmp = ["--rtmp", "127.0.0.1:1935"];
        let relay = Relay::start_in(&server, "relay", "0.0.0.0:8080", data.path(), &rtmp, &[], &output).await;
        let target = format!("rtmp://127.0.0.1:1935/live/{}", relay.ready.key());
        let encoder = clip::publish_noisy(&server, ASKED, &target, &output);
        Self { server, near, far, output, _relay: relay, _encoder: encoder, _data: data }
    }

    async fn watch(&self, space: &Space, name: &str, host: &str) -> Viewer {
        let link = format!("http://{host}:8080/main");
        let viewer = Viewer::open_in(Some(space), name, &link, Setup::default(), &self.output).await;
        viewer.in_state("playing", seconds(30)).await;
        viewer.until_width(LARGE, seconds(30)).await;
        viewer
    }

    /// Waits until the room says that about the sizes that are made.
    async fn until(&self, what: &str, limit: Duration, is: impl Fn(&Value) -> bool) -> Value {
        let door = self.server.door(8080);
        let room = format!("{}/api/v1/rooms/main", door.http());
        wait::until(what, limit, async || {
            let answer = footlight_tests::http::get(&room).await;
            serde_json::from_str(&answer.body).ok().filter(&is)
        })
        .await
    }
}

fn made(room: &Value, count: u64) -> bool {
    room["renditions"]["made"] == count
}

/// Of so many seconds of pictures, those whose number can be read and follows the one before.
async fn read(viewer: &Viewer, watched: u64) -> (Vec<Shown>, f64) {
    viewer.record().await;
    let before = viewer.shown(0).await.len();
    tokio::time::sleep(seconds(watched)).await;
    let shown = viewer.shown(before).await;
    let numbers: Vec<Option<u32>> = shown.iter().map(|frame| frame.counter).collect();
    (shown, clip::in_order(&numbers, clip::STEP))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encoders_picture_gets_a_smaller_one_for_the_viewer_who_needs_it() {
    let _turn = turn().await;
    let studio = Studio::set("renditions").await;
    let near = studio.watch(&studio.near, "near", "10.1.0.1").await;
    let far = studio.watch(&studio.far, "far", "10.2.0.1").await;
    let room = studio.until("a smaller picture is made", seconds(30), |room| {
        made(room, 1) && room["layers"].as_array().is_some_and(|layers| layers.len() == 2)
    });
    let room = room.await;
    assert_eq!(
        (room["layers"][0]["id"].as_str(), room["layers"][1]["id"].as_str()),
        (Some("whole"), Some("half"))
    );
    assert_eq!(
        (room["layers"][1]["width"].as_u64(), room["layers"][1]["height"].as_u64()),
        (Some(320), Some(180))
    );
    studio.server.rate("server1", NARROW);
    // This computer draws for two browsers as well: where that leaves nothing to spare for a moment, the half goes and
    // comes back, which is another story.
    let mut tries = 0;
    let (shown, order) = loop {
        far.until_width(SMALL, seconds(40)).await;
        let (shown, order) = read(&far, WATCHED).await;
        tries += 1;
        if tries == 3 || shown.iter().all(|frame| f64::from(frame.width) == SMALL) {
            break (shown, order);
        }
    };
    let figures =
        format!("the half: {} pictures in {WATCHED} s, {order:.3} in order, at try {tries}\n", shown.len());
    println!("{figures}");
    let least = WATCHED as usize * clip::FPS as usize / 2;
    assert!(shown.len() > least && order > 0.9, "{figures}");
    assert!(shown.iter().all(|frame| f64::from(frame.width) == SMALL), "{figures}");
    assert_eq!(near.width().await, LARGE, "the other viewer notices nothing");
    studio.server.rate("server1", WIDE);
    far.until_width(LARGE, seconds(40)).await;
    for viewer in [&near, &far] {
        assert_eq!(viewer.stats().await.connections_made(), 1, "nothing was negotiated anew");
        viewer.browser.screenshot_and_console(&studio.output).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_app_is_the_maker_for_the_relay_that_it_bundles() {
    let output = Output::new("renditions-app");
    // Handed nothing, it has nothing to make: it neither opens a window nor asks for a display.
    let mut maker = Process::start("maker", bins::command(bins::footlight()).arg("make-renditions"), &output);
    assert_eq!(maker.exit_code(seconds(10)).await, 0, "{}", maker.stderr());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_computer_with_nothing_to_spare_makes_none_and_says_so() {
    let _turn = turn().await;
    let studio = Studio::set("renditions-busy").await;
    let viewer = studio.watch(&studio.near, "near", "10.1.0.1").await;
    studio.until("a smaller picture is made", seconds(30), |room| made(room, 1)).await;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let busy: Vec<Process> = (0..cores * BUSY)
        .map(|n| {
            // Without a single pause: one that starts programs leaves gaps, and in them there is something to spare.
            let mut spin = Command::new("timeout");
            spin.args(["60", "sh", "-c", "while :; do :; done"]);
            Process::start(&format!("busy-{n}"), &mut spin, &studio.output)
        })
        .collect();
    studio
        .until("it gives way", seconds(20), |room| {
            made(room, 0) && room["renditions"]["held"] == "busy" && room.get("layers").is_none()
        })
        .await;
    assert_eq!(viewer.width().await, LARGE);
    drop(busy);
    studio.until("it is made again", seconds(60), |room| made(room, 1)).await;
    drop(viewer);
    studio.until("nobody watches", seconds(30), |room| room.get("renditions").is_none()).await;
}
