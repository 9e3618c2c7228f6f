//! What is to be seen in pictures of a page.

use crate::wait::{self, seconds};
use crate::webdriver::Session;

/// The colour of the picture in `css` at that share of its sides; `None` while there is none.
pub async fn colour_at(page: &Session, css: &str, (x, y): (f64, f64)) -> Option<[u8; 3]> {
    let script = format!(
        "const from = document.querySelector('{css}'); \
         const [width, height] = [from.videoWidth || from.width, from.videoHeight || from.height]; \
         if (!width) return null; \
         const canvas = new OffscreenCanvas(1, 1), pen = canvas.getContext('2d'); \
         pen.drawImage(from, -Math.floor(width * {x}), -Math.floor(height * {y})); \
         return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3)"
    );
    serde_json::from_value(page.try_run(&script).await.ok()?).ok()
}

/// Waits until the picture in `css` has about this colour at that share of its sides.
pub async fn coloured(page: &Session, css: &str, (x, y): (f64, f64), wanted: [u8; 3]) {
    let near = |got: [u8; 3]| got.iter().zip(wanted).all(|(got, wanted)| got.abs_diff(wanted) < 40);
    wait::until(&format!("{css} is {wanted:?} at {x}, {y}"), seconds(10), async || {
        colour_at(page, css, (x, y)).await.filter(|got| near(*got)).map(drop)
    })
    .await;
}
