//! What the store promises about copies, about moving from one database into another, and about what is kept how long.

use std::path::Path;

use footlight_protocol::MessageId;
use footlight_protocol::moderation::Reason;
use footlight_protocol::report::{Step, Upheld};
use footlight_protocol::room::EventKind;
use footlight_protocol::{Seq, UserId};

use crate::secret::Secret;

use super::{
    Account, Place, Sanction, Shelf, coins, gift_of, gifted, grant, kept, member, purse, room, said, settle,
    user,
};
use crate::store::Store;
use crate::store::personal::tables;
use crate::store::retention::Position;

/// A life of a room that leaves something in most tables.
async fn lived(store: &Store) {
    store.set_secret("a", vec![0, 255, 7]).await.unwrap();
    let first = store.add_key(room(), "obs".into(), vec![9], 1, None).await.unwrap().unwrap();
    store.add_key(room(), "phone".into(), vec![8], 1, None).await.unwrap();
    store.drop_key(first).await.unwrap();
    store.set_name(user("ann"), "安 '; --".to_owned(), 5).await.unwrap();
    settle(store, vec![coins("owner", "nonce-00", grant("ann", 5_000))]).await;
    // More than a page, and no round number of pieces.
    let gifts = (0..1_037).map(|n| coins("ann", &format!("nonce-a{n}"), gift_of("ann", 1, None)));
    settle(store, gifts.collect()).await;
    for seq in 1..=20 {
        store.keep(room(), said(seq, "ann")).await.unwrap();
    }
    let (text, why) = ("wait".to_owned(), Reason::Link);
    let held = EventKind::Held { by: member("bob"), text, nonce: None, why, raid: None, reply: None };
    store.keep(room(), kept(21, "bob", held)).await.unwrap();
    store.book(room(), gifted(22, "ann", "nonce-01", 4, 1)).await.unwrap();
    let banned = EventKind::Banned { user: member("eve"), range: true };
    store.ban_networks(room(), user("eve"), vec!["somenetwork".to_owned()]).await.unwrap();
    store.keep(room(), kept(23, "owner", banned)).await.unwrap();
    store.set_card(room(), Some("soon".to_owned())).await.unwrap();
    store.follow(room(), user("ann"), Some(7)).await.unwrap();
}

/// All rows of all tables, as text.
async fn whole(store: &Store) -> Vec<(&'static str, Vec<String>)> {
    let mut all = Vec::new();
    for (table, columns) in tables() {
        let rows = store
            .ask(move |database| database.query(&format!("SELECT {} FROM {table}", columns.join(", ")), &[]));
        let mut rows: Vec<String> = rows.await.unwrap().iter().map(|row| format!("{row:?}")).collect();
        rows.sort();
        all.push((table, rows));
    }
    all
}

async fn moved(from: &Place, to: &Place) -> Result<super::super::moving::Moved, crate::error::Error> {
    let (from, to) = (from.clone(), to.clone());
    tokio::task::spawn_blocking(move || from.move_to(&to)).await.unwrap()
}

#[tokio::test]
async fn everything_moves_there_and_back_and_is_as_it_was() {
    let (here, there, back) = (Shelf::file(), Shelf::server(), Shelf::file());
    let (store, writer) = here.open().await;
    lived(&store).await;
    let was = whole(&store).await;
    drop(store);
    writer.join();
    let told = moved(&here.place, &there.place).await.unwrap();
    let rows: usize = was.iter().map(|(_, rows)| rows.len()).sum();
    assert_eq!((told.rows as usize, told.entries), (rows, 1_039));
    // Into what is not empty, nothing is moved.
    let refused = moved(&here.place, &there.place).await.unwrap_err().to_string();
    assert!(refused.contains("not empty") && !refused.contains("postgres://"), "{refused}");
    moved(&there.place, &back.place).await.unwrap();
    for shelf in [&there, &back] {
        let (store, writer) = shelf.open().await;
        assert_eq!(whole(&store).await, was);
        // It goes on as if nothing had been: numbers of keys are never used again.
        let third = store.add_key(room(), "third".into(), vec![7], 1, None).await.unwrap().unwrap();
        assert_eq!(third.0, 3);
        settle(&store, vec![coins("ann", "nonce-z", gift_of("ann", 1, None))]).await;
        assert_eq!(
            store.balance(room(), Account::Person(purse("ann"))).await.unwrap(),
            5_000 - 1_037 - 4 - 1
        );
        drop(store);
        writer.join();
    }
}

#[tokio::test]
async fn books_that_do_not_hold_are_not_moved() {
    let (here, there) = (Shelf::file(), Shelf::file());
    let (store, writer) = here.open().await;
    lived(&store).await;
    for statement in ["DROP TRIGGER entry_stays", "UPDATE entry SET amount = 2 WHERE number = 700"] {
        store.ask(move |database| database.execute(statement, &[])).await.unwrap();
    }
    drop(store);
    writer.join();
    let refused = moved(&here.place, &there.place).await.unwrap_err().to_string();
    assert!(refused.contains("break at row 700"), "{refused}");
    let (store, _writer) = there.open().await;
    assert!(whole(&store).await.iter().all(|(_, rows)| rows.is_empty()), "nothing is there");
    let nowhere = Place::of(Path::new("/no/such/folder"), None);
    assert!(moved(&nowhere, &there.place).await.unwrap_err().to_string().contains("no such file"));
}

#[tokio::test]
async fn a_copy_is_whole_while_the_database_is_written_and_takes_nobody_s_place() {
    let shelf = Shelf::file();
    let (store, writer) = shelf.open().await;
    lived(&store).await;
    let writing = {
        let store = store.clone();
        tokio::spawn(async move {
            for n in 0..150_u64 {
                store.keep(room(), said(100 + n, "bob")).await.unwrap();
                store.set_name(user("bob"), format!("Bob {n}"), n).await.unwrap();
            }
        })
    };
    let folder = shelf.folder.join("copy");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("footlight.db");
    let before = store.past(room(), 1).await.unwrap().seq;
    let bytes = store.backup(path.clone()).await.unwrap();
    assert_eq!(bytes, std::fs::metadata(&path).unwrap().len());
    let again = store.backup(path.clone()).await.unwrap_err().to_string();
    assert!(again.contains("footlight.db"), "{again}");
    writing.await.unwrap();
    // After a copy as before it, an erasing leaves nothing in the log.
    store.erase(user("nobody"), purse("nobody")).await.unwrap();
    let all = store.past(room(), 1_000).await.unwrap();
    assert_eq!(all.seq, Seq(249));
    drop(store);
    writer.join();
    let names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(names, ["footlight.db"], "one file, and no part of it");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let (copy, _writer) = Store::open(Place::of(&folder, None)).await.unwrap();
    let past = copy.past(room(), 1_000).await.unwrap();
    assert!(past.seq >= before && past.seq <= Seq(249), "{:?}", past.seq);
    // Of one moment: no event is missing before the newest.
    let events = past.events.iter().filter(|kept| kept.event.seq >= Seq(100)).count() as u64;
    assert_eq!(events, past.seq.0.saturating_sub(99));
    assert_eq!(copy.entries(room(), 0, 2_000).await.unwrap().len(), 1_039);
}

#[tokio::test]
async fn postgresql_is_copied_by_its_own_program() {
    let shelf = Shelf::server();
    let (store, _writer) = shelf.open().await;
    let path = shelf.folder.join("copy.db");
    let refused = store.backup(path.clone()).await.unwrap_err().to_string();
    assert!(refused.contains("pg_dump") && !path.exists(), "{refused}");
    store.set_secret("a", vec![1]).await.unwrap();
}

pub(super) async fn old_chat_goes_and_coins_bans_and_what_waits_stay(shelf: Shelf) {
    let (store, writer) = shelf.open().await;
    lived(&store).await;
    store.keep(room(), said(24, "ann")).await.unwrap();
    store
        .keep(
            room(),
            kept(
                25,
                "owner",
                EventKind::Pinned { message: MessageId(5), by: member("ann"), text: "pinned".into() },
            ),
        )
        .await
        .unwrap();
    let (message, complaints) = (MessageId(3), Vec::new());
    let upheld = Upheld { message, user: member("ann"), step: Step::Notice, complaints };
    store.keep(room(), kept(26, "owner", EventKind::Upheld(upheld))).await.unwrap();
    for seq in 27..=500 {
        store.keep(room(), said(seq, "bob")).await.unwrap();
    }
    let before = async |at: u64| {
        let (mut from, mut gone, mut steps) = (Position::default(), 0, 0);
        loop {
            let forgotten = store.forget_chat(room(), from, at).await.unwrap();
            gone += forgotten.events;
            from = forgotten.next;
            steps += 1;
            if !forgotten.more {
                return (gone, steps, from);
            }
        }
    };
    let left = async || -> Vec<u64> {
        let past = store.past(room(), 1_000).await.unwrap();
        past.events.iter().map(|kept| kept.event.seq.0).collect()
    };
    let (entries, accounts) = (store.entries(room(), 0, 5_000).await.unwrap(), room_accounts(&store).await);
    assert_eq!(before(11_000).await.0, 9, "all before then but the pinned one");
    assert_eq!(left().await[..3], [5, 11, 12]);
    let (gone, steps, from) = before(1_000_000_000).await;
    assert!(gone > 400 && steps > 1, "{gone} in {steps} steps");
    // Pinned, held, the gift, the step that counts, and the newest, behind which the order goes on.
    assert_eq!(left().await, [5, 21, 22, 26, 500]);
    let again = store.forget_chat(room(), from, 1_000_000_000).await.unwrap();
    assert_eq!((again.events, again.more), (0, false), "nothing is looked at twice");
    assert_eq!(store.entries(room(), 0, 5_000).await.unwrap(), entries);
    assert_eq!(room_accounts(&store).await, accounts);
    drop(store);
    writer.join();
    let (store, _writer) = shelf.open().await;
    let past = store.past(room(), 9).await.unwrap();
    assert_eq!(past.sanctions, [(user("eve"), Sanction::Banned)]);
    let networks: Vec<(String, UserId)> = past.networks;
    assert_eq!(networks, [("somenetwork".to_owned(), user("eve"))]);
    assert_eq!((past.seq, past.held.len()), (Seq(500), 1));
    assert_eq!(past.pinned.map(|pinned| pinned.message), Some(MessageId(5)));
    assert_eq!(store.steps(room(), user("ann"), 30_000).await.unwrap(), 1);
    // After thirty days the step does not count either.
    let later = 30_000 + Step::COUNTS;
    let forgotten = store.forget_chat(room(), Position::default(), later).await.unwrap();
    assert_eq!(forgotten.events, 1);
}

async fn room_accounts(store: &Store) -> Vec<i64> {
    let mut balances = Vec::new();
    for account in [Account::Treasury, Account::Creator, Account::Person(purse("ann"))] {
        balances.push(store.balance(room(), account).await.unwrap());
    }
    balances
}

/// Nothing of the server's address, which holds a password, is in an error.
#[tokio::test]
async fn a_server_that_is_not_there_is_told_without_its_address() {
    for url in ["postgres://u:hidden@127.0.0.1:1/x", "postgres://u:hidden@/x?port=hidden"] {
        let place = Place::of(Path::new("/"), Some(Secret::new(url)));
        let error = Store::open(place).await.err().expect("nobody listens there").to_string();
        assert!(error.contains("PostgreSQL") && !error.contains("hidden"), "{error}");
    }
}
