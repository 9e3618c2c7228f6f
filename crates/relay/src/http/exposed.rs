//! Plain HTTP to a relay that has a certificate: open to this machine itself, where nobody listens in. From
//! elsewhere, pages are sent on to https and requests that carry something are refused: to redirect those would
//! let a key travel in the clear each time, and nobody would notice.

use axum::extract::{Extension, Request};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use footlight_protocol::Code;

use super::From;
use super::fail::Fail;

/// Marks a request that came over plain HTTP though the relay serves HTTPS.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exposed;

/// Paths that are asked for in plain by those who have no choice: probes, and certificate authorities
/// (RFC 8555 section 8.3).
const PLAIN: [&str; 3] = ["/healthz", "/metrics", "/.well-known/acme-challenge/"];

/// Middleware over all routes.
pub(super) async fn send_to_https(
    exposed: Option<Extension<Exposed>>,
    Extension(From(address)): Extension<From>,
    request: Request,
    next: Next,
) -> Response {
    if exposed.is_some()
        && !address.ip().is_loopback()
        && let Some(answer) = instead(&request)
    {
        return answer;
    }
    next.run(request).await
}

/// The answer to give instead of the one asked for, where the request must not go on.
fn instead(request: &Request) -> Option<Response> {
    let uri = request.uri();
    if PLAIN.iter().any(|path| uri.path().starts_with(path)) {
        return None;
    }
    let refuse = || {
        Some(
            Fail::new(StatusCode::FORBIDDEN, Code::Forbidden, "This relay is used over https")
                .into_response(),
        )
    };
    let secret = request.headers().contains_key(header::AUTHORIZATION)
        || request.headers().contains_key(header::UPGRADE)
        || !matches!(*request.method(), Method::GET | Method::HEAD);
    if secret {
        return refuse();
    }
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let location = host.and_then(|host| HeaderValue::from_str(&format!("https://{host}{path}")).ok());
    match location {
        Some(location) => {
            let headers =
                [(header::LOCATION, location), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
            Some((StatusCode::PERMANENT_REDIRECT, headers).into_response())
        }
        None => refuse(),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn nothing_secret_is_redirected() {
        let ask = |method: Method, path: &str, headers: &[(&str, &str)]| {
            let mut request = Request::builder().method(method).uri(path);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            instead(&request.body(Body::empty()).unwrap()).map(|answer| {
                let location = answer.headers().get(header::LOCATION);
                (answer.status().as_u16(), location.map(|l| l.to_str().unwrap().to_owned()))
            })
        };
        let host = ("host", "live.example.org:8080");
        for (method, path, headers, expected) in [
            (
                Method::GET,
                "/main?a=b",
                vec![host],
                Some((308, Some("https://live.example.org:8080/main?a=b"))),
            ),
            (Method::HEAD, "/", vec![host], Some((308, Some("https://live.example.org:8080/")))),
            (Method::GET, "/main", vec![], Some((403, None))),
            (Method::POST, "/whip/main", vec![host], Some((403, None))),
            (Method::GET, "/api/v1/status", vec![host, ("authorization", "Bearer x")], Some((403, None))),
            (Method::GET, "/ws/main", vec![host, ("upgrade", "websocket")], Some((403, None))),
            (Method::GET, "/healthz/ready", vec![host], None),
            (Method::GET, "/.well-known/acme-challenge/abc", vec![host], None),
        ] {
            let answer = ask(method.clone(), path, &headers);
            let expected = expected.map(|(status, to)| (status, to.map(str::to_owned)));
            assert_eq!(answer, expected, "{method} {path}");
        }
    }
}
