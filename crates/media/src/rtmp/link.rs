//! What both ends of a connection do alike: handshake, chunks, acknowledgements, pings.

use bytes::Bytes;

use super::handshake::Handshake;
use super::message::{Command, Control, Meaning, kind};
use super::{Message, chunk};
use crate::Error;

/// Bytes of a message in our chunks: nearly every frame fits into one, and sound does not wait long behind it.
const CHUNK: usize = 60_000;
/// Bytes after which each end acknowledges. No sender waits for it; some stop without it.
pub(super) const WINDOW: u32 = 2_500_000;
/// A smaller window is a peer that wants to be answered at every packet.
const LEAST_WINDOW: u32 = 4 << 10;

/// Chunk streams that we use, as encoders do: one for control, one for commands, one for media.
const CONTROL: u8 = 2;
const COMMANDS: u8 = 3;
const MEDIA: u8 = 6;

#[derive(Debug)]
pub(super) struct Link {
    /// Until it is done.
    handshake: Option<Handshake>,
    reader: chunk::Reader,
    chunk: usize,
    /// Bytes received behind the handshake, and how many of them are acknowledged; both modulo 2³².
    received: u32,
    acknowledged: u32,
    window: u32,
    /// For the peer. The caller takes it after each read, so that it stays as small as one read's answers.
    pub(super) out: Vec<u8>,
}

impl Link {
    pub(super) fn new(handshake: Handshake, out: Vec<u8>) -> Self {
        Self {
            handshake: Some(handshake),
            reader: chunk::Reader::default(),
            chunk: chunk::SIZE,
            received: 0,
            acknowledged: 0,
            window: WINDOW,
            out,
        }
    }

    /// Whether the handshake is still going on.
    pub(super) fn is_new(&self) -> bool {
        self.handshake.is_some()
    }

    /// Takes bytes from the front of `input` up to the end of a message that is not the link's own affair, and
    /// gives it with its meaning. `None`: all bytes are taken.
    pub(super) fn read(&mut self, input: &mut &[u8]) -> Result<Option<(Message, Meaning)>, Error> {
        if let Some(handshake) = &mut self.handshake {
            if !handshake.read(input, &mut self.out)? {
                return Ok(None);
            }
            self.handshake = None;
        }
        loop {
            let before = input.len();
            let message = self.reader.read(input)?;
            self.received = self.received.wrapping_add((before - input.len()) as u32);
            let Some(message) = message else {
                self.acknowledge();
                return Ok(None);
            };
            match Meaning::of(&message) {
                Meaning::Window(window) => self.window = window.max(LEAST_WINDOW),
                Meaning::Control(Control::Ping(time)) => self.control(Control::Pong(time)),
                Meaning::Control(_) | Meaning::Acknowledged(_) | Meaning::Other => {}
                meaning => return Ok(Some((message, meaning))),
            }
        }
    }

    fn acknowledge(&mut self) {
        if self.received.wrapping_sub(self.acknowledged) >= self.window {
            let received = self.received;
            self.acknowledged = received;
            self.own(kind::ACKNOWLEDGEMENT, &received.to_be_bytes());
        }
    }

    /// From here on our chunks are larger than the protocol's 128 bytes.
    pub(super) fn enlarge_chunks(&mut self) {
        self.own(kind::SET_CHUNK_SIZE, &(CHUNK as u32).to_be_bytes());
        self.chunk = CHUNK;
    }

    /// One of the protocol's own messages.
    pub(super) fn own(&mut self, kind: u8, payload: &[u8]) {
        self.send(CONTROL, kind, 0, 0, Bytes::copy_from_slice(payload));
    }

    pub(super) fn control(&mut self, control: Control) {
        self.send(CONTROL, kind::USER_CONTROL, 0, 0, control.write());
    }

    pub(super) fn command(&mut self, stream: u32, command: &Command) {
        self.send(COMMANDS, kind::COMMAND, stream, 0, command.write());
    }

    pub(super) fn media(&mut self, kind: u8, stream: u32, timestamp: u32, payload: Bytes) {
        self.send(MEDIA, kind, stream, timestamp, payload);
    }

    fn send(&mut self, id: u8, kind: u8, stream: u32, timestamp: u32, payload: Bytes) {
        chunk::write(id, &Message { kind, stream, timestamp, payload }, self.chunk, &mut self.out);
    }
}
