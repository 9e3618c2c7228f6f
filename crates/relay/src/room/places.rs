//! Viewers who watch over plain HTTP: they have no session on the media thread, but they count, they take seats, and
//! a ban reaches them.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use footlight_protocol::UserId;
use footlight_protocol::room::UnixMillis;
use tokio_util::sync::CancellationToken;

/// A seat. It is free again when this is dropped, or when it was held until an instant that has passed.
#[derive(Debug)]
pub(crate) struct Place {
    cut: CancellationToken,
    until: Arc<AtomicU64>,
}

impl Place {
    /// Cancelled when the viewer has to go.
    pub(crate) fn cut(&self) -> &CancellationToken {
        &self.cut
    }

    /// Keeps the seat until then.
    pub(crate) fn hold(&self, until: UnixMillis) {
        self.until.store(until, Relaxed);
    }

    pub(crate) fn is_held(&self, now: UnixMillis) -> bool {
        self.until.load(Relaxed) > now
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.until.store(0, Relaxed);
    }
}

struct Taken {
    user: Option<UserId>,
    address: IpAddr,
    cut: CancellationToken,
    until: Arc<AtomicU64>,
}

/// The room's side of them.
#[derive(Default)]
pub(super) struct Places(Vec<Taken>);

impl Places {
    /// Takes a seat, held for good until [`Place::hold`] says otherwise.
    pub(super) fn sit(&mut self, user: Option<UserId>, address: IpAddr) -> Place {
        let (cut, until) = (CancellationToken::new(), Arc::new(AtomicU64::new(u64::MAX)));
        self.0.push(Taken { user, address, cut: cut.clone(), until: until.clone() });
        Place { cut, until }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn at_address(&self, address: IpAddr) -> usize {
        self.0.iter().filter(|taken| taken.address == address).count()
    }

    /// Who sits where.
    pub(super) fn addresses(&self) -> impl Iterator<Item = (Option<&UserId>, IpAddr)> {
        self.0.iter().map(|taken| (taken.user.as_ref(), taken.address))
    }

    /// Frees the seats of those who are gone, and names them.
    pub(super) fn sweep(&mut self, now: UnixMillis) -> Vec<Option<UserId>> {
        let is_gone = |taken: &mut Taken| taken.until.load(Relaxed) <= now || taken.cut.is_cancelled();
        self.0.extract_if(.., is_gone).map(|taken| taken.user).collect()
    }

    /// Sends those away that `theirs` names, by person and address. Their seats are free at the next sweep.
    pub(super) fn cut_off(&self, theirs: impl Fn(Option<&UserId>, IpAddr) -> bool) {
        for taken in self.0.iter().filter(|taken| theirs(taken.user.as_ref(), taken.address)) {
            taken.cut.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_is_free_when_its_viewer_is_gone() {
        let mut places = Places::default();
        let here: IpAddr = [192, 0, 2, 1].into();
        let (stays, leaves, polls) = (places.sit(None, here), places.sit(None, here), places.sit(None, here));
        drop(leaves);
        polls.hold(1_000);
        assert_eq!(places.sweep(999).len(), 1);
        assert_eq!((places.len(), places.at_address(here)), (2, 2));
        assert!(polls.is_held(999) && !polls.is_held(1_000));
        assert_eq!((places.sweep(1_000).len(), places.len()), (1, 1));
        places.cut_off(|user, address| user.is_none() && address == here);
        assert!(stays.cut().is_cancelled() && places.sweep(1_001) == [None]);
    }
}
