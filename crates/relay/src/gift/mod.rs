//! Gifts and the money in them: coins that are granted, spent and given back, and the books of it.

pub(crate) mod ledger;
