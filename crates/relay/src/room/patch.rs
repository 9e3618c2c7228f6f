//! What a PATCH of a media session asks for (RFC 9725 section 4.3, and the same of WHEP): more candidates, a
//! restart of ICE, or something under a condition that does not hold. Plain values.

use crate::rtc::fragment::{Credentials, Fragment};

/// The `If-Match` header (RFC 9110 section 13.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    /// `*`: whatever the ICE session is by now.
    Any,
    /// One of these, as they stand between the quotes.
    Tags(Vec<String>),
}

impl Condition {
    pub(crate) fn parse(header: &str) -> Self {
        // The examples of RFC 9725 put the star in quotes, so clients do; no tag of ours is a star.
        if matches!(header.trim(), "*" | "\"*\"") {
            return Self::Any;
        }
        // A weak tag never matches here, and its W/ keeps it from being taken for a strong one.
        let tags = header.split(',').filter_map(|tag| tag.trim().strip_prefix('"')?.strip_suffix('"'));
        Self::Tags(tags.map(str::to_owned).collect())
    }

    fn holds(&self, tag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Tags(tags) => tags.iter().any(|one| one == tag),
        }
    }
}

/// What became of a PATCH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Patched {
    /// Candidates were taken.
    Noted,
    /// ICE began anew, under a new tag; the fragment has the new credentials.
    Restarted { etag: String, fragment: String },
    /// It has to say which ICE session it means.
    Unconditional,
    /// It means an ICE session that is over.
    Outdated,
    /// One of user name and password is new, the other is not.
    HalfNew,
}

/// What to do about a PATCH.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Say(Patched),
    Restart(Credentials),
}

/// `tag` and `ice` are those of the session's current ICE session.
pub(super) fn judge(
    condition: Option<&Condition>,
    fragment: Fragment,
    tag: &str,
    ice: &Credentials,
) -> Verdict {
    match condition {
        None => return Verdict::Say(Patched::Unconditional),
        Some(condition) if !condition.holds(tag) => return Verdict::Say(Patched::Outdated),
        Some(_) => {}
    }
    match fragment.credentials {
        Some(new) if new.ufrag != ice.ufrag && new.password != ice.password => Verdict::Restart(new),
        Some(new) if new != *ice => Verdict::Say(Patched::HalfNew),
        _ => Verdict::Say(Patched::Noted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(ufrag: &str, password: &str) -> Credentials {
        Credentials { ufrag: ufrag.to_owned(), password: password.to_owned() }
    }

    #[test]
    fn conditions_are_read_as_http_writes_them() {
        let tags = |tags: &[&str]| Condition::Tags(tags.iter().map(|tag| (*tag).to_owned()).collect());
        for (header, condition) in [
            ("*", Condition::Any),
            ("\"*\"", Condition::Any),
            ("\"a\"", tags(&["a"])),
            ("\"a\", \"b\"", tags(&["a", "b"])),
            ("W/\"a\"", tags(&[])),
            ("a", tags(&[])),
            ("", tags(&[])),
        ] {
            assert_eq!(Condition::parse(header), condition, "{header}");
        }
    }

    #[test]
    fn other_credentials_are_a_restart_where_the_condition_holds() {
        let now = credentials("old1", "old-password");
        let fragment = |credentials| Fragment { credentials, candidates: 1, complete: false };
        let new = || fragment(Some(credentials("new1", "new-password")));
        let judged = |header: Option<&str>, fragment| {
            judge(header.map(Condition::parse).as_ref(), fragment, "tag", &now)
        };
        assert_eq!(judged(None, new()), Verdict::Say(Patched::Unconditional));
        assert_eq!(judged(Some("\"other\""), new()), Verdict::Say(Patched::Outdated));
        assert_eq!(judged(Some("*"), new()), Verdict::Restart(credentials("new1", "new-password")));
        assert_eq!(judged(Some("\"tag\""), new()), Verdict::Restart(credentials("new1", "new-password")));
        assert_eq!(judged(Some("\"tag\""), fragment(Some(now.clone()))), Verdict::Say(Patched::Noted));
        assert_eq!(judged(Some("*"), fragment(None)), Verdict::Say(Patched::Noted));
        let half = fragment(Some(credentials("new1", "old-password")));
        assert_eq!(judged(Some("*"), half), Verdict::Say(Patched::HalfNew));
    }
}
