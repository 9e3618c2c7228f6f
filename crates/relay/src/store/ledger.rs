//! The books as they are kept: loaded for all requests that wait, decided on values, written in a handful of statements
//! whatever their number. What shows a movement of coins to the room is kept in the same transaction.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use footlight_protocol::room::{EventKind, UnixMillis};
use footlight_protocol::spend::{Drawn, Packet, PacketOver, Paid};
use footlight_protocol::{RoomId, UserId};
use tokio::sync::oneshot;

use super::list::List;
use super::sql::{Database, Fault, Outcome, Row, values};
use super::writer::{Done, Job};
use super::{Kept, Store};
use crate::error::Error;
use crate::gift::ledger::{
    Account, Answer, Books, Entry, HOUR, Hash, Head, Kind, Known, Purse, Request, What,
};
use crate::gift::membership::Term;

/// Of [`entry`].
const COLUMNS: &str =
    "number, at, kind, payer, payee, amount, item, count, by, nonce, reverses, seq, previous, hash";
/// Rows that are made ready for writing at once: as many as one statement takes at most, and few enough that they stay in
/// the processor's cache.
pub(super) const ROWS: usize = 64;
/// A day, in milliseconds.
pub(super) const DAY: UnixMillis = 24 * HOUR;

/// Whether requests that were made before are looked for before anything is decided. Hardly any was, and the books'
/// own index finds them when a row is written; so they are looked for after one was met there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Memory {
    Trusting,
    Asked,
}

/// A request to the books, and what becomes of it.
#[derive(Debug, Clone)]
pub(crate) struct Booked {
    pub(crate) request: Request,
    /// Whose purse it concerns.
    pub(crate) person: Option<(Purse, UserId)>,
    /// What the room is to hear, once it has happened. The entry's number is filled in.
    pub(crate) event: Option<Box<Kept>>,
}

/// What became of it.
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) answer: Answer,
    /// As it was kept, where it happened now.
    pub(crate) event: Option<Box<Kept>>,
    /// What the person has then. Of entries that were made at once it comes with the last of theirs alone: with the
    /// others it would be the same.
    pub(crate) coins: Option<u64>,
    /// Until when the person has paid for a membership, where it was about that.
    pub(crate) term: Option<Term>,
}

/// As it waits for the database.
pub(super) struct Booking {
    pub(super) room: RoomId,
    /// Boxed: it is large, goes from hand to hand, and many are on their way.
    booked: Box<Booked>,
    reply: oneshot::Sender<Outcome<Settled>>,
}

impl Database<'_> {
    /// The room's entries after `number`, oldest first.
    pub(super) fn entries(&mut self, room: &RoomId, after: u64, most: usize) -> Outcome<Vec<Entry>> {
        let rows = self.query(
            &format!("SELECT {COLUMNS} FROM entry WHERE room = ?1 AND number > ?2 ORDER BY number LIMIT ?3"),
            values![room.as_str(), after, most],
        )?;
        rows.iter().map(entry).collect()
    }
}

impl Store {
    /// Decides a request and keeps what comes of it. The answer comes once it is on disk.
    pub(crate) fn book(
        &self,
        room: RoomId,
        booked: Booked,
    ) -> impl Future<Output = Result<Settled, Error>> + Send + use<> {
        let (reply, answer) = oneshot::channel();
        let booking = Booking { room, booked: Box::new(booked), reply };
        let store = self.clone();
        async move {
            store.queue(Job::Book(booking)).await?;
            store.answered(answer).await
        }
    }

    /// The room's entries after `number`, oldest first.
    pub(crate) async fn entries(&self, room: RoomId, after: u64, most: usize) -> Result<Vec<Entry>, Error> {
        self.ask(move |database| database.entries(&room, after, most)).await
    }

    /// As above, of those alone that a person asked for or got coins by.
    pub(crate) async fn entries_of(
        &self,
        room: RoomId,
        purse: Purse,
        after: u64,
        most: usize,
    ) -> Result<Vec<Entry>, Error> {
        self.ask(move |database| {
            let account = Account::Person(purse.clone()).to_string();
            let rows = database.query(
                &format!(
                    "SELECT {COLUMNS} FROM entry WHERE room = ?1 AND by = ?2 AND number > ?4
                     UNION SELECT {COLUMNS} FROM entry
                     WHERE room = ?1 AND payee = ?3 AND payee <> 'creator' AND number > ?4
                     ORDER BY number LIMIT ?5"
                ),
                values![room.as_str(), purse.as_str(), &account, after, most],
            )?;
            rows.iter().map(entry).collect()
        })
        .await
    }

    #[cfg(test)]
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

/// Settles the bookings of one room in their order: all of them, or none where the database fails.
pub(super) fn settle(database: &mut Database<'_>, room: &RoomId, mut bookings: Vec<Booking>) -> Done {
    let mut booked: Vec<&mut Booked> = bookings.iter_mut().map(|booking| &mut *booking.booked).collect();
    let settled = database.settle(room, &mut booked);
    let replies = bookings.into_iter().map(|booking| booking.reply);
    let counts = settled.is_ok();
    let answer = move |committed: Outcome<()>| match committed.and(settled) {
        Ok(settled) => replies.zip(settled).for_each(|(reply, one)| drop(reply.send(Ok(one)))),
        Err(fault) => replies.for_each(|reply| drop(reply.send(Err(fault.clone())))),
    };
    Done { counts, answer: Box::new(answer) }
}

impl Database<'_> {
    /// Takes the events out of what is booked. May begin the job anew, so nothing of it is done before.
    pub(super) fn settle(&mut self, room: &RoomId, bookings: &mut [&mut Booked]) -> Outcome<Vec<Settled>> {
        let requests: Vec<&Request> = bookings.iter().map(|booked| &booked.request).collect();
        let (mut books, answers) = match self.enter(room, &requests, Memory::Trusting)? {
            Some(entered) => entered,
            None => {
                self.start_over()?;
                let entered = self.enter(room, &requests, Memory::Asked)?;
                entered.ok_or_else(|| Fault("a row of the books is in the way".to_owned()))?
            }
        };
        if answers.iter().any(|answer| matches!(answer, Answer::Made(_))) {
            self.remember_purses(bookings)?;
        }
        let mut settled = Vec::with_capacity(bookings.len());
        // From the end, since who has what is told with the last.
        for (booked, answer) in bookings.iter_mut().zip(answers).rev() {
            let (mut event, mut coins, mut term) = (None, None, None);
            if let Answer::Made(entry) = &answer {
                let person = booked.person.take().map(|(purse, _)| purse);
                term = person.as_ref().and_then(|purse| books.terms.get(purse)).copied();
                event = booked.event.take().map(|event| numbered(event, entry, term));
                coins = person.and_then(|purse| books.balances.remove(&Account::Person(purse)));
            }
            let coins = coins.map(|coins| u64::try_from(coins).unwrap_or(0));
            settled.push(Settled { answer, event, coins, term });
        }
        settled.reverse();
        self.keep_shown(room, settled.iter().filter_map(|settled| settled.event.as_deref()))?;
        for kept in settled.iter().filter_map(|settled| settled.event.as_deref()) {
            if let EventKind::Paid(paid) = &kept.event.kind {
                self.stand_until(room, kept.event.seq, paid.until)?;
            }
        }
        Ok(settled)
    }

    /// Decides the requests and writes what comes of it. `None`: one of them was made before, and this has to begin
    /// again with that known.
    fn enter(
        &mut self,
        room: &RoomId,
        requests: &[&Request],
        memory: Memory,
    ) -> Outcome<Option<(Books, Vec<Answer>)>> {
        let mut books = self.books(room, requests)?;
        if memory == Memory::Asked {
            books.known = self.known(room, requests)?;
        }
        let answers: Vec<Answer> = requests.iter().map(|request| books.decide(request)).collect();
        let (mut made, mut refused) = (Vec::with_capacity(requests.len()), Vec::new());
        for (request, answer) in requests.iter().zip(&answers) {
            match answer {
                Answer::Made(entry) => made.push(&**entry),
                Answer::Refused(_) => refused.push(*request),
                Answer::Again(_) => {}
            }
        }
        // What was granted before may be refused now; no row of its own would tell.
        if memory == Memory::Trusting && !refused.is_empty() && !self.known(room, &refused)?.is_empty() {
            return Ok(None);
        }
        let whole = made.is_empty() || self.write(room, &made, &books, memory)?;
        Ok(whole.then_some((books, answers)))
    }

    /// What has to be known for these requests, but for those that were made before. From here to the end of the
    /// transaction nobody else writes the room's books.
    fn books(&mut self, room: &RoomId, requests: &[&Request]) -> Outcome<Books> {
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
        let head = Head { number: head.get(0)?, hash: hash(&head, 1)? };
        let mut books = Books { head, ..Books::default() };
        self.reversals(room, requests, &mut books)?;
        self.packets(room, requests, &mut books)?;
        self.terms(room, requests, &mut books)?;
        self.sent(room, requests, &mut books)?;
        self.balances(room, requests, &mut books)?;
        Ok(books)
    }

    /// Those of the requests that were made before.
    fn known(&mut self, room: &RoomId, requests: &[&Request]) -> Outcome<Known> {
        let mut wanted = List::new(2);
        requests.iter().for_each(|one| wanted.add(&[one.by.as_str().into(), one.nonce.as_str().into()]));
        let mut known = Known::default();
        for row in &wanted.ask(self, room, COLUMNS, "entry", "by = w1 AND nonce = w2")? {
            known.add(Arc::new(entry(row)?));
        }
        Ok(known)
    }

    fn reversals(&mut self, room: &RoomId, requests: &[&Request], books: &mut Books) -> Outcome<()> {
        let mut wanted = List::new(1);
        requests.iter().for_each(|request| {
            if let What::Reverse { number } = request.what {
                wanted.add(&[number.into()]);
            }
        });
        for row in &wanted.ask(self, room, COLUMNS, "entry", "number = w1")? {
            let entry = entry(row)?;
            books.entries.insert(entry.number, Arc::new(entry));
        }
        for row in &wanted.ask(self, room, "reverses", "entry", "reverses = w1")? {
            books.reversed.insert(row.get(0)?);
        }
        Ok(())
    }

    fn sent(&mut self, room: &RoomId, requests: &[&Request], books: &mut Books) -> Outcome<()> {
        let mut wanted = List::new(3);
        requests.iter().for_each(|request| {
            if let What::Move { item: Some(item), cap: Some(_), .. } = &request.what {
                let since = request.at.saturating_sub(HOUR);
                wanted.add(&[request.by.as_str().into(), item.into(), since.into()]);
            }
        });
        let sum =
            "w1, w2, (SELECT CAST(sum(count) AS BIGINT) FROM entry WHERE room = ?1 AND by = w1 AND item = w2
                   AND at > w3 AND reverses IS NULL)";
        // The room has one row in that table.
        for row in &wanted.ask(self, room, sum, "chain", "TRUE")? {
            let by = row.get::<String>(0)?.parse().map_err(|()| unreadable("by"))?;
            books.sent.insert((by, row.get(1)?), row.get::<Option<u64>>(2)?.unwrap_or(0));
        }
        Ok(())
    }

    fn balances(&mut self, room: &RoomId, requests: &[&Request], books: &mut Books) -> Outcome<()> {
        let packet = |request: &&Request| match request.what {
            What::Put { packet, .. } | What::Draw { packet, .. } | What::Close { packet } => {
                Some(Account::Held(packet))
            }
            What::Move { .. } | What::Reverse { .. } => None,
        };
        let held: Vec<Account> = requests.iter().filter_map(packet).collect();
        let mut accounts: BTreeSet<&Account> = held.iter().collect();
        for request in requests {
            match &request.what {
                What::Move { from, to, .. } => accounts.extend([from, to]),
                What::Put { from: one, .. } | What::Draw { to: one, .. } => drop(accounts.insert(one)),
                What::Close { packet } => {
                    accounts.extend(books.packets.get(packet).map(|packet| &packet.payer));
                }
                What::Reverse { number } => {
                    let entry = books.entries.get(number).into_iter();
                    accounts.extend(entry.flat_map(|entry| [&entry.from, &entry.to]));
                }
            }
        }
        let names: Vec<Cow<'_, str>> = accounts.into_iter().map(Account::text).collect();
        let mut wanted = List::new(1);
        names.iter().for_each(|name| wanted.add(&[(&**name).into()]));
        for row in &wanted.ask(self, room, "name, balance", "account", "name = w1")? {
            let account = row.get::<String>(0)?.parse().map_err(|()| unreadable("account"))?;
            books.balances.insert(account, row.get(1)?);
        }
        Ok(())
    }

    /// `false` where a row is there already, which only [`Memory::Trusting`] can meet; then this has to be undone.
    fn write(&mut self, room: &RoomId, made: &[&Entry], books: &Books, memory: Memory) -> Outcome<bool> {
        let taken = match memory {
            Memory::Trusting => "ON CONFLICT DO NOTHING",
            Memory::Asked => "",
        };
        let insert = format!("INSERT INTO entry (room, {COLUMNS}) VALUES");
        for some in made.chunks(ROWS) {
            if self.write_entries(room, some, &insert, taken)? < some.len() as u64 {
                return Ok(false);
            }
        }
        let moved: BTreeSet<&Account> = made.iter().flat_map(|entry| [&entry.from, &entry.to]).collect();
        let balances: Vec<(Cow<'_, str>, i64)> = moved
            .into_iter()
            .map(|account| (account.text(), books.balances.get(account).copied().unwrap_or(0)))
            .collect();
        let mut rows = List::new(2);
        balances.iter().for_each(|(name, balance)| rows.add(&[(&**name).into(), (*balance).into()]));
        rows.write(
            self,
            room,
            "INSERT INTO account (room, name, balance) VALUES",
            "ON CONFLICT (room, name) DO UPDATE SET balance = excluded.balance",
        )?;
        let given = given(made, books);
        let mut rows = List::new(3);
        given.iter().for_each(|((day, purse), coins)| {
            rows.add(&[(*day).into(), purse.as_str().into(), (*coins).into()]);
        });
        rows.write(
            self,
            room,
            "INSERT INTO given (room, day, purse, coins) VALUES",
            "ON CONFLICT (room, day, purse) DO UPDATE SET coins = given.coins + excluded.coins",
        )?;
        self.write_spent(room, books)?;
        let hash: &[u8] = &books.head.hash;
        self.execute(
            "UPDATE chain SET number = ?2, hash = ?3 WHERE room = ?1",
            values![room.as_str(), books.head.number, hash],
        )?;
        Ok(true)
    }

    /// Gives how many rows were written.
    fn write_entries(
        &mut self,
        room: &RoomId,
        entries: &[&Entry],
        insert: &str,
        taken: &str,
    ) -> Outcome<u64> {
        let texts: Vec<_> = entries.iter().map(|entry| (entry.from.text(), entry.to.text())).collect();
        let mut rows = List::with_room_for(14, entries.len());
        for (entry, (from, to)) in entries.iter().zip(&texts) {
            let (previous, hash): (&[u8], &[u8]) = (&entry.previous, &entry.hash);
            rows.add(&[
                entry.number.into(),
                entry.at.into(),
                entry.kind.name().into(),
                (&**from).into(),
                (&**to).into(),
                entry.amount.into(),
                entry.item.as_deref().into(),
                entry.count.into(),
                entry.by.as_str().into(),
                entry.nonce.as_str().into(),
                entry.reverses.into(),
                entry.seq.map(|seq| seq.0).into(),
                previous.into(),
                hash.into(),
            ]);
        }
        rows.write(self, room, insert, taken)
    }

    fn remember_purses(&mut self, bookings: &[&mut Booked]) -> Outcome<()> {
        let purses: BTreeMap<&Purse, &UserId> = bookings
            .iter()
            .filter_map(|booked| booked.person.as_ref().map(|(purse, user)| (purse, user)))
            .collect();
        for (purse, user) in purses {
            self.execute(
                "INSERT INTO purse (purse, person) VALUES (?1, ?2) ON CONFLICT (purse) DO NOTHING",
                values![purse.as_str(), user.as_str()],
            )?;
        }
        Ok(())
    }
}

/// How much each purse gave on which day, by these entries. What is given back counts against the day it was given.
fn given<'a>(made: &[&'a Entry], books: &'a Books) -> BTreeMap<(u64, &'a Purse), i64> {
    let mut given = BTreeMap::new();
    for entry in made {
        let (counted, sign) = match entry.reverses.and_then(|number| books.entries.get(&number)) {
            Some(reversed) => (&**reversed, -1),
            None => (*entry, 1),
        };
        if let (true, Account::Person(purse)) = (counted.kind.is_spending(), &counted.from) {
            *given.entry((counted.at / DAY, purse)).or_insert(0) += sign * counted.amount as i64;
        }
    }
    given
}

/// The event with the number of the entry that it shows, and with what the books have decided.
fn numbered(mut kept: Box<Kept>, made: &Entry, term: Option<Term>) -> Box<Kept> {
    match &mut kept.event.kind {
        EventKind::Gifted { entry, .. }
        | EventKind::Refunded { entry, .. }
        | EventKind::Packet(Packet { entry, .. })
        | EventKind::Paid(Paid { entry, .. }) => *entry = made.number,
        EventKind::Drawn(Drawn { coins, entry, .. })
        | EventKind::PacketOver(PacketOver { coins, entry, .. }) => {
            (*coins, *entry) = (made.amount, made.number);
        }
        EventKind::BecameMember(member) => {
            member.entry = made.number;
            if let Some(term) = term {
                member.months = term.paid();
                member.by.badges.months = term.months(made.at);
            }
        }
        _ => {}
    }
    kept
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
        by: row.get::<String>(8)?.parse().map_err(|()| unreadable("by"))?,
        nonce: row.get::<String>(9)?.try_into().map_err(|_| unreadable("nonce"))?,
        reverses: row.get(10)?,
        seq: row.get::<Option<u64>>(11)?.map(footlight_protocol::Seq),
        previous: hash(row, 12)?,
        hash: hash(row, 13)?,
    })
}

fn hash(row: &Row, column: usize) -> Outcome<Hash> {
    row.get::<Vec<u8>>(column)?.try_into().map_err(|_| unreadable("hash"))
}

/// Money is not guessed at: a row that cannot be read ends the request.
pub(super) fn unreadable(what: &str) -> Fault {
    Fault(format!("an entry's {what} cannot be read"))
}
