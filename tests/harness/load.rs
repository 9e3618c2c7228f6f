//! Other programs that want the processor.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::studio::Studio;
use crate::wait;

/// A load that the studio answers by giving something up has done so by then.
const ANSWERED: Duration = Duration::from_secs(8);
const MOST_A_CORE: usize = 32;

/// They end by themselves after so many seconds of processor time, whatever becomes of who started them.
const MOST_SECONDS: u32 = 900;

/// Programs that do nothing but count, each as fast as it can, until this is dropped.
#[derive(Debug)]
pub struct Load(Vec<Child>);

impl Load {
    /// So many, of the priority that every program has: one of a lower priority would be pushed aside, and the studio
    /// would have its cores for itself.
    pub fn new(many: usize) -> Self {
        let count = format!("ulimit -t {MOST_SECONDS}; while :; do :; done");
        let one = |_| {
            let mut shell = Command::new("sh");
            shell.args(["-c", &count]).stdin(Stdio::null()).spawn().expect("a shell starts")
        };
        Self((0..many).map(one).collect())
    }

    /// So many for each core.
    pub fn each_core(many: usize) -> Self {
        Self::new(many * cores())
    }

    /// More and more, until they leave the studio too little, and what it gave up then, by what it said after `mark`; and
    /// how long that took from the last of them. One a core leaves the studio half of each, which is more than a picture
    /// of common size takes on most machines.
    pub async fn until_eased(studio: &Studio, mark: usize) -> (Self, Duration, Value) {
        let mut load = Self::each_core(1);
        let mut begun = Instant::now();
        loop {
            let eased = wait::within(ANSWERED, async || {
                let events = studio.process.events_after(mark);
                events.into_iter().map(|mut event| event["eased"].take()).find(Value::is_object)
            })
            .await;
            if let Some(eased) = eased {
                return (load, begun.elapsed(), eased);
            }
            assert!(load.0.len() < MOST_A_CORE * cores(), "it has not become too much for the studio");
            load = load.doubled();
            begun = Instant::now();
        }
    }

    /// As many again beside these.
    fn doubled(mut self) -> Self {
        let mut more = Self::new(self.0.len());
        self.0.append(&mut more.0);
        self
    }

    pub fn programs(&self) -> usize {
        self.0.len()
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

impl Drop for Load {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
