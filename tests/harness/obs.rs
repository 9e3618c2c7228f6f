//! OBS Studio, as Debian has it, on a private screen: streams a clip to a server with a key.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::output::Output;
use crate::process::Process;
use crate::scratch::Scratch;
use crate::screen::Screen;
use crate::studio::private_home;
use crate::{clip, tool};

/// What OBS calls the profile, the scene collection and the scene of the tests.
const NAME: &str = "Story";

#[derive(Debug)]
pub struct Obs {
    pub process: Process,
    screen: Screen,
    _home: Scratch,
}

/// What it shows and how it encodes that.
#[derive(Debug, Clone)]
pub struct Show<'a> {
    /// Played over and over.
    pub clip: &'a Path,
    /// Texts over it, each with the pixels of its upper left corner, and how high its letters are.
    pub texts: &'a [(&'a str, (u32, u32), u32)],
    /// A picture over it, with the pixels of its upper left corner, and how much of its size it has.
    pub picture: Option<(&'a Path, (u32, u32), f64)>,
    pub size: (u32, u32),
    pub fps: u32,
    pub kbps: u32,
    /// Of libx264.
    pub preset: &'a str,
}

impl<'a> Show<'a> {
    /// The clip alone, as it is.
    pub fn clip(clip: &'a Path) -> Self {
        let (size, fps) = ((clip::WIDTH, clip::HEIGHT), clip::FPS);
        Self { clip, texts: &[], picture: None, size, fps, kbps: 1500, preset: "ultrafast" }
    }
}

impl Obs {
    /// Starts it and begins to stream.
    pub async fn stream(show: &Show<'_>, server: &str, key: &str, output: &Output) -> Self {
        let screen = Screen::start(output).await;
        let home = Scratch::new("obs");
        settle(&home.folder("config").join("obs-studio"), show, server, key);
        let mut command = Command::new(tool::find("obs", "obs-studio"));
        command
            .args(["--multi", "--profile", NAME, "--collection", NAME, "--scene", NAME])
            .args(["--startstreaming", "--minimize-to-tray"])
            .envs(private_home(&home))
            .env("DISPLAY", screen.display())
            .env("QT_QPA_PLATFORM", "xcb")
            .env("LIBGL_ALWAYS_SOFTWARE", "1")
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("PULSE_SERVER");
        let process = Process::start("obs", &mut command, output);
        Self { process, screen, _home: home }
    }

    /// What a person would see, for a failure that the log does not explain.
    pub async fn screenshot(&self, output: &Output) {
        self.screen.screenshot(output, "obs").await;
    }
}

/// Writes a profile and a scene, so that OBS asks nothing at its first start.
fn settle(folder: &Path, show: &Show<'_>, server: &str, key: &str) {
    let write = |name: String, text: String| {
        let path = folder.join(name);
        let parent = path.parent().expect("it lies in the folder");
        std::fs::create_dir_all(parent).unwrap_or_else(|e| panic!("create {}: {e}", parent.display()));
        std::fs::write(&path, text).unwrap_or_else(|e| panic!("write {}: {e}", path.display()));
    };
    write(
        "global.ini".into(),
        format!(
            "[General]\nFirstRun=true\nInfoIncrement=99\nEnableAutoUpdates=false\n\n[Basic]\nProfile={NAME}\n\
             ProfileDir={NAME}\nSceneCollection={NAME}\nSceneCollectionFile={NAME}\nConfigOnNewProfile=false\n\n\
             [BasicWindow]\nSysTrayEnabled=true\nSysTrayWhenStarted=true\n"
        ),
    );
    let Show { size: (width, height), fps, kbps, preset, .. } = show;
    write(
        format!("basic/profiles/{NAME}/basic.ini"),
        format!(
            "[General]\nName={NAME}\n\n[Video]\nBaseCX={width}\nBaseCY={height}\nOutputCX={width}\n\
             OutputCY={height}\nFPSType=1\nFPSInt={fps}\n\n[Output]\nMode=Simple\nReconnect=true\n\n\
             [SimpleOutput]\nVBitrate={kbps}\nABitrate=128\nStreamEncoder=x264\nUseAdvanced=true\n\
             Preset={preset}\nx264Settings=tune=zerolatency keyint={fps}\n\n[Audio]\nSampleRate=48000\n\
             ChannelSetup=Stereo\n"
        ),
    );
    let service =
        json!({"type": "rtmp_custom", "settings": {"server": server, "key": key, "use_auth": false}});
    write(format!("basic/profiles/{NAME}/service.json"), service.to_string());
    write(format!("basic/scenes/{NAME}.json"), collection(show).to_string());
}

/// The scene collection, from the back to the front.
fn collection(show: &Show<'_>) -> Value {
    let (mut sources, mut items) = (Vec::new(), Vec::new());
    let mut add = |kind: &str, settings: Value, (x, y): (u32, u32), scale: f64| {
        let (id, name) = (items.len() + 1, format!("layer {}", items.len()));
        sources.push(json!({
            "id": kind, "versioned_id": kind, "name": name, "enabled": true, "mixers": 255, "volume": 1.0,
            "settings": settings,
        }));
        items.push(json!({
            "name": name, "id": id, "visible": true, "align": 5, "bounds_type": 0, "rot": 0.0,
            "pos": {"x": x, "y": y}, "scale": {"x": scale, "y": scale},
        }));
    };
    let clip = json!({
        "local_file": show.clip, "is_local_file": true, "looping": true, "restart_on_activate": true,
        "hw_decode": false,
    });
    add("ffmpeg_source", clip, (0, 0), 1.0);
    for (text, at, high) in show.texts {
        add(
            "text_ft2_source_v2",
            json!({"text": text, "font": {"face": "Noto Sans CJK SC", "size": high}}),
            *at,
            1.0,
        );
    }
    if let Some((file, at, scale)) = show.picture {
        add("image_source", json!({"file": file}), at, scale);
    }
    sources.push(json!({
        "id": "scene", "versioned_id": "scene", "name": NAME, "enabled": true,
        "settings": {"id_counter": items.len(), "custom_size": false, "items": items},
    }));
    json!({
        "name": NAME, "current_scene": NAME, "current_program_scene": NAME, "scene_order": [{"name": NAME}],
        "sources": sources, "current_transition": "Cut", "transition_duration": 300,
    })
}
