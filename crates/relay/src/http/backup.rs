//! A copy of the database while the relay runs, for the owner. It goes into the data folder: nobody from outside names a
//! place on the disk.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use footlight_media::Time;
use footlight_protocol::{Code, Failure};
use serde_json::json;

use super::fail::Fail;
use super::{App, private};
use crate::clock;

/// Copies in the folder. More ⇒ refused: whoever has the token must not fill the disk.
const MOST: usize = 20;

/// `POST /api/v1/backup`
pub(crate) async fn make(State(app): State<App>, headers: HeaderMap) -> Result<Response, Fail> {
    app.owner_only(&headers)?;
    if !app.store.is_file() {
        let text = "The database is PostgreSQL, which is copied by its own program, pg_dump";
        return Err(Failure::new(Code::BadSetting, text).into());
    }
    let internal = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "a backup");
        Failure::new(Code::Internal, "The copy could not be made; the log says why")
    };
    let folder = app.backups.clone();
    let there = tokio::task::spawn_blocking(move || {
        std::fs::create_dir_all(&folder)?;
        Ok::<_, std::io::Error>(std::fs::read_dir(&folder)?.count())
    });
    let there = there.await.map_err(|error| internal(&error))?.map_err(|error| internal(&error))?;
    if there >= MOST {
        let text = format!("There are {there} copies in the folder backups; take some away first");
        return Err(Failure::new(Code::Full, text).into());
    }
    let date = Time::from_micros(clock::now_millis() * 1_000).date();
    let name = format!(
        "footlight-{:04}{:02}{:02}-{:02}{:02}{:02}.db",
        date.year, date.month, date.day, date.hour, date.minute, date.second
    );
    let path = app.backups.join(&name);
    if path.exists() {
        return Err(Failure::new(Code::TooFast, "A copy of this second is there already").into());
    }
    let bytes = app.store.backup(path).await.map_err(|error| internal(&error))?;
    tracing::info!(name, bytes, "a copy of the database was made");
    let made = json!({ "file": format!("backups/{name}"), "bytes": bytes });
    Ok(private(StatusCode::CREATED, made))
}
