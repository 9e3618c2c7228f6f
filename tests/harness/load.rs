//! Other programs that want the processor.

use std::process::{Child, Command, Stdio};

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

    /// As many again beside these.
    pub fn doubled(mut self) -> Self {
        let mut more = Self::new(self.0.len());
        self.0.append(&mut more.0);
        self
    }

    pub fn programs(&self) -> usize {
        self.0.len()
    }

    pub fn a_core(&self) -> usize {
        self.0.len() / cores()
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
