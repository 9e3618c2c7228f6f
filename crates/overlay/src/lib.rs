//! What a room's events put over the picture, and beside it: the log of what was said, the gifts that are shown, and what
//! overlays show of both. The pages and the studio show the same, by the same rules.
//!
//! Plain state that is told what happened and what time it is; no I/O, no clock.

pub mod gifts;
pub mod log;
mod show;
pub mod words;

pub use show::{Alert, Content, Said, Show, Wanted};
