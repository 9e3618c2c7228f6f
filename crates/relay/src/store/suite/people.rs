//! What the store promises about what moderators do and what is known of people.

use footlight_protocol::moderation::Reason;
use footlight_protocol::person::{MAX_ACTS, MAX_FORMER_NAMES, MAX_NOTES};
use footlight_protocol::room::{Event, EventKind};
use footlight_protocol::{MessageId, Seq};

use super::{Place, Purse, Sanction, Shelf, coins, gifted, grant, kept, member, room, said, settle, user};
use crate::gift::ledger::What;
use crate::store::cards::{Noted, Visit};
use crate::store::given::TERMS;
use crate::store::moderation::Mark;
use crate::store::personal::Eyes;

pub(super) async fn what_is_held_waits_and_a_sweep_comes_back_whole(shelf: Shelf) {
    let (store, writer) = shelf.open().await;
    let held = |seq, raid: Option<u64>| {
        let (text, why) = ("wait".to_owned(), Reason::Link);
        kept(
            seq,
            "bob",
            EventKind::Held { by: member("bob"), text, nonce: None, why, raid: raid.map(Seq), reply: None },
        )
    };
    store.keep(room(), said(1, "bob")).await.unwrap();
    store.keep(room(), held(2, None)).await.unwrap();
    store.keep(room(), held(3, Some(4))).await.unwrap();
    let why = Reason::Copies { people: 12, strangers: 12 };
    store
        .keep(room(), kept(4, "owner", EventKind::Swept { messages: vec![MessageId(1)], why }))
        .await
        .unwrap();
    store.keep(room(), held(5, Some(4))).await.unwrap();
    store.keep(room(), held(6, None)).await.unwrap();
    store.keep(room(), kept(7, "owner", EventKind::Denied { message: MessageId(6) })).await.unwrap();
    store.keep(room(), kept(8, "owner", EventKind::Trusted { user: member("ann") })).await.unwrap();
    drop(store);
    writer.join();
    let (store, _writer) = shelf.open().await;
    let past = store.past(room(), 10).await.unwrap();
    assert_eq!(past.held.iter().map(|event| event.seq.0).collect::<Vec<_>>(), [2]);
    assert_eq!(past.standings, [(user("ann"), Mark::Trusted)]);
    assert_eq!(past.lessons, [("wait".to_owned(), false)], "a denial teaches, a sweep does not");
    assert_eq!(store.events_between(room(), (0, 10_000), Seq(0), 9).await.unwrap(), (vec![], None));
    let swept = store.swept(room(), Seq(4)).await.unwrap();
    assert_eq!(swept.iter().map(|former| former.message.0).collect::<Vec<_>>(), [1, 3, 5]);
    let acts = store.acts(room(), Seq(0), 9).await.unwrap();
    let seqs: Vec<_> = acts.iter().map(|(kept, facts)| (kept.event.seq.0, facts.len())).collect();
    assert_eq!(seqs, [(2, 0), (3, 0), (4, 1), (5, 0), (6, 0), (7, 1), (8, 0)]);
    let undo = EventKind::Unswept { sweep: Seq(4), messages: swept };
    store.keep(room(), kept(9, "owner", undo)).await.unwrap();
    assert_eq!(store.swept(room(), Seq(4)).await.unwrap(), []);
    let (events, _) = store.events_between(room(), (0, 10_000), Seq(0), 9).await.unwrap();
    assert_eq!(events.iter().map(|event| event.seq.0).collect::<Vec<_>>(), [1, 3, 5]);
    assert!(events.iter().all(|event| matches!(event.kind, EventKind::Said { .. })), "as if never held");
}

pub(super) async fn what_moderators_see_of_people_is_kept_and_bounded(shelf: Shelf) {
    let (store, writer) = shelf.open().await;
    let purse: Purse = "zoespurse".parse().unwrap();
    for n in 0..MAX_FORMER_NAMES as u64 + 5 {
        store.set_name(user("zoe"), format!("Zoë {n}"), n).await.unwrap();
    }
    // There and back: each name stands there once.
    for (n, name) in (100..).zip(["Zoë 14", "Zoë 3", "Zoë 14"]) {
        store.set_name(user("zoe"), name.to_owned(), n).await.unwrap();
    }
    let visit = |id: &str, watched, messages| Visit { user: user(id), watched, messages };
    store.add_visits(room(), vec![visit("zoe", 1_500, 2), visit("ann", 1, 1)]).await.unwrap();
    store.add_visits(room(), vec![visit("zoe", 500, 1)]).await.unwrap();
    let note = async |n: usize| {
        let text = format!("note {n}");
        store.add_note(room(), user("zoe"), user("mod"), text, n as u64).await.unwrap()
    };
    for n in 0..MAX_NOTES {
        assert_eq!(note(n).await, Noted::Done);
    }
    assert_eq!(note(MAX_NOTES).await, Noted::Full);
    store.keep(room(), said(1, "zoe")).await.unwrap();
    store
        .keep(room(), kept(2, "mod", EventKind::Banned { user: member("ann"), range: false }))
        .await
        .unwrap();
    for n in 0..MAX_ACTS as u64 + 3 {
        let kind = EventKind::Restricted { user: member("zoe") };
        store.keep(room(), kept(3 + n, "mod", kind)).await.unwrap();
    }
    drop(store);
    writer.join();
    let (store, _writer) = shelf.open().await;
    let known = store.known(room(), user("zoe"), purse.clone()).await.unwrap();
    assert_eq!((known.watched, known.messages, known.gifts), (2_000, 3, (0, 0)));
    let names: Vec<&str> = known.names.iter().map(|former| former.name.as_str()).collect();
    assert_eq!((names.len(), &names[..3]), (MAX_FORMER_NAMES, &["Zoë 3", "Zoë 14", "Zoë 13"][..]));
    assert_eq!((known.notes.len(), known.notes[0].text.as_str()), (MAX_NOTES, "note 19"));
    let acts: Vec<u64> = known.acts.iter().map(|act| act.event.seq.0).collect();
    assert_eq!((acts.len(), acts[0]), (MAX_ACTS, MAX_ACTS as u64 + 5));
    let first = known.notes[0].id;
    let drop_note =
        async |by: Option<&str>| store.drop_note(room(), user("zoe"), by.map(user), first).await.unwrap();
    assert_eq!(drop_note(Some("ann")).await, Noted::NotTheirs);
    assert_eq!(drop_note(Some("mod")).await, Noted::Done);
    assert_eq!(drop_note(None).await, Noted::NotTheirs, "it is gone");
    // What a moderator wrote goes with them, too.
    store.erase(user("mod"), "modspurse".parse().unwrap()).await.unwrap();
    assert_eq!(store.known(room(), user("zoe"), purse).await.unwrap().notes, []);
}

pub(super) async fn what_is_known_of_people_is_listed(shelf: Shelf) {
    let (store, _writer) = shelf.open().await;
    let columns = match &shelf.place {
        Place::File(_) => {
            "SELECT m.name, p.name FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS p
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'"
        }
        Place::Server(_) => {
            "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT) FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name <> 'footlight'"
        }
    };
    crate::store::personal::tests::every_column_is_somebody_s_or_nobody_s(&store, columns).await;
}

pub(super) async fn a_person_is_found_whole_and_erased_whole(shelf: Shelf) {
    let (store, writer) = shelf.open().await;
    let purse: Purse = "zoespurse".parse().unwrap();
    store.set_name(user("zoe"), "Zoë".to_owned(), 1).await.unwrap();
    store.keep(room(), said(1, "zoe")).await.unwrap();
    store.keep(room(), said(2, "ann")).await.unwrap();
    let (text, why) = ("wait".to_owned(), Reason::Link);
    let held = EventKind::Held { by: member("zoe"), text, nonce: None, why, raid: None, reply: None };
    store.keep(room(), kept(3, "zoe", held)).await.unwrap();
    store.keep(room(), kept(4, "owner", EventKind::Restricted { user: member("zoe") })).await.unwrap();
    store
        .keep(room(), kept(5, "owner", EventKind::Banned { user: member("zoe"), range: false }))
        .await
        .unwrap();
    let counts = |all: &serde_json::Map<String, serde_json::Value>| {
        let rows = |table: &str| all[table].as_array().unwrap().len();
        ["event", "held", "person", "standing", "sanction"].map(rows)
    };
    let all = store.of_person(user("zoe"), purse.clone(), Eyes::Own).await.unwrap();
    assert_eq!(counts(&all), [4, 1, 1, 1, 1], "{all:?}");
    assert_eq!(all["person"][0]["name"], "Zoë");
    store.erase(user("zoe"), purse.clone()).await.unwrap();
    store.erase(user("zoe"), purse.clone()).await.unwrap();
    drop(store);
    writer.join();
    let (store, _writer) = shelf.open().await;
    assert_eq!(counts(&store.of_person(user("zoe"), purse.clone(), Eyes::Own).await.unwrap()), [0; 5]);
    let past = store.past(room(), 9).await.unwrap();
    assert_eq!((past.seq, past.events.len()), (Seq(5), 5), "the order is as it was");
    assert_eq!(past.sanctions, [(user("zoespurse"), Sanction::Banned)], "the ban goes on");
    let (events, _) = store.events_between(room(), (0, 10_000), Seq(0), 9).await.unwrap();
    assert_eq!(events.iter().map(|event| event.seq.0).collect::<Vec<_>>(), [2]);
}

pub(super) async fn amounts_that_are_hidden_are_in_no_replay(shelf: Shelf) {
    let (store, _writer) = shelf.open().await;
    settle(&store, vec![coins("owner", "nonce-00", grant("ann", 100))]).await;
    let mut booked = gifted(1, "ann", "nonce-01", 40, 0);
    let Some(kept) = booked.event.as_mut() else { panic!("{booked:?}") };
    kept.event.at = 1_000;
    store.book(room(), booked).await.unwrap();
    let told = async || {
        let (events, _) = store.events_between(room(), (0, 10_000), Seq(0), 9).await.unwrap();
        match &events[..] {
            [Event { kind: EventKind::Gifted { gift, coins, .. }, .. }] => (gift.price, *coins),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(told().await, (1, 40));
    store.set_setting(room(), TERMS, r#"{"hidden":true}"#.to_owned()).await.unwrap();
    assert_eq!(told().await, (0, 0));
    store.set_setting(room(), TERMS, "{}".to_owned()).await.unwrap();
    assert_eq!(told().await, (1, 40), "the books and the events have it all the time");
}

pub(super) async fn what_a_purse_gave_in_all_is_known(shelf: Shelf) {
    let (store, _writer) = shelf.open().await;
    settle(&store, vec![coins("owner", "nonce-00", grant("ann", 100))]).await;
    for (seq, day) in [(1, 10), (2, 11), (3, 11)] {
        store.book(room(), gifted(seq, "ann", &format!("gift-{seq}"), 20, day)).await.unwrap();
    }
    settle(&store, vec![coins("owner", "back", What::Reverse { number: 2 })]).await;
    let known = async |who: &str| {
        let (coins, earned) = store.wallet(room(), who.parse().unwrap()).await.unwrap();
        (coins, earned.given)
    };
    assert_eq!((known("ann").await, known("bob").await), ((60, 40), (0, 0)));
}
