//! The broadcaster without a window: `footlight --headless --live --json`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::bins;
use crate::camera::Camera;
use crate::microphone::{self, Microphone};
use crate::net::Space;
use crate::output::Output;
use crate::process::Process;
use crate::relay::{Ready, Relay};
use crate::scratch::Scratch;
use crate::sound;

/// Cold start on a busy machine: key derivation, devices, codecs, the relay.
const START: Duration = Duration::from_secs(30);

/// How to start it. The default is the moving pattern with the beep, on the bundled relay.
#[derive(Debug, Clone)]
pub struct Headless {
    camera: String,
    microphone: String,
    environment: Vec<(String, String)>,
    extra: Vec<String>,
    listen: String,
    data: Option<PathBuf>,
    fixed: bool,
}

impl Default for Headless {
    fn default() -> Self {
        Self {
            camera: "pattern".into(),
            microphone: "tone".into(),
            environment: Vec::new(),
            extra: Vec::new(),
            listen: "127.0.0.1:0".into(),
            data: None,
            fixed: true,
        }
    }
}

impl Headless {
    pub fn camera(mut self, id: &str) -> Self {
        self.camera = id.into();
        self
    }

    pub fn microphone(mut self, id: &str) -> Self {
        self.microphone = id.into();
        self
    }

    pub fn size(self, width: u32, height: u32) -> Self {
        self.flag("--size", &format!("{width}x{height}"))
    }

    pub fn fps(self, fps: u32) -> Self {
        self.flag("--fps", &fps.to_string())
    }

    /// Publishes there instead of to the bundled relay. The key travels in the environment, so that no
    /// process list shows it.
    pub fn to(self, url: &str, key: &str) -> Self {
        self.flag("--to", url).environment("FOOTLIGHT_STREAM_KEY", key)
    }

    /// Where the bundled relay listens; a free port of loopback where nothing is said.
    pub fn listen(mut self, address: &str) -> Self {
        self.listen = address.into();
        self
    }

    /// Uses this folder, for a start after another one. The default is a fresh one.
    pub fn data(mut self, folder: &Path) -> Self {
        self.data = Some(folder.to_owned());
        self
    }

    pub fn flag(mut self, name: &str, value: &str) -> Self {
        self.extra.extend([name.to_owned(), value.to_owned()]);
        self
    }

    /// Records on this computer from the start.
    pub fn record(mut self) -> Self {
        self.extra.push("--record".to_owned());
        self
    }

    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    pub fn environments(mut self, all: Vec<(String, String)>) -> Self {
        self.environment.extend(all);
        self
    }

    /// 720p30 of the pattern with a tone without an end, that adapts; `folder` is for the tone.
    pub fn endless(folder: &Path) -> Self {
        let tone = folder.join("tone.wav");
        sound::write_tone(&tone, Duration::from_secs(20));
        Self::default().size(1280, 720).fps(30).microphone(&format!("file:{}", tone.display())).adapting()
    }

    /// A camera of these sizes and a microphone, to a relay that is a process of its own: nothing but the studio is between
    /// the devices and the viewer.
    pub fn between(self, camera: &Camera, sizes: &str, microphone: &Microphone, relay: &Relay) -> Self {
        self.size(640, 360)
            .fps(30)
            .camera("/dev/video0")
            .microphone(microphone::ID)
            .environments(camera.environment())
            .environment("FAKECAM_SIZES", sizes)
            .environments(microphone.environment())
            .to(&relay.whip(), relay.ready.key())
    }

    /// Lets it send less of the picture where the line or this machine does not carry all of it.
    pub fn adapting(mut self) -> Self {
        self.fixed = false;
        self
    }

    /// One picture where the story says nothing of layers, and all of it: its figures are then those of that picture,
    /// whatever this machine has to spare.
    fn single(&self) -> Vec<&'static str> {
        let layered = self.extra.iter().any(|argument| argument == "--layers");
        let mut flags = if layered { Vec::new() } else { vec!["--layers", "1"] };
        flags.extend(self.fixed.then_some("--fixed"));
        flags
    }

    /// Starts it and waits for `ready`.
    pub async fn start(self, name: &str, output: &Output) -> Studio {
        self.start_in(None, name, output).await
    }

    /// On the machine of a test's network, or on this one.
    pub async fn start_in(self, space: Option<&Space>, name: &str, output: &Output) -> Studio {
        let scratch = Scratch::new("studio");
        let data = self.data.clone().unwrap_or_else(|| scratch.folder("data"));
        let mut command = bins::command(bins::footlight());
        command
            .args(["--headless", "--live", "--json", "--listen", &self.listen])
            .args(["--camera", &self.camera, "--microphone", &self.microphone])
            .arg("--data")
            .arg(&data)
            .args(&self.extra)
            .args(self.single())
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
            .envs(private_home(&scratch))
            .envs(self.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        if let Some(space) = space {
            command = space.inside(&command);
        }
        let mut process = Process::start(name, &mut command, output);
        let ready = Ready::of(process.event("ready", START).await);
        Studio { process, ready, data, _scratch: scratch }
    }
}

#[derive(Debug)]
pub struct Studio {
    pub process: Process,
    pub ready: Ready,
    pub data: PathBuf,
    _scratch: Scratch,
}

impl Studio {
    /// Waits until it is on air.
    pub async fn live(&mut self, limit: Duration) {
        self.process.event("live", limit).await;
    }

    /// The newest second's figures.
    pub fn stats(&self) -> Option<Value> {
        self.process.events_after(0).into_iter().rfind(|event| event["event"] == "stats")
    }

    /// A figure of every second after `mark`.
    pub fn figures(&self, mark: usize, name: &str) -> Vec<f64> {
        let events = self.process.events_after(mark);
        events
            .iter()
            .filter(|event| event["event"] == "stats")
            .filter_map(|event| event[name].as_f64())
            .collect()
    }
}

/// No setting, cache, keyring or sound server of the person who runs the tests is touched.
pub(crate) fn private_home(scratch: &Scratch) -> Vec<(String, String)> {
    let folder = |name: &str| scratch.folder(name).display().to_string();
    vec![
        ("HOME".into(), folder("home")),
        ("XDG_CONFIG_HOME".into(), folder("config")),
        ("XDG_DATA_HOME".into(), folder("share")),
        ("XDG_CACHE_HOME".into(), folder("cache")),
        ("XDG_RUNTIME_DIR".into(), folder("run")),
    ]
}
