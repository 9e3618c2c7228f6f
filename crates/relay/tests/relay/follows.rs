//! Followers of a room: how many there are, and a room where only they write.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use footlight_protocol::moderation::{MAX_FOLLOWED, Rules};
use footlight_protocol::room::{Action, ClientMessage, Member, ServerMessage};
use footlight_protocol::{Code, Seq};

use crate::member::Chat;
use crate::span::{Ground, on_both_grounds};
use crate::stage::{Folder, Stage};

on_both_grounds! {
    who_follows_is_counted_for_everybody_and_over_restarts,
    in_a_room_for_followers_others_wait,
    a_change_of_mind_is_paced_and_moderators_hear_of_names,
}

type Answer = Result<Seq, (Code, Option<u32>)>;

async fn follow(chat: &mut Chat, nonce: &str, on: bool) -> Answer {
    chat.send(&ClientMessage::Follow { nonce: nonce.parse().unwrap(), on }).await;
    chat.answer(nonce).await
}

/// Waits until the room tells so many.
async fn told(chat: &mut Chat, followers: u64) {
    chat.until(|message| match message {
        ServerMessage::Room { room } if room.followers == followers => Some(()),
        _ => None,
    })
    .await;
}

async fn counted(stage: &Stage) -> u64 {
    let state: serde_json::Value = serde_json::from_str(&stage.get("/api/v1/rooms/main").await.body).unwrap();
    state["followers"].as_u64().unwrap_or(0)
}

async fn who_follows_is_counted_for_everybody_and_over_restarts(ground: Ground) {
    let folder = Folder::new();
    let stage = ground.stage_in(&folder).await;
    let mut ann = Chat::named(&stage, "Ann").await;
    let mut bob = Chat::named(&stage, "Bob").await;
    assert!(!ann.following && !bob.following);
    follow(&mut ann, "f1", true).await.unwrap();
    follow(&mut ann, "f2", true).await.unwrap();
    told(&mut bob, 1).await;
    assert_eq!(counted(&stage).await, 1, "whoever asks twice follows once");
    // From another page of hers it is so, too; this one hears what that one does.
    let mut second = Chat::hello(&stage, Some(ann.token.clone()), None, None).await.unwrap();
    assert!(second.following);
    follow(&mut second, "s1", false).await.unwrap();
    ann.until(|message| matches!(message, ServerMessage::Following { on: false }).then_some(())).await;
    told(&mut bob, 0).await;
    follow(&mut ann, "f3", true).await.unwrap();
    follow(&mut bob, "f4", true).await.unwrap();
    told(&mut bob, 2).await;
    let owner = stage.owner();
    stage.stop().await;

    let stage = ground.stage_in(&folder).await;
    assert_eq!(counted(&stage).await, 2, "the store has it");
    let mut ann = Chat::hello(&stage, Some(ann.token), None, None).await.unwrap();
    let mut bob = Chat::hello(&stage, Some(bob.token), None, None).await.unwrap();
    assert!(ann.following && bob.following && !Chat::join(&stage).await.following);
    follow(&mut bob, "f5", false).await.unwrap();
    told(&mut ann, 1).await;

    // Erased, with what is known of her, while nobody else's counts less.
    follow(&mut bob, "f6", true).await.unwrap();
    told(&mut ann, 2).await;
    told(&mut bob, 2).await;
    let path = format!("/api/v1/rooms/main/people/{}", ann.me.id);
    let token = format!("Bearer {owner}");
    let all = stage.ask(Method::GET, &path, &[("authorization", &token)], "").await.body;
    assert!(all.contains("\"follow\":[{"), "{all}");
    let gone = stage.ask(Method::DELETE, &path, &[("authorization", &token)], "").await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    told(&mut bob, 1).await;
    stage.stop().await;
}

async fn in_a_room_for_followers_others_wait(ground: Ground) {
    let stage = ground.stage().await;
    let mut owner = Chat::owner(&stage).await;
    let set = |seconds| Action::SetRules { rules: Rules { followers_only_s: seconds, ..Rules::default() } };
    let too_long = owner.moderate("no", set(Some(MAX_FOLLOWED + 1))).await;
    assert_eq!(too_long, Err((Code::Malformed, None)));
    owner.moderate("any", set(Some(0))).await.unwrap();
    let mut ann = Chat::named(&stage, "Ann").await;
    let mut vip = Chat::named(&stage, "Vip").await;
    let mut known = Chat::named(&stage, "Known").await;
    assert_eq!(ann.say("a1", "hello").await, Err((Code::FollowersOnly, None)));
    follow(&mut ann, "f1", true).await.unwrap();
    ann.say("a2", "now I do").await.unwrap();
    follow(&mut ann, "f2", false).await.unwrap();
    assert_eq!(ann.say("a3", "and now").await, Err((Code::FollowersOnly, None)));

    owner.moderate("five", set(Some(5))).await.unwrap();
    follow(&mut ann, "f3", true).await.unwrap();
    let (code, after) = ann.say("a4", "so soon").await.unwrap_err();
    let after = after.expect("a countdown");
    assert!(code == Code::FollowersOnly && (1..=5_000).contains(&after), "{code:?} {after}");
    tokio::time::sleep(Duration::from_millis(u64::from(after) + 50)).await;
    ann.say("a5", "after a while").await.unwrap();

    // Whom it does not bind.
    let role = footlight_protocol::room::Role::Vip;
    owner.moderate("vip", Action::Appoint { user: vip.me.id.clone(), role }).await.unwrap();
    owner.moderate("trust", Action::Trust { user: known.me.id.clone() }).await.unwrap();
    vip.say("v", "I follow nobody").await.unwrap();
    known.say("k", "nor do I").await.unwrap();
    owner.say("o", "nor I").await.unwrap();
}

async fn a_change_of_mind_is_paced_and_moderators_hear_of_names(ground: Ground) {
    let stage = ground.stage().await;
    let mut owner = Chat::owner(&stage).await;
    let mut nameless = Chat::join(&stage).await;
    let mut ann = Chat::named(&stage, "Ann").await;
    follow(&mut nameless, "n", true).await.unwrap();
    for n in 0..6 {
        follow(&mut ann, &format!("f{n}"), n % 2 == 0).await.unwrap();
    }
    let (code, after) = follow(&mut ann, "more", true).await.unwrap_err();
    assert!(code == Code::TooFast && after.is_some_and(|ms| ms > 30_000), "{code:?} {after:?}");
    follow(&mut ann, "so", false).await.expect("what is so already is nobody's turn");
    let mut bob = Chat::named(&stage, "Bob").await;
    follow(&mut bob, "b", true).await.unwrap();
    let mut news: Vec<(Member, u64)> = Vec::new();
    while news.len() < 2 {
        news.push(
            owner
                .until(|message| match message {
                    ServerMessage::Followed { by, followers } => Some((by, followers)),
                    _ => None,
                })
                .await,
        );
    }
    let names: Vec<_> = news.iter().map(|(by, followers)| (by.name.as_str(), *followers)).collect();
    assert_eq!(names, [("Ann", 2), ("Bob", 2)], "once each, and nobody without a name");
}
