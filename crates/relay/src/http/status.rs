//! How the relay does: JSON for the operator, Prometheus text for machines.

use std::fmt::Write as _;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use footlight_protocol::room::StreamState;
use footlight_protocol::status::{Disk, Process, Sessions, Status, Traffic, Webhooks};
use footlight_protocol::{Code, Failure};

use super::App;
use super::fail::Fail;
use crate::auth::bearer;
use crate::clock;

/// `GET /api/v1/status`
pub(crate) async fn status(State(app): State<App>, headers: HeaderMap) -> Result<Response, Fail> {
    if !bearer(&headers).is_some_and(|token| app.auth.is_owner(token)) {
        return Err(Failure::new(Code::Unauthorized, "The owner token is missing or wrong").into());
    }
    let metrics = &app.metrics;
    let status = Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started: app.started,
        uptime_s: clock::now_millis().saturating_sub(app.started) / 1000,
        draining: app.drain.is_begun(),
        rooms: app.rooms.values().map(|door| door.state.borrow().clone()).collect(),
        sessions: Sessions {
            publishers: metrics.publishers.get(),
            viewers: app.rooms.values().map(|door| u64::from(door.state.borrow().presence.viewers)).sum(),
            members: metrics.members.get(),
            connections: metrics.connections.get(),
        },
        traffic: Traffic { in_kbps: metrics.in_kbps.get(), out_kbps: metrics.out_kbps.get() },
        process: Process { cpu_percent: metrics.cpu_percent.get(), memory_bytes: metrics.memory.get() },
        disk: Disk { free_bytes: metrics.disk_free.get(), total_bytes: metrics.disk_total.get() },
        webhooks: Webhooks {
            delivered: metrics.hooks_delivered.get(),
            failed_attempts: metrics.hooks_failed.get(),
            lost: metrics.hooks_lost.get(),
        },
        uploads: app.shelf.uploads(),
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(status)).into_response())
}

/// `GET /metrics`
pub(crate) async fn metrics(State(app): State<App>) -> Response {
    let mut text = app.metrics.render();
    let rooms: Vec<_> = app.rooms.values().map(|door| door.state.borrow().clone()).collect();
    let mut gauge = |name: &str, help: &str, value: &dyn Fn(usize) -> u64| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (place, state) in rooms.iter().enumerate() {
            // A room's name is made of letters, digits, - and _: nothing to escape.
            let _ = writeln!(text, "{name}{{room=\"{}\"}} {}", state.room, value(place));
        }
    };
    let live = |place: usize| u64::from(matches!(rooms[place].stream, StreamState::Live { .. }));
    let interrupted =
        |place: usize| u64::from(matches!(rooms[place].stream, StreamState::Interrupted { .. }));
    gauge("footlight_room_live", "1 where the room is on air.", &live);
    gauge(
        "footlight_room_interrupted",
        "1 where the room's publisher is gone and may be back.",
        &interrupted,
    );
    gauge("footlight_room_viewers", "Viewers of the room, over WebRTC, FLV, HLS and RTMP.", &|place| {
        rooms[place].presence.viewers.into()
    });
    gauge("footlight_room_members", "Chat sessions of the room, the owner's not counted.", &|place| {
        rooms[place].presence.members.into()
    });
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}
