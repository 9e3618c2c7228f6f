//! What an init segment says of a track: its codec's configuration as a sample entry, made from a packet.

use super::boxes::{boxed, full, put, put_u16, zeros};
use crate::{Codec, Packet, aac, av1, h264, hevc};

/// A track's codec and its configuration. Two are equal where the same init segment serves both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    pub(super) codec: Codec,
    /// Ticks a second of the track: 90 000 for video, the sampling rate for sound.
    pub(super) timescale: u32,
    /// Pixels; zero for sound.
    pub(super) size: (u32, u32),
    /// The decoder's configuration record.
    record: Vec<u8>,
    codecs: String,
    /// What of an ADTS header must not change: see [`adts_fixed`]. Zero for video.
    adts: u32,
}

impl Format {
    /// Reads the format from a packet that describes itself: a keyframe with its parameter sets, or sound.
    /// `None` for other packets, damaged ones, and codecs that have no place here (Opus).
    pub fn of(packet: &Packet) -> Option<Self> {
        match packet.codec {
            Codec::H264 if packet.keyframe => avc(&packet.data),
            Codec::Hevc if packet.keyframe => hvc(&packet.data),
            Codec::Av1 if packet.keyframe => av01(&packet.data),
            Codec::Aac => mp4a(&packet.data),
            _ => None,
        }
    }

    /// The format that a packet brings, where it is another than this.
    pub fn changed_by(&self, packet: &Packet) -> Option<Self> {
        if packet.codec == Codec::Aac && self.adts == adts_fixed(&packet.data)? {
            return None;
        }
        Self::of(packet).filter(|format| format != self)
    }

    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Ticks a second: 90 000 for video, the sampling rate for sound.
    pub fn timescale(&self) -> u32 {
        self.timescale
    }

    /// Width and height in pixels; `None` for sound.
    pub fn size(&self) -> Option<(u32, u32)> {
        self.codec.is_video().then_some(self.size)
    }

    /// The `codecs` parameter of RFC 6381, such as `avc1.42c01f`.
    pub fn codecs(&self) -> &str {
        &self.codecs
    }

    /// The decoder's configuration as it also stands in FLV: an AVC, HEVC or AV1 decoder configuration record, or an
    /// AudioSpecificConfig.
    pub fn record(&self) -> &[u8] {
        &self.record
    }

    /// Appends the sample entry box (ISO/IEC 14496-12 section 8.5.2).
    pub(super) fn write_entry(&self, out: &mut Vec<u8>) {
        match self.codec {
            Codec::H264 => visual(out, b"avc1", self.size, b"avcC", &self.record),
            Codec::Hevc => visual(out, b"hvc1", self.size, b"hvcC", &self.record),
            Codec::Av1 => visual(out, b"av01", self.size, b"av1C", &self.record),
            Codec::Aac | Codec::Opus => audible(out, self.timescale, &self.record),
        }
    }

    pub(super) fn track(&self) -> u32 {
        if self.codec.is_video() { super::VIDEO } else { super::AUDIO }
    }
}

/// VisualSampleEntry (ISO/IEC 14496-12 section 12.1.3) with the codec's configuration box in it.
fn visual(
    out: &mut Vec<u8>,
    kind: &[u8; 4],
    (width, height): (u32, u32),
    configuration: &[u8; 4],
    record: &[u8],
) {
    /// 72 dots an inch in 16.16 fixed point, as the standard prescribes.
    const RESOLUTION: u32 = 0x0048_0000;
    boxed(out, kind, |out| {
        zeros(out, 6);
        put_u16(out, 1); // data_reference_index
        zeros(out, 16);
        put_u16(out, width as u16);
        put_u16(out, height as u16);
        put(out, RESOLUTION);
        put(out, RESOLUTION);
        put(out, 0);
        put_u16(out, 1); // frame_count
        zeros(out, 32); // compressorname
        put_u16(out, 0x18); // depth
        put_u16(out, u16::MAX); // pre_defined
        boxed(out, configuration, |out| out.extend_from_slice(record));
    });
}

/// An MPEG-4 audio sample entry with its `esds` (ISO/IEC 14496-14 section 5.6, 14496-1 section 7.2.6).
fn audible(out: &mut Vec<u8>, rate: u32, specific: &[u8]) {
    let channels = aac::Config::parse(specific).map_or(2, |config| config.channels());
    boxed(out, b"mp4a", |out| {
        zeros(out, 6);
        put_u16(out, 1); // data_reference_index
        zeros(out, 8);
        put_u16(out, u16::from(channels));
        put_u16(out, 16); // samplesize
        put(out, 0);
        // 16.16 fixed point, which higher rates do not fit: readers take those from the esds.
        put(out, u16::try_from(rate).map_or(0, |rate| u32::from(rate) << 16));
        full(out, b"esds", 0, 0, |out| {
            let size = specific.len() as u8;
            out.extend_from_slice(&[3, 23 + size, 0, 0, 0]);
            // MPEG-4 audio, an audio stream, reserved bit; buffer size and bitrates are not told.
            out.extend_from_slice(&[4, 15 + size, 0x40, 0x15]);
            zeros(out, 11);
            out.extend_from_slice(&[5, size]);
            out.extend_from_slice(specific);
            out.extend_from_slice(&[6, 1, 2]);
        });
    });
}

/// Appends a parameter set behind its length in two bytes; `None` where that does not hold it.
fn put_set(out: &mut Vec<u8>, set: &[u8]) -> Option<()> {
    put_u16(out, u16::try_from(set.len()).ok()?);
    out.extend_from_slice(set);
    Some(())
}

/// H.264: AVCDecoderConfigurationRecord (ISO/IEC 14496-15 section 5.3.3.1).
fn avc(data: &[u8]) -> Option<Format> {
    /// As many as its 5 bits count.
    const MOST_SPS: usize = 31;
    const MOST_PPS: usize = 255;
    let sets = |kind| h264::nal_units(data).filter(move |nal| h264::kind(nal) == kind);
    let first = sets(h264::nal_type::SPS).next()?;
    let sps = h264::Sps::parse(first)?;
    let spss: Vec<&[u8]> = sets(h264::nal_type::SPS).take(MOST_SPS).collect();
    let ppss: Vec<&[u8]> = sets(h264::nal_type::PPS).take(MOST_PPS).collect();
    if ppss.is_empty() {
        return None;
    }
    // Lengths of four bytes; the reserved bits are ones.
    let mut record = vec![1, sps.profile, sps.constraints, sps.level, 0xff, 0xe0 | spss.len() as u8];
    spss.iter().try_for_each(|set| put_set(&mut record, set))?;
    record.push(ppss.len() as u8);
    ppss.iter().try_for_each(|set| put_set(&mut record, set))?;
    if matches!(sps.profile, 100 | 110 | 122 | 244) {
        let [luma, chroma] = sps.depth.map(|depth| 0xf8 | (depth - 8));
        record.extend_from_slice(&[0xfc | sps.chroma, luma, chroma, 0]);
    }
    let size = (sps.width, sps.height);
    Some(Format {
        codec: Codec::H264,
        timescale: Codec::H264.clock_rate(),
        size,
        record,
        codecs: format!("avc1.{:02x}{:02x}{:02x}", sps.profile, sps.constraints, sps.level),
        adts: 0,
    })
}

/// HEVC: HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 section 8.3.3.1).
fn hvc(data: &[u8]) -> Option<Format> {
    use hevc::nal_type::{PPS, SPS, VPS};
    let sets = |kind| h264::nal_units(data).filter(move |nal| hevc::kind(nal) == kind);
    let sps = hevc::Sps::parse(sets(SPS).next()?)?;
    let mut record = vec![1];
    record.extend_from_slice(&sps.profile);
    record.push(sps.level);
    put_u16(&mut record, 0xf000); // min_spatial_segmentation_idc: not told
    let [luma, chroma] = sps.depth.map(|depth| 0xf8 | (depth - 8));
    record.extend_from_slice(&[0xfc, 0xfc | sps.chroma, luma, chroma, 0, 0]);
    record.push(sps.layers << 3 | u8::from(sps.nested) << 2 | 3);
    record.push(3);
    for kind in [VPS, SPS, PPS] {
        // Complete: none of this kind is in the samples.
        record.push(0x80 | kind);
        let count = u16::try_from(sets(kind).count()).ok().filter(|count| *count > 0)?;
        put_u16(&mut record, count);
        sets(kind).try_for_each(|set| put_set(&mut record, set))?;
    }
    let size = (sps.width, sps.height);
    Some(Format {
        codec: Codec::Hevc,
        timescale: Codec::Hevc.clock_rate(),
        size,
        record,
        codecs: hevc_codecs(&sps),
        adts: 0,
    })
}

/// ISO/IEC 14496-15 annex E.3: `hvc1.PROFILE.COMPATIBILITY.TIER LEVEL.CONSTRAINTS`.
fn hevc_codecs(sps: &hevc::Sps) -> String {
    let [general, c0, c1, c2, c3, constraints @ ..] = sps.profile;
    let space = ["", "A", "B", "C"][usize::from(general >> 6)];
    let tier = if general & 0x20 == 0 { 'L' } else { 'H' };
    let compatibility = u32::from_be_bytes([c0, c1, c2, c3]).reverse_bits();
    let mut codecs = format!("hvc1.{space}{}.{compatibility:X}.{tier}{}", general & 0x1f, sps.level);
    let told = constraints.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    for byte in &constraints[..told] {
        codecs.push_str(&format!(".{byte:X}"));
    }
    codecs
}

/// AV1: AV1CodecConfigurationRecord (AV1 in ISOBMFF, section 2.3).
fn av01(data: &[u8]) -> Option<Format> {
    let header = av1::obus(data).find(|obu| obu.kind == av1::obu_type::SEQUENCE_HEADER)?;
    let sequence = av1::Sequence::parse(header.payload)?;
    let [across, down] = sequence.halved.map(u8::from);
    let mut record = vec![
        0x81,
        sequence.profile << 5 | sequence.level,
        sequence.tier << 7
            | u8::from(sequence.depth > 8) << 6
            | u8::from(sequence.depth == 12) << 5
            | u8::from(sequence.grey) << 4
            | across << 3
            | down << 2
            | sequence.position,
        0,
    ];
    record.extend_from_slice(header.whole);
    let size = (sequence.width, sequence.height);
    let tier = if sequence.tier == 0 { 'M' } else { 'H' };
    Some(Format {
        codec: Codec::Av1,
        timescale: Codec::Av1.clock_rate(),
        size,
        record,
        codecs: format!("av01.{}.{:02}{tier}.{:02}", sequence.profile, sequence.level, sequence.depth),
        adts: 0,
    })
}

/// AAC: the AudioSpecificConfig (ISO/IEC 14496-3 section 1.6.2.1) of the packet's ADTS header.
fn mp4a(data: &[u8]) -> Option<Format> {
    let (config, _) = aac::split(data)?;
    let record = config.write().to_vec();
    Some(Format {
        codec: Codec::Aac,
        timescale: config.rate(),
        size: (0, 0),
        // The first five bits are the object type.
        codecs: format!("mp4a.40.{}", record[0] >> 3),
        record,
        adts: adts_fixed(data)?,
    })
}

/// What of an ADTS header holds for the whole stream: its first 28 bits (ISO/IEC 14496-3 section 1.A.2.2.1) without
/// the version, `protection_absent` and what is private or about copies. `None` where it is none.
fn adts_fixed(data: &[u8]) -> Option<u32> {
    /// Sync word and layer, which say that it is ADTS.
    const MARK: u32 = 0xfff6_0000;
    const FIXED: u32 = 0xfff6_fdc0;
    let head = u32::from_be_bytes(*data.first_chunk()?);
    (data.len() > aac::ADTS && head & MARK == 0xfff0_0000).then_some(head & FIXED)
}
