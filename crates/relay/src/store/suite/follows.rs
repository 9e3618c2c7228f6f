//! What the store promises of those who follow a room.

use footlight_protocol::RoomId;

use super::{Shelf, purse, room, user};
use crate::store::personal::Eyes;

pub(super) async fn who_follows_is_kept_counted_once_and_goes_with_them(shelf: Shelf) {
    let (store, writer) = shelf.open().await;
    let other: RoomId = "other".parse().unwrap();
    let follow = async |store: &crate::store::Store, who: &str, since| {
        store.follow(room(), user(who), since).await.unwrap()
    };
    assert!(follow(&store, "ann", Some(1_000)).await);
    assert!(!follow(&store, "ann", Some(2_000)).await, "she does already");
    assert!(follow(&store, "bob", Some(3_000)).await);
    assert!(store.follow(other.clone(), user("ann"), Some(4_000)).await.unwrap());
    assert!(!follow(&store, "eve", None).await, "she did not");
    drop(store);
    writer.join();
    let (store, _writer) = shelf.open().await;
    assert_eq!(store.past(room(), 1).await.unwrap().followers, 2);
    assert_eq!(store.follows(room(), user("ann")).await.unwrap(), Some(1_000), "since the first time");
    assert_eq!(store.follows(room(), user("eve")).await.unwrap(), None);
    assert!(follow(&store, "bob", None).await);
    assert!(!follow(&store, "bob", None).await);
    assert!(follow(&store, "bob", Some(5_000)).await);
    assert_eq!(store.follows(room(), user("bob")).await.unwrap(), Some(5_000), "anew");
    let all = store.of_person(user("ann"), purse("ann"), Eyes::Own).await.unwrap();
    assert_eq!(all["follow"].as_array().unwrap().len(), 2, "{all:?}");
    store.erase(user("ann"), purse("ann")).await.unwrap();
    assert_eq!(store.follows(other.clone(), user("ann")).await.unwrap(), None);
    assert_eq!((store.followers(room()).await.unwrap(), store.followers(other).await.unwrap()), (1, 0));
}
