//! What is different from platform to platform. Everything else in the studio is the same everywhere.

use std::sync::Arc;
#[cfg(target_os = "linux")]
use std::sync::Mutex;
use std::thread::JoinHandle;
use std::time::Duration;

#[cfg(target_os = "linux")]
mod pulse;
#[cfg(target_os = "linux")]
pub(crate) use pulse::Recording;

/// Where cpal records everything.
#[cfg(not(target_os = "linux"))]
pub(crate) enum Recording {}

/// A camera's name that survives a replug, if the platform has one; `None` to skip a node that makes no pictures.
pub(crate) struct Node {
    pub(crate) stable: Option<String>,
    pub(crate) captures: bool,
}

/// What the platform knows of camera `index`.
#[cfg(target_os = "linux")]
pub(crate) fn node(index: u32) -> Node {
    use std::fs;
    let name = format!("video{index}");
    // The second node of a UVC camera carries metadata; the driver numbers them from 0.
    let number = fs::read_to_string(format!("/sys/class/video4linux/{name}/index"));
    let captures = number.map_or(true, |number| number.trim() == "0");
    let links = fs::read_dir("/dev/v4l/by-id").into_iter().flatten().flatten();
    let stable = links
        .filter(|link| fs::read_link(link.path()).is_ok_and(|to| to.file_name() == Some(name.as_ref())))
        .filter_map(|link| link.file_name().into_string().ok())
        .min();
    Node { stable, captures }
}

/// What the platform knows of camera `index`: the others have only cameras in their lists.
#[cfg(not(target_os = "linux"))]
pub(crate) fn node(_: u32) -> Node {
    Node { stable: None, captures: true }
}

/// The sound systems to look for microphones in, best first.
#[cfg(target_os = "linux")]
pub(crate) fn sound_hosts() -> Vec<Arc<cpal::Host>> {
    // PulseAudio (and PipeWire, which speaks it) says when its server goes away; ALSA hangs. Without a sound card
    // ALSA has nothing to list and complains on stderr.
    let alsa = std::path::Path::new("/dev/snd").exists().then(|| sound_host(cpal::HostId::Alsa));
    sound_host(cpal::HostId::PulseAudio).into_iter().chain(alsa.flatten()).collect()
}

/// The sound system of this kind, if it runs.
#[cfg(target_os = "linux")]
pub(crate) fn sound_host(id: cpal::HostId) -> Option<Arc<cpal::Host>> {
    use cpal::traits::HostTrait;

    static PULSE: Mutex<Option<Arc<cpal::Host>>> = Mutex::new(None);
    let open = || cpal::host_from_id(id).map(Arc::new);
    match id {
        cpal::HostId::PulseAudio => pulse::kept(&PULSE, |host| host.devices().is_ok(), open).ok(),
        _ => open().ok(),
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn sound_hosts() -> Vec<Arc<cpal::Host>> {
    vec![Arc::new(cpal::default_host())]
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn sound_host(id: cpal::HostId) -> Option<Arc<cpal::Host>> {
    cpal::host_from_id(id).ok().map(Arc::new)
}

/// Records from a device in a way of the platform's own: stereo at `rate`, with how long the device had kept it. `None`
/// where cpal is to do it.
#[cfg(target_os = "linux")]
pub(crate) fn record(
    device: &cpal::Device,
    rate: u32,
    hear: impl FnMut(&mut dyn ExactSizeIterator<Item = [f32; 2]>, Duration) + Send + 'static,
) -> Option<Result<Recording, String>> {
    use cpal::traits::DeviceTrait;
    let id = device.id().ok().filter(|id| id.host() == cpal::HostId::PulseAudio)?;
    Some(pulse::record(id.id(), rate, hear))
}

/// As above.
#[cfg(not(target_os = "linux"))]
pub(crate) fn record(
    _: &cpal::Device,
    _: u32,
    _: impl FnMut(&mut dyn ExactSizeIterator<Item = [f32; 2]>, Duration) + Send + 'static,
) -> Option<Result<Recording, String>> {
    None
}

#[cfg(not(target_os = "linux"))]
impl Recording {
    pub(crate) fn look(&mut self) -> Result<(), String> {
        match *self {}
    }
}

/// The device that this computer plays on by default, as one to record from, and how it is opened.
#[cfg(target_os = "linux")]
pub(crate) fn played() -> Option<(cpal::Device, cpal::SupportedStreamConfig)> {
    use cpal::traits::{DeviceTrait, HostTrait};
    let host = sound_host(cpal::HostId::PulseAudio)?;
    let output = host.default_output_device()?.id().ok()?;
    // PulseAudio, and PipeWire in its place, names the monitor of an output so.
    let monitor = host.device_by_id(&format!("{output}.monitor").parse().ok()?)?;
    let config = monitor.default_input_config().ok()?;
    Some((monitor, config))
}

/// As above: WASAPI and CoreAudio record from an output that is opened as an input.
#[cfg(not(target_os = "linux"))]
pub(crate) fn played() -> Option<(cpal::Device, cpal::SupportedStreamConfig)> {
    use cpal::traits::{DeviceTrait, HostTrait};
    let output = cpal::default_host().default_output_device()?;
    let config = output.default_output_config().ok()?;
    Some((output, config))
}

/// Why there is nothing to record, and what to do about it.
#[cfg(target_os = "linux")]
pub(crate) const NO_DESKTOP_SOUND: &str =
    "There is no output to record from; PipeWire or PulseAudio has to run and play on one";
#[cfg(not(target_os = "linux"))]
pub(crate) const NO_DESKTOP_SOUND: &str = "There is no output that can be recorded from";

/// Bytes that this person may still write on the disk of a folder.
#[cfg(target_os = "linux")]
pub(crate) fn free_space(folder: &std::path::Path) -> Option<u64> {
    let told = rustix::fs::statvfs(folder).ok()?;
    Some(told.f_bavail.saturating_mul(told.f_frsize))
}

/// As above: not asked, so a recording ends where the disk refuses.
#[cfg(not(target_os = "linux"))]
pub(crate) fn free_space(_: &std::path::Path) -> Option<u64> {
    None
}

/// Makes [`interrupt`] work. Call it inside the runtime, before devices are opened.
#[cfg(target_os = "linux")]
pub(crate) fn allow_interrupts() {
    use tokio::signal::unix::{SignalKind, signal};
    // V4L2 waits for a picture without a deadline; only a handled signal ends that wait. This one is ignored by
    // default, so that it can do no harm, and stays handled for the life of the process.
    if let Err(error) = signal(SignalKind::from_raw(nix::sys::signal::Signal::SIGURG as i32)) {
        tracing::warn!(%error, "a camera that stalls cannot be interrupted");
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn allow_interrupts() {}

/// Ends the system call in which a thread waits, if the platform can.
#[cfg(target_os = "linux")]
pub(crate) fn interrupt(thread: &JoinHandle<()>) {
    use std::os::unix::thread::JoinHandleExt;
    if let Err(error) =
        nix::sys::pthread::pthread_kill(thread.as_pthread_t(), nix::sys::signal::Signal::SIGURG)
    {
        tracing::debug!(%error, "interrupt a thread");
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn interrupt(_: &JoinHandle<()>) {}
