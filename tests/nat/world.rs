//! A small internet: the creator's computer behind a router or not, a viewer elsewhere, and a server with two
//! addresses that answers STUN and TURN. The routers' rules are those that Linux routers have.
//!
//! ```text
//! creator ── home router ── internet ── viewer
//!                              └────── server
//! ```

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use footlight_tests::net::{Door, Space, link};
use footlight_tests::process::Process;
use footlight_tests::relay::Relay;
use footlight_tests::scratch::Scratch;
use footlight_tests::wait::{self, seconds};
use footlight_tests::{Output, tool};
use serde_json::Value;

/// Outer address of the creator's house. Public ones, which lead nowhere but into this lab: routers do not open
/// ports at addresses that are none.
pub(crate) const HOUSE: &str = "20.0.1.2";
/// The server's addresses.
const SERVER: [&str; 2] = ["20.0.3.2", "20.0.3.3"];
/// What the relay and the TURN server share.
pub(crate) const SECRET: &str = "north-by-northwest";

/// What stands between the creator and the internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum House {
    /// Nothing: a server in a data centre.
    Open,
    /// A router that keeps a socket's port and lets in what was asked for.
    PortRestricted,
    /// A router that takes another port for each connection.
    Symmetric,
}

/// What the router's daemon speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Daemon {
    None,
    Upnp,
    /// PCP, and NAT-PMP to those who do not know PCP.
    Pcp,
    /// Speaks UPnP and denies everything.
    Denying,
}

pub(crate) struct World {
    // Programs end before the machines that they run on.
    _daemon: Option<Process>,
    _server: Process,
    pub(crate) creator: Space,
    pub(crate) router: Option<Space>,
    pub(crate) internet: Space,
    pub(crate) viewer: Space,
    _server_machine: Space,
    _scratch: Scratch,
}

impl World {
    pub(crate) async fn new(house: House, daemon: Daemon, output: &Output) -> Self {
        let (creator, internet) = (Space::new("creator"), Space::new("internet"));
        let (viewer, server) = (Space::new("viewer"), Space::new("server"));
        internet.forward();
        link(
            (&internet, "viewer", &["20.0.2.1/24", "2a00:2::1/64"]),
            (&viewer, "eth0", &["20.0.2.2/24", "2a00:2::2/64"]),
        );
        link((&internet, "server", &["20.0.3.1/24"]), (&server, "eth0", &["20.0.3.2/24", "20.0.3.3/24"]));
        viewer.ip(&["route", "add", "default", "via", "20.0.2.1"]);
        viewer.ip(&["route", "add", "default", "via", "2a00:2::1"]);
        server.ip(&["route", "add", "default", "via", "20.0.3.1"]);
        let router = match house {
            House::Open => {
                let ours = ["20.0.1.2/24", "2a00:1::2/64"];
                link((&internet, "house", &["20.0.1.1/24", "2a00:1::1/64"]), (&creator, "eth0", &ours));
                creator.ip(&["route", "add", "default", "via", "20.0.1.1"]);
                creator.ip(&["route", "add", "default", "via", "2a00:1::1"]);
                None
            }
            House::PortRestricted | House::Symmetric => Some(nat(&internet, &creator, house)),
        };
        let scratch = Scratch::new("world");
        let started = router.as_ref().filter(|_| daemon != Daemon::None);
        let daemon = match started {
            Some(router) => Some(igd(router, daemon, &scratch, output).await),
            None => None,
        };
        let served = coturn(&server, &scratch, output).await;
        Self {
            _daemon: daemon,
            _server: served,
            creator,
            router,
            internet,
            viewer,
            _server_machine: server,
            _scratch: scratch,
        }
    }

    /// The internet loses every UDP packet of the creator's.
    pub(crate) fn block_udp_of_the_house(&self) {
        block_udp(&self.internet, "house");
    }

    /// And every one of the viewer's.
    pub(crate) fn block_udp_of_the_viewer(&self) {
        block_udp(&self.internet, "viewer");
    }

    /// The internet carries nothing of the viewer's but IPv6.
    pub(crate) fn block_ipv4_of_the_viewer(&self) {
        self.internet.nft(
            "add table inet block\n\
             add chain inet block forward { type filter hook forward priority filter; policy accept; }\n\
             add rule inet block forward iifname \"viewer\" meta nfproto ipv4 drop\n",
        );
    }

    /// A relay at the creator's that looks around, and the way for the test to ask it.
    pub(crate) async fn relay(&self, listen: &str, settings: &str, output: &Output) -> Stage {
        let scratch = Scratch::new("relay");
        let config = scratch.path().join("relay.toml");
        let [first, second] = SERVER;
        let text =
            format!("{settings}\n[reach]\nmap_port = true\nstun = [\"{first}:3478\", \"{second}:3478\"]\n");
        std::fs::write(&config, text).expect("the folder can be written");
        let flags = ["--config", config.to_str().expect("the path is text")];
        let environment = [("FOOTLIGHT_TURN_SECRET", SECRET)];
        let data = scratch.folder("data");
        let relay =
            Relay::start_in(&self.creator, "relay", listen, &data, &flags, &environment, output).await;
        let port = relay.ready.udp.expect("the relay has a port");
        let door = self.creator.door(port);
        Stage { relay, door, port, _scratch: scratch }
    }

    /// Whether somebody at the viewer's reaches the relay at all.
    pub(crate) fn gets_through(&self, address: SocketAddr) -> bool {
        self.viewer.enter(|| std::net::TcpStream::connect_timeout(&address, Duration::from_secs(2)).is_ok())
    }
}

/// The relay, and a door to it.
pub(crate) struct Stage {
    pub(crate) relay: Relay,
    pub(crate) door: Door,
    pub(crate) port: u16,
    _scratch: Scratch,
}

impl Stage {
    /// What it foresees.
    pub(crate) async fn forecast(&self, output: &Output) -> Value {
        let forecast = self.ask(reqwest::Method::GET).await;
        output.write("forecast.json", forecast.to_string());
        forecast
    }

    /// What it foresees after another look.
    pub(crate) async fn look_again(&self) -> Value {
        self.ask(reqwest::Method::POST).await
    }

    async fn ask(&self, method: reqwest::Method) -> Value {
        let url = format!("{}/api/v1/reach?stream_kbit=2500", self.door.http());
        let client =
            reqwest::Client::builder().no_proxy().timeout(seconds(20)).build().expect("plain settings");
        let request = client.request(method, url).bearer_auth(self.relay.ready.token());
        let answer = request.send().await.expect("the relay answers");
        assert_eq!(answer.status(), 200);
        let text = answer.text().await.expect("the body is complete");
        serde_json::from_str(&text).expect("the forecast is JSON")
    }
}

/// Reasons of a forecast.
pub(crate) fn reasons(forecast: &Value) -> Vec<&str> {
    forecast["reasons"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn nat(internet: &Space, creator: &Space, house: House) -> Space {
    let router = Space::new("router");
    router.forward();
    link((internet, "house", &["20.0.1.1/24"]), (&router, "wan", &["20.0.1.2/24"]));
    link((&router, "lan", &["192.168.1.1/24"]), (creator, "eth0", &["192.168.1.7/24"]));
    router.ip(&["route", "add", "default", "via", "20.0.1.1"]);
    creator.ip(&["route", "add", "default", "via", "192.168.1.1"]);
    let ports = if house == House::Symmetric { "random,fully-random" } else { "" };
    // Empty chains are where the daemon puts its rules.
    router.nft(&format!(
        "table inet router {{\n\
         chain forward {{\n type filter hook forward priority filter; policy drop;\n\
         ct state established,related accept\n iifname \"lan\" accept\n jump opened\n }}\n\
         chain input {{\n type filter hook input priority filter; policy accept;\n\
         iifname \"wan\" ct state new drop\n }}\n\
         chain opened {{\n }}\n\
         chain prerouting {{\n type nat hook prerouting priority dstnat; policy accept;\n jump opened_in\n }}\n\
         chain opened_in {{\n }}\n\
         chain opened_out {{\n }}\n\
         chain postrouting {{\n type nat hook postrouting priority srcnat; policy accept;\n\
         jump opened_out\n oifname \"wan\" masquerade {ports}\n }}\n\
         }}\n"
    ));
    router
}

fn block_udp(internet: &Space, device: &str) {
    internet.nft(&format!(
        "add table inet block\n\
         add chain inet block forward {{ type filter hook forward priority filter; policy accept; }}\n\
         add rule inet block forward iifname \"{device}\" meta l4proto udp drop\n\
         add rule inet block forward oifname \"{device}\" meta l4proto udp drop\n"
    ));
}

/// The daemon of countless home routers.
async fn igd(router: &Space, daemon: Daemon, scratch: &Scratch, output: &Output) -> Process {
    let config = scratch.path().join("miniupnpd.conf");
    let yes = |on: bool| if on { "yes" } else { "no" };
    let rule = if daemon == Daemon::Denying { "deny" } else { "allow" };
    let text = format!(
        "ext_ifname=wan\nlistening_ip=lan\nhttp_port=0\nenable_upnp={}\nenable_natpmp={}\nsecure_mode=yes\n\
         system_uptime=yes\nbitrate_up=20000000\nbitrate_down=100000000\nuuid=9d1f4a52-0001-4000-8000-000000000001\n\
         upnp_table_name=router\nupnp_nat_table_name=router\nupnp_forward_chain=opened\nupnp_nat_chain=opened_in\n\
         upnp_nat_postrouting_chain=opened_out\n{rule} 1024-65535 192.168.1.0/24 1024-65535\n\
         deny 0-65535 0.0.0.0/0 0-65535\n",
        yes(daemon != Daemon::Pcp),
        yes(daemon == Daemon::Pcp),
    );
    std::fs::write(&config, text).expect("the folder can be written");
    let mut command = Command::new(tool::find("miniupnpd", "miniupnpd-nftables"));
    command.arg("-d").arg("-f").arg(&config).arg("-P").arg(scratch.path().join("miniupnpd.pid"));
    let process = Process::start("miniupnpd", &mut router.inside(&command), output);
    wait::until("the router's daemon listens", seconds(10), async || {
        process.stderr().to_lowercase().contains("listening").then_some(())
    })
    .await;
    process
}

/// STUN and TURN, with credentials made of the shared secret.
async fn coturn(server: &Space, scratch: &Scratch, output: &Output) -> Process {
    let mut command = Command::new(tool::find("turnserver", "coturn"));
    let [first, second] = SERVER;
    command
        .args(["-n", "--listening-ip", first, "--listening-ip", second, "--relay-ip", first])
        .args(["--listening-port", "3478", "--use-auth-secret", "--static-auth-secret", SECRET])
        .args(["--realm", "lab", "--no-tls", "--no-dtls", "--no-cli", "--log-file", "stdout", "--simple-log"])
        .arg("--pidfile")
        .arg(scratch.path().join("turnserver.pid"))
        .arg("--userdb")
        .arg(scratch.path().join("turndb"));
    let process = Process::start("turnserver", &mut server.inside(&command), output);
    let address: SocketAddr = format!("{first}:3478").parse().expect("an address");
    wait::until("the server answers", seconds(15), async || {
        server.enter(|| std::net::TcpStream::connect_timeout(&address, seconds(1)).is_ok()).then_some(())
    })
    .await;
    process
}
