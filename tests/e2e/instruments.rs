//! The instruments themselves: each is shown something whose answer is known.

use std::process::Command;

use footlight_tests::browser::{Browser, Setup};
use footlight_tests::camera::Camera;
use footlight_tests::microphone::Microphone;
use footlight_tests::process::Process;
use footlight_tests::sound::{beep_second, beeps};
use footlight_tests::stats::Stats;
use footlight_tests::wait::{self, seconds};
use footlight_tests::watch::Viewer;
use footlight_tests::{Output, tool, turn};

/// A page that burns numbers into a canvas, beeps, and sends both to itself over a peer connection.
const LOOPBACK: &str = include_str!("../fixtures/loopback.html");

/// The page's frame rate; a canvas stream sends when it is drawn on.
const LEAST_FRAMES_IN_THREE_SECONDS: usize = 45;

#[tokio::test(flavor = "multi_thread")]
async fn the_browser_instruments_read_a_known_picture_and_sound() {
    let _turn = turn().await;
    let output = Output::new("instruments-browser");
    let page = output.file("loopback.html");
    std::fs::write(&page, LOOPBACK).expect("the output folder is ours");
    let setup = Setup { sound_unasked: true, ..Setup::default() };
    let browser = Browser::start("loopback", setup, &output).await;
    browser.page.goto(&format!("file://{}", page.display())).await;
    let viewer = Viewer { browser };

    let first = viewer.number(seconds(20), |_| true).await;
    assert_eq!((first.width, first.height), (640, 360));
    viewer.record().await;
    let before: Stats = viewer.stats().await;
    let levels = viewer.loudness(seconds(4)).await;
    let after = viewer.stats().await;
    let heard = beeps(&levels);
    let frames = viewer.shown(0).await;
    let last = viewer.number(seconds(5), |n| n.counter > first.counter).await;
    output.write("figures.json", format!("{heard:?}\n{frames:#?}"));
    viewer.browser.screenshot_and_console(&output).await;

    assert!((3..=5).contains(&heard.count), "one beep a second, but heard {heard:?}");
    assert!(heard.loudest - heard.softest > 20.0, "a beep is louder than silence: {heard:?}");
    assert!(frames.len() >= LEAST_FRAMES_IN_THREE_SECONDS, "{} frames noted", frames.len());
    assert!(frames.iter().filter(|f| f.counter.is_some()).count() * 100 >= frames.len() * 95);
    assert!(last.age_ms > 0.0 && last.age_ms < 1000.0, "the clocks agree: {last:?}");
    // Both ends of the loopback.
    assert_eq!(after.connections_made(), 2);
    assert!(after.frames_decoded() > before.frames_decoded(), "{after:?}");
    assert!(after.audio("totalSamplesReceived") > before.audio("totalSamplesReceived"), "{after:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_camera_shows_numbers_and_can_be_pulled_out() {
    let _turn = turn().await;
    let output = Output::new("instruments-camera");
    let ffmpeg = tool::find("ffmpeg", "ffmpeg");
    let capture = |camera: &Camera, format: &str, frames: &str, file: &str| {
        let mut command = Command::new(&ffmpeg);
        command
            .args(["-loglevel", "error", "-f", "v4l2", "-input_format", format, "-video_size", "640x480"])
            .args(["-framerate", "30", "-i", "/dev/video0", "-frames:v", frames, "-fps_mode", "passthrough"])
            .args(["-pix_fmt", "gray", "-f", "rawvideo", "-y"])
            .arg(output.file(file))
            .envs(camera.environment());
        Process::start(&format!("ffmpeg-{file}"), &mut command, &output)
    };

    let camera = Camera::new(&output).await;
    for format in ["yuyv422", "mjpeg", "nv12"] {
        let mut ffmpeg = capture(&camera, format, "20", format);
        assert_eq!(ffmpeg.exit_code(seconds(30)).await, 0, "{format}: {}", ffmpeg.stderr());
        let picture = std::fs::read(output.file(format)).expect("ffmpeg wrote it");
        let counters: Vec<_> = picture.chunks_exact(640 * 480).map(counter).collect();
        assert_eq!(counters.len(), 20);
        let whole = counters.iter().all(Option::is_some) && counters.is_sorted();
        assert!(whole, "{format} shows growing numbers: {counters:?}");
        std::fs::remove_file(output.file(format)).expect("the output folder is ours");
    }

    let mut ffmpeg = capture(&camera, "yuyv422", "100000", "endless");
    wait::until("the camera runs", seconds(20), async || {
        std::fs::metadata(output.file("endless")).is_ok_and(|file| file.len() > 0).then_some(())
    })
    .await;
    camera.unplug();
    ffmpeg.exit(seconds(10)).await;
    assert!(ffmpeg.stderr().contains("No such device"), "{}", ffmpeg.stderr());
    for (fault, error) in [("unplug", "No such file"), ("busy", "busy")] {
        if fault == "busy" {
            camera.busy()
        } else {
            camera.unplug()
        }
        let mut ffmpeg = capture(&camera, "yuyv422", "1", fault);
        assert_ne!(ffmpeg.exit_code(seconds(10)).await, 0);
        assert!(ffmpeg.stderr().contains(error), "{fault}: {}", ffmpeg.stderr());
    }
    camera.plug();
    let mut ffmpeg = capture(&camera, "yuyv422", "5", "again");
    assert_eq!(ffmpeg.exit_code(seconds(10)).await, 0, "{}", ffmpeg.stderr());
    std::fs::remove_file(output.file("endless")).expect("the output folder is ours");
}

/// The burned counter of a 640 pixel wide grey picture.
fn counter(luma: &[u8]) -> Option<u32> {
    let row = |r: usize| {
        (0..32).fold(0u32, |bits, bit| bits << 1 | u32::from(luma[(r * 16 + 8) * 640 + bit * 16 + 8] > 126))
    };
    (row(0) ^ row(1) == row(2)).then(|| row(0))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_microphone_beeps_and_can_be_pulled_out() {
    let _turn = turn().await;
    let output = Output::new("instruments-microphone");
    let mut microphone = Microphone::start(&output).await;
    for round in 0..2 {
        let file = output.file("heard.raw");
        let mut command = Command::new(tool::find("ffmpeg", "ffmpeg"));
        command
            .args([
                "-loglevel",
                "error",
                "-f",
                "alsa",
                "-ac",
                "1",
                "-ar",
                "48000",
                "-i",
                "default",
                "-t",
                "4",
            ])
            .args(["-f", "s16le", "-y"])
            .arg(&file)
            .envs(microphone.environment());
        let mut ffmpeg = Process::start("ffmpeg-alsa", &mut command, &output);
        assert_eq!(ffmpeg.exit_code(seconds(20)).await, 0, "{}", ffmpeg.stderr());
        let heard = beeps(&levels(&std::fs::read(&file).expect("ffmpeg wrote it")));
        assert!((3..=5).contains(&heard.count), "round {round}: one beep a second, but {heard:?}");
        assert!(heard.loudest > -20.0, "round {round}: {heard:?}");
        std::fs::remove_file(&file).expect("the output folder is ours");

        microphone.unplug();
        let mut command = Command::new(tool::find("ffmpeg", "ffmpeg"));
        command
            .args(["-loglevel", "error", "-f", "alsa", "-i", "default", "-t", "1", "-f", "null", "-"])
            .envs(microphone.environment());
        let mut ffmpeg = Process::start("ffmpeg-unplugged", &mut command, &output);
        assert_ne!(ffmpeg.exit_code(seconds(20)).await, 0, "there is nothing to hear when it is pulled out");
        microphone.plug();
    }
}

#[test]
fn beeps_are_counted() {
    let mono: Vec<u8> = beep_second().chunks_exact(4).flat_map(|frame| [frame[0], frame[1]]).collect();
    let heard = beeps(&levels(&mono.repeat(5)));
    assert_eq!(heard.count, 5);
    assert!((heard.loudest + 9.0).abs() < 0.1, "a sine at half of full scale has -9 dB: {heard:?}");
}

/// Root mean square of 20 ms blocks of 48 kHz mono.
fn levels(pcm: &[u8]) -> Vec<f64> {
    let samples: Vec<f64> =
        pcm.chunks_exact(2).map(|b| f64::from(i16::from_le_bytes([b[0], b[1]])) / 32768.0).collect();
    samples
        .chunks(960)
        .map(|block| (block.iter().map(|s| s * s).sum::<f64>() / block.len() as f64).sqrt())
        .collect()
}
