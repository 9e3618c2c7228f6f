//! The thread that owns the database: what is in its queue at once goes into one transaction.

use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use super::sql::{Database, Outcome, Sql};

/// Jobs in one transaction. A disk flush takes some milliseconds, and this many jobs hardly longer.
const GROUP: usize = 256;

/// Runs inside the transaction.
pub(super) type Job = Box<dyn FnOnce(&mut Database<'_>) -> Done + Send>;

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
    while let Some(first) = jobs.blocking_recv() {
        let mut done = Vec::new();
        let committed = group(&mut *database, first, &mut jobs, &mut done);
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

fn group(sql: &mut dyn Sql, first: Job, jobs: &mut mpsc::Receiver<Job>, done: &mut Vec<Done>) -> Outcome<()> {
    sql.begin()?;
    let mut next = Some(first);
    while let Some(job) = next {
        sql.mark()?;
        let ran = job(&mut Database::new(sql));
        let counts = ran.counts;
        // Its asker hears of what follows, too.
        done.push(ran);
        if counts { sql.past_mark() } else { sql.back_to_mark() }?;
        next = if done.len() < GROUP { jobs.try_recv().ok() } else { None };
    }
    sql.commit()
}
