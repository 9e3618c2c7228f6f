//! The program: its events, its exit status, what it says when it cannot start.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::stage::Folder;

pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_footlight-relay"));
    command
        .env_remove("FOOTLIGHT_STREAM_KEY")
        .env_remove("FOOTLIGHT_OWNER_TOKEN")
        .env("FOOTLIGHT_RTMP", "off")
        .stderr(Stdio::piped());
    command
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it_in_order() {
    for signal in ["INT", "TERM"] {
        let folder = Folder::new();
        let mut child = program()
            .args(["--listen", "127.0.0.1:0", "--json", "--data"])
            .arg(&folder.0)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready: serde_json::Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!((ready["event"].as_str(), ready["room"].as_str()), (Some("ready"), Some("main")));
        let http = ready["http"].as_str().unwrap();
        assert!(http.ends_with(&format!(":{}", ready["udp"])) && ready["rtmp"].is_null());
        assert_eq!(ready["watch"].as_str().unwrap(), format!("{http}/main"));
        assert!(ready["stream_key"].as_str().unwrap().len() >= 20 && ready["owner_token"].is_string());
        let started = Instant::now();
        let killed =
            Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        assert!(child.wait().unwrap().success());
        assert!(started.elapsed() < Duration::from_secs(5));
        let log = std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
        assert!(!log.contains(ready["stream_key"].as_str().unwrap()));
    }
}

/// Starts it, and gives its `rtmp` and what it wrote to stderr up to then.
fn started(configure: impl FnOnce(&mut Command)) -> (serde_json::Value, String) {
    let folder = Folder::new();
    let mut command = program();
    command.env_remove("FOOTLIGHT_RTMP").args(["--listen", "127.0.0.1:0", "--json", "--data"]).arg(&folder.0);
    configure(&mut command);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ready: serde_json::Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    (ready["rtmp"].clone(), std::io::read_to_string(child.stderr.take().unwrap()).unwrap())
}

#[test]
fn a_busy_usual_port_of_rtmp_is_a_warning_and_a_chosen_one_is_used() {
    let (rtmp, _) = started(|command| {
        command.args(["--rtmp", "127.0.0.1:0"]);
    });
    let port = rtmp.as_str().and_then(|url| url.strip_prefix("rtmp://127.0.0.1:")?.strip_suffix("/live"));
    assert!(port.is_some_and(|port| port.parse::<u16>().is_ok()), "{rtmp}");
    // Whoever has it now, this test or another program.
    let taken = std::net::TcpListener::bind("127.0.0.1:1935");
    let (rtmp, log) = started(|_| {});
    assert!(rtmp.is_null(), "{rtmp}");
    let said = log.lines().filter(|line| line.contains("127.0.0.1:1935 is already in use")).count();
    assert_eq!(said, 1, "{log}");
    drop(taken);
    let (rtmp, log) = started(|command| {
        command.env("FOOTLIGHT_RTMP", "off");
    });
    assert!(rtmp.is_null() && !log.contains("1935"), "{log}");
}

#[test]
fn what_keeps_it_from_starting_is_said_in_one_line() {
    let folder = Folder::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let bad = folder.0.join("bad.toml");
    std::fs::write(&bad, "colour = 'red'\n").unwrap();
    let missing = folder.0.join("missing.toml");
    let data = folder.0.join("data");
    let cases: &[(&[&str], &str)] = &[
        (&["--listen", &address], &address),
        (&["--listen", "nowhere"], "nowhere"),
        (&["--listen", "127.0.0.1:0", "--rtmp", &address], &address),
        (&["--rtmp", "somewhere"], "somewhere"),
        (&["--listen", "127.0.0.1:0", "--rtmps", "127.0.0.1:0"], "rtmps"),
        (&["--home", "nowhere"], "home"),
        (&["--home", "http://127.0.0.1:1"], "FOOTLIGHT_BUS"),
        (&["--colour"], "--colour"),
        (&["--room", "No Room"], "No Room"),
        (&["--config", bad.to_str().unwrap()], "colour"),
        (&["--config", missing.to_str().unwrap()], "missing.toml"),
    ];
    for (arguments, named) in cases {
        let output = program().args(*arguments).arg("--data").arg(&data).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert_eq!(said.trim_end().lines().count(), 1, "{said}");
        assert!(said.contains(named), "{said}");
    }
    let output = program().arg("--version").output().unwrap();
    assert!(output.status.success() && String::from_utf8(output.stdout).unwrap().contains("footlight-relay"));
}

/// A started relay: its first line, and the rest of its output.
#[cfg(unix)]
fn start(folder: &Folder, arguments: &[&str]) -> (std::process::Child, serde_json::Value) {
    let mut child = program()
        .args(["--listen", "127.0.0.1:0", "--json", "--data"])
        .arg(&folder.0)
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    (child, serde_json::from_str(&line).unwrap())
}

#[cfg(unix)]
fn signal(child: &std::process::Child) {
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_drain_serves_on_takes_nobody_new_and_a_second_signal_ends_it() {
    use crate::peer::{Peer, picture};
    let folder = Folder::new();
    let (mut child, ready) = start(&folder, &["--drain", "600"]);
    let (http, key) = (ready["http"].as_str().unwrap(), ready["stream_key"].as_str().unwrap());
    let mut publisher = Peer::publish(http, key).await;
    publisher.connected().await;
    let mut viewer = Peer::watch(http).await;
    viewer.connected().await;
    let get = async |path| crate::stage::ask(http, axum::http::Method::GET, path, &[], "").await;
    let until = async |path: &'static str, so: fn(&str) -> bool| {
        let waited = async {
            while !so(&get(path).await.body) {
                // A publisher that is silent is one that is interrupted.
                publisher.send(picture(0, true, 100));
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(crate::stage::PATIENCE, waited).await.expect(path);
    };
    until("/api/v1/rooms/main", |body| body.contains("\"live\"") && body.contains("\"viewers\":1")).await;
    signal(&child);
    until("/healthz", |body| body == "draining\n").await;
    assert_eq!(get("/healthz/ready").await.status.as_u16(), 503);
    assert_eq!(get("/healthz/live").await.status.as_u16(), 200);
    let refused = Peer::watch_as(http, None, crate::peer::Over::Udp).await.map(drop).unwrap_err();
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (503, "draining"));
    assert_eq!(refused.header(axum::http::header::RETRY_AFTER), "5");
    // Those who are here go on.
    publisher.send(picture(1, true, 200));
    assert!(viewer.video().await.keyframe);
    assert!(child.try_wait().unwrap().is_none());
    let begun = Instant::now();
    signal(&child);
    let ended = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
    assert!(ended.success() && begun.elapsed() < Duration::from_secs(5), "{ended}");
}

#[cfg(unix)]
#[test]
fn a_drain_with_nobody_there_is_over_at_once() {
    let folder = Folder::new();
    let (mut child, _) = start(&folder, &["--drain", "600"]);
    signal(&child);
    let begun = Instant::now();
    assert!(child.wait().unwrap().success());
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[cfg(unix)]
#[test]
fn the_log_can_be_json() {
    let folder = Folder::new();
    let (mut child, ready) = start(&folder, &["--log", "json", "--drain", "1"]);
    signal(&child);
    assert!(child.wait().unwrap().success());
    let log = std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert!(
        lines.iter().any(|line| line["message"].as_str().is_some_and(|said| said.contains("draining"))),
        "{log}"
    );
    assert!(lines.iter().all(|line| line["level"].is_string() && line["timestamp"].is_string()));
    assert!(!log.contains(ready["owner_token"].as_str().unwrap()));
}

#[test]
fn the_unit_of_systemd_starts_the_program_as_it_is() {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/footlight-relay.service");
    let unit = std::fs::read_to_string(&path).unwrap();
    let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    let (installed, arguments) = start.split_once(' ').unwrap();
    // The program with these flags, and one that ends it before it does anything.
    let output = program().args(arguments.split(' ')).arg("--version").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Verified with the program that is there: systemd wants it to exist.
    let folder = Folder::new();
    let copy = folder.0.join("footlight-relay.service");
    std::fs::write(&copy, unit.replace(installed, env!("CARGO_BIN_EXE_footlight-relay"))).unwrap();
    let verified = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&copy).output();
    let verified = verified.expect("systemd-analyze is there (Debian package systemd)");
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    assert!(verified.status.success() && said.is_empty(), "{said}");
}
