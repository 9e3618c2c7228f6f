//! Which comment flies in which lane, so that no two of a lane ever meet.
//!
//! Where something is depends on the media time alone: pausing, seeking and another speed need nothing said. What
//! comes one by one (a live broadcast) and what is known from the beginning (a replay) is planned alike. When there is
//! no lane left, whoever ranks lowest gives way, and is counted.

use std::sync::Arc;

use footlight_protocol::danmaku::Place;
use footlight_protocol::{Seq, UserId};

use super::{Flyer, Rank, Sky};

/// How long what stands in the middle stands there, as a share of a flight.
const STANDS: f64 = 0.6;

/// What is to fly, and where.
#[derive(Debug, Clone, Default)]
pub struct Flight {
    sky: Sky,
    /// All of it, with its length in heights of a letter, in the order in which it came.
    all: Vec<(Arc<Flyer>, f64)>,
    /// Those that fly, by lane, in order of their time.
    lanes: Vec<Vec<Aloft>>,
    given_way: u64,
}

/// Something over the picture now.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    pub flyer: &'a Flyer,
    pub lane: usize,
    /// Its left edge, in pixels of the page.
    pub left: f64,
}

#[derive(Debug, Clone)]
struct Aloft {
    flyer: Arc<Flyer>,
    /// Its length in pixels.
    length: f64,
    /// It is out, or it gave way.
    until_ms: f64,
}

impl Aloft {
    fn left(&self, sky: &Sky, at_ms: f64) -> f64 {
        match self.flyer.place {
            // It begins behind the right edge and ends with its last letter behind the left one.
            Place::Scroll => {
                sky.width - (sky.width + self.length) * (at_ms - self.flyer.at_ms) / sky.flight_ms
            }
            Place::Top | Place::Bottom => (sky.width - self.length) / 2.0,
        }
    }
}

impl Flight {
    /// Plans what there is for another sky.
    pub fn over(&mut self, sky: Sky) {
        self.sky = sky;
        self.lanes = vec![Vec::new(); sky.lanes];
        self.given_way = 0;
        self.all.sort_by(|(a, _), (b, _)| a.at_ms.total_cmp(&b.at_ms).then(a.id.cmp(&b.id)));
        for (flyer, em) in self.all.clone() {
            self.place(flyer, em);
        }
    }

    /// What is to fly is this and nothing else, each with its length.
    pub fn plan(&mut self, all: impl IntoIterator<Item = (Flyer, f64)>) {
        self.all = all.into_iter().map(|(flyer, em)| (Arc::new(flyer), em)).collect();
        self.over(self.sky);
    }

    pub fn sky(&self) -> &Sky {
        &self.sky
    }

    /// Adds something that is `em` heights of a letter long. False where there is no lane for it.
    pub fn put(&mut self, flyer: Flyer, em: f64) -> bool {
        let flyer = Arc::new(flyer);
        self.all.push((flyer.clone(), em));
        self.place(flyer, em)
    }

    /// It leaves the sky at once.
    pub fn take_down(&mut self, id: Seq) {
        self.keep(|flyer| flyer.id != id);
    }

    /// All of a person's does.
    pub fn take_down_all_of(&mut self, user: &UserId) {
        self.keep(|flyer| flyer.by != *user);
    }

    /// Forgets what is over for good, and beyond `most` the oldest. For a broadcast that is on air: nobody goes back in it.
    pub fn forget_before(&mut self, at_ms: f64, most: usize) {
        let over = at_ms - self.sky.flight_ms;
        self.all.retain(|(flyer, _)| flyer.at_ms > over);
        let spare = self.all.len().saturating_sub(most);
        self.all.drain(..spare);
        for lane in &mut self.lanes {
            lane.retain(|aloft| aloft.until_ms > at_ms);
        }
    }

    /// How many of what is known do not fly, or not to their end, because there was no room.
    pub fn given_way(&self) -> u64 {
        self.given_way
    }

    /// What is over the picture at a time.
    pub fn at(&self, at_ms: f64) -> impl Iterator<Item = Seen<'_>> {
        self.lanes.iter().enumerate().flat_map(move |(lane, aloft)| {
            let from = aloft.partition_point(|aloft| aloft.flyer.at_ms <= at_ms - self.sky.flight_ms);
            let to = aloft.partition_point(|aloft| aloft.flyer.at_ms <= at_ms);
            aloft[from..to.max(from)]
                .iter()
                .filter(move |aloft| aloft.until_ms > at_ms)
                .map(move |aloft| Seen { flyer: &aloft.flyer, lane, left: aloft.left(&self.sky, at_ms) })
        })
    }

    /// How long after this time the next one enters, in milliseconds; none where none will.
    pub fn next_in_ms(&self, at_ms: f64) -> Option<f64> {
        let next = self.lanes.iter().filter_map(|lane| {
            let after = lane.partition_point(|aloft| aloft.flyer.at_ms <= at_ms);
            lane.get(after).map(|aloft| aloft.flyer.at_ms - at_ms)
        });
        next.min_by(f64::total_cmp)
    }

    fn keep(&mut self, stays: impl Fn(&Flyer) -> bool) {
        self.all.retain(|(flyer, _)| stays(flyer));
        for lane in &mut self.lanes {
            lane.retain(|aloft| stays(&aloft.flyer));
        }
    }

    fn place(&mut self, flyer: Arc<Flyer>, em: f64) -> bool {
        let life = match flyer.place {
            Place::Scroll => self.sky.flight_ms,
            Place::Top | Place::Bottom => self.sky.flight_ms * STANDS,
        };
        let until_ms = flyer.at_ms + life;
        let new = Aloft { length: em * self.sky.letter, until_ms, flyer };
        let last = self.lanes.len().saturating_sub(1);
        let lanes =
            (0..self.lanes.len()).map(|n| if new.flyer.place == Place::Bottom { last - n } else { n });
        // The first lane in which it meets nobody; else the one where the least has to give way.
        let mut cheapest: Option<(Rank, usize, usize)> = None;
        for lane in lanes {
            let met = self.met(lane, &new);
            let Some(highest) = met.iter().map(|at| self.lanes[lane][*at].flyer.rank).max() else {
                self.enter(lane, new);
                return true;
            };
            let price = (highest, met.len(), lane);
            if highest < new.flyer.rank
                && cheapest.is_none_or(|(rank, count, _)| (rank, count) > (price.0, price.1))
            {
                cheapest = Some(price);
            }
        }
        let Some((_, count, lane)) = cheapest else {
            self.given_way += 1;
            return false;
        };
        self.given_way += count as u64;
        for at in self.met(lane, &new).into_iter().rev() {
            let aloft = &mut self.lanes[lane][at];
            // What has been seen goes when the other comes; what would come later does not come.
            if aloft.flyer.at_ms < new.flyer.at_ms {
                aloft.until_ms = aloft.until_ms.min(new.flyer.at_ms);
            } else {
                self.lanes[lane].remove(at);
            }
        }
        self.enter(lane, new);
        true
    }

    fn enter(&mut self, lane: usize, new: Aloft) {
        let lane = &mut self.lanes[lane];
        let at = lane.partition_point(|aloft| aloft.flyer.at_ms <= new.flyer.at_ms);
        lane.insert(at, new);
    }

    /// Those of a lane that it would meet, in order.
    fn met(&self, lane: usize, new: &Aloft) -> Vec<usize> {
        let lane = &self.lanes[lane];
        let from = lane.partition_point(|aloft| aloft.flyer.at_ms <= new.flyer.at_ms - self.sky.flight_ms);
        let to = lane.partition_point(|aloft| aloft.flyer.at_ms < new.until_ms);
        let meets = |at: &usize| {
            let other = &lane[*at];
            let (before, next) =
                if other.flyer.at_ms <= new.flyer.at_ms { (other, new) } else { (new, other) };
            !apart(&self.sky, before, next)
        };
        (from..to.max(from)).filter(meets).collect()
    }
}

/// Whether two can be in a lane, the second of which enters no earlier than the first.
fn apart(sky: &Sky, before: &Aloft, next: &Aloft) -> bool {
    let (begin, end) = (next.flyer.at_ms, before.until_ms.min(next.until_ms));
    if begin >= end {
        return true;
    }
    let least = sky.space_em * sky.letter;
    match (before.flyer.place, next.flyer.place) {
        // That one is in with its last letter, and is not caught up with before it is out.
        (Place::Scroll, Place::Scroll) => {
            let space = |at_ms: f64| next.left(sky, at_ms) - before.left(sky, at_ms) - before.length;
            space(begin) >= least && space(end) >= 0.0
        }
        (Place::Scroll, _) => clear(sky, before, next, (begin, end)),
        (_, Place::Scroll) => clear(sky, next, before, (begin, end)),
        _ => false,
    }
}

/// Whether one that flies is, all that time, on one side of one that stands.
fn clear(sky: &Sky, flies: &Aloft, stands: &Aloft, (begin, end): (f64, f64)) -> bool {
    let left = stands.left(sky, begin);
    flies.left(sky, end) >= left + stands.length || flies.left(sky, begin) + flies.length <= left
}

#[cfg(test)]
mod tests {
    use footlight_protocol::danmaku::Colour;

    use super::super::{Frame, Look};
    use super::*;

    const SKY: Sky = Sky { width: 800.0, letter: 20.0, lanes: 3, flight_ms: 8_000.0, space_em: 1.5 };

    fn flyer(id: u64, at_ms: f64, place: Place, rank: Rank) -> Flyer {
        let look = Arc::new(Look::new("x", Colour::White, Frame::None));
        let by = format!("u{}", id % 5).parse().unwrap();
        Flyer { id: Seq(id), by, at_ms, place, rank, look }
    }

    fn chat(id: u64, at_ms: f64) -> Flyer {
        flyer(id, at_ms, Place::Scroll, Rank::Chat)
    }

    fn over(sky: Sky) -> Flight {
        let mut flight = Flight::default();
        flight.over(sky);
        flight
    }

    fn seen(flight: &Flight, at_ms: f64) -> Vec<(u64, usize)> {
        let mut seen: Vec<_> = flight.at(at_ms).map(|seen| (seen.flyer.id.0, seen.lane)).collect();
        seen.sort_unstable();
        seen
    }

    /// Pseudo-random, the same every time.
    fn dice(seed: &mut u64) -> f64 {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*seed >> 33) as f64 / (1_u64 << 31) as f64
    }

    fn nobody_meets(flight: &Flight, lengths: &[f64], until_ms: f64) -> usize {
        let mut most = 0;
        let mut now = 0.0;
        while now < until_ms {
            let mut spans: Vec<(usize, f64, f64)> = flight
                .at(now)
                .map(|seen| {
                    let length = lengths[seen.flyer.id.0 as usize] * flight.sky().letter;
                    (seen.lane, seen.left, seen.left + length)
                })
                .collect();
            spans.sort_by(|a, b| a.partial_cmp(b).unwrap());
            most = most.max(spans.len());
            for pair in spans.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
                assert!(pair[0].2 <= pair[1].1 + 1e-6, "at {now}: {pair:?}");
            }
            now += 70.0;
        }
        most
    }

    #[test]
    fn a_comment_flies_from_edge_to_edge_by_media_time() {
        let mut flight = over(SKY);
        assert!(flight.put(chat(1, 1_000.0), 3.0));
        let left = |at: f64| flight.at(at).next().map(|seen| seen.left);
        assert_eq!((left(999.0), left(1_000.0), left(5_000.0)), (None, Some(800.0), Some(370.0)));
        assert!((-60.0..-59.0).contains(&left(8_999.0).unwrap()));
        assert_eq!(left(9_000.0), None);
        assert_eq!((flight.next_in_ms(400.0), flight.next_in_ms(1_000.0)), (Some(600.0), None));
    }

    #[test]
    fn comments_at_once_take_a_lane_each_and_one_without_is_counted() {
        let mut flight = over(SKY);
        let fly: Vec<bool> = (0..4).map(|id| flight.put(chat(id, 0.0), 1.0)).collect();
        assert_eq!(fly, [true, true, true, false]);
        assert!(flight.put(chat(4, 7_900.0), 1.0));
        assert_eq!(seen(&flight, 100.0), [(0, 0), (1, 1), (2, 2)]);
        assert_eq!(seen(&flight, 7_950.0).last(), Some(&(4, 0)), "the lane is free again");
        assert_eq!(flight.given_way(), 1);
    }

    #[test]
    fn a_plan_and_one_after_the_other_come_to_the_same_and_nobody_meets() {
        let mut seed = 7;
        let lengths: Vec<f64> = (0..600).map(|_| 1.0 + dice(&mut seed).powi(3) * 40.0).collect();
        let (mut live, mut replay) = (over(SKY), Flight::default());
        for (id, length) in lengths.iter().enumerate() {
            let place = Place::ALL[if id % 11 == 0 { id % 3 } else { 0 }];
            let new = flyer(id as u64, id as f64 * 137.0, place, Rank::Chat);
            live.put(new.clone(), *length);
            replay.put(new, *length);
        }
        replay.over(SKY);
        for at in [500.0, 9_000.0, 40_000.0] {
            assert_eq!(seen(&live, at), seen(&replay, at));
        }
        assert!(nobody_meets(&live, &lengths, 90_000.0) > 6, "the lanes are used");
        assert!(live.given_way() > 0 && live.given_way() == replay.given_way());
    }

    #[test]
    fn what_comes_out_of_order_of_every_rank_and_place_meets_nobody() {
        let mut seed = 99;
        let lengths: Vec<f64> = (0..900).map(|_| 1.0 + dice(&mut seed) * 12.0).collect();
        let mut flight = over(Sky { lanes: 6, ..SKY });
        for (id, length) in lengths.iter().enumerate() {
            // Its author's page may be seconds behind ours.
            let at_ms = id as f64 * 60.0 + dice(&mut seed) * 4_000.0;
            let place = Place::ALL[(dice(&mut seed) * 3.0) as usize];
            let rank = [Rank::Chat, Rank::Member, Rank::Staff, Rank::Gift][(dice(&mut seed) * 4.0) as usize];
            flight.put(flyer(id as u64, at_ms, place, rank), *length);
        }
        assert!(nobody_meets(&flight, &lengths, 60_000.0) > 6);
    }

    #[test]
    fn the_lower_one_gives_way() {
        let mut flight = over(Sky { lanes: 2, ..SKY });
        flight.put(chat(0, 0.0), 10.0);
        flight.put(flyer(1, 0.0, Place::Scroll, Rank::Member), 10.0);
        assert!(flight.put(flyer(2, 500.0, Place::Scroll, Rank::Staff), 10.0));
        assert_eq!(seen(&flight, 499.0), [(0, 0), (1, 1)], "until then it flew");
        assert_eq!(seen(&flight, 600.0), [(1, 1), (2, 0)]);
        assert!(flight.put(flyer(3, 600.0, Place::Scroll, Rank::Gift), 10.0));
        assert!(flight.put(flyer(4, 700.0, Place::Scroll, Rank::Gift), 10.0));
        assert_eq!(seen(&flight, 800.0), [(3, 1), (4, 0)]);
        assert!(!flight.put(flyer(5, 800.0, Place::Scroll, Rank::Gift), 10.0), "equals do not");
        assert_eq!(flight.given_way(), 4);
    }

    #[test]
    fn what_stands_is_in_the_middle_at_its_edge() {
        let mut flight = over(SKY);
        flight.put(flyer(1, 0.0, Place::Top, Rank::Staff), 10.0);
        flight.put(flyer(2, 0.0, Place::Bottom, Rank::Staff), 10.0);
        assert!(flight.at(100.0).all(|seen| seen.left == 300.0));
        assert_eq!(seen(&flight, 4_700.0), [(1, 0), (2, 2)]);
        assert_eq!(seen(&flight, 4_900.0), []);
    }

    #[test]
    fn what_is_taken_down_leaves_at_once_and_stays_away() {
        let mut flight = over(SKY);
        for id in 0..3 {
            flight.put(chat(id, 0.0), 5.0);
        }
        flight.take_down(Seq(1));
        assert_eq!(seen(&flight, 100.0), [(0, 0), (2, 2)]);
        flight.take_down_all_of(&"u2".parse().unwrap());
        assert_eq!(seen(&flight, 100.0), [(0, 0)]);
        flight.over(Sky { lanes: 5, ..SKY });
        assert_eq!(seen(&flight, 100.0), [(0, 0)], "also in another sky");
    }

    #[test]
    fn a_live_flight_stays_small() {
        let mut flight = over(SKY);
        for id in 0..5_000 {
            let now = id as f64 * 50.0;
            flight.put(chat(id, now), 4.0);
            flight.forget_before(now, 100);
        }
        assert!(flight.all.len() <= 100 && flight.lanes.iter().map(Vec::len).sum::<usize>() < 40);
        flight.plan([]);
        assert_eq!((flight.at(250_000.0).count(), flight.next_in_ms(0.0)), (0, None));
        assert_eq!(over(Sky { lanes: 0, ..SKY }).at(1.0).count(), 0);
    }
}
