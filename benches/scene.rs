//! What composing a scene costs: the processor time of the studio's thread that does it, with the camera alone, and with
//! two texts and a picture over it. Not on air, so that nothing else is done there.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use footlight_protocol::scene::{Colour, Layer, Place, Scenes, Source};
use footlight_tests::process::Process;
use footlight_tests::wait::seconds;
use footlight_tests::{Output, bins};

use crate::table::{self, median};

const SIZE: &str = "1280x720";
const FPS: &str = "30";
/// Fonts are read and everything is painted by then.
const WARM_UP: Duration = seconds(4);
const MEASURED: Duration = seconds(10);
const ROUNDS: usize = 3;
/// Of a core.
const AIM: f64 = 0.10;

pub(crate) fn run() -> Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start the runtime")?;
    let output = Output::new("bench-scene");
    println!("scene: {SIZE} at {FPS} pictures a second, {ROUNDS} rounds of {} s each", MEASURED.as_secs());
    let (mut alone, mut composed) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        for (scenes, name, into) in
            [(Scenes::default(), "alone", &mut alone), (full(), "composed", &mut composed)]
        {
            let folder = output.file(&format!("{name}-{round}"));
            keep(&scenes, &folder)?;
            into.push(runtime.block_on(cores(&folder, &output))?);
        }
    }
    let row = |name: &str, shares: &[f64]| vec![name.to_owned(), format!("{:.3}", median(shares))];
    let rows = [
        vec!["".to_owned(), "cores".to_owned()],
        row("the camera alone", &alone),
        row("camera, two texts, a picture", &composed),
    ];
    table::print("composing", &rows);
    println!("  aim at most {AIM:.2}");
    Ok(())
}

/// The camera, two texts and a picture.
pub(crate) fn full() -> Scenes {
    let mut scenes = Scenes::default();
    let text = |text: &str, ground| Source::Text { text: text.to_owned(), colour: Colour([255; 3]), ground };
    let place = |x, y, width, height| Place { x, y, width, height };
    scenes.scenes[0].layers.extend([
        Layer::new(text("Tonight: building a telescope", None), place(0.05, 0.8, 0.6, 0.12)),
        Layer::new(text("欢迎来到直播间", Some(Colour([20, 30, 60]))), place(0.05, 0.1, 0.4, 0.1)),
        Layer::new(Source::Image { picture: PICTURE.to_owned() }, place(0.72, 0.05, 0.23, 0.23)),
    ]);
    scenes
}

const PICTURE: &str = "0123456789abcdef.png";

/// As the studio keeps them.
pub(crate) fn keep(scenes: &Scenes, data: &Path) -> Result<()> {
    let folder = data.join("scenes");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("scenes.json"), serde_json::to_vec(scenes)?)?;
    std::fs::copy(bins::workspace().join("icons/icon.png"), folder.join(PICTURE))?;
    Ok(())
}

/// What the studio's stage takes, in cores.
async fn cores(data: &Path, output: &Output) -> Result<f64> {
    let mut command = bins::command(bins::footlight());
    command.args(["--headless", "--json", "--camera", "pattern", "--microphone", "none"]);
    command.args(["--size", SIZE, "--fps", FPS, "--listen", "127.0.0.1:0", "--data"]).arg(data);
    let mut studio = Process::start("studio", &mut command, output);
    studio.event("ready", seconds(30)).await;
    tokio::time::sleep(WARM_UP).await;
    let before = studio.thread_cpu_seconds("stage");
    tokio::time::sleep(MEASURED).await;
    let spent = studio.thread_cpu_seconds("stage") - before;
    studio.terminate();
    studio.exit(seconds(10)).await;
    Ok(spent / MEASURED.as_secs_f64())
}
