//! A broadcast in layers: each viewer gets the one that its link carries.

use std::process::Command;

use footlight_tests::browser::Setup;
use footlight_tests::net::Between;
use footlight_tests::relay::Relay;
use footlight_tests::scratch::Scratch;
use footlight_tests::studio::Headless;
use footlight_tests::wait::{self, seconds};
use footlight_tests::watch::Viewer;
use footlight_tests::{Output, tool, turn};

/// The picture, and its half.
const LARGE: f64 = 640.0;
const SMALL: f64 = 320.0;
/// Kilobits a second of the picture; its half gets a quarter.
const ASKED: u32 = 2400;
/// Kilobits a second of the link that carries just the half, and of the one that carries all.
const NARROW: u32 = 1000;
const WIDE: u32 = 8000;

#[tokio::test(flavor = "multi_thread")]
async fn a_narrow_link_gets_the_small_picture_and_a_wide_one_keeps_the_large() {
    let _turn = turn().await;
    let output = Output::new("layers-by-link");
    let Between { first: near, server, second: far } = Between::new("near", "far");
    // The studio is on it, and its multicast (mDNS) would fail as well.
    server.ip(&["route", "add", "default", "via", "10.1.0.2"]);
    server.rate("server1", WIDE);
    let data = Scratch::new("relay");
    let relay = Relay::start_in(&server, "relay", "0.0.0.0:8080", data.path(), &[], &[], &output).await;
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
    let mut studio = Headless::default()
        .size(640, 360)
        .fps(30)
        .camera(&format!("file:{}", clip.display()))
        .flag("--bitrate", &ASKED.to_string())
        .flag("--layers", "2")
        .to("whip+http://127.0.0.1:8080/whip/main", relay.ready.key())
        .start_in(Some(&server), "studio", &output)
        .await;
    studio.live(seconds(20)).await;

    let open = async |space, name, host: &str| {
        Viewer::open_in(Some(space), name, &format!("http://{host}:8080/main"), Setup::default(), &output)
            .await
    };
    let (near_viewer, far_viewer) =
        (open(&near, "near", "10.1.0.1").await, open(&far, "far", "10.2.0.1").await);
    for viewer in [&near_viewer, &far_viewer] {
        viewer.in_state("playing", seconds(30)).await;
        viewer.until_width(LARGE, seconds(30)).await;
    }
    let door = server.door(8080);
    let room = format!("{}/api/v1/rooms/main", door.http());
    wait::until("the room to list both layers", seconds(20), async || {
        let answer = footlight_tests::http::get(&room).await;
        let room: serde_json::Value = serde_json::from_str(&answer.body).ok()?;
        (room["layers"].as_array()?.len() == 2).then_some(())
    })
    .await;
    // Rates are known and the first keyframes are long past.
    tokio::time::sleep(seconds(3)).await;
    near_viewer.record().await;

    server.rate("server1", NARROW);
    let down = far_viewer.until_width(SMALL, seconds(10)).await;
    tokio::time::sleep(seconds(6)).await;
    assert_eq!(far_viewer.width().await, SMALL, "it stays there");
    let before = far_viewer.stats().await;
    tokio::time::sleep(seconds(8)).await;
    let after = far_viewer.stats().await;
    let frozen = after.video("totalFreezesDuration") - before.video("totalFreezesDuration");
    server.rate("server1", WIDE);
    let up = far_viewer.until_width(LARGE, seconds(40)).await;
    let shown = near_viewer.shown(0).await;
    let figures = format!(
        "{NARROW} kbit/s: the small picture after {down:.1?}, frozen {frozen:.2} s of the 8 s after it had settled; \
         {WIDE} kbit/s: the large one back after {up:.1?}; the other viewer saw {} pictures\n",
        shown.len()
    );
    output.write("figures.txt", &figures);
    println!("{figures}");
    assert!(down <= seconds(5), "{figures}");
    assert!(frozen < 1.0, "the small picture fits the link\n{figures}");
    assert!(shown.len() > 100 && shown.iter().all(|frame| f64::from(frame.width) == LARGE), "{figures}");
    for viewer in [&near_viewer, &far_viewer] {
        assert_eq!(viewer.stats().await.connections_made(), 1, "nothing was negotiated anew");
    }
}
