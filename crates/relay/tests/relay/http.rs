//! Routes, their errors, and what strangers send.

use std::time::Duration;

use axum::http::{Method, StatusCode, header};
use footlight_relay::{Config, Error, Relay};
use str0m::media::Direction;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use crate::peer::{Peer, offer, picture};
use crate::stage::{Answer, Folder, Stage, config};

const SDP: (&str, &str) = ("content-type", "application/sdp");

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_may_send_the_owner_s_token_from_another_page() {
    let stage = Stage::new().await;
    let asks =
        [("access-control-request-method", "GET"), ("access-control-request-headers", "authorization")];
    for path in ["keys", "recording", "replays", "clips"].map(|part| format!("/api/v1/rooms/main/{part}")) {
        let answer = stage.ask(Method::OPTIONS, &path, &asks, "").await;
        assert!(answer.status.is_success(), "{path}: {}", answer.status);
        assert_eq!(answer.header(header::ACCESS_CONTROL_ALLOW_ORIGIN), "*", "{path}");
        assert!(answer.header(header::ACCESS_CONTROL_ALLOW_HEADERS).contains("authorization"), "{path}");
    }
    let answer = stage.ask(Method::OPTIONS, "/api/v1/reach", &[], "").await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "anybody else has no use for it");
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_get_clear_errors() {
    let stage = Stage::new().await;
    let right = format!("Bearer {}", stage.key());
    let key = ("authorization", right.as_str());
    let wrong = ("authorization", "Bearer wrong");
    let good = offer(Direction::SendOnly).text;
    let vp8 = good.replace("H264/90000", "VP8/90000").replace("opus/48000/2", "PCMU/8000");
    let fragment = ("content-type", "application/trickle-ice-sdpfrag");
    type Case<'a> = (Method, &'a str, &'a [(&'a str, &'a str)], &'a [u8], u16, &'a str);
    let long = vec![b'x'; 100_000];
    let (post, patch, delete, get) = (Method::POST, Method::PATCH, Method::DELETE, Method::GET);
    let cases: &[Case<'_>] = &[
        (post.clone(), "/whip/main", &[SDP], good.as_bytes(), 401, "unauthorized"),
        (post.clone(), "/whip/main", &[SDP, wrong], good.as_bytes(), 401, "unauthorized"),
        (post.clone(), "/whip/main", &[SDP, key], b"not sdp", 400, "malformed"),
        (post.clone(), "/whip/main", &[SDP, key], b"", 400, "malformed"),
        (post.clone(), "/whip/main", &[SDP, key], b"\xff\xfe\x00", 400, "malformed"),
        (post.clone(), "/whip/main", &[SDP, key], vp8.as_bytes(), 422, "unsupported_media"),
        (post.clone(), "/whip/main", &[SDP, key], &long, 413, "too_long"),
        (
            post.clone(),
            "/whip/main",
            &[("content-type", "text/plain"), key],
            good.as_bytes(),
            415,
            "malformed",
        ),
        (post.clone(), "/whip/main", &[key], good.as_bytes(), 415, "malformed"),
        (post.clone(), "/whip/nowhere", &[SDP, key], good.as_bytes(), 404, "not_found"),
        (post.clone(), "/whip/No%20Room", &[SDP, key], good.as_bytes(), 404, "not_found"),
        (post.clone(), "/whep/nowhere", &[SDP], good.as_bytes(), 404, "not_found"),
        (post.clone(), "/whep/main", &[SDP], b"v=0\r\n", 400, "malformed"),
        (Method::PUT, "/whip/main", &[], b"", 405, "malformed"),
        (Method::PUT, "/whep/main/nothing", &[], b"", 405, "malformed"),
        (get.clone(), "/whip/main/nothing", &[], b"", 404, "not_found"),
        (delete, "/whep/main/nothing", &[], b"", 404, "not_found"),
        (patch.clone(), "/whip/main/nothing", &[fragment], b"a=x\r\n", 400, "malformed"),
        (patch.clone(), "/whip/main/nothing", &[fragment], b"a=end-of-candidates\r\n", 404, "not_found"),
        (patch, "/whip/main/nothing", &[fragment, wrong], b"a=x\r\n", 401, "unauthorized"),
        (get.clone(), "/ws/main", &[], b"", 400, "malformed"),
        (get.clone(), "/ws/nowhere", &[], b"", 404, "not_found"),
        (get.clone(), "/nowhere", &[], b"", 404, "not_found"),
        (get.clone(), "/api/v1/rooms/nowhere", &[], b"", 404, "not_found"),
        (get.clone(), "/assets/../Cargo.toml", &[], b"", 404, "not_found"),
        (get, "/a/b/c", &[], b"", 404, "not_found"),
    ];
    for (method, path, headers, body, status, code) in cases {
        let answer = stage.ask(method.clone(), path, headers, body.to_vec()).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (*status, *code), "{method} {path}");
        if *status == 401 {
            assert!(answer.header(header::WWW_AUTHENTICATE).starts_with("Bearer"), "{path}");
        }
        assert!(!answer.body.contains(&stage.key()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_have_urls_that_end_them() {
    let stage = Stage::new().await;
    let key = format!("Bearer {}", stage.key());
    let text = offer(Direction::SendOnly).text;
    let answer = stage.ask(Method::POST, "/whip/main", &[SDP, ("authorization", &key)], text).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(answer.header(header::CONTENT_TYPE), "application/sdp");
    let (location, tag) =
        (answer.header(header::LOCATION).to_owned(), answer.header(header::ETAG).to_owned());
    assert!(location.starts_with("/whip/main/") && tag.starts_with('"'));
    assert!(
        answer.body.contains("a=candidate:") && answer.body.to_lowercase().contains(" tcptype passive"),
        "{}",
        answer.body
    );
    for status in [200, 404] {
        assert_eq!(stage.ask(Method::DELETE, &location, &[], "").await.status.as_u16(), status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_api_and_metrics_are_served() {
    let stage = Stage::new().await;
    let page = stage.get("/main").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.header(header::CONTENT_SECURITY_POLICY).contains("'wasm-unsafe-eval'"));
    assert!(page.header(header::CONTENT_TYPE).starts_with("text/html"));
    let tag = page.header(header::ETAG).to_owned();
    let again = stage.ask(Method::GET, "/main", &[("if-none-match", &tag)], "").await;
    assert_eq!((again.status, again.body.as_str()), (StatusCode::NOT_MODIFIED, ""));
    let home = stage.get("/").await;
    assert_eq!((home.status.as_u16(), home.header(header::LOCATION)), (307, "/main"));
    let friendly = stage.ask(Method::GET, "/nowhere", &[("accept", "text/html,*/*")], "").await;
    assert!(friendly.status == StatusCode::NOT_FOUND && friendly.body.contains("<h1>"));
    assert_eq!(stage.get("/healthz").await.body, "ok\n");
    let room: serde_json::Value = serde_json::from_str(&stage.get("/api/v1/rooms/main").await.body).unwrap();
    assert_eq!((room["room"].as_str(), room["stream"]["state"].as_str()), (Some("main"), Some("offline")));
    let messages: serde_json::Value =
        serde_json::from_str(&stage.get("/api/v1/messages.json").await.body).unwrap();
    assert!(messages["client"].is_object() && messages["server"].is_object());
    assert!(stage.get("/metrics").await.body.contains("footlight_viewers 0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_packed_for_browsers_that_unpack_them() {
    let stage = Stage::new().await;
    let file = "/assets/chat.css";
    let ask = async |coding: &str| stage.ask(Method::GET, file, &[("accept-encoding", coding)], "").await;
    let plain = ask("br, gzip;q=0").await;
    assert_eq!((plain.status, plain.header(header::CONTENT_ENCODING)), (StatusCode::OK, ""));
    // All come at once, as after the link was shared.
    for packed in futures_util::future::join_all((0..20).map(|_| ask("gzip, deflate"))).await {
        assert_eq!(packed.header(header::CONTENT_ENCODING), "gzip");
        assert_eq!(packed.header(header::VARY), "accept-encoding");
        assert_eq!(packed.header(header::ETAG), plain.header(header::ETAG));
        let length = |answer: &Answer| answer.header(header::CONTENT_LENGTH).parse::<usize>().unwrap();
        assert!(length(&packed) * 3 < length(&plain), "{} of {}", length(&packed), length(&plain));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_of_the_api_document_exists() {
    let stage = Stage::new().await;
    let document: serde_json::Value =
        serde_json::from_str(&stage.get("/api/v1/openapi.json").await.body).unwrap();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let path = path.replace("{room}", "main").replace("{session}", "nothing").replace("{key}", "1");
            let answer = stage.ask(method.clone(), &path, &[], "").await;
            assert_ne!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert!(!answer.body.contains("There is nothing here"), "{method} {path}");
        }
    }
}

#[test]
fn every_route_is_in_the_api_document() {
    let source = include_str!("../../src/http/mod.rs");
    let document: serde_json::Value =
        serde_json::from_str(include_str!("../../src/http/openapi.json")).unwrap();
    let mut count = 0;
    for route in source.split(".route(").skip(1) {
        let path = route.split('"').nth(1).unwrap().replace("{*", "{");
        // Its handlers stand between it and the end of its call.
        let handlers = route.split("))\n").next().unwrap();
        for method in ["get", "post", "put", "patch", "delete", "options"] {
            let named =
                handlers.match_indices(&format!("{method}(")).any(|(at, _)| !handlers[..at].ends_with("::"));
            if named {
                assert!(document["paths"][&path][method].is_object(), "{method} {path} is not described");
                count += 1;
            }
        }
    }
    assert!(count > 20, "the routes were found: {count}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_sees_how_the_relay_does() {
    let stage = Stage::new().await;
    assert_eq!(stage.get("/api/v1/status").await.code(), "unauthorized");
    let wrong = format!("Bearer {}", stage.key());
    let answer = stage.ask(Method::GET, "/api/v1/status", &[("authorization", &wrong)], "").await;
    assert_eq!(answer.status.as_u16(), 401);
    let mut publisher = Peer::publish(&stage.ready.http, &stage.key()).await;
    publisher.connected().await;
    publisher.send(picture(0, true, 100));
    let right = format!("Bearer {}", stage.owner());
    let status = async {
        loop {
            let answer = stage.ask(Method::GET, "/api/v1/status", &[("authorization", &right)], "").await;
            let status: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
            let sampled = status["disk"]["total_bytes"] != 0 && status["sessions"]["publishers"] == 1;
            if sampled && status["rooms"][0]["stream"]["state"] == "live" {
                break status;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let status = tokio::time::timeout(crate::stage::PATIENCE, status).await.unwrap();
    assert_eq!(
        (status["draining"].as_bool(), status["rooms"][0]["room"].as_str()),
        (Some(false), Some("main"))
    );
    assert!(status["process"]["memory_bytes"].as_u64().unwrap() > 1 << 20, "{status}");
    let metrics = stage.get("/metrics").await.body;
    assert!(metrics.contains("\nfootlight_room_live{room=\"main\"} 1\n"), "{metrics}");
    assert!(!format!("{status}").contains(&stage.key()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_port_and_an_unusable_folder_are_named() {
    let stage = Stage::new().await;
    let folder = Folder::new();
    let listen = stage.ready.http.strip_prefix("http://").unwrap().parse().unwrap();
    let error = Relay::bind(Config { listen, ..config(&folder) }).await.map(drop).unwrap_err();
    assert!(
        matches!(error, Error::Busy { .. }) && error.to_string().contains(&stage.ready.udp.to_string()),
        "{error}"
    );
    let file = folder.0.join("file");
    std::fs::write(&file, "").unwrap();
    let error = Relay::bind(Config { data: file.clone(), ..config(&folder) }).await.map(drop).unwrap_err();
    assert!(error.to_string().contains(file.to_str().unwrap()), "{error}");
    let folder = Folder::new();
    std::fs::write(folder.0.join("footlight.db"), "this is no database, whatever its name says".repeat(100))
        .unwrap();
    let error = Relay::bind(config(&folder)).await.map(drop).unwrap_err();
    assert!(error.to_string().contains("footlight.db"), "{error}");
    let folder = Folder::new();
    let first = Stage::in_folder(&folder).await;
    let error = Relay::bind(config(&folder)).await.map(drop).unwrap_err();
    assert!(error.to_string().contains("another relay is using it"), "{error}");
    first.stop().await;
    let again = Relay::bind(config(&folder)).await.map(drop);
    assert!(again.is_ok(), "{again:?}");
}

/// Bytes that depend on the seed only.
fn noise(seed: &mut u64, length: usize) -> Vec<u8> {
    (0..length)
        .map(|_| {
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (*seed >> 33) as u8
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn random_bytes_on_either_port_harm_nobody() {
    let stage = Stage::new().await;
    let mut publisher = Peer::publish(&stage.ready.http, &stage.key()).await;
    let mut viewer = Peer::watch(&stage.ready.http).await;
    publisher.connected().await;
    viewer.connected().await;
    let address = stage.ready.http.strip_prefix("http://").unwrap().to_owned();
    let mut seed = 7;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for n in 0..2_000usize {
        let mut bytes = noise(&mut seed, n % 1_400 + 1);
        // Each of the kinds that share the port: STUN, DTLS, RTP, RTCP.
        match n % 5 {
            0 => bytes[0] = 0,
            1 => bytes[0] = 22,
            2 => bytes[0] = 0x80,
            3 => bytes.splice(0..1, [0x81, 200]).for_each(drop),
            _ => {}
        }
        if n % 5 == 0 && bytes.len() > 8 {
            bytes[4..8].copy_from_slice(&[0x21, 0x12, 0xa4, 0x42]);
        }
        socket.send_to(&bytes, &address).await.unwrap();
    }
    for n in 0..200usize {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        let mut bytes = noise(&mut seed, n * 7 + 1);
        if n % 2 == 0 {
            bytes[0] = (n % 16) as u8;
        }
        let _ = stream.write_all(&bytes).await;
    }
    // A connection that only ever says half a frame is closed in the end, and one that says nonsense at once.
    let mut stream = TcpStream::connect(&address).await.unwrap();
    stream
        .write_all(&[0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20])
        .await
        .unwrap();
    let closed = tokio::time::timeout(Duration::from_secs(8), stream.read(&mut [0; 16])).await.unwrap();
    assert!(matches!(closed, Ok(0) | Err(_)));
    publisher.send(picture(1, true, 5_000));
    assert!(viewer.video().await.keyframe);
    assert_eq!(stage.get("/healthz").await.body, "ok\n");
}
