//! Messages that answer others: what they show of them, and that it goes with them.

use axum::http::{Method, StatusCode};
use footlight_protocol::moderation::{Links, Rules};
use footlight_protocol::report::{Ground as Wrong, Report};
use footlight_protocol::room::{Action, ClientMessage, Event, EventKind, ServerMessage};
use footlight_protocol::talk::{MAX_QUOTE, Quote};
use footlight_protocol::{Code, MessageId, Seq};

use crate::member::Chat;
use crate::span::{Ground, on_both_grounds};
use crate::stage::{Folder, Stage};

on_both_grounds! {
    an_answer_shows_what_it_answers_until_that_is_gone,
    what_is_held_keeps_what_it_answers,
    what_is_older_than_memory_is_answered_and_reported,
}

type Answer = Result<Seq, (Code, Option<u32>)>;

async fn answer(chat: &mut Chat, nonce: &str, text: &str, to: MessageId) -> Answer {
    let (nonce_id, text) = (nonce.parse().unwrap(), text.to_owned());
    chat.send(&ClientMessage::Say { nonce: nonce_id, text, fly: None, reply: Some(to) }).await;
    chat.answer(nonce).await
}

/// What the event's message answers.
fn quote(event: &Event) -> Option<Quote> {
    match &event.kind {
        EventKind::Said { reply, .. } | EventKind::Restored { reply, .. } => reply.as_deref().cloned(),
        other => panic!("{other:?}"),
    }
}

/// What somebody new sees of it: the quoted text, where the answer quotes one.
async fn seen(stage: &Stage, answer: Seq) -> Option<String> {
    let late = Chat::join(stage).await;
    let found = late.history.iter().find(|event| event.seq == answer).expect("the answer stays");
    let quote = quote(found).expect("it is an answer");
    quote.of.map(|of| of.text)
}

async fn an_answer_shows_what_it_answers_until_that_is_gone(ground: Ground) {
    let folder = Folder::new();
    let stage = ground.stage_in(&folder).await;
    let mut owner = Chat::owner(&stage).await;
    let (mut ada, mut bob) = (Chat::named(&stage, "Ada").await, Chat::named(&stage, "Bob").await);
    let text = "界".repeat(MAX_QUOTE + 20);
    let message = MessageId(ada.say("a1", &text).await.unwrap().0);
    let answered = answer(&mut bob, "b1", "indeed", message).await.unwrap();
    let told = owner.until(|heard| match heard {
        ServerMessage::Event { event } => (event.seq == answered).then_some(event),
        _ => None,
    });
    let told = told.await;
    assert_eq!(quote(&told), Some(Quote::of(message, ada.me.clone(), &text)));
    let short = seen(&stage, answered).await.unwrap();
    assert_eq!((short.chars().count(), short.ends_with('…')), (MAX_QUOTE, true));

    // What is not there, not shown, or no message, is not answered.
    let rules = Rules { links: Links::Hold, ..Rules::default() };
    owner.moderate("rules", Action::SetRules { rules }).await.unwrap();
    assert_eq!(ada.say("a2", "https://a.example").await, Err((Code::Held, None)));
    let newest = owner.seq.0 + 10;
    for (n, nothing) in [0, message.0 + 2, message.0 + 3, newest + 1_000].into_iter().enumerate() {
        let refused = answer(&mut bob, &format!("no{n}"), "what?", MessageId(nothing)).await;
        assert_eq!(refused, Err((Code::NotFound, None)), "{nothing}");
    }

    let (user, none) = (ada.me.id.clone(), None);
    for (n, (act, shows)) in [
        (Action::Delete { message }, false),
        (Action::Restore { message }, true),
        (Action::Ban { user: user.clone(), range: false }, false),
        (Action::Pardon { user: user.clone() }, true),
    ]
    .into_iter()
    .enumerate()
    {
        owner.moderate(&format!("m{n}"), act).await.unwrap();
        assert_eq!(seen(&stage, answered).await.is_some(), shows, "after act {n}");
        if !shows {
            let again = answer(&mut bob, &format!("again{n}"), "still?", message).await;
            assert_eq!(again, Err((Code::NotFound, none)));
        }
    }

    // What is in the database is as good as what is in memory.
    let (owner_token, ada_token) = (stage.owner(), ada.token.clone());
    stage.stop().await;
    let stage = ground.stage_in(&folder).await;
    assert_eq!(seen(&stage, answered).await, Some(short));
    let mut owner = Chat::hello(&stage, None, Some(owner_token), None).await.unwrap();
    owner.moderate("d", Action::Delete { message }).await.unwrap();
    assert_eq!(seen(&stage, answered).await, None);
    owner.moderate("r", Action::Restore { message }).await.unwrap();
    let path = format!("/api/v1/rooms/main/people/{user}");
    let token = format!("Bearer {ada_token}");
    let erased = stage.ask(Method::DELETE, &path, &[("authorization", &token)], "").await;
    assert_eq!(erased.status, StatusCode::NO_CONTENT);
    assert_eq!(seen(&stage, answered).await, None);
    stage.stop().await;
    let stage = ground.stage_in(&folder).await;
    assert_eq!(seen(&stage, answered).await, None);
    stage.stop().await;
}

async fn what_is_held_keeps_what_it_answers(ground: Ground) {
    let stage = ground.stage().await;
    let mut owner = Chat::owner(&stage).await;
    let (mut ada, mut bob) = (Chat::named(&stage, "Ada").await, Chat::named(&stage, "Bob").await);
    let message = MessageId(ada.say("a1", "who was it?").await.unwrap().0);
    owner.moderate("m1", Action::Restrict { user: bob.me.id.clone() }).await.unwrap();
    assert_eq!(answer(&mut bob, "b1", "it was me", message).await, Err((Code::Held, None)));
    let held = owner.until(|heard| match heard {
        ServerMessage::Event { event } => {
            matches!(event.kind, EventKind::Held { .. }).then_some(MessageId(event.seq.0))
        }
        _ => None,
    });
    let held = held.await;
    owner.moderate("m2", Action::Approve { message: held }).await.unwrap();
    let shown = ada.until(|heard| match heard {
        ServerMessage::Event { event } => matches!(event.kind, EventKind::Restored { .. }).then_some(event),
        _ => None,
    });
    assert_eq!(quote(&shown.await), Some(Quote::of(message, ada.me.clone(), "who was it?")));
    assert_eq!(seen(&stage, Seq(held.0)).await.as_deref(), Some("who was it?"));
    stage.stop().await;
}

/// More events than the room has in memory.
const MANY: usize = 520;

async fn what_is_older_than_memory_is_answered_and_reported(ground: Ground) {
    let stage = ground.stage().await;
    let mut owner = Chat::owner(&stage).await;
    let (mut ada, mut bob) = (Chat::named(&stage, "Ada").await, Chat::named(&stage, "Bob").await);
    let message = MessageId(ada.say("a1", "where it began").await.unwrap().0);
    let deleted = MessageId(ada.say("a2", "gone since").await.unwrap().0);
    owner.moderate("d", Action::Delete { message: deleted }).await.unwrap();
    let user = bob.me.id.clone();
    for n in 0..MANY {
        let user = user.clone();
        let act = if n % 2 == 0 { Action::Trust { user } } else { Action::Unmark { user } };
        owner.moderate(&format!("m{n}"), act).await.unwrap();
    }

    let answered = answer(&mut bob, "b1", "I was there", message).await.unwrap();
    assert_eq!(seen(&stage, answered).await.as_deref(), Some("where it began"));
    assert_eq!(answer(&mut bob, "b1", "I was there", message).await, Ok(answered), "asked twice, said once");
    assert_eq!(answer(&mut bob, "b2", "and there", deleted).await, Err((Code::NotFound, None)));

    let report = async |chat: &mut Chat, name: &str, message| {
        let words = String::new();
        let report = Report { nonce: name.parse().unwrap(), message, ground: Wrong::Other, words };
        chat.send(&ClientMessage::Report(report)).await;
        chat.answer(name).await.map(drop)
    };
    assert_eq!(report(&mut bob, "r1", deleted).await, Err((Code::NotFound, None)));
    assert_eq!(report(&mut ada, "r2", message).await, Err((Code::Forbidden, None)));
    report(&mut bob, "r3", message).await.unwrap();
    let case = owner
        .until(|message| match message {
            ServerMessage::Reports { cases } => cases.into_iter().next(),
            _ => None,
        })
        .await;
    assert_eq!((case.message, case.text.as_str()), (message, "where it began"));
    owner.moderate("act", Action::Uphold { message }).await.unwrap();
    assert_eq!(seen(&stage, answered).await, None);
    stage.stop().await;
}
