//! The thread that owns the database: what is in its queue at once goes into one transaction.

use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use super::ledger::{Booking, settle};
use super::sql::{Database, Outcome, Sql};

/// Jobs in one transaction. A disk flush takes some milliseconds, and this many jobs hardly longer.
const GROUP: usize = 256;

pub(super) enum Job {
    /// A question or a change, inside the transaction.
    Ask(Ask),
    /// See [`Sql::scrub`]; after all that stands in the queue before it.
    Scrub(oneshot::Sender<Outcome<()>>),
    /// A request to the books. Those that stand in the queue behind each other are settled together.
    Book(Booking),
}

pub(super) type Ask = Box<dyn FnOnce(&mut Database<'_>) -> Done + Send>;

/// A job that ran.
pub(super) struct Done {
    /// What it did counts. Else it is undone, and the other jobs of the group go on.
    pub(super) counts: bool,
    /// Told whether the transaction was committed.
    pub(super) answer: Box<dyn FnOnce(Outcome<()>) + Send>,
}

/// Owns the database's thread. [`Writer::join`] waits until everything that was queued is committed.
pub(crate) struct Writer(Option<JoinHandle<()>>);

impl Writer {
    pub(super) fn of(thread: JoinHandle<()>) -> Self {
        Self(Some(thread))
    }

    /// Ends when the last [`super::Store`] is gone.
    pub(crate) fn join(mut self) {
        if let Some(thread) = self.0.take() {
            let _ = thread.join();
        }
    }
}

/// Opens the database, says so, and works until every [`super::Store`] is gone.
pub(super) fn run(
    open: impl FnOnce() -> Result<Box<dyn Sql>, String>,
    mut jobs: mpsc::Receiver<Job>,
    opened: oneshot::Sender<Result<(), String>>,
) {
    let mut database = match open() {
        Ok(database) => {
            let _ = opened.send(Ok(()));
            database
        }
        Err(message) => {
            let _ = opened.send(Err(message));
            return;
        }
    };
    let mut waiting = None;
    while let Some(first) = waiting.take().or_else(|| jobs.blocking_recv()) {
        if let Job::Scrub(reply) = first {
            let _ = reply.send(database.scrub());
            continue;
        }
        let mut done = Vec::new();
        let committed = group(&mut *database, first, &mut jobs, &mut done, &mut waiting);
        if let Err(error) = &committed {
            tracing::error!(%error, "a transaction failed");
            if let Err(error) = database.roll_back() {
                tracing::error!(%error, "and could not be undone");
            }
        }
        for Done { answer, .. } in done {
            answer(committed.clone());
        }
    }
}

/// `waiting` gets the job that cannot be in a transaction and ends this one.
fn group(
    sql: &mut dyn Sql,
    first: Job,
    jobs: &mut mpsc::Receiver<Job>,
    done: &mut Vec<Done>,
    waiting: &mut Option<Job>,
) -> Outcome<()> {
    sql.begin()?;
    let (mut taken, mut next, mut bookings) = (0, Some(first), Vec::new());
    while let Some(job) = next {
        taken += 1;
        match job {
            Job::Scrub(_) => {
                *waiting = Some(job);
                break;
            }
            Job::Book(booking) => bookings.push(booking),
            Job::Ask(ask) => {
                // What was asked for before has happened before.
                settle_all(sql, &mut bookings, done)?;
                marked(sql, done, ask)?;
            }
        }
        next = if taken < GROUP { jobs.try_recv().ok() } else { None };
    }
    settle_all(sql, &mut bookings, done)?;
    sql.commit()
}

/// Room by room, each in its order.
fn settle_all(sql: &mut dyn Sql, bookings: &mut Vec<Booking>, done: &mut Vec<Done>) -> Outcome<()> {
    while let Some(room) = bookings.first().map(|booking| booking.room.clone()) {
        let (these, others) = bookings.drain(..).partition(|booking| booking.room == room);
        *bookings = others;
        marked(sql, done, |database| settle(database, &room, these))?;
    }
    Ok(())
}

/// Runs what counts as a whole or not at all.
fn marked(
    sql: &mut dyn Sql,
    done: &mut Vec<Done>,
    run: impl FnOnce(&mut Database<'_>) -> Done,
) -> Outcome<()> {
    let mut database = Database::new(sql, !done.is_empty())?;
    let ran = run(&mut database);
    let counts = ran.counts;
    // Who asked hears of what follows, too.
    done.push(ran);
    if counts { database.keep_job() } else { database.undo_job() }
}
