//! The room's WebSocket.

use std::io::Read as _;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use flate2::read::DeflateDecoder;
use footlight_protocol::gift::{Gift, Show};
use footlight_protocol::room::{
    Action, ClientMessage, Event, EventKind, MAX_TEXT, Role, ServerMessage, StreamState,
};
use footlight_protocol::{Code, MessageId, Seq, VERSION};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::tungstenite::protocol::Message;

use crate::member::{Chat, Heard, connect, heard};
use crate::peer::{Over, Peer};
use crate::span::{Ground, on_both_grounds};
use crate::stage::{Folder, PATIENCE, Stage, ask};

on_both_grounds! {
    what_one_says_all_hear_in_one_order,
    refusals_name_their_reason,
    who_talks_too_fast_is_told_when_to_go_on,
    a_repeated_request_is_carried_out_once,
    after_a_break_the_missed_tail_comes,
    a_deleted_message_can_be_restored,
    the_timed_out_cannot_talk_until_pardoned,
    a_ban_ends_chat_and_media_and_keeps_both_out,
    what_cannot_be_parsed_closes_the_socket,
    invalid_utf8_closes_the_socket,
    a_client_that_does_not_read_is_closed_and_nobody_waits_for_it,
    a_restart_keeps_keys_people_history_order_and_sanctions,
    members_hear_of_the_stream_and_of_each_other,
    what_is_long_comes_packed_to_whoever_takes_it,
}

fn texts(history: &[Event]) -> Vec<String> {
    history
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Said { text, .. } => Some(text.clone()),
            _ => None,
        })
        .collect()
}

async fn what_one_says_all_hear_in_one_order(ground: Ground) {
    let stage = ground.stage().await;
    let (mut ada, mut bob) = (Chat::named(&stage, " Ada ").await, Chat::named(&stage, "小波").await);
    assert_eq!(ada.me.name, "Ada");
    let first = ada.say("n1", " hello ").await.unwrap();
    let second = bob.say("n1", "你好").await.unwrap();
    assert!(first < second);
    let mut late = Chat::join(&stage).await;
    assert_eq!(texts(&late.history), ["hello", "你好"]);
    assert_eq!((late.seq, late.resumed), (second, false));
    late.send(&ClientMessage::Ping { sent: 1.5 }).await;
    let pong = late.until(|message| match message {
        ServerMessage::Pong { sent, at_us } => Some((sent, at_us)),
        _ => None,
    });
    let (sent, at) = pong.await;
    assert!(sent == 1.5 && at > 1_700_000_000_000_000);
}

async fn refusals_name_their_reason(ground: Ground) {
    let stage = ground.stage().await;
    let mut nobody = Chat::join(&stage).await;
    assert_eq!(nobody.say("a", "hi").await, Err((Code::NameNeeded, None)));
    let mut ada = Chat::named(&stage, "Ada").await;
    for (nonce, text, code) in
        [("b", "x".repeat(MAX_TEXT + 1), Code::TooLong), ("c", " \n\u{0} ".to_owned(), Code::Empty)]
    {
        assert_eq!(ada.say(nonce, &text).await, Err((code, None)));
    }
    assert!(ada.say("d", &"界".repeat(MAX_TEXT)).await.is_ok());
    let ban = Action::Ban { user: nobody.me.id.clone(), range: false };
    assert_eq!(ada.moderate("e", ban).await, Err((Code::Forbidden, None)));
    let mut owner = Chat::owner(&stage).await;
    assert_eq!(owner.me.role, Role::Owner);
    let missing = Action::Delete { message: MessageId(9_999) };
    assert_eq!(owner.moderate("f", missing).await, Err((Code::NotFound, None)));
    let forever = Action::Timeout { user: ada.me.id.clone(), seconds: u32::MAX };
    assert_eq!(owner.moderate("g", forever).await, Err((Code::Malformed, None)));
    assert_eq!(
        Chat::hello(&stage, None, Some("wrong".into()), None).await.map(|_| ()),
        Err((Code::Unauthorized, 4001))
    );
}

async fn who_talks_too_fast_is_told_when_to_go_on(ground: Ground) {
    let stage = ground.stage().await;
    let mut ada = Chat::named(&stage, "Ada").await;
    let mut refused = None;
    for n in 0..8 {
        if let Err(why) = ada.say(&format!("n{n}"), "quick").await {
            refused = Some(why);
            break;
        }
    }
    let (code, after) = refused.expect("a refusal");
    assert!(code == Code::TooFast && after.is_some_and(|after| (1..=5_000).contains(&after)), "{after:?}");
}

async fn a_repeated_request_is_carried_out_once(ground: Ground) {
    let stage = ground.stage().await;
    let mut ada = Chat::named(&stage, "Ada").await;
    let first = ada.say("same", "once").await.unwrap();
    assert_eq!(ada.say("same", "once").await, Ok(first));
    let mut again = Chat::hello(&stage, Some(ada.token.clone()), None, None).await.unwrap();
    assert_eq!((again.me.id.clone(), again.me.name.as_str()), (ada.me.id.clone(), "Ada"));
    assert_eq!(again.say("same", "once").await, Ok(first));
    assert_eq!(texts(&Chat::join(&stage).await.history), ["once"]);
}

async fn after_a_break_the_missed_tail_comes(ground: Ground) {
    let stage = ground.stage().await;
    let mut ada = Chat::named(&stage, "Ada").await;
    let first = ada.say("n1", "one").await.unwrap();
    ada.say("n2", "two").await.unwrap();
    ada.say("n3", "three").await.unwrap();
    let back = Chat::hello(&stage, None, None, Some(first)).await.unwrap();
    assert!(back.resumed);
    assert_eq!(texts(&back.history), ["two", "three"]);
    let unknown = Chat::hello(&stage, None, None, Some(Seq(1 << 40))).await.unwrap();
    assert!(!unknown.resumed);
    assert_eq!(unknown.history.len(), 3);
}

async fn a_deleted_message_can_be_restored(ground: Ground) {
    let stage = ground.stage().await;
    let mut ada = Chat::named(&stage, "Ada").await;
    let mut owner = Chat::owner(&stage).await;
    let message = MessageId(ada.say("n1", "oops").await.unwrap().0);
    owner.moderate("m1", Action::Delete { message }).await.unwrap();
    assert!(matches!(ada.event().await.kind, EventKind::Said { .. } | EventKind::Deleted { .. }));
    assert!(Chat::join(&stage).await.history.is_empty());
    owner.moderate("m2", Action::Restore { message }).await.unwrap();
    let restored = loop {
        if let EventKind::Restored { text, by, .. } = ada.event().await.kind {
            break (text, by.name);
        }
    };
    assert_eq!(restored, ("oops".to_owned(), "Ada".to_owned()));
    assert_eq!(texts(&Chat::join(&stage).await.history), ["oops"]);
}

async fn the_timed_out_cannot_talk_until_pardoned(ground: Ground) {
    let stage = ground.stage().await;
    let mut ada = Chat::named(&stage, "Ada").await;
    let mut owner = Chat::owner(&stage).await;
    owner.moderate("m1", Action::Timeout { user: ada.me.id.clone(), seconds: 600 }).await.unwrap();
    let muted = |message| match message {
        ServerMessage::Muted { until } => Some(until),
        _ => None,
    };
    assert!(ada.until(muted).await.is_some());
    let (code, after) = ada.say("n1", "still here").await.unwrap_err();
    assert!(code == Code::TimedOut && after.is_some_and(|after| (590_000..=600_000).contains(&after)));
    assert!(Chat::hello(&stage, Some(ada.token.clone()), None, None).await.unwrap().muted);
    owner.moderate("m2", Action::Pardon { user: ada.me.id.clone() }).await.unwrap();
    assert_eq!(ada.until(muted).await, None);
    assert!(ada.say("n2", "thanks").await.is_ok());
}

async fn a_ban_ends_chat_and_media_and_keeps_both_out(ground: Ground) {
    let stage = ground.stage().await;
    let mut ada = Chat::named(&stage, "Ada").await;
    let mut bob = Chat::named(&stage, "Bob").await;
    let mut owner = Chat::owner(&stage).await;
    let mut theirs =
        Peer::watch_as(&stage.ready.http, Some(&ada.token), Over::Udp).await.map_err(|a| a.body).unwrap();
    let mut others =
        Peer::watch_as(&stage.ready.http, Some(&bob.token), Over::Udp).await.map_err(|a| a.body).unwrap();
    theirs.connected().await;
    others.connected().await;
    ada.say("n1", "bad").await.unwrap();
    owner.moderate("m1", Action::Ban { user: ada.me.id.clone(), range: false }).await.unwrap();
    assert_eq!(ada.closed().await, Some(4003));
    theirs.ended().await;
    assert_eq!(
        Chat::hello(&stage, Some(ada.token.clone()), None, None).await.map(|_| ()),
        Err((Code::Banned, 4003))
    );
    let refused =
        Peer::watch_as(&stage.ready.http, Some(&ada.token), Over::Udp).await.map(|_| ()).unwrap_err();
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::FORBIDDEN, "banned"));
    let banned = loop {
        if let EventKind::Banned { user, .. } = bob.event().await.kind {
            break user;
        }
    };
    assert_eq!(banned.id, ada.me.id);
    assert!(bob.say("n1", "still here").await.is_ok());
    assert_eq!(texts(&Chat::join(&stage).await.history), ["still here"]);
    stage.until("one viewer", |stats| stats.presence.viewers == 1).await;
    owner.moderate("m2", Action::Pardon { user: ada.me.id.clone() }).await.unwrap();
    assert!(Chat::hello(&stage, Some(ada.token.clone()), None, None).await.is_ok());
}

async fn what_cannot_be_parsed_closes_the_socket(ground: Ground) {
    let stage = ground.stage().await;
    let hello = format!("{{\"type\":\"hello\",\"version\":{VERSION}}}");
    let long = format!("{{\"type\":\"say\",\"nonce\":\"n\",\"text\":\"{}\"}}", "x".repeat(20_000));
    let huge = "x".repeat(1 << 20);
    for message in [
        Message::text("not json"),
        Message::text("{\"type\":\"unheard of\"}"),
        Message::text("{\"type\":\"say\",\"nonce\":\"not a nonce!\",\"text\":\"x\"}"),
        Message::binary(vec![1, 2, 3]),
        Message::text(long),
        Message::text(huge),
        Message::text(hello.clone()),
    ] {
        let mut chat = Chat::join(&stage).await;
        let what = format!("{message:?}").chars().take(60).collect::<String>();
        let _ = chat.socket.send(message).await;
        assert_eq!(chat.closed().await, Some(4001), "{what}");
    }
    let mut socket = connect(&stage).await;
    socket.send(Message::text("{\"type\":\"hello\",\"version\":999}")).await.unwrap();
    assert!(
        matches!(heard(&mut socket).await, Heard::Message(ServerMessage::Refused { failure, .. }) if failure.code == Code::Version)
    );
    assert!(matches!(heard(&mut socket).await, Heard::Closed(Some(4001))));
    let mut socket = connect(&stage).await;
    socket.send(Message::text("{\"type\":\"ping\",\"sent\":1}")).await.unwrap();
    assert!(matches!(heard(&mut socket).await, Heard::Closed(Some(4001))));
}

async fn invalid_utf8_closes_the_socket(ground: Ground) {
    use tokio_tungstenite::tungstenite::protocol::frame::Frame;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
    let stage = ground.stage().await;
    let mut chat = Chat::join(&stage).await;
    let frame = Frame::message(vec![0xff, 0xfe, 0x41], OpCode::Data(Data::Text), true);
    chat.socket.send(Message::Frame(frame)).await.unwrap();
    assert_eq!(chat.closed().await, Some(4001));
    assert_eq!(stage.get("/healthz").await.body, "ok\n");
}

async fn a_client_that_does_not_read_is_closed_and_nobody_waits_for_it(ground: Ground) {
    let stage = ground.stage().await;
    let mut slow = Chat::join(&stage).await;
    let mut ada = Chat::named(&stage, "Ada").await;
    let ping = serde_json::to_string(&ClientMessage::Ping { sent: 1.0 }).unwrap();
    // Asks and asks, and reads no answer. Ends when the relay has closed the connection.
    let flood = async {
        loop {
            if slow.socket.feed(Message::text(ping.clone())).await.is_err()
                || slow.socket.flush().await.is_err()
            {
                break;
            }
            if stage_slow(&stage).await {
                break;
            }
            for _ in 0..2_000 {
                if slow.socket.feed(Message::text(ping.clone())).await.is_err() {
                    return;
                }
            }
        }
    };
    tokio::time::timeout(PATIENCE, flood).await.expect("closed in time");
    assert!(stage_slow(&stage).await);
    assert!(tokio::time::timeout(Duration::from_secs(5), ada.say("n", "hi")).await.unwrap().is_ok());
    stage.until("the slow one is gone", |stats| stats.presence.members == 1).await;
}

async fn stage_slow(stage: &Stage) -> bool {
    let branch = stage.span.as_ref().map(|span| span.branch.http.as_str());
    for relay in [Some(stage.ready.http.as_str()), branch].into_iter().flatten() {
        let metrics = ask(relay, Method::GET, "/metrics", &[], "").await.body;
        if !metrics.contains("\nfootlight_chat_slow_closes_total 0\n") {
            return true;
        }
    }
    false
}

async fn a_restart_keeps_keys_people_history_order_and_sanctions(ground: Ground) {
    let folder = Folder::new();
    let stage = ground.stage_in(&folder).await;
    let (key, owner_token) = (stage.key(), stage.owner());
    let mut ada = Chat::named(&stage, "Ada").await;
    let mut bob = Chat::named(&stage, "Bob").await;
    let mut owner = Chat::owner(&stage).await;
    let said = ada.say("n1", "before").await.unwrap();
    bob.say("n1", "to be deleted").await.unwrap();
    let deleted = MessageId(said.0 + 1);
    owner.moderate("m1", Action::Delete { message: deleted }).await.unwrap();
    owner.moderate("m2", Action::Ban { user: bob.me.id.clone(), range: false }).await.unwrap();
    stage.stop().await;
    assert_eq!(ada.closed().await, Some(4005));

    let stage = ground.stage_in(&folder).await;
    assert!(stage.ready.stream_key.is_none() && stage.ready.owner_token.is_none());
    let mut publisher = Peer::publish(&stage.ready.http, &key).await;
    publisher.connected().await;
    assert_eq!(
        Chat::hello(&stage, Some(bob.token.clone()), None, None).await.map(|_| ()),
        Err((Code::Banned, 4003))
    );
    let mut again =
        Chat::hello(&stage, Some(ada.token.clone()), Some(owner_token), Some(said)).await.unwrap();
    assert_eq!((again.me.name.as_str(), again.me.role, again.resumed), ("Ada", Role::Owner, true));
    assert_eq!(again.history.len(), 2, "{:?}", again.history);
    assert_eq!(again.say("n1", "before").await, Ok(said));
    let after = again.say("n2", "after").await.unwrap();
    assert!(after.0 > said.0 + 3);
    assert_eq!(texts(&Chat::join(&stage).await.history), ["before", "after"]);
}

async fn members_hear_of_the_stream_and_of_each_other(ground: Ground) {
    let stage = ground.stage().await;
    let mut ada = Chat::join(&stage).await;
    ada.send(&ClientMessage::Playing { latency_ms: Some(80) }).await;
    let mut bob = Chat::join(&stage).await;
    bob.send(&ClientMessage::Playing { latency_ms: Some(120) }).await;
    let _owner = Chat::owner(&stage).await;
    let full = |message| match message {
        ServerMessage::Presence { presence }
            if presence.latency_p95_ms == Some(80) || presence.latency_p95_ms == Some(120) =>
        {
            Some(presence)
        }
        _ => None,
    };
    assert!(ada.until(full).await.latency_p50_ms.is_some());
    stage.until("two members", |stats| stats.presence.members == 2).await;
    let mut publisher = Peer::publish(&stage.ready.http, &stage.key()).await;
    publisher.connected().await;
    publisher.send(crate::peer::picture(0, true, 100));
    ada.until(|message| match message {
        ServerMessage::Room { room } if matches!(room.stream, StreamState::Live { .. }) => Some(()),
        _ => None,
    })
    .await;
}

async fn what_is_long_comes_packed_to_whoever_takes_it(ground: Ground) {
    let stage = ground.stage().await;
    let (mut owner, mut plain) = (Chat::owner(&stage).await, Chat::join(&stage).await);
    let mut socket = connect(&stage).await;
    let hello = ClientMessage::Hello {
        version: VERSION,
        token: None,
        owner: None,
        since: None,
        batches: true,
        packed: true,
    };
    socket.send(Message::text(serde_json::to_string(&hello).unwrap())).await.unwrap();
    let Heard::Message(ServerMessage::Welcome { .. }) = heard(&mut socket).await else {
        panic!("no welcome")
    };

    let offer = |price| {
        let gift = |n| Gift {
            id: format!("gift-{n}").parse().unwrap(),
            name: format!("礼物 {n}"),
            icon: "🎁".to_owned(),
            price,
            show: Show::Small,
            per_hour: None,
        };
        (0..20).map(gift).collect::<Vec<_>>()
    };
    let offered = |message: ServerMessage| match message {
        ServerMessage::Gifts { gifts } => Some(gifts),
        _ => None,
    };
    // What one hears with something of their own comes as it is, and those who have just come do.
    for price in 1..10 {
        let nonce = format!("s{price}").parse().unwrap();
        owner.send(&ClientMessage::SetGifts { nonce, gifts: offer(price) }).await;
        assert_eq!(plain.until(offered).await, offer(price));
        let (text, packed) = loop {
            let message = tokio::time::timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap();
            let (text, packed) = match message {
                Message::Binary(bytes) => {
                    let mut text = String::new();
                    DeflateDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
                    (text, Some(bytes.len()))
                }
                Message::Text(text) => (text.to_string(), None),
                _ => continue,
            };
            if text.contains("\"gifts\"") {
                break (text, packed);
            }
        };
        let messages = match serde_json::from_str(&text).unwrap() {
            ServerMessage::Batch { messages } => messages,
            message => vec![message],
        };
        assert_eq!(messages.into_iter().find_map(offered), Some(offer(price)));
        if let Some(packed) = packed {
            return assert!(packed < text.len() / 3, "{packed} of {}", text.len());
        }
    }
    panic!("nothing came packed");
}
