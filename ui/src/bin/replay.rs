//! The page of a broadcast that is over: a program of its own, so that who watches live does not load it.

fn main() {
    console_error_panic_hook::set_once();
    leptos::mount::mount_to_body(footlight_ui::screen::replay::Replay);
}
