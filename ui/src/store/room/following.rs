//! Whether this person follows the room, how many do, and for those who moderate, who began to. What was asked for is asked
//! again after a break: what is so already is done.

use std::collections::VecDeque;
use std::sync::Arc;

use footlight_protocol::room::Member;
use footlight_protocol::{Failure, MessageId, Nonce, UserId};

/// New followers that are kept. Full ⇒ the oldest goes.
const NEWCOMERS: usize = 50;
/// How long a refusal is shown at least and at most, in milliseconds.
const SHOWN: (f64, f64) = (4_000.0, 8_000.0);

/// Somebody who follows the room since a moment ago.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newcomer {
    /// Tells two apart.
    pub number: u64,
    /// The newest line that was there before.
    pub behind: MessageId,
    pub user: Member,
    /// How many there were with them.
    pub followers: u64,
}

#[derive(Debug, Clone, Default)]
pub struct Following {
    /// As the relay says.
    on: bool,
    asked: Option<(Nonce, bool)>,
    refused: Option<(Failure, f64)>,
    pub followers: u64,
    newcomers: VecDeque<Arc<Newcomer>>,
    number: u64,
}

impl Following {
    /// Whether the person follows: what they asked for, before the relay has answered.
    pub fn is_on(&self) -> bool {
        self.asked.as_ref().map_or(self.on, |(_, on)| *on)
    }

    /// What waits for an answer.
    pub fn asked(&self) -> Option<&(Nonce, bool)> {
        self.asked.as_ref()
    }

    /// Why it was not done, for a moment.
    pub fn refused(&self, now: f64) -> Option<&Failure> {
        self.refused.as_ref().filter(|(_, until)| now < *until).map(|(failure, _)| failure)
    }

    /// Oldest first.
    pub fn newcomers(&self) -> impl Iterator<Item = &Arc<Newcomer>> {
        self.newcomers.iter()
    }

    pub(super) fn ask(&mut self, nonce: Nonce, on: bool) {
        self.refused = None;
        self.asked = Some((nonce, on));
    }

    /// The relay says how it is.
    pub(super) fn tell(&mut self, on: bool) {
        self.on = on;
    }

    pub(super) fn done(&mut self, nonce: &Nonce) {
        if let Some((_, on)) = self.asked.take_if(|(asked, _)| asked == nonce) {
            self.on = on;
        }
    }

    /// Says whether it was this that was refused.
    pub(super) fn is_refused(
        &mut self,
        nonce: Option<&Nonce>,
        failure: &Failure,
        after: Option<u32>,
        now: f64,
    ) -> bool {
        let ours = self.asked.take_if(|(asked, _)| Some(&*asked) == nonce).is_some();
        if ours {
            let (least, most) = SHOWN;
            let shown = after.map_or(least, f64::from).clamp(least, most);
            self.refused = Some((failure.clone(), now + shown));
        }
        ours
    }

    /// Somebody follows the room, behind the newest line.
    pub(super) fn follows(&mut self, user: Member, followers: u64, behind: MessageId) {
        self.number += 1;
        self.newcomers.push_back(Arc::new(Newcomer { number: self.number, behind, user, followers }));
        if self.newcomers.len() > NEWCOMERS {
            self.newcomers.pop_front();
        }
    }

    pub(super) fn erase(&mut self, user: &UserId) {
        self.newcomers.retain(|newcomer| newcomer.user.id != *user);
    }
}

#[cfg(test)]
mod tests {
    use footlight_protocol::Code;
    use footlight_protocol::room::Role;

    use super::*;

    fn nonce(text: &str) -> Nonce {
        text.parse().unwrap()
    }

    #[test]
    fn what_was_asked_for_is_shown_until_it_is_refused() {
        let mut following = Following::default();
        following.ask(nonce("a"), true);
        assert!(following.is_on() && following.asked().is_some());
        following.done(&nonce("another"));
        assert!(following.asked().is_some());
        following.done(&nonce("a"));
        assert!(following.is_on() && following.asked().is_none());
        following.ask(nonce("b"), false);
        assert!(!following.is_on());
        let failure = Failure::new(Code::TooFast, "no");
        assert!(!following.is_refused(None, &failure, None, 0.0));
        assert!(following.is_refused(Some(&nonce("b")), &failure, Some(50_000), 0.0));
        assert!(following.is_on(), "it is as it was");
        assert!(following.refused(7_999.0).is_some() && following.refused(8_000.0).is_none());
        // By another of their pages.
        following.tell(false);
        assert!(!following.is_on());
    }

    #[test]
    fn new_followers_are_bounded_and_go_when_they_are_erased() {
        let mut following = Following::default();
        for n in 0..NEWCOMERS as u64 + 3 {
            let id: UserId = format!("u{n}").parse().unwrap();
            following.follows(Member::new(id, "U".to_owned(), Role::Guest), n + 1, MessageId(n));
        }
        assert_eq!(following.newcomers().count(), NEWCOMERS);
        assert_eq!(following.newcomers().next().map(|newcomer| newcomer.followers), Some(4));
        following.erase(&"u10".parse().unwrap());
        assert_eq!(following.newcomers().count(), NEWCOMERS - 1);
    }
}
