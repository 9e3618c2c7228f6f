//! Who may do what: the stream keys, the owner token, and the device tokens that make a guest the same person
//! again.
//! Those who have an account can end all tokens of theirs: a token names its generation, and one is good at a time.
//!
//! A device token is the user's id with a keyed hash of it, so nothing has to be stored for people who only
//! watch.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use footlight_protocol::{KeyId, RoomId, UserId};

use crate::error::Error;
use crate::gift::ledger::Purse;
use crate::keys::Keys;
use crate::lock::lock;
use crate::moderation::network::Network;
use crate::secret::{Hasher, Secret, letters, random, random_id};
use crate::store::Store;

const OWNER_TOKEN: &str = "owner token";
const DEVICE: &str = "device";
const PURSE: &str = "purse";
const INVITE: &str = "invite";
const NETWORK: &str = "network";
const HANDLE: &str = "passkey";
/// Names in the store.
const HASH_KEY: &str = "hash_key";
/// Letters and digits of a user id: 80 bits.
const USER_ID: usize = 16;
/// Letters and digits of a purse's name: 120 bits.
const PURSE_NAME: usize = 24;
/// Bytes of the keyed hash that a device token carries: 128 bits.
const SIGNATURE: usize = 16;

/// The relay's keys, hashed.
pub(crate) struct Auth {
    hasher: Hasher,
    pub(crate) keys: Keys,
    owner_token: Vec<u8>,
    /// Of which generation tokens have to be that are good, where not of the first: by person, or by the alias of one who was
    /// erased.
    generations: Mutex<HashMap<String, u32>>,
}

/// The keys that can still be shown.
pub(crate) struct Shown {
    pub(crate) stream_key: Option<Secret>,
    pub(crate) owner_token: Option<Secret>,
}

impl Auth {
    /// Reads the hashes from the store; makes and keeps what is missing; puts what is handed in in its place.
    pub(crate) async fn open(
        store: &Store,
        room: &RoomId,
        stream_key: Option<Secret>,
        owner_token: Option<Secret>,
    ) -> Result<(Self, Shown), Error> {
        let hash_key = match store.secret(HASH_KEY).await? {
            Some(key) => key,
            None => {
                let key = random::<32>()?.to_vec();
                store.set_secret(HASH_KEY, key.clone()).await?;
                key
            }
        };
        let hasher = Hasher::new(&hash_key);
        let (keys, stream_key) = Keys::open(store, &hasher, room, stream_key).await?;
        let (owner_hash, owner_token) = settle(store, &hasher, OWNER_TOKEN, owner_token).await?;
        let generations = Mutex::new(store.generations().await?.into_iter().collect());
        Ok((Self { hasher, keys, owner_token: owner_hash, generations }, Shown { stream_key, owner_token }))
    }

    /// Which stream key the text is.
    pub(crate) fn publisher(&self, key: &str) -> Option<KeyId> {
        self.keys.find(key)
    }

    /// Whether the request is by the owner, who may do everything.
    pub(crate) fn is_by_owner(&self, headers: &HeaderMap) -> bool {
        bearer(headers).is_some_and(|token| self.is_owner(token))
    }

    pub(crate) fn is_owner(&self, token: &str) -> bool {
        self.hasher.matches(OWNER_TOKEN, token, &self.owner_token)
    }

    /// As a link's secret is kept.
    pub(crate) fn invite_hash(&self, secret: &str) -> Vec<u8> {
        self.hasher.hash(INVITE, secret).to_vec()
    }

    pub(crate) fn is_invite(&self, secret: &str, hash: &[u8]) -> bool {
        self.hasher.matches(INVITE, secret, hash)
    }

    /// A new person.
    pub(crate) fn new_user(&self) -> Result<UserId, Error> {
        let id = random_id(USER_ID)?;
        Ok(UserId::try_from(id).expect("letters and digits of a valid length"))
    }

    /// Of the generation that is good now.
    pub(crate) fn device_token(&self, user: &UserId) -> String {
        let named = match self.generation(user) {
            0 => user.to_string(),
            generation => format!("{user}.{generation}"),
        };
        let signature = self.hasher.hash(DEVICE, &named);
        format!("{named}.{}", URL_SAFE_NO_PAD.encode(&signature[..SIGNATURE]))
    }

    fn generation(&self, user: &UserId) -> u32 {
        let generations = self.generations();
        let found = generations.get(user.as_str()).or_else(|| generations.get(self.alias(user).as_str()));
        found.copied().unwrap_or(0)
    }

    /// The generation of tokens after the one that is good now.
    pub(crate) fn next_generation(&self, user: &UserId) -> u32 {
        self.generation(user).saturating_add(1)
    }

    /// From now on tokens have to be of this generation; all others that the person has are no good.
    pub(crate) fn set_generation(&self, user: &UserId, generation: u32) {
        self.generations().insert(user.to_string(), generation);
    }

    /// Somebody is erased: where they had an account, no token makes anybody that person again.
    pub(crate) fn retire(&self, user: &UserId) {
        let mut generations = self.generations();
        if let Some(generation) = generations.remove(user.as_str()) {
            generations.insert(self.alias(user).to_string(), generation.saturating_add(1));
        }
    }

    fn generations(&self) -> MutexGuard<'_, HashMap<String, u32>> {
        lock(&self.generations)
    }

    /// Under which name the books know a person. Nobody without the relay's key can say whose it is.
    pub(crate) fn purse(&self, user: &UserId) -> Purse {
        let name = letters(&self.hasher.hash(PURSE, user.as_str())[..PURSE_NAME]);
        name.parse().expect("letters and digits of a valid length")
    }

    /// Under which name a network is known that is banned. Nobody without the relay's key can say which it is.
    pub(crate) fn network(&self, network: Network) -> String {
        letters(&self.hasher.hash(NETWORK, &network.to_string())[..PURSE_NAME])
    }

    /// The user handle of a person's passkeys (Web Authentication section 14.6.1: it says nothing of them), in base64url.
    pub(crate) fn handle(&self, user: &UserId) -> String {
        URL_SAFE_NO_PAD.encode(self.hasher.hash(HANDLE, user.as_str()))
    }

    /// What an erased person's ban is under: the same letters as their purse, and as little to be led back.
    pub(crate) fn alias(&self, user: &UserId) -> UserId {
        self.purse(user).as_str().parse().expect("letters and digits of a valid length")
    }

    /// The person that the device token makes, where it is one of ours.
    pub(crate) fn device(&self, token: &str) -> Option<UserId> {
        let (user, _) = token.split_once('.')?;
        let user: UserId = user.parse().ok()?;
        let right = self.device_token(&user);
        let same: bool = subtle::ConstantTimeEq::ct_eq(right.as_bytes(), token.as_bytes()).into();
        same.then_some(user)
    }
}

async fn settle(
    store: &Store,
    hasher: &Hasher,
    name: &'static str,
    given: Option<Secret>,
) -> Result<(Vec<u8>, Option<Secret>), Error> {
    let kept = store.secret(name).await?;
    let shown = match (given, &kept) {
        (Some(given), _) => given,
        (None, Some(_)) => return Ok((kept.unwrap_or_default(), None)),
        (None, None) => Secret::random()?,
    };
    let hash = hasher.hash(name, shown.reveal()).to_vec();
    if kept.as_ref() != Some(&hash) {
        store.set_secret(name, hash.clone()).await?;
    }
    Ok((hash, Some(shown)))
}

/// The token of an `Authorization: Bearer` header (RFC 6750 section 2.1).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
