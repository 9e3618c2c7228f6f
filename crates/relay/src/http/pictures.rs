//! Pictures: a room's own emotes, set by the owner, and what people show of themselves. Seen by everybody.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use footlight_protocol::emote::{Emote, MAX_EMOTE_FILE, MAX_EMOTE_NAME, MIN_EMOTE_NAME, is_name};
use footlight_protocol::person::MAX_AVATAR_FILE;
use footlight_protocol::{Code, Failure, UserId};
use tokio::sync::Semaphore;

use super::App;
use super::fail::Fail;
use crate::error::Error;
use crate::picture::{Made, Shape, made_anew};
use crate::room::Ask;
use crate::store::pictures::Shown;

/// Pictures of people that are made at a time.
static TURNS: Semaphore = Semaphore::const_new(1);

/// `GET /api/v1/rooms/{room}/emotes`
pub(crate) async fn emotes(State(app): State<App>, Path(room): Path<String>) -> Result<Response, Fail> {
    let door = app.room(&room)?.clone();
    let emotes = door.ask(|reply| Ask::Emotes { reply }).await?;
    Ok(super::private(StatusCode::OK, emotes))
}

/// `PUT /api/v1/rooms/{room}/emotes/{name}`: the bytes of a PNG, JPEG or WebP.
pub(crate) async fn set_emote(
    State(app): State<App>,
    Path((room, name)): Path<(String, String)>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Fail> {
    let door = app.room(&room)?.clone();
    app.owner_only(&headers)?;
    if !is_name(&name) {
        let text = format!(
            "An emote's name has {MIN_EMOTE_NAME} to {MAX_EMOTE_NAME} letters, digits and underscores"
        );
        return Err(Failure::new(Code::Malformed, text).into());
    }
    let Made { name: picture, png, width, height } = made(body, MAX_EMOTE_FILE, Shape::Emote).await?;
    let emote = Emote { name: name.clone(), picture, width, height };
    door.ask(|reply| Ask::Emote { name, made: Some((emote.clone(), png)), reply }).await?;
    Ok(super::private(StatusCode::OK, emote))
}

/// `DELETE /api/v1/rooms/{room}/emotes/{name}`
pub(crate) async fn remove_emote(
    State(app): State<App>,
    Path((room, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Fail> {
    let door = app.room(&room)?.clone();
    app.owner_only(&headers)?;
    door.ask(|reply| Ask::Emote { name, made: None, reply }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `PUT /api/v1/rooms/{room}/people/{user}/avatar`: the bytes of a PNG, JPEG or WebP, by that person.
pub(crate) async fn set_avatar(
    State(app): State<App>,
    Path((room, user)): Path<(String, String)>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Fail> {
    let door = app.room(&room)?.clone();
    let user = themselves(&app, &user, &headers)?;
    door.ask(|reply| Ask::MayBePictured { user: user.clone(), reply }).await?;
    // Anybody can send one, and each may take a second: they have their turns.
    let turn = TURNS.acquire().await;
    let Made { name, png, .. } = made(body, MAX_AVATAR_FILE, Shape::Avatar).await?;
    drop(turn);
    match app.store.set_avatar(user.clone(), name.clone(), png).await.map_err(unkept)? {
        Shown::Done => {}
        Shown::Nobody => return Err(Failure::new(Code::NameNeeded, "Choose a name first").into()),
        Shown::Hidden => {
            let text = "A moderator took your picture away; until they give it back there is no other";
            return Err(Failure::new(Code::Forbidden, text).into());
        }
    }
    picture_is(&app, &user, Some(name)).await;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `DELETE /api/v1/rooms/{room}/people/{user}/avatar`, by that person.
pub(crate) async fn remove_avatar(
    State(app): State<App>,
    Path((room, user)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Fail> {
    app.room(&room)?;
    let user = themselves(&app, &user, &headers)?;
    app.store.drop_avatar(user.clone()).await.map_err(unkept)?;
    picture_is(&app, &user, None).await;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn themselves(app: &App, user: &str, headers: &HeaderMap) -> Result<UserId, Failure> {
    let me = app.person(headers)?;
    let needed = || Failure::new(Code::Unauthorized, "This takes one's own device token");
    (me.as_str() == user).then_some(me).ok_or_else(needed)
}

/// A person is the same in all rooms.
async fn picture_is(app: &App, user: &UserId, avatar: Option<String>) {
    for door in app.rooms.values() {
        let _ = door.inbox.send(Ask::Pictured { user: user.clone(), avatar: avatar.clone() }).await;
    }
}

fn unkept(error: Error) -> Failure {
    tracing::error!(%error, "a picture");
    Failure::new(Code::Internal, "The picture cannot be kept right now")
}

/// `GET /api/v1/pictures/{name}`. What is under a name never changes, since the name is made of it.
pub(crate) async fn picture(State(app): State<App>, Path(name): Path<String>) -> Result<Response, Fail> {
    let found = app.store.picture(name).await.map_err(|error| {
        tracing::error!(%error, "a picture");
        Failure::new(Code::Internal, "The picture cannot be read right now")
    })?;
    let image = found.ok_or_else(|| Failure::new(Code::NotFound, "There is no such picture"))?;
    let fixed = [
        (header::CONTENT_TYPE, "image/png"),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'"),
    ];
    Ok((fixed, image).into_response())
}

/// What becomes of an uploaded file of at most `most` bytes.
pub(super) async fn made(
    body: Result<Bytes, BytesRejection>,
    most: usize,
    shape: Shape,
) -> Result<Made, Fail> {
    let file = body.map_err(|_| {
        let message = format!("This picture has at most {most} bytes");
        Fail::new(StatusCode::PAYLOAD_TOO_LARGE, Code::TooLong, message)
    })?;
    let made = tokio::task::spawn_blocking(move || made_anew(&file, shape)).await;
    let made = made.map_err(|_| Failure::new(Code::Internal, "The picture cannot be kept"))?;
    made.map_err(|failure| Fail(StatusCode::UNPROCESSABLE_ENTITY, failure))
}
