//! A button that chooses pictures from the visitor's files.

use leptos::prelude::*;
use web_sys::{File, HtmlInputElement};

/// Gives what was chosen, at least one file.
#[component]
pub fn Upload(
    id: &'static str,
    /// More than one can be chosen.
    #[prop(optional)]
    multiple: bool,
    #[prop(into)] disabled: Signal<bool>,
    chosen: impl Fn(Vec<File>) + 'static,
    children: Children,
) -> impl IntoView {
    let change = move |event: web_sys::Event| {
        let input: HtmlInputElement = event_target(&event);
        let Some(list) = input.files() else { return };
        let files: Vec<File> = (0..list.length()).filter_map(|at| list.get(at)).collect();
        // The same file may be chosen again after it was refused.
        input.set_value("");
        if !files.is_empty() {
            chosen(files);
        }
    };
    view! {
        <label class="secondary offer-upload" aria-disabled=move || disabled.get().to_string()>
            {children()}
            <input
                id=id
                class="hidden"
                type="file"
                multiple=multiple
                accept="image/png,image/jpeg,image/webp"
                disabled=move || disabled.get()
                on:change=change
            />
        </label>
    }
}
