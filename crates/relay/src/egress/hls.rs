//! LL-HLS over HTTP: playlists that are waited for, segments, parts, init segments. Everything is made once by
//! [`crate::mux::hls`] and shared by all who ask.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};

use axum::body::Body;
use axum::extract::{Extension, Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use footlight_media::playlist::{File, Reload, Rendition};
use footlight_protocol::room::{StreamState, UnixMillis};
use footlight_protocol::{Code, Failure, UserId};
use futures_util::stream;

use crate::auth::bearer;
use crate::clock;
use crate::http::fail::Fail;
use crate::http::packing::takes_gzip;
use crate::http::{App, From};
use crate::lock::lock;
use crate::moderation::banned;
use crate::mux::hls::{Missing, Text};
use crate::room::{Ask, Door, Place};

/// A viewer who asked for nothing for this long is gone. Players that wait between publishers ask every five seconds.
const GONE_MILLIS: UnixMillis = 10_000;
/// What a name stands for never changes, and numbers are not used again.
const FOR_EVER: &str = "public, max-age=3600, immutable";

/// `GET /hls/{room}/{file}`
pub(crate) async fn file(
    State(app): State<App>,
    Extension(From(address)): Extension<From>,
    Path((room, name)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Fail> {
    let door = app.room(&room)?;
    let file: File = name.parse().map_err(|_| Failure::new(Code::NotFound, "There is no such file"))?;
    let shelf = &door.outlets.hls;
    if door.state.borrow().stream == StreamState::Offline && shelf.is_empty() {
        return Err(Failure::new(Code::NotFound, "Nothing is being broadcast").into());
    }
    let user = bearer(&headers).and_then(|token| app.auth.device(token));
    app.audience.seat(door, user, address.ip(), &headers).await?;
    match file {
        File::Multivariant => {
            let text = shelf.multivariant().await.map_err(missing)?;
            Ok(playlist(&headers, Text::new(text)))
        }
        File::Playlist(rendition) => {
            let reload = Reload::parse(query.as_deref().unwrap_or_default()).ok_or_else(|| {
                Failure::new(
                    Code::Malformed,
                    "_HLS_msn and _HLS_part have to be numbers, the second only with the first",
                )
            })?;
            Ok(playlist(&headers, shelf.playlist(rendition, reload).await.map_err(missing)?))
        }
        File::Init(rendition, number) => {
            Ok(media(rendition, shelf.init(rendition, number).map_err(missing)?.into()))
        }
        File::Part(rendition, sequence, part) => {
            let data = shelf.part(rendition, sequence, part).await.map_err(missing)?;
            Ok(media(rendition, data.into()))
        }
        File::Segment(rendition, sequence) => {
            let parts = shelf.segment(rendition, sequence).map_err(missing)?;
            let length: usize = parts.iter().map(Bytes::len).sum();
            let parts = stream::iter(parts.into_iter().map(Ok::<_, std::convert::Infallible>));
            let mut response = media(rendition, Body::from_stream(parts));
            response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
            Ok(response)
        }
    }
}

fn playlist(headers: &HeaderMap, text: Text) -> Response {
    let kind = [
        (header::CONTENT_TYPE, "application/vnd.apple.mpegurl"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::VARY, "accept-encoding"),
    ];
    if takes_gzip(headers) {
        (kind, [(header::CONTENT_ENCODING, "gzip")], text.gzip).into_response()
    } else {
        (kind, text.plain).into_response()
    }
}

fn media(rendition: Rendition, body: Body) -> Response {
    let kind = match rendition {
        Rendition::Video => "video/mp4",
        Rendition::Audio => "audio/mp4",
    };
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, FOR_EVER)], body).into_response()
}

fn missing(missing: Missing) -> Fail {
    match missing {
        Missing::Gone => {
            Fail::new(StatusCode::NOT_FOUND, Code::NotFound, "There is no such segment, or no longer")
        }
        Missing::TooFar => {
            Fail::new(StatusCode::BAD_REQUEST, Code::Malformed, "The playlist is not nearly so far yet")
        }
    }
}

/// Those who watch by HLS. They have no connection of their own, so one address with one kind of player counts as one
/// viewer for as long as it goes on asking.
#[derive(Default)]
pub(crate) struct Audience(Mutex<HashMap<Viewer, Place>>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Viewer {
    room: String,
    address: IpAddr,
    player: u64,
}

impl Audience {
    /// Gives the viewer a seat, or keeps the one that they have.
    async fn seat(
        &self,
        door: &Door,
        user: Option<UserId>,
        address: IpAddr,
        headers: &HeaderMap,
    ) -> Result<(), Failure> {
        let mut player = DefaultHasher::new();
        headers.get(header::USER_AGENT).map(|agent| agent.as_bytes()).hash(&mut player);
        user.hash(&mut player);
        let viewer = Viewer { room: door.id.to_string(), address, player: player.finish() };
        let now = clock::now_millis();
        if let Some(place) = self.places().get(&viewer)
            && (place.is_held(now) || place.cut().is_cancelled())
        {
            // Who was sent away stays away for as long as they go on asking.
            place.hold(now + GONE_MILLIS);
            return if place.cut().is_cancelled() { Err(banned()) } else { Ok(()) };
        }
        let place = door.ask(|reply| Ask::Sit { user, address, reply }).await?;
        place.hold(now + GONE_MILLIS);
        let mut places = self.places();
        places.retain(|_, place| place.is_held(now));
        places.insert(viewer, place);
        Ok(())
    }

    fn places(&self) -> MutexGuard<'_, HashMap<Viewer, Place>> {
        lock(&self.0)
    }
}
