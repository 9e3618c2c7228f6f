//! Networks of the tests' own: namespaces with links between them, rates, losses and rules.
//!
//! A [`Space`] is one machine of such a network. Nothing of it touches the network of the machine that runs the
//! tests: links are made from namespace to namespace. A space is named after this process, dies with its value
//! (also in a panic) and takes with it whatever still runs inside; what a killed run left is swept by the next.
//! Namespaces need root; a run without it fails and says so.

use std::fs::File;
use std::io::Write as _;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Once};
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::tool;

/// Begins the name of every namespace made here; the process id follows.
const PREFIX: &str = "footlight-";
/// Where iproute2 keeps the names.
const NAMES: &str = "/run/netns";
/// What a shaped link may send at once: two full packets. More would let a keyframe through in one piece.
const BURST: u32 = 3200;
/// How long a shaped link holds a packet before it drops the next: a home router's buffer.
const QUEUE_MS: u32 = 200;

static COUNT: AtomicU32 = AtomicU32::new(0);
static SWEEP: Once = Once::new();

/// One machine of a test's network: a namespace with its own interfaces, routes and rules.
#[derive(Debug)]
pub struct Space {
    name: String,
}

impl Space {
    /// An empty one, with loopback up.
    pub fn new(label: &str) -> Self {
        assert!(
            rustix::process::geteuid().is_root(),
            "this story makes network namespaces, which needs root: run the tests as root"
        );
        SWEEP.call_once(sweep);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{count}-{label}", std::process::id());
        ip(&["netns", "add", &name]);
        let space = Self { name };
        space.ip(&["link", "set", "lo", "up"]);
        space
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// `ip ARGUMENTS` inside.
    pub fn ip(&self, arguments: &[&str]) {
        ip(&[&["-netns", &self.name], arguments].concat());
    }

    /// Replaces nothing, adds these rules: a script for `nft -f`.
    pub fn nft(&self, rules: &str) {
        let mut command = self.command(tool::find("nft", "nftables"));
        command.args(["-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("nft starts");
        let mut stdin = child.stdin.take().expect("stdin is piped");
        stdin.write_all(rules.as_bytes()).expect("nft reads its script");
        drop(stdin);
        let done = child.wait_with_output().expect("nft ends");
        assert!(done.status.success(), "nft: {}\n{rules}", String::from_utf8_lossy(&done.stderr));
    }

    /// What a program says on stdout. Panics where it fails.
    pub fn output(&self, program: &Path, arguments: &[&str]) -> String {
        run(self.command(program).args(arguments))
    }

    /// A program that will run inside. The process that is started is the program itself.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        self.inside(&Command::new(program.as_ref()))
    }

    /// The same command, run inside.
    pub fn inside(&self, command: &Command) -> Command {
        let mut inside = Command::new(tool::find("ip", "iproute2"));
        inside.args(["netns", "exec", &self.name]).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => inside.env(name, value),
                None => inside.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            inside.current_dir(folder);
        }
        inside
    }

    /// Runs this on a thread of its own inside. Sockets that it makes stay inside, wherever they are used later.
    pub fn enter<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                join(&self.name);
                act()
            });
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Forwards packets between this space's links, as a router does.
    pub fn forward(&self) {
        self.enter(|| {
            for (setting, on) in [("ipv4/ip_forward", "1"), ("ipv6/conf/all/forwarding", "1")] {
                let path = format!("/proc/sys/net/{setting}");
                std::fs::write(&path, on).unwrap_or_else(|e| panic!("write {path}: {e}"));
            }
        });
    }

    /// Limits what this space sends over the link, at any time again. Packets wait up to 200 ms, then they are
    /// dropped.
    pub fn rate(&self, device: &str, kbit: u32) {
        let tc = tool::find("tc", "iproute2");
        let (rate, burst) = (format!("{kbit}kbit"), BURST.to_string());
        let queue = format!("{QUEUE_MS}ms");
        let shape = ["tbf", "rate", &rate, "burst", &burst, "latency", &queue];
        run(self.command(tc).args(["qdisc", "replace", "dev", device, "root"]).args(shape));
    }

    /// Takes the limit away.
    pub fn unlimited(&self, device: &str) {
        let tc = tool::find("tc", "iproute2");
        run(self.command(tc).args(["qdisc", "del", "dev", device, "root"]));
    }

    /// Loses this share of the packets that arrive over the link, at any time again; zero loses none.
    pub fn loss(&self, device: &str, percent: f64) {
        let share = (percent * 100.0).round() as u32;
        let table = format!("loss_{device}");
        let mut rules = format!("add table netdev {table}\ndelete table netdev {table}\n");
        if share > 0 {
            rules += &format!(
                "table netdev {table} {{\nchain arriving {{\n\
                 type filter hook ingress device \"{device}\" priority 0;\n\
                 numgen random mod 10000 < {share} counter drop\n}}\n}}\n"
            );
        }
        self.nft(&rules);
    }

    /// How many packets [`Space::loss`] has lost on the link since it was last told a share.
    pub fn lost(&self, device: &str) -> u64 {
        let table = format!("loss_{device}");
        let nft = tool::find("nft", "nftables");
        let rules = self.output(&nft, &["list", "table", "netdev", &table]);
        let count = rules.split("counter packets ").nth(1).and_then(|rest| rest.split(' ').next());
        count.and_then(|count| count.parse().ok()).expect("nft counts what the rule drops")
    }

    /// A port of this machine's loopback that leads to that port of the space's loopback, until the value is
    /// dropped. So a test speaks to a program inside without a link that the program could see.
    pub fn door(&self, port: u16) -> Door {
        self.door_to(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    }

    /// A port of this machine's loopback that leads to an address as this space reaches it.
    pub fn door_to(&self, target: SocketAddr) -> Door {
        Door::open(self.name.clone(), target)
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        destroy(&self.name);
    }
}

/// Links two spaces; each end has its own device name and its addresses with the length of the network's prefix.
/// Joined datagrams are cut before they enter, so that rate and loss count what a real wire would carry.
pub fn link(left: (&Space, &str, &[&str]), right: (&Space, &str, &[&str])) {
    let ((a, a_device, _), (b, b_device, _)) = (left, right);
    ip(&[
        "link",
        "add",
        a_device,
        "netns",
        a.name(),
        "type",
        "veth",
        "peer",
        "name",
        b_device,
        "netns",
        b.name(),
    ]);
    for (space, device, addresses) in [left, right] {
        for address in addresses {
            let mut arguments = vec!["address", "add", address, "dev", device];
            // Two hosts that are told their addresses need no search for a third with the same.
            arguments.extend(address.contains(':').then_some("nodad"));
            space.ip(&arguments);
        }
        space.ip(&["link", "set", device, "gso_max_segs", "1"]);
        space.ip(&["link", "set", device, "up"]);
    }
}

/// A server between two machines, each on a network of its own: device `server0`, 10.1.0.1, leads to the first, whose
/// device is its label with a 0 behind, 10.1.0.2; `server1`, 10.2.0.1, to the second, likewise. Both have a route to
/// everywhere: without one multicast (mDNS) fails, and Chromium now and then finds no candidate of its own.
#[derive(Debug)]
pub struct Between {
    pub first: Space,
    pub server: Space,
    pub second: Space,
}

impl Between {
    pub fn new(first: &str, second: &str) -> Self {
        let (near, far) = (format!("{first}0"), format!("{second}0"));
        let (first, server, second) = (Space::new(first), Space::new("server"), Space::new(second));
        link((&first, &near, &["10.1.0.2/24"]), (&server, "server0", &["10.1.0.1/24"]));
        link((&server, "server1", &["10.2.0.1/24"]), (&second, &far, &["10.2.0.2/24"]));
        first.ip(&["route", "add", "default", "via", "10.1.0.1"]);
        second.ip(&["route", "add", "default", "via", "10.2.0.1"]);
        Self { first, server, second }
    }
}

/// A way from this machine's loopback into a space. Closed with its value.
#[derive(Debug)]
pub struct Door {
    address: SocketAddr,
    closed: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Door {
    fn open(space: String, target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let closed = Arc::new(AtomicBool::new(false));
        let seen = closed.clone();
        let thread = std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                if seen.load(Ordering::Relaxed) {
                    break;
                }
                let space = space.clone();
                // Ends with its connection, which ends with either of the programs at its ends.
                std::thread::spawn(move || {
                    join(&space);
                    // Refused inside is refused here: dropping the near end closes it.
                    if let Ok(far) = TcpStream::connect(target) {
                        splice(&near, &far);
                    }
                });
            }
        });
        Self { address, closed, thread: Some(thread) }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// `http://127.0.0.1:PORT`.
    pub fn http(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Relaxed);
        // Wakes the thread from its wait for the next connection.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Copies both ways until one side ends, then ends the other.
fn splice(near: &TcpStream, far: &TcpStream) {
    let copy = |mut from: &TcpStream, mut to: &TcpStream| {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    std::thread::scope(|scope| {
        scope.spawn(|| copy(far, near));
        copy(near, far);
    });
}

/// Moves the calling thread into the namespace for the rest of its life.
fn join(space: &str) {
    let path = Path::new(NAMES).join(space);
    let file = File::open(&path).unwrap_or_else(|e| panic!("open {}: {e}", path.display()));
    move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
        .unwrap_or_else(|e| panic!("enter {space}: {e}"));
}

/// Ends what runs inside, then takes the name away; the links go with it. Never panics: it runs in panics.
fn destroy(name: &str) {
    let Ok(ip) = Command::new("ip").args(["netns", "pids", name]).output() else {
        return;
    };
    let ids = String::from_utf8_lossy(&ip.stdout);
    for id in ids.split_whitespace().filter_map(|id| Pid::from_raw(id.parse().ok()?)) {
        // A thread of the tests themselves may be inside; its process is not to be ended.
        if id != rustix::process::getpid() {
            let _ = kill_process(id, Signal::KILL);
        }
    }
    let _ = Command::new("ip").args(["netns", "delete", name]).stderr(Stdio::null()).status();
}

/// Destroys what runs that were killed have left.
fn sweep() {
    for entry in std::fs::read_dir(NAMES).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|id| !Path::new("/proc").join(id).exists()) {
            destroy(&name);
        }
    }
}

fn ip(arguments: &[&str]) {
    run(Command::new(tool::find("ip", "iproute2")).args(arguments));
}

/// Runs it to its end and gives what it wrote to stdout. Panics with what it wrote to stderr where it fails.
fn run(command: &mut Command) -> String {
    let done = command.stdin(Stdio::null()).output().unwrap_or_else(|e| panic!("start {command:?}: {e}"));
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).into_owned()
}
