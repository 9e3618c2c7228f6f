//! RTMP and RTMPS: publishes H.264 and AAC to a server by its address and a stream key.
//!
//! One task a connection. It takes packets only while little waits to be written, so that a line that is too narrow
//! fills the lane, where whole pictures are left out, and nothing is ever half sent. A server that takes nothing for ten
//! seconds is gone.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use footlight_media::Error;
use footlight_media::rtmp::{Client, ClientEvent, Purpose};
use footlight_protocol::destination::Address;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::dial::{Stream, dial};
use super::pressure::Pressure;
use super::program::{About, Program, Tag};
use super::{Output, Refusal};
use crate::lane::{Lane, Parcel};

/// From the connection to the leave to publish.
const GREETING: Duration = Duration::from_secs(10);
/// A server that takes nothing for this long is gone.
const STALLED: Duration = Duration::from_secs(10);
/// A goodbye that takes longer is not worth holding up the end of the broadcast.
const GOODBYE: Duration = Duration::from_secs(1);
/// Bytes that may wait to be written when the next packet is taken.
const WAITING: usize = 64 << 10;
/// What is read at a time. Servers say little.
const READ: usize = 4 << 10;
/// How often the queue is looked at.
const GLANCE: Duration = Duration::from_millis(200);

pub(super) struct Session {
    client: Client,
    line: Line,
    program: Program,
    pressure: Pressure,
    lane: Arc<Lane>,
    input: Box<[u8; READ]>,
}

/// A connection's bytes.
struct Line {
    reader: ReadHalf<Box<dyn Stream>>,
    writer: WriteHalf<Box<dyn Stream>>,
    waiting: Bytes,
    /// Something was written that TLS may still hold.
    unflushed: bool,
}

impl Line {
    fn is_busy(&self) -> bool {
        self.unflushed || !self.waiting.is_empty()
    }

    fn put(&mut self, bytes: Vec<u8>) {
        if self.waiting.is_empty() {
            self.waiting = bytes.into();
        } else if !bytes.is_empty() {
            self.waiting = [&self.waiting[..], &bytes].concat().into();
        }
    }

    /// All of it, to the wire.
    async fn drain(&mut self) -> std::io::Result<()> {
        self.writer.write_all_buf(&mut self.waiting).await?;
        self.writer.flush().await
    }
}

/// What happens next on a connection.
enum Next {
    Stop,
    Glance,
    Read(std::io::Result<usize>),
    Wrote(std::io::Result<usize>),
    Packet(Option<Parcel>),
}

impl Session {
    /// Connects, up to the server's leave to publish.
    pub(super) async fn connect(output: &Output, url: &str, key: &str) -> Result<Self, Refusal> {
        let address = Address::parse(url).map_err(|misfit| Refusal::Unreachable(misfit.to_string()))?;
        let (reader, writer) = split(dial(&address).await?);
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(|error| Refusal::Unreachable(error.to_string()))?;
        let server = address.url.trim_end_matches('/');
        let client = Client::new(Purpose::Publish, server, address.path, key, &random);
        let about = About { fps: output.fps, kbps: output.ceiling_kbps };
        let mut session = Self {
            client,
            line: Line { reader, writer, waiting: Bytes::new(), unflushed: false },
            program: Program::new(about),
            pressure: Pressure::new(output.ceiling_kbps, Instant::now()),
            lane: Arc::clone(&output.lane),
            input: Box::new([0; READ]),
        };
        match timeout(GREETING, session.greet()).await {
            Ok(Ok(())) => Ok(session),
            Ok(Err(refusal)) => Err(refusal),
            Err(_) => Err(Refusal::Unreachable("the server did not answer in time".into())),
        }
    }

    async fn greet(&mut self) -> Result<(), Refusal> {
        loop {
            self.line.put(self.client.take_output());
            let broken = match self.line.drain().await {
                Ok(()) => self.line.reader.read(&mut self.input[..]).await,
                Err(error) => Err(error),
            };
            let count = match broken {
                Ok(0) | Err(_) if self.client.has_asked() => return Err(Refusal::HungUp),
                Ok(0) => return Err(Refusal::Unreachable("the server closed the connection".into())),
                Ok(count) => count,
                Err(error) => return Err(Refusal::Unreachable(error.to_string())),
            };
            let mut rest = &self.input[..count];
            while let Some(event) = self.client.read(&mut rest).map_err(nonsense)? {
                match event {
                    ClientEvent::Ready => return Ok(()),
                    ClientEvent::Refused { code, description } => return Err(refusal(&code, &description)),
                    _ => {}
                }
            }
        }
    }

    /// Sends packets until the server is gone or `stop`; says why it ended.
    pub(super) async fn run(
        &mut self,
        packets: &mut mpsc::Receiver<Parcel>,
        stop: &CancellationToken,
    ) -> &'static str {
        let mut glance = tokio::time::interval(GLANCE);
        let mut progress = Instant::now();
        let mut tags = Vec::new();
        loop {
            self.line.put(self.client.take_output());
            let busy = self.line.is_busy();
            let room = self.line.waiting.len() < WAITING;
            let Line { reader, writer, waiting, .. } = &mut self.line;
            let write = async {
                // Nothing is lost where this is dropped before it is ready.
                if waiting.is_empty() {
                    writer.flush().await.map(|()| 0)
                } else {
                    writer.write(waiting).await
                }
            };
            let next = tokio::select! {
                biased;
                () = stop.cancelled() => Next::Stop,
                _ = glance.tick() => Next::Glance,
                read = reader.read(&mut self.input[..]) => Next::Read(read),
                wrote = write, if busy => Next::Wrote(wrote),
                packet = packets.recv(), if room => Next::Packet(packet),
            };
            match next {
                Next::Stop | Next::Packet(None) => return "stopped",
                Next::Packet(Some(parcel)) => {
                    self.program.push(parcel.packet, &mut tags);
                    for tag in tags.drain(..) {
                        match tag {
                            Tag::Metadata(members) => self.client.send_metadata(members),
                            Tag::Media { kind, timestamp, body } => self.client.send(kind, timestamp, body),
                        }
                    }
                }
                Next::Wrote(Ok(count)) => {
                    progress = Instant::now();
                    self.lane.sent(count);
                    self.line.unflushed = count > 0;
                    self.line.waiting.advance(count);
                }
                Next::Read(Ok(0)) => return HUNG_UP,
                Next::Read(Ok(count)) => {
                    let mut rest = &self.input[..count];
                    loop {
                        match self.client.read(&mut rest) {
                            Ok(None) => break,
                            Ok(Some(ClientEvent::Refused { .. } | ClientEvent::Ended)) => return HUNG_UP,
                            Ok(Some(_)) => {}
                            Err(_) => return "the server does not speak RTMP any more",
                        }
                    }
                }
                Next::Read(Err(_)) | Next::Wrote(Err(_)) => return "the connection broke",
                Next::Glance => {
                    if self.line.is_busy() && progress.elapsed() > STALLED {
                        return "the server takes nothing any more";
                    }
                    if !self.line.is_busy() {
                        progress = Instant::now();
                    }
                    let overflowed = self.lane.overflowed.swap(false, Ordering::Relaxed);
                    let kbps = self.pressure.look(packets.len(), overflowed, Instant::now());
                    self.lane.target_kbps.store(kbps, Ordering::Relaxed);
                }
            }
        }
    }

    /// Says goodbye.
    pub(super) async fn close(&mut self) {
        self.client.finish();
        self.line.put(self.client.take_output());
        let goodbye = async {
            self.line.drain().await?;
            self.line.writer.shutdown().await
        };
        // It is over either way.
        drop(timeout(GOODBYE, goodbye).await);
    }
}

/// The other side ended it, not the way there.
pub(super) const HUNG_UP: &str = "the server closed the connection";

fn nonsense(error: Error) -> Refusal {
    Refusal::Unreachable(format!("this is no RTMP: {error}"))
}

/// What a server's "no" means. Its own words stay here: they may repeat the key.
fn refusal(code: &str, description: &str) -> Refusal {
    match code {
        "NetConnection.Connect.InvalidApp" => Refusal::NoApplication,
        "NetStream.Publish.BadName" if description.to_lowercase().contains("already") => Refusal::Status(409),
        _ => Refusal::Key,
    }
}
