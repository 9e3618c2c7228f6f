//! Moves all there is from one database into another, empty one: every table that [`personal`](super::personal) lists, in one
//! transaction, checked by the number of rows and by the chain of the books before it counts.

use footlight_protocol::RoomId;

use super::Place;
use super::personal::tables;
use super::sql::{Cell, Database, Fault, Outcome, Row, Sql, Value, values};
use crate::error::Error;
use crate::gift::ledger::Hash;

/// Rows in memory at once.
const PAGE: usize = 500;

/// What was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) tables: usize,
    pub(crate) rows: u64,
    /// Rows of the books among them, each of which follows the one before.
    pub(crate) entries: u64,
}

impl Place {
    /// Copies all there is; what is here stays as it was. Not to be called inside an async runtime, nor while a relay uses
    /// either.
    pub(crate) fn move_to(&self, target: &Self) -> Result<Moved, Error> {
        let here = |message| Error::Store { place: self.to_string(), message };
        let there = |message| Error::Store { place: target.to_string(), message };
        if let Self::File(path) = self
            && !path.exists()
        {
            return Err(here("there is no such file".to_owned()));
        }
        let mut from = self.open(None).map_err(here)?;
        let mut to = target.open(None).map_err(there)?;
        from.begin().map_err(|Fault(message)| here(message))?;
        let moved = to.begin().and_then(|()| move_all(&mut *from, &mut *to));
        let kept = moved.and_then(|moved| {
            to.commit()?;
            if let Some(mut flush) = to.flush()? {
                flush()?;
            }
            Ok(moved)
        });
        // Nothing was changed.
        let _ = from.roll_back();
        kept.map_err(|Fault(message)| there(message))
    }
}

fn move_all(from: &mut dyn Sql, to: &mut dyn Sql) -> Outcome<Moved> {
    for (table, _) in tables() {
        if rows(to, table)? > 0 {
            return Err(Fault(format!("it is not empty: there are rows in {table}")));
        }
    }
    let mut moved = Moved { tables: 0, rows: 0, entries: 0 };
    for (table, columns) in tables() {
        copy(from, to, table, &columns)?;
        let (had, has) = (rows(from, table)?, rows(to, table)?);
        if had != has {
            return Err(Fault(format!("{table} has {has} rows and should have {had}; nothing was moved")));
        }
        moved.tables += 1;
        moved.rows += has;
    }
    for (table, newest) in from.counters()? {
        to.set_counter(&table, newest)?;
    }
    moved.entries = Database::new(to, false)?.check_books()?;
    Ok(moved)
}

fn rows(sql: &mut dyn Sql, table: &str) -> Outcome<u64> {
    let counted = sql.query(&format!("SELECT count(*) FROM {table}"), &[])?;
    counted.first().map_or(Ok(0), |row| row.get(0))
}

/// Page by page, in the order of the table's key.
fn copy(from: &mut dyn Sql, to: &mut dyn Sql, table: &str, columns: &[&str]) -> Outcome<()> {
    let key = from.key(table)?;
    let places = key.iter().map(|name| columns.iter().position(|column| column == name));
    let places: Vec<usize> = places
        .collect::<Option<_>>()
        .filter(|places: &Vec<_>| !places.is_empty())
        .ok_or_else(|| Fault(format!("{table} has no key that is listed")))?;
    let (key, names) = (key.join(", "), columns.join(", "));
    let numbers = |from: usize, count: usize| {
        (from..from + count).map(|n| format!("?{n}")).collect::<Vec<_>>().join(", ")
    };
    let first = format!("SELECT {names} FROM {table} ORDER BY {key} LIMIT {PAGE}");
    let next = format!(
        "SELECT {names} FROM {table} WHERE ({key}) > ({}) ORDER BY {key} LIMIT {PAGE}",
        numbers(1, places.len())
    );
    let mut page = from.query(&first, &[])?;
    while let Some(last) = page.last() {
        let behind: Vec<Value<'_>> = places.iter().map(|place| value(&last.0[*place])).collect();
        let following = from.query(&next, &behind)?;
        let mut left = &page[..];
        for size in to.shapes().sizes {
            let row = |n: usize| format!("({})", numbers(n * columns.len() + 1, columns.len()));
            let all = (0..*size).map(row).collect::<Vec<_>>().join(", ");
            let insert = format!("INSERT INTO {table} ({names}) {} VALUES {all}", to.overriding());
            while left.len() >= *size {
                let (some, more) = left.split_at(*size);
                let cells = some.iter().flat_map(|Row(cells)| cells.iter().map(value));
                to.execute(&insert, &cells.collect::<Vec<_>>())?;
                left = more;
            }
        }
        page = following;
    }
    Ok(())
}

fn value(cell: &Cell) -> Value<'_> {
    match cell {
        Cell::Null => Value::Null,
        Cell::Int(number) => Value::Int(*number),
        Cell::Text(text) => Value::Text(text),
        Cell::Blob(bytes) => Value::Blob(bytes),
    }
}

impl Database<'_> {
    /// Follows the books of all rooms from their first row to their last; gives how many there are.
    fn check_books(&mut self) -> Outcome<u64> {
        let wrong =
            |room: &str, what: &str| Err(Fault(format!("the books of {room} {what}; nothing was moved")));
        let mut checked = 0;
        for row in self.query("SELECT room, number, hash FROM chain", &[])? {
            let (name, end): (String, u64) = (row.get(0)?, row.get(1)?);
            let Ok(room) = RoomId::try_from(name.clone()) else { return wrong(&name, "are of no room") };
            let (mut number, mut previous) = (0, Hash::default());
            loop {
                let entries = self.entries(&room, number, PAGE)?;
                if entries.is_empty() {
                    break;
                }
                for entry in &entries {
                    if entry.number != number + 1 || !entry.follows(&previous) {
                        return wrong(&name, &format!("break at row {}", number + 1));
                    }
                    (number, previous) = (entry.number, entry.hash);
                }
            }
            if number != end || previous[..] != row.get::<Vec<u8>>(2)?[..] {
                return wrong(&name, &format!("end at row {number} and should at {end}"));
            }
            let sum = self.first(
                "SELECT CAST(coalesce(sum(balance), 0) AS BIGINT) FROM account WHERE room = ?1",
                values![&name],
            )?;
            if sum.map_or(Ok(0), |row| row.get::<i64>(0))? != 0 {
                return wrong(&name, "do not balance");
            }
            checked += number;
        }
        Ok(checked)
    }
}
