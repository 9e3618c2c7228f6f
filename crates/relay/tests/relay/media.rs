//! Publishers and viewers.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use footlight_protocol::room::StreamState;

use crate::peer::{Over, Peer, Seen, now, number, picture, sound};
use crate::stage::{Stage, live};

/// Sends `frames` pictures, the first a keyframe, and a bit of sound with each.
async fn broadcast(publisher: &Peer, from: u32, frames: u32) {
    let mut pace = tokio::time::interval(Duration::from_millis(10));
    for number in from..from + frames {
        pace.tick().await;
        publisher.send(picture(number, number == from, if number == from { 20_000 } else { 3_000 }));
        publisher.send(sound());
    }
}

async fn check(publish_over: Over, watch_over: Over) {
    let stage = Stage::new().await;
    let mut publisher = Peer::publish_over(&stage.ready.http, &stage.key(), publish_over).await;
    publisher.connected().await;
    let mut viewer = Peer::watch_as(&stage.ready.http, None, watch_over).await.map_err(|a| a.body).unwrap();
    viewer.connected().await;
    broadcast(&publisher, 0, 50).await;
    stage.until("live", live).await;
    let (mut pictures, mut sounds) = (0, 0);
    let StreamState::Live { clock, .. } = stage.handle.stats().stream else { panic!("live") };
    while pictures < 50 || sounds < 40 {
        match viewer.next().await {
            Seen::Video { unit, extensions } => {
                assert_eq!(number(&unit.data), pictures);
                assert_eq!(unit.keyframe, pictures == 0);
                let captured = unit.captured.expect("abs-capture-time");
                assert!(now().since(captured) < Duration::from_secs(20));
                // The room's clock ties timestamps to capture times.
                let ticks = unit.timestamp.wrapping_sub(clock.rtp) as i32;
                let micros = captured.as_micros() as i64 - clock.at_us as i64;
                assert!((i64::from(ticks) - micros * 9 / 100).abs() <= 3, "{ticks} {micros}");
                assert!(extensions.play_delay_max.is_some_and(|most| most.numer() == 0));
                pictures += 1;
            }
            Seen::Audio { timestamp, captured } => {
                let expected = captured.expect("abs-capture-time").to_rtp(48_000);
                assert!((timestamp.wrapping_sub(expected) as i32).abs() <= 1, "{timestamp} {expected}");
                sounds += 1;
            }
            Seen::Ended => panic!("ended"),
            Seen::Connected | Seen::KeyframeAsked | Seen::LayerAsked(_) => {}
        }
    }
    stage.stop().await;
    viewer.ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broadcast_arrives_over_udp() {
    check(Over::Udp, Over::Udp).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broadcast_arrives_over_tcp_where_udp_is_blocked() {
    check(Over::Tcp, Over::Tcp).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_joiner_gets_the_picture_at_once_without_asking_the_publisher() {
    let stage = Stage::new().await;
    let mut publisher = Peer::publish(&stage.ready.http, &stage.key()).await;
    publisher.connected().await;
    broadcast(&publisher, 0, 30).await;
    stage.until("live", live).await;
    while let Ok(seen) = publisher.seen.try_recv() {
        drop(seen);
    }
    // Nothing is published any more: all that the viewer sees comes from the ring.
    let mut viewer = Peer::watch(&stage.ready.http).await;
    let mut last = None;
    for n in 0..30 {
        let unit = viewer.video().await;
        assert_eq!((number(&unit.data), unit.keyframe), (n, n == 0));
        // Told as a quick catch-up: a millisecond apart.
        if let Some(last) = last {
            assert!(
                (80..=100).contains(&unit.timestamp.wrapping_sub(last)),
                "{}",
                unit.timestamp.wrapping_sub(last)
            );
        }
        last = Some(unit.timestamp);
    }
    while let Ok(seen) = viewer.seen.try_recv() {
        assert!(!matches!(seen, Seen::Audio { .. }), "old sound");
    }
    assert!(!matches!(publisher.seen.try_recv(), Ok(Seen::KeyframeAsked)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_that_came_first_sees_the_broadcast_when_it_starts() {
    let stage = Stage::new().await;
    let mut viewer = Peer::watch(&stage.ready.http).await;
    viewer.connected().await;
    let mut publisher = Peer::publish(&stage.ready.http, &stage.key()).await;
    publisher.connected().await;
    broadcast(&publisher, 0, 5).await;
    assert_eq!(number(&viewer.video().await.data), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crashed_publishers_replacement_takes_over_and_viewers_stay() {
    let stage = Stage::new().await;
    let mut viewer = Peer::watch(&stage.ready.http).await;
    viewer.connected().await;
    let mut last = None;
    for round in 0..3 {
        let mut publisher = Peer::publish(&stage.ready.http, &stage.key()).await;
        publisher.connected().await;
        broadcast(&publisher, round * 100, 10).await;
        stage.until("live", live).await;
        for n in 0..10 {
            let unit = viewer.video().await;
            assert_eq!(number(&unit.data), round * 100 + n);
            // One stream of timestamps, whoever publishes.
            if let Some(last) = last {
                assert!((unit.timestamp.wrapping_sub(last) as i32) > 0);
            }
            last = Some(unit.timestamp);
        }
        drop(publisher);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_older_of_two_publishers_is_sent_away() {
    let stage = Stage::new().await;
    let mut first = Peer::publish(&stage.ready.http, &stage.key()).await;
    first.connected().await;
    let mut second = Peer::publish(&stage.ready.http, &stage.key()).await;
    first.ended().await;
    second.connected().await;
    broadcast(&second, 0, 3).await;
    stage.until("live", live).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn goodbye_ends_the_broadcast_at_once_and_silence_interrupts_it() {
    let stage = Stage::new().await;
    for by_http in [true, false] {
        let mut publisher = Peer::publish(&stage.ready.http, &stage.key()).await;
        publisher.connected().await;
        broadcast(&publisher, 0, 3).await;
        stage.until("live", live).await;
        if by_http {
            let answer = stage.ask(Method::DELETE, &publisher.location, &[], "").await;
            assert_eq!(answer.status, StatusCode::OK);
        } else {
            publisher.leave();
        }
        stage.until("offline", |stats| stats.stream == StreamState::Offline).await;
    }
    let mut publisher = Peer::publish(&stage.ready.http, &stage.key()).await;
    publisher.connected().await;
    broadcast(&publisher, 0, 3).await;
    stage.until("live", live).await;
    stage.until("interrupted", |stats| matches!(stats.stream, StreamState::Interrupted { .. })).await;
    broadcast(&publisher, 3, 3).await;
    stage.until("live again", live).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keyframe_requests_of_many_viewers_become_few() {
    let stage = Stage::new().await;
    let mut publisher = Peer::publish(&stage.ready.http, &stage.key()).await;
    publisher.connected().await;
    let mut viewers = Vec::new();
    for _ in 0..5 {
        viewers.push(Peer::watch(&stage.ready.http).await);
    }
    broadcast(&publisher, 0, 3).await;
    for viewer in &mut viewers {
        viewer.video().await;
    }
    while let Ok(seen) = publisher.seen.try_recv() {
        drop(seen);
    }
    // Again and again, as players do: what they ask just after they joined was answered by the join.
    let asking = async {
        loop {
            viewers.iter().for_each(Peer::ask_keyframe);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        () = asking => {}
        () = async { while !matches!(publisher.next().await, Seen::KeyframeAsked) {} } => {}
    }
    publisher.send(picture(100, true, 1_000));
    for viewer in &mut viewers {
        while number(&viewer.video().await.data) != 100 {}
    }
    let mut asked = 1;
    while let Ok(seen) = publisher.seen.try_recv() {
        asked += u32::from(matches!(seen, Seen::KeyframeAsked));
    }
    assert!(asked <= 2, "{asked}");
    let metrics = stage.get("/metrics").await.body;
    assert!(metrics.contains("footlight_viewers 5"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_asks_as_it_joins_costs_the_publisher_nothing() {
    let stage = Stage::new().await;
    let mut publisher = Peer::publish(&stage.ready.http, &stage.key()).await;
    publisher.connected().await;
    broadcast(&publisher, 0, 3).await;
    stage.until("live", live).await;
    while let Ok(seen) = publisher.seen.try_recv() {
        drop(seen);
    }
    let mut viewers = Vec::new();
    for _ in 0..10 {
        let mut viewer = Peer::watch(&stage.ready.http).await;
        viewer.connected().await;
        viewer.ask_keyframe();
        assert_eq!(number(&viewer.video().await.data), 0, "it gets what there is since the keyframe");
        viewers.push(viewer);
    }
    let heard = async {
        while !stage.get("/metrics").await.body.contains("footlight_keyframe_requests_in_total 10") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), heard).await.expect("all ten requests are heard");
    while let Ok(seen) = publisher.seen.try_recv() {
        assert!(!matches!(seen, Seen::KeyframeAsked), "the publisher is left in peace");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_that_leaves_is_no_longer_counted() {
    let stage = Stage::new().await;
    let mut viewer = Peer::watch(&stage.ready.http).await;
    viewer.connected().await;
    stage.until("one viewer", |stats| stats.presence.viewers == 1).await;
    let answer = stage.ask(Method::DELETE, &viewer.location, &[], "").await;
    assert_eq!(answer.status, StatusCode::OK);
    stage.until("no viewer", |stats| stats.presence.viewers == 0).await;
    viewer.ended().await;
    assert_eq!(stage.ask(Method::DELETE, &viewer.location, &[], "").await.status, StatusCode::NOT_FOUND);
}
