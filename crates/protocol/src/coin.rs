//! How coins come to people: for watching, and by packs that are paid outside of Footlight and approved by the room's creator, or
//! paid by card.
//!
//! Prices are whole numbers of a currency's smallest unit, as payment services count them.

use serde::{Deserialize, Serialize};

use crate::room::{Member, UnixMillis};
use crate::{Currency, Nonce, TopUpId};

/// Packs that a room offers at most.
pub const MAX_PACKS: usize = 8;
/// Coins of one pack at most.
pub const MAX_PACK_COINS: u64 = 100_000_000;
/// The highest price of a pack, in the currency's smallest unit: eight digits, as payment services take them.
pub const MAX_AMOUNT: u64 = 99_999_999;
/// Coins of one reward for watching at most.
pub const MAX_WATCH_COINS: u32 = 10_000;
/// Longest time that one reward is for, in minutes.
pub const MAX_WATCH_MINUTES: u32 = 240;
/// Coins that one person gets for watching in a day at most, whatever the creator sets.
pub const MAX_WATCH_A_DAY: u32 = 1_000_000;
/// Longest text about how to pay, in Unicode scalar values after trimming.
pub const MAX_PAY_TEXT: usize = 500;
/// Its most lines.
pub const MAX_PAY_LINES: usize = 12;
/// Longest reference of a payment, in Unicode scalar values after trimming.
pub const MAX_REFERENCE: usize = 60;
/// Longest reason for which a request is declined, in Unicode scalar values after trimming.
pub const MAX_REASON: usize = 140;
/// Requests of one person that may wait at once.
pub const MAX_WAITING: usize = 3;
/// Largest file of a payment picture, in bytes.
pub const MAX_PICTURE: usize = 2 << 20;
/// Longer side of the payment picture as it is shown, in pixels.
pub const PICTURE_SIDE: u32 = 1024;

/// So many coins for so much.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Pack {
    /// 1 to [`MAX_PACK_COINS`].
    pub coins: u64,
    /// In the currency's smallest unit, 1 to [`MAX_AMOUNT`].
    pub amount: u64,
    pub currency: Currency,
}

/// Coins for watching.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Watch {
    /// 1 to [`MAX_WATCH_COINS`] …
    pub coins: u32,
    /// … for each 1 to [`MAX_WATCH_MINUTES`] minutes …
    pub minutes: u32,
    /// … up to so many a day (in UTC), at least `coins` and at most [`MAX_WATCH_A_DAY`].
    pub most_a_day: u32,
}

/// What the room's creator sets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Offer {
    /// At most [`MAX_PACKS`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub packs: Vec<Pack>,
    /// How to pay outside of Footlight, at most [`MAX_PAY_TEXT`] long. Empty: not said.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// None: watching gives nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watch: Option<Watch>,
}

/// How coins can be had in the room.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Shop {
    pub offer: Offer,
    /// Names the picture that a payer scans, which is at `/api/v1/rooms/{room}/payment`; another picture has another name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// Whether packs can be paid by card, at `/api/v1/rooms/{room}/checkout`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub card: bool,
}

impl Shop {
    /// Whether packs can be had in one way or another.
    pub fn sells(&self) -> bool {
        self.by_hand() || (self.card && !self.offer.packs.is_empty())
    }

    /// Whether it says how to pay outside, so that requests are taken.
    pub fn by_hand(&self) -> bool {
        !self.offer.packs.is_empty() && (!self.offer.text.is_empty() || self.picture.is_some())
    }

    /// Whether nothing was ever set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What a client asks of the room about coins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum CoinAsk {
    /// Sets what is offered. Owner only.
    SetOffer { offer: Offer },
    /// "I have paid": asks the creator for the coins of a pack, which has to be one that is offered now. At most
    /// [`MAX_WAITING`] of a person wait at once.
    TopUp {
        pack: Pack,
        /// By which the creator finds the payment; may be empty.
        #[serde(default)]
        reference: String,
    },
    /// Gives the coins that were asked for. Owner only.
    Approve { top_up: TopUpId },
    /// Does not, and says why; may be empty. Owner only.
    Decline {
        top_up: TopUpId,
        #[serde(default)]
        reason: String,
    },
    /// The person has seen what became of their request, or the creator of one whose money went back: it is not told again.
    Read { top_up: TopUpId },
}

/// What the room says about coins, to those whom it concerns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "about", rename_all = "snake_case")]
pub enum CoinNews {
    /// How coins can be had. The newest replaces the older.
    Shop { shop: Shop },
    /// After the welcome: to the owner all requests that wait and what is odd about cards, to others their own that wait or
    /// that they have not [read](CoinAsk::Read). Not sent where there are none.
    TopUps { list: Vec<TopUp> },
    /// One of them is new, or was decided. To the owner, and to the person who asked.
    TopUp { top_up: TopUp },
}

/// Somebody says to have paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TopUp {
    pub id: TopUpId,
    pub at: UnixMillis,
    pub by: Member,
    /// As it was then.
    pub pack: Pack,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reference: String,
    /// Paid by card, so that there was nothing to approve.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub card: bool,
    pub outcome: Outcome,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Outcome {
    Waits,
    /// The coins are in the books.
    Approved,
    Declined {
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
    /// The money went back, and the coins with it. By card only, as those that follow.
    GivenBack,
    /// The money went back, and the coins are spent. For the creator to know.
    Owed,
    /// Some of the money went back; the coins stay. For the creator to know.
    PartlyRefunded,
}

/// The body of `POST /api/v1/rooms/{room}/checkout`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkout {
    /// The same for the same order, however often it is asked for.
    pub nonce: Nonce,
    /// One that is offered now.
    pub pack: Pack,
}

/// Its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckoutPage {
    /// Where it is paid.
    pub url: String,
}

/// Digits behind the point of an amount in the currency (ISO 4217, and where they differ what payment services count).
pub fn minor_digits(currency: &Currency) -> u32 {
    match currency.as_str() {
        "bif" | "clp" | "djf" | "gnf" | "jpy" | "kmf" | "krw" | "mga" | "pyg" | "rwf" | "vnd" | "vuv"
        | "xaf" | "xof" | "xpf" => 0,
        "bhd" | "jod" | "kwd" | "omr" | "tnd" => 3,
        _ => 2,
    }
}

/// An amount as it is typed, such as `6.99`, in the currency's smallest unit; `None` where it is none.
pub fn parse_amount(text: &str, currency: &Currency) -> Option<u64> {
    let digits = minor_digits(currency) as usize;
    let (whole, rest) = text.trim().split_once(['.', ',']).unwrap_or((text.trim(), ""));
    let plain = |part: &str| part.len() <= 9 && part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !plain(whole) || !plain(rest) || rest.len() > digits {
        return None;
    }
    format!("{whole}{rest:0<digits$}").parse().ok()
}

/// The amount as [`parse_amount`] reads it.
pub fn amount_text(amount: u64, currency: &Currency) -> String {
    let digits = minor_digits(currency);
    let unit = 10_u64.pow(digits);
    if digits == 0 {
        return amount.to_string();
    }
    format!("{}.{:0width$}", amount / unit, amount % unit, width = digits as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_they_are_written() {
        let currency = |code: &str| code.parse::<Currency>().unwrap();
        for (text, code, amount) in [
            ("6", "cny", Some(600)),
            ("6.9", "cny", Some(690)),
            (" 6,99 ", "eur", Some(699)),
            ("6.999", "eur", None),
            ("0.05", "usd", Some(5)),
            ("500", "jpy", Some(500)),
            ("500.0", "jpy", None),
            ("1.250", "kwd", Some(1_250)),
            ("", "usd", None),
            (".5", "usd", None),
            ("-1", "usd", None),
            ("1e3", "usd", None),
            ("99999999999999999999", "usd", None),
        ] {
            assert_eq!(parse_amount(text, &currency(code)), amount, "{text} {code}");
        }
        for (amount, code) in [(5, "usd"), (600, "cny"), (500, "jpy"), (1_250, "kwd"), (99_999_999, "eur")] {
            let text = amount_text(amount, &currency(code));
            assert_eq!(parse_amount(&text, &currency(code)), Some(amount), "{text}");
        }
    }
}
