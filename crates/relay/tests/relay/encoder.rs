//! An encoder or player of the tests that speaks RTMP over a real socket.

use std::time::Duration;

use footlight_media::flv::{TagKind, body};
use footlight_media::rtmp::{Client, ClientEvent, Purpose};
use footlight_media::{Codec, Packet};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::stage::{PATIENCE, Stage};

pub(crate) struct Encoder {
    stream: TcpStream,
    client: Client,
    input: Vec<u8>,
}

impl Encoder {
    /// Connects and asks; what comes of it is in [`Encoder::event`].
    pub(crate) async fn call(stage: &Stage, purpose: Purpose, name: &str) -> Self {
        Self::call_app(stage, purpose, "live", name).await
    }

    pub(crate) async fn call_app(stage: &Stage, purpose: Purpose, app: &str, name: &str) -> Self {
        let url = stage.ready.rtmp.as_ref().unwrap();
        let stream = TcpStream::connect(address(stage)).await.unwrap();
        Self { stream, client: Client::new(purpose, url, app, name, &[7]), input: Vec::new() }
    }

    /// Publishes with the right key.
    pub(crate) async fn publish(stage: &Stage) -> Self {
        let mut encoder = Self::call(stage, Purpose::Publish, &stage.key()).await;
        assert_eq!(encoder.event().await, Some(ClientEvent::Ready));
        encoder
    }

    /// What the relay says next; `None` when it has closed.
    pub(crate) async fn event(&mut self) -> Option<ClientEvent> {
        loop {
            let mut rest = &self.input[..];
            let event = self.client.read(&mut rest).unwrap();
            let taken = self.input.len() - rest.len();
            self.input.drain(..taken);
            self.flush().await;
            if event.is_some() {
                return event;
            }
            let read = tokio::time::timeout(PATIENCE, self.stream.read_buf(&mut self.input));
            if read.await.expect("an answer in time").unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    pub(crate) async fn body(&mut self, kind: TagKind, timestamp: u32, body: Vec<u8>) {
        self.client.send(kind, timestamp, body.into());
        self.flush().await;
    }

    pub(crate) async fn config(&mut self, codec: Codec, record: &[u8]) {
        self.body(tag(codec), 0, body::write_config(codec, record)).await;
    }

    pub(crate) async fn frame(&mut self, packet: &Packet, timestamp: u32) {
        let composition = packet.composition.as_millis() as i32;
        let body = body::write_frame(packet.codec, packet.keyframe, composition, &packet.data);
        self.body(tag(packet.codec), timestamp, body).await;
    }

    /// Says goodbye, as an encoder does that is stopped.
    pub(crate) async fn finish(mut self) {
        self.client.finish();
        self.flush().await;
        while self.event().await.is_some() {}
    }

    async fn flush(&mut self) {
        // One that was cut notices when it reads.
        let _ = self.stream.write_all(&self.client.take_output()).await;
    }
}

pub(crate) fn address(stage: &Stage) -> String {
    let url = stage.ready.rtmp.as_ref().unwrap();
    url.strip_prefix("rtmp://").and_then(|rest| rest.strip_suffix("/live")).unwrap().to_owned()
}

fn tag(codec: Codec) -> TagKind {
    if codec.is_video() { TagKind::Video } else { TagKind::Audio }
}

/// AVCDecoderConfigurationRecord of the tests' pictures, which also carry their parameter sets themselves.
pub(crate) fn avc_record() -> Vec<u8> {
    let mut record = vec![1, 0x42, 0xc0, 0x1e, 0xff];
    for (count, set) in [(0xe1, crate::peer::SPS), (1, crate::peer::PPS)] {
        record.extend_from_slice(&[count, 0, set.len() as u8]);
        record.extend_from_slice(set);
    }
    record
}

/// 20 ms, 100 times a second, as fast as a busy machine allows.
pub(crate) fn pace() -> tokio::time::Interval {
    tokio::time::interval(Duration::from_millis(10))
}
