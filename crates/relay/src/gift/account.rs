//! Whose coins the books speak of.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// Under which name the books know a person: a keyed hash of their id. Entries stay for ever, so nothing in them is
/// the person's own; who is erased everywhere else is nobody here.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Purse(String);

impl Purse {
    /// Letters and digits, at most so many.
    const MOST: usize = 32;

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Under which the relay itself asks. No person's, whose names are longer; so nobody can take the name of one of its
    /// requests before it does.
    pub(crate) fn of_relay() -> Self {
        Self("relay".to_owned())
    }
}

impl FromStr for Purse {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let valid = (1..=Self::MOST).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
        if valid { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

/// Whose coins.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Account {
    /// Issues coins: the creator's grants, rewards, top-ups. What it owes is what all others have.
    Treasury,
    /// What the room's creator was given.
    Creator,
    Person(Purse),
    /// Taken from somebody and not yet handed on: a red packet, by the seq of the event that shows it.
    Held(u64),
}

impl Account {
    /// As it stands in the books.
    pub(crate) fn text(&self) -> Cow<'static, str> {
        match self {
            Self::Treasury => Cow::Borrowed("treasury"),
            Self::Creator => Cow::Borrowed("creator"),
            Self::Person(purse) => Cow::Owned(["person:", purse.as_str()].concat()),
            Self::Held(number) => Cow::Owned(format!("held:{number}")),
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl FromStr for Account {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.split_once(':') {
            None if text == "treasury" => Ok(Self::Treasury),
            None if text == "creator" => Ok(Self::Creator),
            Some(("person", purse)) => purse.parse().map(Self::Person),
            Some(("held", number)) => number.parse().map(Self::Held).map_err(drop),
            _ => Err(()),
        }
    }
}
