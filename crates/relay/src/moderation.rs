//! Who may say and do what: decisions on values, no I/O.

use std::collections::HashMap;

use footlight_protocol::room::{Action, MAX_TIMEOUT, Role, UnixMillis};
use footlight_protocol::{Code, Failure, UserId};

use crate::store::Sanction;

/// The room's sanctions.
#[derive(Debug, Default)]
pub(crate) struct Sanctions(HashMap<UserId, Sanction>);

impl Sanctions {
    pub(crate) fn new(kept: Vec<(UserId, Sanction)>) -> Self {
        Self(kept.into_iter().collect())
    }

    pub(crate) fn is_banned(&self, user: &UserId) -> bool {
        self.0.get(user) == Some(&Sanction::Banned)
    }

    pub(crate) fn muted_until(&self, user: &UserId, now: UnixMillis) -> Option<UnixMillis> {
        match self.0.get(user) {
            Some(Sanction::MutedUntil(until)) if *until > now => Some(*until),
            _ => None,
        }
    }

    pub(crate) fn set(&mut self, user: UserId, sanction: Sanction) {
        self.0.insert(user, sanction);
    }

    pub(crate) fn pardon(&mut self, user: &UserId) {
        self.0.remove(user);
    }
}

/// Whether the person may talk now; if not, why and for how many milliseconds.
pub(crate) fn may_talk(
    sanctions: &Sanctions,
    user: &UserId,
    now: UnixMillis,
) -> Result<(), (Failure, Option<u32>)> {
    if sanctions.is_banned(user) {
        return Err((banned(), None));
    }
    match sanctions.muted_until(user, now) {
        Some(until) => Err((
            Failure::new(Code::TimedOut, "You are timed out and cannot write for now"),
            Some(u32::try_from(until - now).unwrap_or(u32::MAX)),
        )),
        None => Ok(()),
    }
}

/// Whether `actor` may do this to somebody of role `target`.
pub(crate) fn may_moderate(
    actor: Role,
    me: &UserId,
    target: Option<(&UserId, Role)>,
    action: &Action,
) -> Result<(), Failure> {
    if actor < Role::Moderator {
        return Err(Failure::new(Code::Forbidden, "Only the owner and moderators can do this"));
    }
    if let Some((user, role)) = target
        && matches!(action, Action::Timeout { .. } | Action::Ban { .. })
    {
        if user == me {
            return Err(Failure::new(Code::Forbidden, "You cannot do this to yourself"));
        }
        if role >= actor {
            return Err(Failure::new(
                Code::Forbidden,
                "You cannot do this to the owner or another moderator",
            ));
        }
    }
    match action {
        Action::Timeout { seconds, .. } if !(1..=MAX_TIMEOUT).contains(seconds) => {
            Err(Failure::new(Code::Malformed, format!("A timeout is 1 to {MAX_TIMEOUT} seconds")))
        }
        _ => Ok(()),
    }
}

pub(crate) fn banned() -> Failure {
    Failure::new(Code::Banned, "You are banned from this room")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: &str) -> UserId {
        id.parse().unwrap()
    }

    #[test]
    fn the_timed_out_are_told_for_how_long() {
        let mut sanctions = Sanctions::default();
        sanctions.set(user("a"), Sanction::MutedUntil(10_000));
        sanctions.set(user("b"), Sanction::Banned);
        let refused =
            |id: &str, now| may_talk(&sanctions, &user(id), now).err().map(|(f, after)| (f.code, after));
        assert_eq!(refused("a", 4_000), Some((Code::TimedOut, Some(6_000))));
        assert_eq!(refused("a", 10_000), None);
        assert_eq!(refused("b", 0), Some((Code::Banned, None)));
        assert_eq!(refused("c", 0), None);
    }

    #[test]
    fn moderation_goes_down_the_ranks_only() {
        let (me, them) = (user("me"), user("them"));
        let ban = Action::Ban { user: them.clone() };
        let code = |actor, target, action: &Action| {
            may_moderate(actor, &me, target, action).err().map(|failure| failure.code)
        };
        for (actor, target, expected) in [
            (Role::Guest, Role::Guest, Some(Code::Forbidden)),
            (Role::Moderator, Role::Guest, None),
            (Role::Moderator, Role::Moderator, Some(Code::Forbidden)),
            (Role::Owner, Role::Moderator, None),
            (Role::Moderator, Role::Owner, Some(Code::Forbidden)),
        ] {
            assert_eq!(code(actor, Some((&them, target)), &ban), expected, "{actor:?} {target:?}");
        }
        assert_eq!(code(Role::Owner, Some((&me, Role::Owner)), &ban), Some(Code::Forbidden));
        for (seconds, ok) in [(0, false), (1, true), (MAX_TIMEOUT, true), (MAX_TIMEOUT + 1, false)] {
            let timeout = Action::Timeout { user: them.clone(), seconds };
            assert_eq!(code(Role::Owner, Some((&them, Role::Guest)), &timeout).is_none(), ok, "{seconds}");
        }
    }
}
