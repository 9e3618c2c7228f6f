//! Gifts as a page shows them: those of one kind that a person sends in a row are one run, in the log and on the
//! picture, and what is on the picture takes its turn by what it is worth.

use std::collections::VecDeque;

use footlight_protocol::Seq;
use footlight_protocol::gift::{COMBO_MS, Gift, Show};
use footlight_protocol::overlay::Control;
use footlight_protocol::room::{Event, EventKind, Member, Role, UnixMillis};

/// Runs that wait for the picture. Full ⇒ the one that is worth least is left out; all of them stand in the log.
const MOST_WAITING: usize = 60;
/// Cards on the picture at once …
const PLACES: usize = 3;
/// … and grand ones beside them.
const GRAND_PLACES: usize = 1;

/// One gift as it was paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub seq: Seq,
    pub at: UnixMillis,
    pub count: u32,
    pub coins: u64,
    /// Its row in the books.
    pub entry: u64,
}

/// Gifts of one kind by one person, in a row. There is at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub by: Member,
    pub gift: Gift,
    newest: Piece,
    earlier: Vec<Piece>,
}

impl Run {
    pub fn of(by: Member, gift: Gift, piece: Piece) -> Self {
        Self { by, gift, newest: piece, earlier: Vec::new() }
    }

    pub fn newest(&self) -> &Piece {
        &self.newest
    }

    pub fn pieces(&self) -> impl Iterator<Item = &Piece> {
        self.earlier.iter().chain([&self.newest])
    }

    pub fn count(&self) -> u64 {
        self.pieces().map(|piece| u64::from(piece.count)).sum()
    }

    pub fn coins(&self) -> u64 {
        self.pieces().map(|piece| piece.coins).sum()
    }

    pub fn holds(&self, gift: Seq) -> bool {
        self.pieces().any(|piece| piece.seq == gift)
    }

    /// Whether `next` came soon enough, by the same person, of the same kind.
    pub fn goes_on_with(&self, next: &Self) -> bool {
        let since = next.newest.at.saturating_sub(self.newest.at);
        // What it costs may be told of one and not of the other.
        let price = next.gift.price;
        let same = self.gift.id == next.gift.id && Gift { price, ..self.gift.clone() } == next.gift;
        self.by.id == next.by.id && same && since <= COMBO_MS
    }

    /// What one of its pieces cost is known.
    pub fn worth(mut self, gift: Seq, by: &Member, of: &Gift, coins: u64) -> Self {
        if let Some(piece) = self.earlier.iter_mut().chain([&mut self.newest]).find(|piece| piece.seq == gift)
        {
            piece.coins = coins;
            (self.by.badges, self.gift.price) = (by.badges, of.price);
        }
        self
    }

    /// What it cost is not known any more.
    pub fn worthless(mut self) -> Self {
        self.earlier.iter_mut().chain([&mut self.newest]).for_each(|piece| piece.coins = 0);
        (self.by.badges.given, self.gift.price) = (0, 0);
        self
    }

    /// The two as one, with the later one's name.
    pub fn and(self, next: Self) -> Self {
        let mut earlier = self.earlier;
        earlier.push(self.newest);
        earlier.extend(next.earlier);
        Self { earlier, ..next }
    }

    /// What is left without one of its pieces.
    pub fn without(mut self, gift: Seq) -> Option<Self> {
        self.earlier.retain(|piece| piece.seq != gift);
        if self.newest.seq == gift {
            self.newest = self.earlier.pop()?;
        }
        Some(self)
    }
}

/// How long a run is on the picture after its newest gift, in milliseconds.
fn stays_ms(show: Show) -> f64 {
    match show {
        Show::Small => 4_000.0,
        Show::Medium => 6_000.0,
        Show::Grand => 8_000.0,
    }
}

/// A run on the picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// The same for as long as it is up.
    pub id: u64,
    pub run: Run,
    until: f64,
}

impl Card {
    /// How long it will be up yet, in milliseconds.
    pub fn left(&self, now: f64) -> f64 {
        (self.until - now).max(0.0)
    }
}

/// What is on the picture, and what waits for it. Told the time, in milliseconds.
#[derive(Debug, Clone, Default)]
pub struct Parade {
    up: Vec<Card>,
    waiting: VecDeque<Run>,
    next: u64,
    paused: bool,
    /// The one that went last.
    last: Option<Run>,
    /// Runs below this many coins are not shown.
    pub least: u64,
}

impl Parade {
    /// One that shows runs from so many coins on.
    pub fn from(least: u64) -> Self {
        Self { least, ..Self::default() }
    }

    /// What is on the picture, the oldest first.
    pub fn up(&self) -> &[Card] {
        &self.up
    }

    /// The same, to keep.
    pub fn up_now(&self) -> Vec<Card> {
        self.up.clone()
    }

    /// Does what the owner wants of an overlay.
    pub fn obey(&mut self, control: Control, now: f64) {
        match control {
            Control::Pause => self.paused = true,
            Control::Resume => self.paused = false,
            Control::Skip => return self.skip(now),
            Control::Again => self.waiting.extend(self.last.take()),
            Control::Test => self.waiting.push_back(test(self.next)),
        }
        self.tick(now);
    }

    pub fn is_idle(&self) -> bool {
        self.up.is_empty() && self.waiting.is_empty()
    }

    /// Whether it would change something.
    pub fn concerns(event: &Event) -> bool {
        use EventKind::{Banned, Gifted, Refunded};
        matches!(event.kind, Gifted { .. } | Refunded { .. } | Banned { .. })
    }

    /// Something happened in the room: at `now`, or before anybody looked. Where amounts are hidden, what the room offers
    /// says which gift goes first.
    pub fn take(&mut self, event: &Event, offered: &[Gift], now: Option<f64>) {
        match &event.kind {
            EventKind::Gifted { by, gift, count, coins, entry, .. } => {
                let Some(now) = now else { return };
                let price = offered.iter().find(|one| one.id == gift.id).map_or(0, |one| one.price);
                let coins = if *coins > 0 { *coins } else { u64::from(price) * u64::from(*count) };
                let piece = Piece { seq: event.seq, at: event.at, count: *count, coins, entry: *entry };
                self.push(Run::of(by.clone(), gift.clone(), piece), now);
            }
            EventKind::Refunded { gift, .. } => self.drop_where(|run| run.holds(*gift)),
            EventKind::Banned { user, .. } => self.drop_where(|run| run.by.id == user.id),
            _ => {}
        }
    }

    /// A gift came.
    pub fn push(&mut self, run: Run, now: f64) {
        if let Some(card) = self.up.iter_mut().find(|card| card.run.goes_on_with(&run)) {
            card.until = now + stays_ms(run.gift.show);
            card.run = card.run.clone().and(run);
            return;
        }
        if let Some(waits) = self.waiting.iter_mut().find(|waits| waits.goes_on_with(&run)) {
            *waits = waits.clone().and(run);
        } else if run.coins() >= self.least {
            self.waiting.push_back(run);
        }
        if self.waiting.len() > MOST_WAITING {
            let least = (0..self.waiting.len()).min_by_key(|at| self.waiting[*at].coins());
            least.and_then(|at| self.waiting.remove(at));
        }
        self.tick(now);
    }

    /// A gift was given back, or its sender is banned: it is not shown any longer.
    pub fn drop_where(&mut self, gone: impl Fn(&Run) -> bool) {
        self.up.retain(|card| !gone(&card.run));
        self.waiting.retain(|run| !gone(run));
    }

    /// Takes away the card that has been up for longest, and goes on.
    pub fn skip(&mut self, now: f64) {
        if !self.up.is_empty() {
            self.last = Some(self.up.remove(0).run);
        }
        self.tick(now);
    }

    /// Takes down what had its time, and puts up what waits, by what it is worth.
    pub fn tick(&mut self, now: f64) {
        if let Some(gone) = self.up.iter().rfind(|card| card.until <= now) {
            self.last = Some(gone.run.clone());
        }
        self.up.retain(|card| card.until > now);
        if self.paused {
            return;
        }
        for (grand, places) in [(true, GRAND_PLACES), (false, PLACES)] {
            let kind = |run: &Run| (run.gift.show == Show::Grand) == grand;
            while self.up.iter().filter(|card| kind(&card.run)).count() < places {
                let waiting = (0..self.waiting.len()).filter(|at| kind(&self.waiting[*at]));
                // Of equal ones the first that came.
                let first = waiting.rev().max_by_key(|at| self.waiting[*at].coins());
                let Some(run) = first.and_then(|at| self.waiting.remove(at)) else { break };
                self.next += 1;
                let until = now + stays_ms(run.gift.show);
                self.up.push(Card { id: self.next, run, until });
            }
        }
    }
}

/// A gift that nobody sent. Each is another's, so that they make no run.
fn test(number: u64) -> Run {
    let id = format!("test{number}").parse().expect("letters and digits");
    let by = Member::new(id, "Footlight".to_owned(), Role::Guest);
    let gift = Gift {
        id: "star".parse().expect("a valid id"),
        name: String::new(),
        icon: "⭐".to_owned(),
        price: 50,
        show: Show::Medium,
        per_hour: None,
    };
    Run::of(by, gift, Piece { seq: Seq(0), at: 0, count: 1, coins: 50, entry: 0 })
}

#[cfg(test)]
mod tests {

    use super::*;

    fn run(seq: u64, who: &str, coins: u64, show: Show) -> Run {
        let by = Member::new(who.parse().unwrap(), who.to_owned(), Role::Guest);
        let gift = Gift {
            id: format!("{show:?}").to_lowercase().parse().unwrap(),
            name: String::new(),
            icon: "🎁".to_owned(),
            price: 1,
            show,
            per_hour: None,
        };
        Run::of(by, gift, Piece { seq: Seq(seq), at: seq * 1_000, count: 1, coins, entry: seq })
    }

    fn up(parade: &Parade) -> Vec<(u64, String, u64)> {
        parade.up().iter().map(|card| (card.id, card.run.by.name.clone(), card.run.coins())).collect()
    }

    #[test]
    fn a_run_grows_on_its_card_and_stays_for_it() {
        let mut parade = Parade::default();
        parade.push(run(1, "ann", 5, Show::Small), 1_000.0);
        parade.push(run(4, "ann", 7, Show::Small), 4_000.0);
        assert_eq!(up(&parade), [(1, "ann".to_owned(), 12)]);
        parade.tick(7_999.0);
        assert_eq!(up(&parade).len(), 1);
        parade.tick(8_000.0);
        assert!(parade.is_idle());
        parade.push(run(20, "ann", 1, Show::Small), 20_000.0);
        assert_eq!(up(&parade), [(2, "ann".to_owned(), 1)], "a new run is a new card");
    }

    #[test]
    fn what_is_worth_more_goes_first_and_grand_ones_have_a_place_of_their_own() {
        let mut parade = Parade::default();
        for (seq, who, coins) in [(1, "a", 1), (2, "b", 1), (3, "c", 1), (4, "d", 1), (5, "e", 9)] {
            parade.push(run(seq, who, coins, Show::Small), 0.0);
        }
        parade.push(run(6, "f", 500, Show::Grand), 0.0);
        parade.push(run(7, "g", 900, Show::Grand), 0.0);
        let names = |parade: &Parade| up(parade).into_iter().map(|(_, name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(&parade), ["a", "b", "c", "f"]);
        parade.tick(4_000.0);
        assert_eq!(names(&parade), ["f", "e", "d"]);
        parade.skip(4_000.0);
        assert_eq!(names(&parade), ["e", "d", "g"]);
    }

    #[test]
    fn an_overlay_pauses_skips_shows_again_and_tests() {
        let mut parade = Parade::default();
        parade.push(run(1, "ann", 5, Show::Small), 0.0);
        parade.obey(Control::Pause, 100.0);
        parade.push(run(2, "bob", 5, Show::Small), 200.0);
        parade.tick(4_000.0);
        assert!(up(&parade).is_empty() && !parade.is_idle(), "what is up goes, what waits goes on waiting");
        parade.obey(Control::Resume, 4_100.0);
        assert_eq!(up(&parade), [(2, "bob".to_owned(), 5)]);
        parade.obey(Control::Skip, 4_200.0);
        assert!(parade.is_idle());
        parade.obey(Control::Again, 4_300.0);
        assert_eq!(up(&parade), [(3, "bob".to_owned(), 5)]);
        parade.obey(Control::Test, 4_400.0);
        parade.obey(Control::Test, 4_500.0);
        assert_eq!(up(&parade).len(), 3);
        let mut nothing = Parade::default();
        nothing.obey(Control::Again, 0.0);
        nothing.obey(Control::Skip, 0.0);
        assert!(nothing.is_idle());
    }

    #[test]
    fn the_least_worth_is_left_out_of_too_many() {
        let mut parade = Parade { least: 2, ..Parade::default() };
        parade.push(run(1, "poor", 1, Show::Small), 0.0);
        assert!(parade.is_idle(), "below what is shown");
        for n in 0..100 {
            parade.push(run(n + 2, &format!("u{n}"), 2 + n, Show::Medium), 0.0);
        }
        assert_eq!(parade.waiting.len(), MOST_WAITING);
        assert!(parade.waiting.iter().all(|run| run.coins() > 40));
        parade.drop_where(|_| true);
        assert!(parade.is_idle());
    }
}
