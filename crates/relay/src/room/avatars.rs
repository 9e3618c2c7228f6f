//! Pictures that people show of themselves: who may set one, and that moderators can take it away.

use footlight_protocol::room::{EventKind, Member, ServerMessage};
use footlight_protocol::{Code, Failure, UserId};

use super::SeatId;
use super::actor::Actor;
use super::people::PICTURES;
use super::talk::{internal, named};
use crate::chat::pace::Pace;
use crate::clock;
use crate::moderation::may_talk;
use crate::store::moderation::Mark;

impl Actor {
    /// Whether somebody may set a picture now: who is here under a name, and whose words the room takes.
    pub(super) fn may_be_pictured(&mut self, user: &UserId) -> Result<(), Failure> {
        let here = self.seats.of(user).next().map(|(_, seat)| seat.member.clone());
        let nobody = || Failure::new(Code::NameNeeded, "Come into the room and choose a name first");
        let me = here.ok_or_else(nobody)?;
        let now = clock::now_millis();
        may_talk(&self.sanctions, user, now).and(named(&me)).map_err(|(failure, _)| failure)?;
        if self.guard.marked(user) == Some(Mark::Restricted) {
            return Err(Failure::new(Code::Forbidden, "You cannot set a picture at the moment"));
        }
        let pace = self.people.pictures.entry(user.clone()).or_insert_with(|| Pace::new(PICTURES));
        pace.take(now).map_err(|_| Failure::new(Code::TooFast, "Not so fast; try again in a moment"))
    }

    /// Every session of the person has this picture from now on.
    pub(super) fn pictured(&mut self, user: &UserId, avatar: Option<&str>) {
        let changed: Vec<(SeatId, Member)> = self.seats.picture(user, avatar);
        for (seat, you) in changed {
            self.seats.tell(seat, &ServerMessage::You { you });
        }
    }

    /// What it comes to that a person's picture is taken away or given back; nothing where they have none.
    pub(super) async fn hide_avatar(
        &mut self,
        user: Member,
        hidden: bool,
    ) -> Result<Vec<EventKind>, Failure> {
        let found = self.store.avatar(user.id.clone()).await.map_err(|error| internal(&error))?;
        let Some(avatar) = found else { return Ok(Vec::new()) };
        let avatar = (!hidden).then_some(avatar);
        if user.avatar == avatar {
            return Ok(Vec::new());
        }
        Ok(vec![EventKind::Avatar { user: Member { avatar, ..user }, hidden }])
    }
}
