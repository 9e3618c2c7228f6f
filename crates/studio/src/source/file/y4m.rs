//! YUV4MPEG2: uncompressed pictures one behind the other, a line of text before each.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use footlight_media::{Picture, PicturePool};

use super::{MAX_SIDE, unreadable};
use crate::Error;

/// A header line longer than this is not one.
const MAX_LINE: u64 = 1024;

/// A YUV4MPEG2 file: <https://wiki.multimedia.cx/index.php/YUV4MPEG2>.
pub(super) struct Movie {
    reader: BufReader<File>,
    first: u64,
    /// Frames in so many seconds.
    pub(super) rate: (u64, u64),
    /// Chroma has every row of luma (4:2:2) instead of every second.
    full_rows: bool,
    pub(super) pool: PicturePool,
    row: Vec<u8>,
}

impl Movie {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(|error| unreadable(path, error))?;
        let mut reader = BufReader::with_capacity(1 << 20, file);
        let header = line(&mut reader).map_err(|error| unreadable(path, error))?;
        let mut words = header.split(' ');
        if words.next() != Some("YUV4MPEG2") {
            return Err(unreadable(path, "neither a .y4m nor an .mp4 file"));
        }
        let (mut width, mut height, mut rate, mut full_rows) = (0u32, 0u32, (30, 1), false);
        for word in words.filter(|word| !word.is_empty()) {
            let (key, value) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
            match key {
                "W" => width = value.parse().unwrap_or(0),
                "H" => height = value.parse().unwrap_or(0),
                "F" => {
                    let parts =
                        value.split_once(':').and_then(|(n, d)| Some((n.parse().ok()?, d.parse().ok()?)));
                    rate = parts.filter(|(n, d)| *n > 0 && *d > 0).unwrap_or(rate);
                }
                "C" if value == "422" => full_rows = true,
                "C" if matches!(value, "420" | "420jpeg" | "420mpeg2" | "420paldv") => {}
                "C" => {
                    return Err(unreadable(path, format!("its pixel format {value} is not 4:2:0 or 4:2:2")));
                }
                _ => {}
            }
        }
        let sides = 2..=MAX_SIDE;
        if !sides.contains(&width) || !sides.contains(&height) || width % 2 + height % 2 > 0 {
            return Err(unreadable(path, format!("its size {width}x{height} is not usable")));
        }
        let first = reader.stream_position().map_err(|error| unreadable(path, error))?;
        Ok(Self { reader, first, rate, full_rows, pool: PicturePool::new(width, height), row: Vec::new() })
    }

    /// Reads one picture; false at the end.
    pub(super) fn read(&mut self, picture: &mut Picture) -> std::io::Result<bool> {
        let header = line(&mut self.reader)?;
        if header.is_empty() {
            return Ok(false);
        }
        if !header.starts_with("FRAME") {
            return Err(std::io::Error::other("no frame where one should be"));
        }
        let width = picture.width() as usize;
        let (y, cb, cr) = picture.planes_mut();
        self.reader.read_exact(y)?;
        for plane in [cb, cr] {
            if !self.full_rows {
                self.reader.read_exact(plane)?;
                continue;
            }
            self.row.resize(width / 2, 0);
            for row in plane.chunks_exact_mut(width / 2) {
                self.reader.read_exact(row)?;
                self.reader.read_exact(&mut self.row)?;
            }
        }
        Ok(true)
    }

    pub(super) fn rewind(&mut self) -> std::io::Result<()> {
        self.reader.seek(SeekFrom::Start(self.first)).map(drop)
    }
}

/// A line of text, empty at the end of the file.
fn line(reader: &mut BufReader<File>) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut bytes)?;
    if bytes.len() as u64 == MAX_LINE {
        return Err(std::io::Error::other("not a media file"));
    }
    let text =
        String::from_utf8(bytes).map_err(|_| std::io::Error::other("not a media file that can be read"))?;
    Ok(text.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::check_pictures;
    use super::super::tests::temporary;
    use super::*;

    #[test]
    fn a_movie_is_read_and_starts_over() {
        for (kind, chroma_rows) in [("420jpeg", 8), ("422", 16)] {
            let mut bytes = format!("YUV4MPEG2 W32 H16 F25:1 Ip C{kind}\n").into_bytes();
            for n in 1..=3u8 {
                bytes.extend(b"FRAME\n");
                bytes.extend(vec![n * 10; 32 * 16]);
                bytes.extend(vec![n; 16 * chroma_rows]);
                bytes.extend(vec![n + 100; 16 * chroma_rows]);
            }
            let path = temporary(&format!("{kind}.y4m"), &bytes);
            check_pictures(&path).expect("it is fine");
            let mut movie = Movie::open(&path).expect("opens");
            assert_eq!(movie.rate, (25, 1));
            let mut picture = movie.pool.take();
            for _ in 0..2 {
                for n in 1..=3u8 {
                    assert!(movie.read(&mut picture).expect("reads"));
                    let (y, cb, cr) = picture.planes();
                    assert_eq!((y[511], cb[127], cr[0]), (n * 10, n, n + 100));
                }
                assert!(!movie.read(&mut picture).expect("the end"));
                movie.rewind().expect("rewinds");
            }
            std::fs::remove_file(path).expect("cleans up");
        }
    }
}
