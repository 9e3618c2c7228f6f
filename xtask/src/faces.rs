//! Builds both faces, the studio window and the viewer's pages, into `ui/dist/{studio,watch}`.
//!
//! The wasm is built by the ordinary toolchain where it has the target, else by a rustc that comes with the
//! standard library's source. `wasm-bindgen` is called as a library, so no further tool is needed. A file is
//! written only when it changed: the relay and the shell embed these files and would be rebuilt.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use wasm_bindgen_cli_support::Bindgen;

use crate::step::{cargo, step};
use crate::{root, target};

const WASM: &str = "wasm32-unknown-unknown";
/// Each face's folder, and its programs with the pages that start them.
const FACES: [(&str, &[(&str, &str)]); 2] = [
    ("studio", &[("studio", "index.html")]),
    ("watch", &[("watch", "index.html"), ("replay", "replay.html"), ("overlay", "overlay.html")]),
];

pub(crate) fn build() -> Result<()> {
    let mut command = wasm_cargo("build");
    command.args(["--package", "footlight-ui", "--profile", "ui", "--bins"]);
    step("build the faces", &mut command)?;
    let ui = root().join("ui");
    for (face, programs) in FACES {
        let made = target().join("faces").join(face);
        fs::remove_dir_all(&made).or_else(ignore_missing)?;
        fs::create_dir_all(&made)?;
        for (program, page) in programs {
            Bindgen::new()
                .input_path(target().join("wasm").join(WASM).join("ui").join(format!("{program}.wasm")))
                .web(true)?
                .typescript(false)
                .remove_name_section(true)
                .remove_producers_section(true)
                .generate(&made)
                .with_context(|| format!("generate the glue of {program}"))?;
            fs::copy(ui.join(format!("{program}.html")), made.join(page))
                .with_context(|| format!("copy ui/{program}.html"))?;
        }
        for folder in ["style", "assets"] {
            copy_files(&ui.join(folder), &made)?;
        }
        publish(&made, &ui.join("dist").join(face))?;
    }
    Ok(())
}

/// Type-checks pure crates for wasm32, which proves that they have no I/O to lean on.
pub(crate) fn wasm_check(packages: &[&str]) -> Box<Command> {
    let mut command = wasm_cargo("check");
    command.args(["--profile", "ui"]);
    for package in packages {
        command.args(["--package", package]);
    }
    Box::new(command)
}

/// A cargo that builds for wasm, in a target folder of its own: its standard library may not be the native one's.
fn wasm_cargo(verb: &str) -> Command {
    let mut command = cargo();
    command.arg(verb).args(["--target", WASM]).arg("--target-dir").arg(target().join("wasm"));
    for name in ["RUSTC", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER", "CARGO_BUILD_TARGET"] {
        command.env_remove(name);
    }
    if let Some(Toolchain::WithSource { rustc }) = Toolchain::find() {
        // RUSTC_BOOTSTRAP: building std from source is not stable yet, though the source is the compiler's own.
        // Where the active toolchain compiles, rustup's choice stays: without it a dependency's own
        // `rust-toolchain` file would decide what compiles that dependency.
        command
            .env_remove("RUSTUP_TOOLCHAIN")
            .env("RUSTC", rustc)
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld")
            .arg("-Zbuild-std=std,panic_abort");
    }
    command
}

/// What can compile for wasm32 on this machine.
pub(crate) enum Toolchain {
    /// The active toolchain has the target.
    Ordinary,
    /// A rustc with std's source beside it, for example Debian's `rustc-web` with `rust-web-src`.
    WithSource { rustc: PathBuf },
}

impl Toolchain {
    pub(crate) fn find() -> Option<Self> {
        let ordinary = ask("rustc", &["--print", "target-libdir", "--target", WASM])
            .and_then(|dir| fs::read_dir(dir).ok())
            .is_some_and(|mut dir| {
                dir.any(|file| {
                    file.is_ok_and(|file| file.file_name().to_string_lossy().starts_with("libstd-"))
                })
            });
        if ordinary {
            return Some(Self::Ordinary);
        }
        ["/usr/bin/rustc", "rustc"].into_iter().find_map(|rustc| {
            let sysroot = PathBuf::from(ask(rustc, &["--print", "sysroot"])?);
            let source = sysroot.join("lib/rustlib/src/rust/library/std");
            source.exists().then(|| Self::WithSource { rustc: rustc.into() })
        })
    }
}

fn ask(program: &str, args: &[&str]) -> Option<String> {
    let out = Command::new(program).args(args).output().ok()?;
    out.status.success().then(|| String::from_utf8_lossy(&out.stdout).trim().to_owned())
}

fn copy_files(from: &Path, to: &Path) -> Result<()> {
    if !from.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(from).with_context(|| format!("read {}", from.display()))? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))
            .with_context(|| format!("copy {}", entry.path().display()))?;
    }
    Ok(())
}

/// Makes `to` hold the files of `from`, touching only what differs.
fn publish(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        if !from.join(entry.file_name()).exists() {
            fs::remove_file(entry.path())?;
        }
    }
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        ensure!(entry.file_type()?.is_file(), "{} is not a plain file", entry.path().display());
        let new = fs::read(entry.path())?;
        let old = to.join(entry.file_name());
        if fs::read(&old).ok().as_deref() != Some(&new) {
            fs::write(&old, &new).with_context(|| format!("write {}", old.display()))?;
        }
    }
    Ok(())
}

fn ignore_missing(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}
