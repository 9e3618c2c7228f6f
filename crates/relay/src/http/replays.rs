//! Replays and clips over HTTP: lists and details as JSON, files with ranges, and what only the owner may do.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use footlight_protocol::replay::{ClipRequest, Edit};
use footlight_protocol::{Code, Failure, Seq};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tower_http::services::ServeFile;

use super::fail::{Fail, text_body, wants_page};
use super::pages::file;
use super::{App, private};
use crate::auth::bearer;
use crate::record::Media;

/// Read from disk and sent at once; so much is in memory for each file that is being sent.
const CHUNK: usize = 64 << 10;

/// Where in a list of events to go on.
#[derive(Deserialize)]
pub(crate) struct Position {
    #[serde(default)]
    after: Seq,
}

/// `GET /api/v1/rooms/{room}/replays`
pub(crate) async fn list(
    State(app): State<App>,
    Path(room): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Fail> {
    let owner = match bearer(&headers) {
        Some(_) => app.owner_only(&headers).map(|()| true)?,
        None => false,
    };
    Ok(private(StatusCode::OK, app.shelf.list(&app.room(&room)?.id, owner).await?))
}

/// `GET /api/v1/rooms/{room}/replays/{id}`
pub(crate) async fn replay(
    State(app): State<App>,
    Path((room, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Fail> {
    // Viewers have tokens too, which mean nothing here.
    Ok(private(
        StatusCode::OK,
        app.shelf.replay(&app.room(&room)?.id, &id, app.auth.is_by_owner(&headers)).await?,
    ))
}

/// `GET /api/v1/rooms/{room}/replays/{id}/events?after=SEQ`
pub(crate) async fn events(
    State(app): State<App>,
    Path((room, id)): Path<(String, String)>,
    position: Result<Query<Position>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Fail> {
    let position =
        position.map_err(|_| Failure::new(Code::Malformed, "`after` has to be the seq of an event"))?;
    Ok(private(StatusCode::OK, app.shelf.events(&app.room(&room)?.id, &id, position.after).await?))
}

/// `PATCH /api/v1/rooms/{room}/replays/{id}`
pub(crate) async fn edit(
    State(app): State<App>,
    Path((room, id)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Fail> {
    app.owner_only(request.headers())?;
    let edit: Edit = json(request).await?;
    Ok(private(StatusCode::OK, app.shelf.edit(&app.room(&room)?.id, &id, edit).await?))
}

/// `DELETE /api/v1/rooms/{room}/replays/{id}`
pub(crate) async fn delete(
    State(app): State<App>,
    Path((room, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<StatusCode, Fail> {
    app.owner_only(&headers)?;
    app.shelf.delete(&app.room(&room)?.id, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/v1/rooms/{room}/recording`
pub(crate) async fn recording(
    State(app): State<App>,
    Path(room): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Fail> {
    app.owner_only(&headers)?;
    let progress = app.shelf.progress(&app.room(&room)?.id);
    Ok(private(
        StatusCode::OK,
        progress.ok_or_else(|| Failure::new(Code::NotFound, "Nothing is being recorded now"))?,
    ))
}

/// `GET /api/v1/rooms/{room}/clips`
pub(crate) async fn clips(State(app): State<App>, Path(room): Path<String>) -> Result<Response, Fail> {
    Ok(private(StatusCode::OK, app.shelf.clips(&app.room(&room)?.id).await?))
}

/// `POST /api/v1/rooms/{room}/clips`
pub(crate) async fn clip(
    State(app): State<App>,
    Path(room): Path<String>,
    request: Request,
) -> Result<Response, Fail> {
    app.owner_only(request.headers())?;
    let wanted: ClipRequest = json(request).await?;
    let clip = app.shelf.clip(&app.room(&room)?.id, wanted).await?;
    let location = [(header::LOCATION, clip.media.clone())];
    Ok((StatusCode::CREATED, location, Json(clip)).into_response())
}

/// `DELETE /api/v1/rooms/{room}/clips/{id}`
pub(crate) async fn delete_clip(
    State(app): State<App>,
    Path((room, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<StatusCode, Fail> {
    app.owner_only(&headers)?;
    app.shelf.delete_clip(&app.room(&room)?.id, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /{room}/replay/{id}`: the viewer face, which plays it, or says to a person why it cannot.
pub(crate) async fn page(
    State(app): State<App>,
    Path((room, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let there = match app.room(&room) {
        Ok(door) => app.shelf.has(&door.id, &id).await,
        Err(failure) => Err(failure),
    };
    let Err(failure) = there else { return file("replay.html", &headers).await };
    let fail = Fail::from(failure);
    if !wants_page(&headers) {
        return fail.into_response();
    }
    let mut response = file("replay.html", &headers).await;
    if response.status() == StatusCode::OK {
        *response.status_mut() = fail.0;
    }
    response
}

/// `GET /{room}/replay/{id}/{file}`: `1.mp4` and so on, `poster.mp4`.
pub(crate) async fn media(
    State(app): State<App>,
    Path((room, id, name)): Path<(String, String, String)>,
    request: Request,
) -> Result<Response, Fail> {
    let head = request.method() == Method::HEAD;
    match app.shelf.media(&app.room(&room)?.id, &id, &name, head).await? {
        Media::Here(path) => send(path, request).await,
        Media::There(link) => {
            let headers = [(header::LOCATION, link), (header::CACHE_CONTROL, "no-store".to_owned())];
            Ok((StatusCode::TEMPORARY_REDIRECT, headers).into_response())
        }
    }
}

/// `GET /{room}/clip/{file}`
pub(crate) async fn clip_media(
    State(app): State<App>,
    Path((room, name)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Fail> {
    let path = app.shelf.clip_media(&app.room(&room)?.id, &name)?;
    send(path, request).await
}

/// Sends a file, or the range of it that is asked for (RFC 9110 section 14).
async fn send(path: std::path::PathBuf, mut request: Request) -> Result<Response, Fail> {
    // Several ranges at once are of no use to a player, and the whole is a right answer to them.
    let several = |value: &HeaderValue| value.as_bytes().contains(&b',');
    if request.headers().get(header::RANGE).is_some_and(several) {
        request.headers_mut().remove(header::RANGE);
    }
    let gone = || Failure::new(Code::NotFound, "There is no such file");
    let answer =
        ServeFile::new(path).with_buf_chunk_size(CHUNK).try_call(request).await.map_err(|_| gone())?;
    if answer.status() == StatusCode::NOT_FOUND {
        return Err(gone().into());
    }
    let mut response = answer.map(Body::new);
    // It can be deleted, and its copies in caches cannot.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

async fn json<T: DeserializeOwned>(request: Request) -> Result<T, Fail> {
    let body = text_body(request, "application/json").await?;
    serde_json::from_str(&body)
        .map_err(|error| Failure::new(Code::Malformed, format!("The body: {error}")).into())
}
