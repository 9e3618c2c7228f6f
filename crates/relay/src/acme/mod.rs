//! Automatic HTTPS: has a certificate made by an ACME server (RFC 8555) and made again when two thirds of its life are
//! over.
//!
//! The certificate and its key are one PEM file in the data folder, put in place in one step. [`crate::tls`] looks at
//! it as at any other and uses it from the next connection on; those that stand keep theirs. Until the first one is
//! there a certificate that nobody trusts stands in. When the server refuses, or nobody gets through to answer it, the
//! old one stays and it is asked again, ever more rarely.

mod answer;
mod order;
mod validity;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use footlight_media::Time;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::error::Error;
use crate::hook::Pace;
use crate::secret::random;
use crate::tls::Tls;

pub(crate) use answer::{Answers, PROTOCOL, http};

/// Let's Encrypt.
const DIRECTORY: &str = "https://acme-v02.api.letsencrypt.org/directory";
/// The longest wait before the certificate is looked at again, so that a clock that was set is noticed.
const LOOK: Duration = Duration::from_secs(3600);
/// Waits after failures, which never end. Let's Encrypt takes five failures an hour.
const RETRY: Pace =
    Pace { first: Duration::from_secs(30), longest: Duration::from_secs(6 * 3600), attempts: u32::MAX };

/// How certificates are had.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acme {
    /// The names that viewers use, all of which lead here.
    pub domains: Vec<String>,
    /// A mail address that the authority writes to when something is wrong with a certificate.
    pub contact: Option<String>,
    /// The ACME server's directory. Using one is agreeing to its terms.
    #[serde(default = "directory")]
    pub directory: String,
    /// How it sees that the names lead here.
    #[serde(default)]
    pub challenge: Challenge,
    /// PEM file of the root that the ACME server's own certificate is trusted by, where that is not one of the system's.
    pub root: Option<PathBuf>,
}

fn directory() -> String {
    DIRECTORY.to_owned()
}

/// How an ACME server sees that a name leads here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum Challenge {
    /// By a TLS connection to port 443 of the name (RFC 8737), which has to lead to the relay's port.
    #[default]
    #[serde(rename = "tls-alpn-01")]
    TlsAlpn,
    /// By plain HTTP to port 80 of the name (RFC 8555 section 8.3), which has to lead to the relay's port.
    #[serde(rename = "http-01")]
    Http,
}

impl Acme {
    /// What is wrong with it, where something is.
    pub(crate) fn check(&self) -> Result<(), String> {
        let is_name = |name: &String| {
            let label = |label: &str| {
                (1..=63).contains(&label.len())
                    && label
                        .bytes()
                        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            };
            name.len() <= 253 && name.split('.').all(label) && name.parse::<std::net::IpAddr>().is_err()
        };
        if self.domains.is_empty() {
            return Err("acme.domains: at least one name".to_owned());
        }
        if let Some(odd) = self.domains.iter().find(|name| !is_name(name)) {
            return Err(format!("acme.domains: {odd:?} is no name that a certificate can be had for"));
        }
        if !self.directory.starts_with("https://") {
            return Err("acme.directory: has to begin with https://".to_owned());
        }
        Ok(())
    }

    /// The first line of the certificate's file: what it was asked for.
    fn label(&self) -> String {
        format!("# {} by {}", self.domains.join(" "), self.directory)
    }
}

/// The certificate's file, with one in it that stands in where there is none.
pub(crate) fn prepare(data: &Path) -> Result<Tls, Error> {
    let folder = data.join("acme");
    std::fs::create_dir_all(&folder).map_err(|source| Error::File { path: folder.clone(), source })?;
    let file = folder.join("certificate.pem");
    if !file.exists() {
        let made = stand_in().map_err(|_| Error::System { what: "a certificate" })?;
        put(&file, made.as_bytes()).map_err(|source| Error::File { path: file.clone(), source })?;
    }
    Ok(Tls { certificate: file.clone(), key: file })
}

/// A certificate of our own that is long over, so that another is due at once.
fn stand_in() -> Result<String, rcgen::Error> {
    let key = rcgen::KeyPair::generate()?;
    let mut params = rcgen::CertificateParams::new(vec!["footlight.invalid".to_owned()])?;
    params.not_before = rcgen::date_time_ymd(2000, 1, 1);
    params.not_after = rcgen::date_time_ymd(2000, 1, 2);
    let certificate = params.self_signed(&key)?;
    Ok(format!("{}{}", key.serialize_pem(), certificate.pem()))
}

/// Puts a file that only its owner can read into place, in one step.
fn put(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let draft = path.with_extension("new");
    let _ = std::fs::remove_file(&draft);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(draft, path)
}

/// The task that has certificates made.
pub(crate) struct Renewer {
    acme: Acme,
    file: PathBuf,
    answers: Answers,
}

impl Renewer {
    pub(crate) fn new(acme: Acme, files: &Tls, answers: Answers) -> Self {
        Self { acme, file: files.certificate.clone(), answers }
    }

    /// Has certificates made until cancelled.
    pub(crate) async fn run(self, cancel: CancellationToken) {
        let mut failures = 0u32;
        loop {
            let now = clock::now();
            let wait = self.due().since(now);
            let made = async {
                tokio::time::sleep(wait.min(LOOK)).await;
                if wait > LOOK { None } else { Some(self.make().await) }
            };
            let made = tokio::select! {
                () = cancel.cancelled() => return,
                made = made => made,
            };
            match made {
                None => {}
                Some(Ok(())) => {
                    failures = 0;
                    tracing::info!(names = self.acme.domains.join(" "), "a certificate was issued");
                }
                Some(Err(error)) => {
                    failures = failures.saturating_add(1);
                    let wait = RETRY.wait(failures, random::<4>().map_or(0, u32::from_le_bytes));
                    let (names, seconds) = (self.acme.domains.join(" "), wait.as_secs());
                    tracing::warn!(%error, names, again_in_s = seconds, "no certificate; the old one stays");
                    tokio::select! {
                        () = cancel.cancelled() => return,
                        () = tokio::time::sleep(wait) => {}
                    }
                }
            }
        }
    }

    /// When the next certificate is to be had: at two thirds of this one's life, or at once where it is for other names.
    fn due(&self) -> Time {
        let at_once = Time::default();
        let Ok(text) = std::fs::read_to_string(&self.file) else { return at_once };
        if text.lines().next() != Some(&self.acme.label()) {
            return at_once;
        }
        validity::of_pem(&text).map_or(at_once, |(begins, ends)| begins + ends.since(begins) / 3 * 2)
    }

    async fn make(&self) -> Result<(), order::Failed> {
        let folder = self.file.parent().unwrap_or(&self.file);
        let made = order::make(&self.acme, folder, &self.answers).await;
        self.answers.clear();
        let text = format!("{}\n{}", self.acme.label(), made?);
        put(&self.file, text.as_bytes())?;
        // Asked again at once, for ever, the authority would lose its patience.
        if self.due() <= clock::now() { Err(order::Failed::DueAlready) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_is_a_usable_file_that_only_its_owner_reads_and_another_is_due() {
        let data = std::env::temp_dir().join(format!("footlight-acme-{}", std::process::id()));
        std::fs::create_dir_all(&data).unwrap();
        let files = prepare(&data).unwrap();
        assert!(crate::tls::Acceptor::load(&files, None).is_ok());
        let text = std::fs::read_to_string(&files.key).unwrap();
        let (begins, ends) = validity::of_pem(&text).unwrap();
        assert_eq!((begins.date().year, ends.since(begins)), (2000, Duration::from_secs(86_400)));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&files.key).unwrap().permissions().mode() & 0o777, 0o600);
        }
        prepare(&data).unwrap();
        assert_eq!(std::fs::read_to_string(&files.key).unwrap(), text, "it is made once");
        let acme: Acme = toml::from_str("domains = ['live.example.org']").unwrap();
        let renewer = Renewer::new(acme.clone(), &files, Answers::default());
        assert_eq!(renewer.due(), Time::default());
        // The same for the right names: due at two thirds of its life.
        put(&files.key, format!("{}\n{text}", acme.label()).as_bytes()).unwrap();
        assert_eq!(renewer.due(), begins + Duration::from_secs(57_600));
        assert!(crate::tls::Acceptor::load(&files, None).is_ok(), "with its first line too");
        std::fs::remove_dir_all(&data).unwrap();
    }

    #[test]
    fn names_that_no_certificate_can_be_had_for_are_refused() {
        for (domains, fine) in [
            ("['live.example.org', 'localhost']", true),
            ("[]", false),
            ("['*.example.org']", false),
            ("['192.0.2.1']", false),
            ("['live..org']", false),
            ("['live example.org']", false),
        ] {
            let acme: Acme = toml::from_str(&format!("domains = {domains}")).unwrap();
            assert_eq!(acme.check().is_ok(), fine, "{domains}");
        }
        assert!(toml::from_str::<Acme>("domains = []\nchallenge = 'dns-01'").is_err());
    }
}
