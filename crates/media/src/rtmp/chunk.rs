//! Messages in chunks, section 5.3.
//!
//! The [`Reader`] takes every form of header that the protocol has. [`write`] makes one of them, the full one, so
//! that a message's chunks are the same for every peer and need no state.

use std::collections::BTreeMap;

use super::Message;
use super::message::kind;
use crate::Error;
use crate::cursor::{Cursor, u24};

/// Bytes of a message in a chunk until a peer says otherwise.
pub const SIZE: usize = 128;
/// Largest message, in bytes: a 4K intra frame at the highest quality stays below.
pub const MAX_MESSAGE: usize = 8 << 20;
/// What all messages that are open at a time may hold together.
const MAX_HELD: usize = MAX_MESSAGE + (1 << 20);
/// Chunk streams of a connection. Encoders use up to eight.
const MAX_STREAMS: usize = 64;
/// Reserved before the first byte of a message has come: enough for most, and cheap to claim.
const RESERVE: usize = 64 << 10;
/// A timestamp or delta of this is in the extended field.
const EXTENDED: u32 = 0xff_ffff;
/// Longest header: basic 3, message 11, extended timestamp 4.
const MAX_HEADER: usize = 18;

/// Puts messages together.
#[derive(Debug)]
pub struct Reader {
    size: usize,
    streams: BTreeMap<u32, Stream>,
    /// A header that has not come whole.
    header: Vec<u8>,
    /// The chunk that is being taken: its stream, and its bytes that are still to come.
    chunk: Option<(u32, usize)>,
    held: usize,
}

impl Default for Reader {
    fn default() -> Self {
        Self { size: SIZE, streams: BTreeMap::new(), header: Vec::new(), chunk: None, held: 0 }
    }
}

/// What a chunk stream's next header may leave out, and its open message.
#[derive(Debug, Default)]
struct Stream {
    kind: u8,
    stream: u32,
    length: usize,
    timestamp: u32,
    /// The newest timestamp field: a delta, or behind a full header the timestamp itself, which then counts as
    /// the delta of a message without header (section 5.3.1.2.4).
    field: u32,
    extended: bool,
    /// The open message, as long as it is not empty or `open`.
    payload: Vec<u8>,
    open: bool,
}

impl Reader {
    /// Takes bytes from the front of `input` up to the end of a message, and gives the message. `None`: all bytes
    /// are taken. Changes of the chunk size and aborted messages are dealt with here.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Message>, Error> {
        loop {
            let (id, missing) = match self.chunk {
                Some(chunk) => chunk,
                None => match self.read_header(input)? {
                    Some(chunk) => chunk,
                    None => return Ok(None),
                },
            };
            let (taken, rest) = input.split_at(missing.min(input.len()));
            *input = rest;
            self.take(id, taken)?;
            if taken.len() < missing {
                self.chunk = Some((id, missing - taken.len()));
                return Ok(None);
            }
            self.chunk = None;
            if let Some(message) = self.finish(id)?
                && !self.obey(&message)?
            {
                return Ok(Some(message));
            }
        }
    }

    /// Adds to the open message of a stream.
    fn take(&mut self, id: u32, bytes: &[u8]) -> Result<(), Error> {
        self.held += bytes.len();
        if self.held > MAX_HELD {
            return Err(Error::TooLarge);
        }
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.payload.extend_from_slice(bytes);
        }
        Ok(())
    }

    /// The message of that stream if it is whole.
    fn finish(&mut self, id: u32) -> Result<Option<Message>, Error> {
        let stream = self.streams.get_mut(&id).ok_or(Error::Rtmp("a chunk without a stream"))?;
        if stream.payload.len() < stream.length {
            return Ok(None);
        }
        stream.open = false;
        let payload = std::mem::take(&mut stream.payload);
        self.held -= payload.len();
        Ok(Some(Message {
            kind: stream.kind,
            stream: stream.stream,
            timestamp: stream.timestamp,
            payload: payload.into(),
        }))
    }

    /// Sections 5.4.1 and 5.4.2. True where the message was for this reader.
    fn obey(&mut self, message: &Message) -> Result<bool, Error> {
        match message.kind {
            kind::SET_CHUNK_SIZE => {
                let size = Cursor(&message.payload).u32().unwrap_or(0);
                if size == 0 || size > i32::MAX as u32 {
                    return Err(Error::Rtmp("a chunk size out of range"));
                }
                self.size = (size as usize).min(MAX_MESSAGE);
            }
            kind::ABORT => {
                let id = Cursor(&message.payload).u32().unwrap_or(0);
                if let Some(stream) = self.streams.get_mut(&id) {
                    self.held -= stream.payload.len();
                    stream.payload = Vec::new();
                    stream.open = false;
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Takes a chunk's header: its stream, and how many bytes of the message follow.
    fn read_header(&mut self, input: &mut &[u8]) -> Result<Option<(u32, usize)>, Error> {
        loop {
            if let Some(chunk) = self.parse_header()? {
                return Ok(Some(chunk));
            }
            let Some((byte, rest)) = input.split_first() else { return Ok(None) };
            debug_assert!(self.header.len() < MAX_HEADER, "every header is read by then");
            self.header.push(*byte);
            *input = rest;
        }
    }

    /// `None` where the header is not whole yet.
    fn parse_header(&mut self) -> Result<Option<(u32, usize)>, Error> {
        let mut bytes = Cursor(&self.header);
        let Some(header) = Header::read(&mut bytes) else { return Ok(None) };
        if !self.streams.contains_key(&header.id) {
            if header.format != 0 {
                return Err(Error::Rtmp("a chunk stream that begins in the middle"));
            }
            if self.streams.len() == MAX_STREAMS {
                return Err(Error::Rtmp("too many chunk streams"));
            }
        }
        let known = self.streams.get(&header.id);
        let continues = known.is_some_and(|stream| stream.open);
        if continues && header.format != 3 {
            return Err(Error::Rtmp("a message begins before the last one ended"));
        }
        let extended = header.field.map_or_else(|| known.is_some_and(|s| s.extended), |f| f == EXTENDED);
        let length = header.length.or_else(|| known.map(|stream| stream.length)).unwrap_or(0);
        if length > MAX_MESSAGE {
            return Err(Error::TooLarge);
        }
        let missing = length - known.filter(|_| continues).map_or(0, |stream| stream.payload.len());
        let here = missing.min(self.size);
        let mut field = header.field.or_else(|| known.map(|stream| stream.field)).unwrap_or(0);
        let mut belongs_to_payload = None;
        if extended {
            let Some(value) = bytes.u32() else { return Ok(None) };
            if continues && value != field && here >= 4 {
                // Some encoders leave the field out in the middle of a message: these are bytes of it.
                belongs_to_payload = Some(value.to_be_bytes());
            } else {
                field = value;
            }
        }
        self.header.clear();
        let stream = self.streams.entry(header.id).or_default();
        if !continues {
            stream.length = length;
            stream.kind = header.kind.unwrap_or(stream.kind);
            stream.stream = header.stream.unwrap_or(stream.stream);
            let from = if header.format == 0 { 0 } else { stream.timestamp };
            stream.timestamp = from.wrapping_add(field);
            (stream.field, stream.extended) = (field, extended);
            stream.open = true;
            stream.payload = Vec::with_capacity(length.min(RESERVE));
        }
        match belongs_to_payload {
            None => Ok(Some((header.id, here))),
            Some(bytes) => {
                self.take(header.id, &bytes)?;
                Ok(Some((header.id, here - bytes.len())))
            }
        }
    }
}

/// A chunk's header, without the extended timestamp. What a format leaves out is `None`.
struct Header {
    format: u8,
    id: u32,
    field: Option<u32>,
    length: Option<usize>,
    kind: Option<u8>,
    stream: Option<u32>,
}

impl Header {
    fn read(bytes: &mut Cursor<'_>) -> Option<Self> {
        let first = bytes.u8()?;
        let format = first >> 6;
        let id = match first & 0x3f {
            0 => 64 + u32::from(bytes.u8()?),
            1 => 64 + u32::from(bytes.u8()?) + 256 * u32::from(bytes.u8()?),
            id => u32::from(id),
        };
        let field = if format < 3 { Some(bytes.u24()?) } else { None };
        let (length, kind) =
            if format < 2 { (Some(bytes.u24()? as usize), Some(bytes.u8()?)) } else { (None, None) };
        let stream = if format == 0 { Some(bytes.array().map(u32::from_le_bytes)?) } else { None };
        Some(Self { format, id, field, length, kind, stream })
    }
}

/// Appends the chunks of a message in chunk stream `id`, 2 to 63, with at most `size` bytes of it in each.
pub fn write(id: u8, message: &Message, size: usize, out: &mut Vec<u8>) {
    debug_assert!((2..=63).contains(&id), "these ids take one byte");
    let payload = &message.payload;
    let extended = message.timestamp >= EXTENDED;
    out.reserve(MAX_HEADER + payload.len() + payload.len() / size * 5);
    out.push(id);
    out.extend_from_slice(&u24(message.timestamp.min(EXTENDED)));
    out.extend_from_slice(&u24(payload.len() as u32));
    out.push(message.kind);
    out.extend_from_slice(&message.stream.to_le_bytes());
    let extend = |out: &mut Vec<u8>| {
        if extended {
            out.extend_from_slice(&message.timestamp.to_be_bytes());
        }
    };
    extend(out);
    for (index, piece) in payload.chunks(size).enumerate() {
        if index > 0 {
            out.push(3 << 6 | id);
            extend(out);
        }
        out.extend_from_slice(piece);
    }
}
