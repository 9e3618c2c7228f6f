//! What the creator wishes for: filled by what is given, told as it fills, and celebrated once.

use footlight_protocol::room::{EventKind, Member, ServerMessage, UnixMillis};
use footlight_protocol::spend::{Goal, MAX_GOAL, MAX_GOAL_TITLE, NewGoal, Progress};
use footlight_protocol::{Code, Failure};

use super::actor::Actor;
use super::talk::internal;
use crate::chat::outbox::Weight;
use crate::chat::text::clean;
use crate::gift::ledger::{Account, Entry};
use crate::store::goal::Wish;

/// How far it is. What the books answer is counted here as [`crate::store::goal`] sums it up.
#[derive(Debug)]
pub(super) struct Filling {
    wish: Wish,
    given: i64,
    /// Members have not been told of the newest.
    stale: bool,
}

impl Filling {
    pub(super) fn new((wish, given): (Wish, i64)) -> Self {
        Self { wish, given, stale: false }
    }

    fn count(&mut self, entry: &Entry) {
        let coins = entry.amount as i64;
        let counts = match entry.reverses {
            None if entry.kind.is_spending() => (entry.number, coins),
            Some(given_back) if entry.from == Account::Creator => (given_back, -coins),
            _ => return,
        };
        if counts.0 > self.wish.after {
            self.given = self.given.saturating_add(counts.1);
            self.stale = true;
        }
    }

    fn is_reached(&self) -> bool {
        u64::try_from(self.given).is_ok_and(|given| given >= self.wish.target)
    }

    fn as_told(&self) -> Goal {
        let given = u64::try_from(self.given).unwrap_or(0);
        let coins = Progress { given, target: self.wish.target };
        Goal::new(self.wish.title.clone(), coins, self.wish.reached)
    }
}

impl Actor {
    pub(super) async fn set_goal(&mut self, goal: Option<NewGoal>) -> Result<(), Failure> {
        let wrong = |message: String| Failure::new(Code::BadSetting, message);
        let goal = match goal {
            None => None,
            Some(NewGoal { title, target }) => {
                let title = clean(&title, MAX_GOAL_TITLE)
                    .map_err(|_| wrong(format!("A goal's title has 1 to {MAX_GOAL_TITLE} characters")))?;
                if !(1..=MAX_GOAL).contains(&target) {
                    return Err(wrong(format!("A goal is of 1 to {MAX_GOAL} coins")));
                }
                Some((title, target))
            }
        };
        let kept = self.store.set_goal(self.id.clone(), goal).await;
        let wish = kept.map_err(|error| internal(&error))?;
        // What is on its way to us was asked for before, and is not behind the row that it counts from.
        self.goal = wish.map(|wish| Filling::new((wish, 0)));
        self.show_goal(Weight::Full);
        Ok(())
    }

    /// Something was written into the books.
    pub(super) fn count_towards_goal(&mut self, entry: &Entry, now: UnixMillis) {
        if let Some(goal) = &mut self.goal {
            goal.count(entry);
            self.celebrate(now);
        }
    }

    /// Says it where the goal is reached and nobody has been told.
    fn celebrate(&mut self, now: UnixMillis) {
        let Some(goal) = self.goal.as_mut().filter(|goal| !goal.wish.reached && goal.is_reached()) else {
            return;
        };
        goal.wish.reached = true;
        let title = goal.wish.title.clone();
        self.keep_own(None, EventKind::GoalReached { title }, now);
        self.show_goal(Weight::Full);
    }

    /// The event that said it could not be kept: it will be said again.
    pub(super) fn not_celebrated(&mut self) {
        if let Some(goal) = &mut self.goal {
            goal.wish.reached = false;
        }
    }

    /// Once a second.
    pub(super) fn tick_goal(&mut self, now: UnixMillis) {
        // Where the relay ended between the gift and the event, it is said now.
        self.celebrate(now);
        if self.goal.as_ref().is_some_and(|goal| goal.stale) {
            self.show_goal(Weight::Light);
        }
    }

    fn show_goal(&mut self, weight: Weight) {
        if let Some(goal) = &mut self.goal {
            goal.stale = false;
        }
        let goal = self.goal.as_ref().map(Filling::as_told);
        if !self.terms.hidden {
            return self.seats.tell_all(&ServerMessage::Goal { goal }, weight);
        }
        let veiled = goal.clone().map(Goal::without_amounts);
        // What may be lost comes behind what is one's own, and the owner's has to be the last.
        self.seats.tell_all(&ServerMessage::Goal { goal: veiled }, Weight::Full);
        self.seats.tell_owners(&ServerMessage::Goal { goal });
    }

    pub(super) fn goal_for(&self, member: &Member) -> Option<Goal> {
        let goal = self.goal.as_ref().map(Filling::as_told);
        if self.is_kept_from(member) { goal.map(Goal::without_amounts) } else { goal }
    }

    /// Whether amounts are told has changed.
    pub(super) fn show_goal_anew(&mut self) {
        if self.goal.is_some() {
            self.show_goal(Weight::Full);
        }
    }
}
