//! Links by which people become moderators or VIPs, and who came by them.

use footlight_protocol::invite::{Invite, InviteRequest, MAX_INVITES, Taken};
use footlight_protocol::room::{Member, UnixMillis};
use footlight_protocol::{RoomId, UserId};

use super::Store;
use super::moderation::Mark;
use super::sql::{Database, Outcome, values};
use crate::error::Error;

/// A link as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeptInvite {
    pub(crate) entry: Invite,
    pub(crate) hash: Vec<u8>,
}

impl Database<'_> {
    fn invites(&mut self, room: &RoomId) -> Outcome<Vec<KeptInvite>> {
        let rows = self.query(
            "SELECT id, role, label, hash, made, expires, uses, used, revoked FROM invite
             WHERE room = ?1 ORDER BY id",
            values![room.as_str()],
        )?;
        let mut invites = Vec::with_capacity(rows.len());
        for row in rows {
            // A role that this version does not know is given to nobody.
            let Some(mark) = Mark::named(&row.get::<String>(1)?) else { continue };
            let id = row.get(0)?;
            let entry = Invite {
                id,
                role: mark.role(),
                label: row.get(2)?,
                made_at: row.get(4)?,
                expires_at: row.get(5)?,
                uses: row.get(6)?,
                used: row.get(7)?,
                revoked: row.get(8)?,
                taken: self.taken(id)?,
            };
            invites.push(KeptInvite { entry, hash: row.get(3)? });
        }
        Ok(invites)
    }

    fn taken(&mut self, invite: u64) -> Outcome<Vec<Taken>> {
        let rows = self.query(
            "SELECT invite_use.person, person.name, invite_use.at, standing.mark FROM invite_use
             JOIN invite ON invite.id = invite_use.invite
             LEFT JOIN person ON person.id = invite_use.person
             LEFT JOIN standing ON standing.room = invite.room AND standing.person = invite_use.person
             WHERE invite_use.invite = ?1 ORDER BY invite_use.at, invite_use.person",
            values![invite],
        )?;
        let mut taken = Vec::with_capacity(rows.len());
        for row in rows {
            let Ok(user) = UserId::try_from(row.get::<String>(0)?) else { continue };
            let mark = row.get::<Option<String>>(3)?.and_then(|mark| Mark::named(&mark));
            let role = mark.map(Mark::role).unwrap_or_default();
            let name: Option<String> = row.get(1)?;
            taken.push(Taken { user: Member::new(user, name.unwrap_or_default(), role), at: row.get(2)? });
        }
        Ok(taken)
    }

    /// Makes room for one more, at the cost of the oldest that are over; false where all are still good.
    fn make_room(&mut self, room: &RoomId, now: UnixMillis) -> Outcome<bool> {
        let all = self.invites(room)?;
        let spare = (all.len() + 1).saturating_sub(MAX_INVITES);
        let over: Vec<u64> = all
            .iter()
            .filter(|kept| !kept.entry.is_open(now))
            .map(|kept| kept.entry.id)
            .take(spare)
            .collect();
        for id in &over {
            self.execute("DELETE FROM invite_use WHERE invite = ?1", values![*id])?;
            self.execute("DELETE FROM invite WHERE id = ?1", values![*id])?;
        }
        Ok(over.len() == spare)
    }
}

impl Store {
    /// The room's links, oldest first.
    pub(crate) async fn invites(&self, room: RoomId) -> Result<Vec<KeptInvite>, Error> {
        self.ask(move |database| database.invites(&room)).await
    }

    /// Keeps a link; `None` where there are too many that are good.
    pub(crate) async fn add_invite(
        &self,
        room: RoomId,
        request: InviteRequest,
        hash: Vec<u8>,
        now: UnixMillis,
    ) -> Result<Option<Invite>, Error> {
        let InviteRequest { role, uses, seconds, label } = request;
        let expires_at = now + u64::from(seconds) * 1_000;
        self.ask(move |database| {
            let Some(mark) = Mark::of(role) else { return Ok(None) };
            if !database.make_room(&room, now)? {
                return Ok(None);
            }
            let added = database.first(
                "INSERT INTO invite (room, role, label, hash, made, expires, uses)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING id",
                values![room.as_str(), mark.word(), &label, &*hash, now, expires_at, uses],
            )?;
            let id = added.map(|row| row.get(0)).transpose()?;
            Ok(id.map(|id| Invite {
                id,
                label,
                role,
                made_at: now,
                expires_at,
                uses,
                used: 0,
                revoked: false,
                taken: Vec::new(),
            }))
        })
        .await
    }

    /// Takes a link back; says whether there was such a one.
    pub(crate) async fn revoke_invite(&self, room: RoomId, id: u64) -> Result<bool, Error> {
        self.ask(move |database| {
            database
                .execute(
                    "UPDATE invite SET revoked = 1 WHERE room = ?1 AND id = ?2",
                    values![room.as_str(), id],
                )
                .map(|revoked| revoked > 0)
        })
        .await
    }

    /// Takes somebody in by a link, once; says whether it was good for that.
    pub(crate) async fn use_invite(
        &self,
        room: RoomId,
        id: u64,
        user: UserId,
        now: UnixMillis,
    ) -> Result<bool, Error> {
        self.ask(move |database| {
            let used = database.execute(
                "UPDATE invite SET used = used + 1
                 WHERE room = ?1 AND id = ?2 AND revoked = 0 AND expires > ?3 AND used < uses
                 AND NOT EXISTS (SELECT 1 FROM invite_use WHERE invite = ?2 AND person = ?4)",
                values![room.as_str(), id, now, user.as_str()],
            )?;
            if used > 0 {
                database.execute(
                    "INSERT INTO invite_use (invite, person, at) VALUES (?1, ?2, ?3)",
                    values![id, user.as_str(), now],
                )?;
            }
            Ok(used > 0)
        })
        .await
    }
}
