//! WHIP (RFC 9725): publish with the stream key as bearer token.

use axum::extract::{Extension, Path, Request, State};
use axum::response::Response;

use crate::http::fail::Fail;
use crate::http::{App, From, negotiate};
use crate::room::Ask;
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
    if !app.auth.may_publish(request.headers()) {
        tracing::info!(%room, "publish refused: wrong key");
        return Err(negotiate::refuse_key());
    }
    let (prepared, answer) = negotiate::offer(&app, request).await?;
    let address = address.ip();
    let opened = door.ask(|reply| Ask::Publish { address, prepared, reply }).await?;
    Ok(negotiate::created("whip", door, opened, answer))
}

/// `PATCH /whip/{room}/{session}`
pub(crate) async fn trickle(
    State(app): State<App>,
    Path((room, session)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Fail> {
    let door = authorised(&app, &room, &request)?;
    negotiate::trickle(door, Role::Publisher, session, request).await
}

/// `DELETE /whip/{room}/{session}`
pub(crate) async fn end(
    State(app): State<App>,
    Path((room, session)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Fail> {
    let door = authorised(&app, &room, &request)?;
    negotiate::end(door, Role::Publisher, session).await
}

/// `OPTIONS /whip/{room}`
pub(crate) async fn options() -> Response {
    negotiate::options()
}

/// The session's URL cannot be guessed and was given to the publisher only, so it is enough; but a key that
/// is sent has to be right.
fn authorised<'a>(app: &'a App, room: &str, request: &Request) -> Result<&'a crate::room::Door, Fail> {
    let door = app.room(room)?;
    if negotiate::has_key(request.headers()) && !app.auth.may_publish(request.headers()) {
        return Err(negotiate::refuse_key());
    }
    Ok(door)
}
