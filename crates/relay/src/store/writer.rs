//! The thread that owns the database: what is in its queue at once goes into one transaction. Where the database leaves
//! bringing it to disk to us, a second thread does that, and nobody hears "done" before.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use super::ledger::{Booking, settle};
use super::sql::{Committed, Database, Fault, Flush, Outcome, Sql};

/// Jobs in one transaction. A disk flush takes some milliseconds, and this many jobs hardly longer.
const GROUP: usize = 256;

/// Groups that wait for the disk. Full ⇒ the next is written once one of them is there; more would only make answers
/// later.
const UNFLUSHED: usize = 2;

pub(super) enum Job {
    /// A question or a change, inside the transaction.
    Ask(Ask),
    /// What is no part of a transaction; after all that stands in the queue before it.
    Apart(Apart),
    /// A request to the books. Those that stand in the queue behind each other are settled together.
    Book(Booking),
}

pub(super) type Apart = Box<dyn FnOnce(&mut dyn Sql) + Send>;

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

/// Opens the database, says so, and works until every [`super::Store`] is gone, or nothing can be kept any more.
pub(super) fn run(
    open: impl FnOnce() -> Result<Box<dyn Sql>, String>,
    mut jobs: mpsc::Receiver<Job>,
    opened: oneshot::Sender<Result<(), String>>,
) {
    let ready = open().and_then(|database| {
        let flush = database.flush().map_err(|Fault(message)| message)?;
        let flusher = flush.map(Flusher::start).transpose()?;
        Ok((database, flusher))
    });
    let (mut database, mut flusher) = match ready {
        Ok(ready) => {
            let _ = opened.send(Ok(()));
            ready
        }
        Err(message) => {
            let _ = opened.send(Err(message));
            return;
        }
    };
    let mut waiting = None;
    while let Some(first) = waiting.take().or_else(|| jobs.blocking_recv()) {
        let first = match first {
            Job::Apart(work) => {
                work(&mut *database);
                continue;
            }
            job => job,
        };
        let mut done = Vec::new();
        let committed = group(&mut *database, first, &mut jobs, &mut done, &mut waiting);
        if let Err(error) = &committed {
            tracing::error!(%error, "a transaction failed");
            if let Err(error) = database.roll_back() {
                tracing::error!(%error, "and could not be undone");
            }
        }
        match (committed, &flusher) {
            // Also where nothing was changed: what it saw may not be on disk yet.
            (Ok(committed), Some(flusher)) => {
                if !flusher.take(Group { done, committed }) {
                    break;
                }
            }
            (committed, _) => answer(done, &committed.map(drop)),
        }
    }
    if let Some(flusher) = flusher.take() {
        flusher.join();
    }
}

fn answer(done: Vec<Done>, committed: &Outcome<()>) {
    for Done { answer, .. } in done {
        answer(committed.clone());
    }
}

/// What was committed and is not answered yet.
struct Group {
    done: Vec<Done>,
    committed: Committed,
}

/// Brings groups to disk, each in its turn or several at once, while the next is written; then answers.
struct Flusher {
    groups: SyncSender<Group>,
    thread: JoinHandle<()>,
}

impl Flusher {
    fn start(flush: Flush) -> Result<Self, String> {
        let (groups, committed) = sync_channel(UNFLUSHED);
        let thread = std::thread::Builder::new().name("store-flush".to_owned());
        let thread = thread.spawn(move || flush_all(flush, committed)).map_err(|error| error.to_string())?;
        Ok(Self { groups, thread })
    }

    /// Says whether anything can still be kept.
    fn take(&self, group: Group) -> bool {
        // What comes back is dropped, and who waits for its answer hears that the store is gone.
        self.groups.send(group).is_ok()
    }

    fn join(self) {
        drop(self.groups);
        let _ = self.thread.join();
    }
}

/// Ends with the first flush that fails: what of the log is on disk then is not known any more, and another flush may say
/// that all is well. A relay that starts again reads what is there.
fn flush_all(mut flush: Flush, committed: Receiver<Group>) {
    while let Ok(first) = committed.recv() {
        let groups: Vec<Group> = std::iter::once(first).chain(committed.try_iter()).collect();
        let needed = groups.iter().any(|group| group.committed == Committed::Unflushed);
        let flushed = if needed { flush() } else { Ok(()) };
        if let Err(error) = flushed {
            tracing::error!(%error, "what was committed could not be brought to disk; nothing is kept any more");
            // Before anybody hears of it: what they ask for next is not to be taken.
            drop(committed);
            return groups.into_iter().for_each(|group| answer(group.done, &Err(error.clone())));
        }
        groups.into_iter().for_each(|group| answer(group.done, &flushed));
    }
}

/// `waiting` gets the job that cannot be in a transaction and ends this one.
fn group(
    sql: &mut dyn Sql,
    first: Job,
    jobs: &mut mpsc::Receiver<Job>,
    done: &mut Vec<Done>,
    waiting: &mut Option<Job>,
) -> Outcome<Committed> {
    sql.begin()?;
    let (mut taken, mut next, mut bookings) = (0, Some(first), Vec::new());
    while let Some(job) = next {
        taken += 1;
        match job {
            Job::Apart(_) => {
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::{Sender, channel};
    use std::time::Duration;

    use super::super::sql::{Row, Shapes, Value};
    use super::*;

    /// A database that says what it does, and whose flush ends as the test wants.
    struct Watched {
        does: Sender<&'static str>,
        flushed: Mutex<Option<Receiver<Outcome<()>>>>,
    }

    impl Sql for Watched {
        fn begin(&mut self) -> Outcome<()> {
            Ok(())
        }
        fn commit(&mut self) -> Outcome<Committed> {
            self.does.send("commit").unwrap();
            Ok(Committed::Unflushed)
        }
        fn flush(&self) -> Outcome<Option<Flush>> {
            let (does, flushed) = (self.does.clone(), self.flushed.lock().unwrap().take().unwrap());
            Ok(Some(Box::new(move || {
                does.send("flush").unwrap();
                flushed.recv().unwrap()
            })))
        }
        fn roll_back(&mut self) -> Outcome<()> {
            Ok(())
        }
        fn mark(&mut self) -> Outcome<()> {
            Ok(())
        }
        fn past_mark(&mut self) -> Outcome<()> {
            Ok(())
        }
        fn back_to_mark(&mut self) -> Outcome<()> {
            Ok(())
        }
        fn execute(&mut self, _: &str, _: &[Value<'_>]) -> Outcome<u64> {
            Ok(0)
        }
        fn scrub(&mut self) -> Outcome<()> {
            Ok(())
        }
        fn key(&mut self, _: &str) -> Outcome<Vec<String>> {
            Ok(Vec::new())
        }
        fn counters(&mut self) -> Outcome<Vec<(String, u64)>> {
            Ok(Vec::new())
        }
        fn set_counter(&mut self, _: &str, _: u64) -> Outcome<()> {
            Ok(())
        }
        fn shapes(&self) -> Shapes {
            Shapes { sizes: &[1], casts: false }
        }
        fn query(&mut self, _: &str, _: &[Value<'_>]) -> Outcome<Vec<Row>> {
            Ok(Vec::new())
        }
    }

    #[test]
    fn nobody_hears_before_the_flush_and_the_next_is_written_meanwhile() {
        const SOON: Duration = Duration::from_secs(10);
        let (does, done) = channel();
        let (flush, flushed) = channel();
        let (jobs, queue) = mpsc::channel(8);
        let (opened, _open) = oneshot::channel();
        let database = Watched { does, flushed: Mutex::new(Some(flushed)) };
        let thread = std::thread::spawn(move || run(|| Ok(Box::new(database)), queue, opened));
        let ask = || {
            let (told, answer) = channel();
            let ask: Ask = Box::new(|_| {
                let answer = move |committed| drop(told.send(committed));
                Done { counts: true, answer: Box::new(answer) }
            });
            assert!(jobs.blocking_send(Job::Ask(ask)).is_ok());
            answer
        };
        let next = || done.recv_timeout(SOON).unwrap();
        let first = ask();
        assert_eq!([next(), next()], ["commit", "flush"]);
        let second = ask();
        assert_eq!(next(), "commit", "while the first is on its way to the disk");
        assert!(first.try_recv().is_err() && second.try_recv().is_err());
        flush.send(Ok(())).unwrap();
        assert_eq!(first.recv_timeout(SOON), Ok(Ok(())));
        assert_eq!(next(), "flush");
        assert!(second.try_recv().is_err());
        let fault = Err(Fault("no disk".to_owned()));
        flush.send(fault.clone()).unwrap();
        assert_eq!(second.recv_timeout(SOON), Ok(fault));
        // Nothing is kept any more: whoever still asks hears that the store is gone, and is not told of success.
        let third = ask();
        thread.join().unwrap();
        assert!(third.recv_timeout(SOON).is_err());
        assert!(jobs.is_closed());
    }
}
