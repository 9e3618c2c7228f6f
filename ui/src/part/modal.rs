//! A dialog over the whole page that follows a value: everything else waits while it is there.

use leptos::html::Dialog;
use leptos::prelude::*;

/// Where to hang the dialog that stands open while `open` says so.
pub fn modal(open: impl Fn() -> bool + 'static) -> NodeRef<Dialog> {
    let dialog = NodeRef::<Dialog>::new();
    Effect::new(move |_| {
        let Some(dialog) = dialog.get() else { return };
        match (open(), dialog.open()) {
            (true, false) => drop(dialog.show_modal()),
            (false, true) => dialog.close(),
            _ => {}
        }
    });
    dialog
}
