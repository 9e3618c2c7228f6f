//! What the room knows of its people: how long they watch and how much they say, counted here and written down now and
//! then, and the card that says who somebody is. What is for moderators is told to nobody else.

use std::collections::{HashMap, VecDeque};

use footlight_protocol::person::{Card, MAX_NOTE, MAX_NOTES, Record};
use footlight_protocol::room::{Member, Role as Rank, ServerMessage, StreamState, UnixMillis};
use footlight_protocol::{Code, Failure, Nonce, UserId};

use super::SeatId;
use super::actor::{Actor, Written};
use super::talk::internal;
use crate::chat::pace::{Pace, Rate};
use crate::chat::text::clean;
use crate::clock;
use crate::error::Error;
use crate::store::cards::{Known, Noted, Visit};
use crate::store::moderation::Mark;

/// Cards that one person opens.
const CARDS: Rate = Rate { most: 20, window: 10_000 };
/// Pictures that one person sets of themselves. Each is taken apart and made anew.
pub(super) const PICTURES: Rate = Rate { most: 5, window: 60_000 };
/// A page says every few seconds that it plays. After a longer silence it is not known whether it did.
const SILENCE: UnixMillis = 12_000;
/// How often counts are written down, in milliseconds. A crash loses what was counted since.
const WRITE_EVERY: UnixMillis = 20_000;
/// People whose counts are written at once. More ⇒ the others have their turn later, and nothing is lost.
const WRITTEN: usize = 256;

/// What somebody did that is not written down yet.
#[derive(Debug, Default)]
struct Count {
    watched: u64,
    messages: u64,
    /// When they said last that they play.
    reported: Option<UnixMillis>,
    /// They stand in the queue.
    queued: bool,
}

/// What is counted of everybody.
#[derive(Debug, Default)]
pub(super) struct People {
    counts: HashMap<UserId, Count>,
    /// Of whom there is something to write, longest first.
    queue: VecDeque<UserId>,
    written_at: UnixMillis,
    pub(super) paces: HashMap<UserId, Pace>,
    pub(super) pictures: HashMap<UserId, Pace>,
}

impl People {
    fn count(&mut self, user: &UserId, change: impl FnOnce(&mut Count)) {
        let count = self.counts.entry(user.clone()).or_default();
        change(count);
        if !count.queued && (count.watched > 0 || count.messages > 0) {
            count.queued = true;
            self.queue.push_back(user.clone());
        }
    }

    /// A page says that it plays; `live`: there is something to play.
    pub(super) fn plays(&mut self, user: &UserId, live: bool, now: UnixMillis) {
        self.count(user, |count| {
            let since = count.reported.replace(now).map_or(0, |before| now.saturating_sub(before));
            if live && since <= SILENCE {
                count.watched += since;
            }
        });
    }

    /// Everybody saw a message of theirs.
    pub(super) fn said(&mut self, user: &UserId) {
        self.count(user, |count| count.messages += 1);
    }

    /// What is to be added to what is written of somebody.
    fn unwritten(&self, user: &UserId) -> (u64, u64) {
        self.counts.get(user).map_or((0, 0), |count| (count.watched, count.messages))
    }

    /// Some of what is to be written.
    fn take(&mut self) -> Vec<Visit> {
        let mut visits = Vec::new();
        while let Some(user) = self.queue.front().filter(|_| visits.len() < WRITTEN) {
            if let Some(count) = self.counts.get_mut(user) {
                let (watched, messages) =
                    (std::mem::take(&mut count.watched), std::mem::take(&mut count.messages));
                count.queued = false;
                visits.push(Visit { user: user.clone(), watched, messages });
            }
            self.queue.pop_front();
        }
        visits
    }

    /// Those who have not been heard of for a while are not remembered.
    fn forget(&mut self, now: UnixMillis) {
        self.counts.retain(|_, count| count.queued || count.reported.is_some_and(|at| now <= at + SILENCE));
        self.paces.retain(|_, pace| !pace.idle(now));
        self.pictures.retain(|_, pace| !pace.idle(now));
    }

    pub(super) fn erase(&mut self, user: &UserId) {
        self.counts.remove(user);
        self.paces.remove(user);
        self.pictures.remove(user);
        self.queue.retain(|queued| queued != user);
    }
}

/// What is done before a card is shown.
pub(super) enum Before {
    Nothing,
    Note(String),
    Unnote(u64),
}

/// A card that was asked for.
pub(super) struct Asked {
    seat: SeatId,
    nonce: Nonce,
    card: Result<Card, Failure>,
}

impl Actor {
    /// Writes down what was counted, now and then.
    pub(super) fn tick_people(&mut self, now: UnixMillis) {
        if now < self.people.written_at + WRITE_EVERY {
            return;
        }
        self.people.written_at = now;
        let visits = self.people.take();
        self.people.forget(now);
        if !visits.is_empty() {
            let (store, room) = (self.store.clone(), self.id.clone());
            self.writes.push_back(Box::pin(async move {
                kept(store.add_visits(room, visits).await);
                Written::Nothing
            }));
        }
    }

    /// Writes down what is left; the room ends.
    pub(super) async fn write_visits(&mut self) {
        loop {
            let visits = self.people.take();
            if visits.is_empty() {
                return;
            }
            kept(self.store.add_visits(self.id.clone(), visits).await);
        }
    }

    pub(super) fn plays(&mut self, seat: SeatId, latency_ms: Option<u32>) {
        let live = matches!(self.stream.state(), StreamState::Live { .. });
        if let Some(seat) = self.seats.get_mut(seat) {
            seat.playing = latency_ms.map(|latency| (latency, std::time::Instant::now()));
            self.people.plays(&seat.member.id, live, clock::now_millis());
        }
    }

    /// Says who somebody is, to the one who asks; before that, changes what is noted about them.
    pub(super) fn card(&mut self, seat: SeatId, me: &Member, nonce: Nonce, user: UserId, before: Before) {
        let moderates = me.role >= Rank::Moderator;
        let before = match self.checked(me, &user, before) {
            Ok(before) => before,
            Err((failure, after)) => return self.refuse(seat, Some(nonce), failure, after),
        };
        let here = self.seats.of(&user).map(|(_, seat)| &seat.member).max_by_key(|member| member.role);
        let here = here.cloned();
        let role = self.guard.role(&user);
        if !moderates && let Some(user) = here {
            let card = self.card_for(seat, Card { user, record: None });
            return self.seats.tell(seat, &ServerMessage::Card { nonce, card: Box::new(card) });
        }
        let record = moderates.then(|| {
            let mark = self.guard.marked(&user);
            Record {
                banned: self.sanctions.is_banned(&user),
                muted_until: self.sanctions.muted_until(&user, clock::now_millis()),
                trusted: mark == Some(Mark::Trusted),
                restricted: mark == Some(Mark::Restricted),
                ..Record::default()
            }
        });
        let (watched, messages) = self.people.unwritten(&user);
        let (owns, mine) = (me.role == Rank::Owner, me.id == user);
        let (store, room, me) = (self.store.clone(), self.id.clone(), me.clone());
        let purse = self.auth.purse(&user);
        self.writes.push_back(Box::pin(async move {
            let is_there = here.is_some() || matches!(store.person(user.clone()).await, Ok(Some(_)));
            let noted = match before {
                Before::Nothing => Ok(Noted::Done),
                // Nothing is kept of somebody who is not there, or is erased.
                _ if !is_there => Ok(Noted::Nobody),
                Before::Note(text) => {
                    let at = clock::now_millis();
                    store.add_note(room.clone(), user.clone(), me.id, text, at).await
                }
                Before::Unnote(note) => {
                    let by = (!owns).then_some(me.id);
                    store.drop_note(room.clone(), user.clone(), by, note).await
                }
            };
            let noted = noted.map_err(|error| internal(&error)).and_then(as_noted);
            let card = match noted {
                Ok(()) => store.known(room, user.clone(), purse).await.map_err(|error| internal(&error)),
                Err(failure) => Err(failure),
            };
            let card = card.and_then(|known| {
                let person = known.person.clone();
                let (name, avatar) = person.map(|person| (person.name, person.avatar)).unzip();
                let avatar = avatar.flatten();
                let user = match (here, name) {
                    (Some(here), _) => here,
                    (None, Some(name)) => Member { avatar, ..Member::new(user, name, role) },
                    (None, None) => return Err(nobody()),
                };
                let record = record.map(|record| Record {
                    watched_s: (known.watched + watched) / 1_000,
                    messages: known.messages + messages,
                    ..written(record, known, owns, mine)
                });
                Ok(Card { user, record })
            });
            Written::Card(Box::new(Asked { seat, nonce, card }))
        }));
    }

    /// Whether the one who asks may, and may so often.
    fn checked(
        &mut self,
        me: &Member,
        about: &UserId,
        before: Before,
    ) -> Result<Before, (Failure, Option<u32>)> {
        let forbidden = |why: &str| Err((Failure::new(Code::Forbidden, why), None));
        let before = match before {
            Before::Nothing => Before::Nothing,
            _ if me.role < Rank::Moderator => {
                return forbidden("Only the owner and moderators can do this");
            }
            _ if me.id == *about => return forbidden("You cannot do this to yourself"),
            Before::Note(text) => Before::Note(clean(&text, MAX_NOTE).map_err(|code| {
                let why = match code {
                    Code::TooLong => format!("A note has at most {MAX_NOTE} characters"),
                    _ => "The note is empty".to_owned(),
                };
                (Failure::new(code, why), None)
            })?),
            unnote @ Before::Unnote(_) => unnote,
        };
        let pace = self.people.paces.entry(me.id.clone()).or_insert_with(|| Pace::new(CARDS));
        pace.take(clock::now_millis()).map_err(|after| {
            (Failure::new(Code::TooFast, "Not so fast; try again in a moment"), Some(after))
        })?;
        Ok(before)
    }

    /// What was asked for is there.
    pub(super) fn tell_card(&mut self, asked: Asked) {
        let Asked { seat, nonce, card } = asked;
        let mut card = match card {
            Ok(card) => self.card_for(seat, card),
            Err(failure) => return self.refuse(seat, Some(nonce), failure, None),
        };
        for note in card.record.iter_mut().flat_map(|record| &mut record.notes) {
            let here = self.seats.of(&note.by.id).map(|(_, seat)| seat.member.role).max();
            note.by.role = here.unwrap_or_default().max(self.guard.role(&note.by.id));
        }
        self.seats.tell(seat, &ServerMessage::Card { nonce, card: Box::new(card) });
    }

    /// As the one who sits there may know it. Whoever is no moderator any more is not told what was read while they were one,
    /// and amounts are kept from whom the room keeps them from.
    fn card_for(&self, seat: SeatId, mut card: Card) -> Card {
        let to = self.seats.get(seat).map(|seat| &seat.member);
        card.record = card.record.filter(|_| to.is_some_and(|to| to.role >= Rank::Moderator));
        if to.is_none_or(|to| self.is_kept_from(to)) {
            let whose = to.map(|to| &to.id);
            if whose != Some(&card.user.id) {
                card.user.badges.given = 0;
            }
            for act in card.record.iter_mut().flat_map(|record| &mut record.acts) {
                act.event = act.event.clone().without_amounts(whose);
            }
        }
        card
    }
}

/// The record with what the database knows: coins for the owner alone, notes for everybody but whom they are about.
fn written(record: Record, known: Known, owns: bool, mine: bool) -> Record {
    let (gifts, coins) = known.gifts;
    Record {
        first_seen: known.person.map(|person| person.first),
        names: known.names,
        gifts,
        coins: owns.then_some(coins),
        avatar_hidden: known.avatar_hidden,
        acts: known.acts,
        notes: if mine && !owns { Vec::new() } else { known.notes },
        ..record
    }
}

fn as_noted(noted: Noted) -> Result<(), Failure> {
    match noted {
        Noted::Done => Ok(()),
        Noted::Full => {
            Err(Failure::new(Code::Full, format!("There are {MAX_NOTES} notes already; take one away first")))
        }
        Noted::Nobody => Err(nobody()),
        Noted::NotTheirs => Err(Failure::new(Code::NotFound, "There is no such note of yours")),
    }
}

fn nobody() -> Failure {
    Failure::new(Code::NotFound, "There is no such person")
}

fn kept(written: Result<(), Error>) {
    if let Err(error) = written {
        tracing::error!(%error, "visits could not be written down");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: &str) -> UserId {
        id.parse().unwrap()
    }

    #[test]
    fn time_is_counted_between_reports_while_it_is_live() {
        let mut people = People::default();
        let ada = user("ada");
        for (at, live) in [(0, true), (5_000, true), (10_000, true), (15_000, false), (20_000, true)] {
            people.plays(&ada, live, 1_000_000 + at);
        }
        // Away for a minute, and back.
        people.plays(&ada, true, 1_080_000);
        people.plays(&ada, true, 1_082_000);
        assert_eq!(people.unwritten(&ada), (17_000, 0));
        people.said(&ada);
        assert_eq!(people.take(), [Visit { user: ada.clone(), watched: 17_000, messages: 1 }]);
        assert_eq!((people.take(), people.unwritten(&ada)), (vec![], (0, 0)));
        people.forget(1_090_000);
        assert!(!people.counts.is_empty(), "the next report counts from here");
        people.forget(2_000_000);
        assert!(people.counts.is_empty() && people.queue.is_empty());
    }

    #[test]
    fn two_pages_of_one_person_do_not_watch_twice() {
        let mut people = People::default();
        for at in 0..=10 {
            people.plays(&user("ada"), true, 1_000_000 + at * 1_000);
        }
        assert_eq!(people.unwritten(&user("ada")), (10_000, 0));
    }

    #[test]
    fn what_is_written_at_once_is_bounded_and_everybody_has_their_turn() {
        let mut people = People::default();
        for n in 0..WRITTEN + 10 {
            people.said(&user(&format!("u{n}")));
        }
        people.said(&user("u0"));
        assert_eq!(people.take().len(), WRITTEN);
        people.said(&user("u0"));
        let rest = people.take();
        assert_eq!((rest.len(), rest.last().map(|visit| visit.user.to_string())), (11, Some("u0".into())));
        people.said(&user("u1"));
        people.erase(&user("u1"));
        assert_eq!(people.take(), []);
    }
}
