//! Gifts: what a room offers for how many coins, and what members see of it.
//!
//! Coins are the room's own and whole numbers. They come from the room's creator and go to the creator; what they are
//! worth outside is not this program's business.

use serde::{Deserialize, Serialize};

use crate::{GiftId, UserId};

/// Kinds of gifts that a room offers at most.
pub const MAX_GIFTS: usize = 24;
/// Coins that one gift costs at most.
pub const MAX_PRICE: u32 = 1_000_000;
/// Pieces in one sending.
pub const MAX_COUNT: u32 = 9_999;
/// Longest name of a gift, in Unicode scalar values after trimming.
pub const MAX_GIFT_NAME: usize = 20;
/// Longest icon, in Unicode scalar values: an emoji with all that is joined to it.
pub const MAX_ICON: usize = 10;
/// Coins that the creator grants at once, at most.
pub const MAX_GRANT: u64 = 1_000_000_000;
/// Gifts of one kind by one person that follow each other within this are shown as one run, in milliseconds.
pub const COMBO_MS: u64 = 5_000;

/// A gift that can be sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Gift {
    pub id: GiftId,
    /// At most [`MAX_GIFT_NAME`] long. Empty: one that comes with Footlight, which each page names in its language.
    pub name: String,
    /// An emoji.
    pub icon: String,
    /// Coins a piece, 1 to [`MAX_PRICE`]; 0 in an event whose amounts are hidden.
    pub price: u32,
    #[serde(default)]
    pub show: Show,
    /// How many pieces one person may send within an hour; none: any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_hour: Option<u32>,
}

/// How much is made of a gift on the screen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Show {
    /// A line in the chat, and a small card.
    #[default]
    Small,
    /// A card that stays for longer.
    Medium,
    /// Across the picture.
    Grand,
}

/// Those who gave most, most first; at most [`Board::MOST`] each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Board {
    /// Since this broadcast went on the air, or in the last one while there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub session: Vec<Giver>,
    /// Today, by the relay's calendar in UTC.
    pub day: Vec<Giver>,
    /// The last seven days, today among them.
    pub week: Vec<Giver>,
}

impl Board {
    pub const MOST: usize = 20;
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Giver {
    pub user: UserId,
    pub name: String,
    pub coins: u64,
}

/// A row of the room's books as its owner, or the person whose coins they are, gets it: proof that it stands there.
///
/// `hash` is SHA-256 of `footlight link 1\0`, `previous`, and the `digest` of what the row says; how that is made is in
/// `docs/receipts.md`. `signature` is Ed25519 by the room's key over the 32 bytes of `hash`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Receipt {
    pub room: crate::RoomId,
    /// From 1, without a gap.
    pub number: u64,
    pub at: crate::room::UnixMillis,
    /// `grant`, `gift`, `reversal` …
    pub kind: String,
    /// `treasury`, `creator` or `person:` with the name that the books have for a person.
    pub payer: String,
    pub payee: String,
    pub amount: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    pub count: u32,
    /// Who asked for it, by the name in the books.
    pub by: String,
    pub nonce: crate::Nonce,
    /// The row that it gives back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverses: Option<u64>,
    /// The room's event that showed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<crate::Seq>,
    /// Lower-case hexadecimal, of the row before; zeros for the first.
    pub previous: String,
    pub hash: String,
    pub signature: String,
}

/// The key with which receipts are checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReceiptKey {
    /// `Ed25519` (RFC 8032).
    pub algorithm: String,
    /// Its 32 bytes in base64 for URLs, without padding.
    pub public_key: String,
}

/// How the rows after one follow from it, without what they say: `hash(n + 1)` is SHA-256 of `footlight link 1\0`,
/// `hash(n)` and the next digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Links {
    pub after: u64,
    /// Of the rows that follow, in hexadecimal; empty at the end of the books.
    pub digests: Vec<String>,
    /// Of the last of them, and its signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}
