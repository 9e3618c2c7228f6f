//! What is in an audio or video tag: the forms of Adobe's annex E.4 for H.264 and AAC, and those of Enhanced RTMP
//! (Veovera, Enhanced RTMP v2) for every other codec.

use crate::cursor::{Cursor, u24};
use crate::{Codec, Error, Foreign};

/// A video tag's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Video<'a> {
    /// The decoder's configuration: an AVC, HEVC or AV1 decoder configuration record.
    Config { codec: Codec, record: &'a [u8] },
    /// One access unit, with the milliseconds from its decoding to its presentation.
    Frame { codec: Codec, keyframe: bool, composition: i32, data: &'a [u8] },
    /// The stream of this codec is over; another configuration may follow.
    End,
    /// Colour metadata, seek marks, the second track: nothing that is carried on.
    Other,
}

/// An audio tag's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audio<'a> {
    /// AAC: an AudioSpecificConfig. Opus: its identification header (RFC 7845 section 5.1).
    Config {
        codec: Codec,
        record: &'a [u8],
    },
    /// One frame.
    Frame {
        codec: Codec,
        data: &'a [u8],
    },
    End,
    /// Channel layouts, the second track.
    Other,
}

/// Codec numbers of annex E.4.
const AVC: u8 = 7;
const AAC: u8 = 10;
/// An enhanced audio header, where the number of the codec is in the plain form.
const ENHANCED_AUDIO: u8 = 9;
/// In a video tag's first byte: the header is an enhanced one.
const ENHANCED_VIDEO: u8 = 0x80;
/// 44.1 kHz, 16 bits, stereo: what the fields say for every AAC stream, whatever it is.
const AAC_FORMAT: u8 = AAC << 4 | 0x0f;

/// Frame types, annex E.4.3.1.
const KEYFRAME: u8 = 1;
const INTER: u8 = 2;
const COMMAND: u8 = 5;

/// Packet types of the plain AVC form.
mod avc {
    pub(super) const CONFIG: u8 = 0;
    pub(super) const NAL_UNITS: u8 = 1;
    pub(super) const END: u8 = 2;
}

/// Enhanced packet types; the first three mean the same for sound and picture.
mod packet {
    pub(super) const SEQUENCE_START: u8 = 0;
    pub(super) const CODED_FRAMES: u8 = 1;
    pub(super) const SEQUENCE_END: u8 = 2;
    pub(super) const CODED_FRAMES_X: u8 = 3;
    pub(super) const VIDEO_MULTITRACK: u8 = 6;
    pub(super) const AUDIO_MULTITRACK: u8 = 5;
    pub(super) const MOD_EX: u8 = 7;
}

/// The codecs whose four letters are known: those that are carried, and names for those that are not.
const VIDEO_LETTERS: [(&[u8; 4], Result<Codec, &str>); 6] = [
    (b"avc1", Ok(Codec::H264)),
    (b"hvc1", Ok(Codec::Hevc)),
    (b"av01", Ok(Codec::Av1)),
    (b"vp09", Err("VP9")),
    (b"vp08", Err("VP8")),
    (b"vvc1", Err("VVC")),
];
const AUDIO_LETTERS: [(&[u8; 4], Result<Codec, &str>); 6] = [
    (b"mp4a", Ok(Codec::Aac)),
    (b"Opus", Ok(Codec::Opus)),
    (b".mp3", Err("MP3")),
    (b"fLaC", Err("FLAC")),
    (b"ac-3", Err("AC-3")),
    (b"ec-3", Err("E-AC-3")),
];

/// The four letters of what is carried, for RTMP's `connect`.
pub fn letters() -> impl Iterator<Item = (&'static str, Codec)> {
    let all = VIDEO_LETTERS.iter().chain(&AUDIO_LETTERS);
    all.filter_map(|(letters, known)| Some((std::str::from_utf8(*letters).ok()?, known.ok()?)))
}

/// Reads a video tag's body.
pub fn video(body: &[u8]) -> Result<Video<'_>, Error> {
    let mut body = Cursor(body);
    // An empty message is what some encoders send to keep the connection busy.
    let Some(first) = body.u8() else { return Ok(Video::Other) };
    if first & ENHANCED_VIDEO != 0 {
        return enhanced_video(first, body);
    }
    let frame = first >> 4;
    if frame == COMMAND {
        return Ok(Video::Other);
    }
    match first & 0x0f {
        AVC => {}
        2 => return Err(Error::Codec(Foreign::Name("Sorenson H.263"))),
        4 | 5 => return Err(Error::Codec(Foreign::Name("VP6"))),
        // Numbers that a vendor uses for HEVC without asking anybody.
        12 => return Err(Error::Codec(Foreign::Name("HEVC without Enhanced RTMP"))),
        number => return Err(Error::Codec(Foreign::Number(number))),
    }
    let codec = Codec::H264;
    let kind = body.u8().ok_or(Error::Media)?;
    let composition = body.i24().ok_or(Error::Media)?;
    match kind {
        avc::CONFIG => Ok(Video::Config { codec, record: body.0 }),
        avc::NAL_UNITS => Ok(Video::Frame { codec, keyframe: frame == KEYFRAME, composition, data: body.0 }),
        avc::END => Ok(Video::End),
        _ => Err(Error::Media),
    }
}

fn enhanced_video(first: u8, mut body: Cursor<'_>) -> Result<Video<'_>, Error> {
    let frame = first >> 4 & 7;
    let kind = skip_mod_ex(first & 0x0f, &mut body).ok_or(Error::Media)?;
    if frame == COMMAND {
        return Ok(Video::Other);
    }
    let header = track(kind, packet::VIDEO_MULTITRACK, &mut body).ok_or(Error::Media)?;
    let Some((kind, letters)) = header else { return Ok(Video::Other) };
    let codec = find(&VIDEO_LETTERS, letters)?;
    let keyframe = frame == KEYFRAME;
    Ok(match kind {
        packet::SEQUENCE_START => Video::Config { codec, record: body.0 },
        packet::CODED_FRAMES => {
            let composition = match codec {
                Codec::H264 | Codec::Hevc => body.i24().ok_or(Error::Media)?,
                _ => 0,
            };
            Video::Frame { codec, keyframe, composition, data: body.0 }
        }
        packet::CODED_FRAMES_X => Video::Frame { codec, keyframe, composition: 0, data: body.0 },
        packet::SEQUENCE_END => Video::End,
        _ => Video::Other,
    })
}

/// Reads an audio tag's body.
pub fn audio(body: &[u8]) -> Result<Audio<'_>, Error> {
    let mut body = Cursor(body);
    let Some(first) = body.u8() else { return Ok(Audio::Other) };
    let name = match first >> 4 {
        AAC => {
            return match body.u8() {
                Some(0) => Ok(Audio::Config { codec: Codec::Aac, record: body.0 }),
                Some(1) => Ok(Audio::Frame { codec: Codec::Aac, data: body.0 }),
                // A header without content is how some encoders say that there is no sound.
                None => Ok(Audio::Other),
                Some(_) => Err(Error::Media),
            };
        }
        ENHANCED_AUDIO => return enhanced_audio(first, body),
        0 | 3 => Foreign::Name("PCM"),
        1 => Foreign::Name("ADPCM"),
        2 | 14 => Foreign::Name("MP3"),
        4..=6 => Foreign::Name("Nellymoser"),
        7 | 8 => Foreign::Name("G.711"),
        11 => Foreign::Name("Speex"),
        number => Foreign::Number(number),
    };
    Err(Error::Codec(name))
}

fn enhanced_audio(first: u8, mut body: Cursor<'_>) -> Result<Audio<'_>, Error> {
    let kind = skip_mod_ex(first & 0x0f, &mut body).ok_or(Error::Media)?;
    let header = track(kind, packet::AUDIO_MULTITRACK, &mut body).ok_or(Error::Media)?;
    let Some((kind, letters)) = header else { return Ok(Audio::Other) };
    let codec = find(&AUDIO_LETTERS, letters)?;
    Ok(match kind {
        packet::SEQUENCE_START => Audio::Config { codec, record: body.0 },
        packet::CODED_FRAMES => Audio::Frame { codec, data: body.0 },
        packet::SEQUENCE_END => Audio::End,
        _ => Audio::Other,
    })
}

/// Steps over extensions in front of the packet, such as nanoseconds; gives the type of what they extend.
fn skip_mod_ex(mut kind: u8, body: &mut Cursor<'_>) -> Option<u8> {
    while kind == packet::MOD_EX {
        let mut size = usize::from(body.u8()?) + 1;
        if size == 256 {
            size = usize::from(body.u16()?) + 1;
        }
        body.take(size)?;
        kind = body.u8()? & 0x0f;
    }
    Some(kind)
}

/// The packet type and the codec's letters; of several tracks those of track 0, narrowing `body` to it. The outer
/// `None` is damage, the inner one that track 0 is not here.
fn track(kind: u8, multitrack: u8, body: &mut Cursor<'_>) -> Option<Option<(u8, [u8; 4])>> {
    /// How tracks share a packet.
    const ONE_TRACK: u8 = 0;
    const MANY_CODECS: u8 = 2;
    if kind != multitrack {
        return Some(Some((kind, body.array()?)));
    }
    let byte = body.u8()?;
    let (sharing, kind) = (byte >> 4, byte & 0x0f);
    let shared = if sharing == MANY_CODECS { None } else { Some(body.array()?) };
    while !body.0.is_empty() {
        let letters = shared.map_or_else(|| body.array(), Some)?;
        let id = body.u8()?;
        let content = match sharing {
            ONE_TRACK => std::mem::take(&mut body.0),
            _ => {
                let size = body.u24()? as usize;
                body.take(size)?
            }
        };
        if id == 0 {
            body.0 = content;
            return Some(Some((kind, letters)));
        }
    }
    Some(None)
}

fn find(known: &[(&[u8; 4], Result<Codec, &'static str>)], letters: [u8; 4]) -> Result<Codec, Error> {
    match known.iter().find(|(name, _)| **name == letters) {
        Some((_, Ok(codec))) => Ok(*codec),
        Some((_, Err(name))) => Err(Error::Codec(Foreign::Name(name))),
        None => Err(Error::Codec(Foreign::Letters(letters))),
    }
}

/// The body that says a decoder's configuration: a record of [`Video::Config`] or [`Audio::Config`].
pub fn write_config(codec: Codec, record: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(5 + record.len());
    match codec {
        Codec::H264 => body.extend_from_slice(&[KEYFRAME << 4 | AVC, avc::CONFIG, 0, 0, 0]),
        Codec::Aac => body.extend_from_slice(&[AAC_FORMAT, 0]),
        _ => enhanced(codec, KEYFRAME, packet::SEQUENCE_START, &mut body),
    }
    body.extend_from_slice(record);
    body
}

/// The body of one access unit. `composition` is in milliseconds and means nothing for sound; `data` is as in
/// [`Video::Frame`] and [`Audio::Frame`]: parameter sets and ADTS headers do not belong in it.
pub fn write_frame(codec: Codec, keyframe: bool, composition: i32, data: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(8 + data.len());
    let frame = if keyframe { KEYFRAME } else { INTER };
    match codec {
        Codec::H264 => {
            body.extend_from_slice(&[frame << 4 | AVC, avc::NAL_UNITS]);
            body.extend_from_slice(&u24(composition as u32));
        }
        Codec::Aac => body.extend_from_slice(&[AAC_FORMAT, 1]),
        Codec::Hevc if composition != 0 => {
            enhanced(codec, frame, packet::CODED_FRAMES, &mut body);
            body.extend_from_slice(&u24(composition as u32));
        }
        Codec::Hevc => enhanced(codec, frame, packet::CODED_FRAMES_X, &mut body),
        Codec::Av1 | Codec::Opus => enhanced(codec, frame, packet::CODED_FRAMES, &mut body),
    }
    body.extend_from_slice(data);
    body
}

/// The body that ends a stream of this codec.
pub fn write_end(codec: Codec) -> Vec<u8> {
    let mut body = Vec::new();
    match codec {
        Codec::H264 => body.extend_from_slice(&[KEYFRAME << 4 | AVC, avc::END, 0, 0, 0]),
        _ => enhanced(codec, KEYFRAME, packet::SEQUENCE_END, &mut body),
    }
    body
}

fn enhanced(codec: Codec, frame: u8, kind: u8, body: &mut Vec<u8>) {
    let (first, known) = if codec.is_video() {
        (ENHANCED_VIDEO | frame << 4 | kind, &VIDEO_LETTERS)
    } else {
        (ENHANCED_AUDIO << 4 | kind, &AUDIO_LETTERS)
    };
    body.push(first);
    let letters = known.iter().find(|(_, named)| *named == Ok(codec)).map(|(letters, _)| *letters);
    body.extend_from_slice(letters.expect("every codec that is carried has its letters"));
}
