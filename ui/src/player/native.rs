//! HLS by the browser itself, where there are no Media Source Extensions: older iPhones.

use std::cell::Cell;
use std::rc::Rc;

use wasm_bindgen::prelude::*;
use web_sys::HtmlVideoElement;

use super::screen::Screen;
use super::{Happened, property};
use crate::store::playback::Seen;

/// Pictures a second that playing stands for in the counters: the browser tells only where it is.
const MOVES_A_SECOND: f64 = 30.0;

/// Ends when it is closed.
pub(super) struct Session {
    screen: Rc<Screen>,
    _on_playing: Closure<dyn Fn()>,
    _on_error: Closure<dyn Fn()>,
    closed: Rc<Cell<bool>>,
}

pub(super) fn supported() -> bool {
    let probe = leptos::prelude::document().create_element("video").ok();
    let video: Option<HtmlVideoElement> = probe.and_then(|element| element.dyn_into().ok());
    video.is_some_and(|video| !video.can_play_type("application/vnd.apple.mpegurl").is_empty())
}

impl Session {
    pub(super) fn open(screen: Rc<Screen>, list: &str, on: impl Fn(Happened) + 'static) -> Self {
        let (on, closed) = (Rc::new(on), Rc::new(Cell::new(false)));
        let report = |happened: fn() -> Happened| {
            let (on, closed) = (on.clone(), closed.clone());
            Closure::<dyn Fn()>::new(move || {
                if !closed.get() {
                    on(happened());
                }
            })
        };
        let (on_playing, on_error) = (report(|| Happened::Opened), report(|| Happened::Ended));
        let video = screen.video();
        video.set_onplaying(Some(on_playing.as_ref().unchecked_ref()));
        video.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        video.set_src(list);
        screen.play();
        Self { screen, _on_playing: on_playing, _on_error: on_error, closed }
    }

    pub(super) fn close(&self) {
        self.closed.set(true);
        self.screen.video().set_onplaying(None);
        self.screen.video().set_onerror(None);
    }

    pub(super) fn look(&self) -> Option<Seen> {
        let moved = self.screen.video().current_time() * MOVES_A_SECOND;
        Some(Seen { packets: moved, signs: moved, moved, ..Seen::default() })
    }

    /// By the playlist's dates, which this browser reads itself (`getStartDate`, WHATWG HTML).
    pub(super) fn captured_ms(&self, media_s: f64) -> Option<f64> {
        let video = self.screen.video();
        let ask: js_sys::Function = property(video, "getStartDate").dyn_into().ok()?;
        let start: js_sys::Date = ask.call0(video).ok()?.dyn_into().ok()?;
        let start = start.get_time();
        start.is_finite().then_some(start + media_s * 1_000.0)
    }
}
