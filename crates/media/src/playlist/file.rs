//! What the files of a room's HLS folder are named, and what a playlist's query may ask.

use std::fmt;
use std::str::FromStr;

/// A rendition has a media playlist of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rendition {
    /// Picture and sound together.
    Video,
    /// Sound alone.
    Audio,
}

impl Rendition {
    const ALL: [Self; 2] = [Self::Video, Self::Audio];

    const fn name(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Audio => "audio",
        }
    }
}

/// A file of the folder. Written and read as its name: `index.m3u8`, `video.m3u8`, `video-init3.mp4`,
/// `video-1795375970.m4s`, and `video-1795375970.4.m4s` for a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum File {
    Multivariant,
    Playlist(Rendition),
    Init(Rendition, u64),
    Segment(Rendition, u64),
    Part(Rendition, u64, usize),
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Multivariant => f.write_str("index.m3u8"),
            Self::Playlist(rendition) => write!(f, "{}.m3u8", rendition.name()),
            Self::Init(rendition, number) => write!(f, "{}-init{number}.mp4", rendition.name()),
            Self::Segment(rendition, number) => write!(f, "{}-{number}.m4s", rendition.name()),
            Self::Part(rendition, number, part) => write!(f, "{}-{number}.{part}.m4s", rendition.name()),
        }
    }
}

/// A name that is none of the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unknown;

impl FromStr for File {
    type Err = Unknown;

    fn from_str(name: &str) -> Result<Self, Unknown> {
        file(name).ok_or(Unknown)
    }
}

fn file(name: &str) -> Option<File> {
    if name == "index.m3u8" {
        return Some(File::Multivariant);
    }
    let (rendition, rest) =
        Rendition::ALL.into_iter().find_map(|known| Some((known, name.strip_prefix(known.name())?)))?;
    if rest == ".m3u8" {
        return Some(File::Playlist(rendition));
    }
    let rest = rest.strip_prefix('-')?;
    if let Some(number) = rest.strip_prefix("init").and_then(|rest| rest.strip_suffix(".mp4")) {
        return Some(File::Init(rendition, decimal(number)?));
    }
    let numbers = rest.strip_suffix(".m4s")?;
    match numbers.split_once('.') {
        None => Some(File::Segment(rendition, decimal(numbers)?)),
        Some((number, part)) => {
            let part = usize::try_from(decimal(part)?).ok()?;
            Some(File::Part(rendition, decimal(number)?, part))
        }
    }
}

/// A decimal-integer of section 4.2: digits alone.
fn decimal(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// The delivery directives of section 6.2.5 in a playlist request's query.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reload {
    /// Answer when this segment is in the playlist.
    pub sequence: Option<u64>,
    /// Answer when this part of it is.
    pub part: Option<usize>,
    /// Leave out what a delta update may.
    pub skip: bool,
}

impl Reload {
    /// Reads the part of a URL behind the question mark. What is not a directive is passed over. `None` for a part
    /// without its segment, and what is not a number.
    pub fn parse(query: &str) -> Option<Self> {
        let mut reload = Self::default();
        for pair in query.split('&') {
            match pair.split_once('=').unwrap_or((pair, "")) {
                ("_HLS_msn", number) => reload.sequence = Some(decimal(number)?),
                ("_HLS_part", number) => reload.part = Some(usize::try_from(decimal(number)?).ok()?),
                ("_HLS_skip", how) => reload.skip = matches!(how, "YES" | "v2"),
                _ => {}
            }
        }
        (reload.part.is_none() || reload.sequence.is_some()).then_some(reload)
    }
}
