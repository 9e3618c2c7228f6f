//! What the store promises about passkeys.

use footlight_protocol::account::MAX_PASSKEYS;

use super::{Shelf, user};
use crate::passkey::Credential;
use crate::store::logins::Named;
use crate::store::passkeys::{Added, Fresh, Removed};

fn fresh(id: u8) -> Fresh {
    let credential = Credential { id: vec![id; 3], key: vec![1, 2, 3], counter: 4 };
    Fresh { credential, host: "live.example".to_owned(), name: format!("Key {id}") }
}

/// In base64url.
const ZERO: &str = "AAAA";

pub(super) async fn passkeys_are_kept_counted_and_never_the_last_way_lost(shelf: Shelf) {
    let (store, writer) = shelf.open().await;
    let (ann, bob) = (user("ann"), user("bob"));
    assert_eq!(store.add_passkey(ann.clone(), fresh(0), 1).await.unwrap(), Added::NoAccount);
    let made = store.add_login_by_passkey(ann.clone(), "Ann".to_owned(), fresh(0), 1, 10).await;
    assert_eq!(made.unwrap(), Named::Done);
    let again = store.add_login_by_passkey(ann.clone(), "Annie".to_owned(), fresh(9), 1, 10).await;
    assert_eq!(again.unwrap(), Named::Again);
    // An account does not come to be without its passkey.
    assert!(store.add_login_by_passkey(bob.clone(), "Bob".to_owned(), fresh(0), 1, 10).await.is_err());
    assert_eq!(store.login_of(bob.clone()).await.unwrap(), None);
    let named = store.add_login(bob.clone(), "Bob".to_owned(), vec![7; 60], 1, 10).await.unwrap();
    assert_eq!(named, Named::Done);
    assert_eq!(store.add_passkey(bob.clone(), fresh(0), 11).await.unwrap(), Added::Known);
    assert_eq!(store.add_passkey(bob.clone(), fresh(100), 11).await.unwrap(), Added::Done);
    for id in 1..MAX_PASSKEYS as u8 {
        assert_eq!(store.add_passkey(ann.clone(), fresh(id), 20 + u64::from(id)).await.unwrap(), Added::Done);
    }
    assert_eq!(store.add_passkey(ann.clone(), fresh(50), 99).await.unwrap(), Added::Full);
    drop(store);
    writer.join();

    let (store, _writer) = shelf.open().await;
    let find = |id: &str, host: &str| store.credential(id.to_owned(), host.to_owned());
    assert_eq!(find(ZERO, "live.example").await.unwrap(), Some((ann.clone(), fresh(0).credential)));
    assert_eq!(find(ZERO, "other.example").await.unwrap(), None);
    // Of two who show the same count one signs in.
    assert!(store.passkey_used(ZERO.to_owned(), 4, 5, 200).await.unwrap());
    assert!(!store.passkey_used(ZERO.to_owned(), 4, 5, 201).await.unwrap());
    let list = store.passkeys_of(ann.clone()).await.unwrap();
    assert_eq!(list.len(), MAX_PASSKEYS);
    let first = &list[0];
    assert_eq!((first.name.as_str(), first.made_at, first.used_at), ("Key 0", 10, Some(200)));
    // Nobody takes away another's; the last way in stays.
    assert_eq!(store.remove_passkey(bob.clone(), ZERO.to_owned()).await.unwrap(), Removed::NotThere);
    for passkey in &list[1..] {
        assert_eq!(store.remove_passkey(ann.clone(), passkey.id.clone()).await.unwrap(), Removed::Done);
    }
    assert_eq!(store.remove_passkey(ann.clone(), ZERO.to_owned()).await.unwrap(), Removed::LastWay);
    let bobs = store.passkeys_of(bob.clone()).await.unwrap().remove(0);
    assert_eq!(store.remove_passkey(bob, bobs.id).await.unwrap(), Removed::Done, "he has a password");
    store.erase(ann.clone(), "annspurse".parse().unwrap()).await.unwrap();
    assert_eq!(find(ZERO, "live.example").await.unwrap(), None);
}
