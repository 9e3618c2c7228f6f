//! `cargo xtask COMMAND`: everything a newcomer or the continuous integration has to do, by one name each.
//!
//! Every command first installs what is missing ([`setup`]), says so before it does, asks nothing, and
//! fails with one line that names the missing thing.

mod faces;
mod fuzz;
mod setup;
mod step;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Result, bail};
use setup::Purpose;
use step::{cargo, step};

const USAGE: &str = "\
usage: cargo xtask COMMAND

  run [-- FLAGS]   set up, build, and open the studio (with no display: --headless)
  test [FILTER]    set up, check, and run every test; with a filter, only those whose name contains it
  check            format, clippy with warnings as errors, cargo-deny
  bench [NAME]     the benchmarks (chat, danmaku, encode, gifts, join, latency, scene), each beside its floor or peer
  bundle           the platform's installers
  fuzz [TARGET] [--seconds N] [--merge] [--seed]
                   the fuzz targets, one after the other; --merge keeps what reached new code, --seed writes the seeds
  ui               build both faces into ui/dist (part of all the others)
";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let command = args.next().unwrap_or_default();
    let rest: Vec<String> = args.skip_while(|arg| arg == "--").collect();
    let done = match command.as_str() {
        "run" => run(&rest),
        "test" => test(&rest),
        "check" => check(),
        "bench" => bench(&rest),
        "bundle" => bundle(),
        "fuzz" => fuzz::fuzz(&rest),
        "ui" => ui(),
        "" | "help" | "-h" | "--help" => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        other => {
            eprintln!("xtask: no command `{other}`\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace").to_owned()
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

fn ui() -> Result<()> {
    setup::install(Purpose::Faces)?;
    faces::build()
}

fn run(flags: &[String]) -> Result<()> {
    setup::install(Purpose::Build)?;
    faces::build()?;
    step("build the studio", cargo().args(["build", "--release", "--package", "footlight"]))?;
    let mut studio =
        Command::new(target().join("release").join(format!("footlight{}", std::env::consts::EXE_SUFFIX)));
    let windowless = ["--headless", "--list-devices", "--version", "--help", "-h", "-V"];
    if !has_display() && !flags.iter().any(|flag| windowless.contains(&flag.as_str())) {
        println!("xtask: there is no display here, so the studio runs without a window (--headless)");
        studio.arg("--headless");
    }
    if cfg!(target_os = "linux") && !std::path::Path::new("/dev/dri").exists() {
        // Without a GPU the webview's default renderer is emulated: three times the CPU, and frames are missed.
        studio.env("WEBKIT_DISABLE_DMABUF_RENDERER", "1");
    }
    let status = studio.args(flags).status()?;
    match status.code() {
        Some(0) => Ok(()),
        Some(code) => std::process::exit(code),
        None => bail!("the studio was ended by a signal"),
    }
}

/// Whether a window can be opened.
fn has_display() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || set("DISPLAY") || set("WAYLAND_DISPLAY")
}

fn test(filter: &[String]) -> Result<()> {
    setup::install(Purpose::Test)?;
    faces::build()?;
    if filter.is_empty() {
        lint()?;
    }
    // All at once and with what the tests need besides: asked for alone, the programs would choose fewer features of
    // their dependencies, and most of these would be compiled a second time for the tests.
    step("build the programs and the tests", cargo().args(["build", "--workspace", "--all-targets"]))?;
    step(
        "media and protocol build for wasm32",
        faces::wasm_check(&["footlight-media", "footlight-protocol"]).as_mut(),
    )?;
    // No --no-fail-fast off: one red story must not hide another.
    step::tests("test", cargo().args(["test", "--workspace", "--no-fail-fast"]).args(filter))
}

fn check() -> Result<()> {
    setup::install(Purpose::Build)?;
    faces::build()?;
    lint()?;
    step("dependency direction", cargo().args(["test", "--package", "footlight-tests", "house"]))
}

fn lint() -> Result<()> {
    step("format", cargo().args(["fmt", "--all", "--check"]))?;
    step("clippy", cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    let deny = setup::cargo_deny()?;
    // A build brings the crates of its own platform; what is judged are those of all.
    step("fetch the crates of all platforms", cargo().args(["fetch", "--locked"]))?;
    // The advisory database is fetched from outside, so that part runs where there is a network (see deny.toml).
    step(
        "licences, bans and sources",
        Command::new(deny).args(["--offline", "check", "bans", "licenses", "sources"]),
    )
}

fn bench(names: &[String]) -> Result<()> {
    setup::install(Purpose::Test)?;
    faces::build()?;
    let build = [
        "build",
        "--release",
        "--package",
        "footlight",
        "--package",
        "footlight-relay",
        "--package",
        "footlight-benches",
        "--bins",
    ];
    step("build for speed", cargo().args(build))?;
    step("bench", Command::new(target().join("release/bench")).args(names))
}

fn bundle() -> Result<()> {
    setup::install(Purpose::Build)?;
    faces::build()?;
    let bundler = setup::cargo_tool("tauri-cli", "cargo-tauri")?;
    step("bundle", Command::new(bundler).args(["tauri", "build"]).current_dir(root()))
}
