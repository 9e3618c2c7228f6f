//! Who may say and do what, and what the room itself does about a raid: decisions on values, no I/O.

pub(crate) mod cluster;
pub(crate) mod judge;
pub(crate) mod learner;
pub(crate) mod network;
pub(crate) mod normal;
pub(crate) mod reports;
pub(crate) mod rules;
mod sanctions;

pub(crate) use sanctions::{Sanctions, banned, may_moderate, may_talk};
