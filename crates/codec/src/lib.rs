//! Pictures to H.264 and back, and what makes lower layers of a picture.
//!
//! For the programs that touch pixels, the studio and the maker of renditions; the relay does not. All of it are plain
//! values driven by one caller: no threads of ours, no clock, no I/O. libx264 is GPL, so what links this crate is.

pub mod decode;
pub mod h264;
pub mod lower;
mod preset;
pub mod spare;
#[allow(unsafe_code, reason = "the one place that talks to libx264")]
mod x264;

pub use preset::Preset;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A size, rate or preset that cannot be encoded; the text says what can.
    #[error("{0}")]
    Setting(&'static str),
    /// libx264 failed; the text is the step.
    #[error("encoder: {0}")]
    Encoder(&'static str),
    /// What was to be decoded is damaged, or OpenH264 does not know it.
    #[error("the picture cannot be decoded")]
    Damaged,
}
