//! WHIP (RFC 9725): publish with one of the room's stream keys as bearer token.

use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use footlight_protocol::Code;

use crate::http::fail::Fail;
use crate::http::{App, From, negotiate};
use crate::room::{Ask, Door};
use crate::rtc::Role;

/// `POST /whip/{room}`
pub(crate) async fn publish(
    State(app): State<App>,
    Extension(From(address)): Extension<From>,
    Path(room): Path<String>,
    request: Request,
) -> Result<Response, Fail> {
    let door = app.room(&room)?;
    // Before anything of the body is looked at.
    let Some(key) = negotiate::key(&app, request.headers()) else {
        tracing::info!(%room, "publish refused: wrong key");
        return Err(negotiate::refuse_key());
    };
    if !negotiate::takes_sdp(request.headers()) {
        let why = "The answer is application/sdp, which the Accept header rules out";
        return Err(Fail::new(StatusCode::NOT_ACCEPTABLE, Code::Malformed, why));
    }
    let (prepared, answer) = negotiate::offer(&app, Role::Publisher, request).await?;
    let address = address.ip();
    let opened = door.ask(|reply| Ask::Publish { address, key, prepared, reply }).await?;
    Ok(negotiate::created(&app, "whip", door, opened, answer))
}

/// `GET /whip/{room}`
pub(crate) async fn endpoint(State(app): State<App>, Path(room): Path<String>) -> Result<Response, Fail> {
    app.room(&room)?;
    Ok(negotiate::nothing())
}

/// `OPTIONS /whip/{room}`
pub(crate) async fn options(
    State(app): State<App>,
    Path(room): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Fail> {
    app.room(&room)?;
    Ok(negotiate::endpoint_options(&app, &headers))
}

/// `PATCH /whip/{room}/{session}`
pub(crate) async fn patch(
    State(app): State<App>,
    Path((room, session)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Fail> {
    let door = authorised(&app, &room, request.headers())?;
    negotiate::patch(door, Role::Publisher, session, request).await
}

/// `DELETE /whip/{room}/{session}`
pub(crate) async fn end(
    State(app): State<App>,
    Path((room, session)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Fail> {
    let door = authorised(&app, &room, &headers)?;
    negotiate::end(door, Role::Publisher, session).await
}

/// `GET /whip/{room}/{session}`
pub(crate) async fn there(
    State(app): State<App>,
    Path((room, session)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Fail> {
    let door = authorised(&app, &room, &headers)?;
    negotiate::there(door, Role::Publisher, session).await
}

/// `OPTIONS /whip/{room}/{session}`
pub(crate) async fn session_options() -> Response {
    negotiate::session_options()
}

/// The session's URL cannot be guessed and was given to the publisher only, so it is enough; but a key that
/// is sent has to be right.
fn authorised<'a>(app: &'a App, room: &str, headers: &HeaderMap) -> Result<&'a Door, Fail> {
    let door = app.room(room)?;
    if negotiate::has_key(headers) && negotiate::key(app, headers).is_none() {
        return Err(negotiate::refuse_key());
    }
    Ok(door)
}
