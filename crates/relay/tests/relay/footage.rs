//! Real H.264, encoded by ffmpeg, and ffprobe's view of what came of it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use footlight_media::{Codec, Packet, h264};

use crate::peer::{Peer, now, sound};

pub(crate) const FPS: u32 = 30;

/// Access units of a moving picture, a keyframe in each second, sizes as of `bitrate` kbit/s.
pub(crate) fn footage(seconds: u32, size: &str, bitrate: u32) -> Vec<Packet> {
    let source = format!("testsrc2=size={size}:rate={FPS}:duration={seconds},noise=alls=20:allf=t");
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", &source])
        .args(["-c:v", "libx264", "-preset", "ultrafast", "-profile:v", "baseline", "-pix_fmt", "yuv420p"])
        .args([
            "-b:v",
            &format!("{bitrate}k"),
            "-maxrate",
            &format!("{bitrate}k"),
            "-bufsize",
            &format!("{bitrate}k"),
        ])
        .args(["-g", &FPS.to_string(), "-x264-params", "aud=1:repeat-headers=1:slices=1", "-f", "h264", "-"])
        .stdin(Stdio::null())
        .output()
        .expect("install the Debian package ffmpeg");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    units(&output.stdout).into_iter().map(picture).collect()
}

/// The access units of a byte stream in which each begins with a delimiter.
pub(crate) fn units(stream: &[u8]) -> Vec<Vec<u8>> {
    let mut data = Vec::new();
    h264::from_annex_b(stream, &mut data);
    let mut units: Vec<Vec<u8>> = Vec::new();
    for nal in h264::nal_units(&data) {
        if h264::kind(nal) == h264::nal_type::AUD {
            units.push(Vec::new());
        }
        h264::push_nal(units.last_mut().expect("a delimiter comes first"), nal);
    }
    units
}

/// An access unit, captured now.
pub(crate) fn picture(unit: Vec<u8>) -> Packet {
    Packet {
        codec: Codec::H264,
        captured: now(),
        composition: Duration::ZERO,
        keyframe: h264::is_keyframe(&unit),
        data: unit.into(),
    }
}

/// Sends it as it is filmed, with sound.
pub(crate) async fn broadcast(publisher: &Peer, footage: &[Packet]) {
    let mut pace = tokio::time::interval(Duration::from_millis(1000) / FPS);
    let mut sounds = 0;
    for (n, packet) in footage.iter().enumerate() {
        pace.tick().await;
        publisher.send(Packet { captured: now(), ..packet.clone() });
        // 20 ms each.
        while sounds * u64::from(FPS) < n as u64 * 50 {
            publisher.send(sound());
            sounds += 1;
        }
    }
}

/// Times of the pictures that ffprobe decodes of a file, as far as it gets.
pub(crate) fn decoded(path: &Path) -> Vec<f64> {
    decoded_with(path, &[])
}

/// The same with more options.
pub(crate) fn decoded_with(path: &Path, options: &[&str]) -> Vec<f64> {
    times(path, &[options, &["-select_streams", "v:0", "-show_entries", "frame=pts_time"]].concat())
}

/// Times of the packets of sound in a file.
pub(crate) fn sounds(path: &Path) -> Vec<f64> {
    times(path, &["-select_streams", "a:0", "-show_entries", "packet=pts_time"])
}

fn times(path: &Path, wanted: &[&str]) -> Vec<f64> {
    let output = Command::new("ffprobe")
        .args(["-v", "fatal", "-of", "csv=p=0"])
        .args(wanted)
        .arg(path)
        .output()
        .expect("install the Debian package ffmpeg");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().filter_map(|line| line.trim_end_matches(',').parse().ok()).collect()
}

/// Time and place in the file of every packet of the picture.
pub(crate) fn packets(path: &Path) -> Vec<(f64, u64)> {
    let output = Command::new("ffprobe")
        .args([
            "-v",
            "fatal",
            "-of",
            "csv=p=0",
            "-select_streams",
            "v:0",
            "-show_entries",
            "packet=pts_time,pos",
        ])
        .arg(path)
        .output()
        .expect("install the Debian package ffmpeg");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines()
        .filter_map(|line| {
            let (time, place) = line.trim_end_matches(',').split_once(',')?;
            Some((time.parse().ok()?, place.parse().ok()?))
        })
        .collect()
}
