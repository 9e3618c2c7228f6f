//! HTTPS on the one port, beside plain HTTP for this machine and ICE-TCP, and the renewal of its certificate.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use footlight_relay::{Config, Tls};
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::peer::{Over, Peer};
use crate::stage::{Folder, PATIENCE, Stage, ask, config};

/// Writes a certificate that is its own authority, and its key.
fn write(files: &Tls) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

fn files(folder: &Folder) -> Tls {
    Tls { certificate: folder.0.join("chain.pem"), key: folder.0.join("key.pem") }
}

/// A connection whose other end has proved to be `trusted`.
async fn connect(port: u16, trusted: &CertificateDer<'static>) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_port_speaks_https_wss_plain_http_and_ice_tcp() {
    let folder = Folder::new();
    let files = files(&folder);
    let trusted = write(&files);
    let stage = Stage::with(Config { tls: Some(files), ..config(&folder) }).await;
    let port = stage.ready.udp;
    assert_eq!(stage.ready.http, format!("https://127.0.0.1:{port}"));
    assert!(stage.ready.watch.starts_with("https://"));

    let mut stream = connect(port, &trusted).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok\n"), "{answer}");

    let stream = connect(port, &trusted).await.unwrap();
    let (_, response) = tokio_tungstenite::client_async("wss://localhost/ws/main", stream).await.unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);

    let plain = format!("http://127.0.0.1:{port}");
    let answer = ask(&plain, axum::http::Method::GET, "/healthz", &[], "").await;
    assert_eq!(answer.body, "ok\n");
    let mut viewer = Peer::watch_as(&plain, None, Over::Tcp).await.map_err(|answer| answer.body).unwrap();
    viewer.connected().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_stops_in_the_handshake_holds_up_nobody_and_not_the_end() {
    let folder = Folder::new();
    let files = files(&folder);
    let trusted = write(&files);
    let stage = Stage::with(Config { tls: Some(files), ..config(&folder) }).await;
    let mut silent = TcpStream::connect(("127.0.0.1", stage.ready.udp)).await.unwrap();
    // The head of a TLS record that never comes.
    silent.write_all(&[22, 3, 1, 2, 0]).await.unwrap();
    connect(stage.ready.udp, &trusted).await.unwrap();
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_used_and_half_a_renewal_is_not() {
    let folder = Folder::new();
    let files = files(&folder);
    let old = write(&files);
    let stage = Stage::with(Config { tls: Some(files.clone()), ..config(&folder) }).await;
    let port = stage.ready.udp;
    let standing = connect(port, &old).await.unwrap();

    let key = std::fs::read(&files.key).unwrap();
    let new = write(&files);
    let new_key = std::fs::read(&files.key).unwrap();
    std::fs::write(&files.key, &key).unwrap();
    // The certificate is the new one and the key still the old one; the log tells when that was seen.
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    let seen = tokio::time::Instant::now() + Duration::from_secs(3);
    while tokio::time::Instant::now() < seen {
        ticks.tick().await;
        connect(port, &old).await.expect("the old pair stays in use");
    }

    std::fs::write(&files.key, new_key).unwrap();
    let renewed = async {
        while connect(port, &new).await.is_err() {
            ticks.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, renewed).await.expect("the new pair is used in time");
    assert!(connect(port, &old).await.is_err());
    drop(standing);
}
