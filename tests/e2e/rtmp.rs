//! Encoders of others publish by RTMP, and the page and players of others show every picture.

use std::path::Path;
use std::process::Command;

use footlight_tests::browser::Setup;
use footlight_tests::obs::Obs;
use footlight_tests::process::Process;
use footlight_tests::relay::{Relay, free_port};
use footlight_tests::scratch::Scratch;
use footlight_tests::wait::{self, seconds};
use footlight_tests::watch::Viewer;
use footlight_tests::{Output, clip, tool, turn};

/// How long each viewer watches.
const WATCHED: u32 = 10;
/// Of the pictures that an encoder sends at 30 a second, on a machine that encodes, decodes and draws at once.
const LEAST: f64 = 0.9;

/// A relay that takes RTMP and RTMPS.
struct Stage {
    relay: Relay,
    /// `rtmps://…/live`.
    tls: String,
    clip: std::path::PathBuf,
    scratch: Scratch,
}

impl Stage {
    async fn set(output: &Output) -> Self {
        let scratch = Scratch::new("rtmp");
        let (certificate, key) = (scratch.path().join("chain.pem"), scratch.path().join("key.pem"));
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        std::fs::write(&certificate, made.cert.pem()).expect("write the certificate");
        std::fs::write(&key, made.signing_key.serialize_pem()).expect("write its key");
        let rtmps = format!("127.0.0.1:{}", free_port());
        let tls = format!("rtmps://{rtmps}/live");
        let environment = [
            ("FOOTLIGHT_RTMP", "127.0.0.1:0"),
            ("FOOTLIGHT_RTMPS", &*rtmps),
            ("FOOTLIGHT_TLS_CERTIFICATE", path(&certificate)),
            ("FOOTLIGHT_TLS_KEY", path(&key)),
        ];
        let data = scratch.folder("data");
        let relay = Relay::start_with("relay", "127.0.0.1:0", &data, &environment, output).await;
        let clip = clip::make(scratch.path());
        Self { relay, tls, clip, scratch }
    }

    fn server(&self) -> &str {
        self.relay.ready.rtmp.as_deref().expect("RTMP was asked for")
    }

    /// Where a publisher that knows one address only publishes.
    fn target(&self, server: &str) -> String {
        format!("{server}/{}", self.relay.ready.key())
    }

    /// The certificate is nobody's that a browser would trust; this machine itself may do without.
    fn plain(&self) -> String {
        self.relay.ready.http.replacen("https://", "http://", 1)
    }

    /// The page by WebRTC, and ffmpeg by HTTP-FLV and by RTMP, each for ten seconds.
    async fn is_watched(&self, output: &Output) {
        let plain = self.plain();
        let viewer = Viewer::open("viewer", &format!("{plain}/main"), Setup::default(), output).await;
        viewer.playing(seconds(30)).await;
        viewer.record().await;
        let flv = format!("{plain}/live/main.flv");
        let rtmp = format!("{}/main", self.server());
        let players = [
            ("flv", clip::numbers(clip::ffmpeg(), &["-i", &flv], WATCHED, output).await),
            (
                "rtmp",
                clip::numbers(clip::ffmpeg(), &["-rtmp_live", "live", "-i", &rtmp], WATCHED, output).await,
            ),
        ];
        let shown = viewer.shown(0).await;
        viewer.browser.screenshot_and_console(output).await;
        let span = shown.last().map_or(0.0, |last| last.at) - shown.first().map_or(0.0, |first| first.at);
        let page: Vec<Option<u32>> = shown.iter().map(|frame| frame.counter).collect();
        let mut figures = format!("page: {} pictures in {span:.0} ms\n", page.len());
        for (name, numbers) in &players {
            let order = clip::in_order(numbers);
            figures += &format!("{name}: {} pictures, {order:.3} in order\n", numbers.len());
        }
        output.write("figures.txt", &figures);
        print!("{figures}");
        assert!(span >= f64::from(WATCHED) * 1000.0, "the page played on: {figures}");
        assert!(page.len() as f64 >= span / 1000.0 * 30.0 * LEAST, "{figures}");
        assert!(clip::in_order(&page) >= LEAST, "{figures}");
        for (name, numbers) in players {
            assert!(numbers.len() as f64 >= f64::from(WATCHED * 30) * LEAST, "{name}: {figures}");
            let read = numbers.iter().flatten().count();
            assert!(read as f64 >= numbers.len() as f64 * 0.99, "{name} has {read} numbers: {figures}");
            assert!(clip::in_order(&numbers) >= 0.95, "{name}: {figures}");
        }
    }
}

fn path(path: &Path) -> &str {
    path.to_str().expect("the tests' folders are in UTF-8")
}

/// ffmpeg that sends the clip over and over as it is.
fn ffmpeg(clip: &Path, target: &str, output: &Output) -> Process {
    let mut command = clip::ffmpeg();
    command.args(["-re", "-stream_loop", "-1", "-i", path(clip), "-c", "copy", "-f", "flv", target]);
    Process::start("ffmpeg", &mut command, output)
}

#[tokio::test(flavor = "multi_thread")]
async fn ffmpeg_publishes_by_rtmp() {
    let _turn = turn().await;
    let output = Output::new("rtmp-ffmpeg");
    let stage = Stage::set(&output).await;
    let _publisher = ffmpeg(&stage.clip, &stage.target(stage.server()), &output);
    stage.is_watched(&output).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ffmpeg_publishes_by_rtmps() {
    let _turn = turn().await;
    let output = Output::new("rtmps-ffmpeg");
    let stage = Stage::set(&output).await;
    let _publisher = ffmpeg(&stage.clip, &stage.target(&stage.tls), &output);
    stage.is_watched(&output).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gstreamer_publishes_by_rtmp() {
    let _turn = turn().await;
    let output = Output::new("rtmp-gstreamer");
    let stage = Stage::set(&output).await;
    // It does not play in a loop, so the loop is played into a file.
    let long = stage.scratch.path().join("long.mp4");
    let mut repeat = clip::ffmpeg();
    repeat.args(["-stream_loop", "7", "-i", path(&stage.clip), "-c", "copy", path(&long)]);
    let repeated = Process::start("repeat", &mut repeat, &output).exit_code(seconds(30)).await;
    assert_eq!(repeated, 0, "ffmpeg repeats the clip");
    let pipeline = format!(
        "flvmux name=flv streamable=true ! rtmp2sink sync=true location={} filesrc location={} ! qtdemux name=clip \
         clip.video_0 ! queue ! h264parse ! flv.video clip.audio_0 ! queue ! aacparse ! flv.audio",
        stage.target(stage.server()),
        path(&long),
    );
    let mut command = Command::new(tool::find("gst-launch-1.0", "gstreamer1.0-tools"));
    command.args(pipeline.split_whitespace());
    let _publisher = Process::start("gstreamer", &mut command, &output);
    stage.is_watched(&output).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn obs_publishes_by_rtmp() {
    let _turn = turn().await;
    let output = Output::new("rtmp-obs");
    let stage = Stage::set(&output).await;
    let obs = Obs::stream(&stage.clip, stage.server(), stage.relay.ready.key(), &output).await;
    stage.is_watched(&output).await;
    obs.screenshot(&output).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hevc_by_enhanced_rtmp_passes_to_players_and_is_noted_for_the_creator() {
    let _turn = turn().await;
    let output = Output::new("rtmp-hevc");
    let stage = Stage::set(&output).await;
    let hevc = stage.scratch.path().join("hevc.mp4");
    let mut encode = clip::newer_ffmpeg();
    encode.args(["-i", path(&stage.clip), "-c:v", "libx265", "-preset", "ultrafast"]);
    encode.args(["-x265-params", "log-level=error:keyint=30:bframes=0", "-c:a", "copy", path(&hevc)]);
    let encoded = Process::start("encode", &mut encode, &output).exit_code(seconds(60)).await;
    assert_eq!(encoded, 0, "the newer ffmpeg encodes HEVC");
    let target = stage.target(stage.server());
    let mut publish = clip::newer_ffmpeg();
    publish.args(["-re", "-stream_loop", "-1", "-i", path(&hevc), "-c", "copy", "-f", "flv", &target]);
    let _publisher = Process::start("ffmpeg", &mut publish, &output);
    let plain = stage.plain();
    let room = format!("{plain}/api/v1/rooms/main");
    wait::until("the creator reads of HEVC", seconds(20), async || {
        let answer = reqwest::get(&room).await.ok()?.text().await.ok()?;
        answer.contains("hevc").then_some(())
    })
    .await;
    let flv = format!("{plain}/live/main.flv");
    let rtmp = format!("{}/main", stage.server());
    for input in [&["-i", &*flv][..], &["-rtmp_enhanced_codecs", "hvc1", "-i", &rtmp]] {
        let numbers = clip::numbers(clip::newer_ffmpeg(), input, WATCHED, &output).await;
        let (count, order) = (numbers.len(), clip::in_order(&numbers));
        println!("{}: {count} pictures, {order:.3} in order", input[input.len() - 1]);
        assert!(count as f64 >= f64::from(WATCHED * 30) * LEAST && order >= 0.95, "{count}, {order}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn obs_with_a_wrong_key_is_told_so() {
    let _turn = turn().await;
    let output = Output::new("rtmp-wrong-key");
    let stage = Stage::set(&output).await;
    let obs = Obs::stream(&stage.clip, stage.server(), "not-the-key", &output).await;
    wait::until("OBS reads why", seconds(30), async || {
        obs.process
            .lines()
            .iter()
            .chain([&obs.process.stderr()])
            .any(|l| l.contains("The stream key is wrong"))
            .then_some(())
    })
    .await;
    for (name, log) in output.logs() {
        assert!(!name.contains("relay") || !log.contains("not-the-key"), "a key is in {name}");
    }
    drop(stage.scratch);
}
