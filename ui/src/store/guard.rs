//! What waits for a moderator, the raids that were found, and what the room takes of guests.

use std::collections::BTreeMap;
use std::sync::Arc;

use footlight_protocol::moderation::{Raid, Reason, Rules};
use footlight_protocol::report::{Case, Dismissed, Upheld};
use footlight_protocol::room::{Desk, Event, EventKind, Member, RoomState, ServerMessage, UnixMillis};
use footlight_protocol::{MessageId, Seq, UserId};

/// Held messages shown. Full: the oldest is in the room's record only.
const MOST: usize = 200;

/// A message that only moderators see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldMessage {
    pub id: MessageId,
    pub at: UnixMillis,
    pub by: Member,
    pub text: String,
    pub why: Reason,
}

#[derive(Debug, Clone, Default)]
pub struct Guard {
    held: BTreeMap<Seq, Arc<HeldMessage>>,
    /// Oldest first. Only moderators hear of them.
    pub raids: Vec<Raid>,
    /// What viewers report, the heaviest first. Only moderators hear of it.
    pub reports: Vec<Case>,
    /// As the creator set them, with their words. Only moderators hear them.
    pub rules: Rules,
    /// What holds for guests now.
    pub in_force: Rules,
    /// Until when the room is shielded.
    pub shield: Option<UnixMillis>,
}

impl Guard {
    /// Oldest first.
    pub fn held(&self) -> impl DoubleEndedIterator<Item = &Arc<HeldMessage>> {
        self.held.values()
    }

    /// How much there is to look at: what waits, what is reported, and raids that nobody has put right.
    pub fn open(&self) -> usize {
        self.held.len() + self.waves().len() + self.reports.len()
    }

    /// Raids that stand, those that came together as one: the first of each, and all of it.
    pub fn waves(&self) -> Vec<Raid> {
        let mut waves: Vec<Raid> = Vec::new();
        for raid in self.raids.iter().filter(|raid| !raid.undone) {
            match waves.last_mut() {
                Some(wave) if raid.at.abs_diff(wave.at) < TOGETHER => {
                    wave.at = wave.at.max(raid.at);
                    wave.messages += raid.messages;
                    // Some are of several; nobody is counted who was not there.
                    wave.people = wave.people.max(raid.people);
                }
                _ => waves.push(raid.clone()),
            }
        }
        waves
    }

    pub fn open_desk(&mut self, desk: Option<Desk>) {
        let Desk { held, raids, rules, reports } = desk.unwrap_or_default();
        self.held.clear();
        held.into_iter().for_each(|event| self.take(&event));
        (self.raids, self.rules, self.reports) = (raids, rules, reports);
    }

    pub fn look(&mut self, room: &RoomState) {
        self.in_force = room.rules.clone();
        self.shield = room.shield;
    }

    pub fn hear(&mut self, message: &ServerMessage) {
        match message {
            ServerMessage::Raids { raids } => self.raids.clone_from(raids),
            ServerMessage::Rules { rules } => self.rules = rules.clone(),
            ServerMessage::Reports { cases } => self.reports.clone_from(cases),
            _ => {}
        }
    }

    /// Somebody is erased.
    pub fn erase(&mut self, user: &UserId) {
        self.held.retain(|_, held| held.by.id != *user);
        self.reports.retain(|case| case.by.id != *user);
    }

    pub fn take(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Held { by, text, why, .. } => {
                let (id, at) = (MessageId(event.seq.0), event.at);
                let held = HeldMessage { id, at, by: by.clone(), text: text.clone(), why: why.clone() };
                self.held.insert(event.seq, Arc::new(held));
                if self.held.len() > MOST {
                    self.held.pop_first();
                }
            }
            EventKind::Denied { message } | EventKind::Restored { message, .. } => {
                self.held.remove(&Seq(message.0));
            }
            EventKind::Banned { user, .. } => self.held.retain(|_, held| held.by.id != user.id),
            // The list without them follows within a second; the next key must not meet them again.
            EventKind::Upheld(Upheld { message, .. }) | EventKind::Dismissed(Dismissed { message, .. }) => {
                self.reports.retain(|case| case.message != *message);
            }
            _ => {}
        }
    }
}

/// Raids that follow each other within this are one to those who look at them, in milliseconds.
const TOGETHER: UnixMillis = 60_000;

#[cfg(test)]
mod tests {
    use footlight_protocol::room::Role;

    use super::*;

    fn member(id: &str) -> Member {
        Member::new(id.parse().unwrap(), id.to_owned(), Role::Guest)
    }

    fn event(seq: u64, kind: EventKind) -> Event {
        Event { seq: Seq(seq), at: seq, kind }
    }

    fn held(seq: u64, by: &str) -> Event {
        let (text, why) = ("a.example".to_owned(), Reason::Link);
        event(seq, EventKind::Held { by: member(by), text, nonce: None, why, raid: None, reply: None })
    }

    fn raid(act: u64, at: u64, messages: u32, undone: bool) -> Raid {
        let why = Reason::Copies { people: 12, strangers: 12 };
        Raid { act: Seq(act), at, messages, people: 12, sample: "join us".to_owned(), why, undone }
    }

    #[test]
    fn what_waits_goes_when_somebody_has_decided() {
        let mut guard = Guard::default();
        (1..=4).for_each(|seq| guard.take(&held(seq, if seq == 4 { "bob" } else { "ann" })));
        guard.take(&event(5, EventKind::Denied { message: MessageId(1) }));
        let (by, text) = (member("ann"), String::new());
        guard.take(&event(
            6,
            EventKind::Restored { message: MessageId(2), said_at: 2, by, text, reply: None },
        ));
        assert_eq!(guard.held().map(|held| held.id.0).collect::<Vec<_>>(), [3, 4]);
        guard.take(&event(7, EventKind::Banned { user: member("bob"), range: false }));
        assert_eq!(guard.held().map(|held| held.id.0).collect::<Vec<_>>(), [3]);
        (10..10 + 2 * MOST as u64).for_each(|seq| guard.take(&held(seq, "ann")));
        assert_eq!(guard.held().count(), MOST);
    }

    #[test]
    fn raids_that_come_together_are_one() {
        let raids = vec![
            raid(1, 1_000, 40, false),
            raid(2, 9_000, 30, true),
            raid(3, 20_000, 20, false),
            raid(4, 300_000, 5, false),
        ];
        let guard = Guard { raids, ..Guard::default() };
        let waves = guard.waves();
        assert_eq!(
            waves.iter().map(|wave| (wave.act.0, wave.messages)).collect::<Vec<_>>(),
            [(1, 60), (4, 5)]
        );
        assert_eq!(guard.open(), 2);
    }
}
