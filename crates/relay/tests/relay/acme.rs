//! Certificates had by ACME, from a server of others (pebble).

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use footlight_relay::{Acme, Challenge, Config};
use rustls::ClientConfig;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::stage::{Folder, PATIENCE, Stage, config};

/// How long pebble's certificates are good.
const LIFE_S: u64 = 12;
const DAY_S: u64 = 86_400;

/// pebble, which looks for names on these ports of this machine; gone with the value.
struct Pebble {
    child: Child,
    acme: Acme,
}

impl Pebble {
    fn start(folder: &Path, challenge: Challenge, names_lead_to: u16) -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let (root, key) = (folder.join("pebble.pem"), folder.join("pebble.key"));
        std::fs::write(&root, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let [listen, management] = [free_port(), free_port()];
        let settings = serde_json::json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{listen}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": root, "privateKey": key,
            "httpPort": names_lead_to, "tlsPort": names_lead_to,
            "ocspResponderURL": "", "externalAccountBindingRequired": false,
            "certificateValidityPeriod": LIFE_S,
        }});
        let file = folder.join("pebble.json");
        std::fs::write(&file, settings.to_string()).unwrap();
        let child = Command::new("pebble")
            .arg("-config")
            .arg(&file)
            // It refuses and delays at random to teach clients patience, which a test has not.
            .env("PEBBLE_VA_NOSLEEP", "1")
            .env("PEBBLE_WFE_NONCEREJECT", "0")
            .env("PEBBLE_AUTHZREUSE", "0")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("install the Debian package pebble");
        let begun = std::time::Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", listen)).is_err() {
            assert!(begun.elapsed() < PATIENCE, "pebble listens");
            std::thread::sleep(Duration::from_millis(20));
        }
        let acme = Acme {
            domains: vec!["localhost".to_owned()],
            contact: Some("me@example.org".to_owned()),
            directory: format!("https://localhost:{listen}/dir"),
            challenge,
            root: Some(root),
        };
        Self { child, acme }
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Takes every certificate: what is told apart here is which one it is.
#[derive(Debug)]
struct Anything(Arc<rustls::crypto::CryptoProvider>);

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

async fn connect(port: u16, alpn: &[&str]) -> std::io::Result<TlsStream<TcpStream>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anything(provider)))
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await
}

fn certificate(stream: &TlsStream<TcpStream>) -> Vec<u8> {
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

/// When it begins to hold, in seconds of the day: its first UTCTime (X.509, in DER), which is `YYMMDDHHMMSSZ`.
fn begins(certificate: &[u8]) -> u64 {
    let time = certificate.windows(15).find_map(|bytes| {
        let digits = bytes.strip_prefix(&[0x17, 13])?.strip_suffix(b"Z")?;
        digits.iter().all(u8::is_ascii_digit).then_some(digits)
    });
    let time = time.expect("a certificate says from when it holds");
    let pair = |at: usize| u64::from(time[at] - b'0') * 10 + u64::from(time[at + 1] - b'0');
    pair(6) * 3_600 + pair(8) * 60 + pair(10)
}

/// Says over the connection whether the relay lives; it stays open.
async fn is_alive(stream: &mut TlsStream<TcpStream>) -> bool {
    let asked = stream.write_all(b"GET /healthz/live HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let mut buffer = [0; 1024];
    let read = stream.read(&mut buffer).await.unwrap_or(0);
    asked.is_ok() && buffer[..read].starts_with(b"HTTP/1.1 200")
}

/// Waits for a certificate of the authority that is another one than this; with the connection that showed it.
async fn another(port: u16, than: &[u8]) -> (Vec<u8>, TlsStream<TcpStream>) {
    let begun = std::time::Instant::now();
    loop {
        let stream = connect(port, &[]).await.unwrap();
        let shown = certificate(&stream);
        let by_pebble = shown.windows(9).any(|bytes| bytes == b"Pebble In");
        if by_pebble && shown != than {
            return (shown, stream);
        }
        assert!(begun.elapsed() < PATIENCE, "another certificate in time");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn port_of(stage: &Stage) -> u16 {
    stage.ready.http.rsplit(':').next().unwrap().parse().unwrap()
}

fn stands(folder: &Path) -> Vec<(PathBuf, u32)> {
    use std::os::unix::fs::PermissionsExt as _;
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| (path.clone(), std::fs::metadata(path).unwrap().permissions().mode() & 0o777)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_has_its_certificate_made_and_renewed_without_cutting_anybody() {
    for challenge in [Challenge::TlsAlpn, Challenge::Http] {
        let folder = Folder::new();
        let port = free_port();
        let pebble = Pebble::start(&folder.0, challenge, port);
        let listen = format!("127.0.0.1:{port}").parse().unwrap();
        let data = Folder::new();
        let with = || Config { listen, acme: Some(pebble.acme.clone()), ..config(&data) };
        let stage = Stage::with(with()).await;
        assert!(stage.ready.http.starts_with("https://"));
        let (first, mut standing) = another(port_of(&stage), &[]).await;
        assert!(is_alive(&mut standing).await);
        let files = stands(&data.0.join("acme"));
        assert!(files.len() == 2 && files.iter().all(|(_, mode)| *mode == 0o600), "{files:?}");
        // Nobody but the authority, and it only while it looks, gets to speak its protocol.
        assert!(connect(port, &["acme-tls/1"]).await.is_err());
        let mut browser = connect(port, &["h2", "http/1.1"]).await.unwrap();
        assert!(is_alive(&mut browser).await);

        let (second, _) = another(port, &first).await;
        // By their own dates: when each is noticed here says little on a busy machine.
        let after = (DAY_S + begins(&second) - begins(&first)) % DAY_S;
        println!("{challenge:?}: renewed {after} s after the first, of {LIFE_S} s");
        assert!((LIFE_S / 2..LIFE_S).contains(&after), "at two thirds of its life: {after}");
        assert!(is_alive(&mut standing).await, "who was here goes on with the old one");
        stage.stop().await;

        // Another start takes the certificate that is there, not one that stands in.
        let stage = Stage::with(with()).await;
        let shown = certificate(&connect(port, &[]).await.unwrap());
        assert!(shown.windows(9).any(|bytes| bytes == b"Pebble In") && shown != first, "{}", second == shown);
        stage.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_does_not_see_the_relay_changes_nothing() {
    let folder = Folder::new();
    // The name leads elsewhere.
    let pebble = Pebble::start(&folder.0, Challenge::TlsAlpn, free_port());
    let data = Folder::new();
    let stage = Stage::with(Config { acme: Some(pebble.acme.clone()), ..config(&data) }).await;
    let begun = std::time::Instant::now();
    let account = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "json");
    while !stands(&data.0.join("acme")).iter().any(|(path, _)| account(path)) {
        assert!(begun.elapsed() < PATIENCE, "the authority is asked");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut stream = connect(port_of(&stage), &[]).await.unwrap();
    assert!(is_alive(&mut stream).await, "what stands in serves on");
    assert!(!certificate(&stream).windows(9).any(|bytes| bytes == b"Pebble In"));
    tokio::time::timeout(Duration::from_secs(6), stage.stop()).await.unwrap();
}
