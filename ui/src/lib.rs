//! Both faces of Footlight: the creator's studio window and the viewer's pages, one library with small
//! programs over it.
//!
//! State lies in plain stores that change only by events; components read it through signals and send
//! intents. What talks to the outside has one place each: [`bridge`] to the shell, [`socket`] to the room,
//! [`player`] to the media, [`api`] to the relay's JSON API.

pub mod acting;
pub mod ahead;
pub mod air;
pub mod api;
pub mod bridge;
pub mod browser;
pub mod composing;
pub mod desk;
pub mod emotes;
pub mod following;
pub mod launching;
pub mod letters;
pub mod liking;
pub mod mixing;
pub mod part;
pub mod passkey;
pub mod pictures;
pub mod player;
pub mod replaying;
pub mod screen;
pub mod seat;
pub mod socket;
pub mod store;
pub mod viewing;
pub mod words;

#[cfg(test)]
mod style;
