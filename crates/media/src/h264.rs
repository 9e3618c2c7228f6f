//! H.264 byte formats: NAL units behind their lengths, Annex B, and the little of the SPS that Footlight needs.
//!
//! Inside Footlight an access unit is a run of NAL units, each behind its length in four bytes, big endian
//! (ISO/IEC 14496-15 section 5.3.2), so that nobody has to search for start codes again.

use memchr::memmem;

use crate::bits::{Bits, without_emulation};

/// Bytes of the length in front of each NAL unit.
pub const LENGTH: usize = 4;

/// NAL unit types of ITU-T H.264 table 7-1 that matter here.
pub mod nal_type {
    pub const SLICE: u8 = 1;
    pub const IDR: u8 = 5;
    pub const SEI: u8 = 6;
    pub const SPS: u8 = 7;
    pub const PPS: u8 = 8;
    pub const AUD: u8 = 9;
    pub const FILLER: u8 = 12;
}

/// The type in a NAL unit's first byte; 0 (unspecified) for an empty one.
pub fn kind(nal: &[u8]) -> u8 {
    nal.first().map_or(0, |byte| byte & 0x1f)
}

/// The NAL units of an access unit. Ends at the first length that does not fit, so damage yields less, never more.
pub fn nal_units(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk::<LENGTH>()?;
        let length = u32::from_be_bytes(*length) as usize;
        if length > after.len() {
            rest = &[];
            return None;
        }
        let (nal, tail) = after.split_at(length);
        rest = tail;
        Some(nal)
    })
}

/// Appends one NAL unit behind its length.
pub fn push_nal(out: &mut Vec<u8>, nal: &[u8]) {
    out.extend_from_slice(&(nal.len() as u32).to_be_bytes());
    out.extend_from_slice(nal);
}

/// Appends the NAL units of a byte stream (ITU-T H.264 annex B), each behind its length.
pub fn from_annex_b(stream: &[u8], out: &mut Vec<u8>) {
    const START: [u8; 3] = [0, 0, 1];
    let mut starts = memmem::find_iter(stream, &START).peekable();
    while let Some(start) = starts.next() {
        let end = starts.peek().copied().unwrap_or(stream.len());
        let nal = &stream[start + START.len()..end];
        // Zeros before the next start code belong to the byte stream: a NAL unit never ends with one.
        let length = nal.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        if length > 0 {
            push_nal(out, &nal[..length]);
        }
    }
}

/// Whether an access unit can be decoded without an earlier one.
pub fn is_keyframe(data: &[u8]) -> bool {
    nal_units(data).any(|nal| kind(nal) == nal_type::IDR)
}

/// What a sequence parameter set says of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sps {
    /// Cropped size in pixels.
    pub width: u32,
    pub height: u32,
    /// `profile_idc`, constraint flags and `level_idc`, as in SDP's `profile-level-id`.
    pub profile: u8,
    pub constraints: u8,
    pub level: u8,
    /// `chroma_format_idc`: 0 grey, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    pub chroma: u8,
    /// Bits a sample of brightness and of colour.
    pub depth: [u8; 2],
    /// What the numbers of the picture mean as colours, where it is said.
    pub colours: Option<Colours>,
}

/// Code points of the VUI (ITU-T H.264 tables E-3 to E-5); 2 is "unspecified".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colours {
    pub full_range: bool,
    pub primaries: u8,
    pub transfer: u8,
    pub matrix: u8,
}

impl Colours {
    /// BT.709 in limited range: what Footlight itself makes.
    pub const BT709: Self = Self { full_range: false, primaries: 1, transfer: 1, matrix: 1 };
    /// Nothing is said: players go by the size.
    pub const UNSPECIFIED: Self = Self { full_range: false, primaries: 2, transfer: 2, matrix: 2 };

    /// Section E.1.1, up to where the colours are.
    fn parse(bits: &mut Bits<'_>) -> Option<Self> {
        const EXTENDED_SAR: u32 = 255;
        if !bits.flag()? {
            return None;
        }
        if bits.flag()? && bits.take(8)? == EXTENDED_SAR {
            bits.take(32)?;
        }
        if bits.flag()? {
            bits.flag()?; // overscan_appropriate_flag
        }
        if !bits.flag()? {
            return None;
        }
        bits.take(3)?; // video_format
        let mut colours = Self { full_range: bits.flag()?, ..Self::UNSPECIFIED };
        if bits.flag()? {
            for code in [&mut colours.primaries, &mut colours.transfer, &mut colours.matrix] {
                *code = bits.take(8)? as u8;
            }
        }
        Some(colours)
    }
}

/// Largest side that is believed: level 6.2 allows 16 384.
const MAX_SIDE: u32 = 16_384;

impl Sps {
    /// Reads an SPS NAL unit (ITU-T H.264 section 7.3.2.1.1), with or without emulation prevention.
    /// `None` where it is damaged or describes a picture that cannot be.
    pub fn parse(nal: &[u8]) -> Option<Self> {
        if kind(nal) != nal_type::SPS {
            return None;
        }
        let payload = without_emulation(nal.get(1..)?);
        let mut bits = Bits::new(&payload);
        let profile = bits.take(8)? as u8;
        let constraints = bits.take(8)? as u8;
        let level = bits.take(8)? as u8;
        bits.exp_golomb()?; // seq_parameter_set_id
        let (mut chroma_format, mut depth) = (1, [8; 2]);
        if matches!(profile, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135) {
            chroma_format = bits.exp_golomb().filter(|format| *format <= 3)?;
            if chroma_format == 3 {
                bits.take(1)?;
            }
            for depth in &mut depth {
                // Section 7.4.2.1.1: at most 14 bits.
                *depth = 8 + bits.exp_golomb().filter(|more| *more <= 6)? as u8;
            }
            bits.take(1)?;
            if bits.take(1)? == 1 {
                for list in 0..if chroma_format == 3 { 12 } else { 8 } {
                    if bits.take(1)? == 1 {
                        skip_scaling_list(&mut bits, if list < 6 { 16 } else { 64 })?;
                    }
                }
            }
        }
        bits.exp_golomb()?; // log2_max_frame_num_minus4
        match bits.exp_golomb()? {
            0 => {
                bits.exp_golomb()?;
            }
            1 => {
                bits.take(1)?;
                bits.exp_golomb()?;
                bits.exp_golomb()?;
                let cycle = bits.exp_golomb()?;
                if cycle > 255 {
                    return None;
                }
                for _ in 0..cycle {
                    bits.exp_golomb()?;
                }
            }
            _ => {}
        }
        bits.exp_golomb()?; // max_num_ref_frames
        bits.take(1)?;
        let width_units = bits.exp_golomb()?.checked_add(1)?;
        let height_units = bits.exp_golomb()?.checked_add(1)?;
        let frames_only = bits.take(1)?;
        if frames_only == 0 {
            bits.take(1)?;
        }
        bits.take(1)?;
        let mut crop = [0u32; 4];
        if bits.take(1)? == 1 {
            for side in &mut crop {
                *side = bits.exp_golomb()?;
            }
        }
        let (crop_x, crop_y) = match chroma_format {
            0 | 3 => (1, 2 - frames_only),
            2 => (2, 2 - frames_only),
            _ => (2, 2 * (2 - frames_only)),
        };
        let side = |units: u32, unit: u32, crop_unit: u32, before: u32, after: u32| {
            let full = units.checked_mul(unit)?;
            let cropped = before.checked_add(after)?.checked_mul(crop_unit)?;
            full.checked_sub(cropped).filter(|side| (1..=MAX_SIDE).contains(side))
        };
        Some(Self {
            width: side(width_units, 16, crop_x, crop[0], crop[1])?,
            height: side(height_units, 16 * (2 - frames_only), crop_y, crop[2], crop[3])?,
            profile,
            constraints,
            level,
            chroma: chroma_format as u8,
            depth,
            // Behind everything that has to be there: a cut costs the colours only.
            colours: Colours::parse(&mut bits),
        })
    }
}

/// Section 7.3.2.1.1.1.
fn skip_scaling_list(bits: &mut Bits<'_>, size: usize) -> Option<()> {
    let (mut last, mut next) = (8i64, 8i64);
    for _ in 0..size {
        if next != 0 {
            next = (last + bits.signed()? + 256) % 256;
        }
        last = if next == 0 { last } else { next };
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1280×720 constrained baseline, level 3.1, as libx264 writes it.
    const SPS_720P: [u8; 24] = [
        0x67, 0x42, 0xc0, 0x1f, 0xd9, 0x00, 0x50, 0x05, 0xbb, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00,
        0x00, 0x03, 0x03, 0xc0, 0xf1, 0x83, 0x24,
    ];

    #[test]
    fn annex_b_becomes_lengths() {
        let mut out = Vec::new();
        from_annex_b(&[0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2, 0, 0, 0, 1, 0x65, 3, 0, 4, 0, 0], &mut out);
        let nals: Vec<&[u8]> = nal_units(&out).collect();
        assert_eq!(nals, [&[0x67, 1][..], &[0x68, 2], &[0x65, 3, 0, 4]]);
        assert!(is_keyframe(&out));
    }

    #[test]
    fn damage_ends_the_units() {
        assert_eq!(nal_units(&[0, 0, 0, 1, 9, 0, 0, 0, 9, 1]).collect::<Vec<_>>(), [&[9u8][..]]);
        assert_eq!(nal_units(&[0, 0]).count(), 0);
        let mut out = Vec::new();
        from_annex_b(&[1, 2, 3], &mut out);
        assert!(out.is_empty());
    }

    #[test]
    fn the_sps_tells_the_size() {
        let sps = Sps::parse(&SPS_720P).unwrap();
        assert_eq!((sps.width, sps.height), (1280, 720));
        assert_eq!((sps.profile, sps.constraints, sps.level), (0x42, 0xc0, 0x1f));
        assert_eq!((sps.chroma, sps.depth), (1, [8, 8]));
    }

    #[test]
    fn a_damaged_sps_is_refused_not_believed() {
        for cut in 0..SPS_720P.len() {
            // Either too short to tell, or told before the cut; never a panic.
            let _ = Sps::parse(&SPS_720P[..cut]);
        }
        let mut state = 1u32;
        for _ in 0..20_000 {
            let mut bytes = SPS_720P;
            for byte in &mut bytes[1..] {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if state >> 29 == 0 {
                    *byte = (state >> 8) as u8;
                }
            }
            if let Some(sps) = Sps::parse(&bytes) {
                assert!(sps.width <= MAX_SIDE && sps.height <= MAX_SIDE);
            }
        }
    }
}
