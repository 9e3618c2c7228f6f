//! The relay's settings: defaults < settings file < environment < flags, one typed struct.
//!
//! Flags and environment are read by [`crate::cli`]; the desktop app fills in [`Config`] itself.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use footlight_protocol::RoomId;
use footlight_protocol::room::UnixMillis;
use serde::Deserialize;

use crate::acme::Acme;
use crate::error::Error;
use crate::hook::{Topic, Webhook};
use crate::reach::{Settings as Reach, credentials};
use crate::record::Upload;
use crate::renditions::{Program, Renditions};
use crate::secret::Secret;
use crate::stripe::Stripe;
use crate::tls::Tls;

/// Characters of the address to which people write; it stands in every row of the exported record.
const LONGEST_APPEAL: usize = 200;
/// A shorter secret of a webhook could be found by trying.
const SHORTEST_SECRET: usize = 16;

/// How to run a relay.
#[derive(Debug, Clone)]
pub struct Config {
    /// HTTP, WebSocket and ICE-TCP here, and WebRTC media on the UDP port of the same number. Port 0 picks one
    /// that is free for both.
    pub listen: SocketAddr,
    /// Folder of the database; made if it is missing.
    pub data: PathBuf,
    /// The room to serve.
    pub room: RoomId,
    /// More addresses that viewers may reach the relay at, such as the public one of a router in front.
    pub advertise: Vec<IpAddr>,
    /// Replaces the stream key. `None` keeps the one in the database, or makes one.
    pub stream_key: Option<Secret>,
    /// Replaces the owner token. `None` keeps the one in the database, or makes one.
    pub owner_token: Option<Secret>,
    /// STUN and TURN servers that publishers and viewers are told of.
    pub ice_servers: Vec<IceServer>,
    /// Certificate of HTTPS and RTMPS. `None` serves neither.
    pub tls: Option<Tls>,
    /// Has that certificate made, in place of `tls`.
    pub acme: Option<Acme>,
    pub rtmp: Rtmp,
    /// RTMPS here, with the certificate of `tls`; port 0 picks one that is free. `None` takes none.
    pub rtmps: Option<SocketAddr>,
    /// Programs that are told what happens.
    pub webhooks: Vec<Webhook>,
    /// How long the relay, asked to end, lets a broadcast and its viewers go on while it takes nobody new. Zero
    /// ends at once.
    pub drain: Duration,
    /// A PostgreSQL server's `postgres://` URL; `None` keeps everything in a file of `data`. Recordings stay in `data`.
    pub database: Option<Secret>,
    /// A NATS server's `nats://` or `tls://` URL, with JetStream: other relays hold sessions of this one's room over it.
    pub bus: Option<Secret>,
    /// Base URL of the relay that has the room: this one is then a branch of it ([`crate::Branch`]), over `bus`.
    pub home: Option<String>,
    /// What the relay shares with its TURN servers, to make credentials that end by themselves.
    pub turn_secret: Option<Secret>,
    /// An account at Stripe, by which packs of coins are paid by card. `None` takes no cards.
    pub stripe: Option<Stripe>,
    /// How people elsewhere get in.
    pub reach: Reach,
    /// How much of a broadcast HLS viewers can go back.
    pub hls_window: Duration,
    /// Where people write who want an act of moderation undone: an address of mail or of a page, in the exported record.
    pub appeal: Option<String>,
    /// Chat older than so many days goes, for good; 0 keeps it. Coins, bans and what is held stay.
    pub keep_chat_days: u32,
    pub limits: Limits,
    pub recording: Recording,
    /// Where finished recordings are copied to.
    pub upload: Option<Upload>,
    /// Lower layers of a picture that comes in one quality.
    pub renditions: Renditions,
    /// What makes them; `None` is `footlight-renditions` beside the program that runs.
    pub maker: Option<Program>,
}

/// What of a broadcast is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recording {
    pub enabled: bool,
    /// New replays are in the public list. Others are open to who knows their link.
    pub public: bool,
    /// Of the disk, what recordings and clips may take; above it the oldest recordings are deleted. 100 is no limit.
    pub disk_budget_percent: u8,
    /// The same in bytes; the smaller of the two counts.
    pub disk_budget_bytes: Option<u64>,
    /// Recordings are deleted after so many days; 0 keeps them. Clips stay.
    pub keep_days: u32,
    /// What stays free on the disk for everything else. Below it recording pauses.
    pub min_free_bytes: u64,
}

impl Default for Recording {
    fn default() -> Self {
        Self {
            enabled: true,
            public: true,
            disk_budget_percent: 50,
            disk_budget_bytes: None,
            keep_days: 30,
            min_free_bytes: 1 << 30,
        }
    }
}

/// A STUN or TURN server as clients are told of it. Its password goes to everybody who watches, so it is none; a
/// TURN server without one gets credentials of [`Config::turn_secret`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IceServer {
    /// `stun:`, `turn:` or `turns:` URI (RFC 7064, RFC 7065).
    pub url: String,
    pub username: Option<String>,
    pub credential: Option<String>,
}

impl IceServer {
    /// The value of its `Link` header (RFC 9725 section 4.6).
    pub(crate) fn link(&self, secret: Option<&Secret>, now: UnixMillis) -> String {
        let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let mut link = format!("<{}>; rel=\"ice-server\"", self.url);
        let fixed = self.username.clone().zip(self.credential.clone());
        let made = || Some(credentials(secret.filter(|_| self.needs_secret())?, now / 1000));
        if let Some((username, credential)) = fixed.or_else(made) {
            link += &format!(
                "; username=\"{}\"; credential=\"{}\"; credential-type=\"password\"",
                quoted(&username),
                quoted(&credential)
            );
        }
        link
    }

    /// What is wrong with it, where something is.
    fn check(&self) -> Result<(), String> {
        let known = ["stun:", "turn:", "turns:"].iter().any(|scheme| self.url.starts_with(scheme));
        let odd = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>' | '"');
        if !known || self.url.contains(odd) {
            return Err(format!("ice_servers: {:?} is no stun:, turn: or turns: address", self.url));
        }
        let texts = self.username.iter().chain(&self.credential);
        if !texts.into_iter().all(|text| text.chars().all(|c| matches!(c, ' '..='~'))) {
            return Err(format!("ice_servers: user name and credential of {} have to be ASCII", self.url));
        }
        if self.username.is_some() != self.credential.is_some() {
            return Err(format!("ice_servers: {} needs a username and a credential, or neither", self.url));
        }
        Ok(())
    }

    /// Whether its credentials are made from the shared secret.
    pub(crate) fn needs_secret(&self) -> bool {
        self.url.starts_with("turn") && self.username.is_none()
    }
}

/// Where RTMP is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Rtmp {
    /// On the usual port of `listen`'s address. Where that is busy, nowhere, which is said as a warning.
    #[default]
    Usual,
    /// There, and an error where it is busy. Port 0 picks one that is free.
    At(SocketAddr),
    Off,
}

impl FromStr for Rtmp {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" {
            return Ok(Self::Off);
        }
        text.parse().map(Self::At).map_err(|_| "RTMP is taken at ADDR:PORT, or it is off")
    }
}

impl TryFrom<String> for Rtmp {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// HLS players are given this much at least: what a delta update may not leave out, twice.
const LEAST_WINDOW: u64 = 72;
/// More would only fill memory: the bytes that are kept are bounded too.
const MOST_WINDOW: u64 = 3600;

/// Bounds on what strangers can make the relay hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Viewers of a room at once.
    pub viewers: usize,
    /// Chat sessions of a room at once.
    pub members: usize,
    /// Chat sessions and viewers (each) from one address at once. Loopback is not counted.
    pub sessions_per_address: usize,
    /// TCP connections at once.
    pub connections: usize,
    /// Gifts that one person may send within a second; at least 1.
    pub gifts_per_second: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            viewers: 2000,
            members: 5000,
            sessions_per_address: 64,
            connections: 8192,
            gifts_per_second: 20,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            data: default_data(),
            room: RoomId::default(),
            advertise: Vec::new(),
            stream_key: None,
            owner_token: None,
            ice_servers: Vec::new(),
            tls: None,
            acme: None,
            rtmp: Rtmp::Usual,
            rtmps: None,
            webhooks: Vec::new(),
            drain: Duration::ZERO,
            database: None,
            bus: None,
            home: None,
            turn_secret: None,
            stripe: None,
            reach: Reach::default(),
            hls_window: Duration::from_secs(120),
            appeal: None,
            keep_chat_days: 0,
            limits: Limits::default(),
            recording: Recording::default(),
            upload: None,
            renditions: Renditions::default(),
            maker: None,
        }
    }
}

/// The settings file. Keys have no place in it: files are copied around.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    listen: Option<SocketAddr>,
    data: Option<PathBuf>,
    room: Option<RoomId>,
    advertise: Vec<IpAddr>,
    ice_servers: Vec<IceServer>,
    tls: Option<Tls>,
    acme: Option<Acme>,
    rtmp: Rtmp,
    rtmps: Option<SocketAddr>,
    webhooks: Vec<Hook>,
    drain: u32,
    reach: Reach,
    hls_window_seconds: Option<u64>,
    appeal: Option<String>,
    keep_chat_days: u32,
    limits: Limits,
    recording: Recording,
    upload: Option<Copy>,
    renditions: Renditions,
}

/// The bucket as the file names it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Copy {
    endpoint: String,
    bucket: String,
    #[serde(default = "usual_region")]
    region: String,
    #[serde(default)]
    prefix: String,
    /// A file of two lines, the access key and the secret; without one they come by environment.
    keys: Option<PathBuf>,
    #[serde(default)]
    delete_local: bool,
    #[serde(default)]
    while_live: bool,
}

fn usual_region() -> String {
    "us-east-1".to_owned()
}

impl Copy {
    fn read(self, env: impl Fn(&str) -> Option<String>) -> Result<Upload, String> {
        let (access, secret) = match &self.keys {
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| format!("upload.keys: {}: {error}", path.display()))?;
                let mut lines = text.lines().map(|line| line.trim().to_owned());
                (lines.next(), lines.next())
            }
            None => (env("FOOTLIGHT_S3_ACCESS_KEY"), env("FOOTLIGHT_S3_SECRET_KEY")),
        };
        let given = |key: Option<String>| {
            let usable = |key: &String| !key.is_empty() && key.chars().all(|c| matches!(c, '!'..='~'));
            key.filter(usable).map(Secret::new).ok_or_else(|| match &self.keys {
                Some(path) => format!("upload.keys: {} has to be two lines, the access key and the secret", path.display()),
                None => "upload: FOOTLIGHT_S3_ACCESS_KEY and FOOTLIGHT_S3_SECRET_KEY have to be set, or upload.keys".to_owned(),
            })
        };
        let (access_key, secret_key) = (given(access)?, given(secret)?);
        if self.bucket.is_empty() || self.region.is_empty() {
            return Err("upload: bucket and region have to be named".to_owned());
        }
        if self.prefix.starts_with('/') || self.prefix.chars().any(char::is_control) {
            return Err("upload.prefix: is the beginning of a key, without a slash in front".to_owned());
        }
        let Self { endpoint, bucket, region, prefix, delete_local, while_live, .. } = self;
        Ok(Upload { endpoint, region, bucket, prefix, access_key, secret_key, delete_local, while_live })
    }
}

/// A webhook as the file names it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hook {
    url: String,
    /// Name of the environment variable that holds the secret.
    secret_env: String,
    #[serde(default)]
    events: Vec<Topic>,
}

impl Config {
    /// The defaults with the settings file (TOML, see `relay.sample.toml`) over them.
    pub fn from_file(path: &Path) -> Result<Self, Error> {
        let text =
            std::fs::read_to_string(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
        Self::from_toml(&text, |name| std::env::var(name).ok())
            .map_err(|message| Error::ConfigFile { path: path.to_owned(), message })
    }

    fn from_toml(text: &str, env: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        // The first line of the parser's report names place and reason; the rest draws it.
        let file: File = toml::from_str(text).map_err(|error| one_line(&error.to_string()))?;
        file.ice_servers.iter().try_for_each(IceServer::check)?;
        file.acme.iter().try_for_each(Acme::check)?;
        let defaults = Self::default();
        if !(1..=100).contains(&file.recording.disk_budget_percent) {
            return Err("recording.disk_budget_percent: has to be 1 to 100".to_owned());
        }
        if file
            .appeal
            .as_ref()
            .is_some_and(|appeal| appeal.is_empty() || appeal.chars().count() > LONGEST_APPEAL)
        {
            return Err(format!("appeal: is an address of 1 to {LONGEST_APPEAL} characters"));
        }
        let webhooks = file.webhooks.into_iter().map(|Hook { url, secret_env, events }| {
            let secret = env(&secret_env).filter(|secret| secret.len() >= SHORTEST_SECRET);
            let secret = secret.map(Secret::new).ok_or_else(|| {
                format!("webhooks: {secret_env} has to be set to a secret of at least {SHORTEST_SECRET} characters")
            })?;
            Ok(Webhook { url, secret, events })
        });
        let webhooks = webhooks.collect::<Result<_, String>>()?;
        let upload = file.upload.map(|copy| copy.read(&env)).transpose()?;
        let window = file.hls_window_seconds.unwrap_or(defaults.hls_window.as_secs());
        if !(LEAST_WINDOW..=MOST_WINDOW).contains(&window) {
            return Err(format!("hls_window_seconds has to be {LEAST_WINDOW} to {MOST_WINDOW}"));
        }
        Ok(Self {
            listen: file.listen.unwrap_or(defaults.listen),
            data: file.data.unwrap_or(defaults.data),
            room: file.room.unwrap_or(defaults.room),
            advertise: file.advertise,
            ice_servers: file.ice_servers,
            tls: file.tls,
            acme: file.acme,
            rtmp: file.rtmp,
            rtmps: file.rtmps,
            webhooks,
            drain: Duration::from_secs(file.drain.into()),
            reach: file.reach,
            hls_window: Duration::from_secs(window),
            appeal: file.appeal,
            keep_chat_days: file.keep_chat_days,
            limits: file.limits,
            recording: file.recording,
            upload,
            renditions: file.renditions,
            ..defaults
        })
    }
}

fn one_line(report: &str) -> String {
    let mut lines = report.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default().to_owned();
    match lines.next_back() {
        Some(last) => format!("{first}: {last}"),
        None => first,
    }
}

/// Where the platform keeps a program's data for its user.
fn default_data() -> PathBuf {
    let from = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = if cfg!(windows) {
        from("APPDATA")
    } else if cfg!(target_os = "macos") {
        from("HOME").map(|home| home.join("Library/Application Support"))
    } else {
        from("XDG_DATA_HOME").or_else(|| from("HOME").map(|home| home.join(".local/share")))
    };
    base.unwrap_or_else(|| PathBuf::from(".")).join("footlight")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_parses_and_says_the_defaults() {
        let sample = include_str!("../relay.sample.toml");
        let config = Config::from_toml(sample, |_| None).unwrap();
        let defaults = Config::default();
        assert_eq!(
            (config.listen, config.room, config.hls_window, config.limits, config.recording),
            (defaults.listen, defaults.room, defaults.hls_window, defaults.limits, defaults.recording)
        );
        assert_eq!((config.reach, config.renditions), (defaults.reach, defaults.renditions));
        // Every commented line that sets something must be one that could be used.
        let open: String = sample
            .lines()
            .map(|line| {
                line.strip_prefix("# ").filter(|l| l.contains(" = ") || l.starts_with('[')).unwrap_or(line)
            })
            .fold(String::new(), |text, line| text + line + "\n");
        let config = Config::from_toml(&open, |_| Some("sixteen_or_more!".into())).unwrap();
        assert_eq!((config.advertise.len(), config.ice_servers.len()), (1, 3));
        assert_eq!(config.ice_servers[0].link(None, 0), "<stun:stun.example.org>; rel=\"ice-server\"");
        let turn = config.ice_servers[1].link(Some(&Secret::new("unused")), 0);
        assert!(turn.contains("username=\"viewer\"; credential=\"on stage\"; credential-type"), "{turn}");
        let made = config.ice_servers[2].link(Some(&Secret::new("shared")), 0);
        assert!(made.contains("username=\"43200:viewer\"; credential=\""), "{made}");
        assert!(config.reach.stun.len() == 2 && config.reach.uplink_kbit.is_some());
        assert!(config.recording.disk_budget_bytes.is_some());
        assert!(matches!(config.rtmp, Rtmp::At(_)) && config.rtmps.is_some());
        assert!(config.tls.is_some() && config.webhooks.len() == 1);
        let upload = config.upload.unwrap();
        assert_eq!((upload.region.as_str(), upload.delete_local), ("eu-central-1", false));
        assert_eq!(upload.secret_key.reveal(), "sixteen_or_more!");
        assert!(!format!("{upload:?}").contains("sixteen"));
    }

    #[test]
    fn a_setting_that_does_not_exist_is_refused_in_one_line() {
        for (text, says) in [
            ("listen = 'here'\nroom = 'main'", "1"),
            ("listen = 'here'", "address"),
            ("room = 'Not a room'", "a room must be"),
            ("[limits]\nviewers = -1", "-1"),
            ("stream_key = 'x'", "stream_key"),
            ("[[webhooks]]\nurl = 'http://x'\nsecret_env = 'HOOK'", "HOOK"),
            ("[[webhooks]]\nurl = 'http://x'\nsecret_env = 'HOOK'\nevents = ['weather']", "weather"),
            ("drain = -1", "-1"),
            ("ice_servers = [{ url = 'http://x' }]", "http://x"),
            ("ice_servers = [{ url = 'turn:x', username = 'y' }]", "credential"),
            ("ice_servers = [{ url = 'stun:x>y' }]", "stun:x>y"),
            ("[recording]\ndisk_budget_percent = 101", "1 to 100"),
            ("rtmp = 'on'", "ADDR:PORT"),
            ("renditions = 'on'", "off, auto, 2 or 3"),
            ("[acme]\ndomains = ['*.example.org']", "*.example.org"),
            ("[acme]\ndomains = ['a.org']\nchallenge = 'dns-01'", "dns-01"),
            ("hls_window_seconds = 5", "72 to 3600"),
            ("appeal = ''", "appeal"),
            ("keep_chat_days = -1", "-1"),
            ("[upload]\nendpoint = 'http://x'\nbucket = 'b'", "FOOTLIGHT_S3_ACCESS_KEY"),
            ("[upload]\nendpoint = 'http://x'\nbucket = 'b'\nkeys = '/no/such/file'", "/no/such/file"),
            ("[upload]\nbucket = 'b'", "endpoint"),
        ] {
            let message = Config::from_toml(text, |_| None).unwrap_err();
            assert!(!message.contains('\n') && message.contains(says), "{message}");
        }
    }
}
