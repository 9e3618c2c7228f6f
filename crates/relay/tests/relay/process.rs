//! The program: its events, its exit status, what it says when it cannot start.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::stage::Folder;

fn program() -> Command {
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
    let (rtmp, _) = started(|command| drop(command.args(["--rtmp", "127.0.0.1:0"])));
    let port = rtmp.as_str().and_then(|url| url.strip_prefix("rtmp://127.0.0.1:")?.strip_suffix("/live"));
    assert!(port.is_some_and(|port| port.parse::<u16>().is_ok()), "{rtmp}");
    // Whoever has it now, this test or another program.
    let taken = std::net::TcpListener::bind("127.0.0.1:1935");
    let (rtmp, log) = started(|_| {});
    assert!(rtmp.is_null(), "{rtmp}");
    let said = log.lines().filter(|line| line.contains("127.0.0.1:1935 is already in use")).count();
    assert_eq!(said, 1, "{log}");
    drop(taken);
    let (rtmp, log) = started(|command| drop(command.env("FOOTLIGHT_RTMP", "off")));
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
