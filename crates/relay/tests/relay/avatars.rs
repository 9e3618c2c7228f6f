//! Pictures that people show of themselves: who may, where they are seen, and that moderators have the last word.

use axum::http::{Method, StatusCode, header};
use footlight_protocol::person::{AVATAR_SIDE, MAX_AVATAR_FILE};
use footlight_protocol::room::{Action, ClientMessage, EventKind, Member, ServerMessage};

use crate::member::Chat;
use crate::span::{Ground, on_both_grounds};
use crate::stage::{Answer, Folder, Stage};

on_both_grounds! {
    who_shows_a_picture_is_seen_with_it_until_a_moderator_takes_it_away,
}

fn file(width: u32, height: u32) -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    image::DynamicImage::new_rgb8(width, height).write_to(&mut file, image::ImageFormat::Png).unwrap();
    let mut file = file.into_inner();
    file.extend_from_slice(b"<script>hidden</script>");
    file
}

async fn set(stage: &Stage, chat: &Chat, method: Method, body: Vec<u8>) -> Answer {
    let token = format!("Bearer {}", chat.token);
    let path = format!("/api/v1/rooms/main/people/{}/avatar", chat.me.id);
    stage.ask(method, &path, &[("authorization", token.as_str())], body).await
}

/// What the person's page is told that they are.
async fn told(chat: &mut Chat) -> Member {
    chat.until(|heard| if let ServerMessage::You { you } = heard { Some(you) } else { None }).await
}

/// With whose picture the next message is said.
async fn seen_by(chat: &mut Chat) -> Option<String> {
    loop {
        if let EventKind::Said { by, .. } = chat.event().await.kind {
            return by.avatar;
        }
    }
}

async fn who_shows_a_picture_is_seen_with_it_until_a_moderator_takes_it_away(ground: Ground) {
    let folder = Folder::new();
    let stage = ground.stage_in(&folder).await;
    let mut owner = Chat::owner(&stage).await;
    let (mut ada, mut bob) = (Chat::named(&stage, "Ada").await, Chat::named(&stage, "Bob").await);
    assert_eq!(set(&stage, &ada, Method::PUT, file(900, 300)).await.status, StatusCode::NO_CONTENT);
    let picture = told(&mut ada).await.avatar.expect("it is theirs");
    ada.say("a1", "hello").await.unwrap();
    assert_eq!(seen_by(&mut bob).await.as_ref(), Some(&picture));
    let path = format!("/api/v1/pictures/{picture}");
    let served = stage.get(&path).await;
    assert_eq!((served.status, served.header(header::CONTENT_TYPE)), (StatusCode::OK, "image/png"));
    assert!(!served.body.contains("hidden"));
    let size = served.headers[header::CONTENT_LENGTH].to_str().unwrap().parse::<usize>().unwrap();
    assert!(size < (AVATAR_SIDE * AVATAR_SIDE) as usize, "{size} bytes for a black square");

    // Taken away, it is gone for everybody, and no other takes its place.
    let user = ada.me.id.clone();
    let act = owner.moderate("hide", Action::HideAvatar { user: user.clone(), hidden: true }).await.unwrap();
    assert_eq!(told(&mut ada).await.avatar, None);
    assert_eq!(stage.get(&path).await.code(), "not_found");
    assert_eq!(set(&stage, &ada, Method::PUT, file(9, 9)).await.code(), "forbidden");
    ada.say("a2", "hello?").await.unwrap();
    assert_eq!(seen_by(&mut bob).await, None);
    owner.send(&ClientMessage::Card { nonce: "c".parse().unwrap(), user: user.clone() }).await;
    let card = owner
        .until(|heard| if let ServerMessage::Card { card, .. } = heard { Some(card) } else { None })
        .await;
    let record = card.record.unwrap();
    assert!(record.avatar_hidden && card.user.avatar.is_none());
    assert!(matches!(record.acts[0].event.kind, EventKind::Avatar { hidden: true, .. }));

    // It stays so over a restart, until it is undone.
    let (token, key) = (ada.token.clone(), stage.owner());
    drop((owner, ada, bob));
    stage.stop().await;
    let stage = ground.stage_in(&folder).await;
    let mut owner = Chat::hello(&stage, None, Some(key), None).await.unwrap();
    let mut ada = Chat::hello(&stage, Some(token), None, None).await.unwrap();
    assert_eq!(ada.me.avatar, None);
    owner.moderate("undo", Action::Undo { act, and_later: false }).await.unwrap();
    assert_eq!(told(&mut ada).await.avatar, Some(picture.clone()));
    assert_eq!(stage.get(&path).await.status, StatusCode::OK);
    assert_eq!(set(&stage, &ada, Method::DELETE, Vec::new()).await.status, StatusCode::NO_CONTENT);
    assert_eq!(told(&mut ada).await.avatar, None);
    assert_eq!(stage.get(&path).await.code(), "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sets_a_picture_of_another_and_who_is_muted_none_at_all() {
    let stage = Stage::new().await;
    let mut owner = Chat::owner(&stage).await;
    let (ada, bob) = (Chat::named(&stage, "Ada").await, Chat::named(&stage, "Bob").await);
    let guest = Chat::join(&stage).await;
    let path = format!("/api/v1/rooms/main/people/{}/avatar", ada.me.id);
    let others = [format!("Bearer {}", bob.token), format!("Bearer {}", stage.owner()), String::new()];
    for token in &others {
        for method in [Method::PUT, Method::DELETE] {
            let refused = stage.ask(method, &path, &[("authorization", token)], file(9, 9)).await;
            assert_eq!(refused.code(), "unauthorized");
        }
    }
    assert_eq!(set(&stage, &guest, Method::PUT, file(9, 9)).await.code(), "name_needed");
    let large = vec![0; MAX_AVATAR_FILE + 1];
    assert_eq!(set(&stage, &ada, Method::PUT, large).await.code(), "too_long");
    assert_eq!(set(&stage, &ada, Method::PUT, b"GIF89a".to_vec()).await.code(), "file_unreadable");
    owner.moderate("mute", Action::Timeout { user: bob.me.id.clone(), seconds: 60 }).await.unwrap();
    assert_eq!(set(&stage, &bob, Method::PUT, file(9, 9)).await.code(), "timed_out");
    // Five in a minute, of which three were no pictures: too large ones are not taken to the room.
    let mut codes = Vec::new();
    for side in 1..6 {
        codes.push(set(&stage, &ada, Method::PUT, file(side, side)).await.status);
    }
    assert_eq!(
        codes[2..],
        [StatusCode::NO_CONTENT, StatusCode::TOO_MANY_REQUESTS, StatusCode::TOO_MANY_REQUESTS]
    );
}
