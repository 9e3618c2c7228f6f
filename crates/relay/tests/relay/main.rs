//! The relay over real sockets: publishers and viewers that do ICE, DTLS and SRTP, chat clients, HTTP.

mod chat;
mod http;
mod media;
mod peer;
mod process;
mod stage;
