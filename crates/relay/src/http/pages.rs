//! The viewer page and its files, from inside the binary, and the list of rooms.

use std::borrow::Cow;
use std::fmt::Write as _;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use footlight_protocol::Code;
use footlight_protocol::room::StreamState;
use rust_embed::RustEmbed;

use super::App;
use super::fail::{Fail, for_reader};
use super::packing::{gzip, takes_gzip};

/// The built viewer face; a page that says how to build it where that has not been done.
#[derive(RustEmbed)]
#[folder = "$FOOTLIGHT_WATCH"]
struct Watch;

/// What a page of ours may do: run its own code and WebAssembly, reach the relay, play what it receives.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
    img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self'; connect-src 'self' ws: wss:; manifest-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors *";

/// `GET /{room}`
pub(crate) async fn watch(State(app): State<App>, Path(room): Path<String>, headers: HeaderMap) -> Response {
    match app.room(&room) {
        Ok(_) => file("index.html", &headers).await,
        Err(failure) => for_reader(&headers, failure.into()),
    }
}

/// `GET /overlay/{room}`
pub(crate) async fn overlay(
    State(app): State<App>,
    Path(room): Path<String>,
    headers: HeaderMap,
) -> Response {
    match app.room(&room) {
        Ok(_) => file("overlay.html", &headers).await,
        Err(failure) => for_reader(&headers, failure.into()),
    }
}

/// `GET /assets/…`
pub(crate) async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    file(&path, &headers).await
}

/// `GET /`: the only room, or a list of them.
pub(crate) async fn home(State(app): State<App>) -> Response {
    if app.rooms.len() == 1
        && let Some(room) = app.rooms.keys().next()
    {
        return Redirect::temporary(&format!("/{room}")).into_response();
    }
    let mut list = String::new();
    for (room, door) in &app.rooms {
        let live = matches!(door.state.borrow().stream, StreamState::Live { .. });
        // Room names are link-safe by their type.
        let _ = write!(list, "<li><a href=\"/{room}\">{room}</a>{}", if live { " (live)" } else { "" });
    }
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Footlight</title><h1>Footlight</h1><ul>{list}</ul></html>"
    );
    ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(page)).into_response()
}

pub(super) async fn file(path: &str, headers: &HeaderMap) -> Response {
    let Some(found) = Watch::get(path) else {
        return for_reader(
            headers,
            Fail::new(StatusCode::NOT_FOUND, Code::NotFound, "There is no such file"),
        );
    };
    let hash = found.metadata.sha256_hash();
    let tag = hash.iter().take(8).fold(String::from("W/\""), |mut tag, byte| {
        let _ = write!(tag, "{byte:02x}");
        tag
    }) + "\"";
    // The names of the files do not change with their content, so a browser has to ask each time; the tag
    // makes that a short answer.
    let fixed = [
        (header::ETAG, tag.clone()),
        (header::CACHE_CONTROL, "no-cache".to_owned()),
        (header::CONTENT_SECURITY_POLICY, POLICY.to_owned()),
    ];
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    if known.is_some_and(|known| known.split(',').any(|known| known.trim() == tag)) {
        return (StatusCode::NOT_MODIFIED, fixed).into_response();
    }
    let kind = content_type(path);
    let fixed = (fixed, [(header::CONTENT_TYPE, kind), (header::VARY, "accept-encoding")]);
    let data = match found.data {
        Cow::Borrowed(inside) => Bytes::from_static(inside),
        Cow::Owned(read) => read.into(),
    };
    if is_wordy(kind)
        && takes_gzip(headers)
        && let Some(packed) = gzip(hash, data.clone()).await
    {
        return (fixed, [(header::CONTENT_ENCODING, "gzip")], packed).into_response();
    }
    (fixed, data).into_response()
}

/// Whether packing makes it smaller: what is not packed in itself.
fn is_wordy(content_type: &str) -> bool {
    !content_type.starts_with("image/") && !content_type.starts_with("font/")
        || content_type == "image/svg+xml"
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        // The type with which browsers compile while they download.
        "wasm" => "application/wasm",
        "json" | "webmanifest" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}
