//! MP4 with H.264: samples read one by one by symphonia, decoded by OpenH264.
//!
//! The decoder gives pictures back in the order in which they are shown, the file lists them in the order in
//! which they are decoded: the n-th picture is due at the n-th sample's decoding time, which for a steady frame
//! rate is when it is shown. A damaged sample is skipped, and what depends on it, up to the next keyframe.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Duration;

use footlight_codec::decode::picture;
use footlight_media::{Picture, PicturePool};
use openh264::OpenH264API;
use openh264::decoder::{Decoder, DecoderConfig, Flush};
use symphonia::core::codecs::video::VideoCodecParameters;
use symphonia::core::codecs::video::well_known::CODEC_ID_H264;
use symphonia::core::codecs::video::well_known::extra_data::VIDEO_EXTRA_DATA_ID_AVC_DECODER_CONFIG;
use symphonia::core::formats::{FormatReader, SeekMode, SeekTo, Track};
use symphonia::core::units::{TimeBase, Timestamp};

use super::{next_packet, probe, unharmed, unreadable};
use crate::Error;

const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// Most pictures that H.264 lets a decoder hold back to bring them into order.
const MAX_HELD: usize = 16;

/// A file without a picture in so many samples (10 s of 60 fps and its sound) is refused: to read all of a large
/// one takes minutes.
const PATIENCE: usize = 1200;

/// How far before the wanted instant a seek lands: most encoders set a keyframe at least this often.
const KEYFRAME_WITHIN: Duration = Duration::from_secs(10);

/// A time in a file beyond this is damage.
const MAX_LENGTH: Duration = Duration::from_secs(7 * 24 * 3600);

/// What reading on came to.
pub(super) enum Step {
    /// A picture and when in the pass it is due.
    Picture(Duration, Picture),
    /// Sound, or a sample of which no picture comes now.
    Nothing,
    End,
}

/// One pass through an MP4 file.
pub(super) struct Clip {
    path: PathBuf,
    format: Box<dyn FormatReader>,
    track: u32,
    base: Option<TimeBase>,
    length: Option<Duration>,
    end: Duration,
    decoder: Decoder,
    config: AvcConfig,
    /// An access unit as the decoder wants it; the parameter sets come before the first.
    unit: Vec<u8>,
    /// Due times of samples whose pictures have not come out yet.
    times: VecDeque<Duration>,
    pool: PicturePool,
    /// Pictures the decoder let go of at the end.
    last: VecDeque<Picture>,
    ended: bool,
}

impl Clip {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let format = probe(path)?;
        let (track, parameters) =
            pictures(&*format).ok_or_else(|| unreadable(path, "no H.264 pictures in it"))?;
        let config = parameters
            .extra_data
            .iter()
            .find(|data| data.id == VIDEO_EXTRA_DATA_ID_AVC_DECODER_CONFIG)
            .and_then(|data| AvcConfig::parse(&data.data))
            .ok_or_else(|| unreadable(path, "its H.264 is not described"))?;
        let decoder = DecoderConfig::new().flush_after_decode(Flush::NoFlush);
        let decoder = Decoder::with_api_config(OpenH264API::from_source(), decoder)
            .map_err(|error| unreadable(path, error))?;
        Ok(Self {
            path: path.to_owned(),
            track: track.id,
            base: track.time_base,
            length: length(&*format),
            end: Duration::ZERO,
            decoder,
            unit: config.parameter_sets.clone(),
            config,
            times: VecDeque::new(),
            pool: PicturePool::new(0, 0),
            last: VecDeque::new(),
            ended: false,
            format,
        })
    }

    /// The same file from its beginning.
    pub(super) fn again(&self) -> Result<Self, Error> {
        let mut again = Self::open(&self.path)?;
        again.pool = self.pool.clone();
        Ok(again)
    }

    /// How long a pass lasts, if the file says so.
    pub(super) fn length(&self) -> Option<Duration> {
        self.length
    }

    /// When the last sample read so far ends.
    pub(super) fn end(&self) -> Duration {
        self.end.max(Duration::from_millis(1))
    }

    /// Goes to a little before `to`.
    pub(super) fn seek(&mut self, to: Duration) {
        let near = to.saturating_sub(KEYFRAME_WITHIN);
        if !seek(&mut *self.format, self.track, near)
            && let Ok(again) = self.again()
        {
            *self = again;
        }
    }

    /// The first picture of the pass; `None` if nothing can be decoded.
    pub(super) fn first(&mut self) -> Option<Picture> {
        (0..PATIENCE).find_map(|_| match self.step() {
            Step::Picture(_, picture) => Some(picture),
            Step::Nothing | Step::End => None,
        })
    }

    /// Reads a sample on.
    pub(super) fn step(&mut self) -> Step {
        if !self.ended {
            match next_packet(&mut *self.format) {
                Some(packet) if packet.track_id == self.track => {
                    let at = instant(self.base, packet.pts);
                    let after = packet.pts.checked_add(packet.dur).unwrap_or(packet.pts);
                    self.end = self.end.max(instant(self.base, after));
                    self.times.push_back(at);
                    return match self.decode(&packet.data) {
                        Some(picture) => Step::Picture(self.times.pop_front().unwrap_or(at), picture),
                        None => Step::Nothing,
                    };
                }
                Some(_) => return Step::Nothing,
                None => self.flush(),
            }
        }
        match self.last.pop_front() {
            Some(picture) => Step::Picture(self.times.pop_front().unwrap_or(self.end), picture),
            None => Step::End,
        }
    }

    fn decode(&mut self, sample: &[u8]) -> Option<Picture> {
        self.config.annex_b(sample, &mut self.unit);
        let decoded = self.decoder.decode(&self.unit);
        self.unit.clear();
        match decoded {
            Ok(Some(decoded)) => return picture(&decoded, &mut self.pool),
            Ok(None) if self.times.len() <= MAX_HELD => {}
            // No picture will come of this sample, so nothing is due then.
            _ => drop(self.times.pop_back()),
        }
        None
    }

    fn flush(&mut self) {
        self.ended = true;
        let decoded = self.decoder.flush_remaining().unwrap_or_default();
        let pool = &mut self.pool;
        self.last = decoded.iter().filter_map(|decoded| picture(decoded, pool)).collect();
    }
}

fn pictures(format: &dyn FormatReader) -> Option<(&Track, &VideoCodecParameters)> {
    format.tracks().iter().find_map(|track| {
        let parameters = track.codec_params.as_ref()?.video()?;
        (parameters.codec == CODEC_ID_H264).then_some((track, parameters))
    })
}

/// How long one pass through a clip with pictures lasts: as long as the longest of its tracks, so that pictures
/// and sound start over together. Whole milliseconds, which both micros and samples at 48 kHz can count.
pub(super) fn length(format: &dyn FormatReader) -> Option<Duration> {
    pictures(format)?;
    let ends = format.tracks().iter().filter_map(|track| {
        let end = Timestamp::ZERO.checked_add(track.duration?)?;
        Some(instant(track.time_base, end))
    });
    let millis = ends.max()?.as_micros().div_ceil(1000) as u64;
    let length = Duration::from_millis(millis);
    (!length.is_zero() && length < MAX_LENGTH).then_some(length)
}

/// A timestamp as time from the beginning.
pub(super) fn instant(base: Option<TimeBase>, timestamp: Timestamp) -> Duration {
    let time = base.and_then(|base| base.calc_time(timestamp));
    let micros = time.map_or(0, |time| time.as_micros());
    Duration::from_micros(u64::try_from(micros).unwrap_or(0)).min(MAX_LENGTH)
}

/// Goes to `to`. False if that failed, as it does where another track ends before: then the reader is nowhere, and
/// the way there is to read from the beginning.
pub(super) fn seek(format: &mut dyn FormatReader, track: u32, to: Duration) -> bool {
    let millis = i64::try_from(to.as_millis()).unwrap_or(0);
    let to = SeekTo::Time { time: symphonia::core::units::Time::from_millis(millis), track_id: Some(track) };
    millis == 0 || unharmed(|| format.seek(SeekMode::Accurate, to)).is_some_and(|sought| sought.is_ok())
}

/// What an AVCDecoderConfigurationRecord says (ISO/IEC 14496-15 section 5.3.3).
struct AvcConfig {
    /// Bytes in the length before each NAL unit.
    length_size: usize,
    /// As a byte stream.
    parameter_sets: Vec<u8>,
}

impl AvcConfig {
    fn parse(record: &[u8]) -> Option<Self> {
        let (head, mut rest) = record.split_at_checked(5)?;
        let mut parameter_sets = Vec::new();
        for mask in [0x1f, 0xff] {
            let (count, after) = rest.split_first()?;
            rest = after;
            for _ in 0..count & mask {
                let (length, after) = rest.split_first_chunk::<2>()?;
                let (nal, after) = after.split_at_checked(u16::from_be_bytes(*length).into())?;
                parameter_sets.extend(START_CODE);
                parameter_sets.extend(nal);
                rest = after;
            }
        }
        Some(Self { length_size: usize::from(head[4] & 3) + 1, parameter_sets })
    }

    /// Appends a sample as a byte stream; what does not fit its length is left out.
    fn annex_b(&self, mut sample: &[u8], out: &mut Vec<u8>) {
        while let Some((length, after)) = sample.split_at_checked(self.length_size) {
            let length = length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            let Some((nal, after)) = after.split_at_checked(length) else {
                return;
            };
            out.extend(START_CODE);
            out.extend(nal);
            sample = after;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{clip, temporary};
    use super::super::{check_pictures, check_sound};
    use super::*;

    const FADE: &str = "color=c=black:s=322x180:r=30:d=2,fade=t=in:d=2:c=white";

    fn pass(clip: &mut Clip) -> Vec<(Duration, Picture)> {
        let mut pictures = Vec::new();
        loop {
            match clip.step() {
                Step::Picture(at, picture) => pictures.push((at, picture)),
                Step::Nothing => {}
                Step::End => return pictures,
            }
        }
    }

    fn brightness(picture: &Picture) -> u64 {
        let luma = picture.planes().0;
        luma.iter().map(|y| u64::from(*y)).sum::<u64>() / luma.len() as u64
    }

    #[test]
    fn every_picture_of_a_clip_comes_in_its_order_and_again() {
        for (name, encoder) in [
            ("baseline", "-profile:v baseline"),
            ("reordered", "-profile:v high -bf 3 -g 20"),
            ("fragmented", "-bf 2 -movflags frag_keyframe+empty_moov -g 15"),
        ] {
            let path = clip(&format!("{name}.mp4"), FADE, encoder);
            check_pictures(&path).expect("it is fine");
            let mut movie = Clip::open(&path).expect("opens");
            for _ in 0..2 {
                let pictures = pass(&mut movie);
                assert_eq!(pictures.len(), 60, "{name}");
                for (n, (at, picture)) in pictures.iter().enumerate() {
                    assert_eq!((picture.width(), picture.height()), (322, 180), "{name}");
                    let due = n as i64 * 1_000_000 / 30;
                    assert!((at.as_micros() as i64 - due).abs() < 1000, "{name} {n}: {at:?}");
                }
                // The fade from white to black keeps its direction only if the order is right.
                let fade: Vec<u64> = pictures.iter().map(|(_, picture)| brightness(picture)).collect();
                assert!(fade.windows(2).all(|w| w[0] >= w[1]), "{name}: {fade:?}");
                assert!(fade[0] > 225 && fade[59] < 30, "{name}: {fade:?}");
                movie = movie.again().expect("opens again");
            }
            std::fs::remove_file(path).expect("cleans up");
        }
    }

    #[test]
    fn colours_are_those_of_the_file() {
        let path = clip("colour.mp4", "color=c=0x0000ff:s=64x64:r=25:d=1", "-g 5");
        let picture = Clip::open(&path).expect("opens").first().expect("a picture");
        let (_, cb, cr) = picture.planes();
        assert!(cb[500] > 230 && cr[500] < 120, "{} {}", cb[500], cr[500]);
        std::fs::remove_file(path).expect("cleans up");
    }

    #[test]
    fn a_seek_lands_before_the_instant_and_the_length_covers_both_tracks() {
        let path = clip("long.mp4", "color=c=red:s=64x64:r=10:d=30", "-g 20");
        let mut movie = Clip::open(&path).expect("opens");
        let length = movie.length().expect("known");
        assert!((30_000..30_100).contains(&length.as_millis()), "{length:?}");
        movie.seek(Duration::from_secs(25));
        let pictures = pass(&mut movie);
        let first = pictures[0].0;
        assert!((14_900..=17_100).contains(&first.as_millis()), "{first:?}");
        assert!(pictures.windows(2).all(|w| w[0].0 < w[1].0));
        std::fs::remove_file(path).expect("cleans up");
    }

    #[test]
    fn a_seek_that_fails_leaves_the_way_from_the_beginning() {
        for flags in ["-g 20", "-g 20 -movflags frag_keyframe+empty_moov"] {
            let path = clip("way.mp4", "color=c=red:s=64x64:r=10:d=3", flags);
            let mut movie = Clip::open(&path).expect("opens");
            movie.seek(Duration::from_secs(100));
            assert_eq!(pass(&mut movie).len(), 30, "{flags}");
            std::fs::remove_file(path).expect("cleans up");
        }
    }

    #[test]
    fn a_damaged_clip_loses_pictures_and_nothing_else() {
        let path = clip("whole.mp4", "testsrc2=s=320x180:r=30:d=2", "-g 10 -movflags +faststart");
        let whole = std::fs::read(&path).expect("reads");
        std::fs::remove_file(path).expect("cleans up");
        let mut random = 1u64;
        let mut damaged = |bytes: &mut [u8], hits: usize| {
            for _ in 0..hits {
                random =
                    random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = (random >> 20) as usize % bytes.len();
                bytes[at] = (random >> 56) as u8;
            }
        };

        let mut bytes = whole.clone();
        let half = bytes.len() / 2;
        damaged(&mut bytes[half..], 40);
        let hurt = temporary("hurt.mp4", &bytes);
        let pictures = pass(&mut Clip::open(&hurt).expect("opens")).len();
        assert!((20..=60).contains(&pictures), "{pictures}");

        // Whatever stands in it, a file is read or refused.
        let moov = bytes.windows(4).position(|w| w == b"mdat").expect("data");
        for _ in 0..300 {
            let mut bytes = whole.clone();
            damaged(&mut bytes[..moov], 3);
            let path = temporary("damaged.mp4", &bytes);
            drop(check_sound(&path));
            if let Ok(mut clip) = Clip::open(&path) {
                for _ in 0..200 {
                    drop(clip.step());
                }
            }
            std::fs::remove_file(path).expect("cleans up");
        }
        std::fs::remove_file(hurt).expect("cleans up");
    }

    #[test]
    fn a_clip_that_cannot_be_decoded_is_named() {
        let deep = clip("deep.mp4", "color=s=64x64:r=30:d=1", "-pix_fmt yuv422p10le");
        let other = clip("other.mp4", "color=s=64x64:r=30:d=1", "-c:v mpeg4");
        let whole = clip("headless.mp4", "color=s=64x64:r=30:d=1", "-g 10");
        let bytes = std::fs::read(&whole).expect("reads");
        // With the table of contents at the end, and with it at the beginning.
        let cut = temporary("contents.mp4", &bytes[..bytes.len() * 2 / 3]);
        let early = clip("early.mp4", "testsrc2=s=320x180:r=30:d=2", "-movflags +faststart");
        let bytes = std::fs::read(&early).expect("reads");
        std::fs::write(&early, &bytes[..bytes.len() * 2 / 3]).expect("writes");
        let garbage = temporary("garbage.mp4", &[b"\0\0\0\x18ftypisom".as_slice(), &[0x5a; 5000]].concat());
        for path in [&deep, &other, &cut, &early, &garbage] {
            let error = check_pictures(path).expect_err("unreadable").to_string();
            assert!(error.contains(&*path.to_string_lossy()), "{error}");
        }
        for path in [deep, other, whole, cut, early, garbage] {
            std::fs::remove_file(path).expect("cleans up");
        }
    }
}
