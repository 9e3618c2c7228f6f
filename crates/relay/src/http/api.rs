//! The JSON API, liveness, metrics, and the upgrade to the room's WebSocket.

use std::net::IpAddr;

use axum::Json;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Extension, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use footlight_protocol::room::{ClientMessage, MAX_CLIENT_MESSAGE, RoomState, ServerMessage};
use footlight_protocol::{Code, Failure};
use tokio_util::task::TaskTracker;

use super::fail::Fail;
use super::{App, From};
use crate::chat::pipe::Pipe;
use crate::chat::socket::{self, Context, Room};

/// Longest message that is read at all. Longer than the protocol allows, so that a client which is somewhat
/// over it hears why it is closed.
const TRANSPORT_MESSAGE: usize = 4 * MAX_CLIENT_MESSAGE;

/// `GET /api/v1/rooms`
pub(crate) async fn rooms(State(app): State<App>) -> Json<Vec<RoomState>> {
    Json(app.rooms.values().map(|door| door.state.borrow().clone()).collect())
}

/// `GET /api/v1/rooms/{room}`
pub(crate) async fn room(State(app): State<App>, Path(room): Path<String>) -> Result<Response, Fail> {
    let state = app.room(&room)?.state.borrow().clone();
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(state)).into_response())
}

/// `GET /api/v1/openapi.json`
pub(crate) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], include_str!("openapi.json")).into_response()
}

/// `GET /api/v1/messages.json`: JSON Schema of both directions of the room's WebSocket.
pub(crate) async fn messages() -> Json<serde_json::Value> {
    Json(serde_json::json!({
        "client": schemars::schema_for!(ClientMessage),
        "server": schemars::schema_for!(ServerMessage),
        "failure": schemars::schema_for!(Failure),
    }))
}

/// `GET /healthz/live`: the process answers. Where it does not, only a new start helps.
pub(crate) async fn live() -> &'static str {
    "ok\n"
}

/// `GET /healthz` and `/healthz/ready`: rooms and database answer, and new people are taken.
pub(crate) async fn ready(State(app): State<App>) -> Response {
    if app.drain.is_begun() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n").into_response();
    }
    match app.store.secret("hash_key").await {
        Ok(_) if app.rooms.values().all(|door| !door.inbox.is_closed()) => "ok\n".into_response(),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response(),
    }
}

/// Of each session, for as long as it lives: what people say fits several times.
const READ_BUFFER: usize = 2 << 10;

/// `GET /ws/{room}`. Any origin may connect: what a session may do depends on tokens that only its own page
/// knows, never on cookies.
pub(crate) async fn socket(
    State(app): State<App>,
    Extension(From(address)): Extension<From>,
    pipe: Option<Extension<Pipe>>,
    Path(room): Path<String>,
    upgrade: Upgrade,
) -> Result<Response, Fail> {
    let door = app.room(&room)?.clone();
    let room = Room::Here { door, auth: app.auth.clone(), store: app.store.clone() };
    upgraded(upgrade, pipe, address.ip(), Context { room, metrics: app.metrics.clone() }, &app.sockets)
}

/// What upgrading to a WebSocket comes to.
pub(crate) type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// Serves a session on the upgraded connection; shutdown waits for it in `sockets`.
pub(crate) fn upgraded(
    upgrade: Upgrade,
    pipe: Option<Extension<Pipe>>,
    address: IpAddr,
    context: Context,
    sockets: &TaskTracker,
) -> Result<Response, Fail> {
    let upgrade = upgrade.map_err(|rejection| {
        Fail::new(rejection.status(), Code::Malformed, "This route takes WebSocket connections only")
    })?;
    let open = sockets.token();
    let upgrade = upgrade
        .max_message_size(TRANSPORT_MESSAGE)
        .max_frame_size(TRANSPORT_MESSAGE)
        .read_buffer_size(READ_BUFFER);
    Ok(upgrade.on_upgrade(move |socket| async move {
        socket::serve(socket, pipe.map(|Extension(pipe)| pipe), address, context).await;
        drop(open);
    }))
}
