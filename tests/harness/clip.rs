//! A clip with a number burned into each picture, for the encoders of others, and ffmpeg that reads the numbers back.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use footlight_media::burn::Burned;
use footlight_media::{Picture, Time};

use crate::bins;
use crate::output::Output;
use crate::process::Process;
use crate::tool;

pub const WIDTH: u32 = 640;
pub const HEIGHT: u32 = 360;
/// Pictures in the clip: 20 s at 30 a second; then it begins again.
pub const FRAMES: u32 = 600;
/// Not zero: a picture that is all black passes for a number of zeros.
const STAMP: Time = Time::from_micros(100);
/// The part of the picture that the number is in.
const NUMBER: (u32, u32) = (512, 48);

/// Makes the clip, H.264 without B-frames and a keyframe each second, AAC, in MP4.
pub fn make(folder: &Path) -> PathBuf {
    let path = folder.join("clip.mp4");
    let mut encoder = ffmpeg()
        .args(["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", "640x360", "-r", "30", "-i", "-"])
        .args(["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-map", "0:v", "-map", "1:a"])
        .args(["-shortest", "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "30"])
        .args(["-c:a", "aac", "-ac", "2", "-y"])
        .arg(&path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("ffmpeg starts");
    let mut pictures = encoder.stdin.take().expect("stdin is piped");
    let mut picture = Picture::black(WIDTH, HEIGHT);
    for number in 0..FRAMES {
        Burned::new(number, STAMP).draw(&mut picture);
        let (luma, cb, cr) = picture.planes();
        for plane in [luma, cb, cr] {
            pictures.write_all(plane).expect("ffmpeg takes the pictures");
        }
    }
    drop(pictures);
    assert!(encoder.wait().expect("ffmpeg ends").success());
    path
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
pub async fn numbers(mut player: Command, input: &[&str], seconds: u32, output: &Output) -> Vec<Option<u32>> {
    let (width, height) = NUMBER;
    let raw = output.file("numbers.gray");
    let length = seconds.to_string();
    player
        .args(input)
        .args(["-map", "0:v:0", "-t", &length, "-fps_mode", "passthrough"])
        .args(["-vf", &format!("crop={width}:{height}:0:0"), "-f", "rawvideo", "-pix_fmt", "gray", "-y"])
        .arg(&raw)
        .args(["-map", "0:a:0", "-t", &length, "-f", "null", "-"]);
    let mut player = Process::start("player", &mut player, output);
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

/// Pictures that follow the one before them, of all that have one before them. What an encoder of others leaves out,
/// or sends twice to keep its pace, is no fault of the way that it took.
pub fn in_order(numbers: &[Option<u32>]) -> f64 {
    let known: Vec<u32> = numbers.iter().flatten().copied().collect();
    let follows = |pair: &[u32]| (pair[1] + FRAMES - pair[0]) % FRAMES <= 3;
    let good = known.windows(2).filter(|pair| follows(pair)).count();
    good as f64 / known.len().saturating_sub(1).max(1) as f64
}
