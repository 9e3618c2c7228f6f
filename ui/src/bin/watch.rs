//! The viewer page.

fn main() {
    console_error_panic_hook::set_once();
    leptos::mount::mount_to_body(footlight_ui::screen::watch::Watch);
}
