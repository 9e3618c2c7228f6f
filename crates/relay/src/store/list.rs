//! Lists of rows inside statements, for as many as there are at once.
//!
//! What a statement costs differs: SQLite is fastest with one row a statement that stays prepared, PostgreSQL with as
//! many as possible, since each statement is a way there and back. The driver says which ([`Shapes`]).

use std::fmt::Write as _;

use footlight_protocol::RoomId;

use super::sql::{Database, Outcome, Row, Shapes, Value};

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
        let statement = |places: &str| {
            // A cross join keeps SQLite from going through the table for each row of the list.
            format!(
                "WITH wanted ({names}) AS (VALUES {places}) SELECT {columns} FROM wanted CROSS JOIN {table}
                 WHERE {table}.room = ?1 AND {fits}"
            )
        };
        self.each(database.shapes(), room, false, statement, |statement, values| {
            rows.extend(database.query(statement, values)?);
            Ok(())
        })?;
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
        let statement = |places: &str| format!("{insert} {places} {then}");
        self.each(database.shapes(), room, true, statement, |statement, values| {
            database.execute(statement, values).map(drop)
        })
    }

    /// Runs statements over all rows, in pieces of the sizes that there are; the room is in front of the values.
    fn each<'b>(
        &self,
        shapes: Shapes,
        room: &'b RoomId,
        with_room: bool,
        statement: impl Fn(&str) -> String,
        mut run: impl FnMut(&str, &[Value<'b>]) -> Outcome<()>,
    ) -> Outcome<()>
    where
        'a: 'b,
    {
        let mut rest = &self.values[..];
        let mut values: Vec<Value<'b>> = vec![room.as_str().into()];
        for size in shapes.sizes {
            let mut made: Option<String> = None;
            while rest.len() >= size * self.width {
                let (piece, more) = rest.split_at(size * self.width);
                rest = more;
                values.truncate(1);
                values.extend_from_slice(piece);
                // Without casts it is the same for every piece of the size.
                if shapes.casts || made.is_none() {
                    made = Some(statement(&self.places(&values, with_room, shapes.casts)));
                }
                run(made.as_deref().unwrap_or_default(), &values)?;
            }
        }
        Ok(())
    }

    fn places(&self, values: &[Value<'_>], with_room: bool, casts: bool) -> String {
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
