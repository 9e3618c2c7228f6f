//! What the studio keeps on the creator's own disk: off air, across a broadcast, out of memory, and whatever happens to
//! the program or the disk.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use footlight_tests::faces::studio as face;
use footlight_tests::process::Process;
use footlight_tests::scratch::Scratch;
use footlight_tests::studio::Headless;
use footlight_tests::wait::{self, seconds};
use footlight_tests::webdriver::Session;
use footlight_tests::window::{OPENING, Window};
use footlight_tests::{Output, bins, tool, turn};
use serde::Deserialize;
use serde_json::{Value, json};

/// Between two pictures of 30 a second, half more than is usual.
const STEP: f64 = 1.5 / 30.0;
/// And where the broadcast begins or ends beside it.
const BESIDE: f64 = 0.1;

#[tokio::test(flavor = "multi_thread")]
async fn a_program_is_recorded_off_air_and_across_a_broadcast() {
    let _turn = turn().await;
    let output = Output::new("record");
    let window = Window::open(&output).await;
    let page = &window.page;
    page.wait_for_attribute(face::GO_LIVE, face::PHASE, "idle", OPENING).await;
    page.wait_for_attribute(face::RECORDER, face::STATE, "off", OPENING).await;
    window.screenshot(&output, "off").await;

    // Off air, by the key, then a broadcast begins and ends beside it.
    page.run("document.activeElement.blur()").await;
    page.type_keys("r").await;
    page.wait_for_attribute(face::RECORDER, face::STATE, "on", seconds(10)).await;
    recorded(page, "00:00:04").await;
    assert_eq!(phase(page).await, "idle", "nobody is on air");
    window.screenshot(&output, "on").await;
    page.click(face::GO_LIVE).await;
    page.wait_for_attribute(face::GO_LIVE, face::PHASE, "live", seconds(20)).await;
    recorded(page, "00:00:10").await;
    assert_eq!(phase(page).await, "live");
    // Loading the window anew twice takes all of this computer, so pictures of that time are not judged.
    let before = seconds_of(&clock(page).await);
    looks(&window, &output, "live").await;
    page.wait_for_attribute(face::GO_LIVE, face::PHASE, "live", seconds(20)).await;
    let busy = before - 0.5..seconds_of(&clock(page).await) + 2.0;
    wait::until("it is calm again", seconds(20), async || {
        (seconds_of(&clock(page).await) > busy.end + 1.0).then_some(())
    })
    .await;
    page.click(face::GO_LIVE).await;
    page.wait_for_attribute(face::GO_LIVE, face::PHASE, "idle", seconds(20)).await;
    let ended = clock(page).await;
    page.wait_for_attribute(face::RECORDER, face::STATE, "on", seconds(1)).await;
    if page.count(face::SUMMARY).await > 0 {
        page.click(face::SUMMARY_CLOSE).await;
    }
    wait::until("it goes on", seconds(20), async || (clock(page).await > ended).then_some(())).await;
    page.click(face::RECORD).await;
    page.wait_for_attribute(face::RECORDER, face::STATE, "off", seconds(10)).await;
    let recorder = recorder(&window).await;
    let saved = &recorder["saved"];
    window.screenshot(&output, "saved").await;
    let folder = PathBuf::from(recorder["folder"].as_str().expect("there is a folder"));
    assert_eq!(files(&folder).len(), 1, "one file of all of it: {:?}", files(&folder));
    let film = Film::read(&folder.join(saved["name"].as_str().expect("it has a name")));
    assert!(film.pictures.len() > 300 && film.duration() > 10.0, "{} s", film.duration());
    let told = saved["seconds"].as_f64().expect("it says how long it is");
    assert!((film.duration() - told).abs() < 1.2, "{} s, told {told}", film.duration());
    let gaps: Vec<_> = film.steps_over(BESIDE).into_iter().filter(|(at, _)| !busy.contains(at)).collect();
    assert!(gaps.is_empty(), "gaps at {gaps:?}, live from 4 s on");
    let late: Vec<_> = film.steps_over(STEP).into_iter().filter(|(at, _)| !busy.contains(at)).collect();
    assert!(late.len() <= 3, "pictures came late: {late:?}");
    film.is_in_sync();

    // The last five seconds out of memory, off air.
    let settings = json!({ "settings": { "replay": true, "replay_seconds": 5 } });
    window.invoke("set_record_settings", settings).await.expect("it takes settings");
    page.wait_for_attribute(face::SAVE_REPLAY, "data-whole", "true", seconds(20)).await;
    window.screenshot(&output, "replay").await;
    page.click(face::SAVE_REPLAY).await;
    let replay = wait::until("the replay is there", seconds(10), async || {
        let saved = self::recorder(&window).await["saved"].clone();
        (saved["replay"] == true).then_some(saved)
    })
    .await;
    assert_eq!(phase(page).await, "idle");
    let film = Film::read(&folder.join(replay["name"].as_str().expect("it has a name")));
    assert!((5.0..8.0).contains(&film.duration()), "{} s", film.duration());
    film.is_unbroken();
    film.is_in_sync();
    for (language, theme) in [("zh-CN", "dark"), ("en", "light")] {
        window.prefer(language, theme).await;
        page.find(face::SAVE_REPLAY).await;
        page.click("#open-settings").await;
        page.find("#recorder-folder").await;
        window.screenshot(&output, &format!("settings-{language}-{theme}")).await;
        page.click("#settings .settings-head button").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_recorded_plays_after_the_program_was_killed() {
    let _turn = turn().await;
    let output = Output::new("record-killed");
    let mut studio = Headless::default().size(640, 360).record().start("studio", &output).await;
    let begun = studio
        .process
        .event_after(0, "recorder", seconds(20), |event| {
            event["bytes"].as_u64().is_some_and(|bytes| bytes > 0)
        })
        .await;
    studio.live(seconds(20)).await;
    let since = begun["since"].as_f64().expect("it says since when") / 1_000.0;
    wait::until("five seconds are over", seconds(20), async || (now() - since > 5.0).then_some(())).await;
    let killed = now();
    studio.process.kill();
    let files = files(&studio.data.join("videos"));
    assert_eq!(files.len(), 1, "{files:?}");
    let film = Film::read(&files[0]);
    let missing = killed - since - film.duration();
    assert!(missing < 2.0, "{missing} s are lost");
    film.is_unbroken();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_ends_the_recording_and_nothing_else() {
    let _turn = turn().await;
    let output = Output::new("record-full");
    let scratch = Scratch::new("full");
    let (data, small) = (scratch.folder("data"), scratch.folder("small"));
    let settings = format!("[recorder]\nfolder = {:?}\nkeep_free_mb = 0\n", small.display().to_string());
    std::fs::write(data.join("settings.toml"), settings).expect("the data folder takes settings");
    // A disk of 400 KB, of this process alone.
    let mut command = bins::command(tool::find("unshare", "util-linux"));
    command
        .args(["--mount", "sh", "-c", "mount -t tmpfs -o size=400k none \"$0\" && exec \"$@\""])
        .arg(&small)
        .arg(bins::footlight())
        .args(["--headless", "--live", "--record", "--json", "--listen", "127.0.0.1:0", "--layers", "1"])
        .args(["--camera", "pattern", "--microphone", "tone", "--size", "640x360", "--data"])
        .arg(&data)
        .envs([("HOME", scratch.path()), ("XDG_RUNTIME_DIR", scratch.path())])
        .env_remove("DISPLAY");
    let mut studio = Process::start("studio", &mut command, &output);
    let failed = studio.event_after(0, "recorder", seconds(60), |event| event["state"] == "failed").await;
    assert_eq!(failed["failure"]["code"], "disk_full", "{failed}");
    let mark = studio.mark();
    studio.event_after(mark, "stats", seconds(10), |stats| stats["live"] == true).await;
    // As the program sees its disk.
    let inside = PathBuf::from(format!("/proc/{}/root{}", studio.pid(), small.display()));
    let [file] = &files(&inside)[..] else { panic!("{:?}", files(&inside)) };
    let copy = output.file("full.mp4");
    std::fs::copy(file, &copy).expect("it can be read");
    let film = Film::read(&copy);
    assert!(film.duration() > 2.0, "{} s", film.duration());
    film.is_unbroken();
    studio.terminate();
    assert_eq!(studio.exit_code(seconds(10)).await, 0);
}

/// The window while it records and is live, in both languages and themes.
async fn looks(window: &Window, output: &Output, name: &str) {
    for (language, theme) in [("zh-CN", "dark"), ("en", "light")] {
        window.prefer(language, theme).await;
        window.page.wait_for_attribute(face::RECORDER, face::STATE, "on", seconds(10)).await;
        window.page.find("#disk-left").await;
        window.screenshot(output, &format!("{name}-{language}-{theme}")).await;
    }
}

async fn phase(page: &Session) -> String {
    page.attribute(face::GO_LIVE, face::PHASE).await.expect("the button says the phase")
}

/// The recording's own clock.
async fn clock(page: &Session) -> String {
    let clock = page.run("return document.querySelector('#record .record-says').textContent.trim()").await;
    clock.as_str().expect("a text").to_owned()
}

fn seconds_of(clock: &str) -> f64 {
    clock.split(':').fold(0.0, |sum, part| sum * 60.0 + part.parse::<f64>().expect("a number"))
}

/// Waits until so much is recorded.
async fn recorded(page: &Session, time: &str) {
    wait::until(time, seconds(30), async || (clock(page).await.as_str() >= time).then_some(())).await;
}

async fn recorder(window: &Window) -> Value {
    window.invoke("snapshot", json!({})).await.expect("the studio answers")["recorder"].clone()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let found = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    found.map(|entry| entry.expect("it can be read").path()).collect()
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_secs_f64()
}

/// What ffprobe and ffmpeg find in a file.
struct Film {
    path: PathBuf,
    /// When they are shown, in seconds.
    pictures: Vec<f64>,
    sound: Vec<f64>,
}

#[derive(Deserialize)]
struct Probed {
    packets: Vec<Packet>,
}

#[derive(Deserialize)]
struct Packet {
    codec_type: String,
    pts_time: String,
}

impl Film {
    /// Also decodes all of it, which must do without a complaint.
    fn read(path: &Path) -> Self {
        let options = ["-v", "error", "-show_entries", "packet=codec_type,pts_time", "-of", "json"];
        let probed = run(Command::new(tool::find("ffprobe", "ffmpeg")).args(options).arg(path));
        let probed: Probed = serde_json::from_slice(&probed.0).expect("ffprobe speaks JSON");
        let times = |kind: &str| -> Vec<f64> {
            let packets = probed.packets.iter().filter(|packet| packet.codec_type == kind);
            packets.map(|packet| packet.pts_time.parse().expect("a number")).collect()
        };
        let film = Self { path: path.to_owned(), pictures: times("video"), sound: times("audio") };
        assert!(
            !film.pictures.is_empty() && !film.sound.is_empty(),
            "both streams are in {}",
            path.display()
        );
        let decode = ["-nostdin", "-v", "error", "-i"];
        let mut ffmpeg = Command::new(tool::find("ffmpeg", "ffmpeg"));
        let said = run(ffmpeg.args(decode).arg(path).args(["-f", "null", "-"])).1;
        assert!(said.is_empty(), "{}: {said}", path.display());
        for times in [&film.pictures, &film.sound] {
            assert!(times.windows(2).all(|two| two[0] < two[1]), "time goes onwards");
        }
        film
    }

    fn duration(&self) -> f64 {
        self.pictures.last().expect("there are some") - self.pictures[0]
    }

    /// Where a picture or sound comes so long after the one before it, and how long that is.
    fn steps_over(&self, most: f64) -> Vec<(f64, f64)> {
        let pairs = [&self.pictures, &self.sound].into_iter().flat_map(|times| times.windows(2));
        pairs.map(|two| (two[0], two[1] - two[0])).filter(|(_, step)| *step > most).collect()
    }

    fn is_unbroken(&self) {
        let gaps = self.steps_over(BESIDE);
        assert!(gaps.is_empty(), "{}: gaps at {gaps:?}", self.path.display());
    }

    /// The pattern flashes when the tone beeps, at each whole second.
    fn is_in_sync(&self) {
        let (flashes, beeps) = (self.flashes(), self.beeps());
        assert!(flashes.len() >= 4 && beeps.len() >= 4, "{flashes:?} {beeps:?}");
        for beep in &beeps[1..beeps.len() - 1] {
            let apart = flashes.iter().map(|flash| beep - flash).min_by(|a, b| a.abs().total_cmp(&b.abs()));
            let apart = apart.expect("there are some");
            // A picture is up to 33 ms late for the second.
            assert!(
                (-0.06..0.03).contains(&apart),
                "{}: the beep at {beep} s is {apart} s off",
                self.path.display()
            );
        }
    }

    /// When the panel in the middle becomes white.
    fn flashes(&self) -> Vec<f64> {
        let grey = self.decoded(&[
            "-fps_mode",
            "passthrough",
            "-vf",
            "crop=iw/8:ih/8,scale=1:1,format=gray",
            "-f",
            "rawvideo",
        ]);
        assert_eq!(grey.len(), self.pictures.len(), "each picture is decoded");
        let lit = grey.iter().map(|luma| *luma > 180);
        onsets(lit, 1).into_iter().map(|n| self.pictures[n]).collect()
    }

    fn beeps(&self) -> Vec<f64> {
        let raw = self.decoded(&["-ac", "1", "-ar", "48000", "-f", "s16le"]);
        let loud = raw.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]]).unsigned_abs() > 2_000);
        // Between two waves it is quiet, too.
        onsets(loud, 4_800).into_iter().map(|n| self.sound[0] + n as f64 / 48_000.0).collect()
    }

    fn decoded(&self, how: &[&str]) -> Vec<u8> {
        let mut ffmpeg = Command::new(tool::find("ffmpeg", "ffmpeg"));
        run(ffmpeg.args(["-nostdin", "-v", "error", "-i"]).arg(&self.path).args(how).arg("-")).0
    }
}

/// Where something becomes true that was not for so long.
fn onsets(values: impl Iterator<Item = bool>, quiet: usize) -> Vec<usize> {
    let (mut found, mut last) = (Vec::new(), None);
    for (n, value) in values.enumerate().filter(|(_, value)| *value) {
        if n > 0 && last.is_none_or(|last| n - last > quiet) {
            found.push(n);
        }
        last = value.then_some(n);
    }
    found
}

/// What a program says on stdout and on stderr. Panics where it fails.
fn run(command: &mut Command) -> (Vec<u8>, String) {
    let done = command.stdin(Stdio::null()).output().expect("it starts");
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{:?}: {said}", command.get_program());
    (done.stdout, said)
}
