//! Low-latency HLS as a viewer follows it (RFC 8216bis): what a playlist says, what to load next, and where
//! in the buffer to play. Text and numbers in, decisions out; the player fetches and appends.
//!
//! Read is what a live relay serves: fragmented MP4, parts, blocking reload. Byte ranges, encryption and
//! delta updates are not asked for, and a playlist that has them is refused.

pub mod follow;
pub mod multivariant;
pub mod pace;
pub mod playlist;
mod tag;

pub use follow::{Follow, Load, Reload};
pub use multivariant::{Rendition, renditions};
pub use pace::{Pace, Pacer};
pub use playlist::Playlist;
