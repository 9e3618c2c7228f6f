//! A real Firefox-ESR without a window, driven through geckodriver.

use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::output::Output;
use crate::process::Process;
use crate::scratch::Scratch;
use crate::tool;
use crate::webdriver::Session;

#[derive(Debug)]
pub struct Firefox {
    pub page: Session,
    _driver: Process,
    _profile: Scratch,
}

impl Firefox {
    pub async fn start(name: &str, output: &Output) -> Self {
        let profile = Scratch::new("firefox");
        let mut command = Command::new(tool::built("geckodriver"));
        // Its child has to find its own folders, not those of the person who runs the tests.
        command
            .args(["--port", "0", "--websocket-port", "0", "--profile-root"])
            .arg(profile.path())
            .env("HOME", profile.path())
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY");
        let mut driver = Process::start(&format!("{name}-geckodriver"), &mut command, output);
        let port: u16 = driver
            .line("geckodriver's port", Duration::from_secs(30), |line| {
                line.rsplit_once("Listening on 127.0.0.1:")?.1.trim().parse().ok()
            })
            .await;
        let capabilities = json!({
            "browserName": "firefox",
            "moz:firefoxOptions": {
                "binary": tool::find("firefox-esr", "firefox-esr"),
                "args": ["-headless"],
                "prefs": { "media.autoplay.default": 0 },
            },
        });
        let capabilities = capabilities.as_object().expect("written as an object").clone();
        let page = Session::open(&format!("http://127.0.0.1:{port}"), capabilities).await;
        Self { page, _driver: driver, _profile: profile }
    }
}
