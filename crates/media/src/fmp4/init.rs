//! The init segment: what a player has to know before the first fragment.

use bytes::Bytes;

use super::Format;
use super::boxes::{boxed, full, put, put_u16, put_u64, zeros};

/// The unity matrix of ISO/IEC 14496-12 section 6.2.2.
pub(super) const UNITY: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];

/// `ftyp` and `moov` for the tracks in `formats`, at most one of video and one of sound.
pub fn init(formats: &[&Format]) -> Bytes {
    let mut out = Vec::with_capacity(2048);
    boxed(&mut out, b"ftyp", |out| {
        out.extend_from_slice(b"iso6");
        put(out, 0);
        out.extend_from_slice(b"iso6mp41");
        // CMAF (ISO/IEC 23000-19 section 7.2) allows one track a file.
        if formats.len() == 1 {
            out.extend_from_slice(b"cmfc");
        }
    });
    boxed(&mut out, b"moov", |out| {
        full(out, b"mvhd", 0, 0, |out| {
            zeros(out, 8);
            put(out, 1000); // timescale
            put(out, 0);
            put(out, 0x1_0000); // rate 1
            put_u16(out, 0x100); // volume 1
            zeros(out, 10);
            UNITY.iter().for_each(|value| put(out, *value));
            zeros(out, 24);
            put(out, super::AUDIO + 1); // next_track_ID
        });
        for format in formats {
            track(out, format);
        }
        boxed(out, b"mvex", |out| {
            for format in formats {
                full(out, b"trex", 0, 0, |out| {
                    put(out, format.track());
                    put(out, 1); // sample description
                    zeros(out, 12);
                });
            }
        });
    });
    out.into()
}

fn track(out: &mut Vec<u8>, format: &Format) {
    let video = format.codec.is_video();
    boxed(out, b"trak", |out| {
        // Enabled and in the movie.
        full(out, b"tkhd", 0, 3, |out| {
            zeros(out, 8);
            put(out, format.track());
            zeros(out, 16);
            put_u16(out, 0);
            // Tracks of one group are alternatives to each other; these are not.
            put_u16(out, 0);
            put_u16(out, if video { 0 } else { 0x100 });
            put_u16(out, 0);
            UNITY.iter().for_each(|value| put(out, *value));
            put(out, format.size.0 << 16);
            put(out, format.size.1 << 16);
        });
        boxed(out, b"mdia", |out| {
            full(out, b"mdhd", 1, 0, |out| {
                zeros(out, 16);
                put(out, format.timescale);
                put_u64(out, 0);
                put_u16(out, 0x55c4); // language: undetermined
                put_u16(out, 0);
            });
            full(out, b"hdlr", 0, 0, |out| {
                put(out, 0);
                out.extend_from_slice(if video { b"vide" } else { b"soun" });
                zeros(out, 12);
                out.extend_from_slice(if video { b"video\0" } else { b"sound\0" });
            });
            boxed(out, b"minf", |out| media(out, format));
        });
    });
}

fn media(out: &mut Vec<u8>, format: &Format) {
    if format.codec.is_video() {
        full(out, b"vmhd", 0, 1, |out| zeros(out, 8));
    } else {
        full(out, b"smhd", 0, 0, |out| zeros(out, 4));
    }
    boxed(out, b"dinf", |out| {
        full(out, b"dref", 0, 0, |out| {
            put(out, 1);
            // The media is in the same file.
            full(out, b"url ", 0, 1, |_| {});
        });
    });
    boxed(out, b"stbl", |out| {
        full(out, b"stsd", 0, 0, |out| {
            put(out, 1);
            format.write_entry(out);
        });
        // The samples are in the fragments.
        full(out, b"stts", 0, 0, |out| put(out, 0));
        full(out, b"stsc", 0, 0, |out| put(out, 0));
        full(out, b"stsz", 0, 0, |out| zeros(out, 8));
        full(out, b"stco", 0, 0, |out| put(out, 0));
    });
}
