//! One of the studio's pictures, drawn when it comes.

use std::time::Duration;

use leptos::html::Canvas;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, BlobPropertyBag, CanvasRenderingContext2d, HtmlCanvasElement, ImageBitmap};

use crate::bridge::{self, Shown};
use crate::browser;

/// After an error, so that a broken shell is not asked a thousand times a second, and while nobody sees the window.
const PAUSE: Duration = Duration::from_millis(500);
/// A window whose timers are later than this, in milliseconds, has too much to do …
const LATE_MS: f64 = 25.0;
/// … and gets so many times as long without a picture, and at most the second, in milliseconds. What people say comes
/// first: it cannot be skipped.
const RELIEF: (f64, f64) = (5.0, 1_000.0);

/// The usual one.
pub const SHAPE: f64 = 16.0 / 9.0;

#[component]
pub fn PictureOf(
    which: Shown,
    id: &'static str,
    #[prop(into)] label: Signal<&'static str>,
    /// Whether there has been one.
    #[prop(default = RwSignal::new(false))]
    drawn: RwSignal<bool>,
    /// Width by height, until the first picture says otherwise.
    #[prop(default = RwSignal::new(SHAPE))]
    shape: RwSignal<f64>,
) -> impl IntoView {
    let canvas = NodeRef::<Canvas>::new();
    let gone = StoredValue::new(false);
    on_cleanup(move || gone.set_value(true));
    Effect::new(move |_| {
        if let Some(canvas) = canvas.get() {
            spawn_local(draw(canvas, which, drawn, shape, gone));
        }
    });
    view! {
        <canvas
            id=id
            node_ref=canvas
            width="640"
            height="360"
            data-frames="0"
            role="img"
            aria-label=move || label.get()
        ></canvas>
    }
}

/// Draws each newest picture until the component is gone. One request is under way at a time, so a slow
/// window skips pictures instead of queueing them.
async fn draw(
    canvas: HtmlCanvasElement,
    which: Shown,
    drawn: RwSignal<bool>,
    shape: RwSignal<f64>,
    gone: StoredValue<bool>,
) {
    let Ok(Some(context)) = canvas.get_context("2d") else {
        return;
    };
    let context: CanvasRenderingContext2d = context.unchecked_into();
    let mut frames: u64 = 0;
    while !gone.try_get_value().unwrap_or(true) {
        if document().hidden() {
            browser::sleep(PAUSE).await;
            continue;
        }
        let picture = match bridge::next_picture(which).await {
            Ok(bytes) if bytes.byte_length() > 0 => decode(&bytes).await,
            Ok(_) => continue,
            Err(_) => Err(JsValue::NULL),
        };
        let Ok(picture) = picture else {
            browser::sleep(PAUSE).await;
            continue;
        };
        if (canvas.width(), canvas.height()) != (picture.width(), picture.height()) {
            canvas.set_width(picture.width());
            canvas.set_height(picture.height());
            shape.try_set(f64::from(picture.width()) / f64::from(picture.height().max(1)));
        }
        let shown = context.draw_image_with_image_bitmap(&picture, 0.0, 0.0);
        picture.close();
        if shown.is_ok() {
            frames += 1;
            let _ = canvas.set_attribute("data-frames", &frames.to_string());
            if frames == 1 {
                drawn.try_set(true);
            }
        }
        give_way().await;
    }
}

/// Waits where the window does not keep up.
async fn give_way() {
    let asked = browser::now_ms();
    browser::sleep(Duration::ZERO).await;
    let late = browser::now_ms() - asked;
    if late > LATE_MS {
        browser::sleep(Duration::from_millis((late * RELIEF.0).min(RELIEF.1) as u64)).await;
    }
}

async fn decode(bytes: &js_sys::ArrayBuffer) -> Result<ImageBitmap, JsValue> {
    let kind = BlobPropertyBag::new();
    kind.set_type("image/jpeg");
    let blob = Blob::new_with_buffer_source_sequence_and_options(&js_sys::Array::of1(bytes), &kind)?;
    JsFuture::from(window().create_image_bitmap_with_blob(&blob)?).await?.dyn_into()
}
