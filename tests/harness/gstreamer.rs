//! GStreamer's `gst-launch-1.0`, with the WHIP element that Debian does not have.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::bins;
use crate::output::Output;
use crate::process::Process;
use crate::tool;

/// Publishes the clip once by RTMP, with sound and picture as they are.
pub fn publish_rtmp(clip: &Path, target: &str, output: &Output) -> Process {
    let pipeline = format!(
        "flvmux name=flv streamable=true ! rtmp2sink sync=true location={target} \
         filesrc location={} ! qtdemux name=clip \
         clip.video_0 ! queue ! h264parse ! flv.video clip.audio_0 ! queue ! aacparse ! flv.audio",
        clip.display(),
    );
    Process::start("gstreamer", launch().args(pipeline.split_whitespace()), output)
}

/// Publishes the clip's picture once by WHIP, as it is, with a tone in Opus.
pub async fn publish_whip(clip: &Path, whip: &str, key: &str, output: &Output) -> Process {
    let pipeline = format!(
        "whipsink name=whip whip-endpoint={whip} auth-token={key} \
         filesrc location={} ! qtdemux ! h264parse config-interval=-1 ! clocksync ! \
         rtph264pay aggregate-mode=zero-latency ! \
         application/x-rtp,media=video,encoding-name=H264,payload=96 ! whip. \
         audiotestsrc is-live=true wave=sine ! audio/x-raw,rate=48000,channels=2 ! \
         opusenc ! rtpopuspay ! \
         application/x-rtp,media=audio,encoding-name=OPUS,payload=97 ! whip.",
        clip.display(),
    );
    let plugins = bins::target_dir().join("tools/whipsink");
    assert!(
        plugins.is_dir(),
        "no {}: run `cargo xtask test`, which builds GStreamer's WHIP element with cargo",
        plugins.display()
    );
    let mut command = launch();
    command
        .args(pipeline.split_whitespace())
        .env("LD_PRELOAD", shim(output).await)
        .env("GST_PLUGIN_PATH", &plugins)
        // The list of plugins that it makes for itself knows this one: it is not for the person who runs the tests.
        .env("GST_REGISTRY", plugins.join("registry"));
    Process::start("gstreamer", &mut command, output)
}

fn launch() -> Command {
    Command::new(tool::find("gst-launch-1.0", "gstreamer1.0-tools"))
}

/// `fixtures/gstreamer.c`, built.
async fn shim(output: &Output) -> PathBuf {
    let library = output.file("gstreamer.so");
    let mut compiler = Command::new(tool::find("gcc", "gcc"));
    compiler
        .args(["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"])
        .arg(bins::workspace().join("tests/fixtures/gstreamer.c"))
        .arg("-o")
        .arg(&library)
        // GStreamer's own, which has no header files here.
        .arg("-l:libcrypto.so.3");
    let mut compiler = Process::start("gstreamer-gcc", &mut compiler, output);
    assert_eq!(compiler.exit_code(Duration::from_secs(30)).await, 0, "{}", compiler.stderr());
    library
}
