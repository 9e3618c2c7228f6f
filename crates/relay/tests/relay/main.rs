//! The relay over real sockets: publishers and viewers that do ICE, DTLS and SRTP, chat clients, HTTP.
#![allow(
    clippy::unwrap_used,
    clippy::large_enum_variant,
    reason = "a test fails by panicking, and its values are few"
)]

mod accounts;
mod acme;
mod authenticator;
mod avatars;
mod backup;
mod books;
mod bus;
mod cards;
mod chat;
mod checkout;
mod clip;
mod coins;
mod conformance;
mod corpus;
mod danmaku;
mod emotes;
mod encoder;
mod flv;
mod follows;
mod footage;
mod gifts;
mod hls;
mod hook;
mod http;
mod invites;
mod keys;
mod layers;
mod loss;
mod media;
mod member;
mod nats;
mod networks;
mod passkeys;
mod path;
mod peer;
mod people;
mod postgres;
mod process;
mod raid;
mod reach;
mod record;
mod renditions;
mod reports;
mod roles;
mod rtmp;
mod rules;
mod span;
mod spend;
mod stage;
mod talk;
mod tls;
mod upload;
