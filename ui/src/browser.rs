//! The few things that both faces ask of the browser: time, waiting, storage, the page's root element.
//!
//! A browser that refuses (private mode without storage, say) costs a convenience, never the page.

use std::time::Duration;

use footlight_protocol::Currency;
use footlight_protocol::coin::minor_digits;
use leptos::prelude::{document, window};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, Blob, BlobPropertyBag, HtmlDocument, HtmlElement, RequestInit, Response,
    ScrollIntoViewOptions, ScrollLogicalPosition, Url,
};

use crate::store::person::Place;

/// Milliseconds since the Unix epoch that never jump: wall time at the page's start plus what has passed.
pub fn now_ms() -> f64 {
    window().performance().map_or_else(js_sys::Date::now, |clock| clock.time_origin() + clock.now())
}

/// 0.0..1.0.
pub fn random() -> f64 {
    js_sys::Math::random()
}

/// A name for one request that no other has: 32 hexadecimal digits.
pub fn nonce_text() -> String {
    (0..4).map(|_| format!("{:08x}", (random() * f64::from(u32::MAX)) as u32)).collect()
}

pub async fn sleep(duration: Duration) {
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        let ms = i32::try_from(duration.as_millis()).unwrap_or(i32::MAX);
        // Without a timer nothing on the page works; going on at once is the best that is left.
        if window().set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, ms).is_err() {
            let _ = resolve.call0(&JsValue::NULL);
        }
    });
    let _ = JsFuture::from(promise).await;
}

/// A request that gives up after `limit`.
pub async fn fetch(url: &str, init: &RequestInit, limit: Duration) -> Result<Response, JsValue> {
    let abort = AbortController::new()?;
    init.set_signal(Some(&abort.signal()));
    let cut = Closure::once_into_js(move || abort.abort());
    let ms = i32::try_from(limit.as_millis()).unwrap_or(i32::MAX);
    let timer = window().set_timeout_with_callback_and_timeout_and_arguments_0(cut.unchecked_ref(), ms)?;
    let answer = JsFuture::from(window().fetch_with_str_and_init(url, init)).await;
    window().clear_timeout_with_handle(timer);
    answer?.dyn_into()
}

pub fn stored(key: &str) -> Option<String> {
    window().local_storage().ok()??.get_item(key).ok()?
}

pub fn store(key: &str, value: &str) {
    if let Ok(Some(storage)) = window().local_storage() {
        let _ = storage.set_item(key, value);
    }
}

pub fn forget(key: &str) {
    if let Ok(Some(storage)) = window().local_storage() {
        let _ = storage.remove_item(key);
    }
}

/// Opens the page anew.
pub fn reload() {
    let _ = window().location().reload();
}

/// Hands a text over as a file.
pub fn save(name: &str, kind: &str, text: &str) {
    let options = BlobPropertyBag::new();
    options.set_type(kind);
    let parts = js_sys::Array::of1(&text.into());
    let Ok(blob) = Blob::new_with_str_sequence_and_options(&parts, &options) else { return };
    let (Ok(url), Ok(link)) = (Url::create_object_url_with_blob(&blob), document().create_element("a"))
    else {
        return;
    };
    let _ = link.set_attribute("href", &url);
    let _ = link.set_attribute("download", name);
    if let Ok(link) = link.dyn_into::<HtmlElement>() {
        link.click();
    }
    // The browser has taken it by then.
    let forget = Closure::once_into_js(move || drop(Url::revoke_object_url(&url)));
    let _ = window().set_timeout_with_callback_and_timeout_and_arguments_0(forget.unchecked_ref(), 60_000);
}

/// The browser's language, as a BCP 47 tag.
pub fn language() -> String {
    window().navigator().language().unwrap_or_default()
}

/// What the page's styles come to for an element; empty where there is nothing.
pub fn style_of(element: &web_sys::Element, property: &str) -> String {
    let style = window().get_computed_style(element).ok().flatten();
    style.and_then(|style| style.get_property_value(property).ok()).unwrap_or_default()
}

/// Whether the person wants little on the page to move.
pub fn prefers_calm() -> bool {
    let asked = window().match_media("(prefers-reduced-motion: reduce)").ok().flatten();
    asked.is_some_and(|asked| asked.matches())
}

/// A moment in the words of a language and the person's time zone. `parts` are options of `Intl.DateTimeFormat`.
pub fn moment(ms: f64, language: &str, parts: &[(&str, &str)]) -> String {
    let options = js_sys::Object::new();
    for (name, value) in parts {
        let _ = js_sys::Reflect::set(&options, &(*name).into(), &(*value).into());
    }
    js_sys::Date::new(&ms.into()).to_locale_string(language, &options).into()
}

/// An amount of a currency's smallest unit in the words of a language.
pub fn money(amount: u64, currency: &Currency, language: &str) -> String {
    let options = js_sys::Object::new();
    for (name, value) in [("style", "currency"), ("currency", currency.as_str())] {
        let _ = js_sys::Reflect::set(&options, &name.into(), &value.into());
    }
    let whole = amount as f64 / 10_f64.powi(minor_digits(currency) as i32);
    let format = js_sys::Intl::NumberFormat::new(&js_sys::Array::of1(&language.into()), &options).format();
    let said = format.call1(&JsValue::UNDEFINED, &whole.into()).ok().and_then(|said| said.as_string());
    said.unwrap_or_else(|| format!("{whole} {currency}"))
}

/// The name of what was thrown, such as `NotAllowedError`.
pub fn error_name(error: &JsValue) -> Option<String> {
    js_sys::Reflect::get(error, &"name".into()).ok()?.as_string()
}

/// Sets an attribute of `<html>`; an empty value takes it away.
pub fn mark_root(name: &str, value: &str) {
    let Some(root) = document().document_element() else {
        return;
    };
    let _ = if value.is_empty() { root.remove_attribute(name) } else { root.set_attribute(name, value) };
}

/// Takes away the card that `index.html` shows until the wasm runs.
pub fn end_boot() {
    if let Some(boot) = document().get_element_by_id("boot") {
        boot.remove();
    }
}

/// Reads a text out, where the browser can.
pub fn say(text: &str, language: &str) {
    if let (Ok(voice), Ok(words)) =
        (window().speech_synthesis(), web_sys::SpeechSynthesisUtterance::new_with_text(text))
    {
        words.set_lang(language);
        voice.speak(&words);
    }
}

pub fn focus(id: &str) {
    focus_in(&format!("#{id}"));
}

/// Focuses the first element that the selector finds.
pub fn focus_in(selector: &str) {
    let found = document().query_selector(selector).ok().flatten();
    if let Some(element) = found.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        let _ = element.focus();
    }
}

/// Brings the element into sight.
pub fn scroll_to(id: &str) {
    if let Some(element) = document().get_element_by_id(id) {
        element.scroll_into_view_with_bool(false);
    }
}

/// Brings the element into sight, if it is not, and moves nothing otherwise.
pub fn scroll_near(id: &str) {
    if let Some(element) = document().get_element_by_id(id) {
        let options = ScrollIntoViewOptions::new();
        options.set_block(ScrollLogicalPosition::Nearest);
        element.scroll_into_view_with_scroll_into_view_options(&options);
    }
}

/// Brings the first element that the selector finds to the top of what scrolls.
pub fn scroll_to_top(selector: &str) {
    if let Some(element) = document().query_selector(selector).ok().flatten() {
        element.scroll_into_view();
    }
}

/// Where the middle of what one selector finds is in what the other finds, as shares of its width and height.
pub fn place_in(inner: &str, outer: &str) -> Option<(f64, f64)> {
    let frame = |selector: &str| {
        document().query_selector(selector).ok().flatten().map(|element| element.get_bounding_client_rect())
    };
    let (inner, outer) = (frame(inner)?, frame(outer).filter(|outer| outer.width() * outer.height() > 0.0)?);
    let x = (inner.left() + inner.width() / 2.0 - outer.left()) / outer.width();
    let y = (inner.top() + inner.height() / 2.0 - outer.top()) / outer.height();
    Some((x, y))
}

/// What stands behind the `#` of the page's address, with it.
pub fn fragment() -> String {
    window().location().hash().unwrap_or_default()
}

/// Takes it out of the address and out of the page's history: a secret is not to be seen over a shoulder, nor gone back to.
pub fn forget_fragment() {
    let location = window().location();
    let (path, search) = (location.pathname().unwrap_or_default(), location.search().unwrap_or_default());
    if let Ok(history) = window().history() {
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&format!("{path}{search}")));
    }
}

/// Where an element stands in what is seen of the page.
pub fn place_of(element: &web_sys::Element) -> Place {
    let frame = element.get_bounding_client_rect();
    Place { left: frame.left(), top: frame.top(), bottom: frame.bottom() }
}

/// The WebSocket address of a path on the page's own server.
pub fn socket_url(path: &str) -> String {
    let location = window().location();
    let secure = location.protocol().is_ok_and(|protocol| protocol == "https:");
    format!("{}://{}{path}", if secure { "wss" } else { "ws" }, location.host().unwrap_or_default())
}

/// Copies what is selected, the old way; false where the browser does not let us.
pub fn copy_selection() -> bool {
    let document: HtmlDocument = document().unchecked_into();
    document.exec_command("copy").unwrap_or(false)
}

#[wasm_bindgen]
extern "C" {
    type ResizeObserver;
    #[wasm_bindgen(constructor)]
    fn new(on: &JsValue) -> ResizeObserver;
    #[wasm_bindgen(method)]
    fn observe(this: &ResizeObserver, element: &web_sys::Element);
}

/// Calls `on` when the element's size changes, for as long as the element lives.
pub fn on_resize(element: &web_sys::Element, on: impl Fn() + 'static) {
    let on = Closure::<dyn Fn()>::new(on).into_js_value();
    ResizeObserver::new(&on).observe(element);
}

/// Puts text on the clipboard; false where the browser does not let us.
pub async fn copy(text: &str) -> bool {
    let clipboard = js_sys::Reflect::get(&window().navigator(), &"clipboard".into());
    // Missing where the page is not a secure context, for example on a LAN address.
    if clipboard.is_ok_and(|clipboard| clipboard.is_object()) {
        return JsFuture::from(window().navigator().clipboard().write_text(text)).await.is_ok();
    }
    false
}
