//! Who can get in, as the relay says it, and the outer addresses in its answers.

use std::net::SocketAddr;

use axum::http::Method;
use footlight_relay::{Config, Reach};
use str0m::media::Direction;
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use crate::peer::offer;
use crate::stage::{Folder, Stage, config};

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_on_loopback_foresees_that_nobody_else_gets_in() {
    let stage = Stage::in_its_own(Folder::new(), |folder| Config {
        // Would be asked where sharing is on; nothing is listening there.
        reach: Reach { map_port: true, stun: vec!["127.0.0.1:9".into()], uplink_kbit: Some(10_000) },
        ..config(folder)
    })
    .await;
    let path = "/api/v1/reach?stream_kbit=2500";
    let wrong = ("authorization", "Bearer wrong");
    for headers in [&[][..], &[wrong]] {
        let answer = stage.ask(Method::GET, path, headers, "").await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (401, "unauthorized"));
    }
    let owner = format!("Bearer {}", stage.owner());
    let owner = ("authorization", owner.as_str());
    for method in [Method::GET, Method::POST] {
        let answer = stage.ask(method, path, &[owner], "").await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let forecast = answer.json();
        assert_eq!((&forecast["lan"], &forecast["internet"]), (&false.into(), &"no".into()));
        assert_eq!(forecast["reasons"], serde_json::json!(["not_shared"]));
        assert_eq!(forecast["words"], "Only this computer: sharing is switched off.");
        assert_eq!((&forecast["uplink_kbit"], &forecast["seats"]), (&10_000.into(), &3.into()));
    }
    let odd = stage.ask(Method::GET, "/api/v1/reach?stream_kbit=much", &[owner], "").await;
    assert_eq!((odd.status.as_u16(), odd.code().as_str()), (400, "malformed"));
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_media_sockets_outer_address_is_in_the_answers() {
    let outer: SocketAddr = "5.6.7.8:4321".parse().unwrap();
    let (first, _first) = stun(outer).await;
    let (second, mut asked) = stun(outer).await;
    let any = "0.0.0.0:0".parse().unwrap();
    let stun = vec![first.to_string(), second.to_string()];
    let stage = Stage::in_its_own(Folder::new(), |folder| Config {
        listen: any,
        reach: Reach { stun, ..Reach::default() },
        ..config(folder)
    })
    .await;
    let owner = format!("Bearer {}", stage.owner());
    let looked = stage.ask(Method::POST, "/api/v1/reach", &[("authorization", &owner)], "").await;
    assert_eq!(looked.status, 200, "{}", looked.body);
    // A machine in no network has nothing to be led to.
    if looked.json()["lan"] == false {
        return;
    }
    let sdp = [("content-type", "application/sdp")];
    let answer = stage.ask(Method::POST, "/whep/main", &sdp, offer(Direction::RecvOnly).text).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let mut candidates = answer.body.lines().filter(|line| line.starts_with("a=candidate:"));
    assert!(
        candidates.any(|line| line.contains(" udp ") && line.contains("5.6.7.8 4321 typ host")),
        "{}",
        answer.body
    );
    let mut ports = Vec::new();
    while let Ok(from) = asked.1.try_recv() {
        ports.push(from.port());
    }
    assert!(ports.contains(&stage.ready.udp), "the media socket asks itself: {ports:?}");
    stage.stop().await;
}

type Asked = (JoinHandle<()>, tokio::sync::mpsc::Receiver<SocketAddr>);

/// A STUN server that sees everybody under the same address, and who asked it.
async fn stun(outer: SocketAddr) -> (SocketAddr, Asked) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let (asked, receiver) = tokio::sync::mpsc::channel(64);
    let SocketAddr::V4(outer) = outer else { panic!("an IPv4 address") };
    let task = tokio::spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            assert_eq!((length, &buffer[..8]), (20, &[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..]));
            let mut answer = buffer[..length].to_vec();
            // A success response with MAPPED-ADDRESS (RFC 8489 section 14.1).
            (answer[0], answer[3]) = (1, 12);
            answer.extend_from_slice(&[0, 1, 0, 8, 0, 1]);
            answer.extend_from_slice(&outer.port().to_be_bytes());
            answer.extend_from_slice(&outer.ip().octets());
            let _ = asked.try_send(from);
            socket.send_to(&answer, from).await.unwrap();
        }
    });
    (address, (task, receiver))
}
