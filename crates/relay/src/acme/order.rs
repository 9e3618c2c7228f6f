//! One certificate, from the order to the chain (RFC 8555 section 7.4).

use std::path::{Path, PathBuf};
use std::time::Duration;

use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, ChallengeType, Identifier, NewAccount, NewOrder, Order,
    OrderStatus, RetryPolicy,
};
use sha2::{Digest as _, Sha256};

use super::{Acme, Answers, Challenge, put};

/// All of it; the authority looks at the names from several places, and takes its time.
const ORDER: Duration = Duration::from_secs(180);
/// Each of its two waits.
const PATIENCE: RetryPolicy = RetryPolicy::new().timeout(Duration::from_secs(75));

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    #[error("{0}")]
    Server(#[from] instant_acme::Error),
    /// In the authority's words.
    #[error("{name}: {why}")]
    NotSeen { name: String, why: String },
    #[error("the authority does not offer this challenge for {0}")]
    NoSuchChallenge(String),
    #[error("no answer in time")]
    Late,
    #[error("the new certificate is due already; this machine's clock may be wrong")]
    DueAlready,
    #[error("{0}")]
    Certificate(#[from] rcgen::Error),
    #[error("{0}")]
    Tls(#[from] rustls::Error),
    #[error("{0}")]
    File(#[from] std::io::Error),
}

/// Key and chain as PEM.
pub(super) async fn make(acme: &Acme, folder: &Path, answers: &Answers) -> Result<String, Failed> {
    tokio::time::timeout(ORDER, ordered(acme, folder, answers)).await.unwrap_or(Err(Failed::Late))
}

async fn ordered(acme: &Acme, folder: &Path, answers: &Answers) -> Result<String, Failed> {
    let account = account(acme, folder).await?;
    let names: Vec<Identifier> = acme.domains.iter().cloned().map(Identifier::Dns).collect();
    let mut order = account.new_order(&NewOrder::new(&names)).await?;
    offer(acme, &mut order, answers).await?;
    if order.poll_ready(&PATIENCE).await? == OrderStatus::Invalid {
        return Err(why(&mut order).await);
    }
    let key = order.finalize().await?;
    let chain = order.poll_certificate(&PATIENCE).await?;
    Ok(format!("{key}{chain}"))
}

/// Has an answer ready for each name, and says so.
async fn offer(acme: &Acme, order: &mut Order, answers: &Answers) -> Result<(), Failed> {
    let kind = match acme.challenge {
        Challenge::TlsAlpn => ChallengeType::TlsAlpn01,
        Challenge::Http => ChallengeType::Http01,
    };
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        // The authority remembers for a while that it has seen a name.
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let name = authorization.identifier().to_string();
        let challenge = authorization.challenge(kind.clone());
        let mut challenge = challenge.ok_or_else(|| Failed::NoSuchChallenge(name.clone()))?;
        let authorized = challenge.key_authorization();
        match acme.challenge {
            Challenge::TlsAlpn => answers.over_tls(&name, authorized.digest().as_ref())?,
            Challenge::Http => answers.over_http(&challenge.token, authorized.as_str()),
        }
        challenge.set_ready().await?;
    }
    Ok(())
}

/// What the authority says of the first name that it did not see lead here.
async fn why(order: &mut Order) -> Failed {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let Ok(state) = authorization.refresh().await else { continue };
        let said = state.challenges.iter().find_map(|challenge| challenge.error.as_ref());
        if let Some(said) = said {
            return Failed::NotSeen { name: state.identifier().to_string(), why: said.to_string() };
        }
    }
    Failed::NotSeen { name: "the order".to_owned(), why: "it is invalid".to_owned() }
}

/// The account at this directory, made where there is none yet.
async fn account(acme: &Acme, folder: &Path) -> Result<Account, Failed> {
    let builder = || match &acme.root {
        Some(root) => Account::builder_with_root(root),
        None => Account::builder(),
    };
    let file = account_file(acme, folder);
    if let Ok(text) = std::fs::read(&file)
        && let Ok(known) = serde_json::from_slice::<AccountCredentials>(&text)
    {
        return Ok(builder()?.from_credentials(known).await?);
    }
    let contact = acme.contact.iter().map(|contact| match contact.contains(':') {
        true => contact.clone(),
        false => format!("mailto:{contact}"),
    });
    let contact: Vec<String> = contact.collect();
    let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
    let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
    let (account, known) = builder()?.create(&new, acme.directory.clone(), None).await?;
    let text = serde_json::to_vec(&known).expect("credentials are plain data");
    put(&file, &text)?;
    Ok(account)
}

/// Another directory is another account.
fn account_file(acme: &Acme, folder: &Path) -> PathBuf {
    let digest = Sha256::digest(acme.directory.as_bytes());
    folder.join(format!("account-{:02x}{:02x}{:02x}{:02x}.json", digest[0], digest[1], digest[2], digest[3]))
}
