//! A picture that somebody uploads, made anew from its pixels: nothing else of the file is kept or served.
//!
//! Of one that moves, the first picture is taken.

use std::io::Cursor;

use footlight_protocol::coin::PICTURE_SIDE;
use footlight_protocol::emote::{EMOTE_HEIGHT, EMOTE_WIDTH};
use footlight_protocol::person::AVATAR_SIDE;
use footlight_protocol::{Code, Failure};
use image::codecs::png::PngEncoder;
use image::{
    DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits, Rgb, RgbImage, Rgba, RgbaImage,
};

use crate::gift::receipt::hex;

/// Longest side that is decoded, in pixels.
const LONGEST: u32 = 6_000;
/// Memory that a decoder may ask for: that of such a picture, four bytes a pixel.
const MEMORY: u64 = 144 << 20;

/// What a picture is for, and so what becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A code that is scanned: whole, at most [`PICTURE_SIDE`] pixels a side, on white.
    Code,
    /// A person: the square in its middle, at most [`AVATAR_SIDE`] pixels a side, on white.
    Avatar,
    /// A word in a line of text: whole, at most [`EMOTE_WIDTH`] by [`EMOTE_HEIGHT`] pixels, transparent where it was.
    Emote,
}

/// A picture as it is kept and served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Made {
    /// Another picture does not have it: sixteen digits of a hash.
    pub(crate) name: String,
    pub(crate) png: Vec<u8>,
    /// In pixels.
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// A PNG of that shape.
///
/// # Errors
/// In words for the one who uploads: no PNG, JPEG or WebP, too large, or broken.
pub(crate) fn made_anew(file: &[u8], shape: Shape) -> Result<Made, Failure> {
    let image = decoded(file)?;
    let mut png = Vec::new();
    let encoder = PngEncoder::new(&mut png);
    let image: DynamicImage = match shape {
        Shape::Code => on_white(&within(image, PICTURE_SIDE, PICTURE_SIDE)).into(),
        Shape::Avatar => on_white(&within(middle(&image), AVATAR_SIDE, AVATAR_SIDE)).into(),
        Shape::Emote => seen(&within(image, EMOTE_WIDTH, EMOTE_HEIGHT)).into(),
    };
    image.write_with_encoder(encoder).map_err(|error| {
        tracing::error!(%error, "a picture cannot be written");
        Failure::new(Code::Internal, "The picture cannot be kept")
    })?;
    let name = hex(&<sha2::Sha256 as sha2::Digest>::digest(&png).into());
    let (width, height) = (image.width(), image.height());
    Ok(Made { name: name[..16].to_owned(), png, width, height })
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

fn within(image: DynamicImage, width: u32, height: u32) -> DynamicImage {
    if image.width() > width || image.height() > height { image.thumbnail(width, height) } else { image }
}

fn middle(image: &DynamicImage) -> DynamicImage {
    let (width, height) = (image.width(), image.height());
    let side = width.min(height);
    image.crop_imm((width - side) / 2, (height - side) / 2, side, side)
}

/// Pixels that cannot be seen have a colour, too, and something could be hidden in it.
fn seen(image: &DynamicImage) -> RgbaImage {
    let mut pixels = image.to_rgba8();
    for pixel in pixels.pixels_mut().filter(|pixel| pixel.0[3] == 0) {
        *pixel = Rgba([0; 4]);
    }
    pixels
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
    use image::ImageEncoder as _;

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
        let made = made_anew(&written(&half, ImageFormat::Png), Shape::Code).unwrap();
        let again = read(&made.png);
        assert_eq!(
            (again.dimensions(), again.get_pixel(0, 0).0, again.get_pixel(63, 31).0),
            ((64, 32), [0; 3], [255; 3])
        );
        // Whatever was hidden behind or inside of it is gone, and the name is that of the pixels.
        let mut hiding = written(&half, ImageFormat::Png);
        hiding.extend_from_slice(b"<script>alert(1)</script>");
        assert_eq!(made_anew(&hiding, Shape::Code).unwrap(), made);
        let jpeg = written(&DynamicImage::ImageRgb8(again), ImageFormat::Jpeg);
        assert_eq!(read(&made_anew(&jpeg, Shape::Code).unwrap().png).dimensions(), (64, 32));
        let webp = written(&half, ImageFormat::WebP);
        assert_eq!(read(&made_anew(&webp, Shape::Code).unwrap().png).dimensions(), (64, 32));
    }

    #[test]
    fn a_large_one_becomes_small_and_a_broken_one_nothing() {
        let large = DynamicImage::new_luma8(3_000, 1_500);
        let Made { png, .. } = made_anew(&written(&large, ImageFormat::Png), Shape::Code).unwrap();
        assert_eq!(read(&png).dimensions(), (PICTURE_SIDE, PICTURE_SIDE / 2));
        let huge = DynamicImage::new_luma8(LONGEST + 1, 1);
        let whole = written(&large, ImageFormat::Png);
        let gif = b"GIF89a\x01\0\x01\0\0\0\0;".to_vec();
        let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>".to_vec();
        for file in
            [written(&huge, ImageFormat::Png), whole[..whole.len() / 2].to_vec(), gif, svg, Vec::new()]
        {
            assert_eq!(made_anew(&file, Shape::Code).unwrap_err().code, Code::FileUnreadable);
        }
        // A header that promises more than is there.
        let mut bomb = Vec::new();
        let encoder = PngEncoder::new(&mut bomb);
        encoder.write_image(&[0; 4], 2, 2, image::ExtendedColorType::L8).unwrap();
        bomb[16..24].copy_from_slice(&[0, 0, 0x17, 0x70, 0, 0, 0x17, 0x70]);
        assert!(made_anew(&bomb, Shape::Code).is_err());
    }

    #[test]
    fn an_avatar_is_the_square_in_the_middle() {
        let sides = RgbImage::from_fn(900, 300, |x, _| {
            if (300..600).contains(&x) { Rgb([200, 0, 0]) } else { Rgb([0, 0, 200]) }
        });
        let file = written(&DynamicImage::ImageRgb8(sides), ImageFormat::Png);
        let Made { png, .. } = made_anew(&file, Shape::Avatar).unwrap();
        let avatar = read(&png);
        assert_eq!(avatar.dimensions(), (AVATAR_SIDE, AVATAR_SIDE));
        assert!(avatar.pixels().all(|pixel| pixel.0 == [200, 0, 0]));
        let small = written(&DynamicImage::new_luma8(3, 8), ImageFormat::Png);
        assert_eq!(read(&made_anew(&small, Shape::Avatar).unwrap().png).dimensions(), (3, 3));
    }

    #[test]
    fn an_emote_stays_transparent_and_hides_nothing() {
        let hiding = RgbaImage::from_fn(40, 40, |x, _| Rgba([90, 91, 92, if x < 20 { 0 } else { 128 }]));
        let file = written(&DynamicImage::ImageRgba8(hiding), ImageFormat::Png);
        let made = made_anew(&file, Shape::Emote).unwrap();
        let emote = image::load_from_memory_with_format(&made.png, ImageFormat::Png).unwrap().to_rgba8();
        assert_eq!((emote.get_pixel(0, 0).0, emote.get_pixel(39, 39).0), ([0; 4], [90, 91, 92, 128]));
        assert_eq!(made_anew(&made.png, Shape::Emote).unwrap(), made);
        for (size, becomes) in [((128, 128), (64, 64)), ((1_000, 100), (192, 19)), ((6_000, 1), (192, 1))] {
            let file = written(&DynamicImage::new_rgba8(size.0, size.1), ImageFormat::Png);
            assert_eq!(read(&made_anew(&file, Shape::Emote).unwrap().png).dimensions(), becomes, "{size:?}");
        }
    }
}
