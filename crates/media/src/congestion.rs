//! How much the network takes: a rate controller over transport-wide feedback
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01). The studio steers its encoder by it, the relay picks the layer
//! of each viewer.
//!
//! Pure: it is told the time. Video leaves in bursts, a frame at a time, so the delay is read from the first packet
//! of each burst and of that the least within a window: what remains is the queue that other traffic or our own
//! rate keeps standing. A queue that stands or grows lowers the rate below what was acknowledged, deep enough to
//! drain it; heavy loss lowers it too; an empty queue raises it, slowly near the rate that failed last.

use std::collections::VecDeque;

/// What became of one packet. Times are microseconds; the receiver's clock may differ from ours.
#[derive(Debug, Clone, Copy)]
pub struct Report {
    pub sent: i64,
    pub arrived: Option<i64>,
    pub size: usize,
}

/// Below this no video is worth watching, kbit/s.
const FLOOR_KBPS: f64 = 150.0;
/// Packets sent within this belong to one burst, µs.
const BURST: i64 = 5_000;
/// The least delay within this counts as standing, µs: longer than a keyframe takes to drain.
const WINDOW: i64 = 250_000;
/// The least delay within this is the empty path, µs. Limited, because clocks drift and routes change.
const BASE: i64 = 20_000_000;
/// A standing queue above this is congestion, below the second the path is free, µs.
const CONGESTED: i64 = 40_000;
const FREE: i64 = 15_000;
/// Between two decreases, µs: the first has to show in the feedback before the second is judged.
const PATIENCE: i64 = 500_000;
/// No decrease leads below this share of what arrives.
const LEAST: f64 = 0.5;
/// The acknowledged rate is measured over this, µs.
const MEASURE: i64 = 500_000;
/// Above this loss the path is overloaded, whatever the delay says. Random loss of radio links stays below.
const HEAVY_LOSS: f64 = 0.10;
/// Growth a second, and near the rate that failed last.
const GROWTH: f64 = 0.35;
const CAREFUL: f64 = 0.08;
/// What is near the rate that failed: from below where a decrease leads to, to where it would have failed again.
const NEAR: std::ops::Range<f64> = 0.85..1.05;
/// How long a failed rate is remembered, µs.
const MEMORY: i64 = 12_000_000;

/// A change of the standing queue between the halves of the window that is more than noise, µs.
const STEP: i64 = 5_000;

/// What our packets wait behind, µs.
struct Queue {
    standing: i64,
    trend: Trend,
}

enum Trend {
    Growing,
    Steady,
    Shrinking,
}

/// What one path takes.
#[derive(Debug)]
pub struct Controller {
    ceiling: f64,
    target: f64,
    /// When a burst's first packet left, and the delay it had.
    delays: VecDeque<(i64, i64)>,
    /// Lowest delay of each past second, for the base.
    seconds: VecDeque<(i64, i64)>,
    burst: Option<i64>,
    /// Packets of late by the time they were sent: when they arrived, and their bytes.
    acked: VecDeque<(i64, Option<i64>, usize)>,
    decreased: Option<i64>,
    failed: Option<(i64, f64)>,
    last: Option<i64>,
    loss: f64,
}

impl Controller {
    /// Starts at `ceiling_kbps`: what the broadcaster asked for is what it gets until the network objects.
    pub fn new(ceiling_kbps: u32) -> Self {
        let ceiling = f64::from(ceiling_kbps).max(FLOOR_KBPS);
        Self {
            ceiling,
            target: ceiling,
            delays: VecDeque::new(),
            seconds: VecDeque::new(),
            burst: None,
            acked: VecDeque::new(),
            decreased: None,
            failed: None,
            last: None,
            loss: 0.0,
        }
    }

    /// What may be sent, in kbit/s.
    pub fn target_kbps(&self) -> u32 {
        self.target as u32
    }

    /// Smoothed loss, 0 to 1.
    pub fn loss(&self) -> f64 {
        self.loss
    }

    /// When the rate was last lowered, µs.
    pub fn lowered(&self) -> Option<i64> {
        self.decreased
    }

    /// Whether packets wait in the path, or are lost on it, more than on an empty one.
    pub fn is_filling(&self) -> bool {
        let lost = self.acked.iter().filter(|(_, arrived, _)| arrived.is_none()).count();
        lost > self.acked.len() / 20 + 1 || self.is_queueing()
    }

    /// Whether packets wait in the path: what is lost then is lost because it is full.
    pub fn is_queueing(&self) -> bool {
        self.queue().is_some_and(|queue| queue.standing > FREE)
    }

    /// Our own queue overflowed: the network takes less than it was given.
    pub fn overflowed(&mut self, now: i64) {
        self.lower(now, 0.7);
    }

    /// A receiver report's loss, where there is no transport-wide feedback.
    pub fn report_loss(&mut self, now: i64, loss: f64) {
        self.loss += (loss - self.loss) * 0.5;
        if self.loss > HEAVY_LOSS {
            self.lower(now, 1.0 - self.loss * 0.5);
        }
    }

    /// One feedback message, in the order in which packets were sent.
    pub fn feedback(&mut self, now: i64, reports: &[Report]) {
        for report in reports {
            self.take(report);
        }
        let elapsed = now - self.last.replace(now).unwrap_or(now);
        while self.acked.front().is_some_and(|(sent, ..)| *sent < self.newest() - MEASURE) {
            self.acked.pop_front();
        }
        let lost = self.acked.iter().filter(|(_, arrived, _)| arrived.is_none()).count() as f64;
        if self.acked.len() >= 10 {
            self.loss += (lost / self.acked.len() as f64 - self.loss) * 0.3;
        }
        let queue = self.queue();
        // A decrease has to show in what is judged: before that, the queue is the one that led to it.
        let shows = self.decreased.is_none_or(|at| self.delays.front().is_none_or(|(sent, _)| *sent >= at));
        let congested = queue.as_ref().filter(|_| shows).is_some_and(|queue| match queue.trend {
            Trend::Growing => queue.standing > FREE,
            Trend::Steady => queue.standing > CONGESTED,
            // What was done works: more of it would only waste the path.
            Trend::Shrinking => false,
        });
        let free = queue.as_ref().is_some_and(|queue| queue.standing < FREE);
        if congested {
            self.failed = self.acked_kbps().map(|rate| (now, rate));
            // What stands in the queue has to drain within about a second beside what is sent.
            let standing = queue.as_ref().map_or(0, |queue| queue.standing);
            self.lower(now, 0.95 - (standing as f64 / 1e6).min(0.45));
        } else if self.heavy_loss() {
            // What was acknowledged is already without what was lost.
            self.lower(now, 0.85);
        } else if free && self.decreased.is_none_or(|at| now - at > PATIENCE) {
            self.raise(now, elapsed);
        }
    }

    fn take(&mut self, report: &Report) {
        self.acked.push_back((report.sent, report.arrived, report.size));
        let Some(arrived) = report.arrived else { return };
        if self.burst.is_some_and(|start| (0..BURST).contains(&(report.sent - start))) {
            return;
        }
        self.burst = Some(report.sent);
        let delay = arrived - report.sent;
        // The receiver's clock jumped, or its counter wrapped: nothing before can be compared.
        if self.delays.back().is_some_and(|(_, before)| (delay - before).abs() > 10_000_000) {
            self.delays.clear();
            self.seconds.clear();
            self.acked.retain(|(sent, ..)| *sent == report.sent);
        }
        self.delays.push_back((report.sent, delay));
        let second = report.sent / 1_000_000;
        match self.seconds.back_mut() {
            Some((last, least)) if *last == second => *least = delay.min(*least),
            _ => self.seconds.push_back((second, delay)),
        }
        while self.delays.front().is_some_and(|(sent, _)| *sent < report.sent - WINDOW) {
            self.delays.pop_front();
        }
        while self.seconds.front().is_some_and(|(s, _)| *s < second - BASE / 1_000_000) {
            self.seconds.pop_front();
        }
    }

    /// Heavy loss among what was sent since the last decrease: that has to show before it is judged.
    fn heavy_loss(&self) -> bool {
        let since = self.decreased.unwrap_or(i64::MIN);
        let judged = self.acked.iter().filter(|(sent, ..)| *sent > since);
        let (all, lost) = judged
            .fold((0, 0), |(all, lost), (_, arrived, _)| (all + 1, lost + u32::from(arrived.is_none())));
        self.loss > HEAVY_LOSS && all >= 10 && f64::from(lost) > f64::from(all) * HEAVY_LOSS
    }

    fn newest(&self) -> i64 {
        self.acked.back().map_or(0, |(sent, ..)| *sent)
    }

    /// The standing queue; `None` where too little arrived to tell.
    fn queue(&self) -> Option<Queue> {
        let base = self.seconds.iter().map(|(_, delay)| *delay).min()?;
        let span = self.delays.back()?.0 - self.delays.front()?.0;
        if span < WINDOW * 3 / 4 || self.delays.len() < 4 {
            return None;
        }
        let middle = self.delays.front()?.0 + span / 2;
        let least = |early: bool| {
            let half = self.delays.iter().filter(|(sent, _)| (*sent < middle) == early);
            half.map(|(_, delay)| *delay - base).min()
        };
        let (early, late) = (least(true)?, least(false)?);
        let trend = match late - early {
            step if step > STEP => Trend::Growing,
            step if step < -STEP => Trend::Shrinking,
            _ => Trend::Steady,
        };
        Some(Queue { standing: early.min(late), trend })
    }

    /// At what rate packets arrived of late, in kbit/s: behind a queue that is what the path takes, whatever was sent.
    /// `None` before there is enough to tell.
    pub fn acked_kbps(&self) -> Option<f64> {
        let arrived = || self.acked.iter().filter_map(|(_, arrived, size)| Some(((*arrived)?, *size)));
        let (first, last) = (arrived().map(|(at, _)| at).min()?, arrived().map(|(at, _)| at).max()?);
        let bytes: usize = arrived().map(|(_, size)| size).sum();
        let span = last - first;
        (span > MEASURE / 2).then(|| bytes as f64 * 8000.0 / span as f64)
    }

    fn lower(&mut self, now: i64, factor: f64) {
        if self.decreased.is_some_and(|at| now - at < PATIENCE) {
            return;
        }
        self.decreased = Some(now);
        let acked = self.acked_kbps();
        let from = acked.map_or(self.target, |acked| acked.min(self.target));
        // What arrives behind a queue is what the path takes, and half of that drains any queue. An encoder that sends
        // more than it was told is not helped by being told still less.
        let least = acked.unwrap_or(0.0) * LEAST;
        self.target = (from * factor).max(least.min(self.target)).clamp(FLOOR_KBPS, self.ceiling);
    }

    fn raise(&mut self, now: i64, elapsed: i64) {
        // The encoder may need less than it is allowed; the path is proven only for what was sent.
        if self.acked_kbps().is_some_and(|acked| acked * 2.0 < self.target) {
            return;
        }
        if self.failed.is_some_and(|(at, _)| now - at > MEMORY) {
            self.failed = None;
        }
        let near = self.failed.is_some_and(|(_, rate)| NEAR.contains(&(self.target / rate)));
        let growth = if near { CAREFUL } else { GROWTH };
        let seconds = (elapsed as f64 / 1e6).clamp(0.0, 0.5);
        self.target = (self.target * (1.0 + growth * seconds)).clamp(FLOOR_KBPS, self.ceiling);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A path with one queue, and a sender that sends what the controller says.
    struct Path {
        capacity: fn(f64) -> f64,
        loss: f64,
        jitter: i64,
        /// Longest queue, µs.
        buffer: i64,
        /// By what share of the target the encoder misses it, up or down, another one each second.
        wobble: f64,
    }

    const PATH: Path = Path { capacity: |_| 6000.0, loss: 0.0, jitter: 0, buffer: 400_000, wobble: 0.0 };

    /// The target at the end of each second.
    fn run(path: &Path, seconds: usize, ceiling: u32) -> Vec<u32> {
        run_by_chance(path, seconds, ceiling, 1)
    }

    /// The same under other chances.
    fn run_by_chance(path: &Path, seconds: usize, ceiling: u32, mut seed: u64) -> Vec<u32> {
        let mut controller = Controller::new(ceiling);
        let (mut free_at, mut targets) = (0f64, Vec::new());
        let mut missed = 1.0;
        let mut random = move || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as f64 / (1u64 << 31) as f64
        };
        let mut sent: VecDeque<Report> = VecDeque::new();
        for frame in 0..seconds as i64 * 30 {
            let now = frame * 33_333;
            // Every two seconds a keyframe of six times the size.
            let share = if frame % 60 == 0 { 6.0 } else { 54.0 / 59.0 };
            if frame % 30 == 0 {
                missed = 1.0 + (random() * 2.0 - 1.0) * path.wobble;
            }
            let bytes = f64::from(controller.target_kbps()) / 8.0 * 1000.0 / 30.0 * share * missed;
            for n in 0..(bytes / 1100.0).ceil() as i64 {
                let at = now + n * 20;
                let rate = (path.capacity)(at as f64 / 1e6);
                let start = free_at.max(at as f64);
                let dropped = start - at as f64 > path.buffer as f64 || random() < path.loss;
                if !dropped {
                    free_at = start + 1100.0 * 8000.0 / rate;
                }
                let jitter = (random() * path.jitter as f64) as i64;
                // 20 ms of path, and the receiver's clock is somewhere else.
                let arrived = (!dropped).then_some(free_at as i64 + 20_000 + jitter + 5_000_000_000);
                sent.push_back(Report { sent: at, arrived, size: 1100 });
            }
            if frame % 3 == 0 {
                let seen = now - 40_000;
                let mut reports = Vec::new();
                while let Some(report) = sent.front() {
                    let known = report.arrived.map_or(report.sent + 100_000, |a| a - 5_000_000_000);
                    if known > seen {
                        break;
                    }
                    reports.push(*report);
                    sent.pop_front();
                }
                controller.feedback(now, &reports);
            }
            if frame % 30 == 29 {
                targets.push(controller.target_kbps());
            }
        }
        targets
    }

    #[test]
    fn a_free_path_gets_what_was_asked_for() {
        assert!(run(&PATH, 20, 2500).iter().all(|t| *t == 2500));
    }

    #[test]
    fn a_collapse_is_followed_and_the_way_back_is_found() {
        let path = Path { capacity: |t| if (10.0..25.0).contains(&t) { 1000.0 } else { 6000.0 }, ..PATH };
        let targets = run(&path, 50, 2500);
        assert_eq!(targets[9], 2500);
        assert!(targets[11] < 1100, "two seconds later: {targets:?}");
        let during = &targets[13..25];
        assert!(during.iter().all(|t| (400..1150).contains(t)), "{targets:?}");
        assert!(during.iter().sum::<u32>() / 12 > 650, "the path is used: {targets:?}");
        assert_eq!(targets[45], 2500, "{targets:?}");
    }

    #[test]
    fn an_encoder_that_misses_its_rate_does_not_lose_the_narrow_link() {
        let capacity = |t| if (10.0..30.0).contains(&t) { 1000.0 } else { 6000.0 };
        let path = Path { capacity, wobble: 0.5, ..PATH };
        for seed in 1..=200 {
            let targets = run_by_chance(&path, 31, 4000, seed);
            let during = &targets[16..29];
            assert!(during.iter().all(|t| *t > 450), "{seed}: {targets:?}");
            assert!(during.iter().sum::<u32>() / 13 > 600, "{seed}: {targets:?}");
        }
    }

    #[test]
    fn a_link_that_is_wide_again_is_used_within_ten_seconds() {
        let path = Path { capacity: |t| if (10.0..22.0).contains(&t) { 1000.0 } else { 6000.0 }, ..PATH };
        let targets = run(&path, 33, 4000);
        assert!(targets[12] < 1000, "three seconds later: {targets:?}");
        assert!(targets[31] >= 3200, "ten seconds later: {targets:?}");
    }

    #[test]
    fn random_loss_is_not_congestion() {
        for (loss, least) in [(0.02, 2400), (0.05, 2300)] {
            let targets = run(&Path { loss, ..PATH }, 30, 2500);
            assert!(targets.iter().all(|t| *t >= least), "{loss}: {targets:?}");
        }
    }

    #[test]
    fn jitter_is_not_congestion() {
        let targets = run(&Path { jitter: 30_000, ..PATH }, 30, 2500);
        assert!(targets.iter().all(|t| *t >= 2400), "{targets:?}");
    }

    #[test]
    fn heavy_loss_lowers_the_rate_down_to_the_floor() {
        let targets = run(&Path { loss: 0.4, ..PATH }, 30, 2500);
        assert!(targets[5] < 1800 && targets[29] >= 150, "{targets:?}");
        let narrow = run(&Path { capacity: |_| 60.0, ..PATH }, 30, 2500);
        assert!(narrow[29] >= 150 && narrow[29] < 300, "{narrow:?}");
    }

    #[test]
    fn a_path_that_drops_instead_of_queueing_is_followed_too() {
        let path = Path { capacity: |_| 1200.0, buffer: 30_000, ..PATH };
        let targets = run(&path, 40, 2500);
        assert!(targets[39] < 1700 && targets[39] > 400, "{targets:?}");
    }
}
