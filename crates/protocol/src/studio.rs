//! What the studio window and the broadcaster behind it say to each other.
//!
//! The window asks once for a [`Snapshot`] and then applies every [`StudioEvent`] to it; both sides use
//! [`Snapshot::apply`], so they cannot disagree about what an event means.

use serde::{Deserialize, Serialize};

use crate::destination::{DestinationState, DestinationStatus, Rate};
use crate::mixer::{Levels, Mixer};
use crate::record::Recorder;
use crate::room::Layer;
use crate::scene::{Scenes, Source};
use crate::{DestinationId, Failure, RoomId};

pub use crate::preferences::{MAX_COUNTDOWN, MAX_KEY_TEXT, MAX_KEYS, Preferences, TextSize};

/// Which camera: `pattern`, `none`, `file:PATH`, or a device's [`Device::id`].
pub type CameraId = String;
/// Which microphone: `tone`, `none`, `file:PATH`, or a device's [`Device::id`].
pub type MicrophoneId = String;

/// Where a broadcast stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Phase {
    /// Not on air; the preview runs.
    #[default]
    Idle,
    /// Go Live was pressed; no output has connected yet.
    Starting,
    /// On air since (milliseconds since the Unix epoch).
    Live { since: u64 },
    /// On air, but no output is connected: tries again by itself.
    Reconnecting { since: u64, attempt: u32 },
    /// End was pressed; outputs are saying goodbye.
    Ending,
}

impl Phase {
    /// Whether a broadcast runs, connected or not.
    pub fn on_air(&self) -> bool {
        !matches!(self, Self::Idle)
    }

    /// When the broadcast went on air, in milliseconds since the Unix epoch.
    pub fn since(&self) -> Option<u64> {
        match self {
            Self::Live { since } | Self::Reconnecting { since, .. } => Some(*since),
            Self::Idle | Self::Starting | Self::Ending => None,
        }
    }
}

/// A camera or microphone that can be picked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// The same for the same device after a replug or a restart, as far as the platform can tell.
    pub id: String,
    pub name: String,
}

/// What of this computer's can be shown in a layer: the answer of command `list_captures`. Titles are private.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Captures {
    pub screens: Vec<ScreenChoice>,
    /// Those in front first, where the platform tells.
    pub windows: Vec<WindowChoice>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScreenChoice {
    pub id: String,
    /// Pixels.
    pub width: u32,
    pub height: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowChoice {
    pub id: u32,
    pub app: String,
    pub title: String,
}

/// How a live source of a scene does, beside the camera.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveState {
    pub source: Source,
    pub state: SourceState,
}

/// How a source does.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SourceState {
    /// Nothing picked.
    #[default]
    Off,
    /// Being opened.
    Opening,
    Running,
    /// Gone or refused; a card stands in and it is tried again by itself.
    Lost {
        failure: Failure,
    },
}

/// One line of health, measured over the last second.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Health {
    /// Frames a second that reached the encoder, or the preview while not live.
    pub fps: f32,
    /// Time spent encoding, as a share of the time there is for it: 1.0 is too slow.
    pub encoder_load: f32,
    /// What left, in kbit/s.
    pub bitrate_kbps: u32,
    /// What rate control asks the encoder for, in kbit/s.
    pub target_kbps: u32,
    /// Since Go Live.
    pub encoded_frames: u64,
    /// Frames that were replaced by a newer one before the encoder took them, since Go Live.
    pub skipped_frames: u64,
    /// Encoded frames that an output had to drop, since Go Live.
    pub dropped_frames: u64,
    /// Captured frame to encoded packet, median, in milliseconds.
    pub encode_ms: f32,
    /// Round trip to the relay, in milliseconds, where known.
    pub rtt_ms: Option<f32>,
}

/// How many qualities of the picture may go out: `auto`, or `1` to `3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum LayerLimit {
    /// As many as make sense for the picture and this computer has cores to spare for.
    #[default]
    Auto,
    /// At most so many, from the start; fewer where the picture itself would suffer.
    Most(u8),
}

impl std::str::FromStr for LayerLimit {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "1" | "2" | "3" => Ok(Self::Most(text.as_bytes()[0] - b'0')),
            _ => Err("not auto, 1, 2 or 3"),
        }
    }
}

impl TryFrom<String> for LayerLimit {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<LayerLimit> for String {
    fn from(limit: LayerLimit) -> String {
        match limit {
            LayerLimit::Auto => "auto".to_owned(),
            LayerLimit::Most(most) => most.to_string(),
        }
    }
}

/// The qualities of the picture that go out, and what keeps more from going out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Layers {
    /// Best first; the first is the broadcast's own picture. Empty while not live. The rates are those that the
    /// encoders are asked for.
    pub sent: Vec<Layer>,
    /// Why there are no more; none where all go out that make sense for this picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
    /// The broadcast's own picture goes out with less than was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eased: Option<Eased>,
}

/// What is left of the picture for now, and for whom the rest is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Eased {
    pub strain: Strain,
    /// Pixels.
    pub width: u32,
    pub height: u32,
    /// Pictures a second.
    pub fps: u32,
}

/// What cannot carry all of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strain {
    /// This computer has no time for it.
    Computer,
    /// The line to the relay.
    Line,
}

/// Why lower layers are not made, by the studio or by the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// The settings ask for no more.
    Chosen,
    /// The broadcast has just begun, and it is being measured whether there are cores to spare.
    Measuring,
    /// This computer has no cores to spare.
    Busy,
    /// The line to the relay carries no more than the picture itself.
    Line,
    /// The output takes one picture only (RTMP), or the relay does.
    Output,
    /// The picture is too small for a smaller one to help anybody.
    Small,
    /// The relay cannot read what the encoder sends well enough to make it smaller.
    Undecodable,
    /// The program that makes smaller pictures for the relay is not there, or has failed.
    Missing,
}

/// Loudness of what is sent, in dB of full scale; -100 is silence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Level {
    pub peak_db: f32,
    pub rms_db: f32,
}

impl Default for Level {
    fn default() -> Self {
        Self { peak_db: -100.0, rms_db: -100.0 }
    }
}

/// Everything that the window shows of the broadcaster.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Snapshot {
    pub phase: Phase,
    pub cameras: Vec<Device>,
    pub microphones: Vec<Device>,
    pub camera: CameraId,
    pub microphone: MicrophoneId,
    pub camera_state: SourceState,
    pub microphone_state: SourceState,
    /// The microphone's mute, which is in the mixer, too.
    pub muted: bool,
    /// Of all that is sent.
    pub level: Level,
    pub health: Health,
    #[serde(default)]
    pub layers: Layers,
    #[serde(default)]
    pub scenes: Scenes,
    /// Of each live source that runs.
    #[serde(default)]
    pub live: Vec<LiveState>,
    /// Where the broadcast goes: the creator's own page first, or what the command line says instead.
    #[serde(default)]
    pub destinations: Vec<DestinationStatus>,
    #[serde(default)]
    pub mixer: Mixer,
    /// Of each channel.
    #[serde(default)]
    pub levels: Levels,
    /// How the source of the computer's sound does.
    #[serde(default)]
    pub desktop_state: SourceState,
    /// Whether the key is held that lets the microphone be heard.
    #[serde(default)]
    pub talking: bool,
    /// What is kept on this computer.
    #[serde(default)]
    pub recorder: Recorder,
}

/// One change of a [`Snapshot`], or a failure to show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum StudioEvent {
    Phase {
        phase: Phase,
    },
    Devices {
        cameras: Vec<Device>,
        microphones: Vec<Device>,
    },
    Camera {
        camera: CameraId,
        state: SourceState,
    },
    Microphone {
        microphone: MicrophoneId,
        state: SourceState,
    },
    Muted {
        muted: bool,
    },
    /// About ten times a second.
    Level {
        level: Level,
        #[serde(default)]
        levels: Levels,
    },
    /// When it was changed.
    Mixer {
        mixer: Mixer,
    },
    /// What the computer plays.
    Desktop {
        state: SourceState,
    },
    Talking {
        talking: bool,
    },
    /// Once a second.
    Health {
        health: Health,
    },
    /// When they change.
    Layers {
        layers: Layers,
    },
    /// When they were changed, or another is shown.
    Scenes {
        scenes: Scenes,
    },
    /// When a live source comes, goes, or does otherwise: all of them.
    Live {
        live: Vec<LiveState>,
    },
    /// When one was added, changed or removed.
    Destinations {
        destinations: Vec<DestinationStatus>,
    },
    /// One of them does otherwise.
    Destination {
        id: DestinationId,
        state: DestinationState,
    },
    /// Once a second while anything leaves.
    Rates {
        rates: Vec<Rate>,
    },
    /// When it changes, and once a second while a recording runs.
    Recorder {
        recorder: Recorder,
    },
    /// Something went wrong that no state shows.
    Failed {
        failure: Failure,
    },
}

impl Snapshot {
    /// Brings the snapshot up to date.
    pub fn apply(&mut self, event: &StudioEvent) {
        match event.clone() {
            StudioEvent::Phase { phase } => self.phase = phase,
            StudioEvent::Devices { cameras, microphones } => {
                self.cameras = cameras;
                self.microphones = microphones;
            }
            StudioEvent::Camera { camera, state } => {
                self.camera = camera;
                self.camera_state = state;
            }
            StudioEvent::Microphone { microphone, state } => {
                self.microphone = microphone;
                self.microphone_state = state;
            }
            StudioEvent::Muted { muted } => {
                self.muted = muted;
                self.mixer.microphone.muted = muted;
            }
            StudioEvent::Level { level, levels } => (self.level, self.levels) = (level, levels),
            StudioEvent::Mixer { mixer } => {
                self.muted = mixer.microphone.muted;
                self.mixer = mixer;
            }
            StudioEvent::Desktop { state } => self.desktop_state = state,
            StudioEvent::Talking { talking } => self.talking = talking,
            StudioEvent::Health { health } => self.health = health,
            StudioEvent::Layers { layers } => self.layers = layers,
            StudioEvent::Scenes { scenes } => self.scenes = scenes,
            StudioEvent::Live { live } => self.live = live,
            StudioEvent::Destinations { destinations } => self.destinations = destinations,
            StudioEvent::Destination { id, state } => {
                if let Some(known) = self.destination(&id) {
                    known.state = state;
                }
            }
            StudioEvent::Rates { rates } => {
                for Rate { id, kbps } in rates {
                    if let Some(known) = self.destination(&id) {
                        known.kbps = kbps;
                    }
                }
            }
            StudioEvent::Recorder { recorder } => self.recorder = recorder,
            StudioEvent::Failed { .. } => {}
        }
    }

    fn destination(&mut self, id: &DestinationId) -> Option<&mut DestinationStatus> {
        self.destinations.iter_mut().find(|known| known.destination.id == *id)
    }
}

/// How the window reaches the room and what it hands out: command `room_access`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomAccess {
    pub room: RoomId,
    /// The relay's WebSocket of this room.
    pub socket: String,
    /// Makes the sidebar's session the owner's. Secret: never shown.
    pub owner_token: String,
    /// Where other encoders publish by RTMP, for OBS's field "Server"; none where the relay takes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtmp: Option<String>,
    /// Links to the viewer page, best first (the LAN's where sharing is on, else the loopback's).
    pub links: Vec<String>,
    /// Whether other machines can reach the relay.
    pub shared: bool,
    /// Whether the router is asked to let the internet in.
    #[serde(default)]
    pub internet: bool,
}

impl std::fmt::Debug for RoomAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RoomAccess")
            .field("room", &self.room)
            .field("links", &self.links)
            .finish_non_exhaustive()
    }
}

/// How long encoding takes on this computer; command `measure_speed`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    /// Of the time that there is for it, how much encoding takes: 1.0 is too slow.
    pub load: f32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_layers_reads_as_it_is_written() {
        for text in ["auto", "1", "2", "3"] {
            let limit: LayerLimit = text.parse().unwrap();
            assert_eq!(String::from(limit), text);
        }
        for bad in ["0", "4", "", "Auto"] {
            assert!(bad.parse::<LayerLimit>().is_err(), "{bad}");
        }
    }

    #[test]
    fn events_bring_a_snapshot_up_to_date() {
        let mut shown = Snapshot::default();
        shown.apply(&StudioEvent::Phase { phase: Phase::Live { since: 5 } });
        shown.apply(&StudioEvent::Camera { camera: "pattern".into(), state: SourceState::Running });
        shown.apply(&StudioEvent::Muted { muted: true });
        assert_eq!(shown.phase.since(), Some(5));
        assert_eq!((shown.camera.as_str(), shown.muted), ("pattern", true));
        assert!(shown.mixer.microphone.muted, "it is one mute");
        shown.apply(&StudioEvent::Mixer { mixer: Mixer::default() });
        assert!(!shown.muted);
        assert_eq!(shown.camera_state, SourceState::Running);
    }
}
