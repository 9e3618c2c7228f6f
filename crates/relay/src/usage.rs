//! What the relay takes of its machine: CPU, memory, disk and network, sampled once a second into the metrics.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;

const SAMPLE: Duration = Duration::from_secs(1);

/// Samples until cancelled.
pub(crate) struct Sampler {
    /// Its disk is the one that is watched.
    pub(crate) folder: PathBuf,
    pub(crate) metrics: Arc<Metrics>,
}

/// What only grows, at one instant.
#[derive(Clone, Copy)]
struct Sums {
    at: Instant,
    cpu: Duration,
    bytes_in: u64,
    bytes_out: u64,
}

impl Sampler {
    pub(crate) async fn run(self, cancel: CancellationToken) {
        let mut tick = tokio::time::interval(SAMPLE);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut before = self.sums();
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                _ = tick.tick() => {}
            }
            let now = self.sums();
            self.rates(before, now);
            before = now;
            let (folder, metrics) = (self.folder.clone(), self.metrics.clone());
            // A network file system may take its time.
            let looked = tokio::task::spawn_blocking(move || {
                metrics.memory.set(memory().unwrap_or(0));
                let (free, total) = disk(&folder).unwrap_or((0, 0));
                metrics.disk_free.set(free);
                metrics.disk_total.set(total);
            });
            if let Err(error) = looked.await {
                tracing::error!(%error, "the look at memory and disk failed");
            }
        }
    }

    fn sums(&self) -> Sums {
        let (bytes_in, bytes_out) = (self.metrics.bytes_in.get(), self.metrics.bytes_out.get());
        Sums { at: Instant::now(), cpu: cpu(), bytes_in, bytes_out }
    }

    fn rates(&self, before: Sums, now: Sums) {
        let millis = now.at.duration_since(before.at).as_millis() as u64;
        // The first tick is at once; there is nothing to measure yet.
        if millis == 0 {
            return;
        }
        self.metrics.cpu.set(now.cpu.as_millis() as u64);
        self.metrics.cpu_percent.set((now.cpu.saturating_sub(before.cpu)).as_millis() as u64 * 100 / millis);
        self.metrics.in_kbps.set((now.bytes_in - before.bytes_in) * 8 / millis);
        self.metrics.out_kbps.set((now.bytes_out - before.bytes_out) * 8 / millis);
    }
}

/// Time that all threads of the process have spent on a core.
#[cfg(unix)]
fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.max(0) as u64, time.tv_nsec.clamp(0, 999_999_999) as u32)
}

#[cfg(not(unix))]
fn cpu() -> Duration {
    Duration::ZERO
}

/// Resident bytes.
#[cfg(target_os = "linux")]
fn memory() -> Option<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    let resident: u64 = pages.split(' ').nth(1)?.parse().ok()?;
    Some(resident * rustix::param::page_size() as u64)
}

#[cfg(not(target_os = "linux"))]
fn memory() -> Option<u64> {
    None
}

/// Bytes that the relay may still write, and of the whole disk.
#[cfg(unix)]
fn disk(folder: &Path) -> Option<(u64, u64)> {
    let found = rustix::fs::statvfs(folder).ok()?;
    Some((found.f_bavail.saturating_mul(found.f_frsize), found.f_blocks.saturating_mul(found.f_frsize)))
}

#[cfg(not(unix))]
fn disk(_folder: &Path) -> Option<(u64, u64)> {
    None
}

/// Each viewer and each member is an open file, and what a shell gives a program is often a thousand.
pub(crate) fn raise_open_files() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let most = getrlimit(Resource::Nofile).maximum;
        // Where that is refused, there are as many as there were.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most });
    }
}
