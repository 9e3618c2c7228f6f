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
}

impl End {
    pub fn new() -> Self {
        let end = Self { frame: NodeRef::new(), here: RwSignal::new(true) };
        // The composer grows, a phone's keyboard comes.
        Effect::new(move |_| {
            if let Some(element) = end.frame.get() {
                browser::on_resize(&element, move || {
                    if let (Some(frame), Some(true)) =
                        (end.frame.try_get_untracked().flatten(), end.here.try_get_untracked())
                    {
                        frame.set_scroll_top(frame.scroll_height());
                    }
                });
            }
        });
        end
    }

    /// Goes there when what is new has been drawn.
    pub fn go(self) {
        self.here.set(true);
        request_animation_frame(move || {
            if let Some(frame) = self.frame.try_get_untracked().flatten() {
                frame.set_scroll_top(frame.scroll_height());
            }
        });
    }

    pub fn here(self) -> ReadSignal<bool> {
        self.here.read_only()
    }

    pub fn is_here(self) -> bool {
        self.here.get_untracked()
    }

    /// Somebody scrolled: whether the end is in sight now.
    pub fn look(self) -> bool {
        let Some(frame) = self.frame.get_untracked() else { return false };
        let left = frame.scroll_height() - frame.scroll_top() - frame.client_height();
        self.here.set(left <= NEAR);
        left <= NEAR
    }
}

impl Default for End {
    fn default() -> Self {
        Self::new()
    }
}
