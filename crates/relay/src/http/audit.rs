//! The record of moderation over HTTP, for the owner: who did what, for which reason, to which messages. As JSON, page by
//! page, or all of it as a table of statements of reasons.

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use footlight_protocol::moderation::{Act, Audit, Former};
use footlight_protocol::room::EventKind;
use footlight_protocol::{Code, Failure, RoomId, Seq};
use futures_util::stream;
use serde::Deserialize;

use super::App;
use super::fail::Fail;
use super::reasons::{self, Language};
use crate::error::Error;
use crate::store::{Kept, Store};

/// Acts in one answer.
const PAGE: usize = 200;
/// Spreadsheets take a file without it for one of their own country's letters.
const UTF8: &str = "\u{feff}";

#[derive(Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    after: u64,
    #[serde(default)]
    format: Format,
    /// Of the table.
    #[serde(default)]
    lang: String,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Format {
    #[default]
    Json,
    Csv,
}

/// `GET /api/v1/rooms/{room}/audit?after=SEQ&format=csv&lang=TAG`
pub(crate) async fn list(
    State(app): State<App>,
    Path(room): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Fail> {
    let room = app.room(&room)?.id.clone();
    app.owner_only(&headers)?;
    let wrong = |_| Failure::new(Code::Malformed, "`after` is the seq of an act, and `format` json or csv");
    let Query(Asked { after, format, lang }) = asked.map_err(wrong)?;
    // Above that, no database counts.
    let after = Seq(after.min(i64::MAX as u64));
    let first = page(&app.store, &room, after).await.map_err(|error| {
        tracing::error!(%error, "the record of moderation");
        Failure::new(Code::Internal, "The record cannot be read right now")
    })?;
    Ok(match format {
        Format::Json => ([(header::CACHE_CONTROL, "no-store")], Json(first)).into_response(),
        Format::Csv => table(&app, room, first, Language::of(&lang)),
    })
}

async fn page(store: &Store, room: &RoomId, after: Seq) -> Result<Audit, Error> {
    let found = store.acts(room.clone(), after, PAGE + 1).await?;
    let is_more = found.len() > PAGE;
    let acts: Vec<Act> = found.into_iter().take(PAGE).map(|(kept, facts)| act(kept, facts)).collect();
    let more = acts.last().filter(|_| is_more).map(|act| act.event.seq);
    Ok(Audit { acts, more })
}

/// All that follows, a page in memory at a time. A page that cannot be read cuts the answer off, so that nobody takes a part
/// for the whole.
fn table(app: &App, room: RoomId, first: Audit, language: Language) -> Response {
    let name = format!("attachment; filename=\"footlight-{room}-audit.csv\"");
    let (store, appeal) = (app.store.clone(), app.appeal.clone());
    let head = UTF8.to_owned() + &reasons::head(language);
    let rows = stream::try_unfold((Some(first), head), move |(page, before)| {
        let (store, room, appeal) = (store.clone(), room.clone(), appeal.clone());
        async move {
            let Some(Audit { acts, more }) = page else { return Ok(None) };
            let rows = acts.iter().filter_map(|act| reasons::row(act, language, appeal.as_deref()));
            let text = rows.fold(before, |text, row| text + &row);
            let next = match more {
                Some(after) => Some(self::page(&store, &room, after).await?),
                None => None,
            };
            Ok::<_, Error>(Some((text, (next, String::new()))))
        }
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    (headers, Body::from_stream(rows)).into_response()
}

fn act(kept: Kept, facts: Vec<Former>) -> Act {
    let Kept { event, by, .. } = kept;
    // A held message is kept as its author's doing, so that it is known when it is repeated.
    let actor = by.filter(|_| !matches!(event.kind, EventKind::Held { .. }));
    let automated = actor.is_none() || matches!(event.kind, EventKind::Swept { .. });
    Act { event, actor, automated, facts }
}
