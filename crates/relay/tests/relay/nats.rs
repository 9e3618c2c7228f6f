//! A real NATS server with JetStream for tests, from Debian's package.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use footlight_relay::Secret;

use crate::stage::{Folder, PATIENCE};

/// Ends with the test.
pub(crate) struct Broker {
    folder: Folder,
    port: Option<u16>,
    server: Option<Child>,
}

impl Broker {
    /// On a port that the server finds itself: one that is looked for here could be another's by then.
    pub(crate) fn start() -> Self {
        let mut broker = Self { folder: Folder::new(), port: None, server: None };
        broker.again();
        broker
    }

    pub(crate) fn url(&self) -> Secret {
        Secret::new(format!("nats://127.0.0.1:{}", self.port.unwrap()))
    }

    /// Without a word to anybody.
    pub(crate) fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().unwrap();
            server.wait().unwrap();
        }
    }

    /// As if it had never been there.
    pub(crate) fn forget(&mut self) {
        self.kill();
        std::fs::remove_dir_all(self.folder.0.join("jetstream")).unwrap();
    }

    /// On the same port, with what was kept.
    pub(crate) fn again(&mut self) {
        assert!(self.server.is_none());
        let mut command = Command::new("setpriv");
        // Should the test be killed, the server goes too.
        command.args(["--pdeathsig", "KILL", "nats-server", "--jetstream", "--addr", "127.0.0.1"]);
        command.arg("--port").arg(self.port.map_or("-1".to_owned(), |port| port.to_string()));
        command.arg("--store_dir").arg(&self.folder.0).arg("--ports_file_dir").arg(&self.folder.0);
        let server = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let server = server.expect("the Debian packages util-linux and nats-server are there");
        let told = self.folder.0.join(format!("nats-server_{}.ports", server.id()));
        self.server = Some(server);
        let begun = Instant::now();
        self.port = loop {
            assert!(begun.elapsed() < PATIENCE, "NATS does not start");
            std::thread::sleep(Duration::from_millis(20));
            if let Some(port) = std::fs::read(&told).ok().and_then(|text| port(&text)) {
                break Some(port);
            }
        };
    }
}

/// From what the server writes about where it listens; `None` while it has not written all of it.
fn port(text: &[u8]) -> Option<u16> {
    let ports: serde_json::Value = serde_json::from_slice(text).ok()?;
    ports["nats"][0].as_str()?.rsplit(':').next()?.parse().ok()
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}
