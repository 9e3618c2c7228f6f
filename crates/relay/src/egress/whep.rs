//! WHEP (draft-ietf-wish-whep-04): watch. A device token as bearer ties the session to a person of the chat, so
//! that a ban reaches it. People may join before anybody publishes.

use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use footlight_protocol::room::LayerChoice;
use footlight_protocol::{Code, Failure};

use crate::auth::bearer;
use crate::http::fail::{Fail, text_body};
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
    let (prepared, answer) = negotiate::offer(&app, Role::Viewer, request).await?;
    let address = address.ip();
    let opened = door.ask(|reply| Ask::Watch { user, address, prepared, reply }).await?;
    Ok(negotiate::created(&app, "whep", door, opened, answer))
}

/// `GET /whep/{room}`
pub(crate) async fn endpoint(State(app): State<App>, Path(room): Path<String>) -> Result<Response, Fail> {
    app.room(&room)?;
    Ok(negotiate::nothing())
}

/// `OPTIONS /whep/{room}`
pub(crate) async fn options(
    State(app): State<App>,
    Path(room): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Fail> {
    app.room(&room)?;
    Ok(negotiate::endpoint_options(&app, &headers))
}

/// `PATCH /whep/{room}/{session}`
pub(crate) async fn patch(
    State(app): State<App>,
    Path((room, session)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Fail> {
    negotiate::patch(app.room(&room)?, Role::Viewer, session, request).await
}

/// `DELETE /whep/{room}/{session}`
pub(crate) async fn end(
    State(app): State<App>,
    Path((room, session)): Path<(String, String)>,
) -> Result<Response, Fail> {
    negotiate::end(app.room(&room)?, Role::Viewer, session).await
}

/// `POST /whep/{room}/{session}/layer`: chooses by hand. The place and the idea are those of the "Video Layer Selection
/// extension" in draft-ietf-wish-whep-02 (`rid` there is `layer` here); the drafts since leave it out. It is not
/// announced by its `Link` header, because the extension asks for server-sent events beside it, and here the room's
/// WebSocket tells the layers. Like everything of a session, whoever knows its URL may ask.
pub(crate) async fn choose(
    State(app): State<App>,
    Path((room, session)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Fail> {
    let door = app.room(&room)?;
    let body = text_body(request, "application/json").await?;
    let choice: LayerChoice = serde_json::from_str(&body)
        .map_err(|_| Failure::new(Code::Malformed, "The body has to be {\"layer\": a layer's id or null}"))?;
    door.ask(|reply| Ask::Layer { resource: session, layer: choice.layer, reply }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `OPTIONS /whep/{room}/{session}/layer`
pub(crate) async fn choose_options() -> Response {
    (StatusCode::OK, [(axum::http::header::ALLOW, "POST, OPTIONS")]).into_response()
}

/// `GET /whep/{room}/{session}`
pub(crate) async fn there(
    State(app): State<App>,
    Path((room, session)): Path<(String, String)>,
) -> Result<Response, Fail> {
    negotiate::there(app.room(&room)?, Role::Viewer, session).await
}

/// `OPTIONS /whep/{room}/{session}`
pub(crate) async fn session_options() -> Response {
    negotiate::session_options()
}
