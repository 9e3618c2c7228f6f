//! What messages say: the protocol's own, user control events, and commands in AMF0.

use bytes::Bytes;

use super::Message;
use crate::amf0::{self, Value};
use crate::cursor::Cursor;

/// Message types, sections 5.4 and 7.1.
pub mod kind {
    pub const SET_CHUNK_SIZE: u8 = 1;
    pub const ABORT: u8 = 2;
    pub const ACKNOWLEDGEMENT: u8 = 3;
    pub const USER_CONTROL: u8 = 4;
    pub const WINDOW: u8 = 5;
    pub const BANDWIDTH: u8 = 6;
    pub const AUDIO: u8 = 8;
    pub const VIDEO: u8 = 9;
    pub const DATA_AMF3: u8 = 15;
    pub const COMMAND_AMF3: u8 = 17;
    pub const DATA: u8 = 18;
    pub const COMMAND: u8 = 20;
    pub const AGGREGATE: u8 = 22;
}

/// A message, understood. Anything that neither end here acts on is `Other`.
#[derive(Clone, PartialEq)]
pub enum Meaning {
    /// The peer has received so many bytes since the beginning, modulo 2³².
    Acknowledged(u32),
    /// The peer wants an acknowledgement each time that it has sent so many bytes.
    Window(u32),
    Control(Control),
    Command(Command),
    /// The names and values of `onMetaData`.
    Metadata(Vec<(String, Value)>),
    Audio(Bytes),
    Video(Bytes),
    /// Several audio and video messages in one: FLV tags.
    Aggregate(Bytes),
    Other,
}

/// User control events, section 7.1.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    StreamBegin(u32),
    StreamEnd(u32),
    /// The client buffers so many milliseconds of a stream.
    Buffer {
        stream: u32,
        millis: u32,
    },
    Ping(u32),
    Pong(u32),
    Other(u16),
}

/// A command, section 7.2. It does not print itself: the name to publish is a key.
#[derive(Clone, PartialEq)]
pub struct Command {
    pub name: String,
    /// Which answer belongs to which question; 0 wants none.
    pub transaction: f64,
    /// The command object, or the properties of an answer; often null.
    pub object: Value,
    pub arguments: Vec<Value>,
}

impl Meaning {
    pub fn of(message: &Message) -> Self {
        let number = || Cursor(&message.payload).u32();
        let amf = |skip: usize| amf0::values(message.payload.get(skip..).unwrap_or_default());
        let found = match message.kind {
            kind::ACKNOWLEDGEMENT => number().map(Self::Acknowledged),
            kind::WINDOW => number().map(Self::Window),
            kind::USER_CONTROL => Control::read(&message.payload).map(Self::Control),
            kind::AUDIO => Some(Self::Audio(message.payload.clone())),
            kind::VIDEO => Some(Self::Video(message.payload.clone())),
            kind::AGGREGATE => Some(Self::Aggregate(message.payload.clone())),
            kind::COMMAND => Command::read(amf(0)).map(Self::Command),
            // A byte in front says which AMF it is, and everybody means AMF0 nevertheless.
            kind::COMMAND_AMF3 => Command::read(amf(1)).map(Self::Command),
            kind::DATA => metadata(amf(0)),
            kind::DATA_AMF3 => metadata(amf(1)),
            _ => None,
        };
        found.unwrap_or(Self::Other)
    }
}

/// `@setDataFrame`, `onMetaData` and the values; some leave out the first.
fn metadata(values: Vec<Value>) -> Option<Meaning> {
    let mut values = values.into_iter().skip_while(|value| value.as_text() == Some("@setDataFrame"));
    if values.next()?.as_text()? != "onMetaData" {
        return None;
    }
    match values.next()? {
        Value::Object(members) | Value::Map(members) => Some(Meaning::Metadata(members)),
        _ => None,
    }
}

/// The message that says `onMetaData` to a server that shall keep it for whoever comes later.
pub fn set_data_frame(members: Vec<(String, Value)>) -> Bytes {
    let mut payload = Vec::new();
    Value::text("@setDataFrame").write(&mut payload);
    payload.extend_from_slice(&crate::flv::metadata(members));
    payload.into()
}

impl Control {
    fn read(payload: &[u8]) -> Option<Self> {
        let mut payload = Cursor(payload);
        Some(match payload.u16()? {
            0 => Self::StreamBegin(payload.u32()?),
            1 => Self::StreamEnd(payload.u32()?),
            3 => Self::Buffer { stream: payload.u32()?, millis: payload.u32()? },
            6 => Self::Ping(payload.u32()?),
            7 => Self::Pong(payload.u32()?),
            other => Self::Other(other),
        })
    }

    pub fn write(self) -> Bytes {
        let (event, values): (u16, &[u32]) = match &self {
            Self::StreamBegin(stream) => (0, &[*stream]),
            Self::StreamEnd(stream) => (1, &[*stream]),
            Self::Buffer { stream, millis } => (3, &[*stream, *millis]),
            Self::Ping(time) => (6, &[*time]),
            Self::Pong(time) => (7, &[*time]),
            Self::Other(event) => (*event, &[]),
        };
        let values = values.iter().flat_map(|value| value.to_be_bytes());
        event.to_be_bytes().into_iter().chain(values).collect()
    }
}

impl Command {
    pub fn new(name: &str, transaction: f64, object: Value, arguments: Vec<Value>) -> Self {
        Self { name: name.to_owned(), transaction, object, arguments }
    }

    /// `onStatus`, section 7.2.2: how something goes on a stream.
    pub fn status(level: &str, code: &str, description: &str) -> Self {
        Self::new("onStatus", 0.0, Value::Null, vec![information(level, code, description)])
    }

    fn read(values: Vec<Value>) -> Option<Self> {
        let mut values = values.into_iter();
        let name = values.next()?.as_text()?.to_owned();
        // Some leave the number out of `onStatus`-like messages and mean zero.
        let transaction = values.next().and_then(|value| value.as_number()).unwrap_or(0.0);
        let object = values.next().unwrap_or(Value::Null);
        Some(Self { name, transaction, object, arguments: values.collect() })
    }

    pub fn write(&self) -> Bytes {
        let mut payload = Vec::new();
        Value::text(&*self.name).write(&mut payload);
        Value::Number(self.transaction).write(&mut payload);
        self.object.write(&mut payload);
        for argument in &self.arguments {
            argument.write(&mut payload);
        }
        payload.into()
    }

    /// The text in that place behind the command object.
    pub fn text(&self, index: usize) -> Option<&str> {
        self.arguments.get(index)?.as_text()
    }

    /// The number in that place behind the command object.
    pub fn number(&self, index: usize) -> Option<f64> {
        self.arguments.get(index)?.as_number()
    }
}

/// The information object of an answer or of `onStatus`.
pub fn information(level: &str, code: &str, description: &str) -> Value {
    Value::object([
        ("level", Value::text(level)),
        ("code", Value::text(code)),
        ("description", Value::text(description)),
    ])
}
