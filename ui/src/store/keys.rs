//! The room's stream keys as the creator's window shows them. A key's text is here only after it was made,
//! until the creator has put it away.

use footlight_protocol::key::{NewStreamKey, StreamKey};
use footlight_protocol::{Failure, KeyId};

#[derive(Debug, Clone)]
pub enum KeysEvent {
    /// Something was asked of the relay.
    Asked,
    Listed(Vec<StreamKey>),
    /// A key was made, in place of another or anew.
    Made {
        new: NewStreamKey,
        instead: Option<KeyId>,
    },
    Revoked(KeyId),
    Failed(Failure),
    /// The creator thinks about a key: a second press does it.
    Considered(Option<Sure>),
    /// The new key was copied or is not needed: its text is forgotten.
    PutAway,
}

/// What the creator is about to do, which cuts off whoever publishes with the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sure {
    Rotate(KeyId),
    Revoke(KeyId),
}

#[derive(Debug, Clone, Default)]
pub struct Keys {
    /// None before the relay has answered.
    pub list: Option<Vec<StreamKey>>,
    pub new: Option<NewStreamKey>,
    pub sure: Option<Sure>,
    pub busy: bool,
    pub failure: Option<Failure>,
}

impl Keys {
    pub fn apply(&mut self, event: KeysEvent) {
        match event {
            KeysEvent::Asked => {
                self.busy = true;
                (self.failure, self.sure) = (None, None);
            }
            KeysEvent::Considered(sure) => self.sure = sure,
            KeysEvent::PutAway => self.new = None,
            KeysEvent::Listed(list) => {
                self.busy = false;
                self.list = Some(list);
            }
            KeysEvent::Made { new, instead } => {
                self.busy = false;
                let list = self.list.get_or_insert_default();
                match list.iter_mut().find(|key| Some(key.id) == instead) {
                    Some(old) => *old = new.entry.clone(),
                    None => list.push(new.entry.clone()),
                }
                self.new = Some(new);
            }
            KeysEvent::Revoked(id) => {
                self.busy = false;
                self.list.get_or_insert_default().retain(|key| key.id != id);
                self.new.take_if(|new| new.entry.id == id);
            }
            KeysEvent::Failed(failure) => {
                self.busy = false;
                self.failure = Some(failure);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use footlight_protocol::Code;

    use super::*;

    fn key(id: u64, name: &str) -> StreamKey {
        StreamKey { id: KeyId(id), name: name.to_owned(), made_at: 0, publishing: false }
    }

    fn new(id: u64, name: &str) -> NewStreamKey {
        NewStreamKey { entry: key(id, name), key: format!("secret-{id}") }
    }

    #[test]
    fn a_key_is_shown_once_and_replaced_in_its_place() {
        let mut keys = Keys::default();
        keys.apply(KeysEvent::Asked);
        assert!(keys.busy);
        keys.apply(KeysEvent::Listed(vec![key(1, "app"), key(2, "OBS")]));
        keys.apply(KeysEvent::Considered(Some(Sure::Rotate(KeyId(1)))));
        keys.apply(KeysEvent::Asked);
        assert_eq!(keys.sure, None);
        keys.apply(KeysEvent::Made { new: new(3, "app"), instead: Some(KeyId(1)) });
        let ids = |keys: &Keys| keys.list.iter().flatten().map(|key| key.id.0).collect::<Vec<_>>();
        assert_eq!(ids(&keys), [3, 2]);
        assert_eq!(keys.new.as_ref().unwrap().key, "secret-3");
        keys.apply(KeysEvent::PutAway);
        assert_eq!(keys.new, None);
        keys.apply(KeysEvent::Made { new: new(4, "phone"), instead: None });
        assert_eq!(ids(&keys), [3, 2, 4]);
        keys.apply(KeysEvent::Revoked(KeyId(4)));
        assert_eq!((ids(&keys), keys.new.is_some()), (vec![3, 2], false));
    }

    #[test]
    fn a_failure_changes_nothing_but_says_why() {
        let mut keys = Keys::default();
        keys.apply(KeysEvent::Listed(vec![key(1, "app")]));
        keys.apply(KeysEvent::Asked);
        keys.apply(KeysEvent::Failed(Failure::new(Code::Full, "full")));
        assert!(!keys.busy && keys.failure.is_some());
        assert_eq!(keys.list.unwrap().len(), 1);
    }
}
