//! The way in: publishers by WHIP.

pub(crate) mod align;
pub(crate) mod publisher;
pub(crate) mod whip;
