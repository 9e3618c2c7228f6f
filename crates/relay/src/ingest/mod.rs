//! The way in: publishers by WHIP, and those that bring whole packets.

pub(crate) mod align;
pub(crate) mod feed;
pub(crate) mod publisher;
pub(crate) mod whip;
