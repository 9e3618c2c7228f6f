//! What the address of a viewer's page names.

use footlight_protocol::{ReplayId, RoomId};

/// The room: the path's first segment.
pub fn room(path: &str) -> RoomId {
    segments(path).next().and_then(|room| room.parse().ok()).unwrap_or_default()
}

/// The room of `/overlay/{room}`.
pub fn overlay(path: &str) -> RoomId {
    segments(path).nth(1).and_then(|room| room.parse().ok()).unwrap_or_default()
}

/// The broadcast of `/{room}/replay/{id}`; none where the id cannot be one.
pub fn replay(path: &str) -> Option<ReplayId> {
    segments(path).nth(2)?.parse().ok()
}

/// The media time that a link asks for (`#t=90`, seconds), in milliseconds.
pub fn start_ms(hash: &str) -> u64 {
    let seconds = hash.strip_prefix("#t=").and_then(|seconds| seconds.parse::<f64>().ok());
    seconds.filter(|seconds| *seconds > 0.0).map_or(0, |seconds| (seconds * 1_000.0) as u64)
}

/// The secret of an invitation (`#invite=…`).
pub fn invitation(hash: &str) -> Option<String> {
    let secret = hash.strip_prefix("#invite=")?;
    let fits = (1..=64).contains(&secret.len())
        && secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    fits.then(|| secret.to_owned())
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_names_the_room_and_the_replay() {
        for (path, of, id) in [
            ("/main", "main", None),
            ("/cooking/", "cooking", None),
            ("/", "main", None),
            ("", "main", None),
            ("/%2e", "main", None),
            ("/cooking/replay/a1B2", "cooking", Some("a1B2")),
            ("/main/replay/a1B2/", "main", Some("a1B2")),
            ("/main/replay/not-an-id", "main", None),
        ] {
            assert_eq!(room(path).as_str(), of, "{path}");
            assert_eq!(replay(path).as_ref().map(ReplayId::as_str), id, "{path}");
        }
    }

    #[test]
    fn an_overlay_is_of_a_room() {
        for (path, of) in [("/overlay/cooking", "cooking"), ("/overlay", "main"), ("/overlay/A", "main")] {
            assert_eq!(overlay(path).as_str(), of, "{path}");
        }
    }

    #[test]
    fn a_link_may_name_a_time() {
        for (hash, ms) in [("#t=90", 90_000), ("#t=1.5", 1_500), ("#t=-1", 0), ("#t=x", 0), ("#", 0), ("", 0)]
        {
            assert_eq!(start_ms(hash), ms, "{hash}");
        }
    }

    #[test]
    fn an_invitation_is_what_the_relay_makes_and_nothing_else() {
        assert_eq!(invitation("#invite=aB3-_x"), Some("aB3-_x".to_owned()));
        let long = format!("#invite={}", "a".repeat(65));
        for hash in ["", "#", "#invite=", "#t=90", "#invite=a b", "#invite=<b>", "#invite=%20", &long] {
            assert_eq!(invitation(hash), None, "{hash}");
        }
    }
}
