//! What else is done with coins in the room, as one of its members sees it.

use footlight_protocol::spend::{Goal, Shows, Terms};

#[derive(Debug, Clone, Default)]
pub struct Spend {
    /// What holds for everybody who spends.
    pub terms: Terms,
    /// What the creator wishes for.
    pub goal: Option<Goal>,
}

impl Spend {
    /// This page has come in.
    pub fn open(&mut self, shows: Shows) {
        let Shows { terms, goal } = shows;
        (self.terms, self.goal) = (terms, goal);
    }
}
