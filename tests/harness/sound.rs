//! The sound that the test microphone hears, and how to tell a beep from silence in what comes out.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::output::Output;
use crate::tool;

const RATE: usize = 48_000;
/// One beep a second, this long.
const BEEP_MS: usize = 200;

/// What the beep is made of.
pub const BEEP_HERTZ: f64 = 880.0;

/// One second, 48 kHz stereo, 16 bit little endian: the beep at half of full scale, then silence.
pub fn beep_second() -> Vec<u8> {
    second(|n| if n < RATE * BEEP_MS / 1000 { 0.5 * wave(n, BEEP_HERTZ) } else { 0.0 })
}

/// The sample of that instant, in seconds since 1970, of a microphone that hears a beep as each second begins.
pub fn beep_at(time: f64) -> i16 {
    let into = time.rem_euclid(1.0);
    let loud = into < BEEP_MS as f64 / 1000.0;
    let wave = (into * BEEP_HERTZ * std::f64::consts::TAU).sin();
    if loud { (0.5 * wave * f64::from(i16::MAX)) as i16 } else { 0 }
}

/// One second of a tone that goes on where it began, if it has a whole number of waves.
pub fn tone_second(hertz: f64, amplitude: f64) -> Vec<u8> {
    second(|n| amplitude * wave(n, hertz))
}

fn wave(n: usize, hertz: f64) -> f64 {
    (n as f64 * hertz / RATE as f64 * std::f64::consts::TAU).sin()
}

fn second(sample: impl Fn(usize) -> f64) -> Vec<u8> {
    let sample = |n: usize| (sample(n) * f64::from(i16::MAX)) as i16;
    (0..RATE).flat_map(|n| [sample(n), sample(n)]).flat_map(i16::to_le_bytes).collect()
}

/// How often the level rises from silence to a beep, and how loud both are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Beeps {
    pub count: usize,
    pub loudest: f64,
    pub softest: f64,
}

/// Counts the rises over the middle between the loudest and the softest, on a logarithmic scale, with a
/// band between the thresholds so that one beep's ripple is not counted as several.
pub fn beeps(levels: &[f64]) -> Beeps {
    /// Silence in decibels is not infinitely far away: 16 bit noise.
    const FLOOR: f64 = 1.0 / 32_768.0;
    let decibels: Vec<f64> = levels.iter().map(|level| 20.0 * level.max(FLOOR).log10()).collect();
    let loudest = decibels.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let softest = decibels.iter().copied().fold(f64::INFINITY, f64::min);
    let (low, high) = (softest + (loudest - softest) / 3.0, loudest - (loudest - softest) / 3.0);
    let mut loud = false;
    let mut count = 0;
    for level in decibels {
        if !loud && level > high {
            count += 1;
            loud = true;
        } else if level < low {
            loud = false;
        }
    }
    Beeps { count, loudest, softest }
}

/// A tone without an end, for a while, as a WAV file.
pub fn write_tone(path: &Path, length: Duration) {
    let pcm = tone_second(BEEP_HERTZ, 0.5).repeat(length.as_secs() as usize);
    let mut header = Vec::new();
    header.extend(b"RIFF");
    header.extend((36 + pcm.len() as u32).to_le_bytes());
    header.extend(b"WAVEfmt \x10\0\0\0\x01\0\x02\0");
    header.extend((RATE as u32).to_le_bytes());
    header.extend((RATE as u32 * 4).to_le_bytes());
    header.extend(b"\x04\0\x10\0data");
    header.extend((pcm.len() as u32).to_le_bytes());
    let mut file = File::create(path).expect("the folder is ours");
    file.write_all(&header).and_then(|()| file.write_all(&pcm)).expect("the disk has room");
}

/// What a broadcast of a tone without an end sounded like.
#[derive(Debug)]
pub struct Heard {
    pub seconds: f64,
    /// Where the tone was missing: begin and length, in seconds.
    pub gaps: Vec<(f64, f64)>,
}

/// Listens until it is told to stop.
#[derive(Debug)]
pub struct Listening {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
    file: PathBuf,
}

impl Heard {
    /// By HTTP-FLV: TCP loses nothing on the way, and a listener that is late misses nothing, so a gap is one of the
    /// broadcast. Returns once something came.
    pub async fn listen(flv: &str, output: &Output) -> Listening {
        let file = output.file("heard.flv");
        let mut stream = reqwest::get(flv).await.expect("the relay answers");
        let first = stream.chunk().await.expect("the stream begins").expect("with something");
        let mut kept = File::create(&file).expect("the output folder is ours");
        kept.write_all(&first).expect("the disk has room");
        let (stop, mut stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = &mut stopped => return,
                    chunk = stream.chunk() => match chunk {
                        Ok(Some(bytes)) => kept.write_all(&bytes).expect("the disk has room"),
                        _ => return,
                    },
                }
            }
        });
        Listening { stop, task, file }
    }
}

impl Listening {
    pub async fn end(self) -> Heard {
        /// Blocks of this many samples are judged.
        const BLOCK: usize = RATE / 100;
        /// Half of the tone's level: -9 dB of full scale is a sine at half of it.
        const LEAST: f64 = 0.18;
        let _ = self.stop.send(());
        self.task.await.expect("it writes until it is told to stop");
        // What has no sound by its timestamps is silence in what is decoded.
        let mut decode = Command::new(tool::find("ffmpeg", "ffmpeg"));
        decode.args(["-loglevel", "error", "-i"]).arg(&self.file);
        decode.args(["-vn", "-af", "aresample=async=1", "-ac", "1", "-ar", "48000", "-f", "s16le", "-"]);
        let pcm = decode.output().expect("ffmpeg starts").stdout;
        let samples: Vec<f64> =
            pcm.chunks_exact(2).map(|b| f64::from(i16::from_le_bytes([b[0], b[1]])) / 32_768.0).collect();
        let rms = |block: &[f64]| (block.iter().map(|s| s * s).sum::<f64>() / block.len() as f64).sqrt();
        let at = |block: usize| (block * BLOCK) as f64 / RATE as f64;
        let levels: Vec<f64> = samples.chunks_exact(BLOCK).map(rms).collect();
        // A decoder fades in, and the end is cut anywhere.
        let judged = 20..levels.len().saturating_sub(20).max(20);
        let mut gaps: Vec<(f64, f64)> = Vec::new();
        for block in judged.filter(|block| levels[*block] < LEAST) {
            match gaps.last_mut() {
                Some((begin, length)) if (*begin + *length - at(block)).abs() < 0.001 => *length += at(1),
                _ => gaps.push((at(block), at(1))),
            }
        }
        let _ = std::fs::remove_file(&self.file);
        Heard { seconds: samples.len() as f64 / RATE as f64, gaps }
    }
}
