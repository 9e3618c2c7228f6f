//! Packs that are paid by card: what may be ordered, and what the payment service's word comes to in the room.

use footlight_protocol::coin::{CoinNews, Outcome, Pack, TopUp};
use footlight_protocol::room::ServerMessage;
use footlight_protocol::{Code, Failure, Nonce, TopUpId, UserId};

use super::actor::Actor;
use super::coins::RATE;
use super::talk::internal;
use crate::chat::pace::{Pace, Rate};
use crate::clock;
use crate::error::Error;
use crate::moderation::may_talk;
use crate::secret::random_id;
use crate::store::orders::{Order, Settlement};
use crate::stripe::{Paid, Refunded};

/// Orders of all people together. Each is a question to the payment service, which counts them.
pub(super) const ORDERS: Rate = Rate { most: 60, window: 60_000 };
/// Letters and digits of an order's id.
const ID: usize = 20;

impl Actor {
    /// Keeps what somebody is about to pay; asked again under the same nonce, it is the same order.
    pub(super) async fn order(
        &mut self,
        user: UserId,
        pack: Pack,
        nonce: Nonce,
    ) -> Result<(TopUpId, Pack), Failure> {
        let now = clock::now_millis();
        may_talk(&self.sanctions, &user, now).map_err(|(failure, _)| failure)?;
        if !self.till.shop.card || !self.till.shop.offer.packs.contains(&pack) {
            return Err(Failure::new(Code::WrongPhase, "This pack is not offered any more; look at what is"));
        }
        let too_fast = |_| Failure::new(Code::TooFast, "Not so fast; try again in a moment");
        let pace = self.till.paces.entry(user.clone()).or_insert_with(|| Pace::new(RATE));
        pace.take(now).and_then(|()| self.till.orders.take(now)).map_err(too_fast)?;
        let fault = |error: Error| internal(&error);
        let id =
            TopUpId::try_from(random_id(ID).map_err(fault)?).expect("letters and digits of a valid length");
        let order = Order { id, purse: self.auth.purse(&user), by: user, at: now, pack: pack.clone() };
        match self.store.order(self.id.clone(), order, nonce).await.map_err(fault)? {
            Some((id, kept)) if kept == pack => Ok((id, pack)),
            Some(_) => Err(Failure::new(Code::Malformed, "A request of this nonce asked for something else")),
            None => Err(Failure::new(Code::WrongPhase, "This order has been paid already")),
        }
    }

    pub(super) async fn paid(&mut self, paid: Paid) -> Result<Settlement, Failure> {
        let settled = self.store.pay(self.id.clone(), paid, clock::now_millis()).await;
        self.order_changed(settled)
    }

    pub(super) async fn refunded(&mut self, refunded: Refunded) -> Result<Settlement, Failure> {
        let settled = self.store.take_back(self.id.clone(), refunded, clock::now_millis()).await;
        self.order_changed(settled)
    }

    /// Tells those whom it concerns.
    fn order_changed(&mut self, settled: Result<Settlement, Error>) -> Result<Settlement, Failure> {
        let settled = settled.map_err(|error| internal(&error))?;
        if let Settlement::Changed(top_up) = &settled {
            tracing::info!(room = %self.id, order = %top_up.id, outcome = ?top_up.outcome, "an order changed");
            self.till.used = true;
            self.tell_order(TopUp::clone(top_up));
            self.count_coins(top_up.by.id.clone());
        }
        Ok(settled)
    }

    /// The person hears of their coins, the creator of what is odd.
    fn tell_order(&mut self, top_up: TopUp) {
        let user = top_up.by.id.clone();
        let is_odd = matches!(top_up.outcome, Outcome::Owed | Outcome::PartlyRefunded);
        let told = ServerMessage::Coins { news: CoinNews::TopUp { top_up } };
        if is_odd {
            self.seats.tell_owner(&told, None);
        } else {
            self.seats.tell_user(&user, &told);
        }
    }
}
