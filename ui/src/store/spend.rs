//! What else is done with coins in the room, as one of its members sees it, and what this page asked for that the relay
//! has not answered.

use footlight_protocol::room::{Event, EventKind, UnixMillis};
use footlight_protocol::spend::{Drawn, Goal, OpenPacket, PacketOver, Shows, Spend as Wish, Standing, Terms};
use footlight_protocol::{Nonce, Seq, UserId};

/// Requests that may wait for the relay. Full: nothing more is asked for.
pub const MAX_ASKED: usize = 8;
/// How long a red packet stays on the page after its end for those who drew, in milliseconds.
const LINGERS: UnixMillis = 12_000;

/// A red packet on the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    pub open: OpenPacket,
    /// It goes from the page then, on the relay's clock.
    pub goes: UnixMillis,
    /// Nothing can be drawn any more.
    pub over: bool,
}

#[derive(Debug, Clone, Default)]
pub struct Spend {
    /// What holds for everybody who spends.
    pub terms: Terms,
    /// What the creator wishes for.
    pub goal: Option<Goal>,
    /// Oldest first.
    pub packets: Vec<Shown>,
    /// Messages that were paid for, oldest first.
    pub strip: Vec<Standing>,
    /// Until when this person is a member of the room.
    pub member_until: Option<UnixMillis>,
    /// What waits for an answer, oldest first. After a reconnect it is asked for again.
    asked: Vec<(Nonce, Wish)>,
    /// The newest request that was answered, and whether it was carried out.
    pub answered: Option<(Nonce, bool)>,
}

impl Spend {
    /// This page has come in.
    pub fn open(&mut self, shows: Shows) {
        let Shows { terms, goal, packets, strip, member_until } = shows;
        (self.terms, self.goal, self.strip, self.member_until) = (terms, goal, strip, member_until);
        self.packets = packets.into_iter().map(shown).collect();
    }

    pub fn asked(&self) -> &[(Nonce, Wish)] {
        &self.asked
    }

    /// Says whether it may be asked for.
    pub fn ask(&mut self, nonce: Nonce, what: Wish) -> bool {
        let fits = self.asked.len() < MAX_ASKED;
        if fits {
            self.asked.push((nonce, what));
        }
        fits
    }

    pub fn answer(&mut self, nonce: &Nonce, done: bool) {
        let before = self.asked.len();
        self.asked.retain(|(asked, _)| asked != nonce);
        if self.asked.len() < before {
            self.answered = Some((nonce.clone(), done));
        }
    }

    /// What happened to red packets.
    pub fn take(&mut self, event: &Event, me: Option<&UserId>) {
        match &event.kind {
            EventKind::Packet(packet) => {
                let known = self.packets.iter().any(|shown| shown.open.id == event.seq);
                let open = OpenPacket { id: event.seq, packet: packet.clone(), drawn: 0, mine: None };
                if !known {
                    self.packets.push(shown(open));
                }
            }
            EventKind::Drawn(Drawn { packet, by, coins, .. }) => {
                let Some(shown) = self.find(*packet) else { return };
                shown.open.drawn += 1;
                if me == Some(&by.id) {
                    shown.open.mine = Some(*coins);
                }
                if shown.open.drawn >= shown.open.packet.takers {
                    self.end(*packet, event.at);
                }
            }
            EventKind::PacketOver(PacketOver { packet, .. }) => self.end(*packet, event.at),
            _ => {}
        }
    }

    /// Amounts that only some may know.
    pub fn learn(&mut self, event: &Event, me: Option<&UserId>) {
        match &event.kind {
            EventKind::Packet(packet) => {
                if let Some(shown) = self.find(event.seq) {
                    shown.open.packet = packet.clone();
                }
            }
            EventKind::Drawn(Drawn { packet, by, coins, .. }) if me == Some(&by.id) => {
                if let Some(shown) = self.find(*packet) {
                    shown.open.mine = Some(*coins);
                }
            }
            _ => {}
        }
    }

    /// Somebody is erased.
    pub fn erase(&mut self, user: &UserId) {
        self.packets.retain(|shown| shown.open.packet.by.id != *user);
    }

    fn find(&mut self, packet: Seq) -> Option<&mut Shown> {
        self.packets.iter_mut().find(|shown| shown.open.id == packet)
    }

    fn end(&mut self, packet: Seq, at: UnixMillis) {
        if let Some(shown) = self.find(packet) {
            shown.over = true;
            shown.goes = if shown.open.mine.is_some() { at + LINGERS } else { at };
        }
        self.packets.retain(|shown| !shown.over || shown.open.mine.is_some());
    }
}

fn shown(open: OpenPacket) -> Shown {
    Shown { goes: open.packet.until, open, over: false }
}

#[cfg(test)]
mod tests {
    use footlight_protocol::room::{Member, Role};
    use footlight_protocol::spend::Packet;

    use super::*;

    fn member(id: &str) -> Member {
        Member::new(id.parse().unwrap(), id.to_uppercase(), Role::Guest)
    }

    fn event(seq: u64, kind: EventKind) -> Event {
        Event { seq: Seq(seq), at: seq * 1_000, kind }
    }

    fn drawn(seq: u64, by: &str, coins: u64) -> Event {
        event(seq, EventKind::Drawn(Drawn { packet: Seq(1), by: member(by), coins, entry: seq }))
    }

    #[test]
    fn a_red_packet_empties_and_stays_a_moment_for_those_who_drew() {
        let me = member("me").id;
        let mut spend = Spend::default();
        let packet = Packet { by: member("ann"), coins: 10, takers: 3, until: 61_000, entry: 1 };
        let put = event(1, EventKind::Packet(packet));
        spend.take(&put, Some(&me));
        spend.take(&put, Some(&me));
        spend.take(&drawn(2, "bob", 4), Some(&me));
        assert_eq!(spend.packets.len(), 1);
        assert_eq!((spend.packets[0].open.drawn, spend.packets[0].open.mine), (1, None));
        let mut other = spend.clone();
        spend.take(&drawn(3, "me", 0), Some(&me));
        spend.learn(&drawn(3, "me", 5), Some(&me));
        assert_eq!(spend.packets[0].open.mine, Some(5));
        spend.take(&drawn(4, "cem", 1), Some(&me));
        assert!(spend.packets[0].over && spend.packets[0].goes == 4_000 + LINGERS);
        let over = PacketOver { packet: Seq(1), to: member("ann"), coins: 6, entry: 9 };
        other.take(&event(9, EventKind::PacketOver(over)), Some(&me));
        assert!(other.packets.is_empty(), "who drew nothing has nothing to look at");
    }

    #[test]
    fn what_is_asked_for_waits_for_its_answer() {
        let nonce = |text: &str| text.parse::<Nonce>().unwrap();
        let mut spend = Spend::default();
        for n in 0..MAX_ASKED {
            assert!(spend.ask(nonce(&n.to_string()), Wish::Member {}));
        }
        assert!(!spend.ask(nonce("more"), Wish::Member {}));
        spend.answer(&nonce("nobody"), true);
        assert_eq!((spend.asked().len(), &spend.answered), (MAX_ASKED, &None));
        spend.answer(&nonce("3"), false);
        assert_eq!((spend.asked().len(), &spend.answered), (MAX_ASKED - 1, &Some((nonce("3"), false))));
    }
}
