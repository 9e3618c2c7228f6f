//! Media as values: pictures, sound, encoded packets, the clock they carry, and the byte formats they
//! travel in.
//!
//! Nothing here does I/O, starts a thread or asks for the time, so every part is tested with plain calls and
//! builds for wasm32. The studio makes [`Frame`]s and [`Packet`]s, the relay carries [`Packet`]s.

pub mod aac;
pub mod amf0;
pub mod av1;
mod bits;
pub mod burn;
pub mod congestion;
mod cursor;
mod error;
pub mod flv;
pub mod fmp4;
pub mod frame;
pub mod h264;
pub mod handoff;
pub mod hevc;
pub mod packet;
pub mod playlist;
pub mod rtmp;
pub mod rtp;
pub mod time;

pub use error::{Error, Foreign};
pub use frame::{Frame, Pcm, Picture, PicturePool};
pub use packet::{Codec, Packet};
pub use time::Time;
