//! Broadcasts over networks that lose packets or let only so much through.

pub(crate) mod link;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use footlight_studio::{Config, Studio};
use link::Link;

use crate::endpoint::{KEY, Server, until};
use crate::nowhere;

/// A film of noise, which fills whatever bitrate it is given; gone after the test.
struct Noise(PathBuf);

impl Noise {
    fn new(name: &str) -> Self {
        const WIDTH: usize = 320;
        const HEIGHT: usize = 180;
        const FRAMES: usize = 12;
        let path = std::env::temp_dir().join(format!("footlight-{}-{name}.y4m", std::process::id()));
        let mut random = 1u32;
        let mut film = format!("YUV4MPEG2 W{WIDTH} H{HEIGHT} F30:1 C420\n").into_bytes();
        for _ in 0..FRAMES {
            film.extend_from_slice(b"FRAME\n");
            film.extend((0..WIDTH * HEIGHT * 3 / 2).map(|_| {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                96 + (random >> 26) as u8
            }));
        }
        let mut file = std::fs::File::create(&path).expect("a file");
        file.write_all(&film).expect("room for it");
        Self(path)
    }
}

impl Drop for Noise {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

fn studio(noise: &Noise, bitrate_kbps: u32) -> Studio {
    let config = Config {
        camera: format!("file:{}", noise.0.display()),
        microphone: "tone".into(),
        width: 320,
        height: 180,
        bitrate_kbps,
        ..Config::default()
    };
    Studio::start(config, tokio::runtime::Handle::current()).expect("the studio starts")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_lossy_network_loses_is_sent_again() {
    const KBPS: u32 = 1200;
    let link = Link::new().await;
    let server = Server::start_behind(Arc::default(), nowhere(), Some(&link)).await;
    let (arrived, noise) = (Arc::clone(&server.arrived), Noise::new("loss"));
    let studio = studio(&noise, KBPS);
    studio.go_live(vec![server.target(KEY)]).expect("goes live");
    until("frames arrive", || arrived.count() > 30).await;
    link.lose(30);
    link.begin();
    let mut least = KBPS;
    until("180 frames are sent", || {
        least = least.min(studio.snapshot().health.target_kbps);
        link.seen().frames.len() >= 180
    })
    .await;
    let seen = link.seen();
    let last = *seen.frames.iter().max().expect("frames");
    until("later frames arrive", || {
        arrived.units(0).iter().any(|unit| {
            // A frame that cannot be had any more is given up only after newer ones have waited for it.
            (unit.timestamp.wrapping_sub(last) as i32) > 45_000
        })
    })
    .await;
    let units = arrived.units(0);
    let whole = units.iter().filter(|unit| seen.frames.contains(&unit.timestamp)).count();
    let (sent, health) = (seen.frames.len(), studio.snapshot().health);
    println!(
        "{} datagrams lost, {} sent again, {whole} of {sent} frames whole, target at least {least}; {health:?}",
        seen.lost, seen.resent
    );
    assert!(seen.lost > 20 && seen.resent > 10, "{} {}", seen.lost, seen.resent);
    assert!(whole * 100 >= sent * 99, "{whole} of {sent}");
    assert!(least >= KBPS / 2, "random loss is not congestion: {least}");
    studio.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bitrate_follows_what_the_network_takes() {
    const CEILING: u32 = 3000;
    const WIDE: u32 = 4000;
    const NARROW: u32 = 800;
    let link = Link::new().await;
    let server = Server::start_behind(Arc::default(), nowhere(), Some(&link)).await;
    let (arrived, noise) = (Arc::clone(&server.arrived), Noise::new("rate"));
    link.limit(WIDE);
    let studio = studio(&noise, CEILING);
    let target = || studio.snapshot().health.target_kbps;
    studio.go_live(vec![server.target(KEY)]).expect("goes live");
    until("the bitrate is filled", || arrived.count() > 60 && link.offered_kbps() > 2 * NARROW).await;
    println!("wide: {} kbit/s sent, target {}", link.offered_kbps(), target());

    link.limit(NARROW);
    let took = until("less is sent than the narrow link takes", || {
        target() < NARROW && link.offered_kbps() < NARROW
    })
    .await;
    println!("narrow: {} kbit/s after {took:?}, target {}", link.offered_kbps(), target());
    assert!(took < Duration::from_secs(6), "{took:?}");
    link.begin();
    let mut trace = Vec::new();
    until("90 frames are sent", || {
        trace.push(link.offered_kbps());
        link.seen().frames.len() >= 90
    })
    .await;
    let (seen, units) = (link.seen(), arrived.units(0));
    let whole = units.iter().filter(|unit| seen.frames.contains(&unit.timestamp)).count();
    println!(
        "narrow: {whole} of {} frames whole, {} lost, {:?} kbit/s",
        seen.frames.len(),
        seen.lost,
        trace.iter().max()
    );
    assert!(whole * 4 >= seen.frames.len() * 3, "pictures go on: {whole}");

    link.limit(WIDE);
    let took =
        until("it climbs again", || target() > NARROW * 3 / 2 && link.offered_kbps() > NARROW * 5 / 4).await;
    println!("wide again: {} kbit/s after {took:?}, target {}", link.offered_kbps(), target());
    studio.shutdown().await;
}
