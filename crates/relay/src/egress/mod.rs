//! The way out: viewers by WHEP.

pub(crate) mod asking;
pub(crate) mod viewer;
pub(crate) mod whep;
