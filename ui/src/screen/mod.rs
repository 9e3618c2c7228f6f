//! One page each.

pub mod replay;
pub mod studio;
pub mod watch;
