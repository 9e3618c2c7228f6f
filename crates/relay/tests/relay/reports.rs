//! Reports of viewers: what moderators see of them, the ladder, and those who report to do harm.

use std::time::Duration;

use axum::http::{Method, StatusCode, header};
use footlight_protocol::moderation::Audit;
use footlight_protocol::report::{Case, Ground, Notice, Report, Step};
use footlight_protocol::room::{Action, ClientMessage, EventKind, ServerMessage};
use footlight_protocol::{Code, MessageId, Seq};
use footlight_relay::Config;

use crate::member::Chat;
use crate::span::{Ground as Field, on_both_grounds};
use crate::stage::{Folder, Stage, config};

on_both_grounds! {
    what_is_reported_goes_and_its_author_climbs_the_ladder,
    who_reports_falsely_is_not_heard_any_more_and_nobody_learns_who_reported,
    what_is_no_report_is_refused_and_says_why,
}

type Answer = Result<Seq, (Code, Option<u32>)>;

async fn report(chat: &mut Chat, nonce: &str, message: MessageId, words: &str) -> Answer {
    let (id, words) = (nonce.parse().unwrap(), words.to_owned());
    let report = Report { nonce: id, message, ground: Ground::Insult, words };
    chat.send(&ClientMessage::Report(report)).await;
    chat.answer(nonce).await
}

/// Says it as soon as the person may: nobody says more than five things in five seconds.
async fn patiently(chat: &mut Chat, nonce: &str, text: &str) -> Seq {
    loop {
        match chat.say(nonce, text).await {
            Ok(seq) => return seq,
            Err((Code::TooFast, Some(after))) => {
                tokio::time::sleep(Duration::from_millis(after.into())).await
            }
            Err(refused) => panic!("{refused:?}"),
        }
    }
}

/// Waits until moderators are told of so many.
async fn cases(owner: &mut Chat, count: usize) -> Vec<Case> {
    owner
        .until(|message| match message {
            ServerMessage::Reports { cases } => (cases.len() == count).then_some(cases),
            _ => None,
        })
        .await
}

async fn audit(stage: &Stage) -> String {
    let token = format!("Bearer {}", stage.owner());
    stage.ask(Method::GET, "/api/v1/rooms/main/audit", &[("authorization", &token)], "").await.body
}

async fn what_is_reported_goes_and_its_author_climbs_the_ladder(field: Field) {
    let folder = Folder::new();
    let stage = field.stage_in(&folder).await;
    let mut owner = Chat::owner(&stage).await;
    let mut bob = Chat::named(&stage, "Bob").await;
    let mut last = None;
    for (n, step) in Step::LADDER.into_iter().enumerate() {
        let said = patiently(&mut bob, &format!("b{n}"), &format!("you are {n}")).await;
        let message = MessageId(said.0);
        let mut ann = Chat::named(&stage, "Ann").await;
        report(&mut ann, "r", message, "he means me").await.unwrap();
        // Once more is once.
        report(&mut ann, "r2", message, "really").await.unwrap();
        let case = cases(&mut owner, 1).await.remove(0);
        assert_eq!((case.message, case.people, case.next), (message, 1, step));
        assert_eq!((case.words.as_slice(), &case.by.id), (&["he means me".to_owned()][..], &bob.me.id));
        owner.moderate(&format!("act{n}"), Action::Uphold { message }).await.unwrap();
        let told: Notice = bob
            .until(|message| match message {
                ServerMessage::Notice { notice } => Some(notice),
                _ => None,
            })
            .await;
        assert_eq!((told.ground, told.step, told.next), (Some(Ground::Insult), step, Step::after(n + 1)));
        assert!(Chat::join(&stage).await.history.is_empty(), "the message is gone");
        if let Some(seconds) = step.seconds() {
            let (code, after) = bob.say(&format!("muted{n}"), "what?").await.unwrap_err();
            assert_eq!(code, Code::TimedOut);
            let most = seconds * 1_000;
            assert!(after.is_some_and(|ms| (most - 20_000..=most).contains(&ms)), "{after:?} for {step:?}");
            // Mercy does not take the step back.
            owner.moderate(&format!("free{n}"), Action::Pardon { user: bob.me.id.clone() }).await.unwrap();
        }
        last = Some(message);
    }
    bob.closed().await;
    assert!(Chat::hello(&stage, Some(bob.token.clone()), None, None).await.is_err(), "the ladder ends");

    // The record has it all, and the last step is undone whole.
    let record: Audit = serde_json::from_str(&audit(&stage).await).unwrap();
    let steps: Vec<_> = record
        .acts
        .iter()
        .filter_map(|act| match &act.event.kind {
            EventKind::Upheld(upheld) => Some((upheld.step, act.automated, act.facts.len())),
            _ => None,
        })
        .collect();
    assert_eq!(steps, Step::LADDER.map(|step| (step, false, 1)));
    let message = last.unwrap();
    owner.moderate("lift", Action::Lift { message }).await.unwrap();
    assert_eq!(owner.moderate("again", Action::Lift { message }).await, Err((Code::NotFound, None)));
    assert_eq!(Chat::join(&stage).await.history.len(), 1);
    let mut bob = Chat::hello(&stage, Some(bob.token.clone()), None, None).await.unwrap();
    let message = MessageId(patiently(&mut bob, "more", "I am back").await.0);
    let mut ann = Chat::named(&stage, "Ann").await;
    report(&mut ann, "r", message, "").await.unwrap();
    assert_eq!(cases(&mut owner, 1).await[0].next, Step::Ban, "four steps stand");

    // What waits outlives a restart.
    let stage_owner = stage.owner();
    stage.stop().await;
    let stage = field.stage_in(&folder).await;
    let mut owner = Chat::hello(&stage, None, Some(stage_owner.clone()), None).await.unwrap();
    let desk = owner.desk.clone().unwrap();
    assert_eq!((desk.reports.len(), desk.reports[0].message, desk.reports[0].next), (1, message, Step::Ban));
    owner.moderate("no", Action::Dismiss { message }).await.unwrap();
    // A message that was looked at does not come back.
    let mut eve = Chat::named(&stage, "Eve").await;
    report(&mut eve, "r", message, "but look").await.unwrap();
    let late = Chat::hello(&stage, None, Some(stage_owner), None).await.unwrap();
    assert_eq!(late.desk.unwrap().reports, []);
    stage.stop().await;
}

async fn who_reports_falsely_is_not_heard_any_more_and_nobody_learns_who_reported(field: Field) {
    let stage = field.stage().await;
    let mut owner = Chat::owner(&stage).await;
    let mut bob = Chat::named(&stage, "Bob").await;
    let mut troll = Chat::named(&stage, "Trollname").await;
    let mut told = String::new();
    for n in 0..3 {
        let message = MessageId(bob.say(&format!("b{n}"), &format!("nice {n}")).await.unwrap().0);
        report(&mut troll, &format!("r{n}"), message, "ban him").await.unwrap();
        let found = cases(&mut owner, 1).await;
        told += &serde_json::to_string(&found).unwrap();
        assert_eq!(found[0].message, message, "report {n} is heard");
        owner.moderate(&format!("no{n}"), Action::Dismiss { message }).await.unwrap();
    }
    // A fourth in the same minute waits; from a friend's page it is the friend's.
    let message = MessageId(bob.say("b", "still nice").await.unwrap().0);
    let (code, after) = report(&mut troll, "r", message, "").await.unwrap_err();
    assert!(code == Code::TooFast && after.is_some(), "{after:?}");
    let mut ann = Chat::named(&stage, "Ann").await;
    report(&mut ann, "r", message, "").await.unwrap();
    assert_eq!(cases(&mut owner, 1).await[0].people, 1);

    // Their identity is told to nobody, and stands in their own export.
    told += &audit(&stage).await;
    let id = troll.me.id.to_string();
    for mark in [id.as_str(), "Trollname"] {
        assert!(told.contains("nice 0") && !told.contains(mark), "{mark} in {told}");
    }
    let export = async |chat: &Chat| {
        let path = format!("/api/v1/rooms/main/people/{}", chat.me.id);
        let token = format!("Bearer {}", chat.token);
        stage.ask(Method::GET, &path, &[("authorization", &token)], "").await.body
    };
    let (theirs, bobs) = (export(&troll).await, export(&bob).await);
    assert!(theirs.contains("ban him") && !bobs.contains("ban him") && !bobs.contains(&id), "{bobs}");
    stage.stop().await;
}

async fn what_is_no_report_is_refused_and_says_why(field: Field) {
    let stage = field.stage().await;
    let mut owner = Chat::owner(&stage).await;
    let (mut ann, mut bob) = (Chat::named(&stage, "Ann").await, Chat::named(&stage, "Bob").await);
    let of = |said: Seq| MessageId(said.0);
    let (own, owners) = (of(ann.say("1", "mine").await.unwrap()), of(owner.say("1", "hello").await.unwrap()));
    let theirs = of(bob.say("1", "his").await.unwrap());
    for (n, (message, words, code)) in [
        (own, "", Code::Forbidden),
        (owners, "", Code::Forbidden),
        (MessageId(99), "", Code::NotFound),
        (theirs, &*"x".repeat(201), Code::TooLong),
    ]
    .into_iter()
    .enumerate()
    {
        let refused = report(&mut ann, &format!("no{n}"), message, words).await;
        assert_eq!(refused, Err((code, None)), "{n}");
    }
    for action in [Action::Uphold { message: theirs }, Action::Dismiss { message: theirs }] {
        assert_eq!(ann.moderate("m", action.clone()).await, Err((Code::Forbidden, None)));
        // Nothing is reported: nothing is done.
        let before = owner.moderate("m", action).await.unwrap();
        assert!(before <= Seq(theirs.0), "{before:?}");
    }
    report(&mut ann, "yes", theirs, "").await.unwrap();
    cases(&mut owner, 1).await;
    // What a moderator takes away by hand needs nobody's look.
    owner.moderate("gone", Action::Delete { message: theirs }).await.unwrap();
    cases(&mut owner, 0).await;
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_record_is_a_table_of_reasons_that_no_text_turns_into_a_formula() {
    let folder = Folder::new();
    let stage = Stage::with(Config { appeal: Some("mod@example.org".to_owned()), ..config(&folder) }).await;
    let mut owner = Chat::owner(&stage).await;
    let mut bob = Chat::named(&stage, "=Bob").await;
    let said = bob.say("1", "=HYPERLINK(\"http://evil.example\")").await.unwrap();
    owner.moderate("d", Action::Delete { message: MessageId(said.0) }).await.unwrap();
    // More than one page of the record.
    for n in 0..101 {
        let user = bob.me.id.clone();
        owner.moderate(&format!("a{n}"), Action::Restrict { user: user.clone() }).await.unwrap();
        owner.moderate(&format!("b{n}"), Action::Unmark { user }).await.unwrap();
    }
    let token = format!("Bearer {}", stage.owner());
    let headers = [("authorization", token.as_str())];
    let path = "/api/v1/rooms/main/audit?format=csv";
    let table = stage.ask(Method::GET, path, &headers, "").await;
    assert_eq!(table.header(header::CONTENT_TYPE), "text/csv; charset=utf-8");
    assert!(table.header(header::CONTENT_DISPOSITION).contains("footlight-main-audit.csv"));
    let lines: Vec<&str> = table.body.lines().collect();
    assert_eq!(lines.len(), 1 + 1 + 202, "{}", lines[0]);
    assert!(lines[0].starts_with("\u{feff}\"Number\""), "{}", lines[0]);
    for part in [
        "A message was taken away",
        "\"'=Bob\"",
        "=HYPERLINK(\"\"http://evil.example\"\")",
        "mod@example.org",
    ] {
        assert!(lines[1].contains(part), "{part} in {}", lines[1]);
    }
    // No cell begins as a formula does.
    for (line, cell) in lines.iter().flat_map(|line| line.split("\",\"").map(move |cell| (line, cell))) {
        assert!(!cell.trim_matches('"').starts_with(['=', '+', '-', '@']), "{cell} in {line}");
    }
    let chinese = stage.ask(Method::GET, &format!("{path}&lang=zh-CN"), &headers, "").await;
    assert!(chinese.body.contains("移除消息"), "{}", chinese.body);
    assert_eq!(stage.get(path).await.status, StatusCode::UNAUTHORIZED);
    let wrong = stage.ask(Method::GET, "/api/v1/rooms/main/audit?format=xml", &headers, "").await;
    assert_eq!((wrong.status, wrong.code().as_str()), (StatusCode::BAD_REQUEST, "malformed"));
    stage.stop().await;
}
