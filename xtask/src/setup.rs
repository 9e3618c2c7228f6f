//! Installs what a command needs and the machine lacks.
//!
//! One table says what is needed, how to see that it is there, and which package brings it. On Debian and its
//! kin the packages are installed by apt-get, on macOS by Homebrew; elsewhere the missing ones are named.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::faces::Toolchain;
use crate::step::{cargo, step};
use crate::{root, target};

/// What the set-up is for; each includes the ones above it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    /// The studio window's and the viewer page's wasm.
    Faces,
    /// Every program.
    Build,
    /// The tests: browsers, virtual devices, a display.
    Test,
}

/// How to see that something is there.
enum Probe {
    /// A program on the PATH.
    Program(&'static str),
    /// A library that pkg-config knows.
    Library(&'static str),
    /// A Debian package, where neither a program nor pkg-config tells. Not asked elsewhere.
    Debian(&'static str),
}

struct Need {
    purpose: Purpose,
    probe: Probe,
    /// Debian package.
    apt: &'static str,
    /// Homebrew formula; empty where macOS has it or does not need it.
    brew: &'static str,
}

const fn need(purpose: Purpose, probe: Probe, apt: &'static str, brew: &'static str) -> Need {
    Need { purpose, probe, apt, brew }
}

const NEEDS: &[Need] = &[
    need(Purpose::Build, Probe::Program("gcc"), "gcc", ""),
    need(Purpose::Build, Probe::Program("g++"), "g++", ""),
    need(Purpose::Build, Probe::Program("make"), "make", ""),
    need(Purpose::Build, Probe::Program("pkg-config"), "pkg-config", "pkg-config"),
    need(Purpose::Build, Probe::Program("cmake"), "cmake", "cmake"),
    need(Purpose::Build, Probe::Program("nasm"), "nasm", "nasm"),
    need(Purpose::Build, Probe::Program("clang"), "clang", ""),
    need(Purpose::Build, Probe::Debian("libclang-dev"), "libclang-dev", ""),
    need(Purpose::Build, Probe::Library("x264"), "libx264-dev", "x264"),
    need(Purpose::Build, Probe::Library("alsa"), "libasound2-dev", ""),
    need(Purpose::Build, Probe::Library("webkit2gtk-4.1"), "libwebkit2gtk-4.1-dev", ""),
    need(Purpose::Build, Probe::Library("libsoup-3.0"), "libsoup-3.0-dev", ""),
    need(Purpose::Build, Probe::Library("librsvg-2.0"), "librsvg2-dev", ""),
    need(Purpose::Test, Probe::Program("chromium"), "chromium", ""),
    need(Purpose::Test, Probe::Program("chromedriver"), "chromium-driver", ""),
    need(Purpose::Test, Probe::Program("Xvfb"), "xvfb", ""),
    need(Purpose::Test, Probe::Program("WebKitWebDriver"), "webkit2gtk-driver", ""),
    need(Purpose::Test, Probe::Program("pulseaudio"), "pulseaudio", ""),
    need(Purpose::Test, Probe::Program("pactl"), "pulseaudio-utils", ""),
    need(Purpose::Test, Probe::Debian("libasound2-plugins"), "libasound2-plugins", ""),
    need(Purpose::Test, Probe::Program("dbus-run-session"), "dbus-daemon", ""),
    need(Purpose::Test, Probe::Program("ffmpeg"), "ffmpeg", ""),
    need(Purpose::Test, Probe::Program("pip3"), "python3-pip", ""),
    need(Purpose::Test, Probe::Program("npm"), "npm", "node"),
    need(Purpose::Test, Probe::Program("firefox-esr"), "firefox-esr", ""),
    need(Purpose::Test, Probe::Program("obs"), "obs-studio", ""),
    need(Purpose::Test, Probe::Program("gst-launch-1.0"), "gstreamer1.0-tools", ""),
    need(Purpose::Test, Probe::Debian("gstreamer1.0-plugins-base"), "gstreamer1.0-plugins-base", ""),
    need(Purpose::Test, Probe::Debian("gstreamer1.0-plugins-good"), "gstreamer1.0-plugins-good", ""),
    need(Purpose::Test, Probe::Debian("gstreamer1.0-plugins-bad"), "gstreamer1.0-plugins-bad", ""),
    need(Purpose::Test, Probe::Debian("gstreamer1.0-nice"), "gstreamer1.0-nice", ""),
    need(Purpose::Test, Probe::Library("gstreamer-webrtc-1.0"), "libgstreamer-plugins-bad1.0-dev", ""),
    need(Purpose::Test, Probe::Program("systemd-analyze"), "systemd", ""),
    need(Purpose::Test, Probe::Debian("fonts-noto-cjk"), "fonts-noto-cjk", ""),
    need(Purpose::Test, Probe::Debian("fonts-noto-color-emoji"), "fonts-noto-color-emoji", ""),
    need(Purpose::Test, Probe::Program("ip"), "iproute2", ""),
    need(Purpose::Test, Probe::Program("nft"), "nftables", ""),
    need(Purpose::Test, Probe::Program("miniupnpd"), "miniupnpd-nftables", ""),
    need(Purpose::Test, Probe::Program("turnserver"), "coturn", ""),
    need(Purpose::Test, Probe::Program("pebble"), "pebble", ""),
    need(Purpose::Test, Probe::Debian("postgresql"), "postgresql", ""),
    need(Purpose::Test, Probe::Program("nats-server"), "nats-server", ""),
    need(Purpose::Test, Probe::Program("nginx"), "nginx", ""),
    need(Purpose::Test, Probe::Debian("libnginx-mod-rtmp"), "libnginx-mod-rtmp", ""),
];

/// Packages whose server Debian starts once it is installed.
const SERVERS: [&str; 4] = ["coturn", "nats-server", "nginx", "postgresql"];

/// Brings the machine to where `purpose` can be served. Does nothing, and prints nothing, where all is there.
pub(crate) fn install(purpose: Purpose) -> Result<()> {
    let missing: Vec<&Need> =
        NEEDS.iter().filter(|need| need.purpose <= purpose && !need.is_there()).collect();
    if cfg!(target_os = "linux") {
        apt(&missing.iter().map(|need| need.apt).collect::<Vec<_>>())?;
        for server in missing.iter().map(|need| need.apt).filter(|name| SERVERS.contains(name)) {
            // Debian starts it with the machine; the tests start their own, and nobody asked for a server.
            succeeds(Command::new("systemctl").args(["disable", "--now", server]));
        }
    } else if cfg!(target_os = "macos") {
        brew(&missing.iter().map(|need| need.brew).filter(|name| !name.is_empty()).collect::<Vec<_>>())?;
    }
    wasm()?;
    if purpose == Purpose::Test {
        for (package, version, more) in PYTHON {
            python(package, version, more)?;
        }
        npm()?;
        // Firefox's driver, which Debian does not have.
        cargo_tool("geckodriver@0.37.1", "geckodriver")?;
        whipsink()?;
    }
    Ok(())
}

/// What the tests take from PyPI, once beside the build output: name, version, and what pip is to do beside that.
const PYTHON: [(&str, &str, &[&str]); 4] = [
    // An ffmpeg that speaks Enhanced RTMP (6.1 and later), which Debian's does not.
    ("imageio-ffmpeg", "0.6.0", &["--no-deps"]),
    // A WebRTC stack of others, to publish by WHIP and watch by WHEP.
    ("aiortc", "1.16.0", &[]),
    // Texts that run as scripts where a page takes them for markup.
    ("brs-kb", "4.0.2", &["--no-deps"]),
    // An S3 server that checks signatures; the extra that brings its server brings much else.
    ("moto", "5.2.2", &["py-partiql-parser", "pyyaml", "flask==3.1.2", "flask-cors==6.0.1"]),
];

fn python(package: &str, version: &str, more: &[&str]) -> Result<()> {
    let folder = target().join("tools").join("python").join(format!("{package}-{version}"));
    if folder.exists() {
        return Ok(());
    }
    println!("xtask: installing by pip: {package}");
    let draft = folder.with_extension("new");
    let mut install = Command::new("pip3");
    install
        .args(["install", "--quiet", "--root-user-action=ignore", "--upgrade", "--target"])
        .arg(&draft)
        .arg(format!("{package}=={version}"))
        .args(more)
        .stdin(Stdio::null());
    step(&format!("install {package}"), &mut install)?;
    std::fs::rename(&draft, &folder).with_context(|| format!("put {package} into {}", folder.display()))
}

/// The players of others and the checks of pages, as `tests/npm` locks them: npm refuses what has another hash.
fn npm() -> Result<()> {
    let (ours, folder) = (root().join("tests/npm"), target().join("tools/npm"));
    if is_as(&ours, &folder, "package-lock.json") {
        return Ok(());
    }
    println!("xtask: installing by npm: axe-core hls.js mpegts.js");
    let draft = folder.with_extension("new");
    renew(&draft)?;
    for file in ["package.json", "package-lock.json"] {
        copy(&ours.join(file), &draft.join(file))?;
    }
    let mut install = Command::new("npm");
    install.args(["ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"]);
    step("npm ci", install.current_dir(&draft).stdin(Stdio::null()))?;
    put(&draft, &folder)
}

/// GStreamer's WHIP element, which Debian does not have, as `tests/whipsink` locks it.
fn whipsink() -> Result<()> {
    let (ours, folder) = (root().join("tests/whipsink"), target().join("tools/whipsink"));
    if !cfg!(target_os = "linux") || is_as(&ours, &folder, "Cargo.lock") {
        return Ok(());
    }
    println!("xtask: installing by cargo: gst-plugin-webrtchttp");
    let build = target().join("tools/build");
    let mut make = cargo();
    make.args(["build", "--quiet", "--locked", "--package", "gst-plugin-webrtchttp", "--manifest-path"]);
    make.arg(ours.join("Cargo.toml")).arg("--target-dir").arg(&build);
    step("build GStreamer's WHIP element", &mut make)?;
    let draft = folder.with_extension("new");
    renew(&draft)?;
    for (from, file) in [(build.join("debug"), "libgstwebrtchttp.so"), (ours, "Cargo.lock")] {
        copy(&from.join(file), &draft.join(file))?;
    }
    put(&draft, &folder)
}

/// Whether what is installed in `folder` was made by the lock file of `ours`.
fn is_as(ours: &Path, folder: &Path, lock: &str) -> bool {
    let read = |folder: &Path| fs::read(folder.join(lock));
    matches!((read(ours), read(folder)), (Ok(ours), Ok(theirs)) if ours == theirs)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let copied = fs::copy(from, to).with_context(|| format!("copy {} to {}", from.display(), to.display()));
    copied.map(|_| ())
}

/// Makes the folder empty.
fn renew(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("empty {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))
}

/// Puts what is whole where it is looked for, in place of an older one.
fn put(draft: &Path, folder: &Path) -> Result<()> {
    renew(folder)?;
    fs::rename(draft, folder).with_context(|| format!("put {} into place", folder.display()))
}

impl Need {
    fn is_there(&self) -> bool {
        // pkg-config finds nothing on Windows and little on macOS: there the build itself names what is missing.
        let linux = cfg!(target_os = "linux");
        match self.probe {
            Probe::Program(name) => (!linux && self.brew.is_empty()) || on_path(name).is_some(),
            Probe::Library(name) => {
                (!linux && self.brew.is_empty())
                    || succeeds(Command::new("pkg-config").args(["--exists", name]))
            }
            Probe::Debian(package) => {
                !linux || !is_debian() || succeeds(Command::new("dpkg").args(["--status", package]))
            }
        }
    }
}

fn is_debian() -> bool {
    on_path("apt-get").is_some()
}

/// Debian packages that one command needs besides.
pub(crate) fn debian(packages: &[&str]) -> Result<()> {
    let is_missing = |package: &&&str| !succeeds(Command::new("dpkg").args(["--status", package]));
    apt(&packages.iter().filter(is_missing).copied().collect::<Vec<_>>())
}

fn apt(packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    if !is_debian() {
        bail!("these are missing; install your system's packages for: {list}");
    }
    println!("xtask: installing by apt-get: {list}");
    let root = succeeds(Command::new("sh").args(["-c", "test $(id -u) = 0"]));
    let apt_get = || {
        let mut command = if root { Command::new("apt-get") } else { Command::new("sudo") };
        if !root {
            command.args(["--non-interactive", "apt-get"]);
        }
        command.env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
        command.args(["-qq", "-o", "DPkg::Lock::Timeout=550", "-o", "Dpkg::Use-Pty=0"]);
        command
    };
    let failed = || format!("run this as root, then try again: apt-get install {list}");
    step("apt-get update", apt_get().arg("update")).with_context(failed)?;
    let mut install = apt_get();
    install.args(["install", "--yes", "--no-install-recommends"]).args(packages);
    step("apt-get install", &mut install).with_context(failed)
}

fn brew(formulae: &[&str]) -> Result<()> {
    if formulae.is_empty() {
        return Ok(());
    }
    let list = formulae.join(" ");
    println!("xtask: installing by Homebrew: {list}");
    step("brew install", Command::new("brew").arg("install").args(formulae))
        .with_context(|| format!("install these by hand: {list}"))
}

/// Something that compiles for wasm32: the toolchain's own target, else Debian's rustc with std's source.
fn wasm() -> Result<()> {
    if Toolchain::find().is_some() {
        return Ok(());
    }
    println!("xtask: installing by rustup: the target wasm32-unknown-unknown");
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add", "wasm32-unknown-unknown"]).stdin(Stdio::null());
    if step("rustup target add", &mut rustup).is_err() && is_debian() {
        println!("xtask: rustup cannot have it here; taking Debian's compiler for the faces instead");
        apt(&["rustc-web", "rust-web-src", "lld"])?;
    }
    if Toolchain::find().is_none() {
        bail!(
            "nothing here compiles for wasm32-unknown-unknown; try: rustup target add wasm32-unknown-unknown"
        );
    }
    Ok(())
}

/// cargo-deny, installed once beside the build output.
pub(crate) fn cargo_deny() -> Result<PathBuf> {
    cargo_tool("cargo-deny", "cargo-deny")
}

/// A cargo subcommand from the PATH, or installed once beside the build output.
pub(crate) fn cargo_tool(package: &str, program: &str) -> Result<PathBuf> {
    if let Some(there) = on_path(program) {
        return Ok(there);
    }
    let tools = target().join("tools");
    let installed = tools.join("bin").join(format!("{program}{}", std::env::consts::EXE_SUFFIX));
    if !installed.exists() {
        println!("xtask: installing by cargo: {package}");
        let mut install = cargo();
        install.args(["install", "--quiet", "--locked", package, "--root"]).arg(&tools);
        // They run for seconds, and even a little optimising would take longer than that.
        install
            .args(["--profile", "dev"])
            .env("CARGO_PROFILE_DEV_OPT_LEVEL", "0")
            .env("CARGO_PROFILE_DEV_DEBUG", "0");
        // Its build is kept apart, so that it can neither disturb nor reuse ours.
        install.arg("--target-dir").arg(tools.join("build"));
        step(&format!("install {package}"), &mut install)?;
    }
    Ok(installed)
}

fn on_path(program: &str) -> Option<PathBuf> {
    let name = format!("{program}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(&std::env::var_os("PATH")?).map(|dir| dir.join(&name)).find(|path| path.is_file())
}

fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}
