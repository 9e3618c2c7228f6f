//! A message as it stands on the wire: one WebSocket text frame (RFC 6455, 5.2), made once for all who get it.

use axum::extract::ws::Utf8Bytes;
use bytes::Bytes;

/// Final, text.
const TEXT: u8 = 0x81;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    bytes: Bytes,
    /// The part of it behind the head.
    text: Utf8Bytes,
}

impl Frame {
    pub(crate) fn text(text: &str) -> Self {
        let mut bytes = Vec::with_capacity(text.len() + 10);
        bytes.push(TEXT);
        match text.len() {
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
        bytes.extend_from_slice(text.as_bytes());
        let bytes = Bytes::from(bytes);
        let text = bytes.slice(head..).try_into().expect("it was a text");
        Self { bytes, text }
    }

    /// Head and text.
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// How many these are.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// What it says, for a connection that makes its own frames.
    pub(crate) fn payload(&self) -> &Utf8Bytes {
        &self.text
    }
}

#[cfg(test)]
mod tests {
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
            assert_eq!(frame.payload().as_str(), text);
        }
    }
}
