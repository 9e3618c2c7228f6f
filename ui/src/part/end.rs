//! The end of a log that grows: whoever reads the newest goes on reading it, whoever scrolled up is left in peace.

use leptos::html::Div;
use leptos::prelude::*;

use crate::browser;

/// Closer to the end than this many pixels counts as reading the newest.
const NEAR: i32 = 48;

/// Cheap to copy. `frame` is the element that scrolls.
#[derive(Clone, Copy)]
pub struct End {
    pub frame: NodeRef<Div>,
    here: RwSignal<bool>,
    /// Where the frame was when it was looked at last, in pixels.
    top: StoredValue<i32>,
}

impl End {
    pub fn new() -> Self {
        let end = Self { frame: NodeRef::new(), here: RwSignal::new(true), top: StoredValue::new(0) };
        // The composer grows, a phone's keyboard comes.
        Effect::new(move |_| {
            if let Some(element) = end.frame.get() {
                browser::on_resize(&element, move || {
                    if end.here.try_get_untracked() == Some(true) {
                        end.scroll();
                    }
                });
            }
        });
        end
    }

    /// Goes there when what is new has been drawn.
    pub fn go(self) {
        self.here.set(true);
        request_animation_frame(move || self.scroll());
    }

    fn scroll(self) {
        if let Some(frame) = self.frame.try_get_untracked().flatten() {
            frame.set_scroll_top(frame.scroll_height());
            self.top.try_set_value(frame.scroll_top());
        }
    }

    pub fn here(self) -> ReadSignal<bool> {
        self.here.read_only()
    }

    pub fn is_here(self) -> bool {
        self.here.get_untracked()
    }

    /// The frame moved: whether the newest is being read now. Where it grew meanwhile, that is not far from its end but
    /// only behind; who wants to leave the end moves up.
    pub fn look(self) -> bool {
        let Some(frame) = self.frame.get_untracked() else { return false };
        let top = frame.scroll_top();
        let left = frame.scroll_height() - top - frame.client_height();
        let before = self.top.try_update_value(|before| std::mem::replace(before, top)).unwrap_or(top);
        let here = left <= NEAR || (self.is_here() && top >= before);
        self.here.set(here);
        here
    }
}

impl Default for End {
    fn default() -> Self {
        Self::new()
    }
}
