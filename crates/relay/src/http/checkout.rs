//! Packs that are paid by card: a page of Stripe's for a viewer, and Stripe's word that it was paid.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, JsonRejection};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use footlight_protocol::coin::{Checkout, CheckoutPage};
use footlight_protocol::{Code, Failure};
use reqwest::Url;

use super::fail::Fail;
use super::{App, private};
use crate::clock;
use crate::error::Error;
use crate::room::Ask;
use crate::store::orders::Settlement;
use crate::stripe::{HEADER, Told, is_by_stripe};

/// Largest word of Stripe's that is read; a session has some kilobytes.
pub(super) const LARGEST: usize = 256 << 10;

/// `POST /api/v1/rooms/{room}/checkout`
pub(crate) async fn begin(
    State(app): State<App>,
    Path(room): Path<String>,
    headers: HeaderMap,
    body: Result<Json<Checkout>, JsonRejection>,
) -> Result<Response, Fail> {
    let door = app.room(&room)?.clone();
    let user = app.person(&headers)?;
    let cashier = app.cashier.as_ref().ok_or_else(no_cards)?;
    let Json(Checkout { nonce, pack }) =
        body.map_err(|_| Failure::new(Code::Malformed, "The body has to be a pack and a nonce as JSON"))?;
    let (order, pack) = door.ask(|reply| Ask::Order { user, pack, nonce, reply }).await?;
    let back = format!("{}/{}", origin(&headers).unwrap_or_else(|| app.origin.clone()), door.id);
    let page = cashier.page(&door.id, &order, &pack, &back).await.map_err(|failure| match failure.code {
        Code::Unreachable => Fail(StatusCode::BAD_GATEWAY, failure),
        _ => failure.into(),
    })?;
    // Whoever has the page can pay it, so the order knows it first.
    app.store.set_session(door.id.clone(), order, page.id).await.map_err(fault)?;
    Ok(private(StatusCode::OK, CheckoutPage { url: page.url }))
}

/// Where the page is from that asks, to which its person comes back: nobody else is led there.
fn origin(headers: &HeaderMap) -> Option<String> {
    let url: Url = headers.get(header::ORIGIN)?.to_str().ok()?.parse().ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.origin().ascii_serialization())
}

/// `POST /api/v1/stripe`. What is answered with 2xx is not told again; where the relay could not keep it, it says so and is told
/// once more.
pub(crate) async fn told(
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Fail> {
    let cashier = app.cashier.as_ref().ok_or_else(no_cards)?;
    let body = body.map_err(|_| {
        Fail::new(StatusCode::PAYLOAD_TOO_LARGE, Code::TooLong, "This is longer than an event")
    })?;
    let signature = headers.get(HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !is_by_stripe(signature, &body, &cashier.webhook_secret, clock::now_millis() / 1_000) {
        tracing::warn!("a payment event was not signed by Stripe, or long ago");
        return Err(Fail::new(StatusCode::BAD_REQUEST, Code::Unauthorized, "The signature is not right"));
    }
    let told = Told::read(&body).map_err(|why| {
        tracing::warn!(why, "a payment event cannot be read");
        Failure::new(Code::Malformed, "This is no event")
    })?;
    // A relay has few rooms, and which one it is about the order knows.
    for door in app.rooms.values() {
        let told = told.clone();
        let settlement = match told {
            Told::Nothing => break,
            Told::Paid(paid) => door.ask(|reply| Ask::Paid { paid, reply }).await?,
            Told::Refunded(refunded) => door.ask(|reply| Ask::Refunded { refunded, reply }).await?,
        };
        match settlement {
            Settlement::Unknown => {}
            Settlement::Unlike(what) => {
                tracing::error!(what, "something else was paid than was ordered; look at it at Stripe");
            }
            Settlement::Changed(_) | Settlement::Before => break,
        }
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn no_cards() -> Failure {
    Failure::new(Code::NotFound, "This relay takes no cards")
}

fn fault(error: Error) -> Fail {
    tracing::error!(%error, "an order");
    Failure::new(Code::Internal, "The order cannot be kept right now").into()
}
