//! A clip with a number burned into each picture, for the encoders of others, and ffmpeg that reads the numbers back.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use footlight_media::burn::Burned;
use footlight_media::{Picture, Time};

use crate::bins;
use crate::net::Space;
use crate::output::Output;
use crate::process::Process;
use crate::tool;

/// Small, so that two cores encode it, and decode it for a dozen viewers, as fast as it plays.
pub const WIDTH: u32 = 320;
pub const HEIGHT: u32 = 180;
/// Pictures a second.
pub const FPS: u32 = 25;
/// Pictures in the clip: 20 s; then it begins again.
pub const FRAMES: u32 = 500;
/// Not zero: a picture that is all black passes for a number of zeros.
const STAMP: Time = Time::from_micros(100);
/// The part of the picture that the number is in.
const NUMBER: (u32, u32) = (256, 24);

/// Makes the clip, H.264 without B-frames and a keyframe each second, AAC, in MP4.
pub fn make(folder: &Path) -> PathBuf {
    let path = folder.join("clip.mp4");
    let mut encoder = encoder(WIDTH, HEIGHT)
        .args(["-shortest", "-y"])
        .arg(&path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("ffmpeg starts");
    let mut pictures = encoder.stdin.take().expect("stdin is piped");
    let mut picture = Picture::black(WIDTH, HEIGHT);
    for number in 0..FRAMES {
        write(&mut pictures, &mut picture, Burned::new(number, STAMP)).expect("ffmpeg takes the pictures");
    }
    drop(pictures);
    assert!(encoder.wait().expect("ffmpeg ends").success());
    path
}

/// The clip so many times over, for those that do not play in a loop.
pub async fn repeat(clip: &Path, times: u32, output: &Output) -> PathBuf {
    let long = clip.with_file_name("long.mp4");
    let mut command = ffmpeg();
    command.args(["-stream_loop", &(times - 1).to_string(), "-i"]).arg(clip);
    command.args(["-c", "copy", "-y"]).arg(&long);
    let repeated = Process::start("repeat", &mut command, output).exit_code(Duration::from_secs(30)).await;
    assert_eq!(repeated, 0, "ffmpeg repeats the clip");
    long
}

/// ffmpeg that sends the clip over and over as it is.
pub fn publish(clip: &Path, target: &str, output: &Output) -> Process {
    let mut command = ffmpeg();
    command.args(["-re", "-stream_loop", "-1", "-i"]).arg(clip).args(["-c", "copy", "-f", "flv", target]);
    Process::start("ffmpeg", &mut command, output)
}

/// ffmpeg that encodes pictures with the same numbers and the instant that they are made at, as they are made.
pub fn publish_live(target: &str, output: &Output) -> Process {
    let mut command = encoder(WIDTH, HEIGHT);
    command.args(["-f", "flv", target]);
    Process::start_fed("ffmpeg-live", &mut command, output, |pictures| {
        feed(pictures, Picture::black(WIDTH, HEIGHT), |_| {});
    })
}

/// The same from a machine of a test's network, in 640×360, with noise in the lower half, so that it takes the whole
/// bitrate.
pub fn publish_noisy(space: &Space, kbps: u32, target: &str, output: &Output) -> Process {
    let (width, height, rate) = (2 * WIDTH, 2 * HEIGHT, format!("{kbps}k"));
    let mut command = encoder(width, height);
    command.args(["-b:v", &rate, "-maxrate", &rate, "-bufsize", &rate, "-f", "flv", target]);
    Process::start_fed("ffmpeg-noisy", &mut space.inside(&command), output, move |pictures| {
        let mut seed = 1_u32;
        feed(pictures, Picture::black(width, height), |picture| {
            let luma = picture.planes_mut().0;
            let half = luma.len() / 2;
            for pixel in &mut luma[half..] {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *pixel = 90 + (seed >> 26) as u8;
            }
        });
    })
}

/// Writes the picture with its number [`FPS`] times a second, each time after `draw`, until nobody takes it any more.
fn feed(mut pictures: ChildStdin, mut picture: Picture, mut draw: impl FnMut(&mut Picture)) {
    let begun = Instant::now();
    for number in 0_u32.. {
        let due = begun + Duration::from_secs(1) * number / FPS;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        draw(&mut picture);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970");
        let burned = Burned::new(number % FRAMES, Time::from_micros(now.as_micros() as u64));
        if write(&mut pictures, &mut picture, burned).is_err() {
            return;
        }
    }
}

/// ffmpeg that encodes what is written to it, beside a tone.
fn encoder(width: u32, height: u32) -> Command {
    let (size, fps) = (format!("{width}x{height}"), FPS.to_string());
    let mut command = ffmpeg();
    command
        .args(["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", &size, "-r", &fps, "-i", "-"])
        .args(["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-map", "0:v", "-map", "1:a"])
        .args(["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", &fps])
        .args(["-c:a", "aac", "-ac", "2"]);
    command
}

fn write(encoder: &mut ChildStdin, picture: &mut Picture, burned: Burned) -> std::io::Result<()> {
    burned.draw(picture);
    let (luma, cb, cr) = picture.planes();
    [luma, cb, cr].into_iter().try_for_each(|plane| encoder.write_all(plane))
}

/// ffmpeg, quiet but for errors.
pub fn ffmpeg() -> Command {
    let mut command = Command::new(tool::find("ffmpeg", "ffmpeg"));
    command.args(["-nostdin", "-v", "error"]);
    command
}

/// The newer ffmpeg, which speaks Enhanced RTMP and encodes HEVC; quiet but for errors.
pub fn newer_ffmpeg() -> Command {
    let folders = bins::target_dir().join("tools/python");
    let found = std::fs::read_dir(&folders).into_iter().flatten().flatten().find_map(|package| {
        let binaries = std::fs::read_dir(package.path().join("imageio_ffmpeg/binaries")).ok()?;
        binaries
            .flatten()
            .map(|file| file.path())
            .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("ffmpeg-")))
    });
    let program = found.unwrap_or_else(|| {
        panic!("no newer ffmpeg in {}: run `cargo xtask test`, which installs it by pip", folders.display())
    });
    let mut command = Command::new(program);
    command.args(["-nostdin", "-v", "error"]);
    command
}

/// Plays so many seconds of what `input` names, picture and sound, and gives the number of each picture; none where a
/// picture has no readable one.
///
/// `name` is of its log.
pub async fn numbers(
    name: &str,
    player: Command,
    input: &[&str],
    seconds: u32,
    output: &Output,
) -> Vec<Option<u32>> {
    numbers_in(name, player, input, WIDTH, seconds, output).await
}

/// The same of pictures that are so wide.
pub async fn numbers_in(
    name: &str,
    mut player: Command,
    input: &[&str],
    wide: u32,
    seconds: u32,
    output: &Output,
) -> Vec<Option<u32>> {
    let (width, height) = NUMBER;
    // From 640 pixels on the number is twice as large.
    let cut = match wide {
        ..640 => format!("crop={width}:{height}:0:0"),
        _ => format!("crop={}:{}:0:0,scale={width}:{height}:flags=area", 2 * width, 2 * height),
    };
    let raw = output.file(&format!("{name}.gray"));
    let length = seconds.to_string();
    player
        .args(input)
        .args(["-map", "0:v:0", "-t", &length, "-fps_mode", "passthrough"])
        .args(["-vf", &cut, "-f", "rawvideo", "-pix_fmt", "gray", "-y"])
        .arg(&raw)
        .args(["-map", "0:a:0", "-t", &length, "-f", "null", "-"]);
    let mut player = Process::start(name, &mut player, output);
    let code = player.exit_code(Duration::from_secs(u64::from(seconds) + 30)).await;
    assert_eq!(code, 0, "{}", player.stderr());
    let pixels = std::fs::read(&raw).unwrap_or_else(|e| panic!("read {}: {e}", raw.display()));
    let numbers = read(&pixels);
    // It is large, and worth nothing any more.
    let _ = std::fs::remove_file(raw);
    numbers
}

/// The number in each picture of the clip, of which the pixels are the top left in grey, [`NUMBER`] in size.
pub(crate) fn read(pixels: &[u8]) -> Vec<Option<u32>> {
    let (width, height) = NUMBER;
    // The cells are as in the picture that this was cut out of, which is wider.
    let mut picture = Picture::black(WIDTH, HEIGHT);
    let (from, to) = (width as usize, WIDTH as usize);
    let numbers = pixels.chunks_exact((width * height) as usize).map(|part| {
        let luma = picture.planes_mut().0;
        for (row, line) in part.chunks_exact(from).enumerate() {
            luma[row * to..row * to + from].copy_from_slice(line);
        }
        // A picture that is all black passes for a number of zeros.
        Burned::read(&picture).filter(|burned| burned.stamp != 0).map(|burned| burned.counter)
    });
    numbers.collect()
}

/// Steps from one number to the next that is known, in pictures.
fn steps(numbers: &[Option<u32>]) -> Vec<u32> {
    let known: Vec<u32> = numbers.iter().flatten().copied().collect();
    known.windows(2).map(|pair| (pair[1] + FRAMES - pair[0]) % FRAMES).collect()
}

/// How far apart the numbers of two pictures may be, one after the other. What an encoder of others leaves out, or
/// sends twice to keep its pace, is no fault of the way that it took.
pub const STEP: u32 = 3;

/// Numbers that follow the one before them, at most so far apart, of all that have one before them.
pub fn in_order(numbers: &[Option<u32>], most: u32) -> f64 {
    let steps = steps(numbers);
    steps.iter().filter(|step| **step <= most).count() as f64 / steps.len().max(1) as f64
}

/// How far the numbers that are in order got, in pictures.
pub fn advance(numbers: &[Option<u32>], most: u32) -> u32 {
    steps(numbers).iter().filter(|step| **step <= most).sum()
}
