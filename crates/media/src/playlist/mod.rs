//! HTTP Live Streaming playlists with the low-latency tags of draft-pantos-hls-rfc8216bis, and what a room's folder
//! of them is named.
//!
//! A [`Media`] playlist is written whole or as a delta update; [`multivariant`] names the renditions; [`File`] is
//! what a request may ask for and [`Reload`] what a playlist's query asks to wait for.

mod file;
#[cfg(test)]
mod tests;
mod text;

use std::time::Duration;

pub use file::{File, Reload, Rendition};
pub use text::multivariant;

use crate::Time;

/// A part of a segment that a player may fetch before the segment is complete (section 4.4.4.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    pub duration: Duration,
    /// Starts with a keyframe.
    pub independent: bool,
}

/// A segment, complete or growing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    pub sequence: u64,
    /// When its first picture was captured.
    pub begins: Time,
    /// Of all its parts so far.
    pub duration: Duration,
    /// Which init segment it needs.
    pub init: u64,
    /// Counts the breaks in the time line before it, since the room opened.
    pub zone: u64,
    pub parts: Vec<Part>,
}

/// What holds for a media playlist as long as it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// No segment is longer; whole seconds.
    pub target: Duration,
    /// No part is longer.
    pub part_target: Duration,
    /// How far from the end a player should stay.
    pub hold_back: Duration,
}

impl Terms {
    /// Segments further than this from the end may be left out of a delta update (section 4.4.3.8: at least six
    /// target durations).
    pub fn skip_until(&self) -> Duration {
        self.target * 6
    }

    /// Parts are named no further than this from the end (section 6.2.2: three target durations).
    pub fn parts_until(&self) -> Duration {
        self.target * 3
    }
}

/// Where another rendition stands (section 4.4.5.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    pub rendition: Rendition,
    /// Its newest segment, and the newest part of it.
    pub sequence: u64,
    pub part: Option<usize>,
}

/// A media playlist.
#[derive(Debug, Clone, Copy)]
pub struct Media<'a> {
    pub rendition: Rendition,
    pub terms: Terms,
    /// Those that are complete, oldest first, numbered without gaps.
    pub complete: &'a [Segment],
    /// The one that grows, or will: its number follows the last complete one.
    pub growing: Option<&'a Segment>,
    /// Nothing comes any more.
    pub ended: bool,
    pub reports: &'a [Report],
}

/// One way to watch, for the multivariant playlist (section 4.4.6.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    pub rendition: Rendition,
    /// Bits a second: of the largest segment, and over all.
    pub peak: u64,
    pub average: u64,
    /// RFC 6381, with commas between several.
    pub codecs: String,
    pub size: Option<(u32, u32)>,
}
