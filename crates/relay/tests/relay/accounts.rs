//! Accounts: one person on every device, a name that is nobody else's, and what those meet who try to become somebody else.

use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use footlight_protocol::room::{Action, ClientMessage, Role, ServerMessage};
use footlight_protocol::{CloseCode, Code};
use serde_json::{Value, json};

use crate::member::Chat;
use crate::span::{Ground, on_both_grounds};
use crate::stage::{Answer, Folder, Stage, ask};

on_both_grounds! {
    an_account_is_one_person_on_every_device,
}

const ACCOUNT: &str = "/api/v1/account";
const PASSWORD: &str = "correct horse battery";

async fn send(stage: &Stage, method: Method, path: &str, token: Option<&str>, body: Value) -> Answer {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
    ask(stage.door(), method, path, &headers, body.to_string()).await
}

/// The token, or the code of what went wrong.
fn token(answer: &Answer) -> Result<String, String> {
    match answer.status {
        StatusCode::OK | StatusCode::CREATED => Ok(answer.json()["token"].as_str().unwrap().to_owned()),
        _ => Err(answer.code()),
    }
}

async fn sign_up(stage: &Stage, guest: &str, name: &str, password: &str) -> Result<String, String> {
    let body = json!({ "name": name, "password": password });
    token(&send(stage, Method::POST, ACCOUNT, Some(guest), body).await)
}

async fn sign_in(stage: &Stage, name: &str, password: &str) -> Result<String, String> {
    let body = json!({ "name": name, "password": password });
    token(&send(stage, Method::POST, &format!("{ACCOUNT}/session"), None, body).await)
}

async fn change(stage: &Stage, mine: &str, old: &str, new: &str) -> Result<String, String> {
    let body = json!({ "old": old, "new": new });
    token(&send(stage, Method::POST, &format!("{ACCOUNT}/password"), Some(mine), body).await)
}

async fn hello(stage: &Stage, token: &str) -> Chat {
    Chat::hello(stage, Some(token.to_owned()), None, None).await.unwrap()
}

/// Wants to be called so; gives what it is called then, or the code.
async fn name(chat: &mut Chat, name: &str) -> Result<String, Code> {
    chat.send(&ClientMessage::Name { name: name.to_owned() }).await;
    chat.until(|message| match message {
        ServerMessage::You { you } => Some(Ok(you.name)),
        ServerMessage::Refused { nonce: None, failure, .. } => Some(Err(failure.code)),
        _ => None,
    })
    .await
}

async fn an_account_is_one_person_on_every_device(ground: Ground) {
    let folder = Folder::new();
    let stage = ground.stage_in(&folder).await;
    let mut owner = Chat::owner(&stage).await;
    let ada = Chat::named(&stage, "Ada").await;
    let mut impostor = Chat::named(&stage, "Аdа").await;
    let me = ada.me.id.clone();
    owner.moderate("a1", Action::Appoint { user: me.clone(), role: Role::Moderator }).await.unwrap();
    let grant = ClientMessage::Grant { nonce: "g1".parse().unwrap(), user: me.clone(), coins: 50 };
    owner.send(&grant).await;
    owner.answer("g1").await.unwrap();

    let first = sign_up(&stage, &ada.token, "Ada", PASSWORD).await.unwrap();
    // Who is called nearly so has to choose another name.
    let lost = impostor.until(|message| match message {
        ServerMessage::You { you } => Some(you.name),
        _ => None,
    });
    assert_eq!(lost.await, "");
    assert_eq!(impostor.say("i1", "it is me").await, Err((Code::NameNeeded, None)));
    for alike in ["ADA", "4da", "Ａｄａ"] {
        assert_eq!(name(&mut impostor, alike).await, Err(Code::NameTaken), "{alike}");
    }
    assert_eq!(name(&mut impostor, "Bob").await, Ok("Bob".to_owned()));

    // Another device, and the guest's token of before.
    let second = sign_in(&stage, "ada", PASSWORD).await.unwrap();
    for signed_in in [&first, &second] {
        let mut there = hello(&stage, signed_in).await;
        assert_eq!((&there.me.id, there.me.name.as_str()), (&me, "Ada"));
        assert_eq!(there.me.role, Role::Moderator);
        let coins = there.until(|message| match message {
            ServerMessage::Wallet { coins } => Some(coins),
            _ => None,
        });
        assert_eq!(coins.await, 50);
    }
    let copied = hello(&stage, &ada.token).await;
    assert_ne!(copied.me.id, me, "a copy of the guest's token is nobody's any more");
    assert_eq!(copied.me.role, Role::Guest);
    let mine = send(&stage, Method::GET, ACCOUNT, Some(&first), Value::Null).await;
    assert_eq!(mine.json()["name"], "Ada");
    let theirs = send(&stage, Method::GET, ACCOUNT, Some(&copied.token), Value::Null).await;
    assert_eq!(theirs.code(), "not_found");
    assert_eq!(sign_up(&stage, &first, "Ada II", PASSWORD).await, Err("wrong_phase".to_owned()));

    // The name goes with them; the one before is free.
    let mut there = hello(&stage, &first).await;
    assert_eq!(name(&mut there, "🎉").await, Err(Code::NameTaken), "an account's name has letters");
    assert_eq!(name(&mut there, "Countess").await, Ok("Countess".to_owned()));
    assert_eq!(sign_in(&stage, "Ada", PASSWORD).await, Err("not_signed_in".to_owned()));
    let mut late = Chat::join(&stage).await;
    assert_eq!(name(&mut late, "Ada").await, Ok("Ada".to_owned()));
    assert_eq!(name(&mut late, "C0untess").await, Err(Code::NameTaken));

    // Another password: other devices are out, this one goes on.
    assert_eq!(change(&stage, &second, "wrong horse", "new password").await, Err("not_signed_in".to_owned()));
    assert_eq!(change(&stage, &second, PASSWORD, "short").await, Err("bad_setting".to_owned()));
    let third = change(&stage, &second, PASSWORD, "new password").await.unwrap();
    assert_eq!(there.closed().await, Some(CloseCode::GoingAway as u16));
    for old in [&first, &second] {
        assert_ne!(hello(&stage, old).await.me.id, me);
    }
    assert_eq!(sign_in(&stage, "Countess", PASSWORD).await, Err("not_signed_in".to_owned()));

    // The same after a restart; then everywhere is out.
    let mut here = hello(&stage, &third).await;
    assert_eq!(here.me.id, me);
    let out = send(&stage, Method::DELETE, &format!("{ACCOUNT}/sessions"), Some(&third), Value::Null).await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    assert_eq!(here.closed().await, Some(CloseCode::GoingAway as u16));
    drop((owner, ada, impostor, late, copied, there, here));
    stage.stop().await;
    let stage = ground.stage_in(&folder).await;
    assert_ne!(hello(&stage, &third).await.me.id, me);
    let fourth = sign_in(&stage, "Countess", "new password").await.unwrap();
    let here = hello(&stage, &fourth).await;
    assert_eq!((here.me.id, here.me.role), (me, Role::Moderator));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_the_name_of_a_moderator_or_the_room() {
    let stage = Stage::new().await;
    let mut owner = Chat::owner(&stage).await;
    let ada = Chat::named(&stage, "Ada").await;
    owner.moderate("a1", Action::Appoint { user: ada.me.id.clone(), role: Role::Moderator }).await.unwrap();
    let mallory = Chat::named(&stage, "Mallory").await;
    for wanted in ["Ada", "AdA!", "main", "ma1n"] {
        assert_eq!(
            sign_up(&stage, &mallory.token, wanted, PASSWORD).await,
            Err("name_taken".to_owned()),
            "{wanted}"
        );
    }
    drop(ada);
    stage.until("ada is away", |stats| stats.presence.members == 1).await;
    assert_eq!(sign_up(&stage, &mallory.token, "Ada", PASSWORD).await, Err("name_taken".to_owned()));
    for (wanted, password, code) in [
        ("", PASSWORD, "empty"),
        ("🎉🎉", PASSWORD, "empty"),
        ("a name of far more than four and twenty", PASSWORD, "too_long"),
        ("Mallory", "1234567", "bad_setting"),
    ] {
        assert_eq!(sign_up(&stage, &mallory.token, wanted, password).await, Err(code.to_owned()), "{wanted}");
    }
    assert_eq!(sign_up(&stage, "made.up", "Mallory", PASSWORD).await, Err("unauthorized".to_owned()));
    // Two who want the same at once: one of them gets it.
    let (ann, bob) = (Chat::join(&stage).await, Chat::join(&stage).await);
    let both = tokio::join!(
        sign_up(&stage, &ann.token, "Zed", PASSWORD),
        sign_up(&stage, &bob.token, "zed", PASSWORD)
    );
    assert!(both.0.is_ok() != both.1.is_ok(), "{both:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_learns_nothing_and_gets_slow() {
    let stage = Stage::new().await;
    let guest = Chat::join(&stage).await;
    sign_up(&stage, &guest.token, "Ada", PASSWORD).await.unwrap();
    let tried = async |name: &str| {
        let body = json!({ "name": name, "password": "a wrong guess" });
        let begun = Instant::now();
        let answer = send(&stage, Method::POST, &format!("{ACCOUNT}/session"), None, body).await;
        (answer.status, answer.body, begun.elapsed())
    };
    let (mut known, mut unknown) = (Duration::MAX, Duration::MAX);
    for _ in 0..3 {
        let (one, other) = (tried("Ada").await, tried("Nobody").await);
        assert_eq!((one.0, &one.1), (other.0, &other.1), "the same words");
        assert_eq!(one.0, StatusCode::FORBIDDEN);
        (known, unknown) = (known.min(one.2), unknown.min(other.2));
    }
    assert!(unknown > known / 3, "an unknown name takes as long: {unknown:?}, {known:?}");
    // Many at once count one by one: five tries are free under one name, and three were before.
    let many = futures_util::future::join_all((0..12).map(|_| tried("Ada"))).await;
    let refused = many.iter().filter(|(status, ..)| *status == StatusCode::TOO_MANY_REQUESTS).count();
    assert!(refused >= 8, "{refused} of 12 had to wait");
    // Its owner gets in soon, and waits no more after that.
    let begun = Instant::now();
    while let Err(code) = sign_in(&stage, "Ada", PASSWORD).await {
        assert_eq!(code, "too_fast");
        assert!(begun.elapsed() < Duration::from_secs(20), "its owner gets in");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(sign_in(&stage, "Ada", PASSWORD).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_banned_stay_banned_and_the_erased_do_not_come_back() {
    let folder = Folder::new();
    let stage = Stage::in_folder(&folder).await;
    let mut owner = Chat::owner(&stage).await;
    let (zoe, ann) = (Chat::named(&stage, "Zoe").await, Chat::named(&stage, "Ann").await);
    let zoes = sign_up(&stage, &zoe.token, "Zoe", PASSWORD).await.unwrap();
    let anns = sign_up(&stage, &ann.token, "Ann", "another password").await.unwrap();
    owner.moderate("b1", Action::Ban { user: zoe.me.id.clone(), range: false }).await.unwrap();
    let again = sign_in(&stage, "Zoe", PASSWORD).await.unwrap();
    for token in [&zoes, &again] {
        let refused = Chat::hello(&stage, Some(token.clone()), None, None).await;
        assert!(matches!(refused, Err((Code::Banned, _))));
    }
    let path = format!("/api/v1/rooms/main/people/{}", ann.me.id);
    let known = send(&stage, Method::GET, &path, Some(&anns), Value::Null).await;
    let login = &known.json()["login"][0];
    assert_eq!(
        (&login["name"], &login["hash"]),
        (&json!("Ann"), &Value::Null),
        "but not the password's hash"
    );
    let erased = send(&stage, Method::DELETE, &path, Some(&anns), Value::Null).await;
    assert_eq!(erased.status, StatusCode::NO_CONTENT);
    drop((owner, zoe));
    gone(&stage, &ann, &anns).await;
    stage.stop().await;
    let stage = Stage::in_folder(&folder).await;
    gone(&stage, &ann, &anns).await;
}

async fn gone(stage: &Stage, ann: &Chat, token: &str) {
    for old in [token, ann.token.as_str()] {
        assert_ne!(hello(stage, old).await.me.id, ann.me.id, "no token makes anybody them");
    }
    assert_eq!(sign_in(stage, "Ann", "another password").await, Err("not_signed_in".to_owned()));
    let mut other = Chat::join(stage).await;
    assert_eq!(name(&mut other, "Ann").await, Ok("Ann".to_owned()), "the name is free");
}
