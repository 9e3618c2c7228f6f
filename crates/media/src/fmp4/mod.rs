//! Fragmented MP4 (ISO/IEC 14496-12): the form in which LL-HLS, MediaSource and recordings take media.
//!
//! A [`Format`] is what an init segment says of a track, read from the packets themselves; a [`Run`] collects the
//! packets of one track in one format; [`init`] and [`fragment`] make the bytes. Parameter sets are in the init
//! segment alone (`avc1`, `hvc1`), which every player takes, so a change of them needs a new init segment:
//! [`Format::changed_by`] tells. Video is copied once, into the fragment. [`Tables`] makes of a file of fragments
//! one that players open and seek in at once.

mod boxes;
mod format;
mod fragment;
mod init;
pub mod read;
mod run;
mod tables;
#[cfg(test)]
mod tests;

pub use format::Format;
pub use fragment::{Wrap, fragment};
pub use init::init;
pub use run::{Run, payload};
pub use tables::Tables;

/// Track ids, the same in every file and segment.
pub const VIDEO: u32 = 1;
pub const AUDIO: u32 = 2;
