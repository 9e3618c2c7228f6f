//! The bundled relay: started and stopped inside this process.
//!
//! The studio does not know that it is near: it publishes over WHIP like to any other relay.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use footlight_protocol::RoomId;
use footlight_protocol::studio::RoomAccess;
use footlight_relay::{Config, Handle, Program, Reach, Relay, Rtmp, Secret, Stripe};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::secrets::Secrets;
use crate::settings::File;

/// The relay's own shutdown budget, and a little.
const STOP_BUDGET: Duration = Duration::from_secs(6);
/// Asked what the outside sees, where the creator lets the internet in. Two, of operators who have nothing to do with
/// each other: their answers together tell what kind of router is in front.
const STUN: [&str; 2] = ["stun.cloudflare.com:3478", "stun.l.google.com:19302"];

/// As its first argument, makes this program the one that makes lower layers for the relay.
pub(crate) const MAKER: &str = "make-renditions";

/// A relay that runs.
pub(crate) struct LocalRelay {
    pub(crate) address: SocketAddr,
    pub(crate) room: RoomId,
    /// What an encoder takes as its server, where RTMP is taken.
    pub(crate) rtmp: Option<String>,
    pub(crate) handle: Handle,
    /// The key that the relay made by this start, if any.
    made_key: Option<Secret>,
    owner_token: String,
    internet: bool,
    stop: CancellationToken,
    task: JoinHandle<Result<(), footlight_relay::Error>>,
}

impl LocalRelay {
    /// Binds and runs. A busy address is an error that names it.
    pub(crate) async fn start(file: &File, rtmp: Rtmp, data: PathBuf, secrets: &Secrets) -> Result<Self> {
        let File { listen, internet, .. } = *file;
        let room = &file.room;
        let asked = internet && !listen.ip().is_loopback();
        let stun = if asked { STUN.map(str::to_owned).to_vec() } else { Vec::new() };
        let config = Config {
            listen,
            rtmp,
            room: room.clone(),
            data,
            // Handed in it would replace one that the owner has put in its place meanwhile.
            stream_key: secrets.given.then(|| secrets.stream_key.clone()),
            owner_token: Some(secrets.owner_token.clone()),
            maker: std::env::current_exe().ok().map(|path| Program { path, arguments: vec![MAKER.into()] }),
            stripe: Stripe::from_env().context("read Stripe's keys")?,
            reach: Reach { map_port: asked, stun, ..Reach::default() },
            ..Config::default()
        };
        let relay = Relay::bind(config).await.context("start the relay")?;
        let address = SocketAddr::new(listen.ip(), relay.ready().udp);
        let rtmp = relay.ready().rtmp.clone();
        let made_key = relay.ready().stream_key.clone();
        let handle = relay.handle();
        let stop = CancellationToken::new();
        let task = tokio::spawn(relay.run(stop.clone()));
        let owner_token = secrets.owner_token.reveal().to_owned();
        Ok(Self { address, room: room.clone(), rtmp, handle, made_key, owner_token, internet, stop, task })
    }

    /// A stream key that is good for the relay: the one that it made by its start, else the one that is known, else a new
    /// one.
    pub(crate) async fn stream_key(&mut self, secrets: &Secrets) -> Result<Secret> {
        match self.made_key.take() {
            Some(made) => Ok(made),
            None => self.handle.stream_key(secrets.stream_key.clone()).await.context("have a stream key"),
        }
    }

    /// `http://HOST:PORT` as this machine reaches the relay.
    pub(crate) fn http(&self) -> String {
        format!("http://{}", self.loopback())
    }

    /// Where the studio publishes.
    pub(crate) fn whip(&self) -> String {
        format!("{}/whip/{}", self.http(), self.room)
    }

    /// Where this machine's viewer page is.
    pub(crate) fn watch(&self) -> String {
        format!("{}/{}", self.http(), self.room)
    }

    /// How the window reaches the room, and the links to share.
    pub(crate) fn access(&self) -> RoomAccess {
        let shared = !self.address.ip().is_loopback();
        let mut links = if shared { self.network_links() } else { Vec::new() };
        links.push(self.watch());
        RoomAccess {
            room: self.room.clone(),
            socket: format!("ws://{}/ws/{}", self.loopback(), self.room),
            owner_token: self.owner_token.clone(),
            rtmp: self.rtmp.clone(),
            links,
            shared,
            internet: self.internet,
        }
    }

    fn loopback(&self) -> SocketAddr {
        let ip = self.address.ip();
        let reachable = if ip.is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { ip };
        SocketAddr::new(reachable, self.address.port())
    }

    fn network_links(&self) -> Vec<String> {
        let any = self.address.ip().is_unspecified();
        let link = |ip: IpAddr| format!("http://{}/{}", SocketAddr::new(ip, self.address.port()), self.room);
        if !any {
            return vec![link(self.address.ip())];
        }
        let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        let reachable = |ip: &IpAddr| {
            ip.is_ipv4() && !ip.is_loopback() && !matches!(ip, IpAddr::V4(v4) if v4.is_link_local())
        };
        interfaces.iter().map(if_addrs::Interface::ip).filter(reachable).map(link).collect()
    }

    /// Whether it has ended by itself.
    pub(crate) fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Stops it in order. An error that it ended with is returned.
    pub(crate) async fn stop(self) -> Result<()> {
        self.stop.cancel();
        let ended = tokio::time::timeout(STOP_BUDGET, self.task).await;
        ended.context("stop the relay in time")?.context("join the relay")?.context("run the relay")
    }
}
