//! The end that was called: takes one publisher or serves one player.
//!
//! It asks its owner whether somebody may publish or play, and says the rest of the protocol by itself.

use bytes::Bytes;

use super::handshake::Handshake;
use super::link::{Link, WINDOW};
use super::message::{Command, Control, Meaning, information, kind};
use crate::Error;
use crate::amf0::Value;
use crate::flv::{TagKind, body, tags};

/// The stream that a connection may have.
const STREAM: u32 = 1;
/// Longest name of a stream, and longest key, in bytes.
const MAX_NAME: usize = 256;
/// In "set peer bandwidth": hard or soft, whichever was said last.
const DYNAMIC: u8 = 2;
/// Enhanced RTMP's `FourCcInfoMask`: decoded, encoded, passed on. We pass on.
const CAN_FORWARD: f64 = 4.0;
/// Enhanced RTMP's `CapsExMask`: extensions in front of packets are understood.
const CAPABILITIES: f64 = 4.0;

/// What the peer does. It does not print itself: the name to publish is a key.
#[derive(Clone, PartialEq)]
pub enum ServerEvent {
    /// Wants to publish; answered by [`Server::accept`] or [`Server::refuse`].
    Publish {
        name: String,
    },
    /// Wants to play; answered likewise.
    Play {
        name: String,
    },
    /// Names and values of `onMetaData`.
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
    /// Has stopped publishing or playing of its own accord.
    Finished,
}

/// Why somebody may not publish or play.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The key or the name is not known.
    Publish,
    Play,
    /// What is published cannot be carried.
    Codec,
}

impl Refusal {
    fn code(self) -> &'static str {
        match self {
            Self::Publish => "NetStream.Publish.BadName",
            Self::Play => "NetStream.Play.StreamNotFound",
            Self::Codec => "NetStream.Publish.Rejected",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Has not said `connect`.
    New,
    Connected,
    /// The owner has been asked.
    Asked(Role),
    Running(Role),
    Over,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Publisher,
    Player,
}

#[derive(Debug)]
pub struct Server {
    link: Link,
    app: &'static str,
    state: State,
    /// The rest of an aggregate message: tags, and what to add to their timestamps.
    aggregate: Option<(Bytes, u32)>,
}

impl Server {
    /// `random` is for the handshake; `app` is the only application that there is.
    pub fn new(random: &[u8], app: &'static str) -> Self {
        Self {
            link: Link::new(Handshake::server(random), Vec::new()),
            app,
            state: State::New,
            aggregate: None,
        }
    }

    /// Whether the handshake and `connect` are still to come.
    pub fn is_new(&self) -> bool {
        self.link.is_new() || self.state == State::New
    }

    /// Bytes for the peer since the last call.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.link.out)
    }

    /// Takes bytes from the front of `input` up to the next event. `None`: all bytes are taken. After an error the
    /// connection is of no use, but what is left to say to the peer should be said.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<ServerEvent>, Error> {
        loop {
            if let Some(event) = self.next_of_aggregate() {
                return Ok(Some(event));
            }
            let Some((message, meaning)) = self.link.read(input)? else { return Ok(None) };
            let publishes = self.state == State::Running(Role::Publisher);
            let timestamp = message.timestamp;
            let event = match meaning {
                Meaning::Command(command) => self.command(command)?,
                Meaning::Video(body) if publishes => Some(ServerEvent::Video { timestamp, body }),
                Meaning::Audio(body) if publishes => Some(ServerEvent::Audio { timestamp, body }),
                Meaning::Metadata(members) if publishes => Some(ServerEvent::Metadata(members)),
                Meaning::Aggregate(body) if publishes => {
                    // The tags count from a time of their own; the message says when the first one is.
                    let first = tags(&body).next().map_or(timestamp, |tag| tag.timestamp);
                    self.aggregate = Some((body, timestamp.wrapping_sub(first)));
                    None
                }
                _ => None,
            };
            if event.is_some() {
                return Ok(event);
            }
        }
    }

    fn next_of_aggregate(&mut self) -> Option<ServerEvent> {
        loop {
            let (rest, shift) = self.aggregate.take()?;
            let mut tags = tags(&rest);
            let tag = tags.next()?;
            let (kind, timestamp) = (tag.kind, tag.timestamp.wrapping_add(shift));
            let body = rest.slice_ref(tag.body);
            self.aggregate = Some((rest.slice_ref(tags.rest()), shift));
            match kind {
                TagKind::Video => return Some(ServerEvent::Video { timestamp, body }),
                TagKind::Audio => return Some(ServerEvent::Audio { timestamp, body }),
                TagKind::Script => {}
            }
        }
    }

    fn command(&mut self, command: Command) -> Result<Option<ServerEvent>, Error> {
        let transaction = command.transaction;
        match (&*command.name, self.state) {
            ("connect", State::New) => self.connect(&command)?,
            ("connect", _) => return Err(Error::Rtmp("connects twice")),
            (_, State::New) => return Err(Error::Rtmp("a command before connect")),
            ("createStream", _) => self.result(transaction, Value::Number(f64::from(STREAM))),
            ("releaseStream" | "FCPublish" | "FCSubscribe", _) => self.result(transaction, Value::Undefined),
            // Zero is what a live stream lasts.
            ("getStreamLength", _) => self.result(transaction, Value::Number(0.0)),
            ("publish", State::Connected) => {
                let name = name(&command)?;
                self.state = State::Asked(Role::Publisher);
                return Ok(Some(ServerEvent::Publish { name }));
            }
            ("play" | "play2", State::Connected) => {
                let name = name(&command)?;
                self.state = State::Asked(Role::Player);
                return Ok(Some(ServerEvent::Play { name }));
            }
            ("FCUnpublish" | "deleteStream" | "closeStream", state) => {
                if command.name == "FCUnpublish" {
                    self.result(transaction, Value::Undefined);
                }
                if matches!(state, State::Asked(_) | State::Running(_)) {
                    self.state = State::Over;
                    return Ok(Some(ServerEvent::Finished));
                }
            }
            _ => {}
        }
        Ok(None)
    }

    fn connect(&mut self, command: &Command) -> Result<(), Error> {
        let app = command.object.get("app").and_then(Value::as_text).unwrap_or_default();
        let app = app.split('?').next().unwrap_or_default().trim_matches('/');
        self.link.own(kind::WINDOW, &WINDOW.to_be_bytes());
        let [a, b, c, d] = WINDOW.to_be_bytes();
        self.link.own(kind::BANDWIDTH, &[a, b, c, d, DYNAMIC]);
        self.link.enlarge_chunks();
        if app != self.app {
            let description = format!("There is no application of that name here; it is called {}", self.app);
            let refused = information("error", "NetConnection.Connect.InvalidApp", &description);
            let answer = Command::new("_error", command.transaction, Value::Null, vec![refused]);
            self.link.command(0, &answer);
            self.state = State::Over;
            return Err(Error::Rtmp("an application that is not here"));
        }
        let properties =
            Value::object([("fmsVer", Value::text("FMS/3,0,1,123")), ("capabilities", Value::Number(31.0))]);
        let mut information = information("status", "NetConnection.Connect.Success", "Connection succeeded");
        if let Value::Object(members) = &mut information {
            members.push(("objectEncoding".into(), Value::Number(0.0)));
            members.extend(enhancements(CAN_FORWARD));
            members.push(("capsEx".into(), Value::Number(CAPABILITIES)));
        }
        self.link.command(0, &Command::new("_result", command.transaction, properties, vec![information]));
        self.state = State::Connected;
        Ok(())
    }

    fn result(&mut self, transaction: f64, value: Value) {
        // Nobody waits for an answer to 0.
        if transaction != 0.0 {
            self.link.command(0, &Command::new("_result", transaction, Value::Null, vec![value]));
        }
    }

    /// Lets the peer publish or play as it has asked.
    pub fn accept(&mut self) {
        let State::Asked(role) = self.state else { return };
        self.state = State::Running(role);
        self.link.control(Control::StreamBegin(STREAM));
        let said: &[(&str, &str)] = match role {
            Role::Publisher => &[("NetStream.Publish.Start", "On air")],
            Role::Player => &[("NetStream.Play.Reset", "Begins"), ("NetStream.Play.Start", "Plays")],
        };
        for (code, description) in said {
            self.link.command(STREAM, &Command::status("status", code, description));
        }
    }

    /// Does not let it, or no longer; `description` is what its user reads. The caller closes the connection.
    pub fn refuse(&mut self, refusal: Refusal, description: &str) {
        self.state = State::Over;
        self.link.command(STREAM, &Command::status("error", refusal.code(), description));
    }

    /// Tells a player that there is no more, or a publisher that somebody else goes on in its place.
    pub fn end(&mut self) {
        if let State::Running(role) = std::mem::replace(&mut self.state, State::Over) {
            let (code, description) = match role {
                Role::Publisher => ("NetStream.Unpublish.Success", "The broadcast goes on elsewhere"),
                Role::Player => ("NetStream.Play.UnpublishNotify", "The broadcast is over"),
            };
            self.link.command(STREAM, &Command::status("status", code, description));
            self.link.control(Control::StreamEnd(STREAM));
        }
    }

    /// Gives a player the body of a tag.
    pub fn send(&mut self, kind: TagKind, timestamp: u32, body: Bytes) {
        if self.state == State::Running(Role::Player) {
            self.link.media(kind as u8, STREAM, timestamp, body);
        }
    }
}

/// The name without parameters, which some encoders hang on to it.
fn name(command: &Command) -> Result<String, Error> {
    let name = command.text(0).unwrap_or_default();
    let name = name.split('?').next().unwrap_or_default();
    if name.len() > MAX_NAME {
        return Err(Error::Rtmp("a name that is too long"));
    }
    Ok(name.to_owned())
}

/// What Enhanced RTMP's `connect` and its answer say of the codecs, in the old way and in the new one.
pub(super) fn enhancements(mask: f64) -> Vec<(String, Value)> {
    let map = |video: bool| {
        let letters = body::letters().filter(|(_, codec)| codec.is_video() == video);
        Value::Object(letters.map(|(letters, _)| (letters.to_owned(), Value::Number(mask))).collect())
    };
    let list = body::letters().map(|(letters, _)| Value::text(letters)).collect();
    vec![
        ("fourCcList".into(), Value::List(list)),
        ("videoFourCcInfoMap".into(), map(true)),
        ("audioFourCcInfoMap".into(), map(false)),
    ]
}
