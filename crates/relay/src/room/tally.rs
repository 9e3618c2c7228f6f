//! Who gave how much since the broadcast went on the air. In memory: a relay that starts anew begins another broadcast.

use std::collections::HashMap;

use footlight_protocol::gift::Giver;
use footlight_protocol::room::Member;
use footlight_protocol::{Seq, UserId};

/// Givers that are counted in one broadcast. Full ⇒ who comes then stands on the boards of the day and the week alone.
const MOST: usize = 10_000;

/// After the end it stays as it was, until somebody goes on the air again.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// The first event that is counted, while somebody is on the air.
    from: Option<Seq>,
    givers: HashMap<UserId, (String, i64)>,
}

impl Tally {
    /// A broadcast goes on the air; the room's next event is its first.
    pub(super) fn begin(&mut self, next: Seq) {
        self.givers.clear();
        self.from = Some(next);
    }

    pub(super) fn end(&mut self) {
        self.from = None;
    }

    /// Coins that were given by the event `at`, or, below 0, given back of it.
    pub(super) fn add(&mut self, by: &Member, at: Seq, coins: i64) {
        if self.from.is_none_or(|from| at < from) {
            return;
        }
        if self.givers.len() >= MOST && !self.givers.contains_key(&by.id) {
            return;
        }
        let (name, given) = self.givers.entry(by.id.clone()).or_default();
        by.name.clone_into(name);
        *given = given.saturating_add(coins);
    }

    pub(super) fn rename(&mut self, user: &UserId, new: &str) {
        if let Some((name, _)) = self.givers.get_mut(user) {
            new.clone_into(name);
        }
    }

    pub(super) fn erase(&mut self, user: &UserId) {
        self.givers.remove(user);
    }

    /// Those who gave most, most first.
    pub(super) fn most(&self, count: usize) -> Vec<Giver> {
        let coins = |given: i64| u64::try_from(given).unwrap_or(0);
        let mut all: Vec<_> = self.givers.iter().filter(|(_, (_, given))| *given > 0).collect();
        all.sort_unstable_by(|(a, (_, x)), (b, (_, y))| y.cmp(x).then_with(|| a.cmp(b)));
        all.truncate(count);
        let giver = |(user, (name, given)): (&UserId, &(String, i64))| Giver {
            user: user.clone(),
            name: name.clone(),
            coins: coins(*given),
        };
        all.into_iter().map(giver).collect()
    }
}

#[cfg(test)]
mod tests {
    use footlight_protocol::room::Role;

    use super::*;

    #[test]
    fn a_broadcast_counts_what_is_given_in_it_and_not_given_back() {
        let member = |id: &str| Member::new(id.parse().unwrap(), id.to_uppercase(), Role::Guest);
        let most = |tally: &Tally| {
            tally.most(2).into_iter().map(|giver| (giver.name, giver.coins)).collect::<Vec<_>>()
        };
        let mut tally = Tally::default();
        tally.add(&member("ann"), Seq(3), 9);
        assert_eq!(most(&tally), [], "nobody is on the air");
        tally.begin(Seq(5));
        for (who, at, coins) in
            [("ann", 5, 7), ("bob", 6, 20), ("cem", 7, 1), ("bob", 6, -20), ("ann", 3, -9)]
        {
            tally.add(&member(who), Seq(at), coins);
        }
        assert_eq!(most(&tally), [("ANN".to_owned(), 7), ("CEM".to_owned(), 1)]);
        tally.end();
        tally.add(&member("cem"), Seq(9), 50);
        tally.rename(&member("ann").id, "Anna");
        assert_eq!(most(&tally)[0], ("Anna".to_owned(), 7), "after the end it stays");
        tally.begin(Seq(10));
        assert_eq!(most(&tally), []);
    }
}
