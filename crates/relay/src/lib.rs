//! The server: takes one broadcast a room in by WHIP or RTMP, and serves its viewers (WHEP), chat and moderation.
//!
//! [`Relay::bind`] opens the data folder and binds one port number for TCP (HTTP, WebSocket, ICE-TCP) and UDP
//! (all media); [`Relay::run`] serves until it is cancelled. The program `footlight-relay` is [`cli::main`];
//! the desktop app runs the same two calls in its own process.

mod acme;
mod auth;
mod branch;
mod bus;
mod chat;
pub mod cli;
mod clock;
mod config;
mod drain;
mod egress;
mod error;
#[doc(hidden)]
pub mod fuzz;
mod gift;
mod hook;
mod http;
mod ingest;
mod keys;
mod layers;
mod lock;
mod metrics;
mod moderation;
mod mux;
mod passkey;
mod password;
mod picture;
mod ports;
mod reach;
mod record;
mod relay;
mod renditions;
mod retention;
mod room;
mod rtc;
mod rtmp;
mod secret;
mod sound;
mod store;
mod stripe;
mod throttle;
mod tls;
mod track;
mod usage;

pub use acme::{Acme, Challenge};
pub use branch::Branch;
pub use config::{Config, IceServer, Limits, Recording, Rtmp};
pub use error::Error;
pub use hook::{Topic, Webhook};
pub use reach::Settings as Reach;
pub use record::Upload;
pub use relay::{Handle, Ready, Relay, Stats};
pub use renditions::{Program, Renditions};
pub use secret::Secret;
pub use stripe::Stripe;
pub use tls::Tls;
