//! `cargo xtask fuzz`: runs the fuzz targets, one after the other. What they find stays out of the repository
//! until `--merge` takes from it what reaches new code.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::setup::{self, Purpose};
use crate::step::{cargo, step};
use crate::{root, target};

/// How long a target runs where nothing else is said.
const SECONDS: u64 = 60;
/// Longest input: longer ones make the search slower and reach nothing new.
const LENGTH: &str = "-max_len=4096";
/// An input that takes this many seconds is a find: nobody may keep a parser busy so long.
const TIMEOUT: &str = "-timeout=5";
/// Megabytes that a target may take, the fuzzer's own included.
const MEMORY: &str = "-rss_limit_mb=1024";

/// The fewest finds that reach all code that was reached: some dozens of files, which every test run replays.
const MERGE: [&str; 2] = ["-set_cover_merge=1", "-use_counters=0"];

/// What the command line asks for.
#[derive(Debug, Default)]
struct Wish {
    target: Option<String>,
    seconds: Option<u64>,
    merge: bool,
    seed: bool,
}

impl Wish {
    fn parse(args: &[String]) -> Result<Self> {
        let mut wish = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--merge" => wish.merge = true,
                "--seed" => wish.seed = true,
                "--seconds" => {
                    let seconds = args.next().context("--seconds needs a number")?;
                    wish.seconds = Some(seconds.parse().with_context(|| format!("--seconds {seconds}"))?);
                }
                name if !name.starts_with('-') && wish.target.is_none() => {
                    wish.target = Some(name.to_owned())
                }
                other => bail!("fuzz does not know {other}"),
            }
        }
        Ok(wish)
    }
}

pub(crate) fn fuzz(args: &[String]) -> Result<()> {
    let wish = Wish::parse(args)?;
    setup::install(Purpose::Build)?;
    let folder = root().join("fuzz");
    if wish.seed {
        let mut seed = cargo();
        seed.arg("run").arg("--manifest-path").arg(folder.join("Cargo.toml")).args(["--example", "seed"]);
        return step("write the seeds", &mut seed);
    }
    let program = setup::cargo_tool("cargo-fuzz", "cargo-fuzz")?;
    let fuzz = |command: &str| {
        let mut fuzz = Command::new(&program);
        fuzz.args(["fuzz", command, "--fuzz-dir"]).arg(&folder).current_dir(root());
        fuzz
    };
    let all = String::from_utf8(fuzz("list").output().context("list the targets")?.stdout)?;
    let all: Vec<&str> = all.lines().collect();
    let chosen = match &wish.target {
        Some(name) => {
            ensure!(all.contains(&name.as_str()), "there is no target {name}; there are: {}", all.join(", "));
            vec![name.as_str()]
        }
        None => all,
    };
    for name in chosen {
        let found = found(name)?;
        let mut run = fuzz("run");
        // Footlight's parsers have no unsafe code, so there is nothing for a sanitizer to see; without one the
        // stable compiler is enough.
        run.args(["--sanitizer", "none", "--features", "relay", name]);
        let corpus = folder.join("corpus").join(name);
        if wish.merge {
            run.arg(corpus).arg(found).arg("--").args(MERGE);
        } else {
            run.arg(found).arg(corpus).arg("--");
            run.arg(format!("-max_total_time={}", wish.seconds.unwrap_or(SECONDS)));
            run.args(["-print_final_stats=1", TIMEOUT, MEMORY]);
        }
        run.arg(LENGTH);
        step(&format!("fuzz {name}"), &mut run)?;
    }
    Ok(())
}

/// Where a target keeps what it finds, over runs.
fn found(name: &str) -> Result<PathBuf> {
    let found = target().join("fuzz").join(name);
    std::fs::create_dir_all(&found).with_context(|| format!("make {}", found.display()))?;
    Ok(found)
}
