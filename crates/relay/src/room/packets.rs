//! Red packets: put up by somebody, drawn by others, one share each, decided by the books. Here is who may, and who was told.

use std::collections::{BTreeMap, HashMap};

use footlight_protocol::room::{Event, EventKind, Member, Role as Rank, UnixMillis};
use footlight_protocol::spend::{
    Drawn, MAX_PACKET, MAX_TAKERS, OpenPacket, PACKET_SECONDS, Packet, PacketOver,
};
use footlight_protocol::{Code, Failure, Nonce, Seq, UserId};

use super::SeatId;
use super::actor::{Actor, Written};
use super::gifts::Order;
use super::talk::{internal, named};
use crate::clock;
use crate::gift::ledger::{Account, Purse, Refusal, Request, What};
use crate::moderation::{Sanctions, may_talk};
use crate::secret::random;
use crate::store::ledger::Booked;
use crate::store::spend;

/// Packets that are open in a room at once. Full ⇒ the next one has to wait.
const MOST: usize = 10;

/// One that is open.
struct Open {
    packet: Packet,
    /// When it was put up.
    at: UnixMillis,
    drawn: HashMap<UserId, u64>,
    /// The event that will say that it is over, once the books have decided so.
    closing: Option<Seq>,
}

/// All that are open, by the events that show them.
#[derive(Default)]
pub(super) struct Packets(BTreeMap<Seq, Open>);

impl Packets {
    /// As they were when the relay last stopped.
    pub(super) fn new(past: Vec<spend::OpenPacket>) -> Self {
        let mut packets = Self::default();
        for spend::OpenPacket { event, drawn } in past {
            packets.follow(&event);
            drawn.iter().for_each(|event| packets.follow(event));
        }
        packets
    }

    /// What an event that happened does to them.
    pub(super) fn follow(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Packet(packet) => {
                let packet = packet.clone();
                let open = Open { packet, at: event.at, drawn: HashMap::new(), closing: None };
                self.0.insert(event.seq, open);
            }
            EventKind::Drawn(Drawn { packet, by, coins, .. }) => {
                if let Some(open) = self.0.get_mut(packet) {
                    open.drawn.insert(by.id.clone(), *coins);
                    if open.drawn.len() >= open.packet.takers as usize {
                        self.0.remove(packet);
                    }
                }
            }
            EventKind::PacketOver(PacketOver { packet, .. }) => drop(self.0.remove(packet)),
            _ => {}
        }
    }

    /// As somebody is told of them who comes.
    pub(super) fn for_somebody(&self, user: &UserId) -> Vec<OpenPacket> {
        let told = |(id, open): (&Seq, &Open)| OpenPacket {
            id: *id,
            packet: open.packet.clone(),
            drawn: open.drawn.len() as u32,
            mine: open.drawn.get(user).copied(),
        };
        self.0.iter().map(told).collect()
    }

    /// Those whose time is over, or whose giver is not here any more, and that nobody has closed yet.
    fn due(&self, sanctions: &Sanctions, now: UnixMillis) -> Vec<(Seq, Member)> {
        let over = |open: &Open| open.packet.until <= now || sanctions.is_banned(&open.packet.by.id);
        let due = self.0.iter().filter(|(_, open)| open.closing.is_none() && over(open));
        due.map(|(id, open)| (*id, open.packet.by.clone())).collect()
    }

    /// The event `planned` will not be: the books refused it, or could not decide.
    pub(super) fn not_closed(&mut self, planned: Seq, refusal: Option<Refusal>) {
        let found = self.0.iter_mut().find(|(_, open)| open.closing == Some(planned));
        let Some((id, open)) = found else { return };
        if refusal == Some(Refusal::PacketOver) {
            // The last share was drawn meanwhile.
            let id = *id;
            self.0.remove(&id);
        } else {
            open.closing = None;
        }
    }

    /// Somebody is erased: they drew nothing here. What they put up has been closed.
    pub(super) fn erase(&mut self, user: &UserId) {
        self.0.retain(|_, open| open.packet.by.id != *user);
        for open in self.0.values_mut() {
            open.drawn.remove(user);
        }
    }
}

impl Actor {
    pub(super) fn put_packet(
        &mut self,
        seat: SeatId,
        me: Member,
        nonce: Nonce,
        (coins, takers, seconds): (u64, u32, u32),
    ) {
        let now = clock::now_millis();
        let allowed = may_talk(&self.sanctions, &me.id, now)
            .and(named(&me))
            .and_then(|()| fits(coins, takers, seconds).map_err(|failure| (failure, None)))
            .and_then(|()| self.has_place(&me, now))
            .and_then(|()| self.gift_pace(&me.id, now));
        if let Err((failure, after)) = allowed {
            return self.refuse(seat, Some(nonce), failure, after);
        }
        let person = (self.auth.purse(&me.id), me.id.clone());
        // The creator's are new coins, as those of a grant are.
        let from = if me.role == Rank::Owner { Account::Treasury } else { Account::Person(person.0.clone()) };
        let (ends, packet) = (now + u64::from(seconds) * 1_000, self.history.upcoming());
        let what = What::Put { from, packet: packet.0, coins, takers, ends };
        let kind = EventKind::Packet(Packet { by: me, coins, takers, until: ends, entry: 0 });
        let by = person.clone();
        self.book(Order { seat, by, person, nonce, known_as: None, what, kind, at: now });
    }

    fn has_place(&self, me: &Member, now: UnixMillis) -> Result<(), (Failure, Option<u32>)> {
        let own = self.packets.0.values().find(|open| open.packet.by.id == me.id);
        let first = self.packets.0.values().min_by_key(|open| open.packet.until);
        let full = first.filter(|_| self.packets.0.len() >= MOST);
        let Some(until) = own.or(full).map(|open| open.packet.until) else { return Ok(()) };
        let failure = Failure::new(Code::TooMany, "There are as many red packets as there may be at once");
        Err((failure, Some(u32::try_from(until.saturating_sub(now)).unwrap_or(u32::MAX))))
    }

    pub(super) fn draw(&mut self, seat: SeatId, me: Member, nonce: Nonce, packet: Seq) {
        let now = clock::now_millis();
        let allowed = may_talk(&self.sanctions, &me.id, now)
            .and(named(&me))
            .and_then(|()| self.may_draw(seat, &me, packet, now));
        let dice = allowed.and_then(|()| random::<16>().map_err(|error| (internal(&error), None)));
        let dice = match dice {
            Ok(dice) => u128::from_be_bytes(dice),
            Err((failure, after)) => return self.refuse(seat, Some(nonce), failure, after),
        };
        let person = (self.auth.purse(&me.id), me.id.clone());
        let what = What::Draw { packet: packet.0, to: Account::Person(person.0.clone()), dice };
        let kind = EventKind::Drawn(Drawn { packet, by: me, coins: 0, entry: 0 });
        // Whatever the page calls it, in the books it is the one draw of this person.
        let known_as = Some(name("draw", packet));
        let by = person.clone();
        self.book(Order { seat, by, person, nonce, known_as, what, kind, at: now });
    }

    /// Whether a packet is there for somebody. Who took a name after it was put up may be anybody again and again.
    fn may_draw(
        &self,
        seat: SeatId,
        me: &Member,
        packet: Seq,
        now: UnixMillis,
    ) -> Result<(), (Failure, Option<u32>)> {
        let no = |code, why: &str| Err((Failure::new(code, why), None));
        if me.role == Rank::Owner {
            return no(Code::Forbidden, "The owner draws no shares");
        }
        let Some(open) = self.packets.0.get(&packet).filter(|open| now < open.packet.until) else {
            return no(Code::PacketOver, "Nothing is left in this red packet");
        };
        let first = self.seats.get(seat).and_then(|seat| seat.first);
        if first.is_none_or(|first| first >= open.at) {
            return no(Code::CameLate, "This red packet is for those who were here before it");
        }
        Ok(())
    }

    /// Once a second: what is left in packets whose time is over goes back.
    pub(super) fn tick_packets(&mut self, now: UnixMillis) {
        for (packet, giver) in self.packets.due(&self.sanctions, now) {
            self.close_packet(packet, giver, now);
        }
    }

    /// Somebody is about to be erased: their coins go back while there is somebody to have them.
    pub(super) fn close_packets_of(&mut self, user: &UserId, now: UnixMillis) {
        let theirs = |(id, open): (&Seq, &Open)| {
            (open.packet.by.id == *user && open.closing.is_none()).then(|| (*id, open.packet.by.clone()))
        };
        for (packet, giver) in self.packets.0.iter().filter_map(theirs).collect::<Vec<_>>() {
            self.close_packet(packet, giver, now);
        }
    }

    /// Closes packets of somebody who was erased in another room meanwhile: nobody can be told.
    pub(super) fn close_lost(&mut self, lost: Vec<Seq>) {
        for packet in lost {
            let what = What::Close { packet: packet.0 };
            let at = clock::now_millis();
            let request = Request { by: Purse::of_relay(), nonce: name("rest", packet), at, seq: None, what };
            let settling = self.store.book(self.id.clone(), Booked { request, person: None, event: None });
            self.writes.push_back(Box::pin(async move {
                if let Err(error) = settling.await {
                    tracing::error!(%error, "a red packet could not be closed");
                }
                Written::Nothing
            }));
        }
    }

    fn close_packet(&mut self, packet: Seq, giver: Member, now: UnixMillis) {
        let person = (self.auth.purse(&giver.id), giver.id.clone());
        let kind = EventKind::PacketOver(PacketOver { packet, to: giver, coins: 0, entry: 0 });
        let what = What::Close { packet: packet.0 };
        let closing = self.book_own(person, name("rest", packet), what, kind, now);
        if let Some(open) = self.packets.0.get_mut(&packet) {
            open.closing = Some(closing);
        }
    }
}

/// What the books call it, so that it is done once whoever asks for it how often.
fn name(what: &str, packet: Seq) -> Nonce {
    format!("{what}-{packet}", packet = packet.0).parse().expect("letters, digits and - of a valid length")
}

fn fits(coins: u64, takers: u32, seconds: u32) -> Result<(), Failure> {
    let (least, most) = PACKET_SECONDS;
    let sized = (1..=MAX_TAKERS).contains(&takers) && (u64::from(takers)..=MAX_PACKET).contains(&coins);
    if sized && (least..=most).contains(&seconds) {
        return Ok(());
    }
    let text = format!(
        "A red packet is for 1 to {MAX_TAKERS} people, has a coin for each and at most {MAX_PACKET}, and is open for {least} to {most} seconds"
    );
    Err(Failure::new(Code::Malformed, text))
}
