//! RTMP (Adobe, Real Time Messaging Protocol 1.0, 2012) with the extensions of Enhanced RTMP v2, as state machines
//! without I/O: bytes in, events and bytes out.
//!
//! [`Server`] and [`Client`] are the two ends of a connection. They are made of [`handshake`], [`chunk`] (messages
//! in chunks) and [`message`] (what messages say). Everything that a peer can make them keep is bounded.

pub mod chunk;
mod client;
pub mod handshake;
mod link;
pub mod message;
mod server;

pub use client::{Client, ClientEvent, Purpose};
pub use server::{Refusal, Server, ServerEvent};

use bytes::Bytes;

/// One message: what a chunk stream carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// One of [`message::kind`].
    pub kind: u8,
    /// Message stream: 0 for the connection's own.
    pub stream: u32,
    /// In milliseconds; wraps after 49 days.
    pub timestamp: u32,
    pub payload: Bytes,
}

#[cfg(test)]
mod tests;
