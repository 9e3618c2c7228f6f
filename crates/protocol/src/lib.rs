//! The words that Footlight's parts say to each other: ids, room messages, studio messages, failures.
//!
//! Plain serde types and their bounds, nothing else: no I/O, no clock, no async. The relay, the studio's
//! shell and both faces compile this crate, so a message that one side can write the other can read.

pub mod account;
pub mod coin;
pub mod danmaku;
pub mod destination;
pub mod emote;
pub mod failure;
pub mod gift;
pub mod id;
pub mod invite;
pub mod key;
mod language;
mod member;
pub mod mixer;
pub mod moderation;
pub mod overlay;
pub mod person;
mod preferences;
pub mod reach;
pub mod record;
pub mod replay;
pub mod report;
pub mod room;
pub mod scene;
pub mod spend;
mod state;
pub mod status;
pub mod studio;
pub mod talk;

pub use failure::{CloseCode, Code, Failure};
pub use id::{
    ClipId, Currency, DestinationId, GiftId, InvalidId, LayerId, MessageId, Nonce, ReplayId, RoomId, Seq,
    TopUpId, UserId,
};
pub use key::KeyId;
pub use language::Language;

/// Version of the room messages. A client that says another one is told so and closed.
pub const VERSION: u32 = 1;
