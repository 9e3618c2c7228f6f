//! What the relay and the program that makes lower layers for it say to each other over a pipe.
//!
//! A message is a header of [`HEADER`] bytes, all numbers little endian, and what it announces:
//!
//! | bytes | what |
//! |---|---|
//! | 0 | kind: 1 picture, 2 keyframe wanted, 3 rest, 4 state |
//! | 1 | layer of the picture: 0 is the picture itself, 1 has half its sides, 2 a quarter |
//! | 2 | bit 0: keyframe; bit 1: pictures before this one were left out |
//! | 3 | state: how many lower layers are made |
//! | 4–7 | run: another one begins with another publisher, and what is left of the one before is worth nothing |
//! | 8–15 | picture: when it was captured, µs since the Unix epoch |
//! | 16–19 | length of what follows |
//!
//! A picture is followed by its NAL units as a [`Packet`] has them; a state by the word for what keeps more layers
//! from being made, if anything does. The two programs are of one build, so there is no version in it.

use std::time::Duration;

use bytes::Bytes;

use crate::{Codec, Error, Packet, Time};

/// The environment variable by which the maker learns how many layers there may be: `auto`, or at most so many.
pub const LIMIT: &str = "FOOTLIGHT_RENDITIONS";
/// Bytes of a header.
pub const HEADER: usize = 20;
/// Largest picture that is handed on: level 6.2 at its highest bitrate has smaller ones.
pub const MAX_LENGTH: usize = 16 << 20;

const KEYFRAME: u8 = 1;
const GAP: u8 = 2;

/// One message, in either direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// To the maker: a picture of layer 0. From it: one of another layer. H.264 without reordering.
    Picture { run: u32, layer: u8, gap: bool, packet: Packet },
    /// To the maker: somebody goes over to that layer.
    KeyframeWanted { layer: u8 },
    /// To the maker: nobody watches for now.
    Rest,
    /// From the maker: so many lower layers are made of that run, and why there are no more.
    State { run: u32, made: u8, held: String },
}

/// A header that was read: what is to be read before there is a [`Message`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    kind: u8,
    layer: u8,
    flags: u8,
    made: u8,
    run: u32,
    captured: u64,
    length: u32,
}

impl Header {
    /// # Errors
    /// [`Error::Media`] for a kind that does not exist, [`Error::TooLarge`] for more than [`MAX_LENGTH`].
    pub fn read(bytes: &[u8; HEADER]) -> Result<Self, Error> {
        let [kind, layer, flags, made, r0, r1, r2, r3, captured @ .., l0, l1, l2, l3] = *bytes;
        let header = Self {
            kind,
            layer,
            flags,
            made,
            run: u32::from_le_bytes([r0, r1, r2, r3]),
            captured: u64::from_le_bytes(captured),
            length: u32::from_le_bytes([l0, l1, l2, l3]),
        };
        if !(1..=4).contains(&kind) {
            return Err(Error::Media);
        }
        if header.length() > MAX_LENGTH {
            return Err(Error::TooLarge);
        }
        Ok(header)
    }

    /// Bytes that follow.
    pub fn length(&self) -> usize {
        self.length as usize
    }

    /// The message, with the bytes that followed.
    ///
    /// # Errors
    /// [`Error::Media`] where they do not belong to such a message.
    pub fn message(self, data: Bytes) -> Result<Message, Error> {
        if data.len() != self.length() || (matches!(self.kind, 2 | 3) && !data.is_empty()) {
            return Err(Error::Media);
        }
        let Self { run, layer, .. } = self;
        Ok(match self.kind {
            1 => {
                let packet = Packet {
                    codec: Codec::H264,
                    captured: Time::from_micros(self.captured),
                    composition: Duration::ZERO,
                    keyframe: self.flags & KEYFRAME != 0,
                    data,
                };
                Message::Picture { run, layer, gap: self.flags & GAP != 0, packet }
            }
            2 => Message::KeyframeWanted { layer },
            3 => Message::Rest,
            _ => {
                let held = std::str::from_utf8(&data).map_err(|_| Error::Media)?.to_owned();
                Message::State { run, made: self.made, held }
            }
        })
    }
}

impl Message {
    /// Its header, and what follows.
    pub fn parts(&self) -> ([u8; HEADER], &[u8]) {
        let none = Header { kind: 3, layer: 0, flags: 0, made: 0, run: 0, captured: 0, length: 0 };
        let (header, data): (Header, &[u8]) = match self {
            Self::Picture { run, layer, gap, packet } => {
                let flags = u8::from(packet.keyframe) * KEYFRAME + u8::from(*gap) * GAP;
                let (run, layer, captured) = (*run, *layer, packet.captured.as_micros());
                (Header { kind: 1, layer, flags, run, captured, ..none }, &packet.data)
            }
            Self::KeyframeWanted { layer } => (Header { kind: 2, layer: *layer, ..none }, &[]),
            Self::Rest => (none, &[]),
            Self::State { run, made, held } => {
                (Header { kind: 4, run: *run, made: *made, ..none }, held.as_bytes())
            }
        };
        let mut bytes = [0; HEADER];
        bytes[..4].copy_from_slice(&[header.kind, header.layer, header.flags, header.made]);
        bytes[4..8].copy_from_slice(&header.run.to_le_bytes());
        bytes[8..16].copy_from_slice(&header.captured.to_le_bytes());
        bytes[16..].copy_from_slice(&(data.len() as u32).to_le_bytes());
        (bytes, data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_they_were_written() {
        let packet = Packet {
            codec: Codec::H264,
            captured: Time::from_micros(1_795_375_970_123_456),
            composition: Duration::ZERO,
            keyframe: true,
            data: Bytes::from_static(&[0, 0, 0, 1, 0x65]),
        };
        for message in [
            Message::Picture { run: 7, layer: 2, gap: true, packet: packet.clone() },
            Message::Picture {
                run: u32::MAX,
                layer: 0,
                gap: false,
                packet: Packet { keyframe: false, ..packet },
            },
            Message::KeyframeWanted { layer: 1 },
            Message::Rest,
            Message::State { run: 3, made: 2, held: "busy".to_owned() },
            Message::State { run: 3, made: 0, held: String::new() },
        ] {
            let (header, data) = message.parts();
            let read = Header::read(&header).unwrap();
            assert_eq!(read.length(), data.len());
            assert_eq!(read.message(Bytes::copy_from_slice(data)).unwrap(), message);
        }
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let (rest, _) = Message::Rest.parts();
        for kind in [0, 5, 255] {
            let mut header = rest;
            header[0] = kind;
            assert_eq!(Header::read(&header), Err(Error::Media));
        }
        let mut large = rest;
        large[16..].copy_from_slice(&(MAX_LENGTH as u32 + 1).to_le_bytes());
        assert_eq!(Header::read(&large), Err(Error::TooLarge));
        let state = Message::State { run: 0, made: 0, held: "x".to_owned() };
        let header = Header::read(&state.parts().0).unwrap();
        assert_eq!(header.message(Bytes::from_static(&[0xff])), Err(Error::Media));
        assert_eq!(header.message(Bytes::new()), Err(Error::Media));
    }
}
