//! FLV (Adobe, Flash Video File Format 10.1, annex E): the file's header and its tags, and in [`body`] what is
//! in a tag, which is also what RTMP's audio and video messages carry.
//!
//! [`Unpacker`] makes Footlight's access units of bodies; the functions of [`body`] make bodies.

pub mod body;
mod config;
mod unpack;

pub use unpack::{Unit, Unpacker};

use crate::amf0::Value;
use crate::cursor::{Cursor, u24};

/// Bytes in front of a tag's body.
pub const TAG_HEADER: usize = 11;
/// Bytes behind a tag's body: the tag's length once more.
pub const TAG_END: usize = 4;
/// Largest body: its length has 24 bits.
pub const MAX_BODY: usize = 0xff_ffff;

/// What a tag carries; the value is its type byte, and the type of the RTMP message that carries the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum TagKind {
    Audio = 8,
    Video = 9,
    Script = 18,
}

impl TagKind {
    pub fn of(byte: u8) -> Option<Self> {
        [Self::Audio, Self::Video, Self::Script].into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// One tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag<'a> {
    pub kind: TagKind,
    /// In milliseconds; wraps after 49 days.
    pub timestamp: u32,
    pub body: &'a [u8],
}

/// The file's header and the length of the tag before the first, which is zero.
pub const fn header(audio: bool, video: bool) -> [u8; 13] {
    let has = (audio as u8) << 2 | video as u8;
    [b'F', b'L', b'V', 1, has, 0, 0, 0, 9, 0, 0, 0, 0]
}

/// What stands in front of a body of `length` bytes, at most [`MAX_BODY`].
pub fn tag_header(kind: TagKind, timestamp: u32, length: usize) -> [u8; TAG_HEADER] {
    let [l0, l1, l2] = u24(length as u32);
    let [high, t0, t1, t2] = timestamp.to_be_bytes();
    // The last three are the stream, always zero.
    [kind as u8, l0, l1, l2, t0, t1, t2, high, 0, 0, 0]
}

/// Appends a tag with its length behind it. A body past [`MAX_BODY`] is cut, which no encoder gets near.
pub fn write_tag(tag: &Tag<'_>, out: &mut Vec<u8>) {
    let body = &tag.body[..tag.body.len().min(MAX_BODY)];
    out.extend_from_slice(&tag_header(tag.kind, tag.timestamp, body.len()));
    out.extend_from_slice(body);
    out.extend_from_slice(&((TAG_HEADER + body.len()) as u32).to_be_bytes());
}

/// The tags that are whole in `data`, from behind the file's header on; other kinds of tags are left out. Also the
/// content of RTMP's aggregate message.
pub fn tags(data: &[u8]) -> Tags<'_> {
    Tags(Cursor(data))
}

/// Iterator of [`tags`].
#[derive(Debug, Clone)]
pub struct Tags<'a>(Cursor<'a>);

impl<'a> Tags<'a> {
    /// What is behind the last tag that was given.
    pub fn rest(&self) -> &'a [u8] {
        self.0.0
    }
}

impl<'a> Iterator for Tags<'a> {
    type Item = Tag<'a>;

    fn next(&mut self) -> Option<Tag<'a>> {
        loop {
            let mut data = self.0;
            let kind = data.u8()? & 0x1f;
            let length = data.u24()? as usize;
            let (low, high) = (data.u24()?, data.u8()?);
            data.take(3)?; // stream
            let body = data.take(length)?;
            // Behind the last tag of an aggregate it may be missing.
            data.take(TAG_END.min(data.0.len()))?;
            self.0 = data;
            if let Some(kind) = TagKind::of(kind) {
                return Some(Tag { kind, timestamp: u32::from(high) << 24 | low, body });
            }
        }
    }
}

/// The tags of a whole file; `None` where it is none.
pub fn file(data: &[u8]) -> Option<Tags<'_>> {
    let mut header = Cursor(data);
    let magic = header.array::<4>()?;
    header.u8()?;
    let offset = header.u32()? as usize;
    let rest = data.get(offset.checked_add(TAG_END)?..)?;
    (magic == *b"FLV\x01").then(|| tags(rest))
}

/// What a stream says of itself at its start: the body of an `onMetaData` script tag. Players show it and
/// otherwise trust the streams.
pub fn metadata(members: Vec<(String, Value)>) -> Vec<u8> {
    let mut body = Vec::new();
    Value::text("onMetaData").write(&mut body);
    Value::Map(members).write(&mut body);
    body
}

#[cfg(test)]
mod tests;
