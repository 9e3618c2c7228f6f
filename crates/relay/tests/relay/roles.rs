//! Roles that the owner gives, and the message above the chat.

use footlight_protocol::room::{Action, Desk, EventKind, Pinned, Role, ServerMessage};
use footlight_protocol::{Code, MessageId};

use crate::member::Chat;
use crate::span::{Ground, on_both_grounds};
use crate::stage::Folder;

on_both_grounds! {
    a_moderator_is_made_and_unmade_by_the_owner,
    a_message_stands_above_the_chat_until_it_is_gone,
}

async fn role(chat: &mut Chat) -> Role {
    chat.until(|message| match message {
        ServerMessage::You { you } => Some(you.role),
        _ => None,
    })
    .await
}

async fn pinned(chat: &mut Chat) -> Option<Pinned> {
    chat.until(|message| match message {
        ServerMessage::Room { room } => Some(room.pinned),
        _ => None,
    })
    .await
}

async fn a_moderator_is_made_and_unmade_by_the_owner(ground: Ground) {
    let folder = Folder::new();
    let stage = ground.stage_in(&folder).await;
    let mut owner = Chat::owner(&stage).await;
    let (mut ada, mut bob) = (Chat::named(&stage, "Ada").await, Chat::named(&stage, "Bob").await);
    let said = MessageId(bob.say("n1", "hello").await.unwrap().0);
    let delete = Action::Delete { message: said };
    assert_eq!(ada.moderate("m1", delete.clone()).await, Err((Code::Forbidden, None)));

    let appoint = |chat: &Chat, role| Action::Appoint { user: chat.me.id.clone(), role };
    let made = owner.moderate("a1", appoint(&ada, Role::Moderator)).await.unwrap();
    assert_eq!(role(&mut ada).await, Role::Moderator);
    let desk: Desk = ada
        .until(|message| match message {
            ServerMessage::Desk { desk } => Some(desk),
            _ => None,
        })
        .await;
    assert_eq!(desk, Desk::default());
    assert!(ada.moderate("m2", delete).await.is_ok());
    assert_eq!(ada.moderate("m3", appoint(&bob, Role::Vip)).await, Err((Code::Forbidden, None)));
    assert_eq!(owner.moderate("a2", appoint(&bob, Role::Owner)).await, Err((Code::Forbidden, None)));
    owner.moderate("a3", appoint(&bob, Role::Moderator)).await.unwrap();
    // Not even while the other is away.
    let away = bob.me.id.clone();
    drop(bob);
    stage.until("one member", |stats| stats.presence.members == 1).await;
    for action in [Action::Ban { user: away.clone(), range: false }, Action::Unmark { user: away.clone() }] {
        assert_eq!(ada.moderate("m4", action).await, Err((Code::Forbidden, None)));
    }

    // The same after a restart.
    let (token, owner_token) = (ada.token.clone(), stage.owner());
    drop((owner, ada));
    stage.stop().await;
    let stage = ground.stage_in(&folder).await;
    let mut ada = Chat::hello(&stage, Some(token.clone()), None, None).await.unwrap();
    assert!(ada.me.role == Role::Moderator && ada.desk.is_some());
    let mut owner = Chat::hello(&stage, None, Some(owner_token), Some(made)).await.unwrap();
    owner.moderate("a4", appoint(&ada, Role::Vip)).await.unwrap();
    assert_eq!(role(&mut ada).await, Role::Vip);
    assert_eq!(ada.moderate("m5", Action::Unpin {}).await, Err((Code::Forbidden, None)));
    owner.moderate("a5", appoint(&ada, Role::Guest)).await.unwrap();
    assert_eq!(role(&mut ada).await, Role::Guest);
    assert_eq!(Chat::hello(&stage, Some(token), None, None).await.unwrap().me.role, Role::Guest);
}

async fn a_message_stands_above_the_chat_until_it_is_gone(ground: Ground) {
    let folder = Folder::new();
    let stage = ground.stage_in(&folder).await;
    let (mut owner, mut ada) = (Chat::owner(&stage).await, Chat::named(&stage, "Ada").await);
    let first = MessageId(ada.say("n1", "first").await.unwrap().0);
    let second = MessageId(ada.say("n2", "第二").await.unwrap().0);
    owner.moderate("p1", Action::Pin { message: first }).await.unwrap();
    let up = owner.moderate("p2", Action::Pin { message: second }).await.unwrap();
    let missing = Action::Pin { message: MessageId(9_999) };
    assert_eq!(owner.moderate("p3", missing).await, Err((Code::NotFound, None)));
    let shown = loop {
        if let Some(shown) = pinned(&mut ada).await.filter(|shown| shown.message == second) {
            break shown;
        }
    };
    assert_eq!((shown.by.name.as_str(), shown.text.as_str()), ("Ada", "第二"));
    let state = stage.get("/api/v1/rooms/main").await.json();
    assert_eq!(state["pinned"]["text"], "第二");

    let owner_token = stage.owner();
    drop((owner, ada));
    stage.stop().await;
    let stage = ground.stage_in(&folder).await;
    assert_eq!(stage.get("/api/v1/rooms/main").await.json()["pinned"]["message"], second.0);
    let mut owner = Chat::hello(&stage, None, Some(owner_token), Some(up)).await.unwrap();
    owner.moderate("d1", Action::Delete { message: second }).await.unwrap();
    assert!(matches!(owner.event().await.kind, EventKind::Unpinned {}));
    assert_eq!(pinned(&mut owner).await, None);
    let deleted = Action::Pin { message: second };
    assert_eq!(owner.moderate("p4", deleted).await, Err((Code::NotFound, None)));
    owner.moderate("p5", Action::Pin { message: first }).await.unwrap();
    owner.moderate("p6", Action::Unpin {}).await.unwrap();
    assert!(stage.get("/api/v1/rooms/main").await.json()["pinned"].is_null());
}
