//! FLV over HTTP and over a WebSocket, on the same path. The answer is one endless file that starts at the last
//! keyframe; it ends with the broadcast. All viewers share the bytes, only a tag's 11 bytes in front are their own.

use std::collections::VecDeque;

use axum::body::Body;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use footlight_media::flv::{self, TagKind};
use footlight_protocol::room::StreamState;
use footlight_protocol::{Code, Failure};
use futures_util::stream;

use crate::auth::bearer;
use crate::http::fail::Fail;
use crate::http::{App, From};
use crate::mux::flv::{About, Reader};
use crate::room::{Ask, Place};

/// `GET /live/{room}.flv`
pub(crate) async fn watch(
    State(app): State<App>,
    Extension(From(address)): Extension<From>,
    Path(file): Path<String>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Fail> {
    let nothing = || Failure::new(Code::NotFound, "There is no such stream");
    let door = app.room(file.strip_suffix(".flv").ok_or_else(nothing)?)?;
    if door.state.borrow().stream == StreamState::Offline {
        return Err(Failure::new(Code::NotFound, "Nothing is being broadcast").into());
    }
    let user = bearer(&headers).and_then(|token| app.auth.device(token));
    let address = address.ip();
    let place = door.ask(|reply| Ask::Sit { user, address, reply }).await?;
    let file = File { reader: door.outlets.flv.reader(), place, started: false, ready: VecDeque::new() };
    if let Ok(upgrade) = upgrade {
        let open = app.sockets.token();
        return Ok(upgrade.on_upgrade(move |socket| async move {
            serve(socket, file).await;
            drop(open);
        }));
    }
    let body = stream::unfold(file, |mut file| async move {
        let piece = file.next().await?;
        Some((Ok::<_, std::convert::Infallible>(piece), file))
    });
    let headers = [(header::CONTENT_TYPE, "video/x-flv"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, Body::from_stream(body)).into_response())
}

async fn serve(mut socket: WebSocket, mut file: File) {
    loop {
        tokio::select! {
            piece = file.next() => {
                let Some(piece) = piece else { break };
                if socket.send(Message::Binary(piece)).await.is_err() {
                    return;
                }
            }
            heard = socket.recv() => {
                // Whatever a viewer says but goodbye means nothing here.
                if !matches!(heard, Some(Ok(_))) {
                    return;
                }
            }
        }
    }
    let _ = socket.send(Message::Close(None)).await;
}

/// One viewer's file, piece by piece.
struct File {
    reader: Reader,
    place: Place,
    started: bool,
    ready: VecDeque<Bytes>,
}

impl File {
    /// The next piece; `None` at its end, also where the viewer has to go. Nothing is lost when the wait is given up.
    async fn next(&mut self) -> Option<Bytes> {
        let cut = self.place.cut().clone();
        if cut.is_cancelled() {
            return None;
        }
        if let Some(piece) = self.ready.pop_front() {
            return Some(piece);
        }
        if !self.started {
            let about = tokio::select! {
                () = cut.cancelled() => return None,
                about = self.reader.about() => about?,
            };
            self.started = true;
            return Some(start(&about));
        }
        let tag = tokio::select! {
            () = cut.cancelled() => return None,
            tag = self.reader.next() => tag?,
        };
        self.ready.extend(tag.file());
        self.ready.pop_front()
    }
}

/// The file's header, and its metadata.
fn start(about: &About) -> Bytes {
    let metadata = about.metadata();
    let mut bytes = flv::header(about.audio, about.video).to_vec();
    flv::write_tag(&flv::Tag { kind: TagKind::Script, timestamp: 0, body: &metadata }, &mut bytes);
    bytes.into()
}
