//! Red packets: coins that somebody puts up for others, one share each, drawn by lot.

use footlight_protocol::room::UnixMillis;

use super::ledger::Account;

/// One that was put up, as the books have it. What is left of its coins is the balance of its account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packet {
    /// Whose coins they were; what is left goes back there.
    pub(crate) payer: Account,
    /// Shares in all …
    pub(crate) takers: u32,
    /// … and those that were drawn.
    pub(crate) drawn: u32,
    pub(crate) ends: UnixMillis,
    /// What was left went back.
    pub(crate) closed: bool,
}

impl Packet {
    pub(crate) fn can_be_drawn(&self, now: UnixMillis) -> bool {
        !self.closed && now < self.ends && self.drawn < self.takers
    }

    pub(crate) fn shares_left(&self) -> u32 {
        self.takers.saturating_sub(self.drawn)
    }

    /// Whether nothing can come of it any more.
    pub(crate) fn is_over(&self) -> bool {
        self.closed || self.drawn >= self.takers
    }
}

/// The next share: any whole number from 1 to less than twice the average of what is left, each as likely as the others,
/// and so that a coin is left for each share to come. The last share is all that is left. So everybody can expect the
/// same to within a coin, whenever they come, and the shares sum up to what was put in. `dice` are random bits, so many
/// more than a share has values that none of these is noticeably likelier.
pub(crate) fn share(left: u64, shares: u32, dice: u128) -> u64 {
    let shares = u64::from(shares.max(1));
    if shares == 1 {
        return left;
    }
    let below_twice = (left.saturating_mul(2) / shares).saturating_sub(1);
    let most = below_twice.min(left.saturating_sub(shares - 1)).max(1);
    1 + (dice % u128::from(most)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Random bits, the same in each run.
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self) -> u128 {
            let mut next = || {
                self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut z = self.0;
                z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                u128::from(z ^ (z >> 31))
            };
            next() << 64 | next()
        }
    }

    fn all(coins: u64, takers: u32, dice: &mut Dice) -> Vec<u64> {
        let mut left = coins;
        (0..takers)
            .map(|drawn| {
                let one = share(left, takers - drawn, dice.roll());
                left -= one;
                one
            })
            .collect()
    }

    #[test]
    fn shares_sum_up_and_nobody_goes_away_empty() {
        let mut dice = Dice(7);
        for (coins, takers) in
            [(1, 1), (2, 2), (100, 100), (101, 100), (7, 3), (10_000, 7), (1_000_000_000_000, 100)]
        {
            for _ in 0..200 {
                let shares = all(coins, takers, &mut dice);
                assert_eq!(shares.iter().sum::<u64>(), coins, "{shares:?}");
                assert!(shares.iter().all(|share| *share >= 1), "{shares:?}");
            }
        }
        for extreme in [0, u128::MAX] {
            let mut left = 50;
            for shares in (1..=10).rev() {
                left -= share(left, shares, extreme);
            }
            assert_eq!(left, 0);
        }
    }

    /// Whoever comes first has no more to expect than whoever comes last.
    #[test]
    fn nobody_is_better_off_for_having_been_quicker() {
        const ROUNDS: u64 = 20_000;
        let mut dice = Dice(11);
        let mut sums = [0u64; 5];
        for _ in 0..ROUNDS {
            all(1_000, 5, &mut dice).iter().zip(&mut sums).for_each(|(share, sum)| *sum += share);
        }
        for (place, sum) in sums.iter().enumerate() {
            let mean = *sum as f64 / ROUNDS as f64;
            assert!((195.0..205.0).contains(&mean), "place {place}: {mean}");
        }
    }
}
