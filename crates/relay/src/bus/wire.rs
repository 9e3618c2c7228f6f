//! What relays that share a room say to each other: JSON, in which the texts that sessions get are carried as they are.

use std::net::IpAddr;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use axum::extract::ws::Utf8Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use footlight_protocol::room::{ClientMessage, RoomState, ServerMessage};
use footlight_protocol::{CloseCode, Failure};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::error::Error;
use crate::room::SeatId;
use crate::secret::{random, random_id};

/// One run of a relay: what was said to an earlier one is not for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Life(String);

impl Life {
    pub(super) fn begin() -> Result<Self, Error> {
        random_id(16).map(Self)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A message of the room's WebSocket, as its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) Utf8Bytes);

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(from)?;
        Ok(Self(String::from(Box::<str>::from(raw)).into()))
    }
}

/// From the room's home to all branches.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Down {
    pub(super) home: Life,
    /// Counts from 1 in each life.
    pub(super) number: u64,
    /// What the room is like, now and then.
    pub(super) state: Option<RoomState>,
    pub(crate) flushes: Vec<Flush>,
}

/// What became due to be written at one time.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Flush {
    /// For every session, in this order.
    pub(crate) pending: Vec<Text>,
    /// For every session that keeps up.
    pub(crate) light: Vec<Text>,
    /// For one session, behind so many of `pending`.
    pub(crate) own: Vec<(SeatId, usize, Text)>,
    pub(crate) arrivals: Vec<Arrival>,
    /// Sessions that end after all that, and the code of the close.
    pub(crate) closed: Vec<(SeatId, u16)>,
}

impl Flush {
    pub(crate) fn is_empty(&self) -> bool {
        self == &Self::default()
    }

    /// Roughly what it takes on the wire, in bytes.
    pub(super) fn size(&self) -> usize {
        let texts = |texts: &[Text]| texts.iter().map(|text| text.0.len() + 1).sum::<usize>();
        let own: usize = self.own.iter().map(|(.., text)| text.0.len() + 16).sum();
        let arrivals: usize = self.arrivals.iter().map(Arrival::size).sum();
        texts(&self.pending) + texts(&self.light) + own + arrivals + self.closed.len() * 24
    }
}

/// A session of a branch has been let in.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Arrival {
    pub(super) branch: Life,
    pub(super) request: u64,
    pub(crate) seat: SeatId,
    /// It hears what is behind so many of `pending`, after its welcome.
    pub(super) behind: usize,
    /// Without the device token.
    pub(super) welcome: Box<ServerMessage>,
    /// The device token, sealed with the caller's key: the broker keeps messages for a while.
    pub(super) token: String,
}

impl Arrival {
    /// Roughly what it takes on the wire, in bytes: a welcome has a part of the history.
    pub(crate) fn size(&self) -> usize {
        128 + serde_json::to_vec(&self.welcome).map_or(0, |welcome| welcome.len())
    }
}

/// From a branch to the home.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Up {
    pub(super) branch: Life,
    /// Counts from 1.
    pub(super) number: u64,
    pub(super) says: Vec<Said>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Said {
    /// The life of the home that gave the seat.
    pub(super) home: Life,
    pub(super) seat: SeatId,
    /// `None`: the session is over.
    pub(super) message: Option<ClientMessage>,
}

/// Somebody said hello at a branch. Not kept by the broker: it can hold the owner's token.
#[derive(Serialize, Deserialize)]
pub(crate) struct Knock {
    pub(super) caller: Caller,
    pub(super) address: IpAddr,
    pub(super) hello: ClientMessage,
}

/// What the home answers to a knock. Who is let in hears the rest as an [`Arrival`], in the room's order.
pub(crate) type Answer = Result<(), Turned>;

/// Why somebody was not let in: a message for them, and how their session is closed.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Turned {
    pub(crate) failure: Option<Failure>,
    close: Option<u16>,
}

impl Turned {
    pub(crate) fn new(failure: Option<Failure>, close: CloseCode) -> Self {
        Self { failure, close: Some(close as u16) }
    }

    /// `None` where there is nobody to tell.
    pub(crate) fn close(&self) -> Option<CloseCode> {
        self.close.and_then(CloseCode::from_u16)
    }
}

/// Who knocks for a session, and the key that seals its token, good for that one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Caller {
    pub(super) branch: Life,
    pub(super) request: u64,
    key: [u8; 32],
}

impl Caller {
    pub(super) fn new(branch: Life, request: u64) -> Result<Self, Error> {
        Ok(Self { branch, request, key: random()? })
    }

    /// The session has this seat.
    pub(crate) fn arrival(self, seat: SeatId, behind: usize, mut welcome: ServerMessage) -> Arrival {
        let mut sealed = Vec::new();
        if let ServerMessage::Welcome { token, .. } = &mut welcome {
            sealed = std::mem::take(token).into_bytes();
        }
        // The key is used once, so one nonce will do.
        let nonce = Nonce::assume_unique_for_key([0; 12]);
        self.cipher().seal_in_place_append_tag(nonce, Aad::empty(), &mut sealed).expect("a token is short");
        let token = URL_SAFE_NO_PAD.encode(sealed);
        Arrival {
            branch: self.branch,
            request: self.request,
            seat,
            behind,
            welcome: Box::new(welcome),
            token,
        }
    }

    /// The welcome with its token; `None` where that was sealed with another key.
    pub(super) fn open(&self, arrival: Arrival) -> Option<ServerMessage> {
        let mut sealed = URL_SAFE_NO_PAD.decode(arrival.token).ok()?;
        let nonce = Nonce::assume_unique_for_key([0; 12]);
        let opened = self.cipher().open_in_place(nonce, Aad::empty(), &mut sealed).ok()?;
        let opened = std::str::from_utf8(opened).ok()?.to_owned();
        let mut welcome = *arrival.welcome;
        let ServerMessage::Welcome { token, .. } = &mut welcome else { return None };
        *token = opened;
        Some(welcome)
    }

    fn cipher(&self) -> LessSafeKey {
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &self.key).expect("the key has its length"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_travel_as_they_are() {
        let flush = Flush {
            pending: vec![Text(r#"{"type":"event","text":"\u4f60 \"好\""}"#.into())],
            closed: vec![(serde_json::from_str("7").unwrap(), 4003)],
            ..Flush::default()
        };
        let json = serde_json::to_string(&flush).unwrap();
        assert!(json.contains(r#""pending":[{"type":"event","text":"\u4f60 \"好\""}]"#), "{json}");
        assert_eq!(serde_json::from_str::<Flush>(&json).unwrap(), flush);
    }

    #[test]
    fn a_token_is_read_by_its_caller_alone() {
        let life = || Life("home".to_owned());
        let (caller, other) = (Caller::new(life(), 1).unwrap(), Caller::new(life(), 1).unwrap());
        let welcome: ServerMessage = serde_json::from_value(serde_json::json!({
            "type": "welcome", "version": 1, "you": {"id": "abcdefgh", "name": "", "role": "guest"},
            "token": "abcdefgh.secret", "room": {"room": "main", "stream": {"state": "offline"},
            "presence": {"viewers": 0, "members": 0, "latency_p50_ms": null, "latency_p95_ms": null}},
            "history": [], "seq": 0, "resumed": false, "muted_until": null,
        }))
        .unwrap();
        let seat: SeatId = serde_json::from_str("3").unwrap();
        let sent = serde_json::to_string(&caller.clone().arrival(seat, 0, welcome.clone())).unwrap();
        assert!(!sent.contains("secret"));
        let arrival = || serde_json::from_str::<Arrival>(&sent).unwrap();
        assert!(other.open(arrival()).is_none());
        let opened = caller.open(arrival()).unwrap();
        assert_eq!(serde_json::to_value(opened).unwrap(), serde_json::to_value(welcome).unwrap());
    }
}
