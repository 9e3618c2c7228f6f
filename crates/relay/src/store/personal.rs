//! What the database knows about people: every column of every table is listed here, as somebody's or as nobody's, and a
//! test fails on one that is not. What a person gets to see of themselves, and what goes when they are erased, follows
//! from the list.

use footlight_protocol::UserId;
use footlight_protocol::room::EventKind;
use serde_json::{Map, Value as Json};

use super::Store;
use super::sql::{Cell, Database, Fault, Outcome, Row, Value, values};
use crate::error::Error;
use crate::gift::ledger::{Account, Purse};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// Something of the person whose row it is.
    Personal,
    /// Something of theirs that others wrote in confidence: the owner sees it, they do not.
    Confidential,
    /// Nothing of anybody; the word says what.
    Other(&'static str),
}

/// Who looks at what is known of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Eyes {
    Owner,
    /// They themselves.
    Own,
}

/// What becomes of a person's rows when they are erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Erased {
    /// They go.
    Go,
    /// They keep their place in the room's order and say nothing any more.
    Emptied,
    /// They stay: what they are under cannot be led back to the person.
    Unlinked,
}

struct Table {
    name: &'static str,
    /// Which rows are a person's: `?1` is their id, `?2` what of their id stands in JSON, `?3` their account in the books,
    /// `?4` the name that it has there. None: no row is anybody's.
    whose: Option<(&'static str, Erased)>,
    columns: &'static [(&'static str, Holds)],
}

use Erased::{Emptied, Go, Unlinked};
use Holds::{Confidential, Other, Personal};

/// In the order in which they are emptied: what is found by events goes before them.
const TABLES: [Table; 35] = [
    Table {
        name: "held",
        whose: Some((
            "seq IN (SELECT event.seq FROM event WHERE event.room = held.room AND event.by = ?1)",
            Go,
        )),
        columns: &[("room", Personal), ("seq", Personal), ("raid", Personal), ("state", Personal)],
    },
    Table {
        name: "paid",
        whose: Some((
            "seq IN (SELECT event.seq FROM event WHERE event.room = paid.room AND event.by = ?1)",
            Go,
        )),
        columns: &[("room", Personal), ("seq", Personal), ("until", Personal)],
    },
    Table {
        name: "event",
        whose: Some(("by = ?1 OR body LIKE ?2", Emptied)),
        columns: &[
            ("room", Personal),
            ("seq", Personal),
            ("at", Personal),
            ("body", Personal),
            ("by", Personal),
            ("nonce", Personal),
            ("deleted", Personal),
        ],
    },
    Table {
        name: "person",
        whose: Some(("id = ?1", Go)),
        columns: &[("id", Personal), ("name", Personal), ("at", Personal), ("first", Personal)],
    },
    Table {
        name: "login",
        whose: Some(("person = ?1", Go)),
        columns: &[
            ("person", Personal),
            ("name", Personal),
            ("skeleton", Personal),
            ("hash", Other("of a password, which nobody is to be told")),
            ("made", Personal),
            ("generation", Personal),
        ],
    },
    Table {
        name: "former_name",
        whose: Some(("person = ?1", Go)),
        columns: &[("person", Personal), ("name", Personal), ("until", Personal)],
    },
    Table {
        name: "act",
        whose: Some(("person = ?1", Go)),
        columns: &[("room", Personal), ("person", Personal), ("seq", Personal)],
    },
    Table {
        name: "visit",
        whose: Some(("person = ?1", Go)),
        columns: &[("room", Personal), ("person", Personal), ("watched", Personal), ("messages", Personal)],
    },
    Table {
        name: "note",
        // Theirs are those about them, and those that they wrote.
        whose: Some(("person = ?1 OR by = ?1", Go)),
        columns: &[
            ("id", Confidential),
            ("room", Confidential),
            ("person", Confidential),
            ("by", Confidential),
            ("at", Confidential),
            ("text", Confidential),
        ],
    },
    Table {
        name: "sanction",
        whose: Some(("person = ?1", Go)),
        columns: &[("room", Personal), ("person", Personal), ("until", Personal)],
    },
    Table {
        name: "standing",
        whose: Some(("person = ?1", Go)),
        columns: &[("room", Personal), ("person", Personal), ("mark", Personal)],
    },
    Table {
        name: "invite_use",
        whose: Some(("person = ?1", Go)),
        columns: &[("invite", Personal), ("person", Personal), ("at", Personal)],
    },
    Table {
        name: "invite",
        whose: None,
        columns: &[
            ("id", Other("of a link")),
            ("room", Other("the owner's room")),
            ("role", Other("that it gives")),
            ("label", Other("what the owner calls it")),
            ("hash", Other("of a secret")),
            ("made", Other("when the owner made it")),
            ("expires", Other("when it is over")),
            ("uses", Other("how many it takes in")),
            ("used", Other("how many it has taken in")),
            ("revoked", Other("whether the owner took it back")),
        ],
    },
    Table {
        name: "network",
        whose: Some(("person = ?1", Go)),
        columns: &[("room", Personal), ("name", Personal), ("person", Personal)],
    },
    Table {
        name: "report",
        whose: Some(("person = ?1", Go)),
        columns: &[
            ("room", Personal),
            ("message", Personal),
            ("person", Personal),
            ("at", Personal),
            ("ground", Personal),
            ("words", Personal),
            ("weight", Personal),
            ("state", Personal),
        ],
    },
    Table {
        name: "penalty",
        whose: Some(("person = ?1", Go)),
        columns: &[
            ("room", Personal),
            ("seq", Personal),
            ("person", Personal),
            ("at", Personal),
            ("message", Personal),
        ],
    },
    Table {
        name: "top_up",
        whose: Some(("person = ?1", Go)),
        columns: &[
            ("room", Personal),
            ("id", Personal),
            ("person", Personal),
            ("nonce", Personal),
            ("at", Personal),
            ("pack", Personal),
            ("reference", Personal),
            ("state", Personal),
            ("reason", Personal),
            ("seen", Personal),
        ],
    },
    Table {
        name: "watched",
        whose: Some(("person = ?1", Go)),
        columns: &[
            ("room", Personal),
            ("person", Personal),
            ("day", Personal),
            ("count", Personal),
            ("coins", Personal),
            ("millis", Personal),
        ],
    },
    Table {
        name: "card_order",
        whose: Some(("purse = ?4", Unlinked)),
        columns: &[
            ("room", Personal),
            ("id", Personal),
            ("purse", Personal),
            ("nonce", Personal),
            ("at", Personal),
            ("pack", Personal),
            ("session", Personal),
            ("payment", Personal),
            ("state", Personal),
            ("seen", Personal),
        ],
    },
    Table {
        name: "payment_picture",
        whose: None,
        columns: &[
            ("room", Other("the owner's room")),
            ("name", Other("a hash of the picture")),
            ("image", Other("the owner's, for everybody")),
        ],
    },
    Table {
        name: "given",
        whose: Some(("purse = ?4", Go)),
        columns: &[("room", Personal), ("day", Personal), ("purse", Personal), ("coins", Personal)],
    },
    Table {
        name: "membership",
        whose: Some(("purse = ?4", Go)),
        columns: &[("room", Personal), ("purse", Personal), ("since", Personal), ("until", Personal)],
    },
    Table {
        name: "packet",
        whose: Some(("payer = ?3", Unlinked)),
        columns: &[
            ("room", Personal),
            ("seq", Personal),
            ("payer", Personal),
            ("takers", Personal),
            ("drawn", Personal),
            ("ends", Personal),
            ("closed", Personal),
        ],
    },
    Table {
        name: "account",
        whose: Some(("name = ?3", Unlinked)),
        columns: &[("room", Personal), ("name", Personal), ("balance", Personal)],
    },
    Table {
        name: "entry",
        whose: Some(("by = ?4 OR payer = ?3 OR payee = ?3", Unlinked)),
        columns: &[
            ("room", Personal),
            ("number", Personal),
            ("at", Personal),
            ("kind", Personal),
            ("payer", Personal),
            ("payee", Personal),
            ("amount", Personal),
            ("item", Personal),
            ("count", Personal),
            ("by", Personal),
            ("nonce", Personal),
            ("reverses", Personal),
            ("seq", Personal),
            ("previous", Other("a hash of another row")),
            ("hash", Personal),
        ],
    },
    Table {
        name: "purse",
        whose: Some(("person = ?1", Go)),
        columns: &[("purse", Personal), ("person", Personal)],
    },
    Table {
        name: "secret",
        whose: None,
        columns: &[("name", Other("of a key of the relay")), ("value", Other("a key of the relay"))],
    },
    Table {
        name: "stream_key",
        whose: None,
        columns: &[
            ("id", Other("a number")),
            ("room", Other("the owner's room")),
            ("name", Other("what the owner calls an encoder")),
            ("hash", Other("of a key")),
            ("made", Other("when the owner made it")),
        ],
    },
    Table {
        name: "card",
        whose: None,
        columns: &[("room", Other("the owner's room")), ("text", Other("the owner's words to everybody"))],
    },
    Table {
        name: "setting",
        whose: None,
        columns: &[
            ("room", Other("the owner's room")),
            ("name", Other("of a setting")),
            ("value", Other("gifts and rules that the owner set")),
        ],
    },
    Table {
        name: "chain",
        whose: None,
        columns: &[
            ("room", Other("the owner's room")),
            ("number", Other("of the newest row")),
            ("hash", Other("of the newest row")),
        ],
    },
    Table {
        name: "recording",
        whose: None,
        columns: &[
            ("id", Other("of a broadcast")),
            ("room", Other("the owner's room")),
            ("epoch", Other("when it began")),
            ("ended", Other("when it ended")),
            ("title", Other("the owner's words to everybody")),
            ("public", Other("whether everybody may watch it")),
            ("poster", Other("whether there is a picture")),
            ("uploaded", Other("when it was copied")),
            ("local", Other("whether it is on this disk")),
        ],
    },
    Table {
        name: "recording_part",
        whose: None,
        columns: &[
            ("recording", Other("of which broadcast")),
            ("number", Other("of the file")),
            ("begins", Other("in media time")),
            ("duration", Other("in media time")),
            ("bytes", Other("of the file")),
        ],
    },
    Table {
        name: "clip",
        whose: None,
        columns: &[
            ("id", Other("of a clip")),
            ("room", Other("the owner's room")),
            ("recording", Other("of which broadcast")),
            ("made", Other("when the owner made it")),
            ("begins", Other("in media time")),
            ("duration", Other("in media time")),
            ("bytes", Other("of the file")),
        ],
    },
    Table {
        name: "upload",
        whose: None,
        columns: &[
            ("recording", Other("of which broadcast")),
            ("name", Other("of a file")),
            ("session", Other("the bucket's")),
            ("tags", Other("the bucket's")),
        ],
    },
];

/// All tables with their columns.
pub(super) fn tables() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    TABLES.iter().map(|table| (table.name, table.columns.iter().map(|(column, _)| *column).collect()))
}

/// Tables that an erasing changes.
pub(super) fn emptied() -> impl Iterator<Item = &'static str> {
    TABLES.iter().filter(|table| matches!(table.whose, Some((_, Go | Emptied)))).map(|table| table.name)
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
                    assert!(!matches!(holds, Other("")), "{}.{column} needs a word", table.name);
                    (table.name.to_owned(), (*column).to_owned())
                })
            })
            .collect();
        there.sort();
        listed.sort();
        assert_eq!(there, listed);
    }
}
