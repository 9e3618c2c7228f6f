//! A small RTMP server: takes one publisher a connection with the right key, notes what comes, and misbehaves when told to.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use footlight_media::Codec;
use footlight_media::amf0::Value;
use footlight_media::flv::Unpacker;
use footlight_media::rtmp::{Refusal, Server as Protocol, ServerEvent};
use footlight_protocol::destination::{Destination, Platform};
use footlight_studio::{Outlet, Secret, Target};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

pub(crate) const KEY: &str = "live_1?secret=2";
/// What the system keeps for a reader that does not read. Small, so that it is felt soon.
const RECEIVE: usize = 16 << 10;

/// One access unit that arrived.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Unit {
    pub(crate) connection: usize,
    pub(crate) codec: Codec,
    pub(crate) timestamp: u32,
    pub(crate) keyframe: bool,
}

/// What happened, and what is to be done.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) units: Mutex<Vec<Unit>>,
    pub(crate) metadata: Mutex<Vec<(String, Value)>>,
    pub(crate) connections: AtomicUsize,
    pub(crate) goodbyes: AtomicUsize,
    /// Reads nothing while set.
    pub(crate) stalls: AtomicBool,
    /// Closes the connection right behind the key.
    pub(crate) hangs_up: AtomicBool,
    pub(crate) cut: Notify,
}

impl Seen {
    pub(crate) fn units(&self, codec: Codec) -> Vec<Unit> {
        let units = self.units.lock().expect("a lock");
        units.iter().filter(|unit| unit.codec == codec).cloned().collect()
    }

    pub(crate) fn count(&self, codec: Codec) -> usize {
        self.units(codec).len()
    }

    pub(crate) fn number(&self, name: &str) -> Option<f64> {
        let metadata = self.metadata.lock().expect("a lock");
        metadata.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.as_number())
    }
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Seen>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    pub(crate) async fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.expect("loopback has a port");
        socket2::SockRef::from(&listener).set_recv_buffer_size(RECEIVE).expect("a small buffer");
        let address = listener.local_addr().expect("it is bound");
        let seen = Arc::new(Seen::default());
        let noted = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.expect("accepts");
                let number = noted.connections.fetch_add(1, Ordering::SeqCst);
                connections.spawn(serve(stream, number, Arc::clone(&noted)));
            }
        });
        Self { address, seen, task }
    }

    fn target(&self, key: &str) -> Target {
        Target::Rtmp { url: format!("rtmp://{}/live", self.address), key: Secret::new(key) }
    }

    pub(crate) fn home(&self, key: &str) -> Outlet {
        Outlet::home(0, "server", self.target(key))
    }

    /// One that follows.
    pub(crate) fn outlet(&self, id: &str, key: &str) -> Outlet {
        let destination = Destination {
            id: id.parse().expect("an id"),
            platform: Platform::Other,
            name: id.to_owned(),
            url: format!("rtmp://{}/live", self.address),
            enabled: true,
        };
        Outlet { destination, home: false, target: Some(self.target(key)) }
    }
}

async fn serve(mut stream: TcpStream, number: usize, seen: Arc<Seen>) {
    let mut protocol = Protocol::new(&[number as u8 + 1; 32], "live");
    let mut unpacker = Unpacker::default();
    let mut input = vec![0; 16 << 10];
    loop {
        while seen.stalls.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let count = tokio::select! {
            () = seen.cut.notified() => return,
            count = stream.read(&mut input) => count.unwrap_or(0),
        };
        if count == 0 {
            return;
        }
        let mut rest = &input[..count];
        while let Some(event) = protocol.read(&mut rest).expect("our client speaks RTMP") {
            let (timestamp, unit) = match event {
                ServerEvent::Publish { .. } if seen.hangs_up.load(Ordering::SeqCst) => return,
                ServerEvent::Publish { name } => {
                    // The name comes without what some hang on to it.
                    if KEY.starts_with(&name) && !name.is_empty() {
                        protocol.accept();
                    } else {
                        protocol.refuse(Refusal::Publish, "wrong key");
                    }
                    continue;
                }
                ServerEvent::Metadata(members) => {
                    *seen.metadata.lock().expect("a lock") = members;
                    continue;
                }
                ServerEvent::Video { timestamp, body } => (timestamp, unpacker.video(&body)),
                ServerEvent::Audio { timestamp, body } => (timestamp, unpacker.audio(&body)),
                ServerEvent::Finished => {
                    seen.goodbyes.fetch_add(1, Ordering::SeqCst);
                    continue;
                }
                ServerEvent::Play { .. } => continue,
            };
            if let Some(unit) = unit.expect("what we send can be read") {
                let (codec, keyframe) = (unit.codec, unit.keyframe);
                let unit = Unit { connection: number, codec, timestamp, keyframe };
                seen.units.lock().expect("a lock").push(unit);
            }
        }
        if stream.write_all(&protocol.take_output()).await.is_err() {
            return;
        }
    }
}
