//! Networks that lose packets, and the sender reports that players synchronise by.

use std::time::Duration;

use crate::peer::{Peer, Seen, number, picture, sound};
use crate::stage::Stage;

/// Sends frames `from..to` as a studio does: a keyframe every 100, and whenever the relay asks for one.
async fn broadcast(publisher: &mut Peer, from: u32, to: u32) {
    let mut pace = tokio::time::interval(Duration::from_millis(10));
    for number in from..to {
        pace.tick().await;
        let mut keyframe = number % 100 == 0;
        while let Ok(seen) = publisher.seen.try_recv() {
            keyframe |= matches!(seen, Seen::KeyframeAsked);
        }
        let size = if keyframe { 20_000 } else { 3_000 };
        publisher.send(picture(number, keyframe, size));
        publisher.send(sound());
    }
}

/// The pictures that come, up to the first that is `last` or later.
async fn pictures_to(viewer: &mut Peer, last: u32) -> Vec<(u32, bool)> {
    let mut pictures = Vec::new();
    loop {
        let unit = viewer.video().await;
        let number = number(&unit.data);
        if number >= last {
            return pictures;
        }
        pictures.push((number, unit.keyframe));
    }
}

/// Those before `to` that did not come.
fn missing(pictures: &[(u32, bool)], to: u32) -> Vec<u32> {
    let came = |number: &u32| pictures.iter().any(|(came, _)| came == number);
    (0..to).filter(|number| !came(number)).collect()
}

/// Frames of which a share is lost, and how many follow so that the last of them is missed and asked for.
const FRAMES: u32 = 400;
const TAIL: u32 = 150;

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_on_a_lossy_network_gets_what_it_missed_again() {
    let stage = Stage::new().await;
    let mut publisher = Peer::publish(&stage.ready.http, &stage.key()).await;
    publisher.connected().await;
    let (mut lossy, mut other) = (Peer::watch(&stage.ready.http).await, Peer::watch(&stage.ready.http).await);
    lossy.connected().await;
    other.connected().await;
    lossy.path.lose_incoming(30);
    broadcast(&mut publisher, 0, FRAMES + TAIL).await;
    let whole = pictures_to(&mut lossy, FRAMES).await.len() as u32;
    let lost = lossy.path.lost();
    println!("{lost} datagrams lost, {whole} of {FRAMES} pictures whole");
    assert!(lost > 20, "the network was lossy: {lost}");
    assert!(whole * 100 >= FRAMES * 99, "{whole} of {FRAMES}");
    let others = pictures_to(&mut other, FRAMES).await;
    let missing = missing(&others, FRAMES);
    assert!(missing.is_empty(), "others miss {missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_on_a_lossy_network_is_asked_for_what_was_lost() {
    let stage = Stage::new().await;
    let mut publisher = Peer::publish(&stage.ready.http, &stage.key()).await;
    publisher.connected().await;
    let mut viewer = Peer::watch(&stage.ready.http).await;
    viewer.connected().await;
    // The first packet of all cannot be missed: nothing before it says that it was sent.
    broadcast(&mut publisher, 0, 5).await;
    assert_eq!(pictures_to(&mut viewer, 4).await.len(), 4);
    publisher.path.lose_outgoing(30);
    broadcast(&mut publisher, 5, FRAMES + TAIL).await;
    // The first five came before.
    let whole = pictures_to(&mut viewer, FRAMES).await.len() as u32 + 5;
    let lost = publisher.path.lost();
    println!("{lost} datagrams lost, {whole} of {FRAMES} pictures whole");
    assert!(lost > 20, "the network was lossy: {lost}");
    assert!(whole * 100 >= FRAMES * 99, "{whole} of {FRAMES}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_that_hears_nothing_for_a_second_goes_on_with_the_next_keyframe() {
    let stage = Stage::new().await;
    let mut publisher = Peer::publish(&stage.ready.http, &stage.key()).await;
    publisher.connected().await;
    let mut viewers = Vec::new();
    for _ in 0..3 {
        let mut viewer = Peer::watch(&stage.ready.http).await;
        viewer.connected().await;
        viewers.push(viewer);
    }
    let mut cut_off = viewers.remove(0);
    broadcast(&mut publisher, 0, 150).await;
    assert_eq!(pictures_to(&mut cut_off, 149).await.len(), 149);
    cut_off.path.cut(true);
    broadcast(&mut publisher, 150, 250).await;
    cut_off.path.cut(false);
    broadcast(&mut publisher, 250, 450).await;
    let after = pictures_to(&mut cut_off, 449).await;
    let (first, keyframe) = after[0];
    println!("goes on with picture {first}, {} lost", cut_off.path.lost());
    assert!(cut_off.path.lost() > 200, "{}", cut_off.path.lost());
    assert!(keyframe, "what follows the gap can be decoded");
    // Asked for at the latest half a second after it hears again, not waited for until the next one that is due.
    assert!((250..=400).contains(&first), "{first}");
    let numbers: Vec<u32> = after.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (first..449).collect::<Vec<_>>(), "nothing is missing from then on");
    for viewer in &mut viewers {
        let pictures = pictures_to(viewer, 449).await;
        let missing = missing(&pictures, 449);
        assert!(missing.is_empty(), "others miss {missing:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_on_a_narrow_link_changes_nothing_for_twenty_others() {
    let stage = Stage::new().await;
    let mut publisher = Peer::publish(&stage.ready.http, &stage.key()).await;
    publisher.connected().await;
    let mut viewers = Vec::new();
    for _ in 0..21 {
        let mut viewer = Peer::watch(&stage.ready.http).await;
        viewer.connected().await;
        viewers.push(viewer);
    }
    let narrow = viewers.remove(0);
    // What is sent is eight times of what fits.
    narrow.path.narrow(300);
    let mut pace = tokio::time::interval(Duration::from_millis(10));
    let mut asked = 0;
    for number in 0..1000 {
        pace.tick().await;
        let mut keyframe = number % 200 == 0;
        while let Ok(seen) = publisher.seen.try_recv() {
            asked += u32::from(matches!(seen, Seen::KeyframeAsked));
            keyframe |= matches!(seen, Seen::KeyframeAsked);
        }
        publisher.send(picture(number, keyframe, if keyframe { 20_000 } else { 3_000 }));
        publisher.send(sound());
    }
    for viewer in &mut viewers {
        let pictures = pictures_to(viewer, 990).await;
        let missing = missing(&pictures, 990);
        assert!(missing.is_empty(), "others miss {missing:?}");
    }
    println!("{} datagrams did not fit, {asked} keyframes asked for in 10 s", narrow.path.lost());
    assert!(narrow.path.lost() > 500, "the link was too narrow: {}", narrow.path.lost());
    // One at once, then less and less: 0.5 s, 1 s, 2 s and 4 s apart.
    assert!(asked <= 6, "{asked} keyframes were asked for because of one viewer");
}

#[tokio::test(flavor = "multi_thread")]
async fn sender_reports_say_when_sound_and_picture_were_captured() {
    let stage = Stage::new().await;
    let mut early = Peer::watch(&stage.ready.http).await;
    early.connected().await;
    let mut publisher = Peer::publish(&stage.ready.http, &stage.key()).await;
    publisher.connected().await;
    broadcast(&mut publisher, 0, 150).await;
    let mut late = Peer::watch(&stage.ready.http).await;
    late.connected().await;
    let joined = crate::peer::now();
    // What a late joiner catches up on is told as newer than it is.
    let placed = |viewer: &Peer, video: bool| {
        let mut placed = viewer.path.placed();
        placed.retain(|placed| placed.video == video && placed.captured > joined);
        placed
    };
    let mut sent = 150;
    while [&early, &late]
        .iter()
        .any(|viewer| placed(viewer, true).len().min(placed(viewer, false).len()) < 100)
    {
        assert!(sent < 2_000, "reports come for sound and picture");
        broadcast(&mut publisher, sent, sent + 50).await;
        sent += 50;
    }
    for (who, viewer) in [("early", &early), ("late", &late)] {
        for video in [true, false] {
            let off = placed(viewer, video).into_iter();
            let off = off.map(|p| p.reported.as_micros().abs_diff(p.captured.as_micros()));
            let off: Vec<u64> = off.collect();
            println!("{who}, video {video}: {} packets, at most {:?} µs off", off.len(), off.iter().max());
            assert!(off.iter().all(|off| *off < 5_000), "{who}, video {video}: {off:?}");
        }
    }
    println!("after {sent} pictures");
}
