//! OBS Studio, as Debian has it, on a private screen: streams a clip to a server with a key.

use std::path::Path;
use std::process::Command;

use serde_json::json;

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

impl Obs {
    /// Starts it and begins to stream `file` over and over.
    pub async fn stream(file: &Path, server: &str, key: &str, output: &Output) -> Self {
        let screen = Screen::start(output).await;
        let home = Scratch::new("obs");
        settle(&home.folder("config").join("obs-studio"), file, server, key);
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
fn settle(folder: &Path, file: &Path, server: &str, key: &str) {
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
    let (width, height, fps) = (clip::WIDTH, clip::HEIGHT, clip::FPS);
    write(
        format!("basic/profiles/{NAME}/basic.ini"),
        format!(
            "[General]\nName={NAME}\n\n[Video]\nBaseCX={width}\nBaseCY={height}\nOutputCX={width}\n\
             OutputCY={height}\nFPSType=1\nFPSInt={fps}\n\n[Output]\nMode=Simple\nReconnect=true\n\n\
             [SimpleOutput]\nVBitrate=1500\nABitrate=128\nStreamEncoder=x264\nUseAdvanced=true\n\
             Preset=ultrafast\nx264Settings=tune=zerolatency keyint={fps}\n\n[Audio]\nSampleRate=48000\n\
             ChannelSetup=Stereo\n"
        ),
    );
    let service =
        json!({"type": "rtmp_custom", "settings": {"server": server, "key": key, "use_auth": false}});
    write(format!("basic/profiles/{NAME}/service.json"), service.to_string());
    let source = json!({
        "id": "ffmpeg_source", "versioned_id": "ffmpeg_source", "name": "clip", "enabled": true, "mixers": 255,
        "volume": 1.0, "settings": {
            "local_file": file, "is_local_file": true, "looping": true, "restart_on_activate": true,
            "hw_decode": false,
        },
    });
    let item = json!({
        "name": "clip", "id": 1, "visible": true, "align": 5, "bounds_type": 0, "rot": 0.0,
        "pos": {"x": 0.0, "y": 0.0}, "scale": {"x": 1.0, "y": 1.0},
    });
    let scene = json!({
        "id": "scene", "versioned_id": "scene", "name": NAME, "enabled": true,
        "settings": {"id_counter": 1, "custom_size": false, "items": [item]},
    });
    let collection = json!({
        "name": NAME, "current_scene": NAME, "current_program_scene": NAME, "scene_order": [{"name": NAME}],
        "sources": [source, scene], "current_transition": "Cut", "transition_duration": 300,
    });
    write(format!("basic/scenes/{NAME}.json"), collection.to_string());
}
