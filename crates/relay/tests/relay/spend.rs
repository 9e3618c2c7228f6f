//! What is done with coins, and what of it is told to whom.

use std::time::Duration;

use footlight_protocol::gift::{Board, Gift, Show};
use footlight_protocol::moderation::Rules;
use footlight_protocol::report::{Ground as Wrong, Report};
use footlight_protocol::room::{Action, Badges, ClientMessage, EventKind, Role, ServerMessage};
use footlight_protocol::spend::{
    Arrange, BecameMember, Drawn, Goal, MONTH_MS, NewGoal, PACKET_SECONDS, Packet, PacketOver, Paid,
    Progress, Spend, Standing, Terms,
};
use footlight_protocol::talk::Quote;
use footlight_protocol::{Code, MessageId, Nonce, Seq, UserId};

use crate::member::{Chat, Heard, heard};
use crate::peer::{Peer, picture};
use crate::span::{Ground, on_both_grounds};
use crate::stage::{Folder, Stage, live};

on_both_grounds! {
    a_badge_follows_what_was_given,
    amounts_that_are_hidden_are_told_to_nobody_else,
    a_broadcast_has_a_board_of_its_own,
    a_goal_fills_and_is_celebrated_once,
    a_red_packet_is_drawn_by_those_who_were_there,
    what_is_left_in_a_red_packet_goes_back,
    a_paid_message_stands_above_the_chat,
    a_paid_message_is_answered_and_reported,
    a_membership_is_paid_by_the_month,
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

async fn spend(chat: &mut Chat, name: &str, what: Spend) -> Result<Seq, Code> {
    chat.send(&ClientMessage::Spend { nonce: nonce(name), what }).await;
    chat.answer(name).await.map_err(|(code, _)| code)
}

async fn refund(owner: &mut Chat, name: &str, entry: u64) {
    owner.send(&ClientMessage::Refund { nonce: nonce(name), entry }).await;
    owner.answer(name).await.unwrap();
}

/// What the person has, told next.
async fn wallet(chat: &mut Chat) -> u64 {
    chat.until(|message| match message {
        ServerMessage::Wallet { coins } => Some(coins),
        _ => None,
    })
    .await
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

/// Says it, and does not wait: what is heard meanwhile is looked at later.
async fn say(chat: &mut Chat, text: &str) {
    chat.send(&ClientMessage::Say { nonce: nonce(text), text: text.to_owned(), fly: None, reply: None })
        .await;
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
    let appoint = Action::Appoint { user: mod_.me.id.clone(), role: Role::Moderator };
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
    grant(&mut owner, "grant", &ada.me.id, 20_000_000).await;
    let hidden = Arrange::Terms { terms: Terms { hidden: true, membership: 0 } };
    assert_eq!(arrange(&mut bob, "no", hidden.clone()).await, Err(Code::Forbidden));
    assert_eq!(arrange(&mut owner, "hide", hidden).await, Ok(()));
    let (gift, count) = ("tea".parse().unwrap(), 21);
    ada.send(&ClientMessage::SendGift { nonce: nonce("g1"), gift, count }).await;
    say(&mut ada, "after").await;
    let heard = hears_until(&mut ada, "after").await;
    assert_eq!(gifts(&heard), [(0, 0, 0), (370_371, COINS, 6)], "one's own");
    let said = heard.iter().find_map(|message| match message {
        ServerMessage::Event { event } if matches!(event.kind, EventKind::Said { .. }) => Some(event.seq),
        _ => None,
    });
    let mut second = Chat::owner(&stage).await;
    second.moderate("pin", Action::Pin { message: MessageId(said.unwrap().0) }).await.unwrap();
    // The boards are counted once in a while.
    owner
        .until(|message| match message {
            ServerMessage::Board { board } => board.day.iter().any(|one| one.coins == COINS).then_some(()),
            _ => None,
        })
        .await;
    spend(&mut ada, "p1", Spend::Packet { coins: COINS, takers: 5, seconds: 60 }).await.unwrap();
    say(&mut second, "enough").await;
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

async fn told_goal(chat: &mut Chat, percent: u8) -> Goal {
    chat.until(|message| match message {
        ServerMessage::Goal { goal: Some(goal) } if goal.percent == percent => Some(goal),
        _ => None,
    })
    .await
}

async fn a_goal_fills_and_is_celebrated_once(ground: Ground) {
    let folder = Folder::new();
    let stage = ground.stage_in(&folder).await;
    let (mut owner, mut ada) = (Chat::owner(&stage).await, Chat::named(&stage, "Ada").await);
    grant(&mut owner, "grant", &ada.me.id, 500).await;
    give(&mut ada, "g0", "coffee", 1).await;
    let goal =
        |title: &str, target| Arrange::Goal { goal: Some(NewGoal { title: title.to_owned(), target }) };
    assert_eq!(arrange(&mut ada, "a", goal("Sing", 100)).await, Err(Code::Forbidden));
    for (n, wrong) in [goal(" ", 1), goal(&"x".repeat(61), 1), goal("Sing", 0)].into_iter().enumerate() {
        assert_eq!(arrange(&mut owner, &format!("w{n}"), wrong).await, Err(Code::BadSetting), "{n}");
    }
    assert_eq!(arrange(&mut owner, "b", goal("Sing <b>", 100)).await, Ok(()));
    let told = told_goal(&mut ada, 0).await;
    assert_eq!(
        (told.title.as_str(), told.reached),
        ("Sing <b>", false),
        "what was given before does not count"
    );
    give(&mut ada, "g1", "coffee", 4).await;
    let told = told_goal(&mut ada, 80).await;
    assert_eq!(told.coins, Some(Progress { given: 80, target: 100 }));
    give(&mut ada, "g2", "coffee", 2).await;
    let entry = next(&mut owner, |kind| match kind {
        EventKind::Gifted { count: 2, entry, .. } => Some(*entry),
        _ => None,
    })
    .await;
    let title = next(&mut owner, |kind| match kind {
        EventKind::GoalReached { title } => Some(title.clone()),
        _ => None,
    });
    assert_eq!(title.await, "Sing <b>");
    assert!(told_goal(&mut ada, 100).await.reached);
    refund(&mut owner, "back", entry).await;
    assert!(told_goal(&mut ada, 80).await.reached, "it was celebrated");
    give(&mut ada, "g3", "coffee", 1).await;
    told_goal(&mut ada, 100).await;

    let owner_token = stage.owner();
    drop((owner, ada));
    stage.stop().await;
    let stage = ground.stage_in(&folder).await;
    let mut bob = Chat::hello(&stage, None, None, Some(Seq(0))).await.unwrap();
    let kept = bob.shows.goal.clone().unwrap();
    assert_eq!((kept.coins, kept.reached), (Some(Progress { given: 100, target: 100 }), true));
    let celebrated =
        bob.history.iter().filter(|event| matches!(event.kind, EventKind::GoalReached { .. })).count();
    assert_eq!(celebrated, 1);
    let mut owner = Chat::hello(&stage, None, Some(owner_token), None).await.unwrap();
    assert_eq!(arrange(&mut owner, "c", Arrange::Goal { goal: None }).await, Ok(()));
    bob.until(|message| matches!(message, ServerMessage::Goal { goal: None }).then_some(())).await;
}

async fn a_red_packet_is_drawn_by_those_who_were_there(ground: Ground) {
    let stage = ground.stage().await;
    let (mut owner, mut ada) = (Chat::owner(&stage).await, Chat::named(&stage, "Ada").await);
    let (mut bob, mut cem) = (Chat::named(&stage, "Bob").await, Chat::named(&stage, "Cem").await);
    grant(&mut owner, "grant", &ada.me.id, 100).await;
    for (n, (coins, takers, seconds)) in
        [(1, 2, 60), (0, 0, 60), (5, 101, 60), (5, 1, 59), (5, 1, 601), (10_000_001, 1, 60)]
            .into_iter()
            .enumerate()
    {
        let what = Spend::Packet { coins, takers, seconds };
        assert_eq!(spend(&mut ada, &format!("w{n}"), what).await, Err(Code::Malformed), "{n}");
    }
    let packet = |coins, takers| Spend::Packet { coins, takers, seconds: 60 };
    assert_eq!(spend(&mut ada, "too-much", packet(101, 2)).await, Err(Code::TooFewCoins));
    let put = spend(&mut ada, "put", packet(60, 2)).await.unwrap();
    assert_eq!(spend(&mut ada, "put", packet(60, 2)).await, Ok(put), "a page that heard no answer");
    assert_eq!(spend(&mut ada, "more", packet(5, 2)).await, Err(Code::TooMany));
    let shown = next(&mut bob, |kind| match kind {
        EventKind::Packet(packet) => Some(packet.clone()),
        _ => None,
    });
    let Packet { by, coins, takers, .. } = shown.await;
    assert_eq!((by.name.as_str(), coins, takers), ("Ada", 60, 2));

    let draw = || Spend::Draw { packet: put };
    let mut dora = Chat::named(&stage, "Dora").await;
    assert_eq!(spend(&mut dora, "d", draw()).await, Err(Code::CameLate));
    assert_eq!(dora.shows.packets.len(), 1);
    let mut guest = Chat::join(&stage).await;
    assert_eq!(spend(&mut guest, "d", draw()).await, Err(Code::NameNeeded));
    assert_eq!(spend(&mut owner, "d", draw()).await, Err(Code::Forbidden));
    owner.moderate("mute", Action::Timeout { user: cem.me.id.clone(), seconds: 600 }).await.unwrap();
    assert_eq!(spend(&mut cem, "d", draw()).await, Err(Code::TimedOut));
    owner.moderate("pardon", Action::Pardon { user: cem.me.id.clone() }).await.unwrap();
    assert_eq!(spend(&mut bob, "no", Spend::Draw { packet: Seq(9_999) }).await, Err(Code::PacketOver));
    assert_eq!(spend(&mut bob, "no-2", Spend::Draw { packet: Seq(1) }).await, Err(Code::PacketOver));

    let mine = spend(&mut bob, "d1", draw()).await.unwrap();
    let share = next(&mut ada, |kind| match kind {
        EventKind::Drawn(Drawn { by, coins, .. }) if by.name == "Bob" => Some(*coins),
        _ => None,
    })
    .await;
    assert!((1..60).contains(&share));
    assert_eq!(spend(&mut bob, "d2", draw()).await, Ok(mine), "a second tap is the first");
    spend(&mut cem, "d3", draw()).await.unwrap();
    assert_eq!(wallet(&mut cem).await, 60 - share, "the last one gets all that is left");
    assert_eq!(spend(&mut dora, "d4", draw()).await, Err(Code::PacketOver));
    let again = Chat::hello(&stage, Some(bob.token.clone()), None, None).await.unwrap();
    assert!(again.shows.packets.is_empty());
    // The creator's own are new coins.
    let put = spend(&mut owner, "put", packet(10, 1)).await.unwrap();
    spend(&mut dora, "d5", Spend::Draw { packet: put }).await.unwrap();
    let mut coins = 0;
    while coins == 0 {
        coins = wallet(&mut dora).await;
    }
    assert_eq!(coins, 10);
}

async fn what_is_left_in_a_red_packet_goes_back(ground: Ground) {
    let folder = Folder::new();
    let stage = ground.stage_in(&folder).await;
    let (mut owner, mut ada) = (Chat::owner(&stage).await, Chat::named(&stage, "Ada").await);
    let (mut bob, mut eve) = (Chat::named(&stage, "Bob").await, Chat::named(&stage, "Eve").await);
    grant(&mut owner, "grant-1", &ada.me.id, 100).await;
    grant(&mut owner, "grant-2", &eve.me.id, 100).await;
    let packet = |coins, takers| Spend::Packet { coins, takers, seconds: 600 };
    let first = spend(&mut ada, "put", packet(50, 3)).await.unwrap();
    let second = spend(&mut eve, "put", packet(40, 4)).await.unwrap();
    spend(&mut bob, "d1", Spend::Draw { packet: first }).await.unwrap();

    // The relay ends while both are open, and goes on with them.
    let (tokens, owner_token) = ([&ada, &bob, &eve].map(|chat| chat.token.clone()), stage.owner());
    let (eve_id, ada_id) = (eve.me.id.clone(), ada.me.id.clone());
    drop((owner, ada, bob, eve));
    stage.stop().await;
    let stage = ground.stage_in(&folder).await;
    let mut owner = Chat::hello(&stage, None, Some(owner_token.clone()), None).await.unwrap();
    let mut bob = Chat::hello(&stage, Some(tokens[1].clone()), None, None).await.unwrap();
    let open: Vec<_> = bob.shows.packets.iter().map(|open| (open.id, open.drawn, open.mine)).collect();
    assert!(
        matches!(open[..], [(one, 1, Some(share)), (two, 0, None)]
        if one == first && two == second && (1..50).contains(&share)),
        "{open:?}"
    );
    let share = open[0].2.unwrap();
    let first_again = spend(&mut bob, "d2", Spend::Draw { packet: first }).await;
    assert!(first_again.is_ok_and(|seq| seq > first), "the draw of before, and no coin more");
    spend(&mut bob, "d3", Spend::Draw { packet: second }).await.unwrap();
    let other = next(&mut owner, |kind| match kind {
        EventKind::Drawn(Drawn { packet, coins, .. }) if *packet == second => Some(*coins),
        _ => None,
    })
    .await;

    // Who gave it is banned, or is erased: it is over, and what is left is theirs.
    owner.moderate("ban", Action::Ban { user: eve_id, range: false }).await.unwrap();
    let over = next(&mut bob, |kind| match kind {
        EventKind::PacketOver(over) => Some(over.clone()),
        _ => None,
    });
    let PacketOver { packet, coins, to, .. } = over.await;
    assert_eq!((packet, coins, to.name.as_str()), (second, 40 - other, "Eve"));
    let bearer = format!("Bearer {owner_token}");
    let path = format!("/api/v1/rooms/main/people/{ada_id}");
    let erased =
        stage.ask(axum::http::Method::DELETE, &path, &[("authorization", bearer.as_str())], "").await;
    assert_eq!(erased.status, 204);
    assert_eq!(spend(&mut bob, "d4", Spend::Draw { packet: first }).await, Err(Code::PacketOver));
    let books = stage
        .ask(
            axum::http::Method::GET,
            "/api/v1/rooms/main/receipts",
            &[("authorization", bearer.as_str())],
            "",
        )
        .await;
    let rows = books.json();
    let rests: Vec<u64> = rows
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["kind"] == "rest")
        .map(|row| row["amount"].as_u64().unwrap())
        .collect();
    assert_eq!(rests, [40 - other, 50 - share]);
}

async fn strip(chat: &mut Chat, standing: usize) -> Vec<Standing> {
    chat.until(|message| match message {
        ServerMessage::Strip { strip } if strip.len() == standing => Some(strip),
        _ => None,
    })
    .await
}

async fn a_paid_message_stands_above_the_chat(ground: Ground) {
    let stage = ground.stage().await;
    let (mut owner, mut ada) = (Chat::owner(&stage).await, Chat::named(&stage, "Ada").await);
    let mut bob = Chat::named(&stage, "Bob").await;
    grant(&mut owner, "grant", &ada.me.id, 200).await;
    let rules = Rules { words: vec!["spoil*".to_owned()], slow_s: 30, unique: true, ..Rules::default() };
    owner.moderate("rules", Action::SetRules { rules }).await.unwrap();
    let say = |text: &str, coins| Spend::Say { text: text.to_owned(), coins };
    for (n, (what, code)) in [
        (say("cheap", 9), Code::Malformed),
        (say("dear", 1_000_001), Code::Malformed),
        (say(" ", 50), Code::Empty),
        (say(&"x".repeat(301), 50), Code::TooLong),
        (say("a spoiler", 50), Code::AgainstRules),
        // What is not said is nobody's turn in slow mode, and can be said again.
        (say("Happy birthday <b>", 500), Code::TooFewCoins),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(spend(&mut ada, &format!("w{n}"), what).await, Err(code), "{n}");
    }
    let said = spend(&mut ada, "say", say("Happy birthday <b>", 50)).await.unwrap();
    assert_eq!(spend(&mut ada, "slow", say("and more", 50)).await, Err(Code::TooFast));
    let event = bob.event().await;
    let EventKind::Paid(Paid { text, coins, entry, until, .. }) = event.kind else { panic!("{event:?}") };
    assert_eq!((event.seq, text.as_str(), coins, until), (said, "Happy birthday <b>", 50, event.at + 60_000));
    let told = strip(&mut bob, 1).await;
    assert_eq!((told[0].id.0, &told[0].paid.by.name), (said.0, &"Ada".to_owned()));
    assert_eq!(told[0].paid.by.badges.given, 1, "and it counts as given");
    let late = Chat::join(&stage).await;
    assert_eq!(late.shows.strip, told);
    assert!(matches!(&late.history[..], [event] if matches!(&event.kind, EventKind::Paid(_))));

    let message = MessageId(said.0);
    owner.moderate("delete", Action::Delete { message }).await.unwrap();
    strip(&mut bob, 0).await;
    assert!(Chat::join(&stage).await.history.is_empty());
    owner.moderate("restore", Action::Restore { message }).await.unwrap();
    strip(&mut bob, 1).await;
    owner.moderate("ban", Action::Ban { user: ada.me.id.clone(), range: false }).await.unwrap();
    strip(&mut bob, 0).await;
    owner.moderate("pardon", Action::Pardon { user: ada.me.id.clone() }).await.unwrap();
    strip(&mut bob, 1).await;
    refund(&mut owner, "back", entry).await;
    strip(&mut bob, 0).await;
    let late = Chat::join(&stage).await;
    assert!(late.history.is_empty() && late.shows.strip.is_empty(), "{:?}", late.history);
    let mut ada = Chat::hello(&stage, Some(ada.token.clone()), None, None).await.unwrap();
    assert_eq!(wallet(&mut ada).await, 200);
}

async fn answer(chat: &mut Chat, name: &str, reply: MessageId) -> Result<Seq, Code> {
    let text = format!("indeed, {name}");
    chat.send(&ClientMessage::Say { nonce: nonce(name), text, fly: None, reply: Some(reply) }).await;
    chat.answer(name).await.map_err(|(code, _)| code)
}

/// What the answer quotes for somebody who comes.
async fn quoted(stage: &Stage, answer: Seq) -> Quote {
    let late = Chat::join(stage).await;
    let found = late.history.into_iter().find(|event| event.seq == answer);
    match found.map(|event| event.kind) {
        Some(EventKind::Said { reply: Some(reply), .. }) => *reply,
        other => panic!("{other:?}"),
    }
}

async fn a_paid_message_is_answered_and_reported(ground: Ground) {
    let folder = Folder::new();
    let stage = ground.stage_in(&folder).await;
    let (mut owner, mut ada) = (Chat::owner(&stage).await, Chat::named(&stage, "Ada").await);
    let mut bob = Chat::named(&stage, "Bob").await;
    grant(&mut owner, "grant", &ada.me.id, 200).await;
    let say = Spend::Say { text: "Buy my hats".to_owned(), coins: 50 };
    let message = MessageId(spend(&mut ada, "say", say).await.unwrap().0);
    let entry = next(&mut bob, |kind| match kind {
        EventKind::Paid(paid) => Some(paid.entry),
        _ => None,
    })
    .await;
    let answered = answer(&mut bob, "b1", message).await.unwrap();
    assert_eq!(quoted(&stage, answered).await.of.unwrap().text, "Buy my hats");

    let report = Report { nonce: nonce("r"), message, ground: Wrong::Spam, words: String::new() };
    bob.send(&ClientMessage::Report(report)).await;
    bob.answer("r").await.unwrap();
    let case = owner
        .until(|message| match message {
            ServerMessage::Reports { cases } => cases.into_iter().next(),
            _ => None,
        })
        .await;
    assert_eq!((case.message, case.text.as_str(), &case.by.id), (message, "Buy my hats", &ada.me.id));
    owner.moderate("act", Action::Uphold { message }).await.unwrap();
    strip(&mut bob, 0).await;
    assert_eq!(quoted(&stage, answered).await, Quote::gone(message));
    assert_eq!(answer(&mut bob, "b2", message).await, Err(Code::NotFound));
    owner.moderate("lift", Action::Lift { message }).await.unwrap();
    assert!(quoted(&stage, answered).await.of.is_some(), "it is back");

    // Taking it away gives no coins back; that is the creator's to do, and then nobody answers it.
    refund(&mut owner, "back", entry).await;
    assert_eq!(quoted(&stage, answered).await, Quote::gone(message));
    assert_eq!(answer(&mut bob, "b3", message).await, Err(Code::NotFound));
    stage.stop().await;
    let stage = ground.stage_in(&folder).await;
    assert_eq!(quoted(&stage, answered).await, Quote::gone(message));
    stage.stop().await;
}

/// The shortest time that a packet has is a minute, and this takes as long: nothing is set forward.
#[tokio::test(flavor = "multi_thread")]
async fn a_red_packet_that_nobody_empties_ends_at_its_time() {
    let stage = Ground::Alone.stage().await;
    let (mut owner, mut ada) = (Chat::owner(&stage).await, Chat::named(&stage, "Ada").await);
    let mut bob = Chat::named(&stage, "Bob").await;
    grant(&mut owner, "grant", &ada.me.id, 100).await;
    let what = Spend::Packet { coins: 50, takers: 3, seconds: PACKET_SECONDS.0 };
    let packet = spend(&mut ada, "put", what).await.unwrap();
    spend(&mut bob, "d1", Spend::Draw { packet }).await.unwrap();
    let (put, share) = next(&mut owner, |kind| match kind {
        EventKind::Drawn(drawn) => Some((drawn.packet, drawn.coins)),
        _ => None,
    })
    .await;
    assert_eq!(put, packet);
    // The room looks once a second.
    let (ada_token, bob_token) = (ada.token.clone(), bob.token.clone());
    drop((owner, ada, bob));
    tokio::time::sleep(Duration::from_secs(u64::from(PACKET_SECONDS.0) - 5)).await;
    let mut ada = Chat::hello(&stage, Some(ada_token.clone()), None, None).await.unwrap();
    assert_eq!(ada.shows.packets.len(), 1, "it is open until its time");
    let over = next(&mut ada, |kind| match kind {
        EventKind::PacketOver(over) => Some(over.clone()),
        _ => None,
    })
    .await;
    assert_eq!((over.packet, over.coins, &over.to.id), (packet, 50 - share, &ada.me.id));
    let mut bob = Chat::hello(&stage, Some(bob_token), None, None).await.unwrap();
    assert_eq!(spend(&mut bob, "d2", Spend::Draw { packet }).await, Err(Code::PacketOver));
    let mut ada = Chat::hello(&stage, Some(ada_token), None, None).await.unwrap();
    let mut bob = Chat::hello(&stage, Some(bob.token), None, None).await.unwrap();
    assert_eq!((wallet(&mut ada).await, wallet(&mut bob).await), (100 - share, share), "no coin is lost");
    stage.stop().await;
}

async fn a_membership_is_paid_by_the_month(ground: Ground) {
    let folder = Folder::new();
    let stage = ground.stage_in(&folder).await;
    let (mut owner, mut ada) = (Chat::owner(&stage).await, Chat::named(&stage, "Ada").await);
    grant(&mut owner, "grant", &ada.me.id, 100).await;
    let member = || Spend::Member {};
    assert_eq!(spend(&mut ada, "m0", member()).await, Err(Code::NotFound), "none is offered");
    let terms = |membership| Arrange::Terms { terms: Terms { hidden: false, membership } };
    assert_eq!(arrange(&mut owner, "t0", terms(1_000_001)).await, Err(Code::BadSetting));
    assert_eq!(arrange(&mut owner, "t1", terms(30)).await, Ok(()));
    assert_eq!(spend(&mut owner, "m1", member()).await, Err(Code::Forbidden));
    let first = spend(&mut ada, "m2", member()).await.unwrap();
    let until = |message| match message {
        ServerMessage::Membership { until } => until,
        _ => None,
    };
    let once = ada.until(until).await;
    assert_eq!(spend(&mut ada, "m2", member()).await, Ok(first), "a page that heard no answer");
    spend(&mut ada, "m3", member()).await.unwrap();
    assert_eq!(ada.until(until).await, once + MONTH_MS, "early, nothing is lost");
    ada.say("s", "hello").await.unwrap();
    let (mut months, mut said) = (Vec::new(), None);
    let mut entry = 0;
    while said.is_none() {
        match owner.event().await.kind {
            EventKind::BecameMember(BecameMember { by, coins, months: paid, entry: row }) => {
                entry = row;
                months.push((by.badges.months, coins, paid));
            }
            EventKind::Said { by, .. } => said = Some(by.badges),
            _ => {}
        }
    }
    assert_eq!(months, [(1, 30, 1), (1, 30, 2)]);
    assert_eq!(said, Some(Badges { given: 1, months: 1 }));

    let (token, owner_token) = (ada.token.clone(), stage.owner());
    drop((owner, ada));
    stage.stop().await;
    let stage = ground.stage_in(&folder).await;
    let mut ada = Chat::hello(&stage, Some(token), None, None).await.unwrap();
    assert_eq!((ada.me.badges.months, ada.shows.member_until), (1, Some(once + MONTH_MS)));
    assert_eq!(ada.shows.terms.membership, 30);
    let mut owner = Chat::hello(&stage, None, Some(owner_token), None).await.unwrap();
    refund(&mut owner, "back", entry).await;
    assert_eq!(ada.until(until).await, once);
    for name in ["m4", "m5"] {
        assert_eq!(spend(&mut ada, name, member()).await.map(drop), Ok(()));
    }
    assert_eq!(spend(&mut ada, "m6", member()).await, Err(Code::TooFewCoins));
}
