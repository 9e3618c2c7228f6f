//! Gifts and the money in them: what a room offers, coins that are bought, granted, spent and given back, and the books of it.

pub(crate) mod account;
pub(crate) mod catalogue;
pub(crate) mod ledger;
pub(crate) mod membership;
pub(crate) mod packet;
pub(crate) mod receipt;
pub(crate) mod shop;
pub(crate) mod watching;
