//! The destinations that are kept: added, changed, switched and removed by the window, in force at once.
//!
//! What they are stands in the settings, their keys in the secrets. A key is only ever sent to the address that it was
//! given for: another address wants the key anew.

use std::sync::PoisonError;

use footlight_protocol::destination::{Address, Destination, Draft, Key, MAX_DESTINATIONS, Misfit};
use footlight_protocol::{Code, DestinationId, Failure};
use footlight_studio::{Outlet, Secret};

use crate::desk::{Desk, known};
use crate::flags::target;

impl Desk {
    /// Everywhere that a broadcast may go to: home first.
    pub(crate) async fn outlets(&self) -> Vec<Outlet> {
        let mut outlets = self.home().await;
        let keys = known(&self.secrets).destinations;
        let kept = self.kept().into_iter().map(|destination| {
            let key = keys.get(&destination.id).map(|key| Secret::new(key.reveal()));
            // Checked when it was read and when it was changed.
            let address = Address::parse(&destination.url).ok();
            let target = key.zip(address).map(|(key, at)| target(at.protocol, at.url.to_owned(), key));
            Outlet { destination, home: false, target }
        });
        outlets.extend(kept);
        outlets
    }

    /// Adds a destination, or changes the one with this id. Without a key the one that is known stays.
    pub(crate) async fn put_destination(&self, draft: Draft, key: Option<Key>) -> Result<(), Failure> {
        let key = key.map(|key| Key::new(key.reveal())).transpose().map_err(misfit)?;
        let kept = self.kept();
        let id = match draft.id {
            Some(id) => id,
            None => free_id(&kept).ok_or_else(|| misfit(Misfit::TooMany))?,
        };
        let before = kept.iter().find(|known| known.id == id);
        let destination = Destination {
            id: id.clone(),
            platform: draft.platform,
            name: draft.name.trim().to_owned(),
            url: draft.url.trim().to_owned(),
            enabled: before.is_none_or(|before| before.enabled),
        };
        destination.check().map_err(misfit)?;
        let same = before.is_some_and(|before| before.url == destination.url);
        match key {
            Some(key) => self.remember_key(&id, Some(key)),
            None if same && known(&self.secrets).destinations.contains_key(&id) => {}
            None => return Err(misfit(Misfit::Key)),
        }
        self.remember(|file| match file.destinations.iter_mut().find(|known| known.id == id) {
            Some(known) => known.clone_from(&destination),
            None => file.destinations.push(destination.clone()),
        });
        self.studio.set_outlets(self.outlets().await);
        Ok(())
    }

    pub(crate) async fn enable_destination(&self, id: DestinationId, enabled: bool) -> Result<(), Failure> {
        self.change(|file| {
            file.iter_mut().filter(|known| known.id == id).for_each(|known| known.enabled = enabled);
        })
        .await;
        Ok(())
    }

    /// Forgets it and its key.
    pub(crate) async fn remove_destination(&self, id: DestinationId) -> Result<(), Failure> {
        self.change(|file| file.retain(|known| known.id != id)).await;
        self.remember_key(&id, None);
        Ok(())
    }

    async fn change(&self, change: impl Fn(&mut Vec<Destination>)) {
        self.remember(|file| change(&mut file.destinations));
        self.studio.set_outlets(self.outlets().await);
    }

    fn kept(&self) -> Vec<Destination> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).now.destinations.clone()
    }

    /// A failure to write is logged; the key holds for this run.
    fn remember_key(&self, id: &DestinationId, key: Option<Key>) {
        let data = self.settings.lock().unwrap_or_else(PoisonError::into_inner).data.clone();
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = secrets.set_destination(&data, id, key) {
            tracing::warn!("the key holds only until the studio closes: {error:#}");
        }
    }
}

/// The first of as many as there may be.
fn free_id(kept: &[Destination]) -> Option<DestinationId> {
    let ids = (1..=MAX_DESTINATIONS).filter_map(|n| format!("d{n}").parse().ok());
    let mut free = ids.filter(|id| !kept.iter().any(|known| known.id == *id));
    free.next().filter(|_| kept.len() < MAX_DESTINATIONS)
}

fn misfit(misfit: Misfit) -> Failure {
    Failure::new(Code::BadSetting, misfit.to_string())
}
