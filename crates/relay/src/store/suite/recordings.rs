//! What the store promises of recordings.

use std::time::Duration;

use footlight_media::Time;

use super::{Shelf, room};
use crate::store::recordings::{Part, Recording};

pub(super) async fn recordings_are_found_by_what_they_are(shelf: Shelf) {
    let (store, _writer) = shelf.open().await;
    let recording = |id: &str, epoch: u64| Recording {
        id: id.parse().unwrap(),
        room: room(),
        epoch: Time::from_micros(epoch),
        ended: None,
        title: None,
        public: true,
        poster: false,
        uploaded: None,
        local: true,
        parts: Vec::new(),
    };
    let (a, b) = (recording("aaaaaaaaaaaa", 1_000_000), recording("bbbbbbbbbbbb", 2_000_000));
    for one in [&b, &a] {
        store.begin_recording(one.clone()).await.unwrap();
    }
    let part = Part { number: 1, begins: Duration::ZERO, duration: Duration::from_secs(3), bytes: 1 << 33 };
    store.put_part(a.id.clone(), Part { bytes: 5, ..part }).await.unwrap();
    store.put_part(a.id.clone(), part).await.unwrap();
    store.end_recording(a.id.clone(), 77, true).await.unwrap();
    store.edit_recording(a.id.clone(), Some("Title".to_owned()), None).await.unwrap();
    store.edit_recording(a.id.clone(), None, Some(false)).await.unwrap();
    let all = store.recordings().await.unwrap();
    assert_eq!(all.iter().map(|one| &one.id).collect::<Vec<_>>(), [&a.id, &b.id], "oldest first");
    let ended = Recording {
        ended: Some(77),
        title: Some("Title".to_owned()),
        public: false,
        poster: true,
        parts: vec![part],
        ..a.clone()
    };
    assert_eq!(store.replays(room(), 10).await.unwrap(), std::slice::from_ref(&ended));
    assert_eq!(store.not_uploaded().await.unwrap(), [ended]);
    store.uploaded(a.id.clone(), 88).await.unwrap();
    assert!(store.not_uploaded().await.unwrap().is_empty());
    assert_eq!(store.clip_bytes().await.unwrap(), 0);
    store.edit_recording(a.id.clone(), Some(String::new()), None).await.unwrap();
    assert_eq!(store.recording(room(), a.id.clone()).await.unwrap().unwrap().title, None);
    store.drop_recording(a.id.clone()).await.unwrap();
    assert_eq!(store.recordings().await.unwrap().len(), 1);
}
