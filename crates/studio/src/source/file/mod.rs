//! Media files as sources, played at their own pace and over again: pictures from YUV4MPEG2 (`.y4m`) and from
//! MP4 with H.264, sound from what symphonia reads (WAV, MP3, Ogg Vorbis, FLAC, AAC in MP4).
//!
//! A file is opened before its thread starts, so that an unreadable one is an error at once and not a card.
//! A clip with pictures and sound stands, at any instant, where it would if it had begun with the broadcast's
//! clock: its two halves are opened apart, and meet without knowing of each other.

mod mp4;
mod sound;
mod y4m;

use std::fs::File;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use footlight_media::{Frame, Picture, Time};
use footlight_protocol::studio::SourceState;
use footlight_protocol::{Code, Failure};
use symphonia::core::formats::FormatReader;
use symphonia::core::formats::probe::Hint;
use symphonia::core::io::MediaSourceStream;
use symphonia::core::packet::Packet;

use self::mp4::{Clip, Step};
pub(crate) use self::sound::check as check_sound;
pub(super) use self::sound::start as start_sound;
use self::y4m::Movie;
use super::Feed;
use crate::mixer::STEP;
use crate::worker::{Stop, Worker};
use crate::{Clock, Error};

/// Between two looks for a file that cannot be read.
const RETRY: Duration = Duration::from_secs(2);

/// Largest side of a picture.
const MAX_SIDE: u32 = 8192;

fn unreadable(path: &Path, why: impl ToString) -> Error {
    Error::File { path: path.to_owned(), why: why.to_string() }
}

fn lost() -> SourceState {
    SourceState::Lost {
        failure: Failure::new(Code::FileUnreadable, "The media file cannot be read any more"),
    }
}

/// Finds out what kind of file this is, by its content and not only by its name.
fn probe(path: &Path) -> Result<Box<dyn FormatReader>, Error> {
    let file = File::open(path).map_err(|error| unreadable(path, error))?;
    let stream = MediaSourceStream::new(Box::new(file), Default::default());
    let mut hint = Hint::new();
    if let Some(extension) = path.extension().and_then(|extension| extension.to_str()) {
        hint.with_extension(extension);
    }
    unharmed(|| symphonia::default::get_probe().probe(&hint, stream, Default::default(), Default::default()))
        .unwrap_or(Err(DAMAGED))
        .map_err(|error| unreadable(path, error))
}

const DAMAGED: symphonia::core::errors::Error = symphonia::core::errors::Error::DecodeError("damaged");

/// The reader panics at some damage (a table that contradicts another). That is the end of the file, not of the
/// thread that reads it.
fn unharmed<T>(read: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(read)).ok()
}

/// The next piece of a file; `None` at the end, or where it cannot be read any more.
fn next_packet(format: &mut dyn FormatReader) -> Option<Packet> {
    unharmed(|| format.next_packet()).and_then(Result::ok).flatten()
}

/// Whether a file's first box says MP4 (ISO/IEC 14496-12 section 4.3).
fn is_mp4(path: &Path) -> Result<bool, Error> {
    let mut head = Vec::new();
    File::open(path)
        .and_then(|file| file.take(8).read_to_end(&mut head))
        .map_err(|error| unreadable(path, error))?;
    Ok(head.get(4..8) == Some(b"ftyp"))
}

/// Whether `path` can be played as pictures.
pub(crate) fn check_pictures(path: &Path) -> Result<(), Error> {
    if is_mp4(path)? {
        return match Clip::open(path)?.first() {
            Some(_) => Ok(()),
            None => Err(unreadable(path, "none of its pictures can be decoded; is it complete?")),
        };
    }
    let mut movie = Movie::open(path)?;
    let mut picture = movie.pool.take();
    match movie.read(&mut picture) {
        Ok(true) => Ok(()),
        Ok(false) => Err(unreadable(path, "no pictures in it")),
        Err(error) => Err(unreadable(path, error)),
    }
}

pub(super) fn start_pictures(path: &Path, feed: Feed, clock: Clock) -> Result<Worker, Error> {
    check_pictures(path)?;
    if is_mp4(path)? {
        let clip = Clip::open(path)?;
        return Ok(Worker::spawn("media file", move |stop| {
            let start = joined(clip.length(), &clock);
            play_clip(clip, &Screen { feed, clock, stop, repeats: true }, start);
        })?);
    }
    let movie = Movie::open(path)?;
    Ok(Worker::spawn("media file", move |stop| {
        play_movie(movie, &Screen { feed, clock, stop, repeats: true });
    })?)
}

/// Plays from the beginning, and holds the last picture where it does not repeat. A file that cannot be read is lost, and
/// looked for again.
pub(super) fn start_layer(path: PathBuf, repeats: bool, feed: Feed, clock: Clock) -> Result<Worker, Error> {
    Ok(Worker::spawn("media layer", move |stop| {
        loop {
            let screen = Screen { feed: feed.clone(), clock, stop, repeats };
            let played = play(&path, &screen);
            if stop.is_set() || (played.is_ok() && !repeats) {
                return;
            }
            if let Err(error) = played {
                tracing::debug!(%error, "a media layer");
            }
            feed.state(lost());
            if stop.wait(RETRY) {
                return;
            }
        }
    })?)
}

/// Comes back where the file has ended, failed, or is to stop.
fn play(path: &Path, screen: &Screen<'_>) -> Result<(), Error> {
    check_pictures(path)?;
    if is_mp4(path)? {
        play_clip(Clip::open(path)?, screen, (screen.clock.now(), Duration::ZERO));
    } else {
        play_movie(Movie::open(path)?, screen);
    }
    Ok(())
}

/// Where a file's pictures go.
struct Screen<'a> {
    feed: Feed,
    clock: Clock,
    stop: &'a Stop,
    /// Over again at the end.
    repeats: bool,
}

impl Screen<'_> {
    /// Shows `picture` when it is due. False if this source should end.
    fn show(&self, due: Time, picture: Picture) -> bool {
        if self.stop.wait(self.clock.until(due)) {
            return false;
        }
        self.feed.frame(Frame {
            // A reader that fell behind must not stamp the past: the frame is shown now.
            captured: due.max(self.clock.now() - STEP),
            picture: Arc::new(picture),
        })
    }
}

fn play_movie(mut movie: Movie, screen: &Screen<'_>) {
    let start = screen.clock.now();
    let mut n = 0u64;
    loop {
        let due = start + Duration::from_micros(n * 1_000_000 * movie.rate.1 / movie.rate.0);
        let mut picture = movie.pool.take();
        match movie.read(&mut picture) {
            Ok(true) => {}
            Ok(false) if !screen.repeats => return,
            Ok(false) if movie.rewind().is_ok() => continue,
            _ => return screen.feed.state(lost()),
        }
        if !screen.show(due, picture) {
            return;
        }
        n += 1;
    }
}

/// `start` is when the pass began, and how far into it to begin.
fn play_clip(mut clip: Clip, screen: &Screen<'_>, start: (Time, Duration)) {
    let (mut pass, mut from) = start;
    clip.seek(from);
    loop {
        let mut any = false;
        while !screen.stop.is_set() {
            let (at, picture) = match clip.step() {
                Step::Picture(at, picture) => (at, picture),
                Step::Nothing => continue,
                Step::End => break,
            };
            any = true;
            // What comes earlier only leads from a keyframe to where the clip stands.
            if at >= from && !screen.show(pass + at, picture) {
                return;
            }
        }
        if screen.stop.is_set() || !screen.repeats {
            return;
        }
        match clip.again() {
            Ok(again) if any || !from.is_zero() => {
                pass = pass + clip.length().unwrap_or(clip.end());
                clip = again;
            }
            _ => return screen.feed.state(lost()),
        }
        from = Duration::ZERO;
    }
}

/// When the present pass of a clip that is `length` long began, and how far into it to start. One whose length
/// is not known starts now.
fn joined(length: Option<Duration>, clock: &Clock) -> (Time, Duration) {
    let now = clock.now();
    let Some(length) = length else {
        return (now, Duration::ZERO);
    };
    let into = now.since(clock.began()).as_micros() % length.as_micros().max(1);
    let into = Duration::from_micros(into as u64);
    (now - into, into)
}

#[cfg(test)]
mod tests {
    use super::super::slot::{Slot, Taken};
    use super::*;
    use crate::desk::Desk;
    use crate::voice::Voices;
    use footlight_protocol::studio::Snapshot;
    use std::io::Write;
    use std::path::PathBuf;
    use std::process::Command;
    use std::time::Instant;

    pub(super) fn temporary(name: &str, bytes: &[u8]) -> PathBuf {
        let path = std::env::temp_dir().join(format!("footlight-{}-{name}", std::process::id()));
        File::create(&path).and_then(|mut file| file.write_all(bytes)).expect("a temporary file");
        path
    }

    /// Makes an MP4 of ffmpeg's test source `pictures` with a tone.
    pub(super) fn clip(name: &str, pictures: &str, encoder: &str) -> PathBuf {
        let path = temporary(name, b"");
        let made = Command::new("ffmpeg")
            .args(["-v", "error", "-y", "-f", "lavfi", "-i", pictures])
            .args(["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100"])
            .args(["-shortest", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac"])
            .args(encoder.split(' '))
            .arg(&path)
            .status();
        assert!(made.expect("ffmpeg is installed").success(), "{name}");
        path
    }

    #[test]
    fn an_unreadable_file_is_named() {
        let broken = temporary("broken.y4m", b"YUV4MPEG2 W64 H64 F30:1\nFRAME\nshort");
        let huge = temporary("huge.y4m", b"YUV4MPEG2 W99999 H64 F30:1\nFRAME\n");
        let text = temporary("text.wav", b"hello");
        for (path, check) in [
            (PathBuf::from("/nonexistent/clip.y4m"), check_pictures as fn(&Path) -> Result<(), Error>),
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

    #[test]
    fn a_clip_plays_at_its_pace_over_its_end() {
        let path = clip("loop.mp4", "color=c=gray:s=64x64:r=25:d=1", "-bf 2 -g 10");
        let length = Clip::open(&path).expect("opens").length().expect("known");
        let slot = Slot::new(Arc::new(Desk::new(Snapshot::default())));
        let clock = Clock::start();
        let worker = start_pictures(&path, slot.feed("clip".into()), clock).expect("starts");
        let mut shown = Vec::new();
        let end = Instant::now() + Duration::from_secs(20);
        while clock.now() < clock.began() + Duration::from_millis(2500) {
            if let Taken::Frame(frame) = slot.take(end) {
                shown.push(frame.captured.since(clock.began()));
            }
        }
        drop(worker);
        assert!((50..=64).contains(&(shown.len() as u64 + slot.skipped())), "{shown:?}");
        assert!(shown.windows(2).all(|w| w[0] < w[1]), "{shown:?}");
        // Each pass starts where the clock says, unless this machine is too busy to be in time.
        let starts = shown.iter().filter(|at| at.as_micros() % length.as_micros() < 1000);
        assert!(starts.count() >= 1, "{length:?} {shown:?}");
        std::fs::remove_file(path).expect("cleans up");
    }

    #[test]
    fn pictures_and_sound_of_a_clip_meet() {
        let path = clip(
            "meet.mp4",
            "color=c=black:s=64x64:r=50:d=1.5,drawbox=c=white:t=fill:enable='between(t,0.5,0.7)'",
            "-g 10 -af volume=0:enable='not(between(t,0.5,0.7))'",
        );
        let desk = Arc::new(Desk::new(Snapshot::default()));
        let slot = Slot::new(Arc::clone(&desk));
        let (voices, ear) = Voices::new(desk);
        let clock = Clock::start();
        let pictures = start_pictures(&path, slot.feed("clip".into()), clock).expect("starts");
        // Opened later, in the middle of a pass.
        assert!(!Stop::default().wait(Duration::from_millis(400)));
        let sound = start_sound(&path, voices.open("clip".into()), clock).expect("starts");
        let (mut lights, mut beeps) = (Vec::new(), Vec::new());
        let (mut light, mut loud) = (true, true);
        while clock.now() < clock.began() + Duration::from_secs(5) {
            if let Taken::Frame(frame) = slot.take(Instant::now()) {
                let was = std::mem::replace(&mut light, frame.picture.planes().0[0] > 128);
                if light && !was {
                    lights.push(frame.captured);
                }
            }
            if let Some(chunk) = ear.hear(Duration::from_millis(1)) {
                let was = std::mem::replace(&mut loud, chunk.samples().iter().any(|s| s.abs() > 0.02));
                if loud && !was {
                    beeps.push(chunk.captured);
                }
            }
        }
        drop((pictures, sound));
        // The encoder's delay makes sound 23 ms late; a chunk is 10 ms.
        let together = beeps.iter().filter(|beep| {
            let apart = |light: &&Time| beep.since(**light).max(light.since(**beep));
            lights.iter().any(|light| apart(&light) < Duration::from_millis(45))
        });
        assert!(together.count() >= 2, "{lights:?} {beeps:?}");
        std::fs::remove_file(path).expect("cleans up");
    }
}
