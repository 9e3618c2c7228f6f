//! The real desktop window, on a private X server, driven by WebKit's own WebDriver.

use std::path::PathBuf;
use std::time::Duration;

use footlight_protocol::studio::{Preferences, RoomAccess};
use serde_json::{Value, json};

use crate::output::Output;
use crate::process::Process;
use crate::scratch::Scratch;
use crate::screen::Screen;
use crate::studio::private_home;
use crate::webdriver::Session;
use crate::{bins, relay, tool, wait};

#[derive(Debug)]
pub struct Window {
    pub page: Session,
    pub screen: Screen,
    _driver: Process,
    scratch: Scratch,
}

/// How it is opened.
#[derive(Debug, Clone)]
pub struct Opening {
    pub camera: String,
    pub microphone: String,
    /// Seconds between Go Live and the air.
    pub countdown: u8,
    /// In which devices are found.
    pub environment: Vec<(String, String)>,
    /// So often it has been started and killed before.
    pub crashes: usize,
}

impl Default for Opening {
    /// The pattern and the tone; Go Live goes live at once.
    fn default() -> Self {
        let (camera, microphone) = ("pattern".to_owned(), "tone".to_owned());
        Self { camera, microphone, countdown: 0, environment: Vec::new(), crashes: 0 }
    }
}

impl Window {
    /// Opens it as usual, not live.
    pub async fn open(output: &Output) -> Self {
        Self::open_with(&Opening::default(), output).await
    }

    pub async fn open_with(opening: &Opening, output: &Output) -> Self {
        let Opening { camera, microphone, countdown, environment, crashes } = opening;
        let scratch = Scratch::new("window");
        let screen = Screen::start(output).await;
        let port = relay::free_port();
        // A bus of its own: without one GTK and WebKit wait for the person's, or start one that stays.
        let inside = || {
            let mut command = bins::command(tool::find("dbus-run-session", "dbus-daemon"));
            command
                .arg("--")
                .envs(private_home(&scratch))
                .envs(environment.iter().cloned())
                // Where the window puts what is downloaded in it.
                .current_dir(output.path())
                .env("DISPLAY", screen.display())
                .env_remove("WAYLAND_DISPLAY")
                .env("GDK_BACKEND", "x11")
                // Tauri lets its webview be automated only when it sees this.
                .env("TAURI_WEBVIEW_AUTOMATION", "true")
                // Without a GPU the DMA-BUF renderer falls back to software GL and misses frames.
                .env("WEBKIT_DISABLE_DMABUF_RENDERER", "1");
            command
        };
        let data = scratch.folder("data");
        let settings = format!("[preferences]\ncountdown = {countdown}\n");
        std::fs::write(data.join("settings.toml"), settings).expect("the data folder takes settings");
        let data = data.display().to_string();
        let arguments =
            ["--camera", camera, "--microphone", microphone, "--listen", "127.0.0.1:0", "--data", &data];
        for _ in 0..*crashes {
            let mut command = inside();
            command.arg(bins::footlight()).args(arguments).arg("--json");
            let mut run = Process::start("crashed", &mut command, output);
            run.event("ready", OPENING).await;
            // All of its group at once, and for good.
            drop(run);
        }
        let mut command = inside();
        command.arg(tool::find("WebKitWebDriver", "webkit2gtk-driver")).arg(format!("--port={port}"));
        let driver = Process::start("window", &mut command, output);
        let options = json!({ "binary": bins::footlight(), "args": arguments });
        let capabilities = json!({ "webkitgtk:browserOptions": options });
        let capabilities = capabilities.as_object().expect("written as an object").clone();
        let page = Session::open(&format!("http://127.0.0.1:{port}"), capabilities).await;
        Self { page, screen, _driver: driver, scratch }
    }

    /// Where it keeps what it keeps.
    pub fn data(&self) -> PathBuf {
        self.scratch.path().join("data")
    }

    /// A command of the shell, called as the page calls it.
    pub async fn invoke(&self, command: &str, arguments: Value) -> Result<Value, String> {
        self.page.run_async(&format!("window.__TAURI__.core.invoke('{command}', {arguments})")).await
    }

    /// The links that the creator would share.
    pub async fn access(&self) -> RoomAccess {
        let access = wait::until("the shell answers", wait::seconds(30), async || {
            self.invoke("room_access", json!({})).await.ok()
        })
        .await;
        serde_json::from_value(access).expect("room_access gives RoomAccess")
    }

    /// Sets language and theme and loads the page anew, as a start with these settings would show it.
    pub async fn prefer(&self, language: &str, theme: &str) {
        let preferences = Preferences {
            language: language.into(),
            theme: theme.into(),
            countdown: 0,
            ..Preferences::default()
        };
        let arguments = json!({ "preferences": preferences });
        self.invoke("set_preferences", arguments).await.unwrap_or_else(|e| panic!("set_preferences: {e}"));
        self.page.reload().await;
    }

    /// Has links wait for a moderator, by the settings that are open, and closes them.
    pub async fn hold_links(&self) {
        let choose = "const s = document.querySelector('#rules-links'); s.value = '1'; \
                      s.dispatchEvent(new Event('change', { bubbles: true })); return true";
        self.page.run(choose).await;
        self.page.click("#rules-save").await;
        wait::until("the rules are saved", wait::seconds(5), async || {
            (self.page.attribute("#rules-save", "disabled").await.is_some()).then_some(())
        })
        .await;
        self.page.click("#settings-close").await;
    }

    /// A fingerprint of the preview's pixels: changes when the picture does.
    pub async fn preview_sum(&self, css: &str) -> f64 {
        let script = format!(
            "const c = document.querySelector('{css}'); \
             const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; \
             let sum = 0; for (let i = 0; i < d.length; i++) sum = (sum * 31 + d[i]) % 4294967296; return sum"
        );
        self.page.run(&script).await.as_f64().unwrap_or(0.0)
    }

    /// The screen as a person sees it, beside the page's own picture.
    pub async fn screenshot(&self, output: &Output, name: &str) {
        self.page.screenshot(output, name).await;
        self.screen.screenshot(output, &format!("{name}-screen")).await;
    }
}

/// How long the window may take from start to a drawn page.
pub const OPENING: Duration = Duration::from_secs(60);
