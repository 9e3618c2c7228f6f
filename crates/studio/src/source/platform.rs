//! What only one platform knows about its cameras. Everything else in the studio is the same everywhere.

/// A camera's name that survives a replug, if the platform has one; `None` to skip a node that makes no pictures.
pub(super) struct Node {
    pub(super) stable: Option<String>,
    pub(super) captures: bool,
}

/// What the platform knows of camera `index`.
#[cfg(target_os = "linux")]
pub(super) fn node(index: u32) -> Node {
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
pub(super) fn node(_: u32) -> Node {
    Node {
        stable: None,
        captures: true,
    }
}

/// The sound systems to look for microphones in, best first.
#[cfg(target_os = "linux")]
pub(super) fn sound_hosts() -> Vec<cpal::Host> {
    // PulseAudio (and PipeWire, which speaks it) says when its server goes away; ALSA hangs. Without a sound card
    // ALSA has nothing to list and complains on stderr.
    let pulse = cpal::host_from_id(cpal::HostId::PulseAudio);
    let alsa = std::path::Path::new("/dev/snd")
        .exists()
        .then(|| cpal::host_from_id(cpal::HostId::Alsa));
    pulse.into_iter().chain(alsa.into_iter().flatten()).collect()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn sound_hosts() -> Vec<cpal::Host> {
    vec![cpal::default_host()]
}
