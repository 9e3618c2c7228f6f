//! Links by which people become moderators or VIPs. The secret stands in the link's fragment, which browsers send to nobody,
//! and in the body of the two requests of whoever was handed it: never in an address, a log or the database.

use std::net::IpAddr;

use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use footlight_protocol::invite::{
    Invite, InviteRequest, MAX_INVITE_LABEL, MAX_INVITE_S, MAX_INVITE_USES, MAX_INVITES, MIN_INVITE_S,
    NewInvite, Offer, Shown,
};
use footlight_protocol::room::Role;
use footlight_protocol::{Code, Failure};

use super::fail::{Fail, json_body};
use super::keys::owned;
use super::{App, From, private};
use crate::chat::text::clean;
use crate::clock;
use crate::error::Error;
use crate::lock::lock;
use crate::room::{Ask, Door, invite_is_over};
use crate::secret::Secret;
use crate::throttle::household;

/// `GET /api/v1/rooms/{room}/invites`
pub(crate) async fn list(
    State(app): State<App>,
    Path(room): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Fail> {
    let door = owned(&app, &room, &headers)?;
    let all = app.store.invites(door.id.clone()).await.map_err(unreadable)?;
    let all: Vec<Invite> = all.into_iter().map(|kept| kept.entry).collect();
    Ok(private(StatusCode::OK, all))
}

/// `POST /api/v1/rooms/{room}/invites`
pub(crate) async fn make(
    State(app): State<App>,
    Path(room): Path<String>,
    request: Request,
) -> Result<Response, Fail> {
    let door = owned(&app, &room, request.headers())?;
    let wanted = checked(json_body(request).await?)?;
    let secret = Secret::random().map_err(unreadable)?;
    let hash = app.auth.invite_hash(secret.reveal());
    let made = app.store.add_invite(door.id.clone(), wanted, hash, clock::now_millis()).await;
    let entry = made.map_err(unreadable)?.ok_or_else(|| {
        let why = format!("A room has at most {MAX_INVITES} open invitations; take one back first");
        Fail::new(StatusCode::CONFLICT, Code::Full, why)
    })?;
    tracing::info!(room = %door.id, invite = entry.id, role = ?entry.role, "invitation made");
    Ok(private(StatusCode::CREATED, NewInvite { entry, secret: secret.reveal().to_owned() }))
}

/// `DELETE /api/v1/rooms/{room}/invites/{id}`
pub(crate) async fn revoke(
    State(app): State<App>,
    Path((room, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Fail> {
    let door = owned(&app, &room, &headers)?;
    let none = || Failure::new(Code::NotFound, "There is no such invitation");
    let id = id.parse().map_err(|_| none())?;
    if !app.store.revoke_invite(door.id.clone(), id).await.map_err(unreadable)? {
        return Err(none().into());
    }
    tracing::info!(room = %door.id, invite = id, "invitation taken back");
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `POST /api/v1/rooms/{room}/invites/look`: what a link offers.
pub(crate) async fn look(
    State(app): State<App>,
    Extension(From(address)): Extension<From>,
    Path(room): Path<String>,
    request: Request,
) -> Result<Response, Fail> {
    let door = app.room(&room)?.clone();
    let found = find(&app, &door, address.ip(), &json_body::<Shown>(request).await?.secret).await?;
    Ok(private(StatusCode::OK, Offer { role: found.role }))
}

/// `POST /api/v1/rooms/{room}/invites/accept`: by the device token of the one who becomes what it offers.
pub(crate) async fn accept(
    State(app): State<App>,
    Extension(From(address)): Extension<From>,
    Path(room): Path<String>,
    request: Request,
) -> Result<Response, Fail> {
    let door = app.room(&room)?.clone();
    let user = app.person(request.headers())?;
    let found = find(&app, &door, address.ip(), &json_body::<Shown>(request).await?.secret).await?;
    let role = door.ask(|reply| Ask::Invited { user, invite: found.id, role: found.role, reply }).await?;
    tracing::info!(room = %door.id, invite = found.id, ?role, "invitation taken");
    Ok(private(StatusCode::OK, Offer { role }))
}

/// The link of that secret, where it is still good. All are compared, each in constant time.
async fn find(app: &App, door: &Door, address: IpAddr, secret: &str) -> Result<Invite, Fail> {
    let now = clock::now_millis();
    let from = household(address);
    if let Some(from) = from {
        let mut knocks = lock(&app.knocks);
        if knocks.wait(&from, now).is_some() {
            return Err(Failure::new(Code::TooFast, "Too many tries; try again in a moment").into());
        }
        knocks.count(from, now);
    }
    let all = app.store.invites(door.id.clone()).await.map_err(unreadable)?;
    let mut found = None;
    for kept in all {
        if app.auth.is_invite(secret, &kept.hash) && kept.entry.is_open(now) {
            found = Some(kept.entry);
        }
    }
    let found = found.ok_or_else(invite_is_over)?;
    if let Some(from) = from {
        lock(&app.knocks).forgive(&from);
    }
    Ok(found)
}

fn checked(wanted: InviteRequest) -> Result<InviteRequest, Failure> {
    let InviteRequest { role, uses, seconds, label } = wanted;
    let label = match clean(&label, MAX_INVITE_LABEL) {
        Ok(label) => label,
        Err(Code::Empty) => String::new(),
        Err(_) => {
            let why = format!("A label has at most {MAX_INVITE_LABEL} characters");
            return Err(Failure::new(Code::BadSetting, why));
        }
    };
    let fits = matches!(role, Role::Moderator | Role::Vip)
        && (1..=MAX_INVITE_USES).contains(&uses)
        && (MIN_INVITE_S..=MAX_INVITE_S).contains(&seconds);
    if !fits {
        let why = format!(
            "An invitation is for moderators or VIPs, for 1 to {MAX_INVITE_USES} people, and good for \
             {MIN_INVITE_S} to {MAX_INVITE_S} seconds"
        );
        return Err(Failure::new(Code::BadSetting, why));
    }
    Ok(InviteRequest { role, uses, seconds, label })
}

fn unreadable(error: Error) -> Failure {
    tracing::error!(%error, "invitations");
    Failure::new(Code::Internal, "The relay could not do this")
}
