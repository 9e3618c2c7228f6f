//! A microphone that can be pulled out: a private PulseAudio server whose only source plays our beep. Where a story
//! asks for speakers, too, what is played on them is what the computer plays.
//!
//! The server needs no sound card, no session and no bus. ALSA programs reach it through a configuration of
//! their own, so the person's sound is never touched.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::OFlags;
use rustix::process::setpriority_process;
use rustix::thread::gettid;

use crate::output::Output;
use crate::process::Process;
use crate::scratch::Scratch;
use crate::{sound, tool, wait};

const SINK: &str = "module-null-sink sink_name=test rate=48000 channels=2 format=s16le";
const SOURCE: &str = "module-remap-source source_name=microphone master=test.monitor \
                      source_properties=device.description=Test_Microphone";

const SPEAKERS: &str = "module-null-sink sink_name=speakers rate=44100 channels=2 format=s16le \
                        sink_properties=device.description=Test_Speakers";

/// How many of its samples a second may be that many more than it says, in millionths.
pub type Ppm = i32;

/// Its id in the studio.
pub const ID: &str = "pulseaudio:microphone";

#[derive(Debug)]
pub struct Microphone {
    modules: Vec<String>,
    // In this order: the player before its server, the server before the folder it writes into.
    player: Option<Player>,
    clocked: Option<Clocked>,
    _server: Process,
    folder: Scratch,
}

impl Microphone {
    /// Starts the server with the microphone plugged in, beeping once a second.
    pub async fn start(output: &Output) -> Self {
        let mut microphone = Self::server(output).await;
        microphone.plug();
        microphone
    }

    /// Starts the server with a microphone that has a clock of its own, and beeps as each second of this machine's clock
    /// begins: see [`Self::plug_clocked`].
    pub async fn start_clocked(rate: u32, off: Ppm, output: &Output) -> Self {
        let mut microphone = Self::server(output).await;
        microphone.plug_clocked(rate, off);
        microphone
    }

    /// The server alone.
    async fn server(output: &Output) -> Self {
        let folder = Scratch::new("sound");
        assert!(
            alsa_has_pulse(),
            "ALSA cannot reach PulseAudio: `apt-get install libasound2-plugins`, or run `cargo xtask test`, which does it"
        );
        let script = folder.path().join("server.pa");
        std::fs::write(&script, "load-module module-native-protocol-unix auth-anonymous=1\n")
            .expect("the folder is ours");
        std::fs::write(folder.path().join("asound.conf"), ALSA).expect("the folder is ours");
        let mut command = Command::new(tool::find("pulseaudio", "pulseaudio"));
        command
            .args([
                "-n",
                "--daemonize=no",
                "--exit-idle-time=-1",
                "--use-pid-file=no",
                // As sound servers run on people's computers.
                "--high-priority=yes",
                "--log-target=stderr",
                "-F",
            ])
            .arg(&script)
            .envs(server_environment(&folder));
        let server = Process::start("pulseaudio", &mut command, output);
        let microphone = Self { modules: Vec::new(), player: None, clocked: None, _server: server, folder };
        wait::until("the sound server answers", wait::seconds(20), async || {
            microphone.try_control(&["info"])
        })
        .await;
        microphone
    }

    /// For the environment of the program that is to hear it.
    pub fn environment(&self) -> Vec<(String, String)> {
        let mut all = server_environment(&self.folder);
        all.push(("ALSA_CONFIG_PATH".into(), self.folder.path().join("asound.conf").display().to_string()));
        all
    }

    /// Pulls it out: the server has no source left, and streams from it are ended.
    pub fn unplug(&mut self) {
        self.player = None;
        self.clocked = None;
        for module in self.modules.drain(..).rev().collect::<Vec<_>>() {
            self.control(&["unload-module", &module]);
        }
    }

    /// Puts it in again.
    pub fn plug(&mut self) {
        if !self.modules.is_empty() {
            return;
        }
        for module in [SINK, SOURCE] {
            let index = self.load(module);
            self.modules.push(index);
        }
        self.control(&["set-default-source", "microphone"]);
        self.player = Some(Player::start(&self.folder, "test", sound::beep_second()));
    }

    /// Puts in one that delivers `rate` samples a second by its own clock, which is off by so much from this machine's.
    pub fn plug_clocked(&mut self, rate: u32, off: Ppm) {
        if !self.modules.is_empty() {
            return;
        }
        let pipe = self.folder.path().join("microphone.pipe");
        let index = self.load(&format!(
            "module-pipe-source source_name=microphone file={} rate={rate} channels=2 format=s16le \
             source_properties=device.description=Test_Microphone",
            pipe.display()
        ));
        self.modules.push(index);
        self.control(&["set-default-source", "microphone"]);
        self.clocked = Some(Clocked::start(&pipe, rate, off));
    }

    /// Gives the computer speakers, on which a tone is played until what this gives is dropped.
    pub fn speakers_play(&mut self, hertz: f64, amplitude: f64) -> Player {
        // What plays on the default output goes with it when that changes: the beep is played anew afterwards.
        self.player = None;
        self.load(SPEAKERS);
        self.control(&["set-default-sink", "speakers"]);
        self.player = Some(Player::start(&self.folder, "test", sound::beep_second()));
        Player::start(&self.folder, "speakers", sound::tone_second(hertz, amplitude))
    }

    fn load(&self, module: &str) -> String {
        let arguments: Vec<_> = std::iter::once("load-module").chain(module.split_whitespace()).collect();
        self.control(&arguments).trim().to_owned()
    }

    fn control(&self, arguments: &[&str]) -> String {
        self.try_control(arguments).unwrap_or_else(|| panic!("pactl {} failed", arguments.join(" ")))
    }

    fn try_control(&self, arguments: &[&str]) -> Option<String> {
        let output = Command::new(tool::find("pactl", "pulseaudio-utils"))
            .args(arguments)
            .envs(server_environment(&self.folder))
            .output()
            .expect("pactl starts");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// Feeds a second of sound into the server, over and over. It also keeps the server's blocks short: an idle null sink
/// delivers two seconds at a time.
#[derive(Debug)]
pub struct Player {
    child: Child,
    feeder: Option<JoinHandle<()>>,
}

impl Player {
    fn start(folder: &Scratch, sink: &str, second: Vec<u8>) -> Self {
        let mut child = Command::new(tool::find("pacat", "pulseaudio-utils"))
            .args(["--playback", "--raw", "--format=s16le", "--rate=48000", "--channels=2"])
            // Shorter underruns on a busy machine, which would be heard as silence.
            .args(["--latency-msec=60", &format!("--device={sink}")])
            .envs(server_environment(folder))
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("pacat starts");
        let mut stdin = child.stdin.take().expect("stdin is piped");
        // Ends when the player does: its closed pipe fails the write.
        let feeder = std::thread::spawn(move || while stdin.write_all(&second).is_ok() {});
        Self { child, feeder: Some(feeder) }
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(feeder) = self.feeder.take() {
            let _ = feeder.join();
        }
    }
}

/// Delivers samples at the pace of a clock.
#[derive(Debug)]
struct Clocked {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Clocked {
    /// Between two deliveries, as a sound card interrupts.
    const STEP: Duration = Duration::from_millis(5);
    /// The most that there is.
    const URGENT: i32 = -20;

    fn start(pipe: &Path, rate: u32, off: Ppm) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        let flags = OFlags::NONBLOCK.bits() as i32;
        let mut to =
            OpenOptions::new().write(true).custom_flags(flags).open(pipe).expect("the server reads it");
        let real = f64::from(rate) * (1.0 + f64::from(off) / 1e6);
        let thread = std::thread::spawn(move || {
            // A sound card is not held up by programs: what is late here would be heard as late, and a microphone's
            // sound is not. Without root it is as quick as the machine lets it be.
            let _ = setpriority_process(Some(gettid()), Self::URGENT);
            let now =
                || SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs_f64();
            let begun = now();
            let mut delivered = 0u64;
            let mut bytes = Vec::new();
            while !asked.load(Ordering::Relaxed) {
                bytes.clear();
                let due = ((now() - begun) * real) as u64;
                for n in delivered..due {
                    let sample = sound::beep_at(begun + n as f64 / real);
                    bytes.extend([sample, sample].into_iter().flat_map(i16::to_le_bytes));
                }
                delivered = due;
                // What nobody reads is lost, as it is in a sound card. Whole frames are written or nothing: a delivery
                // is smaller than what a pipe takes at once.
                for piece in bytes.chunks(4096) {
                    if to.write_all(piece).is_err() {
                        break;
                    }
                }
                std::thread::sleep(Self::STEP);
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Clocked {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// ALSA's default device is the server's microphone, whatever its name there is when it is opened.
const ALSA: &str = r#"
</usr/share/alsa/alsa.conf>
pcm.!default { type pulse hint { show on description "Test default" } }
ctl.!default { type pulse }
pcm.testmicrophone { type pulse device "microphone" hint { show on description "Test microphone" } }
"#;

/// ALSA loads the bridge from the folder of the machine's architecture.
fn alsa_has_pulse() -> bool {
    let plugin = "alsa-lib/libasound_module_pcm_pulse.so";
    let folders =
        [format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH), "/usr/lib64".into(), "/usr/lib".into()];
    folders.iter().any(|folder| Path::new(folder).join(plugin).exists())
}

fn server_environment(folder: &Scratch) -> Vec<(String, String)> {
    let runtime: PathBuf = folder.folder("pulse");
    let socket = runtime.join("native");
    [
        ("HOME", folder.folder("home").display().to_string()),
        ("XDG_RUNTIME_DIR", folder.folder("run").display().to_string()),
        ("PULSE_RUNTIME_PATH", runtime.display().to_string()),
        ("PULSE_SERVER", format!("unix:{}", socket.display())),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}
