//! The record of moderation over HTTP, for the owner: who did what, for which reason, to which messages.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use footlight_protocol::moderation::{Act, Audit, Former};
use footlight_protocol::room::EventKind;
use footlight_protocol::{Code, Failure, Seq};

use super::App;
use super::fail::Fail;
use super::receipts::Position;
use crate::auth::bearer;
use crate::store::Kept;

/// Acts in one answer.
const PAGE: usize = 200;

/// `GET /api/v1/rooms/{room}/audit?after=SEQ`
pub(crate) async fn list(
    State(app): State<App>,
    Path(room): Path<String>,
    after: Result<Query<Position>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Fail> {
    let room = app.room(&room)?.id.clone();
    if !bearer(&headers).is_some_and(|token| app.auth.is_owner(token)) {
        return Err(Failure::new(Code::Unauthorized, "This takes the owner token").into());
    }
    let wrong = |_| Failure::new(Code::Malformed, "`after` has to be the seq of an act");
    let after = Seq(after.map_err(wrong)?.after());
    let found = app.store.acts(room, after, PAGE + 1).await.map_err(|error| {
        tracing::error!(%error, "the record of moderation");
        Failure::new(Code::Internal, "The record cannot be read right now")
    })?;
    let is_more = found.len() > PAGE;
    let acts: Vec<Act> = found.into_iter().take(PAGE).map(|(kept, facts)| act(kept, facts)).collect();
    let more = acts.last().filter(|_| is_more).map(|act| act.event.seq);
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(Audit { acts, more })).into_response())
}

fn act(kept: Kept, facts: Vec<Former>) -> Act {
    let Kept { event, by, .. } = kept;
    // A held message is kept as its author's doing, so that it is known when it is repeated.
    let actor = by.filter(|_| !matches!(event.kind, EventKind::Held { .. }));
    let automated = actor.is_none() || matches!(event.kind, EventKind::Swept { .. });
    Act { event, actor, automated, facts }
}
