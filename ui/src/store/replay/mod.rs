//! A broadcast that is over, as its page shows it: the video's files on one line of time, what had been said until
//! then, and the comments that fly over the picture.

mod flight;
mod show;
mod talk;
mod timeline;

pub use flight::{Comment, Flight, Sky};
pub use show::{Do, Show, ShowEvent, Status, Why};
pub use talk::{MAX_LINES, Said, Talk};
pub use timeline::{Spot, Timeline};
