//! What the store promises to those who say to have paid: their coins come once, or a reason why not, and neither twice.
//!
//! Three ways in which money could be lost or doubled here: a creator approves twice, on two pages or after a crash; a
//! request is declined while its coins are in the books already; an id is given out again after somebody was erased, so
//! that another's payment is taken for paid.

use footlight_protocol::coin::{Outcome, Pack, TopUp};
use footlight_protocol::{Nonce, TopUpId};
use futures_util::future::join_all;

use super::{Shelf, member, purse, room, user};
use crate::gift::ledger::{Account, Answer, Kind};
use crate::store::Store;
use crate::store::top_ups::{Approval, Asked, payment};

fn id(text: &str) -> TopUpId {
    text.parse().unwrap()
}

fn nonce(text: &str) -> Nonce {
    text.parse().unwrap()
}

fn asked(text: &str, by: &str, coins: u64) -> TopUp {
    let pack = Pack { coins, amount: 600, currency: "cny".parse().unwrap() };
    let reference = "微信 '; DROP TABLE top_up".to_owned();
    TopUp { id: id(text), at: 1, by: member(by), pack, reference, card: false, outcome: Outcome::Waits }
}

async fn approve(store: &Store, top_up: &TopUp) -> Approval {
    let purse = purse(top_up.by.id.as_str());
    store.approve_top_up(room(), top_up.clone(), purse, 9).await.unwrap()
}

async fn coins(store: &Store, of: &str) -> i64 {
    store.balance(room(), Account::Person(purse(of))).await.unwrap()
}

pub(super) async fn who_has_paid_gets_their_coins_once(shelf: Shelf) {
    let (store, writer) = shelf.open().await;
    store.set_name(user("ann"), "Ann".to_owned(), 1).await.unwrap();
    let (first, second) = (asked("a1", "ann", 60), asked("a2", "ann", 300));
    assert_eq!(store.ask_top_up(room(), first.clone(), nonce("n1")).await.unwrap(), Asked::New);
    // The page lost its connection, and asks again.
    assert_eq!(
        store.ask_top_up(room(), asked("other", "ann", 60), nonce("n1")).await.unwrap(),
        Asked::Before
    );
    assert!(store.has_top_up(room(), user("ann"), nonce("n1")).await.unwrap());
    assert!(!store.has_top_up(room(), user("bob"), nonce("n1")).await.unwrap());
    assert_eq!(store.ask_top_up(room(), second.clone(), nonce("n2")).await.unwrap(), Asked::New);
    let tills = store.past(room(), 1).await.unwrap().tills;
    let waiting: Vec<_> = tills.waiting.iter().map(|one| (one.id.as_str(), one.by.name.as_str())).collect();
    assert_eq!((waiting, tills.used), (vec![("a1", "Ann"), ("a2", "Ann")], true));

    // Two pages approve at once.
    let mut both = join_all([approve(&store, &first), approve(&store, &first)]).await;
    both.sort_by_key(|approval| *approval != Approval::Approved);
    assert_eq!(both, [Approval::Approved, Approval::TooLate]);
    assert!(!store.decline_top_up(room(), id("a1"), "no".to_owned()).await.unwrap(), "it is paid");
    assert!(store.decline_top_up(room(), id("a2"), "没收到".to_owned()).await.unwrap());
    assert_eq!(approve(&store, &second).await, Approval::TooLate);
    assert_eq!(approve(&store, &asked("none", "ann", 5)).await, Approval::TooLate);
    drop(store);
    writer.join();

    let (store, _writer) = shelf.open().await;
    assert_eq!(approve(&store, &first).await, Approval::TooLate);
    assert_eq!(coins(&store, "ann").await, 60);
    let entries = store.entries(room(), 0, 9).await.unwrap();
    let row = entries.first().unwrap();
    assert_eq!((entries.len(), row.kind, row.amount, row.nonce.as_str()), (1, Kind::TopUp, 60, "topup-a1"));
    // Both outcomes are told until they are seen, and by nobody else.
    let told = store.top_ups_of(room(), user("ann")).await.unwrap();
    let outcomes: Vec<_> = told.iter().map(|one| one.outcome.clone()).collect();
    let declined = Outcome::Declined { reason: "没收到".to_owned() };
    assert_eq!(outcomes.len(), 2);
    assert!(outcomes.contains(&Outcome::Approved) && outcomes.contains(&declined), "{outcomes:?}");
    store.see_top_up(room(), id("a1"), user("bob")).await.unwrap();
    assert_eq!(store.top_ups_of(room(), user("ann")).await.unwrap().len(), 2);
    store.see_top_up(room(), id("a1"), user("ann")).await.unwrap();
    assert_eq!(store.top_ups_of(room(), user("ann")).await.unwrap().len(), 1);
    let tills = store.past(room(), 1).await.unwrap().tills;
    assert!(tills.waiting.is_empty() && tills.used);
}

/// A backup from before the decision was put back beside books that know of it: the row is there, and stays the only one.
pub(super) async fn coins_that_are_there_are_not_given_again(shelf: Shelf) {
    let (store, _writer) = shelf.open().await;
    let one = asked("a1", "ann", 60);
    store.ask_top_up(room(), one.clone(), nonce("n1")).await.unwrap();
    let paid = store.book(room(), payment(&one, purse("ann"), 5).unwrap()).await.unwrap();
    assert!(matches!(paid.answer, Answer::Made(_)));
    assert_eq!(approve(&store, &one).await, Approval::Approved);
    assert_eq!((coins(&store, "ann").await, store.entries(room(), 0, 9).await.unwrap().len()), (60, 1));
    // Under the name of a request that was paid nobody else is, whatever became of the first.
    store.erase(user("ann"), purse("ann")).await.unwrap();
    assert!(store.top_ups_of(room(), user("ann")).await.unwrap().is_empty());
    let again = asked("a1", "bob", 300);
    store.ask_top_up(room(), again.clone(), nonce("n1")).await.unwrap();
    assert!(matches!(approve(&store, &again).await, Approval::Refused(_)));
    assert_eq!(store.past(room(), 1).await.unwrap().tills.waiting.len(), 1, "it still waits");
    assert_eq!((coins(&store, "ann").await, coins(&store, "bob").await), (60, 0));
}

pub(super) async fn a_payment_picture_is_kept_until_it_is_taken_away(shelf: Shelf) {
    let (store, _writer) = shelf.open().await;
    assert_eq!(store.payment_picture(room()).await.unwrap(), None);
    for name in ["first", "second"] {
        let picture = (name.to_owned(), vec![0, 255, 1]);
        store.set_payment_picture(room(), Some(picture.clone())).await.unwrap();
        assert_eq!(store.payment_picture(room()).await.unwrap(), Some(picture));
    }
    assert_eq!(store.past(room(), 1).await.unwrap().tills.picture.as_deref(), Some("second"));
    store.set_payment_picture(room(), None).await.unwrap();
    assert_eq!(store.payment_picture(room()).await.unwrap(), None);
    assert_eq!(store.past(room(), 1).await.unwrap().tills.picture, None);
}
