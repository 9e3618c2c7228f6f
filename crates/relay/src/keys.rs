//! The stream keys: several a room, each with a name that its owner gave it, made, replaced and taken back while
//! the relay runs.
//!
//! Only keyed hashes are kept. A key's number belongs to one text for ever, so a session that was opened with a
//! replaced key is known by its number, and a room can tell at any moment whether a key is still good.

use std::sync::{PoisonError, RwLock};

use footlight_protocol::key::{KeyId, MAX_KEYS, StreamKey};
use footlight_protocol::{RoomId, room::UnixMillis};

use crate::clock;
use crate::error::Error;
use crate::secret::{Hasher, Secret};
use crate::store::{KeptKey, Store};

/// What the hashes are for; also where a relay of an earlier version kept its only one.
const STREAM_KEY: &str = "stream key";
/// The name of the key that the first start makes, and of the one that is handed in.
const FIRST: &str = "default";
/// The name of the key that is made for the program which bundles the relay, where its own is no longer good.
const BUNDLER: &str = "studio";

/// The keys of all rooms.
pub(crate) struct Keys {
    hasher: Hasher,
    store: Store,
    /// What the store has, oldest first. Changed after the commit and never held over one.
    all: RwLock<Vec<KeptKey>>,
}

/// Why a key was not made.
#[derive(Debug)]
pub(crate) enum NotMade {
    NameTaken,
    TooMany,
    NoSuchKey,
    Fault(Error),
}

impl From<Error> for NotMade {
    fn from(error: Error) -> Self {
        Self::Fault(error)
    }
}

impl Keys {
    /// Reads them from the store. `given` replaces the key that has the first key's name; a room without any key
    /// gets one. Returns the key that can still be shown.
    pub(crate) async fn open(
        store: &Store,
        hasher: &Hasher,
        room: &RoomId,
        given: Option<Secret>,
    ) -> Result<(Self, Option<Secret>), Error> {
        let now = clock::now_millis();
        let mut kept = store.keys().await?;
        let is_ours = |key: &&KeptKey| key.room == *room;
        if let Some(hash) = store.secret(STREAM_KEY).await? {
            if !kept.iter().any(|key| is_ours(&key)) {
                store.add_key(room.clone(), FIRST.to_owned(), hash, now, None).await?;
            }
            store.drop_secret(STREAM_KEY).await?;
            kept = store.keys().await?;
        }
        let shown = match given {
            Some(given) => Some(given),
            None if kept.iter().any(|key| is_ours(&key)) => None,
            None => Some(Secret::random()?),
        };
        if let Some(shown) = &shown {
            let hash = hasher.hash(STREAM_KEY, shown.reveal()).to_vec();
            if !kept.iter().filter(is_ours).any(|key| key.hash == hash) {
                let old = kept.iter().filter(is_ours).find(|key| key.name == FIRST).map(|key| key.id);
                store.add_key(room.clone(), FIRST.to_owned(), hash, now, old).await?;
                kept = store.keys().await?;
            }
        }
        Ok((Self { hasher: hasher.clone(), store: store.clone(), all: RwLock::new(kept) }, shown))
    }

    /// Which key the text is. Looks at every key, whichever fits, so that time tells nothing.
    pub(crate) fn find(&self, key: &str) -> Option<KeyId> {
        let hash = self.hasher.hash(STREAM_KEY, key);
        self.read(|all| {
            all.iter().fold(None, |found, kept| {
                let same: bool = subtle::ConstantTimeEq::ct_eq(&hash[..], &kept.hash[..]).into();
                found.or(same.then_some(kept.id))
            })
        })
    }

    /// The room that the key opens; `None` where the key is no more.
    pub(crate) fn room(&self, id: KeyId) -> Option<RoomId> {
        self.read(|all| all.iter().find(|key| key.id == id).map(|key| key.room.clone()))
    }

    /// The room's keys, oldest first; `publishing` is the one that is in use.
    pub(crate) fn list(&self, room: &RoomId, publishing: Option<KeyId>) -> Vec<StreamKey> {
        let entry = |key: &KeptKey| StreamKey { publishing: publishing == Some(key.id), ..entry(key) };
        self.read(|all| all.iter().filter(|key| key.room == *room).map(entry).collect())
    }

    /// Makes a key.
    pub(crate) async fn add(&self, room: &RoomId, name: String) -> Result<(StreamKey, Secret), NotMade> {
        if self.list(room, None).len() >= MAX_KEYS {
            return Err(NotMade::TooMany);
        }
        self.make(room, name, None).await
    }

    /// Makes a key of the same name in its place. The old one is good for nothing from now on.
    pub(crate) async fn rotate(&self, room: &RoomId, id: KeyId) -> Result<(StreamKey, Secret), NotMade> {
        let mut listed = self.list(room, None).into_iter();
        let old = listed.find(|key| key.id == id).ok_or(NotMade::NoSuchKey)?;
        self.make(room, old.name, Some(id)).await
    }

    /// A key for the program that bundles the relay: the one that it knows, or a new one where that was replaced or
    /// taken back. What the owner did over the API holds, whatever the program remembers.
    pub(crate) async fn for_bundler(&self, room: &RoomId, known: Secret) -> Result<Secret, NotMade> {
        if self.find(known.reveal()).and_then(|id| self.room(id)).as_ref() == Some(room) {
            return Ok(known);
        }
        let before = self.list(room, None).into_iter().find(|key| key.name == BUNDLER);
        let (_, made) = self.make(room, BUNDLER.to_owned(), before.map(|key| key.id)).await?;
        Ok(made)
    }

    /// Takes a key back. Says whether the room had it.
    pub(crate) async fn revoke(&self, room: &RoomId, id: KeyId) -> Result<bool, Error> {
        if self.room(id).as_ref() != Some(room) {
            return Ok(false);
        }
        let dropped = self.store.drop_key(id).await?;
        self.write(|all| all.retain(|key| key.id != id));
        Ok(dropped)
    }

    async fn make(
        &self,
        room: &RoomId,
        name: String,
        old: Option<KeyId>,
    ) -> Result<(StreamKey, Secret), NotMade> {
        let secret = Secret::random()?;
        let hash = self.hasher.hash(STREAM_KEY, secret.reveal()).to_vec();
        let made_at: UnixMillis = clock::now_millis();
        let added = self.store.add_key(room.clone(), name.clone(), hash.clone(), made_at, old).await?;
        let id = added.ok_or(NotMade::NameTaken)?;
        let key = KeptKey { id, room: room.clone(), name, hash, made_at };
        let made = entry(&key);
        self.write(|all| {
            all.retain(|key| Some(key.id) != old);
            all.push(key);
        });
        Ok((made, secret))
    }

    fn read<T>(&self, read: impl FnOnce(&[KeptKey]) -> T) -> T {
        // Nobody panics halfway through a change: each is one call on the list.
        read(&self.all.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, write: impl FnOnce(&mut Vec<KeptKey>)) {
        write(&mut self.all.write().unwrap_or_else(PoisonError::into_inner));
    }
}

fn entry(key: &KeptKey) -> StreamKey {
    StreamKey { id: key.id, name: key.name.clone(), made_at: key.made_at, publishing: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Place;

    /// A database in a folder that is gone with it.
    struct Shelf(std::path::PathBuf);

    impl Shelf {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("footlight-keys-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Shelf {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[tokio::test]
    async fn the_only_key_of_an_older_relay_stays_good_until_it_is_taken_back() {
        let shelf = Shelf::new("older");
        let (store, _writer) = Store::open(Place::of(&shelf.0, None)).await.unwrap();
        let (hasher, room) = (Hasher::new(b"hash key"), RoomId::default());
        store.set_secret(STREAM_KEY, hasher.hash(STREAM_KEY, "an older key").to_vec()).await.unwrap();
        let (keys, shown) = Keys::open(&store, &hasher, &room, None).await.unwrap();
        assert_eq!(shown, None);
        let id = keys.find("an older key").unwrap();
        assert_eq!(keys.list(&room, Some(id))[0].name, FIRST);
        assert!(keys.revoke(&room, id).await.unwrap());
        assert_eq!((keys.find("an older key"), keys.room(id)), (None, None));
        // Nor does it come back, and a room without a key gets one.
        let (keys, shown) = Keys::open(&store, &hasher, &room, None).await.unwrap();
        assert_eq!(keys.find("an older key"), None);
        assert!(keys.find(shown.unwrap().reveal()).is_some_and(|new| new != id));
    }

    #[tokio::test]
    async fn the_key_that_is_handed_in_replaces_the_first_and_no_other() {
        let shelf = Shelf::new("given");
        let (store, _writer) = Store::open(Place::of(&shelf.0, None)).await.unwrap();
        let (hasher, room) = (Hasher::new(b"hash key"), RoomId::default());
        let open = async |given: Option<&str>| {
            Keys::open(&store, &hasher, &room, given.map(Secret::new)).await.unwrap().0
        };
        let keys = open(Some("handed in first")).await;
        let (named, second) = keys.add(&room, "OBS".to_owned()).await.unwrap();
        assert!(matches!(keys.add(&room, "OBS".to_owned()).await, Err(NotMade::NameTaken)));
        let (rotated, third) = keys.rotate(&room, named.id).await.unwrap();
        assert_eq!((rotated.name.as_str(), keys.find(second.reveal())), ("OBS", None));
        let keys = open(Some("handed in later")).await;
        assert_eq!(keys.find("handed in first"), None);
        assert!(keys.find("handed in later").is_some());
        assert_eq!(keys.find(third.reveal()), Some(rotated.id));
        // One that is there already, whatever its name, is left as it is.
        let before = keys.list(&room, None);
        assert_eq!(open(Some(third.reveal())).await.list(&room, None), before);
        assert!(!keys.revoke(&"other".parse().unwrap(), rotated.id).await.unwrap());
        // The program that bundles the relay goes on with a key of its own, and never with one that was taken back.
        let known = Secret::new("handed in later");
        assert_eq!(keys.for_bundler(&room, known.clone()).await.unwrap(), known);
        let default = keys.find(known.reveal()).unwrap();
        let (_, replaced) = keys.rotate(&room, default).await.unwrap();
        let own = keys.for_bundler(&room, known.clone()).await.unwrap();
        assert_eq!(keys.find(known.reveal()), None);
        assert!(keys.find(replaced.reveal()).is_some());
        let named = keys.list(&room, None).into_iter().find(|key| Some(key.id) == keys.find(own.reveal()));
        assert_eq!(named.unwrap().name, BUNDLER);
        let again = keys.for_bundler(&room, known).await.unwrap();
        assert_eq!((keys.find(own.reveal()), keys.find(again.reveal()).is_some()), (None, true));
        let before = keys.list(&room, None);
        for n in before.len()..MAX_KEYS {
            keys.add(&room, format!("key {n}")).await.unwrap();
        }
        assert!(matches!(keys.add(&room, "one more".to_owned()).await, Err(NotMade::TooMany)));
    }
}
