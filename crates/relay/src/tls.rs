//! TLS for the ports of HTTP and RTMP: a certificate and its key from PEM files, read again when they change.
//!
//! One [`Acceptor`] serves every port. A renewed certificate is in use by the next connection; those that stand
//! keep the one they began with. Files that cannot be read, or do not belong together (a renewal that is half
//! done), leave the old certificate in place and are tried again.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};
use tokio_util::sync::CancellationToken;

use crate::acme::{Answers, PROTOCOL};
use crate::error::Error;

/// The first byte of a TLS connection: the content type of a handshake (RFC 8446 section 5.1).
pub(crate) const FIRST_BYTE: u8 = 22;
/// A handshake is done within this: some round trips, the slowest of them over a phone.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How often the files are looked at; a look is two `stat` calls.
const LOOK: Duration = Duration::from_secs(2);
/// Largest PEM file that is read: a chain of four certificates has 8 KB.
const PEM: u64 = 1 << 20;

/// Where the certificate lies.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// PEM file of the certificate and those between it and its root, in this order (`fullchain.pem`).
    pub certificate: PathBuf,
    /// PEM file of the certificate's private key.
    pub key: PathBuf,
}

/// Makes TLS of connections; cheap to clone.
#[derive(Clone)]
pub(crate) struct Acceptor {
    tls: TlsAcceptor,
    current: Arc<Current>,
    files: Tls,
    /// Those who look whether a name leads here are answered by these.
    answers: Option<Answers>,
}

impl Acceptor {
    /// Reads the files. An error names the one that cannot be used.
    pub(crate) fn load(files: &Tls, answers: Option<Answers>) -> Result<Self, Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let pair = read(files, &provider)?;
        let current = Arc::new(Current { provider: provider.clone(), pair: RwLock::new(Arc::new(pair)) });
        // No protocol is negotiated (ALPN): HTTP/1.1 and RTMP are what a client without an answer speaks.
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| Error::System { what: "TLS" })?
            .with_no_client_auth()
            .with_cert_resolver(current.clone());
        Ok(Self { tls: TlsAcceptor::from(Arc::new(config)), current, files: files.clone(), answers })
    }

    /// The handshake. An error is the client's doing, or it took too long.
    pub(crate) async fn accept<S>(&self, stream: S) -> std::io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match tokio::time::timeout(HANDSHAKE, self.shake(stream)).await {
            Ok(accepted) => accepted,
            Err(_) => Err(std::io::ErrorKind::TimedOut.into()),
        }
    }

    async fn shake<S>(&self, stream: S) -> std::io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Some(answers) = &self.answers else { return self.tls.accept(stream).await };
        let start = LazyConfigAcceptor::new(Default::default(), stream).await?;
        let hello = start.client_hello();
        let asks = hello.alpn().is_some_and(|mut names| names.any(|name| name == PROTOCOL));
        if !asks {
            return start.into_stream(self.tls.config().clone()).await;
        }
        let answer = hello.server_name().and_then(|name| answers.tls(name));
        let answer = answer.ok_or_else(|| std::io::Error::other("nobody asked for this challenge"))?;
        // The handshake is the answer, and nothing follows it (RFC 8737 section 3).
        start.into_stream(answer).await?.shutdown().await?;
        Err(std::io::Error::other("a certificate authority was answered"))
    }

    /// Reads the files again when they change, until cancelled.
    pub(crate) async fn keep_current(self, cancel: CancellationToken) {
        let mut used = Stamps::of(&self.files);
        let mut complaint = None;
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            let (files, current) = (self.files.clone(), self.current.clone());
            let last = used.clone();
            let looked = tokio::task::spawn_blocking(move || {
                let stamps = Stamps::of(&files);
                (stamps != last).then(|| (stamps, read(&files, &current.provider)))
            });
            match looked.await {
                Ok(Some((stamps, Ok(pair)))) => {
                    self.current.replace(pair);
                    (used, complaint) = (stamps, None);
                    tracing::info!(file = %self.files.certificate.display(), "certificate renewed");
                }
                Ok(Some((_, Err(error)))) => {
                    // Said once for each reason: it is tried again every two seconds.
                    let error = error.to_string();
                    if complaint.as_ref() != Some(&error) {
                        tracing::warn!(error, "the new certificate cannot be used; the old one stays");
                        complaint = Some(error);
                    }
                }
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "the look at the certificate failed"),
            }
        }
    }
}

/// The certificate in use.
#[derive(Debug)]
struct Current {
    provider: Arc<CryptoProvider>,
    pair: RwLock<Arc<CertifiedKey>>,
}

impl Current {
    fn replace(&self, pair: CertifiedKey) {
        *self.pair.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pair);
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.pair.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// When the files were written and how long they are: what tells that they are others.
#[derive(Clone, PartialEq, Eq)]
struct Stamps([Option<(SystemTime, u64)>; 2]);

impl Stamps {
    fn of(files: &Tls) -> Self {
        Self([&files.certificate, &files.key].map(|path| {
            let found = std::fs::metadata(path).ok()?;
            Some((found.modified().ok()?, found.len()))
        }))
    }
}

fn read(files: &Tls, provider: &CryptoProvider) -> Result<CertifiedKey, Error> {
    let chain = pem(&files.certificate)?;
    let chain = CertificateDer::pem_slice_iter(&chain)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| unusable(&files.certificate, &error))?;
    if chain.is_empty() {
        return Err(unusable(&files.certificate, &"there is no certificate in it"));
    }
    let key = PrivateKeyDer::from_pem_slice(&pem(&files.key)?).map_err(|error| match error {
        rustls::pki_types::pem::Error::NoItemsFound => unusable(&files.key, &"there is no private key in it"),
        error => unusable(&files.key, &error),
    })?;
    CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            unusable(&files.key, &"the key does not belong to the certificate")
        }
        rustls::Error::InvalidCertificate(_) => unusable(&files.certificate, &error),
        error => unusable(&files.key, &error),
    })
}

fn pem(path: &Path) -> Result<Vec<u8>, Error> {
    let file = |source| Error::File { path: path.to_owned(), source };
    let mut text = Vec::new();
    std::fs::File::open(path).and_then(|file| file.take(PEM).read_to_end(&mut text)).map_err(file)?;
    Ok(text)
}

fn unusable(path: &Path, why: &dyn std::fmt::Display) -> Error {
    Error::Certificate { path: path.to_owned(), message: why.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_cannot_be_used_are_named() {
        let folder = std::env::temp_dir().join(format!("footlight-tls-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let made = |name: &str| {
            let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
            let files = Tls {
                certificate: folder.join(format!("{name}.pem")),
                key: folder.join(format!("{name}.key")),
            };
            std::fs::write(&files.certificate, made.cert.pem()).unwrap();
            std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
            files
        };
        let (good, other) = (made("good"), made("other"));
        assert!(Acceptor::load(&good, None).is_ok());
        let empty = folder.join("empty.pem");
        std::fs::write(&empty, "nothing\n").unwrap();
        let missing = folder.join("missing.pem");
        for (certificate, key, named, why) in [
            (&missing, &good.key, "missing.pem", "No such file"),
            (&good.certificate, &missing, "missing.pem", "No such file"),
            (&empty, &good.key, "empty.pem", "no certificate"),
            (&good.certificate, &empty, "empty.pem", "no private key"),
            (&good.certificate, &good.certificate, "good.pem", "no private key"),
            (&good.certificate, &other.key, "other.key", "does not belong"),
        ] {
            let files = Tls { certificate: certificate.clone(), key: key.clone() };
            let said = Acceptor::load(&files, None).map(drop).unwrap_err().to_string();
            assert!(said.contains(named) && said.contains(why) && !said.contains('\n'), "{said}");
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
