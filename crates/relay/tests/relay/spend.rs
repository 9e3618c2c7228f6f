//! What is done with coins, and what of it is told to whom.

use footlight_protocol::gift::{Board, Gift, Show};
use footlight_protocol::room::{Badges, ClientMessage, EventKind, Role, ServerMessage};
use footlight_protocol::spend::{Arrange, Terms};
use footlight_protocol::{Code, Nonce, Seq, UserId};

use crate::member::{Chat, Heard, heard};
use crate::peer::{Peer, picture};
use crate::span::{Ground, on_both_grounds};
use crate::stage::{Folder, live};

on_both_grounds! {
    a_badge_follows_what_was_given,
    amounts_that_are_hidden_are_told_to_nobody_else,
    a_broadcast_has_a_board_of_its_own,
}

fn nonce(text: &str) -> Nonce {
    text.parse().unwrap()
}

/// Why it was refused.
fn why<T>(answer: Result<T, (Code, Option<u32>)>) -> Result<(), Code> {
    answer.map(drop).map_err(|(code, _)| code)
}

async fn grant(owner: &mut Chat, name: &str, user: &UserId, coins: u64) {
    owner.send(&ClientMessage::Grant { nonce: nonce(name), user: user.clone(), coins }).await;
    owner.answer(name).await.unwrap();
}

async fn give(chat: &mut Chat, name: &str, gift: &str, count: u32) -> Seq {
    let gift = gift.parse().unwrap();
    chat.send(&ClientMessage::SendGift { nonce: nonce(name), gift, count }).await;
    chat.answer(name).await.unwrap()
}

async fn arrange(chat: &mut Chat, name: &str, what: Arrange) -> Result<(), Code> {
    chat.send(&ClientMessage::Arrange { nonce: nonce(name), what }).await;
    why(chat.answer(name).await)
}

/// The level that the person's page is told next.
async fn told_level(chat: &mut Chat) -> u8 {
    chat.until(|message| match message {
        ServerMessage::You { you } => Some(you.badges.given),
        _ => None,
    })
    .await
}

/// The next event of a kind.
async fn next<T>(chat: &mut Chat, mut want: impl FnMut(&EventKind) -> Option<T>) -> T {
    chat.until(|message| match message {
        ServerMessage::Event { event } => want(&event.kind),
        _ => None,
    })
    .await
}

async fn a_badge_follows_what_was_given(ground: Ground) {
    let folder = Folder::new();
    let stage = ground.stage_in(&folder).await;
    let (mut owner, mut ada) = (Chat::owner(&stage).await, Chat::named(&stage, "Ada").await);
    grant(&mut owner, "grant", &ada.me.id, 500).await;
    ada.say("s0", "before").await.unwrap();
    give(&mut ada, "g1", "rose", 1).await;
    assert_eq!(told_level(&mut ada).await, 1);
    give(&mut ada, "g2", "applause", 20).await;
    assert_eq!(told_level(&mut ada).await, 2);
    ada.say("s1", "after").await.unwrap();
    let mut levels = Vec::new();
    let mut entry = 0;
    while levels.len() < 4 {
        levels.push(
            next(&mut owner, |kind| match kind {
                EventKind::Said { by, .. } => Some(by.badges.given),
                EventKind::Gifted { by, entry: row, .. } => {
                    entry = *row;
                    Some(by.badges.given)
                }
                _ => None,
            })
            .await,
        );
    }
    assert_eq!(levels, [0, 1, 2, 2], "with what it is given for");
    owner.send(&ClientMessage::Refund { nonce: nonce("back"), entry }).await;
    owner.answer("back").await.unwrap();
    assert_eq!(told_level(&mut ada).await, 1, "what is given back counts off");

    let (token, owner_token) = (ada.token.clone(), stage.owner());
    drop((owner, ada));
    stage.stop().await;
    let stage = ground.stage_in(&folder).await;
    let mut ada = Chat::hello(&stage, Some(token), None, None).await.unwrap();
    assert_eq!(ada.me.badges, Badges { given: 1, months: 0 });
    let mut owner = Chat::hello(&stage, None, Some(owner_token), None).await.unwrap();
    ada.say("s2", "here again").await.unwrap();
    let by = next(&mut owner, |kind| match kind {
        EventKind::Said { by, .. } => Some(by.clone()),
        _ => None,
    });
    assert_eq!(by.await.badges.given, 1);
}

/// All that a member hears until somebody says a word.
async fn hears_until(chat: &mut Chat, word: &str) -> Vec<ServerMessage> {
    let mut all = Vec::new();
    loop {
        let Heard::Message(message) = heard(&mut chat.socket).await else { panic!("closed") };
        let ends = matches!(&message, ServerMessage::Event { event } if matches!(
            &event.kind, EventKind::Said { text, .. } if text == word));
        all.push(message);
        if ends {
            return all;
        }
    }
}

fn gifts(heard: &[ServerMessage]) -> Vec<(u32, u64, u8)> {
    heard
        .iter()
        .filter_map(|message| match message {
            ServerMessage::Event { event } | ServerMessage::Amounts { event } => match &event.kind {
                EventKind::Gifted { by, gift, coins, .. } => Some((gift.price, *coins, by.badges.given)),
                _ => None,
            },
            _ => None,
        })
        .collect()
}

/// What is given in the story below: no time has these digits by chance.
const COINS: u64 = 7_777_791;

async fn amounts_that_are_hidden_are_told_to_nobody_else(ground: Ground) {
    let stage = ground.stage().await;
    let (mut owner, mut ada) = (Chat::owner(&stage).await, Chat::named(&stage, "Ada").await);
    let (mut bob, mut mod_) = (Chat::named(&stage, "Bob").await, Chat::named(&stage, "Mod").await);
    let appoint =
        footlight_protocol::room::Action::Appoint { user: mod_.me.id.clone(), role: Role::Moderator };
    owner.moderate("appoint", appoint).await.unwrap();
    let tea = Gift {
        id: "tea".parse().unwrap(),
        name: "Tea".to_owned(),
        icon: "🍵".to_owned(),
        price: 370_371,
        show: Show::Small,
        per_hour: None,
    };
    owner.send(&ClientMessage::SetGifts { nonce: nonce("offer"), gifts: vec![tea] }).await;
    owner.answer("offer").await.unwrap();
    grant(&mut owner, "grant", &ada.me.id, 10_000_000).await;
    let hidden = Arrange::Terms { terms: Terms { hidden: true } };
    assert_eq!(arrange(&mut bob, "no", hidden.clone()).await, Err(Code::Forbidden));
    assert_eq!(arrange(&mut owner, "hide", hidden).await, Ok(()));
    give(&mut ada, "g1", "tea", 21).await;
    let pinned = ada.say("s1", "after").await.unwrap();
    let pin = footlight_protocol::room::Action::Pin { message: footlight_protocol::MessageId(pinned.0) };
    mod_.moderate("pin", pin).await.unwrap();
    // The boards are counted once in a while.
    owner
        .until(|message| match message {
            ServerMessage::Board { board } => board.day.iter().any(|one| one.coins == COINS).then_some(()),
            _ => None,
        })
        .await;
    bob.say("s2", "enough").await.unwrap();
    for chat in [&mut bob, &mut mod_] {
        let mut heard = hears_until(chat, "enough").await;
        // What a gift costs is no secret: whoever gives has to know.
        heard.retain(|message| !matches!(message, ServerMessage::Gifts { .. }));
        assert_eq!(gifts(&heard), [(0, 0, 0)], "that it was given is told");
        let text = serde_json::to_string(&heard).unwrap();
        assert!(
            !text.contains("7777791") && !text.contains("\"given\"") && !text.contains("370371"),
            "{text}"
        );
    }
    let heard = hears_until(&mut ada, "enough").await;
    assert_eq!(gifts(&heard), [(0, 0, 0), (370_371, COINS, 6)], "one's own");
    let late = Chat::hello(&stage, None, None, Some(Seq(0))).await.unwrap();
    assert!(late.resumed && late.history.len() > 3);
    let history = serde_json::to_string(&late.history).unwrap();
    assert!(!history.contains("7777791") && !history.contains("\"given\""), "{history}");
    let again = Chat::hello(&stage, Some(ada.token.clone()), None, Some(Seq(0))).await.unwrap();
    assert!(serde_json::to_string(&again.history).unwrap().contains("7777791") && again.me.badges.given == 6);
    let again = Chat::hello(&stage, None, Some(stage.owner()), Some(Seq(0))).await.unwrap();
    assert!(serde_json::to_string(&again.history).unwrap().contains("7777791"));
    for path in ["/api/v1/rooms/main", "/api/v1/rooms"] {
        let body = stage.get(path).await.body;
        assert!(!body.contains("\"given\"") && !body.contains("7777791"), "{body}");
    }
    // And back: nobody has lost anything.
    assert_eq!(arrange(&mut owner, "show", Arrange::Terms { terms: Terms::default() }).await, Ok(()));
    let board = bob.until(|message| match message {
        ServerMessage::Board { board } => Some(board),
        _ => None,
    });
    assert_eq!(board.await.week[0].coins, COINS);
    let late = Chat::hello(&stage, None, None, Some(Seq(0))).await.unwrap();
    assert!(serde_json::to_string(&late.history).unwrap().contains("7777791"));
}

async fn a_broadcast_has_a_board_of_its_own(ground: Ground) {
    let stage = ground.stage().await;
    let (mut owner, mut ada) = (Chat::owner(&stage).await, Chat::named(&stage, "Ada").await);
    grant(&mut owner, "grant", &ada.me.id, 100).await;
    give(&mut ada, "g1", "coffee", 1).await;
    let mut publisher = Peer::publish(&stage.ready.http, &stage.key()).await;
    publisher.connected().await;
    publisher.send(picture(0, true, 100));
    stage.until("the broadcast", live).await;
    give(&mut ada, "g2", "rose", 3).await;
    let board: Board = owner
        .until(|message| match message {
            ServerMessage::Board { board } => (!board.session.is_empty()).then_some(board),
            _ => None,
        })
        .await;
    let coins = |givers: &[footlight_protocol::gift::Giver]| givers.first().map(|giver| giver.coins);
    assert_eq!((coins(&board.session), coins(&board.day)), (Some(3), Some(23)));
}
