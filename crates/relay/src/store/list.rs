//! Lists of rows inside statements, for as many as there are at once.
//!
//! What a statement costs differs: SQLite is fastest with one row a statement that stays prepared, PostgreSQL with as
//! many as possible, since each statement is a way there and back. The driver says which ([`Shapes`]).

use std::fmt::Write as _;

use footlight_protocol::RoomId;

use super::sql::{Database, Outcome, Row, Value};

/// Rows of values inside statements, as many as there are.
pub(super) struct List<'a> {
    values: Vec<Value<'a>>,
    width: usize,
}

impl<'a> List<'a> {
    pub(super) fn new(width: usize) -> Self {
        Self { values: Vec::new(), width }
    }

    /// Of so many rows.
    pub(super) fn with_room_for(width: usize, rows: usize) -> Self {
        Self { values: Vec::with_capacity(width * rows), width }
    }

    pub(super) fn add(&mut self, row: &[Value<'a>]) {
        debug_assert_eq!(row.len(), self.width);
        self.values.extend_from_slice(row);
    }

    /// The rows of `table` in the room that fit one of the list's: its values are `w1`, `w2` …
    pub(super) fn ask(
        &self,
        database: &mut Database<'_>,
        room: &RoomId,
        columns: &str,
        table: &str,
        fits: &str,
    ) -> Outcome<Vec<Row>> {
        let names = (1..=self.width).map(|n| format!("w{n}")).collect::<Vec<_>>().join(", ");
        let mut rows = Vec::new();
        let statement = |size: usize, piece: &[Value<'_>], casts: bool| {
            if size == 1 {
                // For a list of one row SQLite would make a table, each time.
                let one = format!("SELECT {columns} FROM {table} WHERE {table}.room = ?1 AND {fits}");
                return (1..=self.width)
                    .fold(one, |text, n| text.replace(&format!("w{n}"), &format!("?{}", n + 1)));
            }
            let places = self.places(piece, false, casts);
            format!(
                "WITH wanted ({names}) AS (VALUES {places}) SELECT {columns} FROM wanted CROSS JOIN {table}
                 WHERE {table}.room = ?1 AND {fits}"
            )
        };
        let (shapes, mut left) = (database.shapes(), &self.values[..]);
        let mut values: Vec<Value<'_>> = vec![room.as_str().into()];
        for size in shapes.sizes {
            let mut made: Option<String> = None;
            while left.len() >= size * self.width {
                let (piece, more) = left.split_at(size * self.width);
                left = more;
                values.truncate(1);
                values.extend_from_slice(piece);
                // Without casts it is the same for every piece of the size.
                if shapes.casts || made.is_none() {
                    made = Some(statement(*size, piece, shapes.casts));
                }
                rows.extend(database.query(made.as_deref().unwrap_or_default(), &values)?);
            }
        }
        Ok(rows)
    }

    /// Writes the rows, each with the room in front; gives how many were changed by it.
    pub(super) fn write(
        &self,
        database: &mut Database<'_>,
        room: &RoomId,
        insert: &str,
        then: &str,
    ) -> Outcome<u64> {
        let (mut left, mut changed) = (&self.values[..], 0);
        for size in database.shapes().sizes {
            let piece = size * self.width;
            let (these, more) = left.split_at(left.len() / piece * piece);
            left = more;
            if !these.is_empty() {
                let statement = format!("{insert} {} {then}", self.places(&these[..piece], true, false));
                changed += database.execute_each(&statement, room.as_str().into(), these, piece)?;
            }
        }
        Ok(changed)
    }

    fn places(&self, values: &[Value<'_>], with_room: bool, casts: bool) -> String {
        let mut text = String::with_capacity(values.len() * 8);
        // The room is the first of the statement's values.
        for (at, value) in (1..).zip(values) {
            let first = (at - 1_usize).is_multiple_of(self.width);
            text.push_str(match (first, at == 1, with_room) {
                (true, true, false) => "(",
                (true, false, false) => ", (",
                (true, true, true) => "(?1, ",
                (true, false, true) => ", (?1, ",
                (false, ..) => ", ",
            });
            // PostgreSQL takes a place in a list of values for text where nothing says otherwise. Writing to a String
            // never fails.
            let _ = match value {
                Value::Int(_) if casts => write!(text, "CAST(?{} AS BIGINT)", at + 1),
                _ => write!(text, "?{}", at + 1),
            };
            if at.is_multiple_of(self.width) {
                text.push(')');
            }
        }
        text
    }
}
