//! What a creator hands to somebody who helps: one readable file about this computer, the settings and the last log lines.
//!
//! It is put together field by field from what is harmless, so that a setting which is added later is not in it by itself. No
//! key, no token, no address of a destination and none of what scenes say goes in; and should a log line hold a key or an
//! address that is known here, it is taken out by its value.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use footlight_protocol::destination::{Address, Destination, DestinationStatus, Key};
use footlight_protocol::scene::Scenes;
use footlight_protocol::studio::{Device, Snapshot};
use serde_json::{Value, json};

use crate::secrets::Secrets;
use crate::settings::File;

/// Stands where a secret stood.
const TAKEN_OUT: &str = "(taken out)";
/// Shorter than any key or token; shorter ones would take words apart.
const LEAST: usize = 6;
/// Files that are kept; the oldest goes.
const KEPT: usize = 5;

/// What goes into the file.
pub(crate) struct Facts<'a> {
    pub(crate) settings: &'a File,
    pub(crate) snapshot: &'a Snapshot,
    /// Share of its time that encoding takes, where it could be tried out.
    pub(crate) encoder: Option<f32>,
    pub(crate) safe: bool,
    /// The last log lines, oldest first.
    pub(crate) log: &'a [String],
    /// Of the browser that draws the window.
    pub(crate) webview: Option<String>,
}

/// The file's text.
pub(crate) fn text(facts: &Facts<'_>, secrets: &Secrets, data: &Path) -> String {
    let Facts { settings, snapshot, encoder, safe, log, webview } = facts;
    let names = |devices: &[Device]| devices.iter().map(|device| device.name.clone()).collect::<Vec<_>>();
    let destinations: Vec<Value> = snapshot.destinations.iter().map(destination).collect();
    let value = json!({
        "footlight": { "version": env!("CARGO_PKG_VERSION"), "safe_mode": safe },
        "computer": computer(webview.as_deref()),
        "settings": {
            "picture": format!("{}x{}", settings.width, settings.height),
            "fps": settings.fps,
            "bitrate_kbps": settings.bitrate,
            "layers": settings.layers,
            "listens_to": if settings.listen.ip().is_loopback() { "this computer" } else { "the network" },
            "port": settings.listen.port(),
            "internet": settings.internet,
            "preferences": settings.preferences,
        },
        "sources": {
            "cameras": names(&snapshot.cameras),
            "microphones": names(&snapshot.microphones),
            "camera": { "kind": kind(&snapshot.camera), "state": snapshot.camera_state },
            "microphone": { "kind": kind(&snapshot.microphone), "state": snapshot.microphone_state },
            "computer_sound": snapshot.desktop_state,
            "mixer": snapshot.mixer,
            "scenes": scenes(&snapshot.scenes),
        },
        "broadcast": {
            "phase": snapshot.phase,
            "health": snapshot.health,
            "layers": snapshot.layers,
            "encoder_load_tried_out": encoder,
            "outputs": destinations,
        },
        "log": log,
    });
    let text = serde_json::to_string_pretty(&value).unwrap_or_default();
    without_places(&without(text, secrets, &settings.destinations), data)
}

/// Writes it into the data folder, under a name of its own.
pub(crate) fn write(data: &Path, text: &str) -> Result<PathBuf> {
    let folder = data.join("diagnostics");
    fs::create_dir_all(&folder).with_context(|| format!("make the folder {}", folder.display()))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let path = folder.join(format!("footlight-diagnostics-{now}.json"));
    fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
    let mut files: Vec<PathBuf> =
        fs::read_dir(&folder)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    for old in files.iter().rev().skip(KEPT) {
        fs::remove_file(old).with_context(|| format!("remove {}", old.display()))?;
    }
    Ok(path)
}

/// How one of the places does where the broadcast goes, without which place it is.
fn destination(known: &DestinationStatus) -> Value {
    json!({
        "platform": known.destination.platform,
        "fixed": known.fixed,
        "enabled": known.destination.enabled,
        "state": known.state.name(),
        "kbps": known.kbps,
    })
}

/// What kind of source was picked; a file's path, or a device's id, says more than helps.
fn kind(id: &str) -> &str {
    match id {
        "" | "pattern" | "tone" | "none" => id,
        id if id.starts_with("file:") => "file",
        _ => "device",
    }
}

/// How many layers each has; what they say is the creator's own.
fn scenes(scenes: &Scenes) -> Value {
    let layers: Vec<usize> = scenes.scenes.iter().map(|scene| scene.layers.len()).collect();
    json!({ "layers": layers, "shown": scenes.current, "studio_mode": scenes.program.is_some() })
}

fn computer(webview: Option<&str>) -> Value {
    let said = |name: &str| std::env::var(name).ok().filter(|value| value.len() < 100);
    let first = |path: &str| fs::read_to_string(path).ok();
    let system = first("/etc/os-release").and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?.to_owned();
        Some(line.trim_matches('"').to_owned())
    });
    json!({
        "os": std::env::consts::OS,
        "arch": std::env::consts::ARCH,
        "system": system,
        "kernel": first("/proc/sys/kernel/osrelease").map(|text| text.trim().to_owned()),
        "cores": std::thread::available_parallelism().map(usize::from).ok(),
        "session": said("XDG_SESSION_TYPE"),
        "desktop": said("XDG_CURRENT_DESKTOP"),
        "webview": webview,
    })
}

/// Takes out every key and token that this studio knows, and where its broadcasts go.
fn without(text: String, secrets: &Secrets, destinations: &[Destination]) -> String {
    let keys = secrets.destinations.values().map(Key::reveal);
    let keys = [secrets.stream_key.reveal(), secrets.owner_token.reveal()].into_iter().chain(keys);
    let places = destinations.iter().flat_map(|destination| {
        let host = Address::parse(&destination.url).map(|address| address.host).ok();
        [Some(destination.url.as_str()), host, Some(destination.name.as_str())]
    });
    keys.chain(places.flatten()).fold(text, |text, secret| taken_out(&text, secret))
}

/// Without this, as it is and as JSON writes it.
fn taken_out(text: &str, secret: &str) -> String {
    let mut text = text.to_owned();
    for form in [secret, &quoted(secret)] {
        if form.len() >= LEAST {
            text = text.replace(form, TAKEN_OUT);
        }
    }
    text
}

/// Names folders of the person by what they are.
fn without_places(text: &str, data: &Path) -> String {
    let home = std::env::var("HOME").or_else(|_| std::env::var("USERPROFILE")).unwrap_or_default();
    let mut text = text.to_owned();
    for (place, name) in [(data.display().to_string(), "(data folder)"), (home, "~")] {
        let place = quoted(&place);
        if place.len() > 1 {
            text = text.replace(&place, name);
        }
    }
    text
}

/// As it stands within a text of JSON.
fn quoted(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap_or_default();
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use footlight_protocol::destination::DestinationState;
    use footlight_protocol::scene::{Colour, Layer, Place, Source};
    use footlight_relay::Secret;

    use super::*;

    #[test]
    fn no_secret_is_in_the_file() {
        let (stream, owner, far) = ("stream-key-4711", "owner-token-0815", "live_1?a=\\b\"c\"");
        let id: footlight_protocol::DestinationId = "d1".parse().unwrap();
        let secrets = Secrets {
            stream_key: Secret::new(stream),
            owner_token: Secret::new(owner),
            given: false,
            destinations: [(id.clone(), Key::new(far).unwrap())].into(),
        };
        let toml = "[[destinations]]\nid = \"d1\"\nname = \"My secret name\"\nurl = \"rtmp://private.example/app\"\n";
        let mut settings: File = toml::from_str(toml).unwrap();
        settings.camera = "file:/home/ada/private.mp4".into();
        let destination: Destination = settings.destinations[0].clone();
        let mut snapshot = Snapshot { camera: settings.camera.clone(), ..Snapshot::default() };
        snapshot.destinations = vec![DestinationStatus {
            destination,
            fixed: false,
            has_key: true,
            state: DestinationState::Off,
            kbps: 0,
        }];
        let words =
            Source::Text { text: "what the creator says".into(), colour: Colour([0; 3]), ground: None };
        let place = Place { x: 0.0, y: 0.0, width: 1.0, height: 1.0 };
        snapshot.scenes.scenes[0].layers.push(Layer::new(words, place));
        // What must never be logged, logged all the same.
        let log: Vec<String> = [
            stream,
            owner,
            far,
            "rtmp://private.example/app",
            "no such host private.example",
            "/data/of/ada/relay.db is busy",
        ]
        .iter()
        .map(|word| format!("ERROR something said {word} here"))
        .collect();
        let facts = Facts {
            settings: &settings,
            snapshot: &snapshot,
            encoder: Some(0.25),
            safe: false,
            log: &log,
            webview: Some("2.0".into()),
        };
        let text = text(&facts, &secrets, Path::new("/data/of/ada"));
        for secret in [
            stream,
            owner,
            far,
            &quoted(far),
            "live_1",
            "private.example",
            "My secret name",
            "/home/ada",
            "/data/of/ada",
            "what the creator says",
        ] {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["sources"]["camera"]["kind"], "file");
        assert_eq!(value["broadcast"]["encoder_load_tried_out"], 0.25);
        assert_eq!(value["log"][0], "ERROR something said (taken out) here");
        assert_eq!(value["log"][5], "ERROR something said (data folder)/relay.db is busy here");
        assert_eq!(value["footlight"]["version"], env!("CARGO_PKG_VERSION"));
    }

    #[test]
    fn only_the_last_files_are_kept() {
        let data = std::env::temp_dir().join(format!("footlight-diagnostics-{}", std::process::id()));
        let folder = data.join("diagnostics");
        fs::create_dir_all(&folder).unwrap();
        for n in 0..KEPT + 3 {
            fs::write(folder.join(format!("footlight-diagnostics-{n:013}.json")), "old").unwrap();
        }
        let path = write(&data, "new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), KEPT);
        fs::remove_dir_all(data).unwrap();
    }
}
