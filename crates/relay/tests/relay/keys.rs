//! Several stream keys a room: made, listed, replaced and taken back by the owner; who may take over from whom.

use std::time::{Duration, Instant};

use axum::http::{Method, header};
use footlight_protocol::room::StreamState;
use serde_json::{Value, json};

use crate::peer::{Over, Peer, Seen, number, picture};
use crate::stage::{Answer, Folder, PATIENCE, Stage};

const KEYS: &str = "/api/v1/rooms/main/keys";

impl Stage {
    /// As the owner.
    async fn own(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let owner = format!("Bearer {}", self.owner());
        let headers = [("authorization", owner.as_str()), ("content-type", "application/json")];
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let answer = self.ask(method, path, &headers, body).await;
        (answer.status.as_u16(), serde_json::from_str(&answer.body).unwrap_or_default())
    }

    async fn make_key(&self, name: &str) -> (u64, String) {
        let (status, made) = self.own(Method::POST, KEYS, Some(json!({ "name": name }))).await;
        assert_eq!(status, 201, "{made}");
        (made["id"].as_u64().unwrap(), made["key"].as_str().unwrap().to_owned())
    }

    async fn names(&self) -> Vec<String> {
        let (status, list) = self.own(Method::GET, KEYS, None).await;
        assert_eq!(status, 200);
        list.as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().to_owned()).collect()
    }
}

async fn refused(base: &str, key: &str) -> Answer {
    let refused = Peer::try_publish(base, key, Over::Udp).await.map(drop);
    refused.expect_err("the key is refused")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_makes_lists_rotates_and_revokes_keys() {
    let folder = Folder::new();
    let stage = Stage::in_folder(&folder).await;
    let base = stage.ready.http.clone();
    let (id, key) = stage.make_key(" OBS at home ").await;
    assert_eq!(stage.names().await, ["default", "OBS at home"]);
    let (_, list) = stage.own(Method::GET, KEYS, None).await;
    assert!(!list.to_string().contains(&key) && list[1]["made_at"].is_u64(), "{list}");

    let mut publisher = Peer::publish(&base, &key).await;
    publisher.connected().await;
    let (_, list) = stage.own(Method::GET, KEYS, None).await;
    assert_eq!((&list[0]["publishing"], &list[1]["publishing"]), (&json!(false), &json!(true)));

    let (status, rotated) = stage.own(Method::POST, &format!("{KEYS}/{id}/rotate"), None).await;
    assert_eq!((status, rotated["name"].as_str()), (200, Some("OBS at home")));
    let newer = rotated["key"].as_str().unwrap().to_owned();
    assert_ne!((rotated["id"].as_u64().unwrap(), &newer), (id, &key));
    assert_eq!(refused(&base, &key).await.status, 401);
    let mut publisher = Peer::publish(&base, &newer).await;
    publisher.connected().await;

    // What is kept survives a restart, and what was taken back stays so.
    let owner = stage.owner();
    stage.stop().await;
    let config = footlight_relay::Config {
        owner_token: Some(footlight_relay::Secret::new(owner)),
        ..crate::stage::config(&folder)
    };
    let stage = Stage::with(config).await;
    let base = stage.ready.http.clone();
    assert!(stage.ready.stream_key.is_none(), "a key that was shown is not shown again");
    assert_eq!(refused(&base, &key).await.status, 401);
    let newer_id = rotated["id"].as_u64().unwrap();
    drop(Peer::publish(&base, &newer).await);
    assert_eq!(stage.own(Method::DELETE, &format!("{KEYS}/{newer_id}"), None).await.0, 204);
    assert_eq!(stage.own(Method::DELETE, &format!("{KEYS}/{newer_id}"), None).await.0, 404);
    assert_eq!(refused(&base, &newer).await.status, 401);
    assert_eq!(stage.names().await, ["default"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_the_owner_sees_or_changes_keys() {
    let stage = Stage::new().await;
    let key = format!("Bearer {}", stage.key());
    for (method, path) in [
        (Method::GET, KEYS.to_owned()),
        (Method::POST, KEYS.to_owned()),
        (Method::DELETE, format!("{KEYS}/1")),
        (Method::POST, format!("{KEYS}/1/rotate")),
        (Method::GET, "/api/v1/rooms/nowhere/keys".to_owned()),
    ] {
        for headers in [&[][..], &[("authorization", key.as_str())], &[("authorization", "Bearer x")]] {
            let answer = stage.ask(method.clone(), &path, headers, "").await;
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (401, "unauthorized"), "{path}");
        }
    }
    let long = "x".repeat(41);
    for (body, status, code) in [
        (json!({ "name": "  " }), 400, "empty"),
        (json!({ "name": long }), 400, "bad_setting"),
        (json!({ "name": "a\u{7}b" }), 400, "bad_setting"),
        (json!({ "name": "default" }), 409, "bad_setting"),
        (json!({ "title": "x" }), 400, "malformed"),
        (json!([]), 400, "malformed"),
    ] {
        let (got, failure) = stage.own(Method::POST, KEYS, Some(body.clone())).await;
        assert_eq!((got, failure["code"].as_str()), (status, Some(code)), "{body}");
    }
    for path in ["/99", "/x", "/99999999999999999999"] {
        assert_eq!(stage.own(Method::DELETE, &format!("{KEYS}{path}"), None).await.0, 404, "{path}");
    }
    assert_eq!(stage.own(Method::GET, "/api/v1/rooms/nowhere/keys", None).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn rotation_cuts_the_publisher_within_two_seconds_and_viewers_go_on_with_the_next() {
    let stage = Stage::new().await;
    let base = stage.ready.http.clone();
    let (id, key) = stage.make_key("camera").await;
    let mut publisher = Peer::publish(&base, &key).await;
    let mut viewer = Peer::watch(&base).await;
    publisher.connected().await;
    viewer.connected().await;
    publisher.send(picture(1, true, 2_000));
    let before = viewer.video().await;
    stage.until("live", |stats| matches!(stats.stream, StreamState::Live { .. })).await;

    let asked = Instant::now();
    let (_, rotated) = stage.own(Method::POST, &format!("{KEYS}/{id}/rotate"), None).await;
    publisher.ended().await;
    let cut = asked.elapsed();
    println!("cut {cut:?} after the owner asked");
    assert!(cut < Duration::from_secs(2), "{cut:?}");
    stage.until("waiting", |stats| matches!(stats.stream, StreamState::Interrupted { .. })).await;

    let mut next = Peer::publish(&base, rotated["key"].as_str().unwrap()).await;
    next.connected().await;
    next.send(picture(2, true, 2_000));
    let after = viewer.video().await;
    assert_eq!(number(&after.data), 2);
    assert!((after.timestamp.wrapping_sub(before.timestamp) as i32) > 0, "the room's clock goes on");
    stage.until("live again", |stats| matches!(stats.stream, StreamState::Live { .. })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_finds_the_room_busy_and_the_same_one_takes_over() {
    let stage = Stage::new().await;
    let base = stage.ready.http.clone();
    let (_, other) = stage.make_key("another camera").await;
    let mut first = Peer::publish(&base, &stage.key()).await;
    let mut viewer = Peer::watch(&base).await;
    first.connected().await;
    viewer.connected().await;
    first.send(picture(1, true, 2_000));
    assert_eq!(number(&viewer.video().await.data), 1);

    let busy = refused(&base, &other).await;
    assert_eq!((busy.status.as_u16(), busy.code().as_str()), (409, "room_busy"));
    assert!(busy.header(header::RETRY_AFTER).parse::<u32>().is_ok());
    first.send(picture(2, false, 2_000));
    assert_eq!(number(&viewer.video().await.data), 2, "who was refused has disturbed nobody");

    let mut second = Peer::publish(&base, &stage.key()).await;
    first.ended().await;
    second.connected().await;
    second.send(picture(3, true, 2_000));
    let next = tokio::time::timeout(PATIENCE, async {
        loop {
            match viewer.next().await {
                Seen::Video { unit, .. } => break number(&unit.data),
                Seen::Ended | Seen::Connected => panic!("the viewer's session is the same"),
                _ => {}
            }
        }
    });
    assert_eq!(next.await.unwrap(), 3);

    // The room is free once its publisher has said goodbye.
    second.leave();
    second.ended().await;
    stage.until("offline", |stats| matches!(stats.stream, StreamState::Offline)).await;
    let mut third = Peer::publish(&base, &other).await;
    third.connected().await;
}
