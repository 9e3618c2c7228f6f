//! A room over two relays: one order, nothing lost while the broker is away, and everything else passed on.

use std::time::{Duration, Instant};

use axum::http::Method;
use footlight_protocol::room::{Action, ClientMessage, EventKind, Role, ServerMessage};
use footlight_protocol::{Nonce, Seq, UserId};
use futures_util::future::join_all;

use crate::member::Chat;
use crate::peer::{Over, Peer, picture};
use crate::span::Ground;
use crate::stage::{PATIENCE, Stage, ask};

/// How long the broker is away.
const AWAY: Duration = Duration::from_secs(10);

fn nonce(name: &str) -> Nonce {
    name.parse().unwrap()
}

/// Makes the next one to come a member of the home, or of the branch.
fn next_at(stage: &Stage, branch: bool) {
    let span = stage.span.as_ref().unwrap();
    while span.turn().is_some() == branch {}
}

async fn named_at(stage: &Stage, branch: bool, name: &str) -> Chat {
    next_at(stage, branch);
    Chat::named(stage, name).await
}

async fn owner_at(stage: &Stage, branch: bool) -> Chat {
    next_at(stage, branch);
    Chat::owner(stage).await
}

/// Reads until so many events came that count, and gives all that came before.
async fn events(chat: &mut Chat, count: usize, counts: impl Fn(&EventKind) -> bool) -> Vec<Seq> {
    let (mut seqs, mut counted) = (Vec::new(), 0);
    while counted < count {
        let event = chat.event().await;
        counted += usize::from(counts(&event.kind));
        seqs.push(event.seq);
    }
    seqs
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_both_relays_hear_one_order() {
    const PEOPLE: usize = 24;
    const EACH: usize = 4;
    let stage = Ground::Spanned.stage().await;
    let mut people = Vec::new();
    for n in 0..PEOPLE {
        people.push(named_at(&stage, n % 2 == 1, &format!("Person {n}")).await);
    }
    let told = people.iter_mut().enumerate().map(async |(n, person)| {
        for turn in 0..EACH {
            let say = ClientMessage::Say {
                nonce: nonce(&format!("n{turn}")),
                text: format!("{n} says {turn}"),
                fly: None,
                reply: None,
            };
            person.send(&say).await;
        }
        events(person, PEOPLE * EACH, |kind| matches!(kind, EventKind::Said { .. })).await
    });
    let orders = tokio::time::timeout(PATIENCE, join_all(told)).await.expect("all is heard in time");
    assert!(orders[0].is_sorted() && orders[0].len() >= PEOPLE * EACH, "{:?}", orders[0]);
    for order in &orders {
        assert_eq!(order, &orders[0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_loses_no_gift_and_no_ban() {
    const GIFTS: usize = 10;
    let mut stage = Ground::Spanned.stage().await;
    let (mut owner, mut other) = (owner_at(&stage, false).await, owner_at(&stage, true).await);
    let (mut ada, mut bob) = (named_at(&stage, false, "Ada").await, named_at(&stage, true, "Bob").await);
    let (mut eve, mut mal) = (named_at(&stage, true, "Eve").await, named_at(&stage, false, "Mal").await);
    for (name, user) in [("grant-ada", ada.me.id.clone()), ("grant-bob", bob.me.id.clone())] {
        owner.send(&ClientMessage::Grant { nonce: nonce(name), user, coins: 100 }).await;
        owner.answer(name).await.unwrap();
    }
    stage.span.as_mut().unwrap().broker.kill();
    let begun = Instant::now();

    // The home goes on: its members are answered, and what they do is kept for the branch.
    gifts(&mut ada, "ada", GIFTS).await;
    for n in 0..GIFTS {
        ada.answer(&format!("ada-{n}")).await.unwrap();
    }
    ban(&mut owner, &eve.me.id).await;
    owner.answer("ban").await.unwrap();
    // What members of the branch ask for waits.
    gifts(&mut bob, "bob", GIFTS).await;
    ban(&mut other, &mal.me.id).await;
    tokio::time::sleep(AWAY.saturating_sub(begun.elapsed())).await;

    stage.span.as_mut().unwrap().broker.again();
    for n in 0..GIFTS {
        bob.answer(&format!("bob-{n}")).await.unwrap();
    }
    other.answer("ban").await.unwrap();
    assert_eq!((eve.closed().await, mal.closed().await), (Some(4003), Some(4003)));

    // Asked for once more, each is known: nothing was paid twice, and all saw the same.
    for (chat, name) in [(&mut ada, "ada"), (&mut bob, "bob")] {
        gifts(chat, name, GIFTS).await;
        for n in 0..GIFTS {
            chat.answer(&format!("{name}-{n}")).await.unwrap();
        }
        next_at(&stage, name == "ada");
        // From the beginning, so that the answer has all events and not only what is to be read.
        let mut again = Chat::hello(&stage, Some(chat.token.clone()), None, Some(Seq(0))).await.unwrap();
        let coins = again.until(|message| match message {
            ServerMessage::Wallet { coins } => Some(coins),
            _ => None,
        });
        assert_eq!(coins.await, 100 - GIFTS as u64);
        let seen = |kind: &EventKind| matches!(kind, EventKind::Gifted { .. });
        assert_eq!(again.history.iter().filter(|event| seen(&event.kind)).count(), 2 * GIFTS);
        let banned = again.history.iter().filter(|event| matches!(event.kind, EventKind::Banned { .. }));
        assert_eq!(banned.count(), 2);
    }
}

async fn gifts(chat: &mut Chat, name: &str, count: usize) {
    for n in 0..count {
        let gift = "rose".parse().unwrap();
        chat.send(&ClientMessage::SendGift { nonce: nonce(&format!("{name}-{n}")), gift, count: 1 }).await;
    }
}

async fn ban(owner: &mut Chat, user: &UserId) {
    let action = Action::Ban { user: user.clone(), range: false };
    owner.send(&ClientMessage::Moderate { nonce: nonce("ban"), action }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_passes_everything_else_on_to_its_home() {
    let mut stage = Ground::Spanned.stage().await;
    let branch = stage.span.as_ref().unwrap().branch.http.clone();
    let (page, room) = ("/main", "/api/v1/rooms/main");
    for path in [page, room, "/api/v1/rooms/other", "/api/v1/status", "/no/such"] {
        let there = ask(&branch, Method::GET, path, &[], "").await;
        let here = stage.get(path).await;
        assert_eq!((there.status, &there.body), (here.status, &here.body), "{path}");
    }
    let bearer = format!("Bearer {}", stage.owner());
    let asked = ask(&branch, Method::GET, "/api/v1/status", &[("authorization", &bearer)], "").await;
    assert_eq!((asked.status.as_u16(), asked.json()["draining"].as_bool()), (200, Some(false)));

    let mut publisher = Peer::publish(&branch, &stage.key()).await;
    publisher.connected().await;
    publisher.send(picture(0, true, 100));
    let mut viewer = Peer::watch_as(&branch, None, Over::Udp).await.map_err(|a| a.body).unwrap();
    viewer.connected().await;
    stage.until("one viewer", |stats| stats.presence.viewers == 1).await;

    stage.stop_home().await;
    let away = ask(&branch, Method::GET, room, &[], "").await;
    assert_eq!((away.status.as_u16(), away.code().as_str()), (502, "unreachable"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_left_by_a_relay_hears_so() {
    let stage = Ground::Spanned.stage().await;
    let (mut ada, bob) = (named_at(&stage, false, "Ada").await, named_at(&stage, true, "Bob").await);
    assert_eq!(owner_at(&stage, true).await.me.role, Role::Owner);
    stage.until("two members", |stats| stats.presence.members == 2).await;
    // A session that ends at the branch ends at the home.
    drop(bob);
    stage.until("one member", |stats| stats.presence.members == 1).await;
    let mut eve = named_at(&stage, true, "Eve").await;
    ada.say("n1", "hello").await.unwrap();
    assert!(matches!(eve.event().await.kind, EventKind::Said { .. }));
    // So do those of a branch that ends, whose sessions are told to come back.
    stage.span.as_ref().unwrap().end();
    assert_eq!(eve.closed().await, Some(4005));
    stage.until("one member", |stats| stats.presence.members == 1).await;
    assert!(ada.say("n2", "still here").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_forgot_everything_is_got_over() {
    let mut stage = Ground::Spanned.stage().await;
    let (mut ada, mut bob) = (named_at(&stage, false, "Ada").await, named_at(&stage, true, "Bob").await);
    ada.say("n1", "before").await.unwrap();
    assert!(matches!(bob.event().await.kind, EventKind::Said { .. }));
    stage.span.as_mut().unwrap().broker.forget();
    ada.say("n2", "meanwhile").await.unwrap();
    stage.span.as_mut().unwrap().broker.again();
    let begun = Instant::now();
    let say =
        ClientMessage::Say { nonce: "n3".parse().unwrap(), text: "after".to_owned(), fly: None, reply: None };
    loop {
        assert!(begun.elapsed() < 4 * PATIENCE, "the branch and its home find each other again");
        next_at(&stage, true);
        let Ok(mut again) = Chat::hello(&stage, Some(bob.token.clone()), None, Some(bob.seq)).await else {
            continue;
        };
        assert!(again.history.iter().any(|event| said(&event.kind) == Some("meanwhile")));
        // Nobody may have listened yet when this was said. Then its session ends, and who said it comes again.
        if again.is_done(&say).await {
            break;
        }
    }
    while said(&ada.event().await.kind) != Some("after") {}
}

fn said(kind: &EventKind) -> Option<&str> {
    match kind {
        EventKind::Said { text, .. } => Some(text),
        _ => None,
    }
}
