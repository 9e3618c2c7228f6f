//! A picture that somebody uploads, made anew from its pixels: nothing else of the file is kept or served.

use std::io::Cursor;

use footlight_protocol::coin::PICTURE_SIDE;
use footlight_protocol::{Code, Failure};
use image::codecs::png::PngEncoder;
use image::{DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits, Rgb, RgbImage};

use crate::gift::receipt::hex;

/// Longest side that is decoded, in pixels.
const LONGEST: u32 = 6_000;
/// Memory that a decoder may ask for: that of such a picture, four bytes a pixel.
const MEMORY: u64 = 144 << 20;

/// A PNG of at most [`PICTURE_SIDE`] pixels a side, and a name that another picture does not have.
///
/// # Errors
/// In words for the one who uploads: no PNG, JPEG or WebP, too large, or broken.
pub(crate) fn made_anew(file: &[u8]) -> Result<(String, Vec<u8>), Failure> {
    let image = decoded(file)?;
    let image = if image.width().max(image.height()) > PICTURE_SIDE {
        image.thumbnail(PICTURE_SIDE, PICTURE_SIDE)
    } else {
        image
    };
    let pixels = on_white(&image);
    let mut png = Vec::new();
    pixels.write_with_encoder(PngEncoder::new(&mut png)).map_err(|error| {
        tracing::error!(%error, "a picture cannot be written");
        Failure::new(Code::Internal, "The picture cannot be kept")
    })?;
    let name = hex(&<sha2::Sha256 as sha2::Digest>::digest(&png).into());
    Ok((name[..16].to_owned(), png))
}

fn decoded(file: &[u8]) -> Result<DynamicImage, Failure> {
    let unreadable = |_| Failure::new(Code::FileUnreadable, "The picture cannot be read");
    let mut reader = ImageReader::new(Cursor::new(file))
        .with_guessed_format()
        .map_err(|_| Failure::new(Code::FileUnreadable, "The picture cannot be read"))?;
    if !matches!(reader.format(), Some(ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::WebP)) {
        return Err(Failure::new(Code::FileUnreadable, "A picture is a PNG, a JPEG or a WebP"));
    }
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(LONGEST), Some(LONGEST));
    limits.max_alloc = Some(MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(unreadable)?;
    // How a camera was held is in what is not kept.
    let turned = decoder.orientation().map_err(unreadable)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(unreadable)?;
    image.apply_orientation(turned);
    Ok(image)
}

/// Codes are black on white; where a picture is transparent, a dark page would make it black on black.
fn on_white(image: &DynamicImage) -> RgbImage {
    let source = image.to_rgba8();
    RgbImage::from_fn(source.width(), source.height(), |x, y| {
        let [r, g, b, a] = source.get_pixel(x, y).0.map(u32::from);
        let over = |colour: u32| ((colour * a + 255 * (255 - a)) / 255) as u8;
        Rgb([over(r), over(g), over(b)])
    })
}

#[cfg(test)]
mod tests {
    use image::{ImageEncoder as _, Rgba, RgbaImage};

    use super::*;

    fn written(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        image.write_to(&mut file, format).unwrap();
        file.into_inner()
    }

    fn read(png: &[u8]) -> RgbImage {
        image::load_from_memory_with_format(png, ImageFormat::Png).unwrap().to_rgb8()
    }

    #[test]
    fn a_picture_is_what_its_pixels_are() {
        let half =
            RgbaImage::from_fn(64, 32, |x, _| if x < 32 { Rgba([0, 0, 0, 255]) } else { Rgba([0; 4]) });
        let half = DynamicImage::ImageRgba8(half);
        let (name, png) = made_anew(&written(&half, ImageFormat::Png)).unwrap();
        let again = read(&png);
        assert_eq!(
            (again.dimensions(), again.get_pixel(0, 0).0, again.get_pixel(63, 31).0),
            ((64, 32), [0; 3], [255; 3])
        );
        // Whatever was hidden behind or inside of it is gone, and the name is that of the pixels.
        let mut hiding = written(&half, ImageFormat::Png);
        hiding.extend_from_slice(b"<script>alert(1)</script>");
        assert_eq!(made_anew(&hiding).unwrap(), (name, png));
        let jpeg = written(&DynamicImage::ImageRgb8(again), ImageFormat::Jpeg);
        assert_eq!(read(&made_anew(&jpeg).unwrap().1).dimensions(), (64, 32));
        let webp = written(&half, ImageFormat::WebP);
        assert_eq!(read(&made_anew(&webp).unwrap().1).dimensions(), (64, 32));
    }

    #[test]
    fn a_large_one_becomes_small_and_a_broken_one_nothing() {
        let large = DynamicImage::new_luma8(3_000, 1_500);
        let (_, png) = made_anew(&written(&large, ImageFormat::Png)).unwrap();
        assert_eq!(read(&png).dimensions(), (PICTURE_SIDE, PICTURE_SIDE / 2));
        let huge = DynamicImage::new_luma8(LONGEST + 1, 1);
        let whole = written(&large, ImageFormat::Png);
        let gif = b"GIF89a\x01\0\x01\0\0\0\0;".to_vec();
        let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>".to_vec();
        for file in
            [written(&huge, ImageFormat::Png), whole[..whole.len() / 2].to_vec(), gif, svg, Vec::new()]
        {
            assert_eq!(made_anew(&file).unwrap_err().code, Code::FileUnreadable);
        }
        // A header that promises more than is there.
        let mut bomb = Vec::new();
        let encoder = PngEncoder::new(&mut bomb);
        encoder.write_image(&[0; 4], 2, 2, image::ExtendedColorType::L8).unwrap();
        bomb[16..24].copy_from_slice(&[0, 0, 0x17, 0x70, 0, 0, 0x17, 0x70]);
        assert!(made_anew(&bomb).is_err());
    }
}
