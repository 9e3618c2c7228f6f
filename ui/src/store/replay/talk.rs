//! What was said and given in a broadcast, at its time. What moderators did has been done to it by the relay.

use std::sync::Arc;

use footlight_protocol::MessageId;
use footlight_protocol::replay::Timed;
use footlight_protocol::room::{EventKind, Member};
use footlight_protocol::spend::Paid;
use footlight_protocol::talk::Quote;

use crate::store::sky::{self, Flyer};

/// Lines that are shown at once, the newest ones.
pub const MAX_LINES: usize = 400;
/// Below so many messages there is no curve to draw.
const CURVE_FROM: usize = 12;

/// One message, or a gift.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    pub id: MessageId,
    /// Media time.
    pub at_ms: u64,
    pub by: Member,
    pub text: String,
    /// What it answers.
    pub quote: Option<Box<Quote>>,
    /// As it flies over the picture.
    pub flyer: Flyer,
}

/// All of them, in order of time.
#[derive(Debug, Clone, Default)]
pub struct Talk {
    said: Vec<Arc<Said>>,
}

impl Talk {
    pub fn add(&mut self, events: Vec<Timed>) {
        for Timed { at_ms, event } in events {
            if let EventKind::Refunded { gift, .. } = event.kind {
                self.said.retain(|said| said.id.0 != gift.0);
                continue;
            }
            let Some(flyer) = sky::timed(at_ms, &event) else { continue };
            let (by, text, quote) = match event.kind {
                EventKind::Said { by, text, reply, .. } => (by, text, reply),
                EventKind::Paid(Paid { by, text, .. }) => (by, text, None),
                EventKind::Gifted { by, gift, count, .. } => (by, format!("{} ×{count}", gift.icon), None),
                _ => continue,
            };
            self.said.push(Arc::new(Said { id: MessageId(event.seq.0), at_ms, by, text, quote, flyer }));
        }
        // The relay's clock may have been set meanwhile.
        self.said.sort_by_key(|said| (said.at_ms, said.id.0));
    }

    pub fn all(&self) -> &[Arc<Said>] {
        &self.said
    }

    /// How many had been said until then.
    pub fn until(&self, at_ms: u64) -> usize {
        self.said.partition_point(|said| said.at_ms <= at_ms)
    }

    /// The newest of the first `count`.
    pub fn window(&self, count: usize) -> &[Arc<Said>] {
        let count = count.min(self.said.len());
        &self.said[count.saturating_sub(MAX_LINES)..count]
    }

    /// How lively it was in each of `slots` equal stretches, from 0 to 1; nothing where there was too little to tell.
    pub fn curve(&self, duration_ms: u64, slots: usize) -> Vec<f64> {
        if self.said.len() < CURVE_FROM || duration_ms == 0 || slots == 0 {
            return Vec::new();
        }
        let mut counts = vec![0.0; slots];
        for said in &self.said {
            let slot = (said.at_ms as f64 / duration_ms as f64 * slots as f64) as usize;
            counts[slot.min(slots - 1)] += 1.0;
        }
        // One message in a quiet minute is no peak: neighbours are looked at together.
        let near =
            |at: usize| (at.saturating_sub(2)..(at + 3).min(slots)).map(|slot| counts[slot]).sum::<f64>();
        let smooth: Vec<f64> = (0..slots).map(near).collect();
        let most = smooth.iter().copied().fold(1.0, f64::max);
        smooth.into_iter().map(|count| count / most).collect()
    }
}

#[cfg(test)]
mod tests {
    use footlight_protocol::Seq;
    use footlight_protocol::gift::{Gift, Show};
    use footlight_protocol::room::{Event, Role};

    use super::*;

    fn member() -> Member {
        Member::new("u1".parse().unwrap(), "Ada".into(), Role::Guest)
    }

    fn timed(seq: u64, at_ms: u64, text: &str) -> Timed {
        let kind = EventKind::Said { by: member(), text: text.into(), nonce: None, fly: None, reply: None };
        Timed { at_ms, event: Event { seq: Seq(seq), at: 1_000_000 + at_ms, kind } }
    }

    fn texts(said: &[Arc<Said>]) -> Vec<&str> {
        said.iter().map(|said| said.text.as_str()).collect()
    }

    #[test]
    fn a_gift_is_there_unless_it_was_given_back() {
        let rose = Gift {
            id: "rose".parse().unwrap(),
            name: String::new(),
            icon: "🌹".into(),
            price: 1,
            show: Show::Small,
            per_hour: None,
        };
        let gifted = |seq: u64| {
            let (by, gift) = (member(), rose.clone());
            let kind = EventKind::Gifted { by, gift, count: 2, coins: 2, entry: seq, nonce: None };
            Timed { at_ms: 100 * seq, event: Event { seq: Seq(seq), at: 0, kind } }
        };
        let back = EventKind::Refunded { gift: Seq(1), to: member(), coins: 2, entry: 3 };
        let mut talk = Talk::default();
        talk.add(vec![gifted(1), gifted(2)]);
        assert_eq!(texts(talk.all()), ["🌹 ×2", "🌹 ×2"]);
        talk.add(vec![Timed { at_ms: 300, event: Event { seq: Seq(3), at: 0, kind: back } }]);
        assert_eq!(talk.all().iter().map(|said| said.id.0).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn a_time_knows_what_had_been_said() {
        let mut talk = Talk::default();
        talk.add(vec![timed(1, 500, "one"), timed(2, 2_000, "two")]);
        let banned = EventKind::Banned { user: member(), range: false };
        talk.add(vec![
            Timed { at_ms: 2_500, event: Event { seq: Seq(3), at: 0, kind: banned } },
            timed(4, 3_000, "three"),
        ]);
        for (at_ms, heard) in [
            (0, &[][..]),
            (500, &["one"]),
            (1_999, &["one"]),
            (2_600, &["one", "two"]),
            (99_000, &["one", "two", "three"]),
        ] {
            assert_eq!(texts(talk.window(talk.until(at_ms))), heard, "{at_ms}");
        }
    }

    #[test]
    fn a_clock_that_was_set_back_changes_no_order_of_time() {
        let mut talk = Talk::default();
        talk.add(vec![timed(1, 5_000, "late"), timed(2, 1_000, "early"), timed(3, 1_000, "next")]);
        assert_eq!(texts(talk.all()), ["early", "next", "late"]);
    }

    #[test]
    fn the_lines_shown_are_bounded() {
        let mut talk = Talk::default();
        talk.add((1..=1_000).map(|seq| timed(seq, seq, "x")).collect());
        let shown = talk.window(talk.until(900));
        assert_eq!((shown.len(), shown.last().unwrap().id.0), (MAX_LINES, 900));
        assert_eq!(talk.window(5_000).last().unwrap().id.0, 1_000);
    }

    #[test]
    fn the_curve_shows_where_it_was_lively() {
        let mut talk = Talk::default();
        talk.add((1..=3).map(|seq| timed(seq, 100, "x")).collect());
        assert!(talk.curve(10_000, 10).is_empty(), "three messages make no curve");
        talk.add((4..=40).map(|seq| timed(seq, 7_500, "x")).collect());
        let curve = talk.curve(10_000, 10);
        assert_eq!((curve.len(), curve[7]), (10, 1.0));
        assert!(curve[0] < 0.2 && curve[4] == 0.0, "{curve:?}");
        // What was said after the last picture belongs to the end.
        talk.add(vec![timed(41, 10_400, "bye")]);
        assert_eq!(talk.curve(10_000, 10).len(), 10);
    }
}
