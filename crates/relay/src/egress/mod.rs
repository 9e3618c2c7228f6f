//! The way out: viewers by WHEP, FLV and HLS.

pub(crate) mod asking;
pub(crate) mod flv;
pub(crate) mod hls;
pub(crate) mod viewer;
pub(crate) mod whep;
