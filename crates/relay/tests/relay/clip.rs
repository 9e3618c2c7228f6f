//! A broadcast of real pictures with numbers burned in, and ffmpeg that reads them back.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use footlight_media::burn::Burned;
use footlight_media::{Picture, Time};
use tokio_util::sync::CancellationToken;

use crate::footage;
use crate::peer::{Peer, sound};

const WIDTH: u32 = 320;
const HEIGHT: u32 = 180;
/// Twelve seconds at 30 pictures a second, a keyframe each second; then it begins again.
pub(crate) const FRAMES: u32 = 360;

/// The access units, encoded once.
fn units() -> &'static [Vec<u8>] {
    static UNITS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    UNITS.get_or_init(|| {
        let mut encoder = Command::new("ffmpeg")
            .args([
                "-v", "error", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", "320x180", "-r", "30", "-i",
                "-",
            ])
            .args(["-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "30"])
            .args(["-x264-params", "aud=1:scenecut=0", "-f", "h264", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("ffmpeg, of the Debian package ffmpeg");
        let mut pictures = encoder.stdin.take().unwrap();
        let writer = std::thread::spawn(move || {
            let mut picture = Picture::black(WIDTH, HEIGHT);
            for number in 0..FRAMES {
                Burned::new(number, Time::from_micros(0)).draw(&mut picture);
                let (luma, cb, cr) = picture.planes();
                [luma, cb, cr].into_iter().for_each(|plane| pictures.write_all(plane).unwrap());
            }
        });
        let output = encoder.wait_with_output().unwrap();
        writer.join().unwrap();
        assert!(output.status.success());
        let units = footage::units(&output.stdout);
        assert_eq!(units.len(), FRAMES as usize);
        units
    })
}

/// Sends the clip over and over, with sound, as fast as it plays.
pub(crate) async fn broadcast(publisher: &Peer, cancel: CancellationToken) {
    let mut pictures = tokio::time::interval(Duration::from_micros(33_333));
    let mut sounds = tokio::time::interval(Duration::from_millis(20));
    let mut units = units().iter().cycle();
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            _ = sounds.tick() => publisher.send(sound()),
            _ = pictures.tick() => {
                publisher.send(footage::picture(units.next().unwrap().clone()));
            }
        }
    }
}

/// Plays `seconds` of picture and sound with ffmpeg and gives the numbers in the pictures.
pub(crate) async fn numbers(url: String, seconds: u32) -> Vec<u32> {
    let play = move || {
        let seconds = seconds.to_string();
        let sound = ["-map", "0:a:0", "-t", &seconds, "-f", "null", "/dev/null"];
        read(&["-i", &url, "-map", "0:v:0", "-t", &seconds], &sound).0
    };
    tokio::task::spawn_blocking(play).await.unwrap()
}

/// The numbers in the pictures that ffmpeg decodes of what `input` names, and what it says meanwhile.
pub(crate) fn read(input: &[&str], more: &[&str]) -> (Vec<u32>, String) {
    let output = Command::new("ffmpeg")
        .args(if input.contains(&"-v") { &[][..] } else { &["-v", "error"] })
        .args(input)
        .args(["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"])
        .args(more)
        .stdin(Stdio::null())
        .output()
        .expect("ffmpeg, of the Debian package ffmpeg");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let (w, h) = (WIDTH as usize, HEIGHT as usize);
    let number = |frame: &[u8]| {
        let mut picture = Picture::black(WIDTH, HEIGHT);
        picture.planes_mut().0.copy_from_slice(&frame[..w * h]);
        Burned::read(&picture).unwrap_or_else(|| panic!("a number in each picture; {said}")).counter
    };
    (output.stdout.chunks_exact(w * h * 3 / 2).map(number).collect(), said)
}

/// The numbers follow each other, none is missing and none comes twice.
pub(crate) fn assert_whole(numbers: &[u32], seconds: u32) {
    assert!(numbers.len() as u32 >= seconds * 30 - 15, "{} pictures", numbers.len());
    for pair in numbers.windows(2) {
        assert_eq!((pair[0] + 1) % FRAMES, pair[1], "{numbers:?}");
    }
}
