//! What the database knows about people: every column of every table is listed ([`columns`]), as somebody's or as nobody's, and a
//! test fails on one that is not. What a person gets to see of themselves, and what goes when they are erased, follows
//! from the list.

mod columns;

use footlight_protocol::UserId;
use footlight_protocol::room::EventKind;
use serde_json::{Map, Value as Json};

use super::Store;
use super::sql::{Cell, Database, Fault, Outcome, Row, Value, values};
use crate::error::Error;
use crate::gift::ledger::{Account, Purse};
use columns::Erased::{Emptied, Go, Unlinked};
use columns::Holds::{self, Confidential, Personal};
use columns::TABLES;

/// Who looks at what is known of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Eyes {
    Owner,
    /// They themselves.
    Own,
}

/// All tables with their columns.
pub(super) fn tables() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    TABLES.iter().map(|table| (table.name, table.columns.iter().map(|(column, _)| *column).collect()))
}

/// Tables that an erasing changes, with their columns.
pub(super) fn emptied() -> impl Iterator<Item = (&'static str, impl Iterator<Item = &'static str>)> {
    let changed = TABLES.iter().filter(|table| matches!(table.whose, Some((_, Go | Emptied))));
    changed.map(|table| (table.name, table.columns.iter().map(|(column, _)| *column)))
}

/// What a person is called in the database.
struct Names {
    id: String,
    /// As it stands in the JSON of an event.
    in_json: String,
    account: String,
    purse: String,
}

impl Names {
    fn of(user: &UserId, purse: &Purse) -> Self {
        let account = Account::Person(purse.clone()).to_string();
        Self {
            id: user.to_string(),
            in_json: format!("%\"id\":\"{user}\"%"),
            account,
            purse: purse.as_str().to_owned(),
        }
    }

    fn values(&self) -> [Value<'_>; 4] {
        [(&self.id).into(), (&self.in_json).into(), (&self.account).into(), (&self.purse).into()]
    }
}

/// The statement with the places that it uses numbered from one, and their values.
fn filled<'a>(statement: &str, values: &[Value<'a>; 4]) -> (String, Vec<Value<'a>>) {
    let (mut numbered, mut used) = (statement.to_owned(), Vec::new());
    for (n, value) in (1..).zip(values) {
        let place = format!("?{n}");
        if numbered.contains(&place) {
            used.push(*value);
            // It never becomes a larger one, so none that is still to come is met.
            numbered = numbered.replace(&place, &format!("?{}", used.len()));
        }
    }
    (numbered, used)
}

impl Database<'_> {
    /// All that is a person's, by table.
    fn of_person(&mut self, user: &UserId, purse: &Purse, eyes: Eyes) -> Outcome<Map<String, Json>> {
        let names = Names::of(user, purse);
        let mut all = Map::new();
        for table in &TABLES {
            let Some((whose, _)) = table.whose else { continue };
            let seen = |holds: Holds| holds == Personal || (holds == Confidential && eyes == Eyes::Owner);
            let columns: Vec<&str> =
                table.columns.iter().filter(|(_, holds)| seen(*holds)).map(|(name, _)| *name).collect();
            if columns.is_empty() {
                continue;
            }
            let statement = format!("SELECT {} FROM {} WHERE {whose}", columns.join(", "), table.name);
            let (statement, values) = filled(&statement, &names.values());
            let rows = self.query(&statement, &values)?;
            let rows: Vec<Json> = rows.iter().map(|row| Json::Object(object(&columns, row))).collect();
            all.insert(table.name.to_owned(), Json::Array(rows));
        }
        Ok(all)
    }

    /// Takes away all that leads to the person. A ban stays, under a name that only the relay's key connects with them.
    fn erase(&mut self, user: &UserId, purse: &Purse) -> Outcome<()> {
        let names = Names::of(user, purse);
        self.execute(
            "INSERT INTO sanction (room, person, until)
             SELECT room, ?2, until FROM sanction AS theirs WHERE theirs.person = ?1 AND theirs.until IS NULL
             ON CONFLICT (room, person) DO NOTHING",
            values![&names.id, &names.purse],
        )?;
        self.retire_login(user, purse)?;
        self.settle_erased(&names.id, &names.purse)?;
        let empty = serde_json::to_string(&EventKind::Erased {}).map_err(|error| Fault(error.to_string()))?;
        for table in &TABLES {
            let Some((whose, erased)) = table.whose else { continue };
            let statement = match erased {
                Go => format!("DELETE FROM {} WHERE {whose}", table.name),
                Emptied => format!(
                    "UPDATE {} SET body = '{empty}', by = NULL, nonce = NULL WHERE {whose}",
                    table.name
                ),
                Unlinked => continue,
            };
            let (statement, values) = filled(&statement, &names.values());
            self.execute(&statement, &values)?;
        }
        Ok(())
    }
}

fn object(columns: &[&str], row: &Row) -> Map<String, Json> {
    let value = |cell: &Cell| match cell {
        Cell::Null => Json::Null,
        Cell::Int(number) => Json::from(*number),
        // What is kept as JSON is given as JSON.
        Cell::Text(text) if text.starts_with('{') => {
            serde_json::from_str(text).unwrap_or_else(|_| Json::from(text.as_str()))
        }
        Cell::Text(text) => Json::from(text.as_str()),
        Cell::Blob(bytes) => Json::from(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
    };
    columns.iter().zip(&row.0).map(|(name, cell)| ((*name).to_owned(), value(cell))).collect()
}

impl Store {
    pub(crate) async fn of_person(
        &self,
        user: UserId,
        purse: Purse,
        eyes: Eyes,
    ) -> Result<Map<String, Json>, Error> {
        self.ask(move |database| database.of_person(&user, &purse, eyes)).await
    }

    /// Erases, and leaves no byte behind: not in pages that are free now, nor in what is not yet written into its place.
    pub(crate) async fn erase(&self, user: UserId, purse: Purse) -> Result<(), Error> {
        self.ask(move |database| database.erase(&user, &purse)).await?;
        self.scrub().await
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Every column of the database, as it says itself, is in the list, and the other way round.
    pub(in crate::store) async fn every_column_is_somebody_s_or_nobody_s(
        store: &Store,
        columns: &'static str,
    ) {
        let mut there: Vec<(String, String)> = store
            .ask(move |database| {
                let rows = database.query(columns, &[])?;
                rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
            })
            .await
            .unwrap();
        let mut listed: Vec<(String, String)> = TABLES
            .iter()
            .flat_map(|table| {
                table.columns.iter().map(|(column, holds)| {
                    assert!(!matches!(holds, Holds::Other("")), "{}.{column} needs a word", table.name);
                    (table.name.to_owned(), (*column).to_owned())
                })
            })
            .collect();
        there.sort();
        listed.sort();
        assert_eq!(there, listed);
    }
}
