//! One page each.

pub mod overlay;
pub mod replay;
pub mod studio;
pub mod watch;
