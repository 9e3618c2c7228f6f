//! What the studio remembers, in `settings.toml` of the data folder: read once at the start, written when the
//! window changes something. Flags and environment override it for one run and are not written back.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use footlight_protocol::RoomId;
use footlight_protocol::destination::{Destination, MAX_DESTINATIONS, Misfit};
use footlight_protocol::record;
use footlight_protocol::studio::{LayerLimit, Preferences};
use footlight_relay::Rtmp;
use serde::{Deserialize, Serialize};

use crate::flags::{Flags, Size};

/// A commented sample, for people; a test keeps it true.
#[cfg(test)]
const SAMPLE: &str = include_str!("../settings.sample.toml");

/// Where the bundled relay listens by default: loopback, until sharing is switched on.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// The file, field by field. Absent fields have their defaults, unknown ones are refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct File {
    /// A device's id, `pattern`, `file:PATH`, `none`, or empty for the first that is found.
    pub(crate) camera: String,
    /// A device's id, `tone`, `file:PATH`, `none`, or empty for the first that is found.
    pub(crate) microphone: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) fps: u32,
    /// Video, in kbit/s; rate control stays at or below it.
    pub(crate) bitrate: u32,
    /// In how many qualities the picture may go out: `auto`, or `1` to `3`.
    pub(crate) layers: LayerLimit,
    /// Size and frame rate stay as they are set, whatever the line and this computer carry.
    pub(crate) fixed: bool,
    pub(crate) listen: SocketAddr,
    /// Whether the router is asked to open the relay's port, and public STUN servers how it looks from outside.
    pub(crate) internet: bool,
    pub(crate) room: RoomId,
    pub(crate) preferences: Preferences,
    /// What is kept on this computer.
    pub(crate) recorder: record::Settings,
    /// Where broadcasts go besides the bundled relay. The keys are not here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) destinations: Vec<Destination>,
}

impl Default for File {
    fn default() -> Self {
        Self {
            camera: String::new(),
            microphone: String::new(),
            width: 1280,
            height: 720,
            fps: 30,
            bitrate: 2500,
            layers: LayerLimit::Auto,
            fixed: false,
            listen: LISTEN,
            internet: false,
            room: RoomId::default(),
            preferences: Preferences::default(),
            recorder: record::Settings::default(),
            destinations: Vec::new(),
        }
    }
}

/// The settings of this run.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Folder of the store, the keys and the settings.
    pub(crate) data: PathBuf,
    /// In force: file, then environment and flags.
    pub(crate) now: File,
    /// Where recordings go if the file names no folder.
    pub(crate) recordings: PathBuf,
    /// Where the relay takes RTMP. Not in the file: who needs another port than the usual one starts it so.
    pub(crate) rtmp: Rtmp,
    /// Without what may have brought the last run down; nothing of that is written back.
    pub(crate) safe: bool,
    /// As it stands in the file.
    kept: File,
    path: PathBuf,
}

impl Settings {
    /// Reads the file and lays environment and flags over it.
    pub(crate) fn load(flags: &Flags) -> Result<Self> {
        // The relay's own default: a relay run alone on this machine has the same room and the same keys.
        let data = flags.data.clone().unwrap_or_else(|| footlight_relay::Config::default().data);
        let (path, required) = match &flags.config {
            Some(path) => (path.clone(), true),
            None => (data.join("settings.toml"), false),
        };
        let kept = read(&path, required)?;
        let mut now = kept.clone();
        now.camera = flags.camera.clone().unwrap_or(now.camera);
        now.microphone = flags.microphone.clone().unwrap_or(now.microphone);
        if let Some(Size { width, height }) = flags.size {
            (now.width, now.height) = (width, height);
        }
        now.fps = flags.fps.unwrap_or(now.fps);
        now.bitrate = flags.bitrate.unwrap_or(now.bitrate);
        now.layers = flags.layers.unwrap_or(now.layers);
        now.fixed |= flags.fixed;
        now.listen = flags.listen.unwrap_or(now.listen);
        now.room = flags.room.clone().unwrap_or(now.room);
        check(&now).with_context(|| format!("settings in {}", path.display()))?;
        fs::create_dir_all(&data).with_context(|| format!("make the data folder {}", data.display()))?;
        let recordings = recordings(flags, &data);
        let rtmp = flags.rtmp.unwrap_or_default();
        let mut settings = Self { data, now, recordings, rtmp, safe: false, kept, path };
        if flags.safe {
            settings.make_safe();
        }
        Ok(settings)
    }

    /// Leaves devices alone in this run, and with [`Self::safe`] scenes and the mixer.
    pub(crate) fn make_safe(&mut self) {
        self.safe = true;
        for source in [&mut self.now.camera, &mut self.now.microphone] {
            "none".clone_into(source);
        }
    }

    /// Changes a setting for this run and in the file.
    pub(crate) fn change(&mut self, change: impl Fn(&mut File)) -> Result<()> {
        change(&mut self.now);
        change(&mut self.kept);
        let text = toml::to_string(&self.kept).context("write the settings as TOML")?;
        let draft = self.path.with_extension("toml.new");
        // Renamed into place: a full disk or a crash leaves the old settings, not half of the new ones.
        fs::write(&draft, text)
            .and_then(|()| fs::rename(&draft, &self.path))
            .with_context(|| format!("save the settings to {}", self.path.display()))
    }
}

/// Among the person's videos; of a run with its own data, or without a person, in the data folder.
fn recordings(flags: &Flags, data: &Path) -> PathBuf {
    let own = flags.headless || flags.data.is_some();
    let videos = dirs::video_dir().or_else(dirs::home_dir).filter(|_| !own);
    videos.map_or_else(|| data.join("videos"), |videos| videos.join("Footlight"))
}

fn read(path: &Path, required: bool) -> Result<File> {
    match fs::read_to_string(path) {
        Ok(text) => toml::from_str(&text).with_context(|| format!("read the settings in {}", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => Ok(File::default()),
        Err(error) => Err(error).with_context(|| format!("read the settings file {}", path.display())),
    }
}

fn check(file: &File) -> Result<()> {
    for side in [file.width, file.height] {
        ensure!(
            (64..=7680).contains(&side) && side % 2 == 0,
            "a side of the picture is {side}: not even, or not 64 to 7680"
        );
    }
    ensure!((1..=120).contains(&file.fps), "fps is {}: not 1 to 120", file.fps);
    let seconds = file.recorder.replay_seconds;
    ensure!(record::REPLAY_SECONDS.contains(&seconds), "replay_seconds is {seconds}: not 5 to 120");
    ensure!(file.destinations.len() <= MAX_DESTINATIONS, "{}", Misfit::TooMany);
    for (n, destination) in file.destinations.iter().enumerate() {
        let Destination { id, name, .. } = destination;
        destination.check().with_context(|| format!("the destination {name:?}"))?;
        let twice = file.destinations[..n].iter().any(|other| other.id == *id);
        // The bundled relay and what --to says have names of their own.
        ensure!(!twice && !id.as_str().starts_with("home"), "the destination {name:?}: its id {id} is taken");
    }
    ensure!((100..=50_000).contains(&file.bitrate), "bitrate is {}: not 100 to 50000 kbit/s", file.bitrate);
    file.preferences.check().map_err(anyhow::Error::msg)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[test]
    fn the_sample_is_the_defaults() {
        assert_eq!(toml::from_str::<File>(SAMPLE).unwrap(), File::default());
    }

    #[test]
    fn unknown_fields_and_wild_values_are_refused() {
        assert!(toml::from_str::<File>("colour = 1").is_err());
        assert!(check(&File { fps: 0, ..File::default() }).is_err());
        assert!(check(&File { width: 641, ..File::default() }).is_err());
        let destination = |id: &str, url: &str| {
            let text = format!("[[destinations]]\nid = \"{id}\"\nname = \"TV\"\nurl = \"{url}\"\n");
            toml::from_str::<File>(&text).map_err(|error| error.to_string())
        };
        let good = destination("d1", "rtmp://example.org/live").unwrap();
        assert!(good.destinations[0].enabled && check(&good).is_ok());
        for (id, url) in [("home", "rtmp://example.org/live"), ("d1", "rtmp://key@example.org/live")] {
            assert!(check(&destination(id, url).unwrap()).is_err(), "{id} {url}");
        }
        assert!(
            destination("d1\"\nkey = \"secret", "rtmp://example.org/live").is_err(),
            "keys are not in here"
        );
        let twice = File { destinations: [good.destinations.clone(), good.destinations].concat(), ..good };
        assert!(check(&twice).is_err());
    }

    #[test]
    fn flags_override_the_file_and_are_not_written_back() {
        let data = std::env::temp_dir().join(format!("footlight-settings-{}", std::process::id()));
        fs::create_dir_all(&data).unwrap();
        fs::write(data.join("settings.toml"), "fps = 25\ncamera = \"pattern\"").unwrap();
        let flags = Flags::parse_from(["footlight", "--fps", "60", "--data", data.to_str().unwrap()]);
        let mut settings = Settings::load(&flags).unwrap();
        assert_eq!((settings.now.fps, settings.now.camera.as_str()), (60, "pattern"));
        settings
            .change(|file| {
                file.microphone = "none".into();
                file.preferences.keys.insert("live".into(), "ctrl+shift+l".into());
            })
            .unwrap();
        let again =
            Settings::load(&Flags::parse_from(["footlight", "--data", data.to_str().unwrap()])).unwrap();
        assert_eq!((again.now.fps, again.now.microphone.as_str()), (25, "none"));
        assert_eq!(again.now.preferences.keys["live"], "ctrl+shift+l");
        fs::remove_dir_all(data).unwrap();
    }
}
