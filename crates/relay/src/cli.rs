//! The program around the relay: flags and environment, JSON events, signals, exit status.

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use clap::error::ErrorKind;
use footlight_protocol::RoomId;
use footlight_protocol::room::StreamState;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::branch::Branch;
use crate::config::{Config, Rtmp};
use crate::error::Error;
use crate::relay::{Handle, Ready, Relay};
use crate::secret::{Secret, key};
use crate::store::Place;
use crate::stripe::Stripe;
use crate::tls::Tls;

/// The relay alone, for a server.
#[derive(Parser)]
#[command(name = "footlight-relay", version, about = "Takes a broadcast in and serves its viewers and chat")]
struct Flags {
    /// Address and port of HTTP, chat and ICE-TCP, and of media over UDP; port 0 picks a free one.
    #[arg(long, value_name = "ADDR:PORT", env = "FOOTLIGHT_LISTEN")]
    listen: Option<SocketAddr>,
    /// Folder of the database.
    #[arg(long, value_name = "DIR", env = "FOOTLIGHT_DATA")]
    data: Option<PathBuf>,
    /// The room to serve.
    #[arg(long, value_name = "NAME", env = "FOOTLIGHT_ROOM")]
    room: Option<RoomId>,
    /// Another address at which viewers reach this relay, such as the router's public one (repeatable).
    #[arg(long, value_name = "IP", env = "FOOTLIGHT_ADVERTISE", value_delimiter = ',')]
    advertise: Vec<IpAddr>,
    /// PEM file of the certificate and its chain: serves HTTPS and RTMPS.
    #[arg(long, value_name = "FILE", env = "FOOTLIGHT_TLS_CERTIFICATE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// PEM file of the certificate's private key.
    #[arg(long, value_name = "FILE", env = "FOOTLIGHT_TLS_KEY", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Address and port of RTMP, or off. The default is port 1935 of the address of --listen, if it is free.
    #[arg(long, value_name = "ADDR:PORT", env = "FOOTLIGHT_RTMP")]
    rtmp: Option<Rtmp>,
    /// Address and port of RTMPS, which needs a certificate.
    #[arg(long, value_name = "ADDR:PORT", env = "FOOTLIGHT_RTMPS")]
    rtmps: Option<SocketAddr>,
    /// Base URL of the relay that has the room: hold sessions of its chat here, over the bus of FOOTLIGHT_BUS, and pass
    /// everything else on to it.
    #[arg(long, value_name = "URL", env = "FOOTLIGHT_HOME")]
    home: Option<String>,
    /// Settings file.
    #[arg(long, value_name = "FILE", env = "FOOTLIGHT_CONFIG")]
    config: Option<PathBuf>,
    /// Asked to end, let those who are here go on for so long, and take nobody new.
    #[arg(long, value_name = "SECONDS", env = "FOOTLIGHT_DRAIN")]
    drain: Option<u32>,
    /// How the log on standard error is written.
    #[arg(long, value_name = "FORM", env = "FOOTLIGHT_LOG_FORM", value_enum, default_value_t = Log::Text)]
    log: Log,
    /// Take the database back to the schema of an older version, for its program, and end. What came with later
    /// versions is lost: make a backup first.
    #[arg(long, value_name = "VERSION")]
    schema: Option<usize>,
    /// Copy the database into this new file, and end. No relay may use it: a running one copies by POST /api/v1/backup.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["schema", "move_to"])]
    backup: Option<PathBuf>,
    /// Move all there is in the database into another, empty one, and end: the folder of a SQLite, postgres://…, or
    /// env:NAME for an environment variable with such a URL. No relay may use either.
    #[arg(long, value_name = "DIR|URL", conflicts_with = "schema")]
    move_to: Option<String>,
    /// One JSON event a line on standard output.
    #[arg(long)]
    json: bool,
}

/// Forms of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Log {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Runs the program and says how it ended: 0 after an ordered end, 2 where it could not start.
pub fn main() -> ExitCode {
    let flags = match Flags::try_parse() {
        Ok(flags) => flags,
        Err(help) if matches!(help.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            print!("{help}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            let report = error.to_string();
            let line = report.lines().next().unwrap_or_default();
            eprintln!("footlight-relay: {}", line.strip_prefix("error: ").unwrap_or(line));
            return ExitCode::from(2);
        }
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match flags.log {
        Log::Text => log.init(),
        Log::Json => log.json().flatten_event(true).init(),
    }
    match start(flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("footlight-relay: {error}");
            ExitCode::from(if matches!(error, Error::Stopped { .. } | Error::Overdue { .. }) { 1 } else { 2 })
        }
    }
}

fn start(flags: Flags) -> Result<(), Error> {
    let (json, schema) = (flags.json, flags.schema);
    let (backup, move_to) = (flags.backup.clone(), flags.move_to.clone());
    let config = configure(flags)?;
    if backup.is_some() || move_to.is_some() {
        return carry(&Place::of(&config.data, config.database), backup, move_to);
    }
    if let Some(version) = schema {
        return Place::of(&config.data, config.database).go_back(version);
    }
    let drains = !config.drain.is_zero();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|_| Error::System { what: "an async runtime" })?;
    let ran = runtime.block_on(async move {
        let cancel = CancellationToken::new();
        // Before anything is open, so that no signal is missed.
        let mut signals = Signals::listen()?;
        let relay = Program::bind(config).await?;
        let ready = relay.ready().clone();
        let events = Events(json);
        events.ready(&ready);
        if !json {
            println!("Watch: {}\nPublish: {}/whip/{}", ready.watch, ready.http, ready.room);
            for server in ready.rtmp.iter().chain(&ready.rtmps) {
                println!("Publish: {server}");
            }
            if ready.stream_key.is_some() {
                println!("The keys are shown by the first start with --json.");
            }
        }
        let watched = events.follow(relay.handle());
        let (stop, handle) = (cancel.clone(), relay.handle());
        let running = relay.run(cancel);
        tokio::pin!(running, watched);
        // Each signal goes one step further: drain, where there is a drain; end in order; end at once.
        let mut steps = 0;
        let ran = loop {
            tokio::select! {
                ran = &mut running => break ran,
                () = &mut watched => {}
                () = signals.next() => steps += 1,
            }
            match steps {
                0 => {}
                1 => stop.cancel(),
                2 if drains => handle.hurry(),
                _ => std::process::exit(1),
            }
        };
        if let Err(error) = &ran {
            events.say(&json!({"event": "error", "code": "internal", "message": error.to_string()}));
        }
        ran
    });
    runtime.shutdown_timeout(Duration::from_millis(200));
    ran
}

/// Copies the database, or moves it.
fn carry(here: &Place, backup: Option<PathBuf>, move_to: Option<String>) -> Result<(), Error> {
    if let Some(path) = backup {
        let bytes = here.backup(&path)?;
        println!("{}: {bytes} bytes", path.display());
    }
    if let Some(target) = move_to {
        let moved = here.move_to(&target_of(&target)?)?;
        println!("{} rows of {} tables, {} of them of the books", moved.rows, moved.tables, moved.entries);
    }
    Ok(())
}

/// Where a database is to be moved to.
fn target_of(text: &str) -> Result<Place, Error> {
    let wrong = |message: &str| Error::Setting { setting: "--move-to", message: message.to_owned() };
    let is_url = |text: &str| ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme));
    if let Some(name) = text.strip_prefix("env:") {
        let url = std::env::var(name).ok().filter(|url| is_url(url));
        let url = url.ok_or_else(|| wrong("the environment variable has to be a postgres:// URL"))?;
        return Ok(Place::of(Path::new(""), Some(Secret::new(url))));
    }
    if !is_url(text) {
        std::fs::create_dir_all(text).map_err(|source| Error::File { path: text.into(), source })?;
        return Ok(Place::of(Path::new(text), None));
    }
    let user = text.split_once("://").and_then(|(_, rest)| rest.split_once('@')).map_or("", |(user, _)| user);
    if user.contains(':') || text.contains("password=") {
        return Err(wrong("everybody on the machine sees flags: hand the password in by env:NAME"));
    }
    Ok(Place::of(Path::new(""), Some(Secret::new(text))))
}

/// What runs: a relay with a room of its own, or a branch of another.
enum Program {
    Relay(Box<Relay>),
    Branch(Box<Branch>),
}

impl Program {
    async fn bind(config: Config) -> Result<Self, Error> {
        Ok(if config.home.is_some() {
            Self::Branch(Box::new(Branch::bind(config).await?))
        } else {
            Self::Relay(Box::new(Relay::bind(config).await?))
        })
    }

    fn ready(&self) -> &Ready {
        match self {
            Self::Relay(relay) => relay.ready(),
            Self::Branch(branch) => branch.ready(),
        }
    }

    fn handle(&self) -> Handle {
        match self {
            Self::Relay(relay) => relay.handle(),
            Self::Branch(branch) => branch.handle(),
        }
    }

    async fn run(self, cancel: CancellationToken) -> Result<(), Error> {
        match self {
            Self::Relay(relay) => relay.run(cancel).await,
            Self::Branch(branch) => branch.run(cancel).await,
        }
    }
}

fn configure(flags: Flags) -> Result<Config, Error> {
    let mut config = match &flags.config {
        Some(path) => Config::from_file(path)?,
        None => Config::default(),
    };
    if let Some(listen) = flags.listen {
        config.listen = listen;
    }
    config.rtmp = flags.rtmp.unwrap_or(config.rtmp);
    config.rtmps = flags.rtmps.or(config.rtmps);
    if let Some(data) = flags.data {
        config.data = data;
    }
    if let Some(room) = flags.room {
        config.room = room;
    }
    if !flags.advertise.is_empty() {
        config.advertise = flags.advertise;
    }
    if let (Some(certificate), Some(key)) = (flags.tls_certificate, flags.tls_key) {
        config.tls = Some(Tls { certificate, key });
    }
    if let Some(seconds) = flags.drain {
        config.drain = Duration::from_secs(seconds.into());
    }
    config.stream_key = key("FOOTLIGHT_STREAM_KEY")?;
    config.owner_token = key("FOOTLIGHT_OWNER_TOKEN")?;
    match std::env::var("FOOTLIGHT_RECORD").as_deref() {
        Ok("on") => config.recording.enabled = true,
        Ok("off") => config.recording.enabled = false,
        Ok(_) => {
            return Err(Error::Setting {
                setting: "FOOTLIGHT_RECORD",
                message: "has to be on or off".to_owned(),
            });
        }
        Err(_) => {}
    }
    config.home = flags.home;
    config.bus = key("FOOTLIGHT_BUS")?;
    config.database = key("FOOTLIGHT_DATABASE")?;
    config.turn_secret = key("FOOTLIGHT_TURN_SECRET")?;
    config.stripe = Stripe::from_env()?;
    Ok(config)
}

/// The signals that ask the program to end.
struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn listen() -> Result<Self, Error> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| signal(kind).map_err(|_| Error::System { what: "signals" });
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    #[cfg(not(unix))]
    fn listen() -> Result<Self, Error> {
        Ok(Self {})
    }

    /// The next one.
    async fn next(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(not(unix))]
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// The events of `--json`.
struct Events(bool);

impl Events {
    fn say(&self, event: &Value) {
        if self.0 {
            let mut out = std::io::stdout().lock();
            // Nobody reads any more: the relay serves on.
            let _ = writeln!(out, "{event}").and_then(|()| out.flush());
        }
    }

    fn ready(&self, ready: &Ready) {
        self.say(&json!({
            "event": "ready",
            "http": ready.http,
            "watch": ready.watch,
            "rtmp": ready.rtmp,
            "rtmps": ready.rtmps,
            "udp": (ready.udp != 0).then_some(ready.udp),
            "room": ready.room,
            "stream_key": ready.stream_key.as_ref().map(Secret::reveal),
            "owner_token": ready.owner_token.as_ref().map(Secret::reveal),
        }));
    }

    /// Says what happens to the stream, and once a second how it does, until the room is gone.
    async fn follow(&self, mut handle: Handle) {
        let mut second = tokio::time::interval(Duration::from_secs(1));
        let mut live = false;
        loop {
            tokio::select! {
                there = handle.changed() => if !there { break },
                _ = second.tick() => {
                    let stats = handle.stats();
                    self.say(&json!({
                        "event": "stats",
                        "stream": stats.stream,
                        "viewers": stats.presence.viewers,
                        "members": stats.presence.members,
                        "latency_p50_ms": stats.presence.latency_p50_ms,
                        "latency_p95_ms": stats.presence.latency_p95_ms,
                    }));
                }
            }
            match (live, handle.stats().stream) {
                (false, StreamState::Live { since, .. }) => {
                    live = true;
                    self.say(&json!({"event": "live", "since": since}));
                }
                (true, StreamState::Offline) => {
                    live = false;
                    self.say(&json!({"event": "ended"}));
                }
                _ => {}
            }
        }
        if live {
            self.say(&json!({"event": "ended"}));
        }
        // What it says is all it does: the relay's own end is waited for elsewhere.
        std::future::pending().await
    }
}
