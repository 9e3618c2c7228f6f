//! Encoders of others × players of others: every pair that the codecs allow plays, with the numbers in the pictures
//! read back. All viewers watch one publisher at the same time, and all publishers take their turn.
//!
//! What is not here: Firefox by WHEP. Its WebRTC decodes H.264 with the OpenH264 plugin alone, which it downloads when it first runs
//! and no package has. The relay never makes VP8, so there is no codec that both know.
//!
//! GStreamer's WHIP element publishes with a certificate that the relay takes (`fixtures/gstreamer.c`).

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::panic::AssertUnwindSafe;

use footlight_tests::browser::{Browser, Setup};
use footlight_tests::firefox::Firefox;
use footlight_tests::obs::{Obs, Show};
use footlight_tests::players::{Look, Players, Site, Way};
use footlight_tests::stage::Stage;
use footlight_tests::webdriver::Session;
use footlight_tests::{Output, aiortc, clip, gstreamer, page, turn};
use futures_util::FutureExt as _;

/// How long each viewer watches, in seconds. Some have begun a moment before they are looked at.
const WATCHED: u32 = 11;
/// How much of it has to be seen, in seconds of the publisher's numbers.
const PLAYED_S: f64 = 10.0;
/// Of the pictures, with a readable number, and of the numbers, in order.
const LEAST: f64 = 0.99;
/// How far the numbers of two looks may be apart: half a second. A page looks ten times a second, when it is let.
const LOOKS_APART: u32 = clip::FPS / 2;
/// Capture to what the page shows, half of the time, where the publisher says when a picture was captured.
const HLS_MS: f64 = 2_000.0;
const FLV_MS: f64 = 1_000.0;

const CHROMIUM: &[Way] = &[Way::Whep, Way::Flv, Way::SocketFlv, Way::Hls];
const FIREFOX: &[Way] = &[Way::Flv, Way::SocketFlv, Way::Hls];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Publisher {
    Ffmpeg,
    FfmpegTls,
    Gstreamer,
    GstreamerWhip,
    Aiortc,
    Chromium,
    Obs,
}

impl Publisher {
    const ALL: [Self; 7] = [
        Self::Ffmpeg,
        Self::FfmpegTls,
        Self::Gstreamer,
        Self::GstreamerWhip,
        Self::Aiortc,
        Self::Chromium,
        Self::Obs,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Ffmpeg => "ffmpeg-rtmp",
            Self::FfmpegTls => "ffmpeg-rtmps",
            Self::Gstreamer => "gstreamer-rtmp",
            Self::GstreamerWhip => "gstreamer-whip",
            Self::Aiortc => "aiortc-whip",
            Self::Chromium => "chromium-whip",
            Self::Obs => "obs-rtmp",
        }
    }

    /// Whether its pictures say when they were captured.
    fn tells_the_time(self) -> bool {
        matches!(self, Self::Ffmpeg | Self::Chromium)
    }

    /// It publishes for as long as the answer is held.
    async fn start(self, stage: &Stage, output: &Output) -> Box<dyn Any> {
        let (whip, key) = (stage.url("/whip/main"), stage.relay.ready.key());
        // Those that do not play in a loop get a clip of which no viewer sees the end.
        let long = async || clip::repeat(&stage.clip, 6, output).await;
        match self {
            Self::Ffmpeg => Box::new(clip::publish_live(&stage.rtmp(), output)),
            Self::FfmpegTls => Box::new(clip::publish(&stage.clip, &stage.rtmps(), output)),
            Self::Gstreamer => Box::new(gstreamer::publish_rtmp(&long().await, &stage.rtmp(), output)),
            Self::GstreamerWhip => Box::new(gstreamer::publish_whip(&long().await, &whip, key, output).await),
            Self::Aiortc => Box::new(aiortc::publish(&whip, key, &long().await, output).await),
            Self::Chromium => Box::new(page::publish(stage, output).await),
            Self::Obs => Box::new(Obs::stream(&Show::clip(&stage.clip), stage.server(), key, output).await),
        }
    }
}

/// What a viewer saw.
#[derive(Debug)]
struct Played {
    /// How far the numbers got, in seconds of the publisher's.
    length_s: f64,
    /// Share of the pictures that had a readable number.
    read: f64,
    /// Share of the numbers that followed the one before.
    order: f64,
    /// Median of capture to look.
    age_ms: Option<f64>,
    /// What the player said of itself, for a failure that the figures do not explain.
    complaints: Vec<String>,
}

impl Played {
    /// `apart` is how far from each other two numbers may be.
    fn of(numbers: &[Option<u32>], apart: u32) -> Self {
        let read = numbers.iter().flatten().count() as f64 / numbers.len().max(1) as f64;
        let length_s = f64::from(clip::advance(numbers, apart)) / f64::from(clip::FPS);
        Self { length_s, read, order: clip::in_order(numbers, apart), age_ms: None, complaints: Vec::new() }
    }

    fn of_looks(looks: &[Look], aged: bool) -> Self {
        let numbers: Vec<_> = looks.iter().map(|look| look.counter).collect();
        let mut ages: Vec<f64> = looks.iter().filter_map(|look| look.age_ms).filter(|_| aged).collect();
        ages.sort_by(f64::total_cmp);
        Self { age_ms: ages.get(ages.len() / 2).copied(), ..Self::of(&numbers, LOOKS_APART) }
    }

    fn is_whole(&self) -> bool {
        self.length_s >= PLAYED_S && self.read >= LEAST && self.order >= LEAST
    }
}

/// What every viewer saw of one publisher, or why it saw nothing.
type Seen = BTreeMap<String, Result<Played, String>>;

#[tokio::test(flavor = "multi_thread")]
async fn every_player_plays_what_every_encoder_publishes() {
    let _turn = turn().await;
    let output = Output::new("players");
    let site = Site::open().await;
    let chromium = Browser::start("chromium", Setup::default(), &output).await;
    let firefox = Firefox::start("firefox", &output).await;
    let mut seen = Vec::new();
    for publisher in Publisher::ALL {
        let watched = told(watch(publisher, &site, &chromium.page, &firefox.page)).await;
        let nobody = |why| Seen::from([("everybody".to_owned(), Err(why))]);
        seen.push((publisher, watched.unwrap_or_else(nobody)));
    }
    let table = table(&seen);
    output.write("table.txt", &table);
    println!("{table}");
    let mut broken = String::new();
    for (publisher, seen) in &seen {
        for (viewer, played) in seen {
            let limit = match viewer {
                viewer if viewer.ends_with("hls") => HLS_MS,
                viewer if viewer.ends_with("flv") => FLV_MS,
                _ => f64::INFINITY,
            };
            let why = match played {
                Ok(played) if played.is_whole() && played.age_ms.is_none_or(|age| age <= limit) => continue,
                Ok(played) => format!("{played:?}: {}", played.complaints.join("; ")),
                Err(why) => why.clone(),
            };
            let _ = writeln!(broken, "{viewer} watches {}: {why}", publisher.name());
        }
    }
    assert!(broken.is_empty(), "{broken}");
}

/// Everybody watches one publisher.
async fn watch(publisher: Publisher, site: &Site, chromium: &Session, firefox: &Session) -> Seen {
    let output = Output::new(&format!("players-{}", publisher.name()));
    let stage = Stage::set(&output).await;
    let running = publisher.start(&stage, &output).await;
    stage.is_live().await;
    let relay = stage.url("");
    let (pages, foxes) =
        tokio::join!(site.play(chromium, &relay, CHROMIUM), site.play(firefox, &relay, FIREFOX));
    tokio::join!(pages.settled(), foxes.settled());
    let ffmpeg = async |name: &str, input: String| {
        let numbers = clip::numbers(name, clip::ffmpeg(), &["-i", &input], WATCHED, &output).await;
        Played::of(&numbers, clip::STEP)
    };
    let by_whep = async {
        let watched = aiortc::watch(&stage.url("/whep/main"), WATCHED, &output).await;
        assert_eq!((watched.width, watched.height, watched.deleted), (clip::WIDTH, clip::HEIGHT, 200));
        Played::of(&watched.numbers, clip::STEP)
    };
    let (pages, foxes, by_whep, by_flv, by_hls, by_rtmp) = tokio::join!(
        looked_at("chromium", &pages, publisher),
        looked_at("firefox", &foxes, publisher),
        told(by_whep),
        told(ffmpeg("ffmpeg-flv", stage.url("/live/main.flv"))),
        told(ffmpeg("ffmpeg-hls", stage.url("/hls/main/index.m3u8"))),
        told(ffmpeg("ffmpeg-rtmp", stage.rtmp_play())),
    );
    chromium.screenshot(&output, "chromium").await;
    firefox.screenshot(&output, "firefox").await;
    drop(running);
    let recording = stage.recording().display().to_string();
    let recorded = told(ffmpeg("ffmpeg-recording", recording)).await;
    let mut seen: Seen = pages.into_iter().chain(foxes).collect();
    seen.extend(
        [
            ("aiortc whep", by_whep),
            ("ffmpeg flv", by_flv),
            ("ffmpeg hls", by_hls),
            ("ffmpeg rtmp", by_rtmp),
            ("ffmpeg recording", recorded),
        ]
        .map(|(viewer, played)| (viewer.to_owned(), played)),
    );
    seen
}

/// What the players of one page show from now on.
async fn looked_at(browser: &str, players: &Players<'_>, publisher: Publisher) -> Seen {
    let seen = players.watch(WATCHED).await;
    let line = |(way, (looks, errors)): (Way, (Vec<Look>, Vec<String>))| {
        let played = Played::of_looks(&looks, publisher.tells_the_time());
        (format!("{browser} {}", way.name()), Ok(Played { complaints: errors, ..played }))
    };
    seen.into_iter().map(line).collect()
}

/// What came of it. A viewer or a publisher that fails keeps no other from being looked at.
async fn told<T>(story: impl Future<Output = T>) -> Result<T, String> {
    AssertUnwindSafe(story).catch_unwind().await.map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("it failed").to_owned()
    })
}

/// A line a viewer, a column a publisher: seconds played, share in order, and the age of the picture where it is known.
fn table(seen: &[(Publisher, Seen)]) -> String {
    let viewers: BTreeSet<&String> = seen.iter().flat_map(|(_, seen)| seen.keys()).collect();
    let mut table = format!("{:<18}", "");
    for (publisher, _) in seen {
        let _ = write!(table, "{:<22}", publisher.name());
    }
    for viewer in viewers {
        let _ = write!(table, "\n{viewer:<18}");
        for (_, seen) in seen {
            let cell = match seen.get(viewer) {
                None => String::new(),
                Some(Ok(Played { length_s, order, age_ms, .. })) => {
                    let age = age_ms.map_or(String::new(), |age| format!(" {age:.0} ms"));
                    format!("{length_s:.1} s {order:.3}{age}")
                }
                Some(Err(_)) => "failed".to_owned(),
            };
            let _ = write!(table, "{cell:<22}");
        }
    }
    table
}
