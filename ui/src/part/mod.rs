//! Components, one a file. They read signals and send intents; none of them changes state.

pub mod boards;
pub mod camera;
pub mod chat;
pub mod composer;
pub mod confirm;
pub mod failure;
pub mod go_live;
pub mod health;
pub mod icon;
pub mod log;
pub mod message;
pub mod meter;
pub mod microphone;
pub mod moderate;
pub mod picker;
pub mod preferences;
pub mod preview;
pub mod qr;
pub mod share;
pub mod shortcuts;
pub mod stage;
pub mod toast;
pub mod viewers;
