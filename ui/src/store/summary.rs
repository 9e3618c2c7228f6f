//! What a broadcast was like: counted while it runs, shown when it is over.

use std::collections::HashSet;

use footlight_protocol::room::EventKind;
use footlight_protocol::studio::Health;
use footlight_protocol::{Seq, UserId};

/// Points of a line at most. A longer broadcast has coarser ones.
const MOST_POINTS: usize = 240;
/// People that are told apart at most; more are "more than so many".
pub const MOST_PEOPLE: usize = 20_000;

/// Something that is drawn as a line: one value a second, gathered to at most [`MOST_POINTS`] means.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    points: Vec<f32>,
    /// Values that a point stands for.
    step: u32,
    sum: f32,
    count: u32,
}

impl Default for Line {
    fn default() -> Self {
        Self { points: Vec::new(), step: 1, sum: 0.0, count: 0 }
    }
}

impl Line {
    pub fn push(&mut self, value: f32) {
        self.sum += value;
        self.count += 1;
        if self.count < self.step {
            return;
        }
        self.points.push(self.sum / self.count as f32);
        (self.sum, self.count) = (0.0, 0);
        if self.points.len() > MOST_POINTS {
            let halves = self.points.chunks_exact(2).map(|two| (two[0] + two[1]) / 2.0);
            // The odd one is the beginning of the next.
            let odd = self.points.chunks_exact(2).remainder().first().copied();
            (self.sum, self.count) = odd.map_or((0.0, 0), |odd| (odd * self.step as f32, self.step));
            self.points = halves.collect();
            self.step *= 2;
        }
    }

    /// From the first to the last second.
    pub fn points(&self) -> &[f32] {
        &self.points
    }

    pub fn highest(&self) -> f32 {
        self.points.iter().copied().fold(0.0, f32::max)
    }
}

/// One broadcast. Times are milliseconds since the Unix epoch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    pub since: f64,
    pub until: f64,
    pub viewers: Line,
    pub peak: u32,
    /// In kbit/s.
    pub rate: Line,
    /// Pictures that no viewer saw, in each second.
    pub lost: Line,
    pub lost_total: u64,
    pub encoded: u64,
    pub messages: u64,
    pub gifts: u64,
    pub coins: u64,
    pub members: u64,
    /// Messages of each minute.
    said: Vec<u32>,
    people: HashSet<UserId>,
    /// What was heard last: the tail after a break is not counted twice.
    heard: Option<Seq>,
}

impl Summary {
    pub fn begin(since: f64) -> Self {
        Self { since, until: since, ..Self::default() }
    }

    /// Once a second.
    pub fn look(&mut self, viewers: u32, health: &Health, now: f64) {
        let lost = health.skipped_frames + health.dropped_frames;
        self.until = now;
        self.viewers.push(viewers as f32);
        self.peak = self.peak.max(viewers);
        self.rate.push(health.bitrate_kbps as f32);
        self.lost.push(lost.saturating_sub(self.lost_total) as f32);
        (self.lost_total, self.encoded) = (lost, health.encoded_frames);
    }

    /// Something that happened in the room.
    pub fn hear(&mut self, seq: Seq, at: f64, kind: &EventKind) {
        if self.heard.is_some_and(|heard| seq <= heard) || at < self.since {
            return;
        }
        self.heard = Some(seq);
        match kind {
            EventKind::Said { by, .. } => {
                self.messages += 1;
                self.speaks(&by.id);
                let minute = ((at - self.since) / 60_000.0) as usize;
                // A day: past it the minutes are not told apart any more.
                if minute < 24 * 60 {
                    self.said.resize(self.said.len().max(minute + 1), 0);
                    self.said[minute] += 1;
                }
            }
            EventKind::Gifted { by, count, coins, .. } => {
                self.gifts += u64::from(*count);
                self.coins += coins;
                self.speaks(&by.id);
            }
            EventKind::Refunded { coins, .. } => self.coins = self.coins.saturating_sub(*coins),
            EventKind::Paid(paid) => {
                self.messages += 1;
                self.coins += paid.coins;
                self.speaks(&paid.by.id);
            }
            EventKind::BecameMember(member) => {
                self.members += 1;
                self.coins += member.coins;
                self.speaks(&member.by.id);
            }
            _ => {}
        }
    }

    fn speaks(&mut self, id: &UserId) {
        if self.people.len() < MOST_PEOPLE {
            self.people.insert(id.clone());
        }
    }

    /// How many people took part: wrote, or gave.
    pub fn people(&self) -> usize {
        self.people.len()
    }

    pub fn seconds(&self) -> u64 {
        ((self.until - self.since).max(0.0) / 1_000.0) as u64
    }

    /// Of a hundred pictures, how many no viewer saw.
    pub fn lost_percent(&self) -> f64 {
        let all = self.encoded + self.lost_total;
        if all == 0 { 0.0 } else { self.lost_total as f64 * 100.0 / all as f64 }
    }

    /// The minute in which most was said, and how much: of a few messages nothing can be said.
    pub fn liveliest(&self) -> Option<(u64, u32)> {
        let (minute, said) =
            self.said.iter().enumerate().max_by_key(|(minute, said)| (**said, usize::MAX - minute))?;
        (*said >= 5).then_some((minute as u64, *said))
    }
}

/// A line as the points of an SVG polyline, in a box of so many units; flat where all is 0.
pub fn polyline(line: &Line, (width, height): (f32, f32)) -> String {
    let points = line.points();
    let (highest, last) = (line.highest().max(1.0), (points.len().max(2) - 1) as f32);
    let at = |(n, value): (usize, &f32)| {
        let (x, y) = (n as f32 * width / last, height - value * height / highest);
        format!("{x:.1},{y:.1}")
    };
    points.iter().enumerate().map(at).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use footlight_protocol::room::{Member, Role};

    #[test]
    fn a_long_line_gets_coarser_and_loses_nothing() {
        let mut line = Line::default();
        for n in 0..10_000 {
            line.push(n as f32);
        }
        assert!((MOST_POINTS / 2..=MOST_POINTS).contains(&line.points().len()), "{}", line.points().len());
        let step = line.step as f32;
        for (n, point) in line.points().iter().enumerate() {
            assert_eq!(*point, n as f32 * step + (step - 1.0) / 2.0);
        }
        assert_eq!(polyline(&Line::default(), (10.0, 5.0)), "");
        let mut short = Line::default();
        [0.0, 4.0, 2.0].into_iter().for_each(|value| short.push(value));
        assert_eq!(polyline(&short, (10.0, 8.0)), "0.0,8.0 5.0,0.0 10.0,4.0");
    }

    fn said(id: &str) -> EventKind {
        let by = Member::new(id.parse().unwrap(), id.to_owned(), Role::Guest);
        EventKind::Said { by, text: "hi".to_owned(), nonce: None, fly: None, reply: None }
    }

    #[test]
    fn what_happens_is_counted_once() {
        let mut summary = Summary::begin(1_000.0);
        summary.hear(Seq(4), 900.0, &said("early"));
        for n in 0..6 {
            summary.hear(Seq(10 + n), 121_500.0, &said(if n % 2 == 0 { "ada" } else { "bo" }));
        }
        summary.hear(Seq(12), 121_500.0, &said("ada"));
        assert_eq!((summary.messages, summary.people()), (6, 2));
        assert_eq!(summary.liveliest(), Some((2, 6)));
        let health = |encoded, skipped| Health {
            encoded_frames: encoded,
            skipped_frames: skipped,
            ..Health::default()
        };
        summary.look(3, &health(30, 0), 2_000.0);
        summary.look(1, &health(58, 2), 3_000.0);
        assert_eq!((summary.peak, summary.lost_total, summary.seconds()), (3, 2, 2));
        assert_eq!(summary.lost.points(), [0.0, 2.0]);
        assert!((summary.lost_percent() - 2.0 / 60.0 * 100.0).abs() < 1e-9);
        assert_eq!(Summary::begin(0.0).liveliest(), None);
    }
}
