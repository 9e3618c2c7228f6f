//! The database as its operator handles it: copies while the relay runs and while it does not, moving, and old chat.

use axum::http::{Method, StatusCode};
use footlight_relay::Config;

use crate::member::Chat;
use crate::process::program;
use crate::stage::{Folder, Stage, config};

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_copies_the_database_while_the_room_goes_on() {
    let (folder, other) = (Folder::new(), Folder::new());
    let stage = Stage::in_folder(&folder).await;
    let mut ada = Chat::named(&stage, "Ada").await;
    ada.say("1", "before").await.unwrap();
    let token = format!("Bearer {}", stage.owner());
    let headers = [("authorization", token.as_str())];
    assert_eq!(stage.ask(Method::POST, "/api/v1/backup", &[], "").await.status, StatusCode::UNAUTHORIZED);
    let (made, said) =
        tokio::join!(stage.ask(Method::POST, "/api/v1/backup", &headers, ""), ada.say("2", "meanwhile"));
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    said.unwrap();
    ada.say("3", "after").await.unwrap();
    let made = made.json();
    let path = folder.0.join(made["file"].as_str().unwrap());
    assert_eq!(std::fs::metadata(&path).unwrap().len(), made["bytes"].as_u64().unwrap());
    // Another relay goes on with the copy: the same person, what was said until then, and the same owner.
    std::fs::copy(path, other.0.join("footlight.db")).unwrap();
    let second = Stage::in_folder(&other).await;
    let back = Chat::hello(&second, Some(ada.token.clone()), None, None).await.unwrap();
    assert_eq!((back.me.name.as_str(), back.me.id), ("Ada", ada.me.id));
    let texts = serde_json::to_string(&back.history).unwrap();
    assert!(texts.contains("before") && !texts.contains("after"), "{texts}");
    second.stop().await;
    // Who has the token does not fill the disk.
    for n in 1..20 {
        std::fs::write(folder.0.join("backups").join(n.to_string()), "").unwrap();
    }
    let full = stage.ask(Method::POST, "/api/v1/backup", &headers, "").await;
    assert_eq!((full.status, full.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "full"));
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_copies_and_moves_what_no_relay_uses_and_says_why_it_does_not() {
    let (folder, other) = (Folder::new(), Folder::new());
    let stage = Stage::in_folder(&folder).await;
    Chat::named(&stage, "Ada").await.say("1", "hello").await.unwrap();
    let run = |args: &[&str]| {
        let output = program().arg("--data").arg(&folder.0).args(args).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (copy, target) = (other.0.join("copy.db"), other.0.join("moved"));
    let (copy, target) = (copy.to_str().unwrap(), target.to_str().unwrap());
    let (status, _, says) = run(&["--backup", copy]);
    assert!(status == Some(2) && says.contains("another relay is using it"), "{says}");
    stage.stop().await;
    let (status, told, says) = run(&["--backup", copy]);
    assert!(status == Some(0) && told.contains("bytes"), "{told}{says}");
    let (status, _, says) = run(&["--backup", copy]);
    assert!(status == Some(2) && says.lines().count() == 1 && says.contains("copy.db"), "{says}");
    let (status, told, says) = run(&["--move-to", target]);
    assert!(status == Some(0) && told.contains("rows of"), "{told}{says}");
    for (place, why) in [
        (target, "not empty"),
        ("postgres://me:hidden@localhost/x", "env:NAME"),
        ("env:NO_SUCH_VARIABLE", "environment variable"),
    ] {
        let (status, _, says) = run(&["--move-to", place]);
        assert!(status == Some(2) && says.contains(why) && !says.contains("hidden"), "{place}: {says}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_keeps_chat_for_days_keeps_what_is_new() {
    let folder = Folder::new();
    let stage = Stage::with(Config { keep_chat_days: 1, ..config(&folder) }).await;
    Chat::named(&stage, "Ada").await.say("1", "of today").await.unwrap();
    let owner = stage.owner();
    stage.stop().await;
    let stage = Stage::with(Config { keep_chat_days: 1, ..config(&folder) }).await;
    let chat = Chat::hello(&stage, None, Some(owner), None).await.unwrap();
    assert_eq!(chat.history.len(), 1);
    stage.stop().await;
}
