//! Bad input gets a clear error, and nothing is lost.

use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::Instant;

use footlight_protocol::room::{MAX_TEXT, ServerMessage};
use footlight_protocol::{CloseCode, Code};
use footlight_tests::chat::{Chat, Closed};
use footlight_tests::http::{self, offer};
use footlight_tests::process::Process;
use footlight_tests::relay::Relay;
use footlight_tests::scratch::Scratch;
use footlight_tests::studio::Headless;
use footlight_tests::wait::{self, seconds};
use footlight_tests::{Output, bins, turn};
use tokio_tungstenite::tungstenite::Message;

const SDP: &str = "application/sdp";

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_are_answered_with_their_code() {
    let output = Output::new("refusals-http");
    let data = Scratch::new("relay");
    let relay = Relay::start("relay", "127.0.0.1:0", data.path(), &output).await;
    let key = relay.ready.key();
    let send = offer("sendonly");
    let receive = offer("recvonly");
    let long = "x".repeat(100 << 10);
    for (path, content_type, token, body, status, code) in [
        ("/whip/main", SDP, Some("wrong"), send.as_str(), 401, Some("unauthorized")),
        ("/whip/main", SDP, None, &send, 401, Some("unauthorized")),
        ("/whip/main", SDP, Some(relay.ready.token()), &send, 401, Some("unauthorized")),
        ("/whip/main", SDP, Some(key), "v=0\r\nthis is not SDP", 400, Some("malformed")),
        ("/whip/main", SDP, Some(key), "", 400, Some("malformed")),
        ("/whip/main", "text/plain", Some(key), &send, 415, None),
        ("/whip/main", SDP, Some(key), &long, 413, None),
        ("/whip/nowhere", SDP, Some(key), &send, 404, Some("not_found")),
        ("/whip/Not%20A%20Room", SDP, Some(key), &send, 404, Some("not_found")),
        ("/whep/main", SDP, None, "v=0\r\nthis is not SDP", 400, Some("malformed")),
        ("/whep/main", "application/json", None, &receive, 415, None),
        ("/whep/nowhere", SDP, None, &receive, 404, Some("not_found")),
    ] {
        let answer = http::post(&format!("{}{path}", relay.ready.http), content_type, token, body).await;
        let case = format!("POST {path} as {content_type}, {} bytes", body.len());
        assert_eq!(answer.status, status, "{case}: {}", answer.body);
        if code.is_some() {
            assert_eq!(answer.code.as_deref(), code, "{case}: {}", answer.body);
        }
        assert!(!answer.body.contains(key), "{case}");
    }
    for path in ["/nowhere", "/api/v1/nothing"] {
        assert_eq!(http::get(&format!("{}{path}", relay.ready.http)).await.status, 404, "GET {path}");
    }
    for path in ["/main", "/healthz", "/metrics"] {
        let answer = http::get(&format!("{}{path}", relay.ready.http)).await;
        assert_eq!(answer.status, 200, "GET {path} still works: {}", answer.body);
        assert!(
            !answer.body.contains(key) && !answer.body.contains(relay.ready.token()),
            "GET {path} holds a secret"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_chat_is_refused_and_good_chat_goes_on() {
    let output = Output::new("refusals-chat");
    let data = Scratch::new("relay");
    let relay = Relay::start("relay", "127.0.0.1:0", data.path(), &output).await;
    let room = &relay.ready.room;
    let (mut ada, _) = Chat::join(&relay.ready.http, room, None).await;
    let (mut lin, _) = Chat::join(&relay.ready.http, room, None).await;
    assert_eq!(refusal(ada.say("no name yet").await), Code::NameNeeded);
    ada.name("Ada").await;
    assert_eq!(refusal(ada.say(&"x".repeat(MAX_TEXT + 1)).await), Code::TooLong);
    assert_eq!(refusal(ada.say("  \n ").await), Code::Empty);
    assert!(matches!(ada.say("still here").await, ServerMessage::Done { .. }));
    lin.hear("still here").await;

    for (what, bytes, close) in [
        ("invalid UTF-8", &b"{\"type\":\"say\",\"text\":\"\xff\xfe\"}"[..], CloseCode::Malformed),
        ("not JSON", b"hello?", CloseCode::Malformed),
        ("an unknown type", b"{\"type\":\"dance\"}", CloseCode::Malformed),
    ] {
        let (mut odd, _) = Chat::join(&relay.ready.http, room, None).await;
        odd.send_text_bytes(bytes).await;
        assert_eq!(odd.closed().await, Closed(Some(close as u16)), "{what}");
    }
    let (mut flood, _) = Chat::join(&relay.ready.http, room, None).await;
    // The relay may have closed before all of it is sent.
    let _ = flood.try_send(Message::text("x".repeat(1 << 20))).await;
    flood.closed().await;
    assert_eq!(Chat::try_connect(&relay.ready.http, "nowhere").await.err(), Some(404), "no room, no socket");

    assert!(matches!(ada.say("and nobody else was disturbed").await, ServerMessage::Done { .. }));
    lin.hear("and nobody else was disturbed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_flags_busy_ports_and_unreadable_files_are_named_with_status_2() {
    let output = Output::new("refusals-flags");
    let scratch = Scratch::new("flags");
    let busy = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let port = busy.local_addr().expect("bound").port().to_string();
    let busy_udp = UdpSocket::bind("127.0.0.1:0").expect("loopback has a free port");
    let udp = busy_udp.local_addr().expect("bound").port().to_string();
    let file = scratch.path().join("a-file");
    std::fs::write(&file, "not = [toml").expect("the folder is ours");
    let file = file.display().to_string();
    let free = "127.0.0.1:0";
    let (listen, listen_udp) = (format!("127.0.0.1:{port}"), format!("127.0.0.1:{udp}"));
    let (relay, studio) = (bins::footlight_relay(), bins::footlight());
    for (program, arguments, named) in [
        (&relay, vec!["--no-such-flag"], "--no-such-flag"),
        (&relay, vec!["--listen", "not-an-address"], "not-an-address"),
        (&relay, vec!["--listen", &listen], &port),
        (&relay, vec!["--listen", &listen_udp], &udp),
        (&relay, vec!["--listen", free, "--config", "/no/such/file.toml"], "/no/such/file.toml"),
        (&relay, vec!["--listen", free, "--config", &file], &file),
        (&relay, vec!["--listen", free, "--data", &file], &file),
        (&studio, vec!["--headless", "--no-such-flag"], "--no-such-flag"),
        (&studio, vec!["--headless", "--size", "12by7"], "12by7"),
        (&studio, vec!["--headless", "--fps", "0"], "0"),
        (&studio, vec!["--headless", "--listen", &listen], &port),
        (&studio, vec!["--headless", "--live", "--camera", "file:/no/such/clip.mp4"], "/no/such/clip.mp4"),
        (&studio, vec!["--headless", "--config", "/no/such/file.toml"], "/no/such/file.toml"),
        (&studio, vec!["--headless", "--to", "gopher://example.org"], "gopher://example.org"),
    ] {
        let case = format!("{} {}", program.display(), arguments.join(" "));
        let mut command = bins::command(program);
        if !arguments.contains(&"--data") {
            command.arg("--data").arg(scratch.folder("data"));
        }
        if program == &studio && !arguments.contains(&"--listen") {
            command.args(["--listen", free]);
        }
        let mut process = Process::start("refused", command.args(&arguments), &output);
        let code = process.exit_code(seconds(10)).await;
        let stderr = process.stderr();
        assert_eq!(code, 2, "{case}\n{stderr}");
        assert!(stderr.contains(named), "{case} does not name {named}:\n{stderr}");
        assert!(!stderr.contains("panicked"), "{case}\n{stderr}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_display_the_window_says_so() {
    let output = Output::new("refusals-display");
    let scratch = Scratch::new("display");
    let mut command = bins::command(bins::footlight());
    command
        .args(["--listen", "127.0.0.1:0", "--data"])
        .arg(scratch.folder("data"))
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY");
    let mut process = Process::start("footlight", &mut command, &output);
    assert_eq!(process.exit_code(seconds(10)).await, 2, "{}", process.stderr());
    let stderr = process.stderr();
    assert!(stderr.contains("display") && stderr.contains("--headless"), "it says what to do: {stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_that_is_not_there_is_an_event_and_a_card() {
    let _turn = turn().await;
    let output = Output::new("refusals-camera");
    let headless = Headless::default().camera("No Such Camera").microphone("none").size(640, 360);
    let mut studio = headless.start("footlight", &output).await;
    let error = studio.process.event("error", seconds(15)).await;
    assert_eq!(error["code"], "camera_missing", "{error}");
    assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{error}");
    studio.live(seconds(15)).await;
    assert!(!studio.process.ended(), "the broadcast goes on with a card");
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_everything_in_order() {
    let _turn = turn().await;
    let output = Output::new("sigterm");
    let mut studio = Headless::default().size(640, 360).start("footlight", &output).await;
    studio.live(seconds(20)).await;
    let (mut chat, _) = Chat::join(&studio.ready.http, &studio.ready.room, None).await;
    let asked = Instant::now();
    studio.process.terminate();
    assert_eq!(studio.process.exit_code(seconds(5)).await, 0, "{}", studio.process.stderr());
    assert!(asked.elapsed() < seconds(5));
    assert_eq!(chat.closed().await, Closed(Some(CloseCode::GoingAway as u16)));
    assert!(studio.process.group_is_gone(), "no process is left");
    let address = studio.ready.address();
    assert!(TcpStream::connect(address).is_err(), "the port is closed");
    let events = studio.process.events_after(0);
    assert!(
        events.iter().any(|event| event["event"] == "ended"),
        "the last words are `ended`: {:?}",
        events.last()
    );

    let data = Scratch::new("relay");
    let mut relay = Relay::start("relay", "127.0.0.1:0", data.path(), &output).await;
    relay.process.terminate();
    assert_eq!(relay.process.exit_code(seconds(5)).await, 0, "{}", relay.process.stderr());
    let address = relay.ready.address();
    UdpSocket::bind(address).expect("the media port is free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_in_no_log_and_not_in_the_relays_store() {
    let _turn = turn().await;
    let output = Output::new("secrets");
    let data = Scratch::new("relay");
    // As talkative as somebody who looks for a fault would set it.
    let loud = [("RUST_LOG", "debug"), ("FOOTLIGHT_LOG", "debug")];
    let relay = Relay::start_with("relay", "127.0.0.1:0", data.path(), &loud, &output).await;
    let key = relay.ready.key().to_owned();
    let token = relay.ready.token().to_owned();
    let target = relay.whip();
    let publisher =
        Headless::default().size(640, 360).to(&target, &key).environment("FOOTLIGHT_LOG", "debug");
    let mut publisher = publisher.start("publisher", &output).await;
    publisher.live(seconds(20)).await;
    let (mut owner, _) = Chat::join(&relay.ready.http, "main", Some(&token)).await;
    owner.name("Owner").await;
    owner.say("hello").await;
    http::post(
        &format!("{}/whip/main", relay.ready.http),
        SDP,
        Some("a-wrong-key-of-somebody"),
        &offer("sendonly"),
    )
    .await;
    publisher.process.terminate();
    publisher.process.exit(seconds(5)).await;

    let secrets = [key.as_str(), token.as_str(), "a-wrong-key-of-somebody"];
    for (name, text) in output.logs() {
        for (n, secret) in secrets.iter().enumerate() {
            assert!(!text.contains(secret), "{name} holds secret number {n}");
        }
    }
    wait::until("the store is written", seconds(5), async || (!files(data.path()).is_empty()).then_some(()))
        .await;
    for (name, bytes) in files(data.path()) {
        for secret in &secrets[..2] {
            let held = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!held, "{name} holds a key in clear text");
        }
    }
}

/// Every file below the folder, with its content.
fn files(folder: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .flat_map(|entry| {
            let path = entry.path();
            if path.is_dir() {
                files(&path)
            } else {
                vec![(path.display().to_string(), std::fs::read(&path).unwrap_or_default())]
            }
        })
        .collect()
}

fn refusal(answer: ServerMessage) -> Code {
    match answer {
        ServerMessage::Refused { failure, .. } => failure.code,
        other => panic!("not refused: {other:?}"),
    }
}
