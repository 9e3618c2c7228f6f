//! Packs paid by card: Stripe Checkout takes the money on a page of its own, and tells the relay by a signed webhook.
//!
//! The relay keeps an order before it asks Stripe for a page, and gives coins only for what Stripe says was paid for an order
//! of that amount and currency. Whoever comes back from the page has shown nothing by it.

mod event;
mod sign;

use std::time::Duration;

use footlight_protocol::coin::Pack;
use footlight_protocol::{Code, Failure, RoomId, TopUpId};
use reqwest::{Client, Url, redirect};
use serde::Deserialize;
use tokio::sync::Semaphore;

pub(crate) use event::{Paid, Refunded, Told};
pub(crate) use sign::{HEADER, is_by_stripe};

use crate::error::Error;
use crate::secret::{Secret, key};

/// Where Stripe's API is.
const API: &str = "https://api.stripe.com";
/// The version that this was written for, so that a newer default of an account changes nothing.
const VERSION: &str = "2024-06-20";
/// Stripe answers within some hundred milliseconds.
const ANSWER: Duration = Duration::from_secs(15);
/// Longest answer that is read; a session has some kilobytes.
const LONGEST: usize = 256 << 10;
/// Requests that are underway at once. More ⇒ refused, so that a crowd does not use up what Stripe allows an account.
const AT_ONCE: usize = 8;

/// An account at Stripe.
#[derive(Debug, Clone)]
pub struct Stripe {
    /// The secret key, or better a restricted one that may write Checkout Sessions.
    pub key: Secret,
    /// The signing secret of the webhook that Stripe was told of.
    pub webhook_secret: Secret,
    /// `https://api.stripe.com`, but for tests.
    pub api: String,
}

impl Stripe {
    /// By `FOOTLIGHT_STRIPE_KEY` and `FOOTLIGHT_STRIPE_WEBHOOK_SECRET`; `None` where neither is set.
    ///
    /// # Errors
    /// Where only one of them is, or one is too short.
    pub fn from_env() -> Result<Option<Self>, Error> {
        const SIGNS: &str = "FOOTLIGHT_STRIPE_WEBHOOK_SECRET";
        match (key("FOOTLIGHT_STRIPE_KEY")?, key(SIGNS)?) {
            (Some(key), Some(webhook_secret)) => Ok(Some(Self { key, webhook_secret, api: API.to_owned() })),
            (None, None) => Ok(None),
            _ => {
                let message = "goes with FOOTLIGHT_STRIPE_KEY: without both no card is taken".to_owned();
                Err(Error::Setting { setting: SIGNS, message })
            }
        }
    }
}

/// Asks Stripe.
pub(crate) struct Cashier {
    client: Client,
    sessions: Url,
    key: Secret,
    pub(crate) webhook_secret: Secret,
    underway: Semaphore,
}

/// A page on which an order is paid.
#[derive(Debug, Deserialize)]
pub(crate) struct Page {
    /// The session's id.
    pub(crate) id: String,
    pub(crate) url: String,
}

impl Cashier {
    pub(crate) fn new(stripe: &Stripe) -> Result<Self, Error> {
        let bad = |message: &str| Error::Setting { setting: "stripe", message: message.to_owned() };
        let api: Url = stripe.api.parse().map_err(|_| bad("the API's address is no URL"))?;
        let is_near = api.host_str().is_some_and(|host| matches!(host, "127.0.0.1" | "localhost" | "[::1]"));
        if api.scheme() != "https" && !(api.scheme() == "http" && is_near) {
            return Err(bad("the API's address has to begin with https://"));
        }
        let sessions = api.join("/v1/checkout/sessions").map_err(|_| bad("the API's address is no URL"))?;
        let client = Client::builder()
            .timeout(ANSWER)
            // The key goes to Stripe and to nobody else.
            .redirect(redirect::Policy::none())
            .user_agent(concat!("footlight-relay/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|_| Error::System { what: "an HTTP client" })?;
        Ok(Self {
            client,
            sessions,
            key: stripe.key.clone(),
            webhook_secret: stripe.webhook_secret.clone(),
            underway: Semaphore::new(AT_ONCE),
        })
    }

    /// Makes the page of an order; asked again, the same one. Whoever is done there comes back to `back`.
    pub(crate) async fn page(
        &self,
        room: &RoomId,
        order: &TopUpId,
        pack: &Pack,
        back: &str,
    ) -> Result<Page, Failure> {
        let _one = self.underway.try_acquire().map_err(|_| {
            Failure::new(Code::TooFast, "Many people are about to pay; try again in a moment")
        })?;
        let asked = self
            .client
            .post(self.sessions.clone())
            .bearer_auth(self.key.reveal())
            .header("stripe-version", VERSION)
            // A repeated request is the same one to Stripe, for a day.
            .header("idempotency-key", format!("footlight-{order}"))
            .header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form(room, order, pack, back))
            .send()
            .await;
        let answer = asked.map_err(|error| unreachable(error.without_url().to_string()))?;
        let status = answer.status();
        let body = read(answer).await.map_err(unreachable)?;
        if !status.is_success() {
            return Err(refused(status.as_u16(), &body));
        }
        let page: Page = serde_json::from_slice(&body).map_err(|error| unreachable(error.to_string()))?;
        let fits = |text: &str, most: usize| (1..=most).contains(&text.len());
        if !fits(&page.id, MAX_ID) || !fits(&page.url, 4_096) || !is_web(&page.url) {
            return Err(unreachable("its answer makes no sense".to_owned()));
        }
        Ok(page)
    }
}

/// Longest id of Stripe's that is kept; theirs have below 100 characters.
pub(crate) const MAX_ID: usize = 255;

fn is_web(url: &str) -> bool {
    url.parse::<Url>().is_ok_and(|url| matches!(url.scheme(), "https" | "http"))
}

/// The request's body.
fn form(room: &RoomId, order: &TopUpId, pack: &Pack, back: &str) -> String {
    let (coins, amount) = (format!("{} coins", pack.coins), pack.amount.to_string());
    let fields = [
        ("mode", "payment"),
        ("success_url", back),
        ("cancel_url", back),
        ("client_reference_id", order.as_str()),
        ("metadata[room]", room.as_str()),
        ("metadata[order]", order.as_str()),
        ("payment_intent_data[metadata][order]", order.as_str()),
        ("line_items[0][quantity]", "1"),
        ("line_items[0][price_data][currency]", pack.currency.as_str()),
        ("line_items[0][price_data][unit_amount]", amount.as_str()),
        ("line_items[0][price_data][product_data][name]", coins.as_str()),
    ];
    let mut url = Url::parse("http://form").expect("a URL");
    url.query_pairs_mut().extend_pairs(fields);
    url.query().unwrap_or_default().to_owned()
}

async fn read(mut answer: reqwest::Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(|error| error.without_url().to_string())? {
        if body.len() + piece.len() > LONGEST {
            return Err("its answer is very long".to_owned());
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

fn unreachable(why: String) -> Failure {
    tracing::warn!(why, "Stripe cannot be asked");
    Failure::new(Code::Unreachable, "The payment service does not answer; try again in a moment")
}

/// What Stripe says is for the operator: it may name what is wrong with the key.
fn refused(status: u16, body: &[u8]) -> Failure {
    #[derive(Deserialize)]
    struct Body {
        error: Said,
    }
    #[derive(Deserialize)]
    struct Said {
        #[serde(default, rename = "type")]
        kind: String,
        #[serde(default)]
        code: String,
        #[serde(default)]
        param: String,
    }
    // Not its message, which repeats the end of the key.
    let said = serde_json::from_slice(body).map(|Body { error }| error);
    let (kind, code, param) = said.map(|said| (said.kind, said.code, said.param)).unwrap_or_default();
    tracing::error!(status, kind, code, param, "Stripe refused to make a page");
    Failure::new(Code::Unreachable, "The payment service did not take the order")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_said_as_stripe_takes_it() {
        let pack = Pack { coins: 60, amount: 600, currency: "cny".parse().unwrap() };
        let body = form(&RoomId::default(), &"abc".parse().unwrap(), &pack, "https://a.example/main?a=1&b");
        for part in [
            "mode=payment",
            "success_url=https%3A%2F%2Fa.example%2Fmain%3Fa%3D1%26b",
            "client_reference_id=abc",
            "line_items%5B0%5D%5Bprice_data%5D%5Bcurrency%5D=cny",
            "line_items%5B0%5D%5Bprice_data%5D%5Bunit_amount%5D=600",
            "product_data%5D%5Bname%5D=60+coins",
        ] {
            assert!(body.contains(part), "{body}");
        }
    }

    #[test]
    fn a_key_goes_over_https_or_stays_on_the_machine() {
        let stripe = |api: &str| Stripe {
            key: Secret::new("sk_test"),
            webhook_secret: Secret::new("whsec"),
            api: api.to_owned(),
        };
        for (api, ok) in [
            (API, true),
            ("http://127.0.0.1:9", true),
            ("http://api.stripe.com", false),
            ("ftp://127.0.0.1", false),
            ("stripe", false),
        ] {
            assert_eq!(Cashier::new(&stripe(api)).is_ok(), ok, "{api}");
        }
        assert!(!format!("{:?}", stripe(API)).contains("sk_test"));
    }
}
