//! What the whole studio costs, window and all, beside OBS with the same clip, texts, picture, size, rate and preset, and
//! how fast its window opens. Both stream to a relay of their own, which is not counted.
//!
//! OBS draws with OpenGL. Without a GPU that is done by the processor, which an OBS on a computer with a GPU has not to
//! do; its figures here are those of such a computer as this one, and the benchmark says which it is.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use footlight_tests::faces::studio as face;
use footlight_tests::obs::{Obs, Show};
use footlight_tests::process::{Process, family_cpu_seconds, family_memory};
use footlight_tests::relay::Relay;
use footlight_tests::scratch::Scratch;
use footlight_tests::screen::Screen;
use footlight_tests::wait::{self, seconds};
use footlight_tests::window::Window;
use footlight_tests::{Output, bins, clip, tool};

use crate::{scene, table};

const SIZE: (u32, u32) = (1280, 720);
const FPS: u32 = 30;
const KBPS: u32 = 2500;
const PRESET: &str = "superfast";
/// Programs have opened everything by then.
const WARM_UP: Duration = seconds(12);
const MEASURED: Duration = seconds(15);
const ROUNDS: usize = 3;
/// Of OBS's cores, and of its memory.
const AIM: f64 = 0.6;
/// From the start of the program to a picture that moves, in seconds.
const OPENS: f64 = 1.5;

/// What a program and its family took.
struct Cost {
    cores: f64,
    megabytes: f64,
}

pub(crate) fn run() -> Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start the runtime")?;
    let output = Output::new("bench-studio");
    let gpu = if Path::new("/dev/dri").exists() { "with a GPU" } else { "without a GPU" };
    println!(
        "studio: {}x{} at {FPS}, {KBPS} kbit/s, {PRESET}, {gpu}; {ROUNDS} rounds of {} s each",
        SIZE.0,
        SIZE.1,
        MEASURED.as_secs()
    );
    let scratch = Scratch::new("bench-studio");
    let clip = film(scratch.path())?;
    let (mut ours, mut theirs, mut idle) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        ours.push(runtime.block_on(footlight(
            &clip,
            true,
            &output.file(&format!("live-{round}")),
            &output,
        ))?);
        theirs.push(runtime.block_on(obs(&clip, &output))?);
        idle.push(runtime.block_on(footlight(
            &clip,
            false,
            &output.file(&format!("idle-{round}")),
            &output,
        ))?);
    }
    let (ours, theirs, idle) = (middle(&ours), middle(&theirs), middle(&idle));
    let row = |name: &str, cost: &Cost| {
        vec![name.to_owned(), format!("{:.2}", cost.cores), format!("{:.0}", cost.megabytes)]
    };
    let ratio = vec![
        "Footlight beside OBS".to_owned(),
        format!("{:.2} x", ours.cores / theirs.cores),
        format!("{:.2} x", ours.megabytes / theirs.megabytes),
    ];
    let heading = vec![String::new(), "cores".to_owned(), "MB (PSS)".to_owned()];
    let rows = [
        heading,
        row("Footlight, live", &ours),
        row("OBS, live", &theirs),
        ratio,
        row("Footlight, not live", &idle),
    ];
    table::print("a clip, two texts and a picture", &rows);
    println!("  aim at most {AIM} x each");
    let opened: Vec<f64> = (0..ROUNDS).map(|_| runtime.block_on(opens(&output))).collect();
    println!(
        "\nstart to a moving preview: {:.2} s (aim {OPENS:.1}; WebDriver's own start is in it)",
        table::median(&opened)
    );
    Ok(())
}

fn middle(costs: &[Cost]) -> Cost {
    let of = |pick: fn(&Cost) -> f64| table::median(&costs.iter().map(pick).collect::<Vec<_>>());
    Cost { cores: of(|cost| cost.cores), megabytes: of(|cost| cost.megabytes) }
}

/// A moving picture of full size, with a tone.
fn film(folder: &Path) -> Result<PathBuf> {
    let path = folder.join("film.mp4");
    let picture = format!("testsrc2=size={}x{}:rate={FPS}", SIZE.0, SIZE.1);
    let mut make = clip::ffmpeg();
    make.args(["-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"]);
    make.args([
        "-t", "20", "-c:v", "libx264", "-preset", "veryfast", "-bf", "0", "-g", "60", "-pix_fmt", "yuv420p",
    ]);
    make.args(["-c:a", "aac", "-ac", "2", "-y"]).arg(&path);
    ensure!(make.status().context("start ffmpeg")?.success(), "ffmpeg made no clip");
    Ok(path)
}

async fn measure(process: &mut Process) -> Result<Cost> {
    tokio::time::sleep(WARM_UP).await;
    let id = process.pid() as i32;
    let before = family_cpu_seconds(id);
    tokio::time::sleep(MEASURED).await;
    let cores = (family_cpu_seconds(id) - before) / MEASURED.as_secs_f64();
    let megabytes = family_memory(id) as f64 / 1e6;
    ensure!(!process.ended(), "the program ended while it was measured\n{}", process.stderr());
    Ok(Cost { cores, megabytes })
}

/// The studio's window with the scene, on air or not.
async fn footlight(clip: &Path, live: bool, data: &Path, output: &Output) -> Result<Cost> {
    scene::keep(&scene::full(), data)?;
    let relay = relay(data, output).await;
    let screen = Screen::start(output).await;
    let camera = format!("file:{}", clip.display());
    let mut command = bins::command(tool::find("dbus-run-session", "dbus-daemon"));
    command.arg("--").arg(bins::footlight()).args(["--json", "--layers", "1", "--fixed", "--rtmp", "off"]);
    command
        .args(["--camera", &camera, "--microphone", &camera, "--listen", "127.0.0.1:0", "--data"])
        .arg(data);
    command.args([
        "--size",
        &format!("{}x{}", SIZE.0, SIZE.1),
        "--fps",
        &FPS.to_string(),
        "--bitrate",
        &KBPS.to_string(),
    ]);
    command.args(["--to", &relay.whip()]).env("FOOTLIGHT_STREAM_KEY", relay.ready.key());
    if live {
        command.arg("--live");
    }
    command.env("DISPLAY", screen.display()).env_remove("WAYLAND_DISPLAY").env("GDK_BACKEND", "x11");
    command.env("WEBKIT_DISABLE_DMABUF_RENDERER", "1");
    let mut studio = Process::start("studio", &mut command, output);
    if live {
        // The session's own programs write there, too.
        let live = |line: &str| line.contains(r#""event":"live""#).then_some(());
        studio.line("it is on air", seconds(30), live).await;
    }
    let cost = measure(&mut studio).await;
    if live {
        let mut stats = studio.lines().into_iter().rev().filter_map(|line| {
            let event: serde_json::Value = serde_json::from_str(&line).ok()?;
            event["fps"].as_f64()
        });
        println!("  Footlight sent {:.1} pictures a second", stats.next().unwrap_or_default());
    }
    cost
}

async fn obs(clip: &Path, output: &Output) -> Result<Cost> {
    let scratch = Scratch::new("bench-obs");
    let relay = relay(scratch.path(), output).await;
    let server = relay.ready.rtmp.clone().context("the relay takes RTMP")?;
    let picture = bins::workspace().join("icons/icon.png");
    let show = Show {
        clip,
        texts: &[("Tonight: building a telescope", (64, 576), 64), ("欢迎来到直播间", (64, 72), 56)],
        picture: Some((&picture, (922, 36), 0.33)),
        size: SIZE,
        fps: FPS,
        kbps: KBPS,
        preset: PRESET,
    };
    let mut obs = Obs::stream(&show, &server, relay.ready.key(), output).await;
    let flv = format!("{}/live/main.flv", relay.ready.http);
    wait::until("OBS is on air", seconds(60), async || {
        let mut stream = reqwest::get(&flv).await.ok().filter(|answer| answer.status().is_success())?;
        stream.chunk().await.ok()?.map(|_| ())
    })
    .await;
    let cost = measure(&mut obs.process).await;
    obs.screenshot(output).await;
    cost
}

async fn relay(data: &Path, output: &Output) -> Relay {
    let data = data.join("relay");
    std::fs::create_dir_all(&data).expect("the folder is ours");
    Relay::start_with("relay", "127.0.0.1:0", &data, &[("FOOTLIGHT_RTMP", "127.0.0.1:0")], output).await
}

/// Seconds from the start of the window to the second picture in it.
async fn opens(output: &Output) -> f64 {
    let begun = Instant::now();
    let window = Window::open(output).await;
    wait::until("a moving preview", seconds(60), async || {
        let frames = window.page.attribute(face::PREVIEW, face::FRAMES).await?;
        (frames.parse::<u32>().ok()? >= 2).then_some(())
    })
    .await;
    begun.elapsed().as_secs_f64()
}
