//! Passkeys of accounts. An account always keeps a way in: the last passkey of one without a password does not go.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use footlight_protocol::UserId;
use footlight_protocol::account::{MAX_PASSKEYS, Passkey};
use footlight_protocol::room::UnixMillis;

use super::Store;
use super::logins::{NO_PASSWORD, Named};
use super::sql::{Database, Fault, Outcome, Row, values};
use crate::error::Error;
use crate::passkey::Credential;

/// A passkey that is to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fresh {
    pub(crate) credential: Credential,
    /// Its RP ID.
    pub(crate) host: String,
    pub(crate) name: String,
}

/// What became of a passkey that was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Added {
    Done,
    /// The account has as many as it may have.
    Full,
    /// The credential's id is known already (section 7.1).
    Known,
    NoAccount,
}

/// What became of a wish to be rid of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Removed {
    Done,
    NotThere,
    /// Nobody could sign in to the account any more.
    LastWay,
}

/// `id, name, made, used`
fn passkey(row: &Row) -> Outcome<Passkey> {
    Ok(Passkey { id: row.get(0)?, name: row.get(1)?, made_at: row.get(2)?, used_at: row.get(3)? })
}

impl Database<'_> {
    fn passkeys(&mut self, user: &UserId) -> Outcome<Vec<Passkey>> {
        let rows = self.query(
            "SELECT id, name, made, used FROM passkey WHERE person = ?1 ORDER BY made, id",
            values![user.as_str()],
        )?;
        rows.iter().map(passkey).collect()
    }

    fn add_passkey(&mut self, user: &UserId, fresh: &Fresh, now: UnixMillis) -> Outcome<Added> {
        let Fresh { credential, host, name } = fresh;
        let id = URL_SAFE_NO_PAD.encode(&credential.id);
        if self.first("SELECT 1 FROM passkey WHERE id = ?1", values![&id])?.is_some() {
            return Ok(Added::Known);
        }
        if self.passkeys(user)?.len() >= MAX_PASSKEYS {
            return Ok(Added::Full);
        }
        self.execute(
            "INSERT INTO passkey (id, person, host, key, counter, name, made) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            values![&id, user.as_str(), host, &*credential.key, credential.counter, name, now],
        )?;
        Ok(Added::Done)
    }
}

impl Store {
    /// Oldest first.
    pub(crate) async fn passkeys_of(&self, user: UserId) -> Result<Vec<Passkey>, Error> {
        self.ask(move |database| database.passkeys(&user)).await
    }

    /// Adds one to an account that there is.
    pub(crate) async fn add_passkey(
        &self,
        user: UserId,
        fresh: Fresh,
        now: UnixMillis,
    ) -> Result<Added, Error> {
        self.ask(move |database| {
            if database.login_of(&user)?.is_none() {
                return Ok(Added::NoAccount);
            }
            database.add_passkey(&user, &fresh, now)
        })
        .await
    }

    /// Makes an account that is signed in to by this passkey and by no password.
    pub(crate) async fn add_login_by_passkey(
        &self,
        user: UserId,
        name: String,
        fresh: Fresh,
        generation: u32,
        now: UnixMillis,
    ) -> Result<Named, Error> {
        self.ask(move |database| {
            let named = database.new_login(&user, &name, NO_PASSWORD, generation, now)?;
            if named == Named::Done && database.add_passkey(&user, &fresh, now)? != Added::Done {
                return Err(Fault("a credential of somebody without an account was known".to_owned()));
            }
            Ok(named)
        })
        .await
    }

    /// The credential of that id in base64url, where it belongs to this host, and whose account it is.
    pub(crate) async fn credential(
        &self,
        id: String,
        host: String,
    ) -> Result<Option<(UserId, Credential)>, Error> {
        self.ask(move |database| {
            let found = database.first(
                "SELECT person, key, counter FROM passkey WHERE id = ?1 AND host = ?2",
                values![&id, &host],
            )?;
            let Some(row) = found else { return Ok(None) };
            let Ok(user) = UserId::try_from(row.get::<String>(0)?) else { return Ok(None) };
            let Ok(id) = URL_SAFE_NO_PAD.decode(&id) else { return Ok(None) };
            Ok(Some((user, Credential { id, key: row.get(1)?, counter: row.get(2)? })))
        })
        .await
    }

    /// Somebody signed in by it. False where another did at the same moment with the same count, or it is gone.
    pub(crate) async fn passkey_used(
        &self,
        id: String,
        before: u32,
        counter: u32,
        now: UnixMillis,
    ) -> Result<bool, Error> {
        self.ask(move |database| {
            let changed = database.execute(
                "UPDATE passkey SET counter = ?3, used = ?4 WHERE id = ?1 AND counter = ?2",
                values![&id, before, counter, now],
            )?;
            Ok(changed == 1)
        })
        .await
    }

    pub(crate) async fn remove_passkey(&self, user: UserId, id: String) -> Result<Removed, Error> {
        self.ask(move |database| {
            let there = database.passkeys(&user)?;
            if !there.iter().any(|passkey| passkey.id == id) {
                return Ok(Removed::NotThere);
            }
            let by_password = database.login_of(&user)?.is_some_and(|login| login.has_password());
            if there.len() == 1 && !by_password {
                return Ok(Removed::LastWay);
            }
            database.execute("DELETE FROM passkey WHERE id = ?1", values![&id])?;
            Ok(Removed::Done)
        })
        .await
    }
}
