//! Accounts over HTTP: made by a guest, who stays who they are; signed in to from any device. Whether a name is known is told
//! to nobody who has not its password, neither in words nor by the time that it takes.

use std::net::IpAddr;
use std::sync::Mutex;

use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use footlight_protocol::account::{Credentials, NewPassword, SignedIn};
use footlight_protocol::room::{MAX_NAME, UnixMillis};
use footlight_protocol::{Code, Failure, UserId};

use super::fail::{Fail, json_body};
use super::{App, From, private};
use crate::chat::text::clean;
use crate::clock;
use crate::error::Error;
use crate::lock::lock;
use crate::moderation::normal::skeleton;
use crate::passkey::challenge::Challenges;
use crate::password::{Gate, Password};
use crate::room::Ask;
use crate::store::logins::{Login, Named};
use crate::throttle::{Patience, Throttle, household};

/// Tries under one name. Its owner has to get in while somebody else guesses, so they never wait for long.
const BY_NAME: Patience = Patience { free: 5, longest: 60_000 };
/// Tries from one address.
const BY_ADDRESS: Patience = Patience { free: 10, longest: 15 * 60_000 };
/// Accounts that are made from one address.
const MADE: Patience = Patience { free: 3, longest: 60 * 60_000 };

/// What stands between guessing and the accounts.
pub(crate) struct Accounts {
    gate: Gate,
    names: Mutex<Throttle<String>>,
    addresses: Mutex<Throttle<IpAddr>>,
    made: Mutex<Throttle<IpAddr>>,
    pub(super) challenges: Mutex<Challenges>,
}

impl Accounts {
    pub(crate) fn new() -> Self {
        Self {
            gate: Gate::new(),
            names: Mutex::new(Throttle::new(BY_NAME)),
            addresses: Mutex::new(Throttle::new(BY_ADDRESS)),
            made: Mutex::new(Throttle::new(MADE)),
            challenges: Mutex::default(),
        }
    }

    /// Lets a try under a name begin; it counts as failed until [`Accounts::was_right`].
    fn may_try(&self, name: &str, from: Option<IpAddr>, now: UnixMillis) -> Result<(), Fail> {
        let (mut names, mut addresses) = (lock(&self.names), lock(&self.addresses));
        let by_address = from.and_then(|from| addresses.wait(&from, now));
        let wait = names.wait(&name.to_owned(), now).max(by_address);
        if let Some(wait) = wait {
            return Err(too_many(wait));
        }
        names.count(name.to_owned(), now);
        if let Some(from) = from {
            addresses.count(from, now);
        }
        Ok(())
    }

    fn was_right(&self, name: &str, from: Option<IpAddr>) {
        lock(&self.names).forgive(&name.to_owned());
        if let Some(from) = from {
            lock(&self.addresses).forgive(&from);
        }
    }

    /// As [`Accounts::may_try`] where no name is told, until [`Accounts::was_let_in`].
    pub(super) fn may_knock(&self, from: Option<IpAddr>, now: UnixMillis) -> Result<(), Fail> {
        let Some(from) = from else { return Ok(()) };
        let mut addresses = lock(&self.addresses);
        if let Some(wait) = addresses.wait(&from, now) {
            return Err(too_many(wait));
        }
        addresses.count(from, now);
        Ok(())
    }

    pub(super) fn was_let_in(&self, from: Option<IpAddr>) {
        if let Some(from) = from {
            lock(&self.addresses).forgive(&from);
        }
    }

    pub(super) fn may_make(&self, from: Option<IpAddr>, now: UnixMillis) -> Result<(), Fail> {
        let Some(from) = from else { return Ok(()) };
        let mut made = lock(&self.made);
        if let Some(wait) = made.wait(&from, now) {
            return Err(too_many(wait));
        }
        made.count(from, now);
        Ok(())
    }
}

/// `GET /api/v1/account`
pub(crate) async fn own(State(app): State<App>, headers: HeaderMap) -> Result<Response, Fail> {
    let login = app.store.login_of(app.person(&headers)?).await.map_err(unreadable)?;
    Ok(private(StatusCode::OK, login.ok_or_else(no_account)?.shown()))
}

/// `POST /api/v1/account`: the person of the device token gets a name that is theirs alone, and a password.
pub(crate) async fn make(
    State(app): State<App>,
    Extension(From(address)): Extension<From>,
    request: Request,
) -> Result<Response, Fail> {
    let user = app.person(request.headers())?;
    let Credentials { name, password } = json_body(request).await?;
    let password = Password::chosen(&password)?;
    let name = claimable(&app, &user, &name).await?;
    app.accounts.may_make(household(address.ip()), clock::now_millis())?;
    let hash = app.accounts.gate.hash(password).await?;
    let (generation, now) = (app.auth.next_generation(&user), clock::now_millis());
    let made = app.store.add_login(user.clone(), name.clone(), hash, generation, now).await;
    claimed(&app, &user, &name, generation, made.map_err(unreadable)?).await?;
    tracing::info!("an account was made");
    Ok(private(StatusCode::CREATED, SignedIn { token: app.auth.device_token(&user) }))
}

/// The name as an account could have it, where no room says no.
pub(super) async fn claimable(app: &App, user: &UserId, name: &str) -> Result<String, Fail> {
    let name = clean(name, MAX_NAME)
        .map_err(|code| Failure::new(code, format!("A nickname has 1 to {MAX_NAME} characters")))?;
    if skeleton(&name).is_empty() {
        return Err(Failure::new(Code::Empty, "The name of an account needs letters or digits").into());
    }
    for door in app.rooms.values() {
        let (user, name) = (user.clone(), name.clone());
        door.ask(|reply| Ask::MayClaim { user, name, reply }).await?;
    }
    Ok(name)
}

/// What follows once the store has said what became of the wish for an account.
pub(super) async fn claimed(
    app: &App,
    user: &UserId,
    name: &str,
    generation: u32,
    named: Named,
) -> Result<(), Fail> {
    match named {
        Named::Done => {}
        Named::Taken => {
            return Err(Failure::new(Code::NameTaken, "This name belongs to somebody else").into());
        }
        Named::Again => {
            return Err(Failure::new(Code::WrongPhase, "This person has an account already").into());
        }
    }
    // Whoever else had the guest's token cannot sign in, and is not this person any more.
    app.auth.set_generation(user, generation);
    for door in app.rooms.values() {
        let _ = door.inbox.send(Ask::Claimed { user: user.clone(), name: name.to_owned() }).await;
    }
    Ok(())
}

/// `POST /api/v1/account/session`
pub(crate) async fn sign_in(
    State(app): State<App>,
    Extension(From(address)): Extension<From>,
    request: Request,
) -> Result<Response, Fail> {
    let Credentials { name, password } = json_body(request).await?;
    // As much of it as a name can have: what is longer is nobody's.
    let name: String = name.chars().take(2 * MAX_NAME).collect();
    let login = app.store.login_named(name.clone()).await.map_err(unreadable)?;
    let login = proven(&app, address.ip(), &skeleton(&name), &password, login).await?;
    tracing::info!("somebody signed in");
    Ok(private(StatusCode::OK, SignedIn { token: app.auth.device_token(&login.user) }))
}

/// `DELETE /api/v1/account/sessions`: no device is this person any more, until somebody signs in there.
pub(crate) async fn sign_out(State(app): State<App>, headers: HeaderMap) -> Result<Response, Fail> {
    let user = app.person(&headers)?;
    app.store.login_of(user.clone()).await.map_err(unreadable)?.ok_or_else(no_account)?;
    renew(&app, &user, None).await?;
    tracing::info!("somebody signed out everywhere");
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `POST /api/v1/account/password`: with the old one. Other devices have to sign in with the new one.
pub(crate) async fn change(
    State(app): State<App>,
    Extension(From(address)): Extension<From>,
    request: Request,
) -> Result<Response, Fail> {
    let user = app.person(request.headers())?;
    let NewPassword { old, new } = json_body(request).await?;
    let new = Password::chosen(&new)?;
    let login = app.store.login_of(user.clone()).await.map_err(unreadable)?.ok_or_else(no_account)?;
    let name = skeleton(&login.name);
    proven(&app, address.ip(), &name, &old, Some(login)).await?;
    let hash = app.accounts.gate.hash(new).await?;
    renew(&app, &user, Some(hash)).await?;
    tracing::info!("a password was changed");
    Ok(private(StatusCode::OK, SignedIn { token: app.auth.device_token(&user) }))
}

/// The account, where the password is its own. Where there is none, all goes the same way.
pub(super) async fn proven(
    app: &App,
    address: IpAddr,
    name: &str,
    password: &str,
    login: Option<Login>,
) -> Result<Login, Fail> {
    let from = household(address);
    app.accounts.may_try(name, from, clock::now_millis())?;
    let hash = login.as_ref().map(|login| login.hash.clone());
    let right = app.accounts.gate.verify(Password::typed(password), hash).await?;
    let login = login
        .filter(|_| right)
        .ok_or_else(|| Failure::new(Code::NotSignedIn, "There is no account of this name and password"))?;
    app.accounts.was_right(name, from);
    Ok(login)
}

/// Ends all tokens that the person has.
async fn renew(app: &App, user: &UserId, hash: Option<Vec<u8>>) -> Result<(), Fail> {
    let generation = app.auth.next_generation(user);
    app.store.renew_login(user.clone(), generation, hash).await.map_err(unreadable)?;
    app.auth.set_generation(user, generation);
    for door in app.rooms.values() {
        let _ = door.inbox.send(Ask::SignedOut { user: user.clone() }).await;
    }
    Ok(())
}

pub(super) fn no_account() -> Failure {
    Failure::new(Code::NotFound, "This person has no account")
}

fn too_many(wait: u64) -> Fail {
    let seconds = wait.div_ceil(1_000);
    Failure::new(Code::TooFast, format!("Too many tries; try again in {seconds} s")).into()
}

pub(super) fn unreadable(error: Error) -> Failure {
    tracing::error!(%error, "accounts");
    Failure::new(Code::Internal, "The relay could not do this")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_an_address_are_guessed_ever_more_slowly() {
        let accounts = Accounts::new();
        let (here, there): (IpAddr, IpAddr) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let may = |name: &str, from, now| accounts.may_try(name, Some(from), now).is_ok();
        // One name, from many places.
        let tries = (0..20_u8).filter(|n| may("ada", [198, 51, 100, *n].into(), 1_000)).count();
        assert_eq!(tries, 5);
        assert!(!may("ada", there, 1_500) && may("ada", there, 2_001), "after a second once more");
        // Many names, from one place.
        let tries = (0..20).filter(|n| may(&format!("n{n}"), here, 1_000)).count();
        assert_eq!(tries, 10);
        // Who knows the password does not wait for others' tries any longer.
        assert!(may("bob", there, 3_000));
        accounts.was_right("bob", Some(there));
        assert!((0..5).all(|_| may("bob", there, 3_000)));
        // On the loopback interface only the name counts.
        assert!((0..50).all(|n| accounts.may_try(&format!("m{n}"), None, 1_000).is_ok()));
        assert_eq!((0..9).filter(|_| accounts.may_make(Some(here), 1_000).is_ok()).count(), 3);
    }
}
