//! The way out: viewers by WHEP, FLV and HLS.

pub(crate) mod asking;
mod choose;
pub(crate) mod flv;
pub(crate) mod hls;
mod line;
mod reports;
pub(crate) mod viewer;
pub(crate) mod whep;
