//! End to end: what Footlight promises, told as stories with real programs, browsers and devices.

mod coins;
mod continuity;
mod danmaku;
mod devices;
mod gifts;
mod house;
mod instruments;
mod ladder;
mod layers;
mod network;
mod passkeys;
mod people;
mod players;
mod raid;
mod refusals;
mod renditions;
mod replay;
mod restart;
mod roles;
mod rtmp;
mod spend;
mod talk;
mod watch;
mod whip;
mod window;
mod xss;
