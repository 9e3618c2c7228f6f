//! Reports of viewers, and what moderators make of them: away with the message and one step up its author's ladder, or
//! nothing at all.

use footlight_protocol::report::{Dismissed, Lifted, MAX_REPORT, Notice, Report, Step, Upheld};
use footlight_protocol::room::{Action, EventKind, Member, Role as Rank, ServerMessage};
use footlight_protocol::{Code, Failure, MessageId, Nonce, Seq};

use super::SeatId;
use super::actor::{Actor, Written};
use super::talk::internal;
use crate::chat::text::clean;
use crate::clock;
use crate::error::Error;
use crate::moderation::may_moderate;
use crate::moderation::reports::{NEWCOMER, may_report};
use crate::store::reports::{Made, Taken};

impl Actor {
    pub(super) fn report(&mut self, seat: SeatId, me: Member, report: Report) {
        let nonce = report.nonce.clone();
        match self.made(seat, me, report) {
            Ok(made) => {
                let (store, room) = (self.store.clone(), self.id.clone());
                self.writes.push_back(Box::pin(async move {
                    Written::Reported(seat, nonce, Box::new(store.report(room, made).await))
                }));
            }
            Err((failure, after)) => self.refuse(seat, Some(nonce), failure, after),
        }
    }

    fn made(&mut self, seat: SeatId, me: Member, report: Report) -> Result<Made, (Failure, Option<u32>)> {
        let now = clock::now_millis();
        let refused = |code, why: &str| (Failure::new(code, why), None);
        let Report { message, ground, words, .. } = report;
        let said = self.history.said(message, &self.sanctions);
        let said = said.map(|(by, text)| (by.clone(), text.to_owned()));
        match &said {
            // The store knows what is older, and says the same of it.
            None if self.history.knows(message) => return Err((gone(), None)),
            Some((about, _)) if !may_report(&me.id, about) => return Err((not_theirs(), None)),
            _ => {}
        }
        let words = match clean(&words, MAX_REPORT) {
            Ok(words) => words,
            Err(Code::Empty) => String::new(),
            Err(code) => {
                return Err(refused(code, &format!("A report has at most {MAX_REPORT} characters")));
            }
        };
        let Some(here) = self.seats.get(seat) else { return Err(refused(Code::NotFound, "You are gone")) };
        let newcomer = me.role < Rank::Vip && here.first.is_none_or(|first| first + NEWCOMER > now);
        self.guard.reports.take(&me.id, here.address, now).map_err(|after| {
            (Failure::new(Code::TooFast, "So many reports at once; wait a moment"), Some(after))
        })?;
        Ok(Made { by: me.id, newcomer, message, at: now, said, ground, words })
    }

    /// A report is kept, or is not. Its maker hears the same whatever it weighs.
    pub(super) fn reported(&mut self, seat: SeatId, nonce: Nonce, taken: Result<Taken, Error>) {
        match taken {
            Ok(Taken::Open(filed)) => {
                // It may have gone while the report was written.
                let stands = if self.history.knows(filed.message) {
                    self.history.said(filed.message, &self.sanctions).is_some()
                } else {
                    !self.sanctions.is_banned(&filed.about.id)
                };
                if stands {
                    self.guard.reports.add(*filed);
                }
            }
            Ok(Taken::Kept) => {}
            Ok(Taken::Gone) => return self.refuse(seat, Some(nonce), gone(), None),
            Ok(Taken::NotTheirs) => return self.refuse(seat, Some(nonce), not_theirs(), None),
            Ok(Taken::TooMany) => {
                let failure = Failure::new(Code::TooFast, "Your earlier reports wait for a moderator");
                return self.refuse(seat, Some(nonce), failure, None);
            }
            Err(error) => return self.refuse(seat, Some(nonce), internal(&error), None),
        }
        self.seats.tell(seat, &ServerMessage::Done { nonce, seq: self.history.seq() });
    }

    /// Acts upon a report; nothing where another moderator was faster.
    pub(super) async fn uphold(
        &mut self,
        me: &Member,
        message: MessageId,
    ) -> Result<Vec<EventKind>, Failure> {
        let Some(case) = self.guard.reports.case(message).cloned() else { return Ok(Vec::new()) };
        let user = self.member(case.by.id.clone()).await?;
        let rank = user.role.max(self.guard.role(&user.id));
        may_moderate(me.role, &me.id, Some((&user.id, rank)), &Action::Uphold { message })?;
        let now = clock::now_millis();
        let earlier = self.store.steps(self.id.clone(), user.id.clone(), now).await;
        let step = Step::after(earlier.map_err(|error| internal(&error))?);
        let mut events = Vec::new();
        if !self.message(message).await?.deleted {
            events.push(EventKind::Deleted { message });
        }
        let complaints = case.complaints;
        events.push(EventKind::Upheld(Upheld { message, user: user.clone(), step, complaints }));
        // It never makes shorter what is.
        let muted = self.sanctions.muted_until(&user.id, now).unwrap_or(0);
        if step == Step::Ban && !self.sanctions.is_banned(&user.id) {
            events.push(EventKind::Banned { user, range: false });
        } else if let Some(until) = step.seconds().map(|seconds| now + u64::from(seconds) * 1_000)
            && until > muted
            && !self.sanctions.is_banned(&user.id)
        {
            events.push(EventKind::TimedOut { user, until });
        }
        Ok(events)
    }

    pub(super) fn dismiss(&self, message: MessageId) -> Vec<EventKind> {
        let case = self.guard.reports.case(message);
        let dismissed = case.map(|case| Dismissed { message, complaints: case.complaints.clone() });
        dismissed.map(EventKind::Dismissed).into_iter().collect()
    }

    /// Undoes the last step that was taken for the message.
    pub(super) async fn lift(&mut self, message: MessageId) -> Result<Vec<EventKind>, Failure> {
        let found = self.store.step_for(self.id.clone(), message).await.map_err(|error| internal(&error))?;
        let nothing = || Failure::new(Code::NotFound, "No report of this message was acted upon");
        let act = found.ok_or_else(nothing)?;
        let event = self.store.event(self.id.clone(), act).await.map_err(|error| internal(&error))?;
        match event.map(|kept| kept.event.kind) {
            Some(EventKind::Upheld(upheld)) => self.lifted(act, upheld).await,
            _ => Err(nothing()),
        }
    }

    /// What undoes a step: the message is back, its author free, and the step does not count.
    pub(super) async fn lifted(&mut self, act: Seq, upheld: Upheld) -> Result<Vec<EventKind>, Failure> {
        let Upheld { message, user, step, .. } = upheld;
        let found = self.store.step_for(self.id.clone(), message).await.map_err(|error| internal(&error))?;
        if found != Some(act) {
            return Ok(Vec::new());
        }
        let mut events = self.shown_again(message).await?;
        if step != Step::Notice {
            events.push(EventKind::Pardoned { user: user.clone() });
        }
        events.push(EventKind::Lifted(Lifted { act, user }));
        Ok(events)
    }

    /// What was decided has been told.
    pub(super) fn follow_report(&mut self, kind: &EventKind) {
        let reports = &mut self.guard.reports;
        match kind {
            EventKind::Deleted { message } => reports.close(*message),
            EventKind::Swept { messages, .. } => messages.iter().for_each(|message| reports.close(*message)),
            EventKind::Banned { user, .. } => reports.close_all_of(&user.id),
            EventKind::Dismissed(dismissed) => reports.close(dismissed.message),
            EventKind::Lifted(lifted) => reports.step(&lifted.user.id, -1),
            EventKind::Upheld(Upheld { message, user, step, complaints }) => {
                reports.close(*message);
                reports.step(&user.id, 1);
                let at = Step::LADDER.iter().position(|one| one == step).unwrap_or(0);
                let ground = complaints.first().map(|complaint| complaint.ground);
                let notice = Notice { ground, step: *step, next: Step::after(at + 1) };
                self.seats.tell_user(&user.id, &ServerMessage::Notice { notice });
            }
            _ => {}
        }
    }
}

fn gone() -> Failure {
    Failure::new(Code::NotFound, "The message that you report is not here any more")
}

fn not_theirs() -> Failure {
    Failure::new(Code::Forbidden, "Nobody reports themselves, or the room's owner to the room")
}
