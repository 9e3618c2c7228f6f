//! A private X server without a screen.

use std::process::Command;
use std::time::Duration;

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

    pub fn is_running(&mut self) -> bool {
        !self.server.ended()
    }
}
