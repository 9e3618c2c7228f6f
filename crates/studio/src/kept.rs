//! What the studio keeps as a file of JSON for the next time.

use std::fmt::Debug;
use std::path::Path;
use std::{fs, io};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// As it was kept; none where there is nothing. What cannot be read, or does not pass the `check`, is set aside under another
/// name and told in the log, where it is called `what`.
pub(crate) fn read<T: DeserializeOwned, M: Debug>(
    path: &Path,
    what: &str,
    check: impl FnOnce(&T) -> Result<(), M>,
) -> Option<T> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) => {
            if error.kind() != io::ErrorKind::NotFound {
                tracing::warn!(%error, path = %path.display(), "{what} cannot be read");
            }
            return None;
        }
    };
    let read = serde_json::from_slice::<T>(&text).map_err(|error| error.to_string());
    match read.and_then(|kept| check(&kept).map(|()| kept).map_err(|misfit| format!("{misfit:?}"))) {
        Ok(kept) => Some(kept),
        Err(error) => {
            let set = fs::rename(path, path.with_extension("json.unreadable")).is_ok();
            tracing::warn!(error, set_aside = set, path = %path.display(), "{what} makes no sense");
            None
        }
    }
}

/// Keeps it. A failure is told in the log: it holds until the studio closes.
pub(crate) fn write(path: &Path, what: &str, value: &impl Serialize) {
    // Renamed into place: a full disk or a crash leaves the old one.
    let draft = path.with_extension("json.new");
    let folder = path.parent().unwrap_or(Path::new(""));
    let kept = serde_json::to_vec_pretty(value)
        .map_err(io::Error::from)
        .and_then(|text| fs::create_dir_all(folder).and_then(|()| fs::write(&draft, text)))
        .and_then(|()| fs::rename(&draft, path));
    if let Err(error) = kept {
        tracing::warn!(%error, "{what} holds only until the studio closes");
    }
}
