//! Passkeys: accounts that are made and signed in to by them, and what those hear who show something else.

use axum::http::{Method, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::authenticator::{Device, FLAGS, Pair};
use crate::member::Chat;
use crate::span::{Ground, on_both_grounds};
use crate::stage::{Answer, Folder, Stage, ask};

on_both_grounds! {
    a_passkey_is_the_same_person_on_every_device,
}

const PASSKEYS: &str = "/api/v1/account/passkeys";

/// The stage's address by a name, as a browser has it.
struct Page<'a> {
    stage: &'a Stage,
    origin: String,
}

impl<'a> Page<'a> {
    fn open(stage: &'a Stage) -> Self {
        let port = stage.door().rsplit(':').next().unwrap();
        Self { stage, origin: format!("http://localhost:{}", port.trim_end_matches('/')) }
    }

    async fn send(&self, method: Method, path: &str, token: Option<&str>, body: Value) -> Answer {
        self.send_from(&self.origin, method, path, token, body).await
    }

    async fn send_from(
        &self,
        origin: &str,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Value,
    ) -> Answer {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let host = self.origin.trim_start_matches("http://");
        let mut headers = vec![("content-type", "application/json"), ("host", host), ("origin", origin)];
        headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
        ask(self.stage.door(), method, path, &headers, body.to_string()).await
    }

    fn device(&self, pair: Pair) -> Device {
        Device::new(pair, &self.origin, "localhost")
    }

    async fn offer(&self, token: &str, account: Option<&str>) -> Answer {
        let path = format!("{PASSKEYS}/offer");
        self.send(Method::POST, &path, Some(token), json!({ "account": account })).await
    }

    /// Sends what the device makes of the challenge.
    async fn add(&self, token: &str, device: &Device, challenge: &str) -> Answer {
        let (client, attestation) = device.make(challenge);
        let body =
            json!({ "name": "My phone", "client_data": text(&client), "attestation": text(&attestation) });
        self.send(Method::POST, PASSKEYS, Some(token), body).await
    }

    async fn challenge(&self) -> String {
        let answer = self.send(Method::POST, &format!("{PASSKEYS}/challenge"), None, json!({})).await;
        assert_eq!(answer.json()["host"], "localhost", "{}", answer.body);
        answer.json()["challenge"].as_str().unwrap().to_owned()
    }

    async fn prove(&self, device: &Device, handle: &str, challenge: &str) -> Result<String, String> {
        let (client, data, signature) = device.sign(challenge);
        let body = json!({
            "id": text(&device.id), "client_data": text(&client), "authenticator_data": text(&data),
            "signature": text(&signature), "handle": handle,
        });
        let answer = self.send(Method::POST, &format!("{PASSKEYS}/session"), None, body).await;
        match answer.status {
            StatusCode::OK => Ok(answer.json()["token"].as_str().unwrap().to_owned()),
            _ => Err(format!("{}: {}", answer.code(), answer.json()["message"].as_str().unwrap())),
        }
    }

    async fn sign_in(&self, device: &Device, handle: &str) -> Result<String, String> {
        let challenge = self.challenge().await;
        self.prove(device, handle, &challenge).await
    }

    async fn list(&self, token: &str) -> Value {
        self.send(Method::GET, PASSKEYS, Some(token), Value::Null).await.json()
    }

    async fn remove(&self, token: &str, device: &Device) -> Answer {
        self.send(Method::DELETE, &format!("{PASSKEYS}/{}", text(&device.id)), Some(token), Value::Null).await
    }
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn field(answer: &Answer, name: &str) -> String {
    answer.json()[name].as_str().unwrap_or_else(|| panic!("{name}: {}", answer.body)).to_owned()
}

async fn a_passkey_is_the_same_person_on_every_device(ground: Ground) {
    let folder = Folder::new();
    let stage = ground.stage_in(&folder).await;
    let page = Page::open(&stage);
    let ada = Chat::named(&stage, "Ada").await;
    let me = ada.me.id.clone();

    // An account of a passkey alone.
    assert_eq!(page.offer(&ada.token, None).await.code(), "not_found");
    let offer = page.offer(&ada.token, Some("Ada")).await;
    let (challenge, handle) = (field(&offer, "challenge"), field(&offer, "handle"));
    let mut phone = page.device(Pair::es256());
    let made = page.add(&ada.token, &phone, &challenge).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let token = field(&made, "token");
    let account = page.send(Method::GET, "/api/v1/account", Some(&token), Value::Null).await.json();
    assert_eq!((&account["name"], &account["has_password"]), (&json!("Ada"), &json!(false)));
    for password in ["", "\0", "a guess of it"] {
        let body = json!({ "name": "Ada", "password": password });
        let refused = page.send(Method::POST, "/api/v1/account/session", None, body).await;
        assert_eq!(refused.code(), "not_signed_in", "no password signs in");
    }
    assert_eq!(page.remove(&token, &phone).await.code(), "last_way_in");

    // Signed in without a name, then a second passkey, by which it goes as well.
    phone.counter = 1;
    let second = page.sign_in(&phone, &handle).await.unwrap();
    assert_eq!(Chat::hello(&stage, Some(second.clone()), None, None).await.unwrap().me.id, me);
    let offer = page.offer(&second, None).await;
    assert_eq!(offer.json()["known"], json!([text(&phone.id)]));
    let key = page.device(Pair::ed25519());
    assert_eq!(page.add(&second, &key, &field(&offer, "challenge")).await.status, StatusCode::NO_CONTENT);
    let list = page.list(&second).await;
    assert_eq!(list.as_array().unwrap().len(), 2);
    let of =
        |device: &Device| list.as_array().unwrap().iter().find(|one| one["id"] == text(&device.id)).cloned();
    assert!(of(&phone).unwrap()["used_at"].is_u64() && of(&key).unwrap()["used_at"].is_null());
    assert_eq!(of(&key).unwrap()["name"], "My phone");
    assert_eq!(page.remove(&second, &phone).await.status, StatusCode::NO_CONTENT);
    assert!(page.sign_in(&phone, &handle).await.is_err(), "it is removed");

    // After a restart; then all is known of them but the key, and goes.
    drop(ada);
    stage.stop().await;
    let stage = ground.stage_in(&folder).await;
    let page = Page::open(&stage);
    let key = Device { origin: page.origin.clone(), ..key };
    let token = page.sign_in(&key, &handle).await.unwrap();
    let path = format!("/api/v1/rooms/main/people/{me}");
    let known = page.send(Method::GET, &path, Some(&token), Value::Null).await.json();
    assert_eq!(
        (&known["passkey"][0]["host"], &known["passkey"][0]["key"]),
        (&json!("localhost"), &Value::Null)
    );
    assert_eq!(
        page.send(Method::DELETE, &path, Some(&token), Value::Null).await.status,
        StatusCode::NO_CONTENT
    );
    assert!(page.sign_in(&key, &handle).await.is_err(), "they are erased");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_device_or_page_gets_wrong_signs_nobody_in() {
    let stage = Stage::new().await;
    let page = Page::open(&stage);
    let (ada, bob) = (Chat::join(&stage).await, Chat::join(&stage).await);
    let offer = page.offer(&ada.token, Some("Ada")).await;
    let (challenge, handle) = (field(&offer, "challenge"), field(&offer, "handle"));
    let mut phone = page.device(Pair::es256());
    assert_eq!(
        page.add(&bob.token, &phone, &challenge).await.code(),
        "passkey_refused",
        "somebody else's offer"
    );
    assert_eq!(
        page.add(&ada.token, &phone, &challenge).await.code(),
        "passkey_refused",
        "which is used up by that"
    );
    let challenge = field(&page.offer(&ada.token, Some("Ada")).await, "challenge");
    phone.flags = FLAGS & !0x04;
    let unverified = page.add(&ada.token, &phone, &challenge).await;
    assert_eq!(field(&unverified, "message"), "The device did not check who uses it");
    phone.flags = FLAGS;
    let challenge = field(&page.offer(&ada.token, Some("Ada")).await, "challenge");
    let made = page.add(&ada.token, &phone, &challenge).await;
    let token = field(&made, "token");
    assert_eq!(page.offer(&token, Some("Ada II")).await.code(), "wrong_phase");

    let fine = page.challenge().await;
    phone.counter = 5;
    assert!(page.prove(&phone, &handle, &fine).await.is_ok());
    let refused = |message: &str| Err::<String, _>(format!("passkey_refused: {message}"));
    let challenge = "The challenge is not good, or no longer; try again";
    phone.counter = 6;
    assert_eq!(page.prove(&phone, &handle, &fine).await, refused(challenge), "replayed");
    assert_eq!(page.prove(&phone, &handle, &text(&[7; 32])).await, refused(challenge), "made up");
    let of_offer = field(&page.offer(&token, None).await, "challenge");
    assert_eq!(page.prove(&phone, &handle, &of_offer).await, refused(challenge), "made for something else");

    let copied = "This passkey seems to have been copied";
    phone.counter = 5;
    assert_eq!(page.sign_in(&phone, &handle).await, refused(copied));
    phone.counter = 7;
    type Change = fn(&mut Device);
    let changes: [(Change, &str); 4] = [
        (|device| device.origin.push('0'), "The page has another origin than the one that asked"),
        (|device| device.host.push('0'), "The passkey belongs to another host"),
        (|device| device.flags = FLAGS & !0x04, "The device did not check who uses it"),
        (|device| device.kind = Some("webauthn.create"), "The device answered another question"),
    ];
    for (change, message) in changes {
        let (origin, host, flags) = (phone.origin.clone(), phone.host.clone(), phone.flags);
        change(&mut phone);
        assert_eq!(page.sign_in(&phone, &handle).await, refused(message));
        phone = Device { origin, host, flags, kind: None, ..phone };
    }

    // Whose passkeys there are is told to nobody: the same words whatever is wrong.
    let unknown = "This passkey does not sign in to an account here";
    let stranger = page.device(Pair::rs256());
    let forger = Device { id: phone.id.clone(), counter: 9, ..page.device(Pair::es256()) };
    assert_eq!(page.sign_in(&stranger, &handle).await, refused(unknown));
    assert_eq!(page.sign_in(&forger, &handle).await, refused(unknown), "a bad signature");
    assert_eq!(page.sign_in(&phone, "bm9ib2R5").await, refused(unknown), "another's handle");
    assert!(page.sign_in(&phone, &handle).await.is_ok(), "and its owner still gets in");

    // Pages that are none of this relay, or without a name.
    let path = format!("{PASSKEYS}/challenge");
    for origin in ["https://evil.example", "http://127.0.0.1", "null"] {
        let answer = page.send_from(origin, Method::POST, &path, None, json!({})).await;
        assert_eq!(answer.code(), "passkey_refused", "{origin}");
    }
}

/// A device token alone is no way to another way in.
#[tokio::test(flavor = "multi_thread")]
async fn who_has_a_password_shows_it_to_add_a_passkey() {
    let stage = Stage::new().await;
    let page = Page::open(&stage);
    let ada = Chat::join(&stage).await;
    let body = json!({ "name": "Ada", "password": "a long password" });
    let made = page.send(Method::POST, "/api/v1/account", Some(&ada.token), body).await;
    let token = field(&made, "token");
    let offer = async |password: Value| {
        let body = json!({ "account": null, "password": password });
        page.send(Method::POST, &format!("{PASSKEYS}/offer"), Some(&token), body).await
    };
    for wrong in [Value::Null, json!(""), json!("another password")] {
        assert_eq!(offer(wrong.clone()).await.code(), "not_signed_in", "{wrong}");
    }
    let challenge = field(&offer(json!("a long password")).await, "challenge");
    let phone = page.device(Pair::es256());
    assert_eq!(page.add(&token, &phone, &challenge).await.status, StatusCode::NO_CONTENT);
    assert_eq!(page.remove(&token, &phone).await.status, StatusCode::NO_CONTENT, "there is the password");
}
