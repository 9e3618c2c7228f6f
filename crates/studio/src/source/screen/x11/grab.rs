//! Pixels out of the X server, and the pointer drawn over them, which is in none of its pictures.

use std::fs::File;
use std::os::unix::fs::FileExt;

use x11rb::connection::Connection;
use x11rb::errors::ReplyError;
use x11rb::protocol::shm::{self, ConnectionExt as _};
use x11rb::protocol::xfixes::GetCursorImageReply;
use x11rb::protocol::xproto::{ConnectionExt as _, ImageFormat};
use x11rb::rust_connection::RustConnection;

use super::{UNKNOWN, View};

/// Whether the server takes memory of ours by its file descriptor.
pub(super) fn shares(to: &RustConnection) -> bool {
    let version = to.shm_query_version().map(|asked| asked.reply());
    matches!(version, Ok(Ok(version)) if (version.major_version, version.minor_version) >= (1, 2))
}

/// Memory that the server writes into. It is read as a file, so that nobody has to vouch for what the server does to it
/// meanwhile.
struct Shared {
    file: File,
    segment: shm::Seg,
    size: usize,
}

/// Takes pictures of views, one after the other.
pub(super) struct Grabber {
    shares: bool,
    shared: Option<Shared>,
    pixels: Vec<u8>,
}

impl Grabber {
    pub(super) fn new(shares: bool) -> Self {
        Self { shares, shared: None, pixels: Vec::new() }
    }

    /// The last one's rows: blue, green, red, and a byte that does not count.
    pub(super) fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    pub(super) fn grab(&mut self, to: &RustConnection, view: &View) -> Result<(), ReplyError> {
        let size = usize::from(view.width) * usize::from(view.height) * 4;
        if self.shares && self.shared.as_ref().is_none_or(|shared| shared.size < size) {
            if let Some(old) = self.shared.take() {
                to.shm_detach(old.segment)?.ignore_error();
            }
            match share(to, size) {
                Ok(shared) => self.shared = Some(shared),
                Err(error) => {
                    tracing::debug!(%error, "the X server shares no memory");
                    self.shares = false;
                }
            }
        }
        let View { drawable, x, y, width, height, .. } = *view;
        if let Some(shared) = &self.shared {
            let format = ImageFormat::Z_PIXMAP.into();
            to.shm_get_image(drawable, x, y, width, height, !0, format, shared.segment, 0)?.reply()?;
            self.pixels.resize(size, 0);
            shared.file.read_exact_at(&mut self.pixels, 0).map_err(broken)?;
        } else {
            let image = to.get_image(ImageFormat::Z_PIXMAP, drawable, x, y, width, height, !0)?.reply()?;
            self.pixels = image.data;
        }
        // A server of 15 or 16 bits a pixel would have sent fewer.
        if self.pixels.len() < size {
            return Err(broken(std::io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(())
    }

    /// Lays the pointer over the last one.
    pub(super) fn draw(&mut self, pointer: &Pointer, view: &View) {
        let (width, height) = (i32::from(view.width), i32::from(view.height));
        for (row, pixels) in (pointer.y..).zip(pointer.pixels.chunks_exact(pointer.width.max(1))) {
            for (column, pixel) in (pointer.x..).zip(pixels) {
                if !(0..width).contains(&column) || !(0..height).contains(&row) {
                    continue;
                }
                let [b, g, r, alpha] = pixel.to_le_bytes();
                let at = (row * width + column) as usize * 4;
                let Some(under) = self.pixels.get_mut(at..at + 3) else { return };
                for (under, over) in under.iter_mut().zip([b, g, r]) {
                    // Its colours are multiplied by alpha already.
                    let left = u16::from(*under) * u16::from(255 - alpha) / 255;
                    *under = over.saturating_add(left as u8);
                }
            }
        }
    }
}

fn broken(error: std::io::Error) -> ReplyError {
    ReplyError::ConnectionError(error.into())
}

fn share(to: &RustConnection, size: usize) -> Result<Shared, ReplyError> {
    let file = rustix::fs::memfd_create("footlight capture", rustix::fs::MemfdFlags::CLOEXEC);
    let file = File::from(file.map_err(|error| broken(error.into()))?);
    file.set_len(size as u64).map_err(broken)?;
    let theirs = file.try_clone().map_err(broken)?;
    let segment = to.generate_id().map_err(|_| ReplyError::ConnectionError(UNKNOWN))?;
    to.shm_attach_fd(segment, theirs, false)?.check()?;
    Ok(Shared { file, segment, size })
}

/// The pointer as it is, and where in a view.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pointer {
    x: i32,
    y: i32,
    width: usize,
    serial: u32,
    pixels: Vec<u32>,
}

impl Pointer {
    /// `None` where nothing of it is over a view that begins there and is so large.
    pub(super) fn over(image: GetCursorImageReply, (x, y): (i16, i16), size: (u16, u16)) -> Option<Self> {
        let at =
            |pointer: i16, hot: u16, origin: i16| i32::from(pointer) - i32::from(hot) - i32::from(origin);
        let (x, y) = (at(image.x, image.xhot, x), at(image.y, image.yhot, y));
        let inside = |at: i32, length: u16, most: u16| at < i32::from(most) && at + i32::from(length) > 0;
        let seen = inside(x, image.width, size.0) && inside(y, image.height, size.1);
        let (width, serial) = (image.width.into(), image.cursor_serial);
        seen.then_some(Self { x, y, width, serial, pixels: image.cursor_image })
    }
}
