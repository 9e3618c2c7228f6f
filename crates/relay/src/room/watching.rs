//! Coins for having watched: who reports to play while somebody is on air, and when they are paid for it.

use footlight_protocol::room::{Member, Role as Rank, StreamState, UnixMillis};

use super::SeatId;
use super::actor::{Actor, Written};
use crate::clock;
use crate::error::Error;
use crate::gift::ledger::{Answer, Kind, Purse, Request, What};
use crate::gift::watching::Due;
use crate::store::ledger::{Booked, Settled};

/// Rewards that are paid within a second: one transaction. In a room where all came at once, the others wait their turn.
const AT_ONCE: usize = 64;

impl Actor {
    /// A page of somebody plays.
    pub(super) fn watches(&mut self, seat: SeatId, me: &Member) {
        let Some(watch) = self.till.shop.offer.watch else { return };
        let is_live = matches!(self.stream.state(), StreamState::Live { .. });
        let Some(address) = self.seats.get(seat).map(|seat| seat.address) else { return };
        if is_live && me.role != Rank::Owner {
            self.till.watching.report(&me.id, address, &watch, clock::now_millis());
        }
    }

    /// Pays those whose turn it is, and keeps what has changed.
    pub(super) fn pay_watchers(&mut self, now: UnixMillis) {
        self.till.watching.forget(now);
        if let Some(watch) = self.till.shop.offer.watch {
            for due in self.till.watching.take_due(&watch, AT_ONCE) {
                self.pay_watcher(due, now);
            }
        }
        let kept = self.till.watching.take_changed(now, false);
        if !kept.is_empty() {
            let (store, room) = (self.store.clone(), self.id.clone());
            self.writes.push_back(Box::pin(async move {
                if let Err(error) = store.keep_watched(room, kept).await {
                    tracing::error!(%error, "how long people watched could not be kept");
                }
                Written::Nothing
            }));
        }
    }

    fn pay_watcher(&mut self, due: Due, now: UnixMillis) {
        let purse = self.auth.purse(&due.user);
        let Some(nonce) = due.nonce(&purse) else { return };
        let what = What::issued(Kind::Watch, purse.clone(), due.coins);
        let request = Request { by: Purse::of_relay(), nonce, at: now, seq: None, what };
        let booked = Booked { request, person: Some((purse, due.user.clone())), event: None };
        let settling = self.store.book(self.id.clone(), booked);
        self.writes
            .push_back(Box::pin(async move { Written::Watched { due, settled: Box::new(settling.await) } }));
    }

    /// A reward is in the books, or is not.
    pub(super) fn watcher_paid(&mut self, due: &Due, settled: Result<Settled, Error>) {
        match settled {
            Ok(Settled { answer: Answer::Made(_), coins: Some(coins), .. }) => {
                self.tell_wallet(&due.user, coins)
            }
            Ok(Settled { answer: Answer::Made(_), .. }) => {}
            Ok(Settled { answer: Answer::Again(_), .. }) => self.till.watching.paid_before(due),
            // Of another amount, since the creator has changed it: it was paid, too.
            Ok(Settled { answer: Answer::Refused(refusal), .. }) => {
                tracing::debug!(?refusal, "a reward for watching");
                self.till.watching.paid_before(due);
            }
            Err(error) => {
                tracing::error!(%error, "a reward for watching could not be kept");
                self.till.watching.not_paid(due);
            }
        }
    }

    /// At the end: how long everybody has watched.
    pub(super) async fn keep_watching(&mut self) {
        let kept = self.till.watching.take_changed(clock::now_millis(), true);
        if kept.is_empty() {
            return;
        }
        if let Err(error) = self.store.keep_watched(self.id.clone(), kept).await {
            tracing::error!(%error, "how long people watched could not be kept");
        }
    }
}
