//! Links by which somebody becomes a moderator or a VIP: made by the owner, taken by whoever is handed one.

use serde::{Deserialize, Serialize};

use crate::room::{Member, Role, UnixMillis};

/// Invitations that a room keeps, those that are over among them.
pub const MAX_INVITES: usize = 50;
/// People whom one link takes in.
pub const MAX_INVITE_USES: u32 = 100;
/// For how many seconds a link is good at most: 30 days …
pub const MAX_INVITE_S: u32 = 30 * 24 * 3_600;
/// … and at least.
pub const MIN_INVITE_S: u32 = 60;
/// Longest label, in Unicode scalar values after trimming.
pub const MAX_INVITE_LABEL: usize = 40;

/// What the owner sends to have a link made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct InviteRequest {
    /// Moderator or VIP.
    pub role: Role,
    /// How many people it takes in.
    pub uses: u32,
    /// For how many seconds it is good.
    pub seconds: u32,
    /// What the owner calls it; may be empty. Those who are invited are not told.
    #[serde(default)]
    pub label: String,
}

/// A link in the owner's list. Its secret is known to whoever was handed it, and to nobody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Invite {
    /// Never given out again.
    pub id: u64,
    pub label: String,
    pub role: Role,
    pub made_at: UnixMillis,
    pub expires_at: UnixMillis,
    pub uses: u32,
    /// How many it has taken in.
    pub used: u32,
    /// The owner took it back.
    pub revoked: bool,
    /// Whom it has taken in, first one first; those who were erased are not named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken: Vec<Taken>,
}

impl Invite {
    /// Whether it takes in anybody any more.
    pub fn is_open(&self, now: UnixMillis) -> bool {
        !self.revoked && self.used < self.uses && now < self.expires_at
    }
}

/// Somebody who came by a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Taken {
    pub user: Member,
    pub at: UnixMillis,
}

/// A link that was just made, with its secret: the only time that it is told.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NewInvite {
    #[serde(flatten)]
    pub entry: Invite,
    /// Goes into the link's fragment, `/{room}#invite=…`, which browsers send to nobody.
    pub secret: String,
}

impl std::fmt::Debug for NewInvite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewInvite").field("entry", &self.entry).finish_non_exhaustive()
    }
}

/// What somebody shows who was handed a link.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Shown {
    pub secret: String,
}

/// What the link offers them, or has given them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Offer {
    pub role: Role,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invite_is_open_until_it_is_over() {
        let open = Invite {
            id: 1,
            label: String::new(),
            role: Role::Moderator,
            made_at: 0,
            expires_at: 10,
            uses: 2,
            used: 1,
            revoked: false,
            taken: Vec::new(),
        };
        assert!(open.is_open(9) && !open.is_open(10));
        assert!(!Invite { used: 2, ..open.clone() }.is_open(9));
        assert!(!Invite { revoked: true, ..open.clone() }.is_open(9));
        let new = NewInvite { entry: open, secret: "hidden".to_owned() };
        assert!(!format!("{new:?}").contains("hidden"));
        assert_eq!(serde_json::to_value(&new).unwrap()["secret"], "hidden");
    }
}
