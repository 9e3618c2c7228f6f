//! Lists of rows inside statements, for as many as there are at once, in few shapes: each shape is prepared once.

use std::fmt::Write as _;

use footlight_protocol::RoomId;

use super::sql::{Database, Outcome, Row, Value};

/// Rows in one statement. A list of any length is cut into these, so that few statements have to be prepared.
const SIZES: [usize; 4] = [64, 16, 4, 1];

/// Rows of values inside statements, as many as there are.
pub(super) struct List<'a> {
    values: Vec<Value<'a>>,
    width: usize,
}

impl<'a> List<'a> {
    pub(super) fn new(width: usize) -> Self {
        Self { values: Vec::new(), width }
    }

    pub(super) fn add(&mut self, row: &[Value<'a>]) {
        debug_assert_eq!(row.len(), self.width);
        self.values.extend_from_slice(row);
    }

    /// Cuts the rows into pieces of [`SIZES`]; each with the room in front of its values.
    fn pieces<'b>(&self, room: &'b RoomId) -> Vec<Vec<Value<'b>>>
    where
        'a: 'b,
    {
        let mut rest = &self.values[..];
        let mut pieces = Vec::new();
        for size in SIZES {
            while rest.len() >= size * self.width {
                let (piece, more) = rest.split_at(size * self.width);
                pieces.push(std::iter::once(room.as_str().into()).chain(piece.iter().copied()).collect());
                rest = more;
            }
        }
        pieces
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
        let names: Vec<String> = (1..=self.width).map(|n| format!("w{n}")).collect();
        let mut rows = Vec::new();
        for values in self.pieces(room) {
            let places = self.places(&values, false);
            // A cross join keeps SQLite from going through the table for each row of the list.
            let statement = format!(
                "WITH wanted ({}) AS (VALUES {places}) SELECT {columns} FROM wanted CROSS JOIN {table}
                 WHERE {table}.room = ?1 AND {fits}",
                names.join(", "),
            );
            rows.extend(database.query(&statement, &values)?);
        }
        Ok(rows)
    }

    /// Writes the rows, each with the room in front.
    pub(super) fn write(
        &self,
        database: &mut Database<'_>,
        room: &RoomId,
        insert: &str,
        then: &str,
    ) -> Outcome<()> {
        for values in self.pieces(room) {
            let places = self.places(&values, true);
            database.execute(&format!("{insert} {places} {then}"), &values)?;
        }
        Ok(())
    }

    fn places(&self, values: &[Value<'_>], with_room: bool) -> String {
        let mut text = String::with_capacity(values.len() * 8);
        for (at, value) in values.iter().enumerate().skip(1) {
            let first = (at - 1).is_multiple_of(self.width);
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
                Value::Int(_) => write!(text, "CAST(?{} AS BIGINT)", at + 1),
                _ => write!(text, "?{}", at + 1),
            };
            if at.is_multiple_of(self.width) {
                text.push(')');
            }
        }
        text
    }
}
