//! What the store promises of people's time, and the books of rewards for it.

use super::{Shelf, purse, room, settle, user};
use crate::gift::ledger::{Account, Answer, Kind, Purse, Request, What};
use crate::gift::watching::Kept;

fn kept(id: &str, day: u64, millis: u64) -> Kept {
    Kept { user: user(id), day, count: 2, coins: 10, millis }
}

fn reward(nonce: &str, coins: u64) -> Request {
    let what = What::issued(Kind::Watch, purse("ann"), coins);
    Request { by: Purse::of_relay(), nonce: nonce.parse().unwrap(), at: 1, seq: None, what }
}

pub(super) async fn how_long_people_watched_is_kept_and_goes_with_them(shelf: Shelf) {
    let (store, writer) = shelf.open().await;
    let many = (0..100).map(|n| kept(&format!("u{n}"), 20_000, n)).collect();
    store.keep_watched(room(), many).await.unwrap();
    store.keep_watched(room(), vec![kept("ann", 19_000, 5), kept("u7", 20_001, 9)]).await.unwrap();
    drop(store);
    writer.join();
    let (store, _writer) = shelf.open().await;
    let watched = store.past(room(), 1).await.unwrap().tills.watched;
    assert_eq!(
        (watched.len(), &watched[0]),
        (100, &kept("u7", 20_001, 9)),
        "the newest day first, and none of long ago"
    );
    store.erase(user("u7"), purse("u7")).await.unwrap();
    let watched = store.past(room(), 1).await.unwrap().tills.watched;
    assert!(watched.len() == 99 && watched.iter().all(|one| one.user != user("u7")));
}

pub(super) async fn a_reward_is_paid_once_also_where_the_relay_forgot_it(shelf: Shelf) {
    let (store, _writer) = shelf.open().await;
    assert!(matches!(settle(&store, vec![reward("w1-1-ann", 5)]).await[0], Answer::Made(_)));
    // Killed before it kept that; meanwhile the creator gives more.
    let again = settle(&store, vec![reward("w1-1-ann", 50), reward("w1-2-ann", 50)]).await;
    assert!(matches!(&again[..], [Answer::Again(_), Answer::Made(_)]), "{again:?}");
    assert_eq!(store.balance(room(), Account::Person(purse("ann"))).await.unwrap(), 55);
}
