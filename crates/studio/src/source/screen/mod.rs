//! Screens and windows as sources: each that is shown has a thread that looks where it is, and makes a picture of it at most
//! as often as the broadcast does, and only when something has changed.
//!
//! What cannot be seen (a window that is minimised or closed, a screen that is unplugged) is said as the source's state,
//! and tried again until it can. What windows are called is private: it is told to the window that asks, and never logged.

#[cfg(not(target_os = "linux"))]
mod none;
#[cfg(target_os = "linux")]
mod x11;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use footlight_protocol::studio::{Captures, SourceState};
use footlight_protocol::{Code, Failure};

#[cfg(not(target_os = "linux"))]
use self::none as platform;
#[cfg(target_os = "linux")]
use self::x11 as platform;
use super::Feed;
use crate::worker::{Worker, lock};
use crate::{Clock, Error};

/// Between two looks for what cannot be seen.
const RETRY: Duration = Duration::from_millis(500);
/// Windows that are known by number, at most. More would be a desktop that has run for months: then names have to do.
const MOST_KNOWN: usize = 4_096;

/// What to make pictures of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Screen(String),
    Window(Pane),
}

/// A window as a scene remembers it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Pane {
    pub(crate) id: u32,
    pub(crate) app: String,
    pub(crate) title: String,
}

impl std::fmt::Debug for Pane {
    /// Without what it is called, which is private.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pane").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Numbers of windows that were listed or found while this program runs. Only those stay a window's own when its title
/// changes: a number of an earlier session may be anybody's by now.
static KNOWN: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

fn know(id: u32) {
    let mut known = lock(&KNOWN);
    if known.len() >= MOST_KNOWN {
        known.clear();
    }
    known.insert(id);
}

/// Whether the window `id` of that app and title is the one that is meant. A window of the same app that is called
/// otherwise may be private, and is not shown in its place.
fn is_meant(pane: &Pane, id: u32, app: &str, title: &str) -> bool {
    app == pane.app && (title == pane.title || (id == pane.id && lock(&KNOWN).contains(&id)))
}

/// What can be shown.
///
/// # Errors
/// [`Code::CaptureFailed`] where the system lets nothing be seen.
pub fn captures() -> Result<Captures, Failure> {
    let captures = platform::list()?;
    captures.windows.iter().for_each(|window| know(window.id));
    Ok(captures)
}

pub(crate) fn start(target: Target, feed: Feed, clock: Clock, fps: u32) -> Result<Worker, Error> {
    let interval = Duration::from_secs(1) / fps.max(1);
    Ok(Worker::spawn("capture", move |stop| {
        while !stop.is_set() {
            if let Err(failure) = platform::watch(&target, &feed, clock, interval, stop) {
                feed.state(SourceState::Lost { failure });
            }
            if stop.wait(RETRY) {
                return;
            }
        }
    })?)
}

fn closed() -> Failure {
    Failure::new(Code::WindowClosed, "The window is not open")
}

fn hidden() -> Failure {
    Failure::new(Code::WindowHidden, "The window is minimised")
}

fn missing() -> Failure {
    Failure::new(Code::ScreenMissing, "The screen is not connected")
}

fn unseen(why: &str) -> Failure {
    Failure::new(Code::CaptureFailed, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_window_of_the_same_app_is_not_shown_instead() {
        let pane = Pane { id: 0xfff0_0001, app: "Browser".into(), title: "My game".into() };
        let meant = |id, app, title| is_meant(&pane, id, app, title);
        assert!(meant(5, "Browser", "My game"), "opened again, it has another number");
        assert!(!meant(5, "Browser", "My bank") && !meant(5, "Mail", "My game"));
        assert!(!meant(pane.id, "Browser", "My bank"), "the number is of an earlier session");
        know(pane.id);
        assert!(meant(pane.id, "Browser", "My game, level 2") && !meant(pane.id, "Mail", "My game"));
        assert!(!format!("{pane:?}").contains("game"));
    }
}
