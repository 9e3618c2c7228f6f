//! A picture file of the creator's on its way into the studio's folder.

use footlight_protocol::scene::MAX_PICTURE;
use footlight_protocol::{Code, Failure};
use wasm_bindgen_futures::JsFuture;
use web_sys::File;

use crate::bridge;

/// Why it is not kept.
pub enum NotKept {
    /// It is the picture: the key of what is said where it was chosen.
    Odd(&'static str),
    Failed(Failure),
}

/// Has the studio keep a file; gives the name that layers call it by.
pub async fn keep(file: &File) -> Result<String, NotKept> {
    if file.size() > MAX_PICTURE as f64 {
        return Err(NotKept::Odd("layers.picture_large"));
    }
    let kept = match JsFuture::from(file.array_buffer()).await {
        Ok(bytes) => bridge::keep_picture(&js_sys::Uint8Array::new(&bytes)).await,
        Err(_) => Err(Failure::new(Code::FileUnreadable, "The picture cannot be read")),
    };
    // Elsewhere the words of this code are of videos.
    kept.map_err(|failure| match failure.code {
        Code::UnsupportedMedia => NotKept::Odd("layers.picture_odd"),
        _ => NotKept::Failed(failure),
    })
}
