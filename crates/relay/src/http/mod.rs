//! Everything over HTTP: the routes, and the one TCP listener that also takes ICE-TCP.

pub(crate) mod account;
pub(crate) mod api;
mod audit;
mod backup;
pub(crate) mod behind;
mod checkout;
mod exposed;
pub(crate) mod fail;
pub(crate) mod invites;
pub(crate) mod keys;
pub(crate) mod listener;
pub(crate) mod negotiate;
pub(crate) mod packing;
pub(crate) mod pages;
mod passkeys;
mod payment;
mod people;
mod pictures;
pub(crate) mod reach;
mod reasons;
pub(crate) mod receipts;
pub(crate) mod replays;
pub(crate) mod status;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, patch, post, put};
use axum::{Json, Router};
use footlight_protocol::coin::MAX_PICTURE;
use footlight_protocol::emote::MAX_EMOTE_FILE;
use footlight_protocol::person::MAX_AVATAR_FILE;
use footlight_protocol::room::UnixMillis;
use footlight_protocol::{Code, Failure, RoomId, UserId};
use serde::Serialize;
use tokio_util::task::TaskTracker;
use tower_http::set_header::SetResponseHeaderLayer;

use account::Accounts;

use crate::acme::{self, Answers};
use crate::auth::{Auth, bearer};
use crate::config::IceServer;
use crate::drain::Drain;
use crate::egress::hls::Audience;
use crate::gift::receipt::Signer;
use crate::metrics::Metrics;
use crate::reach::Reach;
use crate::record::Shelf;
use crate::room::Door;
use crate::rtc::Answerer;
use crate::secret::Secret;
use crate::store::Store;
use crate::stripe::Cashier;
use crate::throttle::Throttle;
use crate::{egress, ingest};

/// Largest request body: an offer of a browser with every codec is 10 KB.
const BODY: usize = 64 << 10;

/// What the routes share.
#[derive(Clone)]
pub(crate) struct App(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) rooms: BTreeMap<RoomId, Door>,
    pub(crate) auth: Arc<Auth>,
    pub(crate) answerer: Answerer,
    pub(crate) ice_servers: Vec<IceServer>,
    pub(crate) turn_secret: Option<Secret>,
    pub(crate) reach: Reach,
    pub(crate) store: Store,
    pub(crate) signer: Signer,
    pub(crate) shelf: Shelf,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) drain: Drain,
    pub(crate) started: UnixMillis,
    pub(crate) audience: Audience,
    /// Where copies of the database go.
    pub(crate) backups: PathBuf,
    /// Where people write who want an act of moderation undone.
    pub(crate) appeal: Option<String>,
    /// Open chat sockets; shutdown waits for their goodbyes.
    pub(crate) sockets: TaskTracker,
    /// What certificate authorities are answered.
    pub(crate) answers: Answers,
    /// What branches of the room show with their clients' requests, where there is a bus.
    pub(crate) pass: Option<Secret>,
    pub(crate) accounts: Accounts,
    /// Who shows links that are none, by address.
    pub(crate) knocks: Mutex<Throttle<IpAddr>>,
    /// Asks the payment service, where cards are taken.
    pub(crate) cashier: Option<Cashier>,
    /// The names that its certificates are for, where it gets them itself.
    pub(crate) hosts: Vec<String>,
    /// The relay's own base URL.
    pub(crate) origin: String,
}

impl std::ops::Deref for App {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl App {
    /// The room of that name.
    pub(crate) fn room(&self, name: &str) -> Result<&Door, Failure> {
        let room = name.parse::<RoomId>().ok().and_then(|room| self.rooms.get(&room));
        room.ok_or_else(|| Failure::new(Code::NotFound, "There is no such room"))
    }

    /// Refuses whoever does not show the owner token.
    fn owner_only(&self, headers: &HeaderMap) -> Result<(), Failure> {
        let needed = || Failure::new(Code::Unauthorized, "This takes the owner token");
        self.auth.is_by_owner(headers).then_some(()).ok_or_else(needed)
    }

    /// Whose device token the request shows.
    fn person(&self, headers: &HeaderMap) -> Result<UserId, Failure> {
        let user = bearer(headers).and_then(|token| self.auth.device(token));
        user.ok_or_else(|| Failure::new(Code::Unauthorized, "This takes one's own device token"))
    }
}

/// An answer that nobody keeps: it is one person's, or changes with what happens.
fn private(status: StatusCode, body: impl Serialize) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// The peer's address, put into every request by the listener.
#[derive(Debug, Clone, Copy)]
pub(crate) struct From(pub(crate) SocketAddr);

pub(crate) fn router(app: App) -> Router {
    use egress::{flv, hls, whep};
    use ingest::whip;
    let negotiation = Router::new()
        .route("/whip/{room}", post(whip::publish).get(whip::endpoint).options(whip::options))
        .route(
            "/whip/{room}/{session}",
            patch(whip::patch).delete(whip::end).get(whip::there).options(whip::session_options),
        )
        .route("/whep/{room}", post(whep::watch).get(whep::endpoint).options(whep::options))
        .route(
            "/whep/{room}/{session}",
            patch(whep::patch).delete(whep::end).get(whep::there).options(whep::session_options),
        )
        .route("/whep/{room}/{session}/layer", post(whep::choose).options(whep::choose_options));
    let api = Router::new()
        .route("/api/v1/rooms", get(api::rooms))
        .route("/api/v1/rooms/{room}", get(api::room))
        .route("/api/v1/rooms/{room}/replays", get(replays::list))
        .route(
            "/api/v1/rooms/{room}/replays/{id}",
            get(replays::replay).patch(replays::edit).delete(replays::delete),
        )
        .route("/api/v1/rooms/{room}/replays/{id}/events", get(replays::events))
        .route("/api/v1/rooms/{room}/recording", get(replays::recording))
        .route("/api/v1/rooms/{room}/clips", get(replays::clips).post(replays::clip))
        .route("/api/v1/rooms/{room}/clips/{id}", delete(replays::delete_clip))
        .route("/{room}/replay/{id}/{file}", get(replays::media))
        .route("/{room}/clip/{file}", get(replays::clip_media))
        .route("/api/v1/status", get(status::status))
        .route("/api/v1/backup", post(backup::make))
        .route("/api/v1/rooms/{room}/keys", get(keys::list).post(keys::make))
        .route("/api/v1/rooms/{room}/keys/{key}", delete(keys::revoke))
        .route("/api/v1/rooms/{room}/keys/{key}/rotate", post(keys::rotate))
        .route("/api/v1/rooms/{room}/people/{user}", get(people::export).delete(people::erase))
        .route("/api/v1/rooms/{room}/invites", get(invites::list).post(invites::make))
        .route("/api/v1/rooms/{room}/invites/{id}", delete(invites::revoke))
        .route("/api/v1/rooms/{room}/invites/look", post(invites::look))
        .route("/api/v1/rooms/{room}/invites/accept", post(invites::accept))
        .route(
            "/api/v1/rooms/{room}/payment",
            get(payment::picture)
                .put(payment::set)
                .delete(payment::remove)
                .layer(DefaultBodyLimit::max(MAX_PICTURE)),
        )
        .route("/api/v1/rooms/{room}/emotes", get(pictures::emotes))
        .route(
            "/api/v1/rooms/{room}/emotes/{name}",
            put(pictures::set_emote)
                .delete(pictures::remove_emote)
                .layer(DefaultBodyLimit::max(MAX_EMOTE_FILE)),
        )
        .route(
            "/api/v1/rooms/{room}/people/{user}/avatar",
            put(pictures::set_avatar)
                .delete(pictures::remove_avatar)
                .layer(DefaultBodyLimit::max(MAX_AVATAR_FILE)),
        )
        .route("/api/v1/pictures/{name}", get(pictures::picture))
        .route("/api/v1/rooms/{room}/checkout", post(checkout::begin))
        .route("/api/v1/stripe", post(checkout::told).layer(DefaultBodyLimit::max(checkout::LARGEST)))
        .route("/api/v1/rooms/{room}/audit", get(audit::list))
        .route("/api/v1/rooms/{room}/receipts", get(receipts::list))
        .route("/api/v1/rooms/{room}/receipts/{number}", get(receipts::one))
        .route("/api/v1/rooms/{room}/receipts/key", get(receipts::key))
        .route("/api/v1/rooms/{room}/receipts/links", get(receipts::links))
        .route("/api/v1/account", get(account::own).post(account::make))
        .route("/api/v1/account/session", post(account::sign_in))
        .route("/api/v1/account/sessions", delete(account::sign_out))
        .route("/api/v1/account/password", post(account::change))
        .route("/api/v1/account/passkeys", get(passkeys::list).post(passkeys::add))
        .route("/api/v1/account/passkeys/offer", post(passkeys::offer))
        .route("/api/v1/account/passkeys/challenge", post(passkeys::begin))
        .route("/api/v1/account/passkeys/session", post(passkeys::sign_in))
        .route("/api/v1/account/passkeys/{id}", delete(passkeys::remove))
        .route("/api/v1/openapi.json", get(api::openapi))
        .route("/api/v1/messages.json", get(api::messages))
        .route("/api/v1/reach", get(reach::newest).post(reach::look_again))
        .route("/healthz", get(api::ready))
        .route("/healthz/ready", get(api::ready))
        .route("/healthz/live", get(api::live))
        .route("/metrics", get(status::metrics))
        .route("/.well-known/acme-challenge/{token}", get(acme::http));
    let media =
        Router::new().route("/live/{file}", get(flv::watch)).route("/hls/{room}/{file}", get(hls::file));
    let pages = Router::new()
        .route("/", get(pages::home))
        .route("/assets/{*path}", get(pages::asset))
        .route("/{room}", get(pages::watch))
        .route("/overlay/{room}", get(pages::overlay))
        .route("/{room}/replay/{id}", get(replays::page));
    negotiation
        .merge(api)
        .merge(media)
        .layer(axum::middleware::map_response(any_page_may_ask))
        .route("/ws/{room}", get(api::socket))
        .merge(pages)
        .fallback(fail::no_route)
        .method_not_allowed_fallback(fail::wrong_method)
        .layer(axum::middleware::from_fn(exposed::send_to_https))
        .layer(axum::middleware::from_fn_with_state(app.clone(), behind::as_their_clients))
        .layer(DefaultBodyLimit::max(BODY))
        .layer(fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(fixed(header::REFERRER_POLICY, "no-referrer"))
        .with_state(app)
}

/// Nothing is granted by cookie or address, only by tokens that a page has to know, so any page may ask. These
/// are the answers to a browser's preflight too (Fetch standard, section 3.2).
async fn any_page_may_ask(mut response: Response) -> Response {
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, if-match, range"),
        (
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            "location, etag, link, retry-after, www-authenticate, accept-post, accept-patch, accept-ranges, content-range",
        ),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn fixed(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}
