//! The room over somebody else's picture: a program of its own, small and without a player.

fn main() {
    console_error_panic_hook::set_once();
    leptos::mount::mount_to_body(footlight_ui::screen::overlay::Overlay);
}
