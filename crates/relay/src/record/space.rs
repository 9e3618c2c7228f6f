//! How much space there is: the disk's, and what recordings may take of it.

use std::path::Path;
use std::time::Duration;

use footlight_protocol::room::Pause;

use crate::config::Recording as Config;

/// A recording that is paused goes on when so much is there, rather than for each file that somebody deletes.
const ENOUGH: u64 = 32 << 20;

/// A disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Disk {
    /// Bytes that this process may still write.
    pub(super) free: u64,
    pub(super) total: u64,
}

/// The disk that holds the folder; `None` where the system does not tell.
#[cfg(unix)]
pub(super) fn disk(folder: &Path) -> Option<Disk> {
    let told = rustix::fs::statvfs(folder).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(told.f_frsize);
    Some(Disk { free: bytes(told.f_bavail), total: bytes(told.f_blocks) })
}

#[cfg(not(unix))]
pub(super) fn disk(_: &Path) -> Option<Disk> {
    None
}

/// What is left to record into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Left {
    budget: u64,
    disk: u64,
}

impl Left {
    /// `used` is what all recordings and clips have.
    pub(super) fn of(config: &Config, disk: Option<Disk>, used: u64) -> Self {
        let percent = disk
            .filter(|_| config.disk_budget_percent < 100)
            .map(|disk| disk.total / 100 * u64::from(config.disk_budget_percent));
        let budget = [config.disk_budget_bytes, percent].into_iter().flatten().min();
        Self {
            budget: budget.map_or(u64::MAX, |budget| budget.saturating_sub(used)),
            disk: disk.map_or(u64::MAX, |disk| disk.free.saturating_sub(config.min_free_bytes)),
        }
    }

    /// Why nothing more may be written, where it was `paused` before or not. What is written until it is asked again
    /// goes over the limit.
    pub(super) fn pause(&self, paused: bool) -> Option<Pause> {
        let short = |left: u64| if paused { left < ENOUGH } else { left == 0 };
        match (short(self.disk), short(self.budget)) {
            (true, _) => Some(Pause::DiskFull),
            (_, true) => Some(Pause::BudgetSpent),
            _ => None,
        }
    }

    /// Until that is so, where older recordings of `reclaimable` bytes make place under the budget.
    pub(super) fn full_in(&self, rate: u64, reclaimable: u64) -> Option<Duration> {
        let left = self.budget.saturating_add(reclaimable).min(self.disk);
        let bytes = rate / 8;
        (left < u64::MAX && bytes > 0).then(|| Duration::from_secs(left / bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smaller_limit_counts() {
        let config = Config { disk_budget_percent: 50, min_free_bytes: 1_000, ..Config::default() };
        let disk = Some(Disk { free: 60_000, total: 100_000 });
        let left = Left::of(&config, disk, 10_000);
        assert_eq!(left, Left { budget: 40_000, disk: 59_000 });
        assert_eq!(left.full_in(8_000, 5_000), Some(Duration::from_secs(45)));
        assert_eq!(left.full_in(8_000, 500_000), Some(Duration::from_secs(59)));
        assert_eq!(left.full_in(0, 0), None);
        assert_eq!(left.pause(false), None);
        assert_eq!(left.pause(true), Some(Pause::DiskFull), "not enough to go on");
        let spent = Config { disk_budget_bytes: Some(10_000), ..config };
        assert_eq!(Left::of(&spent, disk, 10_000).pause(false), Some(Pause::BudgetSpent));
        let full = Some(Disk { free: 1_000, total: 100_000 });
        assert_eq!(Left::of(&config, full, 10_000).pause(false), Some(Pause::DiskFull));
        let unlimited = Config { disk_budget_percent: 100, ..config };
        assert_eq!(Left::of(&unlimited, None, 10_000).full_in(8_000, 0), None);
    }
}
