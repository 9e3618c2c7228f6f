//! One page each.

pub mod studio;
pub mod watch;
