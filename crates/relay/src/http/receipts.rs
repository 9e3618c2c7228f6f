//! The books over HTTP: receipts for those whose coins they are about, all of them for the owner, and for everybody the
//! links by which an old receipt is followed to the newest row.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use footlight_protocol::gift::{Links, Receipt, ReceiptKey};
use footlight_protocol::{Code, Failure, RoomId};
use serde::Deserialize;

use super::fail::Fail;
use super::{App, private};
use crate::auth::bearer;
use crate::error::Error;
use crate::gift::ledger::{Account, Entry, Purse};
use crate::gift::receipt::hex;

/// Rows in one answer.
const PAGE: usize = 500;

/// Where in the books to go on.
#[derive(Deserialize)]
pub(crate) struct Position {
    #[serde(default)]
    after: u64,
}

impl Position {
    pub(super) fn after(&self) -> u64 {
        // Above that, no database counts.
        self.after.min(i64::MAX as u64)
    }
}

type After = Result<Query<Position>, axum::extract::rejection::QueryRejection>;

/// Whose receipts somebody may see.
enum Reader {
    Owner,
    Person(Purse),
}

impl Reader {
    fn may_see(&self, entry: &Entry) -> bool {
        match self {
            Self::Owner => true,
            Self::Person(purse) => {
                let account = Account::Person(purse.clone());
                entry.by == *purse || entry.from == account || entry.to == account
            }
        }
    }
}

/// `GET /api/v1/rooms/{room}/receipts/key`
pub(crate) async fn key(State(app): State<App>, Path(room): Path<String>) -> Result<Response, Fail> {
    app.room(&room)?;
    let key = ReceiptKey { algorithm: "Ed25519".to_owned(), public_key: app.signer.public_key() };
    Ok(Json(key).into_response())
}

/// `GET /api/v1/rooms/{room}/receipts?after=NUMBER`
pub(crate) async fn list(
    State(app): State<App>,
    Path(room): Path<String>,
    after: After,
    headers: HeaderMap,
) -> Result<Response, Fail> {
    let room = app.room(&room)?.id.clone();
    let after = position(after)?;
    let entries = match reader(&app, &headers)? {
        Reader::Owner => app.store.entries(room.clone(), after, PAGE).await,
        Reader::Person(purse) => app.store.entries_of(room.clone(), purse, after, PAGE).await,
    };
    let receipts: Vec<Receipt> =
        entries.map_err(fault)?.iter().map(|entry| app.signer.receipt(&room, entry)).collect();
    Ok(private(StatusCode::OK, receipts))
}

/// `GET /api/v1/rooms/{room}/receipts/{number}`
pub(crate) async fn one(
    State(app): State<App>,
    Path((room, number)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Fail> {
    let room = app.room(&room)?.id.clone();
    let reader = reader(&app, &headers)?;
    let entry = row(&app, &room, &number).await?;
    // To others it looks as if it were not there.
    let entry = entry.filter(|entry| reader.may_see(entry)).ok_or_else(no_receipt)?;
    Ok(private(StatusCode::OK, app.signer.receipt(&room, &entry)))
}

async fn row(app: &App, room: &RoomId, number: &str) -> Result<Option<Entry>, Fail> {
    let Some(before) = number.parse::<u64>().ok().and_then(|number| number.checked_sub(1)) else {
        return Ok(None);
    };
    let mut found = app.store.entries(room.clone(), before, 1).await.map_err(fault)?;
    Ok(found.pop().filter(|entry| entry.number == before + 1))
}

/// `GET /api/v1/rooms/{room}/receipts/links?after=NUMBER`
pub(crate) async fn links(
    State(app): State<App>,
    Path(room): Path<String>,
    after: After,
) -> Result<Response, Fail> {
    let room = app.room(&room)?.id.clone();
    let after = position(after)?;
    let entries = app.store.entries(room.clone(), after, PAGE).await.map_err(fault)?;
    let end = entries.last();
    Ok(private(
        StatusCode::OK,
        Links {
            after,
            digests: entries.iter().map(|entry| hex(&entry.digest())).collect(),
            hash: end.map(|entry| hex(&entry.hash)),
            signature: end.map(|entry| app.signer.sign(&entry.hash)),
        },
    ))
}

fn position(after: After) -> Result<u64, Failure> {
    let wrong = |_| Failure::new(Code::Malformed, "`after` has to be the number of a receipt");
    Ok(after.map_err(wrong)?.after())
}

fn reader(app: &App, headers: &HeaderMap) -> Result<Reader, Failure> {
    let token = bearer(headers);
    if token.is_some_and(|token| app.auth.is_owner(token)) {
        return Ok(Reader::Owner);
    }
    let user = token.and_then(|token| app.auth.device(token));
    let needed = || Failure::new(Code::Unauthorized, "This takes the owner token or one's own device token");
    user.map(|user| Reader::Person(app.auth.purse(&user))).ok_or_else(needed)
}

fn no_receipt() -> Fail {
    Failure::new(Code::NotFound, "There is no such receipt").into()
}

fn fault(error: Error) -> Fail {
    tracing::error!(%error, "the books");
    Failure::new(Code::Internal, "The books cannot be read right now").into()
}
