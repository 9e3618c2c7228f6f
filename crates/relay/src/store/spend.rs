//! What follows from the books besides balances: red packets, memberships, and messages that were paid for. Loaded for
//! requests that name them and written with what comes of these, so a gift asks nothing of it.

use footlight_protocol::room::{Event, EventKind};
use footlight_protocol::{RoomId, Seq};

use super::events::kept;
use super::ledger::unreadable;
use super::list::List;
use super::sql::{Database, Outcome, Row, values};
use crate::gift::ledger::{Account, Books, Kind, Purse, Request, What};
use crate::gift::membership::Term;
use crate::gift::packet::Packet;

/// Messages that stand above the chat when a room starts, at most.
const PAID: usize = 60;

/// A red packet that is open, and those who drew: the event that shows it, and those that show the shares.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OpenPacket {
    pub(crate) event: Event,
    pub(crate) drawn: Vec<Event>,
}

impl Database<'_> {
    /// The red packets that the requests name.
    pub(super) fn packets(&mut self, room: &RoomId, requests: &[&Request], books: &mut Books) -> Outcome<()> {
        let mut wanted = List::new(1);
        requests.iter().for_each(|request| match request.what {
            What::Put { packet, .. } | What::Draw { packet, .. } | What::Close { packet } => {
                wanted.add(&[packet.into()]);
            }
            What::Move { .. } | What::Reverse { .. } => {}
        });
        let columns = "seq, payer, takers, drawn, ends, closed";
        for row in &wanted.ask(self, room, columns, "packet", "seq = w1")? {
            let payer = row.get::<String>(1)?.parse().map_err(|()| unreadable("payer"))?;
            let (takers, drawn) = (row.get(2)?, row.get(3)?);
            let packet = Packet { payer, takers, drawn, ends: row.get(4)?, closed: row.get(5)? };
            books.packets.insert(row.get(0)?, packet);
        }
        Ok(())
    }

    /// Until when those have paid who ask for a membership, or to whom one is given back.
    pub(super) fn terms(&mut self, room: &RoomId, requests: &[&Request], books: &mut Books) -> Outcome<()> {
        let payer = |request: &&Request| match &request.what {
            What::Move { kind: Kind::Membership, from: Account::Person(purse), .. } => Some(purse.clone()),
            What::Reverse { number } => match books.entries.get(number).map(|one| (one.kind, &one.from)) {
                Some((Kind::Membership, Account::Person(purse))) => Some(purse.clone()),
                _ => None,
            },
            _ => None,
        };
        let purses: Vec<Purse> = requests.iter().filter_map(payer).collect();
        let mut wanted = List::new(1);
        purses.iter().for_each(|purse| wanted.add(&[purse.as_str().into()]));
        for row in &wanted.ask(self, room, "purse, since, until", "membership", "purse = w1")? {
            let purse = row.get::<String>(0)?.parse().map_err(|()| unreadable("purse"))?;
            books.terms.insert(purse, Term { since: row.get(1)?, until: row.get(2)? });
        }
        Ok(())
    }

    /// What became of both.
    pub(super) fn write_spent(&mut self, room: &RoomId, books: &Books) -> Outcome<()> {
        let payers: Vec<_> = books.packets.values().map(|packet| packet.payer.text()).collect();
        let mut rows = List::new(6);
        for ((seq, packet), payer) in books.packets.iter().zip(&payers) {
            let Packet { takers, drawn, ends, closed, .. } = *packet;
            rows.add(&[
                (*seq).into(),
                (&**payer).into(),
                takers.into(),
                drawn.into(),
                ends.into(),
                closed.into(),
            ]);
        }
        rows.write(
            self,
            room,
            "INSERT INTO packet (room, seq, payer, takers, drawn, ends, closed) VALUES",
            "ON CONFLICT (room, seq) DO UPDATE SET drawn = excluded.drawn, closed = excluded.closed",
        )?;
        let mut rows = List::new(3);
        for (purse, term) in &books.terms {
            rows.add(&[purse.as_str().into(), term.since.into(), term.until.into()]);
        }
        rows.write(
            self,
            room,
            "INSERT INTO membership (room, purse, since, until) VALUES",
            "ON CONFLICT (room, purse) DO UPDATE SET since = excluded.since, until = excluded.until",
        )?;
        Ok(())
    }

    pub(super) fn term(&mut self, room: &RoomId, purse: &Purse) -> Outcome<Option<Term>> {
        let found = self.first(
            "SELECT since, until FROM membership WHERE room = ?1 AND purse = ?2",
            values![room.as_str(), purse.as_str()],
        )?;
        found.map(|row| Ok(Term { since: row.get(0)?, until: row.get(1)? })).transpose()
    }

    /// A message that was paid for stands until then.
    pub(super) fn stand_until(&mut self, room: &RoomId, seq: Seq, until: u64) -> Outcome<()> {
        self.execute(
            "INSERT INTO paid (room, seq, until) VALUES (?1, ?2, ?3)",
            values![room.as_str(), seq.0, until],
        )
        .map(drop)
    }

    /// Red packets in which something may be left, oldest first.
    /// And those whose event says nothing any more: their giver
    /// is erased, or it was too old to be kept.
    pub(super) fn open_packets(&mut self, room: &RoomId) -> Outcome<(Vec<OpenPacket>, Vec<Seq>)> {
        let rows = self.query(
            "SELECT seq FROM packet WHERE room = ?1 AND closed = 0 AND drawn < takers ORDER BY seq",
            values![room.as_str()],
        )?;
        let (mut open, mut lost) = (Vec::new(), Vec::new());
        for row in &rows {
            let seq = Seq(row.get(0)?);
            let found = self.event(room, seq)?.map(|kept| kept.event);
            let Some(event) = found.filter(|event| matches!(event.kind, EventKind::Packet(_))) else {
                lost.push(seq);
                continue;
            };
            let EventKind::Packet(packet) = &event.kind else { continue };
            let account = Account::Held(event.seq.0).to_string();
            let rows = self.query(
                "SELECT event.seq, event.at, event.body, event.by, event.nonce FROM entry
                 JOIN event ON event.room = entry.room AND event.seq = entry.seq
                 WHERE entry.room = ?1 AND entry.number > ?2 AND entry.kind = 'draw' AND entry.payer = ?3",
                values![room.as_str(), packet.entry, &account],
            )?;
            open.push(OpenPacket { drawn: events(&rows)?, event });
        }
        Ok((open, lost))
    }

    /// Messages that were paid for and not given back, those that stand longest; oldest first.
    pub(super) fn standing_messages(&mut self, room: &RoomId) -> Outcome<Vec<(Event, bool)>> {
        let rows = self.query(
            "SELECT event.seq, event.at, event.body, event.by, event.nonce, event.deleted FROM paid
             JOIN event ON event.room = paid.room AND event.seq = paid.seq
             WHERE paid.room = ?1 ORDER BY paid.until DESC LIMIT ?2",
            values![room.as_str(), PAID],
        )?;
        let mut standing = Vec::new();
        for row in &rows {
            let Some(kept) = kept(row)? else { continue };
            let EventKind::Paid(paid) = &kept.event.kind else { continue };
            let given_back = self.first(
                "SELECT 1 FROM entry WHERE room = ?1 AND reverses = ?2",
                values![room.as_str(), paid.entry],
            )?;
            if given_back.is_none() {
                standing.push((kept.event, row.get(5)?));
            }
        }
        standing.sort_by_key(|(event, _)| event.seq);
        Ok(standing)
    }
}

fn events(rows: &[Row]) -> Outcome<Vec<Event>> {
    let mut events = Vec::new();
    for row in rows {
        events.extend(kept(row)?.map(|kept| kept.event));
    }
    Ok(events)
}
