//! Accounts: a name, and a password or passkeys, by which somebody is the same person on every device.

use serde::{Deserialize, Serialize};

use crate::room::UnixMillis;

/// Shortest and longest password, in Unicode scalar values.
pub const MIN_PASSWORD: usize = 8;
pub const MAX_PASSWORD: usize = 128;
/// Longest name that somebody gives a passkey, in Unicode scalar values.
pub const MAX_PASSKEY_NAME: usize = 40;
/// Passkeys of one account.
pub const MAX_PASSKEYS: usize = 10;
/// Signature algorithms of passkeys, the preferred one first: ES256, EdDSA, RS256 (IANA COSE Algorithms).
pub const ALGORITHMS: [i64; 3] = [-7, -8, -257];

/// What somebody makes an account of, and signs in with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    pub name: String,
    pub password: String,
}

/// What somebody sends who wants another password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    pub old: String,
    pub new: String,
}

/// A device token for the person whose account it is. Tokens of before may be good no longer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SignedIn {
    pub token: String,
}

/// One's own account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Account {
    /// Nobody else in the relay is called so, or nearly so.
    pub name: String,
    pub made_at: UnixMillis,
    /// Whether it can be signed in to by a password.
    pub has_password: bool,
}

/// A passkey of one's own account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Passkey {
    /// The credential's id in base64url.
    pub id: String,
    pub name: String,
    pub made_at: UnixMillis,
    /// When somebody last signed in by it.
    pub used_at: Option<UnixMillis>,
}

/// What somebody asks for before their device makes a passkey.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PasskeyWish {
    /// Of the account that is to be made with it; none adds it to one's own.
    #[serde(default)]
    pub account: Option<String>,
    /// Of one's own account, where it has one: a device token alone makes no way in that outlasts it.
    #[serde(default)]
    pub password: Option<String>,
}

/// What a device makes a passkey of. Bytes are in base64url, here and below.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PasskeyOffer {
    pub challenge: String,
    /// The RP ID: the host by whose name the page was opened.
    pub host: String,
    /// The user handle, which says nothing of the person.
    pub handle: String,
    /// What the device shows.
    pub account: String,
    /// Credentials of which the device is to hold no second.
    pub known: Vec<String>,
}

/// A passkey that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewPasskey {
    pub name: String,
    pub client_data: String,
    pub attestation: String,
}

/// What a device signs to sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PasskeyChallenge {
    pub challenge: String,
    /// The RP ID.
    pub host: String,
}

/// A device's signature by which somebody signs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PasskeyProof {
    pub id: String,
    pub client_data: String,
    pub authenticator_data: String,
    pub signature: String,
    pub handle: String,
}
