//! One named step: says what it does and how long it took, and fails naming itself.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

/// Lines of what failed that are said again at most.
const AGAIN: usize = 1_000;

/// Runs a command to its end, with its output shown.
pub(crate) fn step(name: &str, command: &mut Command) -> Result<()> {
    timed(name, || command.status().with_context(|| format!("{name}: start {:?}", command.get_program())))
}

/// Runs test programs with their output shown, and says again at the end what failed and why: what failed first is
/// otherwise far up, before the output of all programs that came after it.
pub(crate) fn tests(name: &str, command: &mut Command) -> Result<()> {
    timed(name, || {
        let child = command.stdout(Stdio::piped()).spawn();
        let mut child = child.with_context(|| format!("{name}: start {:?}", command.get_program()))?;
        let mut failed = Failed::default();
        for line in BufReader::new(child.stdout.take().expect("it is piped")).split(b'\n') {
            let line = String::from_utf8_lossy(&line?).into_owned();
            println!("{line}");
            failed.take(line);
        }
        let status = child.wait()?;
        if !failed.lines.is_empty() {
            println!("\nxtask: what failed, once more:\n{}\n", failed.lines.join("\n"));
        }
        Ok(status)
    })
}

/// Says what begins, and how long it took where it succeeds.
fn timed(name: &str, run: impl FnOnce() -> Result<ExitStatus>) -> Result<()> {
    println!("xtask: {name} …");
    let begun = Instant::now();
    let status = run()?;
    ensure!(status.success(), "{name} failed ({status})");
    println!("xtask: {name}: {:.0} s", begun.elapsed().as_secs_f64());
    Ok(())
}

/// What test programs say of their failures, in the form of Rust's test harness: from `failures:` to the result.
#[derive(Default)]
struct Failed {
    lines: Vec<String>,
    inside: bool,
}

impl Failed {
    fn take(&mut self, line: String) {
        self.inside = (self.inside || line == "failures:") && !line.starts_with("test result:");
        if self.inside && self.lines.len() < AGAIN {
            self.lines.push(line);
        }
    }
}

/// The cargo that runs us, in the workspace's folder.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(crate::root());
    cargo
}

#[cfg(test)]
mod tests {
    use super::Failed;

    #[test]
    fn what_failed_is_kept_and_nothing_else() {
        let mut failed = Failed::default();
        let said = "test a ... ok\ntest b ... FAILED\n\nfailures:\n\n---- b stdout ----\nwhy\n\nfailures:\n    b\n\n\
                    test result: FAILED. 1 passed\n\nrunning 1 test\ntest c ... ok\n\ntest result: ok. 1 passed";
        said.lines().for_each(|line| failed.take(line.to_owned()));
        assert_eq!(
            failed.lines,
            ["failures:", "", "---- b stdout ----", "why", "", "failures:", "    b", ""]
        );
    }
}
