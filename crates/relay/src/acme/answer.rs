//! What an ACME server is answered when it looks whether a name leads here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::{Path, State};
use footlight_protocol::{Code, Failure};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use super::order::Failed;
use crate::http::App;
use crate::http::fail::Fail;
use crate::lock::lock;

/// The protocol of such a connection (RFC 8737 section 6.2).
pub(crate) const PROTOCOL: &[u8] = b"acme-tls/1";

/// The answers of the order that is under way; cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Answers(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    /// Key authorization by token.
    texts: HashMap<String, String>,
    /// TLS that answers for a name.
    configs: HashMap<String, Arc<ServerConfig>>,
}

impl Answers {
    /// Answers over plain HTTP.
    pub(super) fn over_http(&self, token: &str, authorization: &str) {
        self.kept().texts.insert(token.to_owned(), authorization.to_owned());
    }

    /// Answers over TLS: by a certificate of our own with the digest in it (RFC 8737 section 3).
    pub(super) fn over_tls(&self, name: &str, digest: &[u8]) -> Result<(), Failed> {
        let key = rcgen::KeyPair::generate()?;
        let mut params = rcgen::CertificateParams::new(vec![name.to_owned()])?;
        params.custom_extensions = vec![rcgen::CustomExtension::new_acme_identifier(digest)];
        let chain = vec![params.self_signed(&key)?.der().clone()];
        let provider = Arc::new(aws_lc_rs::default_provider());
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        // Not compared with the certificate, whose extension nobody but authorities can read.
        let pair = CertifiedKey::new(chain, provider.key_provider.load_private_key(key)?);
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(pair)));
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        self.kept().configs.insert(name.to_owned(), Arc::new(config));
        Ok(())
    }

    /// The TLS that answers for the name; `None` where nobody is to be answered.
    pub(crate) fn tls(&self, name: &str) -> Option<Arc<ServerConfig>> {
        self.kept().configs.get(name).cloned()
    }

    fn text(&self, token: &str) -> Option<String> {
        self.kept().texts.get(token).cloned()
    }

    /// The order is over.
    pub(super) fn clear(&self) {
        *self.kept() = Kept::default();
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        lock(&self.0)
    }
}

/// `GET /.well-known/acme-challenge/{token}`
pub(crate) async fn http(State(app): State<App>, Path(token): Path<String>) -> Result<String, Fail> {
    let nothing = || Failure::new(Code::NotFound, "No certificate is being made with this token");
    Ok(app.answers.text(&token).ok_or_else(nothing)?)
}
