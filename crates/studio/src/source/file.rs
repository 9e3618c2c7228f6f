//! Media files as sources, played at their own pace and over again: pictures from YUV4MPEG2 (`.y4m`), sound from
//! what symphonia reads (WAV, MP3, Ogg Vorbis, FLAC, AAC in MP4).
//!
//! A file is opened before its thread starts, so that an unreadable one is an error at once and not a card.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use footlight_media::{Frame, Pcm, Picture, PicturePool, Time};
use footlight_protocol::studio::SourceState;
use footlight_protocol::{Code, Failure};
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatReader, TrackType};
use symphonia::core::io::MediaSourceStream;

use super::Feed;
use crate::encode::opus::BLOCK;
use crate::mix::STEP;
use crate::resample::Resampler;
use crate::voice::Voice;
use crate::worker::Worker;
use crate::{Clock, Error};

/// A header line longer than this is not one.
const MAX_LINE: u64 = 1024;
/// Largest side of a picture.
const MAX_SIDE: u32 = 8192;

fn unreadable(path: &Path, why: impl ToString) -> Error {
    Error::File {
        path: path.to_owned(),
        why: why.to_string(),
    }
}

fn lost() -> SourceState {
    SourceState::Lost {
        failure: Failure::new(Code::FileUnreadable, "The media file cannot be read any more"),
    }
}

/// Whether `path` can be played as pictures.
pub(crate) fn check_pictures(path: &Path) -> Result<(), Error> {
    let mut movie = Movie::open(path)?;
    let mut picture = movie.pool.take();
    match movie.read(&mut picture) {
        Ok(true) => Ok(()),
        Ok(false) => Err(unreadable(path, "no pictures in it")),
        Err(error) => Err(unreadable(path, error)),
    }
}

/// Whether `path` can be played as sound.
pub(crate) fn check_sound(path: &Path) -> Result<(), Error> {
    let mut song = Song::open(path)?;
    let mut samples = VecDeque::new();
    if song.read(&mut samples) {
        Ok(())
    } else {
        Err(unreadable(path, "no sound in it"))
    }
}

pub(super) fn start_pictures(path: &Path, feed: Feed, clock: Clock) -> Result<Worker, Error> {
    check_pictures(path)?;
    let mut movie = Movie::open(path)?;
    Ok(Worker::spawn("media file", move |stop| {
        let start = clock.now();
        let mut n = 0u64;
        loop {
            let due = start + Duration::from_micros(n * 1_000_000 * movie.rate.1 / movie.rate.0);
            let mut picture = movie.pool.take();
            match movie.read(&mut picture) {
                Ok(true) => {}
                Ok(false) if movie.rewind().is_ok() => continue,
                _ => return feed.state(lost()),
            }
            if stop.wait(clock.until(due)) {
                return;
            }
            // A reader that fell behind must not stamp the past: the frame is shown now.
            let captured = due.max(clock.now() - STEP);
            if !feed.frame(Frame {
                captured,
                picture: Arc::new(picture),
            }) {
                return;
            }
            n += 1;
        }
    })?)
}

/// A YUV4MPEG2 file: <https://wiki.multimedia.cx/index.php/YUV4MPEG2>.
struct Movie {
    reader: BufReader<File>,
    first: u64,
    /// Frames in so many seconds.
    rate: (u64, u64),
    /// Chroma has every row of luma (4:2:2) instead of every second.
    full_rows: bool,
    pool: PicturePool,
    row: Vec<u8>,
}

impl Movie {
    fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(|error| unreadable(path, error))?;
        let mut reader = BufReader::with_capacity(1 << 20, file);
        let header = line(&mut reader).map_err(|error| unreadable(path, error))?;
        let mut words = header.split(' ');
        if words.next() != Some("YUV4MPEG2") {
            return Err(unreadable(
                path,
                "not a .y4m file; other kinds of video files are not supported",
            ));
        }
        let (mut width, mut height, mut rate, mut full_rows) = (0u32, 0u32, (30, 1), false);
        for word in words.filter(|word| !word.is_empty()) {
            let (key, value) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
            match key {
                "W" => width = value.parse().unwrap_or(0),
                "H" => height = value.parse().unwrap_or(0),
                "F" => {
                    let parts = value
                        .split_once(':')
                        .and_then(|(n, d)| Some((n.parse().ok()?, d.parse().ok()?)));
                    rate = parts.filter(|(n, d)| *n > 0 && *d > 0).unwrap_or(rate);
                }
                "C" if value == "422" => full_rows = true,
                "C" if matches!(value, "420" | "420jpeg" | "420mpeg2" | "420paldv") => {}
                "C" => {
                    return Err(unreadable(
                        path,
                        format!("its pixel format {value} is not 4:2:0 or 4:2:2"),
                    ));
                }
                _ => {}
            }
        }
        let sides = 2..=MAX_SIDE;
        if !sides.contains(&width) || !sides.contains(&height) || width % 2 + height % 2 > 0 {
            return Err(unreadable(
                path,
                format!("its size {width}x{height} is not usable"),
            ));
        }
        let first = reader
            .stream_position()
            .map_err(|error| unreadable(path, error))?;
        Ok(Self {
            reader,
            first,
            rate,
            full_rows,
            pool: PicturePool::new(width, height),
            row: Vec::new(),
        })
    }

    /// Reads one picture; false at the end.
    fn read(&mut self, picture: &mut Picture) -> std::io::Result<bool> {
        let header = line(&mut self.reader)?;
        if header.is_empty() {
            return Ok(false);
        }
        if !header.starts_with("FRAME") {
            return Err(std::io::Error::other("no frame where one should be"));
        }
        let width = picture.width() as usize;
        let (y, cb, cr) = picture.planes_mut();
        self.reader.read_exact(y)?;
        for plane in [cb, cr] {
            if !self.full_rows {
                self.reader.read_exact(plane)?;
                continue;
            }
            self.row.resize(width / 2, 0);
            for row in plane.chunks_exact_mut(width / 2) {
                self.reader.read_exact(row)?;
                self.reader.read_exact(&mut self.row)?;
            }
        }
        Ok(true)
    }

    fn rewind(&mut self) -> std::io::Result<()> {
        self.reader.seek(SeekFrom::Start(self.first)).map(drop)
    }
}

/// A line of text, empty at the end of the file.
fn line(reader: &mut BufReader<File>) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut bytes)?;
    if bytes.len() as u64 == MAX_LINE {
        return Err(std::io::Error::other("not a media file"));
    }
    let text =
        String::from_utf8(bytes).map_err(|_| std::io::Error::other("not a media file that can be read"))?;
    Ok(text.trim_end().to_owned())
}

pub(super) fn start_sound(path: &Path, voice: Voice, clock: Clock) -> Result<Worker, Error> {
    check_sound(path)?;
    let mut song = Song::open(path)?;
    Ok(Worker::spawn("sound file", move |stop| {
        voice.state(SourceState::Running);
        let mut next = clock.now();
        let mut samples = VecDeque::new();
        loop {
            while samples.len() < BLOCK * Pcm::CHANNELS {
                if !song.read(&mut samples) {
                    match Song::open(&song.path) {
                        Ok(again) => song = again,
                        Err(_) => return voice.state(lost()),
                    }
                }
            }
            if stop.wait(clock.until(next + STEP)) {
                return;
            }
            let block: Vec<f32> = samples.drain(..BLOCK * Pcm::CHANNELS).collect();
            if !voice.speak(&Pcm {
                captured: next,
                samples: block,
            }) {
                return;
            }
            next = (next + STEP).max(clock.now() - STEP * 2);
        }
    })?)
}

struct Song {
    path: PathBuf,
    format: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    resampler: Option<Resampler>,
    decoded: Vec<f32>,
}

impl Song {
    fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(|error| unreadable(path, error))?;
        let stream = MediaSourceStream::new(Box::new(file), Default::default());
        let mut hint = Hint::new();
        if let Some(extension) = path.extension().and_then(|extension| extension.to_str()) {
            hint.with_extension(extension);
        }
        let format = symphonia::default::get_probe()
            .probe(&hint, stream, Default::default(), Default::default())
            .map_err(|error| unreadable(path, error))?;
        let none = || unreadable(path, "no sound in it");
        let track = format.default_track(TrackType::Audio).ok_or_else(none)?;
        let parameters = track
            .codec_params
            .as_ref()
            .and_then(|p| p.audio())
            .ok_or_else(none)?;
        let decoder = symphonia::default::get_codecs()
            .make_audio_decoder(parameters, &AudioDecoderOptions::default())
            .map_err(|error| unreadable(path, error))?;
        let track = track.id;
        Ok(Self {
            path: path.to_owned(),
            format,
            decoder,
            track,
            resampler: None,
            decoded: Vec::new(),
        })
    }

    /// Appends some 48 kHz stereo; false at the end.
    fn read(&mut self, samples: &mut VecDeque<f32>) -> bool {
        loop {
            let Ok(Some(packet)) = self.format.next_packet() else {
                return false;
            };
            if packet.track_id != self.track {
                continue;
            }
            // A damaged packet is a click; the file goes on.
            let Ok(sound) = self.decoder.decode(&packet) else {
                continue;
            };
            let (rate, channels) = (sound.spec().rate(), sound.spec().channels().count());
            self.decoded.resize(sound.samples_interleaved(), 0.0);
            sound.copy_to_slice_interleaved(&mut self.decoded);
            if channels == 0 || self.decoded.is_empty() {
                continue;
            }
            let frames = self.decoded.chunks_exact(channels);
            let stereo = frames.flat_map(|frame| [frame[0], *frame.get(1).unwrap_or(&frame[0])]);
            if rate == Pcm::RATE {
                samples.extend(stereo);
                return true;
            }
            if self.resampler.as_ref().is_none_or(|r| r.rate() != rate) {
                self.resampler = Resampler::new(rate).ok();
            }
            let Some(resampler) = &mut self.resampler else {
                return false;
            };
            let stereo: Vec<f32> = stereo.collect();
            if let Some(pcm) = resampler.push(Time::default() + Duration::from_secs(1), &stereo) {
                samples.extend(pcm.samples);
                return true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn temporary(name: &str, bytes: &[u8]) -> PathBuf {
        let path = std::env::temp_dir().join(format!("footlight-{}-{name}", std::process::id()));
        File::create(&path)
            .and_then(|mut file| file.write_all(bytes))
            .expect("a temporary file");
        path
    }

    #[test]
    fn a_movie_is_read_and_starts_over() {
        for (kind, chroma_rows) in [("420jpeg", 8), ("422", 16)] {
            let mut bytes = format!("YUV4MPEG2 W32 H16 F25:1 Ip C{kind}\n").into_bytes();
            for n in 1..=3u8 {
                bytes.extend(b"FRAME\n");
                bytes.extend(vec![n * 10; 32 * 16]);
                bytes.extend(vec![n; 16 * chroma_rows]);
                bytes.extend(vec![n + 100; 16 * chroma_rows]);
            }
            let path = temporary(&format!("{kind}.y4m"), &bytes);
            check_pictures(&path).expect("it is fine");
            let mut movie = Movie::open(&path).expect("opens");
            assert_eq!(movie.rate, (25, 1));
            let mut picture = movie.pool.take();
            for _ in 0..2 {
                for n in 1..=3u8 {
                    assert!(movie.read(&mut picture).expect("reads"));
                    let (y, cb, cr) = picture.planes();
                    assert_eq!((y[511], cb[127], cr[0]), (n * 10, n, n + 100));
                }
                assert!(!movie.read(&mut picture).expect("the end"));
                movie.rewind().expect("rewinds");
            }
            std::fs::remove_file(path).expect("cleans up");
        }
    }

    #[test]
    fn a_song_is_read_at_48_khz_stereo() {
        let rate = 44_100u32;
        let mut bytes = Vec::from(*b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0");
        bytes.extend(rate.to_le_bytes());
        bytes.extend((rate * 2).to_le_bytes());
        bytes.extend(b"\x02\0\x10\0data");
        bytes.extend((rate * 2).to_le_bytes());
        bytes.extend((0..rate).flat_map(|i| {
            let s = (i as f32 / rate as f32 * 440.0 * std::f32::consts::TAU).sin() * 16_000.0;
            (s as i16).to_le_bytes()
        }));
        let riff = (bytes.len() as u32 - 8).to_le_bytes();
        bytes[4..8].copy_from_slice(&riff);
        let path = temporary("mono.wav", &bytes);
        check_sound(&path).expect("it is fine");
        let mut song = Song::open(&path).expect("opens");
        let mut samples = VecDeque::new();
        while song.read(&mut samples) {}
        let seconds = samples.len() as f64 / 96_000.0;
        assert!((seconds - 1.0).abs() < 0.02, "{seconds} s");
        assert!(
            samples
                .iter()
                .step_by(2)
                .zip(samples.iter().skip(1).step_by(2))
                .all(|(l, r)| l == r)
        );
        std::fs::remove_file(path).expect("cleans up");
    }

    #[test]
    fn an_unreadable_file_is_named() {
        let broken = temporary("broken.y4m", b"YUV4MPEG2 W64 H64 F30:1\nFRAME\nshort");
        let huge = temporary("huge.y4m", b"YUV4MPEG2 W99999 H64 F30:1\nFRAME\n");
        let text = temporary("text.wav", b"hello");
        for (path, check) in [
            (
                PathBuf::from("/nonexistent/clip.y4m"),
                check_pictures as fn(&Path) -> Result<(), Error>,
            ),
            (broken.clone(), check_pictures),
            (huge.clone(), check_pictures),
            (text.clone(), check_pictures),
            (text.clone(), check_sound),
            (PathBuf::from("/nonexistent/song.wav"), check_sound),
        ] {
            let error = check(&path).expect_err("unreadable");
            assert!(error.to_string().contains(&*path.to_string_lossy()), "{error}");
        }
        for path in [broken, huge, text] {
            std::fs::remove_file(path).expect("cleans up");
        }
    }
}
