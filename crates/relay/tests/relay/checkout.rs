//! Packs that are paid by card, with a server that plays Stripe: it takes orders as Stripe's API does, and signs what it tells
//! as Stripe documents.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use footlight_protocol::Code;
use footlight_protocol::coin::{CoinAsk, Offer, Outcome, Pack};
use footlight_protocol::room::ClientMessage;
use footlight_relay::{Config, Secret, Stripe};
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::member::Chat;
use crate::stage::{Answer, Folder, Stage, config};

const KEY: &str = "sk_test_not_to_be_seen";
const SIGNS: &str = "whsec_not_to_be_seen";

/// What the server was asked: headers and body of each order.
type Asked = Arc<Mutex<Vec<(HeaderMap, String)>>>;

/// Plays Stripe; the sessions are numbered, and the same idempotency key gives the same one.
struct FakeStripe {
    api: String,
    asked: Asked,
    server: tokio::task::JoinHandle<()>,
}

impl FakeStripe {
    async fn start() -> Self {
        let asked = Asked::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/v1/checkout/sessions", post(sessions)).with_state(asked.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { api, asked, server }
    }

    /// The fields of the n-th order.
    fn field(&self, n: usize, name: &str) -> String {
        let asked = self.asked.lock().unwrap();
        let url: reqwest::Url = format!("http://x/?{}", asked[n].1).parse().unwrap();
        let found = url.query_pairs().find(|(key, _)| key == name);
        found.unwrap_or_else(|| panic!("no {name} in {}", asked[n].1)).1.into_owned()
    }
}

impl Drop for FakeStripe {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn sessions(State(asked): State<Asked>, headers: HeaderMap, body: String) -> Response {
    if headers["authorization"] != format!("Bearer {KEY}") {
        let error = json!({ "error": { "type": "invalid_request_error", "message": "Invalid API Key: sk_test_***seen" } });
        return (StatusCode::UNAUTHORIZED, error.to_string()).into_response();
    }
    let mut asked = asked.lock().unwrap();
    let same = |(before, _): &(HeaderMap, String)| before["idempotency-key"] == headers["idempotency-key"];
    let number = asked.iter().position(same).unwrap_or(asked.len());
    asked.push((headers.clone(), body));
    let url = format!("https://checkout.stripe.com/c/pay/cs_{number}");
    json!({ "id": format!("cs_{number}"), "object": "checkout.session", "url": url })
        .to_string()
        .into_response()
}

/// As Stripe signs: HMAC-SHA256 over `t.payload`.
fn signature(secret: &str, seconds: u64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{seconds}.{body}").as_bytes());
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={seconds},v1={hex},v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39")
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

fn pack() -> Pack {
    Pack { coins: 60, amount: 600, currency: "cny".parse().unwrap() }
}

fn with_stripe(folder: &Folder, api: &str, key: &str) -> Config {
    let stripe = Stripe { key: Secret::new(key), webhook_secret: Secret::new(SIGNS), api: api.to_owned() };
    Config { stripe: Some(stripe), ..config(folder) }
}

async fn offer(stage: &Stage) -> Chat {
    let mut owner = Chat::owner(stage).await;
    let offer = Offer { packs: vec![pack()], ..Offer::default() };
    owner.ask("offer", CoinAsk::SetOffer { offer }).await.unwrap();
    owner
}

async fn checkout(stage: &Stage, token: &str, nonce: &str, pack: &Pack) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
        ("origin", "https://live.example"),
    ];
    let body = json!({ "nonce": nonce, "pack": pack }).to_string();
    stage.ask(Method::POST, "/api/v1/rooms/main/checkout", &headers, body).await
}

fn event(kind: &str, object: &Value) -> String {
    json!({ "id": "evt_1", "object": "event", "type": kind, "livemode": false, "data": { "object": object } })
        .to_string()
}

async fn tell(stage: &Stage, body: &str, signature: &str) -> Answer {
    let headers = [("stripe-signature", signature), ("content-type", "application/json")];
    stage.ask(Method::POST, "/api/v1/stripe", &headers, body.to_owned()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_is_paid_by_card_and_its_coins_come_once() {
    let stripe = FakeStripe::start().await;
    let folder = Folder::new();
    let stage = Stage::with(with_stripe(&folder, &stripe.api, KEY)).await;
    let mut owner = offer(&stage).await;
    let mut ada = Chat::hello(&stage, None, None, None).await.unwrap();
    assert_eq!(ada.wallet().await, 0);
    let mut ada = ada.called("Ada").await;
    let token = ada.token.clone();

    // The order, asked for twice.
    for _ in 0..2 {
        let page = checkout(&stage, &token, "c1", &pack()).await;
        assert_eq!(page.json()["url"], "https://checkout.stripe.com/c/pay/cs_0", "{}", page.body);
    }
    let headers = stripe.asked.lock().unwrap()[0].0.clone();
    assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
    assert!(headers["idempotency-key"].to_str().unwrap().starts_with("footlight-"));
    let order = stripe.field(0, "client_reference_id");
    assert_eq!(stripe.field(1, "client_reference_id"), order);
    for (name, value) in [
        ("mode", "payment"),
        ("success_url", "https://live.example/main"),
        ("metadata[order]", &order),
        ("line_items[0][price_data][currency]", "cny"),
        ("line_items[0][price_data][unit_amount]", "600"),
    ] {
        assert_eq!(stripe.field(0, name), value);
    }
    for (token, pack, code) in [
        ("nonsense", pack(), "unauthorized"),
        (&*token, Pack { amount: 1, ..pack() }, "wrong_phase"),
        (&*token, Pack { coins: 61, ..pack() }, "wrong_phase"),
    ] {
        assert_eq!(checkout(&stage, token, "c2", &pack).await.code(), code);
    }

    // What is told of it.
    let session = json!({ "id": "cs_0", "object": "checkout.session", "client_reference_id": order, "payment_intent": "pi_0",
        "payment_status": "paid", "amount_total": 600, "currency": "cny" });
    let change = |name: &str, value: Value| {
        let mut session = session.clone();
        session[name] = value;
        event("checkout.session.completed", &session)
    };
    let good = event("checkout.session.completed", &session);
    for (body, signature) in [
        (&good, signature("whsec_of_somebody_else", now(), &good)),
        (&good, signature(SIGNS, now() - 301, &good)),
        (&good, signature(SIGNS, now(), &change("amount_total", json!(1)))),
        (&good, String::new()),
    ] {
        assert_eq!(tell(&stage, body, &signature).await.status, StatusCode::BAD_REQUEST, "{signature}");
    }
    // Signed, and nothing follows from it: it is taken, so that it is not told again.
    for body in [
        change("payment_status", json!("unpaid")),
        change("amount_total", json!(599)),
        change("currency", json!("usd")),
        change("id", json!("cs_of_another")),
        change("client_reference_id", json!("unknown")),
        event("invoice.paid", &session),
    ] {
        assert_eq!(tell(&stage, &body, &signature(SIGNS, now(), &body)).await.status, 204, "{body}");
    }
    let odd = "{\"type\":";
    assert_eq!(tell(&stage, odd, &signature(SIGNS, now(), odd)).await.code(), "malformed");
    let long = "x".repeat(300 << 10);
    assert_eq!(tell(&stage, &long, &signature(SIGNS, now(), &long)).await.code(), "too_long");

    // While the secret is being changed there are two signatures.
    let at = now();
    let two =
        format!("{},v1={}", signature("whsec_the_old_one", at, &good), &signature(SIGNS, at, &good)[16..80]);
    assert_eq!(tell(&stage, &good, &two).await.status, 204);
    assert_eq!(ada.wallet().await, 60);
    // Again, also as what comes when a payment took days.
    for body in [good.clone(), event("checkout.session.async_payment_succeeded", &session)] {
        assert_eq!(tell(&stage, &body, &signature(SIGNS, now(), &body)).await.status, 204);
    }
    let rows = stage
        .ask(
            Method::GET,
            "/api/v1/rooms/main/receipts",
            &[("authorization", &format!("Bearer {}", stage.owner()))],
            "",
        )
        .await;
    let kinds: Vec<Value> = rows.json().as_array().unwrap().iter().map(|row| row["kind"].clone()).collect();
    assert_eq!(kinds, ["bought"]);
    assert_eq!(checkout(&stage, &token, "c1", &pack()).await.code(), "wrong_phase", "it is paid");

    // Coins that are spent do not come back, and the creator hears of it.
    let nonce = "g1".parse().unwrap();
    ada.send(&ClientMessage::SendGift { nonce, gift: "rose".parse().unwrap(), count: 1 }).await;
    ada.answer("g1").await.unwrap();
    let refund =
        event("charge.refunded", &json!({ "id": "ch_0", "payment_intent": "pi_0", "refunded": true }));
    assert_eq!(tell(&stage, &refund, &signature(SIGNS, now(), &refund)).await.status, 204);
    let odd = owner.top_up().await;
    assert_eq!((odd.outcome, odd.card, odd.by.id), (Outcome::Owed, true, ada.me.id.clone()));
    drop(ada);

    // Ada comes back later.
    let mut ada = Chat::hello(&stage, Some(token), None, None).await.unwrap();
    assert_eq!(ada.wallet().await, 59);
    owner.ask("r", CoinAsk::Read { top_up: odd.id }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_stripe_or_its_answer_nothing_is_lost() {
    let stripe = FakeStripe::start().await;
    let folder = Folder::new();
    let stage = Stage::in_folder(&folder).await;
    let owner = offer(&stage).await;
    let ada = Chat::named(&stage, "Ada").await;
    let (token, owner_token) = (ada.token.clone(), stage.owner());
    assert_eq!(checkout(&stage, &token, "c1", &pack()).await.code(), "not_found");
    assert_eq!(tell(&stage, "{}", "").await.code(), "not_found");
    drop((owner, ada));
    stage.stop().await;

    // A wrong key is for the operator to see, without the key.
    let stage = Stage::with(with_stripe(&folder, &stripe.api, "sk_test_wrong")).await;
    let refused = checkout(&stage, &token, "c1", &pack()).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::BAD_GATEWAY, "unreachable".to_owned()));
    assert!(!refused.body.contains("sk_test"), "{}", refused.body);
    stage.stop().await;

    let stage = Stage::with(with_stripe(&folder, "http://127.0.0.1:9", KEY)).await;
    assert_eq!(checkout(&stage, &token, "c1", &pack()).await.status, StatusCode::BAD_GATEWAY);
    let mut owner = Chat::hello(&stage, None, Some(owner_token), None).await.unwrap();
    owner.ask("none", CoinAsk::SetOffer { offer: Offer::default() }).await.unwrap();
    assert_eq!(checkout(&stage, &token, "c2", &pack()).await.code(), "wrong_phase");
    let ban = footlight_protocol::room::Action::Ban {
        user: token.split('.').next().unwrap().parse().unwrap(),
        range: false,
    };
    owner.moderate("b", ban).await.unwrap();
    assert_eq!(
        checkout(&stage, &token, "c3", &pack()).await.code(),
        serde_json::to_value(Code::Banned).unwrap()
    );
}
