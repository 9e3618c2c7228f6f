//! Raw media: I420 pictures from a pool, and blocks of PCM.
//!
//! A picture's memory comes from a [`PicturePool`] and goes back to it when the last reader drops it, so a
//! running camera allocates nothing a frame.

use std::fmt;
use std::sync::{Arc, Mutex, Weak};

use crate::Time;

/// One captured or composed picture. Cloning shares the pixels.
#[derive(Debug, Clone)]
pub struct Frame {
    /// When the sensor (or the pattern) made it.
    pub captured: Time,
    pub picture: Arc<Picture>,
}

/// I420 in BT.709 limited range: full-size luma, then both chroma planes at half size. Rows are tightly packed.
pub struct Picture {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
    home: Weak<Mutex<Vec<Vec<u8>>>>,
}

impl Picture {
    /// A picture outside any pool. Width and height are rounded down to even; limited-range black.
    pub fn black(width: u32, height: u32) -> Self {
        let (width, height) = (width & !1, height & !1);
        let mut picture = Self { width, height, pixels: Vec::new(), home: Weak::new() };
        picture.pixels = vec![128; picture.size()];
        picture.planes_mut().0.fill(16);
        picture
    }

    pub fn width(&self) -> u32 {
        self.width
    }

    pub fn height(&self) -> u32 {
        self.height
    }

    fn luma(&self) -> usize {
        self.width as usize * self.height as usize
    }

    fn size(&self) -> usize {
        self.luma() * 3 / 2
    }

    /// Luma, Cb, Cr. Strides are `width`, `width / 2`, `width / 2`.
    pub fn planes(&self) -> (&[u8], &[u8], &[u8]) {
        let (luma, chroma) = self.pixels.split_at(self.luma());
        let (cb, cr) = chroma.split_at(chroma.len() / 2);
        (luma, cb, cr)
    }

    /// Luma, Cb, Cr, to be written.
    pub fn planes_mut(&mut self) -> (&mut [u8], &mut [u8], &mut [u8]) {
        let at = self.luma();
        let (luma, chroma) = self.pixels.split_at_mut(at);
        let (cb, cr) = chroma.split_at_mut(chroma.len() / 2);
        (luma, cb, cr)
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Picture({}x{})", self.width, self.height)
    }
}

impl Drop for Picture {
    fn drop(&mut self) {
        if let Some(home) = self.home.upgrade()
            && let Ok(mut free) = home.lock()
            && free.len() < KEPT
        {
            free.push(std::mem::take(&mut self.pixels));
        }
    }
}

/// Free buffers that a pool keeps: capture, compose, encode and preview hold one or two each.
const KEPT: usize = 8;

/// Makes pictures of one size, reusing the memory of those that were dropped.
#[derive(Debug, Clone)]
pub struct PicturePool {
    width: u32,
    height: u32,
    free: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl PicturePool {
    /// Width and height are rounded down to even.
    pub fn new(width: u32, height: u32) -> Self {
        Self { width: width & !1, height: height & !1, free: Arc::default() }
    }

    pub fn width(&self) -> u32 {
        self.width
    }

    pub fn height(&self) -> u32 {
        self.height
    }

    /// A picture whose pixels are whatever was there before.
    pub fn take(&self) -> Picture {
        let size = self.width as usize * self.height as usize * 3 / 2;
        let reused = self.free.lock().ok().and_then(|mut free| free.pop());
        let mut pixels = reused.unwrap_or_default();
        pixels.resize(size, 128);
        Picture { width: self.width, height: self.height, pixels, home: Arc::downgrade(&self.free) }
    }
}

/// A block of sound: 48 kHz, two channels interleaved, -1.0 to 1.0.
#[derive(Debug, Clone)]
pub struct Pcm {
    /// When the first sample was captured.
    pub captured: Time,
    pub samples: Vec<f32>,
}

impl Pcm {
    /// Samples a second and channel.
    pub const RATE: u32 = 48_000;
    pub const CHANNELS: usize = 2;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_picture_is_used_again() {
        let pool = PicturePool::new(65, 49);
        let mut first = pool.take();
        assert_eq!((first.width(), first.height()), (64, 48));
        first.planes_mut().0[0] = 77;
        let address = first.planes().0.as_ptr();
        drop(first);
        let second = pool.take();
        assert_eq!(second.planes().0.as_ptr(), address);
        let (y, u, v) = second.planes();
        assert_eq!((y.len(), u.len(), v.len()), (64 * 48, 32 * 24, 32 * 24));
    }
}
