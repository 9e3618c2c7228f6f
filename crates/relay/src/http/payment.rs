//! The picture that a payer scans: uploaded and taken away by the owner, seen by everybody.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use footlight_protocol::coin::MAX_PICTURE;
use footlight_protocol::{Code, Failure};

use super::App;
use super::fail::Fail;
use super::pictures::made;
use crate::picture::{Made, Shape};
use crate::room::Ask;

/// `PUT /api/v1/rooms/{room}/payment`: the bytes of a PNG, JPEG or WebP.
pub(crate) async fn set(
    State(app): State<App>,
    Path(room): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Fail> {
    let door = app.room(&room)?.clone();
    app.owner_only(&headers)?;
    let Made { name, png, .. } = made(body, MAX_PICTURE, Shape::Code).await?;
    let picture = Some((name, png));
    door.ask(|reply| Ask::Picture { picture, reply }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `DELETE /api/v1/rooms/{room}/payment`
pub(crate) async fn remove(
    State(app): State<App>,
    Path(room): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Fail> {
    let door = app.room(&room)?.clone();
    app.owner_only(&headers)?;
    door.ask(|reply| Ask::Picture { picture: None, reply }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `GET /api/v1/rooms/{room}/payment`
pub(crate) async fn picture(
    State(app): State<App>,
    Path(room): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Fail> {
    let room = app.room(&room)?.id.clone();
    let found = app.store.payment_picture(room).await.map_err(|error| {
        tracing::error!(%error, "the payment picture");
        Failure::new(Code::Internal, "The picture cannot be read right now")
    })?;
    let (name, image) = found.ok_or_else(|| Failure::new(Code::NotFound, "There is no picture"))?;
    let tag = format!("\"{name}\"");
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let fixed = [
        (header::ETAG, tag.as_str()),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'"),
    ];
    if known.is_some_and(|known| known.split(',').any(|known| known.trim() == tag)) {
        return Ok((StatusCode::NOT_MODIFIED, fixed).into_response());
    }
    Ok((fixed, [(header::CONTENT_TYPE, "image/png")], image).into_response())
}
