//! What the relay knows about one person over HTTP, and the end of it: for the owner, and for that person by their device
//! token.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use footlight_protocol::{Code, Failure, UserId};

use super::App;
use super::fail::Fail;
use crate::auth::bearer;
use crate::room::Ask;
use crate::store::personal::Eyes;

/// `GET /api/v1/rooms/{room}/people/{user}`
pub(crate) async fn export(
    State(app): State<App>,
    Path((room, user)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Fail> {
    app.room(&room)?;
    let user = person(&app, &user, &headers)?;
    let eyes = if app.auth.is_by_owner(&headers) { Eyes::Owner } else { Eyes::Own };
    let all = app.store.of_person(user.clone(), app.auth.purse(&user), eyes).await.map_err(|error| {
        tracing::error!(%error, "an export");
        Failure::new(Code::Internal, "This cannot be read right now")
    })?;
    let name = format!("attachment; filename=\"footlight-{user}.json\"");
    Ok(([(header::CACHE_CONTROL, "no-store".to_owned()), (header::CONTENT_DISPOSITION, name)], Json(all))
        .into_response())
}

/// `DELETE /api/v1/rooms/{room}/people/{user}`: in all rooms of the relay.
pub(crate) async fn erase(
    State(app): State<App>,
    Path((room, user)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Fail> {
    let door = app.room(&room)?.clone();
    let user = person(&app, &user, &headers)?;
    door.ask(|reply| Ask::Erase { user, reply }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Whom it is about, where the one who asks may.
fn person(app: &App, user: &str, headers: &HeaderMap) -> Result<UserId, Failure> {
    let token = bearer(headers);
    let needed = || Failure::new(Code::Unauthorized, "This takes the owner token or one's own device token");
    let user: UserId = user.parse().map_err(|_| Failure::new(Code::NotFound, "There is no such person"))?;
    let token = token.ok_or_else(needed)?;
    let may = app.auth.is_owner(token) || app.auth.device(token).as_ref() == Some(&user);
    may.then_some(user).ok_or_else(needed)
}
