//! What a viewer's player reports of the packets that it was sent: transport-wide feedback
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01), held against when they were sent.

use std::collections::VecDeque;
use std::time::Instant;

use footlight_media::congestion::Report;
use str0m::rtp::rtcp::Twcc;

/// Sent packets that are remembered until they are reported: 3 s at 3 Mbit/s. Older ones count as unknown.
const HISTORY: usize = 1024;

#[derive(Debug, Clone, Copy)]
struct Sent {
    at: i64,
    size: u16,
    /// Its arrival was reported.
    done: bool,
}

#[derive(Debug)]
pub(crate) struct Reports {
    sent: VecDeque<Sent>,
    /// Number of the one behind the newest, extended past its 16 bits.
    next: u64,
    /// What arrivals are counted from; only their differences matter.
    zero: Instant,
    read: Vec<Report>,
}

impl Reports {
    pub(crate) fn new(zero: Instant) -> Self {
        Self { sent: VecDeque::new(), next: 0, zero, read: Vec::new() }
    }

    /// A packet with this transport-wide number left, µs.
    pub(crate) fn sent(&mut self, number: u16, size: usize, now: i64) {
        let ahead = number.wrapping_sub(self.next as u16);
        if ahead != 0 {
            // Numbers are consecutive; others were used while nobody looked.
            self.sent.clear();
            self.next += u64::from(ahead);
        }
        if self.sent.len() == HISTORY {
            self.sent.pop_front();
        }
        self.sent.push_back(Sent { at: now, size: size.min(usize::from(u16::MAX)) as u16, done: false });
        self.next += 1;
    }

    /// What the feedback says of packets that are remembered, in the order in which they were sent.
    pub(crate) fn read(&mut self, feedback: Twcc) -> &[Report] {
        self.read.clear();
        let Some(newest) = self.next.checked_sub(1) else { return &self.read };
        let first = self.next - self.sent.len() as u64;
        for (number, _, arrived) in feedback.into_iter(self.zero, newest.into()) {
            let place = number.checked_sub(first).and_then(|place| usize::try_from(place).ok());
            let Some(sent) = place.and_then(|place| self.sent.get_mut(place)).filter(|sent| !sent.done)
            else {
                continue;
            };
            // Reported as lost now, it may still be reported as arrived later.
            sent.done = arrived.is_some();
            let arrived = arrived.map(|at| at.duration_since(self.zero).as_micros() as i64);
            self.read.push(Report { sent: sent.at, arrived, size: usize::from(sent.size) });
        }
        &self.read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feedback(base: u16, arrived: &[bool]) -> Twcc {
        use str0m::rtp::rtcp::Twcc;
        // As on the wire: a run-length chunk each, then the deltas in quarters of a millisecond.
        let mut bytes = vec![0; 0];
        let deltas: Vec<u8> = arrived.iter().filter(|one| **one).map(|_| 40).collect();
        bytes.extend(base.to_be_bytes());
        bytes.extend((arrived.len() as u16).to_be_bytes());
        bytes.extend([0, 0, 1, 0]);
        for one in arrived {
            bytes.extend((1u16 | u16::from(*one) << 13).to_be_bytes());
        }
        bytes.extend(&deltas);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        let mut body = vec![0; 8];
        body.extend(bytes);
        Twcc::try_from(&body[..]).unwrap()
    }

    #[test]
    fn reports_are_held_against_what_was_sent_over_the_wrap() {
        let mut reports = Reports::new(Instant::now());
        for n in 0..70_000u32 {
            reports.sent(n as u16, 1000, i64::from(n) * 1000);
        }
        let last = 69_999u32;
        let read = reports.read(feedback((last - 3) as u16, &[true, false, true, true])).to_vec();
        let sent: Vec<i64> = read.iter().map(|report| report.sent / 1000).collect();
        assert_eq!(sent, [69_996, 69_997, 69_998, 69_999]);
        let arrived: Vec<i64> = read.iter().filter_map(|report| report.arrived).collect();
        assert_eq!(arrived, [74_000, 84_000, 94_000]);
        // What was lost may be reported once more, what arrived not.
        let again = reports.read(feedback((last - 3) as u16, &[true, true])).to_vec();
        assert_eq!(again.len(), 1);
        assert!(reports.read(feedback(1, &[true])).is_empty(), "long forgotten");
    }
}
