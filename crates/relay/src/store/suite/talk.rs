//! What the store promises about answers and reports.

use footlight_protocol::report::{Dismissed, Ground, Lifted, Step, Upheld};
use footlight_protocol::room::EventKind;
use footlight_protocol::spend::Paid;
use footlight_protocol::talk::Quote;
use footlight_protocol::{MessageId, Seq};

use super::{Purse, Shelf, kept, member, room, said, user};
use crate::moderation::reports::FULL;
use crate::store::personal::Eyes;
use crate::store::reports::{Made, Taken};

pub(super) async fn answers_are_kept_without_what_they_answer(shelf: Shelf) {
    let (store, writer) = shelf.open().await;
    store.keep(room(), said(1, "zoe")).await.unwrap();
    let reply = Some(Box::new(Quote::of(MessageId(1), member("zoe"), "quoted words")));
    let answer = EventKind::Said { by: member("bob"), text: "yes".into(), nonce: None, fly: None, reply };
    store.keep(room(), kept(2, "bob", answer)).await.unwrap();
    let kept_as = store.ask(|database| {
        let row = database.first("SELECT body FROM event WHERE seq = 2", &[])?;
        row.map(|row| row.get::<String>(0)).transpose()
    });
    let kept_as = kept_as.await.unwrap().unwrap();
    assert!(kept_as.contains("\"message\":1") && !kept_as.contains("quoted"), "{kept_as}");
    drop(store);
    writer.join();
    let (store, _writer) = shelf.open().await;
    let quotes = async || {
        let (mut events, _) = store.events_between(room(), (0, 10_000), Seq(0), 9).await.unwrap();
        let past = store.past(room(), 9).await.unwrap();
        events.extend(past.events.into_iter().map(|kept| kept.event));
        let mut events = events.into_iter().filter(|event| event.seq == Seq(2)).collect::<Vec<_>>();
        assert_eq!(events.len(), 2, "the answer itself stays");
        let message = store.message(room(), MessageId(2)).await.unwrap().unwrap();
        let mut quotes: Vec<Quote> =
            events.iter_mut().flat_map(|event| event.kind.quotes_mut()).map(|quote| quote.clone()).collect();
        quotes.extend(message.reply.as_deref().cloned());
        assert_eq!(quotes.len(), 3);
        quotes.into_iter().map(|quote| quote.of.is_some()).collect::<Vec<_>>()
    };
    assert_eq!(quotes().await, [true; 3]);
    let (user_zoe, message) = (member("zoe"), MessageId(1));
    store.keep(room(), kept(3, "owner", EventKind::Deleted { message })).await.unwrap();
    assert_eq!(quotes().await, [false; 3]);
    let (by, text) = (member("zoe"), String::new());
    let back = EventKind::Restored { message, said_at: 1, by, text, reply: None };
    store.keep(room(), kept(4, "owner", back)).await.unwrap();
    store
        .keep(room(), kept(5, "owner", EventKind::Banned { user: user_zoe.clone(), range: false }))
        .await
        .unwrap();
    assert_eq!(quotes().await, [false; 3]);
    store.keep(room(), kept(6, "owner", EventKind::Pardoned { user: user_zoe })).await.unwrap();
    assert_eq!(quotes().await, [true; 3]);
    let purse: Purse = "zoespurse".parse().unwrap();
    store.erase(user("zoe"), purse).await.unwrap();
    assert_eq!(quotes().await, [false; 3]);
}

fn made(by: &str, message: u64) -> Made {
    let (at, words) = (1_000_000 + message, "his words".to_owned());
    let said = Some((member("bob"), "hm".to_owned()));
    Made { by: user(by), newcomer: false, message: MessageId(message), at, said, ground: Ground::Hate, words }
}

pub(super) async fn older_messages_are_answered_and_reported_as_they_are_seen(shelf: Shelf) {
    let (store, _writer) = shelf.open().await;
    for seq in 1..=3 {
        store.keep(room(), said(seq, "bob")).await.unwrap();
    }
    let paid =
        Paid { by: member("bob"), text: "paid words".into(), coins: 50, until: 9, entry: 77, nonce: None };
    store.keep(room(), kept(4, "bob", EventKind::Paid(paid))).await.unwrap();
    store.keep(room(), kept(5, "owner", EventKind::Deleted { message: MessageId(2) })).await.unwrap();
    let quote = async |message| store.quote(room(), MessageId(message)).await.unwrap();
    let report = async |by: &str, message| {
        let made = Made { said: None, ..made(by, message) };
        store.report(room(), made).await.unwrap()
    };
    for (message, seen) in [(1, true), (2, false), (4, true), (5, false), (99, false)] {
        assert_eq!(quote(message).await.of.is_some(), seen, "{message}");
        match report("ann", message).await {
            Taken::Open(filed) => assert!(seen && filed.about.id == user("bob"), "{message}"),
            other => assert_eq!((other, seen), (Taken::Gone, false), "{message}"),
        }
    }
    assert_eq!(report("bob", 3).await, Taken::NotTheirs);
    assert_eq!(quote(4).await.of.unwrap().text, "paid words");
    let banned = EventKind::Banned { user: member("bob"), range: false };
    store.keep(room(), kept(6, "owner", banned)).await.unwrap();
    assert_eq!((quote(1).await.of, report("eve", 1).await), (None, Taken::Gone));
}

pub(super) async fn reports_count_once_and_weigh_what_became_of_them(shelf: Shelf) {
    let (store, writer) = shelf.open().await;
    for seq in 1..=20 {
        store.keep(room(), said(seq, "bob")).await.unwrap();
    }
    let report = async |by: &str, message: u64| store.report(room(), made(by, message)).await.unwrap();
    let weighs = |taken: Taken| match taken {
        Taken::Open(filed) => (filed.weight, filed.earlier),
        other => panic!("{other:?}"),
    };
    assert_eq!(weighs(report("ann", 1).await), (FULL, 0));
    assert_eq!(report("ann", 1).await, Taken::Kept);
    assert_eq!(weighs(report("eve", 1).await), (FULL, 0));
    let dismissed = Dismissed { message: MessageId(1), complaints: Vec::new() };
    store.keep(room(), kept(21, "owner", EventKind::Dismissed(dismissed))).await.unwrap();
    assert_eq!(report("late", 1).await, Taken::Kept, "it was looked at");
    assert_eq!(weighs(report("ann", 2).await), (FULL / 2, 0));
    let upheld =
        Upheld { message: MessageId(2), user: member("bob"), step: Step::Notice, complaints: Vec::new() };
    let upheld = |seq| kept(seq, "owner", EventKind::Upheld(upheld.clone()));
    store.keep(room(), upheld(22)).await.unwrap();
    assert_eq!(weighs(report("ann", 3).await), (FULL, 1));
    assert_eq!(store.step_for(room(), MessageId(2)).await.unwrap(), Some(Seq(22)));
    for message in 4..=12 {
        report("ann", message).await;
    }
    assert_eq!(report("ann", 13).await, Taken::TooMany);
    drop(store);
    writer.join();
    let (store, _writer) = shelf.open().await;
    let open = store.past(room(), 9).await.unwrap().reports;
    let first = open.first().unwrap();
    assert_eq!((open.len(), first.message, first.earlier, first.weight), (10, MessageId(3), 1, FULL));
    assert_eq!(
        (first.ground, first.words.as_str(), &first.about.id),
        (Ground::Hate, "his words", &user("bob"))
    );
    let later = 1_000_000 + Step::COUNTS;
    assert_eq!(store.steps(room(), user("bob"), later).await.unwrap(), 0, "after thirty days nothing counts");
    let lifted = Lifted { act: Seq(22), user: member("bob") };
    store.keep(room(), kept(23, "owner", EventKind::Lifted(lifted))).await.unwrap();
    assert_eq!(store.steps(room(), user("bob"), 22_000).await.unwrap(), 0);
    // All that the banned said needs no look any more.
    store
        .keep(room(), kept(24, "owner", EventKind::Banned { user: member("bob"), range: false }))
        .await
        .unwrap();
    assert_eq!(store.past(room(), 9).await.unwrap().reports, []);
    let purse: Purse = "annspurse".parse().unwrap();
    let rows = async || {
        let all = store.of_person(user("ann"), purse.clone(), Eyes::Own).await.unwrap();
        all["report"].as_array().unwrap().len()
    };
    assert_eq!(rows().await, 12);
    store.erase(user("ann"), purse.clone()).await.unwrap();
    assert_eq!(rows().await, 0);
}
