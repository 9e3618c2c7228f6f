//! CPU time of frame → H.264 → RTP payloads, beside the same frames through the `ffmpeg` command line.
//!
//! Both read the same raw clip from the page cache, use the same preset, tuning, bitrate, buffer, threads and
//! keyframe interval, and are measured as processes of their own, so start-up and reading count for both. The
//! rounds alternate, so that a change of the machine's load falls on both.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use footlight_media::h264::Colours;
use footlight_media::rtp::{MAX_PAYLOAD, packetize};
use footlight_media::{PicturePool, Time};
use footlight_studio::encode::{Preset, h264};
use footlight_tests::process::children_cpu_seconds;
use footlight_tests::scratch::Scratch;
use footlight_tests::tool;

use crate::table;

/// The hidden command by which this program measures itself.
pub(crate) const MEASURED: &str = "measured-encode";

const WIDTH: u32 = 1280;
const HEIGHT: u32 = 720;
const FPS: u32 = 30;
/// Ten seconds: some three CPU seconds a round, three hundred times the clock tick they are measured in.
const FRAMES: u32 = 300;
const BITRATE_KBPS: u32 = 4000;
/// As the studio sets it: the buffer as time at the bitrate.
const VBV_MS: u32 = 400;
const KEYFRAME_SECONDS: u32 = 2;
const ROUNDS: usize = 7;
/// What the project aims at.
const AIM: f64 = 1.25;

struct Round {
    cpu: f64,
    wall: f64,
}

pub(crate) fn run() -> Result<()> {
    let scratch = Scratch::new("bench");
    let clip = scratch.path().join("clip.yuv");
    let ffmpeg = tool::find("ffmpeg", "ffmpeg");
    println!("encode: drawing {FRAMES} frames of {WIDTH}x{HEIGHT} with noise");
    let source = format!("testsrc2=size={WIDTH}x{HEIGHT}:rate={FPS},noise=alls=12:allf=t,format=yuv420p");
    let mut draw = Command::new(&ffmpeg);
    draw.args(["-loglevel", "error", "-f", "lavfi", "-i", &source, "-frames:v", &FRAMES.to_string()]);
    ensure!(
        draw.args(["-f", "rawvideo", "-y"]).arg(&clip).status()?.success(),
        "ffmpeg could not draw the clip"
    );

    let encoded = scratch.path().join("clip.h264");
    let threads = std::thread::available_parallelism()?.get().min(4).to_string();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut our_bytes = 0;
    for round in 1..=ROUNDS {
        let mut command = Command::new(std::env::current_exe()?);
        command.args([MEASURED.as_ref(), clip.as_os_str()]).arg(BITRATE_KBPS.to_string());
        let (output, mine) = measure(&mut command)?;
        our_bytes = output.trim().parse().context("the measured process prints its bytes")?;

        let mut command = Command::new(&ffmpeg);
        command
            .args(["-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "yuv420p"])
            .args(["-video_size", &format!("{WIDTH}x{HEIGHT}"), "-framerate", &FPS.to_string(), "-i"])
            .arg(&clip)
            .args([
                "-c:v",
                "libx264",
                "-preset",
                "superfast",
                "-tune",
                "zerolatency",
                "-profile:v",
                "baseline",
            ])
            .args(["-b:v", &format!("{BITRATE_KBPS}k"), "-maxrate", &format!("{BITRATE_KBPS}k")])
            .args(["-bufsize", &format!("{}k", BITRATE_KBPS * VBV_MS / 1000), "-threads", &threads])
            .args(["-g", &(FPS * KEYFRAME_SECONDS).to_string(), "-sc_threshold", "0", "-bf", "0"])
            .args(["-x264-params", "repeat-headers=1", "-f", "h264", "-y"])
            .arg(&encoded);
        let (_, peer) = measure(&mut command)?;
        println!("  round {round}: ours {:.2} CPU s, ffmpeg {:.2} CPU s", mine.cpu, peer.cpu);
        ours.push(mine);
        theirs.push(peer);
    }
    report(&ours, &theirs, our_bytes, std::fs::metadata(&encoded)?.len());
    Ok(())
}

fn report(ours: &[Round], theirs: &[Round], our_bytes: u64, their_bytes: u64) {
    let cpu = |rounds: &[Round]| table::median(&rounds.iter().map(|round| round.cpu).collect::<Vec<_>>());
    let wall = |rounds: &[Round]| table::median(&rounds.iter().map(|round| round.wall).collect::<Vec<_>>());
    let ratios: Vec<f64> = ours.iter().zip(theirs).map(|(mine, peer)| mine.cpu / peer.cpu).collect();
    let seconds = f64::from(FRAMES) / f64::from(FPS);
    let row = |name: &str, rounds: &[Round], bytes: u64| {
        vec![
            name.to_owned(),
            format!("{:.2}", cpu(rounds)),
            format!("{:.2}", 1000.0 * cpu(rounds) / f64::from(FRAMES)),
            format!("{:.0} %", 100.0 * cpu(rounds) / seconds),
            format!("{:.2}", wall(rounds)),
            format!("{:.0}", bytes as f64 * 8.0 / 1000.0 / seconds),
        ]
    };
    let heading =
        ["", "CPU s", "CPU ms/frame", "of a core at 30 fps", "wall s", "kbit/s"].map(str::to_owned).to_vec();
    table::print(
        &format!("encode, {WIDTH}x{HEIGHT}, {FRAMES} frames, medians of {ROUNDS} alternating rounds"),
        &[
            heading,
            row("footlight: read, encode, packetize", ours, our_bytes),
            row("ffmpeg -c:v libx264, same settings", theirs, their_bytes),
        ],
    );
    println!(
        "  CPU ratio {:.2} (rounds {:.2} to {:.2}); aim at most {AIM}",
        table::median(&ratios),
        table::percentile(&ratios, 0.0),
        table::percentile(&ratios, 1.0)
    );
}

/// Runs it to its end and gives its stdout and what it cost.
fn measure(command: &mut Command) -> Result<(String, Round)> {
    let (cpu, start) = (children_cpu_seconds(), Instant::now());
    let output = command.output()?;
    let round = Round { cpu: children_cpu_seconds() - cpu, wall: start.elapsed().as_secs_f64() };
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok((String::from_utf8_lossy(&output.stdout).into_owned(), round))
}

/// The measured process: every frame of the clip to RTP payloads. Prints how many bytes they hold.
pub(crate) fn measured(clip: &Path, bitrate_kbps: u32) -> Result<()> {
    let mut clip = File::open(clip).with_context(|| format!("open {}", clip.display()))?;
    let config = h264::Config {
        width: WIDTH,
        height: HEIGHT,
        fps: FPS,
        bitrate_kbps,
        preset: Preset::Superfast,
        colours: Colours::BT709,
    };
    let mut encoder = h264::Encoder::new(&config)?;
    let pool = PicturePool::new(WIDTH, HEIGHT);
    let mut payloads = Vec::new();
    let mut bytes = 0;
    for n in 0.. {
        let mut picture = pool.take();
        let (luma, cb, cr) = picture.planes_mut();
        match clip.read_exact(luma) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => break,
            read => read?,
        }
        clip.read_exact(cb)?;
        clip.read_exact(cr)?;
        let captured = Time::default() + Duration::from_secs(n) / FPS;
        if let Some(packet) = encoder.encode(&picture, captured, false)? {
            payloads.clear();
            packetize(&packet, MAX_PAYLOAD, &mut payloads);
            bytes += payloads.iter().map(|payload| payload.bytes.len()).sum::<usize>();
        }
    }
    println!("{bytes}");
    Ok(())
}
