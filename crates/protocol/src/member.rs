//! Somebody, as everybody in the room knows them.

use serde::{Deserialize, Serialize};

use crate::UserId;
use crate::spend::Badges;

/// Who a message is by, or who is here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Member {
    pub id: UserId,
    /// Empty until a nickname is set.
    pub name: String,
    pub role: Role,
    /// What stands beside the name.
    #[serde(default, skip_serializing_if = "Badges::is_empty")]
    pub badges: Badges,
    /// What the picture that they show of themselves is served under, at `/api/v1/pictures/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
}

impl Member {
    /// Somebody without badges and picture.
    pub fn new(id: UserId, name: String, role: Role) -> Self {
        Self { id, name, role, badges: Badges::default(), avatar: None }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    #[default]
    Guest,
    /// The room's rules do not bind them.
    Vip,
    Moderator,
    Owner,
}
