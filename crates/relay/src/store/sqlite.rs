//! SQLite: one file, one writer, a log before it ([`log`]).

mod log;

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, ToSql, params_from_iter};

use self::log::Log;
use super::backup::{self, Snapshot};
use super::sql::{Cell, Committed, Fault, Flush, NEWER, Outcome, Row, Shapes, Sql, Step, Value, step, way};
use crate::lock::lock;

/// Steps from an empty file to today's schema; `user_version` counts those that were taken.
const STEPS: [Step; 22] = [
    step!("sqlite/schema"),
    step!("sqlite/recordings"),
    step!("sqlite/card"),
    step!("sqlite/keys"),
    step!("sqlite/uploads"),
    step!("sqlite/ledger"),
    step!("sqlite/moderation"),
    step!("sqlite/given"),
    step!("sqlite/packets"),
    step!("sqlite/paid"),
    step!("sqlite/memberships"),
    step!("sqlite/people"),
    step!("sqlite/invites"),
    step!("sqlite/logins"),
    step!("sqlite/reports"),
    step!("sqlite/networks"),
    step!("sqlite/top_ups"),
    step!("sqlite/orders"),
    step!("sqlite/watched"),
    step!("sqlite/passkeys"),
    step!("sqlite/pictures"),
    step!("sqlite/follows"),
];
/// Statements that stay prepared; the store has fewer.
const PREPARED: usize = 256;
/// How long a relay that is being replaced may take to let go of the database.
const PREDECESSOR: Duration = Duration::from_secs(2);
const PREDECESSOR_STEP: Duration = Duration::from_millis(20);

pub(super) struct Sqlite {
    /// Before the connection, which is the last to be closed and takes the log's file away.
    log: Log,
    connection: Connection,
    path: PathBuf,
    /// What the connection's count of changes was at the last commit.
    changes: u64,
    /// The database's file, for copies of it. Opened once: closing any handle to it would take the locks of this process
    /// from it.
    file: Option<Arc<File>>,
    /// Held while a copy is made.
    copying: Arc<Mutex<()>>,
    /// Locked as long as the database is in use.
    _held: File,
}

impl Sqlite {
    /// Opens the file and brings its schema to `version`, today's where none is given.
    pub(super) fn open(path: &Path, version: Option<usize>) -> Result<Self, String> {
        let held = hold(path)?;
        let mut connection = Connection::open(path).map_err(|error| error.to_string())?;
        match migrate(&mut connection, version.unwrap_or(STEPS.len())) {
            Ok(()) => Ok(Self {
                log: Log::of(&mut connection, path)?,
                changes: connection.total_changes(),
                connection,
                path: path.to_owned(),
                file: None,
                copying: Arc::default(),
                _held: held,
            }),
            Err(Unfit::Newer) => Err(NEWER.to_owned()),
            Err(Unfit::Failed(error)) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                Err("another program is using it".to_owned())
            }
            Err(Unfit::Failed(error)) => Err(error.to_string()),
        }
    }
}

/// One relay a database: two would give the same seq twice. Said by a lock on a file beside it, since SQLite's own would
/// also keep out this relay's second connection.
fn hold(path: &Path) -> Result<File, String> {
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(beside(path, "-lock"));
    let lock = lock.map_err(|error| error.to_string())?;
    let begun = Instant::now();
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) if begun.elapsed() < PREDECESSOR => {
                std::thread::sleep(PREDECESSOR_STEP);
            }
            Err(TryLockError::WouldBlock) => return Err("another relay is using it".to_owned()),
            Err(TryLockError::Error(error)) => return Err(format!("it cannot be locked: {error}")),
        }
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Whether the file is a database of this program, and whole.
pub(super) fn check(path: &Path) -> Result<(), String> {
    let checked = Connection::open(path).and_then(|connection| {
        // A copy has no log; with one it would not be a single file.
        connection.pragma_update(None, "journal_mode", "DELETE")?;
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0))
    });
    match checked {
        Ok(said) if said == "ok" => Ok(()),
        Ok(said) => Err(said),
        Err(error) => Err(error.to_string()),
    }
}

enum Unfit {
    Newer,
    Failed(rusqlite::Error),
}

impl From<rusqlite::Error> for Unfit {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(error)
    }
}

fn migrate(connection: &mut Connection, to: usize) -> Result<(), Unfit> {
    connection.busy_timeout(PREDECESSOR)?;
    connection.set_prepared_statement_cache_capacity(PREPARED);
    // Else a statement over a table with partial indexes is planned anew whenever its values change.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // SQLite flushes what has to be on disk before something else is. That a transaction is there before it is
    // acknowledged is seen to by [`Sql::flush`], so that the next one is written meanwhile.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    // What is deleted is overwritten, so that an erased person is not in the file's free pages.
    connection.pragma_update(None, "secure_delete", true)?;
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let from = transaction.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))?;
    for step in way(&STEPS, from as usize, to).ok_or(Unfit::Newer)? {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", to as i64)?;
    transaction.commit()?;
    Ok(())
}

impl Sql for Sqlite {
    fn begin(&mut self) -> Outcome<()> {
        self.connection.execute_batch("BEGIN IMMEDIATE").map_err(fault)
    }

    fn commit(&mut self) -> Outcome<Committed> {
        self.connection.execute_batch("COMMIT").map_err(fault)?;
        let changes = self.connection.total_changes();
        let unflushed = std::mem::replace(&mut self.changes, changes) != changes;
        self.log.committed(&self.connection);
        Ok(if unflushed { Committed::Unflushed } else { Committed::Whole })
    }

    fn flush(&self) -> Outcome<Option<Flush>> {
        // Transactions are in the log once they are committed, and in their place only after a flush of SQLite's own. The
        // log is the same file as long as the database is open.
        let log = OpenOptions::new().read(true).write(true).open(beside(&self.path, "-wal"));
        let log = log.map_err(|error| Fault(format!("its log cannot be opened: {error}")))?;
        Ok(Some(Box::new(move || log.sync_data().map_err(|error| Fault(error.to_string())))))
    }

    fn roll_back(&mut self) -> Outcome<()> {
        // Some failures have ended the transaction themselves.
        if self.connection.is_autocommit() {
            Ok(())
        } else {
            self.connection.execute_batch("ROLLBACK").map_err(fault)
        }
    }

    fn mark(&mut self) -> Outcome<()> {
        self.connection.execute_batch("SAVEPOINT job").map_err(fault)
    }

    fn past_mark(&mut self) -> Outcome<()> {
        self.connection.execute_batch("RELEASE job").map_err(fault)
    }

    fn back_to_mark(&mut self) -> Outcome<()> {
        self.connection.execute_batch("ROLLBACK TO job; RELEASE job").map_err(fault)
    }

    fn execute(&mut self, statement: &str, values: &[Value<'_>]) -> Outcome<u64> {
        let mut prepared = self.connection.prepare_cached(statement).map_err(fault)?;
        prepared.execute(params_from_iter(values)).map(|changed| changed as u64).map_err(fault)
    }

    fn execute_each(
        &mut self,
        statement: &str,
        first: Value<'_>,
        rows: &[Value<'_>],
        width: usize,
    ) -> Outcome<u64> {
        let mut prepared = self.connection.prepare_cached(statement).map_err(fault)?;
        prepared.raw_bind_parameter(1, first).map_err(fault)?;
        let (mut changed, mut before) = (0, None);
        for row in rows.chunks_exact(width) {
            for (place, value) in row.iter().enumerate() {
                // What is the same as in the row before is still bound.
                if before.is_none_or(|before: &[Value<'_>]| before[place] != *value) {
                    prepared.raw_bind_parameter(place + 2, value).map_err(fault)?;
                }
            }
            before = Some(row);
            changed += prepared.raw_execute().map_err(fault)? as u64;
        }
        Ok(changed)
    }

    fn scrub(&mut self) -> Outcome<()> {
        // The file must not change under a copy.
        let _copied = lock(&self.copying);
        // What was freed is zeros already; what is not in its place yet is in the log beside it.
        self.log.empty(&self.connection).map_err(Fault)
    }

    fn shapes(&self) -> Shapes {
        Shapes { sizes: &[1], casts: false }
    }

    fn snapshot(&mut self) -> Outcome<Snapshot> {
        if self.log.is_kept() {
            return Err(Fault("a copy of it is being made already".to_owned()));
        }
        let file = match &self.file {
            Some(file) => Arc::clone(file),
            None => {
                let opened = File::open(&self.path).map_err(|error| Fault(error.to_string()))?;
                Arc::clone(self.file.insert(Arc::new(opened)))
            }
        };
        // Before it is emptied, lest something be brought there between the two.
        self.log.keep(true);
        if let Err(error) = self.scrub() {
            self.log.keep(false);
            return Err(error);
        }
        let copying = Arc::clone(&self.copying);
        Ok(Box::new(move |to| {
            let _copying = lock(&copying);
            backup::copy(&file, to).map_err(|error| Fault(error.to_string()))
        }))
    }

    fn end_snapshot(&mut self) -> Outcome<()> {
        self.log.keep(false);
        Ok(())
    }

    fn key(&mut self, table: &str) -> Outcome<Vec<String>> {
        let rows =
            self.query("SELECT name FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk", &[table.into()])?;
        rows.iter().map(|row| row.get(0)).collect()
    }

    fn counters(&mut self) -> Outcome<Vec<(String, u64)>> {
        let rows = self.query("SELECT name, seq FROM sqlite_sequence", &[])?;
        rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
    }

    fn set_counter(&mut self, table: &str, newest: u64) -> Outcome<()> {
        self.execute("DELETE FROM sqlite_sequence WHERE name = ?1", &[table.into()])?;
        let values = [table.into(), newest.into()];
        self.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)", &values).map(drop)
    }

    fn query(&mut self, statement: &str, values: &[Value<'_>]) -> Outcome<Vec<Row>> {
        let mut prepared = self.connection.prepare_cached(statement).map_err(fault)?;
        let columns = prepared.column_count();
        let rows = prepared.query_map(params_from_iter(values), |row| {
            (0..columns).map(|column| row.get_ref(column).map(cell)).collect::<rusqlite::Result<_>>().map(Row)
        });
        rows.and_then(Iterator::collect).map_err(fault)
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(value) => Cell::Int(value),
        // No column holds any.
        ValueRef::Real(value) => Cell::Int(value as i64),
        ValueRef::Text(text) => Cell::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Cell::Blob(bytes.to_vec()),
    }
}

fn fault(error: rusqlite::Error) -> Fault {
    Fault(error.to_string())
}
