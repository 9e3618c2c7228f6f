//! A started program: its own process group, its stdout as lines, its stderr in a file of the run's output.
//!
//! The whole group is killed with the value, so nothing that a test starts outlives it.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process_group};
use serde_json::Value;

use crate::Output;
use crate::wait;

/// A line of the log's end in a panic's text, so that a failure can be read without opening files.
const TAIL_LINES: usize = 30;

#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
    feeder: Option<JoinHandle<()>>,
    log: PathBuf,
}

impl Process {
    /// Starts it with no stdin. `name` names it in messages and its log in the output folder.
    pub fn start(name: &str, command: &mut Command, output: &Output) -> Self {
        Self::spawn(name, command.stdin(Stdio::null()), output)
    }

    /// With a thread that writes to its stdin, until it has written all or the process ends.
    pub fn start_fed(
        name: &str,
        command: &mut Command,
        output: &Output,
        feed: impl FnOnce(ChildStdin) + Send + 'static,
    ) -> Self {
        let mut process = Self::spawn(name, command.stdin(Stdio::piped()), output);
        let stdin = process.child.stdin.take().expect("stdin is piped");
        process.feeder = Some(std::thread::spawn(move || feed(stdin)));
        process
    }

    fn spawn(name: &str, command: &mut Command, output: &Output) -> Self {
        let log = free_name(output, name);
        let file = std::fs::File::create(&log).unwrap_or_else(|e| panic!("create {}: {e}", log.display()));
        let mut child = command
            .process_group(0)
            .stdout(Stdio::piped())
            .stderr(file)
            .spawn()
            .unwrap_or_else(|e| panic!("start {name} ({:?}): {e}", command.get_program()));
        let stdout = child.stdout.take().expect("stdout is piped");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = lines.clone();
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                sink.lock().expect("no panic under this lock").push(line);
            }
        });
        Self { name: name.to_owned(), child, lines, reader: Some(reader), feeder: None, log }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All lines of stdout so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("no panic under this lock").clone()
    }

    /// How many lines there are: a mark, to ask later only for what came after it.
    pub fn mark(&self) -> usize {
        self.lines.lock().expect("no panic under this lock").len()
    }

    /// The JSON events after `mark`. A line that is not JSON is a broken promise.
    pub fn events_after(&self, mark: usize) -> Vec<Value> {
        self.lines().iter().skip(mark).map(|line| self.parse(line)).collect()
    }

    /// The first event of this kind since the start.
    pub async fn event(&mut self, kind: &str, limit: Duration) -> Value {
        self.event_after(0, kind, limit, |_| true).await
    }

    /// The first event of this kind after `mark` that fits. Panics when the time is over or the process ends.
    pub async fn event_after(
        &mut self,
        mark: usize,
        kind: &str,
        limit: Duration,
        fits: impl Fn(&Value) -> bool,
    ) -> Value {
        let found = wait::within(limit, async || {
            let ended = self.ended();
            let events = self.events_after(mark);
            let found = events.into_iter().find(|event| event["event"] == kind && fits(event));
            assert!(
                found.is_some() || !ended,
                "{} ended before it said {kind:?}\n{}",
                self.name,
                self.tail()
            );
            found
        })
        .await;
        found
            .unwrap_or_else(|| panic!("{} did not say {kind:?} within {limit:?}\n{}", self.name, self.tail()))
    }

    /// The first line of stdout that `pick` takes something from.
    pub async fn line<T>(&mut self, what: &str, limit: Duration, pick: impl Fn(&str) -> Option<T>) -> T {
        let found = wait::within(limit, async || {
            let ended = self.ended();
            let found = self.lines().iter().find_map(|line| pick(line));
            assert!(found.is_some() || !ended, "{} ended before: {what}\n{}", self.name, self.tail());
            found
        })
        .await;
        found.unwrap_or_else(|| panic!("{} not within {limit:?}: {what}\n{}", self.name, self.tail()))
    }

    /// What it wrote to stderr so far.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    pub fn ended(&mut self) -> bool {
        self.child.try_wait().expect("the child is ours to wait for").is_some()
    }

    /// Asks it to end, as Ctrl-C's polite brother does: to the process alone, which looks after its own.
    pub fn terminate(&self) {
        // A process that has just ended by itself is as good.
        let _ = kill_process(self.id(), Signal::TERM);
    }

    /// `kill -9` of the whole group, and waits for its end.
    pub fn kill(&mut self) {
        let _ = kill_process_group(self.id(), Signal::KILL);
        let _ = self.child.wait();
        // Its next write finds the pipe broken.
        if let Some(feeder) = self.feeder.take() {
            let _ = feeder.join();
        }
        // A browser that left the group may still hold the pipe; its owner ends it, and the reader with it.
        if let Some(reader) = self.reader.take_if(|reader| reader.is_finished()) {
            let _ = reader.join();
        }
    }

    /// Waits for its end.
    pub async fn exit(&mut self, limit: Duration) -> ExitStatus {
        let ended =
            wait::within(limit, async || self.child.try_wait().expect("the child is ours to wait for")).await;
        ended.unwrap_or_else(|| panic!("{} still runs after {limit:?}\n{}", self.name, self.tail()))
    }

    /// Waits for its end and gives the status as a shell would: 128 and the signal where one ended it.
    pub async fn exit_code(&mut self, limit: Duration) -> i32 {
        let status = self.exit(limit).await;
        status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
    }

    /// Whether nothing of its group is left, children included.
    pub fn group_is_gone(&self) -> bool {
        test_kill_process_group(self.id()).is_err()
    }

    /// Stops it where it stands, or lets it go on.
    pub fn suspend(&self, on: bool) {
        kill_process(self.id(), if on { Signal::STOP } else { Signal::CONT }).expect("the process runs");
    }

    /// How many threads it has now, and how many open files.
    pub fn holds(&self) -> (usize, usize) {
        let count = |what: &str| {
            std::fs::read_dir(format!("/proc/{}/{what}", self.pid())).map_or(0, |entries| entries.count())
        };
        (count("task"), count("fd"))
    }

    /// CPU time used so far by the process itself, all threads, in seconds.
    pub fn cpu_seconds(&self) -> f64 {
        cpu_seconds(&format!("/proc/{}/stat", self.pid()), 11)
    }

    /// CPU time used so far by its threads of that name, in seconds.
    pub fn thread_cpu_seconds(&self, name: &str) -> f64 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.pid())).into_iter().flatten().flatten();
        let named = tasks.map(|task| task.path()).filter(|task| {
            std::fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.trim_end() == name)
        });
        named.map(|task| cpu_seconds(&task.join("stat").to_string_lossy(), 11)).sum()
    }

    fn id(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32).expect("a process id is not zero")
    }

    fn parse(&self, line: &str) -> Value {
        serde_json::from_str(line)
            .unwrap_or_else(|e| panic!("{} wrote a line that is not JSON ({e}): {line}", self.name))
    }

    fn tail(&self) -> String {
        let text = self.stderr();
        let lines: Vec<_> = text.lines().collect();
        let out = self.lines();
        format!(
            "--- last events\n{}\n--- end of {}\n{}",
            out[out.len().saturating_sub(5)..].join("\n"),
            self.log.display(),
            lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
        )
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// CPU time of this process's children that have ended and been waited for, in seconds.
pub fn children_cpu_seconds() -> f64 {
    cpu_seconds("/proc/self/stat", 13)
}

/// CPU time of a process and of those that it and they have started, as far as they run now, in seconds.
pub fn family_cpu_seconds(root: i32) -> f64 {
    family(root).into_iter().map(|id| cpu_seconds(&format!("/proc/{id}/stat"), 11)).sum()
}

/// Memory of a process and of those that it and they have started, in bytes: what is shared is divided among those that
/// share it (PSS).
pub fn family_memory(root: i32) -> u64 {
    let pss = |id: i32| {
        let rollup = std::fs::read_to_string(format!("/proc/{id}/smaps_rollup")).ok()?;
        let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
        line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()
    };
    family(root).into_iter().filter_map(pss).sum::<u64>() * 1024
}

/// A process and those that it and they have started.
fn family(root: i32) -> Vec<i32> {
    let names = std::fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.file_name());
    let ids = names.filter_map(|name| name.to_str()?.parse::<i32>().ok());
    let parents: HashMap<i32, i32> = ids.filter_map(|id| Some((id, parent(id)?))).collect();
    let of_family = |id: &&i32| {
        let ancestors = std::iter::successors(Some(**id), |id| parents.get(id).copied());
        ancestors.take(parents.len()).any(|ancestor| ancestor == root)
    };
    parents.keys().filter(of_family).copied().collect()
}

fn parent(id: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// Sum of two neighbouring clock-tick fields of a `stat` file, counted after the name as proc(5) does from 3.
fn cpu_seconds(path: &str, field: usize) -> f64 {
    /// USER_HZ is 100 on every Linux architecture that Rust's standard library supports.
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string(path).unwrap_or_default();
    // The name in parentheses may hold blanks and parentheses itself.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = after_name.split_whitespace().skip(field).take(2).filter_map(|t| t.parse::<f64>().ok());
    ticks.sum::<f64>() / TICKS_A_SECOND
}

/// A program started again in the same story gets a log of its own.
fn free_name(output: &Output, name: &str) -> PathBuf {
    let mut names = std::iter::once(format!("{name}.log")).chain((2..).map(|n| format!("{name}-{n}.log")));
    names
        .find_map(|name| Some(output.file(&name)).filter(|path| !path.exists()))
        .expect("names do not run out")
}
