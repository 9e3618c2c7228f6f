//! Pictures made to fit: scaled to where they are drawn.

use footlight_media::Picture;

/// A part of a picture, in pixels; all even, so that it begins and ends at whole chroma samples. It may lie outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Area {
    pub(crate) x: i32,
    pub(crate) y: i32,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

impl Area {
    pub(super) fn whole(width: u32, height: u32) -> Self {
        Self { x: 0, y: 0, width: width as usize, height: height as usize }
    }

    /// The largest part of it with the shape of `width` × `height`, in its middle.
    pub(super) fn fit(self, width: usize, height: usize) -> Self {
        let (fw, fh) = (width.max(1) as u64, height.max(1) as u64);
        let (tw, th) = (self.width as u64, self.height as u64);
        let (w, h) = if fw * th > tw * fh { (tw, tw * fh / fw) } else { (th * fw / fh, th) };
        let (w, h) = ((w as usize & !1).max(2), (h as usize & !1).max(2));
        let middle = |room: usize, taken: usize| ((room.saturating_sub(taken) / 2) & !1) as i32;
        let (x, y) = (self.x + middle(self.width, w), self.y + middle(self.height, h));
        Self { x, y, width: w, height: h }
    }

    /// Whether all of it is inside of a picture of that size.
    pub(super) fn is_inside(self, width: u32, height: u32) -> bool {
        let ends = (self.x + self.width as i32, self.y + self.height as i32);
        self.x >= 0 && self.y >= 0 && ends.0 <= width as i32 && ends.1 <= height as i32
    }
}

/// Scales all of `from` to all of `to`.
pub(crate) fn resize(from: &Picture, to: &mut Picture) {
    let area = Area::whole(to.width(), to.height());
    draw(from, to, area);
}

/// Scales all of `from` to that part of `to`, which has to be inside of it.
pub(super) fn draw(from: &Picture, to: &mut Picture, area: Area) {
    draw_part(from, Area::whole(from.width(), from.height()), to, area);
}

/// Scales a part of `from` to a part of `to`. Each has to be inside of its own.
pub(super) fn draw_part(from: &Picture, part: Area, to: &mut Picture, area: Area) {
    if part.width * part.height == 0 || !part.is_inside(from.width(), from.height()) {
        return;
    }
    let (from_stride, stride) = (from.width() as usize, to.width() as usize);
    let (sources, planes) = (from.planes(), to.planes_mut());
    for (plane, source, half) in
        [(planes.0, sources.0, 1), (planes.1, sources.1, 2), (planes.2, sources.2, 2)]
    {
        let start = part.y as usize / half * (from_stride / half) + part.x as usize / half;
        let source = Rows {
            samples: &source[start..],
            stride: from_stride / half,
            width: part.width / half,
            height: part.height / half,
        };
        let (x, y) = (area.x as usize / half, area.y as usize / half);
        let (width, height) = (area.width / half, area.height / half);
        scale(source, plane, Window { x, y, width, height, stride: stride / half });
    }
}

/// A part of a plane that is read.
#[derive(Clone, Copy)]
struct Rows<'a> {
    samples: &'a [u8],
    stride: usize,
    width: usize,
    height: usize,
}

impl<'a> Rows<'a> {
    fn row(&self, y: usize) -> &'a [u8] {
        &self.samples[y * self.stride..][..self.width]
    }
}

/// One that is written.
#[derive(Clone, Copy)]
struct Window {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
    stride: usize,
}

/// Scales one plane; averages when it shrinks to less than half, so that fine detail does not shimmer.
fn scale(source: Rows<'_>, plane: &mut [u8], to: Window) {
    let Rows { width, height, .. } = source;
    if (width, height) == (to.width, to.height) {
        for row in 0..height {
            plane[(to.y + row) * to.stride + to.x..][..width].copy_from_slice(source.row(row));
        }
        return;
    }
    if width >= to.width * 2 && height >= to.height * 2 {
        let (w, h) = (width / 2, height / 2);
        let mut half = vec![0; w * h];
        for (row, out) in half.chunks_exact_mut(w).enumerate() {
            let (above, below) = (source.row(row * 2), source.row(row * 2 + 1));
            for (i, out) in out.iter_mut().enumerate() {
                let sum = u16::from(above[i * 2]) + u16::from(above[i * 2 + 1]);
                let sum = sum + u16::from(below[i * 2]) + u16::from(below[i * 2 + 1]);
                *out = ((sum + 2) / 4) as u8;
            }
        }
        return scale(Rows { samples: &half, stride: w, width: w, height: h }, plane, to);
    }
    // Bilinear in two steps: rows first, which vectorises, then columns by a table.
    let columns: Vec<(usize, u16)> = (0..to.width).map(|i| tap(i, to.width, width)).collect();
    let mut line = vec![0u16; width + 1];
    for y in 0..to.height {
        let (row, weight) = tap(y, to.height, height);
        let (above, below) = (source.row(row), source.row((row + 1).min(height - 1)));
        for ((out, a), b) in line.iter_mut().zip(above).zip(below) {
            *out = u16::from(*a) * (256 - weight) + u16::from(*b) * weight;
        }
        line[width] = line[width - 1];
        let start = (to.y + y) * to.stride + to.x;
        for (out, (column, weight)) in plane[start..start + to.width].iter_mut().zip(&columns) {
            let (a, b, weight) = (u32::from(line[*column]), u32::from(line[column + 1]), u32::from(*weight));
            *out = ((a * (256 - weight) + b * weight + 32_768) >> 16) as u8;
        }
    }
}

/// Where output sample `i` of `to` lies among `from` samples: the one before it, and the weight of the one after
/// in 1/256.
fn tap(i: usize, to: usize, from: usize) -> (usize, u16) {
    let at = ((2 * i + 1) * from * 128 / to).saturating_sub(128);
    let index = (at / 256).min(from - 1);
    let weight = if index + 1 < from { at % 256 } else { 0 };
    (index, weight as u16)
}
