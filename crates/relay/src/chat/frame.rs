//! A message as it stands on the wire: one WebSocket frame (RFC 6455, 5.2), made once for all who get it.

use std::io::Write as _;

use axum::extract::ws::Message;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::DeflateEncoder;

/// Final, text.
const TEXT: u8 = 0x81;
/// Final, binary.
const BINARY: u8 = 0x82;
/// What is at least so long, in bytes, is packed. Shorter, it goes in one packet of the network as it is.
const LONG: usize = 1_400;

/// How a client takes what is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Message by message.
    Each,
    /// Several as one.
    AtOnce,
    /// Several as one, and what is long packed.
    Packed,
}

impl Form {
    /// By what a client said in its hello. Packing what comes one by one wins nothing.
    pub(crate) fn of(batches: bool, packed: bool) -> Self {
        match (batches, packed) {
            (false, _) => Self::Each,
            (true, false) => Self::AtOnce,
            (true, true) => Self::Packed,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    bytes: Bytes,
    /// Where the head ends.
    head: usize,
}

impl Frame {
    pub(crate) fn text(text: &str) -> Self {
        Self::new(TEXT, text.as_bytes())
    }

    /// The same for clients that take [`Form::Packed`].
    pub(crate) fn packed(&self) -> Self {
        let text = self.payload();
        if self.bytes[0] != TEXT || text.len() < LONG {
            return self.clone();
        }
        let mut deflated = DeflateEncoder::new(Vec::with_capacity(text.len() / 2), Compression::fast());
        let written = deflated.write_all(&text).and_then(|()| deflated.finish());
        Self::new(BINARY, &written.expect("memory takes all that is written"))
    }

    fn new(kind: u8, payload: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(payload.len() + 10);
        bytes.push(kind);
        match payload.len() {
            length @ ..126 => bytes.push(length as u8),
            length @ ..0x1_0000 => {
                bytes.push(126);
                bytes.extend_from_slice(&(length as u16).to_be_bytes());
            }
            length => {
                bytes.push(127);
                bytes.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        let head = bytes.len();
        bytes.extend_from_slice(payload);
        Self { bytes: bytes.into(), head }
    }

    /// Head and payload.
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// How many these are.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The same for a connection that makes its own frames.
    pub(crate) fn message(&self) -> Message {
        let payload = self.payload();
        match self.bytes[0] {
            TEXT => Message::Text(payload.try_into().expect("it was a text")),
            _ => Message::Binary(payload),
        }
    }

    fn payload(&self) -> Bytes {
        self.bytes.slice(self.head..)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::DeflateDecoder;

    use super::*;

    #[test]
    fn the_length_is_written_in_the_shortest_form() {
        for (length, head) in [
            (0, vec![0x81, 0]),
            (125, vec![0x81, 125]),
            (126, vec![0x81, 126, 0, 126]),
            (0xffff, vec![0x81, 126, 0xff, 0xff]),
            (0x1_0000, vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let text = "x".repeat(length);
            let frame = Frame::text(&text);
            assert_eq!(frame.bytes()[..frame.len() - length], head);
            assert_eq!(frame.message(), Message::Text(text.into()));
        }
    }

    #[test]
    fn what_is_long_is_packed_and_says_the_same() {
        let short = Frame::text(&"x".repeat(LONG - 1));
        assert_eq!(short.packed(), short);
        let text = r#"{"type":"batch","messages":["你好"]}"#.repeat(100);
        let packed = Frame::text(&text).packed();
        assert!(packed.len() < text.len() / 10, "{} of {}", packed.len(), text.len());
        assert_eq!(packed.packed(), packed);
        let Message::Binary(bytes) = packed.message() else { panic!("{packed:?}") };
        let mut read = String::new();
        DeflateDecoder::new(&bytes[..]).read_to_string(&mut read).unwrap();
        assert_eq!(read, text);
    }
}
