//! Recordings, replays and clips.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::{Method, StatusCode, header};
use footlight_media::Packet;
use footlight_protocol::MessageId;
use footlight_protocol::room::{Action, Pause, Recording, RoomState, ServerMessage, StreamState};
use footlight_relay::Config;
use serde_json::{Value, json};

use crate::footage::{FPS, broadcast, decoded, decoded_with, footage, packets, sounds};
use crate::member::Chat;
use crate::peer::{Peer, Seen};
use crate::stage::{Answer, Folder, PATIENCE, Stage, ask, config};

const REPLAYS: &str = "/api/v1/rooms/main/replays";
const CLIPS: &str = "/api/v1/rooms/main/clips";

async fn publish(stage: &Stage) -> Peer {
    let mut publisher = Peer::publish(&stage.ready.http, &stage.key()).await;
    publisher.connected().await;
    publisher
}

/// Says goodbye, and waits until there are so many replays; the newest.
async fn end(stage: &Stage, publisher: Peer, replays: usize) -> Value {
    assert_eq!(stage.ask(Method::DELETE, &publisher.location, &[], "").await.status, StatusCode::OK);
    let answer =
        stage.poll(REPLAYS, |answer| answer.json().as_array().is_some_and(|a| a.len() == replays)).await;
    answer.json()[0].clone()
}

async fn replay(stage: &Stage, line: &Value) -> Value {
    stage.get(&format!("{REPLAYS}/{}", line["id"].as_str().unwrap())).await.json()
}

async fn as_owner(stage: &Stage, method: Method, path: &str, body: &Value) -> Answer {
    let bearer = format!("Bearer {}", stage.owner());
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    stage.ask(method, path, &headers, body.to_string()).await
}

fn texts(replay: &Value) -> Vec<&str> {
    replay["events"].as_array().unwrap().iter().filter_map(|event| event["text"].as_str()).collect()
}

fn file(folder: &Folder, id: &Value, part: u32) -> PathBuf {
    let ending = if part == 1 { String::new() } else { format!(".{part}") };
    folder.0.join(format!("recordings/main/{}{ending}.mp4", id.as_str().unwrap()))
}

/// All of it, but for the last picture, which may be on its way when the publisher says goodbye.
fn is_whole(pictures: usize, film: &[Packet]) -> bool {
    (film.len() - 1..=film.len()).contains(&pictures)
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broadcast_becomes_a_replay_with_what_was_said() {
    let folder = Folder::new();
    let stage = Stage::in_folder(&folder).await;
    let mut ada = Chat::named(&stage, "Ada").await;
    let mut bob = Chat::named(&stage, "Bob").await;
    let mut owner = Chat::owner(&stage).await;
    ada.say("before", "before the show").await.unwrap();
    let publisher = publish(&stage).await;
    let film = footage(4, "640x360", 800);
    let (first, second) = film.split_at(2 * FPS as usize);
    broadcast(&publisher, first).await;
    let kept = ada.say("one", "kept").await.unwrap();
    let oops = MessageId(ada.say("two", "deleted later").await.unwrap().0);
    bob.say("three", "by somebody banned later").await.unwrap();
    broadcast(&publisher, second).await;
    let progress = as_owner(&stage, Method::GET, "/api/v1/rooms/main/recording", &json!({})).await;
    assert_eq!(progress.status, StatusCode::OK, "{}", progress.body);
    assert_eq!(stage.get("/api/v1/rooms/main").await.json()["recording"]["state"], "on");
    let early = format!("{REPLAYS}/{}", progress.json()["id"].as_str().unwrap());
    assert_eq!(stage.get(&early).await.code(), "wrong_phase", "it is not to be had before it is over");
    let line = end(&stage, publisher, 1).await;
    let id = line["id"].as_str().unwrap().to_owned();
    assert!((3_800..4_500).contains(&line["duration_ms"].as_u64().unwrap()), "{line}");

    let shown = replay(&stage, &line).await;
    assert_eq!(texts(&shown), ["kept", "deleted later", "by somebody banned later"]);
    let event = &shown["events"][0];
    assert_eq!(event["seq"], json!(kept.0));
    assert!((1_500..3_500).contains(&event["at_ms"].as_u64().unwrap()), "{event}");
    let path = file(&folder, &line["id"], 1);
    assert!(is_whole(decoded(&path).len(), &film));
    assert!(sounds(&path).len() > 150, "{}", sounds(&path).len());
    let poster = folder.0.join(format!("recordings/main/{id}.poster.mp4"));
    assert_eq!(decoded(&poster).len(), 1);
    assert_eq!(stage.get(line["poster"].as_str().unwrap()).await.status, StatusCode::OK);

    // Long after the broadcast.
    owner.moderate("delete", Action::Delete { message: oops }).await.unwrap();
    owner.moderate("ban", Action::Ban { user: bob.me.id.clone(), range: false }).await.unwrap();
    assert_eq!(texts(&replay(&stage, &line).await), ["kept"]);
    owner.moderate("pardon", Action::Pardon { user: bob.me.id.clone() }).await.unwrap();
    assert_eq!(texts(&replay(&stage, &line).await), ["kept", "by somebody banned later"]);
    let more = stage.get(&format!("{REPLAYS}/{id}/events?after={}", kept.0)).await.json();
    assert_eq!(texts(&more), ["by somebody banned later"]);
    assert_eq!(stage.get(&format!("{REPLAYS}/{id}/events?after=x")).await.code(), "malformed");

    let page = stage.get(&format!("/main/replay/{id}")).await;
    assert!(page.header(header::CONTENT_TYPE).starts_with("text/html"));
    assert_eq!(stage.get("/main/replay/nothing").await.status, StatusCode::NOT_FOUND);
    let browser = [("accept", "text/html")];
    let page = stage.ask(Method::GET, "/main/replay/nothing", &browser, "").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND, "a person gets the page, which says why");
    assert!(page.header(header::CONTENT_TYPE).starts_with("text/html"));
    let path = format!("{REPLAYS}/{id}");
    let answer = stage.ask(Method::DELETE, &path, &[], "").await;
    assert_eq!((answer.status, answer.code()), (StatusCode::UNAUTHORIZED, "unauthorized".to_owned()));
    let edited =
        as_owner(&stage, Method::PATCH, &path, &json!({"title": " Opening ", "public": false})).await;
    assert_eq!((&edited.json()["title"], &edited.json()["public"]), (&json!("Opening"), &json!(false)));
    assert_eq!(stage.get(REPLAYS).await.json(), json!([]));
    assert_eq!(as_owner(&stage, Method::GET, REPLAYS, &json!({})).await.json()[0]["title"], "Opening");
    assert_eq!(as_owner(&stage, Method::PATCH, &path, &json!({"colour": 1})).await.code(), "malformed");
    assert_eq!(as_owner(&stage, Method::DELETE, &path, &json!({})).await.status, StatusCode::NO_CONTENT);
    assert_eq!(stage.get(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(std::fs::read_dir(folder.0.join("recordings/main")).unwrap().count(), 0);
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_come_in_the_ranges_that_are_asked_for() {
    let folder = Folder::new();
    let stage = Stage::in_folder(&folder).await;
    let publisher = publish(&stage).await;
    broadcast(&publisher, &footage(2, "320x240", 300)).await;
    let line = end(&stage, publisher, 1).await;
    let media = replay(&stage, &line).await["parts"][0]["media"].as_str().unwrap().to_owned();
    let bytes = std::fs::read(file(&folder, &line["id"], 1)).unwrap();
    let size = bytes.len();
    assert_eq!(line["bytes"], json!(size));
    let range = |range: &'static str| {
        let (stage, media) = (&stage, &media);
        async move { stage.ask(Method::GET, media, &[("range", range)], "").await }
    };
    let whole = stage.get(&media).await;
    assert_eq!((whole.status, whole.header(header::ACCEPT_RANGES)), (StatusCode::OK, "bytes"));
    assert_eq!(whole.header(header::CONTENT_TYPE), "video/mp4");
    assert_eq!(whole.header(header::CONTENT_LENGTH), size.to_string());
    let part = range("bytes=4-7").await;
    assert_eq!((part.status, part.body.as_str()), (StatusCode::PARTIAL_CONTENT, "ftyp"));
    assert_eq!(part.header(header::CONTENT_RANGE), format!("bytes 4-7/{size}"));
    let tail = range("bytes=-10").await;
    assert_eq!(tail.header(header::CONTENT_RANGE), format!("bytes {}-{}/{size}", size - 10, size - 1));
    let beyond = range("bytes=99999999-").await;
    assert_eq!(beyond.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(beyond.header(header::CONTENT_RANGE), format!("bytes */{size}"));
    assert_eq!(range("bytes=0-1,4-5").await.status, StatusCode::OK);
    for missing in ["2.mp4", "0.mp4", "1.txt", "..%2f1.mp4", "poster.mp4.mp4"] {
        let path = media.replace("1.mp4", missing);
        assert_eq!(stage.get(&path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    stage.stop().await;
}

/// The folder as a crash would leave it: a copy of a relay's while it records.
fn snapshot(of: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(of).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            snapshot(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A file that ends inside the tables of a fragment is read by ffprobe as a stream only: it looks through all the
/// tables of a file that it can seek in before it plays any of it, and gives up at the last. The relay's next start takes
/// the half fragment away, after which it plays as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_recording_cut_anywhere_plays_up_to_the_cut() {
    /// Of what was written, a cut costs at most this.
    const MOST_LOST: f64 = 2.0;
    let folder = Folder::new();
    let stage = Stage::in_folder(&folder).await;
    let publisher = publish(&stage).await;
    let film = footage(10, "320x240", 400);
    broadcast(&publisher, &film).await;
    let live = as_owner(&stage, Method::GET, "/api/v1/rooms/main/recording", &json!({})).await.json();
    let crashed = Folder::new();
    snapshot(&folder.0, &crashed.0);
    let growing = std::fs::read(file(&crashed, &live["id"], 1)).unwrap();
    let line = end(&stage, publisher, 1).await;
    stage.stop().await;
    let finished = std::fs::read(file(&folder, &line["id"], 1)).unwrap();
    let (cut, unsettled) = (folder.0.join("cut.mp4"), folder.0.join("unsettled.mp4"));
    std::fs::write(&unsettled, fragments(&finished)).unwrap();
    let whole = packets(&unsettled);
    assert!(is_whole(whole.len(), &film));
    let tables = tables(&growing);
    let mut seed = 7u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 16) as usize
    };
    let (mut most, mut as_stream) = (0.0f64, Vec::new());
    for _ in 0..200 {
        let at = random() % growing.len();
        std::fs::write(&cut, &growing[..at]).unwrap();
        // The first picture that the cut takes something of.
        let reached = whole.iter().find(|(_, place)| *place >= at as u64).map_or(10.0, |(time, _)| *time);
        let frames =
            |read: &[&str]| decoded_with(&cut, read).last().map_or(0.0, |last| last + 1.0 / f64::from(FPS));
        let mut plays = frames(&[]);
        if reached - plays > MOST_LOST && tables.iter().any(|table| table.contains(&at)) {
            as_stream.push(at);
            plays = frames(&["-seekable", "0"]);
        }
        most = most.max(reached - plays);
        assert!(reached - plays <= MOST_LOST, "cut at {at}: plays {plays:.2} s of {reached:.2} s");
    }
    println!(
        "200 cuts of {} bytes: at most {:.0} ms lost, {} read as a stream",
        growing.len(),
        most * 1000.0,
        as_stream.len()
    );
    // With the tables in front, no cut of a finished recording needs more than to be opened.
    let placed = packets(&file(&folder, &line["id"], 1));
    for _ in 0..50 {
        let at = random() % finished.len();
        std::fs::write(&cut, &finished[..at]).unwrap();
        let reached = placed.iter().find(|(_, place)| *place >= at as u64).map_or(10.0, |(time, _)| *time);
        let plays = decoded(&cut).last().map_or(0.0, |last| last + 1.0 / f64::from(FPS));
        assert!(reached - plays <= 0.1, "finished, cut at {at}: plays {plays:.2} s of {reached:.2} s");
    }
    for at in as_stream {
        let left = Folder::new();
        snapshot(&crashed.0, &left.0);
        let path = file(&left, &live["id"], 1);
        std::fs::write(&path, &growing[..at]).unwrap();
        let stage = Stage::in_folder(&left).await;
        let lines = stage.poll(REPLAYS, |answer| answer.json()[0].is_object()).await.json();
        let last = *decoded(&path).last().unwrap();
        assert!((last * 1000.0 - lines[0]["duration_ms"].as_f64().unwrap()).abs() < 100.0, "{last} {lines}");
        let reached = whole.iter().find(|(_, place)| *place >= at as u64).map_or(10.0, |(time, _)| *time);
        assert!(reached - last <= MOST_LOST, "cut at {at}: plays {last:.2} s of {reached:.2} s");
        stage.stop().await;
    }
}

/// A finished recording as it was written: fragments behind what a player needs for them.
fn fragments(finished: &[u8]) -> Vec<u8> {
    let size = |at: usize, kind: &[u8; 4]| {
        let head = footlight_media::fmp4::read::head(&finished[at..]).unwrap();
        assert_eq!(&head.kind, kind);
        head.size as usize
    };
    let ftyp = size(0, b"ftyp");
    let mdat = ftyp + size(ftyp, b"moov");
    assert_eq!(mdat + size(mdat, b"mdat"), finished.len());
    // A long mdat, however long it is.
    [&finished[..ftyp], &finished[mdat + 16..]].concat()
}

/// Bytes that ffmpeg reads over HTTP, and how often it jumps, until it has the picture at `seconds`; its number.
fn open_cost(url: &str, seconds: &str) -> (u64, u64, u32) {
    let input = ["-v", "debug", "-ss", seconds, "-i", url, "-map", "0:v:0", "-frames:v", "1"];
    let (numbers, said) = crate::clip::read(&input, &[]);
    let (mut bytes, mut jumps) = (0, 0);
    for line in said.lines().filter_map(|line| Some(line.split_once("Statistics: ")?.1)) {
        let mut words = line.split(' ');
        // "N bytes read, M seeks", not what was written.
        if let (Some(n), Some("bytes"), Some("read,"), Some(m)) =
            (words.next(), words.next(), words.next(), words.next())
        {
            bytes += n.parse::<u64>().unwrap();
            jumps += m.parse::<u64>().unwrap();
        }
    }
    assert!(bytes > 0, "{said}");
    (bytes, jumps, numbers[0])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_recording_opens_at_once_and_seeks_to_the_very_picture() {
    let folder = Folder::new();
    let stage = Stage::in_folder(&folder).await;
    let publisher = publish(&stage).await;
    let stop = tokio_util::sync::CancellationToken::new();
    let _ = tokio::time::timeout(Duration::from_secs(20), crate::clip::broadcast(&publisher, stop)).await;
    let line = end(&stage, publisher, 1).await;
    let path = file(&folder, &line["id"], 1);
    let name = path.to_str().unwrap();
    let finished = std::fs::read(&path).unwrap();
    let bare = folder.0.join("bare.mp4");
    std::fs::write(&bare, fragments(&finished)).unwrap();
    let probed = |path: &Path, what: &str| {
        let options = [
            "-v",
            "error",
            "-select_streams",
            "v:0",
            "-count_packets",
            "-show_entries",
            what,
            "-of",
            "csv=p=0",
        ];
        let output = Command::new("ffprobe").args(options).arg(path).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    // The tables count every picture that the fragments have, at the same times.
    let counted = probed(&path, "stream=nb_frames,nb_read_packets");
    let (told, read) = counted.split_once(',').unwrap();
    assert_eq!((told, read), (read, probed(&bare, "stream=nb_read_packets").as_str()));
    let (times, bare_times) = (decoded(&path), decoded(&bare));
    assert_eq!(times.len(), bare_times.len());
    let apart = times.iter().zip(&bare_times).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(apart < 0.001, "{apart}");
    let apart = sounds(&path).iter().zip(sounds(&bare)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(apart < 0.001, "{apart}");
    // In order, and wherever it is sought, keyframe or not.
    let (numbers, _) = crate::clip::read(&["-i", name, "-map", "0:v:0"], &[]);
    assert_eq!(numbers.len(), times.len());
    assert!(numbers.windows(2).all(|pair| (pair[0] + 1) % crate::clip::FRAMES == pair[1]), "{numbers:?}");
    // Between the picture and the one before it.
    let before = |place: usize| format!("{:.6}", (times[place - 1] + times[place]) / 2.0);
    // A busy machine sends some in a burst, closer to each other than ffmpeg tells apart.
    let apart: Vec<usize> =
        (1..times.len()).filter(|place| times[*place] - times[place - 1] > 0.005).collect();
    assert!(apart.len() > 100, "{times:?}");
    for place in apart.iter().copied().step_by(apart.len() / 9) {
        let at = before(place);
        let (found, _) = crate::clip::read(&["-ss", &at, "-i", name, "-map", "0:v:0", "-frames:v", "1"], &[]);
        assert_eq!(found, [numbers[place]], "sought {at} s");
    }
    // Over HTTP: the tables and little more, while a file of fragments is read through.
    let media = replay(&stage, &line).await["parts"][0]["media"].as_str().unwrap().to_owned();
    let url = format!("{}{media}", stage.ready.http);
    let late = apart[apart.len() - 50];
    let cost = {
        let url = url.clone();
        let at = before(late);
        move || (open_cost(&url, "0"), open_cost(&url, &at))
    };
    let (open, seek) = tokio::task::spawn_blocking(cost.clone()).await.unwrap();
    assert_eq!(seek.2, numbers[late]);
    std::fs::write(&path, std::fs::read(&bare).unwrap()).unwrap();
    let (bare_open, _) = tokio::task::spawn_blocking(cost).await.unwrap();
    println!(
        "{} bytes, {} of them tables: ffmpeg reads {} to open and show the first picture, {} to show one near the end; of fragments {}",
        finished.len(),
        finished.len() - std::fs::metadata(&bare).unwrap().len() as usize,
        open.0,
        seek.0,
        bare_open.0
    );
    assert!(open.0 < bare_open.0, "{open:?} {bare_open:?}");
    stage.stop().await;
}

/// Where the tables of a file's fragments are.
fn tables(data: &[u8]) -> Vec<std::ops::Range<usize>> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(head) = footlight_media::fmp4::read::head(&data[at..]) {
        let end = (at + head.size as usize).min(data.len());
        if &head.kind == b"moof" {
            found.push(at..end);
        }
        at = end;
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_whose_relay_was_killed_is_finished_at_the_next_start() {
    let folder = Folder::new();
    let mut child = Command::new(env!("CARGO_BIN_EXE_footlight-relay"))
        .args(["--listen", "127.0.0.1:0", "--json", "--data"])
        .arg(&folder.0)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ready: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    let (http, key) = (ready["http"].as_str().unwrap(), ready["stream_key"].as_str().unwrap());
    let mut publisher = Peer::publish(http, key).await;
    publisher.connected().await;
    broadcast(&publisher, &footage(5, "320x240", 400)).await;
    let killed = now_ms();
    child.kill().unwrap();
    child.wait().unwrap();
    // As if it had been killed while it rewrote the file.
    let halves = || {
        let names =
            std::fs::read_dir(folder.0.join("recordings/main")).unwrap().map(|entry| entry.unwrap().path());
        names.filter(|path| path.extension().is_some_and(|ending| ending == "settling")).collect::<Vec<_>>()
    };
    let half =
        std::fs::read_dir(folder.0.join("recordings/main")).unwrap().map(|entry| entry.unwrap().path());
    let half = half.filter(|path| !path.to_str().unwrap().contains("poster")).collect::<Vec<_>>();
    std::fs::write(half[0].with_extension("settling"), "half").unwrap();
    assert_eq!(halves().len(), 1);

    let stage = Stage::in_folder(&folder).await;
    let answer = stage.poll(REPLAYS, |answer| answer.json()[0].is_object()).await.json();
    let line = &answer[0];
    let end = line["began_ms"].as_u64().unwrap() + line["duration_ms"].as_u64().unwrap();
    let lost = killed.saturating_sub(end);
    assert!(lost <= 2_000, "{lost} ms were lost: {line}");
    println!("kill -9 cost the recording {lost} ms");
    let path = file(&folder, &line["id"], 1);
    let last = *decoded(&path).last().unwrap();
    assert!((last * 1000.0 - line["duration_ms"].as_f64().unwrap()).abs() < 100.0, "{last} {line}");
    assert_eq!(std::fs::metadata(&path).unwrap().len(), line["bytes"].as_u64().unwrap());
    assert!(halves().is_empty());
    // It was rewritten after all.
    fragments(&std::fs::read(&path).unwrap());
    stage.stop().await;
}

/// A small file system, gone after the test.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: &Path, size: &str) -> Self {
        std::fs::create_dir_all(at).unwrap();
        let options = format!("size={size}");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(at).status().unwrap();
        assert!(mounted.success(), "a file system of its own takes root; run the tests as root");
        Self(at.to_owned())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

async fn recording(owner: &mut Chat, so: impl Fn(&Recording) -> bool) {
    let wait = owner.until(|message| match message {
        ServerMessage::Room { room: RoomState { recording: Some(recording), .. } } => {
            so(&recording).then_some(())
        }
        _ => None,
    });
    tokio::time::timeout(PATIENCE, wait).await.expect("the room says how the recording stands");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_leaves_the_broadcast_untouched_and_space_resumes_the_recording() {
    let folder = Folder::new();
    let disk = Disk::mount(&folder.0.join("recordings"), "2m");
    let filler = disk.0.join("filler");
    std::fs::write(&filler, vec![1; 1_500_000]).unwrap();
    let unlimited =
        footlight_relay::Recording { disk_budget_percent: 100, min_free_bytes: 0, ..Default::default() };
    let stage = Stage::with(Config { recording: unlimited, ..config(&folder) }).await;
    let mut owner = Chat::owner(&stage).await;
    let publisher = publish(&stage).await;
    let mut viewer = Peer::watch(&stage.ready.http).await;
    viewer.connected().await;
    let film = footage(17, "640x360", 1_000);
    let count = film.len();
    let watching = tokio::spawn(async move {
        let mut seen = 0;
        while seen < count {
            match tokio::time::timeout(PATIENCE, viewer.seen.recv()).await {
                Ok(Some(Seen::Video { .. })) => seen += 1,
                Ok(Some(Seen::Ended) | None) | Err(_) => break,
                Ok(Some(_)) => {}
            }
        }
        seen
    });
    let sending = broadcast(&publisher, &film);
    let noticing = async {
        recording(&mut owner, |now| matches!(now, Recording::On { .. })).await;
        recording(&mut owner, |now| matches!(now, Recording::Paused { why: Pause::DiskFull, .. })).await;
        assert!(matches!(stage.handle.stats().stream, StreamState::Live { .. }));
        std::fs::remove_file(&filler).unwrap();
        recording(&mut owner, |now| matches!(now, Recording::On { .. })).await;
    };
    tokio::join!(sending, noticing);
    assert_eq!(watching.await.unwrap(), count, "the viewer saw every picture");
    assert!(stage.get("/metrics").await.body.contains("footlight_mux_drops_total 0"));
    let line = end(&stage, publisher, 1).await;
    let replay = replay(&stage, &line).await;
    let parts = replay["parts"].as_array().unwrap();
    assert_eq!(parts.len(), 2, "{replay}");
    for (n, part) in parts.iter().enumerate() {
        let pictures = decoded(&file(&folder, &line["id"], n as u32 + 1));
        let duration = part["duration_ms"].as_f64().unwrap() / 1000.0;
        assert!(duration > 1.0 && (pictures.len() as f64 / f64::from(FPS) - duration).abs() < 0.2, "{part}");
    }
    assert!(parts[1]["begins_ms"].as_u64() > parts[0]["duration_ms"].as_u64());
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_that_comes_back_goes_on_in_the_same_file_and_another_size_in_the_next() {
    let folder = Folder::new();
    let stage = Stage::in_folder(&folder).await;
    let first = publish(&stage).await;
    let film = footage(2, "320x240", 300);
    broadcast(&first, &film).await;
    drop(first);
    stage.until("interrupted", |stats| matches!(stats.stream, StreamState::Interrupted { .. })).await;
    let second = publish(&stage).await;
    broadcast(&second, &film).await;
    let larger = footage(2, "640x360", 300);
    broadcast(&second, &larger).await;
    let line = end(&stage, second, 1).await;
    let replay = replay(&stage, &line).await;
    assert_eq!(replay["parts"].as_array().unwrap().len(), 2, "{replay}");
    let path = file(&folder, &line["id"], 1);
    let pictures = decoded(&path);
    assert!(is_whole(pictures.len() - film.len(), &film));
    let gap = pictures.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
    assert!(gap > 0.5, "{gap}");
    // Silence stands in the gap, so that sound and picture stay together.
    let sounds = sounds(&path);
    let hole = sounds.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
    assert!(hole < 0.1, "a hole of {hole} s in the sound");
    assert!((sounds.last().unwrap() - pictures.last().unwrap()).abs() < 0.3);
    assert!(is_whole(decoded(&file(&folder, &line["id"], 2)).len(), &larger));
    let (begins, before) = (&replay["parts"][1]["begins_ms"], &replay["parts"][0]["duration_ms"]);
    assert!(begins.as_u64().unwrap().abs_diff(before.as_u64().unwrap()) < 200, "{begins} {before}");
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clips_of_what_is_live_and_of_a_replay_are_files_of_their_own() {
    let folder = Folder::new();
    let stage = Stage::in_folder(&folder).await;
    let early = as_owner(&stage, Method::POST, CLIPS, &json!({"seconds": 5})).await;
    assert_eq!(early.code(), "wrong_phase");
    let publisher = publish(&stage).await;
    let film = footage(8, "320x240", 300);
    let (first, second) = film.split_at(6 * FPS as usize);
    broadcast(&publisher, first).await;
    assert_eq!(stage.ask(Method::POST, CLIPS, &[], "").await.status, StatusCode::UNAUTHORIZED);
    for (body, code) in [
        (json!({"seconds": 0}), "bad_setting"),
        (json!({"seconds": 301}), "bad_setting"),
        (json!({"minutes": 1}), "malformed"),
        (json!({"replay": "nothing", "from_ms": 0, "to_ms": 10}), "not_found"),
    ] {
        assert_eq!(as_owner(&stage, Method::POST, CLIPS, &body).await.code(), code, "{body}");
    }
    let live = json!({"seconds": 3});
    let (made, ()) =
        tokio::join!(as_owner(&stage, Method::POST, CLIPS, &live), broadcast(&publisher, second));
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let clip = made.json();
    let length = clip["duration_ms"].as_u64().unwrap();
    assert!((2_900..5_000).contains(&length), "{clip}");
    let clip_file =
        |clip: &Value| folder.0.join(format!("recordings/main/clips/{}.mp4", clip["id"].as_str().unwrap()));
    let pictures = decoded(&clip_file(&clip));
    assert!(
        pictures[0] < 0.1 && (pictures.len() as u64 * 1000 / u64::from(FPS)).abs_diff(length) < 200,
        "{clip}"
    );
    assert_eq!(stage.get(clip["media"].as_str().unwrap()).await.header(header::CONTENT_TYPE), "video/mp4");

    let line = end(&stage, publisher, 1).await;
    let range = json!({"replay": line["id"], "from_ms": 2_500, "to_ms": 4_000});
    let made = as_owner(&stage, Method::POST, CLIPS, &range).await;
    let second = made.json();
    // From the keyframe before, and up to the end of the fragment.
    assert!((1_400..=2_500).contains(&second["begins_ms"].as_u64().unwrap()), "{second}");
    assert!(!decoded(&clip_file(&second)).is_empty());
    assert_eq!(replay(&stage, &line).await["clips"].as_array().unwrap().len(), 2);
    // A clip outlives what it is from.
    let path = format!("{REPLAYS}/{}", line["id"].as_str().unwrap());
    assert_eq!(as_owner(&stage, Method::DELETE, &path, &json!({})).await.status, StatusCode::NO_CONTENT);
    assert_eq!(stage.get(CLIPS).await.json().as_array().unwrap().len(), 2);
    assert_eq!(stage.get(clip["media"].as_str().unwrap()).await.status, StatusCode::OK);
    let path = format!("{CLIPS}/{}", clip["id"].as_str().unwrap());
    assert_eq!(as_owner(&stage, Method::DELETE, &path, &json!({})).await.status, StatusCode::NO_CONTENT);
    assert_eq!(as_owner(&stage, Method::DELETE, &path, &json!({})).await.code(), "not_found");
    assert_eq!(stage.get(clip["media"].as_str().unwrap()).await.status, StatusCode::NOT_FOUND);
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_replay_makes_place_for_the_newest() {
    let folder = Folder::new();
    let film = footage(2, "320x240", 300);
    let stage = Stage::in_folder(&folder).await;
    let mut ids = Vec::new();
    for n in 1..=2 {
        let publisher = publish(&stage).await;
        broadcast(&publisher, &film).await;
        ids.push(end(&stage, publisher, n).await["id"].clone());
    }
    let bytes = stage
        .get(REPLAYS)
        .await
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|l| l["bytes"].as_u64().unwrap())
        .sum::<u64>();
    let (key, owner) = (stage.key(), stage.owner());
    stage.stop().await;
    let budget = footlight_relay::Recording { disk_budget_bytes: Some(bytes - 1000), ..Default::default() };
    let stage = Stage::with(Config { recording: budget, ..config(&folder) }).await;
    let left =
        stage.poll(REPLAYS, |answer| answer.json().as_array().is_some_and(|a| a.len() == 1)).await.json();
    assert_eq!(left[0]["id"], ids[1]);
    assert!(!file(&folder, &ids[0], 1).exists() && file(&folder, &ids[1], 1).exists());
    stage.stop().await;

    // Where nothing is left to give up the recording pauses, and the broadcast goes on.
    let nothing = footlight_relay::Recording { disk_budget_bytes: Some(1000), ..Default::default() };
    let stage = Stage::with(Config { recording: nothing, ..config(&folder) }).await;
    stage.poll(REPLAYS, |answer| answer.json() == json!([])).await;
    let headers = [("authorization", format!("Bearer {owner}"))];
    let mut publisher = Peer::publish(&stage.ready.http, &key).await;
    publisher.connected().await;
    broadcast(&publisher, &film).await;
    let paused = |answer: &Answer| answer.json()["recording"]["why"] == "budget_spent";
    stage.poll("/api/v1/rooms/main", paused).await;
    assert!(matches!(stage.handle.stats().stream, StreamState::Live { .. }));
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = ask(&stage.ready.http, Method::GET, "/api/v1/rooms/main/recording", &headers, "").await;
    assert_eq!(answer.json()["paused"], "budget_spent", "{}", answer.body);
    stage.stop().await;

    let off = footlight_relay::Recording { enabled: false, ..Default::default() };
    let stage = Stage::with(Config { recording: off, ..config(&folder) }).await;
    let mut publisher = Peer::publish(&stage.ready.http, &key).await;
    publisher.connected().await;
    broadcast(&publisher, &film).await;
    assert!(stage.get("/api/v1/rooms/main").await.json()["recording"].is_null());
    tokio::time::timeout(Duration::from_secs(6), stage.stop()).await.unwrap();
}
