//! What stands beside a message's text: the message that it answers. And who is told of an event.

use serde::{Deserialize, Serialize};

use crate::MessageId;
use crate::room::{Event, EventKind, Member};

/// Letters of an answered message that are shown above the answer, in Unicode scalar values.
pub const MAX_QUOTE: usize = 80;

/// What a message answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Quote {
    pub message: MessageId,
    /// What it said. None: it was taken away meanwhile, and so is this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<Quoted>,
}

/// Who said it, and the beginning of what they said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Quoted {
    pub by: Member,
    /// At most [`MAX_QUOTE`] letters; a longer text ends in `…`.
    pub text: String,
}

impl Quote {
    /// Of a message that can be seen.
    pub fn of(message: MessageId, by: Member, text: &str) -> Self {
        Self { message, of: Some(Quoted { by, text: shortened(text) }) }
    }

    /// Of one that cannot.
    pub fn gone(message: MessageId) -> Self {
        Self { message, of: None }
    }
}

fn shortened(text: &str) -> String {
    let mut letters = text.chars();
    let mut short: String = letters.by_ref().take(MAX_QUOTE).collect();
    if letters.next().is_some() {
        short.pop();
        short.push('…');
    }
    short
}

impl Event {
    /// A message that was approved is one like the others.
    pub fn as_shown(self) -> Self {
        match self.kind {
            EventKind::Held { by, text, nonce, reply, .. } => {
                Self { kind: EventKind::Said { by, text, nonce, fly: None, reply }, ..self }
            }
            _ => self,
        }
    }
}

impl EventKind {
    /// What the messages in it answer.
    pub fn quotes_mut(&mut self) -> impl Iterator<Item = &mut Quote> {
        let (one, several) = match self {
            Self::Said { reply, .. } | Self::Held { reply, .. } | Self::Restored { reply, .. } => {
                (reply.as_deref_mut(), &mut [][..])
            }
            Self::Unswept { messages, .. } => (None, &mut messages[..]),
            _ => (None, &mut [][..]),
        };
        one.into_iter().chain(several.iter_mut().filter_map(|former| former.reply.as_deref_mut()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::Role;

    #[test]
    fn a_quote_is_short_and_says_so() {
        let by = || Member::new("u1".parse().unwrap(), "Ada".into(), Role::Guest);
        let text = |text: &str| Quote::of(MessageId(1), by(), text).of.unwrap().text;
        assert_eq!(text(&"界".repeat(MAX_QUOTE)), "界".repeat(MAX_QUOTE));
        let long = text(&"界".repeat(MAX_QUOTE + 1));
        assert!(long.chars().count() == MAX_QUOTE && long.ends_with("界…"), "{long}");
        let gone = serde_json::to_string(&Quote::gone(MessageId(7))).unwrap();
        assert_eq!(gone, r#"{"message":7}"#);
    }
}
