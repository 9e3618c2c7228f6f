//! Camera formats to pictures, straight from the driver's buffer.
//!
//! Cameras send BT.601: limited range uncompressed (USB Video Class 1.5, default colour matching), full range as
//! JPEG (JFIF 1.02). Pictures are BT.709 limited, so the planes are recoloured in place.

use std::panic::{AssertUnwindSafe, catch_unwind};

use footlight_media::Picture;
use yuv::{
    BufferStoreMut, YuvConversionMode, YuvPackedImage, YuvPlanarImageMut, YuvRange, YuvStandardMatrix,
    bgra_to_yuv420, rgb_to_yuv420, yuyv422_to_yuv420,
};

use crate::Error;

/// Packed 4:2:2, tightly packed rows.
pub(super) fn yuyv(raw: &[u8], picture: &mut Picture) -> Result<(), Error> {
    let (width, height) = (picture.width(), picture.height());
    let size = width as usize * height as usize * 2;
    let yuy = raw.get(..size).ok_or_else(|| damaged("a short frame"))?;
    let packed = YuvPackedImage { yuy, yuy_stride: width * 2, width, height };
    yuyv422_to_yuv420(&mut planar(picture), &packed).map_err(|error| damaged(&error.to_string()))?;
    recolour(picture, &LIMITED);
    Ok(())
}

/// Luma plane, then interleaved chroma at half size.
pub(super) fn nv12(raw: &[u8], picture: &mut Picture) -> Result<(), Error> {
    let luma = picture.width() as usize * picture.height() as usize;
    let raw = raw.get(..luma * 3 / 2).ok_or_else(|| damaged("a short frame"))?;
    let (y, cb, cr) = picture.planes_mut();
    y.copy_from_slice(&raw[..luma]);
    for ((pair, cb), cr) in raw[luma..].chunks_exact(2).zip(cb).zip(cr) {
        (*cb, *cr) = (pair[0], pair[1]);
    }
    recolour(picture, &LIMITED);
    Ok(())
}

/// Blue, green, red and a byte that does not count, in sRGB, as screens have them; `stride` bytes a row.
pub(super) fn bgra(raw: &[u8], stride: u32, picture: &mut Picture) -> Result<(), Error> {
    let mode = YuvConversionMode::Balanced;
    let (range, matrix) = (YuvRange::Limited, YuvStandardMatrix::Bt709);
    bgra_to_yuv420(&mut planar(picture), raw, stride, range, matrix, mode)
        .map_err(|error| damaged(&error.to_string()))
}

/// Reads JPEG; keeps its buffers from frame to frame.
#[derive(Default)]
pub(super) struct Converter {
    planes: [Vec<u8>; 3],
}

impl Converter {
    /// One JPEG of the picture's size; what follows its end is ignored.
    pub(super) fn mjpeg(&mut self, raw: &[u8], picture: &mut Picture) -> Result<(), Error> {
        // mozjpeg reports damage by unwinding.
        let read = AssertUnwindSafe(|| self.read(raw, picture));
        match catch_unwind(read) {
            Ok(Some(())) => Ok(()),
            Ok(None) => Err(damaged("a JPEG of another size")),
            Err(_) => Err(damaged("a broken JPEG")),
        }
    }

    fn read(&mut self, raw: &[u8], picture: &mut Picture) -> Option<()> {
        let jpeg = mozjpeg::Decompress::new_mem(raw).ok()?;
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        if jpeg.size() != (width, height) {
            return None;
        }
        let sampling: Vec<(i32, i32)> =
            jpeg.components().iter().map(|c| (c.h_samp_factor, c.v_samp_factor)).collect();
        let rows = match sampling[..] {
            [(2, 2), (1, 1), (1, 1)] => 1,
            [(2, 1), (1, 1), (1, 1)] => 2,
            _ => return rgb(jpeg, picture),
        };
        let strides: Vec<usize> = jpeg.components().iter().map(|c| c.width_in_blocks as usize * 8).collect();
        self.planes.iter_mut().for_each(Vec::clear);
        let mut reader = jpeg.raw().ok()?;
        let [y, cb, cr] = &mut self.planes;
        reader.read_raw_data(&mut [y, cb, cr]);
        // Dropped unfinished: a missing end marker is common, and everything has been read.
        drop(reader);
        let (luma, to_cb, to_cr) = picture.planes_mut();
        // Strides may only be known after decoding starts; they follow from the padded size then.
        let stride = |plane: usize, fallback: usize| match strides.get(plane) {
            Some(0) | None => fallback,
            Some(stride) => *stride,
        };
        let full = stride(0, width.next_multiple_of(16));
        for (to, from) in luma.chunks_exact_mut(width).zip(self.planes[0].chunks_exact(full)) {
            to.copy_from_slice(&from[..width]);
        }
        for (plane, to) in [(1, to_cb), (2, to_cr)] {
            let half = stride(plane, width.next_multiple_of(16) / 2);
            let mut lines = self.planes[plane].chunks_exact(half);
            for to in to.chunks_exact_mut(width / 2) {
                let first = lines.next()?;
                to.copy_from_slice(&first[..width / 2]);
                if rows == 2 {
                    let second = lines.next()?;
                    to.iter_mut()
                        .zip(second)
                        .for_each(|(a, b)| *a = (u16::from(*a) + u16::from(*b)).div_ceil(2) as u8);
                }
            }
        }
        recolour(picture, &FULL);
        Some(())
    }
}

/// The rare samplings: through RGB.
fn rgb(jpeg: mozjpeg::Decompress<&[u8]>, picture: &mut Picture) -> Option<()> {
    let mut reader = jpeg.rgb().ok()?;
    let pixels: Vec<u8> = reader.read_scanlines().ok()?;
    drop(reader);
    let stride = picture.width() * 3;
    let mode = YuvConversionMode::Balanced;
    let (range, matrix) = (YuvRange::Limited, YuvStandardMatrix::Bt709);
    rgb_to_yuv420(&mut planar(picture), &pixels, stride, range, matrix, mode).ok()
}

fn planar(picture: &mut Picture) -> YuvPlanarImageMut<'_, u8> {
    let (width, height) = (picture.width(), picture.height());
    let (y, u, v) = picture.planes_mut();
    YuvPlanarImageMut {
        y_plane: BufferStoreMut::Borrowed(y),
        y_stride: width,
        u_plane: BufferStoreMut::Borrowed(u),
        u_stride: width / 2,
        v_plane: BufferStoreMut::Borrowed(v),
        v_stride: width / 2,
        width,
        height,
    }
}

/// From one colour space to BT.709 limited, in 1/4096: luma's scale and offset, what Cb and Cr add to it, and the
/// new chroma of the old.
struct Matrix {
    scale: i32,
    offset: i32,
    luma: [i32; 2],
    cb: [i32; 2],
    cr: [i32; 2],
}

/// Both matrices through RGB: ITU-R BT.601 item 2.5, BT.709 item 3. Y' = Y - 0.1182 Cb - 0.2127 Cr,
/// Cb' = 1.0186 Cb + 0.1146 Cr, Cr' = 0.0750 Cb + 1.0253 Cr; chroma swings by 224 where luma swings by 219.
const LIMITED: Matrix =
    Matrix { scale: 4096, offset: 0, luma: [-473, -852], cb: [4172, 469], cr: [307, 4200] };

/// As above, from 0-255 to 16-235 and 16-240.
const FULL: Matrix = Matrix { scale: 3518, offset: 16, luma: [-416, -748], cb: [3665, 412], cr: [270, 3689] };

fn recolour(picture: &mut Picture, matrix: &Matrix) {
    let width = picture.width() as usize;
    let (luma, cb, cr) = picture.planes_mut();
    let chroma = cb.chunks_exact_mut(width / 2).zip(cr.chunks_exact_mut(width / 2));
    for (rows, (cb, cr)) in luma.chunks_exact_mut(width * 2).zip(chroma) {
        let (upper, lower) = rows.split_at_mut(width);
        let pairs = upper.chunks_exact_mut(2).zip(lower.chunks_exact_mut(2));
        for ((upper, lower), (cb, cr)) in pairs.zip(cb.iter_mut().zip(cr.iter_mut())) {
            let (b, r) = (i32::from(*cb) - 128, i32::from(*cr) - 128);
            let add = matrix.luma[0] * b + matrix.luma[1] * r + matrix.offset * 4096 + 2048;
            for y in upper.iter_mut().chain(lower) {
                *y = ((i32::from(*y) * matrix.scale + add) >> 12).clamp(0, 255) as u8;
            }
            *cb = (((matrix.cb[0] * b + matrix.cb[1] * r + 2048) >> 12) + 128).clamp(0, 255) as u8;
            *cr = (((matrix.cr[0] * b + matrix.cr[1] * r + 2048) >> 12) + 128).clamp(0, 255) as u8;
        }
    }
}

fn damaged(why: &str) -> Error {
    Error::Device(why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Colour, BT.601 limited, BT.709 limited.
    const COLOURS: [([u8; 3], [u8; 3], [u8; 3]); 6] = [
        ([0, 0, 0], [16, 128, 128], [16, 128, 128]),
        ([255, 255, 255], [235, 128, 128], [235, 128, 128]),
        ([255, 0, 0], [81, 90, 240], [63, 102, 240]),
        ([0, 255, 0], [145, 54, 34], [173, 42, 26]),
        ([0, 0, 255], [41, 240, 110], [32, 240, 118]),
        ([128, 128, 128], [126, 128, 128], [126, 128, 128]),
    ];

    fn check(picture: &Picture, wanted: [u8; 3], tolerance: u8, what: &str) {
        let (y, cb, cr) = picture.planes();
        for (plane, wanted) in [(y, wanted[0]), (cb, wanted[1]), (cr, wanted[2])] {
            for (i, got) in plane.iter().enumerate() {
                assert!(got.abs_diff(wanted) <= tolerance, "{what}: sample {i} is {got}, not {wanted}");
            }
        }
    }

    #[test]
    fn known_colours_come_out_of_every_format() {
        let (w, h) = (64u32, 48u32);
        let pixels = (w * h) as usize;
        for (rgb, [y, cb, cr], wanted) in COLOURS {
            let mut picture = Picture::black(w, h);
            yuyv(&[y, cb, y, cr].repeat(pixels / 2), &mut picture).expect("reads");
            check(&picture, wanted, 2, "YUYV");

            let mut raw = vec![y; pixels];
            raw.extend([cb, cr].repeat(pixels / 4));
            nv12(&raw, &mut picture).expect("reads");
            check(&picture, wanted, 2, "NV12");

            let [r, g, b] = rgb;
            // Rows as wide as a screen with one pixel more.
            let row = [[b, g, r, 0].repeat(w as usize), vec![7; 4]].concat();
            bgra(&row.repeat(h as usize), w * 4 + 4, &mut picture).expect("reads");
            check(&picture, wanted, 2, "BGRA");

            for sampling in [(2, 2), (2, 1), (1, 1)] {
                let mut jpeg = mozjpeg::Compress::new(mozjpeg::ColorSpace::JCS_RGB);
                jpeg.set_size(w as usize, h as usize);
                jpeg.set_quality(95.0);
                jpeg.set_chroma_sampling_pixel_sizes(sampling, sampling);
                let mut writer = jpeg.start_compress(Vec::new()).expect("starts");
                writer.write_scanlines(&rgb.repeat(pixels)).expect("writes");
                let mut bytes = writer.finish().expect("ends");
                // What an earlier, longer frame left in the driver's buffer.
                bytes.extend([0xff, 0xd8, 0x11, 0x22].repeat(64));
                Converter::default().mjpeg(&bytes, &mut picture).expect("reads");
                check(&picture, wanted, 3, &format!("JPEG {sampling:?}"));
            }
        }
    }

    #[test]
    fn damage_is_an_error() {
        let mut picture = Picture::black(64, 48);
        assert!(bgra(&[0; 100], 64 * 4, &mut picture).is_err());
        assert!(yuyv(&[0; 100], &mut picture).is_err());
        assert!(nv12(&[0; 100], &mut picture).is_err());
        let mut converter = Converter::default();
        for bytes in [&[][..], &[0xff, 0xd8, 0xff, 0xd9], &[7; 5000]] {
            assert!(converter.mjpeg(bytes, &mut picture).is_err());
        }
    }
}
