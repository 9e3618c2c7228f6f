//! What happened in a room: its events, what they did to messages and people, its card and settings.

use footlight_protocol::room::{Event, EventKind};
use footlight_protocol::spend::Paid;
use footlight_protocol::{MessageId, Nonce, RoomId, Seq, UserId};

use super::given::TERMS;
use super::ledger::ROWS;
use super::list::List;
use super::moderation::{Mark, RULES, State};
use super::sql::{Database, Fault, Outcome, Row, values};
use super::talk::bare;
use super::{Kept, Message, Past, Sanction};
use crate::gift::catalogue;

impl Database<'_> {
    pub(super) fn past(&mut self, room: &RoomId, tail: usize) -> Outcome<Past> {
        let mut past = Past::default();
        let newest = self.query(
            "SELECT seq, at, body, by, nonce, deleted FROM event WHERE room = ?1 ORDER BY seq DESC LIMIT ?2",
            values![room.as_str(), tail],
        )?;
        for row in newest {
            // An event that this version cannot read is left out, not a reason to lose the room.
            let Some(mut kept) = kept(&row)? else { continue };
            self.fill_quotes(room, &mut kept.event.kind)?;
            if row.get(5)? {
                past.deleted.push(MessageId(kept.event.seq.0));
            }
            past.events.push(kept);
        }
        past.events.reverse();
        let seq = self.first("SELECT max(seq) FROM event WHERE room = ?1", values![room.as_str()])?;
        past.seq = Seq(seq.map(|row| row.get::<Option<u64>>(0)).transpose()?.flatten().unwrap_or(0));
        let sanctions =
            self.query("SELECT person, until FROM sanction WHERE room = ?1", values![room.as_str()])?;
        for row in sanctions {
            let Ok(user) = UserId::try_from(row.get::<String>(0)?) else {
                continue;
            };
            let until: Option<u64> = row.get(1)?;
            past.sanctions.push((user, until.map_or(Sanction::Banned, Sanction::MutedUntil)));
        }
        let card = self.first("SELECT text FROM card WHERE room = ?1", values![room.as_str()])?;
        past.card = card.map(|row| row.get(0)).transpose()?;
        past.gifts = self.setting(room, catalogue::SETTING)?;
        past.emotes = self.emotes(room)?;
        past.terms = self.setting(room, TERMS)?;
        past.goal = self.goal(room)?;
        (past.packets, past.lost_packets) = self.open_packets(room)?;
        past.paid = self.standing_messages(room)?;
        past.tills = self.tills(room)?;
        past.followers = self.followers(room)?;
        past.rules = self.setting(room, RULES)?;
        past.standings = self.standings(room)?;
        past.held = self.waiting(room)?;
        past.pinned = self.pinned(room)?;
        past.networks = self.banned_networks(room)?;
        past.reports = self.open_reports(room)?;
        past.lessons = self.lessons(room)?;
        Ok(past)
    }

    pub(super) fn setting(&mut self, room: &RoomId, name: &str) -> Outcome<Option<String>> {
        let found = self
            .first("SELECT value FROM setting WHERE room = ?1 AND name = ?2", values![room.as_str(), name])?;
        found.map(|row| row.get(0)).transpose()
    }

    pub(super) fn set_setting(&mut self, room: &RoomId, name: &str, value: &str) -> Outcome<()> {
        self.execute(
            "INSERT INTO setting (room, name, value) VALUES (?1, ?2, ?3)
             ON CONFLICT (room, name) DO UPDATE SET value = ?3",
            values![room.as_str(), name, value],
        )
        .map(drop)
    }

    pub(super) fn set_card(&mut self, room: &RoomId, card: Option<&str>) -> Outcome<()> {
        let Some(text) = card else {
            return self.execute("DELETE FROM card WHERE room = ?1", values![room.as_str()]).map(drop);
        };
        self.execute(
            "INSERT INTO card (room, text) VALUES (?1, ?2) ON CONFLICT (room) DO UPDATE SET text = ?2",
            values![room.as_str(), text],
        )
        .map(drop)
    }

    /// Keeps events that do nothing to messages and people.
    pub(super) fn keep_shown<'a>(
        &mut self,
        room: &RoomId,
        shown: impl Iterator<Item = &'a Kept>,
    ) -> Outcome<()> {
        let shown: Vec<&Kept> = shown.collect();
        // The texts of as many as are written at once stand behind each other.
        let (mut bodies, mut ends) = (Vec::new(), Vec::with_capacity(ROWS));
        for some in shown.chunks(ROWS) {
            bodies.clear();
            ends.clear();
            for kept in some {
                serde_json::to_writer(&mut bodies, &kept.event.kind)
                    .map_err(|error| Fault(error.to_string()))?;
                ends.push(bodies.len());
            }
            let mut rest = str::from_utf8(&bodies).map_err(|error| Fault(error.to_string()))?;
            let (mut rows, mut begin) = (List::with_room_for(5, some.len()), 0);
            for (kept, end) in some.iter().zip(&ends) {
                let (body, more) = rest.split_at(end - begin);
                (rest, begin) = (more, *end);
                rows.add(&[
                    kept.event.seq.0.into(),
                    kept.event.at.into(),
                    body.into(),
                    kept.by.as_ref().map(UserId::as_str).into(),
                    kept.nonce.as_ref().map(Nonce::as_str).into(),
                ]);
            }
            rows.write(self, room, "INSERT INTO event (room, seq, at, body, by, nonce) VALUES", "")?;
        }
        Ok(())
    }

    pub(super) fn keep(&mut self, room: &RoomId, kept: &Kept) -> Outcome<()> {
        let bare = bare(&kept.event.kind);
        let body = serde_json::to_string(&*bare).map_err(|error| Fault(error.to_string()))?;
        self.execute(
            "INSERT INTO event (room, seq, at, body, by, nonce) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            values![
                room.as_str(),
                kept.event.seq.0,
                kept.event.at,
                &body,
                kept.by.as_ref().map(UserId::as_str),
                kept.nonce.as_ref().map(Nonce::as_str),
            ],
        )?;
        self.keep_act(room, &kept.event)?;
        self.decide_reports(room, (kept.event.seq, kept.event.at), &kept.event.kind)?;
        match &kept.event.kind {
            EventKind::Said { .. }
            | EventKind::Upheld(_)
            | EventKind::Dismissed(_)
            | EventKind::Lifted(_)
            | EventKind::Gifted { .. }
            | EventKind::Refunded { .. }
            | EventKind::Packet(_)
            | EventKind::Drawn(_)
            | EventKind::PacketOver(_)
            | EventKind::Paid(_)
            | EventKind::BecameMember(_)
            | EventKind::Shielded { .. }
            | EventKind::Erased {} => Ok(()),
            EventKind::Deleted { message } => self.mark(room, *message, true),
            EventKind::Restored { message, .. } => self.show(room, *message),
            EventKind::TimedOut { user, until } => self.sanction(room, &user.id, Some(*until)),
            EventKind::Banned { user, .. } => self.sanction(room, &user.id, None),
            EventKind::Pardoned { user } => self.pardon(room, &user.id),
            EventKind::Held { raid, .. } => self.hold(room, kept.event.seq, *raid),
            EventKind::Denied { message } => self.set_held(room, *message, State::Denied),
            EventKind::Swept { messages, .. } => {
                messages.iter().try_for_each(|message| self.mark(room, *message, true))
            }
            EventKind::Unswept { messages, .. } => {
                messages.iter().try_for_each(|former| self.show(room, former.message))
            }
            EventKind::Ruled { rules } => {
                let rules = serde_json::to_string(rules).map_err(|error| Fault(error.to_string()))?;
                self.set_setting(room, RULES, &rules)
            }
            EventKind::Trusted { user } => self.stand(room, &user.id, Some(Mark::Trusted)),
            EventKind::Restricted { user } => self.stand(room, &user.id, Some(Mark::Restricted)),
            EventKind::Unmarked { user } => self.stand(room, &user.id, None),
            EventKind::Appointed { user } => self.stand(room, &user.id, Mark::of(user.role)),
            EventKind::Avatar { user, hidden } => self.hide_avatar(&user.id, *hidden),
            EventKind::Pinned { message, .. } => self.pin(room, *message),
            EventKind::Unpinned {} => self.pin(room, MessageId(0)),
            EventKind::GoalReached { .. } => self.goal_is_reached(room),
        }
    }

    fn sanction(&mut self, room: &RoomId, user: &UserId, until: Option<u64>) -> Outcome<()> {
        self.execute(
            "INSERT INTO sanction (room, person, until) VALUES (?1, ?2, ?3)
             ON CONFLICT (room, person) DO UPDATE SET until = ?3",
            values![room.as_str(), user.as_str(), until],
        )
        .map(drop)
    }

    pub(super) fn event(&mut self, room: &RoomId, seq: Seq) -> Outcome<Option<Kept>> {
        let found = self.first(
            "SELECT seq, at, body, by, nonce FROM event WHERE room = ?1 AND seq = ?2",
            values![room.as_str(), seq.0],
        )?;
        found.map_or(Ok(None), |row| kept(&row))
    }

    pub(super) fn message(&mut self, room: &RoomId, id: MessageId) -> Outcome<Option<Message>> {
        let found = self.first(
            "SELECT seq, at, body, by, nonce, deleted FROM event WHERE room = ?1 AND seq = ?2",
            values![room.as_str(), id.0],
        )?;
        let Some(row) = found else { return Ok(None) };
        let (deleted, Some(Kept { mut event, .. })) = (row.get(5)?, kept(&row)?) else { return Ok(None) };
        self.fill_quotes(room, &mut event.kind)?;
        Ok(match event.kind {
            EventKind::Said { by, text, reply, .. } | EventKind::Held { by, text, reply, .. } => {
                Some(Message { said_at: event.at, by, text, reply, deleted })
            }
            EventKind::Paid(Paid { by, text, .. }) => {
                Some(Message { said_at: event.at, by, text, reply: None, deleted })
            }
            _ => None,
        })
    }

    pub(super) fn is_banned(&mut self, room: &RoomId, user: &UserId) -> Outcome<bool> {
        let found = self.first(
            "SELECT 1 FROM sanction WHERE room = ?1 AND person = ?2 AND until IS NULL",
            values![room.as_str(), user.as_str()],
        )?;
        Ok(found.is_some())
    }
}

/// `seq, at, body, by, nonce`; `None` for an event that this version cannot read.
pub(super) fn kept(row: &Row) -> Outcome<Option<Kept>> {
    let body: String = row.get(2)?;
    let Ok(kind) = serde_json::from_str(&body) else {
        return Ok(None);
    };
    let event = Event { seq: Seq(row.get(0)?), at: row.get(1)?, kind };
    let by = row.get::<Option<String>>(3)?.and_then(|by| UserId::try_from(by).ok());
    let nonce = row.get::<Option<String>>(4)?.and_then(|nonce| Nonce::try_from(nonce).ok());
    Ok(Some(Kept { event, by, nonce }))
}
