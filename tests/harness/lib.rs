//! What the end-to-end stories are told with: the built programs, real browsers, a real window, and devices
//! that can be pulled out.
//!
//! Everything started here lives in a process group of its own, is known by its id, and dies with its value.
//! A missing tool is a failure that names the Debian package, never a skipped test.

pub mod aiortc;
pub mod axe;
pub mod bins;
pub mod browser;
pub mod camera;
pub mod chat;
pub mod clip;
pub mod faces;
pub mod firefox;
pub mod gstreamer;
pub mod http;
pub mod load;
pub mod microphone;
pub mod net;
pub mod nginx;
pub mod obs;
pub mod output;
pub mod page;
pub mod pane;
pub mod payloads;
pub mod pixels;
pub mod players;
pub mod process;
pub mod relay;
pub mod scratch;
pub mod screen;
pub mod sound;
pub mod stage;
pub mod stats;
pub mod studio;
pub mod tool;
pub mod turn;
pub mod wait;
pub mod watch;
pub mod webdriver;
pub mod window;

pub use output::Output;
pub use turn::turn;
