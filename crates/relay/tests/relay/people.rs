//! What the relay knows about a person is theirs to see, and gone when they say so: from the database, the log beside it,
//! the room's memory and the relay's own words.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;

use axum::http::{Method, StatusCode};
use footlight_protocol::moderation::{Links, Rules};
use footlight_protocol::room::{Action, ClientMessage, EventKind, ServerMessage};
use footlight_protocol::{Code, MessageId};
use footlight_relay::{Config, Secret};
use serde_json::Value;

use crate::member::Chat;
use crate::postgres::Server;
use crate::stage::{Folder, Stage, config};

/// Nothing else in the world has these letters.
const NAME: &str = "Zyxwvname";
const SAID: &str = "qwzxsaid one thing";
const DELETED: &str = "qwzxdeleted another";
const HELD: &str = "qwzxheld https://a.example";
const NOTED: &str = "qwzxnoted by the owner";
/// What they were called first.
const FORMER: &str = "Zyxwvname the first";

/// What this process logs from when it is first asked on, all tests together.
fn log() -> &'static Mutex<Vec<u8>> {
    static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());
    struct Line;
    impl Write for Line {
        fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
            LOG.lock().unwrap().write(line)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let log = tracing_subscriber::fmt().with_env_filter("footlight_relay=trace").with_writer(|| Line);
    // Refused where it is there already.
    let _ = log.try_init();
    &LOG
}

async fn lived(stage: &Stage) -> (Chat, Chat) {
    let mut owner = Chat::owner(stage).await;
    let mut zoe = Chat::named(stage, FORMER).await;
    zoe.send(&ClientMessage::Name { name: NAME.to_owned() }).await;
    zoe.say("s1", SAID).await.unwrap();
    let deleted = zoe.say("s2", DELETED).await.unwrap();
    owner.moderate("m1", Action::Delete { message: MessageId(deleted.0) }).await.unwrap();
    owner
        .moderate("m2", Action::SetRules { rules: Rules { links: Links::Hold, ..Rules::default() } })
        .await
        .unwrap();
    assert_eq!(zoe.say("s3", HELD).await.unwrap_err().0, Code::Held);
    let user = zoe.me.id.clone();
    owner.moderate("m3", Action::Timeout { user: user.clone(), seconds: 1 }).await.unwrap();
    owner.moderate("m4", Action::Pardon { user: user.clone() }).await.unwrap();
    owner.moderate("m5", Action::Restrict { user: user.clone() }).await.unwrap();
    let note =
        ClientMessage::AddNote { nonce: "n1".parse().unwrap(), user: user.clone(), text: NOTED.to_owned() };
    owner.send(&note).await;
    owner.until(|message| matches!(message, ServerMessage::Card { .. }).then_some(())).await;
    owner.send(&ClientMessage::Grant { nonce: "g1".parse().unwrap(), user, coins: 10 }).await;
    owner.answer("g1").await.unwrap();
    let gift =
        ClientMessage::SendGift { nonce: "g2".parse().unwrap(), gift: "rose".parse().unwrap(), count: 2 };
    zoe.send(&gift).await;
    zoe.answer("g2").await.unwrap();
    (owner, zoe)
}

/// Files in the folder that have these bytes.
pub(crate) fn with(folder: &Path, what: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(with(&path, what));
        // A database may take its files away meanwhile.
        } else if holds(&fs::read(&path).unwrap_or_default(), what.as_bytes()) {
            found.push(path.display().to_string());
        }
    }
    found
}

fn holds(bytes: &[u8], what: &[u8]) -> bool {
    let begins = bytes.iter().enumerate().filter(|(_, byte)| **byte == what[0]);
    begins.into_iter().any(|(at, _)| bytes[at..].starts_with(what))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_sees_all_that_is_known_of_them_and_nobody_else_does() {
    let stage = Stage::new().await;
    let (_owner, zoe) = lived(&stage).await;
    let path = format!("/api/v1/rooms/main/people/{}", zoe.me.id);
    let own = format!("Bearer {}", zoe.token);
    let answer = stage.ask(Method::GET, &path, &[("authorization", &own)], "").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    for mark in [FORMER, NAME, SAID, DELETED, HELD, "\"restricted\"", "rose", "gifted", "timed_out"] {
        assert!(answer.body.contains(mark), "{mark} is not in {}", answer.body);
    }
    let mut all: Value = serde_json::from_str(&answer.body).unwrap();
    for table in ["event", "person", "former_name", "standing", "purse", "account", "entry", "given", "held"]
    {
        assert!(all[table].as_array().is_some_and(|rows| !rows.is_empty()), "{table}: {}", all[table]);
    }
    let ann = Chat::named(&stage, "Ann").await;
    let other = format!("Bearer {}", ann.token);
    for headers in [&[][..], &[("authorization", other.as_str())][..]] {
        for method in [Method::GET, Method::DELETE] {
            assert_eq!(stage.ask(method, &path, headers, "").await.status, StatusCode::UNAUTHORIZED);
        }
    }
    let owner = format!("Bearer {}", stage.owner());
    let theirs = stage.ask(Method::GET, &path, &[("authorization", &owner)], "").await;
    let mut theirs = theirs.json();
    assert_eq!(theirs["note"][0]["text"], NOTED);
    theirs.as_object_mut().unwrap().remove("note");
    // Written down meanwhile.
    for all in [&mut theirs, &mut all] {
        all.as_object_mut().unwrap().remove("visit");
    }
    assert_eq!(theirs, all, "the owner sees the same, and what was noted");
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_erased_leaves_no_byte_behind_and_the_books_still_balance() {
    let folder = Folder::new();
    erased_whole(config(&folder), &folder.0, || ()).await;
}

/// Where the server keeps nothing of its log that it does not need, as the manual says.
#[tokio::test(flavor = "multi_thread")]
async fn nor_on_postgresql_in_its_files_its_statistics_or_its_log() {
    let (folder, server) = (Folder::new(), Server::start("erasing", &["wal_recycle=off"]));
    let url = server.database();
    let name = url.split(['/', '?']).find(|part| part.starts_with("test")).unwrap();
    let samples = || assert!(server.psql(name, "ANALYZE").status().unwrap().success());
    let config = Config { database: Some(Secret::new(url.clone())), ..config(&folder) };
    erased_whole(config, &server.0, samples).await;
    assert_eq!(with(&folder.0, "qwzx"), Vec::<String>::new(), "nothing is kept beside the server");
}

/// `meanwhile` happens before the person is erased.
async fn erased_whole(config: Config, folder: &Path, meanwhile: impl FnOnce()) {
    let log = log();
    let stage = Stage::with(config).await;
    let owner_token = stage.owner();
    let (mut owner, mut zoe) = lived(&stage).await;
    let mut ann = Chat::named(&stage, "Ann").await;
    ann.say("a1", "I stay").await.unwrap();
    owner.moderate("ban", Action::Ban { user: zoe.me.id.clone(), range: false }).await.unwrap();
    let id = zoe.me.id.to_string();
    assert!(!with(folder, &id).is_empty() && !with(folder, SAID).is_empty(), "there is something to erase");
    meanwhile();
    let path = format!("/api/v1/rooms/main/people/{id}");
    let token = format!("Bearer {}", zoe.token);
    let erased = stage.ask(Method::DELETE, &path, &[("authorization", &token)], "").await;
    assert_eq!(erased.status, StatusCode::NO_CONTENT, "{}", erased.body);
    let told = ann.until(|message| match message {
        ServerMessage::Erased { user } => Some(user.to_string()),
        _ => None,
    });
    assert_eq!(told.await, id);
    for mark in [id.as_str(), NAME, "qwzx"] {
        assert_eq!(with(folder, mark), Vec::<String>::new(), "{mark}");
    }
    // Twice is as good as once.
    assert_eq!(
        stage.ask(Method::DELETE, &path, &[("authorization", &token)], "").await.status,
        StatusCode::NO_CONTENT
    );
    let late = Chat::join(&stage).await;
    assert!(
        late.history
            .iter()
            .all(|event| matches!(&event.kind, EventKind::Said { text, .. } if text == "I stay"))
    );
    // The ban holds, though nobody can say any more whose it is.
    assert!(Chat::hello(&stage, Some(zoe.token.clone()), None, None).await.is_err());
    let receipts = stage
        .ask(
            Method::GET,
            "/api/v1/rooms/main/receipts",
            &[("authorization", &format!("Bearer {owner_token}"))],
            "",
        )
        .await;
    let receipts: Vec<footlight_protocol::gift::Receipt> = serde_json::from_str(&receipts.body).unwrap();
    assert_eq!(receipts.len(), 2);
    assert!(
        receipts.iter().all(|receipt| receipt.hash == crate::gifts::hash(receipt)),
        "the books still hold"
    );
    zoe.closed().await;
    stage.stop().await;
    for mark in [id.as_str(), NAME, "qwzx"] {
        assert_eq!(with(folder, mark), Vec::<String>::new(), "{mark} after the end");
    }
    let log = String::from_utf8(log.lock().unwrap().clone()).unwrap();
    assert!(log.contains("somebody was erased"), "the log is listened to");
    for mark in [id.as_str(), NAME, "qwzx", zoe.token.as_str()] {
        let line = log.lines().find(|line| line.contains(mark));
        assert_eq!(line, None, "{mark}");
    }
}
