//! A busy computer and a narrow line: less of the picture goes out, all of the sound, and the rest comes back.

use std::process::Command;
use std::time::{Duration, Instant};

use footlight_tests::browser::Setup;
use footlight_tests::load::Load;
use footlight_tests::net::Between;
use footlight_tests::relay::Relay;
use footlight_tests::scratch::Scratch;
use footlight_tests::sound::Heard;
use footlight_tests::studio::{Headless, Studio};
use footlight_tests::wait::{self, seconds};
use footlight_tests::watch::Viewer;
use footlight_tests::{Output, tool, turn};
use serde_json::Value;

/// What the project promises between the load and the first thing that is given up. Told and not asserted: the machine has
/// other things to do, too.
const PROMISED: Duration = seconds(5);
/// Room has to last for ten seconds for each step back.
const BACK: Duration = seconds(120);
/// How long the load stays once something has been given up.
const STAYS: Duration = seconds(8);

/// Kilobits a second of the link to the relay, and of the broadcast that it carries.
const WIDE: u32 = 6000;
const NARROW: u32 = 260;
const ASKED: u32 = 2400;

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_computer_sends_fewer_pictures_and_every_sound() {
    let _turn = turn().await;
    let output = Output::new("adapt-computer");
    let scratch = Scratch::new("adapt");
    let mut studio = Headless::endless(scratch.path()).start("studio", &output).await;
    studio.live(seconds(30)).await;
    let viewer = Viewer::open("viewer", &studio.ready.watch, Setup::default(), &output).await;
    viewer.playing(seconds(30)).await;
    viewer.mark().await;
    whole(&mut studio, seconds(90)).await;
    let listening = Heard::listen(&format!("{}/live/main.flv", studio.ready.http), &output).await;

    let mark = studio.process.mark();
    let (load, took, eased) = Load::until_eased(&studio, mark).await;
    assert_eq!(eased["strain"], "computer");
    assert_eq!(eased["fps"], 15, "half of the rate is given up first");
    tokio::time::sleep(STAYS).await;
    let fps = studio.figures(studio.process.mark().saturating_sub(8), "fps");
    plays_on(&viewer).await;
    let programs = load.programs();
    drop(load);
    let ended = Instant::now();
    whole(&mut studio, BACK).await;
    let back = ended.elapsed();
    let heard = listening.end().await;
    plays_on(&viewer).await;

    let figures = format!(
        "{} programs beside it: less goes out {:.1} s after the last began (promised: {} s), all of it {:.1} s after they \
         ended; pictures a second under them {fps:.0?}; {:.1} s of sound, gaps {:?}\n",
        programs,
        took.as_secs_f64(),
        PROMISED.as_secs(),
        back.as_secs_f64(),
        heard.seconds,
        heard.gaps
    );
    output.write("figures.txt", &figures);
    println!("{figures}");
    viewer.browser.screenshot_and_console(&output).await;
    assert!(heard.seconds > took.as_secs_f64() + STAYS.as_secs_f64(), "{figures}");
    assert!(heard.gaps.is_empty(), "the sound has gaps\n{figures}");
    same_session(&viewer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_narrow_line_gets_fewer_and_smaller_pictures_and_a_wide_one_all_of_them() {
    let _turn = turn().await;
    let output = Output::new("adapt-line");
    let Between { first: creator, server, second: watching } = Between::new("creator", "viewer");
    let data = Scratch::new("relay");
    // A picture that needs what it is given: moving, with noise.
    let clip = data.path().join("noise.y4m");
    let mut draw = Command::new(tool::find("ffmpeg", "ffmpeg"));
    let picture = "testsrc2=size=960x540:rate=30,noise=alls=30:allf=t";
    draw.args(["-loglevel", "error", "-f", "lavfi", "-i", picture, "-frames:v", "90"]);
    draw.args(["-pix_fmt", "yuv420p", "-y"]).arg(&clip);
    assert!(draw.status().expect("ffmpeg starts").success(), "ffmpeg draws the clip");
    creator.rate("creator0", WIDE);
    let relay = Relay::start_in(&server, "relay", "0.0.0.0:8080", data.path(), &[], &[], &output).await;
    let mut studio = Headless::default()
        .size(960, 540)
        .fps(30)
        .camera(&format!("file:{}", clip.display()))
        .flag("--bitrate", &ASKED.to_string())
        .adapting()
        .to("whip+http://10.1.0.1:8080/whip/main", relay.ready.key())
        .start_in(Some(&creator), "studio", &output)
        .await;
    studio.live(seconds(20)).await;
    let viewer =
        Viewer::open_in(Some(&watching), "viewer", "http://10.2.0.1:8080/main", Setup::default(), &output)
            .await;
    viewer.in_state("playing", seconds(30)).await;
    viewer.mark().await;
    whole(&mut studio, seconds(90)).await;
    viewer.until_width(960.0, seconds(20)).await;

    let mark = studio.process.mark();
    let begun = Instant::now();
    creator.rate("creator0", NARROW);
    let first = eased(&mut studio, mark, seconds(30)).await;
    let took = begun.elapsed();
    let lowered = studio.process.mark();
    assert_eq!(first["strain"], "line");
    assert_eq!(first["fps"], 15);
    let target = studio.figures(mark, "target_kbps");
    // Bits go first, at once; the picture is what follows.
    assert!(target.iter().any(|kbps| *kbps < f64::from(NARROW) * 1.2), "the rate falls first: {target:.0?}");
    tokio::time::sleep(STAYS).await;
    plays_on(&viewer).await;
    let now = last_layers(&studio).expect("they were told");
    let width = now["sent"][0]["width"].as_f64().expect("a width");
    viewer.until_width(width, seconds(20)).await;

    creator.rate("creator0", WIDE);
    let ended = Instant::now();
    whole(&mut studio, BACK).await;
    let back = ended.elapsed();
    viewer.until_width(960.0, seconds(20)).await;
    plays_on(&viewer).await;
    let steps: Vec<String> = studio.process.events_after(lowered).iter().filter_map(step).collect();
    let figures = format!(
        "{WIDE} → {NARROW} → {WIDE} kbit/s: less of the picture after {:.1} s ({first}), its width then {width}; all of \
         it {:.1} s after the line was wide again, by way of {steps:?}\n",
        took.as_secs_f64(),
        back.as_secs_f64()
    );
    output.write("figures.txt", &figures);
    println!("{figures}");
    viewer.browser.screenshot_and_console(&output).await;
    same_session(&viewer).await;
}

fn step(event: &Value) -> Option<String> {
    let eased = event.get("eased")?;
    Some(if eased.is_null() { "all".to_owned() } else { format!("{}p{}", eased["height"], eased["fps"]) })
}

/// The next thing that is given up.
async fn eased(studio: &mut Studio, mark: usize, limit: Duration) -> Value {
    let event = studio.process.event_after(mark, "layers", limit, |event| event["eased"].is_object()).await;
    event["eased"].clone()
}

/// Waits until all of the picture goes out.
async fn whole(studio: &mut Studio, limit: Duration) {
    wait::until("all of the picture goes out", limit, async || {
        last_layers(studio).filter(|layers| layers["eased"].is_null()).map(drop)
    })
    .await;
}

fn last_layers(studio: &Studio) -> Option<Value> {
    studio.process.events_after(0).into_iter().rfind(|event| event["event"] == "layers")
}

async fn plays_on(viewer: &Viewer) {
    /// More than a decoder's last queued pictures.
    const PICTURES: f64 = 30.0;
    let before = viewer.stats().await.frames_decoded();
    wait::until("the viewer's picture goes on", seconds(20), async || {
        (viewer.stats().await.frames_decoded() >= before + PICTURES).then_some(())
    })
    .await;
}

async fn same_session(viewer: &Viewer) {
    assert_eq!(viewer.stats().await.connections_made(), 1, "nothing was negotiated anew");
    assert!(viewer.is_marked().await, "the page was never loaded again");
}
