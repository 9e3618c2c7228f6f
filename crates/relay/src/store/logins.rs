//! Accounts: who has which name, and of which generation their tokens are. Names are compared by their skeletons
//! ([`skeleton`]).

use footlight_protocol::UserId;
use footlight_protocol::account::Account;
use footlight_protocol::room::UnixMillis;

use super::Store;
use super::sql::{Database, Outcome, Row, values};
use crate::error::Error;
use crate::gift::ledger::Purse;
use crate::moderation::normal::skeleton;

/// What is kept in a hash's place where there is no password: no password has it, and it is not empty as an erased one's.
pub(super) const NO_PASSWORD: &[u8] = &[0];

/// An account as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) user: UserId,
    pub(crate) name: String,
    /// See [`crate::password`].
    pub(crate) hash: Vec<u8>,
    pub(crate) made_at: UnixMillis,
}

impl Login {
    pub(crate) fn shown(&self) -> Account {
        Account { name: self.name.clone(), made_at: self.made_at, has_password: self.has_password() }
    }

    pub(crate) fn has_password(&self) -> bool {
        self.hash != NO_PASSWORD
    }
}

/// What became of a wish for a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    Done,
    /// Somebody else has it, or one that looks like it.
    Taken,
    /// They have an account already.
    Again,
}

impl Database<'_> {
    fn login(&mut self, condition: &str, value: &str) -> Outcome<Option<Login>> {
        let found = self.first(
            &format!("SELECT person, name, hash, made FROM login WHERE {condition} = ?1"),
            values![value],
        )?;
        Ok(match found {
            Some(row) => login(&row)?,
            None => None,
        })
    }

    pub(super) fn login_of(&mut self, user: &UserId) -> Outcome<Option<Login>> {
        self.login("person", user.as_str())
    }

    pub(super) fn new_login(
        &mut self,
        user: &UserId,
        name: &str,
        hash: &[u8],
        generation: u32,
        now: UnixMillis,
    ) -> Outcome<Named> {
        if self.login_of(user)?.is_some() {
            return Ok(Named::Again);
        }
        if self.is_claimed(user, name)? || self.is_of_rank(user, name)? {
            return Ok(Named::Taken);
        }
        self.execute(
            "INSERT INTO login (person, name, skeleton, hash, made, generation) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            values![user.as_str(), name, &skeleton(name), hash, now, generation],
        )?;
        self.set_name(user, name, now)?;
        Ok(Named::Done)
    }

    /// Whether the name is somebody else's who has an account.
    pub(super) fn is_claimed(&mut self, user: &UserId, name: &str) -> Outcome<bool> {
        let found = self.first(
            "SELECT 1 FROM login WHERE skeleton = ?1 AND person <> ?2",
            values![&skeleton(name), user.as_str()],
        )?;
        Ok(found.is_some())
    }

    /// Whether it is that of a moderator or VIP of this relay, who would lose it.
    fn is_of_rank(&mut self, user: &UserId, name: &str) -> Outcome<bool> {
        let rows = self.query(
            "SELECT person.name FROM standing JOIN person ON person.id = standing.person
             WHERE standing.mark IN ('moderator', 'vip') AND standing.person <> ?1",
            values![user.as_str()],
        )?;
        let wanted = skeleton(name);
        let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect::<Outcome<_>>()?;
        Ok(names.iter().any(|name| skeleton(name) == wanted))
    }

    /// The account goes with the name of the person.
    pub(super) fn rename_login(&mut self, user: &UserId, name: &str) -> Outcome<Named> {
        if self.is_claimed(user, name)? {
            return Ok(Named::Taken);
        }
        let skeleton = skeleton(name);
        let has = self.login_of(user)?.is_some();
        if has && (skeleton.is_empty() || self.is_of_rank(user, name)?) {
            return Ok(Named::Taken);
        }
        self.execute(
            "UPDATE login SET name = ?2, skeleton = ?3 WHERE person = ?1",
            values![user.as_str(), name, &skeleton],
        )?;
        Ok(Named::Done)
    }

    /// Of an account that is erased nothing stays but that its tokens are no good, which nobody can lead back.
    pub(super) fn retire_login(&mut self, user: &UserId, purse: &Purse) -> Outcome<()> {
        let nothing: &[u8] = &[];
        self.execute(
            "UPDATE login SET person = ?2, skeleton = ?2, name = '', hash = ?3, made = 0, generation = generation + 1
             WHERE person = ?1",
            values![user.as_str(), purse.as_str(), nothing],
        )
        .map(drop)
    }
}

/// `person, name, hash, made`; `None` for what is left of an erased one.
fn login(row: &Row) -> Outcome<Option<Login>> {
    let hash: Vec<u8> = row.get(2)?;
    let Ok(user) = UserId::try_from(row.get::<String>(0)?) else { return Ok(None) };
    Ok((!hash.is_empty()).then_some(Login { user, name: row.get(1)?, hash, made_at: row.get(3)? }))
}

impl Store {
    /// Makes an account for a person, who is called so from now on.
    pub(crate) async fn add_login(
        &self,
        user: UserId,
        name: String,
        hash: Vec<u8>,
        generation: u32,
        now: UnixMillis,
    ) -> Result<Named, Error> {
        self.ask(move |database| database.new_login(&user, &name, &hash, generation, now)).await
    }

    pub(crate) async fn login_named(&self, name: String) -> Result<Option<Login>, Error> {
        self.ask(move |database| database.login("skeleton", &skeleton(&name))).await
    }

    pub(crate) async fn login_of(&self, user: UserId) -> Result<Option<Login>, Error> {
        self.ask(move |database| database.login_of(&user)).await
    }

    /// The tokens of before are no good any more; with a hash, nor is the password of before.
    pub(crate) async fn renew_login(
        &self,
        user: UserId,
        generation: u32,
        hash: Option<Vec<u8>>,
    ) -> Result<(), Error> {
        self.ask(move |database| {
            database
                .execute(
                    "UPDATE login SET generation = ?2, hash = coalesce(?3, hash) WHERE person = ?1",
                    values![user.as_str(), generation, hash.as_deref()],
                )
                .map(drop)
        })
        .await
    }

    /// Of which generation tokens have to be: of persons with an account, and of purses of those that were erased.
    pub(crate) async fn generations(&self) -> Result<Vec<(String, u32)>, Error> {
        self.ask(|database| {
            let rows = database.query("SELECT person, generation FROM login", &[])?;
            rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
        })
        .await
    }
}
