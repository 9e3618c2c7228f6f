//! Passwords, kept as Argon2id (RFC 9106). Hashing is slow and takes memory on purpose, so it is done off the async threads
//! and a few at a time: nobody can exhaust the machine by signing in.

use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, Version};
use footlight_protocol::account::{MAX_PASSWORD, MIN_PASSWORD};
use footlight_protocol::{Code, Failure};
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization as _;

use crate::error::Error;
use crate::secret::random;

/// Memory in KiB, passes and lanes: what OWASP's Password Storage Cheat Sheet asks for at least.
const COST: Cost = Cost { memory: 19 * 1_024, passes: 2, lanes: 1 };
/// Hashes that are made at a time, of 19 MiB each.
const AT_ONCE: usize = 2;
/// Requests that are waited with at most. More ⇒ they hear that it is too busy.
const WAITING: usize = 32;
const SALT: usize = 16;
const HASH: usize = 32;
/// Of what is kept: the cost's three numbers, salt, hash.
const KEPT: usize = 12 + SALT + HASH;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cost {
    memory: u32,
    passes: u32,
    lanes: u32,
}

/// A password on its way; it does not show itself.
#[derive(Clone)]
pub(crate) struct Password(String);

impl Password {
    /// A password that somebody chooses.
    ///
    /// # Errors
    /// Where it is too short or too long, in words.
    pub(crate) fn chosen(text: &str) -> Result<Self, Failure> {
        let length = text.chars().count();
        if !(MIN_PASSWORD..=MAX_PASSWORD).contains(&length) {
            let why = format!("A password has {MIN_PASSWORD} to {MAX_PASSWORD} characters");
            return Err(Failure::new(Code::BadSetting, why));
        }
        Ok(Self::typed(text))
    }

    /// One that somebody signs in with, whatever it is: the same letters are the same password on every keyboard.
    pub(crate) fn typed(text: &str) -> Self {
        Self(text.chars().take(MAX_PASSWORD + 1).nfc().collect())
    }
}

/// The gate to all hashing.
#[derive(Clone)]
pub(crate) struct Gate {
    turns: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            waiting: Arc::new(Semaphore::new(AT_ONCE + WAITING)),
        }
    }

    /// What is kept of a password.
    pub(crate) async fn hash(&self, password: Password) -> Result<Vec<u8>, Failure> {
        let salt = random::<SALT>().map_err(fault)?;
        let hash = self.run(move || hash(&password, &salt, COST)).await?;
        Ok(kept(COST, &salt, &hash))
    }

    /// Whether the password is the one that is kept. Where none is, that takes as long and is never so.
    pub(crate) async fn verify(&self, password: Password, kept: Option<Vec<u8>>) -> Result<bool, Failure> {
        let known = kept.as_deref().and_then(read);
        let is_known = known.is_some();
        let (cost, salt, right) = known.unwrap_or((COST, [0; SALT], [0; HASH]));
        let hash = self.run(move || hash(&password, &salt, cost)).await?;
        Ok(bool::from(hash.ct_eq(&right)) && is_known)
    }

    async fn run(
        &self,
        work: impl FnOnce() -> Result<[u8; HASH], Failure> + Send + 'static,
    ) -> Result<[u8; HASH], Failure> {
        let busy =
            |_| Failure::new(Code::TooFast, "Too many people sign in right now; try again in a moment");
        let _waits = self.waiting.try_acquire().map_err(busy)?;
        // Held by the work itself: somebody who hangs up does not make room for another while it goes on.
        let turn = self.turns.clone().acquire_owned().await;
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.unwrap_or_else(|_| Err(Failure::new(Code::Internal, "The relay could not do this")))
    }
}

fn hash(password: &Password, salt: &[u8], cost: Cost) -> Result<[u8; HASH], Failure> {
    let internal = |error: argon2::Error| {
        tracing::error!(%error, "a password could not be hashed");
        Failure::new(Code::Internal, "The relay could not do this")
    };
    let params = Params::new(cost.memory, cost.passes, cost.lanes, Some(HASH)).map_err(internal)?;
    let mut out = [0; HASH];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.0.as_bytes(), salt, &mut out)
        .map_err(internal)?;
    Ok(out)
}

fn kept(cost: Cost, salt: &[u8; SALT], hash: &[u8; HASH]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(KEPT);
    for number in [cost.memory, cost.passes, cost.lanes] {
        kept.extend(number.to_be_bytes());
    }
    kept.extend(salt);
    kept.extend(hash);
    kept
}

fn read(kept: &[u8]) -> Option<(Cost, [u8; SALT], [u8; HASH])> {
    let (cost, rest) = kept.split_at_checked(12)?;
    let (salt, hash) = rest.split_at_checked(SALT)?;
    let number = |at: usize| cost[at..at + 4].try_into().ok().map(u32::from_be_bytes);
    let cost = Cost { memory: number(0)?, passes: number(4)?, lanes: number(8)? };
    Some((cost, salt.try_into().ok()?, hash.try_into().ok()?))
}

fn fault(error: Error) -> Failure {
    tracing::error!(%error, "no salt");
    Failure::new(Code::Internal, "The relay could not do this")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_standard() {
        // RFC 9106 has a key and associated data in its vector; this one is of the reference program:
        // `echo -n password | argon2 somesalt -id -t 2 -k 65536 -p 1 -l 32`.
        let cost = Cost { memory: 65_536, passes: 2, lanes: 1 };
        let hash = hash(&Password::typed("password"), b"somesalt", cost).unwrap();
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7");
    }

    #[tokio::test]
    async fn a_password_is_known_again_and_another_one_is_not() {
        let gate = Gate::new();
        let password = |text: &str| Password::chosen(text).unwrap();
        let kept = gate.hash(password("correct horse é")).await.unwrap();
        assert!(read(&kept).is_some_and(|(cost, ..)| cost == COST) && kept.len() == KEPT);
        assert_ne!(gate.hash(password("correct horse é")).await.unwrap(), kept, "each has a salt of its own");
        for (typed, right) in
            [("correct horse é", true), ("correct horse e\u{301}", true), ("Correct horse é", false)]
        {
            assert_eq!(
                gate.verify(Password::typed(typed), Some(kept.clone())).await.unwrap(),
                right,
                "{typed}"
            );
        }
        let none = [None, Some(Vec::new()), Some(kept[1..].to_vec())];
        for nothing in none {
            assert!(!gate.verify(Password::typed(""), nothing).await.unwrap());
        }
        for bad in ["", "1234567", &"x".repeat(MAX_PASSWORD + 1)] {
            assert!(Password::chosen(bad).is_err(), "{bad}");
        }
        assert!(Password::chosen("密码密码密码密码").is_ok());
    }

    #[tokio::test]
    async fn more_than_can_wait_are_sent_away() {
        let gate = Gate::new();
        let held = gate.turns.clone().acquire_many_owned(AT_ONCE as u32).await.unwrap();
        let tries: Vec<_> = (0..AT_ONCE + WAITING + 5)
            .map(|_| {
                let gate = gate.clone();
                tokio::spawn(async move { gate.run(|| Ok([0; HASH])).await })
            })
            .collect();
        tokio::task::yield_now().await;
        drop(held);
        let mut refused = 0;
        for one in tries {
            refused += usize::from(one.await.unwrap().is_err());
        }
        assert_eq!(refused, 5);
    }
}
