//! A real Chromium without a window, driven through chromedriver.
//!
//! Every page gets the instruments of `instruments.js` before its own scripts run, so that what the page
//! plays can be measured from its pixels and its connections.

use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::{Value, json};

use crate::net::{Door, Space};
use crate::output::Output;
use crate::process::{Process, family_cpu_seconds};
use crate::scratch::Scratch;
use crate::tool;
use crate::webdriver::Session;

/// How a viewer's browser is set up.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Sound plays without a click. Off is what people have.
    pub sound_unasked: bool,
    /// `navigator.language`.
    pub language: &'static str,
    pub dark: bool,
    /// Width and height of a phone's page, in CSS pixels.
    pub phone: Option<(u32, u32)>,
    /// The system asks for little motion.
    pub reduced_motion: bool,
    /// Draws as fast as it can instead of 60 times a second.
    pub unpaced: bool,
    /// Run in every page before its own scripts, after the instruments.
    pub script: Option<&'static str>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            sound_unasked: false,
            language: "en",
            dark: false,
            phone: None,
            reduced_motion: false,
            unpaced: false,
            script: None,
        }
    }
}

#[derive(Debug)]
pub struct Browser {
    pub page: Session,
    name: String,
    chromium: Option<Pid>,
    _driver: Process,
    _door: Option<Door>,
    _profile: Scratch,
}

impl Browser {
    pub async fn start(name: &str, setup: Setup, output: &Output) -> Self {
        Self::start_in(None, name, setup, output).await
    }

    /// On the machine of a test's network, or on this one.
    pub async fn start_in(space: Option<&Space>, name: &str, setup: Setup, output: &Output) -> Self {
        let profile = Scratch::new("chromium");
        let mut command = Command::new(tool::find("chromedriver", "chromium-driver"));
        command.arg("--port=0");
        if let Some(space) = space {
            command = space.inside(&command);
        }
        let mut driver = Process::start(&format!("{name}-chromedriver"), &mut command, output);
        let port: u16 = driver
            .line("chromedriver's port", Duration::from_secs(30), |line| {
                line.strip_prefix("ChromeDriver was started successfully on port ")?
                    .trim_end_matches('.')
                    .parse()
                    .ok()
            })
            .await;
        let capabilities = json!({
            "browserName": "chrome",
            "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": {
                "binary": tool::find("chromium", "chromium"),
                "args": arguments(&setup, &profile),
            },
        });
        let capabilities = capabilities.as_object().expect("written as an object").clone();
        let door = space.map(|space| space.door(port));
        let port = door.as_ref().map_or(port, Door::port);
        let page = Session::open(&format!("http://127.0.0.1:{port}"), capabilities).await;
        let process = page.capability("goog:processID").and_then(|id| Pid::from_raw(id.as_i64()? as i32));
        let browser = Self {
            page,
            name: name.to_owned(),
            chromium: process,
            _driver: driver,
            _door: door,
            _profile: profile,
        };
        browser.prepare(&setup).await;
        browser
    }

    async fn prepare(&self, setup: &Setup) {
        let instruments = include_str!("instruments.js");
        self.cdp("Page.addScriptToEvaluateOnNewDocument", json!({ "source": instruments })).await;
        if let Some(script) = setup.script {
            self.cdp("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script })).await;
        }
        let wishes = [
            (setup.dark, "prefers-color-scheme", "dark"),
            (setup.reduced_motion, "prefers-reduced-motion", "reduce"),
        ];
        let features: Vec<Value> = wishes
            .into_iter()
            .filter(|(wished, ..)| *wished)
            .map(|(_, name, value)| json!({ "name": name, "value": value }))
            .collect();
        if !features.is_empty() {
            self.cdp("Emulation.setEmulatedMedia", json!({ "features": features })).await;
        }
        if let Some((width, height)) = setup.phone {
            let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 2, "mobile": true });
            self.cdp("Emulation.setDeviceMetricsOverride", metrics).await;
            self.cdp("Emulation.setTouchEmulationEnabled", json!({ "enabled": true })).await;
        }
    }

    /// A command of the Chrome DevTools protocol.
    pub async fn cdp(&self, method: &str, parameters: Value) -> Value {
        self.page.post("goog/cdp/execute", json!({ "cmd": method, "params": parameters })).await
    }

    /// What the page wrote to the console since the last call, kept in the output folder.
    pub async fn console(&self, output: &Output) -> Vec<String> {
        let entries = self.page.post("se/log", json!({ "type": "browser" })).await;
        let line = |entry: &Value| format!("{} {}", entry["level"].as_str().unwrap_or("?"), entry["message"]);
        let lines: Vec<_> = entries.as_array().into_iter().flatten().map(line).collect();
        output.write(&format!("{}-console.log", self.name), lines.join("\n"));
        lines
    }

    /// CPU time used so far by all of the browser's processes, in seconds.
    pub fn cpu_seconds(&self) -> f64 {
        self.chromium.map_or(f64::NAN, |root| family_cpu_seconds(root.as_raw_nonzero().get()))
    }

    /// What a story leaves when it ends well: the page's picture and its console.
    pub async fn screenshot_and_console(&self, output: &Output) {
        self.page.screenshot(output, &self.name).await;
        self.console(output).await;
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // chromedriver puts Chromium into a group of its own, out of reach of its own group's end.
        if let Some(id) = self.chromium
            && kill_process_group(id, Signal::KILL).is_err()
        {
            // Not the leader of a group in this version: then its death takes its children along.
            let _ = kill_process(id, Signal::KILL);
        }
    }
}

fn arguments(setup: &Setup, profile: &Scratch) -> Vec<String> {
    let mut arguments: Vec<String> = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-background-networking",
        "--disable-background-timer-throttling",
        "--disable-component-update",
        "--disable-dev-shm-usage",
        "--disable-sync",
        "--no-default-browser-check",
        "--no-first-run",
        "--window-size=1280,900",
    ]
    .map(str::to_owned)
    .into();
    arguments.push(format!("--user-data-dir={}", profile.path().display()));
    arguments.push(format!("--accept-lang={}", setup.language));
    arguments.push(format!("--lang={}", setup.language));
    if setup.unpaced {
        arguments.extend(["--disable-frame-rate-limit", "--disable-gpu-vsync"].map(str::to_owned));
    }
    if setup.sound_unasked {
        arguments.push("--autoplay-policy=no-user-gesture-required".to_owned());
    }
    arguments
}
