//! Bodies of audio and video tags → access units in the form that [`Packet`](crate::Packet) carries.

use bytes::Bytes;

use super::body::{self, Audio, Video};
use super::config::{self, Config};
use crate::h264::{self, nal_type as avc};
use crate::hevc::{self, nal_type as hvc};
use crate::{Codec, Error, aac, av1};

/// One access unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    pub codec: Codec,
    /// Decodes without an earlier one, and has its parameter sets in front. Sound: always.
    pub keyframe: bool,
    /// Milliseconds from decoding to presentation; something else than zero means B-frames.
    pub composition: i32,
    /// As in [`Packet::data`](crate::Packet::data).
    pub data: Bytes,
}

/// Remembers what the streams' configurations said.
#[derive(Debug, Default)]
pub struct Unpacker {
    video: Option<(Codec, Config)>,
    audio: Option<aac::Config>,
    /// A keyframe of this configuration has come, so that what follows it can be decoded.
    begun: bool,
}

impl Unpacker {
    /// Takes a video body. `None` where it holds no access unit that can be decoded. After damage that is so up to
    /// the next keyframe.
    pub fn video(&mut self, body: &[u8]) -> Result<Option<Unit>, Error> {
        let unpacked = self.unpack(body);
        self.begun &= unpacked.is_ok();
        unpacked
    }

    fn unpack(&mut self, body: &[u8]) -> Result<Option<Unit>, Error> {
        match body::video(body)? {
            Video::Config { codec, record } => {
                let read = match codec {
                    Codec::Hevc => config::hevc(record),
                    Codec::Av1 => config::av1(record),
                    _ => config::avc(record),
                };
                let config = read.ok_or(Error::Media)?;
                if self.video.as_ref() != Some(&(codec, config.clone())) {
                    self.video = Some((codec, config));
                    self.begun = false;
                }
                Ok(None)
            }
            Video::Frame { codec, keyframe, composition, data } => {
                let Some((known, config)) = &self.video else { return Ok(None) };
                if *known != codec {
                    return Ok(None);
                }
                let (data, keyframe) = match codec {
                    Codec::Av1 => temporal_unit(config, keyframe, data),
                    _ => nal_units(codec, config, data),
                }
                .ok_or(Error::Media)?;
                self.begun |= keyframe;
                let unit = Unit { codec, keyframe, composition, data: data.into() };
                Ok((self.begun && !unit.data.is_empty()).then_some(unit))
            }
            Video::End | Video::Other => Ok(None),
        }
    }

    /// Takes an audio body. `None` where it holds no frame.
    pub fn audio(&mut self, body: &[u8]) -> Result<Option<Unit>, Error> {
        let (codec, data) = match body::audio(body)? {
            Audio::Config { codec: Codec::Aac, record } => {
                self.audio = Some(aac::Config::parse(record).ok_or(Error::Codec(FOREIGN_AAC))?);
                return Ok(None);
            }
            Audio::Frame { codec, data } if !data.is_empty() => (codec, data),
            _ => return Ok(None),
        };
        let data = match (codec, self.audio) {
            (Codec::Aac, Some(config)) => config.frame(data).ok_or(Error::Media)?,
            (Codec::Aac, None) => return Ok(None),
            _ => data.to_vec(),
        };
        Ok(Some(Unit { codec, keyframe: true, composition: 0, data: data.into() }))
    }
}

/// What no ADTS header can say, so no player of a plain stream either.
const FOREIGN_AAC: crate::Foreign = crate::Foreign::Name("this kind of AAC");

/// The access unit with lengths of four bytes, without what only a byte stream needs, and with the parameter sets
/// in front where it is a keyframe that has none; and whether it is one. `None` where a length does not fit.
fn nal_units(codec: Codec, config: &Config, mut data: &[u8]) -> Option<(Vec<u8>, bool)> {
    let mut out = Vec::with_capacity(config.sets.len() + data.len() + 16);
    out.extend_from_slice(&config.sets);
    let (mut keyframe, mut has_sets) = (false, false);
    while !data.is_empty() {
        let (length, rest) = data.split_at_checked(config.length)?;
        let length = length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        let (nal, rest) = rest.split_at_checked(length)?;
        data = rest;
        let drop = if codec == Codec::Hevc {
            let kind = hevc::kind(nal);
            keyframe |= hvc::IRAP.contains(&kind);
            has_sets |= kind == hvc::SPS;
            matches!(kind, hvc::AUD | hvc::FILLER)
        } else {
            let kind = h264::kind(nal);
            keyframe |= kind == avc::IDR;
            has_sets |= kind == avc::SPS;
            matches!(kind, avc::AUD | avc::FILLER)
        };
        if !drop && !nal.is_empty() {
            h264::push_nal(&mut out, nal);
        }
    }
    if !keyframe || has_sets {
        out.drain(..config.sets.len());
    }
    Some((out, keyframe))
}

/// The temporal unit with the sequence header in front where it is a keyframe that has none.
fn temporal_unit(config: &Config, keyframe: bool, data: &[u8]) -> Option<(Vec<u8>, bool)> {
    let mut out = Vec::with_capacity(config.sets.len() + data.len());
    let has_header = av1::obus(data).any(|obu| obu.kind == av1::obu_type::SEQUENCE_HEADER);
    if keyframe && !has_header {
        out.extend_from_slice(&config.sets);
    }
    let mut whole = 0;
    for obu in av1::obus(data) {
        whole += obu.whole.len();
        if obu.kind != av1::obu_type::TEMPORAL_DELIMITER {
            out.extend_from_slice(obu.whole);
        }
    }
    let complete = has_header || !config.sets.is_empty();
    (whole == data.len()).then_some((out, keyframe && complete))
}
