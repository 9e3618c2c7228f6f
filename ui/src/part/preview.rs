//! The picture that is worked on, drawn when it comes; viewers get it too, unless studio mode keeps them apart.

use std::time::Duration;

use leptos::html::Canvas;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, BlobPropertyBag, CanvasRenderingContext2d, HtmlCanvasElement, ImageBitmap};

use crate::bridge::{self, Shown};
use crate::browser;
use crate::composing::Composing;
use crate::desk::Desk;
use crate::part::gift_cards::GiftCards;
use crate::part::icon::Icon;
use crate::part::launch::Count;
use crate::part::placing::Placing;
use crate::store::burned::shows_gifts;
use crate::store::scenes;
use crate::words::use_words;

/// After an error, so that a broken shell is not asked a thousand times a second.
const PAUSE: Duration = Duration::from_millis(500);
/// A window whose timers are later than this, in milliseconds, has too much to do …
const LATE_MS: f64 = 25.0;
/// … and gets so many times as long without a picture, and at most the second, in milliseconds. What people say comes
/// first: it cannot be skipped.
const RELIEF: (f64, f64) = (5.0, 1_000.0);

#[component]
pub fn Preview() -> impl IntoView {
    let (desk, composing, words) = (Desk::get(), Composing::get(), use_words());
    let canvas = NodeRef::<Canvas>::new();
    let drawn = RwSignal::new(false);
    // Width by height, until the first picture says otherwise.
    let shape = RwSignal::new(16.0 / 9.0);
    let gone = StoredValue::new(false);
    on_cleanup(move || gone.set_value(true));
    Effect::new(move |_| {
        if let Some(canvas) = canvas.get() {
            spawn_local(draw(canvas, Shown::Preview, drawn, shape, gone));
        }
    });
    let camera = Memo::new(move |_| desk.snapshot().with(|snapshot| snapshot.camera.clone()));
    let on_air = Memo::new(move |_| desk.snapshot().with(|snapshot| snapshot.phase.on_air()));
    let apart = move || composing.scenes().with(scenes::in_studio_mode);
    // The picture has the gifts in it: the page's own would hide them.
    let burned = Memo::new(move |_| composing.scenes().with(shows_gifts));
    view! {
        <div class="preview-place">
        <figure
            class="preview"
            class:on-air=move || on_air.get() && !apart()
            class:burned=move || burned.get()
        >
            <canvas
                id="preview"
                node_ref=canvas
                width="640"
                height="360"
                data-frames="0"
                role="img"
                aria-label=words.say("preview.label")
            ></canvas>
            <Show when=move || composing.open().get()>
                <Placing shape />
            </Show>
            <Count />
            <Show when=move || !apart()>
                <GiftCards />
            </Show>
            <Show when=move || apart()>
                <figcaption class="picture-label">{words.say("program.preview")}</figcaption>
            </Show>
            <Show when=move || !drawn.get()>
                <figcaption class="preview-wait">
                    <span class="spinner" aria-hidden="true"></span>
                    {words.say("preview.waiting")}
                </figcaption>
            </Show>
            <Show when=move || drawn.get() && camera.get() == "none">
                <figcaption class="preview-note">{Icon::Camera.view()} {words.say("preview.no_camera")}</figcaption>
            </Show>
        </figure>
        </div>
    }
}

/// Draws each newest picture until the component is gone. One request is under way at a time, so a slow
/// window skips pictures instead of queueing them.
pub async fn draw(
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
