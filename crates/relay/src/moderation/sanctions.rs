//! Who may say and do what: decisions on values, no I/O.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::IpAddr;

use footlight_protocol::room::{Action, MAX_TIMEOUT, Role, UnixMillis};
use footlight_protocol::{Code, Failure, UserId};

use crate::store::Sanction;

/// Addresses of the banned that are remembered. Full ⇒ the oldest is forgotten.
const ADDRESSES: usize = 1024;
/// People who went and whose address is remembered, for a ban that comes late. Full ⇒ the oldest is forgotten.
const GONE: usize = 1024;

/// The room's sanctions.
#[derive(Debug, Default)]
pub(crate) struct Sanctions {
    of: HashMap<UserId, Sanction>,
    /// Where the banned chatted from when they were banned; in memory only, oldest first.
    addresses: VecDeque<(UserId, IpAddr)>,
    /// Networks that are banned, by the name that only the relay's key leads to, and with whom.
    networks: HashMap<String, HashSet<UserId>>,
    /// Where those were who went last; in memory only, oldest first.
    gone: VecDeque<(UserId, IpAddr)>,
}

impl Sanctions {
    pub(crate) fn new(kept: Vec<(UserId, Sanction)>, networks: Vec<(String, UserId)>) -> Self {
        let mut sanctions = Self { of: kept.into_iter().collect(), ..Self::default() };
        for (network, user) in networks {
            sanctions.ban_network(network, user);
        }
        sanctions
    }

    pub(crate) fn ban_network(&mut self, network: String, with: UserId) {
        self.networks.entry(network).or_default().insert(with);
    }

    /// Whether there is any: else nobody's has to be looked for.
    pub(crate) fn bans_networks(&self) -> bool {
        !self.networks.is_empty()
    }

    pub(crate) fn is_network_banned(&self, network: &str) -> bool {
        self.networks.contains_key(network)
    }

    /// Somebody left from there.
    pub(crate) fn left(&mut self, user: &UserId, address: IpAddr) {
        self.gone.retain(|(one, _)| one != user);
        if self.gone.len() == GONE {
            self.gone.pop_front();
        }
        self.gone.push_back((user.clone(), address));
    }

    /// Where somebody was who is not here.
    pub(crate) fn last_seen(&self, user: &UserId) -> Option<IpAddr> {
        self.gone.iter().find(|(one, _)| one == user).map(|(_, address)| *address)
    }

    pub(crate) fn is_banned(&self, user: &UserId) -> bool {
        self.of.get(user) == Some(&Sanction::Banned)
    }

    /// Remembers where somebody who is banned was.
    pub(crate) fn was_at(&mut self, user: &UserId, addresses: &[IpAddr]) {
        for address in addresses.iter().filter(|address| !address.is_loopback()) {
            if self.addresses.len() == ADDRESSES {
                self.addresses.pop_front();
            }
            self.addresses.push_back((user.clone(), *address));
        }
    }

    /// Whether somebody may not watch: one who is banned, and one who does not say who they are at an address of the
    /// banned. On the loopback interface everybody has the same address.
    pub(crate) fn bars(&self, user: Option<&UserId>, address: IpAddr) -> bool {
        match user {
            Some(user) => self.is_banned(user),
            None => self.addresses.iter().any(|(_, of_banned)| *of_banned == address),
        }
    }

    pub(crate) fn muted_until(&self, user: &UserId, now: UnixMillis) -> Option<UnixMillis> {
        match self.of.get(user) {
            Some(Sanction::MutedUntil(until)) if *until > now => Some(*until),
            _ => None,
        }
    }

    pub(crate) fn set(&mut self, user: UserId, sanction: Sanction) {
        self.of.insert(user, sanction);
    }

    /// Somebody is erased: a ban goes on under another name.
    pub(crate) fn erase(&mut self, user: &UserId, alias: &UserId) {
        if self.of.remove(user) == Some(Sanction::Banned) {
            self.of.insert(alias.clone(), Sanction::Banned);
        }
        for (banned, _) in self.addresses.iter_mut().filter(|(banned, _)| banned == user) {
            *banned = alias.clone();
        }
        for with in self.networks.values_mut() {
            if with.remove(user) {
                with.insert(alias.clone());
            }
        }
        self.gone.retain(|(one, _)| one != user);
    }

    pub(crate) fn pardon(&mut self, user: &UserId) {
        self.of.remove(user);
        self.addresses.retain(|(banned, _)| banned != user);
        self.networks.retain(|_, with| {
            with.remove(user);
            !with.is_empty()
        });
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
    if matches!(action, Action::Appoint { .. }) && actor < Role::Owner {
        return Err(Failure::new(Code::Forbidden, "Only the owner can do this"));
    }
    // What puts nobody down may be done to everybody.
    if let Some((user, role)) = target
        && !matches!(action, Action::Pardon { .. })
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
        Action::Appoint { role: Role::Owner, .. } => {
            Err(Failure::new(Code::Forbidden, "A room has one owner, who has the owner token"))
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
    fn the_banned_do_not_watch_on_without_a_name() {
        let (here, there): (IpAddr, IpAddr) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let mut sanctions = Sanctions::default();
        sanctions.set(user("a"), Sanction::Banned);
        sanctions.was_at(&user("a"), &[here, [127, 0, 0, 1].into()]);
        for (who, address, barred) in [
            (Some("a"), there, true),
            (None, here, true),
            (None, there, false),
            // Somebody else of the same household, and everybody on this machine.
            (Some("b"), here, false),
            (None, [127, 0, 0, 1].into(), false),
        ] {
            assert_eq!(sanctions.bars(who.map(user).as_ref(), address), barred, "{who:?} {address}");
        }
        for n in 0..ADDRESSES {
            sanctions.was_at(&user("c"), &[[10, 0, (n >> 8) as u8, n as u8].into()]);
        }
        assert!(!sanctions.bars(None, here), "the oldest is forgotten");
        sanctions.was_at(&user("a"), &[here]);
        sanctions.pardon(&user("a"));
        assert!(!sanctions.bars(None, here) && !sanctions.bars(Some(&user("a")), here));
    }

    #[test]
    fn moderation_goes_down_the_ranks_only() {
        let (me, them) = (user("me"), user("them"));
        let ban = Action::Ban { user: them.clone(), range: false };
        let code = |actor, target, action: &Action| {
            may_moderate(actor, &me, target, action).err().map(|failure| failure.code)
        };
        for (actor, target, expected) in [
            (Role::Guest, Role::Guest, Some(Code::Forbidden)),
            (Role::Vip, Role::Guest, Some(Code::Forbidden)),
            (Role::Moderator, Role::Guest, None),
            (Role::Moderator, Role::Vip, None),
            (Role::Moderator, Role::Moderator, Some(Code::Forbidden)),
            (Role::Owner, Role::Moderator, None),
            (Role::Moderator, Role::Owner, Some(Code::Forbidden)),
        ] {
            assert_eq!(code(actor, Some((&them, target)), &ban), expected, "{actor:?} {target:?}");
        }
        assert_eq!(code(Role::Owner, Some((&me, Role::Owner)), &ban), Some(Code::Forbidden));
        // A mark would take the place of a moderator's.
        for mark in [Action::Trust { user: them.clone() }, Action::Unmark { user: them.clone() }] {
            assert_eq!(code(Role::Moderator, Some((&them, Role::Moderator)), &mark), Some(Code::Forbidden));
        }
        let appoint = |role| Action::Appoint { user: them.clone(), role };
        for (actor, role, expected) in [
            (Role::Owner, Role::Moderator, None),
            (Role::Owner, Role::Owner, Some(Code::Forbidden)),
            (Role::Moderator, Role::Vip, Some(Code::Forbidden)),
        ] {
            assert_eq!(code(actor, Some((&them, Role::Guest)), &appoint(role)), expected);
        }
        for (seconds, ok) in [(0, false), (1, true), (MAX_TIMEOUT, true), (MAX_TIMEOUT + 1, false)] {
            let timeout = Action::Timeout { user: them.clone(), seconds };
            assert_eq!(code(Role::Owner, Some((&them, Role::Guest)), &timeout).is_none(), ok, "{seconds}");
        }
    }

    #[test]
    fn a_network_is_banned_as_long_as_one_is_with_whom_it_was() {
        let mut sanctions = Sanctions::new(Vec::new(), vec![("n1".to_owned(), user("a"))]);
        sanctions.ban_network("n1".to_owned(), user("b"));
        sanctions.pardon(&user("a"));
        assert!(sanctions.bans_networks() && sanctions.is_network_banned("n1"));
        sanctions.erase(&user("b"), &user("alias"));
        sanctions.pardon(&user("b"));
        assert!(sanctions.is_network_banned("n1"), "nobody can say any more whose it was");
        sanctions.pardon(&user("alias"));
        assert!(!sanctions.bans_networks());
        for n in 0..=GONE {
            sanctions.left(&user(&format!("u{n}")), [192, 0, 2, 1].into());
        }
        assert!(sanctions.last_seen(&user("u0")).is_none() && sanctions.last_seen(&user("u1")).is_some());
    }
}
