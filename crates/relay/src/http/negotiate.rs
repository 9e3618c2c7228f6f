//! What WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep-04) have in common: SDP in, SDP out, a session with its
//! own URL, whose ICE can be added to, begun anew and ended.
//!
//! The relay always answers a WHEP offer and never counters it with one of its own, so a PATCH of a session
//! takes ICE fragments only.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use footlight_protocol::{Code, Failure, KeyId};

use super::App;
use super::fail::{Fail, text_body};
use crate::auth::bearer;
use crate::clock::now_millis;
use crate::room::patch::{Condition, Patched};
use crate::room::{Ask, Door, Opened};
use crate::rtc::fragment::Fragment;
use crate::rtc::{Prepared, Refused, Role};

pub(crate) const SDP: &str = "application/sdp";
/// RFC 9725 section 4.2.
const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");
/// RFC 5789 section 3.1.
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";

/// Reads the offer and prepares the answer.
pub(crate) async fn offer(app: &App, role: Role, request: Request) -> Result<(Prepared, String), Fail> {
    let offer = text_body(request, SDP).await?;
    app.answerer.answer(&offer, role).map_err(|refused| match refused {
        Refused::Malformed(why) => Failure::new(Code::Malformed, why).into(),
        Refused::Unsuited(why) => Fail::new(StatusCode::UNPROCESSABLE_ENTITY, Code::Malformed, why),
        Refused::Codecs(why) => Failure::new(Code::UnsupportedMedia, why).into(),
    })
}

/// 201 with the answer and where the session can be changed and ended.
pub(crate) fn created(app: &App, route: &str, door: &Door, opened: Opened, answer: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, SDP.to_owned()),
        (header::LOCATION, format!("/{route}/{}/{}", door.id, opened.resource)),
        (header::ETAG, format!("\"{}\"", opened.etag)),
        (ACCEPT_PATCH, FRAGMENT.to_owned()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    let mut response = (StatusCode::CREATED, headers, answer).into_response();
    link(response.headers_mut(), app);
    response
}

/// `OPTIONS` of an endpoint. A client whose ICE agent has to know its servers before the offer asks for them
/// here; a browser's preflight does not (RFC 9725 section 4.6).
pub(crate) fn endpoint_options(app: &App, request: &HeaderMap) -> Response {
    let headers = [(ACCEPT_POST, SDP), (header::ALLOW, "POST, GET, HEAD, OPTIONS")];
    let mut response = (StatusCode::OK, headers).into_response();
    if !request.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
        link(response.headers_mut(), app);
    }
    response
}

/// `OPTIONS` of a session.
pub(crate) fn session_options() -> Response {
    let headers =
        [(ACCEPT_POST, SDP), (ACCEPT_PATCH, FRAGMENT), (header::ALLOW, "PATCH, DELETE, GET, HEAD, OPTIONS")];
    (StatusCode::OK, headers).into_response()
}

/// One `Link` header a server (RFC 9725 section 4.6, RFC 8288).
fn link(headers: &mut HeaderMap, app: &App) {
    let now = now_millis();
    let links = app.ice_servers.iter().map(|server| server.link(app.turn_secret.as_ref(), now));
    for value in links.filter_map(|link| HeaderValue::from_str(&link).ok()) {
        headers.append(header::LINK, value);
    }
}

/// `PATCH` of a session: candidates of the peer that come late, which an ICE-lite agent learns from the peer's
/// own checks anyway, or other credentials, which begin ICE anew while media go on.
pub(crate) async fn patch(
    door: &Door,
    role: Role,
    resource: String,
    request: Request,
) -> Result<Response, Fail> {
    let condition = request.headers().get(header::IF_MATCH).map(HeaderValue::to_str);
    let condition = condition.map(|value| Condition::parse(value.unwrap_or_default()));
    let text = text_body(request, FRAGMENT).await?;
    let fragment = Fragment::parse(&text).map_err(|why| Failure::new(Code::Malformed, why))?;
    let patched = door.ask(|reply| Ask::Patch { resource, role, condition, fragment, reply }).await?;
    let (status, why) = match patched {
        Patched::Noted => return Ok(StatusCode::NO_CONTENT.into_response()),
        Patched::Restarted { etag, fragment } => {
            let headers = [
                (header::CONTENT_TYPE, FRAGMENT.to_owned()),
                (header::ETAG, format!("\"{etag}\"")),
                (header::CACHE_CONTROL, "no-store".to_owned()),
            ];
            return Ok((StatusCode::OK, headers, fragment).into_response());
        }
        Patched::Unconditional => (
            StatusCode::PRECONDITION_REQUIRED,
            "If-Match has to say which ICE session this is about; * begins ICE anew",
        ),
        Patched::Outdated => (StatusCode::PRECONDITION_FAILED, "This is not the current ICE session"),
        Patched::HalfNew => {
            (StatusCode::BAD_REQUEST, "A restart of ICE changes both ice-ufrag and ice-pwd (RFC 8839)")
        }
    };
    Err(Fail::new(status, Code::Malformed, why))
}

/// `DELETE` of a session: the peer is done. An entity tag is of no matter here (RFC 9725 section 4.3.1).
pub(crate) async fn end(door: &Door, role: Role, resource: String) -> Result<Response, Fail> {
    door.ask(|reply| Ask::End { resource, role, reply }).await?;
    Ok(StatusCode::OK.into_response())
}

/// `GET` of a session, which has nothing to show (RFC 9725 section 4.1).
pub(crate) async fn there(door: &Door, role: Role, resource: String) -> Result<Response, Fail> {
    door.ask(|reply| Ask::Find { resource, role, reply }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `GET` of an endpoint, which has nothing to show either; its type lets players know what it is
/// (draft-ietf-wish-whep-04, "WHEP Endpoint URL Discoverability").
pub(crate) fn nothing() -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, SDP)], Body::empty()).into_response()
}

/// Whether the client takes an SDP answer, by its `Accept` header where it sends one.
pub(crate) fn takes_sdp(headers: &HeaderMap) -> bool {
    let Some(accept) = headers.get(header::ACCEPT) else { return true };
    let mut ranges = accept.to_str().unwrap_or_default().split(',').map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
        let refused = parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
        (kind, refused)
    });
    ranges.any(|(kind, refused)| !refused && matches!(kind.as_str(), SDP | "application/*" | "*/*"))
}

pub(crate) fn refuse_key() -> Fail {
    Failure::new(Code::Unauthorized, "The stream key is missing or wrong").into()
}

/// Which stream key the request comes with.
pub(crate) fn key(app: &App, headers: &HeaderMap) -> Option<KeyId> {
    app.auth.publisher(bearer(headers)?)
}

/// Whether the request says who it is by.
pub(crate) fn has_key(headers: &HeaderMap) -> bool {
    headers.contains_key(header::AUTHORIZATION)
}
