//! The stream key, the owner token and the keys of other destinations, in a file that only its owner can read.
//!
//! The relay keeps hashes, so this is the only place where the keys stand. They are never logged, and only
//! `--json` prints them.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use footlight_protocol::DestinationId;
use footlight_protocol::destination::Key;
use footlight_relay::Secret;
use serde::{Deserialize, Serialize};

/// The keys of the bundled relay, and of other destinations.
#[derive(Clone)]
pub(crate) struct Secrets {
    pub(crate) stream_key: Secret,
    pub(crate) owner_token: Secret,
    /// The stream key is the environment's: it holds whatever the relay knows.
    pub(crate) given: bool,
    pub(crate) destinations: BTreeMap<DestinationId, Key>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    stream_key: String,
    owner_token: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    destinations: BTreeMap<DestinationId, Key>,
}

impl Secrets {
    /// From the data folder, or made now and kept there. The environment's FOOTLIGHT_STREAM_KEY and
    /// FOOTLIGHT_OWNER_TOKEN stand above the file and are not written to it.
    pub(crate) fn load(data: &Path) -> Result<Self> {
        let path = data.join("secrets.toml");
        let mut secrets = if path.exists() {
            Self::read(&path)?
        } else {
            let (stream_key, owner_token) = (Secret::random()?, Secret::random()?);
            let secrets = Self { stream_key, owner_token, given: false, destinations: BTreeMap::new() };
            secrets.keep(&path).with_context(|| format!("keep the keys in {}", path.display()))?;
            secrets
        };
        let given = |name| std::env::var(name).ok().filter(|value| !value.is_empty()).map(Secret::new);
        if let Some(key) = given("FOOTLIGHT_STREAM_KEY") {
            (secrets.stream_key, secrets.given) = (key, true);
        }
        if let Some(token) = given("FOOTLIGHT_OWNER_TOKEN") {
            secrets.owner_token = token;
        }
        Ok(secrets)
    }

    fn read(path: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("read the keys in {}", path.display()))?;
        // The cause would quote the file's text.
        let file: File = toml::from_str(&text).map_err(|_| {
            anyhow::anyhow!("the keys in {} are damaged; delete it to make new ones", path.display())
        })?;
        let (stream_key, owner_token) = (Secret::new(file.stream_key), Secret::new(file.owner_token));
        Ok(Self { stream_key, owner_token, given: false, destinations: file.destinations })
    }

    /// Remembers the stream key that the relay gave for one that is no longer good.
    pub(crate) fn renew(&mut self, data: &Path, key: Secret) -> Result<()> {
        self.stream_key = key;
        let mut kept = self.clone();
        // An owner token of the environment stands above the file, too, and is not written to it.
        if std::env::var("FOOTLIGHT_OWNER_TOKEN").is_ok_and(|value| !value.is_empty()) {
            kept.owner_token = Self::read(&data.join("secrets.toml"))?.owner_token;
        }
        kept.replace(data)
    }

    /// Remembers a destination's key, or none any more.
    pub(crate) fn set_destination(
        &mut self,
        data: &Path,
        id: &DestinationId,
        key: Option<Key>,
    ) -> Result<()> {
        match key {
            Some(key) => self.destinations.insert(id.clone(), key),
            None => self.destinations.remove(id),
        };
        // What the environment gave is not written down.
        let mut kept = Self::read(&data.join("secrets.toml"))?;
        kept.destinations.clone_from(&self.destinations);
        kept.replace(data)
    }

    /// Puts these keys in the place of the file's.
    fn replace(&self, data: &Path) -> Result<()> {
        let (path, draft) = (data.join("secrets.toml"), data.join("secrets.new"));
        let _ = fs::remove_file(&draft);
        self.keep(&draft)?;
        fs::rename(&draft, &path).with_context(|| format!("keep the keys in {}", path.display()))
    }

    fn keep(&self, path: &Path) -> Result<()> {
        let file = File {
            stream_key: self.stream_key.reveal().to_owned(),
            owner_token: self.owner_token.reveal().to_owned(),
            destinations: self.destinations.clone(),
        };
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut out = options.open(path)?;
        out.write_all(toml::to_string(&file)?.as_bytes())?;
        out.sync_all()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_once_and_only_the_owner_can_read_them() {
        let data = std::env::temp_dir().join(format!("footlight-secrets-{}", std::process::id()));
        fs::create_dir_all(&data).unwrap();
        let first = Secrets::load(&data).unwrap();
        let second = Secrets::load(&data).unwrap();
        assert_eq!(first.stream_key.reveal(), second.stream_key.reveal());
        assert_ne!(first.stream_key.reveal(), first.owner_token.reveal());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(data.join("secrets.toml")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let mut renewed = second.clone();
        renewed.renew(&data, Secret::new("another")).unwrap();
        let third = Secrets::load(&data).unwrap();
        assert_eq!((third.stream_key.reveal(), third.given), ("another", false));
        assert_eq!(third.owner_token.reveal(), first.owner_token.reveal());
        let (mut kept, id) = (third, "d1".parse::<DestinationId>().unwrap());
        kept.set_destination(&data, &id, Some(Key::new("live_1?a=b").unwrap())).unwrap();
        let fourth = Secrets::load(&data).unwrap();
        assert_eq!(fourth.destinations[&id].reveal(), "live_1?a=b");
        assert_eq!(fourth.stream_key.reveal(), "another");
        kept.set_destination(&data, &id, None).unwrap();
        assert!(Secrets::load(&data).unwrap().destinations.is_empty());
        fs::write(data.join("secrets.toml"), "stream_key = \"abc").unwrap();
        let error = format!("{:#}", Secrets::load(&data).err().unwrap());
        assert!(error.contains("damaged") && !error.contains("abc"), "{error}");
        fs::remove_dir_all(data).unwrap();
    }
}
