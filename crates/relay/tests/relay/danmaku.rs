//! Comments that fly, and likes.

use std::time::{Duration, Instant};

use footlight_protocol::Code;
use footlight_protocol::danmaku::{Colour, Fly, LIKES_EVERY_MS, MAX_LIKES, Place};
use footlight_protocol::room::{ClientMessage, EventKind, ServerMessage};

use crate::member::Chat;
use crate::peer::{Peer, now, picture};
use crate::span::{Ground, on_both_grounds};
use crate::stage::live;

on_both_grounds! {
    a_comment_flies_as_its_author_may_choose,
    likes_are_merged_and_end_with_the_broadcast,
}

/// Says something that is to fly so, and gives how it flies.
async fn flown(chat: &mut Chat, nonce: &str, fly: Option<Fly>) -> Option<Fly> {
    let say = ClientMessage::Say { nonce: nonce.parse().unwrap(), text: nonce.to_owned(), fly, reply: None };
    chat.send(&say).await;
    loop {
        if let EventKind::Said { text, fly, .. } = chat.event().await.kind
            && text == nonce
        {
            return fly;
        }
    }
}

async fn a_comment_flies_as_its_author_may_choose(ground: Ground) {
    let stage = ground.stage().await;
    let (mut guest, mut owner) = (Chat::named(&stage, "Ada").await, Chat::owner(&stage).await);
    let at_us = Some(now().as_micros() - 300_000);
    let wish = Fly { place: Place::Top, colour: Colour::Red, at_us };
    assert_eq!(flown(&mut guest, "a", Some(wish)).await, Some(Fly { at_us, ..Fly::default() }));
    assert_eq!(flown(&mut owner, "b", Some(wish)).await, Some(wish));
    let mistaken = Fly { at_us: Some(5), ..wish };
    assert_eq!(flown(&mut owner, "c", Some(mistaken)).await, Some(Fly { at_us: None, ..wish }));
    assert_eq!(flown(&mut guest, "d", None).await, None, "an older page says nothing of it");
    let late = Chat::join(&stage).await;
    let kept: Vec<Option<Fly>> = late
        .history
        .iter()
        .filter_map(|event| match event.kind {
            EventKind::Said { fly, .. } => Some(fly),
            _ => None,
        })
        .collect();
    assert_eq!(kept[1], Some(wish), "the history tells it too");
}

async fn likes_are_merged_and_end_with_the_broadcast(ground: Ground) {
    let stage = ground.stage().await;
    let (mut ada, mut bob) = (Chat::join(&stage).await, Chat::join(&stage).await);
    let told = |message| match message {
        ServerMessage::Likes { total } => Some(total),
        _ => None,
    };
    // Nobody is on air: there is nothing to like.
    ada.send(&ClientMessage::Like { count: 5 }).await;
    let mut publisher = Peer::publish(&stage.ready.http, &stage.key()).await;
    publisher.connected().await;
    publisher.send(picture(0, true, 100));
    stage.until("the broadcast", live).await;
    for _ in 0..4 {
        ada.send(&ClientMessage::Like { count: 5 }).await;
        bob.send(&ClientMessage::Like { count: 1 }).await;
    }
    let (begun, mut heard) = (Instant::now(), vec![ada.until(told).await]);
    while heard.last() != Some(&24) {
        heard.push(ada.until(told).await);
    }
    let most = 2 + begun.elapsed().as_millis() / u128::from(LIKES_EVERY_MS);
    assert!(heard.is_sorted() && heard.len() as u128 <= most, "{heard:?} in {:?}", begun.elapsed());
    let state = stage.get("/api/v1/rooms/main").await.json();
    assert_eq!(state["likes"], 24);

    for count in [0, MAX_LIKES + 1] {
        bob.send(&ClientMessage::Like { count }).await;
        let refused = bob.until(|message| match message {
            ServerMessage::Refused { nonce: None, failure, .. } => Some(failure.code),
            _ => None,
        });
        assert_eq!(refused.await, Code::Malformed, "{count}");
    }
    // Far more than a finger taps.
    for _ in 0..20 {
        bob.send(&ClientMessage::Like { count: MAX_LIKES }).await;
    }
    let mut total = 24;
    while let Ok(more) = tokio::time::timeout(Duration::from_millis(1_200), ada.until(told)).await {
        total = more;
    }
    assert!((24 + 46..24 + 80).contains(&total), "one person's likes are bounded: {total}");

    publisher.leave();
    ada.until(|message| match message {
        ServerMessage::Room { room } if room.likes == 0 => Some(()),
        _ => None,
    })
    .await;
}
