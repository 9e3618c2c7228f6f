//! What a real receiver hears of a broadcast, its viewers, members and moderators.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use footlight_protocol::room::Action;
use footlight_relay::{Config, Secret, Webhook};
use serde_json::Value;

use crate::member::Chat;
use crate::peer::{Peer, picture};
use crate::stage::{Folder, PATIENCE, Stage, config};

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_hears_what_happens_in_the_room_in_order() {
    let heard: Arc<Mutex<Vec<Value>>> = Arc::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let into = heard.clone();
    let take = post(move |body: Bytes| async move {
        into.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
    });
    let server = tokio::spawn(async move { axum::serve(listener, Router::new().route("/", take)).await });
    let until = async |what: &'static str, so: &(dyn Fn(&Value) -> bool + Sync)| {
        let waited = async {
            loop {
                if let Some(found) = heard.lock().unwrap().iter().find(|value| so(value)) {
                    break found.clone();
                }
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waited).await.expect(what)
    };

    let folder = Folder::new();
    let webhook = Webhook { url, secret: Secret::new("a secret of sixteen"), events: Vec::new() };
    let stage = Stage::with(Config { webhooks: vec![webhook], ..config(&folder) }).await;
    let key = stage.key();
    let mut publisher = Peer::publish(&stage.ready.http, &key).await;
    publisher.connected().await;
    publisher.send(picture(0, true, 100));
    until("a begin", &|value| value["type"] == "publish.began").await;
    let mut viewer = Peer::watch(&stage.ready.http).await;
    viewer.connected().await;
    let joined = until("a viewer", &|value| value["type"] == "viewer.joined").await;
    assert_eq!(joined["data"]["viewers"], 1);
    let ada = Chat::named(&stage, "Ada").await;
    let mut owner = Chat::owner(&stage).await;
    owner.moderate("m1", Action::Ban { user: ada.me.id.clone(), range: false }).await.unwrap();
    let banned = until("a ban", &|value| value["type"] == "moderation").await;
    assert_eq!(
        (&banned["data"]["event"]["event"], &banned["data"]["by"]),
        (&"banned".into(), &owner.me.id.to_string().into())
    );
    let left = until("Ada leaves", &|value| value["type"] == "member.left").await;
    assert_eq!(left["data"]["member"]["name"], "Ada");
    stage.stop().await;

    let heard = heard.lock().unwrap();
    let types: Vec<&str> = heard.iter().map(|value| value["type"].as_str().unwrap()).collect();
    let place = |wanted: &str| {
        types.iter().position(|kind| *kind == wanted).unwrap_or_else(|| panic!("{wanted} in {types:?}"))
    };
    assert!(place("publish.began") < place("viewer.joined") && place("member.joined") < place("moderation"));
    assert!(types.contains(&"publish.ended"), "the relay's end is the broadcast's: {types:?}");
    assert!(heard.iter().all(|value| value["room"] == "main" && value["lost"] == 0), "{heard:?}");
    let text = format!("{heard:?}");
    assert!(!text.contains(&key) && !text.contains("127.0.0.1"), "neither keys nor addresses");
    server.abort();
}
