//! How coins come to people: what the creator offers, who says to have paid, and what is decided of it.
//!
//! Requests are few and each is a person's money, so the room waits for the database with each, and decides one after the
//! other.

use std::collections::HashMap;
use std::net::IpAddr;

use footlight_protocol::coin::{
    CoinAsk, CoinNews, MAX_REASON, MAX_REFERENCE, MAX_WAITING, Offer, Outcome, Pack, Shop, TopUp,
};
use footlight_protocol::room::{Member, Role as Rank, ServerMessage, UnixMillis};
use footlight_protocol::{Code, Failure, Nonce, RoomId, TopUpId, UserId};

use super::SeatId;
use super::actor::{Actor, Written};
use super::gifts::{owner_only, said};
use super::orders::ORDERS;
use super::talk::{internal, named};
use crate::chat::outbox::Weight;
use crate::chat::pace::{Pace, Rate};
use crate::chat::text::clean;
use crate::clock;
use crate::error::Error;
use crate::gift::ledger::Purse;
use crate::gift::shop;
use crate::gift::watching::Watching;
use crate::moderation::may_talk;
use crate::secret::random_id;
use crate::store::Store;
use crate::store::top_ups::{Approval, Asked, OFFER, Tills};

/// Requests that wait in a room at most: as many as a creator may look through.
const MOST_WAITING: usize = 200;
/// Of those, from one address. Loopback is not counted.
const PER_ADDRESS: usize = 6;
/// By one person.
pub(super) const RATE: Rate = Rate { most: 6, window: 60_000 };
/// Letters and digits of a request's id.
const ID: usize = 16;

/// The room's side of it.
pub(super) struct Till {
    pub(super) shop: Shop,
    /// Oldest first. Full ⇒ refused.
    waiting: Vec<Waits>,
    pub(super) paces: HashMap<UserId, Pace>,
    /// Of orders by card.
    pub(super) orders: Pace,
    /// Whether anybody has ever asked.
    pub(super) used: bool,
    pub(super) watching: Watching,
}

struct Waits {
    top_up: TopUp,
    /// From where, where that is not forgotten.
    address: Option<IpAddr>,
}

impl Till {
    /// `card`: whether cards are taken.
    pub(super) fn open(tills: Tills, card: bool) -> Self {
        let Tills { offer, picture, waiting, used, watched } = tills;
        Self {
            shop: Shop { offer: shop::opened(offer.as_deref()), picture, card },
            waiting: waiting.into_iter().map(|top_up| Waits { top_up, address: None }).collect(),
            paces: HashMap::new(),
            orders: Pace::new(ORDERS),
            watching: Watching::open(watched, clock::now_millis()),
            used,
        }
    }

    pub(super) fn tick(&mut self, now: UnixMillis) {
        self.paces.retain(|_, pace| !pace.idle(now));
    }

    /// What the person asked for is gone with them.
    pub(super) fn erase(&mut self, user: &UserId) {
        self.waiting.retain(|waits| waits.top_up.by.id != *user);
        self.paces.remove(user);
        self.watching.erase(user);
    }

    fn find(&self, id: &TopUpId) -> Option<&TopUp> {
        self.waiting.iter().map(|waits| &waits.top_up).find(|top_up| top_up.id == *id)
    }

    /// Whether another request may wait.
    fn has_room(&self, user: &UserId, address: Option<IpAddr>) -> Result<(), Failure> {
        let theirs = self.waiting.iter().filter(|waits| waits.top_up.by.id == *user).count();
        if theirs >= MAX_WAITING {
            let message =
                format!("{MAX_WAITING} of your requests wait already; the creator answers them first");
            return Err(Failure::new(Code::TooFast, message));
        }
        let address = address.filter(|address| !address.is_loopback());
        let there = self.waiting.iter().filter(|waits| address.is_some() && waits.address == address).count();
        if self.waiting.len() >= MOST_WAITING || there >= PER_ADDRESS {
            return Err(Failure::new(Code::Full, "Too many requests wait; try again later"));
        }
        Ok(())
    }
}

impl Actor {
    pub(super) async fn coins(&mut self, seat: SeatId, me: Member, nonce: Nonce, ask: CoinAsk) {
        let done = match ask {
            CoinAsk::TopUp { pack, reference } => self.top_up(seat, me, &nonce, pack, &reference).await,
            CoinAsk::Read { top_up } => self.read_top_up(&me, top_up).await,
            _ if me.role != Rank::Owner => Err(owner_only().into()),
            CoinAsk::SetOffer { offer } => self.set_offer(offer).await,
            CoinAsk::Approve { top_up } => self.approve(top_up).await,
            CoinAsk::Decline { top_up, reason } => self.decline(top_up, &reason).await,
        };
        match done {
            Ok(()) => self.seats.tell(seat, &ServerMessage::Done { nonce, seq: self.history.seq() }),
            Err(Refused(failure, after)) => self.refuse(seat, Some(nonce), failure, after),
        }
    }

    async fn set_offer(&mut self, offer: Offer) -> Result<(), Refused> {
        let offer = shop::checked(offer)?;
        if offer != self.till.shop.offer {
            let kept = serde_json::to_string(&offer).expect("an offer is plain data");
            self.store.set_setting(self.id.clone(), OFFER, kept).await.map_err(fault)?;
            self.till.shop.offer = offer;
            self.tell_shop();
        }
        Ok(())
    }

    /// Sets the picture that a payer scans, by its name and as it is served, or takes it away.
    pub(super) async fn set_picture(&mut self, picture: Option<(String, Vec<u8>)>) -> Result<(), Failure> {
        let name = picture.as_ref().map(|(name, _)| name.clone());
        let kept = self.store.set_payment_picture(self.id.clone(), picture).await;
        kept.map_err(|error| internal(&error))?;
        if name != self.till.shop.picture {
            self.till.shop.picture = name;
            self.tell_shop();
        }
        Ok(())
    }

    fn tell_shop(&mut self) {
        let news = CoinNews::Shop { shop: self.till.shop.clone() };
        self.seats.tell_all(&ServerMessage::Coins { news }, Weight::Full);
    }

    async fn top_up(
        &mut self,
        seat: SeatId,
        me: Member,
        nonce: &Nonce,
        pack: Pack,
        reference: &str,
    ) -> Result<(), Refused> {
        let now = clock::now_millis();
        may_talk(&self.sanctions, &me.id, now).and(named(&me))?;
        let reference = match clean(reference, MAX_REFERENCE) {
            Ok(reference) => reference,
            Err(Code::Empty) => String::new(),
            Err(code) => {
                return Err(Failure::new(
                    code,
                    format!("A reference has at most {MAX_REFERENCE} characters"),
                )
                .into());
            }
        };
        let pace = self.till.paces.entry(me.id.clone()).or_insert_with(|| Pace::new(RATE));
        pace.take(now).map_err(|after| {
            (Failure::new(Code::TooFast, "Not so fast; try again in a moment"), Some(after))
        })?;
        // One that was kept before is no new one, whatever is offered and waits by now.
        let (room, user) = (self.id.clone(), me.id.clone());
        if self.store.has_top_up(room, user, nonce.clone()).await.map_err(fault)? {
            return Ok(());
        }
        if !self.till.shop.by_hand() || !self.till.shop.offer.packs.contains(&pack) {
            let message = "This pack is not offered any more; look at what is";
            return Err(Failure::new(Code::WrongPhase, message).into());
        }
        let address = self.seats.get(seat).map(|seat| seat.address);
        self.till.has_room(&me.id, address)?;
        let id =
            TopUpId::try_from(random_id(ID).map_err(fault)?).expect("letters and digits of a valid length");
        let top_up = TopUp { id, at: now, by: me, pack, reference, card: false, outcome: Outcome::Waits };
        let asked =
            self.store.ask_top_up(self.id.clone(), top_up.clone(), nonce.clone()).await.map_err(fault)?;
        if asked == Asked::New {
            self.till.used = true;
            self.till.waiting.push(Waits { top_up: top_up.clone(), address });
            self.tell_top_up(top_up);
        }
        Ok(())
    }

    async fn approve(&mut self, id: TopUpId) -> Result<(), Refused> {
        let top_up = self.till.find(&id).cloned().ok_or_else(too_late)?;
        let (user, purse) = (top_up.by.id.clone(), self.auth.purse(&top_up.by.id));
        let now = clock::now_millis();
        match self.store.approve_top_up(self.id.clone(), top_up, purse, now).await.map_err(fault)? {
            Approval::Approved => {
                self.decided(&id, Outcome::Approved);
                // Behind the gifts that are underway: what each of them leaves is told before it.
                self.count_coins(user);
                Ok(())
            }
            Approval::TooLate => Err(too_late().into()),
            Approval::Refused(refusal) => Err(said(refusal).into()),
        }
    }

    async fn decline(&mut self, id: TopUpId, reason: &str) -> Result<(), Refused> {
        let reason = match clean(reason, MAX_REASON) {
            Ok(reason) => reason,
            Err(Code::Empty) => String::new(),
            Err(code) => {
                return Err(
                    Failure::new(code, format!("A reason has at most {MAX_REASON} characters")).into()
                );
            }
        };
        self.till.find(&id).ok_or_else(too_late)?;
        let declined = self.store.decline_top_up(self.id.clone(), id.clone(), reason.clone()).await;
        if !declined.map_err(fault)? {
            return Err(too_late().into());
        }
        self.decided(&id, Outcome::Declined { reason });
        Ok(())
    }

    async fn read_top_up(&mut self, me: &Member, id: TopUpId) -> Result<(), Refused> {
        let room = self.id.clone();
        if me.role == Rank::Owner {
            return self.store.see_order(room, id, None).await.map_err(fault);
        }
        let purse = self.auth.purse(&me.id);
        self.store.see_order(room.clone(), id.clone(), Some(purse)).await.map_err(fault)?;
        self.store.see_top_up(room, id, me.id.clone()).await.map_err(fault)
    }

    /// It does not wait any more, and those hear of it whom it concerns.
    fn decided(&mut self, id: &TopUpId, outcome: Outcome) {
        let Some(at) = self.till.waiting.iter().position(|waits| waits.top_up.id == *id) else { return };
        let Waits { top_up, .. } = self.till.waiting.remove(at);
        tracing::info!(room = %self.id, top_up = %top_up.id, approved = (outcome == Outcome::Approved), "decided");
        self.tell_top_up(TopUp { outcome, ..top_up });
    }

    fn tell_top_up(&mut self, top_up: TopUp) {
        let user = top_up.by.id.clone();
        let told = ServerMessage::Coins { news: CoinNews::TopUp { top_up } };
        self.seats.tell_user(&user, &told);
        self.seats.tell_owner(&told, Some(&user));
    }

    /// What somebody who comes has to know: the owner what waits, others what became of theirs.
    pub(super) fn catch_up(&mut self, seat: SeatId, me: &Member) {
        if !self.till.used {
            return;
        }
        let (store, room, user) = (self.store.clone(), self.id.clone(), me.id.clone());
        let waiting = || self.till.waiting.iter().map(|waits| waits.top_up.clone()).collect::<Vec<TopUp>>();
        let (waiting, purse) = match me.role {
            Rank::Owner => (waiting(), None),
            _ => (Vec::new(), Some(self.auth.purse(&user))),
        };
        self.writes.push_back(Box::pin(async move {
            let found = match purse {
                None => store.odd_orders(room).await.map(|odd| [waiting, odd].concat()),
                Some(purse) => all_of(&store, room, user, purse).await,
            };
            match found {
                Ok(list) if list.is_empty() => Written::Nothing,
                Ok(list) => Written::TopUps { seat, list },
                Err(error) => {
                    tracing::error!(%error, "somebody's top-ups could not be read");
                    Written::Nothing
                }
            }
        }));
    }
}

/// What somebody has asked for and ordered, and does not know the end of.
async fn all_of(store: &Store, room: RoomId, user: UserId, purse: Purse) -> Result<Vec<TopUp>, Error> {
    let mut all = store.top_ups_of(room.clone(), user).await?;
    all.extend(store.orders_of(room, purse).await?);
    all.sort_by_key(|top_up| top_up.at);
    Ok(all)
}

/// Why something was not done, and after how many milliseconds it may be tried again.
struct Refused(Failure, Option<u32>);

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self(failure, None)
    }
}

impl From<(Failure, Option<u32>)> for Refused {
    fn from((failure, after): (Failure, Option<u32>)) -> Self {
        Self(failure, after)
    }
}

fn fault(error: Error) -> Refused {
    internal(&error).into()
}

fn too_late() -> Failure {
    Failure::new(Code::WrongPhase, "This request does not wait any more")
}
