//! Danmaku: how a comment flies over the picture, which role may choose what, and likes.
//!
//! The relay checks a sender's choice by [`Fly::accepted`]; the composer offers what the same rules allow.

use serde::{Deserialize, Serialize};

use crate::room::Role;

/// Likes that one message may carry.
pub const MAX_LIKES: u32 = 50;
/// A page merges its likes to at most one message in so many milliseconds, and the room what it tells of them.
pub const LIKES_EVERY_MS: u32 = 500;
/// No page is so far behind its broadcast: an older frame is a mistake of somebody's clock.
const OLDEST_US: u64 = 60_000_000;
/// How far a sender's reading of the relay's clock may be ahead of it and still be meant as now.
const AHEAD_US: u64 = 60_000_000;

/// How a comment flies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Fly {
    #[serde(default, skip_serializing_if = "is_default")]
    pub place: Place,
    #[serde(default, skip_serializing_if = "is_default")]
    pub colour: Colour,
    /// When the frame was captured that its sender saw, in microseconds since the Unix epoch on the relay's clock.
    /// Without it the comment belongs to the instant at which it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_us: Option<u64>,
}

/// Where over the picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// From the right edge to the left.
    #[default]
    Scroll,
    /// It stands in the middle for some seconds, at the upper edge of where comments fly.
    Top,
    /// The same, at the lower edge.
    Bottom,
}

/// Colours that can be read over any picture with a dark outline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Colour {
    #[default]
    White,
    Amber,
    Red,
    Pink,
    Violet,
    Blue,
    Cyan,
    Green,
}

impl Place {
    pub const ALL: [Self; 3] = [Self::Scroll, Self::Top, Self::Bottom];

    /// What a role may choose from.
    pub fn of(role: Role) -> &'static [Self] {
        match role {
            Role::Guest | Role::Vip => &Self::ALL[..1],
            Role::Moderator | Role::Owner => &Self::ALL,
        }
    }
}

impl Colour {
    pub const ALL: [Self; 8] =
        [Self::White, Self::Amber, Self::Red, Self::Pink, Self::Violet, Self::Blue, Self::Cyan, Self::Green];

    /// What a role may choose from.
    pub fn of(role: Role) -> &'static [Self] {
        match role {
            Role::Guest => &Self::ALL[..1],
            Role::Vip | Role::Moderator | Role::Owner => &Self::ALL,
        }
    }
}

impl Fly {
    /// The choice as far as `role` may make it, with a time that makes sense at `now_us` on the relay's clock. What is
    /// not allowed becomes what everybody has: words are not lost over a colour.
    pub fn accepted(self, role: Role, now_us: u64) -> Self {
        let at_us = self
            .at_us
            .filter(|at| (now_us.saturating_sub(OLDEST_US)..=now_us.saturating_add(AHEAD_US)).contains(at));
        Self {
            place: if Place::of(role).contains(&self.place) { self.place } else { Place::default() },
            colour: if Colour::of(role).contains(&self.colour) { self.colour } else { Colour::default() },
            at_us: at_us.map(|at| at.min(now_us)),
        }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_flies_plainly_and_a_moderator_as_wished() {
        let wish = Fly { place: Place::Top, colour: Colour::Cyan, at_us: None };
        assert_eq!(wish.accepted(Role::Guest, 0), Fly::default());
        let vip = wish.accepted(Role::Vip, 0);
        assert_eq!((vip.place, vip.colour), (Place::Scroll, wish.colour));
        for role in [Role::Moderator, Role::Owner] {
            assert_eq!(wish.accepted(role, 0), wish);
        }
    }

    #[test]
    fn a_frame_s_time_makes_sense_or_is_not_there() {
        let now = 1_000_000_000;
        for (said, accepted) in [
            (None, None),
            (Some(now - 200_000), Some(now - 200_000)),
            (Some(now - OLDEST_US), Some(now - OLDEST_US)),
            (Some(now - OLDEST_US - 1), None),
            (Some(now + 40_000), Some(now)),
            (Some(now + AHEAD_US + 1), None),
            (Some(0), None),
            (Some(u64::MAX), None),
        ] {
            let fly = Fly { at_us: said, ..Fly::default() };
            assert_eq!(fly.accepted(Role::Guest, now).at_us, accepted, "{said:?}");
        }
        assert_eq!(Fly { at_us: Some(0), ..Fly::default() }.accepted(Role::Guest, 0).at_us, Some(0));
    }

    #[test]
    fn what_everybody_has_is_not_written() {
        assert_eq!(serde_json::to_string(&Fly::default()).unwrap(), "{}");
        let wish = Fly { place: Place::Bottom, colour: Colour::Red, at_us: Some(7) };
        let json = r#"{"place":"bottom","colour":"red","at_us":7}"#;
        assert_eq!(serde_json::to_string(&wish).unwrap(), json);
        assert_eq!(serde_json::from_str::<Fly>(json).unwrap(), wish);
        assert!(serde_json::from_str::<Fly>(r#"{"colour":"plaid"}"#).is_err());
    }
}
