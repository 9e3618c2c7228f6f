//! One named step: says what it does and how long it took, and fails naming itself.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

/// Runs a command to its end, with its output shown.
pub(crate) fn step(name: &str, command: &mut Command) -> Result<()> {
    println!("xtask: {name} …");
    let begun = Instant::now();
    let status = command.status().with_context(|| format!("{name}: start {:?}", command.get_program()))?;
    ensure!(status.success(), "{name} failed ({status})");
    println!("xtask: {name}: {:.0} s", begun.elapsed().as_secs_f64());
    Ok(())
}

/// The cargo that runs us, in the workspace's folder.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(crate::root());
    cargo
}
