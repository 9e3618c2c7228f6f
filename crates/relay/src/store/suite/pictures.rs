//! What the store promises of pictures: they are served as long as somebody shows them, and one that a moderator took away
//! is not shown again by whoever it was taken from.

use footlight_protocol::Seq;
use footlight_protocol::emote::Emote;
use footlight_protocol::room::{Event, EventKind};

use super::{Shelf, member, purse, room, user};
use crate::store::Kept;
use crate::store::pictures::Shown;

pub(super) async fn emotes_are_kept_until_they_are_taken_away(shelf: Shelf) {
    let (store, _writer) = shelf.open().await;
    let emote = |name: &str, picture: &str| Emote {
        name: name.to_owned(),
        picture: picture.to_owned(),
        width: 64,
        height: 48,
    };
    for (name, picture) in [("wave", "p1"), ("波波", "p2"), ("88", "p3"), ("wave", "p2")] {
        let image = vec![0, 255, picture.as_bytes()[1]];
        store.set_emote(room(), emote(name, picture), image).await.unwrap();
    }
    let there = store.past(room(), 1).await.unwrap().emotes;
    assert_eq!(there, [emote("88", "p3"), emote("wave", "p2"), emote("波波", "p2")]);
    assert_eq!(store.picture("p1".to_owned()).await.unwrap(), None, "another took its place");
    store.drop_emote(room(), "wave".to_owned()).await.unwrap();
    assert_eq!(store.picture("p2".to_owned()).await.unwrap(), Some(vec![0, 255, b'2']), "the other's");
    store.drop_emote(room(), "波波".to_owned()).await.unwrap();
    assert_eq!(store.picture("p2".to_owned()).await.unwrap(), None);
}

pub(super) async fn who_shows_themselves_is_seen_until_a_moderator_hides_it(shelf: Shelf) {
    let (store, _writer) = shelf.open().await;
    let set = |picture: &str| store.set_avatar(user("ann"), picture.to_owned(), vec![7, 255]);
    assert_eq!(set("p1").await.unwrap(), Shown::Nobody);
    store.set_name(user("ann"), "Ann".to_owned(), 1).await.unwrap();
    assert_eq!((set("p1").await.unwrap(), set("p2").await.unwrap()), (Shown::Done, Shown::Done));
    let shown = async || store.person(user("ann")).await.unwrap().unwrap().avatar;
    assert_eq!(shown().await.as_deref(), Some("p2"));
    assert_eq!(store.picture("p1".to_owned()).await.unwrap(), None);
    assert_eq!(store.picture("p2".to_owned()).await.unwrap(), Some(vec![7, 255]));

    let act = async |seq: u64, hidden: bool| {
        let kind = EventKind::Avatar { user: member("ann"), hidden };
        let event = Event { seq: Seq(seq), at: 1, kind };
        store.keep(room(), Kept { event, by: Some(user("mod")), nonce: None }).await.unwrap();
    };
    act(1, true).await;
    assert_eq!((shown().await, store.picture("p2".to_owned()).await.unwrap()), (None, None));
    assert!(store.known(room(), user("ann"), purse("ann")).await.unwrap().avatar_hidden);
    assert_eq!(set("p3").await.unwrap(), Shown::Hidden);
    act(2, false).await;
    assert_eq!(shown().await.as_deref(), Some("p2"), "an undoing brings back what was there");
    // Who takes it down meanwhile has none to get back, and cannot set another before.
    act(3, true).await;
    store.drop_avatar(user("ann")).await.unwrap();
    assert_eq!((store.avatar(user("ann")).await.unwrap(), set("p4").await.unwrap()), (None, Shown::Hidden));
    act(4, false).await;
    assert_eq!((shown().await, set("p4").await.unwrap()), (None, Shown::Done));
    store.erase(user("ann"), purse("ann")).await.unwrap();
    assert_eq!(store.picture("p4".to_owned()).await.unwrap(), None);
}
