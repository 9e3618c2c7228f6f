//! A real NATS server with JetStream for tests, from Debian's package.

use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use footlight_relay::Secret;

use crate::stage::Folder;

/// Ends with the test.
pub(crate) struct Broker {
    folder: Folder,
    port: u16,
    server: Option<Child>,
}

impl Broker {
    pub(crate) fn start() -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut broker = Self { folder: Folder::new(), port, server: None };
        broker.again();
        broker
    }

    pub(crate) fn url(&self) -> Secret {
        Secret::new(format!("nats://127.0.0.1:{}", self.port))
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
        command.arg("--port").arg(self.port.to_string()).arg("--store_dir").arg(&self.folder.0);
        let server = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.server = Some(server.expect("the Debian packages util-linux and nats-server are there"));
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(30), "NATS does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}
