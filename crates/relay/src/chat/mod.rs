//! The room's WebSocket: sessions, their queues, and the order of what is said.

pub(crate) mod admit;
pub(crate) mod frame;
pub(crate) mod history;
pub(crate) mod outbox;
pub(crate) mod pace;
pub(crate) mod pipe;
pub(crate) mod socket;
pub(crate) mod text;
