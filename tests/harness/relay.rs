//! The relay alone: `footlight-relay --json`.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::bins;
use crate::net::Space;
use crate::output::Output;
use crate::process::Process;

/// Where a relay can be reached, and its secrets where this start made them.
#[derive(Debug, Clone, Deserialize)]
pub struct Ready {
    #[serde(default)]
    pub http: String,
    #[serde(default)]
    pub watch: String,
    pub udp: Option<u16>,
    /// What an encoder takes as its server.
    pub rtmp: Option<String>,
    #[serde(default)]
    pub room: String,
    pub stream_key: Option<String>,
    pub owner_token: Option<String>,
}

impl Ready {
    pub(crate) fn of(event: Value) -> Self {
        serde_json::from_value(event.clone())
            .unwrap_or_else(|e| panic!("`ready` is not as promised ({e}): {event}"))
    }

    /// `ADDRESS:PORT`.
    pub fn address(&self) -> &str {
        self.http.strip_prefix("http://").unwrap_or(&self.http)
    }

    pub fn key(&self) -> &str {
        self.stream_key.as_deref().expect("the first start shows the stream key")
    }

    pub fn token(&self) -> &str {
        self.owner_token.as_deref().expect("the first start shows the owner token")
    }
}

#[derive(Debug)]
pub struct Relay {
    pub process: Process,
    pub ready: Ready,
}

impl Relay {
    /// Where its main room takes WHIP, as `--to` has it.
    pub fn whip(&self) -> String {
        format!("whip+{}/whip/main", self.ready.http)
    }

    /// `listen` as the flag takes it: `127.0.0.1:0` picks a port.
    pub async fn start(name: &str, listen: &str, data: &Path, output: &Output) -> Self {
        Self::start_with(name, listen, data, &[], output).await
    }

    /// With more in its environment.
    pub async fn start_with(
        name: &str,
        listen: &str,
        data: &Path,
        environment: &[(&str, &str)],
        output: &Output,
    ) -> Self {
        let mut command = bins::command(bins::footlight_relay());
        command
            .args(["--json", "--listen", listen])
            .arg("--data")
            .arg(data)
            .envs(environment.iter().copied());
        Self::run(name, &mut command, output).await
    }

    /// On the machine of a test's network, with more flags and more in its environment.
    pub async fn start_in(
        space: &Space,
        name: &str,
        listen: &str,
        data: &Path,
        flags: &[&str],
        environment: &[(&str, &str)],
        output: &Output,
    ) -> Self {
        let mut command = bins::command(bins::footlight_relay());
        command
            .args(["--json", "--listen", listen])
            .arg("--data")
            .arg(data)
            .args(flags)
            .envs(environment.iter().copied());
        Self::run(name, &mut space.inside(&command), output).await
    }

    async fn run(name: &str, command: &mut Command, output: &Output) -> Self {
        let mut process = Process::start(name, command, output);
        let ready = Ready::of(process.event("ready", Duration::from_secs(20)).await);
        Self { process, ready }
    }
}

/// A port that is free now. Another program could take it before it is used; nothing else in a test's
/// loopback does.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}
