//! The owner's stream keys over the API. A key's text is in the answer that makes it and nowhere else.

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use footlight_protocol::key::{MAX_KEY_NAME, MAX_KEYS, NameStreamKey, NewStreamKey, StreamKey};
use footlight_protocol::{Code, Failure, KeyId};

use super::fail::{Fail, text_body};
use super::{App, private};
use crate::keys::NotMade;
use crate::room::{Ask, Door};
use crate::secret::Secret;

/// `GET /api/v1/rooms/{room}/keys`
pub(crate) async fn list(
    State(app): State<App>,
    Path(room): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Fail> {
    let door = owned(&app, &room, &headers)?;
    let publishing = door.ask(|reply| Ask::Publishing { reply }).await?;
    Ok(private(StatusCode::OK, app.auth.keys.list(&door.id, publishing)))
}

/// `POST /api/v1/rooms/{room}/keys`
pub(crate) async fn make(
    State(app): State<App>,
    Path(room): Path<String>,
    request: Request,
) -> Result<Response, Fail> {
    let door = owned(&app, &room, request.headers())?;
    let body = text_body(request, "application/json").await?;
    let NameStreamKey { name } = serde_json::from_str(&body)
        .map_err(|_| Failure::new(Code::Malformed, "The body has to be {\"name\": …} and nothing else"))?;
    let name = named(&name)?;
    let (entry, secret) = app.auth.keys.add(&door.id, name).await.map_err(not_made)?;
    tracing::info!(room = %door.id, key = entry.id.0, "stream key made");
    Ok(shown(StatusCode::CREATED, entry, &secret))
}

/// `POST /api/v1/rooms/{room}/keys/{key}/rotate`
pub(crate) async fn rotate(
    State(app): State<App>,
    Path((room, key)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Fail> {
    let door = owned(&app, &room, &headers)?;
    let key = number(&key)?;
    let (entry, secret) = app.auth.keys.rotate(&door.id, key).await.map_err(not_made)?;
    door.ask(|reply| Ask::Cut { key, reply }).await?;
    tracing::info!(room = %door.id, old = key.0, key = entry.id.0, "stream key rotated");
    Ok(shown(StatusCode::OK, entry, &secret))
}

/// `DELETE /api/v1/rooms/{room}/keys/{key}`
pub(crate) async fn revoke(
    State(app): State<App>,
    Path((room, key)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Fail> {
    let door = owned(&app, &room, &headers)?;
    let key = number(&key)?;
    if !app.auth.keys.revoke(&door.id, key).await.map_err(|error| not_made(NotMade::Fault(error)))? {
        return Err(no_key());
    }
    door.ask(|reply| Ask::Cut { key, reply }).await?;
    tracing::info!(room = %door.id, key = key.0, "stream key revoked");
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) fn owned<'a>(app: &'a App, room: &str, headers: &HeaderMap) -> Result<&'a Door, Fail> {
    // Before the room is looked up: a stranger learns nothing here.
    if !app.auth.is_by_owner(headers) {
        return Err(Failure::new(Code::Unauthorized, "The owner token is missing or wrong").into());
    }
    Ok(app.room(room)?)
}

/// A name that can stand in a list.
fn named(name: &str) -> Result<String, Fail> {
    let name = name.trim();
    let length = name.chars().count();
    if length == 0 {
        return Err(Failure::new(Code::Empty, "A key needs a name").into());
    }
    if length > MAX_KEY_NAME || name.chars().any(char::is_control) {
        let why = format!("A key's name has at most {MAX_KEY_NAME} characters, all of them printable");
        return Err(Failure::new(Code::BadSetting, why).into());
    }
    Ok(name.to_owned())
}

fn number(key: &str) -> Result<KeyId, Fail> {
    key.parse().map(KeyId).map_err(|_| no_key())
}

fn no_key() -> Fail {
    Failure::new(Code::NotFound, "There is no such key").into()
}

fn not_made(why: NotMade) -> Fail {
    match why {
        NotMade::NameTaken => {
            Fail::new(StatusCode::CONFLICT, Code::BadSetting, "The room has a key of that name already")
        }
        NotMade::TooMany => {
            let why = format!("A room has at most {MAX_KEYS} keys; take one back first");
            Fail::new(StatusCode::CONFLICT, Code::Full, why)
        }
        NotMade::NoSuchKey => no_key(),
        NotMade::Fault(error) => {
            tracing::error!(%error, "stream keys");
            Failure::new(Code::Internal, "The keys cannot be changed right now").into()
        }
    }
}

fn shown(status: StatusCode, entry: StreamKey, secret: &Secret) -> Response {
    private(status, NewStreamKey { entry, key: secret.reveal().to_owned() })
}
