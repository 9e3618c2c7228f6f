//! What the store promises, held to on both databases: SQLite, and a real PostgreSQL server that is started for it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use footlight_protocol::gift::{Gift, Show};
use footlight_protocol::room::{Event, EventKind, Member, Role};
use footlight_protocol::{MessageId, Nonce, RoomId, Seq, UserId};
use futures_util::future::join_all;

use super::ledger::Booked;
#[path = "../../tests/relay/postgres.rs"]
mod postgres_server;

use super::{Kept, Place, Sanction, Store, Writer};
use crate::gift::ledger::{Account, Answer, Hash, Kind, Purse, Refusal, Request, What};
use crate::secret::Secret;

mod books;
mod follows;
mod moves;
mod orders;
mod passkeys;
mod people;
mod pictures;
mod recordings;
mod spend;
mod talk;
mod top_ups;
mod watched;

use books::{
    a_group_that_fails_leaves_the_rest_of_the_transaction, of_what_comes_at_once_each_hears_their_coins_once,
    who_asks_again_among_others_hears_what_was_made_then,
};
use follows::who_follows_is_kept_counted_once_and_goes_with_them;
use orders::{
    a_payment_that_is_underway_outlives_its_person, an_order_is_paid_once_by_what_was_ordered,
    money_that_went_back_takes_its_coins_along_where_they_are,
};
use passkeys::passkeys_are_kept_counted_and_never_the_last_way_lost;
use people::{
    a_person_is_found_whole_and_erased_whole, amounts_that_are_hidden_are_in_no_replay,
    what_a_purse_gave_in_all_is_known, what_is_held_waits_and_a_sweep_comes_back_whole,
    what_is_known_of_people_is_listed, what_moderators_see_of_people_is_kept_and_bounded,
};
use recordings::recordings_are_found_by_what_they_are;
use spend::{
    a_goal_counts_what_the_books_have, a_month_that_is_asked_for_again_is_one_month,
    a_packet_of_somebody_who_is_erased_is_not_forgotten, a_packet_survives_a_crash_and_is_closed_once,
    a_paid_message_stands_until_it_is_taken_down_or_given_back, coins_that_have_gone_on_are_not_given_back,
    of_many_who_race_for_a_packet_nobody_draws_twice_and_no_coin_is_lost,
};

use moves::old_chat_goes_and_coins_bans_and_what_waits_stay;
use pictures::{
    emotes_are_kept_until_they_are_taken_away, who_shows_themselves_is_seen_until_a_moderator_hides_it,
};
use talk::{
    answers_are_kept_without_what_they_answer, older_messages_are_answered_and_reported_as_they_are_seen,
    reports_count_once_and_weigh_what_became_of_them,
};
use top_ups::{
    a_payment_picture_is_kept_until_it_is_taken_away, coins_that_are_there_are_not_given_again,
    who_has_paid_gets_their_coins_once,
};
use watched::{
    a_reward_is_paid_once_also_where_the_relay_forgot_it, how_long_people_watched_is_kept_and_goes_with_them,
};

/// Generates each of the suite's stories for each database.
macro_rules! on_both {
    ($($story:ident),* $(,)?) => {
        mod sqlite { $(#[tokio::test] async fn $story() { super::$story(super::Shelf::file()).await })* }
        mod postgres { $(#[tokio::test] async fn $story() { super::$story(super::Shelf::server()).await })* }
    };
}

on_both!(
    secrets_keys_and_names_are_kept,
    events_do_what_they_say_and_come_back_after_a_restart,
    what_is_held_waits_and_a_sweep_comes_back_whole,
    older_messages_are_answered_and_reported_as_they_are_seen,
    reports_count_once_and_weigh_what_became_of_them,
    answers_are_kept_without_what_they_answer,
    old_chat_goes_and_coins_bans_and_what_waits_stay,
    what_is_known_of_people_is_listed,
    passkeys_are_kept_counted_and_never_the_last_way_lost,
    what_moderators_see_of_people_is_kept_and_bounded,
    a_person_is_found_whole_and_erased_whole,
    amounts_that_are_hidden_are_in_no_replay,
    what_a_purse_gave_in_all_is_known,
    a_request_that_fails_undoes_itself_and_nothing_else,
    recordings_are_found_by_what_they_are,
    a_newer_schema_is_left_alone,
    books_are_kept_over_restarts_and_never_changed,
    of_many_who_race_for_one_balance_nobody_gets_what_is_not_there,
    what_shows_a_gift_is_kept_with_it_or_not_at_all,
    who_asks_again_among_others_hears_what_was_made_then,
    of_what_comes_at_once_each_hears_their_coins_once,
    a_group_that_fails_leaves_the_rest_of_the_transaction,
    of_many_who_race_for_a_packet_nobody_draws_twice_and_no_coin_is_lost,
    a_packet_survives_a_crash_and_is_closed_once,
    a_packet_of_somebody_who_is_erased_is_not_forgotten,
    coins_that_have_gone_on_are_not_given_back,
    a_month_that_is_asked_for_again_is_one_month,
    a_paid_message_stands_until_it_is_taken_down_or_given_back,
    a_goal_counts_what_the_books_have,
    those_who_gave_most_are_known_by_day_until_they_are_given_back,
    who_has_paid_gets_their_coins_once,
    coins_that_are_there_are_not_given_again,
    a_payment_picture_is_kept_until_it_is_taken_away,
    emotes_are_kept_until_they_are_taken_away,
    who_shows_themselves_is_seen_until_a_moderator_hides_it,
    an_order_is_paid_once_by_what_was_ordered,
    money_that_went_back_takes_its_coins_along_where_they_are,
    a_payment_that_is_underway_outlives_its_person,
    who_follows_is_kept_counted_once_and_goes_with_them,
    how_long_people_watched_is_kept_and_goes_with_them,
    a_reward_is_paid_once_also_where_the_relay_forgot_it,
    the_schema_goes_all_the_way_back_and_forth,
);

/// A database of a test's own.
pub(super) struct Shelf {
    folder: PathBuf,
    place: Place,
}

static COUNT: AtomicU32 = AtomicU32::new(0);

impl Shelf {
    fn folder() -> PathBuf {
        let name =
            format!("footlight-store-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    pub(super) fn file() -> Self {
        let folder = Self::folder();
        Self { place: Place::of(&folder, None), folder }
    }

    pub(super) fn server() -> Self {
        let url = postgres_server::database();
        let folder = Self::folder();
        Self { place: Place::of(&folder, Some(Secret::new(url))), folder }
    }

    pub(super) async fn open(&self) -> (Store, Writer) {
        Store::open(self.place.clone()).await.unwrap()
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn room() -> RoomId {
    RoomId::default()
}

fn user(id: &str) -> UserId {
    id.parse().unwrap()
}

fn member(id: &str) -> Member {
    Member::new(user(id), id.to_owned(), Role::Guest)
}

fn kept(seq: u64, by: &str, kind: EventKind) -> Kept {
    let nonce: Nonce = format!("nonce{seq}").parse().unwrap();
    Kept { event: Event { seq: Seq(seq), at: seq * 1000, kind }, by: Some(user(by)), nonce: Some(nonce) }
}

fn said(seq: u64, by: &str) -> Kept {
    kept(
        seq,
        by,
        EventKind::Said {
            by: member(by),
            text: format!("你好 {seq} '; DROP TABLE event"),
            nonce: None,
            fly: None,
            reply: None,
        },
    )
}

async fn secrets_keys_and_names_are_kept(shelf: Shelf) {
    let (store, writer) = shelf.open().await;
    assert_eq!(store.secret("a").await.unwrap(), None);
    store.set_secret("a", vec![0, 255, 7]).await.unwrap();
    store.set_secret("a", vec![1]).await.unwrap();
    store.set_name(user("u"), "Ann".to_owned(), 5).await.unwrap();
    store.set_name(user("u"), "安".to_owned(), 6).await.unwrap();
    let first = store.add_key(room(), "obs".into(), vec![9], 1, None).await.unwrap().unwrap();
    assert_eq!(
        store.add_key(room(), "obs".into(), vec![8], 2, None).await.unwrap(),
        None,
        "the name is taken"
    );
    let second = store.add_key(room(), "obs".into(), vec![8], 2, Some(first)).await.unwrap().unwrap();
    assert!(second > first, "numbers are never used again");
    drop(store);
    writer.join();
    let (store, _writer) = shelf.open().await;
    assert_eq!(store.secret("a").await.unwrap(), Some(vec![1]));
    assert_eq!(store.person(user("u")).await.unwrap().unwrap().name, "安");
    assert_eq!(store.person(user("nobody")).await.unwrap(), None);
    let keys = store.keys().await.unwrap();
    assert_eq!((keys.len(), keys[0].id, &keys[0].hash), (1, second, &vec![8]));
    assert!(store.drop_key(second).await.unwrap());
    assert!(!store.drop_key(second).await.unwrap());
    store.drop_secret("a").await.unwrap();
    assert_eq!(store.secret("a").await.unwrap(), None);
}

async fn events_do_what_they_say_and_come_back_after_a_restart(shelf: Shelf) {
    let (store, writer) = shelf.open().await;
    for seq in 1..=5 {
        store.keep(room(), said(seq, "ann")).await.unwrap();
    }
    store.keep(room(), kept(6, "owner", EventKind::Deleted { message: MessageId(2) })).await.unwrap();
    store
        .keep(room(), kept(7, "owner", EventKind::Banned { user: member("bob"), range: false }))
        .await
        .unwrap();
    store
        .keep(room(), kept(8, "owner", EventKind::TimedOut { user: member("ann"), until: 99 }))
        .await
        .unwrap();
    store.set_card(room(), Some("soon".to_owned())).await.unwrap();
    drop(store);
    writer.join();
    let (store, _writer) = shelf.open().await;
    let past = store.past(room(), 4).await.unwrap();
    assert_eq!((past.seq, past.events.len(), past.card.as_deref()), (Seq(8), 4, Some("soon")));
    assert_eq!(past.events[0], said(5, "ann"));
    let mut sanctions = past.sanctions;
    sanctions.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(sanctions, [(user("ann"), Sanction::MutedUntil(99)), (user("bob"), Sanction::Banned)]);
    assert!(store.message(room(), MessageId(2)).await.unwrap().unwrap().deleted);
    assert!(!store.message(room(), MessageId(3)).await.unwrap().unwrap().deleted);
    assert_eq!(store.message(room(), MessageId(77)).await.unwrap(), None);
    store.keep(room(), kept(9, "owner", EventKind::Pardoned { user: member("bob") })).await.unwrap();
    assert_eq!(store.past(room(), 9).await.unwrap().sanctions.len(), 1);
    let (events, more) = store.events_between(room(), (0, 10_000), Seq(0), 3).await.unwrap();
    assert_eq!(events.iter().map(|event| event.seq.0).collect::<Vec<_>>(), [1, 3, 4]);
    assert_eq!(more, Some(Seq(4)));
    store.set_card(room(), None).await.unwrap();
    assert_eq!(store.past(room(), 1).await.unwrap().card, None);
}

async fn a_request_that_fails_undoes_itself_and_nothing_else(shelf: Shelf) {
    let (store, _writer) = shelf.open().await;
    store.keep(room(), said(1, "ann")).await.unwrap();
    // All in one group: the one in the middle takes a place that is taken.
    let many = (1..=20).map(|seq| {
        let store = store.clone();
        tokio::spawn(async move { store.keep(room(), said(seq, "ann")).await.is_ok() })
    });
    let mut done = Vec::new();
    for task in many.collect::<Vec<_>>() {
        done.push(task.await.unwrap());
    }
    assert!(!done[0] && done[1..].iter().all(|ok| *ok), "{done:?}");
    assert_eq!(store.past(room(), 100).await.unwrap().events.len(), 20);
}

fn purse(id: &str) -> Purse {
    id.parse().unwrap()
}

/// All at once, in this order.
async fn settle(store: &Store, requests: Vec<Request>) -> Vec<Answer> {
    let book = |request| store.book(room(), Booked { request, person: None, event: None });
    let settled = join_all(requests.into_iter().map(book)).await;
    settled.into_iter().map(|settled| settled.unwrap().answer).collect()
}

fn coins(by: &str, nonce: &str, what: What) -> Request {
    Request { by: purse(by), nonce: nonce.parse().unwrap(), at: 1_000, seq: None, what }
}

fn grant(to: &str, amount: u64) -> What {
    let (from, to) = (Account::Treasury, Account::Person(purse(to)));
    What::Move { kind: Kind::Grant, from, to, amount, item: None, count: 1, cap: None }
}

fn gift_of(from: &str, amount: u64, cap: Option<u32>) -> What {
    let (from, to, item) = (Account::Person(purse(from)), Account::Creator, Some("rose".to_owned()));
    What::Move { kind: Kind::Gift, from, to, amount, item, count: 1, cap }
}

async fn books_are_kept_over_restarts_and_never_changed(shelf: Shelf) {
    let (store, writer) = shelf.open().await;
    let first = [
        coins("owner", "nonce-00", grant("ann", 100)),
        coins("ann", "nonce-01", gift_of("ann", 30, Some(2))),
        coins("ann", "nonce-02", gift_of("ann", 80, None)),
    ];
    let made = settle(&store, first.to_vec()).await;
    assert_eq!(made[2], Answer::Refused(Refusal::Short { has: 70 }));
    drop(store);
    writer.join();
    let (store, _writer) = shelf.open().await;
    let again = settle(&store, first[1..].to_vec()).await;
    assert!(matches!((&again[0], &made[1]), (Answer::Again(a), Answer::Made(b)) if a == b), "{again:?}");
    assert_eq!(again[1], Answer::Refused(Refusal::Short { has: 70 }));
    let more = [
        coins("ann", "nonce-03", gift_of("ann", 1, Some(2))),
        coins("ann", "nonce-04", gift_of("ann", 1, Some(2))),
        coins("owner", "nonce-05", What::Reverse { number: 2 }),
        coins("owner", "nonce-06", What::Reverse { number: 2 }),
    ];
    let made = settle(&store, more.to_vec()).await;
    assert_eq!(made[1], Answer::Refused(Refusal::Capped { left: 0 }));
    assert_eq!(made[3], Answer::Refused(Refusal::ReversedBefore));
    let again = settle(&store, vec![coins("owner", "nonce-07", What::Reverse { number: 2 })]).await;
    assert_eq!(again[0], Answer::Refused(Refusal::ReversedBefore));
    for (account, balance) in [
        (Account::Treasury, -100),
        (Account::Creator, 1),
        (Account::Person(purse("ann")), 99),
        (Account::Person(purse("nobody")), 0),
    ] {
        assert_eq!(store.balance(room(), account.clone()).await.unwrap(), balance, "{account}");
    }
    let entries = store.entries(room(), 0, 100).await.unwrap();
    let mut previous = Hash::default();
    for (n, entry) in entries.iter().enumerate() {
        assert!(entry.number == n as u64 + 1 && entry.follows(&previous), "{entry:?}");
        previous = entry.hash;
    }
    assert_eq!(entries.len(), 4);
    for statement in [
        "UPDATE entry SET amount = 1",
        "DELETE FROM entry",
        "UPDATE account SET balance = -1 WHERE name = 'creator'",
    ] {
        let refused = store.ask(move |database| database.execute(statement, &[])).await;
        assert!(refused.is_err(), "{statement}");
    }
    assert_eq!(store.entries(room(), 0, 100).await.unwrap(), entries);
}

async fn of_many_who_race_for_one_balance_nobody_gets_what_is_not_there(shelf: Shelf) {
    const TASKS: u64 = 32;
    const EACH: u64 = 25;
    let (store, _writer) = shelf.open().await;
    settle(&store, vec![coins("owner", "nonce-00", grant("ann", 500))]).await;
    let racing: Vec<_> = (0..TASKS)
        .map(|task| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut paid = 0;
                for n in 0..EACH {
                    let request = coins("ann", &format!("nonce-{task}-{n}"), gift_of("ann", 1, None));
                    // Sent twice, as by a page that lost its connection.
                    let answers = settle(&store, vec![request.clone(), request]).await;
                    match &answers[..] {
                        [Answer::Made(one), Answer::Again(same)] if one == same => paid += 1,
                        [Answer::Refused(_), Answer::Refused(_)] => {}
                        other => panic!("{other:?}"),
                    }
                }
                paid
            })
        })
        .collect();
    let mut paid = 0;
    for task in racing {
        paid += task.await.unwrap();
    }
    assert_eq!(paid, 500, "all that was there, and no more");
    assert_eq!(store.balance(room(), Account::Person(purse("ann"))).await.unwrap(), 0);
    assert_eq!(store.balance(room(), Account::Creator).await.unwrap(), 500);
    assert_eq!(store.entries(room(), 0, 1_000).await.unwrap().len(), 501);
}

/// What a room asks of the store for a gift.
fn gifted(seq: u64, by: &str, nonce: &str, amount: u64, day: u64) -> Booked {
    let gift = Gift {
        id: "rose".parse().unwrap(),
        name: String::new(),
        icon: "🌹".to_owned(),
        price: 1,
        show: Show::Small,
        per_hour: None,
    };
    let mut event = kept(
        seq,
        by,
        EventKind::Gifted { by: member(by), gift, count: 1, coins: amount, entry: 0, nonce: None },
    );
    event.event.at = day * 86_400_000;
    let what = gift_of(by, amount, None);
    let request = Request { at: event.event.at, seq: Some(Seq(seq)), ..coins(by, nonce, what) };
    Booked { request, person: Some((purse(by), user(by))), event: Some(Box::new(event)) }
}

async fn what_shows_a_gift_is_kept_with_it_or_not_at_all(shelf: Shelf) {
    let (store, _writer) = shelf.open().await;
    settle(&store, vec![coins("owner", "nonce-00", grant("ann", 10))]).await;
    let made = store.book(room(), gifted(1, "ann", "nonce-01", 4, 1)).await.unwrap();
    let event = *made.event.unwrap();
    assert!(matches!(event.event.kind, EventKind::Gifted { entry: 2, .. }), "{event:?}");
    assert_eq!((store.event(room(), Seq(1)).await.unwrap(), made.coins), (Some(event), Some(6)));
    // The same again, as after a restart, under the next free seq.
    let again = store.book(room(), gifted(2, "ann", "nonce-01", 4, 1)).await.unwrap();
    assert!(matches!(again.answer, Answer::Again(entry) if entry.seq == Some(Seq(1))));
    let short = store.book(room(), gifted(3, "ann", "nonce-02", 7, 1)).await.unwrap();
    assert_eq!((short.answer, short.coins), (Answer::Refused(Refusal::Short { has: 6 }), None));
    // A place in the order that is taken: neither the event nor the coins.
    assert!(store.book(room(), gifted(1, "ann", "nonce-03", 1, 1)).await.is_err());
    assert_eq!(store.past(room(), 10).await.unwrap().events.len(), 1);
    assert_eq!(store.balance(room(), Account::Person(purse("ann"))).await.unwrap(), 6);
}

async fn those_who_gave_most_are_known_by_day_until_they_are_given_back(shelf: Shelf) {
    let (store, _writer) = shelf.open().await;
    for (n, name) in ["ann", "bob"].into_iter().enumerate() {
        store.set_name(user(name), name.to_owned(), 1).await.unwrap();
        settle(&store, vec![coins("owner", &format!("grant-{n}"), grant(name, 100))]).await;
    }
    for (seq, (by, amount, day)) in
        [("ann", 5, 10), ("bob", 30, 10), ("ann", 40, 11), ("bob", 1, 11)].into_iter().enumerate()
    {
        let seq = seq as u64 + 1;
        store.book(room(), gifted(seq, by, &format!("gift-{seq}"), amount, day)).await.unwrap();
    }
    let givers = async |day: u64| {
        let givers = store.givers(room(), day * 86_400_000, 10).await.unwrap();
        givers.into_iter().map(|giver| (giver.name, giver.coins)).collect::<Vec<_>>()
    };
    assert_eq!(givers(10).await, [("ann".to_owned(), 45), ("bob".to_owned(), 31)]);
    assert_eq!(givers(11).await, [("ann".to_owned(), 40), ("bob".to_owned(), 1)]);
    // Entry 5 are the 40, given back two days later.
    let back = Request { at: 13 * 86_400_000, ..coins("owner", "back-01", What::Reverse { number: 5 }) };
    assert!(matches!(settle(&store, vec![back]).await[0], Answer::Made(_)));
    assert_eq!(givers(10).await, [("bob".to_owned(), 31), ("ann".to_owned(), 5)]);
    assert_eq!(givers(11).await, [("bob".to_owned(), 1)]);
}

async fn the_schema_goes_all_the_way_back_and_forth(shelf: Shelf) {
    let (store, writer) = shelf.open().await;
    store.set_secret("a", vec![1]).await.unwrap();
    drop(store);
    writer.join();
    let go_back = async |version| {
        let place = shelf.place.clone();
        tokio::task::spawn_blocking(move || place.go_back(version)).await.unwrap()
    };
    // The money goes with its step, the rest stays.
    let before_money = if matches!(shelf.place, Place::File(_)) { 5 } else { 1 };
    go_back(before_money).await.unwrap();
    let (store, writer) = shelf.open().await;
    assert_eq!(store.secret("a").await.unwrap(), Some(vec![1]));
    drop(store);
    writer.join();
    go_back(0).await.unwrap();
    assert!(go_back(99).await.is_err(), "there is no such version");
    let (store, _writer) = shelf.open().await;
    assert_eq!(store.secret("a").await.unwrap(), None);
    store.keep(room(), said(1, "ann")).await.unwrap();
    settle(&store, vec![coins("owner", "nonce-00", grant("ann", 10))]).await;
}

async fn a_newer_schema_is_left_alone(shelf: Shelf) {
    let (store, writer) = shelf.open().await;
    let later = match &shelf.place {
        Place::File(_) => "PRAGMA user_version = 999",
        Place::Server(_) => "UPDATE footlight SET version = 999",
    };
    store.ask(move |database| database.execute(later, &[])).await.unwrap();
    drop(store);
    writer.join();
    let error = Store::open(shelf.place.clone()).await.err().expect("it is refused").to_string();
    assert!(error.contains("newer version") && !error.contains("postgres://"), "{error}");
}
