//! Media Source Extensions: one source and its buffers, with waiting made plain.
//!
//! iPhones have `ManagedMediaSource` in place of `MediaSource`; it is used the same way.

use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{HtmlVideoElement, MediaSource, SourceBuffer, Url};

use super::{class, property};
use crate::browser;
use crate::store::hls::Pacer;

const NAMES: [&str; 2] = ["MediaSource", "ManagedMediaSource"];

fn constructor() -> Option<js_sys::Function> {
    NAMES.into_iter().find_map(class)
}

pub(super) fn supported() -> bool {
    constructor().is_some()
}

/// Whether the browser can decode it, such as `video/mp4; codecs="avc1.64001f"`.
pub(super) fn decodes(mime: &str) -> bool {
    constructor().is_some_and(|class| {
        let ask: Option<js_sys::Function> = property(&class, "isTypeSupported").dyn_into().ok();
        let answer = ask.and_then(|ask| ask.call1(&class, &mime.into()).ok());
        answer.is_some_and(|answer| answer.is_truthy())
    })
}

/// A media source that feeds one element, until it is dropped.
pub(super) struct Source {
    media: MediaSource,
    url: String,
}

impl Source {
    /// Waits until the element takes it.
    pub(super) async fn open(video: &HtmlVideoElement) -> Result<Self, JsValue> {
        let class = constructor().ok_or(JsValue::NULL)?;
        // A managed source asks for an element that plays on this device only.
        js_sys::Reflect::set(video, &"disableRemotePlayback".into(), &true.into())?;
        let media: MediaSource = js_sys::Reflect::construct(&class, &js_sys::Array::new())?.unchecked_into();
        let opened = once(&media, &["sourceopen"]);
        let source = Self { url: Url::create_object_url_with_source(&media)?, media };
        video.set_src(&source.url);
        JsFuture::from(opened).await?;
        Ok(source)
    }

    pub(super) fn add(&self, mime: &str) -> Result<Buffer, JsValue> {
        Ok(Buffer { inner: self.media.add_source_buffer(mime)? })
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        let _ = Url::revoke_object_url(&self.url);
    }
}

/// A source buffer. One task at a time works on it.
pub(super) struct Buffer {
    inner: SourceBuffer,
}

impl Buffer {
    /// Appends and waits until it is in. A full buffer is emptied behind `at_s` once.
    pub(super) async fn append(&self, bytes: &js_sys::ArrayBuffer, at_s: f64) -> Result<(), JsValue> {
        let done = self.settled();
        if let Err(error) = self.inner.append_buffer_with_array_buffer(bytes) {
            if browser::error_name(&error).as_deref() != Some("QuotaExceededError") {
                return Err(error);
            }
            self.trim((at_s - 1.0).max(0.0)).await?;
            let done = self.settled();
            self.inner.append_buffer_with_array_buffer(bytes)?;
            return JsFuture::from(done).await.map(drop);
        }
        JsFuture::from(done).await.map(drop)
    }

    /// Takes away what lies far enough behind `at_s`.
    pub(super) async fn tidy(&self, at_s: f64) -> Result<(), JsValue> {
        let stale = Pacer::stale_before(at_s);
        let start = self.ranges().first().map_or(f64::INFINITY, |(start, _)| *start);
        // Some seconds at a time: each removal costs the browser a search.
        if stale - start > 5.0 { self.trim(stale).await } else { Ok(()) }
    }

    async fn trim(&self, before_s: f64) -> Result<(), JsValue> {
        let start = self.ranges().first().map_or(f64::INFINITY, |(start, _)| *start);
        if start >= before_s {
            return Ok(());
        }
        let done = self.settled();
        self.inner.remove(start, before_s)?;
        JsFuture::from(done).await.map(drop)
    }

    /// Another codec follows in the same buffer.
    pub(super) fn change_type(&self, mime: &str) -> Result<(), JsValue> {
        let change: js_sys::Function = property(&self.inner, "changeType").dyn_into()?;
        change.call1(&self.inner, &mime.into()).map(drop)
    }

    /// What can be played of it, in seconds.
    pub(super) fn ranges(&self) -> Vec<(f64, f64)> {
        self.inner.buffered().map(|buffered| ranges(&buffered)).unwrap_or_default()
    }

    /// Resolves when the buffer has done what is begun next, rejects when it could not.
    fn settled(&self) -> js_sys::Promise {
        once(&self.inner, &["updateend", "error"])
    }
}

pub(super) fn ranges(buffered: &web_sys::TimeRanges) -> Vec<(f64, f64)> {
    (0..buffered.length()).filter_map(|at| buffered.start(at).ok().zip(buffered.end(at).ok())).collect()
}

/// The first of the events: resolves with the first named, rejects with any other.
fn once(target: &web_sys::EventTarget, names: &[&str]) -> js_sys::Promise {
    js_sys::Promise::new(&mut |resolve, reject| {
        let options = web_sys::AddEventListenerOptions::new();
        options.set_once(true);
        for (at, name) in names.iter().enumerate() {
            let on = if at == 0 { &resolve } else { &reject };
            let _ =
                target.add_event_listener_with_callback_and_add_event_listener_options(name, on, &options);
        }
    })
}
