//! End to end: what Footlight promises, told as stories with real programs, browsers and devices.

#[cfg(feature = "long")]
mod continuity;
mod devices;
mod house;
mod instruments;
mod ladder;
#[cfg(feature = "long")]
mod network;
mod refusals;
mod replay;
mod restart;
mod rtmp;
mod watch;
mod whip;
mod window;
