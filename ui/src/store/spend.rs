//! What else is done with coins in the room, as one of its members sees it.

use footlight_protocol::spend::{Shows, Terms};

#[derive(Debug, Clone, Default)]
pub struct Spend {
    /// What holds for everybody who spends.
    pub terms: Terms,
}

impl Spend {
    /// This page has come in.
    pub fn open(&mut self, shows: Shows) {
        let Shows { terms } = shows;
        self.terms = terms;
    }
}
