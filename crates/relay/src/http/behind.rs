//! Requests that a branch passes on ([`crate::Branch`]) count as those of its client.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{Request, State};
use axum::http::HeaderName;
use axum::http::header::HOST;
use axum::middleware::Next;
use axum::response::Response;
use subtle::ConstantTimeEq as _;

use super::{App, From};

/// The pass of the room's home, which branches get over the bus: without it anybody could claim an address.
pub(crate) const PASS: HeaderName = HeaderName::from_static("x-footlight-pass");
/// The host by whose name the client asked, which pages of a branch are at.
pub(crate) const ASKED: HeaderName = HeaderName::from_static("x-footlight-asked");
/// Whose request it is.
pub(crate) const CLIENT: HeaderName = HeaderName::from_static("x-footlight-client");

/// Middleware over all routes.
pub(super) async fn as_their_clients(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let headers = request.headers_mut();
    let asked = headers.remove(ASKED);
    if let (Some(shown), Some(client)) = (headers.remove(PASS), headers.remove(CLIENT))
        && let Some(pass) = &app.pass
        && bool::from(shown.as_bytes().ct_eq(pass.reveal().as_bytes()))
        && let Some(client) = client.to_str().ok().and_then(|client| client.parse::<IpAddr>().ok())
    {
        if let Some(asked) = asked {
            headers.insert(HOST, asked);
        }
        request.extensions_mut().insert(From(SocketAddr::new(client, 0)));
    }
    next.run(request).await
}
