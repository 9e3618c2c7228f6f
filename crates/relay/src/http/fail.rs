//! Failures as HTTP answers: `{"code","message"}` with the status that fits the code, or a page for a person.

use axum::Json;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use footlight_protocol::{Code, Failure};
use serde::de::DeserializeOwned;

use super::any_page_may_ask;

/// A failure on its way to a client.
#[derive(Debug)]
pub(crate) struct Fail(pub(crate) StatusCode, pub(crate) Failure);

impl Fail {
    pub(crate) fn new(status: StatusCode, code: Code, message: impl Into<String>) -> Self {
        Self(status, Failure::new(code, message))
    }
}

impl From<Failure> for Fail {
    fn from(failure: Failure) -> Self {
        let status = match failure.code {
            Code::Unauthorized | Code::KeyRefused => StatusCode::UNAUTHORIZED,
            Code::Forbidden | Code::Banned | Code::TimedOut | Code::NotSignedIn | Code::PasskeyRefused => {
                StatusCode::FORBIDDEN
            }
            Code::NotFound => StatusCode::NOT_FOUND,
            Code::Malformed | Code::Empty | Code::Version | Code::NameNeeded | Code::BadSetting => {
                StatusCode::BAD_REQUEST
            }
            Code::UnsupportedMedia => StatusCode::UNPROCESSABLE_ENTITY,
            Code::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Code::TooFast => StatusCode::TOO_MANY_REQUESTS,
            Code::RoomBusy | Code::WrongPhase | Code::NameTaken | Code::LastWayIn => StatusCode::CONFLICT,
            Code::Full | Code::Draining => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self(status, failure)
    }
}

/// Seconds after which the same request may well succeed (RFC 9110 section 10.2.3): seats come free as people
/// leave, and a publisher that has crashed has lost the room by then.
fn retry_after(code: Code) -> Option<&'static str> {
    match code {
        Code::Full | Code::TooFast | Code::Draining => Some("5"),
        Code::RoomBusy => Some("10"),
        _ => None,
    }
}

impl IntoResponse for Fail {
    fn into_response(self) -> Response {
        let Self(status, failure) = self;
        let wait = retry_after(failure.code);
        let mut response = (status, Json(failure)).into_response();
        if let Some(wait) = wait {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(wait));
        }
        if status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer realm=\"footlight\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// A page for browsers that ask for one, JSON for everybody else.
pub(crate) fn for_reader(headers: &HeaderMap, fail: Fail) -> Response {
    if !wants_page(headers) {
        return fail.into_response();
    }
    let Fail(status, failure) = fail;
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{0}</title><style>body{{font:1.1rem/1.5 system-ui,sans-serif;margin:20vh auto;max-width:30rem;padding:0 1rem;\
         color-scheme:light dark}}</style><h1>{0}</h1><p><a href=\"/\">See who is live</a></p></html>",
        escape(&failure.message)
    );
    (status, Html(page)).into_response()
}

/// Whether it is a browser that shows the answer to a person.
pub(crate) fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

pub(crate) async fn no_route(headers: HeaderMap) -> Response {
    for_reader(&headers, Fail::new(StatusCode::NOT_FOUND, Code::NotFound, "There is nothing here"))
}

pub(crate) async fn wrong_method(method: Method, headers: HeaderMap) -> Response {
    // A browser asks before it sends a token from a page of another origin, such as the studio's window (Fetch
    // standard, section 4.8). What this answers is where the routes do not answer themselves.
    if method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
        return any_page_may_ask(StatusCode::NO_CONTENT.into_response()).await;
    }
    Fail::new(StatusCode::METHOD_NOT_ALLOWED, Code::Malformed, "This route does not take this method")
        .into_response()
}

/// The body of a request as UTF-8 text of the expected content type.
pub(crate) async fn text_body(request: Request, content_type: &str) -> Result<String, Fail> {
    let given =
        request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let given = given.split(';').next().unwrap_or_default().trim();
    if !given.eq_ignore_ascii_case(content_type) {
        let message = format!("The body has to be {content_type}");
        return Err(Fail::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::Malformed, message));
    }
    let body = axum::body::Bytes::from_request(request, &()).await.map_err(|rejection| {
        let status = rejection.status();
        let code = if status == StatusCode::PAYLOAD_TOO_LARGE { Code::TooLong } else { Code::Malformed };
        Fail::new(status, code, "The body is too long or did not arrive")
    })?;
    String::from_utf8(body.into())
        .map_err(|_| Fail::new(StatusCode::BAD_REQUEST, Code::Malformed, "The body is not UTF-8"))
}

/// The body of a request as JSON of that form.
pub(crate) async fn json_body<T: DeserializeOwned>(request: Request) -> Result<T, Fail> {
    let body = text_body(request, "application/json").await?;
    serde_json::from_str(&body)
        .map_err(|_| Failure::new(Code::Malformed, "The body is not what this route takes").into())
}
