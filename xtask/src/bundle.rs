//! The platform's installers, by Tauri's bundler; on Debian also the proof that the package installs and starts on a
//! machine that has nothing of what built it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::setup::{self, Purpose};
use crate::step::step;
use crate::{faces, root, target};

/// The Debian release of the root that is installed into: the oldest that has webkit2gtk-4.1.
const RELEASE: &str = "bookworm";
/// What opens a window there, and says that it did. Debian keeps libx264 in main, so no other part is needed.
const DISPLAY: [&str; 3] = ["xvfb", "x11-utils", "dbus-daemon"];
/// How long the window may take to open in a root where nothing is in any cache.
const OPENING: Duration = Duration::from_secs(60);

/// Builds the installers; with `tried`, installs the .deb into a clean root and starts it there.
pub(crate) fn bundle(tried: bool) -> Result<()> {
    setup::install(Purpose::Build)?;
    faces::build()?;
    let bundler = setup::cargo_tool("tauri-cli", "cargo-tauri")?;
    let mut build = Command::new(bundler);
    build.args(["tauri", "build", "--ci"]).current_dir(root());
    if cfg!(target_os = "linux") {
        // An AppImage is made of programs that its maker fetches from elsewhere; who wants one asks for it by name.
        build.args(["--bundles", "deb,rpm"]);
    }
    step("bundle", &mut build)?;
    let made = made()?;
    for file in &made {
        let bytes = fs::metadata(file).map_or(0, |file| file.len());
        println!("xtask: {} ({:.1} MB)", file.display(), bytes as f64 / 1e6);
    }
    if tried {
        let deb = made.iter().find(|file| file.extension().is_some_and(|end| end == "deb"));
        try_deb(deb.context("there is no .deb to try")?)?;
    }
    Ok(())
}

/// What the bundler left, installers of the kinds that this platform has.
fn made() -> Result<Vec<PathBuf>> {
    let folder = target().join("release/bundle");
    let mut made = Vec::new();
    for (kind, ending) in [("deb", "deb"), ("rpm", "rpm"), ("dmg", "dmg"), ("msi", "msi"), ("nsis", "exe")] {
        let Ok(files) = fs::read_dir(folder.join(kind)) else { continue };
        let files = files.filter_map(|file| Some(file.ok()?.path()));
        made.extend(files.filter(|file| file.extension().is_some_and(|end| end == ending)));
    }
    ensure!(!made.is_empty(), "the bundler left nothing in {}", folder.display());
    made.sort();
    Ok(made)
}

/// A root with nothing but Debian, the package, and a display; thrown away afterwards.
struct Root(PathBuf);

impl Drop for Root {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.join("proc")).stderr(Stdio::null()).status();
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("xtask: {} stays: {error}", self.0.display());
        }
    }
}

impl Root {
    fn make() -> Result<Self> {
        setup::debian(&["debootstrap"])?;
        let path = target().join("bundle-root");
        if path.exists() {
            drop(Self(path.clone()));
        }
        let root = Self(path);
        let mut strap = Command::new("debootstrap");
        strap.args(["--variant=minbase", RELEASE]).arg(&root.0);
        step("make a clean Debian", &mut strap)?;
        let mut proc = Command::new("mount");
        proc.args(["-t", "proc", "proc"]).arg(root.0.join("proc"));
        step("mount its proc", &mut proc)?;
        Ok(root)
    }

    fn run(&self, command: &str) -> Command {
        let mut chroot = Command::new("chroot");
        chroot.arg(&self.0).args(["/bin/sh", "-c", command]).env_clear();
        chroot.envs([
            ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
            ("DEBIAN_FRONTEND", "noninteractive"),
            ("HOME", "/root"),
        ]);
        chroot.stdin(Stdio::null());
        chroot
    }
}

fn try_deb(deb: &Path) -> Result<()> {
    let root = Root::make()?;
    fs::copy(deb, root.0.join("footlight.deb")).context("bring the package into the root")?;
    let install = "apt-get -qq update && apt-get -qq install --yes --no-install-recommends /footlight.deb";
    step("install the package there", &mut root.run(install))?;
    step("footlight --version", &mut root.run("footlight --version"))?;
    let ready = "timeout --signal=INT 8 footlight --headless --camera pattern --microphone tone --live --json \
                 --listen 127.0.0.1:0 --rtmp off --data /tmp/headless > /tmp/said; \
                 grep -q '\"event\":\"live\"' /tmp/said && grep -q '\"event\":\"ended\"' /tmp/said";
    step("broadcast without a window there", &mut root.run(ready))?;
    let display = format!("apt-get -qq install --yes --no-install-recommends {}", DISPLAY.join(" "));
    step("install a display there", &mut root.run(&display))?;
    let window = format!(
        "Xvfb :77 -screen 0 1280x800x24 -nolisten tcp & display=$!; \
         export DISPLAY=:77 WEBKIT_DISABLE_DMABUF_RENDERER=1; sleep 2; \
         dbus-run-session -- sh -c 'echo $$ > /tmp/pid; exec footlight --camera pattern --microphone none \
         --listen 127.0.0.1:0 --rtmp off --data /tmp/window' & session=$!; \
         for second in $(seq {}); do sleep 1; xwininfo -root -tree | grep -q '\"Footlight\"' && found=1 && break; done; \
         sleep 3; kill -INT $(cat /tmp/pid); wait $session; ended=$?; kill $display; \
         test \"$found\" = 1 && test $ended = 0",
        OPENING.as_secs()
    );
    step("open the window there", &mut root.run(&window))?;
    Ok(())
}

/// Refuses what is not there.
pub(crate) fn parse(flags: &[String]) -> Result<bool> {
    match flags.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Ok(false),
        ["--try"] if cfg!(target_os = "linux") => Ok(true),
        ["--try"] => bail!("--try installs a Debian package, so it needs Linux"),
        _ => bail!("bundle takes --try and nothing else"),
    }
}
