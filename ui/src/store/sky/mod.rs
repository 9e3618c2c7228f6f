//! What is over the picture: comments that fly, hearts that rise, how many like it, and how a viewer wants to have
//! it. One implementation for a broadcast that is on air and for a replay.

mod flight;
mod flyer;
mod hearts;
mod likes;
mod pace;
mod settings;

pub use flight::{Flight, Seen};
pub use flyer::{Flyer, Frame, Look, Rank, said, timed};
pub use hearts::{Heart, Hearts};
pub use likes::{Likes, short};
pub use pace::Pace;
pub use settings::{Area, Density, Settings, Size, Sky, Speed};
