//! A broadcast that is over, as its page shows it: the video's files on one line of time, and what had been said
//! until then.

mod show;
mod talk;
mod timeline;

pub use show::{Do, Show, ShowEvent, Status, Why};
pub use talk::{MAX_LINES, Said, Talk};
pub use timeline::{Spot, Timeline};
