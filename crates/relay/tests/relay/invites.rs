//! Links by which people become moderators: good for whom they are meant, once, until they are over.

use axum::http::{Method, StatusCode};
use footlight_protocol::invite::{Invite, InviteRequest, MAX_INVITES, NewInvite, Offer};
use footlight_protocol::room::{Action, Role, ServerMessage};
use serde_json::json;

use crate::member::Chat;
use crate::span::{Ground, on_both_grounds};
use crate::stage::{Answer, Folder, Stage, ask};

on_both_grounds! {
    who_opens_an_invitation_becomes_a_moderator_once,
}

const PATH: &str = "/api/v1/rooms/main/invites";

async fn post(stage: &Stage, path: &str, token: Option<&str>, body: serde_json::Value) -> Answer {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
    // By a branch, too, where there is one.
    ask(stage.door(), Method::POST, path, &headers, body.to_string()).await
}

fn wanted(role: Role, uses: u32) -> serde_json::Value {
    let request = InviteRequest { role, uses, seconds: 3_600, label: "for Ada".to_owned() };
    serde_json::to_value(request).unwrap()
}

async fn make(stage: &Stage, role: Role, uses: u32) -> NewInvite {
    let answer = post(stage, PATH, Some(&stage.owner()), wanted(role, uses)).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

async fn list(stage: &Stage) -> Vec<Invite> {
    let bearer = format!("Bearer {}", stage.owner());
    let answer = stage.ask(Method::GET, PATH, &[("authorization", &bearer)], "").await;
    serde_json::from_str(&answer.body).unwrap()
}

async fn accept(stage: &Stage, token: &str, secret: &str) -> Result<Role, String> {
    let answer = post(stage, &format!("{PATH}/accept"), Some(token), json!({ "secret": secret })).await;
    match answer.status {
        StatusCode::OK => Ok(serde_json::from_str::<Offer>(&answer.body).unwrap().role),
        _ => Err(answer.code()),
    }
}

async fn look(stage: &Stage, secret: &str) -> Answer {
    post(stage, &format!("{PATH}/look"), None, json!({ "secret": secret })).await
}

async fn who_opens_an_invitation_becomes_a_moderator_once(ground: Ground) {
    let folder = Folder::new();
    let stage = ground.stage_in(&folder).await;
    let mut ada = Chat::named(&stage, "Ada").await;
    let bob = Chat::named(&stage, "Bob").await;
    let made = make(&stage, Role::Moderator, 1).await;
    assert_eq!((made.entry.used, made.entry.label.as_str()), (0, "for Ada"));
    assert!(made.secret.len() >= 32);
    // To look uses nothing up, and says nothing of the owner's list.
    for _ in 0..3 {
        let seen = look(&stage, &made.secret).await;
        assert_eq!(seen.json(), json!({ "role": "moderator" }));
    }
    assert_eq!(accept(&stage, &ada.token, &made.secret).await, Ok(Role::Moderator));
    let role = ada.until(|message| match message {
        ServerMessage::You { you } => Some(you.role),
        _ => None,
    });
    assert_eq!(role.await, Role::Moderator);
    assert!(ada.moderate("m1", Action::Unpin {}).await.is_ok(), "at once");
    // It is used up, and says so to everybody alike.
    assert_eq!(accept(&stage, &bob.token, &made.secret).await, Err("not_found".to_owned()));
    assert_eq!(look(&stage, &made.secret).await.code(), "not_found");
    assert_eq!(accept(&stage, "made.up", &made.secret).await, Err("unauthorized".to_owned()));

    let several = make(&stage, Role::Vip, 2).await;
    // A moderator is more than a VIP already, and stays one.
    assert_eq!(accept(&stage, &ada.token, &several.secret).await, Ok(Role::Moderator));
    assert_eq!(accept(&stage, &bob.token, &several.secret).await, Ok(Role::Vip));
    let [first, second] = &list(&stage).await[..] else { panic!("two") };
    assert_eq!((first.used, second.used), (1, 1));
    let names = |invite: &Invite| {
        invite.taken.iter().map(|taken| (taken.user.name.clone(), taken.user.role)).collect::<Vec<_>>()
    };
    assert_eq!(names(first), [("Ada".to_owned(), Role::Moderator)]);
    assert_eq!(names(second), [("Bob".to_owned(), Role::Vip)]);

    // One who was put down does not come back by the same link; one who is banned not by any.
    let mut owner = Chat::owner(&stage).await;
    let down = Action::Appoint { user: bob.me.id.clone(), role: Role::Guest };
    owner.moderate("a1", down).await.unwrap();
    assert_eq!(accept(&stage, &bob.token, &several.secret).await, Err("not_found".to_owned()));
    owner.moderate("a2", Action::Ban { user: bob.me.id.clone(), range: false }).await.unwrap();
    let fresh = make(&stage, Role::Moderator, 5).await;
    assert_eq!(accept(&stage, &bob.token, &fresh.secret).await, Err("banned".to_owned()));
    assert_eq!(list(&stage).await[2].used, 0);

    // Taken back, it is nobody's; who came by it before stays what they are, also after a restart.
    let id = fresh.entry.id;
    let bearer = format!("Bearer {}", stage.owner());
    let gone = stage.ask(Method::DELETE, &format!("{PATH}/{id}"), &[("authorization", &bearer)], "").await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    let zed = Chat::named(&stage, "Zed").await;
    assert_eq!(accept(&stage, &zed.token, &fresh.secret).await, Err("not_found".to_owned()));
    let token = ada.token.clone();
    drop((ada, bob, owner, zed));
    stage.stop().await;
    let stage = ground.stage_in(&folder).await;
    assert_eq!(Chat::hello(&stage, Some(token), None, None).await.unwrap().me.role, Role::Moderator);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_s_secret_is_nowhere_and_nobody_else_makes_one() {
    let folder = Folder::new();
    let stage = Stage::in_folder(&folder).await;
    let ada = Chat::named(&stage, "Ada").await;
    for token in [None, Some(ada.token.as_str()), Some("nonsense")] {
        let answer = post(&stage, PATH, token, wanted(Role::Moderator, 1)).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    for body in [
        json!({ "role": "owner", "uses": 1, "seconds": 3_600 }),
        json!({ "role": "guest", "uses": 1, "seconds": 3_600 }),
        json!({ "role": "vip", "uses": 0, "seconds": 3_600 }),
        json!({ "role": "vip", "uses": 101, "seconds": 3_600 }),
        json!({ "role": "vip", "uses": 1, "seconds": 59 }),
        json!({ "role": "vip", "uses": 1, "seconds": 99_999_999 }),
        json!({ "role": "vip", "uses": 1, "seconds": 3_600, "label": "x".repeat(41) }),
        json!({ "role": "vip", "uses": 1, "seconds": 3_600, "for": "me" }),
    ] {
        let answer = post(&stage, PATH, Some(&stage.owner()), body.clone()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}: {}", answer.body);
    }
    let made = make(&stage, Role::Moderator, 1).await;
    let mut other = made.secret.clone();
    other.replace_range(0..1, if other.starts_with('A') { "B" } else { "A" });
    for wrong in [other.as_str(), "", &made.secret[1..], &format!("{} ", made.secret)] {
        assert_eq!(accept(&stage, &ada.token, wrong).await, Err("not_found".to_owned()), "{wrong}");
    }
    let listed = serde_json::to_string(&list(&stage).await).unwrap();
    assert!(!listed.contains(&made.secret));
    assert_eq!(accept(&stage, &ada.token, &made.secret).await, Ok(Role::Moderator));
    // As many as there may be: the oldest that is over makes room, an open one does not.
    for _ in 1..MAX_INVITES {
        make(&stage, Role::Vip, 1).await;
    }
    make(&stage, Role::Vip, 1).await;
    let full = post(&stage, PATH, Some(&stage.owner()), wanted(Role::Vip, 1)).await;
    assert_eq!((full.status, full.code().as_str()), (StatusCode::CONFLICT, "full"));
    assert!(list(&stage).await.iter().all(|invite| invite.id != made.entry.id));
    stage.stop().await;
    for entry in std::fs::read_dir(&folder.0).unwrap().flatten() {
        let bytes = std::fs::read(entry.path()).unwrap_or_default();
        let found = bytes.windows(made.secret.len()).any(|window| window == made.secret.as_bytes());
        assert!(!found, "{}", entry.path().display());
    }
}
