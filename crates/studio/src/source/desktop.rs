//! What this computer plays, as a source: the sound of the device that it plays on by default.
//!
//! PulseAudio and PipeWire have a monitor of every output, WASAPI and CoreAudio record from an output where they are
//! asked to. Where the computer goes over to another output (headphones were put in), so does this.

use footlight_protocol::{Code, Failure};

use super::capture::{self, Found, Input};
use crate::platform;
use crate::voice::Voice;
use crate::worker::Worker;
use crate::{Clock, Error};

pub(crate) fn start(voice: Voice, clock: Clock) -> Result<Worker, Error> {
    capture::start(Input::Desktop, voice, clock)
}

/// The device that the computer plays on now, to be recorded from.
pub(super) fn find() -> Result<Found, Failure> {
    let missing = || Failure::new(Code::DesktopSoundMissing, platform::NO_DESKTOP_SOUND);
    let (device, config) = platform::played().ok_or_else(missing)?;
    Ok(Found { device, config })
}
