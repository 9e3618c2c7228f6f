//! What files are called: the local time at which they begin.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use footlight_media::Time;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Files of one second. More are refused, so that a folder that answers nonsense ends the search.
const MOST: u32 = 999;

/// `2026-12-01 14-30-05` for people in this zone.
pub(super) fn stem(at: Time, zone: TimeZone) -> String {
    let micros = i64::try_from(at.as_micros()).unwrap_or_default();
    let at = Timestamp::from_microsecond(micros).unwrap_or_default();
    at.to_zoned(zone).strftime("%Y-%m-%d %H-%M-%S").to_string()
}

/// Makes a file of this name that was not there; where one was, it is called `… (2)` and so on.
pub(super) fn make(folder: &Path, stem: &str) -> io::Result<(File, PathBuf)> {
    std::fs::create_dir_all(folder)?;
    for n in 1..=MOST {
        let name = if n == 1 { format!("{stem}.mp4") } else { format!("{stem} ({n}).mp4") };
        let path = folder.join(name);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// A path's last part, for people.
pub(super) fn last(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_local_times_and_nothing_is_overwritten() {
        let at = Time::from_micros(1_796_135_405_999_999);
        assert_eq!(stem(at, TimeZone::UTC), "2026-12-01 14-30-05");
        let east = TimeZone::fixed(jiff::tz::offset(8));
        assert_eq!(stem(at, east.clone()), "2026-12-01 22-30-05");

        let folder = std::env::temp_dir().join(format!("footlight-names-{}", std::process::id()));
        let inside = folder.join("not yet there");
        let names: Vec<String> =
            (0..3).map(|_| last(&make(&inside, &stem(at, east.clone())).unwrap().1)).collect();
        assert_eq!(
            names,
            ["2026-12-01 22-30-05.mp4", "2026-12-01 22-30-05 (2).mp4", "2026-12-01 22-30-05 (3).mp4"]
        );
        assert!(make(&inside.join(&names[0]), "below a file").is_err());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
