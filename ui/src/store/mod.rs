//! What the faces show, as plain values. Each store changes only by its `apply`, is told the time, and
//! knows neither the DOM nor a socket, so all of it is tested natively.

pub mod account;
pub mod actions;
pub mod backoff;
pub mod burned;
pub mod chord;
pub mod clock;
pub mod destinations;
pub mod frame;
pub mod guard;
pub mod health;
pub mod hls;
pub mod i18n;
pub mod ice;
pub mod invites;
pub mod keys;
pub mod ladder;
pub mod launch;
pub mod layer;
pub mod meter;
pub mod mixer;
pub mod overlay;
pub mod palette;
pub mod person;
pub mod place;
pub mod playback;
pub mod reach;
pub mod recorder;
pub mod recording;
pub mod replay;
pub mod room;
pub mod scenes;
pub mod sky;
pub mod speech;
pub mod spend;
pub mod summary;
pub mod take;
pub mod till;
pub mod undo;

pub use footlight_overlay::gifts;
