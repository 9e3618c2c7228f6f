//! Bans of a whole network, by people who seem to come from elsewhere.

use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use footlight_protocol::Code;
use footlight_protocol::room::{Action, Role};
use footlight_relay::Config;
use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::clip;
use crate::member::Chat;
use crate::nats::Broker;
use crate::peer::{Over, Peer};
use crate::stage::{Folder, PATIENCE, Stage, ask, config, live};

/// The base URL by which requests come to the relay as those of `client`: as from a branch of the room, which shows the
/// pass that the home gave it.
async fn elsewhere(stage: &Stage, broker: &Broker, client: &'static str) -> String {
    let bus = async_nats::connect(broker.url().reveal()).await.unwrap();
    let pass = loop {
        if let Ok(answer) = bus.request("footlight.main.pass", "".into()).await {
            break String::from_utf8(answer.payload.to_vec()).unwrap();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let home = stage.ready.http.trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let (home, pass) = (home.clone(), pass.clone());
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n") {
                    head.push(near.read_u8().await.ok()?);
                }
                head.extend(format!("x-footlight-pass: {pass}\r\nx-footlight-client: {client}\r\n").bytes());
                let mut far = TcpStream::connect(home).await.ok()?;
                far.write_all(&head).await.ok()?;
                tokio::io::copy_bidirectional(&mut near, &mut far).await.ok()
            });
        }
    });
    base
}

async fn get(base: &str, path: &str) -> StatusCode {
    ask(base, Method::GET, path, &[], "").await.status
}

async fn guest(base: &str, name: &str) -> Chat {
    Chat::hello_at(base, None, None, None).await.unwrap().called(name).await
}

/// A stream of FLV from there; it is opened once its first bytes are here.
async fn flv(base: &str) -> axum::body::BodyDataStream {
    use axum::body::Body;
    use hyper_util::client::legacy::Client;
    let client: Client<_, Body> = Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
    let request = axum::http::Request::get(format!("{base}/live/main.flv")).body(Body::empty()).unwrap();
    let mut body = Body::new(client.request(request).await.unwrap().into_body()).into_data_stream();
    body.next().await.unwrap().unwrap();
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn a_banned_network_is_gone_within_a_second_on_every_protocol_until_it_is_pardoned() {
    let (folder, broker) = (Folder::new(), Broker::start());
    let settings = || Config { bus: Some(broker.url()), ..config(&folder) };
    let stage = Stage::with(settings()).await;
    let raid = elsewhere(&stage, &broker, "198.51.100.4").await;
    let near = elsewhere(&stage, &broker, "198.51.100.9").await;
    let far = elsewhere(&stage, &broker, "203.0.113.1").await;
    let mut publisher = Peer::publish(&stage.ready.http, &stage.key()).await;
    publisher.connected().await;
    let mut owner = Chat::owner(&stage).await;
    let (mut raider, mut second) = (guest(&raid, "Raider").await, guest(&near, "Second").await);
    let (mut friend, mut other) = (guest(&near, "Friend").await, guest(&far, "Other").await);
    let vip = Action::Appoint { user: friend.me.id.clone(), role: Role::Vip };
    owner.moderate("vip", vip).await.unwrap();
    let home = guest(&stage.ready.http, "Home").await;
    let story = async {
        stage.until("live", live).await;
        let mut watching = Peer::watch_as(&near, None, Over::Udp).await.map_err(|a| a.body).unwrap();
        watching.connected().await;
        let mut stream = flv(&near).await;
        let index = "/hls/main/index.m3u8";
        assert_eq!((get(&near, index).await, get(&far, index).await), (StatusCode::OK, StatusCode::OK));

        // The network of this machine is everybody's.
        let all = Action::Ban { user: home.me.id.clone(), range: true };
        assert_eq!(owner.moderate("all", all).await, Err((Code::NetworkShared, None)));
        let ban = Action::Ban { user: raider.me.id.clone(), range: true };
        let begun = Instant::now();
        owner.moderate("ban", ban).await.unwrap();
        assert_eq!((raider.closed().await, second.closed().await), (Some(4003), Some(4003)));
        watching.ended().await;
        let ended = async { while let Some(Ok(_)) = stream.next().await {} };
        tokio::time::timeout(PATIENCE, ended).await.expect("the stream ends");
        assert_eq!(get(&near, index).await, StatusCode::FORBIDDEN);
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(1), "{took:?}");

        // Nobody new comes from there, whatever they are called; who is known and who is elsewhere stays.
        for base in [&raid, &near] {
            let refused = Chat::hello_at(base, None, None, None).await.map(drop);
            assert_eq!(refused, Err((Code::Banned, 4003)));
            let refused = Peer::watch_as(base, None, Over::Udp).await.map(drop).unwrap_err();
            assert_eq!(refused.status, StatusCode::FORBIDDEN);
            assert_eq!(get(base, "/live/main.flv").await, StatusCode::FORBIDDEN);
        }
        friend.say("1", "still here").await.unwrap();
        other.say("1", "me too").await.unwrap();
        assert_eq!(get(&far, index).await, StatusCode::OK);
    };
    tokio::select! {
        () = story => {}
        () = clip::broadcast(&publisher, CancellationToken::new()) => unreachable!(),
    }
    let token = format!("Bearer {}", stage.owner());
    let audit = stage.ask(Method::GET, "/api/v1/rooms/main/audit", &[("authorization", &token)], "").await;
    assert!(audit.body.contains("\"range\":true") && !audit.body.contains("198.51"), "{}", audit.body);

    // It outlives a restart, and the address is in no file.
    let owner_token = stage.owner();
    stage.stop().await;
    for mark in ["198.51.100", "198, 51, 100"] {
        assert_eq!(crate::people::with(&folder.0, mark), Vec::<String>::new(), "{mark}");
    }
    let stage = Stage::with(settings()).await;
    let near = elsewhere(&stage, &broker, "198.51.100.77").await;
    let refused = Chat::hello_at(&near, None, None, None).await.map(drop);
    assert_eq!(refused, Err((Code::Banned, 4003)));
    let mut owner = Chat::hello(&stage, None, Some(owner_token), None).await.unwrap();
    owner.moderate("back", Action::Pardon { user: raider.me.id.clone() }).await.unwrap();
    guest(&near, "Third").await.say("1", "hello").await.unwrap();
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_of_many_who_are_here_or_of_a_moderator_is_not_banned() {
    let (folder, broker) = (Folder::new(), Broker::start());
    let stage = Stage::with(Config { bus: Some(broker.url()), ..config(&folder) }).await;
    let proxy = elsewhere(&stage, &broker, "198.51.100.4").await;
    let home = elsewhere(&stage, &broker, "2001:db8:1:2::9").await;
    let mut owner = Chat::owner(&stage).await;
    let (raider, mut moderator) = (guest(&proxy, "Raider").await, guest(&home, "Moderator").await);
    let appoint = Action::Appoint { user: moderator.me.id.clone(), role: Role::Moderator };
    owner.moderate("a", appoint).await.unwrap();
    let mut crowd = Vec::new();
    for n in 0..5 {
        crowd.push(guest(&proxy, &format!("guest {n}")).await);
    }
    let ban = |chat: &Chat| Action::Ban { user: chat.me.id.clone(), range: true };
    assert_eq!(owner.moderate("1", ban(&raider)).await, Err((Code::NetworkShared, None)));
    // A troll beside a moderator.
    let troll = guest(&home, "Troll").await;
    assert_eq!(owner.moderate("2", ban(&troll)).await, Err((Code::NetworkShared, None)));
    // Nothing was done: a refused request changes nothing.
    crowd[0].say("1", "hello").await.unwrap();
    drop((crowd, troll));
    stage.until("three", |stats| stats.presence.members == 2).await;
    // The one who left a moment ago is found by where they were.
    let left = raider.me.id.clone();
    drop(raider);
    stage.until("two", |stats| stats.presence.members == 1).await;
    let late = Action::Ban { user: left, range: true };
    assert_eq!(moderator.moderate("3", late).await.map(drop), Ok(()));
    assert_eq!(Chat::hello_at(&proxy, None, None, None).await.map(drop), Err((Code::Banned, 4003)));
    let unknown = Action::Ban { user: "nobodyatall".parse().unwrap(), range: true };
    assert_eq!(owner.moderate("4", unknown).await, Err((Code::NotFound, None)));
    stage.stop().await;
}
