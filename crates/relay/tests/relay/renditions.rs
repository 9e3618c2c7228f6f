//! What becomes of a room whose maker of lower layers fails. That it makes them is told end to end, with the real one.

use std::path::PathBuf;
use std::time::Duration;

use footlight_media::Codec;
use footlight_relay::{Config, Program, Renditions};
use serde_json::Value;

use crate::encoder::{Encoder, avc_record, pace};
use crate::peer::{Peer, number, picture};
use crate::stage::{Folder, Stage, config};

fn shell(script: &str) -> Program {
    Program { path: PathBuf::from("/bin/sh"), arguments: vec!["-c".into(), script.into()] }
}

async fn stage(program: Program) -> Stage {
    Stage::in_its_own(Folder::new(), |folder| Config { maker: Some(program), ..config(folder) }).await
}

/// Sends pictures, ten to a keyframe, until `done`.
async fn publish(stage: &Stage, done: impl Future<Output = ()>) {
    let mut encoder = Encoder::publish(stage).await;
    encoder.config(Codec::H264, &avc_record()).await;
    let mut pace = pace();
    let sending = async {
        for n in 0_u32.. {
            pace.tick().await;
            encoder.frame(&picture(n, n.is_multiple_of(10), 1_000), n * 10).await;
        }
    };
    tokio::select! {
        () = sending => {}
        () = done => {}
    }
}

/// A viewer sees pictures all the time until the room says that none are made smaller.
async fn missing_is_said(program: Program) {
    let stage = stage(program).await;
    let mut viewer = Peer::watch(&stage.ready.http).await;
    viewer.connected().await;
    let told = async {
        let missing =
            |room: &Value| room["renditions"]["held"] == "missing" && room["renditions"]["made"] == 0;
        stage.poll("/api/v1/rooms/main", |answer| missing(&answer.json())).await;
        let before = number(&viewer.video().await.data);
        for _ in 0..50 {
            viewer.video().await;
        }
        assert!(number(&viewer.video().await.data) > before, "the broadcast goes on");
    };
    publish(&stage, told).await;
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_maker_that_cannot_be_started_is_told_and_the_broadcast_goes_on() {
    missing_is_said(Program { path: PathBuf::from("/nowhere/footlight-renditions"), arguments: Vec::new() })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_maker_that_dies_is_told_and_the_broadcast_goes_on() {
    missing_is_said(shell("head -c 100 >/dev/null; exit 7")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_maker_that_talks_nonsense_is_ended() {
    missing_is_said(shell("head -c 1000 /dev/urandom | tr -d '\\1\\2\\3\\4'; sleep 60")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_maker_that_takes_nothing_holds_nobody_up() {
    let stage = stage(shell("sleep 60")).await;
    let mut viewer = Peer::watch(&stage.ready.http).await;
    viewer.connected().await;
    // Far more than the pipe and the queue before it hold.
    let watched = async {
        let mut last = 0;
        while last < 600 {
            let next = number(&viewer.video().await.data);
            assert!(next <= last + 1, "{next} after {last}");
            last = next;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), publish(&stage, watched))
        .await
        .expect("six seconds of pictures");
    // And the end of the relay is the end of it: within the budget.
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_they_are_off_nothing_is_started() {
    let folder = Folder::new();
    let mark = folder.0.join("started");
    let program = shell(&format!("touch {}; sleep 60", mark.display()));
    let stage = Stage::in_its_own(folder, |folder| Config {
        maker: Some(program),
        renditions: Renditions::Off,
        ..config(folder)
    })
    .await;
    let mut viewer = Peer::watch(&stage.ready.http).await;
    viewer.connected().await;
    let watched = async {
        for _ in 0..50 {
            viewer.video().await;
        }
    };
    publish(&stage, watched).await;
    assert!(!mark.exists());
    let room = stage.get("/api/v1/rooms/main").await;
    assert!(room.json().get("renditions").is_none(), "{}", room.body);
}
