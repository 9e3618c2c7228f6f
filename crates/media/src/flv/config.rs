//! Reads the decoder configuration records of ISO/IEC 14496-15: the parameter sets in them, and how long the
//! lengths in front of NAL units are.

use crate::cursor::Cursor;
use crate::h264;

/// More parameter sets than this nobody has.
const MAX_SETS: usize = 64;
/// All parameter sets together, in bytes. They are repeated in front of every keyframe.
const MAX_BYTES: usize = 64 << 10;

/// What a configuration record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Config {
    /// Bytes of the length in front of each NAL unit: 1, 2 or 4.
    pub(super) length: usize,
    /// Parameter sets, each behind its length in four bytes.
    pub(super) sets: Vec<u8>,
}

/// AVCDecoderConfigurationRecord, section 5.3.3.1.
pub(super) fn avc(record: &[u8]) -> Option<Config> {
    let mut record = Cursor(record);
    let version = record.u8()?;
    record.take(3)?;
    let mut config = Config::new(version, record.u8()?)?;
    let sps = record.u8()? & 0x1f;
    config.take_sets(usize::from(sps), &mut record)?;
    let pps = record.u8()?;
    config.take_sets(usize::from(pps), &mut record)?;
    (sps > 0 && pps > 0).then_some(config)
}

/// HEVCDecoderConfigurationRecord, section 8.3.3.1.
pub(super) fn hevc(record: &[u8]) -> Option<Config> {
    let mut record = Cursor(record);
    // Some encoders wrote 0 before the standard was out.
    let version = record.u8()?.max(1);
    record.take(20)?;
    let mut config = Config::new(version, record.u8()?)?;
    for _ in 0..record.u8()? {
        record.u8()?; // which sets: their own first byte says it too
        let count = usize::from(record.u16()?);
        config.take_sets(count, &mut record)?;
    }
    (!config.sets.is_empty()).then_some(config)
}

/// AV1CodecConfigurationRecord (AV1 in ISOBMFF, section 2.3): the OBUs in it.
pub(super) fn av1(record: &[u8]) -> Option<Config> {
    let mut record = Cursor(record);
    let marker_and_version = record.u8()?;
    record.take(3)?;
    let known = marker_and_version == 0x81 && record.0.len() <= MAX_BYTES;
    known.then(|| Config { length: 0, sets: record.0.to_vec() })
}

impl Config {
    fn new(version: u8, length_minus_one: u8) -> Option<Self> {
        let length = usize::from(length_minus_one & 3) + 1;
        (version == 1 && length != 3).then_some(Self { length, sets: Vec::new() })
    }

    fn take_sets(&mut self, count: usize, record: &mut Cursor<'_>) -> Option<()> {
        if count > MAX_SETS {
            return None;
        }
        for _ in 0..count {
            let length = usize::from(record.u16()?);
            let nal = record.take(length)?;
            if nal.is_empty() || self.sets.len() + nal.len() > MAX_BYTES {
                return None;
            }
            h264::push_nal(&mut self.sets, nal);
        }
        Some(())
    }
}
