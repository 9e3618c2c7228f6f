//! The books as they are kept: loaded for all requests that wait, decided on values, written in a handful of statements.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use footlight_protocol::room::UnixMillis;
use footlight_protocol::{RoomId, UserId};

use super::Store;
use super::sql::{Database, Fault, Outcome, Row, Value, values};
use crate::error::Error;
use crate::gift::ledger::{Account, Answer, Books, Entry, HOUR, Hash, Head, Kind, Request, What};

/// Of [`entry`].
const COLUMNS: &str =
    "number, at, kind, payer, payee, amount, item, count, by, nonce, reverses, previous, hash";

impl Store {
    /// Decides the requests in their order, and keeps what comes of them. The answer comes once it is on disk.
    pub(crate) async fn settle(&self, room: RoomId, requests: Vec<Request>) -> Result<Vec<Answer>, Error> {
        self.ask(move |database| database.settle(&room, &requests)).await
    }

    /// The room's entries after `number`, oldest first.
    pub(crate) async fn entries(&self, room: RoomId, after: u64, most: usize) -> Result<Vec<Entry>, Error> {
        self.ask(move |database| {
            let rows = database.query(
                &format!("SELECT {COLUMNS} FROM entry WHERE room = ?1 AND number > ?2 ORDER BY number LIMIT ?3"),
                values![room.as_str(), after, most],
            )?;
            rows.iter().map(entry).collect()
        })
        .await
    }

    pub(crate) async fn balance(&self, room: RoomId, account: Account) -> Result<i64, Error> {
        self.ask(move |database| {
            let name = account.to_string();
            let found = database.first(
                "SELECT balance FROM account WHERE room = ?1 AND name = ?2",
                values![room.as_str(), &name],
            )?;
            found.map_or(Ok(0), |row| row.get(0))
        })
        .await
    }
}

impl Database<'_> {
    pub(super) fn settle(&mut self, room: &RoomId, requests: &[Request]) -> Outcome<Vec<Answer>> {
        let mut books = self.books(room, requests)?;
        let answers = books.decide(requests);
        let made: Vec<&Entry> = answers
            .iter()
            .filter_map(|answer| match answer {
                Answer::Made(entry) => Some(entry),
                Answer::Again(_) | Answer::Refused(_) => None,
            })
            .collect();
        if !made.is_empty() {
            self.write(room, &made, &books)?;
        }
        Ok(answers)
    }

    /// What has to be known for these requests. From here to the end of the transaction nobody else writes the room's
    /// books.
    fn books(&mut self, room: &RoomId, requests: &[Request]) -> Outcome<Books> {
        let none: &[u8] = &Hash::default();
        self.execute(
            "INSERT INTO chain (room, number, hash) VALUES (?1, 0, ?2) ON CONFLICT (room) DO NOTHING",
            values![room.as_str(), none],
        )?;
        // Changes nothing, and holds the row: other relays that write the same room wait here.
        let head = self.first(
            "UPDATE chain SET number = number WHERE room = ?1 RETURNING number, hash",
            values![room.as_str()],
        )?;
        let head = head.ok_or_else(|| Fault("the books have no end".to_owned()))?;
        let mut books = Books {
            head: Head { number: head.get(0)?, hash: hash(&head, 1)? },
            ..Books::default()
        };
        self.known(room, requests, &mut books)?;
        self.reversals(room, requests, &mut books)?;
        self.sent(room, requests, &mut books)?;
        self.balances(room, requests, &mut books)?;
        Ok(books)
    }

    fn known(&mut self, room: &RoomId, requests: &[Request], books: &mut Books) -> Outcome<()> {
        let mut list = List::new(room);
        requests.iter().for_each(|request| list.add(&[request.by.as_str().into(), request.nonce.as_str().into()]));
        let rows = list.ask(self, &format!("SELECT {COLUMNS} FROM entry"), "(by, nonce)")?;
        for row in &rows {
            let entry = entry(row)?;
            books.known.insert((entry.by.clone(), entry.nonce.clone()), entry);
        }
        Ok(())
    }

    fn reversals(&mut self, room: &RoomId, requests: &[Request], books: &mut Books) -> Outcome<()> {
        let numbers = || {
            requests.iter().filter_map(|request| match request.what {
                What::Reverse { number } => Some(number),
                What::Move { .. } => None,
            })
        };
        let mut list = List::new(room);
        numbers().for_each(|number| list.add(&[number.into()]));
        for row in &list.ask(self, &format!("SELECT {COLUMNS} FROM entry"), "(number)")? {
            let entry = entry(row)?;
            books.entries.insert(entry.number, entry);
        }
        for row in &list.ask(self, "SELECT reverses FROM entry", "(reverses)")? {
            books.reversed.insert(row.get(0)?);
        }
        Ok(())
    }

    fn sent(&mut self, room: &RoomId, requests: &[Request], books: &mut Books) -> Outcome<()> {
        let capped = requests.iter().filter_map(|request| match &request.what {
            What::Move { item: Some(item), cap: Some(_), .. } => Some((&request.by, item, request.at)),
            _ => None,
        });
        let capped: Vec<(&UserId, &String, UnixMillis)> = capped.collect();
        let Some(newest) = capped.iter().map(|(_, _, at)| *at).max() else { return Ok(()) };
        let mut list = List::new(room);
        list.values.push(newest.saturating_sub(HOUR).into());
        capped.iter().for_each(|(by, item, _)| list.add(&[by.as_str().into(), (*item).into()]));
        let rows = list.ask_grouped(
            self,
            "SELECT by, item, CAST(sum(count) AS BIGINT) FROM entry",
            "at > ?2 AND reverses IS NULL AND (by, item)",
            "GROUP BY by, item",
        )?;
        for row in &rows {
            let by = UserId::try_from(row.get::<String>(0)?).map_err(|_| unreadable("by"))?;
            books.sent.insert((by, row.get(1)?), row.get(2)?);
        }
        Ok(())
    }

    fn balances(&mut self, room: &RoomId, requests: &[Request], books: &mut Books) -> Outcome<()> {
        let mut names: BTreeSet<String> = BTreeSet::new();
        for request in requests {
            match &request.what {
                What::Move { from, to, .. } => names.extend([from.to_string(), to.to_string()]),
                What::Reverse { number } => {
                    let entry = books.entries.get(number).into_iter();
                    names.extend(entry.flat_map(|entry| [entry.from.to_string(), entry.to.to_string()]));
                }
            }
        }
        let mut list = List::new(room);
        names.iter().for_each(|name| list.add(&[name.into()]));
        for row in &list.ask(self, "SELECT name, balance FROM account", "(name)")? {
            let account = row.get::<String>(0)?.parse().map_err(|()| unreadable("account"))?;
            books.balances.insert(account, row.get(1)?);
        }
        Ok(())
    }

    fn write(&mut self, room: &RoomId, made: &[&Entry], books: &Books) -> Outcome<()> {
        let texts: Vec<(String, String)> =
            made.iter().map(|entry| (entry.from.to_string(), entry.to.to_string())).collect();
        let mut list = List::new(room);
        for (entry, (from, to)) in made.iter().zip(&texts) {
            let (previous, hash): (&[u8], &[u8]) = (&entry.previous, &entry.hash);
            list.add_in_room(&[
                entry.number.into(),
                entry.at.into(),
                entry.kind.name().into(),
                from.into(),
                to.into(),
                entry.amount.into(),
                entry.item.as_deref().into(),
                entry.count.into(),
                entry.by.as_str().into(),
                entry.nonce.as_str().into(),
                entry.reverses.into(),
                previous.into(),
                hash.into(),
            ]);
        }
        list.write(self, &format!("INSERT INTO entry (room, {COLUMNS}) VALUES"), "")?;
        let moved: BTreeSet<&Account> = made.iter().flat_map(|entry| [&entry.from, &entry.to]).collect();
        let balances: Vec<(String, i64)> = moved
            .into_iter()
            .map(|account| (account.to_string(), books.balances.get(account).copied().unwrap_or(0)))
            .collect();
        let mut list = List::new(room);
        balances.iter().for_each(|(name, balance)| list.add_in_room(&[name.into(), (*balance).into()]));
        list.write(
            self,
            "INSERT INTO account (room, name, balance) VALUES",
            "ON CONFLICT (room, name) DO UPDATE SET balance = excluded.balance",
        )?;
        let hash: &[u8] = &books.head.hash;
        self.execute(
            "UPDATE chain SET number = ?2, hash = ?3 WHERE room = ?1",
            values![room.as_str(), books.head.number, hash],
        )
        .map(drop)
    }
}

/// A list of values of any length inside a statement. The room is the first of its values.
struct List<'a> {
    values: Vec<Value<'a>>,
    text: String,
}

impl<'a> List<'a> {
    fn new(room: &'a RoomId) -> Self {
        Self { values: vec![room.as_str().into()], text: String::new() }
    }

    fn add(&mut self, row: &[Value<'a>]) {
        self.open();
        self.push(row);
    }

    /// With the room in front.
    fn add_in_room(&mut self, row: &[Value<'a>]) {
        self.open();
        self.text.push_str("?1, ");
        self.push(row);
    }

    fn open(&mut self) {
        self.text.push_str(if self.text.is_empty() { "(" } else { ", (" });
    }

    fn push(&mut self, row: &[Value<'a>]) {
        for (n, value) in row.iter().enumerate() {
            self.values.push(*value);
            let (comma, place) = (if n == 0 { "" } else { ", " }, self.values.len());
            // PostgreSQL takes a place in a list of values for text where nothing says otherwise. Writing to a String
            // never fails.
            let _ = match value {
                Value::Int(_) => write!(self.text, "{comma}CAST(?{place} AS BIGINT)"),
                _ => write!(self.text, "{comma}?{place}"),
            };
        }
        self.text.push(')');
    }

    fn ask(&self, database: &mut Database<'_>, select: &str, columns: &str) -> Outcome<Vec<Row>> {
        self.ask_grouped(database, select, columns, "")
    }

    fn ask_grouped(
        &self,
        database: &mut Database<'_>,
        select: &str,
        columns: &str,
        group: &str,
    ) -> Outcome<Vec<Row>> {
        if self.text.is_empty() {
            return Ok(Vec::new());
        }
        let statement = format!("{select} WHERE room = ?1 AND {columns} IN (VALUES {}) {group}", self.text);
        database.query(&statement, &self.values)
    }

    fn write(&self, database: &mut Database<'_>, insert: &str, then: &str) -> Outcome<()> {
        database.execute(&format!("{insert} {} {then}", self.text), &self.values).map(drop)
    }
}

fn entry(row: &Row) -> Outcome<Entry> {
    let account = |column: usize| row.get::<String>(column)?.parse().map_err(|()| unreadable("account"));
    Ok(Entry {
        number: row.get(0)?,
        at: row.get(1)?,
        kind: Kind::named(&row.get::<String>(2)?).ok_or_else(|| unreadable("kind"))?,
        from: account(3)?,
        to: account(4)?,
        amount: row.get(5)?,
        item: row.get(6)?,
        count: row.get(7)?,
        by: UserId::try_from(row.get::<String>(8)?).map_err(|_| unreadable("by"))?,
        nonce: row.get::<String>(9)?.try_into().map_err(|_| unreadable("nonce"))?,
        reverses: row.get(10)?,
        previous: hash(row, 11)?,
        hash: hash(row, 12)?,
    })
}

fn hash(row: &Row, column: usize) -> Outcome<Hash> {
    row.get::<Vec<u8>>(column)?.try_into().map_err(|_| unreadable("hash"))
}

/// Money is not guessed at: a row that cannot be read ends the request.
fn unreadable(what: &str) -> Fault {
    Fault(format!("an entry's {what} cannot be read"))
}
