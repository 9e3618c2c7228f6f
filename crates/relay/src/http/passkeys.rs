//! Passkeys over HTTP: made by a person for their account or for one of its own, and signed in by without a name. Challenges are
//! for the host by whose name the page was opened, which is the RP ID.

use std::net::IpAddr;

use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use footlight_protocol::account::{
    MAX_PASSKEY_NAME, NewPasskey, Passkey, PasskeyChallenge, PasskeyOffer, PasskeyProof, PasskeyWish,
    SignedIn,
};
use footlight_protocol::{Code, Failure};
use reqwest::Url;

use super::account::{claimable, claimed, no_account, proven, unreadable};
use super::fail::{Fail, json_body};
use super::{App, From, private};
use crate::chat::text::clean;
use crate::clock;
use crate::lock::lock;
use crate::moderation::normal::skeleton;
use crate::passkey::challenge::Purpose;
use crate::passkey::{self, LONGEST, Party, Refused};
use crate::store::passkeys::{Added, Fresh, Removed};
use crate::throttle::household;

/// `GET /api/v1/account/passkeys`
pub(crate) async fn list(State(app): State<App>, headers: HeaderMap) -> Result<Response, Fail> {
    let passkeys: Vec<Passkey> = app.store.passkeys_of(app.person(&headers)?).await.map_err(unreadable)?;
    Ok(private(StatusCode::OK, passkeys))
}

/// `POST /api/v1/account/passkeys/offer`: what a device makes a passkey of.
pub(crate) async fn offer(
    State(app): State<App>,
    Extension(From(address)): Extension<From>,
    request: Request,
) -> Result<Response, Fail> {
    let user = app.person(request.headers())?;
    let party = party(&app, &request)?;
    let PasskeyWish { account, password } = json_body(request).await?;
    let login = app.store.login_of(user.clone()).await.map_err(unreadable)?;
    let (purpose, account) = match (account, login) {
        (Some(name), None) => {
            let name = claimable(&app, &user, &name).await?;
            (Purpose::Make(user.clone(), name.clone()), name)
        }
        (None, Some(login)) => {
            let name = login.name.clone();
            if login.has_password() {
                let password = password.unwrap_or_default();
                proven(&app, address.ip(), &skeleton(&name), &password, Some(login)).await?;
            }
            (Purpose::Add(user.clone()), name)
        }
        (Some(_), Some(_)) => {
            return Err(Failure::new(Code::WrongPhase, "This person has an account already").into());
        }
        (None, None) => return Err(no_account().into()),
    };
    let known = app.store.passkeys_of(user.clone()).await.map_err(unreadable)?;
    let challenge = challenge(&app, purpose, &party, address.ip())?;
    let offer = PasskeyOffer {
        challenge,
        host: party.host,
        handle: app.auth.handle(&user),
        account,
        known: known.into_iter().map(|passkey| passkey.id).collect(),
    };
    Ok(private(StatusCode::OK, offer))
}

/// `POST /api/v1/account/passkeys`: the passkey that was made. Where it makes an account, the answer is a token.
pub(crate) async fn add(
    State(app): State<App>,
    Extension(From(address)): Extension<From>,
    request: Request,
) -> Result<Response, Fail> {
    let user = app.person(request.headers())?;
    let NewPasskey { name, client_data, attestation } = json_body(request).await?;
    let label = clean(&name, MAX_PASSKEY_NAME).map_err(|code| {
        Failure::new(code, format!("The name of a passkey has 1 to {MAX_PASSKEY_NAME} characters"))
    })?;
    let (client_data, attestation) = (bytes(&client_data)?, bytes(&attestation)?);
    let (purpose, party) = answered(&app, &client_data)?;
    let credential = passkey::made(&client_data, &attestation, &party).map_err(refused)?;
    let now = clock::now_millis();
    let fresh = Fresh { credential, host: party.host, name: label };
    match purpose {
        Purpose::Add(owner) if owner == user => {
            match app.store.add_passkey(user, fresh, now).await.map_err(unreadable)? {
                Added::Done => {}
                Added::Full => {
                    return Err(Failure::new(
                        Code::WrongPhase,
                        "This account has as many passkeys as it may have",
                    )
                    .into());
                }
                Added::Known => return Err(refused(Refused::Unknown)),
                Added::NoAccount => return Err(no_account().into()),
            }
            tracing::info!("a passkey was added");
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        Purpose::Make(owner, name) if owner == user => {
            // The name may have gone to somebody else in the meantime.
            let name = claimable(&app, &user, &name).await?;
            app.accounts.may_make(household(address.ip()), now)?;
            let generation = app.auth.next_generation(&user);
            let made =
                app.store.add_login_by_passkey(user.clone(), name.clone(), fresh, generation, now).await;
            claimed(&app, &user, &name, generation, made.map_err(unreadable)?).await?;
            tracing::info!("an account was made with a passkey");
            Ok(private(StatusCode::CREATED, SignedIn { token: app.auth.device_token(&user) }))
        }
        _ => Err(refused(Refused::Challenge)),
    }
}

/// `DELETE /api/v1/account/passkeys/{id}`
pub(crate) async fn remove(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Fail> {
    let user = app.person(&headers)?;
    match app.store.remove_passkey(user, id).await.map_err(unreadable)? {
        Removed::Done => Ok(StatusCode::NO_CONTENT.into_response()),
        Removed::NotThere => Err(Failure::new(Code::NotFound, "There is no such passkey").into()),
        Removed::LastWay => {
            let message = "This passkey is the only way to sign in to this account; add another one first";
            Err(Failure::new(Code::LastWayIn, message).into())
        }
    }
}

/// `POST /api/v1/account/passkeys/challenge`: what a device signs to sign in. The same for everybody: nothing is said of anybody.
pub(crate) async fn begin(
    State(app): State<App>,
    Extension(From(address)): Extension<From>,
    request: Request,
) -> Result<Response, Fail> {
    let party = party(&app, &request)?;
    let challenge = challenge(&app, Purpose::SignIn, &party, address.ip())?;
    Ok(private(StatusCode::OK, PasskeyChallenge { challenge, host: party.host }))
}

/// `POST /api/v1/account/passkeys/session`: signs in by a passkey.
pub(crate) async fn sign_in(
    State(app): State<App>,
    Extension(From(address)): Extension<From>,
    request: Request,
) -> Result<Response, Fail> {
    let proof: PasskeyProof = json_body(request).await?;
    let from = household(address.ip());
    let now = clock::now_millis();
    app.accounts.may_knock(from, now)?;
    let client_data = bytes(&proof.client_data)?;
    let (authenticator, signature) = (bytes(&proof.authenticator_data)?, bytes(&proof.signature)?);
    let (purpose, party) = answered(&app, &client_data)?;
    if purpose != Purpose::SignIn {
        return Err(refused(Refused::Challenge));
    }
    let known = app.store.credential(proof.id.clone(), party.host.clone()).await.map_err(unreadable)?;
    // Section 7.2: whoever the handle names owns the credential.
    let (user, kept) = known
        .filter(|(user, _)| app.auth.handle(user) == proof.handle)
        .ok_or_else(|| refused(Refused::Unknown))?;
    let counter =
        passkey::signed(&client_data, &authenticator, &signature, &kept, &party).map_err(refused)?;
    let used = app.store.passkey_used(proof.id, kept.counter, counter, now).await.map_err(unreadable)?;
    if !used {
        return Err(refused(Refused::Counter));
    }
    app.accounts.was_let_in(from);
    tracing::info!("somebody signed in by a passkey");
    Ok(private(StatusCode::OK, SignedIn { token: app.auth.device_token(&user) }))
}

fn challenge(app: &App, purpose: Purpose, party: &Party, from: IpAddr) -> Result<String, Fail> {
    let mut challenges = lock(&app.accounts.challenges);
    let made = challenges.make(purpose, party.clone(), household(from), clock::now_millis());
    Ok(made.map_err(unreadable)?)
}

/// What the challenge in the client data was made for. It is used up by that.
fn answered(app: &App, client_data: &[u8]) -> Result<(Purpose, Party), Fail> {
    let challenge = passkey::answered(client_data).map_err(refused)?;
    lock(&app.accounts.challenges).take(&challenge, clock::now_millis()).map_err(refused)
}

fn bytes(text: &str) -> Result<Vec<u8>, Fail> {
    let short = (text.len() <= LONGEST).then_some(text);
    short.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()).ok_or_else(|| refused(Refused::Malformed))
}

fn refused(why: Refused) -> Fail {
    tracing::debug!(%why, "a passkey was refused");
    Failure::new(Code::PasskeyRefused, sentence(why)).into()
}

fn sentence(why: Refused) -> String {
    let words = why.to_string();
    let mut letters = words.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

/// Where the page is that asks. It is a page of this relay: its origin has the host and port that the request was sent to, and
/// with certificates by ACME one of their names. A page of another origin gets no challenge.
fn party(app: &App, request: &Request) -> Result<Party, Fail> {
    let headers = request.headers();
    let text = |name| headers.get(name).and_then(|value: &axum::http::HeaderValue| value.to_str().ok());
    let asked = text(header::HOST).or_else(|| request.uri().authority().map(|authority| authority.as_str()));
    let found =
        text(header::ORIGIN).zip(asked).and_then(|(origin, asked)| of_origin(origin, asked, &app.hosts));
    found.ok_or_else(|| {
        let message =
            "Passkeys need this page to be opened over https, by a name and not by an address of digits";
        Failure::new(Code::PasskeyRefused, message).into()
    })
}

/// A browser has passkeys where the page is a secure context (https, or this machine itself) and its host is a name (section 5.1.3).
fn of_origin(origin: &str, asked: &str, hosts: &[String]) -> Option<Party> {
    let url: Url = origin.parse().ok()?;
    let host = url.domain()?.to_owned();
    let here = host == "localhost" || host.ends_with(".localhost");
    let asked: Url = format!("{}://{asked}", url.scheme()).parse().ok()?;
    let same = asked.origin() == url.origin();
    let secure = url.scheme() == "https" || (url.scheme() == "http" && here);
    let ours = here || hosts.is_empty() || hosts.contains(&host);
    (same && secure && ours).then(|| Party { origin: url.origin().ascii_serialization(), host })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_are_for_pages_of_this_relay_that_have_a_name() {
        let live = ["live.example".to_owned()];
        let host = |origin: &str, asked: &str, hosts: &[String]| {
            of_origin(origin, asked, hosts).map(|party| party.host)
        };
        assert_eq!(host("https://live.example", "live.example", &[]).as_deref(), Some("live.example"));
        assert_eq!(
            host("https://live.example:8443", "live.example:8443", &live).as_deref(),
            Some("live.example")
        );
        assert_eq!(host("http://localhost:8080", "localhost:8080", &live).as_deref(), Some("localhost"));
        for (origin, asked, hosts) in [
            ("http://live.example", "live.example", &[][..]),
            ("https://192.0.2.1", "192.0.2.1", &[]),
            ("https://[2001:db8::1]", "[2001:db8::1]", &[]),
            ("https://evil.example", "live.example", &[]),
            ("https://live.example:444", "live.example", &[]),
            ("https://other.example", "other.example", &live),
            ("null", "live.example", &[]),
        ] {
            assert_eq!(host(origin, asked, hosts), None, "{origin} {asked}");
        }
    }
}
