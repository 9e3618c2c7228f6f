//! Challenges that devices sign: random, good once, for a few minutes, for what they were made for, from where they were asked.
//! In memory only: after a restart a person presses once more.

use std::collections::HashMap;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use footlight_protocol::UserId;
use footlight_protocol::room::UnixMillis;

use super::{Party, Refused};
use crate::error::Error;
use crate::secret::random;

/// Challenges at a time. Full ⇒ the oldest goes, and whoever got it presses again.
const CHALLENGES: usize = 4_096;
/// Of one address among them. Full ⇒ its oldest goes.
const OF_ONE: usize = 32;
/// How long one is good: a person has to find the device and their finger (section 15.1 recommends 5 to 10 minutes).
const GOOD_FOR: UnixMillis = 5 * 60_000;

/// What somebody wants to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Purpose {
    SignIn,
    /// Adds a passkey to their account.
    Add(UserId),
    /// Makes an account of that name.
    Make(UserId, String),
}

#[derive(Debug)]
struct Made {
    purpose: Purpose,
    party: Party,
    at: UnixMillis,
    from: Option<IpAddr>,
    number: u64,
}

/// The challenges that are good.
#[derive(Debug, Default)]
pub(crate) struct Challenges {
    made: HashMap<String, Made>,
    number: u64,
}

impl Challenges {
    /// Makes one, in base64url as it stands in client data.
    pub(crate) fn make(
        &mut self,
        purpose: Purpose,
        party: Party,
        from: Option<IpAddr>,
        now: UnixMillis,
    ) -> Result<String, Error> {
        self.made.retain(|_, made| now.saturating_sub(made.at) < GOOD_FOR);
        if from.is_some() && self.made.values().filter(|made| made.from == from).count() >= OF_ONE {
            self.forget_oldest(|made| made.from == from);
        }
        if self.made.len() >= CHALLENGES {
            self.forget_oldest(|_| true);
        }
        let challenge = URL_SAFE_NO_PAD.encode(random::<32>()?);
        self.number += 1;
        self.made.insert(challenge.clone(), Made { purpose, party, at: now, from, number: self.number });
        Ok(challenge)
    }

    /// Uses it up, whatever comes of it.
    pub(crate) fn take(&mut self, challenge: &str, now: UnixMillis) -> Result<(Purpose, Party), Refused> {
        let made = self.made.remove(challenge).ok_or(Refused::Challenge)?;
        if now.saturating_sub(made.at) >= GOOD_FOR {
            return Err(Refused::Challenge);
        }
        Ok((made.purpose, made.party))
    }

    fn forget_oldest(&mut self, among: impl Fn(&Made) -> bool) {
        let oldest = self.made.iter().filter(|(_, made)| among(made)).min_by_key(|(_, made)| made.number);
        if let Some(oldest) = oldest.map(|(challenge, _)| challenge.clone()) {
            self.made.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_good_once_and_not_for_long() {
        let party = Party { origin: "https://live.example".to_owned(), host: "live.example".to_owned() };
        let mut challenges = Challenges::default();
        let make = |challenges: &mut Challenges, from: Option<IpAddr>, now| {
            challenges.make(Purpose::SignIn, party.clone(), from, now).unwrap()
        };
        let one = make(&mut challenges, None, 1_000);
        assert_eq!(challenges.take(&one, 2_000), Ok((Purpose::SignIn, party.clone())));
        assert_eq!(challenges.take(&one, 2_000), Err(Refused::Challenge), "replayed");
        let late = make(&mut challenges, None, 1_000);
        assert_eq!(challenges.take(&late, 1_000 + GOOD_FOR), Err(Refused::Challenge));
        assert_eq!(challenges.take("made up", 1_000), Err(Refused::Challenge));
        // One address pushes out its own, and all together the oldest.
        let other = make(&mut challenges, Some([192, 0, 2, 9].into()), 1_000);
        let mine: Vec<_> =
            (0..=OF_ONE).map(|_| make(&mut challenges, Some([192, 0, 2, 1].into()), 1_000)).collect();
        assert_eq!(challenges.take(&mine[0], 1_000), Err(Refused::Challenge));
        assert!(challenges.take(&mine[1], 1_000).is_ok() && challenges.take(&other, 1_000).is_ok());
        (0..2 * CHALLENGES).for_each(|_| drop(make(&mut challenges, None, 1_000)));
        assert_eq!(challenges.made.len(), CHALLENGES);
    }
}
