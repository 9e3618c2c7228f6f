//! Keys and tokens: made from the system's random numbers, kept as keyed hashes, compared in constant time,
//! and never printed by accident.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::error::Error;

/// A text that must not be shown. Its content comes out of [`Secret::reveal`] only.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The content, for the one place that hands it to its owner.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// 192 random bits, safe in URLs and headers.
    pub fn random() -> Result<Self, Error> {
        random::<24>().map(|bytes| Self(URL_SAFE_NO_PAD.encode(bytes)))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Keys come by environment only: flags are seen by everybody on the machine.
pub(crate) fn key(name: &'static str) -> Result<Option<Secret>, Error> {
    /// Shorter ones can be guessed by trying.
    const SHORTEST: usize = 8;
    let Ok(value) = std::env::var(name) else {
        return Ok(None);
    };
    if value.len() < SHORTEST || value.chars().any(|c| c.is_whitespace() || c.is_control()) {
        let message = format!("has to be at least {SHORTEST} characters without spaces");
        return Err(Error::Setting { setting: name, message });
    }
    Ok(Some(Secret::new(value)))
}

pub(crate) fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| Error::System { what: "random numbers" })?;
    Ok(bytes)
}

/// Letters and digits, `length` of them, for ids that cannot be guessed.
pub(crate) fn random_id(length: usize) -> Result<String, Error> {
    Ok(letters(&random::<32>()?[..length]))
}

/// One letter or digit for each byte, five bits of it.
pub(crate) fn letters(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnopqrstuvwxyz2345678";
    bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
}

/// Makes keyed hashes. Its own key lies in the store and never leaves the process.
#[derive(Clone)]
pub(crate) struct Hasher(Hmac<Sha256>);

impl Hasher {
    pub(crate) fn new(key: &[u8]) -> Self {
        // HMAC takes a key of any length.
        Self(Hmac::new_from_slice(key).expect("any length is a key"))
    }

    /// `purpose` keeps a hash made for one thing from being good for another.
    pub(crate) fn hash(&self, purpose: &str, text: &str) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().into()
    }

    pub(crate) fn matches(&self, purpose: &str, text: &str, hash: &[u8]) -> bool {
        self.hash(purpose, text).ct_eq(hash).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_itself() {
        let secret = Secret::random().unwrap();
        assert_eq!(secret.reveal().len(), 32);
        assert!(!format!("{secret:?}").contains(secret.reveal()));
        assert_ne!(secret, Secret::random().unwrap());
    }

    #[test]
    fn a_hash_is_good_for_its_purpose_only() {
        let hasher = Hasher::new(b"key");
        let hash = hasher.hash("stream key", "abc");
        assert!(hasher.matches("stream key", "abc", &hash));
        assert!(!hasher.matches("owner token", "abc", &hash));
        assert!(!hasher.matches("stream key", "abd", &hash));
        assert!(!Hasher::new(b"other").matches("stream key", "abc", &hash));
    }
}
