//! WHEP (draft-ietf-wish-whep): watch. A device token as bearer ties the session to a person of the chat, so
//! that a ban reaches it.

use axum::extract::{Extension, Path, Request, State};
use axum::response::Response;

use crate::auth::bearer;
use crate::http::fail::Fail;
use crate::http::{App, From, negotiate};
use crate::room::Ask;
use crate::rtc::Role;

/// `POST /whep/{room}`
pub(crate) async fn watch(
    State(app): State<App>,
    Extension(From(address)): Extension<From>,
    Path(room): Path<String>,
    request: Request,
) -> Result<Response, Fail> {
    let door = app.room(&room)?;
    // A token of another relay is nobody here: its owner watches without a name.
    let user = bearer(request.headers()).and_then(|token| app.auth.device(token));
    let (prepared, answer) = negotiate::offer(&app, request).await?;
    let address = address.ip();
    let opened = door.ask(|reply| Ask::Watch { user, address, prepared, reply }).await?;
    Ok(negotiate::created("whep", door, opened, answer))
}

/// `PATCH /whep/{room}/{session}`
pub(crate) async fn trickle(
    State(app): State<App>,
    Path((room, session)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Fail> {
    negotiate::trickle(app.room(&room)?, Role::Viewer, session, request).await
}

/// `DELETE /whep/{room}/{session}`
pub(crate) async fn end(
    State(app): State<App>,
    Path((room, session)): Path<(String, String)>,
) -> Result<Response, Fail> {
    negotiate::end(app.room(&room)?, Role::Viewer, session).await
}

/// `OPTIONS /whep/{room}`
pub(crate) async fn options() -> Response {
    negotiate::options()
}
