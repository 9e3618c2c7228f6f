//! What the store promises about requests to the books that come at once, some of them made before.

use std::sync::mpsc;

use footlight_protocol::Seq;
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use tokio::sync::oneshot;

use super::{Shelf, coins, gift_of, gifted, grant, purse, room, said, settle};
use crate::error::Error;
use crate::gift::ledger::{Account, Answer, Hash, Refusal, Request};
use crate::store::ledger::{Booked, Settled};
use crate::store::sql::Fault;
use crate::store::writer::Job;
use crate::store::{Kept, Store};

/// Whether the bookings come first in their transaction or behind something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    First,
    Behind,
}

/// Holds the database's thread up until all of these stand in its queue, and behind them an event that is kept whatever
/// becomes of them.
async fn together(
    store: &Store,
    place: Place,
    booked: Vec<Booked>,
    event: Option<Kept>,
) -> Vec<Result<Settled, Error>> {
    let (go, wait) = mpsc::channel();
    let (begun, begins) = oneshot::channel();
    let hold = store.ask(move |_| {
        let _ = begun.send(());
        wait.recv().map_err(|error| Fault(error.to_string()))
    });
    let work = async {
        begins.await.unwrap();
        if place == Place::First {
            // Nothing goes on in one transaction over it.
            store.queue(Job::Apart(Box::new(|_| {}))).await.unwrap();
        }
        let mut settling = join_all(booked.into_iter().map(|one| Box::pin(store.book(room(), one))));
        assert!((&mut settling).now_or_never().is_none(), "all are in the queue");
        let mut keeping = event.map(|event| Box::pin(store.keep(room(), event)));
        assert!(keeping.as_mut().is_none_or(|keeping| keeping.now_or_never().is_none()));
        go.send(()).unwrap();
        if let Some(keeping) = keeping {
            keeping.await.unwrap();
        }
        settling.await
    };
    tokio::join!(hold, work).1
}

fn alone(request: Request) -> Booked {
    Booked { request, person: None, event: None }
}

/// The rows are whole and in order, and the accounts are what follows from them.
pub(super) async fn the_books_are_right(store: &Store) {
    let entries = store.entries(room(), 0, 1_000).await.unwrap();
    let (mut previous, mut balances) = (Hash::default(), std::collections::BTreeMap::new());
    for (n, entry) in entries.iter().enumerate() {
        assert!(entry.number == n as u64 + 1 && entry.follows(&previous), "{entry:?}");
        previous = entry.hash;
        *balances.entry(entry.from.clone()).or_insert(0) -= entry.amount as i64;
        *balances.entry(entry.to.clone()).or_insert(0) += entry.amount as i64;
    }
    for (account, balance) in balances {
        assert_eq!(store.balance(room(), account.clone()).await.unwrap(), balance, "{account}");
    }
}

pub(super) async fn who_asks_again_among_others_hears_what_was_made_then(shelf: Shelf) {
    let (store, writer) = shelf.open().await;
    for (n, name) in ["ann", "bob"].into_iter().enumerate() {
        settle(&store, vec![coins("owner", &format!("grant-{n}"), grant(name, 10))]).await;
    }
    let before = settle(&store, vec![coins("ann", "before", gift_of("ann", 8, None))]).await;
    let Answer::Made(before) = &before[0] else { panic!("{before:?}") };
    drop(store);
    writer.join();
    let (store, _writer) = shelf.open().await;
    let again = || alone(coins("ann", "before", gift_of("ann", 8, None)));
    for (n, place) in (1_u64..).zip([Place::First, Place::Behind]) {
        let new = |by: &str, name: &str, amount| {
            alone(coins(by, &format!("{name}-{n}"), gift_of(by, amount, None)))
        };
        // It cannot be paid any more, so no row is written that could tell.
        let refused = together(&store, place, vec![again()], None).await;
        assert!(matches!(&refused[0].as_ref().unwrap().answer, Answer::Again(entry) if entry == before));
        // Among others it takes no coin that they have.
        let other = alone(coins("ann", "before", gift_of("ann", 8, Some(3))));
        let taken = alone(coins("ann", "before", grant("ann", 1)));
        let mixed = vec![new("bob", "a", 2), again(), new("ann", "b", 1), other, taken, new("bob", "c", 99)];
        let answers = together(&store, place, mixed, None).await;
        let answers: Vec<Answer> = answers.into_iter().map(|settled| settled.unwrap().answer).collect();
        assert!(
            matches!(&answers[..], [
            Answer::Made(a),
            Answer::Again(first),
            Answer::Made(b),
            Answer::Again(second),
            Answer::Refused(Refusal::NonceTaken),
            Answer::Refused(Refusal::Short { .. }),
        ] if first == before && second == before && b.number == a.number + 1),
            "{answers:?}"
        );
        the_books_are_right(&store).await;
    }
    assert_eq!(store.balance(room(), Account::Person(purse("ann"))).await.unwrap(), 0);
    assert_eq!(store.entries(room(), 0, 100).await.unwrap().len(), 7);
}

pub(super) async fn of_what_comes_at_once_each_hears_their_coins_once(shelf: Shelf) {
    let (store, _writer) = shelf.open().await;
    for (n, name) in ["ann", "bob"].into_iter().enumerate() {
        settle(&store, vec![coins("owner", &format!("grant-{n}"), grant(name, 10))]).await;
    }
    for (place, seq, ann, expected) in [
        (Place::First, 10, 3, [None, Some(8), Some(4), None, None]),
        (Place::Behind, 20, 2, [None, Some(6), Some(0), None, None]),
    ] {
        // The fourth cannot be paid, and the last is the third once more.
        let gifts = [("ann", 1, ann), ("bob", 2, 2), ("ann", 3, ann), ("ann", 4, 99), ("ann", 3, ann)];
        let gifts = gifts.map(|(by, n, amount)| gifted(seq + n, by, &format!("g-{seq}-{n}"), amount, 1));
        let settled = together(&store, place, gifts.to_vec(), None).await;
        let told: Vec<_> = settled.iter().map(|settled| settled.as_ref().unwrap().coins).collect();
        assert_eq!(told, expected);
    }
    the_books_are_right(&store).await;
}

/// The place of the second gift in the room's order is taken by another event: nothing of these is kept, and all of what
/// else was in the transaction.
pub(super) async fn a_group_that_fails_leaves_the_rest_of_the_transaction(shelf: Shelf) {
    let (store, writer) = shelf.open().await;
    settle(&store, vec![coins("owner", "nonce-00", grant("ann", 10))]).await;
    store.keep(room(), said(2, "bob")).await.unwrap();
    for (place, seq) in [(Place::First, 10), (Place::Behind, 20)] {
        let gifts =
            vec![gifted(seq, "ann", &format!("a-{seq}"), 1, 1), gifted(2, "ann", &format!("b-{seq}"), 1, 1)];
        let settled = together(&store, place, gifts, Some(said(seq + 1, "bob"))).await;
        assert!(settled.iter().all(Result::is_err), "{settled:?}");
        assert_eq!(store.event(room(), Seq(seq)).await.unwrap(), None);
        assert!(store.event(room(), Seq(seq + 1)).await.unwrap().is_some());
    }
    drop(store);
    writer.join();
    let (store, _writer) = shelf.open().await;
    assert_eq!(store.entries(room(), 0, 10).await.unwrap().len(), 1);
    assert_eq!(store.balance(room(), Account::Person(purse("ann"))).await.unwrap(), 10);
    // What failed may be asked for again.
    assert!(store.book(room(), gifted(30, "ann", "a-10", 1, 1)).await.unwrap().event.is_some());
    the_books_are_right(&store).await;
}
