//! A real PostgreSQL for tests, from Debian's package.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The URL of an empty database on a server that this process starts when it is first asked.
pub(crate) fn database() -> String {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start("shared", &[])).database()
}

static COUNT: AtomicU32 = AtomicU32::new(0);

/// On a socket in a folder of its own, which holds all its files. It ends with this process.
pub(crate) struct Server(pub(crate) PathBuf);

impl Server {
    /// With these settings beside its own, each as `name=value`.
    pub(crate) fn start(name: &str, settings: &[&str]) -> Self {
        let folder = std::env::temp_dir().join(format!("footlight-postgres-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let user = if rustix::process::geteuid().is_root() {
            &["--reuid=postgres", "--regid=postgres", "--clear-groups"][..]
        } else {
            &[]
        };
        if !user.is_empty() {
            run(Command::new("chown").arg("postgres").arg(&folder));
        }
        let data = folder.join("data");
        let as_user = || {
            let mut command = Command::new("setpriv");
            // The server refuses to run as root, and must not outlive who asked for it.
            command.args(user).args(["--pdeathsig", "KILL"]);
            command.stdout(Stdio::null());
            command
        };
        run(as_user().arg(program("initdb")).args(["-A", "trust", "-U", "footlight", "-N", "-D"]).arg(&data));
        let mut server = as_user();
        server.arg(program("postgres")).arg("-D").arg(&data).arg("-k").arg(&folder);
        let ours = ["listen_addresses=", "log_min_messages=fatal"];
        server.args(ours.iter().chain(settings).flat_map(|setting| ["-c", setting]));
        // The signal comes when the thread ends that started it, so that one stays.
        std::thread::spawn(move || {
            let mut server = server.spawn().expect("setpriv starts PostgreSQL");
            let _ = server.wait();
        });
        let server = Self(folder);
        let begun = Instant::now();
        while !server.psql("postgres", "SELECT 1").status().expect("psql starts").success() {
            assert!(begun.elapsed() < Duration::from_secs(30), "PostgreSQL does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    pub(crate) fn psql(&self, database: &str, statement: &str) -> Command {
        let mut command = Command::new(program("psql"));
        command.arg("-h").arg(&self.0).args(["-U", "footlight", "-d", database, "-qc", statement]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    pub(crate) fn database(&self) -> String {
        let name = format!("test{}", COUNT.fetch_add(1, Ordering::Relaxed));
        run(&mut self.psql("postgres", &format!("CREATE DATABASE {name}")));
        format!("postgres://footlight@localhost/{name}?host={}", self.0.display())
    }
}

fn run(command: &mut Command) {
    let status = command.status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?}: {status}");
}

/// A program of PostgreSQL's newest version here.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest =
        versions.map(|version| version.path().join("bin").join(name)).filter(|path| path.is_file()).max();
    newest.unwrap_or_else(|| panic!("no {name}: the Debian package postgresql is missing"))
}
