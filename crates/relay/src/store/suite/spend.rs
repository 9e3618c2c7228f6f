//! What the store promises about what is done with coins besides gifts. There are three ways in which this could lose or
//! double somebody's coins, and each has its stories here: the end of a red packet that meets a draw, or itself; a request
//! that is made again and does twice what it stands for; and something given back whose coins have gone on from there.

use std::collections::BTreeMap;
use std::sync::Arc;

use footlight_protocol::room::EventKind;
use footlight_protocol::spend::{BecameMember, Drawn, MONTH_MS, Packet, PacketOver, Paid};
use footlight_protocol::{MessageId, Seq};

use super::books::the_books_are_right;
use super::{Shelf, coins, gift_of, gifted, grant, kept, member, purse, room, settle, user};
use crate::gift::ledger::{Account, Answer, Entry, Kind, Refusal, Request, What};
use crate::store::Store;
use crate::store::ledger::{Booked, Settled};

fn put(by: &str, packet: u64, coins: u64, takers: u32) -> What {
    What::Put { from: Account::Person(purse(by)), packet, coins, takers, ends: 1_000_000 }
}

fn draw(by: &str, packet: u64, dice: u128) -> Request {
    let what = What::Draw { packet, to: Account::Person(purse(by)), dice };
    coins(by, &format!("draw-{packet}"), what)
}

fn close(packet: u64) -> Request {
    coins("relay", &format!("rest-{packet}"), What::Close { packet })
}

async fn one(store: &Store, request: Request) -> Answer {
    settle(store, vec![request]).await.remove(0)
}

fn made(answer: &Answer) -> &Arc<Entry> {
    match answer {
        Answer::Made(entry) => entry,
        other => panic!("{other:?}"),
    }
}

async fn balance(store: &Store, account: Account) -> i64 {
    store.balance(room(), account).await.unwrap()
}

/// 32 threads, each of which tries to draw for everybody, and half of which close the packet somewhere in between.
pub(super) async fn of_many_who_race_for_a_packet_nobody_draws_twice_and_no_coin_is_lost(shelf: Shelf) {
    const TASKS: u64 = 32;
    const PEOPLE: u64 = 30;
    let (store, _writer) = shelf.open().await;
    settle(&store, vec![coins("owner", "nonce-00", grant("ann", 3_000))]).await;
    for (packet, takers, closes) in [(1, 20, false), (2, 40, false), (3, 40, true)] {
        made(&one(&store, coins("ann", &format!("put-{packet}"), put("ann", packet, 1_000, takers))).await);
        let racing: Vec<_> = (0..TASKS)
            .map(|task| {
                let store = store.clone();
                tokio::spawn(async move {
                    let mut answers = Vec::new();
                    for n in 0..PEOPLE {
                        let who = (n * 7 + task) % PEOPLE;
                        let dice = u128::from(task * 1_000_003 + n) << 40;
                        answers.push(one(&store, draw(&format!("p{who}"), packet, dice)).await);
                        if closes && task % 2 == 0 && n == PEOPLE / 3 {
                            answers.push(one(&store, close(packet)).await);
                        }
                    }
                    answers
                })
            })
            .collect();
        let (mut shares, mut rests) = (BTreeMap::new(), Vec::new());
        for task in racing {
            for answer in task.await.unwrap() {
                match answer {
                    Answer::Made(entry) if entry.kind == Kind::Rest => rests.push(entry.amount),
                    Answer::Made(entry) => {
                        assert_eq!(shares.insert(entry.by.clone(), entry.amount), None, "nobody draws twice");
                    }
                    Answer::Again(_) | Answer::Refused(Refusal::PacketOver) => {}
                    other => panic!("{other:?}"),
                }
            }
        }
        let sum: u64 = shares.values().sum();
        if closes {
            assert_eq!(rests.len(), 1, "closed once");
            assert_eq!(sum + rests[0], 1_000);
        } else {
            assert_eq!(shares.len() as u64, PEOPLE.min(u64::from(takers)), "all that can draw have drawn");
            assert!(rests.is_empty());
            let left = balance(&store, Account::Held(packet)).await;
            assert_eq!((sum + left as u64, left == 0), (1_000, takers == 20));
        }
        // What is left goes back, once, and nothing can be drawn of it any more.
        let before = balance(&store, Account::Person(purse("ann"))).await;
        let left = balance(&store, Account::Held(packet)).await;
        one(&store, close(packet)).await;
        one(&store, close(packet)).await;
        assert_eq!(balance(&store, Account::Person(purse("ann"))).await, before + left);
        assert_eq!(balance(&store, Account::Held(packet)).await, 0);
        let late = one(&store, draw("late", packet, 1)).await;
        assert_eq!(late, Answer::Refused(Refusal::PacketOver));
    }
    the_books_are_right(&store).await;
}

/// As a room asks for it, with the event that shows it.
fn shown(seq: u64, by: &str, request: Request, kind: EventKind) -> Booked {
    let event = kept(seq, by, kind);
    let request = Request { at: event.event.at, seq: Some(Seq(seq)), ..request };
    Booked { request, person: Some((purse(by), user(by))), event: Some(Box::new(event)) }
}

async fn book(store: &Store, booked: Booked) -> Settled {
    store.book(room(), booked).await.unwrap()
}

pub(super) async fn a_packet_survives_a_crash_and_is_closed_once(shelf: Shelf) {
    let (store, writer) = shelf.open().await;
    settle(&store, vec![coins("owner", "nonce-00", grant("ann", 100))]).await;
    let packet = Packet { by: member("ann"), coins: 60, takers: 3, until: 9_000, entry: 0 };
    let what =
        What::Put { from: Account::Person(purse("ann")), packet: 1, coins: 60, takers: 3, ends: 9_000 };
    let request = coins("ann", "put", what);
    let answer = book(&store, shown(1, "ann", request.clone(), EventKind::Packet(packet.clone()))).await;
    assert_eq!((answer.coins, made(&answer.answer).number), (Some(40), 2));
    let drawn = |by: &str| EventKind::Drawn(Drawn { packet: Seq(1), by: member(by), coins: 0, entry: 0 });
    let settled = book(&store, shown(2, "bob", draw("bob", 1, 17), drawn("bob"))).await;
    let share = made(&settled.answer).amount;
    let Some(EventKind::Drawn(told)) = settled.event.map(|kept| kept.event.kind) else { panic!("an event") };
    assert_eq!((told.coins, told.entry, settled.coins), (share, 3, Some(share)), "the event says the share");
    drop(store);
    writer.join();

    // The page of Ann and of Bob ask again, since they heard no answer; and the time is over.
    let (store, writer) = shelf.open().await;
    let past = store.past(room(), 10).await.unwrap();
    assert_eq!((past.packets.len(), past.packets[0].drawn.len()), (1, 1));
    let again = book(
        &store,
        shown(5, "ann", Request { what: put("ann", 5, 60, 3), ..request }, EventKind::Packet(packet)),
    )
    .await;
    assert!(matches!(again.answer, Answer::Again(entry) if entry.seq == Some(Seq(1))));
    let again = book(&store, shown(6, "bob", draw("bob", 1, 99), drawn("bob"))).await;
    assert!(matches!(again.answer, Answer::Again(entry) if entry.amount == share), "the same share");
    let late = book(&store, shown(9, "cem", draw("cem", 1, 1), drawn("cem"))).await;
    assert_eq!(late.answer, Answer::Refused(Refusal::PacketOver), "its time is over");
    let over = || {
        let over = PacketOver { packet: Seq(1), to: member("ann"), coins: 0, entry: 0 };
        Booked {
            person: Some((purse("ann"), user("ann"))),
            ..shown(10, "relay", close(1), EventKind::PacketOver(over))
        }
    };
    let settled = book(&store, over()).await;
    let Some(EventKind::PacketOver(told)) = settled.event.map(|kept| kept.event.kind) else {
        panic!("an event")
    };
    assert_eq!((told.coins, settled.coins), (60 - share, Some(100 - share)));
    drop(store);
    writer.join();
    let (store, _writer) = shelf.open().await;
    assert!(store.past(room(), 10).await.unwrap().packets.is_empty());
    assert!(matches!(book(&store, over()).await.answer, Answer::Again(_)));
    assert_eq!(balance(&store, Account::Held(1)).await, 0);
    assert_eq!(balance(&store, Account::Person(purse("ann"))).await as u64, 100 - share);
    the_books_are_right(&store).await;
}

/// The giver is erased, as from another room, while their packet is open: it is known that there is one to close.
pub(super) async fn a_packet_of_somebody_who_is_erased_is_not_forgotten(shelf: Shelf) {
    let (store, _writer) = shelf.open().await;
    settle(&store, vec![coins("owner", "nonce-00", grant("ann", 100))]).await;
    let packet = Packet { by: member("ann"), coins: 60, takers: 3, until: 9_000, entry: 0 };
    let request = coins("ann", "put", put("ann", 1, 60, 3));
    book(&store, shown(1, "ann", request, EventKind::Packet(packet))).await;
    store.erase(user("ann"), purse("ann")).await.unwrap();
    let past = store.past(room(), 10).await.unwrap();
    assert_eq!((past.packets.len(), &past.lost_packets[..]), (0, &[Seq(1)][..]));
    assert!(matches!(one(&store, close(1)).await, Answer::Made(entry) if entry.amount == 60));
    assert!(store.past(room(), 10).await.unwrap().lost_packets.is_empty());
    the_books_are_right(&store).await;
}

pub(super) async fn coins_that_have_gone_on_are_not_given_back(shelf: Shelf) {
    let (store, _writer) = shelf.open().await;
    settle(&store, vec![coins("owner", "nonce-00", grant("ann", 100))]).await;
    let put = made(&one(&store, coins("ann", "put", put("ann", 1, 10, 2))).await).number;
    let draw = made(&one(&store, draw("bob", 1, 3)).await).number;
    let rest = made(&one(&store, close(1)).await).number;
    for (n, number) in [put, draw, rest].into_iter().enumerate() {
        let back = coins("owner", &format!("back-{n}"), What::Reverse { number });
        assert_eq!(one(&store, back).await, Answer::Refused(Refusal::NoSuchEntry), "{number}");
    }
    // A packet of more people than coins, of nothing, of somebody who has not so much, and one that is there.
    for (n, (packet, amount, takers, why)) in [
        (2, 3, 4, Refusal::Senseless),
        (2, 0, 0, Refusal::Senseless),
        (2, 5_000, 2, Refusal::Short { has: 0 }),
        (1, 4, 2, Refusal::Senseless),
    ]
    .into_iter()
    .enumerate()
    {
        let refused =
            one(&store, coins("ann", &format!("no-{n}"), self::put("ann", packet, amount, takers))).await;
        match (&refused, why) {
            (Answer::Refused(Refusal::Short { .. }), Refusal::Short { .. }) => {}
            _ => assert_eq!(refused, Answer::Refused(why)),
        }
    }
    the_books_are_right(&store).await;
}

fn membership(by: &str, nonce: &str, at: u64) -> Request {
    let (from, to) = (Account::Person(purse(by)), Account::Creator);
    let what = What::Move { kind: Kind::Membership, from, to, amount: 30, item: None, count: 1, cap: None };
    Request { at, ..coins(by, nonce, what) }
}

pub(super) async fn a_month_that_is_asked_for_again_is_one_month(shelf: Shelf) {
    const DAY: u64 = 24 * 3_600_000;
    let (store, writer) = shelf.open().await;
    settle(&store, vec![coins("owner", "nonce-00", grant("ann", 1_000))]).await;
    let until = async |store: &Store| {
        let (coins, earned) = store.wallet(room(), purse("ann")).await.unwrap();
        (coins, earned.given, earned.term.map_or(0, |term| term.until / DAY))
    };
    assert_eq!(until(&store).await, (1_000, 0, 0));
    let became = EventKind::BecameMember(BecameMember { by: member("ann"), coins: 30, months: 0, entry: 0 });
    let first = shown(1, "ann", membership("ann", "m1", 0), became);
    let request = Request { at: 10 * DAY, ..first.request };
    let settled = book(&store, Booked { request, ..first }).await;
    let Some(EventKind::BecameMember(told)) = settled.event.map(|kept| kept.event.kind) else {
        panic!("an event")
    };
    assert_eq!((told.months, told.by.badges.months, told.entry), (1, 1, 2));
    assert_eq!(settled.term.unwrap().until, 10 * DAY + MONTH_MS);
    assert_eq!(until(&store).await, (970, 30, 40));
    // Two at once, one of which comes twice.
    settle(
        &store,
        vec![
            membership("ann", "m2", 12 * DAY),
            membership("ann", "m2", 12 * DAY),
            membership("ann", "m3", 12 * DAY),
        ],
    )
    .await;
    assert_eq!(until(&store).await, (910, 90, 100));
    drop(store);
    writer.join();
    let (store, _writer) = shelf.open().await;
    assert!(matches!(one(&store, membership("ann", "m3", 20 * DAY)).await, Answer::Again(_)));
    assert_eq!(until(&store).await, (910, 90, 100));
    // Given back once, however often it is asked for.
    let back = |nonce: &str| Request { at: 21 * DAY, ..coins("owner", nonce, What::Reverse { number: 2 }) };
    assert!(matches!(one(&store, back("b1")).await, Answer::Made(_)));
    assert!(matches!(one(&store, back("b1")).await, Answer::Again(_)));
    assert_eq!(one(&store, back("b2")).await, Answer::Refused(Refusal::ReversedBefore));
    assert_eq!(until(&store).await, (940, 60, 70));
    for n in 0..20 {
        one(&store, membership("ann", &format!("more-{n}"), 21 * DAY)).await;
    }
    let (left, given, until) = until(&store).await;
    assert_eq!(
        (left + given, until),
        (1_000, 70 + 300),
        "a year ahead and no more, and nothing paid for nothing"
    );
    the_books_are_right(&store).await;
}

pub(super) async fn a_paid_message_stands_until_it_is_taken_down_or_given_back(shelf: Shelf) {
    let (store, writer) = shelf.open().await;
    settle(&store, vec![coins("owner", "nonce-00", grant("ann", 1_000))]).await;
    let say = |seq: u64, until: u64| {
        let paid =
            Paid {
                by: member("ann"), text: format!("你好 {seq}"), coins: 50, until, entry: 0, nonce: None
            };
        let (from, to) = (Account::Person(purse("ann")), Account::Creator);
        let what = What::Move { kind: Kind::Pinned, from, to, amount: 50, item: None, count: 1, cap: None };
        shown(seq, "ann", coins("ann", &format!("say-{seq}"), what), EventKind::Paid(paid))
    };
    for (seq, until) in [(1, 90_000), (2, 80_000), (3, 70_000)] {
        book(&store, say(seq, until)).await;
    }
    store.keep(room(), kept(4, "owner", EventKind::Deleted { message: MessageId(2) })).await.unwrap();
    one(&store, coins("owner", "back", What::Reverse { number: 4 })).await;
    drop(store);
    writer.join();
    let (store, _writer) = shelf.open().await;
    let standing = async || {
        let past = store.past(room(), 10).await.unwrap().paid;
        past.iter().map(|(event, deleted)| (event.seq.0, *deleted)).collect::<Vec<_>>()
    };
    assert_eq!(standing().await, [(1, false), (2, true)]);
    assert_eq!(store.message(room(), MessageId(1)).await.unwrap().unwrap().text, "你好 1");
    store.erase(user("ann"), purse("ann")).await.unwrap();
    assert!(standing().await.is_empty());
}

pub(super) async fn a_goal_counts_what_the_books_have(shelf: Shelf) {
    let (store, writer) = shelf.open().await;
    settle(&store, vec![coins("owner", "nonce-00", grant("ann", 1_000))]).await;
    one(&store, coins("ann", "before", gift_of("ann", 100, None))).await;
    let goal = Some(("Sing".to_owned(), 200));
    let wish = store.set_goal(room(), goal).await.unwrap().unwrap();
    assert_eq!(wish.after, 2);
    book(&store, gifted(1, "ann", "gift-1", 70, 1)).await;
    one(&store, membership("ann", "m1", 1)).await;
    one(&store, coins("ann", "put", put("ann", 9, 50, 5))).await;
    for (n, number) in [(0, 2), (1, 3)] {
        one(&store, coins("owner", &format!("back-{n}"), What::Reverse { number })).await;
    }
    book(&store, gifted(2, "ann", "gift-2", 5, 1)).await;
    drop(store);
    writer.join();
    let (store, _writer) = shelf.open().await;
    let (kept_wish, given) = store.past(room(), 9).await.unwrap().goal.unwrap();
    // Not what was given before, nor what of that was given back; not what went into a packet.
    assert_eq!((kept_wish, given), (wish, 30 + 5));
    store.keep(room(), kept(3, "owner", EventKind::GoalReached { title: "Sing".to_owned() })).await.unwrap();
    assert!(store.past(room(), 9).await.unwrap().goal.unwrap().0.reached);
    store.set_goal(room(), None).await.unwrap();
    assert_eq!(store.past(room(), 9).await.unwrap().goal, None);
}
