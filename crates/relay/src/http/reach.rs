//! `/api/v1/reach`: who will get in, for the room's owner only, since it names the network's addresses.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use footlight_protocol::reach::Forecast;
use footlight_protocol::{Code, Failure};
use serde::Deserialize;

use super::App;
use super::fail::Fail;
use crate::auth::bearer;
use crate::reach::seats;

#[derive(Deserialize)]
pub(crate) struct Wish {
    /// The broadcast's bitrate, to know how many viewers the line carries.
    stream_kbit: Option<u32>,
}

type Asked = Result<Query<Wish>, QueryRejection>;

/// `GET`: the newest forecast.
pub(crate) async fn newest(
    State(app): State<App>,
    headers: HeaderMap,
    wish: Asked,
) -> Result<Response, Fail> {
    let wish = admit(&app, &headers, wish)?;
    answer(app.reach.newest().await, &wish)
}

/// `POST`: looks again first, which takes some seconds.
pub(crate) async fn look_again(
    State(app): State<App>,
    headers: HeaderMap,
    wish: Asked,
) -> Result<Response, Fail> {
    let wish = admit(&app, &headers, wish)?;
    answer(app.reach.look_again().await, &wish)
}

/// The wish, where the owner asks and asks so that it can be understood.
fn admit(app: &App, headers: &HeaderMap, wish: Asked) -> Result<Wish, Fail> {
    if !bearer(headers).is_some_and(|token| app.auth.is_owner(token)) {
        return Err(Failure::new(Code::Unauthorized, "The owner token is missing or wrong").into());
    }
    let Query(wish) =
        wish.map_err(|_| Failure::new(Code::Malformed, "`stream_kbit` has to be a number of kbit/s"))?;
    Ok(wish)
}

fn answer(forecast: Option<Forecast>, wish: &Wish) -> Result<Response, Fail> {
    let busy = || {
        Fail::new(
            StatusCode::SERVICE_UNAVAILABLE,
            Code::Internal,
            "The relay is looking already, or is ending",
        )
    };
    let mut forecast = forecast.ok_or_else(busy)?;
    forecast.seats =
        forecast.uplink_kbit.zip(wish.stream_kbit).and_then(|(uplink, stream)| seats(uplink, stream));
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(forecast)).into_response())
}
