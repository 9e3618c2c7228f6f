//! The broadcaster: sources → scene → encode → output.
//!
//! [`Studio::start`] opens the camera and the microphone and runs the preview; [`Studio::go_live`] adds the encoders
//! and the outputs until [`Studio::end`]. What happens is told as [`StudioEvent`]s and kept in a [`Snapshot`]. Devices
//! and encoders own threads, outputs are tasks; nothing outlives the [`Studio`].
//!
//! [`Snapshot`]: footlight_protocol::studio::Snapshot
//! [`StudioEvent`]: footlight_protocol::studio::StudioEvent

mod adapt;
mod air;
mod clock;
mod desk;
mod draw;
pub mod encode;
mod error;
mod finder;
mod health;
mod kept;
mod lane;
mod lower;
mod mixer;
mod newest;
mod output;
mod outputs;
mod platform;
mod record;
mod resample;
mod scene;
mod sound;
mod source;
mod speed;
mod stage;
mod studio;
mod voice;
mod worker;

pub use clock::Clock;
pub use error::Error;
pub use finder::Finder;
pub use output::{Secret, Target};
pub use outputs::Outlet;
pub use scene::RoomView;
pub use source::devices;
pub use source::screen::captures;
pub use studio::{Config, Studio};
