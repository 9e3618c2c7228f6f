//! What the store promises to those who pay by card: their coins once, whatever comes how often and in which order.
//!
//! Three ways in which money could be lost or doubled here: the service tells of a payment twice, or of it and of its refund
//! in the wrong order; something else is paid than was ordered; a person is erased between paying and being told of it.

use footlight_protocol::coin::{Outcome, Pack};
use footlight_protocol::{Nonce, TopUpId};
use futures_util::future::join_all;

use super::{Shelf, coins, gift_of, purse, room, settle, user};
use crate::gift::ledger::{Account, Answer, Kind};
use crate::store::Store;
use crate::store::orders::{Order, Settlement};
use crate::stripe::{Paid, Refunded};

fn id(text: &str) -> TopUpId {
    text.parse().unwrap()
}

fn nonce(text: &str) -> Nonce {
    text.parse().unwrap()
}

fn pack() -> Pack {
    Pack { coins: 60, amount: 600, currency: "cny".parse().unwrap() }
}

fn order(text: &str, at: u64) -> Order {
    Order { id: id(text), by: user("ann"), purse: purse("anns"), at, pack: pack() }
}

fn paid(order: &str, session: &str) -> Paid {
    let payment = Some(format!("pi{session}"));
    Paid {
        order: id(order),
        session: session.to_owned(),
        payment,
        amount: 600,
        currency: "cny".parse().unwrap(),
    }
}

fn refunded(session: &str, order: Option<&str>, whole: bool) -> Refunded {
    Refunded { payment: format!("pi{session}"), order: order.map(id), whole }
}

async fn pay(store: &Store, paid: Paid) -> Settlement {
    store.pay(room(), paid, 7).await.unwrap()
}

async fn take_back(store: &Store, refunded: Refunded) -> Settlement {
    store.take_back(room(), refunded, 8).await.unwrap()
}

fn became(settlement: Settlement) -> Option<Outcome> {
    match settlement {
        Settlement::Changed(top_up) => Some(top_up.outcome),
        _ => None,
    }
}

async fn anns(store: &Store) -> i64 {
    store.balance(room(), Account::Person(purse("anns"))).await.unwrap()
}

pub(super) async fn an_order_is_paid_once_by_what_was_ordered(shelf: Shelf) {
    let (store, writer) = shelf.open().await;
    store.set_name(user("ann"), "Ann".to_owned(), 1).await.unwrap();
    let kept = Some((id("o1"), pack()));
    assert_eq!(store.order(room(), order("o1", 5), nonce("n1")).await.unwrap(), kept);
    assert_eq!(store.order(room(), order("o9", 6), nonce("n1")).await.unwrap(), kept, "asked again");
    store.set_session(room(), id("o1"), "cs1".to_owned()).await.unwrap();
    assert_eq!(pay(&store, paid("none", "cs1")).await, Settlement::Unknown);
    assert_eq!(pay(&store, paid("o1", "cs2")).await, Settlement::Unlike("the session"));
    assert_eq!(
        pay(&store, Paid { amount: 599, ..paid("o1", "cs1") }).await,
        Settlement::Unlike("the amount")
    );
    let euros = "eur".parse().unwrap();
    assert_eq!(
        pay(&store, Paid { currency: euros, ..paid("o1", "cs1") }).await,
        Settlement::Unlike("the amount")
    );
    assert_eq!(anns(&store).await, 0);
    // Told three times, two of them at once.
    let both = join_all([pay(&store, paid("o1", "cs1")), pay(&store, paid("o1", "cs1"))]).await;
    let changed = both.iter().filter(|one| matches!(one, Settlement::Changed(_))).count();
    assert!(changed == 1 && both.contains(&Settlement::Before), "{both:?}");
    drop(store);
    writer.join();
    let (store, _writer) = shelf.open().await;
    assert_eq!(pay(&store, paid("o1", "cs1")).await, Settlement::Before);
    assert_eq!(store.order(room(), order("o8", 9), nonce("n1")).await.unwrap(), None, "it is paid");
    let rows = store.entries(room(), 0, 9).await.unwrap();
    assert_eq!(
        (rows.len(), rows[0].kind, rows[0].amount, rows[0].nonce.as_str()),
        (1, Kind::Bought, 60, "card-o1")
    );
    assert_eq!(anns(&store).await, 60);
    // One session pays one order, also where the relay was killed before it knew the session of the other.
    store.order(room(), order("o2", 9), nonce("n2")).await.unwrap();
    assert!(store.pay(room(), paid("o2", "cs1"), 9).await.is_err());
    assert_eq!(anns(&store).await, 60);
    assert_eq!(became(pay(&store, paid("o2", "cs2")).await), Some(Outcome::Approved), "its own does");
    assert_eq!(anns(&store).await, 120);
    // Told until they are read.
    let told = store.orders_of(room(), purse("anns")).await.unwrap();
    assert!(told.len() == 2 && told[0].card && told[0].by.name == "Ann");
    store.see_order(room(), id("o1"), Some(purse("bobs"))).await.unwrap();
    store.see_order(room(), id("o2"), Some(purse("anns"))).await.unwrap();
    let told = store.orders_of(room(), purse("anns")).await.unwrap();
    assert_eq!(told.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["o1"]);
    // What nobody paid is forgotten at last.
    let month = 31 * 24 * 3_600_000;
    store.order(room(), order("o3", 10), nonce("n3")).await.unwrap();
    store.order(room(), order("o4", month), nonce("n4")).await.unwrap();
    assert_eq!(pay(&store, paid("o3", "cs3")).await, Settlement::Unknown);
    assert_eq!(pay(&store, paid("o1", "cs1")).await, Settlement::Before, "what was paid is not");
}

pub(super) async fn money_that_went_back_takes_its_coins_along_where_they_are(shelf: Shelf) {
    let (store, _writer) = shelf.open().await;
    for (order_id, session) in [("o1", "cs1"), ("o2", "cs2"), ("o3", "cs3")] {
        store.order(room(), order(order_id, 5), nonce(order_id)).await.unwrap();
        if order_id != "o3" {
            pay(&store, paid(order_id, session)).await;
        }
    }
    assert_eq!(take_back(&store, refunded("cs9", None, true)).await, Settlement::Unknown);
    assert_eq!(became(take_back(&store, refunded("cs1", None, false)).await), Some(Outcome::PartlyRefunded));
    assert_eq!(
        (take_back(&store, refunded("cs1", None, false)).await, anns(&store).await),
        (Settlement::Before, 120)
    );
    assert_eq!(became(take_back(&store, refunded("cs1", None, true)).await), Some(Outcome::GivenBack));
    assert_eq!(
        (take_back(&store, refunded("cs1", None, true)).await, anns(&store).await),
        (Settlement::Before, 60)
    );
    assert_eq!(pay(&store, paid("o1", "cs1")).await, Settlement::Before, "the payment is told once more");
    // Spent is spent: the creator hears of it.
    assert!(matches!(
        settle(&store, vec![coins("anns", "gift", gift_of("anns", 50, None))]).await[0],
        Answer::Made(_)
    ));
    assert_eq!(became(take_back(&store, refunded("cs2", Some("o2"), true)).await), Some(Outcome::Owed));
    assert_eq!(anns(&store).await, 10);
    let odd = store.odd_orders(room()).await.unwrap();
    assert_eq!(odd.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["o2"]);
    store.see_order(room(), id("o2"), None).await.unwrap();
    assert!(store.odd_orders(room()).await.unwrap().is_empty());
    // The refund is told before the payment.
    assert_eq!(became(take_back(&store, refunded("cs3", Some("o3"), true)).await), Some(Outcome::GivenBack));
    assert_eq!((pay(&store, paid("o3", "cs3")).await, anns(&store).await), (Settlement::Before, 10));
    let kinds: Vec<Kind> = store.entries(room(), 0, 9).await.unwrap().iter().map(|row| row.kind).collect();
    assert_eq!(kinds, [Kind::Bought, Kind::Bought, Kind::Reversal, Kind::Gift]);
}

pub(super) async fn a_payment_that_is_underway_outlives_its_person(shelf: Shelf) {
    let (store, _writer) = shelf.open().await;
    store.order(room(), order("o1", 5), nonce("n1")).await.unwrap();
    store.erase(user("ann"), purse("anns")).await.unwrap();
    let Settlement::Changed(told) = pay(&store, paid("o1", "cs1")).await else { panic!("it is paid") };
    assert_eq!((told.by.id.as_str(), told.by.name.as_str()), ("anns", ""), "nobody is led back to them");
    assert_eq!(anns(&store).await, 60);
}
