//! The end that calls: publishes one stream, or plays one.

use bytes::Bytes;

use super::handshake::Handshake;
use super::link::{Link, WINDOW};
use super::message::{Command, Control, Meaning, kind, set_data_frame};
use super::server::enhancements;
use crate::Error;
use crate::amf0::Value;
use crate::flv::TagKind;

/// Milliseconds that a player tells the server it buffers.
const BUFFER: u32 = 1000;
/// Enhanced RTMP's `FourCcInfoMask`: everything, as the stream is only carried here.
const CAN_ALL: f64 = 7.0;

/// What is wanted of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Publish,
    Play,
}

/// What the server does.
#[derive(Debug, Clone, PartialEq)]
pub enum ClientEvent {
    /// Publishing or playing begins.
    Ready,
    /// It will not, or no longer, for this reason.
    Refused {
        code: String,
        description: String,
    },
    Metadata(Vec<(String, Value)>),
    /// Bodies as in [`crate::flv::body`], their timestamps in milliseconds.
    Video {
        timestamp: u32,
        body: Bytes,
    },
    Audio {
        timestamp: u32,
        body: Bytes,
    },
    /// What is played is over.
    Ended,
}

/// Transactions, in the order in which they begin.
mod transaction {
    pub(super) const CONNECT: f64 = 1.0;
    pub(super) const RELEASE: f64 = 2.0;
    pub(super) const FC_PUBLISH: f64 = 3.0;
    pub(super) const CREATE: f64 = 4.0;
    pub(super) const BEGIN: f64 = 5.0;
    pub(super) const END: f64 = 6.0;
}

/// One connection. It does not print itself: the name to publish is a key.
pub struct Client {
    link: Link,
    purpose: Purpose,
    app: String,
    url: String,
    name: String,
    greeted: bool,
    /// The stream that the server made.
    stream: Option<u32>,
}

impl Client {
    /// `url` is the server's with the application and without the name, as `rtmp://host:1935/live`; `name` is the
    /// stream's name or the key. `random` is for the handshake.
    pub fn new(purpose: Purpose, url: &str, app: &str, name: &str, random: &[u8]) -> Self {
        let mut out = Vec::new();
        let handshake = Handshake::client(random, &mut out);
        Self {
            link: Link::new(handshake, out),
            purpose,
            app: app.to_owned(),
            url: url.to_owned(),
            name: name.to_owned(),
            greeted: false,
            stream: None,
        }
    }

    /// Bytes for the peer since the last call.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.link.out)
    }

    /// Takes bytes from the front of `input` up to the next event. `None`: all bytes are taken.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<ClientEvent>, Error> {
        loop {
            let read = self.link.read(input)?;
            if !self.greeted && !self.link.is_new() {
                self.greeted = true;
                self.connect();
            }
            let Some((message, meaning)) = read else { return Ok(None) };
            let timestamp = message.timestamp;
            let event = match meaning {
                Meaning::Command(command) => self.command(&command),
                Meaning::Video(body) => Some(ClientEvent::Video { timestamp, body }),
                Meaning::Audio(body) => Some(ClientEvent::Audio { timestamp, body }),
                Meaning::Metadata(members) => Some(ClientEvent::Metadata(members)),
                _ => None,
            };
            if event.is_some() {
                return Ok(event);
            }
        }
    }

    /// Whether the server has been told what is wanted of it, and with it the name or key.
    pub fn has_asked(&self) -> bool {
        self.stream.is_some()
    }

    fn connect(&mut self) {
        let mut members = vec![
            ("app".to_owned(), Value::text(&*self.app)),
            ("type".to_owned(), Value::text("nonprivate")),
            ("flashVer".to_owned(), Value::text("FMLE/3.0 (compatible; Footlight)")),
            ("tcUrl".to_owned(), Value::text(&*self.url)),
        ];
        members.extend(enhancements(CAN_ALL));
        let connect = Command::new("connect", transaction::CONNECT, Value::Object(members), Vec::new());
        self.link.enlarge_chunks();
        self.link.command(0, &connect);
    }

    fn command(&mut self, command: &Command) -> Option<ClientEvent> {
        match &*command.name {
            "_result" if command.transaction == transaction::CONNECT => self.connected(),
            "_result" if command.transaction == transaction::CREATE => {
                let stream = command.number(0).unwrap_or(1.0) as u32;
                self.stream = Some(stream);
                self.begin(stream);
            }
            // The others are courtesies that not every server knows.
            "_error" if [transaction::CONNECT, transaction::CREATE].contains(&command.transaction) => {
                return Some(refused(command.arguments.first().unwrap_or(&command.object)));
            }
            "onStatus" => return self.status(command.arguments.first()?),
            _ => {}
        }
        None
    }

    fn connected(&mut self) {
        self.link.own(kind::WINDOW, &WINDOW.to_be_bytes());
        let name = Value::text(&*self.name);
        if self.purpose == Purpose::Publish {
            for (command, transaction) in
                [("releaseStream", transaction::RELEASE), ("FCPublish", transaction::FC_PUBLISH)]
            {
                self.link.command(0, &Command::new(command, transaction, Value::Null, vec![name.clone()]));
            }
        }
        self.link.command(0, &Command::new("createStream", transaction::CREATE, Value::Null, Vec::new()));
    }

    fn begin(&mut self, stream: u32) {
        let name = Value::text(&*self.name);
        let (command, arguments) = match self.purpose {
            Purpose::Publish => ("publish", vec![name, Value::text("live")]),
            Purpose::Play => ("play", vec![name]),
        };
        self.link.command(stream, &Command::new(command, transaction::BEGIN, Value::Null, arguments));
        if self.purpose == Purpose::Play {
            self.link.control(Control::Buffer { stream, millis: BUFFER });
        }
    }

    fn status(&self, information: &Value) -> Option<ClientEvent> {
        let text = |name| information.get(name).and_then(Value::as_text).unwrap_or_default();
        match (text("level"), text("code")) {
            ("error", _) => Some(refused(information)),
            (_, "NetStream.Publish.Start" | "NetStream.Play.Start") => Some(ClientEvent::Ready),
            (_, "NetStream.Play.UnpublishNotify" | "NetStream.Play.Stop" | "NetStream.Unpublish.Success") => {
                Some(ClientEvent::Ended)
            }
            _ => None,
        }
    }

    /// Says `onMetaData` for those who come later.
    pub fn send_metadata(&mut self, members: Vec<(String, Value)>) {
        if let Some(stream) = self.stream {
            self.link.media(kind::DATA, stream, 0, set_data_frame(members));
        }
    }

    /// Publishes the body of a tag. Before [`ClientEvent::Ready`] nobody would take it.
    pub fn send(&mut self, kind: TagKind, timestamp: u32, body: Bytes) {
        if let Some(stream) = self.stream {
            self.link.media(kind as u8, stream, timestamp, body);
        }
    }

    /// Says goodbye; the caller sends it and closes.
    pub fn finish(&mut self) {
        let Some(stream) = self.stream.take() else { return };
        if self.purpose == Purpose::Publish {
            let name = vec![Value::text(&*self.name)];
            self.link.command(0, &Command::new("FCUnpublish", transaction::END, Value::Null, name));
        }
        let stream = vec![Value::Number(f64::from(stream))];
        self.link.command(0, &Command::new("deleteStream", transaction::END, Value::Null, stream));
    }
}

fn refused(information: &Value) -> ClientEvent {
    let text = |name| information.get(name).and_then(Value::as_text).unwrap_or_default().to_owned();
    ClientEvent::Refused { code: text("code"), description: text("description") }
}
