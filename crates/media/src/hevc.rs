//! HEVC byte formats: kinds of NAL units, and the little of the SPS that containers have to repeat.
//!
//! Access units are kept as in [`crate::h264`]: NAL units, each behind its length in four bytes.

use crate::bits::{Bits, without_emulation};

/// NAL unit types of ITU-T H.265 table 7-1 that matter here.
pub mod nal_type {
    /// First and last of the intra random access pictures: BLA, IDR, CRA and reserved ones.
    pub const IRAP: std::ops::RangeInclusive<u8> = 16..=23;
    pub const VPS: u8 = 32;
    pub const SPS: u8 = 33;
    pub const PPS: u8 = 34;
    pub const AUD: u8 = 35;
    pub const FILLER: u8 = 38;
    pub const PREFIX_SEI: u8 = 39;
}

/// Largest side that is believed: level 6.2 allows 16 888.
const MAX_SIDE: u32 = 16_888;

/// The type in a NAL unit's first byte; an empty one has the type of nothing that is looked for.
pub fn kind(nal: &[u8]) -> u8 {
    nal.first().map_or(u8::MAX, |byte| byte >> 1 & 0x3f)
}

/// Whether an access unit can be decoded without an earlier one.
pub fn is_keyframe(data: &[u8]) -> bool {
    crate::h264::nal_units(data).any(|nal| nal_type::IRAP.contains(&kind(nal)))
}

/// What a sequence parameter set says of the pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sps {
    /// Size in pixels inside the conformance window.
    pub width: u32,
    pub height: u32,
    /// The general part of `profile_tier_level` (section 7.3.3) without its level: profile space, tier and profile
    /// (1 byte), compatibility flags (4), constraint flags (6).
    pub profile: [u8; 11],
    /// `general_level_idc`: 30 times the level.
    pub level: u8,
    /// Temporal layers, 1 to 7, and whether they nest.
    pub layers: u8,
    pub nested: bool,
    /// `chroma_format_idc`: 0 grey, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    pub chroma: u8,
    /// Bits a sample of brightness and of colour.
    pub depth: [u8; 2],
}

impl Sps {
    /// Reads an SPS NAL unit (section 7.3.2.2.1). `None` where it is damaged or describes a picture that cannot be.
    pub fn parse(nal: &[u8]) -> Option<Self> {
        if kind(nal) != nal_type::SPS {
            return None;
        }
        let payload = without_emulation(nal.get(2..)?);
        let mut bits = Bits::new(&payload);
        bits.take(4)?; // sps_video_parameter_set_id
        let more_layers = bits.take(3).filter(|more| *more <= 6)?;
        let nested = bits.flag()?;
        let mut profile = [0; 11];
        for byte in &mut profile {
            *byte = bits.take(8)? as u8;
        }
        let level = bits.take(8)? as u8;
        skip_layers(&mut bits, more_layers)?;
        bits.exp_golomb()?; // sps_seq_parameter_set_id
        let chroma = bits.exp_golomb().filter(|format| *format <= 3)?;
        if chroma == 3 {
            bits.take(1)?;
        }
        let (width, height) = (bits.exp_golomb()?, bits.exp_golomb()?);
        let mut window = [0u32; 4];
        if bits.flag()? {
            for side in &mut window {
                *side = bits.exp_golomb()?;
            }
        }
        let mut depth = [8; 2];
        for depth in &mut depth {
            // Section 7.4.3.2.1: at most 16 bits.
            *depth = 8 + bits.exp_golomb().filter(|more| *more <= 8)? as u8;
        }
        let (unit_x, unit_y) = match chroma {
            1 => (2, 2),
            2 => (2, 1),
            _ => (1, 1),
        };
        let side = |full: u32, unit: u32, before: u32, after: u32| {
            let outside = before.checked_add(after)?.checked_mul(unit)?;
            full.checked_sub(outside).filter(|side| (1..=MAX_SIDE).contains(side))
        };
        Some(Self {
            width: side(width, unit_x, window[0], window[1])?,
            height: side(height, unit_y, window[2], window[3])?,
            profile,
            level,
            layers: more_layers as u8 + 1,
            nested,
            chroma: chroma as u8,
            depth,
        })
    }
}

/// The parts of `profile_tier_level` for each lower temporal layer.
fn skip_layers(bits: &mut Bits<'_>, more_layers: u32) -> Option<()> {
    if more_layers == 0 {
        return Some(());
    }
    let mut present = [(false, false); 8];
    for flags in &mut present {
        *flags = (bits.flag()?, bits.flag()?);
    }
    for (profile, level) in &present[..more_layers as usize] {
        let bytes = if *profile { 11 } else { 0 } + usize::from(*level);
        for _ in 0..bytes {
            bits.take(8)?;
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 854×480 main profile, level 3, as libx265 writes it.
    const SPS: [u8; 44] = [
        0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00,
        0x5a, 0xa0, 0x06, 0xb2, 0x01, 0xe1, 0xd7, 0x96, 0x4a, 0x92, 0x4c, 0xaf, 0x01, 0x68, 0x08, 0x00, 0x00,
        0x03, 0x00, 0x08, 0x00, 0x00, 0x03, 0x00, 0xf0, 0x40, 0x00,
    ];

    #[test]
    fn the_sps_tells_size_profile_and_level() {
        let sps = Sps::parse(&SPS).unwrap();
        assert_eq!((sps.width, sps.height), (854, 480), "856 coded, 2 outside the window");
        assert_eq!(sps.profile, [1, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0]);
        assert_eq!((sps.level, sps.layers, sps.nested), (90, 1, true));
        assert_eq!((sps.chroma, sps.depth), (1, [8, 8]));
    }

    #[test]
    fn a_damaged_sps_is_refused_not_believed() {
        for cut in 0..SPS.len() {
            // Either too short to tell, or told before the cut; never a panic.
            let _ = Sps::parse(&SPS[..cut]);
        }
        let mut state = 1u32;
        for _ in 0..20_000 {
            let mut bytes = SPS;
            for byte in &mut bytes[2..] {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if state >> 29 == 0 {
                    *byte = (state >> 8) as u8;
                }
            }
            if let Some(sps) = Sps::parse(&bytes) {
                assert!(sps.width <= MAX_SIDE && sps.height <= MAX_SIDE && sps.layers <= 7);
            }
        }
    }

    #[test]
    fn a_keyframe_is_any_random_access_picture() {
        for (kind, keyframe) in [(1u8, false), (15, false), (16, true), (19, true), (21, true), (24, false)] {
            assert_eq!(is_keyframe(&[0, 0, 0, 3, kind << 1, 1, 0x80]), keyframe, "{kind}");
        }
        assert!(!is_keyframe(&[0, 0, 0, 0]));
    }
}
