//! What the studio remembers of scenes: `scenes.json` and the pictures that are placed in them, in a folder.

use std::fs;
use std::io::Cursor;
use std::path::PathBuf;

use footlight_protocol::scene::{MAX_PICTURE, Scenes, Source};
use footlight_protocol::{Code, Failure};
use image::{DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, RgbaImage};

use crate::kept;

/// Sides of a picture that is read, at most, in pixels; of one that is kept.
const READ: u32 = 8192;
const KEPT: u32 = 2560;
/// Memory that reading one may take.
const MEMORY: u64 = 512 << 20;
const FILE: &str = "scenes.json";
/// What the file is called in the log.
const WHAT: &str = "the collection of scenes";
const ENDING: &str = ".png";

/// The folder; none: nothing is remembered.
#[derive(Debug, Clone)]
pub(crate) struct Album(Option<PathBuf>);

impl Album {
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self(folder)
    }

    /// As they were kept; pictures that are placed in none of them are forgotten. What cannot be read is set aside under
    /// another name and told in the log, and its pictures stay.
    pub(crate) fn scenes(&self) -> Scenes {
        let Some(path) = self.0.as_ref().map(|folder| folder.join(FILE)) else { return Scenes::default() };
        let Some(scenes) = kept::read(&path, WHAT, Scenes::check) else { return Scenes::default() };
        self.tidy(&scenes);
        scenes
    }

    /// Keeps them for the next time.
    pub(crate) fn keep(&self, scenes: &Scenes) {
        if let Some(folder) = &self.0 {
            kept::write(&folder.join(FILE), WHAT, scenes);
        }
    }

    fn tidy(&self, scenes: &Scenes) {
        let Some(folder) = &self.0 else { return };
        let layers = || scenes.scenes.iter().flat_map(|scene| &scene.layers);
        let placed = |name: &str| {
            layers().any(|layer| matches!(&layer.source, Source::Image { picture } if picture == name))
                || scenes.overlays().any(|overlay| overlay.picture() == Some(name))
        };
        for file in fs::read_dir(folder).into_iter().flatten().flatten() {
            if let Some(name) = file.file_name().to_str()
                && is_name(name)
                && !placed(name)
            {
                drop(fs::remove_file(file.path()));
            }
        }
    }

    /// Takes a picture in and gives its name.
    ///
    /// # Errors
    /// [`Code::TooLong`], [`Code::UnsupportedMedia`] for what is no PNG, JPEG or WebP, [`Code::Internal`] where it
    /// cannot be kept.
    pub(crate) fn take(&self, bytes: &[u8]) -> Result<String, Failure> {
        if bytes.len() > MAX_PICTURE {
            let most = format!("A picture may have {} MB at most", MAX_PICTURE >> 20);
            return Err(Failure::new(Code::TooLong, most));
        }
        let unlike =
            || Failure::new(Code::UnsupportedMedia, "This is no PNG, JPEG or WebP picture that can be read");
        let mut picture = read(bytes).ok_or_else(unlike)?;
        if picture.width().max(picture.height()) > KEPT {
            picture = DynamicImage::from(picture).thumbnail(KEPT, KEPT).into_rgba8();
        }
        let mut file = Cursor::new(Vec::new());
        let written = picture.write_to(&mut file, ImageFormat::Png).map_err(|error| error.to_string());
        let kept = written.and_then(|()| self.write(file.get_ref()));
        kept.map_err(|error| {
            tracing::warn!(error, "a picture cannot be kept");
            Failure::new(Code::Internal, "The picture cannot be kept: there is no folder for it, or no room")
        })
    }

    fn write(&self, file: &[u8]) -> Result<String, String> {
        let folder = self.0.as_ref().ok_or("there is no folder")?;
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| error.to_string())?;
        let name = format!("{:016x}{ENDING}", u64::from_le_bytes(random));
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(folder.join(&name), file))
            .map_err(|error| error.to_string())?;
        Ok(name)
    }

    /// The picture of that name, if it is there.
    pub(super) fn picture(&self, name: &str) -> Option<RgbaImage> {
        let folder = self.0.as_ref().filter(|_| is_name(name))?;
        read(&fs::read(folder.join(name)).ok()?)
    }
}

/// Whether a file of that name is one of ours, and no way out of the folder.
fn is_name(name: &str) -> bool {
    let stem = name.strip_suffix(ENDING).unwrap_or_default();
    stem.len() == 16 && stem.bytes().all(|letter| letter.is_ascii_hexdigit())
}

fn read(bytes: &[u8]) -> Option<RgbaImage> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
    let mut limits = image::Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(READ), Some(READ));
    limits.max_alloc = Some(MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().ok()?;
    // A photo lies as the camera was held; upright is what its file says of that.
    let turned = decoder.orientation().ok()?;
    let mut picture = DynamicImage::from_decoder(decoder).ok()?;
    picture.apply_orientation(turned);
    Some(picture.into_rgba8())
}

#[cfg(test)]
mod tests {
    use super::*;
    use footlight_protocol::scene::{Layer, Place};

    fn album(name: &str) -> (Album, PathBuf) {
        let folder = std::env::temp_dir().join(format!("footlight-album-{name}-{}", std::process::id()));
        drop(fs::remove_dir_all(&folder));
        (Album::new(Some(folder.clone())), folder)
    }

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        RgbaImage::new(width, height).write_to(&mut file, ImageFormat::Png).unwrap();
        file.into_inner()
    }

    #[test]
    fn scenes_and_their_pictures_are_there_again() {
        let (album, folder) = album("again");
        assert_eq!(album.scenes(), Scenes::default());
        let picture = album.take(&png(3000, 30)).unwrap();
        let (placed, other) = (picture.clone(), album.take(&png(4, 4)).unwrap());
        let mut scenes = Scenes::default();
        scenes.scenes[0].layers.push(Layer::new(Source::Image { picture }, Place::WHOLE));
        album.keep(&scenes);
        assert_eq!(album.scenes(), scenes);
        let there = album.picture(&placed).unwrap();
        assert_eq!((there.width(), there.height()), (2560, 26));
        assert!(album.picture(&other).is_none(), "it is placed nowhere");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_photo_stands_upright() {
        let mut photo = Cursor::new(Vec::new());
        let wide = image::RgbImage::from_fn(64, 32, |x, _| image::Rgb([if x < 32 { 250 } else { 5 }; 3]));
        wide.write_to(&mut photo, ImageFormat::Jpeg).unwrap();
        // EXIF 2.3 section 4.6.4: tag 0x112, one short, 6: the first row is the right side.
        let tiff = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
        let mut exif = b"\xff\xe1".to_vec();
        exif.extend((2 + 6 + tiff.len() as u16).to_be_bytes());
        exif.extend(b"Exif\0\0");
        exif.extend(tiff);
        let mut file = photo.into_inner();
        file.splice(2..2, exif);
        let upright = read(&file).unwrap();
        assert_eq!(upright.dimensions(), (32, 64));
        assert!(upright.get_pixel(16, 4).0[0] > 200 && upright.get_pixel(16, 60).0[0] < 50);
    }

    #[test]
    fn what_is_no_picture_is_refused_and_no_name_leads_out_of_the_folder() {
        let (album, folder) = album("refused");
        let code = |bytes: &[u8]| album.take(bytes).unwrap_err().code;
        assert_eq!(code(b"GIF89a"), Code::UnsupportedMedia);
        assert_eq!(code(b""), Code::UnsupportedMedia);
        assert_eq!(code(&png(20, 20)[..40]), Code::UnsupportedMedia);
        assert_eq!(code(&vec![0; MAX_PICTURE + 1]), Code::TooLong);
        for name in ["../secrets.toml", "scenes.json", "0123456789abcdef.jpg", "0123456789abcde/.png", ""] {
            assert!(!is_name(name), "{name}");
        }
        assert_eq!(Album::new(None).take(&png(2, 2)).unwrap_err().code, Code::Internal);
        drop(fs::remove_dir_all(folder));
    }

    #[test]
    fn scenes_that_make_no_sense_are_set_aside() {
        let (album, folder) = album("aside");
        let picture = album.take(&png(2, 2)).unwrap();
        for text in ["{", r#"{"scenes":[],"current":0}"#] {
            fs::write(folder.join(FILE), text).unwrap();
            assert_eq!(album.scenes(), Scenes::default());
            assert_eq!(fs::read_to_string(folder.join("scenes.json.unreadable")).unwrap(), text);
        }
        assert!(album.picture(&picture).is_some(), "somebody may mend the file");
        fs::remove_dir_all(folder).unwrap();
    }
}
