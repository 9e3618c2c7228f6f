//! `cargo xtask COMMAND`: everything a newcomer or the continuous integration has to do, by one name each.
//!
//! Every command first installs what is missing ([`setup`]), says so before it does, asks nothing, and
//! fails with one line that names the missing thing.

mod bundle;
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
  bench [NAME]     the benchmarks (chat, danmaku, encode, gifts, join, latency, scene, sound, studio), each beside its floor or peer
  bundle [--try]   the platform's installers; --try installs the .deb into a clean Debian (as root) and starts it there
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
        "bundle" => bundle::parse(&rest).and_then(bundle::bundle),
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
    let whole = filter.is_empty();
    if whole {
        judge()?;
        step::tests("test xtask", linting(cargo()).args(["test", "--package", "xtask"]))?;
    }
    // Who tries one test out may leave a warning for later.
    let compiling = || if whole { linting(cargo()) } else { cargo() };
    // All at once and with what the tests need besides: asked for alone, the programs would choose fewer features of
    // their dependencies, and most of these would be compiled a second time for the tests.
    step("build the tests", compiling().arg("test").args(OURS).arg("--no-run"))?;
    step("build the programs", compiling().arg("build").args(OURS).args(PROGRAMS))?;
    step(
        "media and protocol build for wasm32",
        faces::wasm_check(&["footlight-media", "footlight-overlay", "footlight-protocol"]).as_mut(),
    )?;
    // No --no-fail-fast off: one red story must not hide another.
    step::tests("test", compiling().arg("test").args(OURS).arg("--no-fail-fast").args(filter))
}

/// What is built to be tested. This program is built alone before: with the others it would choose other features, and
/// what makes the faces be compiled once more.
const OURS: [&str; 3] = ["--workspace", "--exclude", "xtask"];
/// Not those of the faces, which run in a browser only.
const PROGRAMS: [&str; 8] =
    ["--bin", "footlight", "--bin", "footlight-relay", "--bin", "footlight-renditions", "--bin", "bench"];

/// Cargo with clippy's compiler for our crates, warnings as errors: what is built is linted on the way, where
/// `cargo clippy` would first go through all dependencies once more (a twentieth of an hour on two cores).
fn linting(mut cargo: Command) -> Command {
    cargo.env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver");
    // As `cargo clippy -- -D warnings` hands it on.
    cargo.env("CLIPPY_ARGS", "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__");
    cargo
}

fn check() -> Result<()> {
    setup::install(Purpose::Build)?;
    faces::build()?;
    lint()?;
    step("dependency direction", cargo().args(["test", "--package", "footlight-tests", "house"]))
}

fn lint() -> Result<()> {
    judge()?;
    step("clippy", cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

/// What is judged without compiling.
fn judge() -> Result<()> {
    step("format", cargo().args(["fmt", "--all", "--check"]))?;
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
