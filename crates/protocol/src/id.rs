//! Identities. Each is a newtype that can only hold a valid value, so bounds are checked once: when bytes
//! from outside become an id.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidId {
    what: &'static str,
    rule: &'static str,
}

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} must be {}", self.what, self.rule)
    }
}

impl std::error::Error for InvalidId {}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) { Ok(Self(text)) } else { Err(InvalidId { what: $what, rule: $rule }) }
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// A room's name, as it stands in the link: 1 to 32 of `a-z`, `0-9`, `-`, `_`, and not one of the
    /// relay's own first path segments.
    RoomId, "a room", "1 to 32 of a-z, 0-9, - and _, and not a reserved word",
    |t| (1..=32).contains(&t.len())
        && t.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
        && !RESERVED_ROOMS.contains(&t)
);

/// First path segments that the relay serves itself, so no room can have them.
pub const RESERVED_ROOMS: [&str; 11] =
    ["api", "assets", "healthz", "hls", "live", "metrics", "overlay", "static", "whep", "whip", "ws"];

impl Default for RoomId {
    /// `main`, the room of a relay that nobody configured.
    fn default() -> Self {
        Self("main".to_owned())
    }
}

text_id!(
    /// One person or device in a room, made by the relay: 1 to 32 ASCII letters or digits.
    UserId, "a user", "1 to 32 letters or digits",
    |t| (1..=32).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_alphanumeric())
);

text_id!(
    /// A client's own name for one request, so that a repeat is known as one: 1 to 36 of letters, digits, `-`.
    Nonce, "a nonce", "1 to 36 of letters, digits and -",
    |t| (1..=36).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
);

text_id!(
    /// A finished broadcast, made by the relay: 1 to 32 ASCII letters or digits.
    ReplayId, "a replay", "1 to 32 letters or digits",
    |t| (1..=32).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_alphanumeric())
);

text_id!(
    /// A piece cut out of a broadcast, made by the relay: 1 to 32 ASCII letters or digits.
    ClipId, "a clip", "1 to 32 letters or digits",
    |t| (1..=32).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_alphanumeric())
);

text_id!(
    /// One layer of a broadcast's quality, the RTP stream id that its publisher gave it (RFC 8851 section 10): 1 to 16
    /// ASCII letters, digits, `-` or `_`; longer ones fit in no one-byte header extension.
    LayerId, "a layer", "1 to 16 letters, digits, - and _",
    |t| (1..=16).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
);

text_id!(
    /// A place to broadcast to: 1 to 16 of `a-z`, `0-9`, `-`.
    DestinationId, "a destination", "1 to 16 of a-z, 0-9 and -",
    |t| (1..=16).contains(&t.len())
        && t.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
);

text_id!(
    /// A kind of gift in a room: 1 to 24 of `a-z`, `0-9`, `-`, `_`.
    GiftId, "a gift", "1 to 24 of a-z, 0-9, - and _",
    |t| (1..=24).contains(&t.len())
        && t.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
);

text_id!(
    /// Somebody's word that they have paid, made by the relay: 1 to 32 ASCII letters or digits.
    TopUpId, "a top-up", "1 to 32 letters or digits",
    |t| (1..=32).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_alphanumeric())
);

text_id!(
    /// A currency by its ISO 4217 code, in small letters as payment services write it.
    Currency, "a currency", "three letters of a-z",
    |t| t.len() == 3 && t.bytes().all(|b| b.is_ascii_lowercase())
);

/// Place of an event in its room's order, from 1. Kept across restarts; below 2^53, so exact in JavaScript.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Seq(pub u64);

/// A chat message: the [`Seq`] at which it was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct MessageId(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_names_are_link_safe() {
        for (text, ok) in [
            ("main", true),
            ("a-b_9", true),
            ("", false),
            ("Main", false),
            ("a b", false),
            ("../etc", false),
            ("房间", false),
            ("whip", false),
            (&"x".repeat(32), true),
            (&"x".repeat(33), false),
        ] {
            assert_eq!(text.parse::<RoomId>().is_ok(), ok, "{text}");
        }
    }

    #[test]
    fn ids_from_json_are_checked() {
        assert!(serde_json::from_str::<Nonce>(r#""a-1""#).is_ok());
        assert!(serde_json::from_str::<Nonce>(r#""a b""#).is_err());
        assert!(serde_json::from_str::<UserId>(r#""""#).is_err());
    }
}
