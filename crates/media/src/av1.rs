//! AV1 byte formats: the OBUs of a temporal unit, and the little of the sequence header that containers repeat.
//!
//! Temporal units are kept in the low-overhead format (AV1 specification section 5.2): every OBU says its size.

use crate::bits::Bits;

/// OBU types of AV1 section 6.2.2 that matter here.
pub mod obu_type {
    pub const SEQUENCE_HEADER: u8 = 1;
    pub const TEMPORAL_DELIMITER: u8 = 2;
}

/// One open bitstream unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Obu<'a> {
    pub kind: u8,
    /// What is behind its header.
    pub payload: &'a [u8],
    /// With its header.
    pub whole: &'a [u8],
}

/// The OBUs of a temporal unit. Ends at the first that does not fit, so damage yields less, never more.
pub fn obus(data: &[u8]) -> impl Iterator<Item = Obu<'_>> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let header = *rest.first()?;
        let has_extension = header & 0b100 != 0;
        let has_size = header & 0b10 != 0;
        let start = 1 + usize::from(has_extension);
        let (size, size_length) =
            if has_size { leb128(rest.get(start..)?)? } else { (rest.len().checked_sub(start)?, 0) };
        let payload_at = start + size_length;
        let end = payload_at.checked_add(size).filter(|end| *end <= rest.len())?;
        let obu = Obu { kind: header >> 3 & 0xf, payload: &rest[payload_at..end], whole: &rest[..end] };
        rest = &rest[end..];
        Some(obu)
    })
}

/// A number of section 4.10.5 and how many bytes it takes; `None` past 32 bits.
fn leb128(data: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0u64;
    for (at, byte) in data.iter().take(8).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((u32::try_from(value).ok()? as usize, at + 1));
        }
    }
    None
}

/// What a sequence header says of the pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sequence {
    /// Largest size in pixels.
    pub width: u32,
    pub height: u32,
    pub profile: u8,
    /// `seq_level_idx` and `seq_tier` of the first operating point.
    pub level: u8,
    pub tier: u8,
    /// Bits a sample: 8, 10 or 12.
    pub depth: u8,
    pub grey: bool,
    /// Whether colour has half the width and half the height.
    pub halved: [bool; 2],
    /// `chroma_sample_position`.
    pub position: u8,
}

impl Sequence {
    /// Reads the payload of a sequence header OBU (section 5.5.1). `None` where it is damaged.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let mut bits = Bits::new(payload);
        let profile = bits.take(3).filter(|profile| *profile <= 2)? as u8;
        bits.take(1)?; // still_picture
        let reduced = bits.flag()?;
        let (level, tier) = if reduced { (bits.take(5)? as u8, 0) } else { operating_points(&mut bits)? };
        let (width_bits, height_bits) = (bits.take(4)? + 1, bits.take(4)? + 1);
        let (width, height) = (bits.take(width_bits)? + 1, bits.take(height_bits)? + 1);
        skip_tools(&mut bits, reduced)?;
        let mut sequence = Self {
            width,
            height,
            profile,
            level,
            tier,
            depth: 8,
            grey: false,
            halved: [true; 2],
            position: 0,
        };
        sequence.colour(&mut bits)?;
        Some(sequence)
    }

    /// Section 5.5.2.
    fn colour(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        /// `color_primaries`, `transfer_characteristics` and `matrix_coefficients` of sRGB.
        const SRGB: [u32; 3] = [1, 13, 0];
        if bits.flag()? {
            self.depth = if self.profile == 2 && bits.flag()? { 12 } else { 10 };
        }
        self.grey = self.profile != 1 && bits.flag()?;
        let mut description = [2; 3];
        if bits.flag()? {
            for value in &mut description {
                *value = bits.take(8)?;
            }
        }
        if self.grey {
            return Some(());
        }
        if description == SRGB {
            self.halved = [false; 2];
            return Some(());
        }
        bits.take(1)?; // color_range
        self.halved = match (self.profile, self.depth) {
            (0, _) => [true; 2],
            (1, _) => [false; 2],
            (_, 12) => {
                let across = bits.flag()?;
                [across, across && bits.flag()?]
            }
            _ => [true, false],
        };
        if self.halved == [true; 2] {
            self.position = bits.take(2)? as u8;
        }
        Some(())
    }
}

/// The part of section 5.5.1 from `timing_info_present_flag` to the last operating point: level and tier of the first.
fn operating_points(bits: &mut Bits<'_>) -> Option<(u8, u8)> {
    let mut delay_bits = None;
    if bits.flag()? {
        bits.take(32)?;
        bits.take(32)?;
        if bits.flag()? {
            bits.exp_golomb()?; // `uvlc()`, section 4.10.3, has the same form
        }
        if bits.flag()? {
            delay_bits = Some(bits.take(5)? + 1);
            bits.take(32)?;
            bits.take(10)?;
        }
    }
    let delays_present = bits.flag()?;
    let more = bits.take(5)?;
    let mut first = None;
    for _ in 0..=more {
        bits.take(12)?;
        let level = bits.take(5)? as u8;
        let tier = if level > 7 { bits.take(1)? as u8 } else { 0 };
        first.get_or_insert((level, tier));
        if let Some(delay_bits) = delay_bits
            && bits.flag()?
        {
            bits.take(delay_bits)?;
            bits.take(delay_bits)?;
            bits.take(1)?;
        }
        if delays_present && bits.flag()? {
            bits.take(4)?;
        }
    }
    first
}

/// The part of section 5.5.1 between the size and the colours: which coding tools are in use.
fn skip_tools(bits: &mut Bits<'_>, reduced: bool) -> Option<()> {
    if !reduced && bits.flag()? {
        bits.take(7)?;
    }
    bits.take(3)?;
    if !reduced {
        bits.take(4)?;
        let order_hint = bits.flag()?;
        if order_hint {
            bits.take(2)?;
        }
        let screen_content = bits.flag()? || bits.flag()?;
        if screen_content && !bits.flag()? {
            bits.take(1)?;
        }
        if order_hint {
            bits.take(3)?;
        }
    }
    bits.take(3)?;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A temporal delimiter and the sequence header of 854×480, main profile, level 3.0, as libaom writes it.
    const UNIT: [u8; 15] =
        [0x12, 0x00, 0x0a, 0x0b, 0x00, 0x00, 0x00, 0x24, 0xc6, 0xab, 0xdf, 0x36, 0xbe, 0x40, 0x10];

    #[test]
    fn the_sequence_header_tells_the_size() {
        let kinds: Vec<u8> = obus(&UNIT).map(|obu| obu.kind).collect();
        assert_eq!(kinds, [obu_type::TEMPORAL_DELIMITER, obu_type::SEQUENCE_HEADER]);
        let sequence = Sequence::parse(obus(&UNIT).last().unwrap().payload).unwrap();
        assert_eq!((sequence.width, sequence.height), (854, 480));
        assert_eq!((sequence.profile, sequence.level, sequence.tier, sequence.depth), (0, 4, 0, 8));
        assert_eq!((sequence.grey, sequence.halved, sequence.position), (false, [true; 2], 0));
    }

    #[test]
    fn damage_yields_less_never_a_panic() {
        assert_eq!(obus(&[0x0a, 0x05, 0]).count(), 0, "a size that does not fit");
        assert_eq!(obus(&[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).count(), 0);
        let mut state = 1u32;
        for _ in 0..20_000 {
            let mut bytes = UNIT;
            for byte in &mut bytes {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if state >> 29 == 0 {
                    *byte = (state >> 8) as u8;
                }
            }
            for obu in obus(&bytes) {
                assert!(obu.whole.len() <= bytes.len());
                let _ = Sequence::parse(obu.payload);
            }
        }
    }
}
