//! An RTMP server of others: nginx with its RTMP module, as many platforms and creators run it.

use std::net::TcpStream;
use std::time::Duration;

use crate::output::Output;
use crate::process::Process;
use crate::relay::free_port;
use crate::scratch::Scratch;
use crate::{bins, tool, wait};

/// Where Debian puts the module.
const MODULE: &str = "/usr/lib/nginx/modules/ngx_rtmp_module.so";

#[derive(Debug)]
pub struct Nginx {
    pub process: Process,
    port: u16,
    scratch: Scratch,
}

impl Nginx {
    /// On a free port of loopback, with one application, `live`.
    pub async fn start(output: &Output) -> Self {
        let (port, scratch) = (free_port(), Scratch::new("nginx"));
        Self { process: run(port, &scratch, output).await, port, scratch }
    }

    /// Again, where it was, after it was killed.
    pub async fn restart(&mut self, output: &Output) {
        self.process = run(self.port, &self.scratch, output).await;
    }

    /// What an encoder takes as its server.
    pub fn server(&self) -> String {
        format!("rtmp://127.0.0.1:{}/live", self.port)
    }
}

async fn run(port: u16, scratch: &Scratch, output: &Output) -> Process {
    let folder = scratch.path().display();
    // Nothing of the system's own configuration, and nothing outside of the folder.
    let text = format!(
        "load_module {MODULE};\ndaemon off;\nmaster_process off;\nworker_processes 1;\n\
         pid {folder}/nginx.pid;\nerror_log stderr warn;\nevents {{ worker_connections 64; }}\n\
         rtmp {{ access_log off; server {{ listen 127.0.0.1:{port}; application live {{ live on; }} }} }}\n"
    );
    let path = scratch.path().join("nginx.conf");
    std::fs::write(&path, text).unwrap_or_else(|e| panic!("write {}: {e}", path.display()));
    let mut command = bins::command(tool::find("nginx", "nginx libnginx-mod-rtmp"));
    command.arg("-p").arg(scratch.path()).arg("-c").arg(&path).args(["-e", "stderr"]);
    let process = Process::start("nginx", &mut command, output);
    wait::until("nginx listens", Duration::from_secs(10), async || {
        TcpStream::connect(("127.0.0.1", port)).is_ok().then_some(())
    })
    .await;
    process
}
