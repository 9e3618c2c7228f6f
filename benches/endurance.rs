//! What a long broadcast loses: pictures beside another program that takes a core, and beside so many that less of the
//! picture goes out; sound meanwhile; and how far sound and picture are apart when they come from devices whose clocks
//! differ.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use footlight_tests::aiortc::{self, Lips};
use footlight_tests::camera::Camera;
use footlight_tests::load::Load;
use footlight_tests::microphone::{self, Microphone};
use footlight_tests::relay::Relay;
use footlight_tests::scratch::Scratch;
use footlight_tests::sound::Heard;
use footlight_tests::studio::{Headless, Studio};
use footlight_tests::wait::seconds;
use footlight_tests::{Output, bins};

use crate::table;

/// Of each part.
pub(crate) const MINUTES: u64 = 10;
/// Devices and codecs are open and have settled by then.
const WARM_UP: Duration = seconds(10);
/// How much faster the microphone's clock is than the camera's, in millionths.
const OFF: microphone::Ppm = 200;
/// Seconds from too much load to less cost; milliseconds between sound and picture.
const LOWERED: f64 = 5.0;
const APART: f64 = 20.0;

pub(crate) fn run(minutes: u64) -> Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start the runtime")?;
    let output = Output::new("bench-endurance");
    let length = seconds(60 * minutes);
    println!("endurance: {}; {minutes} min each", bins::footlight().display());
    runtime.block_on(async {
        cores(length, &output).await?;
        devices(length, &output).await
    })
}

/// 720p30 of the pattern, with a tone without an end.
async fn studio(name: &str, output: &Output) -> (Studio, Scratch) {
    let scratch = Scratch::new("bench-endurance");
    let mut studio = Headless::endless(scratch.path()).start(name, output).await;
    studio.live(seconds(30)).await;
    tokio::time::sleep(WARM_UP).await;
    (studio, scratch)
}

/// Pictures that went out and that did not, since the last time.
struct Tally {
    sent: f64,
    lost: f64,
}

fn tally(studio: &Studio) -> Tally {
    let stats = studio.stats().unwrap_or_default();
    let figure = |name: &str| stats[name].as_f64().unwrap_or_default();
    Tally { sent: figure("encoded"), lost: figure("skipped") + figure("dropped") }
}

async fn cores(length: Duration, output: &Output) -> Result<()> {
    let mut rows = vec![["", "pictures", "lost", "gaps in the sound"].map(str::to_owned).to_vec()];
    for (name, programs, length) in [("both cores free", 0, length / 5), ("one core taken", 1, length)] {
        let (mut studio, _scratch) = studio("cores", output).await;
        let listening = Heard::listen(&format!("{}/live/main.flv", studio.ready.http), output).await;
        let load = Load::new(programs);
        let before = tally(&studio);
        tokio::time::sleep(length).await;
        let after = tally(&studio);
        drop(load);
        ensure!(!studio.process.ended(), "the studio ended\n{}", studio.process.stderr());
        let gaps = listening.end().await.gaps;
        let figure = |figure: fn(&Tally) -> f64| format!("{:.0}", figure(&after) - figure(&before));
        rows.push(vec![
            name.to_owned(),
            figure(|tally| tally.sent),
            figure(|tally| tally.lost),
            gaps.len().to_string(),
        ]);
    }
    table::print("720p30 beside another program", &rows);

    let (mut studio, _scratch) = studio("too-much", output).await;
    let listening = Heard::listen(&format!("{}/live/main.flv", studio.ready.http), output).await;
    let mark = studio.process.mark();
    let (load, took, eased) = Load::until_eased(&studio, mark).await;
    let programs = load.programs();
    tokio::time::sleep(length / 5).await;
    drop(load);
    let ended = Instant::now();
    let whole = studio.process.mark();
    studio.process.event_after(whole, "layers", seconds(600), |event| event["eased"].is_null()).await;
    let back = ended.elapsed().as_secs_f64();
    let gaps = listening.end().await.gaps;
    println!(
        "\n{programs} programs on all cores: {eased} after {:.1} s (aim {LOWERED:.0} s), all of it again {back:.1} s after \
         they ended; gaps in the sound: {gaps:?}",
        took.as_secs_f64()
    );
    Ok(())
}

/// Both on a relay of its own, so that nothing but the studio is between the devices and the viewer.
async fn devices(length: Duration, output: &Output) -> Result<()> {
    let data = Scratch::new("relay");
    let relay = Relay::start("relay", "127.0.0.1:0", data.path(), output).await;
    let camera = Camera::new(output).await;
    let microphone = Microphone::start_clocked(48_000, OFF, output).await;
    let studio = Headless::default().between(&camera, "640x360", &microphone, &relay);
    let mut studio = studio.start("devices", output).await;
    studio.live(seconds(30)).await;
    let lips = Lips::follow(&format!("{}/whep/main", relay.ready.http), output);
    tokio::time::sleep(WARM_UP).await;
    let from = lips.placed().len();
    tokio::time::sleep(length).await;
    let placed = lips.placed();
    let behind = aiortc::behind(placed.get(from..).unwrap_or_default());
    ensure!(behind.len() > 10, "only {} beeps were heard", behind.len());
    let apart: Vec<f64> = behind.iter().map(|behind| behind.abs()).collect();
    let at = |share: f64| table::percentile(&apart, share);
    println!(
        "\nclocks {OFF} ppm apart, {} beeps: sound and picture apart by p50 {:.1}, p95 {:.1}, at most {:.1} ms (aim {APART:.0} \
         at p95); sound behind the picture by {:.1} ms in the middle",
        behind.len(),
        at(0.5),
        at(0.95),
        at(1.0),
        table::median(&behind)
    );
    output.write("behind.txt", behind.iter().map(|behind| format!("{behind:.2}\n")).collect::<String>());
    Ok(())
}
