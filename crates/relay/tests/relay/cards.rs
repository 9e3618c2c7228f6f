//! The card behind a name: what everybody may know, and what moderators alone are told.

use axum::http::Method;
use footlight_protocol::person::{Card, MAX_NOTE, MAX_NOTES, Record};
use footlight_protocol::room::{Action, ClientMessage, EventKind, Role, ServerMessage};
use footlight_protocol::{Code, Nonce, UserId};

use crate::member::Chat;
use crate::span::{Ground, on_both_grounds};
use crate::stage::{Folder, Stage};

on_both_grounds! {
    a_card_says_to_each_what_they_may_know,
    notes_are_for_moderators_and_bounded,
}

const NOTE: &str = "qwzx was rude last week";

fn nonce(text: &str) -> Nonce {
    text.parse().unwrap()
}

async fn answered(chat: &mut Chat, wanted: &str) -> Result<Card, Code> {
    chat.until(|message| match message {
        ServerMessage::Card { nonce, card } if nonce.as_str() == wanted => Some(Ok(*card)),
        ServerMessage::Refused { nonce: Some(nonce), failure, .. } if nonce.as_str() == wanted => {
            Some(Err(failure.code))
        }
        _ => None,
    })
    .await
}

async fn card(chat: &mut Chat, named: &str, user: &UserId) -> Result<Card, Code> {
    chat.send(&ClientMessage::Card { nonce: nonce(named), user: user.clone() }).await;
    answered(chat, named).await
}

async fn note(chat: &mut Chat, named: &str, user: &UserId, text: &str) -> Result<Card, Code> {
    chat.send(&ClientMessage::AddNote { nonce: nonce(named), user: user.clone(), text: text.into() }).await;
    answered(chat, named).await
}

async fn unnote(chat: &mut Chat, named: &str, user: &UserId, note: u64) -> Result<Card, Code> {
    chat.send(&ClientMessage::DropNote { nonce: nonce(named), user: user.clone(), note }).await;
    answered(chat, named).await
}

async fn appoint(owner: &mut Chat, named: &str, chat: &Chat, role: Role) {
    owner.moderate(named, Action::Appoint { user: chat.me.id.clone(), role }).await.unwrap();
}

async fn rename(chat: &mut Chat, name: &str) {
    chat.send(&ClientMessage::Name { name: name.to_owned() }).await;
    chat.until(|message| matches!(message, ServerMessage::You { you } if you.name == name).then_some(()))
        .await;
}

fn record(card: Result<Card, Code>) -> Record {
    card.unwrap().record.expect("a moderator is told it")
}

/// All that somebody hears until their own message is answered has nothing of the note.
async fn hears_nothing_of_it(chat: &mut Chat, named: &str) {
    chat.send(&ClientMessage::Say {
        nonce: nonce(named),
        text: format!("over {named}"),
        fly: None,
        reply: None,
    })
    .await;
    chat.until(|message| {
        let text = serde_json::to_string(&message).unwrap();
        assert!(!text.contains("qwzx"), "{text}");
        matches!(&message, ServerMessage::Done { nonce, .. } if nonce.as_str() == named).then_some(())
    })
    .await;
}

async fn a_card_says_to_each_what_they_may_know(ground: Ground) {
    let folder = Folder::new();
    let stage = ground.stage_in(&folder).await;
    let mut owner = Chat::owner(&stage).await;
    let (mut ada, mut bob) = (Chat::named(&stage, "Ada").await, Chat::named(&stage, "Bob").await);
    appoint(&mut owner, "a1", &ada, Role::Moderator).await;
    rename(&mut bob, "Bobby").await;
    bob.say("s1", "one").await.unwrap();
    bob.say("s2", "two").await.unwrap();
    let user = bob.me.id.clone();
    let grant = ClientMessage::Grant { nonce: nonce("g1"), user: user.clone(), coins: 100 };
    owner.send(&grant).await;
    owner.answer("g1").await.unwrap();
    for (name, count) in [("g2", 2), ("g3", 3)] {
        let gift = ClientMessage::SendGift { nonce: nonce(name), gift: "rose".parse().unwrap(), count };
        bob.send(&gift).await;
        bob.answer(name).await.unwrap();
    }
    owner.send(&ClientMessage::Refund { nonce: nonce("g4"), entry: 2 }).await;
    owner.answer("g4").await.unwrap();
    ada.moderate("m1", Action::Timeout { user: user.clone(), seconds: 60 }).await.unwrap();
    ada.moderate("m2", Action::Pardon { user: user.clone() }).await.unwrap();
    ada.moderate("m3", Action::Restrict { user: user.clone() }).await.unwrap();
    note(&mut ada, "n1", &user, &format!("  {NOTE} ")).await.unwrap();

    // What everybody may know is the name, the role and the badges.
    let ada_id = ada.me.id.clone();
    let of_ada = card(&mut bob, "c1", &ada_id).await.unwrap();
    assert_eq!((of_ada.user.name.as_str(), of_ada.user.role, of_ada.record), ("Ada", Role::Moderator, None));
    assert_eq!(card(&mut bob, "c2", &user).await.unwrap().record, None, "also of themselves");
    assert_eq!(card(&mut bob, "c3", &"nobody".parse().unwrap()).await, Err(Code::NotFound));

    let known = record(card(&mut ada, "c4", &user).await);
    assert!(known.first_seen.is_some() && known.restricted && !known.banned && !known.trusted);
    assert_eq!(known.names.iter().map(|former| former.name.as_str()).collect::<Vec<_>>(), ["Bob"]);
    assert_eq!((known.messages, known.gifts, known.coins), (2, 3, None), "coins are the owner's to know");
    let acts: Vec<_> = known.acts.iter().map(|act| (&act.event.kind, act.by.as_deref())).collect();
    assert!(
        matches!(
            acts[..],
            [
                (EventKind::Restricted { .. }, Some("Ada")),
                (EventKind::Pardoned { .. }, Some("Ada")),
                (EventKind::TimedOut { .. }, Some("Ada")),
            ]
        ),
        "{acts:?}"
    );
    let [noted] = &known.notes[..] else { panic!("{:?}", known.notes) };
    assert_eq!((noted.text.as_str(), &noted.by.id, noted.by.role), (NOTE, &ada_id, Role::Moderator));
    assert_eq!(record(card(&mut owner, "c5", &user).await).coins, Some(3), "the refund is taken off");
    ada.moderate("m4", Action::Unmark { user: user.clone() }).await.unwrap();
    hears_nothing_of_it(&mut bob, "s3").await;

    // The same after a restart, and of somebody who is not here.
    let (token, owner_token) = (ada.token.clone(), stage.owner());
    drop((owner, ada, bob));
    stage.stop().await;
    let stage = ground.stage_in(&folder).await;
    let mut ada = Chat::hello(&stage, Some(token.clone()), None, None).await.unwrap();
    let again = card(&mut ada, "c6", &user).await.unwrap();
    assert_eq!(again.user.name, "Bobby");
    let again = again.record.unwrap();
    assert_eq!((again.messages, again.notes), (3, known.notes));

    // A moderator of yesterday is told nothing.
    let mut owner = Chat::hello(&stage, None, Some(owner_token), None).await.unwrap();
    appoint(&mut owner, "a2", &ada, Role::Guest).await;
    ada.until(|message| matches!(message, ServerMessage::You { .. }).then_some(())).await;
    assert_eq!(card(&mut ada, "c7", &user).await.unwrap().record, None);
    assert_eq!(note(&mut ada, "n2", &user, "again").await, Err(Code::Forbidden));
    assert_eq!(unnote(&mut ada, "n3", &user, noted_id(&mut owner, &user).await).await, Err(Code::Forbidden));
}

async fn noted_id(owner: &mut Chat, user: &UserId) -> u64 {
    record(card(owner, "id", user).await).notes[0].id
}

async fn notes_are_for_moderators_and_bounded(ground: Ground) {
    let stage = ground.stage().await;
    let mut owner = Chat::owner(&stage).await;
    let (mut ada, mut bob) = (Chat::named(&stage, "Ada").await, Chat::named(&stage, "Bob").await);
    let user = bob.me.id.clone();
    assert_eq!(note(&mut ada, "n1", &user, "no").await, Err(Code::Forbidden));
    appoint(&mut owner, "a1", &ada, Role::Moderator).await;
    for (named, text, code) in [
        ("n2", String::new(), Code::Empty),
        ("n3", " \u{200b} ".to_owned(), Code::Empty),
        ("n4", "好".repeat(MAX_NOTE + 1), Code::TooLong),
    ] {
        assert_eq!(note(&mut ada, named, &user, &text).await, Err(code), "{named}");
    }
    let longest = "好".repeat(MAX_NOTE);
    let noted = record(note(&mut ada, "n5", &user, &longest).await).notes;
    assert_eq!(noted[0].text, longest);
    assert_eq!(note(&mut ada, "n6", &"nobody".parse().unwrap(), "who?").await, Err(Code::NotFound));

    // Whoever becomes a moderator does not read what was noted about them, nor take it away.
    appoint(&mut owner, "a2", &bob, Role::Moderator).await;
    let mine = record(card(&mut bob, "c1", &user).await);
    assert_eq!(mine.notes, []);
    assert_eq!(note(&mut bob, "n7", &user, "I am nice").await, Err(Code::Forbidden));
    assert_eq!(unnote(&mut bob, "n8", &user, noted[0].id).await, Err(Code::Forbidden));
    let ada_id = ada.me.id.clone();
    let by_bob = record(note(&mut bob, "n9", &ada_id, "sleeps a lot").await).notes;
    assert_eq!(unnote(&mut ada, "n10", &ada_id, by_bob[0].id).await, Err(Code::Forbidden));

    // One takes one's own away, the owner anybody's.
    let zed = Chat::named(&stage, "Zed").await.me.id;
    let by_ada = record(note(&mut ada, "n11", &zed, "first").await).notes[0].id;
    let by_bob = record(note(&mut bob, "n12", &zed, "second").await).notes[0].id;
    assert_eq!(unnote(&mut bob, "n13", &zed, by_ada).await, Err(Code::NotFound));
    assert_eq!(unnote(&mut bob, "n14", &user, by_bob).await, Err(Code::Forbidden));
    let left = record(unnote(&mut bob, "n15", &zed, by_bob).await).notes;
    assert_eq!(left.iter().map(|note| note.id).collect::<Vec<_>>(), [by_ada]);
    assert_eq!(record(unnote(&mut owner, "n16", &zed, by_ada).await).notes, []);

    // The owner writes until there is no more room; nobody asks faster than a person can.
    let mut codes = Vec::new();
    for n in 0..=MAX_NOTES {
        codes.push(note(&mut owner, &format!("o{n}"), &zed, &format!("note {n}")).await.map(drop));
    }
    assert!(codes.contains(&Err(Code::TooFast)), "{codes:?}");
}

/// Every moderator's note is in what the owner sees of a person, and in nothing that they see themselves.
#[tokio::test(flavor = "multi_thread")]
async fn a_note_is_in_no_export_of_the_one_it_is_about() {
    let stage = Stage::new().await;
    let mut owner = Chat::owner(&stage).await;
    let (mut ada, bob) = (Chat::named(&stage, "Ada").await, Chat::named(&stage, "Bob").await);
    appoint(&mut owner, "a1", &ada, Role::Moderator).await;
    note(&mut ada, "n1", &bob.me.id, NOTE).await.unwrap();
    for (token, user, seen) in [
        (bob.token.clone(), &bob.me.id, false),
        // Nor who wrote it, who may be no moderator any more.
        (ada.token.clone(), &ada.me.id, false),
        (stage.owner(), &bob.me.id, true),
        (stage.owner(), &ada.me.id, true),
    ] {
        let path = format!("/api/v1/rooms/main/people/{user}");
        let bearer = format!("Bearer {token}");
        let answer = stage.ask(Method::GET, &path, &[("authorization", &bearer)], "").await;
        assert_eq!(answer.body.contains(NOTE), seen, "{}", answer.body);
    }
}
