//! Copies of recordings in a bucket, with an S3 server of others.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use axum::http::{Method, StatusCode, header};
use footlight_relay::{Config, Secret, Upload};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::footage::{broadcast, footage};
use crate::member::Chat;
use crate::peer::Peer;
use crate::stage::{Folder, PATIENCE, Stage, ask, config};

const REPLAYS: &str = "/api/v1/rooms/main/replays";

/// moto, with a bucket and a user; gone with the value.
struct Moto {
    child: Child,
    endpoint: String,
    access: Secret,
    secret: Secret,
}

impl Moto {
    fn start() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let folders = root.join("target/tools/python");
        let mut found = std::fs::read_dir(&folders).into_iter().flatten().flatten().map(|entry| entry.path());
        let packages = found.find(|path| path.file_name().unwrap().to_string_lossy().starts_with("moto-"));
        let packages = packages.unwrap_or_else(|| {
            panic!("no moto in {}: run `cargo xtask test`, which installs it by pip", folders.display())
        });
        let mut child = Command::new("python3")
            .arg(root.join("tests/fixtures/s3.py"))
            .env("PYTHONPATH", packages)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("install the Debian package python3");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).expect("moto says where it is");
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        let (access, secret) = (Secret::new(text("access")), Secret::new(text("secret")));
        Self { child, endpoint: text("endpoint"), access, secret }
    }

    fn upload(&self, endpoint: &str) -> Upload {
        Upload {
            endpoint: endpoint.to_owned(),
            region: "eu-central-1".to_owned(),
            bucket: "recordings".to_owned(),
            prefix: "foot light/".to_owned(),
            access_key: self.access.clone(),
            secret_key: self.secret.clone(),
            delete_local: false,
            while_live: false,
        }
    }

    /// From now on it takes requests of everybody. Links are signed in their query, which moto does not check.
    async fn open_to_all(&self) {
        let reset = ask(&self.endpoint, Method::POST, "/moto-api/reset-auth", &[], "inf").await;
        assert_eq!(reset.status, StatusCode::OK, "{}", reset.body);
    }

    /// An object is its owner's; a link is taken for good as soon as there is a signature in it.
    async fn object(&self, name: &str) -> (StatusCode, String) {
        let link = format!("/recordings/foot%20light/main/{name}?X-Amz-Signature=any");
        let answer = ask(&self.endpoint, Method::GET, &link, &[], "").await;
        (answer.status, answer.body)
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A way to the bucket that breaks after so many bytes.
struct Line {
    address: String,
    carried: Arc<AtomicU64>,
    most: Arc<AtomicU64>,
}

impl Line {
    async fn to(endpoint: &str, most: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let target = endpoint.strip_prefix("http://").unwrap().to_owned();
        let (carried, most) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(most)));
        let line = Self { address, carried: carried.clone(), most: most.clone() };
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let (target, carried, most) = (target.clone(), carried.clone(), most.clone());
                tokio::spawn(async move {
                    let far = TcpStream::connect(target).await.unwrap();
                    let (mut near_read, mut near_write) = near.into_split();
                    let (mut far_read, mut far_write) = far.into_split();
                    let up = async {
                        let mut buffer = vec![0; 64 << 10];
                        while let Ok(length @ 1..) = near_read.read(&mut buffer).await {
                            let so_far = carried.fetch_add(length as u64, Relaxed) + length as u64;
                            if so_far > most.load(Relaxed)
                                || far_write.write_all(&buffer[..length]).await.is_err()
                            {
                                return;
                            }
                        }
                    };
                    tokio::select! {
                        () = up => {}
                        _ = tokio::io::copy(&mut far_read, &mut near_write) => {}
                    }
                });
            }
        });
        line
    }
}

/// A stage whose room has one short replay in which something was said; its id.
async fn recorded(folder: &Folder) -> (Stage, String) {
    let stage = Stage::in_folder(folder).await;
    let mut publisher = Peer::publish(&stage.ready.http, &stage.key()).await;
    publisher.connected().await;
    let film = footage(3, "320x240", 300);
    let (first, second) = film.split_at(45);
    broadcast(&publisher, first).await;
    let mut ada = Chat::named(&stage, "Ada").await;
    ada.say("one", "into the bucket").await.unwrap();
    broadcast(&publisher, second).await;
    assert_eq!(stage.ask(Method::DELETE, &publisher.location, &[], "").await.status, StatusCode::OK);
    let answer = stage.poll(REPLAYS, |answer| answer.json()[0].is_object()).await;
    let id = answer.json()[0]["id"].as_str().unwrap().to_owned();
    (stage, id)
}

async fn status(stage: &Stage, owner: &str) -> Value {
    let bearer = format!("Bearer {owner}");
    stage.ask(Method::GET, "/api/v1/status", &[("authorization", &bearer)], "").await.json()
}

/// Asks for the status until it is so.
async fn until(stage: &Stage, owner: &str, so: impl Fn(&Value) -> bool) -> Value {
    let begun = std::time::Instant::now();
    loop {
        let status = status(stage, owner).await;
        if so(&status["uploads"]) {
            return status;
        }
        assert!(begun.elapsed() < PATIENCE, "not in time: {status}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_recording_is_copied_into_the_bucket_and_played_from_there() {
    let moto = Moto::start();
    let folder = Folder::new();
    let (stage, id) = recorded(&folder).await;
    let owner = stage.owner();
    assert!(status(&stage, &owner).await["uploads"].is_null(), "no bucket, no word of it");
    stage.stop().await;
    let file = folder.0.join(format!("recordings/main/{id}.mp4"));
    let bytes = std::fs::read(&file).unwrap();

    // With a key that is not good nothing is copied, and the owner reads why.
    let wrong = Upload { secret_key: Secret::new("wrong"), ..moto.upload(&moto.endpoint) };
    let stage = Stage::with(Config { upload: Some(wrong), ..config(&folder) }).await;
    let said = until(&stage, &owner, |uploads| uploads["failing"].is_string()).await["uploads"].clone();
    let failing = said["failing"].as_str().unwrap();
    assert!(failing.contains("403") && failing.contains("SignatureDoesNotMatch"), "{said}");
    assert_eq!((&said["waiting"], &said["done"]), (&Value::from(1), &Value::from(0)));
    stage.stop().await;

    let right = Upload { delete_local: true, ..moto.upload(&moto.endpoint) };
    let stage = Stage::with(Config { upload: Some(right), ..config(&folder) }).await;
    until(&stage, &owner, |uploads| uploads["done"] == 1 && uploads["waiting"] == 0).await;
    assert!(!file.exists(), "the local copy is gone");
    let public = stage.get(REPLAYS).await.json();
    assert!(public[0]["uploaded_ms"].is_u64() && public[0]["copy"].is_null(), "{public}");
    let bearer = format!("Bearer {owner}");
    let path = format!("{REPLAYS}/{id}");
    let replay = stage.ask(Method::GET, &path, &[("authorization", &bearer)], "").await.json();
    assert_eq!(replay["copy"], format!("s3://recordings/foot light/main/{id}/"));

    moto.open_to_all().await;
    let media = replay["parts"][0]["media"].as_str().unwrap();
    let sent_on = stage.ask(Method::GET, media, &[("range", "bytes=0-3")], "").await;
    assert_eq!(sent_on.status, StatusCode::TEMPORARY_REDIRECT);
    let link = sent_on.header(header::LOCATION);
    assert!(link.contains("X-Amz-Signature=") && !link.contains(moto.secret.reveal()));
    let at = link.strip_prefix(&moto.endpoint).unwrap();
    let played = ask(&moto.endpoint, Method::GET, at, &[], "").await;
    assert_eq!(
        (played.status, played.header(header::CONTENT_LENGTH)),
        (StatusCode::OK, bytes.len().to_string().as_str())
    );
    assert_eq!(played.header(header::CONTENT_TYPE), "video/mp4");
    let (there, events) = moto.object(&format!("{id}/events.jsonl")).await;
    assert_eq!(there, StatusCode::OK);
    let said: Vec<Value> = events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((said.len(), &said[0]["text"]), (1, &Value::from("into the bucket")));
    assert_eq!(moto.object(&format!("{id}/poster.mp4")).await.0, StatusCode::OK);
    assert_eq!(std::fs::read_dir(folder.0.join("recordings/main")).unwrap().count(), 1, "the poster alone");
    let clip = serde_json::json!({"replay": id, "from_ms": 0, "to_ms": 1000}).to_string();
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let cut = stage.ask(Method::POST, "/api/v1/rooms/main/clips", &headers, clip).await;
    assert_eq!((cut.status, cut.code()), (StatusCode::NOT_FOUND, "not_found".to_owned()));
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_copy_goes_on_after_a_break_and_a_restart_where_it_was() {
    const PIECE: u64 = 16 << 20;
    let moto = Moto::start();
    let folder = Folder::new();
    let (stage, id) = recorded(&folder).await;
    let owner = stage.owner();
    stage.stop().await;
    // Two pieces and a half of anything.
    let large: Vec<u8> = (0..PIECE * 5 / 2).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    std::fs::write(folder.0.join(format!("recordings/main/{id}.mp4")), &large).unwrap();
    let line = Line::to(&moto.endpoint, PIECE * 3 / 2).await;
    let with = || Config { upload: Some(moto.upload(&line.address)), ..config(&folder) };
    let stage = Stage::with(with()).await;
    let broken = until(&stage, &owner, |uploads| uploads["failing"].is_string()).await;
    let failing = broken["uploads"]["failing"].as_str().unwrap();
    assert!(failing.contains("cannot be reached") && !failing.contains("main/"), "{broken}");
    stage.stop().await;

    line.most.store(u64::MAX, Relaxed);
    let before = line.carried.load(Relaxed);
    let stage = Stage::with(with()).await;
    let done = until(&stage, &owner, |uploads| uploads["done"] == 1).await;
    assert!(done["uploads"]["failing"].is_null(), "{done}");
    let again = line.carried.load(Relaxed) - before;
    assert!((PIECE * 3 / 2..PIECE * 2).contains(&again), "{again} bytes: the first piece is not sent again");
    println!("{} MB in pieces: {} MB after the restart", large.len() >> 20, again >> 20);
    stage.stop().await;
    moto.open_to_all().await;
    let path = format!("/recordings/foot%20light/main/{id}/1.mp4");
    let head = ask(&moto.endpoint, Method::HEAD, &path, &[], "").await;
    assert_eq!(head.header(header::CONTENT_LENGTH), large.len().to_string());
    // Somewhere in each piece.
    for at in [0, PIECE - 8, PIECE, 2 * PIECE + 1000] {
        let range = format!("bytes={at}-{}", at + 15);
        let there = Command::new("curl")
            .args(["-s", "-r", &range[6..], &format!("{}{path}", moto.endpoint)])
            .output();
        let there = there.expect("install the Debian package curl").stdout;
        assert_eq!(there, large[at as usize..at as usize + 16], "{range}");
    }
}
