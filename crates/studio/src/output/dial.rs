//! The way to an RTMP server: TCP, and TLS around it for RTMPS.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use footlight_protocol::destination::{Address, Protocol};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::Refusal;

/// A server that takes longer to answer is not one to wait for.
const CONNECT: Duration = Duration::from_secs(5);
/// What the system holds of a stream that a slow line does not take: beyond it our own queue fills, which can be
/// skipped. Half a second at 4 Mbit/s, and more than 100 ms of round trip need at 15.
const SEND_BUFFER: usize = 256 << 10;

pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Trusts what browsers trust.
static TLS: LazyLock<Option<TlsConnector>> = LazyLock::new(|| {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    connector(roots)
});

fn connector(roots: RootCertStore) -> Option<TlsConnector> {
    let config = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .ok()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Some(TlsConnector::from(Arc::new(config)))
}

/// A connection to the server of an address.
pub(super) async fn dial(address: &Address<'_>) -> Result<Box<dyn Stream>, Refusal> {
    dial_with(address, TLS.as_ref()).await
}

async fn dial_with(address: &Address<'_>, tls: Option<&TlsConnector>) -> Result<Box<dyn Stream>, Refusal> {
    let unreachable = |error: std::io::Error| Refusal::Unreachable(error.to_string());
    let late = |_| Refusal::Unreachable("no answer in time".into());
    let port = address.port.unwrap_or(address.protocol.port());
    let stream = timeout(CONNECT, TcpStream::connect((address.host, port))).await.map_err(late)?;
    let stream = stream.map_err(unreachable)?;
    // Either is an improvement, neither a condition.
    let _ = stream.set_nodelay(true);
    let _ = socket2::SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER);
    if address.protocol != Protocol::Rtmps {
        return Ok(Box::new(stream));
    }
    let tls = tls.ok_or_else(|| Refusal::Unreachable("no TLS here".into()))?;
    let name = ServerName::try_from(address.host.to_owned());
    let name = name.map_err(|_| Refusal::Unreachable("the host's name cannot be in a certificate".into()))?;
    let stream = timeout(CONNECT, tls.connect(name, stream)).await.map_err(late)?;
    // Who it is cannot be trusted, or it does not speak TLS: both have to be told apart from a closed port.
    Ok(Box::new(stream.map_err(|error| Refusal::Insecure(error.to_string()))?))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use rustls::ServerConfig;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;

    #[tokio::test]
    async fn rtmps_goes_through_tls_to_a_server_that_is_trusted_and_to_no_other() {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![CertificateDer::clone(cert.der())], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move {
            let mut taken = Vec::new();
            while taken.is_empty() {
                let (stream, _) = listener.accept().await.unwrap();
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    // A client that does not trust us goes away.
                    let _ = stream.read_to_end(&mut taken).await;
                }
            }
            taken
        });
        let url = format!("rtmps://localhost:{port}/live");
        let address = Address::parse(&url).unwrap();
        assert!(matches!(dial(&address).await, Err(Refusal::Insecure(_))));
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::clone(cert.der())).unwrap();
        let mut stream = dial_with(&address, connector(roots).as_ref()).await.unwrap();
        stream.write_all(b"hello").await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(server.await.unwrap(), b"hello");
    }
}
