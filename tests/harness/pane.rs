//! A window of somebody else's app on a private X server: all of one colour.

use x11rb::connection::Connection;
use x11rb::protocol::xproto::{
    AtomEnum, ChangeWindowAttributesAux, ConfigureWindowAux, ConnectionExt as _, CreateWindowAux, PropMode,
    StackMode, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

use crate::screen::Screen;

/// Closed when it is dropped.
pub struct Pane {
    to: RustConnection,
    window: u32,
}

impl Pane {
    /// Opens it in front of all others.
    pub fn open(
        screen: &Screen,
        title: &str,
        (x, y): (i16, i16),
        (width, height): (u16, u16),
        colour: [u8; 3],
    ) -> Self {
        let (to, number) = x11rb::connect(Some(screen.display())).expect("the X server runs");
        let root = to.setup().roots[number].root;
        let window = to.generate_id().expect("there are numbers left");
        let look = CreateWindowAux::new().background_pixel(pixel(colour));
        let kind = WindowClass::INPUT_OUTPUT;
        to.create_window(0, window, root, x, y, width, height, 0, kind, 0, &look).expect("it is created");
        let text = |what: AtomEnum, text: &[u8]| {
            to.change_property8(PropMode::REPLACE, window, what, AtomEnum::STRING, text)
                .expect("it is named");
        };
        text(AtomEnum::WM_NAME, title.as_bytes());
        text(AtomEnum::WM_CLASS, b"their-app\0TheirApp\0");
        let pane = Self { to, window };
        pane.show();
        pane
    }

    pub fn paint(&self, colour: [u8; 3]) {
        let look = ChangeWindowAttributesAux::new().background_pixel(pixel(colour));
        self.to.change_window_attributes(self.window, &look).expect("it is there");
        self.to.clear_area(false, self.window, 0, 0, 0, 0).expect("it is there");
        self.done();
    }

    pub fn resize(&self, width: u16, height: u16) {
        let size = ConfigureWindowAux::new().width(u32::from(width)).height(u32::from(height));
        self.to.configure_window(self.window, &size).expect("it is there");
        self.done();
    }

    /// As a window manager minimises.
    pub fn hide(&self) {
        self.to.unmap_window(self.window).expect("it is there");
        self.done();
    }

    pub fn show(&self) {
        self.to.map_window(self.window).expect("it is there");
        let front = ConfigureWindowAux::new().stack_mode(StackMode::ABOVE);
        self.to.configure_window(self.window, &front).expect("it is there");
        self.done();
    }

    fn done(&self) {
        self.to.sync().expect("the X server runs");
    }
}

fn pixel([r, g, b]: [u8; 3]) -> u32 {
    u32::from_be_bytes([0, r, g, b])
}
