//! What the two databases have in common: statements with numbered places, values, rows.
//!
//! Every question to the store is written once, in SQL that both understand; what differs is in the drivers
//! ([`super::sqlite`], [`super::postgres`]) and in the steps of the schema. Integers are of 64 bits, truth is 0 or 1.

use std::fmt;

use super::backup::Snapshot;

/// Why a statement failed, as the database says it. It goes into the log, never to a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault(pub(super) String);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(super) type Outcome<T> = Result<T, Fault>;

/// A database with one transaction at a time.
pub(super) trait Sql {
    fn begin(&mut self) -> Outcome<()>;

    /// What was done counts, and is kept, power cut or not; where this says [`Committed::Unflushed`], once
    /// [`Sql::flush`]'s work was done after it.
    fn commit(&mut self) -> Outcome<Committed>;

    /// What brings to disk all that was committed before, on any thread and beside the next transaction. `None` where
    /// each commit does it.
    fn flush(&self) -> Outcome<Option<Flush>>;

    fn roll_back(&mut self) -> Outcome<()>;

    /// Where [`Sql::back_to_mark`] goes back to.
    fn mark(&mut self) -> Outcome<()>;

    /// What was done since the mark counts as what was before; the mark is gone.
    fn past_mark(&mut self) -> Outcome<()>;

    /// What was done since the mark is undone; the mark is gone.
    fn back_to_mark(&mut self) -> Outcome<()>;

    /// Runs a statement; gives how many rows it changed. `?1` stands for the first of the values.
    fn execute(&mut self, statement: &str, values: &[Value<'_>]) -> Outcome<u64>;

    /// Runs a statement for each row of `width` values, with `first` in front of them; gives how many rows it changed
    /// in all.
    fn execute_each(
        &mut self,
        statement: &str,
        first: Value<'_>,
        rows: &[Value<'_>],
        width: usize,
    ) -> Outcome<u64> {
        let (mut values, mut changed) = (vec![first], 0);
        for row in rows.chunks(width) {
            values.truncate(1);
            values.extend_from_slice(row);
            changed += self.execute(statement, &values)?;
        }
        Ok(changed)
    }

    /// Leaves nothing of what was deleted or overwritten in files that can be read. Not inside a transaction.
    fn scrub(&mut self) -> Outcome<()>;

    /// How lists of rows are best written.
    fn shapes(&self) -> Shapes;

    /// What copies all that was committed up to now, until [`Sql::end_snapshot`]. Not inside a transaction.
    fn snapshot(&mut self) -> Outcome<Snapshot> {
        Err(Fault("it is copied by its own program, pg_dump".to_owned()))
    }

    /// The copy is made, or not to be made any more.
    fn end_snapshot(&mut self) -> Outcome<()> {
        Ok(())
    }

    /// The columns of a table's primary key, in their order.
    fn key(&mut self, table: &str) -> Outcome<Vec<String>>;

    /// Tables that number their rows themselves, with the newest number that was given.
    fn counters(&mut self) -> Outcome<Vec<(String, u64)>>;

    /// The table goes on numbering behind that.
    fn set_counter(&mut self, table: &str, newest: u64) -> Outcome<()>;

    /// What stands before the values of an insert, so that it may give the numbers of such a table's rows itself.
    fn overriding(&self) -> &'static str {
        ""
    }

    /// Runs a statement; gives the rows that it yields.
    fn query(&mut self, statement: &str, values: &[Value<'_>]) -> Outcome<Vec<Row>>;
}

/// What a commit leaves to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Committed {
    /// Nothing: it is on disk, or nothing was changed.
    Whole,
    /// It is not on disk yet.
    Unflushed,
}

/// See [`Sql::flush`].
pub(super) type Flush = Box<dyn FnMut() -> Outcome<()> + Send>;

/// How lists of rows are best written for a database.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shapes {
    /// Rows in one statement, the largest first, down to one. Few, so that few statements have to be prepared.
    pub(super) sizes: &'static [usize],
    /// Whether a number in a list has to be said to be one.
    pub(super) casts: bool,
}

/// One step of the schema, and the way back. Going back loses what came with the step.
pub(super) struct Step {
    pub(super) up: &'static str,
    pub(super) down: &'static str,
}

/// The step in the two files of that name.
macro_rules! step {
    ($name:literal) => {
        $crate::store::sql::Step {
            up: include_str!(concat!($name, ".sql")),
            down: include_str!(concat!($name, ".down.sql")),
        }
    };
}
pub(super) use step;

pub(super) const NEWER: &str = "it was written by a newer version of this program";

/// The statements that lead from one version of the schema to another; `None` where one is not known.
pub(super) fn way(steps: &[Step], from: usize, to: usize) -> Option<Vec<&'static str>> {
    if from.max(to) > steps.len() {
        return None;
    }
    let up = steps.iter().take(to).skip(from).map(|step| step.up);
    let down = steps.iter().take(from).skip(to).rev().map(|step| step.down);
    Some(up.chain(down).collect())
}

/// What stands in a statement's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Null,
    Int(i64),
    Text(&'a str),
    Blob(&'a [u8]),
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u64> for Value<'_> {
    /// Times, sequence numbers, sizes: none of them reaches 2⁶³.
    fn from(value: u64) -> Self {
        Self::Int(value as i64)
    }
}

impl From<u32> for Value<'_> {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

impl From<usize> for Value<'_> {
    fn from(value: usize) -> Self {
        Self::Int(value as i64)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Int(value.into())
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Blob(value)
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The values of a statement, each by its `Into<Value>`.
macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$($crate::store::sql::Value::from($value)),*] };
}
pub(super) use values;

/// One value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    Null,
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
}

/// One row that a statement yields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row(pub(super) Vec<Cell>);

impl Row {
    /// The value of a column, counted from 0.
    ///
    /// # Errors
    /// Where it is of another kind, or not there.
    pub(super) fn get<T: FromCell>(&self, column: usize) -> Outcome<T> {
        let cell = self.0.get(column).unwrap_or(&Cell::Null);
        T::from_cell(cell).ok_or_else(|| Fault(format!("column {column} holds {cell:?}")))
    }
}

/// What a cell can be read as.
pub(super) trait FromCell: Sized {
    fn from_cell(cell: &Cell) -> Option<Self>;
}

impl FromCell for i64 {
    fn from_cell(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Int(value) => Some(*value),
            _ => None,
        }
    }
}

impl FromCell for u64 {
    fn from_cell(cell: &Cell) -> Option<Self> {
        i64::from_cell(cell).and_then(|value| value.try_into().ok())
    }
}

impl FromCell for u32 {
    fn from_cell(cell: &Cell) -> Option<Self> {
        i64::from_cell(cell).and_then(|value| value.try_into().ok())
    }
}

impl FromCell for bool {
    fn from_cell(cell: &Cell) -> Option<Self> {
        i64::from_cell(cell).map(|value| value != 0)
    }
}

impl FromCell for String {
    fn from_cell(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Text(text) => Some(text.clone()),
            _ => None,
        }
    }
}

impl FromCell for Vec<u8> {
    fn from_cell(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Blob(bytes) => Some(bytes.clone()),
            _ => None,
        }
    }
}

impl<T: FromCell> FromCell for Option<T> {
    fn from_cell(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Null => Some(None),
            cell => T::from_cell(cell).map(Some),
        }
    }
}

/// One job's part of the open transaction, of which the store's questions are asked. It counts as a whole or not at all.
pub(super) struct Database<'a> {
    sql: &'a mut dyn Sql,
    /// Whether something was done before it in the transaction.
    follows: bool,
}

impl<'a> Database<'a> {
    /// Begins a job in the transaction that was begun; `follows` says whether others came before it there.
    pub(super) fn new(sql: &'a mut dyn Sql, follows: bool) -> Outcome<Self> {
        // The first needs no mark: where it fails, the transaction is begun anew. A mark is not free: SQLite keeps the
        // former state of every page that changes after it.
        if follows {
            sql.mark()?;
        }
        Ok(Self { sql, follows })
    }

    /// What the job did counts.
    pub(super) fn keep_job(self) -> Outcome<()> {
        if self.follows { self.sql.past_mark() } else { Ok(()) }
    }

    /// What the job did is undone, and what came before it stays.
    pub(super) fn undo_job(self) -> Outcome<()> {
        if self.follows {
            return self.sql.back_to_mark();
        }
        self.sql.roll_back()?;
        self.sql.begin()
    }

    /// What the job did up to here is undone, and it goes on from its beginning.
    pub(super) fn start_over(&mut self) -> Outcome<()> {
        if !self.follows {
            self.sql.roll_back()?;
            return self.sql.begin();
        }
        self.sql.back_to_mark()?;
        self.sql.mark()
    }

    pub(super) fn execute(&mut self, statement: &str, values: &[Value<'_>]) -> Outcome<u64> {
        self.sql.execute(statement, values)
    }

    /// See [`Sql::execute_each`].
    pub(super) fn execute_each(
        &mut self,
        statement: &str,
        first: Value<'_>,
        rows: &[Value<'_>],
        width: usize,
    ) -> Outcome<u64> {
        self.sql.execute_each(statement, first, rows, width)
    }

    pub(super) fn query(&mut self, statement: &str, values: &[Value<'_>]) -> Outcome<Vec<Row>> {
        self.sql.query(statement, values)
    }

    pub(super) fn shapes(&self) -> Shapes {
        self.sql.shapes()
    }

    /// The first row, if there is one.
    pub(super) fn first(&mut self, statement: &str, values: &[Value<'_>]) -> Outcome<Option<Row>> {
        Ok(self.query(statement, values)?.into_iter().next())
    }
}
