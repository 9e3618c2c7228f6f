//! What a room takes, what waits for a moderator, and what becomes of it; also over a restart.

use axum::http::{Method, StatusCode};
use footlight_protocol::moderation::{Audit, Links, Reason, Rules};
use footlight_protocol::room::{Action, Desk, Event, EventKind, Role, ServerMessage};
use footlight_protocol::{Code, MessageId, Seq};

use crate::member::Chat;
use crate::span::{Ground, on_both_grounds};
use crate::stage::{Folder, Stage};

on_both_grounds! {
    what_is_held_is_seen_when_a_moderator_approves_it,
    rules_marks_and_what_waits_outlive_a_restart,
    a_shield_keeps_newcomers_out_sweeps_what_was_said_alike_and_is_undone_whole,
    what_moderators_take_away_again_and_again_is_held_with_the_reason,
    only_members_write_where_the_room_says_so,
}

async fn held(owner: &mut Chat) -> Event {
    owner
        .until(|message| match message {
            ServerMessage::Event { event } => matches!(event.kind, EventKind::Held { .. }).then_some(event),
            _ => None,
        })
        .await
}

fn set(rules: Rules) -> Action {
    Action::SetRules { rules }
}

fn message(event: &Event) -> MessageId {
    MessageId(event.seq.0)
}

async fn what_is_held_is_seen_when_a_moderator_approves_it(ground: Ground) {
    let stage = ground.stage().await;
    let (mut owner, mut ann, mut bob) =
        (Chat::owner(&stage).await, Chat::named(&stage, "Ann").await, Chat::named(&stage, "Bob").await);
    let rules = Rules { links: Links::Hold, words: vec!["spoiler".to_owned()], ..Rules::default() };
    owner.moderate("rules", set(rules)).await.unwrap();

    assert_eq!(ann.say("a", "look at https://a.example").await, Err((Code::Held, None)));
    let link = held(&mut owner).await;
    assert!(matches!(&link.kind, EventKind::Held { by, why: Reason::Link, .. } if by.name == "Ann"));
    assert_eq!(ann.say("a", "look at https://a.example").await, Err((Code::Held, None)), "asked again");
    assert_eq!(ann.say("b", "a SP0ILER: he wins").await, Err((Code::Held, None)));
    let spoiler = held(&mut owner).await;
    assert!(matches!(&spoiler.kind, EventKind::Held { why: Reason::Word { word }, .. } if word == "spoiler"));
    owner.say("c", "https://b.example is mine").await.unwrap();

    owner.moderate("deny", Action::Deny { message: message(&spoiler) }).await.unwrap();
    owner.moderate("approve", Action::Approve { message: message(&link) }).await.unwrap();
    let mut first = None;
    while first.is_none() {
        match bob.event().await.kind {
            EventKind::Restored { message, text, .. } => first = Some((message, text)),
            EventKind::Said { text, .. } => assert_eq!(text, "https://b.example is mine"),
            other => panic!("Bob is not to hear {other:?}"),
        }
    }
    assert_eq!(first, Some((message(&link), "look at https://a.example".to_owned())));

    // Who comes now finds it in its place.
    let late = Chat::join(&stage).await;
    let texts: Vec<_> = late.history.iter().map(|event| (event.seq, event.kind.clone())).collect();
    assert!(
        matches!(&texts[..], [(seq, EventKind::Said { .. }), (_, EventKind::Said { .. })] if *seq == link.seq)
    );
    // The record has it all, for the owner only.
    let owner_token = format!("Bearer {}", stage.owner());
    let headers = [("authorization", owner_token.as_str())];
    let record = stage.ask(Method::GET, "/api/v1/rooms/main/audit?after=0", &headers, "").await;
    let record: Audit = serde_json::from_str(&record.body).unwrap();
    let acts: Vec<_> =
        record.acts.iter().map(|act| (act.automated, act.actor.is_some(), act.facts.len())).collect();
    // Ruled, two held, denied, approved.
    assert_eq!(
        acts,
        [(false, true, 0), (true, false, 0), (true, false, 0), (false, true, 1), (false, true, 0)]
    );
    assert_eq!(record.acts[3].facts[0].text, "a SP0ILER: he wins");
    assert_eq!(stage.get("/api/v1/rooms/main/audit").await.status, StatusCode::UNAUTHORIZED);

    // A denial can be undone like anything else.
    owner.moderate("undo", Action::Approve { message: message(&spoiler) }).await.unwrap();
    assert_eq!(Chat::join(&stage).await.history.len(), 3);
    stage.stop().await;
}

async fn rules_marks_and_what_waits_outlive_a_restart(ground: Ground) {
    let folder = Folder::new();
    let stage = ground.stage_in(&folder).await;
    let token = stage.owner();
    let (mut owner, mut ann, mut bob) =
        (Chat::owner(&stage).await, Chat::named(&stage, "Ann").await, Chat::named(&stage, "Bob").await);
    owner.moderate("1", set(Rules { links: Links::Hold, ..Rules::default() })).await.unwrap();
    owner.moderate("2", Action::Trust { user: ann.me.id.clone() }).await.unwrap();
    owner.moderate("3", Action::Restrict { user: bob.me.id.clone() }).await.unwrap();
    ann.say("1", "https://a.example is fine").await.unwrap();
    assert_eq!(bob.say("1", "hello there").await, Err((Code::Held, None)));
    assert_eq!(ann.moderate("x", set(Rules::default())).await.unwrap_err().0, Code::Forbidden);
    let held = held(&mut owner).await;
    assert!(matches!(held.kind, EventKind::Held { why: Reason::Restricted, .. }));
    let (ann_token, bob_token) = (ann.token.clone(), bob.token.clone());
    stage.stop().await;

    let stage = ground.stage_in(&folder).await;
    let (mut owner, desk) = desk(&stage, token).await;
    assert_eq!((desk.held, desk.rules.links), (vec![held.clone()], Links::Hold));
    let mut ann = Chat::hello(&stage, Some(ann_token), None, None).await.unwrap();
    let mut bob = Chat::hello(&stage, Some(bob_token), None, None).await.unwrap();
    ann.say("2", "https://a.example again").await.unwrap();
    assert_eq!(bob.say("2", "hello again").await, Err((Code::Held, None)));
    owner.moderate("4", Action::Unmark { user: bob.me.id.clone() }).await.unwrap();
    bob.say("3", "free at last").await.unwrap();
    owner.moderate("5", Action::Approve { message: message(&held) }).await.unwrap();
    stage.stop().await;
}

async fn desk(stage: &Stage, owner: String) -> (Chat, Desk) {
    let chat = Chat::hello(stage, None, Some(owner), None).await.unwrap();
    let desk = chat.desk.clone().expect("moderators have one");
    (chat, desk)
}

async fn a_shield_keeps_newcomers_out_sweeps_what_was_said_alike_and_is_undone_whole(ground: Ground) {
    let stage = ground.stage().await;
    let mut owner = Chat::owner(&stage).await;
    let mut viewer = Chat::join(&stage).await;
    let text = "come to the other channel, everything is better there";
    let mut messages = Vec::new();
    for n in 0..5 {
        let mut bot = Chat::named(&stage, &format!("guest {n}")).await;
        messages.push(bot.say("1", &format!("{text} {n}")).await.unwrap());
    }
    let act = owner.moderate("on", Action::Shield { on: true }).await.unwrap();
    let swept = viewer.until(|message| match message {
        ServerMessage::Event { event: Event { kind: EventKind::Swept { messages, .. }, seq, .. } } => {
            Some((messages, seq))
        }
        _ => None,
    });
    let (swept, _) = swept.await;
    assert_eq!(swept.iter().map(|message| Seq(message.0)).collect::<Vec<_>>(), messages);
    let mut late = Chat::named(&stage, "late").await;
    let (code, after) = late.say("1", "hello, what happened?").await.unwrap_err();
    assert_eq!(code, Code::TooNew);
    assert!(after.is_some_and(|ms| (590_000..=600_000).contains(&ms)), "{after:?}");
    owner.say("1", "one moment please").await.unwrap();

    owner.moderate("undo", Action::Undo { act, and_later: false }).await.unwrap();
    let back = viewer.until(|message| match message {
        ServerMessage::Event { event: Event { kind: EventKind::Unswept { messages, .. }, .. } } => {
            Some(messages)
        }
        _ => None,
    });
    assert_eq!(back.await.iter().map(|former| Seq(former.message.0)).collect::<Vec<_>>(), messages);
    late.say("2", "hello, what happened?").await.unwrap();
    assert_eq!(Chat::join(&stage).await.history.len(), 7);
    stage.stop().await;
}

async fn what_moderators_take_away_again_and_again_is_held_with_the_reason(ground: Ground) {
    let folder = Folder::new();
    let stage = ground.stage_in(&folder).await;
    let token = stage.owner();
    let (mut owner, mut ann) = (Chat::owner(&stage).await, Chat::named(&stage, "Ann").await);
    let ordinary =
        ["good evening everybody", "what camera is that?", "the light is lovely", "see you next week"];
    for (n, text) in ordinary.iter().enumerate() {
        ann.say(&format!("o{n}"), text).await.unwrap();
    }
    for n in 0..10 {
        let mut bot = Chat::named(&stage, &format!("bot {n}")).await;
        let seq = bot.say("1", &format!("cheap followers for your channel, write to me {n}")).await.unwrap();
        owner.moderate(&format!("d{n}"), Action::Delete { message: MessageId(seq.0) }).await.unwrap();
    }
    let mut another = Chat::named(&stage, "another").await;
    assert_eq!(another.say("1", "CHEAP followers for you, write to me now").await, Err((Code::Held, None)));
    let held = held(&mut owner).await;
    assert!(
        matches!(held.kind, EventKind::Held { why: Reason::LikeRemoved { percent: 80..=100 }, .. }),
        "{held:?}"
    );
    another.say("2", "sorry, what camera is it?").await.unwrap();
    stage.stop().await;

    // It is learnt anew from the record.
    let stage = ground.stage_in(&folder).await;
    let mut late = Chat::named(&stage, "late").await;
    assert_eq!(late.say("1", "cheap followers, write to me today").await, Err((Code::Held, None)));
    late.say("2", "good evening from Porto").await.unwrap();
    // The creator says otherwise.
    let (mut owner, desk) = desk(&stage, token).await;
    for (n, event) in desk.held.iter().enumerate() {
        owner.moderate(&format!("a{n}"), Action::Approve { message: message(event) }).await.unwrap();
    }
    assert_eq!(desk.held.len(), 2);
    stage.stop().await;
}

async fn only_members_write_where_the_room_says_so(ground: Ground) {
    let stage = ground.stage().await;
    let (mut owner, mut ann, mut bob) =
        (Chat::owner(&stage).await, Chat::named(&stage, "Ann").await, Chat::named(&stage, "Bob").await);
    owner.moderate("1", set(Rules { members_only: true, ..Rules::default() })).await.unwrap();
    assert_eq!(ann.say("1", "hello").await, Err((Code::MembersOnly, None)));
    owner.moderate("2", Action::Trust { user: ann.me.id.clone() }).await.unwrap();
    let vip = Action::Appoint { user: bob.me.id.clone(), role: Role::Vip };
    owner.moderate("3", vip).await.unwrap();
    ann.say("2", "hello again").await.unwrap();
    bob.say("1", "hello too").await.unwrap();
    owner.say("1", "welcome").await.unwrap();
    stage.stop().await;
}
