//! Encoders: raw [`Picture`](footlight_media::Picture)s and [`Pcm`](footlight_media::Pcm) to
//! [`Packet`](footlight_media::Packet)s, without delay and without reordering.
//!
//! They are plain values driven by one caller: no threads of ours, no clock, no I/O.

pub mod aac;
pub mod opus;

pub use footlight_codec::{Preset, h264};
