//! Sources: what makes raw frames and sound. Cameras, microphones, screens and windows, what the computer plays, the test
//! pattern with its tone, media files.
//!
//! Every source owns a thread and writes into what the broadcast already has: pictures into the [`Slot`], of
//! which only the newest is kept, and sound into the mixer's queue. A source that is replaced loses its voice at
//! once, even if its thread still hangs in a driver.

mod arrivals;
pub(crate) mod camera;
mod capture;
pub(crate) mod cast;
mod convert;
pub(crate) mod desktop;
pub(crate) mod file;
pub(crate) mod microphone;
pub(crate) mod pattern;
pub(crate) mod screen;
pub(crate) mod slot;
pub(crate) mod tone;

use std::path::PathBuf;

use footlight_protocol::studio::{Device, SourceState};

use crate::worker::Worker;
use crate::{Clock, Error};
pub(crate) use slot::{Feed, Slot};

/// A camera by its id's meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Camera {
    None,
    Pattern,
    File(PathBuf),
    Device(String),
}

impl Camera {
    pub(crate) fn parse(id: &str) -> Self {
        match (id, id.strip_prefix("file:")) {
            ("none", _) => Self::None,
            ("pattern", _) => Self::Pattern,
            (_, Some(path)) => Self::File(path.into()),
            _ => Self::Device(id.to_owned()),
        }
    }
}

/// What a picture source should deliver, if it can choose.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) fps: u32,
}

/// Starts the picture source `camera`; `None` if there is none to start.
pub(crate) fn open_camera(
    camera: Camera,
    feed: Feed,
    clock: Clock,
    wanted: Wanted,
) -> Result<Option<Worker>, Error> {
    let worker = match camera {
        Camera::None => {
            feed.state(SourceState::Off);
            return Ok(None);
        }
        Camera::Pattern => pattern::start(feed, clock, wanted)?,
        Camera::File(path) => file::start_pictures(&path, feed, clock)?,
        Camera::Device(id) => camera::start(id, feed, clock, wanted)?,
    };
    Ok(Some(worker))
}

/// The cameras and microphones of this machine. May take some 100 ms; a driver that hangs or panics costs only
/// its own kind of device.
pub fn devices() -> (Vec<Device>, Vec<Device>) {
    (camera::list(), microphone::list())
}

/// As [`devices`], but a sound system that hangs is given up after a moment.
pub(crate) fn devices_soon() -> (Vec<Device>, Vec<Device>) {
    /// A sound server answers within a few ms, or is starting up.
    const SOON: std::time::Duration = std::time::Duration::from_secs(2);
    let (tell, told) = std::sync::mpsc::sync_channel(1);
    let looking = Worker::spawn("look for microphones", move |_| drop(tell.send(microphone::list())));
    let cameras = camera::list();
    let microphones = told.recv_timeout(SOON).unwrap_or_default();
    drop(looking);
    (cameras, microphones)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_mean_what_the_flags_say() {
        assert_eq!(Camera::parse("none"), Camera::None);
        assert_eq!(Camera::parse("pattern"), Camera::Pattern);
        assert_eq!(Camera::parse("file:/a b.y4m"), Camera::File("/a b.y4m".into()));
        assert_eq!(Camera::parse("Integrated Camera"), Camera::Device("Integrated Camera".into()));
    }
}
