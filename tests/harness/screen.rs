//! A private X server without a screen.

use std::process::Command;
use std::time::Duration;

use x11rb::connection::Connection as _;
use x11rb::errors::ReplyError;
use x11rb::protocol::randr::{ConnectionExt as _, ModeInfo, Rotation};
use x11rb::protocol::xproto::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;

use crate::output::Output;
use crate::process::Process;
use crate::tool;

#[derive(Debug)]
pub struct Screen {
    display: String,
    server: Process,
}

impl Screen {
    pub async fn start(output: &Output) -> Self {
        let mut command = Command::new(tool::find("Xvfb", "xvfb"));
        command.args(["-displayfd", "1", "-screen", "0", "1440x1000x24", "-nolisten", "tcp"]);
        let mut server = Process::start("xvfb", &mut command, output);
        let number: u32 = server
            .line("its display's number", Duration::from_secs(20), |line| line.trim().parse().ok())
            .await;
        Self { display: format!(":{number}"), server }
    }

    /// For the environment: `DISPLAY`.
    pub fn display(&self) -> &str {
        &self.display
    }

    /// The whole screen, kept as `name`.png: what a person would see, frame and menus included.
    pub async fn screenshot(&self, output: &Output, name: &str) {
        let mut command = Command::new(tool::find("ffmpeg", "ffmpeg"));
        command.args(["-loglevel", "error", "-f", "x11grab", "-i", &self.display, "-frames:v", "1", "-y"]);
        let mut grab = Process::start("x11grab", command.arg(output.file(&format!("{name}.png"))), output);
        assert_eq!(grab.exit_code(Duration::from_secs(20)).await, 0, "{}", grab.stderr());
    }

    /// What the X server calls its monitor.
    pub fn monitor(&self) -> String {
        self.ask(|to, root| {
            let monitors = to.randr_get_monitors(root, true)?.reply()?.monitors;
            let name = to.get_atom_name(monitors[0].name)?.reply()?.name;
            Ok(String::from_utf8_lossy(&name).into_owned())
        })
    }

    /// As when another resolution is chosen for the monitor: no larger than it began with.
    pub fn resize(&self, width: u16, height: u16) {
        self.ask(|to, root| {
            let now = to.randr_get_screen_resources(root)?.reply()?;
            let (crtc, output) = (now.crtcs[0], now.outputs[0]);
            let name = format!("{width}x{height} once more");
            let (htotal, vtotal, name_len) = (width + 16, height + 16, name.len() as u16);
            let dot_clock = u32::from(htotal) * u32::from(vtotal) * 60;
            let info = ModeInfo { width, height, dot_clock, htotal, vtotal, name_len, ..ModeInfo::default() };
            let known = now.modes.iter().find(|mode| (mode.width, mode.height) == (width, height));
            let mode = match known {
                Some(mode) => mode.id,
                None => {
                    let mode = to.randr_create_mode(root, info, name.as_bytes())?.reply()?.mode;
                    to.randr_add_output_mode(output, mode)?.check()?;
                    mode
                }
            };
            let set = |mode: u32, outputs: &[u32]| {
                let turned = Rotation::ROTATE0;
                let now = x11rb::CURRENT_TIME;
                to.randr_set_crtc_config(crtc, now, now, 0, 0, mode, turned, outputs)?.reply()
            };
            // The screen has to hold the monitor at any time.
            set(x11rb::NONE, &[])?;
            to.randr_set_screen_size(root, width, height, u32::from(width) / 4, u32::from(height) / 4)?
                .check()?;
            set(mode, &[output])?;
            Ok(())
        });
    }

    fn ask<T>(&self, what: impl Fn(&RustConnection, u32) -> Result<T, ReplyError>) -> T {
        let (to, number) = x11rb::connect(Some(&self.display)).expect("the X server runs");
        let root = to.setup().roots[number].root;
        what(&to, root).expect("the X server does what it is asked for")
    }

    pub fn is_running(&mut self) -> bool {
        !self.server.ended()
    }
}
