//! Microphones, and what stands in for one: the tone, a sound file, nothing.

use cpal::traits::{DeviceTrait, HostTrait};
use footlight_protocol::studio::{Device, SourceState};
use footlight_protocol::{Code, Failure};

use super::capture::{self, Found, Input};
use crate::platform;
use crate::voice::Voice;
use crate::worker::Worker;
use crate::{Clock, Error};

/// Lists the microphones, the default first.
pub(crate) fn list() -> Vec<Device> {
    for host in platform::sound_hosts() {
        let default = host.default_input_device().and_then(|device| device.id().ok());
        let mut devices: Vec<Device> = Vec::new();
        for device in host.input_devices().into_iter().flatten() {
            let Ok(id) = device.id() else { continue };
            let known = Device { id: id.to_string(), name: device.to_string() };
            // ALSA lists the device that swallows everything as an input.
            if known.id == "alsa:null" || devices.iter().any(|d| d.id == known.id) {
                continue;
            }
            if Some(id) == default { devices.insert(0, known) } else { devices.push(known) }
        }
        if !devices.is_empty() {
            return devices;
        }
    }
    Vec::new()
}

/// The microphone of this id, if it is there.
pub(super) fn find(id: &str) -> Result<Found, Failure> {
    let missing = || Failure::new(Code::MicrophoneMissing, "The microphone is not there");
    let id: cpal::DeviceId = id.parse().map_err(|_| missing())?;
    let host = platform::sound_host(id.host()).ok_or_else(missing)?;
    let device = host.device_by_id(&id).ok_or_else(missing)?;
    let config = device.default_input_config().map_err(|error| {
        tracing::debug!(%error, "open the microphone");
        Failure::new(Code::MicrophoneFailed, "The microphone cannot be opened")
    })?;
    Ok(Found { device, config })
}

/// Starts the sound source `id`; `None` if there is none to start.
pub(crate) fn open(id: &str, voice: Voice, clock: Clock) -> Result<Option<Worker>, Error> {
    let worker = match (id, id.strip_prefix("file:")) {
        ("none", _) => {
            voice.state(SourceState::Off);
            return Ok(None);
        }
        ("tone", _) => super::tone::start(voice, clock)?,
        (_, Some(path)) => super::file::start_sound(path.as_ref(), voice, clock)?,
        _ => capture::start(Input::Microphone(id.to_owned()), voice, clock)?,
    };
    Ok(Some(worker))
}
