//! What WHIP and WHEP have in common: SDP in, SDP out, a session with its own URL.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use footlight_protocol::{Code, Failure};

use super::App;
use super::fail::{Fail, text_body};
use crate::room::{Ask, Door, Opened};
use crate::rtc::{Prepared, Refused, Role};

const SDP: &str = "application/sdp";
/// RFC 9725 section 4.4.
const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");
/// RFC 5789 section 3.1.
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";

/// Reads the offer and prepares the answer.
pub(crate) async fn offer(app: &App, request: Request) -> Result<(Prepared, String), Fail> {
    let offer = text_body(request, SDP).await?;
    app.answerer.answer(&offer).map_err(|refused| match refused {
        Refused::Malformed => {
            Failure::new(Code::Malformed, "The body is not an SDP offer that makes sense").into()
        }
        Refused::Unsupported => Failure::new(
            Code::UnsupportedMedia,
            "The offer has neither H.264 (packetization-mode=1) nor Opus",
        )
        .into(),
    })
}

/// 201 with the answer and where the session can be ended.
pub(crate) fn created(route: &str, door: &Door, opened: Opened, answer: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, SDP.to_owned()),
        (header::LOCATION, format!("/{route}/{}/{}", door.id, opened.resource)),
        (header::ETAG, format!("\"{}\"", opened.etag)),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (StatusCode::CREATED, headers, answer).into_response()
}

pub(crate) fn options() -> Response {
    let headers =
        [(ACCEPT_POST, SDP), (ACCEPT_PATCH, FRAGMENT), (header::ALLOW, "POST, PATCH, DELETE, OPTIONS")];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Candidates of the peer that come late. An ICE-lite agent learns them from the peer's own checks, so they
/// are taken and not needed. A restart of ICE is not: a new offer is as quick.
pub(crate) async fn trickle(
    door: &Door,
    role: Role,
    resource: String,
    request: Request,
) -> Result<Response, Fail> {
    let wanted =
        request.headers().get(header::IF_MATCH).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let fragment = text_body(request, FRAGMENT).await?;
    let tag = door.ask(|reply| Ask::Tag { resource, role, reply }).await?;
    let current = |wanted: &str| wanted.split(',').any(|one| one.trim() == format!("\"{tag}\""));
    match wanted.as_deref() {
        // RFC 9725 section 4.3.2: a restart matches any ICE session.
        Some("*") => Err(Fail::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            Code::Malformed,
            "ICE restart is not supported; send a new offer",
        )),
        Some(wanted) if !current(wanted) => Err(Fail::new(
            StatusCode::PRECONDITION_FAILED,
            Code::Malformed,
            "This is not the current ICE session",
        )),
        _ if !fragment.lines().any(|line| line.starts_with("a=")) => {
            Err(Fail::new(StatusCode::BAD_REQUEST, Code::Malformed, "The body is not an SDP fragment"))
        }
        _ => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}

/// The peer is done.
pub(crate) async fn end(door: &Door, role: Role, resource: String) -> Result<Response, Fail> {
    door.ask(|reply| Ask::End { resource, role, reply }).await?;
    Ok(StatusCode::OK.into_response())
}

/// The header of a request that has been taken apart.
pub(crate) fn refuse_key() -> Fail {
    Failure::new(Code::Unauthorized, "The stream key is missing or wrong").into()
}

/// Whether the request says who it is by.
pub(crate) fn has_key(headers: &HeaderMap) -> bool {
    headers.contains_key(header::AUTHORIZATION)
}
