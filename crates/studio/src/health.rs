//! Health: what the last second was like, measured where it happens and told once a second.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use footlight_protocol::studio::{Health, Phase, StudioEvent};

use crate::air::Air;
use crate::desk::Desk;
use crate::source::Slot;
use crate::worker::lock;

/// Collects from the stage.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    second: Mutex<Second>,
}

#[derive(Debug, Default)]
struct Second {
    shown: u32,
    busy: Duration,
    /// Capture to packet; a second's frames.
    delays: Vec<Duration>,
}

impl Gauge {
    pub(crate) fn shown(&self) {
        lock(&self.second).shown += 1;
    }

    /// A frame was encoded in `busy`, `delay` after its capture.
    pub(crate) fn encoded(&self, busy: Duration, delay: Duration) {
        let mut second = lock(&self.second);
        second.busy += busy;
        second.delays.push(delay);
    }
}

/// Reads the gauges; call it once a second.
pub(crate) struct Reader {
    pub(crate) gauge: Arc<Gauge>,
    pub(crate) slot: Arc<Slot>,
    pub(crate) air: Arc<Air>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) ceiling_kbps: u32,
    skipped_before: u64,
    bytes_before: u64,
    last: Instant,
}

impl Reader {
    pub(crate) fn new(
        gauge: Arc<Gauge>,
        slot: Arc<Slot>,
        air: Arc<Air>,
        desk: Arc<Desk>,
        ceiling_kbps: u32,
    ) -> Self {
        let last = Instant::now();
        Self { gauge, slot, air, desk, ceiling_kbps, skipped_before: 0, bytes_before: 0, last }
    }

    pub(crate) fn read(&mut self) {
        let second = std::mem::take(&mut *lock(&self.gauge.second));
        let time = self.last.elapsed().as_secs_f32().max(0.001);
        self.last = Instant::now();
        let mut delays = second.delays;
        delays.sort_unstable();
        let median = delays.get(delays.len() / 2).copied().unwrap_or_default();
        let tally = &self.air.tally;
        let bytes = tally.sent_bytes.load(Ordering::Relaxed);
        let sent = bytes.saturating_sub(self.bytes_before);
        self.bytes_before = bytes;
        let skipped = self.slot.skipped();
        if self.desk.snapshot().phase == Phase::Idle {
            self.skipped_before = skipped;
        }
        let health = Health {
            fps: second.shown as f32 / time,
            encoder_load: second.busy.as_secs_f32() / time,
            bitrate_kbps: (sent as f32 * 8.0 / 1000.0 / time) as u32,
            target_kbps: self.air.target_kbps().unwrap_or(self.ceiling_kbps),
            encoded_frames: tally.encoded.load(Ordering::Relaxed),
            skipped_frames: skipped - self.skipped_before,
            dropped_frames: tally.dropped.load(Ordering::Relaxed),
            encode_ms: median.as_secs_f32() * 1000.0,
            rtt_ms: self.air.rtt_ms(),
        };
        self.desk.tell(StudioEvent::Health { health });
    }
}
