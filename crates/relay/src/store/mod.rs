//! What survives a restart: secrets, people's names, the room's events, sanctions, what recordings there are. The only
//! place with SQL, each question of which is written once for all databases ([`sql`]).
//!
//! One thread owns the database and works through a bounded queue. What is in the queue at once goes into
//! one transaction, and nobody hears "done" before it is committed.

mod backup;
pub(crate) mod cards;
mod events;
mod follows;
pub(crate) mod given;
pub(crate) mod goal;
pub(crate) mod invites;
pub(crate) mod ledger;
mod list;
pub(crate) mod logins;
pub(crate) mod moderation;
mod moving;
pub(crate) mod orders;
pub(crate) mod passkeys;
mod people;
pub(crate) mod personal;
pub(crate) mod pictures;
mod postgres;
pub(crate) mod recordings;
pub(crate) mod reports;
pub(crate) mod retention;
pub(crate) mod spend;
mod sql;
mod sqlite;
#[cfg(test)]
mod suite;
mod talk;
pub(crate) mod top_ups;
pub(crate) mod uploads;
mod watched;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use footlight_protocol::emote::Emote;
use footlight_protocol::room::{Event, Member, Pinned, UnixMillis};
use footlight_protocol::talk::Quote;
use footlight_protocol::{KeyId, MessageId, Nonce, RoomId, Seq, UserId};
use tokio::sync::{mpsc, oneshot};

use crate::error::Error;
use crate::moderation::reports::Filed;
use crate::secret::Secret;
use goal::Wish;
use logins::Named;
use moderation::Mark;
use spend::OpenPacket;
use sql::{Database, Fault, Outcome, Sql};
use top_ups::Tills;
pub(crate) use writer::Writer;
use writer::{Done, Job};

/// Jobs that wait for the database: some seconds of a very busy chat. Full ⇒ rooms wait, and with them those
/// who chat; media does not pass through here.
const JOBS: usize = 1024;

/// An event with who caused it by which request, so that a repeated request is known.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Kept {
    pub(crate) event: Event,
    pub(crate) by: Option<UserId>,
    pub(crate) nonce: Option<Nonce>,
}

/// A chat message as it was said.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Message {
    pub(crate) said_at: UnixMillis,
    pub(crate) by: Member,
    pub(crate) text: String,
    /// What it answers, as it can be seen now.
    pub(crate) reply: Option<Box<Quote>>,
    pub(crate) deleted: bool,
}

/// What a person may not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sanction {
    MutedUntil(UnixMillis),
    Banned,
}

/// A room as it was when the relay last stopped.
#[derive(Debug, Default)]
pub(crate) struct Past {
    /// The newest seq that was given out.
    pub(crate) seq: Seq,
    /// The newest events, oldest first, deleted messages among them.
    pub(crate) events: Vec<Kept>,
    /// Of those, the messages that are deleted.
    pub(crate) deleted: Vec<MessageId>,
    pub(crate) sanctions: Vec<(UserId, Sanction)>,
    /// Networks that are banned, and with whom.
    pub(crate) networks: Vec<(String, UserId)>,
    /// The creator's words for viewers while there is no picture.
    pub(crate) card: Option<String>,
    /// What the room offers, as its creator set it.
    pub(crate) gifts: Option<String>,
    /// In the order of their names.
    pub(crate) emotes: Vec<Emote>,
    /// What holds for those who spend, as its creator set it.
    pub(crate) terms: Option<String>,
    /// What its creator wishes for, and the coins that were given towards it.
    pub(crate) goal: Option<(Wish, i64)>,
    /// Red packets in which something may be left.
    pub(crate) packets: Vec<OpenPacket>,
    /// Those of somebody who is erased.
    pub(crate) lost_packets: Vec<Seq>,
    /// Messages that were paid for, and whether they are deleted.
    pub(crate) paid: Vec<(Event, bool)>,
    /// How coins can be had there.
    pub(crate) tills: Tills,
    /// How many follow it.
    pub(crate) followers: u64,
    /// What it takes of guests, as its creator set it.
    pub(crate) rules: Option<String>,
    pub(crate) standings: Vec<(UserId, Mark)>,
    /// What stands above the chat.
    pub(crate) pinned: Option<Pinned>,
    /// Messages that wait for a moderator, oldest first.
    pub(crate) held: Vec<Event>,
    /// Reports that wait, oldest first.
    pub(crate) reports: Vec<Filed>,
    /// What moderators decided of which texts, oldest first: whether it may stay.
    pub(crate) lessons: Vec<(String, bool)>,
}

/// Somebody who has taken a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) name: String,
    /// When they first took one.
    pub(crate) first: UnixMillis,
    /// What their picture is served under, where they show one.
    pub(crate) avatar: Option<String>,
}

/// A stream key as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KeptKey {
    pub(crate) id: KeyId,
    pub(crate) room: RoomId,
    pub(crate) name: String,
    pub(crate) hash: Vec<u8>,
    pub(crate) made_at: UnixMillis,
}

/// A handle to the database; cheap to clone.
#[derive(Clone)]
pub(crate) struct Store {
    jobs: mpsc::Sender<Job>,
    place: Arc<Place>,
}

/// Where the database is.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// SQLite, in this file.
    File(PathBuf),
    /// PostgreSQL, at this URL.
    Server(Secret),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            // Its URL holds a password.
            Self::Server(_) => f.write_str("PostgreSQL"),
        }
    }
}

impl Place {
    /// `footlight.db` in the folder, unless there is a server.
    pub(crate) fn of(folder: &Path, server: Option<Secret>) -> Self {
        server.map_or_else(|| Self::File(folder.join("footlight.db")), Self::Server)
    }

    /// Opens it with its schema at `version`, today's where none is given.
    fn open(&self, version: Option<usize>) -> Result<Box<dyn Sql>, String> {
        Ok(match self {
            Self::File(path) => Box::new(sqlite::Sqlite::open(path, version)?),
            Self::Server(url) => Box::new(postgres::Postgres::open(url.reveal(), version)?),
        })
    }

    /// Takes the schema back to an older version, for an older program. What came with later versions is lost. Not to
    /// be called inside an async runtime.
    pub(crate) fn go_back(&self, version: usize) -> Result<(), Error> {
        let fault = |message| Error::Store { place: self.to_string(), message };
        self.open(Some(version)).map(drop).map_err(fault)
    }
}

impl Store {
    /// Opens the database, makes it where it is a file that is missing, and brings it up to date.
    pub(crate) async fn open(place: Place) -> Result<(Self, Writer), Error> {
        let (jobs, receiver) = mpsc::channel(JOBS);
        let (opened, open) = oneshot::channel();
        let at = place.clone();
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || writer::run(|| at.open(None), receiver, opened))
            .map_err(|_| Error::System { what: "a thread" })?;
        let store = Self { jobs, place: Arc::new(place) };
        open.await
            .map_err(|_| store.fault("did not open".to_owned()))?
            .map_err(|message| store.fault(message))?;
        Ok((store, Writer::of(thread)))
    }

    fn fault(&self, message: String) -> Error {
        Error::Store { place: self.place.to_string(), message }
    }

    /// Queues work and returns its answer, which comes once it is on disk.
    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Database<'_>) -> Outcome<T> + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.queue(Job::Ask(Box::new(move |database| {
            let done = work(database);
            let counts = done.is_ok();
            let answer = move |committed: Outcome<()>| drop(reply.send(committed.and(done)));
            Done { counts, answer: Box::new(answer) }
        })))
        .await?;
        self.answered(answer).await
    }

    async fn scrub(&self) -> Result<(), Error> {
        self.apart(|sql| sql.scrub()).await
    }

    /// Queues work that is no part of a transaction; it runs after all that was queued before.
    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Sql) -> Outcome<T> + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.queue(Job::Apart(Box::new(move |sql| drop(reply.send(work(sql)))))).await?;
        self.answered(answer).await
    }

    async fn queue(&self, job: Job) -> Result<(), Error> {
        self.jobs.send(job).await.map_err(|_| self.gone())
    }

    async fn answered<T>(&self, answer: oneshot::Receiver<Outcome<T>>) -> Result<T, Error> {
        answer.await.map_err(|_| self.gone())?.map_err(|Fault(message)| self.fault(message))
    }

    fn gone(&self) -> Error {
        self.fault("its thread has ended".to_owned())
    }

    pub(crate) async fn secret(&self, name: &'static str) -> Result<Option<Vec<u8>>, Error> {
        self.ask(move |database| database.secret(name)).await
    }

    pub(crate) async fn set_secret(&self, name: &'static str, value: Vec<u8>) -> Result<(), Error> {
        self.ask(move |database| database.set_secret(name, &value)).await
    }

    /// The stream keys of all rooms, oldest first.
    pub(crate) async fn keys(&self) -> Result<Vec<KeptKey>, Error> {
        self.ask(|database| database.keys()).await
    }

    /// Keeps a key, in place of `old` where one is given, and gives it a number; `None` where the room has another
    /// key of that name.
    pub(crate) async fn add_key(
        &self,
        room: RoomId,
        name: String,
        hash: Vec<u8>,
        at: UnixMillis,
        old: Option<KeyId>,
    ) -> Result<Option<KeyId>, Error> {
        self.ask(move |database| {
            if let Some(old) = old {
                database.drop_key(old)?;
            }
            database.add_key(&room, &name, &hash, at)
        })
        .await
    }

    /// Forgets a key; says whether there was such a one.
    pub(crate) async fn drop_key(&self, id: KeyId) -> Result<bool, Error> {
        self.ask(move |database| database.drop_key(id)).await
    }

    pub(crate) async fn drop_secret(&self, name: &'static str) -> Result<(), Error> {
        self.ask(move |database| database.drop_secret(name)).await
    }

    /// What is known of who they are; `None` where they never set a name.
    pub(crate) async fn person(&self, user: UserId) -> Result<Option<Person>, Error> {
        self.ask(move |database| database.person(&user)).await
    }

    /// The person is called so from now on, and their account with them, unless the name is somebody else's.
    pub(crate) async fn set_name(&self, user: UserId, name: String, at: UnixMillis) -> Result<Named, Error> {
        self.ask(move |database| {
            let named = database.rename_login(&user, &name)?;
            if named == Named::Done {
                database.set_name(&user, &name, at)?;
            }
            Ok(named)
        })
        .await
    }

    /// Keeps what the room's creator set, under a name.
    pub(crate) async fn set_setting(
        &self,
        room: RoomId,
        name: &'static str,
        value: String,
    ) -> Result<(), Error> {
        self.ask(move |database| database.set_setting(&room, name, &value)).await
    }

    /// Sets the room's card, or takes it away.
    pub(crate) async fn set_card(&self, room: RoomId, card: Option<String>) -> Result<(), Error> {
        self.ask(move |database| database.set_card(&room, card.as_deref())).await
    }

    /// What the room needs to go on: its `tail` newest events, all sanctions, its card.
    pub(crate) async fn past(&self, room: RoomId, tail: usize) -> Result<Past, Error> {
        self.ask(move |database| database.past(&room, tail)).await
    }

    /// Keeps an event and does to messages and sanctions what it says.
    pub(crate) async fn keep(&self, room: RoomId, kept: Kept) -> Result<(), Error> {
        self.ask(move |database| database.keep(&room, &kept)).await
    }

    /// The event of that seq, where it is there and this version can read it.
    pub(crate) async fn event(&self, room: RoomId, seq: Seq) -> Result<Option<Kept>, Error> {
        self.ask(move |database| database.event(&room, seq)).await
    }

    pub(crate) async fn message(&self, room: RoomId, id: MessageId) -> Result<Option<Message>, Error> {
        self.ask(move |database| database.message(&room, id)).await
    }
}
